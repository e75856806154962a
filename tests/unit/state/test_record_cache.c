/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_record_cache.c - the record cache against numbers that Kafka Streams 4.3.1 gave.
 *
 * A generator that both languages have (xorshift) drives a cache of three stores through reads,
 * clean puts, writes, deletes, flushes and resizes. Everything that can be seen goes into one hash:
 * what a read finds, the order and content of what is flushed, and the counted bytes after every
 * operation and during every flush. `expected` below is what Java's ThreadCache computed from the
 * same seeds; in the runs with `reentrant`, one of so many flushed rows starts another operation on
 * the cache from within the flush. A single byte counted otherwise, or a row evicted one too early,
 * changes all that follows. (Resizing goes round the stores in the order of a hash map in Java; the
 * names there were chosen so that it is the order of creation, which it is here.)
 */
#include "state/record_cache.h"

#include "base/arena.h"
#include <kstreams/serde.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define STORES 3
#define KEYS 24

/* ---- the same run as Java's ------------------------------------------------------------------ */

typedef struct trace {
    uint64_t random;
    uint64_t hash;
    ksi_record_cache *cache;
    ksi_named_cache *stores[STORES];
    ks_arena headers;
    uint32_t reentrant; /* 0: never */
    int depth;
} trace;

typedef struct owner {
    trace *run;
    uint64_t number;
} owner;

static uint32_t below(trace *run, uint32_t count)
{
    run->random ^= run->random << 13;
    run->random ^= run->random >> 7;
    run->random ^= run->random << 17;
    return (uint32_t)((run->random >> 33) % count);
}

static void mix(trace *run, int64_t value)
{
    for (int i = 0; i < 8; i++) {
        run->hash ^= ((uint64_t)value >> (8 * i)) & 0xff;
        run->hash *= UINT64_C(0x100000001b3);
    }
}

static ks_slice random_key(trace *run, char *buffer)
{
    uint32_t number = below(run, KEYS);
    memset(buffer, (int)('a' + number), 1 + number % 7);
    return ks_slice_of(buffer, 1 + number % 7);
}

static const char some_bytes[64] =
    "values differ by their size only; their content decides nothing";

static void read_or_load(trace *run, ksi_named_cache *store)
{
    char buffer[8];
    ks_slice key = random_key(run, buffer);
    const ksi_cached_row *row = ksi_record_cache_get(store, key);
    mix(run, row == NULL ? -1 : row->value.data == NULL ? -2 : (int64_t)row->value.size);
    mix(run, row != NULL && row->dirty);
    size_t size = below(run, 40);
    if (row == NULL && below(run, 2) == 0) {
        const ksi_cached_row clean = {.key = key, .value = ks_slice_of(some_bytes, size)};
        const ksi_cached_row *put = NULL;
        assert_int_equal(ksi_record_cache_put(run->cache, store, &clean, &put, NULL), KS_OK);
        /* Even if the row, or all of them, had to go at once. */
        assert_true(ks_slice_equal(put->key, key));
        assert_int_equal(put->value.size, size);
    }
}

static void write_or_delete(trace *run, ksi_named_cache *store, int64_t time)
{
    static const char *const topics[] = {NULL, "orders", "bestellungen-\xc3\xbc",
                                         "\xf0\x9f\x98\x80"};
    char buffer[8];
    ks_slice key = random_key(run, buffer);
    size_t size = below(run, 40);
    bool deletes = below(run, 5) == 0;
    uint32_t shape = below(run, 8);
    const ks_headers *headers = NULL;
    if (shape > 5) {
        headers = ks_headers_with(&run->headers, headers, ks_slice_cstr("trace"),
                                  ks_slice_of(some_bytes, shape));
    }
    if (shape == 7) {
        headers = ks_headers_with(&run->headers, headers, ks_slice_cstr("\xc3\xa9t\xc3\xa9"),
                                  ks_slice_null());
    }
    const ksi_cached_row row = {
        .key = key,
        .value = deletes ? ks_slice_null() : ks_slice_of(some_bytes, size),
        .dirty = true,
        .context = {
            .topic = topics[below(run, 4)], .timestamp = time, .offset = time, .headers = headers}};
    assert_int_equal(ksi_record_cache_put(run->cache, store, &row, NULL, NULL), KS_OK);
}

