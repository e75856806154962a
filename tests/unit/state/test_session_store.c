/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_session_store.c - session stores against a list of sessions.
 *
 * A world is a store of one kind (in memory or on RocksDB, by time or not, cached or not) beside a
 * model, a plain list; random operations go to both. The order in which sessions come is Java's for
 * the kind: RocksDB gives segments, in each the bytes of the keys as they stand in a changelog;
 * memory gives the time, the key and the later start first.
 *
 * A world with a cache keeps its times within the retention, because what the cache has is shown
 * however old it is; a test of its own pins that.
 *
 * KSTREAMS_TEST_SEED repeats a run.
 */
#include "state/session_store.h"

#include "base/buffer.h"
#include "base/endian.h"
#include "base/slice.h"
#include "random_rows.h"
#include "scratch_directory.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    KEYS = 9,
    RETENTION_MS = 200000,
    SEGMENT_MS = RETENTION_MS / 2,
    SESSIONS = 4000,
    OPERATIONS = 6000 / SLOWER
};

/* ---- the model ------------------------------------------------------------------------------- */

typedef struct session {
    size_t key;
    int64_t start;
    int64_t end;
    uint32_t value;
} session;

typedef struct model {
    session items[SESSIONS];
    size_t count;
    int64_t observed;
} model;

static session *model_find(model *m, const session *like)
{
    for (size_t i = 0; i < m->count; i++) {
        session *at = &m->items[i];
        if (at->key == like->key && at->start == like->start && at->end == like->end) {
            return at;
        }
    }
    return NULL;
}

static void model_put(model *m, const session *put)
{
    session *at = model_find(m, put);
    if (at == NULL) {
        assert_true(m->count < SESSIONS);
        at = &m->items[m->count++];
    }
    *at = *put;
}

static void model_remove(model *m, const session *like)
{
    session *at = model_find(m, like);
    if (at != NULL) {
        *at = m->items[--m->count];
    }
}

/* ---- the world ------------------------------------------------------------------------------- */

typedef struct world_kind {
    bool in_memory;
    bool by_time;
    bool cached;
} world_kind;

typedef struct world {
    world_kind kind;
    char path[SCRATCH_PATH_BYTES];
    ksi_store_spec spec;
    ksi_rocks *rocks;
    ksi_family *family;
    ksi_row_store *rows;
    ksi_record_cache *cache;
    ksi_session_store *store;
    int too_late;
    int expected_too_late;
    model now;
    model committed;
    int64_t time;
    uint32_t next_value;
    size_t operation;
} world;

static void holds(const world *w, bool condition, const char *what, int line)
{
    if (!condition) {
        print_error("seed %" PRIu64 ", operation %zu, %s%s%s\n", random_seed(), w->operation,
                    w->kind.in_memory ? "in memory" : "RocksDB", w->kind.by_time ? ", by time" : "",
                    w->kind.cached ? ", cached" : "");
        _fail(what, line);
    }
}
#define HOLDS(w, condition) holds(w, condition, #condition, __LINE__)

static void must(const world *w, ks_status status, const ks_error *error)
{
    if (status != KS_OK) {
        char text[1024];
        print_error("%s\n", ks_error_text(error, text, sizeof text));
    }
    HOLDS(w, status == KS_OK);
}

static void count_too_late(void *owner)
{
    ((world *)owner)->too_late++;
}

/* Keys that begin like others, and like numbers. */
static ks_slice key_of(size_t key)
{
    static const char bytes[] = "a\0\0\0\0\0\0\0\0\0\0\1\377b";
    static const size_t sizes[KEYS] = {1, 2, 4, 9, 10, 12, 13, 14, 1};
    return key + 1 < KEYS ? ks_slice_of(bytes, sizes[key]) : ks_slice_of("b", 1);
}

static void open_store(world *w)
{
    ks_error error = {0};
    w->store = ksi_session_store_open(&(ksi_store_options){.spec = &w->spec,
                                                           .rows = w->rows,
                                                           .cache = w->cache,
                                                           .too_late = count_too_late,
                                                           .owner = w},
                                      &error);
    must(w, w->store != NULL ? KS_OK : error.code, &error);
    if (w->kind.by_time) {
        ksi_session_store_keep_from(w->store, INT64_MAX);
    }
}

