/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_window_store.c - window stores as a program has them: of a test driver, which restarts, and
 * of a processor. The cases are those of Java's AbstractWindowBytesStoreTest and
 * CachingPersistentWindowStoreTest.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "assert_ok.h"

enum { RETENTION_MS = 300000, SEGMENT_MS = RETENTION_MS / 2, WINDOW_MS = 3 };

static const ks_serde *const text = &ks_serde_string;

static ks_value word(const char *characters)
{
    return ks_text(ks_slice_cstr(characters));
}

/* ---- a store of the test driver -------------------------------------------------------------- */

typedef struct driven {
    ks_topology *topology;
    ks_config *config;
    ks_test_driver *driver;
    ks_window_store *store;
    ks_window_store *stored;
} driven;

/* Puts the value under the key at the time of the record, and sends on what there is before. */
static void keep(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    (void)user;
    ks_window_store *store = ks_ctx_window_store(ctx, "w");
    ks_window_iterator *before = ks_window_store_backward_fetch(
        store, record->key, record->timestamp - 10, record->timestamp, NULL);
    ks_window_entry entry;
    bool found = true;
    while (found && ks_window_iterator_next(before, &entry, &found, NULL) == KS_OK) {
        ks_record out = *record;
        out.value = entry.value;
        if (found) {
            ks_ctx_forward(ctx, &out);
        }
    }
    ks_window_iterator_free(before);
    ks_window_store_put(store, record->key, record->value, record->timestamp, NULL);
}

static void find_views(driven *self)
{
    self->store = ks_test_driver_window_store(self->driver, "w");
    self->stored = ks_test_driver_stored_window_store(self->driver, "w");
    assert_non_null(self->store);
    assert_non_null(self->stored);
}

static driven *drive(const ks_store_builder *store)
{
    static driven self;
    ks_error error = {0};
    static const ks_processor processor = {.struct_size = sizeof processor, .process = keep};
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b, store);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream *out =
        ks_stream_process_values(in, &processor, NULL, KS_CONNECTED(.stores = KS_NAMES("w")));
    ks_stream_to(out, "out", KS_PRODUCED(.key = text, .value = text));
    self.topology = ks_builder_build(b, &error);
    assert_ok(self.topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    self.config = ks_config_new();
    assert_ok(ks_config_set(self.config, "application.id", "app", &error), &error);
    assert_ok(ks_config_set(self.config, "bootstrap.servers", "embedded:", &error), &error);
    self.driver = ks_test_driver_new(self.topology, self.config, NULL, &error);
    assert_ok(self.driver != NULL ? KS_OK : error.code, &error);
    find_views(&self);
    return &self;
}

static void drive_no_more(driven *self)
{
    ks_test_driver_free(self->driver);
    ks_config_free(self->config);
    ks_topology_free(self->topology);
}

static ks_store_builder builder_of(ks_store_type type)
{
    return *KS_STORE_BUILDER(.name = "w", .kind = KS_STORE_KIND_TIMESTAMPED_WINDOW, .type = type,
                             .key = text, .value = text, .retention_ms = RETENTION_MS,
                             .window_size_ms = WINDOW_MS);
}

static void put(const driven *self, const char *key, const char *value, int64_t start)
{
    ks_error error = {0};
    assert_ok(ks_window_store_put_at(self->store, word(key),
                                     value != NULL ? word(value) : ks_null(), start, start, &error),
              &error);
}

/* What a walk gives, as "key@start=value ..."; frees it. */
static void assert_walk(ks_window_iterator *walk, const char *expected)
{
    char seen[1000] = "";
    ks_error error = {0};
    ks_window_entry entry;
    bool found = true;
    while (found) {
        assert_ok(ks_window_iterator_next(walk, &entry, &found, &error), &error);
        if (found) {
            ks_slice key = ks_value_text(entry.key);
            ks_slice value = ks_value_text(entry.value);
            size_t at = strlen(seen);
            (void)snprintf(seen + at, sizeof seen - at, "%s%.*s@%lld=%.*s", at > 0 ? " " : "",
                           (int)key.size, key.data, (long long)entry.start, (int)value.size,
                           value.data);
            assert_int_equal(entry.end, entry.start + WINDOW_MS);
        }
    }
    ks_window_iterator_free(walk);
    assert_string_equal(seen, expected);
}

