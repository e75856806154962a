/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_key_value_store.c - key-value stores as a user has them, through the handle of a test
 * driver: putting, deleting, ranges, what the changelog hears and what is refused.
 *
 * The store is that of the table "in", texts by text, so it has timestamps; with and without a
 * record cache.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "state_dir.h"

typedef struct fixture {
    ks_topology *topology;
    ks_test_driver *driver;
    ks_key_value_store *store;
    ks_arena *arena;
    char log[800]; /* every line of the library's */
} fixture;

static void keep_line(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)level;
    fixture *f = user;
    size_t used = strlen(f->log);
    snprintf(f->log + used, sizeof f->log - used, "%s: %s\n", where, message);
}

static void start_with(fixture *f, const ks_materialized *materialized, const char *cache_bytes)
{
    ks_error error = {0};
    const ks_serde *text = &ks_serde_string;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *rows =
        ks_builder_table(b, "in", KS_CONSUMED(.key = text, .value = text), materialized);
    ks_stream_to(ks_table_to_stream(rows, NULL), "out", NULL);
    *f = (fixture){.topology = ks_builder_build(b, &error), .arena = ks_arena_new()};
    ks_builder_free(b);
    assert_non_null(f->topology);
    ks_config *config = ks_config_new();
    assert_int_equal(ks_config_set(config, "statestore.cache.max.bytes", cache_bytes, &error),
                     KS_OK);
    f->driver = ks_test_driver_new(
        f->topology, config, KS_TEST_DRIVER_OPTIONS(.log_line = keep_line, .user = f), &error);
    ks_config_free(config);
    assert_non_null(f->driver);
    f->store = ks_test_driver_key_value_store(f->driver, "rows");
    assert_non_null(f->store);
}

static void start(fixture *f, const char *cache_bytes)
{
    start_with(f, KS_MATERIALIZED(.name = "rows"), cache_bytes);
}

static void stop(fixture *f)
{
    ks_test_driver_free(f->driver);
    ks_topology_free(f->topology);
    ks_arena_free(f->arena);
}

static void put(fixture *f, const char *key, const char *value)
{
    ks_error error = {0};
    assert_int_equal(ks_key_value_store_put(f->store, ks_text_of(key),
                                            value != NULL ? ks_text_of(value) : ks_null(), &error),
                     KS_OK);
}

/* "key=value@timestamp " of each entry; frees the iterator. */
static const char *entries_of(ks_key_value_iterator *iterator)
{
    static char text[400];
    ks_error error = {0};
    ks_key_value entry;
    bool found = true;
    text[0] = '\0';
    assert_non_null(iterator);
    while (found) {
        assert_int_equal(ks_key_value_iterator_next(iterator, &entry, &found, &error), KS_OK);
        if (found) {
            size_t used = strlen(text);
            ks_slice key = ks_value_text(entry.key);
            ks_slice value = ks_value_text(entry.value);
            snprintf(text + used, sizeof text - used, "%.*s=%.*s@%lld ", (int)key.size, key.data,
                     (int)value.size, value.data, (long long)entry.timestamp);
        }
    }
    ks_key_value_iterator_free(iterator);
    return text;
}

/* The same of the records of a topic. */
static const char *records_of(const fixture *f, const char *topic)
{
    static char text[400];
    ks_log_record record;
    text[0] = '\0';
    for (size_t i = 0; ks_test_driver_produced(f->driver, topic, i, &record); i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%.*s=%.*s@%lld ", (int)record.key.size,
                 record.key.data, record.value.data != NULL ? (int)record.value.size : 4,
                 record.value.data != NULL ? record.value.data : "null",
                 (long long)record.timestamp);
    }
    return text;
}

static void pipe(fixture *f, const char *key, const char *value, int64_t time)
{
    ks_error error = {0};
    ks_test_input *in =
        ks_test_driver_input(f->driver, "in", &ks_serde_string, &ks_serde_string, time, 0);
    assert_int_equal(ks_test_input_pipe(in, ks_text_of(key), ks_text_of(value), &error), KS_OK);
}

/* ---- putting and deleting -------------------------------------------------------------------- */

static void what_a_test_puts_is_found_and_logged(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    start(&f, "0");
    put(&f, "a", "1");
    assert_int_equal(
        ks_key_value_store_put_at(f.store, ks_text_of("b"), ks_text_of("2"), 70, &error), KS_OK);
    pipe(&f, "c", "3", 80);
    put(&f, "a", "4"); /* still in the name of no record */
    put(&f, "c", NULL);
    assert_string_equal(entries_of(ks_key_value_store_all(f.store)), "a=4@0 b=2@70 ");
    assert_string_equal(records_of(&f, "test-rows-changelog"),
                        "a=1@0 b=2@70 c=3@80 a=4@0 c=null@0 ");
    assert_int_equal(ks_key_value_store_approximate_count(f.store), 2);
    assert_string_equal(records_of(&f, "out"), "c=3@80 "); /* nobody is told of the rest */
    stop(&f);
}

