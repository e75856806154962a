/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_suppress.c - what a suppressed table is made of, how it is read, and which calls make none.
 */
#include "dsl/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>

static ks_value newest(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user)
{
    (void)ctx;
    (void)aggregate;
    (void)user;
    return value;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void a_suppressed_table_needs_the_rows_above_it_and_always_sends_old_values(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *in = ks_builder_table(b, "in", NULL, NULL);
    ks_table *held =
        ks_table_suppress(in, KS_SUPPRESSED(.until = KS_UNTIL_TIME_LIMIT, .time_limit_ms = 5));
    assert_true(in->table->send_old_values);
    assert_string_equal(in->table->store, "in-STATE-STORE-0000000000");
    assert_true(ksi_table_send_old_values(held, false));
    assert_null(held->table->store);
    assert_string_equal(held->name, "KTABLE-SUPPRESS-0000000003");
    assert_string_equal(held->buffer, "KTABLE-SUPPRESS-STATE-STORE-0000000004");
    assert_null(ks_table_queryable_store_name(held));
    ks_builder_free(b);
}

static void a_name_uses_up_no_number(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *in = ks_builder_table(b, "in", NULL, NULL);
    int before = b->next_number;
    ks_table *held =
        ks_table_suppress(in, KS_SUPPRESSED(.name = "wait", .until = KS_UNTIL_TIME_LIMIT));
    assert_int_equal(b->next_number, before);
    assert_string_equal(held->name, "wait");
    assert_string_equal(held->buffer, "wait-store");
    ks_builder_free(b);
}

static void who_reads_a_suppressed_table_is_connected_to_buffer_and_rows(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *in = ks_builder_table(b, "in", NULL, KS_MATERIALIZED(.name = "rows"));
    ks_table *held =
        ks_table_suppress(in, KS_SUPPRESSED(.name = "wait", .until = KS_UNTIL_TIME_LIMIT));
    ksi_plan_node *reader = ksi_add_plan_node(b, "reader", ksi_plan_write_processor);
    ksi_connect_view(reader, &b->arena, ksi_table_read(held));
    assert_int_equal(reader->stores.count, 2);
    assert_string_equal(reader->stores.items[0].name, "wait-store");
    assert_string_equal(reader->stores.items[1].name, "rows");
    ks_builder_free(b);
}

static ks_table *in_windows(ks_builder *b, const char *topic, int64_t grace_ms)
{
    ks_grouped_stream *grouped = ks_stream_group_by_key(ks_builder_stream(b, topic, NULL), NULL);
    return ks_windowed_stream_reduce(
        ks_grouped_stream_windowed_by(grouped, ks_tumbling_windows(10, grace_ms)), newest, NULL,
        NULL);
}

static void final_results_wait_for_the_grace_of_the_windows(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *counts = in_windows(b, "in", 7);
    ks_table *held = ks_table_suppress(ks_table_suppress(counts, KS_SUPPRESSED(.name = "first")),
                                       KS_SUPPRESSED(.name = "second"));
    const ksi_suppress *config = held->node->processor.config;
    assert_true(config->until_window_closes);
    assert_int_equal(config->wait_ms, 7);
    ks_builder_free(b);
}

/* ---- calls that make none -------------------------------------------------------------------- */

typedef struct refusal {
    ks_suppressed options;
    ks_status code;
    const char *says;
} refusal;

static void assert_refused(ks_builder *b, ks_status code, const char *says)
{
    ks_error error = {0};
    assert_null(ks_builder_build(b, &error));
    assert_int_equal(error.code, code);
    assert_non_null(strstr(error.message, says));
    ks_builder_free(b);
}

static void what_cannot_be_held_back_is_refused(void **state)
{
    static const ks_topic_config settings[] = {{.name = "retention.ms", .value = "1"},
                                               {.name = NULL}};
    const refusal refusals[] = {
        {*KS_SUPPRESSED(.until = KS_UNTIL_WINDOW_CLOSES), KS_E_TOPOLOGY, "only windows close"},
        {*KS_SUPPRESSED(.until = KS_UNTIL_WINDOW_CLOSES, .max_records = 1), KS_E_ARGUMENT,
         "no final result"},
        {*KS_SUPPRESSED(.until = KS_UNTIL_WINDOW_CLOSES, .time_limit_ms = 1), KS_E_ARGUMENT,
         "time_limit_ms"},
        {*KS_SUPPRESSED(.until = KS_UNTIL_TIME_LIMIT, .max_bytes = -1), KS_E_ARGUMENT, "negative"},
        {*KS_SUPPRESSED(.until = (ks_suppress_until)7), KS_E_ARGUMENT, "until"},
        {*KS_SUPPRESSED(.until = KS_UNTIL_TIME_LIMIT, .logging_disabled = true,
                        .changelog_config = settings),
         KS_E_ARGUMENT, "changelog_config"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        ks_builder *b = ks_builder_new(NULL);
        ks_table *held =
            ks_table_suppress(ks_builder_table(b, "in", NULL, NULL), &refusals[i].options);
        assert_ptr_equal(held, &b->inert_table);
        assert_refused(b, refusals[i].code, refusals[i].says);
    }
}

static void a_table_of_versions_is_refused(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *in = ks_builder_table(b, "in", NULL,
                                    KS_MATERIALIZED(.name = "rows", .type = KS_STORE_VERSIONED));
    (void)ks_table_suppress(in, KS_SUPPRESSED(.until = KS_UNTIL_TIME_LIMIT));
    assert_refused(b, KS_E_TOPOLOGY, "versioned");
}

static void options_are_needed(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    (void)ks_table_suppress(ks_builder_table(b, "in", NULL, NULL), NULL);
    assert_refused(b, KS_E_ARGUMENT, "NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_suppressed_table_needs_the_rows_above_it_and_always_sends_old_values),
        cmocka_unit_test(a_name_uses_up_no_number),
        cmocka_unit_test(who_reads_a_suppressed_table_is_connected_to_buffer_and_rows),
        cmocka_unit_test(final_results_wait_for_the_grace_of_the_windows),
        cmocka_unit_test(what_cannot_be_held_back_is_refused),
        cmocka_unit_test(a_table_of_versions_is_refused),
        cmocka_unit_test(options_are_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
