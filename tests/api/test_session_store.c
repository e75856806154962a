/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_session_store.c - session stores as a program has them: one that a processor writes and
 * looks into, and the one behind an aggregation, read through the test driver.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "assert_ok.h"

static const ks_serde *const text = &ks_serde_string;

static ks_value word(const char *characters)
{
    return ks_text(ks_slice_cstr(characters));
}

/* ---- a topology in the test driver ----------------------------------------------------------- */

typedef struct driven {
    ks_topology *topology;
    ks_config *config;
    ks_test_driver *driver;
    ks_session_store *store;
} driven;

static void drive(driven *self, ks_builder *b)
{
    ks_error error = {0};
    self->topology = ks_builder_build(b, &error);
    assert_ok(self->topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    self->config = ks_config_new();
    assert_ok(ks_config_set(self->config, "application.id", "app", &error), &error);
    assert_ok(ks_config_set(self->config, "bootstrap.servers", "embedded:", &error), &error);
    self->driver = ks_test_driver_new(self->topology, self->config, NULL, &error);
    assert_ok(self->driver != NULL ? KS_OK : error.code, &error);
    self->store = ks_test_driver_session_store(self->driver, "visits");
    assert_non_null(self->store);
}

static void drive_no_more(driven *self)
{
    ks_test_driver_free(self->driver);
    ks_config_free(self->config);
    ks_topology_free(self->topology);
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

/* What an iterator gives, as text; frees it. */
static const char *shown(ks_session_iterator *iterator)
{
    static char all[512];
    size_t size = 0;
    ks_session_entry entry;
    bool found = true;
    ks_error error = {0};
    assert_non_null(iterator);
    all[0] = '\0';
    while (found) {
        assert_ok(ks_session_iterator_next(iterator, &entry, &found, &error), &error);
        if (found) {
            ks_slice key = ks_value_text(entry.key);
            ks_slice value = ks_value_text(entry.value);
            size += (size_t)snprintf(all + size, sizeof all - size, "%.*s[%lld,%lld]=%.*s ",
                                     (int)key.size, key.data, (long long)entry.start,
                                     (long long)entry.end, (int)value.size, value.data);
        }
    }
    ks_session_iterator_free(iterator);
    return all;
}

/* ---- a store of a processor ------------------------------------------------------------------ */

/* Puts the session that its value says, "START END", and forwards what it then finds near. */
static void visit(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    ks_session_store *visits = ks_ctx_session_store(ctx, "visits");
    ks_session_entry entry = {.key = record->key, .value = record->value};
    char numbers[40];
    (void)state;
    (void)user;
    (void)snprintf(numbers, sizeof numbers, "%.*s", (int)ks_value_text(record->value).size,
                   ks_value_text(record->value).data);
    entry.start = strtoll(numbers, NULL, 10);
    entry.end = strtoll(strchr(numbers, ' '), NULL, 10);
    (void)ks_session_store_put(visits, &entry, NULL);
    ks_record near = *record;
    near.value = word("");
    ks_session_iterator *iterator =
        ks_session_store_find(visits, record->key, entry.start - 5, entry.end + 5, NULL);
    bool found = true;
    while (found && ks_session_iterator_next(iterator, &entry, &found, NULL) == KS_OK && found) {
        near.value = ks_text(ks_text_format(
            ks_ctx_arena(ctx), "%.*s[%lld,%lld]", (int)ks_value_text(near.value).size,
            ks_value_text(near.value).data, (long long)entry.start, (long long)entry.end));
    }
    ks_session_iterator_free(iterator);
    ks_ctx_forward(ctx, &near);
}

static void drive_visits(driven *self, ks_store_type type, bool caching_enabled)
{
    static const ks_processor processor = {.struct_size = sizeof processor, .process = visit};
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b, KS_STORE_BUILDER(.name = "visits", .kind = KS_STORE_KIND_SESSION,
                                             .type = type, .key = text, .value = text,
                                             .retention_ms = 1000,
                                             .caching_enabled = caching_enabled));
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream *out =
        ks_stream_process(in, &processor, NULL, KS_CONNECTED(.stores = KS_NAMES("visits")));
    ks_stream_to(out, "out", KS_PRODUCED(.key = text, .value = text));
    drive(self, b);
}

static void assert_out(driven *self, const char *const *expected)
{
    ks_error error = {0};
    ks_record record;
    ks_test_output *out = ks_test_driver_output(self->driver, "out", text, text);
    for (; *expected != NULL; expected++) {
        assert_true(ks_test_output_read(out, &record, &error));
        assert_true(ks_slice_equal(ks_value_text(record.value), ks_slice_cstr(*expected)));
    }
    assert_false(ks_test_output_read(out, &record, &error));
}

static void a_processor_finds_the_sessions_that_are_near(void **state)
{
    (void)state;
    static const char *const expected[] = {"[10,20]", "[30,40]", "[10,20][22,26][30,40]", "[1,2]",
                                           NULL};
    for (int kind = 0; kind < 4; kind++) {
        driven self;
        drive_visits(&self, kind % 2 == 0 ? KS_STORE_ROCKSDB : KS_STORE_IN_MEMORY, kind / 2 == 1);
        pipe(&self, "a", "10 20", 1);
        pipe(&self, "a", "30 40", 2);
        pipe(&self, "a", "22 26", 3);
        pipe(&self, "b", "1 2", 4);
        assert_out(&self, expected);
        drive_no_more(&self);
    }
}

static void put(driven *self, const char *key, int64_t start, int64_t end, const char *value)
{
    ks_error error = {0};
    const ks_session_entry entry = {
        .key = word(key), .start = start, .end = end, .value = word(value)};
    assert_ok(ks_session_store_put(self->store, &entry, &error), &error);
}

static void sessions_are_found_by_key_by_keys_and_by_end(void **state)
{
    (void)state;
    driven self;
    ks_error error = {0};
    drive_visits(&self, KS_STORE_IN_MEMORY, false);
    put(&self, "a", 10, 20, "1");
    put(&self, "a", 30, 40, "2");
    put(&self, "b", 5, 15, "3");
    put(&self, "c", 35, 36, "4");
    ks_session_store *s = self.store;
    assert_string_equal(shown(ks_session_store_fetch(s, word("a"), &error)),
                        "a[10,20]=1 a[30,40]=2 ");
    assert_string_equal(shown(ks_session_store_backward_fetch(s, word("a"), &error)),
                        "a[30,40]=2 a[10,20]=1 ");
    assert_string_equal(shown(ks_session_store_fetch_range(s, word("a"), word("b"), &error)),
                        "b[5,15]=3 a[10,20]=1 a[30,40]=2 ");
    assert_string_equal(
        shown(ks_session_store_backward_fetch_range(s, ks_null(), ks_null(), &error)),
        "a[30,40]=2 c[35,36]=4 a[10,20]=1 b[5,15]=3 ");
    assert_string_equal(shown(ks_session_store_find(s, word("a"), 21, 30, &error)), "a[30,40]=2 ");
    assert_string_equal(shown(ks_session_store_backward_find(s, word("a"), 20, 29, &error)),
                        "a[10,20]=1 ");
    assert_string_equal(
        shown(ks_session_store_find_range(s, word("b"), ks_null(), 16, 100, &error)),
        "c[35,36]=4 ");
    assert_string_equal(
        shown(ks_session_store_backward_find_range(s, ks_null(), word("b"), 0, 20, &error)),
        "a[10,20]=1 b[5,15]=3 ");
    assert_string_equal(shown(ks_session_store_find_ending(s, 15, 36, &error)),
                        "b[5,15]=3 a[10,20]=1 c[35,36]=4 ");
    assert_string_equal(shown(ks_session_store_fetch_range(s, word("b"), word("a"), &error)), "");
    drive_no_more(&self);
}

static void a_session_is_read_replaced_and_removed(void **state)
{
    (void)state;
    driven self;
    ks_error error = {0};
    drive_visits(&self, KS_STORE_ROCKSDB, false);
    put(&self, "a", 10, 20, "1");
    put(&self, "a", 10, 20, "2");
    ks_session_store *s = self.store;
    assert_true(
        ks_value_equal(ks_session_store_get(s, word("a"), 10, 20, NULL, &error), word("2")));
    assert_true(ks_value_is_null(ks_session_store_get(s, word("a"), 10, 21, NULL, &error)));
    assert_true(ks_value_is_null(ks_session_store_get(s, word("b"), 10, 20, NULL, &error)));
    assert_ok(ks_session_store_remove(s, word("a"), 10, 20, &error), &error);
    assert_true(ks_value_is_null(ks_session_store_get(s, word("a"), 10, 20, NULL, &error)));
    put(&self, "a", 5000, 6000, "3");
    put(&self, "a", 4000, 4500, "late");
    assert_string_equal(shown(ks_session_store_fetch(s, word("a"), &error)), "a[5000,6000]=3 ");
    drive_no_more(&self);
}

static void misuse_says_what_is_wrong(void **state)
{
    (void)state;
    driven self;
    ks_error error = {0};
    drive_visits(&self, KS_STORE_ROCKSDB, false);
    ks_session_entry entry = {.key = word("a"), .start = 5, .end = 4, .value = word("x")};
    assert_int_equal(ks_session_store_put(self.store, &entry, &error), KS_E_ARGUMENT);
    entry = (ks_session_entry){.key = ks_null(), .end = 4, .value = word("x")};
    assert_int_equal(ks_session_store_put(self.store, &entry, &error), KS_E_ARGUMENT);
    entry.key = ks_i64(1);
    assert_int_equal(ks_session_store_put(self.store, &entry, &error), KS_E_SERDE);
    assert_int_equal(ks_session_store_put(self.store, NULL, &error), KS_E_ARGUMENT);
    assert_int_equal(ks_session_store_put(NULL, &entry, &error), KS_E_STORE);
    assert_null(ks_session_store_fetch(self.store, ks_null(), &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    assert_null(ks_session_store_find_ending(self.store, 0, 10, &error));
    assert_int_equal(error.code, KS_E_STATE);
    entry.key = word("a");
    ks_session_store *stored = ks_test_driver_stored_session_store(self.driver, "visits");
    assert_int_equal(ks_session_store_put(stored, &entry, &error), KS_E_STATE);
    assert_null(ks_test_driver_key_value_store(self.driver, "visits"));
    assert_null(ks_test_driver_session_store(self.driver, "none"));
    drive_no_more(&self);
}

/* ---- the store of an aggregation ------------------------------------------------------------- */

static ks_value latest(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user)
{
    (void)ctx;
    (void)aggregate;
    (void)user;
    return value;
}

static void the_driver_reads_the_sessions_of_an_aggregation(void **state)
{
    (void)state;
    driven self;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    (void)ks_windowed_stream_reduce(
        ks_grouped_stream_windowed_by(ks_stream_group_by_key(in, NULL), ks_session_windows(10, 0)),
        latest, NULL, KS_MATERIALIZED(.name = "visits", .retention_ms = 100));
    drive(&self, b);
    pipe(&self, "a", "1", 10);
    pipe(&self, "a", "2", 15);
    pipe(&self, "a", "3", 40);
    assert_string_equal(shown(ks_session_store_fetch(self.store, word("a"), &error)),
                        "a[10,15]=2 a[40,40]=3 ");
    pipe(&self, "b", "4", 200);
    ks_session_store *stored = ks_test_driver_stored_session_store(self.driver, "visits");
    assert_string_equal(shown(ks_session_store_fetch_range(stored, ks_null(), ks_null(), &error)),
                        "b[200,200]=4 ");
    assert_true(ks_value_is_null(ks_session_store_get(stored, word("a"), 40, 40, NULL, &error)));
    assert_true(ks_value_equal(ks_session_store_get(self.store, word("a"), 40, 40, NULL, &error),
                               word("3")));
    drive_no_more(&self);
}

/* Java fails on such a record when there is a cache. */
static void sessions_with_a_long_gap_begin_at_the_epoch(void **state)
{
    (void)state;
    driven self;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    (void)ks_windowed_stream_reduce(ks_grouped_stream_windowed_by(ks_stream_group_by_key(in, NULL),
                                                                  ks_session_windows(200000, 0)),
                                    latest, NULL, KS_MATERIALIZED(.name = "visits"));
    drive(&self, b);
    pipe(&self, "a", "1", 0);
    pipe(&self, "a", "2", 5);
    assert_string_equal(shown(ks_session_store_fetch(self.store, word("a"), &error)), "a[0,5]=2 ");
    drive_no_more(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_processor_finds_the_sessions_that_are_near),
        cmocka_unit_test(sessions_are_found_by_key_by_keys_and_by_end),
        cmocka_unit_test(a_session_is_read_replaced_and_removed),
        cmocka_unit_test(misuse_says_what_is_wrong),
        cmocka_unit_test(the_driver_reads_the_sessions_of_an_aggregation),
        cmocka_unit_test(sessions_with_a_long_gap_begin_at_the_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
