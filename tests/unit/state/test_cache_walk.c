/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cache_walk.c - which cached rows a walk gives, and in which order it uses them.
 *
 * The order of use is read off by taking the budget away byte by byte: the row that goes is the one
 * that was not used for longest. Keys have a letter and a digit, which is their time.
 */
#include "state/cache_walk.h"

#include "base/error.h"
#include "base/slice.h"
#include "state/window_store_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BUDGET = 1 << 20, TIGHT = 1 << 16, TEXT_BYTES = 64 };

typedef struct rig {
    ksi_record_cache *cache;
    ksi_named_cache *named;
    ksi_cache_walk walk;
} rig;

static ks_status never_flushed(void *owner, const ksi_cached_row *row, ks_error *error)
{
    (void)owner;
    (void)row;
    (void)error;
    fail_msg("a clean row was flushed");
    return KS_OK;
}

static void put_clean(rig *r, const char *key)
{
    ks_error error;
    const ksi_cached_row row = {.key = ks_slice_cstr(key), .value = ks_slice_cstr("v")};
    assert_int_equal(ksi_record_cache_put(r->cache, r->named, &row, NULL, &error), KS_OK);
}

/* The keys, one blank between, become used in this order. */
static rig *rig_of(const char *keys)
{
    rig *r = calloc(1, sizeof *r);
    char text[TEXT_BYTES];
    char *rest = NULL;
    r->cache = ksi_record_cache_new(BUDGET);
    r->named = ksi_record_cache_add(r->cache, &(ksi_named_cache_options){.flush = never_flushed});
    ksi_cache_walk_init(&r->walk);
    (void)snprintf(text, sizeof text, "%s", keys);
    for (char *key = strtok_r(text, " ", &rest); key != NULL; key = strtok_r(NULL, " ", &rest)) {
        put_clean(r, key);
    }
    return r;
}

static void evict_one(rig *r)
{
    ks_error error;
    const int64_t bytes = ksi_record_cache_bytes(r->cache);
    assert_int_equal(ksi_record_cache_resize(r->cache, bytes - 1, &error), KS_OK);
    assert_int_equal(ksi_record_cache_resize(r->cache, BUDGET, &error), KS_OK);
}

/* Of these keys, all that are cached, from the one that was not used for longest on. */
static void assert_used(rig *r, const char *expected)
{
    char text[TEXT_BYTES];
    char *rest = NULL;
    (void)snprintf(text, sizeof text, "%s", expected);
    for (char *key = strtok_r(text, " ", &rest); key != NULL; key = strtok_r(NULL, " ", &rest)) {
        const size_t count = ksi_record_cache_count(r->named);
        assert_non_null(ksi_record_cache_peek(r->named, ks_slice_cstr(key)));
        evict_one(r);
        if (ksi_record_cache_peek(r->named, ks_slice_cstr(key)) != NULL) {
            fail_msg("%s was used later than that: %s", key, expected);
        }
        assert_int_equal(ksi_record_cache_count(r->named), count - 1);
    }
    assert_int_equal(ksi_record_cache_count(r->named), 0);
}

static void free_rig(rig *r)
{
    ksi_cache_walk_destroy(&r->walk);
    ksi_record_cache_remove(r->cache, r->named);
    ksi_record_cache_free(r->cache);
    free(r);
}

static void begin(rig *r, ksi_cache_walk_options options)
{
    options.cached = r->named;
    ksi_cache_walk_begin(&r->walk, &options);
}

/* The next key is this one (NULL: none is left), and is taken. */
static void assert_next(rig *r, const char *expected)
{
    const ksi_walked_key *next = ksi_cache_walk_next(&r->walk);
    if (expected == NULL) {
        assert_null(next);
        return;
    }
    assert_non_null(next);
    assert_true(ksi_slice_compare(next->key, ks_slice_cstr(expected)) == 0);
    ksi_cache_walk_take(&r->walk);
}

static int64_t digit_of(const void *owner, ks_slice key)
{
    (void)owner;
    return key.data[1] - '0';
}