static void open_rows(world *w)
{
    ks_error error = {0};
    if (!w->kind.in_memory) {
        w->rocks = ksi_rocks_open(&(ksi_rocks_options){.path = w->path,
                                                       .block_cache_bytes = 1024 * 1024,
                                                       .write_buffer_bytes = 1024 * 1024},
                                  &error);
        must(w, w->rocks != NULL ? KS_OK : error.code, &error);
        w->family = ksi_rocks_family(w->rocks, "store", &error);
        must(w, w->family != NULL ? KS_OK : error.code, &error);
    }
    w->rows = ksi_row_store_open(
        &(ksi_row_store_options){
            .name = "store", .family = w->family, .by_time = true, .clean_bytes = 2000},
        &error);
    must(w, w->rows != NULL ? KS_OK : error.code, &error);
}

static void open_world(world *w, world_kind kind)
{
    *w = (world){.kind = kind, .now.observed = -1, .committed.observed = -1, .time = 1000};
    w->spec = (ksi_store_spec){.name = "store",
                               .kind = KSI_STORE_SESSION,
                               .type = kind.in_memory ? KS_STORE_IN_MEMORY : KS_STORE_ROCKSDB,
                               .retention_ms = RETENTION_MS,
                               .by_time = kind.by_time,
                               .caching = kind.cached};
    w->cache = kind.cached ? ksi_record_cache_new(2500) : NULL;
    scratch_directory_make(w->path);
    open_rows(w);
    open_store(w);
}

static void close_rows(world *w)
{
    ksi_row_store_close(w->rows);
    if (w->rocks != NULL) {
        ks_error error = {0};
        must(w, ksi_rocks_close(w->rocks, &error), &error);
    }
}

static void close_world(world *w)
{
    ksi_store_close(ksi_session_store_base(w->store));
    close_rows(w);
    ksi_record_cache_free(w->cache);
    scratch_directory_remove(w->path);
}

/* ---- what is expected ------------------------------------------------------------------------ */

static int order_in_memory(const session *a, const session *b)
{
    if (a->end != b->end) {
        return a->end < b->end ? -1 : 1;
    }
    int order = ksi_slice_compare(key_of(a->key), key_of(b->key));
    return order != 0 ? order : a->start < b->start ? 1 : a->start > b->start ? -1 : 0;
}

static ks_slice logged_key(char to[64], const session *of)
{
    ks_slice key = key_of(of->key);
    memcpy(to, key.data, key.size);
    ksi_put_be64(to + key.size, (uint64_t)of->end);
    ksi_put_be64(to + key.size + 8, (uint64_t)of->start);
    return ks_slice_of(to, key.size + 16);
}

static int order_on_rocksdb(const session *a, const session *b)
{
    char one[64];
    char other[64];
    if (a->end / SEGMENT_MS != b->end / SEGMENT_MS) {
        return a->end / SEGMENT_MS < b->end / SEGMENT_MS ? -1 : 1;
    }
    return ksi_slice_compare(logged_key(one, a), logged_key(other, b));
}

/* By time on RocksDB: end, start, key. */
static int order_of_ends(const session *a, const session *b)
{
    if (a->end != b->end || a->start != b->start) {
        return a->end != b->end ? (a->end < b->end ? -1 : 1) : a->start < b->start ? -1 : 1;
    }
    return ksi_slice_compare(key_of(a->key), key_of(b->key));
}

typedef int order_fn(const session *a, const session *b);
static order_fn *sorting;

static int compare(const void *a, const void *b)
{
    return sorting(a, b);
}

