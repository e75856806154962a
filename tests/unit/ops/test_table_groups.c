/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_table_groups.c - grouping a table: which groups a change concerns, and what aggregates make
 * of what enters and leaves.
 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const harness_options texts = {
    .children = 1, .store = "rows", .store_value = &ks_serde_string};
static const harness_options numbers = {
    .children = 1, .store = "rows", .store_value = &ks_serde_i64};
static const harness_options without_store = {.children = 1};

/* ---- grouping -------------------------------------------------------------------------------- */

/* "g:v": v in the group g; without a colon it is in none; "g:" has no value; "?" fails. */
static ks_pair by_prefix(ks_ctx *ctx, const ks_record *record, void *user)
{
    ks_slice text = ks_value_text(record->value);
    (void)user;
    ks_pair pair = {.key = ks_null(), .value = record->value};
    if (text.data[0] == '?') {
        ks_ctx_fail(ctx, "what?");
    }
    if (text.size >= 2 && text.data[1] == ':') {
        ks_slice value = ks_slice_of(text.data + 2, text.size - 2);
        pair.key = ks_text(ks_slice_of(text.data, 1));
        pair.value = value.size > 0 ? ks_text(value) : ks_null();
    }
    return pair;
}

static void start_grouping(harness *h, ks_pair_mapper_fn *map)
{
    static ksi_table_group_by config;
    harness_start(h, &without_store);
    config = (ksi_table_group_by){.map = map};
    harness_run(h, ksi_op_table_group_by(&config));
}

static void a_row_that_stays_in_its_group_is_one_record(void **state)
{
    (void)state;
    harness h;
    start_grouping(&h, by_prefix);
    harness_feed_change(&h, "k", "g:2", "g:1", 7);
    assert_string_equal(harness_trace(&h), "0:g=2<-1@7 ");
    harness_stop(&h);
}

static void a_row_that_changes_its_group_leaves_first(void **state)
{
    (void)state;
    harness h;
    start_grouping(&h, by_prefix);
    harness_feed_change(&h, "k", "g:1", NULL, 1);
    harness_feed_change(&h, "k", "h:2", "g:1", 2);
    harness_feed_change(&h, "k", NULL, "h:2", 3);
    harness_feed_change(&h, "k", NULL, NULL, 4);
    assert_string_equal(harness_trace(&h),
                        "0:g=1<-null@1 0:g=null<-1@2 0:h=2<-null@2 0:h=null<-2@3 ");
    harness_stop(&h);
}

static void a_row_without_group_or_value_is_in_none_and_not_counted(void **state)
{
    (void)state;
    harness h;
    start_grouping(&h, by_prefix);
    harness_feed_change(&h, "k", "nowhere", "g:1", 1);
    harness_feed_change(&h, "k", "g:", "nowhere", 2);
    harness_feed_change(&h, "k", "g:2", "g:", 3);
    assert_string_equal(harness_trace(&h), "0:g=null<-1@1 0:g=2<-null@3 ");
    assert_int_equal(h.ctx.dropped, 0);
    harness_stop(&h);
}

static void members_of_a_version_before_3_5_get_two_records(void **state)
{
    (void)state;
    static const char *const versions[] = {"2.4", "3.4", "3.5", "4.0"};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        harness h;
        const ksi_table_group_by config = {.map = by_prefix};
        harness_start(&h, &(harness_options){.children = 1, .upgrade_from = versions[i]});
        harness_run(&h, ksi_op_table_group_by(&config));
        harness_feed_change(&h, "k", "g:2", "g:1", 7);
        assert_string_equal(harness_trace(&h),
                            i < 2 ? "0:g=null<-1@7 0:g=2<-null@7 " : "0:g=2<-1@7 ");
        harness_stop(&h);
    }
}

static ks_pair by_own_bytes(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return (ks_pair){.key = ks_bytes(ks_value_text(record->value)), .value = record->value};
}

