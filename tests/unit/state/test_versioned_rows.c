/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_versioned_rows.c - versions of keys over time, against a list of all of them.
 *
 * The model keeps what was put as it came: a version for each time that was ever written to a key,
 * deletions among them, in order. That says all there is to say but one thing, which the random
 * puts leave out and a test of its own pins: Java forgets a deletion at the very time of the latest
 * version when no version ends there.
 *
 * The store stands in memory or on RocksDB, with a changelog (a list of puts) or without; it is
 * committed, aborted, applied, closed, crashed and restored like any other.
 *
 * KSTREAMS_TEST_SEED repeats a run.
 */
#include "state/versioned_store.h"

#include "base/buffer.h"
#include "base/slice.h"
#include "random_rows.h"
#include "scratch_directory.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    KEYS = 14,
    RETENTION_MS = 20000,
    OPERATIONS = 20000 / SLOWER, /* of one world */
    FIRST_MS = 100000
};

/* ---- the model ------------------------------------------------------------------------------- */

typedef struct put {
    size_t key;
    ks_slice value; /* null: deletes */
    int64_t time;
} put;

typedef struct history {
    put *versions; /* by time */
    size_t count;
    size_t capacity;
} history;

typedef struct model {
    history keys[KEYS];
    int64_t observed_ms;
} model;

static int64_t oldest(const model *m)
{
    return m->observed_ms - RETENTION_MS;
}

/* The index of the last version that begins by a time; -1: there is none. */
static int64_t last_by(const history *h, int64_t time)
{
    int64_t at = (int64_t)h->count - 1;
    while (at >= 0 && h->versions[at].time > time) {
        at--;
    }
    return at;
}

static int64_t model_put(model *m, const put *version)
{
    history *h = &m->keys[version->key];
    if (version->time < oldest(m)) {
        return KSI_NOT_PUT;
    }
    m->observed_ms = version->time > m->observed_ms ? version->time : m->observed_ms;
    int64_t at = last_by(h, version->time);
    if (at < 0 || h->versions[at].time < version->time) {
        if (h->count == h->capacity) {
            h->capacity = h->capacity * 2 + 16;
            h->versions = realloc(h->versions, h->capacity * sizeof *h->versions);
            assert_non_null(h->versions);
        }
        at++;
        memmove(&h->versions[at + 1], &h->versions[at],
                (h->count - (size_t)at) * sizeof *h->versions);
        h->count++;
    }
    h->versions[at] = *version;
    return (size_t)at + 1 < h->count ? h->versions[at + 1].time : KSI_NO_END;
}

/* Whether it deletes the latest version at its own time, where no other ends: see the top. */
static bool is_forgotten(const model *m, const put *version)
{
    const history *h = &m->keys[version->key];
    int64_t at = last_by(h, version->time);
    return version->value.data == NULL && at >= 0 && (size_t)at + 1 == h->count &&
           h->versions[at].time == version->time && h->versions[at].value.data != NULL &&
           (at == 0 || h->versions[at - 1].value.data == NULL);
}

static void model_clear(model *m)
{
    for (size_t i = 0; i < KEYS; i++) {
        free(m->keys[i].versions);
    }
    *m = (model){.observed_ms = -1};
}

/* ---- the world ------------------------------------------------------------------------------- */

typedef struct world_kind {
    bool in_memory;
    bool logged;
    int64_t clean_bytes;
} world_kind;

typedef struct world {
    world_kind kind;
    char path[SCRATCH_PATH_BYTES];
    int lives;
    ksi_rocks *rocks;
    ksi_family *family;
    ksi_row_store *rows;
    ksi_versioned_rows *versions;
    model model;
    put *log; /* every put, those that came too late among them */
    size_t logged;
    size_t committed; /* of them */
    int64_t now;
    size_t operation;
} world;

