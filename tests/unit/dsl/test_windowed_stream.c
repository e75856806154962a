/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_windowed_stream.c - windows that make no sense, stores of windowed tables, and what the plan
 * knows of them. Names and numbers stand in recorded scenarios.
 */
#include "dsl/builder.h"
#include "serde/windowed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>

/* ---- callbacks: never run here --------------------------------------------------------------- */

static ks_value first_of(ks_ctx *ctx, void *user)
{
    (void)ctx;
    (void)user;
    return ks_null();
}

static ks_value add_up(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    (void)ctx;
    (void)record;
    (void)user;
    return aggregate;
}

static ks_value merge(ks_ctx *ctx, ks_value key, ks_value aggregate, ks_value other, void *user)
{
    (void)ctx;
    (void)key;
    (void)other;
    (void)user;
    return aggregate;
}

/* ---- a builder with a grouping --------------------------------------------------------------- */

static int set_up(void **state)
{
    *state = ks_builder_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    ks_builder_free(*state);
    return 0;
}

static ks_grouped_stream *group(ks_builder *builder)
{
    ks_stream *in = ks_builder_stream(
        builder, "in", KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string));
    return ks_stream_group_by_key(in, NULL);
}

static ks_windowed_stream *in_windows(ks_builder *builder, ks_windows windows)
{
    return ks_grouped_stream_windowed_by(group(builder), windows);
}

