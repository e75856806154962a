/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hostile_rows.c - window and session stores over rows that they never wrote.
 *
 * Bytes of any size stand in the column family and in the changelog. Whatever is asked of the
 * store, the answer is rows or an error that says which store it is: never a read beyond a row
 * (which the address sanitizer sees), never a walk without an end.
 *
 * KSTREAMS_TEST_SEED repeats a run.
 */
#include "base/endian.h"
#include "base/error.h"
#include "random_rows.h"
#include "scratch_directory.h"
#include "state/session_store.h"
#include "state/store_restore.h"
#include "state/window_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RETENTION_MS = 300000, TIME = 1000000, WORLDS = 60 / SLOWER + 8, MOST_BYTES = 48 };

static const ksi_record_context no_context = {.partition = -1, .offset = -1, .timestamp = -1};

typedef struct world {
    char path[SCRATCH_PATH_BYTES];
    ksi_rocks *rocks;
    ksi_family *family;
    ksi_row_store *rows;
    ksi_store_spec spec;
    ksi_store *store;
} world;

static void must(ks_status status, const ks_error *error)
{
    if (status != KS_OK) {
        fail_msg("%s: %s", error->where, error->message);
    }
}

static void open_rows(world *w)
{
    ks_error error = {0};
    w->rows =
        ksi_row_store_open(&(ksi_row_store_options){.name = w->spec.name,
                                                    .family = w->family,
                                                    .timestamped = w->spec.timestamped,
                                                    .key_bytes = ksi_store_least_key(&w->spec),
                                                    .layout = ksi_store_layout(&w->spec),
                                                    .logged = true,
                                                    .clean_bytes = 20000,
                                                    .by_time = true},
                           &error);
    must(w->rows != NULL ? KS_OK : error.code, &error);
}

static void open_world(world *w, ksi_store_kind kind, bool by_time)
{
    ks_error error = {0};
    *w = (world){.spec = {.name = "hostile",
                          .kind = kind,
                          .type = KS_STORE_ROCKSDB,
                          .retention_ms = RETENTION_MS,
                          .window_size_ms = 1000,
                          .by_time = by_time,
                          .logging = true}};
    w->spec.timestamped = kind == KSI_STORE_WINDOW && random_below(2) == 0;
    w->spec.retain_duplicates = kind == KSI_STORE_WINDOW && !by_time && random_below(2) == 0;
    scratch_directory_make(w->path);
    w->rocks = ksi_rocks_open(&(ksi_rocks_options){.path = w->path,
                                                   .block_cache_bytes = 1024 * 1024,
                                                   .write_buffer_bytes = 1024 * 1024},
                              &error);
    must(w->rocks != NULL ? KS_OK : error.code, &error);
    w->family = ksi_rocks_family(w->rocks, w->spec.name, &error);
    must(w->family != NULL ? KS_OK : error.code, &error);
    open_rows(w);
}

static void open_store(world *w)
{
    ks_error error = {0};
    w->store = ksi_store_open(&(ksi_store_options){.spec = &w->spec, .rows = w->rows}, &error);
    must(w->store != NULL ? KS_OK : error.code, &error);
}

