/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rocksdb_options.c - a program changes RocksDB's options, for a store and for the database.
 *
 * What RocksDB made of them is read from the OPTIONS file that it writes beside its tables.
 */
#include <kstreams/kstreams.h>

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "state_dir.h"

typedef struct wish {
    const char *store; /* NULL: the whole database */
    const char *name;
    const char *value;
} wish;

typedef struct wishes {
    const wish *list;
    size_t count;
    char asked[256]; /* "(database) left right " */
} wishes;

static void tune(const char *store, ks_rocksdb_options *options, void *user)
{
    wishes *self = user;
    size_t used = strlen(self->asked);
    (void)snprintf(self->asked + used, sizeof self->asked - used, "%s ",
                   store != NULL ? store : "(database)");
    for (size_t i = 0; i < self->count; i++) {
        const wish *one = &self->list[i];
        bool is_for_it = store == NULL || one->store == NULL ? store == one->store
                                                             : strcmp(store, one->store) == 0;
        if (is_for_it) {
            ks_rocksdb_options_set(options, one->name, one->value);
        }
    }
}

static void silent(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)level;
    (void)where;
    (void)message;
    (void)user;
}

static void assert_ok(ks_status status, const ks_error *error)
{
    if (status != KS_OK) {
        char words[800];
        fail_msg("%s", ks_error_text(error, words, sizeof words));
    }
}

static ks_topology *three_tables(void)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    const ks_serde *text = &ks_serde_string;
    (void)ks_builder_table(b, "a", KS_CONSUMED(.key = text, .value = text),
                           KS_MATERIALIZED(.name = "left"));
    (void)ks_builder_table(b, "b", KS_CONSUMED(.key = text, .value = text),
                           KS_MATERIALIZED(.name = "right"));
    (void)ks_builder_table(b, "c", KS_CONSUMED(.key = text, .value = text),
                           KS_MATERIALIZED(.name = "volatile", .type = KS_STORE_IN_MEMORY));
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    return topology;
}

static ks_log *log_of_three(void)
{
    ks_error error = {0};
    ks_log *log = ks_log_open("embedded:", &error);
    assert_non_null(log);
    assert_ok(ks_log_create_topic(log, "a", 2, &error), &error);
    assert_ok(ks_log_create_topic(log, "b", 2, &error), &error);
    assert_ok(ks_log_create_topic(log, "c", 2, &error), &error);
    return log;
}

/* Starts an application with these wishes, lets it take a record, and closes it. */
static ks_status run_with(wishes *wanted, const char *state_dir, ks_error *error)
{
    ks_log *log = log_of_three();
    ks_topology *topology = three_tables();
    ks_config *config = ks_config_new();
    assert_ok(ks_config_set(config, "application.id", "app", error), error);
    assert_ok(ks_config_set(config, "bootstrap.servers", "embedded:", error), error);
    assert_ok(ks_config_set(config, "state.dir", state_dir, error), error);
    ks_app *app = ks_app_new(
        topology, config,
        KS_APP_OPTIONS(.log = log, .log_line = silent, .user = wanted, .rocksdb_config = tune),
        error);
    assert_ok(app != NULL ? KS_OK : error->code, error);
    const ks_log_record record = {
        .key = ks_slice_cstr("k"), .value = ks_slice_cstr("v"), .timestamp = 1, .partition = -1};
    assert_ok(ks_log_produce(log, "a", &record, error), error);
    ks_status status = ks_app_start(app, error);
    if (status == KS_OK) {
        assert_ok(ks_app_wait_until_caught_up(app, -1, error), error);
        assert_ok(ks_app_close(app, -1, error), error);
    } else {
        assert_int_equal(ks_app_state_of(app), KS_APP_ERROR);
    }
    ks_app_free(app);
    ks_topology_free(topology);
    ks_config_free(config);
    ks_log_free(log);
    return status;
}

/* The text of the newest OPTIONS file; free it with free(). */
static char *options_file(const char *state_dir)
{
    char path[600];
    char newest[300] = "";
    (void)snprintf(path, sizeof path, "%s/app/rocksdb", state_dir);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (strncmp(entry->d_name, "OPTIONS-", 8) == 0 && strcmp(entry->d_name, newest) > 0) {
            (void)snprintf(newest, sizeof newest, "%s", entry->d_name);
        }
    }
    (void)closedir(directory);
    (void)snprintf(path, sizeof path, "%s/app/rocksdb/%s", state_dir, newest);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 200000);
    assert_non_null(text);
    assert_true(fread(text, 1, 199999, file) > 0);
    (void)fclose(file);
    return text;
}

/* Whether a line stands in the section of a family, or of the database when `store` is NULL. */
static bool stands_in(const char *text, const char *store, const char *line)
{
    char heading[200] = "[DBOptions]";
    if (store != NULL) {
        (void)snprintf(heading, sizeof heading, "[CFOptions \"%s\"]", store);
    }
    const char *begin = strstr(text, heading);
    assert_non_null(begin);
    const char *end = store != NULL ? strstr(begin + 1, "[CFOptions") : strstr(begin, "[CFOptions");
    const char *found = strstr(begin, line);
    return found != NULL && (end == NULL || found < end);
}

