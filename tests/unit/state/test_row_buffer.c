/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_row_buffer.c - the rows of a store in memory: what a key's newest and committed rows are in
 * each state, what memory they count for, which are forgotten first, and what walks see.
 *
 * That all of it holds together is the matter of test_row_store_contract.c.
 */
#include "state/row_buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static ksi_row_buffer *new_buffer(bool has_rocks)
{
    return ksi_row_buffer_new(&(ksi_row_buffer_options){.has_rocks = has_rocks});
}

static int open_over_rocks(void **state)
{
    *state = new_buffer(true);
    return 0;
}

static int open_in_memory(void **state)
{
    *state = new_buffer(false);
    return 0;
}

static int close_buffer(void **state)
{
    ksi_row_buffer_free(*state);
    return 0;
}

static ks_slice slice(const char *text)
{
    return text != NULL ? ks_slice_cstr(text) : ks_slice_null();
}

static void put(ksi_row_buffer *buffer, const char *key, const char *value)
{
    ksi_row_buffer_put(buffer, slice(key), slice(value), 1);
}

static void remember(ksi_row_buffer *buffer, const char *key, const char *value)
{
    ksi_row_buffer_remember(buffer, slice(key), slice(value), 1);
}

#define UNKNOWN "(unknown)"

static void check_version(ksi_row_buffer *buffer, const char *key, bool committed, const char *is)
{
    ksi_row row;
    ksi_row_knowledge known = ksi_row_buffer_find(buffer, slice(key), committed, &row);
    if (is == NULL) {
        assert_int_equal(known, KSI_ROW_ABSENT);
    } else if (strcmp(is, UNKNOWN) == 0) {
        assert_int_equal(known, KSI_ROW_UNKNOWN);
    } else {
        assert_int_equal(known, KSI_ROW_PRESENT);
        assert_true(ks_slice_equal(row.key, slice(key)));
        assert_true(ks_slice_equal(row.value, slice(is)));
        assert_int_equal(row.timestamp, 1);
    }
}

/* NULL: absent. */
static void is(ksi_row_buffer *buffer, const char *key, const char *newest, const char *committed)
{
    check_version(buffer, key, false, newest);
    check_version(buffer, key, true, committed);
}

static void use(ksi_row_buffer *buffer, const char *key)
{
    ksi_row row;
    (void)ksi_row_buffer_find(buffer, slice(key), false, &row);
}

/* Which of the three have any bytes. */
static void has_bytes(const ksi_row_buffer *buffer, bool pending, bool unapplied, bool clean)
{
    ksi_row_buffer_bytes bytes = ksi_row_buffer_bytes_of(buffer);
    assert_true(bytes.pending >= 0 && bytes.unapplied >= 0 && bytes.clean >= 0);
    assert_int_equal(bytes.pending > 0, pending);
    assert_int_equal(bytes.unapplied > 0, unapplied);
    assert_int_equal(bytes.clean > 0, clean);
}

/* ---- states ---------------------------------------------------------------------------------- */

static void a_key_nobody_wrote_is_unknown_over_rocksdb_and_absent_in_memory(void **state)
{
    is(*state, "a", UNKNOWN, UNKNOWN);
    ksi_row_buffer *memory = new_buffer(false);
    is(memory, "a", NULL, NULL);
    ksi_row_buffer_free(memory);
    ksi_row_buffer_free(NULL);
}

static void pending_rows_cover_committed_ones_and_those_cover_what_is_unknown(void **state)
{
    ksi_row_buffer *buffer = *state;
    put(buffer, "a", "1");
    is(buffer, "a", "1", UNKNOWN);
    ksi_row_buffer_commit(buffer);
    is(buffer, "a", "1", "1");
    put(buffer, "a", "2");
    put(buffer, "a", "3");
    is(buffer, "a", "3", "1");
    put(buffer, "a", NULL);
    is(buffer, "a", NULL, "1");
    ksi_row_buffer_commit(buffer);
    is(buffer, "a", NULL, NULL);
}

static void pending_rows_cover_what_is_remembered(void **state)
{
    ksi_row_buffer *buffer = *state;
    remember(buffer, "a", "old");
    remember(buffer, "none", NULL);
    is(buffer, "a", "old", "old");
    is(buffer, "none", NULL, NULL);
    put(buffer, "a", "new");
    put(buffer, "none", "");
    is(buffer, "a", "new", "old");
    is(buffer, "none", "", NULL);
}

