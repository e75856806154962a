/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_payments.c - what merchants took, from documents and from structs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "payments.h"
#include "rig.h"

static const char document[] =
    "{\"id\":\"p-1\",\"merchant\":{\"id\":\"m-7\"},\"amount\":12.5,\"currency\":\"EUR\","
    "\"paidAt\":\"2026-05-21T21:48:15.989+09:00\",\"payoutDate\":\"2026-05-22\","
    "\"items\":[{\"sku\":\"tea\"},{\"sku\":\"cup\",\"quantity\":2}],\"terminal\":\"t-3\"}";

static void a_document_becomes_a_struct_and_is_printed_again(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    ks_value value;
    ks_slice printed;

    assert_int_equal(payment_serde.deserialize(&payment_serde, NULL, ks_slice_cstr(document), arena,
                                               &value, NULL),
                     KS_OK);
    const payment *p = ks_value_object(value, &payment_serde);
    assert_int_equal(p->amount, 1250);
    assert_int_equal(p->currency, CURRENCY_EUR);
    assert_false(p->has_rating);
    assert_int_equal(p->items[1].quantity, 2);
    assert_int_equal(payment_serde.serialize(&payment_serde, NULL, value, arena, &printed, NULL),
                     KS_OK);
    assert_string_equal(
        ks_text_cstr(arena, printed),
        "{\"id\":\"p-1\",\"merchant\":{\"id\":\"m-7\"},\"amount\":12.50,\"currency\":\"EUR\","
        "\"paidAt\":\"2026-05-21T12:48:15.989Z\",\"payoutDate\":\"2026-05-22\",\"online\":false,"
        "\"items\":[{\"sku\":\"tea\",\"quantity\":1},{\"sku\":\"cup\",\"quantity\":2}]}");
    ks_arena_free(arena);
}

static void takings_add_up(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};
    ks_record record;
    ks_arena *arena = ks_arena_new();
    ks_value value;

    rig_open(&r, payments_topology, NULL, NULL);
    ks_test_input *payments =
        ks_test_driver_input(r.driver, "payments", &ks_serde_string, &payment_serde, 0, 1);
    ks_test_output *output =
        ks_test_driver_output(r.driver, "takings", &ks_serde_string, &takings_serde);
    payment *p = ks_object_new(arena, &payment_serde, sizeof *p, &value);
    *p = (payment){.id = ks_slice_cstr("p-2"),
                   .merchant = {.id = ks_slice_cstr("m-7")},
                   .amount = 5,
                   .items = &(payment_item){.sku = ks_slice_cstr("tea")}};
    rig_pipe(payments, ks_null(), value);
    rig_pipe(payments, ks_null(), value);
    rig_pipe(payments, ks_null(), ks_null());

    const takings *t = NULL;
    for (int64_t payments_so_far = 1; payments_so_far <= 2; payments_so_far++) {
        assert_true(ks_test_output_read(output, &record, &error));
        assert_true(ks_value_equal(record.key, ks_text_of("m-7")));
        t = ks_value_object(record.value, &takings_serde);
        assert_int_equal(t->payments, payments_so_far);
    }
    assert_int_equal(t->total, 10);
    rig_expect_end(output);
    rig_close(&r);
    ks_arena_free(arena);
}

static void what_is_no_payment_is_an_error_with_its_place(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};
    ks_log_record record = {
        .value = ks_slice_cstr("{\"id\":\"p-3\",\"items\":[{\"sku\":\"tea\",\"quantity\":1.5}]}")};

    rig_open(&r, payments_topology, NULL, NULL);
    assert_int_equal(ks_test_driver_pipe(r.driver, "payments", &record, &error), KS_E_SERDE);
    assert_non_null(strstr(error.message, "payment: items[0].quantity at byte 45: "
                                          "1.5 is not a whole number"));
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_becomes_a_struct_and_is_printed_again),
        cmocka_unit_test(takings_add_up),
        cmocka_unit_test(what_is_no_payment_is_an_error_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
