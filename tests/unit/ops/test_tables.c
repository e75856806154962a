/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tables.c - the operations with a store: what they keep, and when and as what an update
 * leaves them.
 */
#include "harness.h"

#include "topology/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "stored_rows.h"

/* ---- tables of a topic ----------------------------------------------------------------------- */

static const harness_options uncached = {
    .children = 1, .store = "rows", .store_value = &ks_serde_string};
static const harness_options cached = {
    .children = 1, .store = "rows", .store_value = &ks_serde_string, .cache_bytes = 10000};
static const harness_options counting = {
    .children = 1, .store = "rows", .store_value = &ks_serde_i64};
static const ksi_table_node with_old = {.store = "rows", .send_old_values = true};
static const ksi_table_node without_old = {.store = "rows"};

static void a_table_without_a_store_makes_each_record_an_update(void **state)
{
    (void)state;
    static const ksi_table_node nothing = {.store = NULL};
    harness h;
    harness_start(&h, &(harness_options){.children = 1});
    harness_run(&h, ksi_op_table_source(&nothing));
    harness_feed_text(&h, "a", "1", 1);
    harness_feed_text(&h, "a", "2", 2);
    harness_feed_text(&h, "a", NULL, 3);
    harness_feed_text(&h, NULL, "x", 4);
    assert_string_equal(harness_trace(&h), "0:a=1<-null@1 0:a=2<-null@2 0:a=null<-null@3 ");
    assert_int_equal(h.ctx.dropped, 1);
    harness_stop(&h);
}

static void a_table_forwards_the_value_before_to_who_asked_for_it(void **state)
{
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        harness h;
        harness_start(&h, &uncached);
        harness_run(&h, ksi_op_table_source(asked ? &with_old : &without_old));
        harness_feed_text(&h, "a", "1", 5);
        harness_feed_text(&h, "a", "2", 3); /* out of order: applied as it comes */
        harness_feed_text(&h, "a", NULL, 9);
        harness_feed_text(&h, "a", NULL, 10);
        assert_string_equal(
            harness_trace(&h),
            asked ? "0:a=1<-null@5 0:a=2<-1@3 0:a=null<-2@9 0:a=null<-null@10 "
                  : "0:a=1<-null@5 0:a=2<-null@3 0:a=null<-null@9 0:a=null<-null@10 ");
        harness_stop(&h);
    }
}

static void a_cached_table_forwards_the_last_update_at_the_flush(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, &cached);
    harness_run(&h, ksi_op_table_source(&with_old));
    harness_feed_text(&h, "a", "1", 5);
    harness_feed_text(&h, "b", "1", 6);
    harness_feed_text(&h, "a", "2", 7);
    harness_feed_text(&h, "c", "1", 8);
    harness_feed_text(&h, "c", NULL, 9); /* came and went */
    assert_string_equal(harness_trace(&h), "");
    harness_flush(&h);
    assert_string_equal(harness_trace(&h), "0:b=1<-null@6 0:a=2<-null@7 ");
    harness_feed_text(&h, "a", "3", 10);
    harness_feed_text(&h, "a", "4", 4);
    harness_feed_text(&h, "b", NULL, 11);
    harness_flush(&h);
    assert_string_equal(harness_trace(&h), "0:a=4<-2@4 0:b=null<-1@11 ");
    harness_flush(&h);
    assert_string_equal(harness_trace(&h), "");
    assert_null(h.ctx.context_of);
    harness_stop(&h);
}

static void an_update_from_the_cache_has_the_headers_of_its_last_write(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, &cached);
    harness_run(&h, ksi_op_table_source(&without_old));
    h.headers = ks_headers_with(&h.arena, NULL, ks_slice_cstr("h"), ks_slice_cstr("first"));
    harness_feed_text(&h, "a", "1", 5);
    h.headers = ks_headers_with(&h.arena, NULL, ks_slice_cstr("h"), ks_slice_cstr("last"));
    harness_feed_text(&h, "a", "2", 6);
    h.headers = NULL;
    ksi_arena_reset(&h.arena);
    h.ctx.record = (ksi_record_context){.topic = "other", .timestamp = 99};
    harness_flush(&h);
    assert_string_equal(harness_trace(&h), "0:a=2<-null@6+last ");
    assert_string_equal(h.ctx.record.topic, "other"); /* and the context is back */
    assert_int_equal(h.ctx.record.timestamp, 99);
    harness_stop(&h);
}

