/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_derived_table.c - tables derived from others: what becomes of both halves of a change, and
 * how such a table is read by other nodes.
 */
#include "harness.h"

#include "ops/table_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const harness_options uncached = {
    .children = 1, .store = "rows", .store_value = &ks_serde_string};
static const harness_options cached = {
    .children = 1, .store = "rows", .store_value = &ks_serde_string, .cache_bytes = 10000};
static const harness_options without_store = {.children = 1};

/* Keeps texts that begin with "a"; fails at "?". Counts its calls in `user`, if there is one. */
static bool begins_with_a(ks_ctx *ctx, const ks_record *record, void *user)
{
    ks_slice text = ks_value_text(record->value);
    if (user != NULL) {
        ++*(int *)user;
    }
    if (text.data[0] == '?') {
        ks_ctx_fail(ctx, "what?");
    }
    return text.data[0] == 'a';
}

static ks_value shout(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    ks_slice text = ks_value_text(record->value);
    return text.size == 0 ? ks_null() : ks_text(ks_text_upper(ks_ctx_arena(ctx), text));
}

/* ---- filter ---------------------------------------------------------------------------------- */

static void a_filter_without_old_values_deletes_what_it_does_not_keep(void **state)
{
    (void)state;
    int calls = 0;
    const ksi_derived_table filter = {.keep = begins_with_a, .user = &calls};
    harness h;
    harness_start(&h, &without_store);
    harness_run(&h, ksi_op_derived_table(&filter));
    harness_feed_change(&h, "k", "abc", NULL, 1);
    harness_feed_change(&h, "k", "b", "abc", 2);
    harness_feed_change(&h, "k", NULL, "b", 3);
    assert_string_equal(harness_trace(&h), "0:k=abc<-null@1 0:k=null<-null@2 0:k=null<-null@3 ");
    assert_int_equal(calls, 2); /* never for nulls, never for old values that nobody wants */
    harness_stop(&h);
}

static void a_filter_that_knows_old_values_keeps_silent_about_rows_that_never_were(void **state)
{
    (void)state;
    const ksi_derived_table filter = {.table.send_old_values = true, .keep = begins_with_a};
    harness h;
    harness_start(&h, &without_store);
    harness_run(&h, ksi_op_derived_table(&filter));
    harness_feed_change(&h, "k", "b", NULL, 1);
    harness_feed_change(&h, "k", "a", "b", 2);
    harness_feed_change(&h, "k", "ab", "a", 3);
    harness_feed_change(&h, "k", "c", "ab", 4);
    harness_feed_change(&h, "k", NULL, "c", 5);
    assert_string_equal(harness_trace(&h), "0:k=a<-null@2 0:k=ab<-a@3 0:k=null<-ab@4 ");
    harness_stop(&h);
}

static void a_negated_filter_keeps_the_others_and_still_no_nulls(void **state)
{
    (void)state;
    const ksi_derived_table filter = {
        .table.send_old_values = true, .keep = begins_with_a, .negated = true};
    harness h;
    harness_start(&h, &without_store);
    harness_run(&h, ksi_op_derived_table(&filter));
    harness_feed_change(&h, "k", "b", NULL, 1);
    harness_feed_change(&h, "k", NULL, "b", 2);
    harness_feed_change(&h, "k", NULL, NULL, 3);
    assert_string_equal(harness_trace(&h), "0:k=b<-null@1 0:k=null<-b@2 ");
    harness_stop(&h);
}

static void a_filter_with_a_store_takes_old_values_from_there(void **state)
{
    (void)state;
    int calls = 0;
    const ksi_derived_table filter = {
        .table = {.store = "rows", .send_old_values = true}, .keep = begins_with_a, .user = &calls};
    harness h;
    harness_start(&h, &uncached);
    harness_run(&h, ksi_op_derived_table(&filter));
    harness_feed_change(&h, "k", "a", NULL, 5);
    harness_feed_change(&h, "k", "ab", "unlike the store", 3);
    harness_feed_change(&h, "k", "b", NULL, 6);
    harness_feed_change(&h, "k", "c", "a", 7);
    assert_string_equal(harness_trace(&h), "0:k=a<-null@5 0:k=ab<-a@3 0:k=null<-ab@6 ");
    assert_int_equal(calls, 4);
    harness_stop(&h);
}