static void the_program_is_asked_for_the_database_and_each_store_on_disk(void **state)
{
    (void)state;
    wishes none = {0};
    ks_error error = {0};
    assert_ok(run_with(&none, state_dir_new(), &error), &error);
    assert_string_equal(none.asked, "(database) left right ");
}

static void options_reach_their_store_and_no_other(void **state)
{
    (void)state;
    static const wish list[] = {
        {NULL, "max_background_jobs", "5"},
        {"left", "write_buffer_size", "1234567"},
        {"left", "compression", "kNoCompression"},
        {"left", "block_based_table_factory",
         "{block_size=16384;filter_policy=bloomfilter:12:false}"},
        {"right", "write_buffer_size", "1000"},
        {"right", "write_buffer_size", "7654321"}, /* the later one */
    };
    wishes wanted = {.list = list, .count = sizeof list / sizeof list[0]};
    ks_error error = {0};
    char place[400];
    (void)snprintf(place, sizeof place, "%s", state_dir_new());
    for (int run = 0; run < 2; run++) { /* families that are made, and such that are there */
        assert_ok(run_with(&wanted, place, &error), &error);
        char *text = options_file(place);
        assert_true(stands_in(text, NULL, "max_background_jobs=5\n"));
        assert_true(stands_in(text, "left", "write_buffer_size=1234567\n"));
        assert_true(stands_in(text, "left", "block_size=16384\n"));
        assert_true(stands_in(text, "left", "bloomfilter:12"));
        /* what was not named stays the library's */
        assert_true(stands_in(text, "left", "cache_index_and_filter_blocks=true\n"));
        assert_true(stands_in(text, NULL, "avoid_flush_during_shutdown=true\n"));
        assert_true(stands_in(text, "right", "write_buffer_size=7654321\n"));
        assert_true(stands_in(text, "right", "block_size=4096\n"));
        free(text);
    }
}

static void assert_refused(const wish *one, const char *why)
{
    wishes wanted = {.list = one, .count = 1};
    ks_error error = {0};
    char place[400];
    (void)snprintf(place, sizeof place, "%s", state_dir_new());
    assert_int_equal(run_with(&wanted, place, &error), KS_E_CONFIG);
    const char *said[] = {one->name, one->value, why, "rocksdb_config",
                          one->store != NULL ? one->store : "the whole database"};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        if (strstr(error.message, said[i]) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", error.message, said[i]);
        }
    }
    if (one->store != NULL) {
        assert_string_equal(error.where, one->store);
    }
    wishes none = {0};
    assert_ok(run_with(&none, place, &error), &error); /* nothing is left behind */
}

static void an_option_that_rocksdb_does_not_take_ends_the_start(void **state)
{
    (void)state;
    assert_refused(&(const wish){"left", "no_such_option", "1"}, "is not taken by RocksDB");
    assert_refused(&(const wish){"right", "write_buffer_size", "many"}, "is not taken by RocksDB");
    assert_refused(&(const wish){"left", "block_based_table_factory", "{no_such_part=1}"},
                   "is not taken by RocksDB");
    assert_refused(&(const wish){NULL, "max_background_jobs", "a few"}, "is not taken by RocksDB");
}

static void an_option_at_the_wrong_place_ends_the_start(void **state)
{
    (void)state;
    assert_refused(&(const wish){"left", "max_background_jobs", "4"},
                   "set it when the name of the store is NULL");
    assert_refused(&(const wish){NULL, "write_buffer_size", "4"}, "set it when a store is named");
}

static void what_the_library_stands_on_cannot_be_changed(void **state)
{
    (void)state;
    assert_refused(&(const wish){"left", "comparator", "rocksdb.ReverseBytewiseComparator"},
                   "in the order of their bytes");
    assert_refused(&(const wish){"left", "merge_operator", "put"}, "a row is what was put last");
    assert_refused(&(const wish){"left", "compaction_style", "kCompactionStyleFIFO"}, "lost");
    assert_refused(
        &(const wish){"left", "block_based_table_factory", "{block_size=4096; block_cache = 64M}"},
        "statestore.memory.max.bytes");
    assert_refused(&(const wish){NULL, "atomic_flush", "true"}, "flushed by itself");
    assert_refused(&(const wish){NULL, "wal_dir", "elsewhere"}, "set aside together");
    assert_refused(&(const wish){NULL, "persist_stats_to_disk", "true"}, "one family");
    assert_refused(&(const wish){NULL, "db_write_buffer_size", "1"}, "statestore.memory.max.bytes");
}

static void two_options_in_one_are_not_taken(void **state)
{
    (void)state;
    assert_refused(&(const wish){"left", "write_buffer_size", "1024;merge_operator=put"},
                   "not one name and one value");
    assert_refused(&(const wish){"left", "atomic_flush=true;write_buffer_size", "1024"},
                   "not one name and one value");
    assert_refused(&(const wish){"left", "block_based_table_factory", "{block_size=1}};{"},
                   "not one name and one value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_is_asked_for_the_database_and_each_store_on_disk),
        cmocka_unit_test(options_reach_their_store_and_no_other),
        cmocka_unit_test(an_option_that_rocksdb_does_not_take_ends_the_start),
        cmocka_unit_test(an_option_at_the_wrong_place_ends_the_start),
        cmocka_unit_test(what_the_library_stands_on_cannot_be_changed),
        cmocka_unit_test(two_options_in_one_are_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
