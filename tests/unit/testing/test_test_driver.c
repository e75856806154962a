/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_test_driver.c - the handles of a test driver, and what it says of topics and stores. That
 * its loop is Java's is shown by the conformance scenarios.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct fixture {
    ks_topology *topology;
    ks_test_driver *driver;
} fixture;

/* Counts the texts of "in" in the store "counts" and writes the counts to "out". */
static int start(void **state)
{
    static fixture self;
    ks_error error = {0};
    const ks_serde *text = &ks_serde_string;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_table *counts = ks_grouped_stream_count(ks_stream_group_by_key(in, NULL),
                                               KS_MATERIALIZED(.name = "counts"));
    ks_stream_to(ks_table_to_stream(counts, NULL), "out", NULL);
    self.topology = ks_builder_build(b, &error);
    ks_builder_free(b);
    self.driver = ks_test_driver_new(self.topology, NULL, NULL, &error);
    *state = &self;
    return self.driver != NULL ? 0 : -1;
}

static int stop(void **state)
{
    fixture *self = *state;
    ks_test_driver_free(self->driver);
    ks_topology_free(self->topology);
    return 0;
}

static void pipe_a(ks_test_input *input)
{
    ks_error error = {0};
    assert_int_equal(ks_test_input_pipe(input, ks_text_of("a"), ks_text_of("x"), &error), KS_OK);
}

static void an_input_stamps_records_with_a_time_of_its_own(void **state)
{
    const fixture *self = *state;
    const ks_serde *text = &ks_serde_string;
    const int64_t expected[] = {100, 110, 1120, 5};
    ks_error error = {0};
    ks_record record;
    ks_test_input *first = ks_test_driver_input(self->driver, "in", text, text, 100, 10);
    ks_test_input *second = ks_test_driver_input(self->driver, "in", text, text, 5, 0);
    ks_test_output *out = ks_test_driver_output(self->driver, "out", text, &ks_serde_i64);
    pipe_a(first);
    pipe_a(first);
    ks_test_input_advance_time(first, 1000);
    pipe_a(first);
    const ks_record other = {.key = ks_text_of("b"), .value = ks_text_of("x"), .timestamp = 5};
    assert_int_equal(ks_test_input_pipe_record(second, &other, &error), KS_OK);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(ks_test_output_read(out, &record, &error));
        assert_int_equal(record.timestamp, expected[i]);
    }
    assert_false(ks_test_output_read(out, &record, &error));
    assert_int_equal(error.code, KS_OK);
}

static void topics_and_stores_are_told_in_the_order_of_their_names(void **state)
{
    const fixture *self = *state;
    const ks_serde *text = &ks_serde_string;
    assert_int_equal(ks_test_driver_topic_count(self->driver), 0);
    pipe_a(ks_test_driver_input(self->driver, "in", text, text, 0, 0));
    assert_int_equal(ks_test_driver_topic_count(self->driver), 2);
    assert_string_equal(ks_test_driver_topic_name(self->driver, 0), "out");
    assert_string_equal(ks_test_driver_topic_name(self->driver, 1), "test-counts-changelog");
    assert_null(ks_test_driver_topic_name(self->driver, 2));
    assert_int_equal(ks_test_driver_produced_count(self->driver, "in"), 0);
    assert_int_equal(ks_test_driver_store_count(self->driver), 1);
    assert_string_equal(ks_test_driver_store_name(self->driver, 0), "counts");
    assert_null(ks_test_driver_store_name(self->driver, 1));
    assert_non_null(ks_test_driver_key_value_store(self->driver, "counts"));
    assert_null(ks_test_driver_key_value_store(self->driver, "other"));
}

static void what_the_serdes_cannot_read_is_told_and_stays(void **state)
{
    const fixture *self = *state;
    const ks_serde *text = &ks_serde_string;
    ks_error error = {0};
    ks_record record;
    pipe_a(ks_test_driver_input(self->driver, "in", text, text, 0, 0));
    ks_test_output *wrong = ks_test_driver_output(self->driver, "out", text, &ks_serde_i32);
    assert_false(ks_test_output_read(wrong, &record, &error));
    assert_int_equal(error.code, KS_E_SERDE);
    assert_non_null(strstr(error.message, "the value of record 0 of topic out"));
    assert_int_equal(ks_test_output_size(wrong), 1);
}

