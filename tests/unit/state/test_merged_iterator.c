/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_merged_iterator.c - ranges of a cached store against a model: while several iterators are
 * open, in both directions, the store is written, read, flushed and committed at random.
 *
 * What an iterator owes: the keys of its range that were there when it was opened and have been
 * there ever since, in order, each with the value it has now; never a key that was not there. Of a
 * key that was deleted and put again meanwhile it may give the row or not.
 */
#include "state/key_value_store.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "scratch_directory.h"

enum { KEYS = 40, MOST_OPEN = 4, OPERATIONS = 60000 };

static uint64_t random_state;

static uint32_t below(uint32_t count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 33) % count);
}

static void start_random(void)
{
    const char *given = getenv("KSTREAMS_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    print_message("seed %" PRIu64 " (KSTREAMS_TEST_SEED repeats it)\n", seed);
}

/* ---- a store and its model ------------------------------------------------------------------- */

typedef struct open_range {
    ksi_merged_iterator *iterator; /* NULL: not open */
    bool backward;
    int low; /* first and last number that may come */
    int high;
    int last; /* the number given last; one outside the range at first */
    bool was_there[KEYS];
    bool was_away[KEYS]; /* at some time since the opening */
} open_range;

typedef struct rig {
    ksi_store_spec spec;
    ksi_record_cache *cache;
    ksi_key_value_store *store;
    int64_t now[KEYS]; /* what was written last; 0: absent */
    open_range ranges[MOST_OPEN];
    int64_t time;
    uint64_t given;
} rig;

static ks_slice key_of(int number, char buffer[16])
{
    return ks_slice_of(
        buffer, (size_t)snprintf(buffer, 16, "%02d%s", number, number % 3 == 0 ? "" : "tail"));
}

static void put(rig *r, int number, bool is_delete)
{
    char buffer[16];
    char value[24];
    int64_t time = ++r->time;
    const ksi_record_context context = {.topic = "in", .timestamp = time};
    ks_slice bytes = ks_slice_of(value, (size_t)snprintf(value, sizeof value, "%" PRId64, time));
    r->now[number] = is_delete ? 0 : time;
    for (size_t i = 0; is_delete && i < MOST_OPEN; i++) {
        r->ranges[i].was_away[number] = true;
    }
    assert_int_equal(ksi_key_value_store_write(r->store, key_of(number, buffer),
                                               is_delete ? ks_slice_null() : bytes, time, &context,
                                               NULL),
                     KS_OK);
}

static void read_one(rig *r, int number)
{
    char buffer[16];
    ksi_row row;
    bool found;
    assert_int_equal(ksi_key_value_store_read(r->store, key_of(number, buffer), &row, &found, NULL),
                     KS_OK);
    assert_int_equal(found, r->now[number] != 0);
}

/* ---- iterators ------------------------------------------------------------------------------- */

static void open_one(rig *r, open_range *range)
{
    char low[16];
    char high[16];
    int a = (int)below(KEYS);
    int b = a + (int)below((uint32_t)(KEYS - a));
    bool has_low = below(4) != 0;
    bool has_high = below(4) != 0;
    ksi_row_range wanted = {.high_inclusive = below(2) == 0, .backward = below(2) == 0};
    wanted.low = has_low ? key_of(a, low) : ks_slice_null();
    wanted.high = has_high ? key_of(b, high) : ks_slice_null();
    *range = (open_range){.backward = wanted.backward,
                          .low = has_low ? a : 0,
                          .high = !has_high ? KEYS - 1 : b - (wanted.high_inclusive ? 0 : 1)};
    range->last = range->backward ? range->high + 1 : range->low - 1;
    for (int i = 0; i < KEYS; i++) {
        range->was_there[i] = r->now[i] != 0;
    }
    range->iterator = ksi_key_value_store_iterate(r->store, &wanted);
}

static void close_one(open_range *range)
{
    ksi_merged_iterator_close(range->iterator);
    range->iterator = NULL;
}

static void advance(rig *r, open_range *range)
{
    ksi_row row;
    bool found;
    assert_int_equal(ksi_merged_iterator_next(range->iterator, &row, &found, NULL), KS_OK);
    int step = range->backward ? -1 : 1;
    int end = range->backward ? range->low - 1 : range->high + 1;
    int number = end;
    if (found) {
        char buffer[16];
        char value[24];
        number = (row.key.data[0] - '0') * 10 + row.key.data[1] - '0';
        assert_true(number >= range->low && number <= range->high);
        assert_true(ks_slice_equal(row.key, key_of(number, buffer)));
        assert_true(range->was_there[number]);
        snprintf(value, sizeof value, "%" PRId64, r->now[number]);
        assert_true(ks_slice_equal(row.value, ks_slice_cstr(value)));
        assert_int_equal(row.timestamp, r->spec.timestamped ? r->now[number] : -1);
        assert_true(range->backward ? number < range->last : number > range->last);
        r->given++;
    }
    for (int i = range->last + step; i != number && (end - i) * step > 0; i += step) {
        assert_false(range->was_there[i] && !range->was_away[i]); /* none is passed over */
    }
    range->last = found ? number : end - step;
    if (!found) {
        close_one(range);
    }
}

static void operate(rig *r)
{
    open_range *range = &r->ranges[below(MOST_OPEN)];
    switch (below(12)) {
    case 0:
    case 1:
    case 2:
        put(r, (int)below(KEYS), below(3) == 0);
        break;
    case 3:
        read_one(r, (int)below(KEYS));
        break;
    case 4:
        assert_int_equal(ksi_key_value_store_flush(r->store, NULL), KS_OK);
        if (below(2) == 0) {
            ksi_row_store *rows = ksi_key_value_store_rows(r->store);
            assert_int_equal(ksi_row_store_commit(rows, NULL, NULL), KS_OK);
            if (below(2) == 0) {
                assert_int_equal(ksi_row_store_apply(rows, NULL), KS_OK);
            }
        }
        break;
    case 5:
        close_one(range);
        open_one(r, range);
        break;
    default:
        if (range->iterator != NULL) {
            advance(r, range);
        }
    }
}

/* `family` NULL: in memory. */
static void run(int64_t cache_bytes, bool timestamped, ksi_family *family)
{
    rig r = {.spec = {.name = "rows", .timestamped = timestamped, .caching = cache_bytes > 0}};
    ksi_row_store *rows =
        family == NULL ? NULL
                       : ksi_row_store_open(&(ksi_row_store_options){.name = "rows",
                                                                     .family = family,
                                                                     .partition = 3,
                                                                     .timestamped = timestamped,
                                                                     .logged = true,
                                                                     .clean_bytes = 500},
                                            NULL);
    r.cache = cache_bytes > 0 ? ksi_record_cache_new(cache_bytes) : NULL;
    r.store = ksi_key_value_store_open(
        &(ksi_store_options){.spec = &r.spec, .cache = r.cache, .rows = rows});
    int operations = family == NULL ? OPERATIONS : OPERATIONS / 6;
    for (int i = 0; i < operations; i++) {
        operate(&r);
    }
    assert_true(r.given > (uint64_t)operations / 10);
    for (size_t i = 0; i < MOST_OPEN; i++) {
        close_one(&r.ranges[i]);
    }
    ksi_key_value_store_close(r.store);
    ksi_row_store_close(rows);
    ksi_record_cache_free(r.cache);
}

static void ranges_are_what_reading_key_by_key_would_find(void **state)
{
    (void)state;
    start_random();
    const int64_t budgets[] = {0, 1, 300, 1500, 1 << 20};
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        run(budgets[i], false, NULL);
        run(budgets[i], true, NULL);
    }
}