static void a_value_is_looked_up_and_a_failure_is_in_the_log(void **state)
{
    (void)state;
    fixture f;
    start(&f, "0");
    put(&f, "a", "1");
    ks_value value = ks_key_value_store_value(f.store, ks_text_of("a"));
    put(&f, "a", "2");
    assert_true(ks_value_equal(value, ks_text_of("1"))); /* until the driver is freed */
    assert_true(ks_value_is_null(ks_key_value_store_value(f.store, ks_text_of("b"))));
    assert_string_equal(f.log, "");
    assert_true(ks_value_is_null(ks_key_value_store_value(f.store, ks_i64(1))));
    assert_non_null(strstr(f.log, "the key given to store rows"));
    f.log[0] = '\0';
    ks_key_value_store_put(f.store, ks_null(), ks_text_of("1"), NULL);
    assert_non_null(strstr(f.log, "rows: "));
    stop(&f);
}

static void put_if_absent_leaves_what_is_there(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    ks_key_value there;
    bool found = true;
    start(&f, "0");
    const ks_key_value first = {.key = ks_text_of("a"), .value = ks_text_of("1"), .timestamp = 5};
    const ks_key_value second = ks_key_value_of(ks_text_of("a"), ks_text_of("2"));
    assert_int_equal(
        ks_key_value_store_put_if_absent(f.store, &first, f.arena, &there, &found, &error), KS_OK);
    assert_false(found);
    assert_int_equal(
        ks_key_value_store_put_if_absent(f.store, &second, f.arena, &there, &found, &error), KS_OK);
    assert_true(found);
    put(&f, "a", "3"); /* what was given lives on in the arena */
    assert_true(ks_value_equal(there.key, ks_text_of("a")));
    assert_true(ks_value_equal(there.value, ks_text_of("1")));
    assert_int_equal(there.timestamp, 5);
    assert_int_equal(ks_key_value_store_put_if_absent(f.store, &second, NULL, NULL, NULL, &error),
                     KS_OK);
    const ks_key_value nothing = ks_key_value_of(ks_text_of("b"), ks_null());
    assert_int_equal(ks_key_value_store_put_if_absent(f.store, &nothing, NULL, NULL, NULL, &error),
                     KS_OK);
    assert_string_equal(records_of(&f, "test-rows-changelog"), "a=1@5 a=3@0 b=null@0 ");
    stop(&f);
}

static void delete_gives_what_was_there(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    ks_key_value old;
    bool found = false;
    start(&f, "0");
    put(&f, "a", "1");
    put(&f, "b", "2");
    assert_int_equal(
        ks_key_value_store_delete(f.store, ks_text_of("a"), f.arena, &old, &found, &error), KS_OK);
    assert_true(found);
    assert_true(ks_value_equal(old.value, ks_text_of("1")));
    assert_int_equal(
        ks_key_value_store_delete(f.store, ks_text_of("a"), f.arena, &old, &found, &error), KS_OK);
    assert_false(found);
    assert_int_equal(ks_key_value_store_delete(f.store, ks_text_of("b"), NULL, NULL, NULL, &error),
                     KS_OK);
    assert_string_equal(entries_of(ks_key_value_store_all(f.store)), "");
    assert_string_equal(records_of(&f, "test-rows-changelog"),
                        "a=1@0 b=2@0 a=null@0 a=null@0 b=null@0 ");
    stop(&f);
}

static void put_all_puts_all_or_nothing(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    start(&f, "0");
    ks_key_value entries[] = {ks_key_value_of(ks_text_of("a"), ks_text_of("1")),
                              ks_key_value_of(ks_text_of("b"), ks_text_of("2")),
                              ks_key_value_of(ks_text_of("a"), ks_null())};
    assert_int_equal(ks_key_value_store_put_all(f.store, entries, 3, &error), KS_OK);
    assert_string_equal(records_of(&f, "test-rows-changelog"), "a=1@0 b=2@0 a=null@0 ");
    entries[0].value = ks_text_of("9");
    entries[2].key = ks_null();
    assert_int_equal(ks_key_value_store_put_all(f.store, entries, 3, &error), KS_E_ARGUMENT);
    entries[2].key = ks_i64(3);
    assert_int_equal(ks_key_value_store_put_all(f.store, entries, 3, &error), KS_E_SERDE);
    assert_int_equal(ks_key_value_store_put_all(f.store, NULL, 0, &error), KS_OK);
    assert_string_equal(entries_of(ks_key_value_store_all(f.store)), "b=2@0 ");
    assert_int_equal(ks_test_driver_produced_count(f.driver, "test-rows-changelog"), 3);
    stop(&f);
}