static void operate(trace *run, int64_t time)
{
    ksi_named_cache *store = run->stores[below(run, STORES)];
    uint32_t what = below(run, 100);
    if (what < 40) {
        read_or_load(run, store);
    } else if (what < 98) {
        write_or_delete(run, store, time);
    } else {
        assert_int_equal(ksi_record_cache_flush(run->cache, store, NULL), KS_OK);
    }
    mix(run, ksi_record_cache_bytes(run->cache));
    if (run->depth == 0) {
        ksi_arena_reset(&run->headers); /* the cache has copies */
    }
}

static ks_status take_flushed(void *pointer, const ksi_cached_row *row, ks_error *error)
{
    const owner *store = pointer;
    trace *run = store->run;
    (void)error;
    mix(run, (int64_t)store->number);
    mix(run, (int64_t)row->key.size);
    mix(run, row->key.data[0]);
    mix(run, row->value.data == NULL ? -1 : (int64_t)row->value.size);
    mix(run, row->context.timestamp);
    mix(run, ksi_record_cache_bytes(run->cache));
    if (run->depth < 3 && run->reentrant > 0 && below(run, run->reentrant) == 0) {
        char key[8];
        ks_slice before = ks_slice_of(memcpy(key, row->key.data, row->key.size), row->key.size);
        run->depth++;
        operate(run, row->context.timestamp);
        run->depth--;
        assert_true(
            ks_slice_equal(row->key, before)); /* whatever happened, what is flushed stays */
    }
    return KS_OK;
}

static int64_t run_trace(trace *run, int64_t max_bytes, int operations, uint32_t reentrant,
                         uint64_t seed)
{
    owner owners[STORES];
    *run = (trace){.random = seed, .hash = UINT64_C(0xcbf29ce484222325), .reentrant = reentrant};
    ksi_arena_init(&run->headers, 0);
    run->cache = ksi_record_cache_new(max_bytes);
    for (uint64_t i = 0; i < STORES; i++) {
        owners[i] = (owner){.run = run, .number = i};
        run->stores[i] = ksi_record_cache_add(
            run->cache, &(ksi_named_cache_options){.flush = take_flushed, .owner = &owners[i]});
    }
    for (int i = 0; i < operations; i++) {
        operate(run, i);
        if (i % 5000 == 4999) {
            int64_t budget = 300 + (int64_t)below(run, 3000);
            if (reentrant == 0) {
                assert_int_equal(ksi_record_cache_resize(run->cache, budget, NULL), KS_OK);
                mix(run, ksi_record_cache_bytes(run->cache));
            }
        }
    }
    int64_t bytes = ksi_record_cache_bytes(run->cache);
    for (size_t i = 0; i < STORES; i++) {
        ksi_record_cache_remove(run->cache, run->stores[i]);
    }
    ksi_record_cache_free(run->cache);
    ksi_arena_destroy(&run->headers);
    return bytes;
}

typedef struct expectation {
    int64_t max_bytes;
    int operations;
    uint32_t reentrant;
    uint64_t seed;
    uint64_t hash;
    int64_t bytes;
} expectation;

static void assert_equals_java(const expectation *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const expectation *e = &expected[i];
        trace run;
        int64_t bytes = run_trace(&run, e->max_bytes, e->operations, e->reentrant, e->seed);
        if (run.hash != e->hash || bytes != e->bytes) {
            fail_msg("seed %" PRIu64 ": hash %016" PRIx64 ", %" PRId64
                     " bytes; Java has %016" PRIx64 ", %" PRId64,
                     e->seed, run.hash, bytes, e->hash, e->bytes);
        }
    }
}