static void a_store_that_is_not_connected_is_refused_at_the_start(void **state)
{
    (void)state;
    static const ksi_table_node other = {.store = "others"};
    ks_error error = {0};
    harness h;
    harness_start(&h, &uncached);
    assert_int_equal(harness_init(&h, ksi_op_table_source(&other), &error), KS_E_STORE);
    assert_string_equal(error.where, "op");
    assert_non_null(strstr(error.message, "'others'"));
    harness_stop(&h);
}

static void a_value_of_another_kind_fails_the_record_and_names_the_node(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, &uncached);
    harness_run(&h, ksi_op_table_source(&with_old));
    harness_feed(&h, ks_text_of("a"), ks_i64(4), 1);
    assert_string_equal(harness_trace(&h), "");
    assert_int_equal(h.ctx.failure, KSI_FAILURE_RAISED);
    assert_string_equal(h.ctx.error.where, "op");
    assert_int_equal(stored_rows_count(ksi_key_value_store_of(h.store)), 0);
    harness_stop(&h);
}

/* ---- aggregates ------------------------------------------------------------------------------ */

static void count_counts_and_keeps_the_latest_time(void **state)
{
    (void)state;
    static const ksi_aggregate count = {.table = {.store = "rows", .send_old_values = true}};
    harness h;
    harness_start(&h, &counting);
    harness_run(&h, ksi_op_aggregate(&count));
    harness_feed_text(&h, "a", "x", 5);
    harness_feed_text(&h, "a", "x", 3);
    harness_feed_text(&h, "b", "x", 1);
    harness_feed_text(&h, "a", "x", 8);
    harness_feed_text(&h, NULL, "x", 9);
    harness_feed_text(&h, "a", NULL, 9);
    assert_string_equal(harness_trace(&h), "0:a=1<-0@5 0:a=2<-1@5 0:b=1<-0@1 0:a=3<-2@8 ");
    assert_int_equal(h.ctx.dropped, 2);
    harness_stop(&h);
}

static ks_value concat(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user)
{
    (void)user;
    ks_slice a = ks_value_text(aggregate);
    ks_slice b = ks_value_text(value);
    if (ks_slice_equal(b, ks_slice_cstr("!"))) {
        return ks_null();
    }
    return ks_text(
        ks_text_format(ks_ctx_arena(ctx), "%.*s%.*s", (int)a.size, a.data, (int)b.size, b.data));
}

static void reduce_starts_with_the_first_value_and_null_deletes(void **state)
{
    (void)state;
    static const ksi_aggregate reduce = {.table = {.store = "rows", .send_old_values = true},
                                         .reduce = concat};
    harness h;
    harness_start(&h, &uncached);
    harness_run(&h, ksi_op_aggregate(&reduce));
    harness_feed_text(&h, "a", "x", 5);
    harness_feed_text(&h, "a", "y", 7);
    harness_feed_text(&h, "a", "!", 2);
    harness_feed_text(&h, "a", "z", 1); /* nothing is left of the time either */
    assert_string_equal(harness_trace(&h),
                        "0:a=x<-null@5 0:a=xy<-x@7 0:a=null<-xy@7 0:a=z<-null@1 ");
    harness_stop(&h);
}

static ks_value opening(ks_ctx *ctx, void *user)
{
    (void)ctx;
    return ks_text_of(user);
}

static ks_value joined(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    (void)user;
    if (ks_slice_equal(ks_value_text(record->value), ks_slice_cstr("?"))) {
        ks_ctx_fail(ctx, "what?");
    }
    return concat(ctx, aggregate, record->value, NULL);
}