static bool is_visible(const world *w, int64_t end)
{
    return end > w->now.observed - RETENTION_MS;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void assert_next(const world *w, ksi_session_iterator *iterator, const session *expected)
{
    ksi_session_row row;
    bool found;
    ks_error error = {0};
    must(w, ksi_session_iterator_next(iterator, &row, &found, &error), &error);
    HOLDS(w, found == (expected != NULL));
    if (found) {
        HOLDS(w, ks_slice_equal(row.key, key_of(expected->key)));
        HOLDS(w, row.start == expected->start && row.end == expected->end);
        HOLDS(w, row.value.size == 4 && ksi_get_be32(row.value.data) == expected->value);
    }
}

static void assert_all(const world *w, ksi_session_iterator *iterator, session *expected,
                       size_t count, bool backward)
{
    if (count > 0) {
        qsort(expected, count, sizeof *expected, compare);
    }
    for (size_t i = 0; i < count; i++) {
        assert_next(w, iterator, &expected[backward ? count - 1 - i : i]);
    }
    assert_next(w, iterator, NULL);
    ksi_session_iterator_close(iterator);
}

static bool is_between(const ksi_session_range *range, size_t key)
{
    return (range->key_from.data == NULL || ksi_slice_compare(key_of(key), range->key_from) >= 0) &&
           (range->key_to.data == NULL || ksi_slice_compare(key_of(key), range->key_to) <= 0);
}

static void find(const world *w, const ksi_session_range *range)
{
    static session expected[SESSIONS];
    size_t count = 0;
    for (size_t i = 0; i < w->now.count; i++) {
        const session *at = &w->now.items[i];
        if (is_between(range, at->key) && at->end >= range->earliest_end &&
            at->start <= range->latest_start && is_visible(w, at->end)) {
            expected[count++] = *at;
        }
    }
    sorting = w->kind.in_memory ? order_in_memory : order_on_rocksdb;
    assert_all(w, ksi_session_store_find(w->store, range), expected, count, range->backward);
}

static void find_ending(const world *w, int64_t from, int64_t to)
{
    static session expected[SESSIONS];
    size_t count = 0;
    for (size_t i = 0; i < w->now.count; i++) {
        const session *at = &w->now.items[i];
        if (at->end >= from && at->end <= to && is_visible(w, at->end)) {
            expected[count++] = *at;
        }
    }
    sorting = w->kind.in_memory ? order_in_memory : order_of_ends;
    assert_all(w, ksi_session_store_find_ending(w->store, from, to), expected, count, false);
}

/* ---- operations ------------------------------------------------------------------------------ */

static int64_t some_time(const world *w)
{
    int64_t time = w->time - random_below(RETENTION_MS * 3 / 2) + random_below(2000);
    return time > 0 ? time : 0;
}

static session some_session(world *w)
{
    session s = {.key = random_below(KEYS), .value = w->next_value++};
    if (w->now.count > 0 && random_below(3) == 0) {
        session known = w->now.items[random_below((uint32_t)w->now.count)];
        known.value = s.value;
        return known;
    }
    w->time += random_below(20) == 0 ? random_below(SEGMENT_MS) : random_below(500);
    if (w->kind.cached) {
        w->time %= RETENTION_MS - 10000;
    }
    s.end = random_below(4) == 0 && !w->kind.cached ? some_time(w) : w->time;
    s.end -= s.end % 500; /* so that ends meet */
    s.start =
        s.end - (s.end > 0 ? (int64_t)random_below((uint32_t)(s.end < 3000 ? s.end : 3000)) : 0);
    return s;
}

static bool is_refused(const world *w, int64_t end)
{
    int64_t oldest = w->now.observed - RETENTION_MS;
    return w->kind.in_memory ? end <= oldest : oldest > 0 && end / SEGMENT_MS < oldest / SEGMENT_MS;
}

static void put_one(world *w, bool is_null)
{
    session s = some_session(w);
    char value[4];
    ks_error error = {0};
    const ksi_record_context context = {.timestamp = w->time};
    ksi_put_be32(value, s.value);
    w->now.observed = s.end > w->now.observed ? s.end : w->now.observed;
    if (is_refused(w, s.end)) {
        w->expected_too_late++;
    } else if (is_null) {
        model_remove(&w->now, &s);
    } else {
        model_put(&w->now, &s);
    }
    const ksi_session_row row = {.key = key_of(s.key),
                                 .start = s.start,
                                 .end = s.end,
                                 .value = is_null ? ks_slice_null() : ks_slice_of(value, 4)};
    must(w, ksi_session_store_put(w->store, &row, &context, &error), &error);
    HOLDS(w, w->too_late == w->expected_too_late);
}

static void remove_one(world *w)
{
    session s = some_session(w);
    ks_error error = {0};
    const ksi_record_context context = {.timestamp = w->time};
    if (!w->kind.in_memory || w->kind.cached) {
        w->now.observed = s.end > w->now.observed ? s.end : w->now.observed;
    }
    model_remove(&w->now, &s);
    must(w, ksi_session_store_remove(w->store, key_of(s.key), s.start, s.end, &context, &error),
         &error);
    HOLDS(w, w->too_late == w->expected_too_late);
}

static void get_one(world *w)
{
    session s = some_session(w);
    ks_slice value;
    ks_error error = {0};
    const session *expected = is_visible(w, s.end) ? model_find(&w->now, &s) : NULL;
    must(w, ksi_session_store_get(w->store, key_of(s.key), s.start, s.end, &value, &error), &error);
    HOLDS(w, (value.data != NULL) == (expected != NULL));
    HOLDS(w, value.data == NULL || ksi_get_be32(value.data) == expected->value);
}

static void find_one(const world *w)
{
    size_t key = random_below(KEYS);
    ksi_session_range range = {.key_from = key_of(key),
                               .key_to = key_of(key),
                               .earliest_end = random_below(3) == 0 ? INT64_MIN : some_time(w),
                               .latest_start = random_below(3) == 0 ? INT64_MAX : some_time(w),
                               .backward = random_below(3) == 0};
    if (random_below(3) == 0) {
        range.key_from = random_below(3) == 0 ? ks_slice_null() : range.key_from;
        range.key_to = random_below(3) == 0 ? ks_slice_null() : key_of(random_below(KEYS));
    }
    find(w, &range);
}

static void commit(world *w)
{
    ks_error error = {0};
    must(w, ksi_store_flush(ksi_session_store_base(w->store), &error), &error);
    must(w, ksi_row_store_commit(w->rows, NULL, &error), &error);
    w->committed = w->now;
}

static void abort_transaction(world *w)
{
    ksi_store_close(ksi_session_store_base(w->store));
    HOLDS(w, ksi_row_store_abort(w->rows));
    w->now = w->committed;
    open_store(w);
}

static void reopen(world *w)
{
    commit(w);
    ksi_store_close(ksi_session_store_base(w->store));
    close_rows(w);
    open_rows(w);
    open_store(w);
}

static void operate(world *w)
{
    uint32_t chance = random_below(1000);
    if (chance < 500) {
        put_one(w, false);
    } else if (chance < 560) {
        put_one(w, true);
    } else if (chance < 650) {
        remove_one(w);
    } else if (chance < 800) {
        get_one(w);
    } else if (chance < 950) {
        find_one(w);
    } else if (chance < 970 && ksi_session_store_finds_ending(w->store)) {
        int64_t from = some_time(w);
        find_ending(w, from, from + random_below(RETENTION_MS));
    } else if (chance < 990) {
        commit(w);
    } else if (chance < 995) {
        abort_transaction(w);
    } else if (!w->kind.in_memory) {
        reopen(w);
    }
    for (size_t i = 0; i < w->now.count; i++) { /* the model forgets what nobody can see again */
        if (w->now.items[i].end < w->committed.observed - 3 * (int64_t)RETENTION_MS) {
            w->now.items[i] = w->now.items[--w->now.count];
        }
    }
}

static void random_operations_give_what_a_list_gives(void **state)
{
    (void)state;
    random_start();
    static world w;
    for (int kind = 0; kind < 6; kind++) {
        open_world(&w, (world_kind){.in_memory = kind % 2 == 0,
                                    .by_time = kind / 2 == 1,
                                    .cached = kind / 2 == 2});
        for (w.operation = 0; w.operation < OPERATIONS; w.operation++) {
            operate(&w);
        }
        find(&w, &(ksi_session_range){.latest_start = INT64_MAX});
        close_world(&w);
    }
}

/* ---- single rules ---------------------------------------------------------------------------- */

static void put(world *w, const char *key, int64_t start, int64_t end, const char *value)
{
    ks_error error = {0};
    const ksi_record_context context = {.timestamp = end};
    const ksi_session_row row = {.key = ks_slice_of(key, strlen(key)),
                                 .start = start,
                                 .end = end,
                                 .value = value != NULL ? ks_slice_of(value, strlen(value))
                                                        : ks_slice_null()};
    must(w, ksi_session_store_put(w->store, &row, &context, &error), &error);
}

/* What an iterator gives, as text; closes it. */
static const char *shown(world *w, ksi_session_iterator *iterator)
{
    static char text[1024];
    size_t size = 0;
    ksi_session_row row;
    bool found = true;
    ks_error error = {0};
    text[0] = '\0';
    while (found) {
        must(w, ksi_session_iterator_next(iterator, &row, &found, &error), &error);
        if (found) {
            size += (size_t)snprintf(text + size, sizeof text - size,
                                     "%.*s[%" PRId64 ",%" PRId64 "]=%.*s ", (int)row.key.size,
                                     row.key.data, row.start, row.end, (int)row.value.size,
                                     row.value.data);
        }
    }
    ksi_session_iterator_close(iterator);
    return text;
}

static const char *all(world *w)
{
    return shown(w,
                 ksi_session_store_find(w->store, &(ksi_session_range){.latest_start = INT64_MAX}));
}

static void sessions_that_still_have_to_be_emitted_outlive_the_retention(void **state)
{
    (void)state;
    static world w;
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        open_world(&w, (world_kind){.in_memory = in_memory == 1, .by_time = true});
        ksi_session_store_keep_from(w.store, 0);
        put(&w, "a", 5, 10, "1");
        put(&w, "b", 7, 10, "2");
        put(&w, "a", 10 * RETENTION_MS, 10 * RETENTION_MS, "3");
        assert_string_equal(all(&w), "a[2000000,2000000]=3 ");
        assert_string_equal(shown(&w, ksi_session_store_find_ending(w.store, 0, RETENTION_MS)),
                            "a[5,10]=1 b[7,10]=2 ");
        ksi_session_store_keep_from(w.store, 11);
        assert_string_equal(shown(&w, ksi_session_store_find_ending(w.store, 0, INT64_MAX)),
                            "a[2000000,2000000]=3 ");
        ksi_session_store_keep_from(w.store, 10 * RETENTION_MS);
        put(&w, "c", 10 * RETENTION_MS, 10 * RETENTION_MS, "4");
        assert_string_equal(shown(&w, ksi_session_store_find_ending(w.store, 0, INT64_MAX)),
                            "a[2000000,2000000]=3 c[2000000,2000000]=4 ");
        close_world(&w);
    }
}