static void a_predicate_that_fails_for_either_half_forwards_nothing(void **state)
{
    (void)state;
    const ksi_derived_table filter = {.table.send_old_values = true, .keep = begins_with_a};
    const char *const halves[][2] = {{"?", "a"}, {"a", "?"}};
    for (size_t i = 0; i < 2; i++) {
        harness h;
        harness_start(&h, &without_store);
        harness_run(&h, ksi_op_derived_table(&filter));
        harness_feed_change(&h, "k", halves[i][0], halves[i][1], 1);
        assert_string_equal(harness_trace(&h), "");
        assert_int_equal(h.ctx.failure, KSI_FAILURE_RAISED);
        harness_stop(&h);
    }
}

/* ---- map values ------------------------------------------------------------------------------ */

static void mapped_values_tell_the_old_one_when_it_is_wanted(void **state)
{
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        const ksi_derived_table map = {.table.send_old_values = asked != 0, .map = shout};
        harness h;
        harness_start(&h, &without_store);
        harness_run(&h, ksi_op_derived_table(&map));
        harness_feed_change(&h, "k", "a", NULL, 1);
        harness_feed_change(&h, "k", "b", "a", 2);
        harness_feed_change(&h, "k", "", "b", 3); /* a mapper may delete */
        harness_feed_change(&h, "k", NULL, NULL, 4);
        assert_string_equal(harness_trace(&h),
                            asked
                                ? "0:k=A<-null@1 0:k=B<-A@2 0:k=null<-B@3 0:k=null<-null@4 "
                                : "0:k=A<-null@1 0:k=B<-null@2 0:k=null<-null@3 0:k=null<-null@4 ");
        harness_stop(&h);
    }
}

static void mapped_values_in_a_cached_store_leave_it_once(void **state)
{
    (void)state;
    const ksi_derived_table map = {.table = {.store = "rows", .send_old_values = true},
                                   .map = shout};
    harness h;
    harness_start(&h, &cached);
    harness_run(&h, ksi_op_derived_table(&map));
    harness_feed_change(&h, "k", "a", NULL, 1);
    harness_feed_change(&h, "k", "b", "a", 2);
    assert_string_equal(harness_trace(&h), "");
    harness_flush(&h);
    harness_feed_change(&h, "k", "c", "b", 3);
    harness_feed_change(&h, "l", "x", NULL, 3);
    harness_feed_change(&h, "l", NULL, "x", 4);
    harness_flush(&h);
    assert_string_equal(harness_trace(&h), "0:k=B<-null@2 0:k=C<-B@3 ");
    harness_stop(&h);
}

static void an_outdated_change_stays_one_through_a_table_without_a_store(void **state)
{
    (void)state;
    const ksi_derived_table map = {.map = shout};
    const ksi_change outdated = {.new_value = ks_text_of("a"), .old_value = ks_null()};
    harness h;
    harness_start(&h, &without_store);
    harness_run(&h, ksi_op_derived_table(&map));
    harness_feed(&h, ks_text_of("k"), ksi_change_value(&outdated), 1);
    assert_string_equal(harness_trace(&h), "0:k=A<-null@1(outdated) ");
    harness_stop(&h);
}

/* ---- transform values ------------------------------------------------------------------------ */

/* Numbers the values it sees; a deletion becomes a row of its own. */
static ks_value number(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    int *seen = state;
    (void)user;
    ++*seen;
    if (ks_value_is_null(record->value)) {
        return ks_text(ks_text_format(ks_ctx_arena(ctx), "none%d at %lld from %s", *seen,
                                      (long long)record->timestamp,
                                      ks_ctx_topic(ctx) != NULL ? ks_ctx_topic(ctx) : "nowhere"));
    }
    ks_slice text = ks_value_text(record->value);
    return ks_text(ks_text_format(ks_ctx_arena(ctx), "%.*s%d", (int)text.size, text.data, *seen));
}

static void begin_at_100(ks_ctx *ctx, void *state, void *user)
{
    (void)ctx;
    (void)user;
    assert_int_equal(*(int *)state, 0);
    *(int *)state = 100;
}

static void count_closings(void *state, void *user)
{
    (void)state;
    ++*(int *)user;
}

static const ks_value_transformer numbering = {.struct_size = sizeof numbering,
                                               .state_size = sizeof(int),
                                               .init = begin_at_100,
                                               .transform = number,
                                               .close = count_closings};