static void ranges_over_rocksdb_are_the_same(void **state)
{
    (void)state;
    char path[SCRATCH_PATH_BYTES];
    ks_error error = {0};
    start_random();
    scratch_directory_make(path);
    ksi_rocks *rocks = ksi_rocks_open(&(ksi_rocks_options){.path = path,
                                                           .block_cache_bytes = 1 << 20,
                                                           .write_buffer_bytes = 1 << 20},
                                      &error);
    assert_non_null(rocks);
    run(0, true, ksi_rocks_family(rocks, "uncached", &error));
    run(300, true, ksi_rocks_family(rocks, "tight", &error));
    run(1 << 20, false, ksi_rocks_family(rocks, "cached", &error));
    assert_int_equal(ksi_rocks_close(rocks, &error), KS_OK);
    scratch_directory_remove(path);
}

/* ---- who has been used ----------------------------------------------------------------------- */

typedef struct listener {
    char first; /* the key of the row that left the cache first */
} listener;

static ks_status hear(void *owner, const ksi_row *new_row, const ksi_row *old_row,
                      const ksi_record_context *context, ks_error *error)
{
    listener *self = owner;
    (void)old_row;
    (void)context;
    (void)error;
    self->first = self->first == '\0' ? new_row->key.data[0] : self->first;
    return KS_OK;
}