static void values_may_lie_in_the_row_they_replace(void **state)
{
    ksi_row_buffer *buffer = *state;
    ksi_row row;
    put(buffer, "a", "0123456789");
    (void)ksi_row_buffer_find(buffer, slice("a"), false, &row);
    ksi_row_buffer_put(buffer, row.key, ks_slice_of(row.value.data + 3, 4), 1);
    is(buffer, "a", "3456", UNKNOWN);
    ksi_row_buffer_commit(buffer);
    (void)ksi_row_buffer_find(buffer, slice("a"), false, &row);
    ksi_row_buffer_put(buffer, row.key, ks_slice_of(row.value.data + 1, 2), 1);
    is(buffer, "a", "45", "3456");
}

static void an_abort_brings_back_what_each_pending_row_covered(void **state)
{
    ksi_row_buffer *buffer = *state;
    remember(buffer, "clean", "c");
    remember(buffer, "absent", NULL);
    put(buffer, "unapplied", "u");
    put(buffer, "deleted", NULL);
    ksi_row_buffer_commit(buffer);
    static const char *const keys[] = {"clean", "absent", "unapplied", "deleted", "unknown"};
    for (int deletes = 0; deletes < 2; deletes++) {
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            put(buffer, keys[i], "pending");
            put(buffer, keys[i], deletes == 1 ? NULL : "pending again");
        }
        has_bytes(buffer, true, false, false);
        ksi_row_buffer_abort(buffer);
        has_bytes(buffer, false, true, true);
        is(buffer, "clean", "c", "c");
        is(buffer, "absent", NULL, NULL);
        is(buffer, "unapplied", "u", "u");
        is(buffer, "deleted", NULL, NULL);
        is(buffer, "unknown", UNKNOWN, UNKNOWN);
    }
    ksi_row_buffer_abort(buffer); /* with nothing to drop */
    assert_true(ksi_row_buffer_has_unapplied(buffer));
}

