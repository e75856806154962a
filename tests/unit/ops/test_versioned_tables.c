/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_versioned_tables.c - tables whose rows are versions: what an update says about being the
 * latest, who goes by that, and reading as of a time.
 */
#include "harness.h"

#include "ops/table_view.h"

#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const harness_options versioned = {
    .children = 1, .store = "rows", .store_value = &ks_serde_string, .history_retention_ms = 100};
static const harness_options without_store = {.children = 1};

static bool begins_with_a(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_text(record->value).data[0] == 'a';
}

static ks_pair by_first_letter(ks_ctx *ctx, const ks_record *record, void *user)
{
    ks_slice value = ks_value_text(record->value);
    (void)ctx;
    (void)user;
    return (ks_pair){.key = ks_text(ks_slice_of(value.data, 1)), .value = record->value};
}

/* A change that is not the latest of its row. */
static void feed_outdated(harness *h, const char *key, const char *new_value, const char *old_value,
                          int64_t timestamp)
{
    const ksi_change change = {.new_value = ks_text(ks_slice_cstr(new_value)),
                               .old_value = ks_text(ks_slice_cstr(old_value))};
    harness_feed(h, ks_text(ks_slice_cstr(key)), ksi_change_value(&change), timestamp);
}

static void an_update_says_whether_it_is_the_latest(void **state)
{
    (void)state;
    static const ksi_table_node source = {.store = "rows", .send_old_values = true};
    harness h;
    harness_start(&h, &versioned);
    harness_run(&h, ksi_op_table_source(&source));
    harness_feed_text(&h, "k", "b", 20);
    harness_feed_text(&h, "k", "a", 10);
    harness_feed_text(&h, "k", NULL, 30);
    assert_string_equal(harness_trace(&h), "0:k=b<-null@20 0:k=a<-b@10(outdated) 0:k=null<-b@30 ");
    harness_stop(&h);
}

static void what_comes_too_late_goes_no_further(void **state)
{
    (void)state;
    static const ksi_table_node source = {.store = "rows"};
    harness h;
    harness_start(&h, &versioned);
    harness_run(&h, ksi_op_table_source(&source));
    harness_feed_text(&h, "k", "b", 200);
    harness_feed_text(&h, "k", "late", 99);
    harness_feed_text(&h, "l", "in time", 100);
    assert_string_equal(harness_trace(&h), "0:k=b<-null@200 0:l=in time<-null@100 ");
    assert_int_equal(h.too_late, 1);
    harness_stop(&h);
}

static void a_filter_of_a_versioned_table_forwards_what_it_keeps_back_every_time(void **state)
{
    (void)state;
    const ksi_derived_table filter = {
        .keep = begins_with_a, .table = {.send_old_values = true}, .is_of_versioned = true};
    harness h;
    harness_start(&h, &without_store);
    harness_run(&h, ksi_op_derived_table(&filter));
    harness_feed_change(&h, "k", "b", NULL, 1);
    feed_outdated(&h, "k", "c", "b", 0);
    feed_outdated(&h, "k", "a", "b", 0);
    assert_string_equal(harness_trace(&h), "0:k=null<-null@1 0:k=null<-null@0(outdated) "
                                           "0:k=a<-null@0(outdated) ");
    harness_stop(&h);
}

static void groups_of_a_versioned_table_hear_of_the_latest_only(void **state)
{
    (void)state;
    const ksi_table_group_by by_letter = {.map = by_first_letter, .is_of_versioned = true};
    const ksi_table_group_by plain = {.map = by_first_letter};
    const ksi_table_group_by *groups[] = {&by_letter, &plain};
    const char *expected[] = {"0:a=a1<-null@5 ",
                              "0:a=a1<-null@5 0:a=null<-a1@3(outdated) 0:b=b2<-null@3(outdated) "};
    for (size_t i = 0; i < 2; i++) {
        harness h;
        harness_start(&h, &without_store);
        harness_run(&h, ksi_op_table_group_by(groups[i]));
        harness_feed_change(&h, "k", "a1", NULL, 5);
        feed_outdated(&h, "k", "b2", "a1", 3);
        assert_string_equal(harness_trace(&h), expected[i]);
        harness_stop(&h);
    }
}

static void assert_as_of(harness *h, ksi_table_reader *reader, int64_t time, const char *value,
                         int64_t timestamp)
{
    ksi_table_row row;
    assert_true(
        ksi_table_reader_get_as_of(reader, &h->ctx, ks_text(ks_slice_cstr("k")), time, &row));
    assert_int_equal(row.found, value != NULL);
    if (value != NULL) {
        assert_true(ks_slice_equal(ks_value_text(row.value), ks_slice_cstr(value)));
        assert_int_equal(row.timestamp, timestamp);
    }
}

static void a_view_of_a_versioned_table_is_read_as_of_a_time(void **state)
{
    (void)state;
    static const ksi_table_node source = {.store = "rows"};
    const ksi_derived_table filter = {.keep = begins_with_a};
    const ksi_table_view rows = {.store = "rows"};
    const ksi_table_view kept = {.parent = &rows, .derived = &filter};
    ksi_table_reader reader;
    harness h;
    harness_start(&h, &versioned);
    harness_run(&h, ksi_op_table_source(&source));
    harness_feed_text(&h, "k", "a1", 10);
    harness_feed_text(&h, "k", "b2", 20);
    harness_feed_text(&h, "k", "a3", 30);
    assert_int_equal(ksi_table_reader_open(&reader, &h.ctx, &kept, NULL), KS_OK);
    assert_true(ksi_table_reader_is_versioned(&reader));
    assert_as_of(&h, &reader, 9, NULL, 0);
    assert_as_of(&h, &reader, 19, "a1", 10);
    assert_as_of(&h, &reader, 25, NULL, 0);
    assert_as_of(&h, &reader, 99, "a3", 30);
    ksi_table_reader_close(&reader);
    harness_stop(&h);
}

static void a_view_of_a_plain_table_is_not_versioned(void **state)
{
    (void)state;
    const harness_options plain = {.children = 1, .store = "rows", .store_value = &ks_serde_string};
    const ksi_table_view rows = {.store = "rows"};
    ksi_table_reader reader;
    harness h;
    harness_start(&h, &plain);
    assert_int_equal(ksi_table_reader_open(&reader, &h.ctx, &rows, NULL), KS_OK);
    assert_false(ksi_table_reader_is_versioned(&reader));
    ksi_table_reader_close(&reader);
    harness_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_says_whether_it_is_the_latest),
        cmocka_unit_test(what_comes_too_late_goes_no_further),
        cmocka_unit_test(a_filter_of_a_versioned_table_forwards_what_it_keeps_back_every_time),
        cmocka_unit_test(groups_of_a_versioned_table_hear_of_the_latest_only),
        cmocka_unit_test(a_view_of_a_versioned_table_is_read_as_of_a_time),
        cmocka_unit_test(a_view_of_a_plain_table_is_not_versioned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
