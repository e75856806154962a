/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lru.c - a store that holds so many rows and no more: who gives way, what its changelog hears
 * of it, and that transactions and restoring keep the bound.
 */
#include "state/key_value_store.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { KEYS = 20, BOUND = 7, OPERATIONS = 100000 };

typedef struct rig {
    ksi_changelog changelog; /* first: the address of one is that of the other */
    ksi_store_spec spec;
    ksi_key_value_store *store;
    char journal[400]; /* "key=value@time " for each row logged */
} rig;

static ks_status append(ksi_changelog *changelog, ks_slice key, ks_slice value, int64_t timestamp,
                        const ks_headers *headers, ks_error *error)
{
    rig *r = (rig *)changelog;
    size_t used = strlen(r->journal);
    (void)headers;
    (void)error;
    snprintf(r->journal + used, sizeof r->journal - used, "%.*s=%.*s@%" PRId64 " ", (int)key.size,
             key.data, value.data != NULL ? (int)value.size : 4,
             value.data != NULL ? value.data : "null", timestamp);
    return KS_OK;
}

static rig *start(bool timestamped, bool logging, size_t bound)
{
    static rig r;
    r = (rig){.changelog.append = append,
              .spec = {.name = "latest",
                       .type = KS_STORE_LRU,
                       .max_rows = bound,
                       .timestamped = timestamped,
                       .logging = logging}};
    r.store = ksi_key_value_store_open(
        &(ksi_store_options){.spec = &r.spec, .changelog = logging ? &r.changelog : NULL});
    return &r;
}

static void put(rig *r, const char *key, const char *value, int64_t time)
{
    const ksi_record_context context = {.topic = "in", .timestamp = time};
    assert_int_equal(ksi_key_value_store_write(r->store, ks_slice_cstr(key), ks_slice_cstr(value),
                                               time + 1, &context, NULL),
                     KS_OK);
}

static bool has(rig *r, const char *key)
{
    ksi_row row;
    bool found;
    assert_int_equal(ksi_key_value_store_read(r->store, ks_slice_cstr(key), &row, &found, NULL),
                     KS_OK);
    return found;
}

/* The keys in their order, without using them. */
static const char *keys_of(rig *r)
{
    static char keys[64];
    size_t count = 0;
    ksi_row row;
    bool found = true;
    keys[0] = '\0';
    ksi_merged_iterator *all =
        ksi_key_value_store_iterate(r->store, &(ksi_row_range){.backward = false});
    while (found) {
        assert_int_equal(ksi_merged_iterator_next(all, &row, &found, NULL), KS_OK);
        if (found) {
            assert_int_equal(row.key.size, 1);
            keys[count++] = row.key.data[0];
            keys[count] = '\0';
        }
    }
    ksi_merged_iterator_close(all);
    assert_int_equal(ksi_row_store_count(ksi_key_value_store_rows(r->store)), count);
    return keys;
}

/* ---- who gives way --------------------------------------------------------------------------- */

static void the_row_used_longest_ago_gives_way(void **state)
{
    (void)state;
    rig *r = start(false, false, 3);
    put(r, "a", "1", 1);
    put(r, "b", "1", 2);
    put(r, "c", "1", 3);
    assert_string_equal(keys_of(r), "abc");
    assert_true(has(r, "a")); /* used */
    put(r, "b", "2", 4);      /* used */
    put(r, "d", "1", 5);
    assert_string_equal(keys_of(r), "abd");
    put(r, "e", "1", 6);
    assert_string_equal(keys_of(r), "bde");
    assert_false(has(r, "a")); /* what is not there is not used either */
    put(r, "b", NULL, 7);
    put(r, "f", "1", 8); /* there was room */
    assert_string_equal(keys_of(r), "def");
    ksi_key_value_store_close(r->store);
}

/* So it is with a global store, which tasks peek into. */
static void a_peek_is_no_use(void **state)
{
    (void)state;
    rig *r = start(true, false, 2);
    ksi_peeked_row peeked = {0};
    put(r, "a", "1", 1);
    put(r, "b", "1", 2);
    assert_int_equal(ksi_row_store_peek(ksi_key_value_store_rows(r->store), ks_slice_cstr("a"),
                                        false, &peeked, NULL),
                     KS_OK);
    assert_true(peeked.found);
    put(r, "c", "1", 3);
    assert_string_equal(keys_of(r), "bc");
    ksi_peeked_row_destroy(&peeked);
    ksi_key_value_store_close(r->store);
}

static void a_store_of_one_row_holds_the_last(void **state)
{
    (void)state;
    rig *r = start(true, false, 1);
    put(r, "a", "1", 1);
    put(r, "a", "2", 2);
    assert_string_equal(keys_of(r), "a");
    put(r, "b", "1", 3);
    assert_string_equal(keys_of(r), "b");
    ksi_key_value_store_close(r->store);
}

/* The bytes given may be those of the very row that has to go. */
static void a_row_may_be_put_from_the_row_that_gives_way(void **state)
{
    (void)state;
    rig *r = start(false, false, 1);
    ksi_row row;
    bool found;
    ksi_row_store *rows = ksi_key_value_store_rows(r->store);
    put(r, "a", "a long enough value to be kept somewhere else", 1);
    assert_int_equal(ksi_row_store_look(rows, ks_slice_cstr("a"), &row, &found, NULL), KS_OK);
    ksi_row_store_put(rows, ks_slice_cstr("b"), row.value, -1);
    assert_int_equal(ksi_row_store_look(rows, ks_slice_cstr("b"), &row, &found, NULL), KS_OK);
    assert_true(found && ks_slice_equal(row.value, ks_slice_cstr("a long enough value to be kept "
                                                                 "somewhere else")));
    ksi_key_value_store_close(r->store);
}