static void what_the_cache_has_is_shown_however_old_it_is(void **state)
{
    (void)state;
    static world w;
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        open_world(&w, (world_kind){.in_memory = in_memory == 1, .cached = true});
        put(&w, "a", 5, 10, "1");
        commit(&w);
        put(&w, "a", 10 * RETENTION_MS, 10 * RETENTION_MS, "2");
        commit(&w);
        assert_string_equal(all(&w), "a[5,10]=1 a[2000000,2000000]=2 ");
        assert_string_equal(
            shown(&w, ksi_session_store_find(w.store,
                                             &(ksi_session_range){.key_from = ks_slice_of("a", 1),
                                                                  .key_to = ks_slice_of("a", 1),
                                                                  .latest_start = INT64_MAX,
                                                                  .backward = true})),
            "a[2000000,2000000]=2 a[5,10]=1 ");
        close_world(&w);
    }
}

static ks_status write_down(void *owner, const ksi_session_row *now, const ksi_session_row *before,
                            const ksi_record_context *context, ks_error *error)
{
    ksi_buffer *trace = owner;
    (void)error;
    ksi_buffer_appendf(trace, "%.*s[%" PRId64 ",%" PRId64 "]=%.*s<-%.*s@%" PRId64 " ",
                       (int)now->key.size, now->key.data, now->start, now->end,
                       (int)now->value.size, now->value.data != NULL ? now->value.data : "",
                       (int)before->value.size,
                       before->value.data != NULL ? before->value.data : "", context->timestamp);
    return KS_OK;
}