static void what_makes_no_sense_is_refused(void **state)
{
    const fixture *self = *state;
    ks_error error = {0};
    const ks_log_record record = {.key = ks_slice_cstr("a"), .value = ks_slice_cstr("x")};
    assert_int_equal(ks_test_driver_pipe(self->driver, "out", &record, &error), KS_E_ARGUMENT);
    assert_string_equal(error.where, "out");
    assert_int_equal(ks_test_driver_advance_wall_clock(self->driver, -1, &error), KS_E_ARGUMENT);
    assert_int_equal(ks_test_driver_advance_wall_clock(self->driver, 0, &error), KS_OK);
}

static void what_is_missing_is_told_instead_of_read(void **state)
{
    const fixture *self = *state;
    ks_test_driver *driver = self->driver;
    ks_error error = {0};
    ks_record record;
    assert_null(ks_test_driver_new(NULL, NULL, NULL, &error));
    assert_string_equal(error.where, "topology");

    ks_test_input *bare = ks_test_driver_input(driver, "in", NULL, NULL, 0, 1);
    assert_int_equal(ks_test_input_pipe(bare, ks_null(), ks_null(), &error), KS_OK);
    assert_int_equal(ks_test_input_pipe(bare, ks_null(), ks_text_of("x"), &error), KS_E_ARGUMENT);
    assert_non_null(strstr(error.message, "value serde"));
    ks_test_input *nowhere = ks_test_driver_input(driver, NULL, NULL, NULL, 0, 1);
    assert_int_equal(ks_test_input_pipe(nowhere, ks_null(), ks_null(), &error), KS_E_ARGUMENT);

    const ks_serde *text = &ks_serde_string;
    pipe_a(ks_test_driver_input(driver, "in", text, text, 0, 0));
    ks_test_output *out = ks_test_driver_output(driver, "out", text, NULL);
    assert_false(ks_test_output_read(out, &record, &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    assert_string_equal(error.where, "out");
    assert_int_equal(ks_test_output_size(out), 1);
    assert_int_equal(ks_test_driver_produced_count(driver, NULL), 0);
    assert_null(ks_test_driver_key_value_store(driver, NULL));
}

static ks_value text_of_a_number(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_text(ks_value_text(record->value)); /* it is an integer */
}

/* The cache holds nothing, so that the row goes to the node below within the call that writes. */
static void a_write_that_makes_a_node_ask_for_another_kind_fails(void **state)
{
    (void)state;
    ks_error error = {0};
    const ks_serde *text = &ks_serde_string;
    ks_config *config = ks_config_new();
    assert_int_equal(ks_config_set(config, "statestore.cache.max.bytes", "1", &error), KS_OK);
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_table *counts = ks_grouped_stream_count(ks_stream_group_by_key(in, NULL),
                                               KS_MATERIALIZED(.name = "counts"));
    ks_stream *texts = ks_stream_map_values(ks_table_to_stream(counts, NULL), text_of_a_number,
                                            NULL, KS_NAMED(.name = "wrong"));
    ks_stream_to(texts, "out", KS_PRODUCED(.key = text, .value = text));
    ks_topology *topology = ks_builder_build(b, &error);
    ks_builder_free(b);
    ks_test_driver *driver = ks_test_driver_new(topology, config, NULL, &error);
    assert_non_null(driver);
    ks_key_value_store *store = ks_test_driver_key_value_store(driver, "counts");
    assert_int_not_equal(ks_key_value_store_put(store, ks_text_of("a"), ks_i64(1), &error), KS_OK);
    assert_string_equal(error.where, "wrong");
    assert_int_equal(ks_test_driver_produced_count(driver, "out"), 0);
    ks_test_driver_free(driver);
    ks_topology_free(topology);
    ks_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_input_stamps_records_with_a_time_of_its_own, start,
                                        stop),
        cmocka_unit_test_setup_teardown(topics_and_stores_are_told_in_the_order_of_their_names,
                                        start, stop),
        cmocka_unit_test_setup_teardown(what_the_serdes_cannot_read_is_told_and_stays, start, stop),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(what_is_missing_is_told_instead_of_read, start, stop),
        cmocka_unit_test(a_write_that_makes_a_node_ask_for_another_kind_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