/* ---- fetching -------------------------------------------------------------------------------- */

static void entries_are_fetched_by_key_and_time(ks_store_type type)
{
    ks_store_builder builder = builder_of(type);
    driven *self = drive(&builder);
    ks_window_store *store = self->store;
    ks_error error = {0};
    put(self, "a", "1", 0);
    put(self, "aa", "2", 0);
    put(self, "a", "3", 1);
    put(self, "aa", "4", 1);
    put(self, "b", "5", 1);
    put(self, "a", "6", SEGMENT_MS);
    assert_walk(ks_window_store_fetch(store, word("a"), 0, INT64_MAX, &error),
                "a@0=1 a@1=3 a@150000=6");
    assert_walk(ks_window_store_backward_fetch(store, word("a"), 0, INT64_MAX, &error),
                "a@150000=6 a@1=3 a@0=1");
    assert_walk(ks_window_store_fetch(store, word("a"), 1, 1, &error), "a@1=3");
    assert_walk(ks_window_store_fetch(store, word("c"), 0, 10, &error), "");
    assert_walk(ks_window_store_fetch_range(store, word("a"), word("aa"), 1, 1, &error),
                "a@1=3 aa@1=4");
    assert_walk(ks_window_store_fetch_range(store, ks_null(), word("a"), 0, 1, &error),
                "a@0=1 a@1=3");
    assert_walk(ks_window_store_fetch_range(store, word("aa"), ks_null(), 1, 1, &error),
                "aa@1=4 b@1=5");
    assert_walk(ks_window_store_fetch_range(store, word("b"), word("a"), 0, 9, &error), "");
    assert_walk(ks_window_store_backward_fetch_range(store, ks_null(), ks_null(), 1, 1, &error),
                "b@1=5 aa@1=4 a@1=3");
    bool in_memory = type == KS_STORE_IN_MEMORY;
    assert_walk(ks_window_store_fetch_all(store, 0, 1),
                in_memory ? "a@0=1 aa@0=2 a@1=3 aa@1=4 b@1=5" : "a@0=1 a@1=3 aa@0=2 aa@1=4 b@1=5");
    assert_walk(ks_window_store_backward_all(store),
                in_memory ? "a@150000=6 b@1=5 aa@1=4 a@1=3 aa@0=2 a@0=1"
                          : "a@150000=6 b@1=5 aa@1=4 aa@0=2 a@1=3 a@0=1");
    drive_no_more(self);
}

static void both_types_fetch_by_key_and_time(void **state)
{
    (void)state;
    entries_are_fetched_by_key_and_time(KS_STORE_IN_MEMORY);
    entries_are_fetched_by_key_and_time(KS_STORE_ROCKSDB);
}

static void one_entry_is_looked_up_replaced_and_deleted(void **state)
{
    (void)state;
    ks_store_builder builder = builder_of(KS_STORE_ROCKSDB);
    driven *self = drive(&builder);
    ks_error error = {0};
    ks_window_entry entry;
    put(self, "a", "1", 10);
    put(self, "a", "2", 10);
    assert_ok(ks_window_store_get(self->store, word("a"), 10, NULL, &entry, &error), &error);
    assert_true(ks_slice_equal(ks_value_text(entry.value), ks_slice_cstr("2")));
    assert_int_equal(entry.timestamp, 10);
    assert_int_equal(entry.end, 10 + WINDOW_MS);
    assert_true(ks_value_is_null(ks_window_store_value(self->store, word("a"), 11)));
    assert_true(ks_value_is_null(ks_window_store_value(self->store, word("a"), -1)));
    put(self, "a", NULL, 10);
    assert_true(ks_value_is_null(ks_window_store_value(self->store, word("a"), 10)));
    drive_no_more(self);
}

/* ---- what is too old ------------------------------------------------------------------------- */

/*
 * In memory what is put behind the retention is refused, on RocksDB what belongs to a segment that
 * has gone. What began the retention ago is hidden from readers of both.
 */