static void aggregate_begins_with_the_initializer_again_after_a_delete(void **state)
{
    (void)state;
    static char prefix[] = ">";
    static const ksi_aggregate aggregate = {.table = {.store = "rows", .send_old_values = true},
                                            .initialize = opening,
                                            .aggregate = joined,
                                            .user = prefix};
    harness h;
    harness_start(&h, &uncached);
    harness_run(&h, ksi_op_aggregate(&aggregate));
    harness_feed_text(&h, "a", "x", 5);
    harness_feed_text(&h, "a", "y", 6);
    harness_feed_text(&h, "a", "!", 7);
    harness_feed_text(&h, "a", "z", 8);
    assert_string_equal(harness_trace(&h),
                        "0:a=>x<->@5 0:a=>xy<->x@6 0:a=null<->xy@7 0:a=>z<->@8 ");
    harness_stop(&h);
}

static void an_aggregator_that_fails_changes_nothing(void **state)
{
    (void)state;
    static char prefix[] = ">";
    static const ksi_aggregate aggregate = {
        .table = {.store = "rows"}, .initialize = opening, .aggregate = joined, .user = prefix};
    harness h;
    harness_start(&h, &uncached);
    harness_run(&h, ksi_op_aggregate(&aggregate));
    harness_feed_text(&h, "a", "x", 5);
    harness_feed_text(&h, "a", "?", 6);
    assert_string_equal(harness_trace(&h), "0:a=>x<-null@5 ");
    assert_int_equal(h.ctx.failure, KSI_FAILURE_RAISED);
    ksi_row row;
    bool found = false;
    assert_int_equal(ksi_key_value_store_read(ksi_key_value_store_of(h.store), ks_slice_cstr("a"),
                                              &row, &found, NULL),
                     KS_OK);
    assert_true(found && row.value.size == 2);
    harness_stop(&h);
}

static void a_cached_aggregate_forwards_one_update_of_many(void **state)
{
    (void)state;
    static const ksi_aggregate count = {.table = {.store = "rows", .send_old_values = true}};
    harness h;
    harness_options options = counting;
    options.cache_bytes = 10000;
    harness_start(&h, &options);
    harness_run(&h, ksi_op_aggregate(&count));
    for (int i = 1; i <= 100; i++) {
        harness_feed_text(&h, "a", "x", i);
    }
    assert_string_equal(harness_trace(&h), "");
    harness_flush(&h);
    harness_feed_text(&h, "a", "x", 50);
    harness_flush(&h);
    assert_string_equal(harness_trace(&h), "0:a=100<-null@100 0:a=101<-100@100 ");
    harness_stop(&h);
}

static void a_stream_of_a_table_has_the_new_values(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, &(harness_options){.children = 1});
    harness_run(&h, ksi_op_to_stream());
    const ksi_change change = {.new_value = ks_i32(4), .old_value = ks_i32(3)};
    const ksi_change gone = {.new_value = ks_null(), .old_value = ks_i32(3)};
    harness_feed(&h, ks_i32(1), ksi_change_value(&change), 6);
    harness_feed(&h, ks_i32(1), ksi_change_value(&gone), 7);
    assert_string_equal(harness_trace(&h), "0:1=4@6 0:1=null@7 ");
    harness_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_without_a_store_makes_each_record_an_update),
        cmocka_unit_test(a_table_forwards_the_value_before_to_who_asked_for_it),
        cmocka_unit_test(a_cached_table_forwards_the_last_update_at_the_flush),
        cmocka_unit_test(an_update_from_the_cache_has_the_headers_of_its_last_write),
        cmocka_unit_test(a_store_that_is_not_connected_is_refused_at_the_start),
        cmocka_unit_test(a_value_of_another_kind_fails_the_record_and_names_the_node),
        cmocka_unit_test(count_counts_and_keeps_the_latest_time),
        cmocka_unit_test(reduce_starts_with_the_first_value_and_null_deletes),
        cmocka_unit_test(aggregate_begins_with_the_initializer_again_after_a_delete),
        cmocka_unit_test(an_aggregator_that_fails_changes_nothing),
        cmocka_unit_test(a_cached_aggregate_forwards_one_update_of_many),
        cmocka_unit_test(a_stream_of_a_table_has_the_new_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
