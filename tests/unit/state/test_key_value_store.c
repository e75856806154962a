/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_key_value_store.c - the contract of a key-value store, against a model that is three plain
 * arrays.
 *
 *     now     what a read must find            changed by each write
 *     logged  the changelog played back        changed by each append
 *     told    what the listener was told last  changed by each flushed row
 *
 * Every way to open a store runs the same random operations: cached or not, with timestamps or not,
 * logged or not, with a listener that wants old values, one that does not, or none, and cache
 * budgets from nothing to everything. Keys come in lengths of their own, values may be empty, which
 * is not null.
 */
#include "state/key_value_store.h"

#include "base/arena.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "stored_rows.h"

enum { KEYS = 48, LONGEST_VALUE = 24 };

/* ---- the model ------------------------------------------------------------------------------- */

typedef struct model_row {
    bool present;
    char value[LONGEST_VALUE];
    size_t size;
    int64_t timestamp;
} model_row;

typedef struct test_rig {
    ksi_changelog changelog; /* first: the address of one is that of the other */
    ksi_store_spec spec;
    ksi_key_value_store *store;
    model_row now[KEYS];
    model_row logged[KEYS];
    model_row told[KEYS];
    int64_t written_at[KEYS]; /* timestamp of the context of the last write */
    bool cached;
    bool listens;
    bool wants_old;
    uint64_t appended;
    uint64_t flushed;
    ksi_flush_fn *below; /* what a flushed row leads to; may be NULL */
    struct test_rig *next;
} test_rig;

static uint64_t random_state;

static uint32_t below(uint32_t count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 33) % count);
}