static void in_memory_a_commit_is_all_and_an_abort_goes_back_to_it(void **state)
{
    ksi_row_buffer *buffer = *state;
    put(buffer, "a", "1");
    put(buffer, "b", "1");
    put(buffer, "never", "1");
    put(buffer, "never", NULL);
    ksi_row_buffer_commit(buffer);
    assert_false(ksi_row_buffer_has_unapplied(buffer));
    assert_int_equal(ksi_row_buffer_present(buffer), 2);
    put(buffer, "a", NULL);
    put(buffer, "c", "1");
    assert_int_equal(ksi_row_buffer_present(buffer), 2);
    is(buffer, "a", NULL, "1");
    ksi_row_buffer_abort(buffer);
    is(buffer, "a", "1", "1");
    is(buffer, "c", NULL, NULL);
    ksi_row_buffer_trim(buffer, 0); /* the only copies stay */
    is(buffer, "b", "1", "1");
    assert_int_equal(ksi_row_buffer_present(buffer), 2);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void bytes_move_with_the_rows_and_go_with_them(void **state)
{
    ksi_row_buffer *buffer = *state;
    char big[5000];
    memset(big, 'x', sizeof big);
    has_bytes(buffer, false, false, false);
    for (int round = 0; round < 3; round++) {
        ksi_row_buffer_put(buffer, slice("a"), ks_slice_of(big, sizeof big), 1);
        put(buffer, "b", NULL);
        put(buffer, "c", "some");
        has_bytes(buffer, true, false, false);
        assert_true(ksi_row_buffer_bytes_of(buffer).pending > (int64_t)sizeof big);
        ksi_row_buffer_commit(buffer);
        has_bytes(buffer, false, true, false);
        put(buffer, "a", "small, over one that is not applied");
        has_bytes(buffer, true, true, false);
        ksi_row_buffer_applied(buffer);
        has_bytes(buffer, true, false, true);
        ksi_row_buffer_abort(buffer);
        has_bytes(buffer, false, false, true);
        assert_true(ksi_row_buffer_bytes_of(buffer).clean > (int64_t)sizeof big);
        ksi_row_buffer_trim(buffer, 0);
        has_bytes(buffer, false, false, false);
        assert_int_equal(ksi_row_buffer_present(buffer), 0);
    }
    put(buffer, "a", "1");
    ksi_row_buffer_commit(buffer);
    put(buffer, "a", "2");
    remember(buffer, "b", "3");
    ksi_row_buffer_clear(buffer);
    has_bytes(buffer, false, false, false);
    assert_false(ksi_row_buffer_has_unapplied(buffer));
    is(buffer, "a", UNKNOWN, UNKNOWN);
}

static void in_memory_bytes_are_gone_when_all_is_deleted(void **state)
{
    ksi_row_buffer *buffer = *state;
    put(buffer, "a", "1");
    put(buffer, "b", "1");
    ksi_row_buffer_commit(buffer);
    has_bytes(buffer, false, false, true);
    put(buffer, "a", NULL);
    put(buffer, "b", NULL);
    put(buffer, "c", "1");
    put(buffer, "c", NULL);
    ksi_row_buffer_commit(buffer);
    has_bytes(buffer, false, false, false);
    assert_int_equal(ksi_row_buffer_present(buffer), 0);
}

static void trimming_forgets_what_was_used_longest_ago_and_nothing_else(void **state)
{
    ksi_row_buffer *buffer = *state;
    remember(buffer, "a", "1");
    int64_t one = ksi_row_buffer_bytes_of(buffer).clean;
    remember(buffer, "b", "1");
    remember(buffer, "c", "1");
    remember(buffer, "d", NULL);
    put(buffer, "pending", "1");
    put(buffer, "committed", "1");
    use(buffer, "a");
    use(buffer, "c");
    ksi_row_buffer_trim(buffer, one * 4);
    is(buffer, "b", "1", "1"); /* looking is use, too: d is used longest ago, then a */
    ksi_row_buffer_trim(buffer, one * 3);
    is(buffer, "d", UNKNOWN, UNKNOWN);
    ksi_row_buffer_trim(buffer, one);
    is(buffer, "a", UNKNOWN, UNKNOWN);
    is(buffer, "c", UNKNOWN, UNKNOWN);
    is(buffer, "b", "1", "1");
    ksi_row_buffer_trim(buffer, 0);
    is(buffer, "b", UNKNOWN, UNKNOWN);
    is(buffer, "pending", "1", UNKNOWN);
    ksi_row_buffer_commit(buffer);
    ksi_row_buffer_trim(buffer, 0);
    is(buffer, "committed", "1", "1");
}

static void nothing_is_forgotten_while_a_walk_is_open(void **state)
{
    ksi_row_buffer *buffer = *state;
    ksi_row_walk first;
    ksi_row_walk second;
    remember(buffer, "a", "1");
    ksi_row_walk_begin(&first, buffer, false, false);
    ksi_row_walk_begin(&second, buffer, true, true);
    ksi_row_buffer_trim(buffer, 0);
    ksi_row_walk_end(&first);
    ksi_row_buffer_trim(buffer, 0);
    is(buffer, "a", "1", "1");
    ksi_row_walk_end(&second);
    ksi_row_buffer_trim(buffer, 0);
    is(buffer, "a", UNKNOWN, UNKNOWN);
}

/* ---- applying -------------------------------------------------------------------------------- */

typedef struct visited {
    char text[200];
    int stop_after; /* 0: never */
    int count;
} visited;

static bool visit(void *user, const ksi_row *row)
{
    visited *v = user;
    size_t used = strlen(v->text);
    (void)snprintf(v->text + used, sizeof v->text - used, "%.*s=%.*s ", (int)row->key.size,
                   row->key.data, row->value.data != NULL ? (int)row->value.size : 1,
                   row->value.data != NULL ? row->value.data : "-");
    v->count++;
    return v->count != v->stop_after;
}

static void committed_rows_are_visited_in_key_order_until_they_are_applied(void **state)
{
    ksi_row_buffer *buffer = *state;
    put(buffer, "c", "3");
    put(buffer, "a", "1");
    put(buffer, "d", NULL);
    ksi_row_buffer_commit(buffer);
    put(buffer, "a", "pending over 1");
    put(buffer, "b", "pending");
    remember(buffer, "e", "clean");
    visited all = {.text = ""};
    assert_true(ksi_row_buffer_each_unapplied(buffer, visit, &all));
    assert_string_equal(all.text, "a=1 c=3 d=- ");
    visited some = {.text = "", .stop_after = 2};
    assert_false(ksi_row_buffer_each_unapplied(buffer, visit, &some));
    assert_string_equal(some.text, "a=1 c=3 ");
    ksi_row_buffer_applied(buffer);
    assert_false(ksi_row_buffer_has_unapplied(buffer));
    visited none = {.text = ""};
    assert_true(ksi_row_buffer_each_unapplied(buffer, visit, &none));
    assert_string_equal(none.text, "");
    ksi_row_buffer_abort(buffer);
    is(buffer, "a", "1", "1"); /* clean now: an abort does not make it unapplied again */
    assert_false(ksi_row_buffer_has_unapplied(buffer));
}

static void a_row_that_waits_under_a_pending_one_still_waits_after_an_abort(void **state)
{
    ksi_row_buffer *buffer = *state;
    put(buffer, "a", "1");
    ksi_row_buffer_commit(buffer);
    put(buffer, "a", "2");
    assert_true(ksi_row_buffer_has_unapplied(buffer));
    ksi_row_buffer_abort(buffer);
    assert_true(ksi_row_buffer_has_unapplied(buffer));
    put(buffer, "a", "3");
    ksi_row_buffer_commit(buffer);
    visited all = {.text = ""};
    assert_true(ksi_row_buffer_each_unapplied(buffer, visit, &all));
    assert_string_equal(all.text, "a=3 ");
}

/* ---- walks ----------------------------------------------------------------------------------- */

static void walks_see_rows_in_order_from_a_key_on(void **state)
{
    ksi_row_buffer *buffer = *state;
    put(buffer, "b", "1");
    remember(buffer, "d", NULL);
    put(buffer, "a", "1");
    ksi_row_walk walk;
    ksi_row_seen seen;
    ksi_row_walk_begin(&walk, buffer, false, false);
    assert_true(ksi_row_walk_seek(&walk, slice("b"), &seen));
    assert_true(ks_slice_equal(seen.row.key, slice("b")));
    assert_int_equal(seen.knowledge, KSI_ROW_PRESENT);
    put(buffer, "c", "1"); /* comes between, and is not the walk's business */
    assert_true(ksi_row_walk_next(&walk, slice("b"), &seen));
    assert_true(ks_slice_equal(seen.row.key, slice("d")));
    assert_int_equal(seen.knowledge, KSI_ROW_ABSENT);
    assert_false(ksi_row_walk_next(&walk, slice("d"), &seen));
    ksi_row_walk_end(&walk);

    ksi_row_walk_begin(&walk, buffer, true, true);
    assert_true(ksi_row_walk_seek(&walk, ks_slice_null(), &seen));
    assert_true(ks_slice_equal(seen.row.key, slice("d")));
    assert_true(ksi_row_walk_next(&walk, slice("d"), &seen));
    assert_true(ks_slice_equal(seen.row.key, slice("c")));
    assert_int_equal(seen.knowledge, KSI_ROW_UNKNOWN); /* of committed rows */
    ksi_row_walk_end(&walk);
}

/* What a walk began with: its knowledge of a key then. */
static ksi_row_knowledge at_beginning(const ksi_row_walk *walk, const char *key)
{
    ksi_row_seen seen;
    ksi_row_walk_find(walk, slice(key), &seen);
    return seen.at_beginning;
}

static void a_walk_remembers_what_was_known_when_it_began(void **state)
{
    ksi_row_buffer *buffer = *state;
    ksi_row_walk walk;
    remember(buffer, "there", "1");
    remember(buffer, "gone", NULL);
    ksi_row_walk_begin(&walk, buffer, false, false);
    put(buffer, "there", NULL);
    put(buffer, "gone", "1");
    put(buffer, "new", "1");
    put(buffer, "there", "2");
    put(buffer, "gone", NULL);
    for (int i = 0; i < 3; i++) { /* pending, committed, applied */
        assert_int_equal(at_beginning(&walk, "there"), KSI_ROW_PRESENT);
        assert_int_equal(at_beginning(&walk, "gone"), KSI_ROW_ABSENT);
        assert_int_equal(at_beginning(&walk, "new"), KSI_ROW_UNKNOWN);
        assert_int_equal(at_beginning(&walk, "never"), KSI_ROW_UNKNOWN);
        if (i == 0) {
            ksi_row_buffer_commit(buffer);
        } else {
            ksi_row_buffer_applied(buffer);
        }
    }
    ksi_row_walk_end(&walk);
}

static void walks_that_began_at_different_times_remember_each_their_own(void **state)
{
    ksi_row_buffer *buffer = *state;
    ksi_row_walk walks[4];
    ksi_row_walk_begin(&walks[0], buffer, false, false);
    put(buffer, "a", "1");
    ksi_row_walk_begin(&walks[1], buffer, false, false);
    put(buffer, "a", NULL);
    ksi_row_walk_begin(&walks[2], buffer, false, false);
    put(buffer, "a", "2");
    ksi_row_walk_begin(&walks[3], buffer, false, false);
    ksi_row_walk_end(&walks[0]);
    put(buffer, "a", NULL);
    assert_int_equal(at_beginning(&walks[1], "a"), KSI_ROW_PRESENT);
    assert_int_equal(at_beginning(&walks[2], "a"), KSI_ROW_ABSENT);
    assert_int_equal(at_beginning(&walks[3], "a"), KSI_ROW_PRESENT);
    for (int i = 1; i < 4; i++) {
        ksi_row_walk_end(&walks[i]);
    }
    ksi_row_walk late;
    ksi_row_walk_begin(&late, buffer, false, false);
    assert_int_equal(at_beginning(&late, "a"), KSI_ROW_ABSENT);
    ksi_row_walk_end(&late);
}

static void a_walk_over_committed_rows_remembers_those(void **state)
{
    ksi_row_buffer *buffer = *state;
    ksi_row_walk walk;
    put(buffer, "kept", "1");
    ksi_row_buffer_commit(buffer);
    put(buffer, "kept", NULL);
    put(buffer, "pending", "1");
    ksi_row_walk_begin(&walk, buffer, false, true);
    ksi_row_seen seen;
    ksi_row_walk_find(&walk, slice("kept"), &seen);
    assert_int_equal(seen.knowledge, KSI_ROW_PRESENT);
    ksi_row_buffer_commit(buffer);
    ksi_row_walk_find(&walk, slice("kept"), &seen);
    assert_int_equal(seen.knowledge, KSI_ROW_ABSENT);
    assert_int_equal(seen.at_beginning, KSI_ROW_PRESENT);
    assert_int_equal(at_beginning(&walk, "pending"), KSI_ROW_UNKNOWN);
    ksi_row_walk_end(&walk);
}

static void a_walk_remembers_across_an_abort_that_makes_a_key_unknown(void **state)
{
    ksi_row_buffer *buffer = *state;
    ksi_row_walk walk;
    put(buffer, "put", "1");
    put(buffer, "deleted", NULL);
    ksi_row_walk_begin(&walk, buffer, false, false);
    ksi_row_buffer_abort(buffer);
    is(buffer, "put", UNKNOWN, UNKNOWN);
    remember(buffer, "deleted", "what RocksDB has");
    put(buffer, "put", "again");
    is(buffer, "put", "again", UNKNOWN);
    is(buffer, "deleted", "what RocksDB has", "what RocksDB has");
    assert_int_equal(at_beginning(&walk, "put"), KSI_ROW_PRESENT);
    assert_int_equal(at_beginning(&walk, "deleted"), KSI_ROW_ABSENT);
    ksi_row_buffer_abort(buffer);
    ksi_row_walk_end(&walk);
    ksi_row_buffer_trim(buffer, 0);
    has_bytes(buffer, false, false, false);
}

static void to_a_walk_that_was_open_everything_after_a_clearing_came_later(void **state)
{
    ksi_row_buffer *buffer = *state;
    ksi_row_walk walk;
    ksi_row_seen seen;
    put(buffer, "a", "1");
    put(buffer, "b", "1");
    ksi_row_walk_begin(&walk, buffer, false, false);
    assert_true(ksi_row_walk_seek(&walk, slice("a"), &seen));
    ksi_row_buffer_clear(buffer);
    assert_false(ksi_row_walk_next(&walk, slice("a"), &seen));
    put(buffer, "b", "2");
    assert_int_equal(at_beginning(&walk, "a"), KSI_ROW_ABSENT);
    assert_int_equal(at_beginning(&walk, "b"), KSI_ROW_ABSENT);
    ksi_row_walk_end(&walk);
    ksi_row_walk_begin(&walk, buffer, false, false);
    assert_int_equal(at_beginning(&walk, "a"), KSI_ROW_UNKNOWN);
    assert_int_equal(at_beginning(&walk, "b"), KSI_ROW_PRESENT);
    ksi_row_walk_end(&walk);
}

#define OVER_ROCKS(test) cmocka_unit_test_setup_teardown(test, open_over_rocks, close_buffer)
#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, open_in_memory, close_buffer)

/* ---- known from ------------------------------------------------------------------------------ */

static void what_is_behind_the_last_key_of_rocksdb_is_absent_without_asking(void **state)
{
    ksi_row_buffer *buffer = *state;
    assert_true(ksi_row_buffer_must_ask(buffer));
    is(buffer, "z", UNKNOWN, UNKNOWN);
    ksi_row_buffer_told_last(buffer, slice("m"));
    assert_false(ksi_row_buffer_must_ask(buffer));
    is(buffer, "m", UNKNOWN, UNKNOWN);
    is(buffer, "m1", NULL, NULL);
    assert_true(ksi_row_buffer_knows_from(buffer, slice("n")));
    assert_false(ksi_row_buffer_knows_from(buffer, slice("m")));
    assert_false(ksi_row_buffer_knows_from(buffer, ks_slice_null()));
    put(buffer, "n", "1");
    is(buffer, "n", "1", NULL);

    ksi_row_buffer_rows_came_below(buffer);
    assert_true(ksi_row_buffer_must_ask(buffer));
    ksi_row_buffer_told_last(buffer, ks_slice_null());
    assert_true(ksi_row_buffer_knows_from(buffer, ks_slice_null()));
    is(buffer, "a", NULL, NULL);
    ksi_row_buffer_clear(buffer);
    assert_true(ksi_row_buffer_must_ask(buffer));
}

static void forgetting_a_row_that_is_present_moves_what_is_known_behind_it(void **state)
{
    ksi_row_buffer *buffer = *state;
    ksi_row_buffer_told_last(buffer, ks_slice_null());
    put(buffer, "a", "1");
    put(buffer, "m", "1");
    put(buffer, "x", NULL);
    ksi_row_buffer_commit(buffer);
    ksi_row_buffer_applied(buffer);
    ksi_row_buffer_trim(buffer, 0);
    is(buffer, "a", UNKNOWN, UNKNOWN);
    is(buffer, "m", UNKNOWN, UNKNOWN);
    is(buffer, "n", NULL, NULL);
    is(buffer, "x", NULL, NULL); /* absent ones that are forgotten move nothing */
}

static void what_is_deleted_before_rocksdb_has_it_leaves_nothing(void **state)
{
    ksi_row_buffer *buffer = *state;
    ksi_row_buffer_told_last(buffer, slice("c"));
    put(buffer, "m", "put and deleted at once");
    put(buffer, "m", NULL);
    has_bytes(buffer, false, false, false);
    is(buffer, "m", NULL, NULL);
    put(buffer, "n", "committed first");
    ksi_row_buffer_commit(buffer);
    put(buffer, "n", NULL);
    has_bytes(buffer, true, false, false);
    is(buffer, "n", NULL, "committed first");
    ksi_row_buffer_abort(buffer);
    is(buffer, "n", "committed first", "committed first");
    put(buffer, "n", NULL);
    ksi_row_buffer_commit(buffer);
    has_bytes(buffer, false, false, false);
    assert_false(ksi_row_buffer_has_unapplied(buffer));
    is(buffer, "n", NULL, NULL);
}

static void what_rocksdb_may_have_is_deleted_there(void **state)
{
    ksi_row_buffer *buffer = *state;
    visited begun = {.text = "", .stop_after = 1};
    visited all = {.text = ""};
    ksi_row_buffer_told_last(buffer, slice("c"));
    put(buffer, "b", "before RocksDB's last key");
    put(buffer, "b", NULL);
    put(buffer, "m", "applying began, and failed");
    ksi_row_buffer_commit(buffer);
    put(buffer, "m", NULL);
    assert_false(ksi_row_buffer_each_unapplied(buffer, visit, &begun));
    put(buffer, "b", NULL);
    begun = (visited){.text = ""};
    assert_true(ksi_row_buffer_each_unapplied(buffer, visit, &begun));
    ksi_row_buffer_commit(buffer);
    assert_true(ksi_row_buffer_each_unapplied(buffer, visit, &all));
    assert_string_equal(all.text, "b=- m=- ");
}

static void what_an_open_walk_may_see_stays_when_it_is_deleted(void **state)
{
    ksi_row_buffer *buffer = *state;
    ksi_row_walk walk;
    ksi_row_seen seen;
    ksi_row_buffer_told_last(buffer, ks_slice_null());
    put(buffer, "a", "1");
    ksi_row_walk_begin(&walk, buffer, false, false);
    put(buffer, "a", NULL);
    assert_true(ksi_row_walk_seek(&walk, ks_slice_null(), &seen));
    assert_true(ks_slice_equal(seen.row.key, slice("a")));
    assert_int_equal(seen.at_beginning, KSI_ROW_PRESENT);
    assert_int_equal(seen.knowledge, KSI_ROW_ABSENT);
    put(buffer, "b", "deleted twice");
    put(buffer, "b", NULL);
    put(buffer, "b", "again");
    put(buffer, "b", NULL);
    has_bytes(buffer, true, false, false);
    ksi_row_walk_end(&walk);
    has_bytes(buffer, false, false, false);
}

static void what_was_deleted_during_a_walk_and_put_again_stays(void **state)
{
    ksi_row_buffer *buffer = *state;
    ksi_row_walk walk;
    ksi_row_buffer_told_last(buffer, ks_slice_null());
    put(buffer, "a", "1");
    put(buffer, "b", "1");
    ksi_row_walk_begin(&walk, buffer, false, false);
    put(buffer, "a", NULL);
    put(buffer, "a", "2");
    put(buffer, "b", NULL);
    ksi_row_buffer_abort(buffer);
    put(buffer, "b", "2");
    put(buffer, "a", "3");
    ksi_row_walk_end(&walk);
    is(buffer, "a", "3", NULL);
    is(buffer, "b", "2", NULL);
}

static void by_time_the_lowest_rows_are_forgotten_first(void **state)
{
    (void)state;
    ksi_row_buffer *buffer =
        ksi_row_buffer_new(&(ksi_row_buffer_options){.has_rocks = true, .by_time = true});
    ksi_row_buffer_told_last(buffer, ks_slice_null());
    for (char key[2] = "j"; key[0] >= 'a'; key[0]--) {
        put(buffer, key, "1");
    }
    ksi_row_buffer_commit(buffer);
    ksi_row_buffer_applied(buffer);
    use(buffer, "a");
    ksi_row_buffer_trim(buffer, ksi_row_buffer_bytes_of(buffer).clean / 2);
    is(buffer, "a", UNKNOWN, UNKNOWN);
    is(buffer, "d", UNKNOWN, UNKNOWN);
    is(buffer, "i", "1", "1");
    is(buffer, "j", "1", "1");
    assert_true(ksi_row_buffer_knows_from(buffer, slice("i")));
    ksi_row_buffer_free(buffer);
}

/* ---- expiry ---------------------------------------------------------------------------------- */

static void expired_rows_are_gone_at_once_and_back_after_an_abort(void **state)
{
    ksi_row_buffer *buffer = *state;
    put(buffer, "a", "1");
    put(buffer, "b", "1");
    ksi_row_buffer_commit(buffer);
    ksi_row_buffer_expire(buffer, slice("b"));
    ksi_row_buffer_expire(buffer, slice("a")); /* it only rises */
    is(buffer, "a", NULL, "1");
    is(buffer, "0", NULL, UNKNOWN); /* RocksDB is not asked for what cannot be */
    is(buffer, "b", "1", "1");
    put(buffer, "a", "2");
    is(buffer, "a", NULL, "1");
    ksi_row_buffer_abort(buffer);
    is(buffer, "a", "1", "1");
}

static bool count_visit(void *user, const ksi_row *row)
{
    (void)row;
    (*(int *)user)++;
    return true;
}

static void a_commit_drops_what_expired_and_it_is_never_applied(void **state)
{
    ksi_row_buffer *buffer = *state;
    ks_slice low;
    ks_slice high;
    int visits = 0;
    put(buffer, "a", "1");
    ksi_row_buffer_commit(buffer);
    put(buffer, "b", "1");
    put(buffer, "c", "1");
    ksi_row_buffer_expire(buffer, slice("c"));
    assert_false(ksi_row_buffer_floor_to_apply(buffer, &low, &high));
    ksi_row_walk walk;
    ksi_row_walk_begin(&walk, buffer, false, false);
    ksi_row_buffer_commit(buffer); /* the walk keeps the rows, but hidden */
    assert_true(ksi_row_buffer_each_unapplied(buffer, count_visit, &visits));
    assert_int_equal(visits, 1);
    assert_int_equal(ksi_row_buffer_present(buffer), 1);
    int64_t bytes = ksi_row_buffer_bytes_of(buffer).unapplied;
    ksi_row_walk_end(&walk);
    assert_true(ksi_row_buffer_bytes_of(buffer).unapplied < bytes);
    assert_int_equal(ksi_row_buffer_present(buffer), 1);

    assert_true(ksi_row_buffer_floor_to_apply(buffer, &low, &high));
    assert_null(low.data);
    assert_true(ks_slice_equal(high, slice("c")));
    ksi_row_buffer_floor_applied(buffer);
    assert_false(ksi_row_buffer_floor_to_apply(buffer, &low, &high));
    ksi_row_buffer_expire(buffer, slice("d"));
    ksi_row_buffer_commit(buffer);
    assert_true(ksi_row_buffer_floor_to_apply(buffer, &low, &high));
    assert_true(ks_slice_equal(low, slice("c")));
}

/* ---- lending --------------------------------------------------------------------------------- */

static void a_value_that_a_walk_lent_stays_until_the_walk_ends(void **state)
{
    ksi_row_buffer *buffer = *state;
    put(buffer, "a", "first");
    ksi_row_walk walk;
    ksi_row_seen seen;
    ksi_row_walk_begin(&walk, buffer, false, false);
    assert_true(ksi_row_walk_seek(&walk, ks_slice_null(), &seen));
    ksi_row_walk_lend(&walk, seen.in);
    for (int i = 0; i < 3; i++) {
        put(buffer, "a", "other");
        ksi_row_buffer_commit(buffer);
        put(buffer, "a", NULL);
        put(buffer, "a", "again");
        ksi_row_buffer_abort(buffer);
    }
    assert_true(ks_slice_equal(seen.row.value, slice("first")));
    is(buffer, "a", "other", "other");
    ksi_row_buffer_clear(buffer);
    put(buffer, "a", "anew!");
    assert_true(ks_slice_equal(seen.row.key, slice("a")));
    assert_true(ks_slice_equal(seen.row.value, slice("first")));
    ksi_row_walk_end(&walk);
    is(buffer, "a", "anew!", UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_ROCKS(a_key_nobody_wrote_is_unknown_over_rocksdb_and_absent_in_memory),
        OVER_ROCKS(pending_rows_cover_committed_ones_and_those_cover_what_is_unknown),
        OVER_ROCKS(pending_rows_cover_what_is_remembered),
        OVER_ROCKS(values_may_lie_in_the_row_they_replace),
        OVER_ROCKS(an_abort_brings_back_what_each_pending_row_covered),
        IN_MEMORY(in_memory_a_commit_is_all_and_an_abort_goes_back_to_it),
        OVER_ROCKS(bytes_move_with_the_rows_and_go_with_them),
        IN_MEMORY(in_memory_bytes_are_gone_when_all_is_deleted),
        OVER_ROCKS(trimming_forgets_what_was_used_longest_ago_and_nothing_else),
        OVER_ROCKS(nothing_is_forgotten_while_a_walk_is_open),
        OVER_ROCKS(committed_rows_are_visited_in_key_order_until_they_are_applied),
        OVER_ROCKS(a_row_that_waits_under_a_pending_one_still_waits_after_an_abort),
        OVER_ROCKS(walks_see_rows_in_order_from_a_key_on),
        OVER_ROCKS(a_walk_remembers_what_was_known_when_it_began),
        OVER_ROCKS(walks_that_began_at_different_times_remember_each_their_own),
        OVER_ROCKS(a_walk_over_committed_rows_remembers_those),
        OVER_ROCKS(a_walk_remembers_across_an_abort_that_makes_a_key_unknown),
        OVER_ROCKS(what_is_behind_the_last_key_of_rocksdb_is_absent_without_asking),
        OVER_ROCKS(forgetting_a_row_that_is_present_moves_what_is_known_behind_it),
        OVER_ROCKS(what_is_deleted_before_rocksdb_has_it_leaves_nothing),
        OVER_ROCKS(what_rocksdb_may_have_is_deleted_there),
        OVER_ROCKS(what_an_open_walk_may_see_stays_when_it_is_deleted),
        OVER_ROCKS(what_was_deleted_during_a_walk_and_put_again_stays),
        cmocka_unit_test(by_time_the_lowest_rows_are_forgotten_first),
        OVER_ROCKS(expired_rows_are_gone_at_once_and_back_after_an_abort),
        OVER_ROCKS(a_commit_drops_what_expired_and_it_is_never_applied),
        OVER_ROCKS(a_value_that_a_walk_lent_stays_until_the_walk_ends),
        OVER_ROCKS(to_a_walk_that_was_open_everything_after_a_clearing_came_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