static void sizes_evictions_and_flush_order_are_those_of_java(void **state)
{
    (void)state;
    static const expectation expected[] = {
        {0, 2000, 0, 1, UINT64_C(0x9aba340f60d5ad84), 0},
        {500, 200000, 0, 2, UINT64_C(0x33cb66401bdc1d8a), 1153},
        {1500, 200000, 0, 3, UINT64_C(0x5b116432d10056af), 1822},
        {1200, 50000, 0, 7, UINT64_C(0xe59570268a018a65), 812},
    };
    assert_equals_java(expected, sizeof expected / sizeof *expected);
}

static void operations_within_a_flush_do_what_they_do_in_java(void **state)
{
    (void)state;
    static const expectation expected[] = {
        {600, 200, 6, 4, UINT64_C(0x9272e083d00569ee), 580},
        {600, 3000, 6, 4, UINT64_C(0xe9b16fd1c0030d3f), 538},
        {1500, 20000, 10, 5, UINT64_C(0x094dc579e8bab01d), 1402},
        {1000, 200000, 20, 6, UINT64_C(0x987b665579cc6856), 719},
    };
    assert_equals_java(expected, sizeof expected / sizeof *expected);
}

/* ---- one thing at a time --------------------------------------------------------------------- */

typedef struct log_of_keys {
    char text[256];
    ks_status answer;
} log_of_keys;

static ks_status note(void *pointer, const ksi_cached_row *row, ks_error *error)
{
    log_of_keys *log = pointer;
    (void)error;
    size_t length = strlen(log->text);
    snprintf(log->text + length, sizeof log->text - length, "%.*s%s ", (int)row->key.size,
             row->key.data, row->value.data == NULL ? "-" : "");
    return log->answer;
}

static ksi_record_cache *cache_of(int64_t max_bytes, log_of_keys *log, ksi_named_cache **named)
{
    ksi_record_cache *cache = ksi_record_cache_new(max_bytes);
    *named = ksi_record_cache_add(cache, &(ksi_named_cache_options){.flush = note, .owner = log});
    return cache;
}

static ks_status put(ksi_record_cache *cache, ksi_named_cache *named, const char *key,
                     const char *value, bool dirty)
{
    const ksi_cached_row row = {
        .key = ks_slice_cstr(key), .value = ks_slice_cstr(value), .dirty = dirty};
    return ksi_record_cache_put(cache, named, &row, NULL, NULL);
}

static void destroy(ksi_record_cache *cache, ksi_named_cache *named)
{
    ksi_record_cache_remove(cache, named);
    assert_int_equal(ksi_record_cache_bytes(cache), 0);
    ksi_record_cache_free(cache);
}

static void an_entry_counts_key_node_context_and_value(void **state)
{
    (void)state;
    ksi_record_cache *cache = ksi_record_cache_new(1000);
    ksi_named_cache *named =
        ksi_record_cache_add(cache, &(ksi_named_cache_options){.value_overhead = 8, .flush = note});
    ksi_cached_row row = {.key = ks_slice_cstr("key"), .value = ks_slice_cstr("value")};
    assert_int_equal(ksi_record_cache_put(cache, named, &row, NULL, NULL), KS_OK);
    assert_int_equal(ksi_record_cache_bytes(cache), 3 + 24 + 21 + 5 + 8);
    row.dirty = true;
    row.context.topic = "topic";
    assert_int_equal(ksi_record_cache_put(cache, named, &row, NULL, NULL), KS_OK);
    assert_int_equal(ksi_record_cache_bytes(cache), 3 + 24 + 21 + 5 + 8 + 5);
    row.value = ks_slice_null(); /* a delete has no timestamp */
    assert_int_equal(ksi_record_cache_put(cache, named, &row, NULL, NULL), KS_OK);
    assert_int_equal(ksi_record_cache_bytes(cache), 3 + 24 + 21 + 5);
    destroy(cache, named);
}

