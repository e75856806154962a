/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_row_positions.c - a store that is kept from several partitions of a topic, and lookups that
 * leave no trace.
 */
#include "scratch_directory.h"
#include "state/row_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { PARTITIONS = 3 };

typedef struct fixture {
    char path[SCRATCH_PATH_BYTES];
    ksi_rocks *rocks;
    ksi_row_store *rows;
} fixture;

static void open_rows(fixture *f)
{
    ks_error error = {0};
    f->rocks = ksi_rocks_open(&(ksi_rocks_options){.path = f->path,
                                                   .block_cache_bytes = 1024 * 1024,
                                                   .write_buffer_bytes = 1024 * 1024},
                              &error);
    assert_non_null(f->rocks);
    f->rows = ksi_row_store_open(
        &(ksi_row_store_options){.name = "g",
                                 .family = ksi_rocks_family(f->rocks, "g", &error),
                                 .timestamped = true,
                                 .logged = true},
        &error);
    assert_non_null(f->rows);
    assert_int_equal(ksi_row_store_open_position(f->rows, PARTITIONS - 1, &error), KS_OK);
}

static void close_rows(fixture *f)
{
    ks_error error = {0};
    ksi_row_store_close(f->rows);
    assert_int_equal(ksi_rocks_close(f->rocks, &error), KS_OK);
}

static void begin(fixture *f)
{
    scratch_directory_make(f->path);
    open_rows(f);
}

static void end(fixture *f)
{
    close_rows(f);
    scratch_directory_remove(f->path);
}

static void put(fixture *f, const char *key, const char *value, int64_t timestamp)
{
    ksi_row_store_put(f->rows, ks_slice_cstr(key), ks_slice_cstr(value), timestamp);
}

static void each_partition_keeps_its_position_over_a_restart(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture f;
    begin(&f);
    for (size_t i = 0; i < PARTITIONS; i++) {
        assert_int_equal(ksi_row_store_position_in(f.rows, i).offset, -1);
    }
    put(&f, "k", "v", 1);
    ksi_row_store_set_position(f.rows, 0, &(ksi_store_position){.offset = 7, .current_ms = 1});
    ksi_row_store_set_position(f.rows, 2, &(ksi_store_position){.offset = 9, .hash = 5});
    assert_int_equal(ksi_row_store_commit(f.rows, NULL, &error), KS_OK);
    assert_int_equal(ksi_row_store_apply(f.rows, &error), KS_OK);
    close_rows(&f);

    open_rows(&f);
    assert_int_equal(ksi_row_store_position(f.rows).offset, 7);
    assert_int_equal(ksi_row_store_position_in(f.rows, 0).current_ms, 1);
    assert_int_equal(ksi_row_store_position_in(f.rows, 1).offset, -1);
    assert_int_equal(ksi_row_store_position_in(f.rows, 2).offset, 9);
    assert_int_equal(ksi_row_store_position_in(f.rows, 2).hash, 5);
    end(&f);
}

static void positions_that_were_not_applied_are_not_there_after_a_restart(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture f;
    begin(&f);
    ksi_row_store_set_position(f.rows, 1, &(ksi_store_position){.offset = 3});
    assert_int_equal(ksi_row_store_restored(f.rows, NULL, &error), KS_OK);
    ksi_row_store_set_position(f.rows, 1, &(ksi_store_position){.offset = 4});
    assert_int_equal(ksi_row_store_commit(f.rows, NULL, &error), KS_OK);
    close_rows(&f);
    open_rows(&f);
    assert_int_equal(ksi_row_store_position_in(f.rows, 1).offset, 3);
    end(&f);
}

static void wiping_takes_every_position(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture f;
    begin(&f);
    for (size_t i = 0; i < PARTITIONS; i++) {
        ksi_row_store_set_position(f.rows, i, &(ksi_store_position){.offset = 1});
    }
    assert_int_equal(ksi_row_store_restored(f.rows, NULL, &error), KS_OK);
    assert_int_equal(ksi_row_store_wipe(f.rows, &error), KS_OK);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < PARTITIONS; i++) {
            assert_int_equal(ksi_row_store_position_in(f.rows, i).offset, -1);
        }
        close_rows(&f);
        open_rows(&f);
    }
    end(&f);
}

static void assert_peeked(fixture *f, const char *key, bool committed, const char *value)
{
    ks_error error = {0};
    ksi_peeked_row peeked = {0};
    assert_int_equal(ksi_row_store_peek(f->rows, ks_slice_cstr(key), committed, &peeked, &error),
                     KS_OK);
    assert_int_equal(peeked.found, value != NULL);
    if (value != NULL) {
        assert_true(ks_slice_equal(peeked.row.value, ks_slice_cstr(value)));
        assert_true(ks_slice_equal(peeked.row.key, ks_slice_cstr(key)));
        assert_int_equal(peeked.row.timestamp, 4);
    }
    ksi_peeked_row_destroy(&peeked);
}

static void a_peek_finds_a_row_in_every_layer_and_leaves_no_trace(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture f;
    begin(&f);
    put(&f, "stored", "s", 4);
    put(&f, "deleted", "d", 4);
    assert_int_equal(ksi_row_store_commit(f.rows, NULL, &error), KS_OK);
    assert_int_equal(ksi_row_store_apply(f.rows, &error), KS_OK);
    close_rows(&f);
    open_rows(&f);
    ksi_row_store_put(f.rows, ks_slice_cstr("deleted"), ks_slice_null(), -1);
    put(&f, "committed", "c", 4);
    assert_int_equal(ksi_row_store_commit(f.rows, NULL, &error), KS_OK);
    put(&f, "pending", "p", 4);

    ksi_row_buffer_bytes before = ksi_row_store_bytes(f.rows);
    assert_peeked(&f, "stored", false, "s");
    assert_peeked(&f, "stored", true, "s");
    assert_peeked(&f, "deleted", false, NULL);
    assert_peeked(&f, "committed", true, "c");
    assert_peeked(&f, "pending", false, "p");
    assert_peeked(&f, "pending", true, NULL);
    assert_peeked(&f, "never", false, NULL);
    ksi_row_buffer_bytes after = ksi_row_store_bytes(f.rows);
    assert_int_equal(after.clean, before.clean);
    assert_int_equal(after.pending, before.pending);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_partition_keeps_its_position_over_a_restart),
        cmocka_unit_test(positions_that_were_not_applied_are_not_there_after_a_restart),
        cmocka_unit_test(wiping_takes_every_position),
        cmocka_unit_test(a_peek_finds_a_row_in_every_layer_and_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