/* What is built is refused for these words. */
static void assert_refused(ks_builder *builder, const char *words)
{
    ks_error error = {0};
    assert_null(ks_builder_build(builder, &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    if (strstr(error.message, words) == NULL) {
        fail_msg("'%s' is not in: %s", words, error.message);
    }
}

static void check_windows_refused(ks_windows windows, const char *words)
{
    ks_builder *builder = ks_builder_new(NULL);
    ks_table *table = ks_windowed_stream_count(in_windows(builder, windows), NULL);
    assert_non_null(ks_table_to_stream(table, NULL)); /* inert, but there */
    assert_refused(builder, words);
    ks_builder_free(builder);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void bounds_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    check_windows_refused(ks_tumbling_windows(0, 0), "size of time windows");
    check_windows_refused(ks_tumbling_windows(-5, 0), "-5 was given");
    check_windows_refused(ks_hopping_windows(10, 0, 0), "advance");
    check_windows_refused(ks_hopping_windows(10, 11, 0), "advance");
    check_windows_refused(ks_tumbling_windows(10, -1), "grace");
    check_windows_refused(ks_sliding_windows(-1, 0), "difference");
    check_windows_refused(ks_sliding_windows(1, -1), "grace");
    check_windows_refused(ks_session_windows(-1, 0), "gap");
    check_windows_refused(ks_session_windows(1, -1), "grace");
    check_windows_refused(ks_unlimited_windows(-1), "start");
    check_windows_refused((ks_windows){0}, "ks_tumbling_windows()");
}

static void unlimited_windows_cannot_be_emitted_when_they_close(void **state)
{
    ks_windowed_stream *windowed = in_windows(*state, ks_unlimited_windows(0));
    (void)ks_windowed_stream_emit_strategy(windowed, KS_EMIT_ON_WINDOW_CLOSE);
    assert_refused(*state, "never close");
}

static void a_merger_is_for_sessions_alone(void **state)
{
    ks_windowed_stream *windowed = in_windows(*state, ks_tumbling_windows(10, 0));
    (void)ks_windowed_stream_aggregate(windowed, first_of, add_up, merge, NULL, NULL);
    assert_refused(*state, "a merger is for sessions");
}

static void sessions_need_a_merger(void **state)
{
    ks_windowed_stream *windowed = in_windows(*state, ks_session_windows(10, 0));
    (void)ks_windowed_stream_aggregate(windowed, first_of, add_up, NULL, NULL, NULL);
    assert_refused(*state, "sessions need a merger");
}

static void check_retention(ks_windows windows, int64_t least)
{
    ks_builder *builder = ks_builder_new(NULL);
    (void)ks_windowed_stream_count(in_windows(builder, windows),
                                   KS_MATERIALIZED(.name = "counts", .retention_ms = least - 1));
    assert_refused(builder, "retention_ms");
    ks_builder_free(builder);

    builder = ks_builder_new(NULL);
    ks_table *table = ks_windowed_stream_count(
        in_windows(builder, windows), KS_MATERIALIZED(.name = "counts", .retention_ms = least));
    assert_int_equal(table->node->stores.items[0].spec->retention_ms, least);
    ks_builder_free(builder);

    builder = ks_builder_new(NULL);
    table = ks_windowed_stream_count(in_windows(builder, windows), NULL);
    assert_int_equal(table->node->stores.items[0].spec->retention_ms, least);
    ks_builder_free(builder);
}

static void a_retention_is_as_long_as_windows_and_grace_need_or_longer(void **state)
{
    (void)state;
    check_retention(ks_tumbling_windows(10, 3), 13);
    check_retention(ks_hopping_windows(10, 2, 0), 10);
    check_retention(ks_sliding_windows(10, 3), 23);
    check_retention(ks_session_windows(10, 3), 13);
    check_retention(ks_tumbling_windows(INT64_MAX, 3), INT64_MAX);
    check_retention(ks_sliding_windows(INT64_MAX, 3), INT64_MAX);
}

static void stores_of_other_types_are_not_for_windows(void **state)
{
    (void)ks_windowed_stream_count(
        in_windows(*state, ks_tumbling_windows(10, 0)),
        KS_MATERIALIZED(.name = "counts", .type = KS_STORE_LRU, .lru_entries = 3));
    assert_refused(*state, "KS_STORE_ROCKSDB or KS_STORE_IN_MEMORY");
}

static void a_retention_is_for_windows_alone(void **state)
{
    (void)ks_grouped_stream_count(group(*state),
                                  KS_MATERIALIZED(.name = "counts", .retention_ms = 10));
    assert_refused(*state, "retention_ms is for windowed tables");
}

static void a_negative_retention_is_refused(void **state)
{
    (void)ks_windowed_stream_count(in_windows(*state, ks_tumbling_windows(10, 0)),
                                   KS_MATERIALIZED(.name = "counts", .retention_ms = -1));
    assert_refused(*state, "retention_ms is negative");
}

static void a_windowed_table_knows_its_keys_and_its_grace(void **state)
{
    ks_table *hopping =
        ks_windowed_stream_count(in_windows(*state, ks_hopping_windows(10, 5, 3)), NULL);
    ks_table *sessions =
        ks_windowed_stream_count(in_windows(*state, ks_session_windows(10, 3)), NULL);
    ks_table *plain = ks_grouped_stream_count(group(*state), NULL);
    assert_ptr_equal(ksi_windowed_inner(hopping->key), &ks_serde_string);
    assert_int_equal(ksi_windowed_bounds_size(hopping->key), 8);
    assert_int_equal(ksi_windowed_bounds_size(sessions->key), 16);
    assert_int_equal(hopping->node->window_grace_ms, 3);
    assert_int_equal(sessions->node->window_grace_ms, 13);
    assert_int_equal(plain->node->window_grace_ms, -1);
}

static void check_caching(ks_windows windows, bool expected)
{
    ks_builder *builder = ks_builder_new(NULL);
    ks_table *table = ks_windowed_stream_count(
        ks_windowed_stream_emit_strategy(in_windows(builder, windows), KS_EMIT_ON_WINDOW_CLOSE),
        NULL);
    assert_int_equal(table->node->stores.items[0].spec->caching, expected);
    assert_true(table->node->stores.items[0].spec->by_time);
    ks_builder_free(builder);
}

static void emitting_on_close_is_cached_for_windows_of_given_starts_alone(void **state)
{
    (void)state;
    check_caching(ks_tumbling_windows(10, 0), true);
    check_caching(ks_sliding_windows(10, 0), false);
    check_caching(ks_session_windows(10, 0), false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_that_make_no_sense_are_refused),
        TEST(unlimited_windows_cannot_be_emitted_when_they_close),
        TEST(a_merger_is_for_sessions_alone),
        TEST(sessions_need_a_merger),
        cmocka_unit_test(a_retention_is_as_long_as_windows_and_grace_need_or_longer),
        TEST(stores_of_other_types_are_not_for_windows),
        TEST(a_retention_is_for_windows_alone),
        TEST(a_negative_retention_is_refused),
        TEST(a_windowed_table_knows_its_keys_and_its_grace),
        cmocka_unit_test(emitting_on_close_is_cached_for_windows_of_given_starts_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
