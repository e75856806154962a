/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_row_loader.c - rows that are loaded are what was given, in any order and of any keys: the
 * loader by itself against sorting by comparison, and a standby's way of using it, batch after
 * batch with a position behind each, against an array.
 *
 * Order needs no check of its own where a file is written: RocksDB refuses a key that does not
 * rise.
 *
 * KSTREAMS_TEST_SEED repeats a run.
 */
#include "state/row_loader.h"
#include "state/row_store.h"

#include "base/crash_point.h"
#include "base/endian.h"
#include "base/memory.h"
#include "base/slice.h"

#include "random_rows.h"
#include "scratch_directory.h"

#include <kstreams/serde.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PARTITION = 7, MANY = 20000, LONGEST_KEY = 3000, PHYSICAL = 4, STAMP = 8 };

/* ---- the ground ------------------------------------------------------------------------------ */

typedef struct ground {
    char path[SCRATCH_PATH_BYTES];
    ksi_rocks *rocks;
    ksi_family *family;
} ground;

static void open_rocks(ground *on)
{
    char path[SCRATCH_PATH_BYTES + 4];
    ks_error error = {0};
    (void)snprintf(path, sizeof path, "%s/db", on->path);
    on->rocks = ksi_rocks_open(&(ksi_rocks_options){.path = path,
                                                    .block_cache_bytes = 8 * 1024 * 1024,
                                                    .write_buffer_bytes = 8 * 1024 * 1024},
                               &error);
    assert_non_null(on->rocks);
    on->family = ksi_rocks_family(on->rocks, "store", &error);
    assert_non_null(on->family);
}

static int set_up(void **state)
{
    ground *on = ksi_calloc(1, sizeof *on);
    scratch_directory_make(on->path);
    open_rocks(on);
    *state = on;
    return 0;
}

static int tear_down(void **state)
{
    ground *on = *state;
    assert_int_equal(ksi_rocks_close(on->rocks, NULL), KS_OK);
    scratch_directory_remove(on->path);
    ksi_free(on);
    return 0;
}

static int files_begun;
static int files_taken_in;

/* A file is taken in after it was begun, and nothing comes between. */
static void count_files(const char *point)
{
    if (strcmp(point, "restore.before-ingest") == 0) {
        assert_int_equal(files_begun, files_taken_in);
        files_begun++;
    } else if (strcmp(point, "restore.after-ingest") == 0) {
        files_taken_in++;
        assert_int_equal(files_begun, files_taken_in);
    }
}

static void begin_counting(void)
{
    files_begun = 0;
    files_taken_in = 0;
    ksi_crash_hook = count_files;
}

static int end_counting(void)
{
    ksi_crash_hook = NULL;
    return files_taken_in;
}

/* ---- the loader against sorting by comparison ------------------------------------------------ */

typedef struct given_row {
    ks_slice key;
    ks_slice value;
    size_t number;
} given_row;

static int compare_given(const void *a, const void *b)
{
    const given_row *left = a;
    const given_row *right = b;
    int order = ksi_slice_compare(left->key, right->key);
    return order != 0 ? order : (left->number > right->number) - (left->number < right->number);
}

static bool is_given(ks_slice key, ks_slice value, const given_row *row)
{
    return key.size >= PHYSICAL && value.size >= STAMP && ksi_get_be32(key.data) == PARTITION &&
           ks_slice_equal(ks_slice_of(key.data + PHYSICAL, key.size - PHYSICAL), row->key) &&
           ksi_get_be64(value.data) == row->number &&
           ks_slice_equal(ks_slice_of(value.data + STAMP, value.size - STAMP), row->value);
}