static void what_is_too_old_is_hidden_refused_and_counted(ks_store_type type, uint64_t refused)
{
    ks_store_builder builder = builder_of(type);
    driven *self = drive(&builder);
    put(self, "a", "1", SEGMENT_MS);
    put(self, "a", "2", SEGMENT_MS + 1);
    put(self, "b", "3", SEGMENT_MS + RETENTION_MS); /* segment 3; segment 1 may be written */
    put(self, "c", "4", SEGMENT_MS);
    put(self, "c", "5", SEGMENT_MS - 1);
    assert_walk(ks_window_store_all(self->store), "a@150001=2 b@450000=3");
    assert_true(ks_value_is_null(ks_window_store_value(self->store, word("a"), SEGMENT_MS)));
    assert_int_equal(ks_test_driver_dropped_records(self->driver), refused);
    drive_no_more(self);
}

static void both_types_forget_what_is_too_old(void **state)
{
    (void)state;
    what_is_too_old_is_hidden_refused_and_counted(KS_STORE_IN_MEMORY, 2);
    what_is_too_old_is_hidden_refused_and_counted(KS_STORE_ROCKSDB, 1);
}

static void an_open_walk_still_gives_what_expires_meanwhile(void **state)
{
    (void)state;
    ks_store_builder builder = builder_of(KS_STORE_IN_MEMORY);
    driven *self = drive(&builder);
    put(self, "a", "1", SEGMENT_MS);
    ks_window_iterator *walk = ks_window_store_all(self->store);
    put(self, "a", "2", SEGMENT_MS + RETENTION_MS);
    assert_walk(walk, "a@150000=1");
    assert_walk(ks_window_store_all(self->store), "a@450000=2");
    drive_no_more(self);
}

/* ---- duplicates, caches, restarts ------------------------------------------------------------ */

static void duplicates_stand_beside_each_other_across_a_restart(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_window_entry entry;
    ks_store_builder builder = builder_of(KS_STORE_ROCKSDB);
    builder.retain_duplicates = true;
    builder.caching_enabled = true; /* of no effect */
    driven *self = drive(&builder);
    put(self, "a", "1", 0);
    put(self, "a", "2", 0);
    put(self, "a", NULL, 0);
    assert_walk(ks_window_store_fetch(self->stored, word("a"), 0, 0, &error), "a@0=1 a@0=2");
    assert_ok(ks_test_driver_restart(self->driver, KS_TEST_RESTART_LOSE_STATE, &error), &error);
    find_views(self);
    put(self, "a", "3", 0);
    assert_walk(ks_window_store_all(self->store), "a@0=1 a@0=2 a@0=3");
    assert_int_equal(ks_window_store_get(self->store, word("a"), 0, NULL, &entry, &error),
                     KS_E_STATE);
    drive_no_more(self);
}

static void a_cached_store_reads_its_cache_over_what_is_stored(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_store_builder builder = builder_of(KS_STORE_ROCKSDB);
    builder.caching_enabled = true;
    driven *self = drive(&builder);
    put(self, "a", "1", 0);
    put(self, "b", "2", SEGMENT_MS);
    assert_walk(ks_window_store_all(self->stored), "");
    assert_walk(ks_window_store_all(self->store), "a@0=1 b@150000=2");
    assert_ok(ks_test_driver_advance_wall_clock(self->driver, 0, &error), &error);
    assert_walk(ks_window_store_all(self->stored), "a@0=1 b@150000=2");
    put(self, "a", NULL, 0);
    put(self, "a", "3", 1);
    assert_walk(ks_window_store_all(self->store), "a@1=3 b@150000=2");
    assert_walk(ks_window_store_backward_all(self->store), "b@150000=2 a@1=3");
    assert_true(ks_value_is_null(ks_window_store_value(self->store, word("a"), 0)));
    assert_false(ks_value_is_null(ks_window_store_value(self->stored, word("a"), 0)));
    assert_int_equal(ks_window_store_put(self->stored, word("a"), word("4"), 1, &error),
                     KS_E_STATE);
    drive_no_more(self);
}