static void equal_bytes_are_the_same_group_only_where_they_are_one(void **state)
{
    (void)state;
    static const char same[] = "g";
    char other[] = "g";
    harness h;
    start_grouping(&h, by_own_bytes);
    harness_feed_change(&h, "k", same, same, 1);
    harness_feed_change(&h, "k", same, other, 2);
    assert_string_equal(harness_trace(&h),
                        "0:hex:67=g<-g@1 0:hex:67=null<-g@2 0:hex:67=g<-null@2 ");
    harness_stop(&h);
}

static void a_grouped_record_without_key_fails(void **state)
{
    (void)state;
    harness h;
    start_grouping(&h, by_prefix);
    harness_feed_change(&h, NULL, "g:1", NULL, 1);
    assert_string_equal(harness_trace(&h), "");
    assert_int_equal(h.ctx.failure, KSI_FAILURE_RAISED);
    harness_stop(&h);
}

static void a_grouping_that_fails_for_either_half_forwards_nothing(void **state)
{
    (void)state;
    const char *const halves[][2] = {{"?", "g:1"}, {"g:1", "?"}};
    for (size_t i = 0; i < 2; i++) {
        harness h;
        start_grouping(&h, by_prefix);
        harness_feed_change(&h, "k", halves[i][0], halves[i][1], 1);
        assert_string_equal(harness_trace(&h), "");
        assert_int_equal(h.ctx.failure, KSI_FAILURE_RAISED);
        harness_stop(&h);
    }
}

/* ---- aggregating ----------------------------------------------------------------------------- */

static void a_count_goes_up_and_down_and_stays_at_0(void **state)
{
    (void)state;
    static const ksi_table_aggregate count = {.table = {.store = "rows", .send_old_values = true}};
    harness h;
    harness_start(&h, &numbers);
    harness_run(&h, ksi_op_table_aggregate(&count));
    harness_feed_change(&h, "g", "x", NULL, 5);
    harness_feed_change(&h, "g", "y", NULL, 3);
    harness_feed_change(&h, "g", "z", "y", 9);
    harness_feed_change(&h, "g", NULL, "x", 4);
    harness_feed_change(&h, "g", NULL, "z", 10);
    assert_string_equal(harness_trace(&h),
                        "0:g=1<-null@5 0:g=2<-1@5 0:g=2<-2@9 0:g=1<-2@9 0:g=0<-1@10 ");
    harness_stop(&h);
}

static ks_value with(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user)
{
    (void)user;
    ks_slice a = ks_value_text(aggregate);
    ks_slice b = ks_value_text(value);
    return ks_text(
        ks_text_format(ks_ctx_arena(ctx), "%.*s+%.*s", (int)a.size, a.data, (int)b.size, b.data));
}

/* Null when the aggregate is all that is taken out; fails at "?". */
static ks_value without(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user)
{
    (void)user;
    ks_slice a = ks_value_text(aggregate);
    ks_slice b = ks_value_text(value);
    if (b.data[0] == '?') {
        ks_ctx_fail(ctx, "what?");
    }
    return ks_slice_equal(a, b) ? ks_null()
                                : ks_text(ks_text_format(ks_ctx_arena(ctx), "%.*s-%.*s",
                                                         (int)a.size, a.data, (int)b.size, b.data));
}

static const ksi_table_aggregate reduce = {.table = {.store = "rows", .send_old_values = true},
                                           .reduce_add = with,
                                           .reduce_subtract = without};

static void a_reduce_subtracts_then_adds(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, &texts);
    harness_run(&h, ksi_op_table_aggregate(&reduce));
    harness_feed_change(&h, "g", "a", NULL, 5);
    harness_feed_change(&h, "g", "b", NULL, 3);
    harness_feed_change(&h, "g", "c", "b", 6);
    assert_string_equal(harness_trace(&h), "0:g=a<-null@5 0:g=a+b<-a@5 0:g=a+b-b+c<-a+b@6 ");
    harness_stop(&h);
}

static void a_group_begins_again_after_its_last_row_left(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, &texts);
    harness_run(&h, ksi_op_table_aggregate(&reduce));
    harness_feed_change(&h, "g", "a", NULL, 5);
    harness_feed_change(&h, "g", NULL, "a", 3);
    harness_feed_change(&h, "g", "b", NULL, 2);
    harness_feed_change(&h, "g", "c", "b", 1); /* the aggregate is gone in between */
    assert_string_equal(harness_trace(&h), "0:g=a<-null@5 0:g=null<-a@5 0:g=b<-null@2 0:g=c<-b@2 ");
    harness_stop(&h);
}