static void close_world(world *w)
{
    ks_error error = {0};
    ksi_store_close(w->store);
    ksi_row_store_close(w->rows);
    must(ksi_rocks_close(w->rocks, &error), &error);
    scratch_directory_remove(w->path);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void write_row(const world *w, ks_slice key, ks_slice value)
{
    ks_error error = {0};
    char physical[4 + MOST_BYTES + 8] = {0};
    ksi_rocks_batch *batch = ksi_rocks_batch_new(w->rocks);
    memcpy(physical + 4, key.data, key.size);
    ksi_rocks_batch_put(batch, w->family, ks_slice_of(physical, 4 + key.size), value);
    must(ksi_rocks_write(batch, false, &error), &error);
    ksi_rocks_batch_free(batch);
}

/* Likes to begin as a row does: with a segment that the store looks at, and a time in it. */
static ks_slice random_bytes(char to[MOST_BYTES])
{
    size_t size = random_below(MOST_BYTES + 1);
    for (size_t i = 0; i < MOST_BYTES; i++) {
        to[i] = (char)(random_below(3) > 0 ? random_below(4) : random_below(256));
    }
    if (random_below(4) > 0) {
        ksi_put_be64(to, (uint64_t)(TIME / (RETENTION_MS / 2) - random_below(3)));
    }
    if (random_below(2) > 0 && size >= 32) {
        ksi_put_be64(to + size - 8 - random_below(13), TIME - random_below(2000));
    }
    return ks_slice_of(to, size);
}

/* The store knows a time: so there is something to be asked for. */
static void write_a_row_of_its_own(const world *w)
{
    ks_error error = {0};
    ks_slice key = ks_slice_of("k", 1);
    if (w->spec.kind == KSI_STORE_WINDOW) {
        const ksi_window_row row = {.key = key, .start = TIME, .value = key};
        must(ksi_window_store_put(ksi_window_store_of(w->store), &row, &no_context, &error),
             &error);
    } else {
        const ksi_session_row row = {.key = key, .start = TIME, .end = TIME, .value = key};
        must(ksi_session_store_put(ksi_session_store_of(w->store), &row, &no_context, &error),
             &error);
    }
    must(ksi_row_store_commit(w->rows, &(ksi_store_position){.offset = 1}, &error), &error);
    must(ksi_row_store_apply(w->rows, &error), &error);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Rows, or an error that says where. True: it was an error. */
static bool is_refusal(ks_status status, const ks_error *error)
{
    if (status == KS_OK) {
        return false;
    }
    assert_int_equal(status, KS_E_CORRUPT);
    assert_string_equal(error->where, "hostile");
    assert_true(error->message[0] != '\0');
    return true;
}

static bool read_windows(const world *w, const ksi_window_range *range)
{
    ks_error error = {0};
    ksi_window_row row;
    bool found = true;
    ks_status status = KS_OK;
    ksi_window_iterator *rows = ksi_window_store_fetch(ksi_window_store_of(w->store), range);
    while (status == KS_OK && found) {
        status = ksi_window_iterator_next(rows, &row, &found, &error);
        if (status == KS_OK && found) {
            assert_true(row.start >= range->from && row.start <= range->to);
        }
    }
    ksi_window_iterator_close(rows);
    return is_refusal(status, &error);
}

static bool read_sessions(const world *w, ksi_session_iterator *rows)
{
    ks_error error = {0};
    ksi_session_row row;
    bool found = true;
    ks_status status = KS_OK;
    (void)w;
    while (status == KS_OK && found) {
        status = ksi_session_iterator_next(rows, &row, &found, &error);
    }
    ksi_session_iterator_close(rows);
    return is_refusal(status, &error);
}

/* All there is, in each way there is; how many were refused. */
static int read_everything(const world *w)
{
    int refusals = 0;
    for (int way = 0; way < 8; way++) {
        ks_slice key = way & 2 ? ks_slice_of("k", 1) : ks_slice_null();
        if (w->spec.kind == KSI_STORE_WINDOW) {
            const ksi_window_range range = {.key_from = key,
                                            .key_to = way & 4 ? key : ks_slice_null(),
                                            .from = 0,
                                            .to = INT64_MAX,
                                            .backward = way & 1};
            refusals += read_windows(w, &range);
            continue;
        }
        ksi_session_store *sessions = ksi_session_store_of(w->store);
        const ksi_session_range range = {.key_from = key,
                                         .key_to = way & 4 ? key : ks_slice_null(),
                                         .latest_start = INT64_MAX,
                                         .backward = way & 1};
        refusals += read_sessions(w, ksi_session_store_find(sessions, &range));
        if (ksi_session_store_finds_ending(sessions)) {
            refusals +=
                read_sessions(w, ksi_session_store_find_ending(sessions, 0, TIME + RETENTION_MS));
        }
    }
    return refusals;
}

/* ---- the tests ------------------------------------------------------------------------------- */

static void a_row_with_a_key_that_is_too_short_is_refused_by_name(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        world w;
        char segment[8];
        open_world(&w, kind < 2 ? KSI_STORE_WINDOW : KSI_STORE_SESSION, kind % 2 == 1);
        ksi_put_be64(segment, TIME / (RETENTION_MS / 2));
        open_store(&w);
        write_a_row_of_its_own(&w);
        assert_int_equal(read_everything(&w), 0);
        ksi_store_close(w.store);
        ksi_row_store_close(w.rows);
        write_row(&w, ks_slice_of(segment, sizeof segment), ks_slice_of("123456789", 9));
        open_rows(&w);
        open_store(&w);
        assert_true(read_everything(&w) > 0);
        close_world(&w);
    }
}

static void rows_of_any_shape_are_read_or_refused(void **state)
{
    (void)state;
    for (int number = 0; number < WORLDS; number++) {
        world w;
        char key[MOST_BYTES];
        char value[MOST_BYTES];
        open_world(&w, number % 2 == 0 ? KSI_STORE_WINDOW : KSI_STORE_SESSION, number % 4 > 1);
        open_store(&w);
        write_a_row_of_its_own(&w);
        ksi_store_close(w.store);
        ksi_row_store_close(w.rows);
        for (uint32_t rows = random_below(8); rows > 0; rows--) {
            ks_slice row_key = random_bytes(key);
            ks_slice row_value = random_bytes(value);
            write_row(&w, row_key, row_value);
        }
        open_rows(&w);
        open_store(&w);
        (void)read_everything(&w);
        write_a_row_of_its_own(&w); /* goes on all the same */
        close_world(&w);
    }
}

/* Whether the record was taken. */
static bool restore(const world *w, ks_slice key, ks_slice value)
{
    ks_error error = {0};
    const ksi_record_context context = {.partition = 0, .offset = 1, .timestamp = TIME};
    ksi_store_restore *restore = ksi_store_restore_open(&w->spec, w->rows, &error);
    must(restore != NULL ? KS_OK : error.code, &error);
    bool is_taken =
        !is_refusal(ksi_store_restore_record(restore, key, value, &context, &error), &error);
    ksi_store_restore_close(restore);
    return is_taken;
}

static void a_changelog_with_keys_of_something_else_is_refused_by_name(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        world w;
        char key[MOST_BYTES] = "";
        open_world(&w, kind < 2 ? KSI_STORE_WINDOW : KSI_STORE_SESSION, kind % 2 == 1);
        size_t least = kind < 2 ? 12 : 16;
        ks_slice value = ks_slice_of("v", 1);
        assert_false(restore(&w, ks_slice_of(key, 0), value));
        assert_false(restore(&w, ks_slice_of(key, least - 1), value));
        assert_true(restore(&w, ks_slice_of(key, least), value));
        memset(key, 0xff, sizeof key); /* before the beginning of time */
        assert_false(restore(&w, ks_slice_of(key, least + 4), value));
        close_world(&w);
    }
}

static void what_is_restored_from_any_changelog_can_be_read(void **state)
{
    ks_error error = {0};
    (void)state;
    for (int number = 0; number < WORLDS; number++) {
        world w;
        char key[MOST_BYTES];
        open_world(&w, number % 2 == 0 ? KSI_STORE_WINDOW : KSI_STORE_SESSION, number % 4 > 1);
        for (uint32_t records = random_below(30); records > 0; records--) {
            ks_slice record_key = random_bytes(key);
            ks_slice value = random_below(3) > 0 ? ks_slice_of("v", 1) : ks_slice_null();
            (void)restore(&w, record_key, value);
        }
        must(ksi_row_store_restored(w.rows, &(ksi_store_position){.offset = 40}, &error), &error);
        open_store(&w);
        assert_int_equal(read_everything(&w), 0);
        close_world(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_with_a_key_that_is_too_short_is_refused_by_name),
        cmocka_unit_test(rows_of_any_shape_are_read_or_refused),
        cmocka_unit_test(a_changelog_with_keys_of_something_else_is_refused_by_name),
        cmocka_unit_test(what_is_restored_from_any_changelog_can_be_read),
    };
    random_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