/* ---- refused --------------------------------------------------------------------------------- */

static void what_cannot_be_an_entry_is_refused_and_the_store_named(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    bool found;
    start(&f, "0");
    const ks_value key = ks_text_of("a");
    assert_int_equal(ks_key_value_store_put(f.store, ks_null(), key, &error), KS_E_ARGUMENT);
    assert_string_equal(error.where, "rows");
    assert_int_equal(ks_key_value_store_delete(f.store, ks_null(), NULL, NULL, &found, &error),
                     KS_E_ARGUMENT);
    assert_false(found);
    assert_int_equal(ks_key_value_store_put(f.store, key, ks_i64(1), &error), KS_E_SERDE);
    assert_non_null(strstr(error.message, "the value given to store rows"));
    assert_int_equal(ks_key_value_store_put_at(f.store, key, key, -2, &error), KS_E_ARGUMENT);
    assert_null(ks_key_value_store_range(f.store, ks_i64(1), ks_null(), &error));
    assert_int_equal(error.code, KS_E_SERDE);
    assert_null(ks_key_value_store_prefix_scan(f.store, ks_null(), NULL, &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    assert_int_equal(ks_test_driver_topic_count(f.driver), 0);
    stop(&f);
}

/* ---- many entries ---------------------------------------------------------------------------- */

static void fill(fixture *f)
{
    put(f, "b", "1");
    put(f, "ba", "2");
    put(f, "a", "3");
    put(f, "c", "4");
    put(f, "b\xc3\xbf", "5");
    put(f, "", "6");
}

static void ranges_include_both_ends_in_either_direction(const fixture *f)
{
    ks_error error = {0};
    const ks_value none = ks_null();
    const ks_value a = ks_text_of("a");
    const ks_value b = ks_text_of("b");
    const ks_value ba = ks_text_of("ba");
    ks_key_value_store *store = f->store;
    assert_string_equal(entries_of(ks_key_value_store_all(store)),
                        "=6@0 a=3@0 b=1@0 ba=2@0 b\xc3\xbf=5@0 c=4@0 ");
    assert_string_equal(entries_of(ks_key_value_store_reverse_all(store)),
                        "c=4@0 b\xc3\xbf=5@0 ba=2@0 b=1@0 a=3@0 =6@0 ");
    assert_string_equal(entries_of(ks_key_value_store_range(store, a, ba, &error)),
                        "a=3@0 b=1@0 ba=2@0 ");
    assert_string_equal(entries_of(ks_key_value_store_reverse_range(store, a, ba, &error)),
                        "ba=2@0 b=1@0 a=3@0 ");
    assert_string_equal(entries_of(ks_key_value_store_range(store, b, b, &error)), "b=1@0 ");
    assert_string_equal(entries_of(ks_key_value_store_range(store, none, a, &error)),
                        "=6@0 a=3@0 ");
    assert_string_equal(entries_of(ks_key_value_store_reverse_range(store, ba, none, &error)),
                        "c=4@0 b\xc3\xbf=5@0 ba=2@0 ");
    assert_string_equal(
        entries_of(ks_key_value_store_range(store, ks_text_of("aa"), ks_text_of("az"), &error)),
        "");
}

static void prefixes_are_bytes_and_may_have_a_serde_of_their_own(const fixture *f)
{
    ks_error error = {0};
    ks_key_value_store *store = f->store;
    const ks_value text = ks_text_of("b");
    assert_string_equal(entries_of(ks_key_value_store_prefix_scan(store, text, NULL, &error)),
                        "b=1@0 ba=2@0 b\xc3\xbf=5@0 ");
    assert_string_equal(
        entries_of(ks_key_value_store_prefix_scan(store, ks_text_of(""), NULL, &error)),
        "=6@0 a=3@0 b=1@0 ba=2@0 b\xc3\xbf=5@0 c=4@0 ");
    const ks_value half_a_letter = ks_bytes(ks_slice_of("b\xc3", 2));
    assert_string_equal(
        entries_of(ks_key_value_store_prefix_scan(store, half_a_letter, &ks_serde_bytes, &error)),
        "b\xc3\xbf=5@0 ");
    const ks_value greatest = ks_bytes(ks_slice_of("\xff\xff", 2)); /* nothing lies behind it */
    assert_string_equal(
        entries_of(ks_key_value_store_prefix_scan(store, greatest, &ks_serde_bytes, &error)), "");
}

static void a_range_from_behind_is_empty_and_warned_of(fixture *f)
{
    ks_error error = {0};
    f->log[0] = '\0';
    assert_string_equal(
        entries_of(ks_key_value_store_range(f->store, ks_text_of("b"), ks_text_of("a"), &error)),
        "");
    assert_non_null(strstr(f->log, "rows: a range whose first key comes after its last"));
    assert_string_equal(entries_of(ks_key_value_store_reverse_range(f->store, ks_text_of("b"),
                                                                    ks_text_of("a"), &error)),
                        "");
}

static void entries_are_walked_over_in_the_order_of_their_bytes(void **state)
{
    (void)state;
    const char *const cache_bytes[] = {"0", "100000"};
    for (size_t i = 0; i < 2; i++) {
        fixture f;
        start(&f, cache_bytes[i]);
        fill(&f);
        ranges_include_both_ends_in_either_direction(&f);
        prefixes_are_bytes_and_may_have_a_serde_of_their_own(&f);
        a_range_from_behind_is_empty_and_warned_of(&f);
        stop(&f);
    }
}

/* ---- the record cache ------------------------------------------------------------------------ */

static void a_test_reads_through_the_record_cache_and_can_look_below(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    ks_key_value entry;
    bool found;
    start(&f, "100000");
    ks_key_value_store *stored = ks_test_driver_stored_key_value_store(f.driver, "rows");
    pipe(&f, "b", "1", 10);
    put(&f, "a", "2");
    put(&f, "b", NULL);
    assert_string_equal(entries_of(ks_key_value_store_all(f.store)), "a=2@0 ");
    assert_string_equal(entries_of(ks_key_value_store_all(stored)), "b=1@10 ");
    assert_int_equal(
        ks_key_value_store_get(stored, ks_text_of("a"), f.arena, &entry, &found, &error), KS_OK);
    assert_false(found);
    assert_int_equal(ks_key_value_store_approximate_count(f.store), 1);
    assert_string_equal(records_of(&f, "test-rows-changelog"), "b=1@10 ");
    assert_int_equal(ks_test_driver_advance_wall_clock(f.driver, 1, &error), KS_OK);
    assert_string_equal(entries_of(ks_key_value_store_all(stored)), "a=2@0 ");
    assert_string_equal(records_of(&f, "test-rows-changelog"), "b=1@10 a=2@0 b=null@0 ");
    assert_string_equal(records_of(&f, "out"),
                        "b=1@10 a=2@0 b=null@0 "); /* it has left the cache */
    assert_int_equal(ks_key_value_store_put(stored, ks_text_of("a"), ks_text_of("3"), &error),
                     KS_E_STATE);
    assert_int_equal(ks_key_value_store_delete(stored, ks_text_of("a"), NULL, NULL, NULL, &error),
                     KS_E_STATE);
    assert_null(ks_test_driver_stored_key_value_store(f.driver, "other"));
    stop(&f);
}

static void a_walk_survives_what_is_written_meanwhile(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    ks_key_value entry;
    bool found;
    start(&f, "100000");
    pipe(&f, "a", "1", 1);
    pipe(&f, "c", "1", 1);
    put(&f, "b", "1");
    ks_key_value_iterator *all = ks_key_value_store_all(f.store);
    assert_int_equal(ks_key_value_iterator_next(all, &entry, &found, &error), KS_OK);
    put(&f, "c", "2");
    put(&f, "b", NULL);
    put(&f, "d", "1");
    assert_true(found && ks_value_equal(entry.key, ks_text_of("a"))); /* until the next call */
    assert_string_equal(entries_of(all), "c=2@0 ");
    assert_string_equal(entries_of(ks_key_value_store_all(f.store)), "a=1@1 c=2@0 d=1@0 ");
    stop(&f);
}

/* ---- a store that holds so many entries ------------------------------------------------------ */

static void an_lru_store_keeps_what_was_used_last(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    ks_key_value entry;
    bool found;
    start_with(&f, KS_MATERIALIZED(.name = "rows", .type = KS_STORE_LRU, .lru_entries = 2), "0");
    pipe(&f, "a", "1", 1);
    pipe(&f, "b", "1", 2);
    assert_int_equal(
        ks_key_value_store_get(f.store, ks_text_of("a"), f.arena, &entry, &found, &error), KS_OK);
    assert_true(found);
    pipe(&f, "c", "1", 3);
    assert_string_equal(entries_of(ks_key_value_store_all(f.store)), "a=1@1 c=1@3 ");
    assert_int_equal(ks_key_value_store_approximate_count(f.store), 2);
    stop(&f);
}

static void refuse(const ks_materialized *materialized, const char *message)
{
    ks_error error = {0};
    const ks_serde *text = &ks_serde_string;
    ks_builder *b = ks_builder_new(NULL);
    (void)ks_builder_table(b, "in", KS_CONSUMED(.key = text, .value = text), materialized);
    assert_null(ks_builder_build(b, &error));
    ks_builder_free(b);
    assert_int_equal(error.code, KS_E_ARGUMENT);
    assert_non_null(strstr(error.message, message));
}

static void an_lru_store_needs_a_name_and_a_bound(void **state)
{
    (void)state;
    refuse(KS_MATERIALIZED(.name = "rows", .type = KS_STORE_LRU), "lru_entries of at least 1");
    refuse(KS_MATERIALIZED(.name = "rows", .type = KS_STORE_LRU, .lru_entries = -1),
           "lru_entries of at least 1");
    refuse(KS_MATERIALIZED(.type = KS_STORE_LRU, .lru_entries = 3), "needs a name");
    refuse(KS_MATERIALIZED(.name = "rows", .lru_entries = 3), "for KS_STORE_LRU only");
}

/* A disk has no bound; the state directory is used all the same, by the other store. */
static void an_application_keeps_an_lru_store_in_memory(void **state)
{
    (void)state;
    ks_error error = {0};
    const ks_serde *text = &ks_serde_string;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *rows =
        ks_builder_table(b, "in", KS_CONSUMED(.key = text, .value = text),
                         KS_MATERIALIZED(.name = "rows", .type = KS_STORE_LRU, .lru_entries = 2));
    (void)ks_stream_to_table(ks_table_to_stream(rows, NULL),
                             KS_MATERIALIZED(.name = "copy", .key = text, .value = text));
    ks_topology *topology = ks_builder_build(b, &error);
    ks_builder_free(b);
    ks_config *config = ks_config_new();
    assert_int_equal(ks_config_set(config, "application.id", "bounded", &error), KS_OK);
    assert_int_equal(ks_config_set(config, "bootstrap.servers", "embedded:", &error), KS_OK);
    assert_int_equal(ks_config_set(config, "state.dir", state_dir_new(), &error), KS_OK);
    ks_log *log = ks_log_open("embedded:", &error);
    assert_int_equal(ks_log_create_topic(log, "in", 1, &error), KS_OK);
    for (int i = 0; i < 50; i++) {
        char key[16];
        const ks_log_record record = {
            .key = ks_slice_of(key, (size_t)snprintf(key, sizeof key, "%d", i % 5)),
            .value = ks_slice_cstr("x"),
            .timestamp = i,
            .partition = -1};
        assert_int_equal(ks_log_produce(log, "in", &record, &error), KS_OK);
    }
    ks_app *app = ks_app_new(topology, config, KS_APP_OPTIONS(.log = log), &error);
    assert_non_null(app);
    assert_int_equal(ks_app_start(app, &error), KS_OK);
    assert_int_equal(ks_app_wait_until_caught_up(app, -1, &error), KS_OK);
    assert_int_equal(ks_app_close(app, -1, &error), KS_OK);
    ks_app_free(app);
    ks_log_free(log);
    ks_config_free(config);
    ks_topology_free(topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_test_puts_is_found_and_logged),
        cmocka_unit_test(a_value_is_looked_up_and_a_failure_is_in_the_log),
        cmocka_unit_test(put_if_absent_leaves_what_is_there),
        cmocka_unit_test(delete_gives_what_was_there),
        cmocka_unit_test(put_all_puts_all_or_nothing),
        cmocka_unit_test(what_cannot_be_an_entry_is_refused_and_the_store_named),
        cmocka_unit_test(entries_are_walked_over_in_the_order_of_their_bytes),
        cmocka_unit_test(a_test_reads_through_the_record_cache_and_can_look_below),
        cmocka_unit_test(a_walk_survives_what_is_written_meanwhile),
        cmocka_unit_test(an_lru_store_keeps_what_was_used_last),
        cmocka_unit_test(an_lru_store_needs_a_name_and_a_bound),
        cmocka_unit_test(an_application_keeps_an_lru_store_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