static void nothing_is_subtracted_from_a_group_that_is_not_there(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, &texts);
    harness_run(&h, ksi_op_table_aggregate(&reduce));
    harness_feed_change(&h, "g", NULL, "?", 5);
    harness_feed_change(&h, "g", "a", "?", 4);
    assert_string_equal(harness_trace(&h), "0:g=null<-null@5 0:g=a<-null@4 ");
    harness_stop(&h);
}

static void a_subtractor_that_fails_changes_nothing(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, &texts);
    harness_run(&h, ksi_op_table_aggregate(&reduce));
    harness_feed_change(&h, "g", "a", NULL, 5);
    harness_feed_change(&h, "g", "b", "?", 6);
    assert_string_equal(harness_trace(&h), "0:g=a<-null@5 ");
    assert_int_equal(h.ctx.failure, KSI_FAILURE_RAISED);
    ksi_row row;
    bool found = false;
    assert_int_equal(ksi_key_value_store_read(ksi_key_value_store_of(h.store), ks_slice_cstr("g"),
                                              &row, &found, NULL),
                     KS_OK);
    assert_true(found && ks_slice_equal(row.value, ks_slice_cstr("a")));
    harness_stop(&h);
}

static void a_reduce_without_key_fails(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, &texts);
    harness_run(&h, ksi_op_table_aggregate(&reduce));
    harness_feed_change(&h, NULL, "a", NULL, 5);
    assert_int_equal(h.ctx.failure, KSI_FAILURE_RAISED);
    assert_string_equal(harness_trace(&h), "");
    harness_stop(&h);
}

static ks_value opening(ks_ctx *ctx, void *user)
{
    (void)ctx;
    return ks_text_of(user);
}

static ks_value add(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    assert_string_equal(ks_text_cstr(ks_ctx_arena(ctx), ks_value_text(record->key)), "g");
    return with(ctx, aggregate, record->value, user);
}

static ks_value subtract(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    return without(ctx, aggregate, record->value, user);
}

static void an_aggregate_begins_with_the_initializer_and_sees_each_value_in_a_record(void **state)
{
    (void)state;
    static char nothing[] = "0";
    static const ksi_table_aggregate aggregate = {
        .table = {.store = "rows", .send_old_values = true},
        .initialize = opening,
        .add = add,
        .subtract = subtract,
        .user = nothing};
    harness h;
    harness_start(&h, &texts);
    harness_run(&h, ksi_op_table_aggregate(&aggregate));
    harness_feed_change(&h, "g", "a", "before", 5); /* nothing to subtract from */
    harness_feed_change(&h, "g", "b", "a", 6);
    assert_string_equal(harness_trace(&h), "0:g=0+a<-null@5 0:g=0+a-a+b<-0+a@6 ");
    harness_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_that_stays_in_its_group_is_one_record),
        cmocka_unit_test(a_row_that_changes_its_group_leaves_first),
        cmocka_unit_test(a_row_without_group_or_value_is_in_none_and_not_counted),
        cmocka_unit_test(members_of_a_version_before_3_5_get_two_records),
        cmocka_unit_test(equal_bytes_are_the_same_group_only_where_they_are_one),
        cmocka_unit_test(a_grouped_record_without_key_fails),
        cmocka_unit_test(a_grouping_that_fails_for_either_half_forwards_nothing),
        cmocka_unit_test(a_count_goes_up_and_down_and_stays_at_0),
        cmocka_unit_test(a_reduce_subtracts_then_adds),
        cmocka_unit_test(a_group_begins_again_after_its_last_row_left),
        cmocka_unit_test(nothing_is_subtracted_from_a_group_that_is_not_there),
        cmocka_unit_test(a_subtractor_that_fails_changes_nothing),
        cmocka_unit_test(a_reduce_without_key_fails),
        cmocka_unit_test(an_aggregate_begins_with_the_initializer_and_sees_each_value_in_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