static void write_row(ksi_key_value_store *store, const char *key)
{
    const ksi_record_context context = {.topic = "in"};
    assert_int_equal(
        ksi_key_value_store_write(store, ks_slice_cstr(key), ks_slice_cstr("v"), 1, &context, NULL),
        KS_OK);
}

/* a and d are stored, b and c in a cache for two; a walk gives so many rows; who must go for e? */
static char first_to_go_after(int steps)
{
    listener self = {0};
    ksi_store_spec spec = {.name = "rows", .caching = true};
    ksi_record_cache *cache = ksi_record_cache_new(1 << 20);
    ksi_key_value_store *store =
        ksi_key_value_store_open(&(ksi_store_options){.spec = &spec, .cache = cache});
    assert_true(ksi_key_value_store_on_flush(store, hear, &self, false));
    ksi_row_store *rows = ksi_key_value_store_rows(store);
    ksi_row_store_put(rows, ks_slice_cstr("a"), ks_slice_cstr("v"), -1);
    ksi_row_store_put(rows, ks_slice_cstr("d"), ks_slice_cstr("v"), -1);
    write_row(store, "b");
    write_row(store, "c");
    assert_int_equal(ksi_record_cache_resize(cache, ksi_record_cache_bytes(cache), NULL), KS_OK);
    ksi_merged_iterator *all =
        ksi_key_value_store_iterate(store, &(ksi_row_range){.backward = false});
    for (int i = 0; i < steps; i++) {
        ksi_row row;
        bool found;
        assert_int_equal(ksi_merged_iterator_next(all, &row, &found, NULL), KS_OK);
        assert_true(found && row.key.data[0] == "abcd"[i]);
    }
    assert_int_equal(self.first, '\0');
    write_row(store, "e");
    ksi_merged_iterator_close(all);
    ksi_key_value_store_close(store);
    ksi_record_cache_free(cache);
    return self.first;
}

/* As Java's iterator does: it asks the cache for its next row before it looks at the store's. */
static void a_cached_row_is_used_when_it_becomes_the_next_of_the_cache(void **state)
{
    (void)state;
    assert_int_equal(first_to_go_after(0), 'b');
    assert_int_equal(first_to_go_after(1), 'c'); /* a is given, b is the next of the cache */
    assert_int_equal(first_to_go_after(2), 'c');
    assert_int_equal(first_to_go_after(3), 'b');
    assert_int_equal(first_to_go_after(4), 'b');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_what_reading_key_by_key_would_find),
        cmocka_unit_test(ranges_over_rocksdb_are_the_same),
        cmocka_unit_test(a_cached_row_is_used_when_it_becomes_the_next_of_the_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