static void evicting_a_dirty_row_flushes_it_first_and_then_the_others_as_last_updated(void **state)
{
    (void)state;
    log_of_keys log = {0};
    ksi_named_cache *named;
    ksi_record_cache *cache = cache_of(4 * 47, &log, &named); /* four rows of 1 + 45 + 1 */
    assert_int_equal(put(cache, named, "a", "1", true), KS_OK);
    assert_int_equal(put(cache, named, "b", "1", true), KS_OK);
    assert_int_equal(put(cache, named, "c", "1", true), KS_OK);
    assert_int_equal(put(cache, named, "d", "1", true), KS_OK);
    assert_int_equal(put(cache, named, "a", "2", true), KS_OK);
    assert_non_null(ksi_record_cache_get(named, ks_slice_cstr("b"))); /* reading is use, too */
    assert_string_equal(log.text, "");
    assert_int_equal(put(cache, named, "e", "1", true), KS_OK);
    assert_string_equal(log.text, "c b d a e ");
    assert_null(ksi_record_cache_get(named, ks_slice_cstr("c")));
    assert_false(ksi_record_cache_get(named, ks_slice_cstr("e"))->dirty);
    destroy(cache, named);
}

static void evicting_a_clean_row_flushes_nothing(void **state)
{
    (void)state;
    log_of_keys log = {0};
    ksi_named_cache *named;
    ksi_record_cache *cache = cache_of(2 * 47, &log, &named);
    assert_int_equal(put(cache, named, "a", "1", false), KS_OK);
    assert_int_equal(put(cache, named, "b", "1", true), KS_OK);
    assert_int_equal(put(cache, named, "c", "1", true), KS_OK);
    assert_string_equal(log.text, "");
    assert_null(ksi_record_cache_get(named, ks_slice_cstr("a")));
    destroy(cache, named);
}

static void a_flushed_delete_leaves_the_cache_and_is_flushed_once(void **state)
{
    (void)state;
    log_of_keys log = {0};
    ksi_named_cache *named;
    ksi_record_cache *cache = cache_of(1000, &log, &named);
    assert_int_equal(put(cache, named, "a", NULL, true), KS_OK);
    assert_int_equal(put(cache, named, "b", "1", true), KS_OK);
    const ksi_cached_row *row = ksi_record_cache_get(named, ks_slice_cstr("a"));
    assert_non_null(row);
    assert_null(row->value.data);
    assert_int_equal(ksi_record_cache_flush(cache, named, NULL), KS_OK);
    assert_int_equal(ksi_record_cache_flush(cache, named, NULL), KS_OK);
    assert_string_equal(log.text, "a- b ");
    assert_null(ksi_record_cache_get(named, ks_slice_cstr("a")));
    destroy(cache, named);
}

static void a_failed_flush_stops_and_its_status_comes_back(void **state)
{
    (void)state;
    log_of_keys log = {.answer = KS_E_IO};
    ksi_named_cache *named;
    ksi_record_cache *cache = cache_of(2 * 47, &log, &named);
    assert_int_equal(put(cache, named, "a", "1", true), KS_OK);
    assert_int_equal(put(cache, named, "b", "1", true), KS_OK);
    assert_int_equal(put(cache, named, "c", "1", true), KS_E_IO);
    assert_string_equal(log.text, "a ");
    assert_int_equal(ksi_record_cache_resize(cache, 0, NULL), KS_OK); /* what is left is clean */
    assert_string_equal(log.text, "a ");
    destroy(cache, named);
}

static ks_status keep_context(void *pointer, const ksi_cached_row *row, ks_error *error)
{
    (void)error;
    const ksi_record_context *context = &row->context;
    ks_header header = ks_headers_at(context->headers, 0);
    snprintf(pointer, 64, "%s/%d/%lld %.*s=%.*s %.*s %s", context->topic, (int)context->partition,
             (long long)context->offset, (int)header.name.size, header.name.data,
             (int)header.value.size, header.value.data, (int)context->source_key.size,
             context->source_key.data, context->source_value.data == NULL ? "null" : "?");
    return KS_OK;
}

