/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_unknown_payment.c - unknown payments on the test driver, results worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include "unknown_payment/topology.h"

typedef struct fixture {
    ks_builder *builder;
    ks_topology *topology;
    ks_test_driver *driver;
    ks_test_input *payments;
    ks_test_output *unknown;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    ks_error error = {0};

    f.builder = ks_builder_new(NULL);
    unknown_payment_topology(f.builder);
    f.topology = ks_builder_build(f.builder, &error);
    if (f.topology == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    f.driver = ks_test_driver_new(f.topology, NULL, NULL, &error);
    if (f.driver == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    f.payments = ks_test_driver_input(f.driver, UNKNOWN_PAYMENT_INPUT, &ks_serde_string,
                                      &ks_serde_string, 5000, 1);
    f.unknown =
        ks_test_driver_output(f.driver, UNKNOWN_PAYMENT_OUTPUT, &ks_serde_string, &ks_serde_string);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    ks_test_driver_free(f->driver);
    ks_topology_free(f->topology);
    ks_builder_free(f->builder);
    return 0;
}

static void pipe_payment(fixture *f, ks_value key, ks_value value)
{
    ks_error error = {0};

    if (ks_test_input_pipe(f->payments, key, value, &error) != KS_OK) {
        fail_msg("%s: %s", error.where, error.message);
    }
}

static void assert_next(fixture *f, const char *value, int64_t timestamp, ks_record *record)
{
    ks_error error = {0};

    if (!ks_test_output_read(f->unknown, record, &error)) {
        fail_msg("no record where one was expected: %s", error.message);
    }
    assert_true(ks_value_equal(record->key, ks_text_of("unknown")));
    assert_true(ks_value_equal(record->value, ks_text_of(value)));
    assert_int_equal(record->timestamp, timestamp);
}

static void only_payments_with_the_key_unknown_pass(void **state)
{
    fixture *f = *state;
    ks_record record;

    pipe_payment(f, ks_text_of("customer-1"), ks_text_of("10"));
    pipe_payment(f, ks_text_of("unknown"), ks_text_of("20"));
    pipe_payment(f, ks_text_of("customer-2"), ks_text_of("30"));
    pipe_payment(f, ks_text_of("unknown"), ks_text_of("40"));
    assert_next(f, "20", 5001, &record);
    assert_next(f, "40", 5003, &record);
    assert_int_equal(ks_test_output_size(f->unknown), 0);
}

static void keys_that_only_resemble_unknown_do_not_pass(void **state)
{
    fixture *f = *state;

    pipe_payment(f, ks_text_of("Unknown"), ks_text_of("1"));
    pipe_payment(f, ks_text_of("unknown "), ks_text_of("2"));
    pipe_payment(f, ks_text_of("unknow"), ks_text_of("3"));
    pipe_payment(f, ks_text_of(""), ks_text_of("4"));
    pipe_payment(f, ks_null(), ks_text_of("unknown"));
    assert_int_equal(ks_test_output_size(f->unknown), 0);
    assert_int_equal(ks_test_driver_topic_count(f->driver), 0);
}

static void a_payment_leaves_with_the_headers_and_the_time_it_came_with(void **state)
{
    fixture *f = *state;
    ks_arena *arena = ks_arena_new();
    ks_error error = {0};
    ks_record record;
    ks_slice bank = ks_slice_null();
    const ks_headers *headers =
        ks_headers_with(arena, NULL, ks_slice_cstr("bank"), ks_slice_cstr("north"));
    const ks_record payment = {
        .key = ks_text_of("unknown"), .value = ks_null(), .timestamp = 77, .headers = headers};

    assert_int_equal(ks_test_input_pipe_record(f->payments, &payment, &error), KS_OK);
    assert_true(ks_test_output_read(f->unknown, &record, &error));
    assert_true(ks_value_is_null(record.value));
    assert_int_equal(record.timestamp, 77);
    assert_int_equal(ks_headers_count(record.headers), 1);
    assert_true(ks_headers_last(record.headers, "bank", &bank));
    assert_true(ks_slice_equal(bank, ks_slice_cstr("north")));
    ks_arena_free(arena);
}

static void it_has_no_store_and_is_described_as_java_describes_it(void **state)
{
    fixture *f = *state;

    assert_int_equal(ks_test_driver_store_count(f->driver), 0);
    assert_string_equal(ks_topology_describe(f->topology),
                        "Topologies:\n"
                        "   Sub-topology: 0\n"
                        "    Source: KSTREAM-SOURCE-0000000000 (topics: [payment])\n"
                        "      --> KSTREAM-FILTER-0000000001\n"
                        "    Processor: KSTREAM-FILTER-0000000001 (stores: [])\n"
                        "      --> KSTREAM-SINK-0000000002\n"
                        "      <-- KSTREAM-SOURCE-0000000000\n"
                        "    Sink: KSTREAM-SINK-0000000002 (topic: unknown-payment)\n"
                        "      <-- KSTREAM-FILTER-0000000001\n"
                        "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_payments_with_the_key_unknown_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_that_only_resemble_unknown_do_not_pass, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_payment_leaves_with_the_headers_and_the_time_it_came_with,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_has_no_store_and_is_described_as_java_describes_it,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