/* The rows of the family are the last one of each key given, in order. Sorts `rows`. */
static void check_family(ground *on, given_row *rows, size_t count)
{
    qsort(rows, count, sizeof *rows, compare_given);
    ksi_rocks_iterator *all = ksi_rocks_iterator_open(on->family, ks_slice_null(), ks_slice_null());
    ksi_rocks_iterator_seek_first(all);
    bool is_same = true;
    size_t i = 0;
    for (; i < count && is_same; i++) {
        bool is_last = i + 1 == count || !ks_slice_equal(rows[i].key, rows[i + 1].key);
        if (!is_last || rows[i].value.data == NULL) {
            continue;
        }
        is_same = ksi_rocks_iterator_valid(all) &&
                  is_given(ksi_rocks_iterator_key(all), ksi_rocks_iterator_value(all), &rows[i]);
        if (is_same) {
            ksi_rocks_iterator_next(all);
        }
    }
    is_same = is_same && !ksi_rocks_iterator_valid(all);
    ks_status status = ksi_rocks_iterator_status(all, NULL);
    ksi_rocks_iterator_close(all); /* first: the database does not close with one that is open */
    if (!is_same) {
        fail_msg("seed %" PRIu64 ": row %zu of %zu is another", random_seed(), i, count);
    }
    assert_int_equal(status, KS_OK);
}

typedef size_t make_key_fn(char *to, size_t number);

static size_t short_key(char *to, size_t number)
{
    (void)number;
    static const char likely[] = {'\0', '\xff', 'a'};
    size_t size = random_below(14);
    for (size_t i = 0; i < size; i++) {
        to[i] = likely[random_below(sizeof likely)];
    }
    return size;
}

static size_t key_behind_a_long_beginning(char *to, size_t number)
{
    (void)number;
    memset(to, 'x', 90);
    to[40] = (char)random_below(3);
    to[70] = (char)random_below(3);
    return 90 + short_key(to + 90, 0);
}

static size_t decimal_key(char *to, size_t number)
{
    return (size_t)snprintf(to, 16, "%010" PRIu64, (uint64_t)number * 7368787U % MANY);
}

/* Each is the beginning of the next: so the most turns of sorting. */
static size_t key_of_zeros(char *to, size_t number)
{
    memset(to, 0, LONGEST_KEY);
    return number * 7919U % LONGEST_KEY;
}

static size_t one_key_of_ten(char *to, size_t number)
{
    return (size_t)snprintf(to, 64, "a key that is longer than one word: %d", (int)number % 10);
}

static void load_and_check(ground *on, make_key_fn *make_key, size_t count, uint32_t value_size)
{
    static char bytes[LONGEST_KEY];
    ksi_row_loader *loader = ksi_row_loader_new(on->family, PARTITION, true);
    ks_arena *arena = ks_arena_new();
    given_row *rows = ksi_calloc(count, sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        size_t size = make_key(bytes, i);
        rows[i].key = ks_arena_copy(arena, ks_slice_of(bytes, size));
        rows[i].number = i;
        if (random_below(20) > 0) {
            rows[i].value = random_value(random_below(RANDOM_TEXT_BYTES - value_size), value_size);
        }
        ksi_row_loader_add(loader, &(ksi_row){ks_slice_of(bytes, size), rows[i].value, (int64_t)i});
    }
    assert_int_equal(ksi_row_loader_count(loader), count);
    assert_true(ksi_row_loader_has_deletes(loader));
    ks_error error = {0};
    assert_int_equal(ksi_row_loader_write(loader, random_below(2) == 0, &error), KS_OK);
    assert_int_equal(ksi_row_loader_count(loader), 0);
    check_family(on, rows, count);
    ksi_row_loader_free(loader);
    ks_arena_free(arena);
    ksi_free(rows);
}

static void in_a_file(ground *on, make_key_fn *make_key, size_t count, uint32_t value_size)
{
    begin_counting();
    load_and_check(on, make_key, count, value_size);
    assert_int_equal(end_counting(), 1);
}

static void short_keys_with_equal_beginnings_are_sorted(void **state)
{
    in_a_file(*state, short_key, MANY, 400);
}

static void keys_behind_a_long_common_beginning_are_sorted(void **state)
{
    in_a_file(*state, key_behind_a_long_beginning, MANY, 400);
}

static void decimal_keys_are_sorted(void **state)
{
    in_a_file(*state, decimal_key, MANY, 100);
}