static void flushed_sessions_are_told_of_with_what_they_were(void **state)
{
    (void)state;
    static world w;
    ksi_buffer trace = {0};
    open_world(&w, (world_kind){.in_memory = true, .cached = true});
    assert_true(ksi_session_store_on_flush(w.store, write_down, &trace, true));
    put(&w, "a", 5, 10, "1");
    put(&w, "b", 5, 10, "2");
    put(&w, "b", 5, 10, NULL);
    commit(&w);
    put(&w, "a", 5, 10, NULL);
    put(&w, "a", 5, 12, "3");
    commit(&w);
    assert_string_equal(ksi_buffer_cstr(&trace), "a[5,10]=1<-@10 a[5,10]=<-1@10 a[5,12]=3<-@12 ");
    ksi_buffer_destroy(&trace);
    close_world(&w);
}

static void a_session_that_ends_before_it_begins_is_refused(void **state)
{
    (void)state;
    static world w;
    ks_error error = {0};
    const ksi_record_context context = {0};
    const ksi_session_row row = {
        .key = ks_slice_of("a", 1), .start = 5, .end = 4, .value = ks_slice_of("x", 1)};
    open_world(&w, (world_kind){.in_memory = true});
    assert_int_equal(ksi_session_store_put(w.store, &row, &context, &error), KS_E_ARGUMENT);
    assert_string_equal(all(&w), "");
    close_world(&w);
}

static void rows_of_another_retention_are_not_read(void **state)
{
    (void)state;
    static world w;
    ks_error error = {0};
    open_world(&w, (world_kind){.in_memory = false});
    put(&w, "a", 5, 10, "1");
    commit(&w);
    ksi_store_spec other = w.spec;
    other.retention_ms = 10 * RETENTION_MS;
    assert_null(
        ksi_session_store_open(&(ksi_store_options){.spec = &other, .rows = w.rows}, &error));
    assert_int_equal(error.code, KS_E_CONFIG);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_give_what_a_list_gives),
        cmocka_unit_test(sessions_that_still_have_to_be_emitted_outlive_the_retention),
        cmocka_unit_test(what_the_cache_has_is_shown_however_old_it_is),
        cmocka_unit_test(flushed_sessions_are_told_of_with_what_they_were),
        cmocka_unit_test(a_session_that_ends_before_it_begins_is_refused),
        cmocka_unit_test(rows_of_another_retention_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