/* ---- what the changelog hears ---------------------------------------------------------------- */

static void a_changelog_hears_of_rows_that_give_way_before_those_that_came(void **state)
{
    (void)state;
    rig *r = start(false, true, 2);
    put(r, "a", "1", 10);
    put(r, "b", "1", 20);
    put(r, "c", "1", 30);
    put(r, "b", "2", 40);
    put(r, "c", NULL, 50);
    assert_string_equal(r->journal, "a=1@10 b=1@20 a=null@30 c=1@30 b=2@40 c=null@50 ");
    ksi_key_value_store_close(r->store);
}

/* Java looks for the bound right below the changelog, and there stands what adds the timestamps. */
static void in_a_store_with_timestamps_rows_give_way_in_silence(void **state)
{
    (void)state;
    rig *r = start(true, true, 2);
    put(r, "a", "1", 10);
    put(r, "b", "1", 20);
    put(r, "c", "1", 30);
    assert_string_equal(r->journal, "a=1@11 b=1@21 c=1@31 ");
    assert_string_equal(keys_of(r), "bc");
    ksi_key_value_store_close(r->store);
}

static void restoring_keeps_the_bound_and_logs_nothing(void **state)
{
    (void)state;
    const char *const keys[] = {"a", "b", "a", "c", "d"};
    rig *r = start(false, true, 3);
    ksi_row_store *rows = ksi_key_value_store_rows(r->store);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(
            ksi_row_store_restore(rows, ks_slice_cstr(keys[i]), ks_slice_cstr("v"), -1, NULL),
            KS_OK);
    }
    assert_int_equal(ksi_row_store_restored(rows, &(ksi_store_position){.offset = 5}, NULL), KS_OK);
    assert_string_equal(keys_of(r), "acd");
    assert_string_equal(r->journal, "");
    put(r, "e", "1", 1);
    assert_true(ksi_row_store_abort(rows)); /* what was restored is committed */
    assert_string_equal(keys_of(r), "acd");
    put(r, "f", "1", 2);
    assert_string_equal(keys_of(r), "cdf");
    assert_int_equal(ksi_row_store_wipe(rows, NULL), KS_OK);
    assert_string_equal(keys_of(r), "");
    put(r, "a", "1", 3);
    assert_string_equal(keys_of(r), "a");
    ksi_key_value_store_close(r->store);
}

/* ---- against a model ------------------------------------------------------------------------- */

typedef struct model {
    int keys[BOUND + 1]; /* eldest first */
    size_t count;
} model;

static uint64_t random_state;

static uint32_t below(uint32_t count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 33) % count);
}

static bool take(model *m, int number)
{
    size_t kept = 0;
    size_t before = m->count;
    for (size_t i = 0; i < m->count; i++) {
        if (m->keys[i] != number) {
            m->keys[kept++] = m->keys[i];
        }
    }
    m->count = kept;
    return kept != before;
}

static void expect_keys(rig *r, const model *now)
{
    char expected[KEYS + 1] = "";
    size_t count = 0;
    for (int k = 0; k < KEYS; k++) {
        model copy = *now;
        if (take(&copy, k)) {
            expected[count++] = (char)('a' + k);
        }
    }
    assert_string_equal(keys_of(r), expected);
}

static void operate(rig *r, model *now, model *committed)
{
    ksi_row_store *rows = ksi_key_value_store_rows(r->store);
    int number = (int)below(KEYS);
    const char key[2] = {(char)('a' + number), '\0'};
    switch (below(12)) {
    case 0:
        assert_int_equal(ksi_row_store_commit(rows, NULL, NULL), KS_OK);
        *committed = *now;
        break;
    case 1:
        assert_true(ksi_row_store_abort(rows));
        *now = *committed;
        break;
    case 2:
        put(r, key, NULL, 1);
        (void)take(now, number);
        break;
    case 3:
    case 4:
    case 5:
        if (has(r, key)) {
            assert_true(take(now, number));
            now->keys[now->count++] = number;
        }
        break;
    default:
        put(r, key, "value", 1);
        (void)take(now, number);
        now->keys[now->count++] = number;
        if (now->count > BOUND) {
            (void)take(now, now->keys[0]);
        }
    }
}

static void commits_and_aborts_keep_the_bound_and_the_order(void **state)
{
    (void)state;
    const char *given = getenv("KSTREAMS_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    print_message("seed %" PRIu64 " (KSTREAMS_TEST_SEED repeats it)\n", seed);
    rig *r = start(true, false, BOUND);
    model now = {.count = 0};
    model committed = {.count = 0};
    for (int i = 0; i < OPERATIONS; i++) {
        operate(r, &now, &committed);
        expect_keys(r, &now);
    }
    ksi_key_value_store_close(r->store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_row_used_longest_ago_gives_way),
        cmocka_unit_test(a_peek_is_no_use),
        cmocka_unit_test(a_store_of_one_row_holds_the_last),
        cmocka_unit_test(a_row_may_be_put_from_the_row_that_gives_way),
        cmocka_unit_test(a_changelog_hears_of_rows_that_give_way_before_those_that_came),
        cmocka_unit_test(in_a_store_with_timestamps_rows_give_way_in_silence),
        cmocka_unit_test(restoring_keeps_the_bound_and_logs_nothing),
        cmocka_unit_test(commits_and_aborts_keep_the_bound_and_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