static void keys_that_are_each_the_beginning_of_the_next_are_sorted(void **state)
{
    in_a_file(*state, key_of_zeros, LONGEST_KEY, 100);
}

static void of_many_updates_the_last_one_is_left(void **state)
{
    in_a_file(*state, one_key_of_ten, MANY / 10, 200 * 1024);
}

static void few_rows_are_no_file(void **state)
{
    begin_counting();
    load_and_check(*state, short_key, 500, 100);
    assert_int_equal(end_counting(), 0);
}

static void many_updates_of_few_keys_are_no_file(void **state)
{
    begin_counting();
    load_and_check(*state, one_key_of_ten, MANY, 1000);
    assert_int_equal(end_counting(), 0);
}

/* ---- deleting -------------------------------------------------------------------------------- */

static void add(ksi_row_loader *loader, const char *key, const char *value)
{
    ksi_row_loader_add(loader, &(ksi_row){ks_slice_cstr(key), ks_slice_cstr(value), 1});
}

static bool has_rows(ground *on)
{
    ksi_rocks_iterator *all = ksi_rocks_iterator_open(on->family, ks_slice_null(), ks_slice_null());
    ksi_rocks_iterator_seek_first(all);
    bool has = ksi_rocks_iterator_valid(all);
    ksi_rocks_iterator_close(all);
    return has;
}

static void a_deletion_deletes_what_was_there(void **state)
{
    ground *on = *state;
    ksi_row_loader *loader = ksi_row_loader_new(on->family, PARTITION, false);
    add(loader, "a", "1");
    assert_int_equal(ksi_row_loader_write(loader, false, NULL), KS_OK);
    assert_true(has_rows(on));
    add(loader, "a", "2");
    add(loader, "a", NULL);
    assert_int_equal(ksi_row_loader_write(loader, false, NULL), KS_OK);
    assert_false(has_rows(on));
    ksi_row_loader_free(loader);
}

/* Seen by a family that is not empty, against what the loader is told. */
static void where_nothing_is_nothing_is_deleted(void **state)
{
    ground *on = *state;
    ksi_row_loader *loader = ksi_row_loader_new(on->family, PARTITION, false);
    add(loader, "a", "1");
    assert_int_equal(ksi_row_loader_write(loader, true, NULL), KS_OK);
    add(loader, "a", NULL);
    assert_int_equal(ksi_row_loader_write(loader, true, NULL), KS_OK);
    assert_true(has_rows(on));
    ksi_row_loader_free(loader);
}

static void what_was_cleared_is_not_written(void **state)
{
    ground *on = *state;
    ksi_row_loader *loader = ksi_row_loader_new(on->family, PARTITION, false);
    add(loader, "a", "1");
    assert_true(ksi_row_loader_bytes(loader) > 0);
    ksi_row_loader_clear(loader);
    assert_int_equal(ksi_row_loader_bytes(loader), 0);
    assert_int_equal(ksi_row_loader_write(loader, false, NULL), KS_OK);
    assert_false(has_rows(on));
    ksi_row_loader_free(loader);
}

/* ---- a store --------------------------------------------------------------------------------- */

static ksi_row_store *open_store(ground *on)
{
    ks_error error = {0};
    ksi_row_store *store = ksi_row_store_open(&(ksi_row_store_options){.name = "store",
                                                                       .family = on->family,
                                                                       .partition = PARTITION,
                                                                       .timestamped = true,
                                                                       .logged = true,
                                                                       .clean_bytes = 64 * 1024},
                                              &error);
    assert_non_null(store);
    return store;
}

static void restore(ksi_row_store *store, const char *key, const char *value)
{
    assert_int_equal(
        ksi_row_store_restore(store, ks_slice_cstr(key), ks_slice_cstr(value), 1, NULL), KS_OK);
}

static void restored(ksi_row_store *store, int64_t offset)
{
    ksi_store_position position = {.offset = offset, .current_ms = 1, .hash = (uint64_t)offset};
    assert_int_equal(ksi_row_store_restored(store, &position, NULL), KS_OK);
}