static void holds(const world *w, bool condition, const char *what, int line)
{
    if (!condition) {
        print_error("seed %" PRIu64 ", operation %zu, %s, logged %d, clean %" PRId64 "\n",
                    random_seed(), w->operation, w->kind.in_memory ? "in memory" : "RocksDB",
                    w->kind.logged, w->kind.clean_bytes);
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
    return key < 7 ? ks_slice_of(bytes, key * 2) : random_key(key);
}

static void open_versions(world *w)
{
    ks_error error = {0};
    w->versions = ksi_versioned_rows_open(
        &(ksi_versioned_rows_options){.rows = w->rows, .history_retention_ms = RETENTION_MS},
        &error);
    must(w, w->versions != NULL ? KS_OK : error.code, &error);
}

static void open_world(world *w)
{
    ks_error error = {0};
    char path[SCRATCH_PATH_BYTES * 2];
    (void)snprintf(path, sizeof path, "%s/%d", w->path, w->lives);
    if (!w->kind.in_memory) {
        w->rocks = ksi_rocks_open(&(ksi_rocks_options){.path = path,
                                                       .block_cache_bytes = 1024 * 1024,
                                                       .write_buffer_bytes = 1024 * 1024},
                                  &error);
        must(w, w->rocks != NULL ? KS_OK : error.code, &error);
        w->family = ksi_rocks_family(w->rocks, "store", &error);
        must(w, w->family != NULL ? KS_OK : error.code, &error);
    }
    w->rows = ksi_row_store_open(&(ksi_row_store_options){.name = "store",
                                                          .family = w->family,
                                                          .timestamped = true,
                                                          .logged = w->kind.logged,
                                                          .clean_bytes = w->kind.clean_bytes},
                                 &error);
    must(w, w->rows != NULL ? KS_OK : error.code, &error);
    open_versions(w);
}

static void close_rows(world *w)
{
    ksi_versioned_rows_close(w->versions);
    ksi_row_store_close(w->rows);
}

/* The model is what a number of puts make it. */
static void rebuild_model(world *w, size_t puts)
{
    model_clear(&w->model);
    for (size_t i = 0; i < puts; i++) {
        (void)model_put(&w->model, &w->log[i]);
    }
    w->logged = puts;
    w->committed = puts;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void assert_version(const world *w, size_t key, int64_t at, const ksi_version *version)
{
    const history *h = &w->model.keys[key];
    const put *expected = &h->versions[at];
    int64_t end = (size_t)at + 1 < h->count ? h->versions[at + 1].time : KSI_NO_END;
    HOLDS(w, version->from == expected->time);
    HOLDS(w, version->to == end);
    HOLDS(w, ks_slice_equal(version->value, expected->value));
}

static void get_latest(const world *w, size_t key)
{
    const history *h = &w->model.keys[key];
    ksi_version version;
    bool found;
    ks_error error = {0};
    must(w, ksi_versioned_rows_get(w->versions, key_of(key), &version, &found, &error), &error);
    HOLDS(w, found == (h->count > 0 && h->versions[h->count - 1].value.data != NULL));
    if (found) {
        assert_version(w, key, (int64_t)h->count - 1, &version);
    }
}

static void get_as_of(const world *w, size_t key, int64_t time)
{
    const history *h = &w->model.keys[key];
    ksi_version version;
    bool found;
    ks_error error = {0};
    int64_t at = last_by(h, time);
    bool is_known = (size_t)(at + 1) == h->count || time >= oldest(&w->model);
    must(w, ksi_versioned_rows_get_as_of(w->versions, key_of(key), time, &version, &found, &error),
         &error);
    HOLDS(w, found == (at >= 0 && is_known && h->versions[at].value.data != NULL));
    if (found) {
        assert_version(w, key, at, &version);
    }
}

/* All versions of a key that are valid within the retention, one after the other. */
static void walk(const world *w, size_t key)
{
    const history *h = &w->model.keys[key];
    int64_t time = oldest(&w->model);
    ksi_version version;
    bool found = true;
    ks_error error = {0};
    for (int64_t at = last_by(h, time) < 0 ? 0 : last_by(h, time); (size_t)at < h->count; at++) {
        if (h->versions[at].value.data == NULL) {
            continue;
        }
        do {
            must(w,
                 ksi_versioned_rows_next(w->versions, key_of(key), time, &version, &found, &error),
                 &error);
            HOLDS(w, found);
            time = version.to;
        } while (version.value.data == NULL);
        assert_version(w, key, at, &version);
    }
}

static void read_one(const world *w)
{
    size_t key = random_below(KEYS);
    uint32_t chance = random_below(10);
    if (chance < 3) {
        get_latest(w, key);
    } else if (chance < 9) {
        get_as_of(w, key, w->now + 100 - random_below(RETENTION_MS * 5 / 4));
    } else {
        walk(w, key);
    }
}

static void compare_all(const world *w)
{
    HOLDS(w, ksi_versioned_rows_observed(w->versions) == w->model.observed_ms);
    for (size_t key = 0; key < KEYS; key++) {
        get_latest(w, key);
        walk(w, key);
        for (int i = 0; i < 10; i++) {
            get_as_of(w, key, w->now + 100 - random_below(RETENTION_MS * 5 / 4));
        }
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Most in order, some late, a few too late; equal times are common. */
static int64_t random_time(world *w)
{
    uint32_t chance = random_below(20);
    w->now += random_below(4) == 0 ? random_below(200) : 0;
    w->now += random_below(1000) == 0 ? random_below(RETENTION_MS) : 0;
    if (chance < 12) {
        return w->now;
    }
    return chance < 16 ? w->now - random_below(300)
                       : w->now - random_below(RETENTION_MS + RETENTION_MS / 10);
}

static void put_one(world *w)
{
    const uint32_t size = random_below(4) == 0 ? 0 : random_below(40);
    const put version = {.key = random_below(KEYS),
                         .value = random_below(4) == 0 ? ks_slice_null()
                                                       : random_value(random_below(1000), size),
                         .time = random_time(w)};
    if (is_forgotten(&w->model, &version)) {
        return;
    }
    int64_t valid_to;
    ks_error error = {0};
    must(w,
         ksi_versioned_rows_put(w->versions, key_of(version.key), version.value, version.time,
                                &valid_to, &error),
         &error);
    w->log[w->logged++] = version;
    HOLDS(w, valid_to == model_put(&w->model, &version));
}

/* ---- transactions and restoring -------------------------------------------------------------- */

static void commit(world *w)
{
    ks_error error = {0};
    const ksi_store_position position = {.offset = (int64_t)w->logged};
    must(w, ksi_row_store_commit(w->rows, w->kind.logged ? &position : NULL, &error), &error);
    w->committed = w->logged;
}

/* Puts again what the changelog has from `from` on. */
static void replay(world *w, size_t from, size_t to)
{
    ks_error error = {0};
    for (size_t i = from; i < to; i++) {
        must(w,
             ksi_versioned_rows_restore(w->versions, key_of(w->log[i].key), w->log[i].value,
                                        w->log[i].time, &error),
             &error);
        if (random_below(100) == 0 || i + 1 == to) {
            const ksi_store_position position = {.offset = (int64_t)i + 1};
            must(w, ksi_row_store_restored(w->rows, &position, &error), &error);
        }
    }
}

static void restore(world *w)
{
    size_t committed = w->committed;
    if (w->kind.logged) {
        int64_t position = ksi_row_store_position(w->rows).offset;
        replay(w, position > 0 ? (size_t)position : 0, committed);
    }
    rebuild_model(w, committed);
    compare_all(w);
}

static void wipe(world *w)
{
    ks_error error = {0};
    ksi_versioned_rows_close(w->versions);
    must(w, ksi_row_store_wipe(w->rows, &error), &error);
    w->committed = w->kind.logged ? w->committed : 0;
    open_versions(w);
    restore(w);
}

static void abort_one(world *w)
{
    bool is_whole = ksi_row_store_abort(w->rows);
    if (!is_whole) {
        wipe(w);
        return;
    }
    ksi_versioned_rows_close(w->versions);
    open_versions(w);
    rebuild_model(w, w->committed);
    compare_all(w);
}

static void reopen(world *w)
{
    char old_path[SCRATCH_PATH_BYTES * 2];
    char path[SCRATCH_PATH_BYTES * 2];
    ks_error error = {0};
    bool crashes = random_below(2) == 0;
    close_rows(w);
    if (!w->kind.in_memory && crashes) {
        (void)snprintf(old_path, sizeof old_path, "%s/%d", w->path, w->lives);
        (void)snprintf(path, sizeof path, "%s/%d", w->path, ++w->lives);
        scratch_directory_copy_database(w->rocks, path);
        ksi_rocks_abandon(w->rocks);
        scratch_directory_remove(old_path);
    } else if (!w->kind.in_memory) {
        must(w, ksi_rocks_close(w->rocks, &error), &error);
    }
    open_world(w);
    if (w->kind.in_memory && !w->kind.logged) {
        w->committed = 0;
    }
    restore(w);
}

static void do_one(world *w)
{
    uint32_t chance = random_below(1000);
    ks_error error = {0};
    if (chance < 500) {
        put_one(w);
    } else if (chance < 950) {
        read_one(w);
    } else if (chance < (w->kind.logged ? 980 : 960)) {
        commit(w);
    } else if (chance >= 980 && chance < 982) {
        abort_one(w);
    } else if (chance >= 982 && chance < 995) {
        must(w, ksi_row_store_apply(w->rows, &error), &error);
    } else if (chance == 995) {
        must(w, ksi_row_store_write_through(w->rows, &error), &error);
    } else if (chance == 996 && random_below(4) == 0) {
        reopen(w);
    } else if (chance == 997 && random_below(4) == 0 && w->kind.logged) {
        wipe(w);
    }
}

static void run_world(const world_kind *kind)
{
    static world w;
    ks_error error = {0};
    w = (world){.kind = *kind, .model.observed_ms = -1, .now = FIRST_MS};
    w.log = calloc(OPERATIONS, sizeof *w.log);
    assert_non_null(w.log);
    if (!kind->in_memory) {
        scratch_directory_make(w.path);
    }
    open_world(&w);
    for (; w.operation < OPERATIONS; w.operation++) {
        do_one(&w);
    }
    compare_all(&w);
    close_rows(&w);
    if (!kind->in_memory) {
        must(&w, ksi_rocks_close(w.rocks, &error), &error);
        scratch_directory_remove(w.path);
    }
    model_clear(&w.model);
    free(w.log);
}

static void versions_are_what_was_put_whatever_happens_to_their_rows(void **state)
{
    (void)state;
    static const world_kind kinds[] = {
        {.in_memory = true, .logged = true},
        {.in_memory = true},
        {.logged = true},
        {.logged = true, .clean_bytes = 2000},
        {.logged = true, .clean_bytes = 1 << 20},
        {.clean_bytes = 2000},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        run_world(&kinds[i]);
    }
}

/* ---- what a crash leaves --------------------------------------------------------------------- */

/* Makes a store the rows of another within a range of keys. */
static void copy_rows(const world *w, ksi_row_store *from, ksi_row_store *to, ks_slice low,
                      ks_slice high)
{
    ksi_row_store *stores[] = {to, from};
    for (int i = 0; i < 2; i++) {
        ksi_row row;
        bool found = true;
        ks_error error = {0};
        ksi_row_iterator *iterator =
            ksi_row_iterator_open(stores[i], &(ksi_row_range){.low = low, .high = high});
        while (found) {
            must(w, ksi_row_iterator_next(iterator, &row, &found, &error), &error);
            if (found) {
                ksi_row_store_put(to, row.key, stores[i] == to ? ks_slice_null() : row.value,
                                  row.timestamp);
            }
        }
        ksi_row_iterator_close(iterator);
    }
}

/* The keys of the first row and of a random one. */
static void bounds_of(const world *w, ksi_row_store *rows, ksi_buffer *low, ksi_buffer *high)
{
    ksi_row row;
    bool found = true;
    ks_error error = {0};
    uint32_t seen = 0;
    ksi_row_iterator *iterator = ksi_row_iterator_open(rows, &(ksi_row_range){0});
    while (found) {
        must(w, ksi_row_iterator_next(iterator, &row, &found, &error), &error);
        ksi_buffer *into = seen == 0 ? low : high;
        if (found && random_below(++seen) == 0) {
            ksi_buffer_clear(into);
            ksi_buffer_append(into, row.key.data, row.key.size);
        }
    }
    ksi_row_iterator_close(iterator);
}

static ksi_row_store *rows_in_memory(void)
{
    return ksi_row_store_open(
        &(ksi_row_store_options){.name = "store", .timestamped = true, .logged = true}, NULL);
}

/*
 * Applying writes in key order, so a crash leaves some rows at the beginning as they became and the
 * others as they were, and those that expired meanwhile as they were, too. Putting again what came
 * since leads to the same versions.
 */
static void putting_again_what_a_crash_took_leads_to_the_same(void **state)
{
    (void)state;
    static world w;
    put log[300];
    ksi_buffer low = {0};
    ksi_buffer high = {0};
    for (int run = 0; run < 400 / SLOWER; run++) {
        w = (world){.kind = {.in_memory = true, .logged = true}, .model.observed_ms = -1};
        w.log = log;
        w.now = FIRST_MS;
        open_world(&w);
        while (w.logged < 150) {
            put_one(&w);
        }
        ksi_row_store *left = rows_in_memory();
        copy_rows(&w, w.rows, left, ks_slice_null(), ks_slice_null());
        while (w.logged < 150 + 10 * (size_t)(1 + run % 15)) {
            put_one(&w);
        }
        compare_all(&w);
        bounds_of(&w, w.rows, &low, &high);
        copy_rows(&w, w.rows, left, ksi_buffer_slice(&low), ksi_buffer_slice(&high));
        close_rows(&w);
        w.rows = left;
        open_versions(&w);
        replay(&w, 150, w.logged);
        compare_all(&w);
        close_rows(&w);
        model_clear(&w.model);
    }
    ksi_buffer_destroy(&low);
    ksi_buffer_destroy(&high);
}

/* ---- by example ------------------------------------------------------------------------------ */

static ksi_versioned_rows *example(ksi_row_store **rows)
{
    *rows = rows_in_memory();
    ksi_versioned_rows *versions = ksi_versioned_rows_open(
        &(ksi_versioned_rows_options){.rows = *rows, .history_retention_ms = 1000}, NULL);
    assert_non_null(versions);
    return versions;
}

static int64_t put_text(ksi_versioned_rows *versions, const char *key, const char *value,
                        int64_t time)
{
    int64_t valid_to;
    assert_int_equal(ksi_versioned_rows_put(versions, ks_slice_cstr(key), ks_slice_cstr(value),
                                            time, &valid_to, NULL),
                     KS_OK);
    return valid_to;
}

static void assert_as_of(ksi_versioned_rows *versions, const char *key, int64_t time,
                         const char *value)
{
    ksi_version version;
    bool found;
    assert_int_equal(
        ksi_versioned_rows_get_as_of(versions, ks_slice_cstr(key), time, &version, &found, NULL),
        KS_OK);
    assert_int_equal(found, value != NULL);
    if (found) {
        assert_true(ks_slice_equal(version.value, ks_slice_cstr(value)));
    }
}

static void a_put_says_when_its_version_ends(void **state)
{
    (void)state;
    ksi_row_store *rows;
    ksi_versioned_rows *versions = example(&rows);
    assert_int_equal(put_text(versions, "k", "b", 20), KSI_NO_END);
    assert_int_equal(put_text(versions, "k", "a", 10), 20);
    assert_int_equal(put_text(versions, "k", "d", 40), KSI_NO_END);
    assert_int_equal(put_text(versions, "k", NULL, 30), 40);
    assert_int_equal(put_text(versions, "k", "B", 20), 30);
    assert_as_of(versions, "k", 9, NULL);
    assert_as_of(versions, "k", 10, "a");
    assert_as_of(versions, "k", 29, "B");
    assert_as_of(versions, "k", 30, NULL);
    assert_as_of(versions, "k", 1000000, "d");
    ksi_versioned_rows_close(versions);
    ksi_row_store_close(rows);
}

static void what_is_older_than_the_retention_is_not_put_nor_found(void **state)
{
    (void)state;
    ksi_row_store *rows;
    ksi_versioned_rows *versions = example(&rows);
    assert_int_equal(put_text(versions, "old", "1", 10), KSI_NO_END);
    assert_int_equal(put_text(versions, "k", "1", 10), KSI_NO_END);
    assert_int_equal(put_text(versions, "k", "2", 2000), KSI_NO_END);
    assert_int_equal(put_text(versions, "k", "x", 999), KSI_NOT_PUT);
    assert_int_equal(put_text(versions, "other", "x", 999), KSI_NOT_PUT);
    assert_as_of(versions, "k", 999, NULL);
    assert_as_of(versions, "k", 1000, "1");
    assert_as_of(versions, "old", 999, "1"); /* the latest never expires */
    assert_as_of(versions, "old", 9, NULL);
    assert_int_equal(ksi_versioned_rows_observed(versions), 2000);
    ksi_versioned_rows_close(versions);
    ksi_row_store_close(rows);
}

static void java_forgets_a_deletion_where_no_version_ends(void **state)
{
    (void)state;
    ksi_row_store *rows;
    ksi_versioned_rows *versions = example(&rows);
    assert_int_equal(put_text(versions, "k", "a", 5), KSI_NO_END);
    assert_int_equal(put_text(versions, "k", NULL, 5), KSI_NO_END);
    assert_int_equal(put_text(versions, "k", "late", 4), KSI_NO_END); /* and not 5 */
    assert_as_of(versions, "k", 5, "late");

    assert_int_equal(put_text(versions, "l", "a", 3), KSI_NO_END);
    assert_int_equal(put_text(versions, "l", "b", 5), KSI_NO_END);
    assert_int_equal(put_text(versions, "l", NULL, 5), KSI_NO_END);
    assert_int_equal(put_text(versions, "l", "late", 4), 5);

    assert_int_equal(put_text(versions, "m", NULL, 5), KSI_NO_END);
    assert_int_equal(put_text(versions, "m", "late", 4), 5);
    ksi_versioned_rows_close(versions);
    ksi_row_store_close(rows);
}

static void expired_versions_leave_the_rows(void **state)
{
    (void)state;
    ksi_row_store *rows;
    ksi_versioned_rows *versions = example(&rows);
    for (int64_t time = 0; time < 100000; time += 10) {
        assert_int_equal(put_text(versions, "k", "value", time), KSI_NO_END);
        if (time % 1000 == 0) {
            assert_int_equal(ksi_row_store_commit(rows, NULL, NULL), KS_OK);
        }
    }
    assert_in_range(ksi_row_store_count(rows), 100, 305);
    ksi_versioned_rows_close(versions);
    ksi_row_store_close(rows);
}

static void another_retention_is_refused(void **state)
{
    (void)state;
    ksi_row_store *rows;
    ks_error error = {0};
    ksi_versioned_rows *versions = example(&rows);
    (void)put_text(versions, "k", "a", 5);
    ksi_versioned_rows_close(versions);
    assert_null(ksi_versioned_rows_open(
        &(ksi_versioned_rows_options){.rows = rows, .history_retention_ms = 2000}, &error));
    assert_int_equal(error.code, KS_E_CONFIG);
    assert_non_null(strstr(error.message, "1000 ms"));
    assert_non_null(strstr(error.message, "2000 ms"));
    const ksi_store_spec spec = {
        .name = "unlogged", .kind = KSI_STORE_VERSIONED, .timestamped = true, .retention_ms = 2000};
    assert_null(ksi_store_open(&(ksi_store_options){.spec = &spec, .rows = rows}, &error));
    assert_non_null(strstr(error.message, "store unlogged has no changelog"));
    ksi_row_store_close(rows);
}

static void a_negative_time_is_refused(void **state)
{
    (void)state;
    ksi_row_store *rows;
    ks_error error = {0};
    int64_t valid_to;
    ksi_versioned_rows *versions = example(&rows);
    assert_int_equal(ksi_versioned_rows_put(versions, ks_slice_cstr("k"), ks_slice_cstr("a"), -1,
                                            &valid_to, &error),
                     KS_E_TIMESTAMP);
    assert_as_of(versions, "k", -1, NULL);
    ksi_versioned_rows_close(versions);
    ksi_row_store_close(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_says_when_its_version_ends),
        cmocka_unit_test(what_is_older_than_the_retention_is_not_put_nor_found),
        cmocka_unit_test(java_forgets_a_deletion_where_no_version_ends),
        cmocka_unit_test(expired_versions_leave_the_rows),
        cmocka_unit_test(another_retention_is_refused),
        cmocka_unit_test(a_negative_time_is_refused),
        cmocka_unit_test(putting_again_what_a_crash_took_leads_to_the_same),
        cmocka_unit_test(versions_are_what_was_put_whatever_happens_to_their_rows),
    };
    random_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
