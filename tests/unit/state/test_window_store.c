/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_window_store.c - window stores against a list of all that was put.
 *
 * The model is the list of puts, in order; what a store must show follows from it: the last put of
 * each key and start (with duplicates every one), without what the retention hides, in the order of
 * the kind. The changelog is a list of records, from which the store is restored after a crash.
 *
 * A store stands in memory or on RocksDB, by key or by time, with duplicates or without, cached or
 * not. What expires below a cache depends on when that was flushed, so with one only times are
 * compared that no flush can hide.
 *
 * KSTREAMS_TEST_SEED repeats a run.
 */
#include "state/window_store.h"

#include "base/buffer.h"
#include "base/endian.h"
#include "base/error.h"
#include "base/slice.h"
#include "random_rows.h"
#include "scratch_directory.h"
#include "state/store_restore.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    KEYS = 14,
    PREFIXES = 7,         /* keys that begin each other */
    MANY = 8000 / SLOWER, /* operations of one world */
    RETENTION_MS = 300000,
    SEGMENT_MS = RETENTION_MS / 2,
    FIRST_MS = 1000000
};

/* ---- the world ------------------------------------------------------------------------------- */

typedef struct put {
    size_t key;
    int64_t start;
    int64_t sequence; /* of duplicates */
    ks_slice value;
    int64_t timestamp;
} put;

typedef struct logged_record {
    ks_slice key; /* owned */
    ks_slice value;
    int64_t timestamp;
} logged_record;

typedef struct world_kind {
    bool on_disk;
    ks_store_type type;
    bool by_time;
    bool duplicates;
    bool logged;
    int64_t cache_bytes; /* -1: none */
} world_kind;

typedef struct world {
    ksi_changelog changelog; /* first */
    world_kind kind;
    ksi_store_spec spec;
    char path[SCRATCH_PATH_BYTES];
    int lives;
    ksi_rocks *rocks;
    ksi_row_store *rows;
    ksi_record_cache *cache;
    ksi_window_store *store;
    put *puts;
    size_t count;
    size_t committed;
    logged_record *log;
    size_t logged;
    size_t log_capacity;
    size_t logged_committed;
    int64_t now;
    int64_t highest;
    size_t refused;
    size_t operation;
} world;

static void holds(const world *w, bool condition, const char *what, int line)
{
    if (!condition) {
        print_error("seed %" PRIu64 ", operation %zu, %s, %s, by %s, duplicates %d, logged %d, "
                    "cache %" PRId64 "\n",
                    random_seed(), w->operation, w->kind.on_disk ? "on disk" : "not on disk",
                    w->kind.type == KS_STORE_IN_MEMORY ? "in memory" : "RocksDB",
                    w->kind.by_time ? "time" : "key", w->kind.duplicates, w->kind.logged,
                    w->kind.cache_bytes);
        _fail(what, line);
    }
}
#define HOLDS(w, condition) holds(w, condition, #condition, __LINE__)

static void must(const world *w, ks_status status, const ks_error *error)
{
    if (status != KS_OK) {
        char text[1024];
        print_error("%s\n", ks_error_text(error, text, sizeof text));
    }
    HOLDS(w, status == KS_OK);
}

/* The first keys share their beginnings with one another and with numbers. */
static ks_slice key_of(size_t key)
{
    static const char bytes[] = "a\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2";
    return key < PREFIXES ? ks_slice_of(bytes, key * 2) : random_key(key * 5);
}

static ks_status append(ksi_changelog *changelog, ks_slice key, ks_slice value, int64_t timestamp,
                        const ks_headers *headers, ks_error *error)
{
    world *w = (world *)changelog;
    (void)headers;
    (void)error;
    if (w->logged == w->log_capacity) {
        w->log_capacity = w->log_capacity * 2 + 64;
        w->log = realloc(w->log, w->log_capacity * sizeof *w->log);
        assert_non_null(w->log);
    }
    char *copy = malloc(key.size + value.size + 1);
    assert_non_null(copy);
    memcpy(copy, key.data, key.size);
    if (value.size > 0) {
        memcpy(copy + key.size, value.data, value.size);
    }
    w->log[w->logged++] = (logged_record){
        .key = ks_slice_of(copy, key.size),
        .value = value.data != NULL ? ks_slice_of(copy + key.size, value.size) : ks_slice_null(),
        .timestamp = timestamp};
    return KS_OK;
}

static void count_refused(void *owner)
{
    world *w = owner;
    w->refused++;
}