static void check_value(ksi_row_store *store, const char *key, const char *value)
{
    ksi_row row;
    bool found;
    assert_int_equal(ksi_row_store_get(store, ks_slice_cstr(key), false, &row, &found, NULL),
                     KS_OK);
    assert_int_equal(found, value != NULL);
    if (value != NULL) {
        assert_true(ks_slice_equal(row.value, ks_slice_cstr(value)));
    }
}

static void a_wipe_drops_what_was_gathered(void **state)
{
    ksi_row_store *store = open_store(*state);
    restore(store, "a", "1");
    assert_int_equal(ksi_row_store_wipe(store, NULL), KS_OK);
    restore(store, "b", "2");
    restored(store, 1);
    check_value(store, "a", NULL);
    check_value(store, "b", "2");
    ksi_row_store_close(store);
}

static void closing_drops_what_was_gathered(void **state)
{
    ksi_row_store *store = open_store(*state);
    restore(store, "a", "1");
    ksi_row_store_close(store);
    store = open_store(*state);
    assert_int_equal(ksi_row_store_position(store).offset, -1);
    check_value(store, "a", NULL);
    ksi_row_store_close(store);
}

static void what_was_read_before_is_not_what_is_read_after(void **state)
{
    ksi_row_store *store = open_store(*state);
    restore(store, "a", "1");
    restored(store, 1);
    check_value(store, "a", "1");
    check_value(store, "b", NULL);
    restore(store, "a", "2");
    restore(store, "b", "2");
    check_value(store, "a", "1"); /* not yet, and it must not be remembered */
    restored(store, 2);
    check_value(store, "a", "2");
    check_value(store, "b", "2");
    ksi_row_store_close(store);
}

/* So a load cannot go past rows that wait, nor past what an open iterator keeps known. */
static void rows_that_wait_in_the_buffer_are_older(void **state)
{
    ksi_row_store *store = open_store(*state);
    ksi_row_store_put(store, ks_slice_cstr("a"), ks_slice_cstr("1"), 1);
    ksi_store_position position = {.offset = 1};
    assert_int_equal(ksi_row_store_commit(store, &position, NULL), KS_OK);
    restore(store, "a", "2");
    restored(store, 2);
    check_value(store, "a", "2");
    ksi_row_iterator *open = ksi_row_iterator_open(store, &(ksi_row_range){0});
    restore(store, "a", "3");
    restored(store, 3);
    check_value(store, "a", "3");
    ksi_row_iterator_close(open);
    ksi_row_store_close(store);
    store = open_store(*state);
    check_value(store, "a", "3");
    assert_int_equal(ksi_row_store_position(store).offset, 3);
    ksi_row_store_close(store);
}

/* ---- a standby ------------------------------------------------------------------------------- */

enum { LOG_ROWS = 60000, LARGEST_VALUE = 12000 };

typedef struct log_row {
    uint32_t key;
    uint32_t at;
    uint32_t size;
    bool is_there;
} log_row;

static log_row changelog[LOG_ROWS];

static ks_slice log_value(const log_row *row)
{
    return row->is_there ? random_value(row->at, row->size) : ks_slice_null();
}

static void make_log(void)
{
    for (size_t i = 0; i < LOG_ROWS; i++) {
        changelog[i] = (log_row){.key = random_below(RANDOM_KEYS),
                                 .at = random_below(RANDOM_TEXT_BYTES - LARGEST_VALUE),
                                 .size = random_below(LARGEST_VALUE),
                                 .is_there = random_below(5) > 0};
    }
}