static bool has_letter(const void *owner, ks_slice key)
{
    return key.data[0] == *(const char *)owner;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static void beginning_uses_nothing_and_looking_goes_one_row_ahead(void **state)
{
    (void)state;
    rig *r = rig_of("d1 c1 b1 a1");
    begin(r, (ksi_cache_walk_options){0});
    assert_next(r, "a1");
    assert_next(r, "b1");
    assert_used(r, "d1 c1 a1 b1");
    free_rig(r);
}

static void asking_twice_looks_once(void **state)
{
    (void)state;
    rig *r = rig_of("b1 a1 c1");
    begin(r, (ksi_cache_walk_options){0});
    assert_ptr_equal(ksi_cache_walk_next(&r->walk), ksi_cache_walk_next(&r->walk));
    assert_used(r, "b1 c1 a1");
    free_rig(r);
}

static void what_is_passed_over_is_used_too(void **state)
{
    (void)state;
    rig *r = rig_of("b3 a4 b1 a2");
    begin(r, (ksi_cache_walk_options){.time_of = digit_of, .asks_for = has_letter, .owner = "b"});
    assert_next(r, "b1");
    assert_next(r, "b3");
    assert_next(r, NULL);
    assert_used(r, "b1 a2 b3 a4");
    free_rig(r);
}

static void rows_come_in_the_order_of_time_between_bounds_in_that_order(void **state)
{
    (void)state;
    rig *r = rig_of("a1 c1 a2 b2 z2 a3");
    ksi_cache_walk_options options = {
        .time_of = digit_of,
        .range = {.low = ks_slice_cstr("b1"), .high = ks_slice_cstr("b2"), .high_inclusive = true}};
    begin(r, options);
    assert_next(r, "c1");
    assert_next(r, "a2");
    assert_next(r, "b2");
    assert_next(r, NULL);
    options.range.backward = true;
    begin(r, options);
    assert_next(r, "b2");
    assert_next(r, "a2");
    assert_next(r, "c1");
    assert_next(r, NULL);
    assert_used(r, "a1 z2 a3 b2 a2 c1");
    free_rig(r);
}

static void what_was_evicted_is_given_and_the_next_is_looked_at(void **state)
{
    (void)state;
    rig *r = rig_of("b1 d1 c1 a1");
    begin(r, (ksi_cache_walk_options){0});
    evict_one(r);
    assert_next(r, "a1");
    assert_next(r, "b1");
    assert_used(r, "d1 a1 c1");
    free_rig(r);
}

static void what_is_put_later_is_not_given(void **state)
{
    (void)state;
    rig *r = rig_of("a1 c1");
    begin(r, (ksi_cache_walk_options){0});
    assert_next(r, "a1");
    put_clean(r, "b1");
    assert_next(r, "c1");
    assert_next(r, NULL);
    free_rig(r);
}

static void a_walk_that_is_no_use_uses_nothing(void **state)
{
    (void)state;
    rig *r = rig_of("c1 b1 a1");
    begin(r, (ksi_cache_walk_options){.is_no_use = true});
    assert_next(r, "a1");
    assert_next(r, "b1");
    assert_next(r, "c1");
    assert_next(r, NULL);
    assert_used(r, "c1 b1 a1");
    free_rig(r);
}

/* ---- a store in memory ----------------------------------------------------------------------- */

enum { OF_OTHERS = 1, OURS = 10, BEHIND = 50, RETENTION_MS = 100000 };

static void put_window(ksi_window_store *store, const char *key, int64_t start)
{
    ks_error error;
    const ksi_record_context context = {.timestamp = start};
    const ksi_window_row row = {
        .key = ks_slice_cstr(key), .start = start, .value = ks_slice_cstr("v"), .timestamp = start};
    assert_int_equal(ksi_window_store_put(store, &row, &context, &error), KS_OK);
}

static bool is_cached(const ksi_window_store *store, const char *key, int64_t start)
{
    ksi_buffer in = {0};
    const ksi_window_key of = {.key = ks_slice_cstr(key), .start = start};
    const ks_slice row_key = ksi_window_key_make(&in, store->layout, 0, &of);
    const bool is = ksi_record_cache_peek(store->logged.cached, row_key) != NULL;
    ksi_buffer_destroy(&in);
    return is;
}

static void fetch_ours(ksi_window_store *store)
{
    ks_error error;
    ksi_window_row row;
    bool found = true;
    const ks_slice key = ks_slice_cstr("ours");
    ksi_window_iterator *iterator = ksi_window_store_fetch(
        store, &(ksi_window_range){.key_from = key, .key_to = key, .from = OURS, .to = OURS});
    assert_int_equal(ksi_window_iterator_next(iterator, &row, &found, &error), KS_OK);
    assert_true(found);
    assert_int_equal(ksi_window_iterator_next(iterator, &row, &found, &error), KS_OK);
    assert_false(found);
    ksi_window_iterator_close(iterator);
}

/* Rows of other keys are used last, or not, when ours are fetched: which row goes first says so. */
static void check_use_of(int others, int64_t budget, bool are_used)
{
    ks_error error;
    ksi_record_cache *cache = ksi_record_cache_new(budget);
    const ksi_store_spec spec = {.name = "windows",
                                 .kind = KSI_STORE_WINDOW,
                                 .type = KS_STORE_IN_MEMORY,
                                 .retention_ms = RETENTION_MS,
                                 .window_size_ms = 1,
                                 .caching = true};
    ksi_window_store *store =
        ksi_window_store_open(&(ksi_store_options){.spec = &spec, .cache = cache}, &error);
    assert_non_null(store);
    for (int i = 0; i < others; i++) {
        char key[TEXT_BYTES];
        (void)snprintf(key, sizeof key, "other %d", i);
        put_window(store, key, OF_OTHERS);
    }
    put_window(store, "behind", BEHIND);
    put_window(store, "ours", OURS);
    assert_int_equal(ksi_store_flush(ksi_window_store_base(store), &error), KS_OK);
    fetch_ours(store);
    const int64_t bytes = ksi_record_cache_bytes(cache);
    assert_int_equal(ksi_record_cache_resize(cache, bytes - 1, &error), KS_OK);
    assert_int_equal(is_cached(store, "other 0", OF_OTHERS), are_used);
    assert_int_equal(is_cached(store, "behind", BEHIND), !are_used);
    ksi_store_close(ksi_window_store_base(store));
    ksi_record_cache_free(cache);
}

static void a_tight_budget_has_the_cached_rows_of_all_keys_used(void **state)
{
    (void)state;
    check_use_of(10, TIGHT, true);
    check_use_of(200, TIGHT, true);
}

static void a_large_budget_has_only_those_used_that_are_asked_for(void **state)
{
    (void)state;
    check_use_of(10, TIGHT + 1, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beginning_uses_nothing_and_looking_goes_one_row_ahead),
        cmocka_unit_test(asking_twice_looks_once),
        cmocka_unit_test(what_is_passed_over_is_used_too),
        cmocka_unit_test(rows_come_in_the_order_of_time_between_bounds_in_that_order),
        cmocka_unit_test(what_was_evicted_is_given_and_the_next_is_looked_at),
        cmocka_unit_test(what_is_put_later_is_not_given),
        cmocka_unit_test(a_walk_that_is_no_use_uses_nothing),
        cmocka_unit_test(a_tight_budget_has_the_cached_rows_of_all_keys_used),
        cmocka_unit_test(a_large_budget_has_only_those_used_that_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