static void open_store(world *w)
{
    ks_error error = {0};
    w->cache = w->kind.cache_bytes >= 0 ? ksi_record_cache_new(w->kind.cache_bytes) : NULL;
    w->store = ksi_window_store_open(
        &(ksi_store_options){.spec = &w->spec,
                             .changelog = w->kind.logged ? &w->changelog : NULL,
                             .cache = w->cache,
                             .rows = w->rows,
                             .too_late = count_refused,
                             .owner = w},
        &error);
    must(w, w->store != NULL ? KS_OK : error.code, &error);
    if (w->kind.by_time) {
        ksi_window_store_keep_from(w->store, INT64_MAX);
    }
    w->highest = ksi_window_store_observed(w->store);
}

static void close_store(world *w)
{
    ksi_store_close(ksi_window_store_base(w->store));
    ksi_record_cache_free(w->cache);
}

static void open_world(world *w)
{
    ks_error error = {0};
    char path[SCRATCH_PATH_BYTES * 2];
    (void)snprintf(path, sizeof path, "%s/%d", w->path, w->lives);
    ksi_family *family = NULL;
    if (w->kind.on_disk) {
        w->rocks = ksi_rocks_open(&(ksi_rocks_options){.path = path,
                                                       .block_cache_bytes = 1024 * 1024,
                                                       .write_buffer_bytes = 1024 * 1024},
                                  &error);
        must(w, w->rocks != NULL ? KS_OK : error.code, &error);
        family = ksi_rocks_family(w->rocks, "store", &error);
        must(w, family != NULL ? KS_OK : error.code, &error);
    }
    w->rows = ksi_row_store_open(&(ksi_row_store_options){.name = "store",
                                                          .family = family,
                                                          .timestamped = true,
                                                          .logged = w->kind.logged,
                                                          .by_time = true,
                                                          .clean_bytes = 20000},
                                 &error);
    must(w, w->rows != NULL ? KS_OK : error.code, &error);
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool in_order_of_time(const world *w)
{
    return w->kind.by_time || w->kind.type == KS_STORE_IN_MEMORY;
}

static const world *sorted_world;

static int compare_bytes(const put *a, const put *b)
{
    ksi_buffer one = {0};
    ksi_buffer other = {0};
    char number[8];
    const put *both[] = {a, b};
    ksi_buffer *to[] = {&one, &other};
    bool by_time = in_order_of_time(sorted_world);
    for (int i = 0; i < 2; i++) {
        ks_slice key = key_of(both[i]->key);
        ksi_buffer_append(to[i], key.data, key.size);
        ksi_put_be64(number, (uint64_t)both[i]->start);
        ksi_buffer_append(to[i], number, by_time ? 0 : 8);
        ksi_put_be32(number, (uint32_t)both[i]->sequence);
        ksi_buffer_append(to[i], number, by_time && !sorted_world->kind.duplicates ? 0 : 4);
    }
    int order = ksi_slice_compare(ksi_buffer_slice(&one), ksi_buffer_slice(&other));
    ksi_buffer_destroy(&one);
    ksi_buffer_destroy(&other);
    return order;
}

static int compare_puts(const void *a, const void *b)
{
    const put *one = a;
    const put *other = b;
    bool by_time = in_order_of_time(sorted_world);
    int64_t unit = by_time ? 1 : SEGMENT_MS;
    if (one->start / unit != other->start / unit) {
        return one->start / unit < other->start / unit ? -1 : 1;
    }
    return compare_bytes(one, other);
}

/* From where on the model and the store must agree. */
static int64_t visible_from(const world *w)
{
    bool shows_more = w->kind.by_time && w->kind.type != KS_STORE_IN_MEMORY;
    return w->highest - RETENTION_MS + (shows_more ? 0 : 1);
}

static bool is_replaced(const world *w, size_t at)
{
    const put *p = &w->puts[at];
    for (size_t i = at + 1; !w->kind.duplicates && i < w->count; i++) {
        if (w->puts[i].key == p->key && w->puts[i].start == p->start) {
            return true;
        }
    }
    return p->value.data == NULL;
}

static bool is_asked_for(const ksi_window_range *range, const put *p)
{
    ks_slice key = key_of(p->key);
    return p->start >= range->from && p->start <= range->to &&
           (range->key_from.data == NULL || ksi_slice_compare(key, range->key_from) >= 0) &&
           (range->key_to.data == NULL || ksi_slice_compare(key, range->key_to) <= 0);
}

static void compare_range(const world *w, ksi_window_range range)
{
    static put expected[MANY];
    size_t count = 0;
    if (w->cache != NULL && range.from < visible_from(w)) {
        range.from = visible_from(w);
    }
    for (size_t i = 0; i < w->count; i++) {
        if (w->puts[i].start >= visible_from(w) && is_asked_for(&range, &w->puts[i]) &&
            !is_replaced(w, i)) {
            expected[count++] = w->puts[i];
        }
    }
    sorted_world = w;
    qsort(expected, count, sizeof *expected, compare_puts);
    ksi_window_iterator *rows = ksi_window_store_fetch(w->store, &range);
    ks_error error = {0};
    for (size_t i = 0; i <= count; i++) {
        const put *next = &expected[i < count && range.backward ? count - 1 - i : i];
        ksi_window_row row;
        bool found;
        must(w, ksi_window_iterator_next(rows, &row, &found, &error), &error);
        HOLDS(w, found == (i < count));
        if (found) {
            HOLDS(w, ks_slice_equal(row.key, key_of(next->key)));
            HOLDS(w, row.start == next->start);
            HOLDS(w, ks_slice_equal(row.value, next->value));
            HOLDS(w, row.timestamp == next->timestamp);
        }
    }
    ksi_window_iterator_close(rows);
}

static int64_t random_time(const world *w)
{
    return w->now + 20000 - (int64_t)random_below(RETENTION_MS + RETENTION_MS / 2);
}

static void read_range(const world *w)
{
    ksi_window_range range = {.from = random_time(w), .to = random_time(w)};
    range.from = random_below(5) == 0 ? 0 : range.from;
    range.to = random_below(5) == 0 ? INT64_MAX : range.to;
    range.backward = random_below(2) == 0;
    uint32_t chance = random_below(4);
    if (chance > 0) {
        range.key_from = key_of(random_below(KEYS));
        range.key_to = range.key_from;
    }
    if (chance == 2) {
        range.key_to = random_below(4) == 0 ? ks_slice_null() : key_of(random_below(KEYS));
        range.key_from = random_below(4) == 0 ? ks_slice_null() : range.key_from;
    }
    compare_range(w, range);
}

static void read_one(world *w)
{
    if (w->kind.duplicates) {
        return;
    }
    const put *like = w->count > 0 ? &w->puts[random_below((uint32_t)w->count)] : NULL;
    size_t key = like != NULL ? like->key : 0;
    int64_t start = like != NULL && random_below(4) > 0 ? like->start : random_time(w);
    const put *expected = NULL;
    for (size_t i = w->count; expected == NULL && i > 0; i--) {
        const put *p = &w->puts[i - 1];
        expected = p->key == key && p->start == start ? p : NULL;
    }
    bool is_there = expected != NULL && expected->value.data != NULL && start >= visible_from(w);
    if (w->cache != NULL && start < visible_from(w)) {
        return;
    }
    ksi_row row;
    bool found;
    ks_error error = {0};
    must(w, ksi_window_store_get(w->store, key_of(key), start, &row, &found, &error), &error);
    HOLDS(w, found == is_there);
    if (found) {
        HOLDS(w, ks_slice_equal(row.value, expected->value));
        HOLDS(w, row.timestamp == expected->timestamp);
    }
}

static void compare_all(world *w)
{
    compare_range(w, (ksi_window_range){.from = 0, .to = INT64_MAX});
    compare_range(w, (ksi_window_range){.from = 0, .to = INT64_MAX, .backward = true});
    for (int i = 0; i < 10; i++) {
        read_range(w);
        read_one(w);
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_one(world *w)
{
    w->now += random_below(4) == 0 ? random_below(2000) : 0;
    w->now += random_below(500) == 0 ? random_below(RETENTION_MS) : 0;
    w->now += random_below(2000) == 0 ? RETENTION_MS * 20 : 0;
    int64_t start = random_below(4) > 0 ? w->now - random_below(20) * 500 : random_time(w);
    /*
     * The order of duplicates whose keys begin each other depends on their numbers, in which an
     * abort leaves gaps that the model does not have.
     */
    const put p = {
        .key = w->kind.duplicates ? PREFIXES + random_below(KEYS - PREFIXES) : random_below(KEYS),
        .start = start,
        .sequence = (int64_t)w->count + 1,
        .value = random_below(5) == 0 ? ks_slice_null()
                                      : random_value(random_below(1000), random_below(40)),
        .timestamp = (int64_t)random_below(100000)};
    ks_error error = {0};
    const ksi_record_context context = {.topic = "in", .timestamp = w->now};
    const ksi_window_row row = {
        .key = key_of(p.key), .start = p.start, .value = p.value, .timestamp = p.timestamp};
    size_t refused = w->refused;
    int64_t live = w->kind.type == KS_STORE_IN_MEMORY
                       ? visible_from(w)
                       : (visible_from(w) - 1) / SEGMENT_MS * SEGMENT_MS;
    bool is_nothing = w->kind.duplicates && p.value.data == NULL;
    bool moves_time = !is_nothing || w->kind.type == KS_STORE_IN_MEMORY;
    must(w, ksi_window_store_put(w->store, &row, &context, &error), &error);
    if (w->cache == NULL) {
        HOLDS(w, (w->refused > refused) == (moves_time && start < live));
    }
    if (!is_nothing) {
        w->puts[w->count++] = p;
    }
    if (moves_time && start > w->highest) {
        w->highest = start;
    }
    HOLDS(w, ksi_window_store_observed(w->store) == w->highest);
}

/* ---- transactions and restoring -------------------------------------------------------------- */

static void commit(world *w)
{
    ks_error error = {0};
    const ksi_store_class *class = ksi_window_store_base(w->store)->class;
    must(w, class->flush(ksi_window_store_base(w->store), &error), &error);
    const ksi_store_position position = {.offset = (int64_t)w->logged};
    must(w, ksi_row_store_commit(w->rows, w->kind.logged ? &position : NULL, &error), &error);
    w->committed = w->count;
    w->logged_committed = w->logged;
}

static void forget_uncommitted(world *w)
{
    while (w->logged > w->logged_committed) {
        free((void *)(uintptr_t)w->log[--w->logged].key.data);
    }
    w->count = w->committed;
}

static void restore(world *w)
{
    ks_error error = {0};
    if (!w->kind.logged) {
        return;
    }
    ksi_store_restore *to = ksi_store_restore_open(&w->spec, w->rows, &error);
    must(w, to != NULL ? KS_OK : error.code, &error);
    int64_t offset = ksi_row_store_position(w->rows).offset;
    for (size_t i = offset > 0 ? (size_t)offset : 0; i < w->logged; i++) {
        const logged_record *record = &w->log[i];
        const ksi_record_context context = {.timestamp = record->timestamp};
        must(w, ksi_store_restore_record(to, record->key, record->value, &context, &error), &error);
        if (random_below(100) == 0 || i + 1 == w->logged) {
            const ksi_store_position position = {.offset = (int64_t)i + 1};
            must(w, ksi_row_store_restored(w->rows, &position, &error), &error);
        }
    }
    ksi_store_restore_close(to);
}

static void abort_one(world *w)
{
    close_store(w);
    HOLDS(w, ksi_row_store_abort(w->rows));
    forget_uncommitted(w);
    open_store(w);
    compare_all(w);
}

static void reopen(world *w)
{
    char old_path[SCRATCH_PATH_BYTES * 2];
    char path[SCRATCH_PATH_BYTES * 2];
    ks_error error = {0};
    bool crashes = random_below(2) == 0;
    close_store(w);
    ksi_row_store_close(w->rows);
    if (w->kind.on_disk && crashes) {
        (void)snprintf(old_path, sizeof old_path, "%s/%d", w->path, w->lives);
        (void)snprintf(path, sizeof path, "%s/%d", w->path, ++w->lives);
        scratch_directory_copy_database(w->rocks, path);
        ksi_rocks_abandon(w->rocks);
        scratch_directory_remove(old_path);
    } else if (w->kind.on_disk) {
        must(w, ksi_rocks_close(w->rocks, &error), &error);
    }
    forget_uncommitted(w);
    open_world(w);
    if (!w->kind.on_disk && !w->kind.logged) {
        w->committed = 0;
        w->count = 0;
    }
    restore(w);
    open_store(w);
    compare_all(w);
}

static void run(const world_kind *kind)
{
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    *w = (world){.changelog.append = append,
                 .kind = *kind,
                 .spec = {.name = "store",
                          .kind = KSI_STORE_WINDOW,
                          .type = kind->type,
                          .retention_ms = RETENTION_MS,
                          .window_size_ms = 1000,
                          .retain_duplicates = kind->duplicates,
                          .by_time = kind->by_time,
                          .timestamped = true,
                          .caching = kind->cache_bytes >= 0,
                          .logging = kind->logged},
                 .now = FIRST_MS};
    w->puts = calloc(MANY, sizeof *w->puts);
    assert_non_null(w->puts);
    scratch_directory_make(w->path);
    open_world(w);
    open_store(w);
    ks_error error = {0};
    for (; w->operation < MANY; w->operation++) {
        uint32_t chance = random_below(1000);
        if (chance < 700) {
            put_one(w);
        } else if (chance < 880) {
            read_one(w);
        } else if (chance < 960) {
            read_range(w);
        } else if (chance < 980) {
            commit(w);
        } else if (chance < 990) {
            commit(w);
            must(w, ksi_row_store_apply(w->rows, &error), &error);
        } else if (chance < 996) {
            abort_one(w);
        } else {
            reopen(w);
        }
    }
    compare_all(w);
    close_store(w);
    ksi_row_store_close(w->rows);
    if (w->kind.on_disk) {
        must(w, ksi_rocks_close(w->rocks, &error), &error);
    }
    scratch_directory_remove(w->path);
    w->logged_committed = 0;
    forget_uncommitted(w);
    free(w->log);
    free(w->puts);
    free(w);
}

static void run_types(world_kind kind)
{
    kind.type = KS_STORE_IN_MEMORY;
    run(&kind);
    kind.type = KS_STORE_ROCKSDB;
    run(&kind);
    kind.on_disk = true;
    run(&kind);
}

static void a_store_shows_what_was_put_and_has_not_expired(void **state)
{
    (void)state;
    run_types((world_kind){.logged = true, .cache_bytes = -1});
}

static void a_store_without_changelog_does_so_too(void **state)
{
    (void)state;
    run_types((world_kind){.cache_bytes = -1});
}

static void a_store_by_time_shows_the_same_in_another_order(void **state)
{
    (void)state;
    run_types((world_kind){.by_time = true, .logged = true, .cache_bytes = -1});
}

static void a_store_with_duplicates_keeps_every_row(void **state)
{
    (void)state;
    run_types((world_kind){.duplicates = true, .logged = true, .cache_bytes = -1});
}

static void a_cache_changes_nothing_of_what_is_read(void **state)
{
    (void)state;
    run_types((world_kind){.logged = true, .cache_bytes = 0});
    run_types((world_kind){.logged = true, .cache_bytes = 5000});
    run_types((world_kind){.logged = true, .by_time = true, .cache_bytes = 100000});
}

/* ---- what closes may be read before it goes -------------------------------------------------- */

static void put_window(world *w, const char *key, int64_t start)
{
    ks_error error = {0};
    const ksi_record_context context = {.topic = "in", .timestamp = start};
    const ksi_window_row row = {
        .key = ks_slice_cstr(key), .start = start, .value = ks_slice_cstr("v"), .timestamp = start};
    must(w, ksi_window_store_put(w->store, &row, &context, &error), &error);
}

static size_t count_rows(world *w, bool kept)
{
    ks_error error = {0};
    size_t count = 0;
    bool found = true;
    ksi_window_iterator *rows =
        ksi_window_store_fetch(w->store, &(ksi_window_range){.to = INT64_MAX, .kept = kept});
    while (found) {
        ksi_window_row row;
        must(w, ksi_window_iterator_next(rows, &row, &found, &error), &error);
        count += found ? 1 : 0;
    }
    ksi_window_iterator_close(rows);
    return count;
}

static void what_is_kept_is_read_by_who_asks_for_it_until_it_is_given_up(void **state)
{
    (void)state;
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->spec = (ksi_store_spec){.name = "store",
                               .kind = KSI_STORE_WINDOW,
                               .type = KS_STORE_ROCKSDB,
                               .retention_ms = RETENTION_MS,
                               .by_time = true,
                               .timestamped = true};
    w->kind.cache_bytes = -1;
    open_world(w);
    open_store(w);
    ksi_window_store_keep_from(w->store, 0);
    put_window(w, "a", 0);
    put_window(w, "b", 1000);
    put_window(w, "a", RETENTION_MS * 100);
    put_window(w, "c", 2000); /* as late as that */
    assert_int_equal(count_rows(w, false), 1);
    assert_int_equal(count_rows(w, true), 4);
    ksi_window_store_keep_from(w->store, 1000);
    assert_int_equal(count_rows(w, true), 3);
    ksi_window_store_keep_from(w->store, RETENTION_MS * 100);
    assert_int_equal(count_rows(w, true), 1);
    close_store(w);
    ksi_row_store_close(w->rows);
    free(w);
}

int main(void)
{
    random_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_shows_what_was_put_and_has_not_expired),
        cmocka_unit_test(a_store_without_changelog_does_so_too),
        cmocka_unit_test(a_store_by_time_shows_the_same_in_another_order),
        cmocka_unit_test(a_store_with_duplicates_keeps_every_row),
        cmocka_unit_test(a_cache_changes_nothing_of_what_is_read),
        cmocka_unit_test(what_is_kept_is_read_by_who_asks_for_it_until_it_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