static void pipe(driven *self, const char *key, const char *value, int64_t timestamp)
{
    ks_error error = {0};
    const ks_log_record record = {.key = ks_slice_cstr(key),
                                  .value = ks_slice_cstr(value),
                                  .timestamp = timestamp,
                                  .partition = -1};
    assert_ok(ks_test_driver_pipe(self->driver, "in", &record, &error), &error);
}

static void a_processor_fetches_what_it_has_put(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_store_builder builder = builder_of(KS_STORE_DEFAULT);
    driven *self = drive(&builder);
    pipe(self, "a", "x", 100);
    pipe(self, "a", "y", 109);
    assert_ok(ks_test_driver_restart(self->driver, KS_TEST_RESTART_LOSE_STATE, &error), &error);
    find_views(self);
    pipe(self, "a", "z", 111);
    pipe(self, "b", "z", 111);
    ks_log_record record;
    assert_int_equal(ks_test_driver_produced_count(self->driver, "out"), 2);
    assert_true(ks_test_driver_produced(self->driver, "out", 0, &record));
    assert_true(ks_slice_equal(record.value, ks_slice_cstr("x")));
    assert_true(ks_test_driver_produced(self->driver, "out", 1, &record));
    assert_true(ks_slice_equal(record.value, ks_slice_cstr("y")));
    assert_walk(ks_window_store_all(self->store), "a@100=x a@109=y a@111=z b@111=z");
    drive_no_more(self);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void keys_that_are_null_and_times_before_0_are_refused(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_store_builder builder = builder_of(KS_STORE_ROCKSDB);
    driven *self = drive(&builder);
    assert_int_equal(ks_window_store_put(self->store, ks_null(), word("v"), 0, &error),
                     KS_E_ARGUMENT);
    assert_int_equal(ks_window_store_put(self->store, word("k"), word("v"), -1, &error),
                     KS_E_TIMESTAMP);
    assert_int_equal(ks_window_store_put(self->store, word("k"), ks_i64(1), 0, &error), KS_E_SERDE);
    assert_int_equal(ks_window_store_put_at(self->store, word("k"), word("v"), 0, -2, &error),
                     KS_E_ARGUMENT);
    assert_null(ks_window_store_fetch(self->store, ks_null(), 0, 1, &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    drive_no_more(self);
}

static void assert_refused(ks_store_builder builder, const char *expected)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b, &builder);
    ks_topology *topology = ks_builder_build(b, &error);
    assert_null(topology);
    assert_int_equal(error.code, KS_E_ARGUMENT);
    assert_non_null(strstr(error.message, expected));
    ks_builder_free(b);
}

static void descriptions_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    ks_store_builder builder = builder_of(KS_STORE_ROCKSDB);
    builder.window_size_ms = RETENTION_MS + 1;
    assert_refused(builder, "retention_ms is less than window_size_ms");
    builder = builder_of(KS_STORE_ROCKSDB);
    builder.retention_ms = -1;
    assert_refused(builder, "negative");
    builder = builder_of(KS_STORE_ROCKSDB);
    builder.kind = KS_STORE_KIND_KEY_VALUE;
    assert_refused(builder, "retention_ms is for window and session stores only");
    builder.retention_ms = 0;
    assert_refused(builder, "are for window stores only");
    builder = builder_of(KS_STORE_LRU);
    builder.lru_entries = 1;
    assert_refused(builder, "kept on RocksDB or in memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_types_fetch_by_key_and_time),
        cmocka_unit_test(one_entry_is_looked_up_replaced_and_deleted),
        cmocka_unit_test(both_types_forget_what_is_too_old),
        cmocka_unit_test(an_open_walk_still_gives_what_expires_meanwhile),
        cmocka_unit_test(duplicates_stand_beside_each_other_across_a_restart),
        cmocka_unit_test(a_cached_store_reads_its_cache_over_what_is_stored),
        cmocka_unit_test(a_processor_fetches_what_it_has_put),
        cmocka_unit_test(keys_that_are_null_and_times_before_0_are_refused),
        cmocka_unit_test(descriptions_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