static void a_transformer_has_a_state_and_is_asked_about_nulls(void **state)
{
    (void)state;
    int closings = 0;
    const ksi_derived_table transform = {
        .table.send_old_values = true, .transformer = &numbering, .user = &closings};
    harness h;
    harness_start(&h, &without_store);
    harness_run(&h, ksi_op_derived_table(&transform));
    harness_feed_change(&h, "k", "a", NULL, 1);
    harness_feed_change(&h, "k", NULL, "a", 2);
    assert_string_equal(harness_trace(&h),
                        "0:k=a101<-none102 at 1 from in@1 0:k=none103 at 2 from in<-a104@2 ");
    harness_stop(&h);
    assert_int_equal(closings, 1);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The row of a key as another node reads it. */
static const char *read_row(harness *h, ksi_table_reader *reader, const char *key)
{
    ksi_table_row row;
    assert_true(ksi_table_reader_get(reader, &h->ctx, ks_text_of(key), &row));
    ks_slice text = ks_value_to_text(&h->arena, row.value);
    ks_slice shown = ks_text_format(&h->arena, "%.*s@%lld%s", (int)text.size, text.data,
                                    (long long)row.timestamp, row.found ? "" : " not found");
    return ks_text_cstr(&h->arena, shown);
}

static void a_table_without_a_store_is_read_through_the_one_it_comes_from(void **state)
{
    (void)state;
    static const ksi_table_node source = {.store = "rows"};
    const ksi_derived_table filter = {.keep = begins_with_a};
    const ksi_derived_table map = {.map = shout};
    const ksi_table_view rows = {.store = "rows"};
    const ksi_table_view kept = {.parent = &rows, .derived = &filter};
    const ksi_table_view loud = {.parent = &kept, .derived = &map};
    ksi_table_reader reader;
    harness h;
    harness_start(&h, &cached);
    harness_run(&h, ksi_op_table_source(&source));
    harness_feed_text(&h, "k", "abc", 5);
    harness_feed_text(&h, "l", "bcd", 6);
    assert_int_equal(ksi_table_reader_open(&reader, &h.ctx, &loud, NULL), KS_OK);
    assert_string_equal(read_row(&h, &reader, "k"), "ABC@5"); /* still in the cache */
    assert_string_equal(read_row(&h, &reader, "l"), "null@-1 not found");
    assert_string_equal(read_row(&h, &reader, "m"), "null@-1 not found");
    ksi_table_reader_close(&reader);
    harness_stop(&h);
}

static void a_reader_asks_a_transformer_of_its_own_about_rows_from_nowhere(void **state)
{
    (void)state;
    int closings = 0;
    static const ksi_table_node source = {.store = "rows"};
    const ksi_derived_table transform = {.transformer = &numbering, .user = &closings};
    const ksi_table_view rows = {.store = "rows"};
    const ksi_table_view numbered = {.parent = &rows, .derived = &transform};
    ksi_table_reader reader;
    harness h;
    harness_start(&h, &uncached);
    harness_run(&h, ksi_op_table_source(&source));
    harness_feed_text(&h, "k", "abc", 5);
    assert_int_equal(ksi_table_reader_open(&reader, &h.ctx, &numbered, NULL), KS_OK);
    assert_string_equal(read_row(&h, &reader, "k"), "abc101@5");
    assert_string_equal(read_row(&h, &reader, "m"), "none102 at -1 from nowhere@-1");
    assert_string_equal(ks_ctx_topic(&h.ctx), "in"); /* and the context is back */
    ksi_table_reader_close(&reader);
    assert_int_equal(closings, 1);
    harness_stop(&h);
}

static void a_reader_of_a_store_that_is_not_connected_is_refused(void **state)
{
    (void)state;
    const ksi_table_view others = {.store = "others"};
    ks_error error = {0};
    ksi_table_reader reader;
    harness h;
    harness_start(&h, &uncached);
    assert_int_equal(ksi_table_reader_open(&reader, &h.ctx, &others, &error), KS_E_STORE);
    assert_non_null(strstr(error.message, "'others'"));
    harness_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_without_old_values_deletes_what_it_does_not_keep),
        cmocka_unit_test(a_filter_that_knows_old_values_keeps_silent_about_rows_that_never_were),
        cmocka_unit_test(a_negated_filter_keeps_the_others_and_still_no_nulls),
        cmocka_unit_test(a_filter_with_a_store_takes_old_values_from_there),
        cmocka_unit_test(a_predicate_that_fails_for_either_half_forwards_nothing),
        cmocka_unit_test(mapped_values_tell_the_old_one_when_it_is_wanted),
        cmocka_unit_test(mapped_values_in_a_cached_store_leave_it_once),
        cmocka_unit_test(an_outdated_change_stays_one_through_a_table_without_a_store),
        cmocka_unit_test(a_transformer_has_a_state_and_is_asked_about_nulls),
        cmocka_unit_test(a_table_without_a_store_is_read_through_the_one_it_comes_from),
        cmocka_unit_test(a_reader_asks_a_transformer_of_its_own_about_rows_from_nowhere),
        cmocka_unit_test(a_reader_of_a_store_that_is_not_connected_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