/* The store is what the log makes of it, up to `offset`. */
static void check_store(ksi_row_store *store, int64_t offset)
{
    static int64_t last[RANDOM_KEYS];
    memset(last, -1, sizeof last);
    for (int64_t i = 0; i < offset; i++) {
        last[changelog[i].key] = changelog[i].is_there ? i : -1;
    }
    ksi_row_iterator *all = ksi_row_iterator_open(store, &(ksi_row_range){0});
    ksi_row row;
    bool found;
    bool is_same = true;
    ks_error error = {0};
    for (size_t key = 0; key < RANDOM_KEYS && is_same; key++) {
        if (last[key] >= 0) {
            is_same = ksi_row_iterator_next(all, &row, &found, &error) == KS_OK && found &&
                      ks_slice_equal(row.key, random_key(key)) &&
                      ks_slice_equal(row.value, log_value(&changelog[last[key]])) &&
                      row.timestamp == last[key];
        }
    }
    is_same = is_same && ksi_row_iterator_next(all, &row, &found, &error) == KS_OK && !found;
    ksi_row_iterator_close(all);
    if (!is_same) {
        fail_msg("seed %" PRIu64 ": not what the log says up to %" PRId64, random_seed(), offset);
    }
}

static int64_t apply_batch(ksi_row_store *store, int64_t offset, int64_t rows)
{
    ks_error error = {0};
    int64_t end = offset + rows < LOG_ROWS ? offset + rows : LOG_ROWS;
    for (int64_t i = offset; i < end; i++) {
        const log_row *row = &changelog[i];
        assert_int_equal(
            ksi_row_store_restore(store, random_key(row->key), log_value(row), i, &error), KS_OK);
    }
    restored(store, end);
    assert_int_equal(ksi_row_store_position(store).offset, end);
    return end;
}

/* Without a flush, memtables are lost: the position steps back, and never has rows that are not. */
static ksi_row_store *reopen(ground *on, ksi_row_store *store, bool crashes)
{
    ksi_row_store_close(store);
    if (crashes) {
        ksi_rocks_abandon(on->rocks);
    } else {
        assert_int_equal(ksi_rocks_close(on->rocks, NULL), KS_OK);
    }
    open_rocks(on);
    return open_store(on);
}

static int64_t batch_size(void)
{
    switch (random_below(10)) {
    case 0:
        return 1 + random_below(8000);
    case 1:
    case 2:
        return 1 + random_below(800);
    default:
        return 1 + random_below(20);
    }
}

static void batches_of_a_standby_add_up_to_its_changelog(void **state)
{
    ground *on = *state;
    make_log();
    begin_counting();
    ksi_row_store *store = open_store(on);
    int64_t offset = 0;
    int batches = 0;
    int steps_back = 0;
    while (offset < LOG_ROWS) {
        offset = apply_batch(store, offset, batch_size());
        batches++;
        if (random_below(4) == 0) {
            check_store(store, offset);
        }
        if (random_below(6) > 0) {
            continue;
        }
        bool crashes = random_below(3) > 0;
        store = reopen(on, store, crashes);
        int64_t position = ksi_row_store_position(store).offset;
        assert_true(crashes ? position <= offset : position == offset);
        steps_back += position < offset;
        /* Rows may be newer than the position: the same log leads to the same state. */
        int64_t from = position < 0 ? 0 : position;
        offset = apply_batch(store, from, offset - from);
        check_store(store, offset);
    }
    check_store(store, LOG_ROWS);
    ksi_row_store_close(store);
    int files = end_counting();
    assert_true(steps_back > 0 && files > 0);
    print_message("%d batches, %d files, %d times rows were lost and came again\n", batches, files,
                  steps_back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(short_keys_with_equal_beginnings_are_sorted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keys_behind_a_long_common_beginning_are_sorted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(decimal_keys_are_sorted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_that_are_each_the_beginning_of_the_next_are_sorted,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_many_updates_the_last_one_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(few_rows_are_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_updates_of_few_keys_are_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deletion_deletes_what_was_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_nothing_is_nothing_is_deleted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_cleared_is_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wipe_drops_what_was_gathered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_drops_what_was_gathered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_read_before_is_not_what_is_read_after, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(rows_that_wait_in_the_buffer_are_older, set_up, tear_down),
        cmocka_unit_test_setup_teardown(batches_of_a_standby_add_up_to_its_changelog, set_up,
                                        tear_down),
    };
    random_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
