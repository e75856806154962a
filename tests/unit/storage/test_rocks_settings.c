/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rocks_settings.c - what a program sets does not take the block cache away; the texts as a
 * whole are in tests/api/test_rocksdb_options.c.
 */
#include "base/buffer.h"
#include "storage/rocks.h"
#include "storage/rocks_settings.h"

#include "scratch.h"

#include <stdio.h>

enum { MANY = 2000 };

static void tune(const char *store, ks_rocksdb_options *options, void *user)
{
    (void)user;
    if (store != NULL) {
        ks_rocksdb_options_set(options, "block_based_table_factory", "{block_size=8192}");
        ks_rocksdb_options_set(options, "target_file_size_base", "1000000");
    }
}

static void put_many(ksi_rocks *rocks, ksi_family *family)
{
    ks_error error = {0};
    ksi_buffer key = {0};
    ksi_rocks_batch *batch = ksi_rocks_batch_new(rocks);
    for (int i = 0; i < MANY; i++) {
        ksi_buffer_clear(&key);
        ksi_buffer_appendf(&key, "key %08d", i);
        ksi_rocks_batch_put(batch, family, ksi_buffer_slice(&key), ksi_buffer_slice(&key));
    }
    assert_done(ksi_rocks_write(batch, false, &error), &error);
    assert_done(ksi_family_flush(family, &error), &error);
    ksi_rocks_batch_free(batch);
    ksi_buffer_destroy(&key);
}

static void a_store_with_a_block_size_of_its_own_stays_in_the_shared_cache(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    ksi_rocks_settings *settings = ksi_rocks_settings_new();
    assert_done(ksi_rocks_settings_ask(settings, NULL, tune, NULL, &error), &error);
    assert_done(ksi_rocks_settings_ask(settings, "own", tune, NULL, &error), &error);
    ksi_rocks *rocks = ksi_rocks_open(&(ksi_rocks_options){.path = scratch_path(place, "db"),
                                                           .block_cache_bytes = 4 * 1024 * 1024,
                                                           .write_buffer_bytes = 4 * 1024 * 1024,
                                                           .tune = ksi_rocks_settings_tune,
                                                           .tune_user = settings},
                                      &error);
    assert_done(error.code, &error);
    ksi_family *family = ksi_rocks_family(rocks, "own", &error);
    assert_done(error.code, &error);
    put_many(rocks, family);
    int64_t before = ksi_rocks_memory_of(rocks).block_cache;
    ksi_buffer value = {0};
    for (int i = 0; i < MANY; i += 10) {
        char key[32];
        bool found = false;
        (void)snprintf(key, sizeof key, "key %08d", i);
        assert_done(ksi_family_get(family, ks_slice_cstr(key), &value, &found, &error), &error);
        assert_true(found);
    }
    assert_true(ksi_rocks_memory_of(rocks).block_cache >= before + (MANY - 200) * 20);
    ksi_buffer_destroy(&value);
    assert_done(ksi_rocks_close(rocks, &error), &error);
    ksi_rocks_settings_free(settings);
}

static void nothing_is_wanted_without_a_function(void **state)
{
    (void)state;
    ks_error error = {0};
    ksi_rocks_settings *settings = ksi_rocks_settings_new();
    assert_done(ksi_rocks_settings_ask(settings, "own", NULL, NULL, &error), &error);
    ksi_rocks_settings_free(settings);
    ksi_rocks_settings_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_store_with_a_block_size_of_its_own_stays_in_the_shared_cache, scratch_setup,
            scratch_teardown),
        cmocka_unit_test(nothing_is_wanted_without_a_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