static uint64_t start_random(void)
{
    const char *given = getenv("KSTREAMS_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    print_message("seed %" PRIu64 " (KSTREAMS_TEST_SEED repeats it)\n", seed);
    return seed;
}

/* Keys sort as their numbers do, although their lengths differ. */
static ks_slice key_of(size_t number, char *buffer)
{
    int length = snprintf(buffer, 32, "%02zu%.*s", number, (int)(number % 9), "xxxxxxxxx");
    return ks_slice_of(buffer, (size_t)length);
}

static size_t number_of(ks_slice key)
{
    char expected[32];
    size_t number = (size_t)(key.data[0] - '0') * 10 + (size_t)(key.data[1] - '0');
    assert_true(number < KEYS);
    assert_true(ks_slice_equal(key, key_of(number, expected)));
    return number;
}

static void set_row(model_row *row, ks_slice value, int64_t timestamp)
{
    row->present = value.data != NULL;
    row->size = value.size;
    row->timestamp = row->present ? timestamp : -1;
    assert_true(value.size <= LONGEST_VALUE);
    if (value.size > 0) {
        memcpy(row->value, value.data, value.size);
    }
}

static void assert_row(const model_row *expected, ks_slice value, int64_t timestamp)
{
    assert_int_equal(expected->present, value.data != NULL);
    if (expected->present) {
        assert_int_equal(value.size, expected->size);
        assert_memory_equal(value.size > 0 ? value.data : "", expected->value, value.size);
        assert_int_equal(timestamp, expected->timestamp);
    }
}

/* ---- what hangs below the store -------------------------------------------------------------- */

static ks_status append(ksi_changelog *changelog, ks_slice key, ks_slice value, int64_t timestamp,
                        const ks_headers *headers, ks_error *error)
{
    test_rig *rig = (test_rig *)changelog;
    size_t number = number_of(key);
    const model_row *now = &rig->now[number];
    (void)error;
    assert_null(headers);
    bool own_time = rig->spec.timestamped && value.data != NULL;
    assert_int_equal(timestamp, own_time ? now->timestamp : rig->written_at[number]);
    assert_row(now, value, now->timestamp);
    set_row(&rig->logged[number], value, now->timestamp);
    rig->appended++;
    return KS_OK;
}

static ks_status flushed(void *owner, const ksi_row *new_row, const ksi_row *old_row,
                         const ksi_record_context *context, ks_error *error)
{
    test_rig *rig = owner;
    size_t number = number_of(new_row->key);
    model_row *told = &rig->told[number];
    assert_row(&rig->now[number], new_row->value, new_row->timestamp);
    assert_int_equal(context->timestamp, rig->written_at[number]);
    assert_string_equal(context->topic, number % 2 == 0 ? "even" : "odd");
    assert_true(ks_slice_equal(old_row->key, new_row->key));
    if (rig->wants_old) {
        assert_row(told, old_row->value, old_row->timestamp);
    } else {
        assert_null(old_row->value.data);
    }
    assert_true(told->present || new_row->value.data != NULL);
    if (rig->spec.logging) { /* stored and logged before it is told of */
        assert_row(&rig->logged[number], new_row->value, new_row->timestamp);
    }
    set_row(told, new_row->value, new_row->timestamp);
    rig->flushed++;
    if (rig->below == NULL) {
        return KS_OK;
    }
    model_row before = *told;
    ks_status status = rig->below(rig, new_row, old_row, context, error);
    assert_row(&before, new_row->value,
               new_row->timestamp); /* both rows outlive what they led to */
    return status;
}

/* ---- operations ------------------------------------------------------------------------------ */

static void open_rig(test_rig *rig, ksi_record_cache *cache)
{
    rig->changelog.append = append;
    rig->spec.caching = cache != NULL;
    rig->cached = cache != NULL;
    rig->store = ksi_key_value_store_open(&(ksi_store_options){
        .spec = &rig->spec,
        .changelog = rig->spec.logging ? &rig->changelog : NULL,
        .cache = cache,
    });
    for (size_t i = 0; i < KEYS; i++) {
        rig->now[i].timestamp = rig->logged[i].timestamp = rig->told[i].timestamp = -1;
    }
    if (rig->listens) {
        assert_int_equal(ksi_key_value_store_on_flush(rig->store, flushed, rig, rig->wants_old),
                         rig->cached);
    }
}

static void read_one(test_rig *rig, size_t number)
{
    char buffer[32];
    ksi_row row;
    bool found = false;
    assert_int_equal(
        ksi_key_value_store_read(rig->store, key_of(number, buffer), &row, &found, NULL), KS_OK);
    assert_int_equal(found, rig->now[number].present);
    if (found) {
        assert_row(&rig->now[number], row.value, row.timestamp);
        assert_int_equal(number_of(row.key), number);
    }
}

static void write_one(test_rig *rig, size_t number, ks_slice value, int64_t time)
{
    char buffer[32];
    const ksi_record_context context = {.topic = number % 2 == 0 ? "even" : "odd",
                                        .partition = 1,
                                        .offset = time,
                                        .timestamp = time * 3};
    rig->written_at[number] = context.timestamp;
    set_row(&rig->now[number], value, rig->spec.timestamped ? time : -1);
    assert_int_equal(
        ksi_key_value_store_write(rig->store, key_of(number, buffer), value, time, &context, NULL),
        KS_OK);
}

static void write_random(test_rig *rig, int64_t time)
{
    static const char bytes[LONGEST_VALUE * 2 + 1] =
        "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKL";
    uint32_t size = below(LONGEST_VALUE + 1);
    ks_slice value =
        below(4) == 0 ? ks_slice_null() : ks_slice_of(bytes + below(LONGEST_VALUE), size);
    write_one(rig, below(KEYS), value, time);
}

/* After a flush, what is below the cache is what there is. */
static void flush_and_compare(test_rig *rig)
{
    uint64_t count = 0;
    assert_int_equal(ksi_key_value_store_flush(rig->store, NULL), KS_OK);
    ksi_row row = {.key = ks_slice_null()};
    ks_slice after = ks_slice_null();
    for (size_t i = 0; i < KEYS; i++) {
        if (rig->now[i].present) {
            assert_true(stored_rows_next(rig->store, after, &row));
            assert_int_equal(number_of(row.key), i);
            assert_row(&rig->now[i], row.value, row.timestamp);
            after = row.key;
            count++;
        }
        if (rig->spec.logging) {
            assert_int_equal(rig->logged[i].present, rig->now[i].present);
        }
        if (rig->listens && rig->cached) {
            assert_int_equal(rig->told[i].present, rig->now[i].present);
        }
    }
    assert_false(stored_rows_next(rig->store, after, &row) && count > 0);
    assert_int_equal(stored_rows_count(rig->store), count);
}

static void restore_some(test_rig *rig)
{
    char buffer[32];
    for (size_t i = 0; i < KEYS; i += 5) {
        ks_slice value = i % 2 == 0 ? ks_slice_cstr("restored") : ks_slice_cstr("");
        stored_rows_restore(rig->store, key_of(i, buffer), value, (int64_t)i);
        int64_t time = rig->spec.timestamped ? (int64_t)i : -1;
        set_row(&rig->now[i], value, time);
        set_row(&rig->told[i], value, time);
        set_row(&rig->logged[i], value, time);
    }
    stored_rows_restore(rig->store, key_of(5, buffer), ks_slice_null(), 9);
    rig->now[5].present = rig->told[5].present = rig->logged[5].present = false;
    assert_int_equal(rig->appended + rig->flushed, 0);
}

static void run_random(test_rig *rig, int operations)
{
    restore_some(rig);
    flush_and_compare(rig);
    for (int i = 1; i <= operations; i++) {
        uint32_t what = below(100);
        if (what < 45) {
            read_one(rig, below(KEYS));
        } else if (what < 99) {
            write_random(rig, i);
        } else {
            flush_and_compare(rig);
        }
    }
    flush_and_compare(rig);
}

/* ---- the contract ---------------------------------------------------------------------------- */

static void a_store_without_a_cache_is_its_model(void **state)
{
    (void)state;
    (void)start_random();
    for (int shape = 0; shape < 8; shape++) {
        test_rig rig = {.spec = {.name = "s", .timestamped = shape & 1, .logging = shape & 2},
                        .listens = shape & 4,
                        .wants_old = true};
        open_rig(&rig, NULL);
        run_random(&rig, 10000);
        assert_int_equal(rig.flushed, 0);
        assert_true(rig.appended > 4000 || !rig.spec.logging);
        ksi_key_value_store_close(rig.store);
    }
}

static void a_cached_store_is_its_model_at_every_budget(void **state)
{
    (void)state;
    (void)start_random();
    static const int64_t budgets[] = {0, 200, 1500, 100000};
    for (int shape = 0; shape < 12 * 4; shape++) {
        test_rig rig = {.spec = {.name = "s", .timestamped = shape & 1, .logging = shape & 2},
                        .listens = shape / 4 % 3 > 0,
                        .wants_old = shape / 4 % 3 > 1};
        ksi_record_cache *cache = ksi_record_cache_new(budgets[shape / 12]);
        open_rig(&rig, cache);
        run_random(&rig, 6000);
        assert_true(rig.flushed > 0 || !rig.listens);
        assert_true(ksi_record_cache_bytes(cache) <= budgets[shape / 12]);
        ksi_key_value_store_close(rig.store);
        assert_int_equal(ksi_record_cache_bytes(cache), 0);
        ksi_record_cache_free(cache);
    }
}

/*
 * A flushed row of one store is written to the next, which may give up rows of its own, and is read
 * back.
 */
static ks_status write_next(void *owner, const ksi_row *new_row, const ksi_row *old_row,
                            const ksi_record_context *context, ks_error *error)
{
    test_rig *next = ((test_rig *)owner)->next;
    (void)old_row;
    (void)error;
    size_t number = (number_of(new_row->key) + 7) % KEYS;
    read_one(next, number);
    write_one(next, number, new_row->value, context->timestamp + 1);
    read_one(next, number);
    read_one(next, below(KEYS));
    return KS_OK;
}

static void flushes_that_write_other_stores_of_the_same_cache_lose_nothing(void **state)
{
    (void)state;
    (void)start_random();
    static const int64_t budgets[] = {0, 300, 1500, 6000};
    for (size_t b = 0; b < sizeof budgets / sizeof *budgets; b++) {
        test_rig rigs[3];
        ksi_record_cache *cache = ksi_record_cache_new(budgets[b]);
        for (size_t i = 0; i < 3; i++) {
            rigs[i] = (test_rig){.spec = {.name = "s", .timestamped = i != 1, .logging = true},
                                 .listens = true,
                                 .wants_old = i != 2,
                                 .below = i < 2 ? write_next : NULL,
                                 .next = i < 2 ? &rigs[i + 1] : NULL};
            open_rig(&rigs[i], cache);
        }
        for (int i = 1; i <= 20000; i++) {
            below(3) == 0 ? read_one(&rigs[0], below(KEYS)) : write_random(&rigs[0], i);
            if (i % 500 == 0) {
                flush_and_compare(&rigs[0]); /* in the order of the graph, as a commit does */
                flush_and_compare(&rigs[1]);
                flush_and_compare(&rigs[2]);
            }
        }
        for (size_t i = 0; i < 3; i++) {
            assert_true(rigs[i].flushed > 100);
            ksi_key_value_store_close(rigs[i].store);
        }
        ksi_record_cache_free(cache);
    }
}

/*
 * A flushed row leads to a read and a write of its own store: what a processor connected to the
 * table above it can do.
 */
static ks_status use_own_store(void *owner, const ksi_row *new_row, const ksi_row *old_row,
                               const ksi_record_context *context, ks_error *error)
{
    test_rig *rig = owner;
    (void)old_row;
    (void)error;
    size_t number = number_of(new_row->key);
    read_one(rig, number);
    read_one(rig, (number + 1) % KEYS);
    if (number % 4 == 0) {
        write_one(rig, number + 1, ks_slice_cstr("nested"), context->timestamp + 1);
        read_one(rig, number + 1);
    }
    return KS_OK;
}

static void a_flush_may_read_and_write_its_own_store(void **state)
{
    (void)state;
    test_rig rig = {.spec = {.name = "s", .timestamped = true, .logging = true},
                    .listens = true,
                    .wants_old = true,
                    .below = use_own_store};
    ksi_record_cache *cache = ksi_record_cache_new(1 << 20);
    open_rig(&rig, cache);
    for (size_t i = 0; i < KEYS; i += 2) {
        write_one(&rig, i, ks_slice_cstr("first"), (int64_t)i);
    }
    assert_int_equal(ksi_key_value_store_flush(rig.store, NULL), KS_OK);
    assert_int_equal(rig.flushed, KEYS / 2); /* what was written meanwhile waits for the next */
    flush_and_compare(&rig);
    assert_int_equal(rig.flushed, KEYS / 2 + KEYS / 4);
    ksi_key_value_store_close(rig.store);
    ksi_record_cache_free(cache);
}

typedef struct nesting {
    ksi_key_value_store *store;
    int depth;
    int deepest;
    int flushed;
} nesting;

static ks_status write_three(ksi_key_value_store *store, const char *value)
{
    static const char *const keys[] = {"a", "b", "c"};
    const ksi_record_context context = {.topic = "in"};
    ks_status status = KS_OK;
    for (size_t i = 0; i < 3 && status == KS_OK; i++) {
        status = ksi_key_value_store_write(store, ks_slice_cstr(keys[i]), ks_slice_cstr(value), 1,
                                           &context, NULL);
    }
    return status;
}

static ks_status flush_deeper(void *owner, const ksi_row *new_row, const ksi_row *old_row,
                              const ksi_record_context *context, ks_error *error)
{
    static const char *const values[] = {"one", "two", "three", "four"};
    nesting *nest = owner;
    char old_value[16];
    (void)context;
    (void)error;
    nest->flushed++;
    snprintf(old_value, sizeof old_value, "%.*s", (int)old_row->value.size, old_row->value.data);
    char key = new_row->key.data[0];
    ks_status status = KS_OK;
    if (nest->depth < 4) {
        nest->depth++;
        nest->deepest = nest->depth > nest->deepest ? nest->depth : nest->deepest;
        status = write_three(nest->store, values[nest->depth - 1]);
        nest->depth--;
    }
    assert_int_equal(strlen(old_value), old_row->value.size);
    assert_memory_equal(old_value, old_row->value.data, old_row->value.size);
    assert_int_equal(new_row->key.data[0], key);
    assert_int_equal(old_row->key.data[0], key);
    return status;
}

static void old_values_survive_flushes_within_flushes(void **state)
{
    (void)state;
    const ksi_store_spec spec = {.name = "s", .caching = true};
    ksi_record_cache *cache = ksi_record_cache_new(110); /* two rows: the third evicts */
    nesting nest = {
        .store = ksi_key_value_store_open(&(ksi_store_options){.spec = &spec, .cache = cache})};
    for (int i = 0; i < 3; i++) {
        stored_rows_restore(nest.store, ks_slice_of(&"abc"[i], 1), ks_slice_cstr("before"), 0);
    }
    assert_true(ksi_key_value_store_on_flush(nest.store, flush_deeper, &nest, true));
    assert_int_equal(write_three(nest.store, "outer"), KS_OK);
    assert_int_equal(ksi_key_value_store_flush(nest.store, NULL), KS_OK);
    assert_int_equal(nest.deepest, 4);
    assert_true(nest.flushed > 10);
    ksi_key_value_store_close(nest.store);
    ksi_record_cache_free(cache);
}

/* ---- the changelog --------------------------------------------------------------------------- */

typedef struct test_journal {
    ksi_changelog changelog;
    char text[512];
    ks_status answer;
} test_journal;

static ks_status write_down(ksi_changelog *changelog, ks_slice key, ks_slice value,
                            int64_t timestamp, const ks_headers *headers, ks_error *error)
{
    test_journal *journal = (test_journal *)changelog;
    size_t length = strlen(journal->text);
    (void)error;
    snprintf(journal->text + length, sizeof journal->text - length, "%.*s=%.*s@%d%s ",
             (int)key.size, key.data, value.data == NULL ? 4 : (int)value.size,
             value.data == NULL ? "null" : value.data, (int)timestamp,
             ks_headers_count(headers) > 0 ? "+headers" : "");
    return journal->answer;
}

static ks_status write_text(ksi_key_value_store *store, const char *key, const char *value,
                            int64_t timestamp, int64_t context_time)
{
    ks_arena *arena = ks_arena_new();
    const ksi_record_context context = {
        .topic = "in",
        .timestamp = context_time,
        .headers = ks_headers_with(arena, NULL, ks_slice_cstr("h"), ks_slice_cstr("v"))};
    ks_status status = ksi_key_value_store_write(store, ks_slice_cstr(key), ks_slice_cstr(value),
                                                 timestamp, &context, NULL);
    ks_arena_free(arena);
    return status;
}

static void the_changelog_gets_the_rows_time_or_the_contexts_and_no_headers(void **state)
{
    (void)state;
    for (int timestamped = 0; timestamped < 2; timestamped++) {
        test_journal journal = {.changelog = {.append = write_down}};
        const ksi_store_spec spec = {.name = "s", .timestamped = timestamped, .logging = true};
        ksi_key_value_store *store = ksi_key_value_store_open(
            &(ksi_store_options){.spec = &spec, .changelog = &journal.changelog});
        assert_int_equal(write_text(store, "a", "1", 10, 20), KS_OK);
        assert_int_equal(write_text(store, "b", "", 11, 21), KS_OK);
        assert_int_equal(write_text(store, "a", NULL, 12, 22), KS_OK);
        assert_int_equal(write_text(store, "c", NULL, 13, 23), KS_OK); /* never was there */
        assert_string_equal(journal.text, timestamped ? "a=1@10 b=@11 a=null@22 c=null@23 "
                                                      : "a=1@20 b=@21 a=null@22 c=null@23 ");
        ksi_key_value_store_close(store);
    }
}

static void a_cached_store_logs_last_updates_only(void **state)
{
    (void)state;
    test_journal journal = {.changelog = {.append = write_down}};
    const ksi_store_spec spec = {
        .name = "s", .timestamped = true, .caching = true, .logging = true};
    ksi_record_cache *cache = ksi_record_cache_new(10000);
    ksi_key_value_store *store = ksi_key_value_store_open(
        &(ksi_store_options){.spec = &spec, .changelog = &journal.changelog, .cache = cache});
    assert_int_equal(write_text(store, "a", "1", 1, 1), KS_OK);
    assert_int_equal(write_text(store, "b", "1", 2, 2), KS_OK);
    assert_int_equal(write_text(store, "a", "2", 3, 3), KS_OK);
    assert_int_equal(write_text(store, "b", NULL, 4, 4), KS_OK);
    assert_string_equal(journal.text, "");
    assert_int_equal(ksi_key_value_store_flush(store, NULL), KS_OK);
    /* With nobody to tell, a delete of what never was below is logged; see the next test. */
    assert_string_equal(journal.text, "a=2@3 b=null@4 ");
    ksi_key_value_store_close(store);
    ksi_record_cache_free(cache);
}

static ks_status ignore(void *owner, const ksi_row *new_row, const ksi_row *old_row,
                        const ksi_record_context *context, ks_error *error)
{
    (void)owner;
    (void)new_row;
    (void)old_row;
    (void)context;
    (void)error;
    return KS_OK;
}

static void with_a_listener_what_came_and_went_between_flushes_is_not_logged(void **state)
{
    (void)state;
    test_journal journal = {.changelog = {.append = write_down}};
    const ksi_store_spec spec = {
        .name = "s", .timestamped = true, .caching = true, .logging = true};
    ksi_record_cache *cache = ksi_record_cache_new(10000);
    ksi_key_value_store *store = ksi_key_value_store_open(
        &(ksi_store_options){.spec = &spec, .changelog = &journal.changelog, .cache = cache});
    assert_true(ksi_key_value_store_on_flush(store, ignore, NULL, false));
    assert_int_equal(write_text(store, "a", "1", 1, 1), KS_OK);
    assert_int_equal(write_text(store, "a", NULL, 2, 2), KS_OK);
    assert_int_equal(ksi_key_value_store_flush(store, NULL), KS_OK);
    assert_string_equal(journal.text, "");
    ksi_key_value_store_close(store);
    ksi_record_cache_free(cache);
}

static void a_failing_changelog_fails_the_write_and_leaves_the_row(void **state)
{
    (void)state;
    test_journal journal = {.changelog = {.append = write_down}};
    const ksi_store_spec spec = {.name = "s", .logging = true};
    ksi_key_value_store *store = ksi_key_value_store_open(
        &(ksi_store_options){.spec = &spec, .changelog = &journal.changelog});
    assert_int_equal(write_text(store, "a", "1", 1, 1), KS_OK);
    journal.answer = KS_E_IO;
    assert_int_equal(write_text(store, "a", "2", 2, 2), KS_E_IO);
    assert_int_equal(write_text(store, "a", NULL, 2, 2), KS_E_IO);
    ksi_row row;
    bool found = false;
    assert_int_equal(ksi_key_value_store_read(store, ks_slice_cstr("a"), &row, &found, NULL),
                     KS_OK);
    assert_true(found);
    assert_memory_equal(row.value.data, "1", 1);
    ksi_key_value_store_close(store);
}

static void closing_drops_what_was_not_flushed(void **state)
{
    (void)state;
    test_journal journal = {.changelog = {.append = write_down}};
    const ksi_store_spec spec = {.name = "s", .caching = true, .logging = true};
    ksi_record_cache *cache = ksi_record_cache_new(10000);
    ksi_key_value_store *store = ksi_key_value_store_open(
        &(ksi_store_options){.spec = &spec, .changelog = &journal.changelog, .cache = cache});
    assert_int_equal(write_text(store, "a", "1", 1, 1), KS_OK);
    ksi_key_value_store_close(store);
    assert_string_equal(journal.text, "");
    assert_int_equal(ksi_record_cache_bytes(cache), 0);
    ksi_record_cache_free(cache);
}

static void iterating_survives_writes_in_between(void **state)
{
    (void)state;
    test_rig rig = {.spec = {.name = "s"}};
    open_rig(&rig, NULL);
    for (size_t i = 0; i < KEYS; i += 2) {
        write_one(&rig, i, ks_slice_cstr("v"), 1);
    }
    char here[32];
    ksi_row row;
    size_t seen = 0;
    ks_slice after = ks_slice_null();
    while (stored_rows_next(rig.store, after, &row)) {
        size_t number = number_of(row.key);
        assert_int_equal(number, seen * 2);
        write_one(&rig, number, ks_slice_null(), 2); /* the one it stands on */
        after = key_of(number, here);
        seen++;
    }
    assert_int_equal(seen, KEYS / 2);
    assert_int_equal(stored_rows_count(rig.store), 0);
    ksi_key_value_store_close(rig.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_without_a_cache_is_its_model),
        cmocka_unit_test(a_cached_store_is_its_model_at_every_budget),
        cmocka_unit_test(flushes_that_write_other_stores_of_the_same_cache_lose_nothing),
        cmocka_unit_test(a_flush_may_read_and_write_its_own_store),
        cmocka_unit_test(old_values_survive_flushes_within_flushes),
        cmocka_unit_test(the_changelog_gets_the_rows_time_or_the_contexts_and_no_headers),
        cmocka_unit_test(a_cached_store_logs_last_updates_only),
        cmocka_unit_test(with_a_listener_what_came_and_went_between_flushes_is_not_logged),
        cmocka_unit_test(a_failing_changelog_fails_the_write_and_leaves_the_row),
        cmocka_unit_test(closing_drops_what_was_not_flushed),
        cmocka_unit_test(iterating_survives_writes_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