static void a_row_keeps_a_copy_of_the_whole_context_of_its_write(void **state)
{
    (void)state;
    char seen[64] = "";
    char topic[] = "topic";
    char source[] = "source";
    ksi_record_cache *cache = ksi_record_cache_new(1000);
    ksi_named_cache *named = ksi_record_cache_add(
        cache, &(ksi_named_cache_options){.flush = keep_context, .owner = seen});
    ks_arena *arena = ks_arena_new();
    const ksi_cached_row row = {
        .key = ks_slice_cstr("k"),
        .value = ks_slice_cstr("v"),
        .dirty = true,
        .context = {.topic = topic,
                    .partition = 3,
                    .offset = 44,
                    .headers = ks_headers_with(arena, NULL, ks_slice_cstr("h"), ks_slice_cstr("x")),
                    .source_key = ks_slice_cstr(source)}};
    assert_int_equal(ksi_record_cache_put(cache, named, &row, NULL, NULL), KS_OK);
    assert_int_equal(ksi_record_cache_bytes(cache), 1 + 24 + 21 + 1 + 5 + 2);
    ks_arena_free(arena);
    memset(topic, '!', 5);
    memset(source, '!', 6);
    assert_int_equal(ksi_record_cache_flush(cache, named, NULL), KS_OK);
    assert_string_equal(seen, "topic/3/44 h=x source null");
    destroy(cache, named);
}

static void a_smaller_budget_evicts_at_once_and_a_larger_one_does_nothing(void **state)
{
    (void)state;
    log_of_keys log = {0};
    ksi_named_cache *named;
    ksi_record_cache *cache = cache_of(4 * 47, &log, &named);
    assert_int_equal(put(cache, named, "a", "1", true), KS_OK);
    assert_int_equal(put(cache, named, "b", "1", true), KS_OK);
    assert_int_equal(ksi_record_cache_resize(cache, 10 * 47, NULL), KS_OK);
    assert_string_equal(log.text, "");
    assert_int_equal(ksi_record_cache_resize(cache, 47, NULL), KS_OK);
    assert_string_equal(log.text, "a b ");
    assert_int_equal(ksi_record_cache_bytes(cache), 47);
    destroy(cache, named);
}

static void a_key_may_lie_in_the_value_that_it_replaces(void **state)
{
    (void)state;
    log_of_keys log = {0};
    ksi_named_cache *named;
    ksi_record_cache *cache = cache_of(1000, &log, &named);
    assert_int_equal(put(cache, named, "ab", "xxabyy", true), KS_OK);
    const ksi_cached_row *row = ksi_record_cache_get(named, ks_slice_cstr("ab"));
    const ksi_cached_row update = {.key = ks_slice_of(row->value.data + 2, 2),
                                   .value = ks_slice_cstr("123456"),
                                   .dirty = true};
    assert_int_equal(ksi_record_cache_put(cache, named, &update, NULL, NULL), KS_OK);
    row = ksi_record_cache_get(named, ks_slice_cstr("ab"));
    assert_non_null(row);
    assert_memory_equal(row->key.data, "ab", 2);
    assert_memory_equal(row->value.data, "123456", 6);
    destroy(cache, named);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_evictions_and_flush_order_are_those_of_java),
        cmocka_unit_test(operations_within_a_flush_do_what_they_do_in_java),
        cmocka_unit_test(an_entry_counts_key_node_context_and_value),
        cmocka_unit_test(evicting_a_dirty_row_flushes_it_first_and_then_the_others_as_last_updated),
        cmocka_unit_test(evicting_a_clean_row_flushes_nothing),
        cmocka_unit_test(a_flushed_delete_leaves_the_cache_and_is_flushed_once),
        cmocka_unit_test(a_failed_flush_stops_and_its_status_comes_back),
        cmocka_unit_test(a_row_keeps_a_copy_of_the_whole_context_of_its_write),
        cmocka_unit_test(a_smaller_budget_evicts_at_once_and_a_larger_one_does_nothing),
        cmocka_unit_test(a_key_may_lie_in_the_value_that_it_replaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
