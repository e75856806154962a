/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_windows.c - windows, sessions and joins, as their stores will ask for rows.
 *
 * The stores do not exist yet; their layout is what this decides
 * (docs/decisions/0008-layout-of-windowed-rows.md). So a case writes physical keys itself:
 *
 *     SEGMENT_KEY   segment | key | start | seq     what the stores are to use
 *     KEY_TIME      key | start | seq               the keys of Java's changelog as they are
 *     KEY_SEGMENT   key | segment | start | seq     sorts as KEY_TIME does
 *     TIME_KEY      start | key | seq               one get for each window of a fetch
 *     TWO_LEVELS    a row store for each segment, with KEY_TIME in it
 *
 * Below the buffer RocksDB is empty but for what a case wrote, and nothing is evicted: so the
 * buffer knows all rows. `asks` is how often it did not.
 *
 * Stream time advances 1 ms a record, over 10,000 keys: a tumbling window of 5 s then has 0.79
 * results a record.
 *
 * Thread rule: one thread.
 */
#include "store_bench.h"

#include "base/endian.h"
#include "base/memory.h"
#include "state/row_store_parts.h"

#include <string.h>

enum { SEGMENT_KEY, KEY_TIME, KEY_SEGMENT, TIME_KEY, TWO_LEVELS };
enum { SEGMENT_MS = 60000, MOST_SEGMENTS = 8, KEY_ROOM = 48 };
enum { KEYS = 10000, RECORDS = 80000, WINDOW_MS = 5000, ADVANCE_MS = 1000, GAP_MS = 5000 };
enum { JOIN_MS = 1000, COLD_WINDOWS = COLD_ROWS / COLD_KEYS };
enum { FETCH_KEYS = 1000, FETCH_WINDOWS = 120, FETCHES = 50000, COLD_FETCHES = 2500 };
enum { RETENTION_MS = 60000, EXPIRED_ROWS = 50000 };

/* A window store of a layout. */
typedef struct window_table {
    int layout;
    int layers;
    ksi_row_store *stores[MOST_SEGMENTS]; /* one, but for two levels */
    uint64_t asks;
} window_table;

static void table_open(window_table *table, const bench_ground *ground, int layout, int layers)
{
    *table = (window_table){.layout = layout, .layers = layers};
    for (int i = 0; i < (layout == TWO_LEVELS ? MOST_SEGMENTS : 1); i++) {
        table->stores[i] = bench_open(layers == IN_MEMORY ? NULL : ground->scratch, false);
    }
}

static void table_close(window_table *table)
{
    for (int i = 0; i < MOST_SEGMENTS; i++) {
        ksi_row_store_close(table->stores[i]);
    }
}

static void table_commit(window_table *table)
{
    for (int i = 0; i < MOST_SEGMENTS && table->stores[i] != NULL; i++) {
        bench_commit(table->stores[i]);
    }
}

static ksi_row_store *store_at(const window_table *table, int64_t start)
{
    return table->stores[table->layout == TWO_LEVELS ? start / SEGMENT_MS : 0];
}

/* `start` may be below zero in a bound. */
static ks_slice row_key(char to[KEY_ROOM], int layout, uint32_t number, int64_t start)
{
    char *at = to;
    uint64_t segment = (uint64_t)(start / SEGMENT_MS);
    if (layout == TIME_KEY || layout == SEGMENT_KEY) {
        ksi_put_be64(at, layout == TIME_KEY ? (uint64_t)start : segment);
        at += 8;
    }
    bench_key(at, number);
    at += POINT_KEY;
    if (layout == KEY_SEGMENT) {
        ksi_put_be64(at, segment);
        at += 8;
    }
    if (layout != TIME_KEY) {
        ksi_put_be64(at, (uint64_t)start);
        at += 8;
    }
    ksi_put_be32(at, 0);
    return ks_slice_of(to, (size_t)(at + 4 - to));
}

static bool table_get(window_table *table, ks_slice key, int64_t start, ksi_row *row)
{
    ksi_row_store *store = store_at(table, start);
    ks_error error = {0};
    bool found;
    bench_must(ksi_row_store_get(store, key, false, row, &found, &error), &error);
    table->asks += !found && !ksi_row_store_knows_from(store, key) ? 1 : 0;
    return found;
}

/* Reads a count and writes the next one. */
static void add_one(window_table *table, uint32_t number, int64_t start)
{
    char key_bytes[KEY_ROOM];
    char count[8];
    ks_slice key = row_key(key_bytes, table->layout, number, start);
    ksi_row row;
    bool found = table_get(table, key, start, &row);
    ksi_put_be64(count, found ? ksi_get_be64(row.value.data) + 1 : 1);
    ksi_row_store_put(store_at(table, start), key, ks_slice_of(count, sizeof count), -1);
}

/* ---- fetching -------------------------------------------------------------------------------- */

/* Called for each row of a fetch. */
typedef void fetched_fn(void *user, const ksi_row *row);

static void fetch_range(window_table *table, ksi_row_store *store, const ksi_row_range *range,
                        fetched_fn *each, void *user)
{
    ks_error error = {0};
    ksi_row row;
    bool found = true;
    table->asks += ksi_row_store_knows_from(store, range->low) ? 0 : 1;
    ksi_row_iterator *iterator = ksi_row_iterator_open(store, range);
    while (found) {
        bench_must(ksi_row_iterator_next(iterator, &row, &found, &error), &error);
        if (found) {
            each(user, &row);
        }
    }
    ksi_row_iterator_close(iterator);
}

/* The rows of one key with from <= time <= to. */
static void fetch(window_table *table, uint32_t number, const int64_t times[2], fetched_fn *each,
                  void *user)
{
    char low[KEY_ROOM];
    char high[KEY_ROOM];
    int64_t from = times[0] < 0 ? 0 : times[0];
    if (table->layout == TIME_KEY) {
        for (int64_t start = from; start <= times[1]; start += ADVANCE_MS) {
            ksi_row row;
            if (table_get(table, row_key(low, TIME_KEY, number, start), start, &row)) {
                each(user, &row);
            }
        }
        return;
    }
    bool by_segment = table->layout == SEGMENT_KEY || table->layout == TWO_LEVELS;
    while (from <= times[1]) {
        int64_t end = (from / SEGMENT_MS + 1) * SEGMENT_MS - 1;
        int64_t to = !by_segment || end > times[1] ? times[1] : end;
        ksi_row_range range = {.low = row_key(low, table->layout, number, from),
                               .high = row_key(high, table->layout, number, to),
                               .high_inclusive = true};
        fetch_range(table, store_at(table, from), &range, each, user);
        from = to + 1;
    }
}

static void count_row(void *user, const ksi_row *row)
{
    int *count = user;
    *count += row->value.data != NULL ? 1 : 0;
}

/* ---- windows --------------------------------------------------------------------------------- */

static bench_result result_of(const window_table *table, double seconds, uint32_t operations)
{
    return (bench_result){.us = seconds * 1e6 / operations,
                          .asks = (double)table->asks / operations};
}

/* How many windows a record falls into is what `windows` says: one is tumbling. */
static double count_records(window_table *table, int windows, uint32_t records)
{
    uint32_t seed = 1;
    double began = bench_now();
    for (uint32_t i = 0; i < records; i++) {
        uint32_t number = bench_random(&seed) % KEYS;
        int64_t step = windows == 1 ? WINDOW_MS : ADVANCE_MS;
        int64_t newest = (int64_t)i / step * step;
        for (int w = 0; w < windows && newest - w * step >= 0; w++) {
            add_one(table, number, newest - w * step);
        }
        if (i % 50000 == 49999) {
            table_commit(table);
        }
    }
    return bench_now() - began;
}

static bench_result tumbling(const bench_ground *ground, const bench_case *self)
{
    window_table table;
    table_open(&table, ground, self->how, self->layers);
    double seconds = count_records(&table, 1, RECORDS);
    table_close(&table);
    return result_of(&table, seconds, RECORDS);
}

static bench_result hopping(const bench_ground *ground, const bench_case *self)
{
    window_table table;
    table_open(&table, ground, self->how, self->layers);
    double seconds = count_records(&table, WINDOW_MS / ADVANCE_MS, RECORDS / 2);
    table_close(&table);
    return result_of(&table, seconds, RECORDS / 2);
}

static void put_windows(window_table *table)
{
    for (int64_t start = 0; start < FETCH_WINDOWS * ADVANCE_MS; start += ADVANCE_MS) {
        for (uint32_t number = 0; number < FETCH_KEYS; number++) {
            char key[KEY_ROOM];
            ksi_row_store_put(store_at(table, start), row_key(key, table->layout, number, start),
                              ks_slice_of("12345678", 8), -1);
        }
    }
    table_commit(table);
}

/* What the first fetch pays for 120,000 rows that were put without one: a row of them. */
static bench_result ordering(const bench_ground *ground, const bench_case *self)
{
    window_table table;
    table_open(&table, ground, self->how, self->layers);
    put_windows(&table);
    int rows = 0;
    double began = bench_now();
    fetch(&table, 1, (int64_t[2]){0, WINDOW_MS}, count_row, &rows);
    double seconds = bench_now() - began;
    table_close(&table);
    return result_of(&table, seconds, FETCH_KEYS * FETCH_WINDOWS);
}

/* Six windows of one key, of 120,000 that are in the buffer, and in order. */
static bench_result window_fetch(const bench_ground *ground, const bench_case *self)
{
    window_table table;
    table_open(&table, ground, self->how, self->layers);
    put_windows(&table);
    int rows = 0;
    uint32_t seed = 1;
    uint32_t fetches = FETCHES;
    for (int64_t start = 0; start < FETCH_WINDOWS * ADVANCE_MS; start += SEGMENT_MS) {
        fetch(&table, 1, (int64_t[2]){start, start}, count_row, &rows);
    }
    double began = bench_now();
    for (uint32_t i = 0; i < fetches; i++) {
        uint32_t number = bench_random(&seed) % FETCH_KEYS;
        int64_t from = (int64_t)(bench_random(&seed) % (FETCH_WINDOWS - 6)) * ADVANCE_MS;
        fetch(&table, number, (int64_t[2]){from, from + WINDOW_MS}, count_row, &rows);
    }
    double seconds = bench_now() - began;
    table_close(&table);
    return result_of(&table, seconds, fetches);
}

/* ---- what is in RocksDB alone ---------------------------------------------------------------- */

void bench_fill_windows(const bench_ground *ground)
{
    for (int layout = SEGMENT_KEY; layout <= KEY_TIME; layout++) {
        ksi_row_store *store =
            bench_open(layout == SEGMENT_KEY ? ground->cold_windows : ground->cold_keys, false);
        ks_error error = {0};
        for (uint32_t i = 0; i < COLD_ROWS; i++) {
            char key[KEY_ROOM];
            ks_slice row = row_key(key, layout, i % COLD_KEYS, i / COLD_KEYS * ADVANCE_MS);
            bench_must(ksi_row_store_restore(store, row, ks_slice_of("12345678", 8), -1, &error),
                       &error);
        }
        bench_must(ksi_row_store_restored(store, &(ksi_store_position){.offset = 1}, &error),
                   &error);
        ksi_row_store_close(store);
    }
}

/* Six windows of one key; three in each of two segments where `layers` says so. */
static bench_result cold_fetch(const bench_ground *ground, const bench_case *self)
{
    window_table table = {.layout = self->how, .layers = OVER_ROCKS};
    table.stores[0] =
        bench_open(self->how == SEGMENT_KEY ? ground->cold_windows : ground->cold_keys, false);
    bool both = self->layers == 1;
    int rows = 0;
    uint32_t seed = 1;
    double began = bench_now();
    for (uint32_t i = 0; i < COLD_FETCHES; i++) {
        uint32_t number = bench_random(&seed) % COLD_KEYS;
        int64_t from = (both ? SEGMENT_MS / ADVANCE_MS - 3
                             : (int64_t)(bench_random(&seed) % (SEGMENT_MS / ADVANCE_MS - 6))) *
                       ADVANCE_MS;
        fetch(&table, number, (int64_t[2]){from, from + WINDOW_MS}, count_row, &rows);
    }
    double seconds = bench_now() - began;
    table_close(&table);
    return result_of(&table, seconds, COLD_FETCHES);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static ks_slice session_key(char to[KEY_ROOM], uint32_t number, int64_t end, int64_t start)
{
    ksi_put_be64(to, (uint64_t)(end / SEGMENT_MS));
    bench_key(to + 8, number);
    ksi_put_be64(to + 8 + POINT_KEY, (uint64_t)end);
    ksi_put_be64(to + 16 + POINT_KEY, (uint64_t)start);
    return ks_slice_of(to, 24 + POINT_KEY);
}

/* The sessions that a record joins; the keys are copied, because the buffer is written to. */
typedef struct session_merge {
    char keys[4][KEY_ROOM];
    int count;
    int64_t start;
} session_merge;

static void found_session(void *user, const ksi_row *row)
{
    session_merge *merge = user;
    int64_t start = (int64_t)ksi_get_be64(row->key.data + 16 + POINT_KEY);
    if (merge->count < 4) {
        memcpy(merge->keys[merge->count++], row->key.data, 24 + POINT_KEY);
    }
    merge->start = start < merge->start ? start : merge->start;
}

static void session_record(window_table *table, uint32_t number, int64_t time)
{
    session_merge merge = {.start = time};
    char low[KEY_ROOM];
    char high[KEY_ROOM];
    int64_t from = time < GAP_MS ? 0 : time - GAP_MS;
    while (from <= time) { /* no session ends later than stream time */
        int64_t end = (from / SEGMENT_MS + 1) * SEGMENT_MS - 1;
        int64_t to = end > time ? time : end;
        ksi_row_range range = {.low = session_key(low, number, from, 0),
                               .high = session_key(high, number, to, INT64_MAX)};
        fetch_range(table, table->stores[0], &range, found_session, &merge);
        from = to + 1;
    }
    for (int i = 0; i < merge.count; i++) {
        ksi_row_store_put(table->stores[0], ks_slice_of(merge.keys[i], 24 + POINT_KEY),
                          ks_slice_null(), -1);
    }
    ksi_row_store_put(table->stores[0], session_key(low, number, time, merge.start),
                      ks_slice_of("12345678", 8), -1);
}

static bench_result sessions(const bench_ground *ground, const bench_case *self)
{
    uint32_t records = RECORDS;
    window_table table;
    table_open(&table, ground, SEGMENT_KEY, self->layers);
    uint32_t seed = 1;
    double began = bench_now();
    for (uint32_t i = 0; i < records; i++) {
        session_record(&table, bench_random(&seed) % KEYS, i);
        if (i % 50000 == 49999) {
            table_commit(&table);
        }
    }
    double seconds = bench_now() - began;
    table_close(&table);
    return result_of(&table, seconds, records);
}

/* ---- joins ----------------------------------------------------------------------------------- */

static bench_result joins(const bench_ground *ground, const bench_case *self)
{
    uint32_t records = RECORDS;
    window_table sides[2];
    table_open(&sides[0], ground, SEGMENT_KEY, self->layers);
    table_open(&sides[1], ground, SEGMENT_KEY, self->layers);
    int rows = 0;
    uint32_t seed = 1;
    double began = bench_now();
    for (uint32_t i = 0; i < records; i++) {
        uint32_t random = bench_random(&seed);
        uint32_t number = random / 2 % (KEYS / 10); /* so that a record finds one, on average */
        char key[KEY_ROOM];
        fetch(&sides[1 - random % 2], number, (int64_t[2]){(int64_t)i - JOIN_MS, i + JOIN_MS},
              count_row, &rows);
        ksi_row_store_put(sides[random % 2].stores[0], row_key(key, SEGMENT_KEY, number, i),
                          ks_slice_of("12345678901234567890123456789012", 32), -1);
        if (i % 50000 == 49999) {
            table_commit(&sides[0]);
            table_commit(&sides[1]);
        }
    }
    double seconds = bench_now() - began;
    sides[0].asks += sides[1].asks;
    table_close(&sides[0]);
    table_close(&sides[1]);
    return result_of(&sides[0], seconds, records);
}

/* ---- expiry ---------------------------------------------------------------------------------- */

enum { APPLY_ALL, DROP_EXPIRED };

static void expire(window_table *table, uint64_t first_segment)
{
    char bound[8];
    ksi_put_be64(bound, first_segment);
    ksi_row_store_expire(table->stores[0], ks_slice_of(bound, sizeof bound));
    table_commit(table);
}

static void apply(ksi_row_store *store)
{
    ks_error error = {0};
    bench_must(ksi_row_store_apply(store, &error), &error);
}

/* 160 s of a tumbling window whose first 60 s have expired: what applying costs a record. */
static bench_result expiry(const bench_ground *ground, const bench_case *self)
{
    window_table table;
    ks_error error = {0};
    table_open(&table, ground, SEGMENT_KEY, OVER_ROCKS);
    (void)count_records(&table, 1, 2 * RECORDS);
    table_commit(&table);
    uint64_t first = (2 * RECORDS - RETENTION_MS) / SEGMENT_MS;
    double began = bench_now();
    if (self->how == APPLY_ALL) {
        apply(table.stores[0]);
    }
    expire(&table, first);
    apply(table.stores[0]);
    bench_must(ksi_family_flush(ground->scratch, &error), &error);
    double seconds = bench_now() - began;
    table_close(&table);
    return result_of(&table, seconds, 2 * RECORDS);
}

/* A segment that is in RocksDB goes: row by row, as key-first layouts must, or as one range. */
static bench_result expire_segment(const bench_ground *ground, const bench_case *self)
{
    ks_error error = {0};
    char key[KEY_ROOM];
    ksi_buffer physical = {0};
    ksi_row_store *store = bench_open(ground->scratch, false);
    for (uint32_t i = 0; i < EXPIRED_ROWS; i++) {
        ks_slice row = row_key(key, self->how, i % KEYS, i / KEYS * WINDOW_MS);
        bench_must(ksi_row_store_restore(store, row, ks_slice_of("12345678", 8), -1, &error),
                   &error);
    }
    bench_must(ksi_row_store_restored(store, &(ksi_store_position){.offset = 1}, &error), &error);
    ksi_rocks_batch *batch = ksi_rocks_batch_new(ground->rocks);
    double began = bench_now();
    if (self->how == SEGMENT_KEY) {
        char bounds[2][8];
        ksi_buffer low = {0};
        ksi_put_be64(bounds[0], 0);
        ksi_put_be64(bounds[1], 1);
        ksi_physical_key(&low, 0, ks_slice_of(bounds[0], 8));
        ksi_physical_key(&physical, 0, ks_slice_of(bounds[1], 8));
        ksi_rocks_batch_delete_range(batch, ground->scratch, ksi_buffer_slice(&low),
                                     ksi_buffer_slice(&physical));
        ksi_buffer_destroy(&low);
    }
    for (uint32_t i = 0; self->how != SEGMENT_KEY && i < EXPIRED_ROWS; i++) {
        ksi_physical_key(&physical, 0, row_key(key, self->how, i % KEYS, i / KEYS * WINDOW_MS));
        ksi_rocks_batch_delete(batch, ground->scratch, ksi_buffer_slice(&physical));
    }
    bench_must(ksi_rocks_write(batch, false, &error), &error);
    bench_must(ksi_family_compact(ground->scratch, &error), &error);
    double seconds = bench_now() - began;
    ksi_rocks_batch_free(batch);
    ksi_buffer_destroy(&physical);
    ksi_row_store_close(store);
    return (bench_result){.us = seconds * 1e6 / EXPIRED_ROWS};
}

const bench_case bench_window_cases[] = {
    {"tumbling 5 s, a record: in memory", tumbling, SEGMENT_KEY, IN_MEMORY},
    {"tumbling 5 s, a record: RocksDB below", tumbling, SEGMENT_KEY, OVER_ROCKS},
    {"hopping 5 s / 1 s, a record: in memory", hopping, SEGMENT_KEY, IN_MEMORY},
    {"hopping 5 s / 1 s, a record: RocksDB below", hopping, SEGMENT_KEY, OVER_ROCKS},
    {"hopping, RocksDB below: key | start", hopping, KEY_TIME, OVER_ROCKS},
    {"hopping, RocksDB below: key | segment | start", hopping, KEY_SEGMENT, OVER_ROCKS},
    {"hopping, RocksDB below: start | key", hopping, TIME_KEY, OVER_ROCKS},
    {"hopping, RocksDB below: a store for each segment", hopping, TWO_LEVELS, OVER_ROCKS},
    {"order for 120,000 new rows, a row", ordering, KEY_TIME, IN_MEMORY},
    {"fetch of 6 windows of a key: in memory", window_fetch, SEGMENT_KEY, IN_MEMORY},
    {"fetch: RocksDB below", window_fetch, SEGMENT_KEY, OVER_ROCKS},
    {"fetch, RocksDB below: key | start", window_fetch, KEY_TIME, OVER_ROCKS},
    {"fetch, RocksDB below: key | segment | start", window_fetch, KEY_SEGMENT, OVER_ROCKS},
    {"fetch, RocksDB below: start | key", window_fetch, TIME_KEY, OVER_ROCKS},
    {"fetch, RocksDB below: a store for each segment", window_fetch, TWO_LEVELS, OVER_ROCKS},
    {"fetch from RocksDB, one segment: segment | key", cold_fetch, SEGMENT_KEY, 0},
    {"fetch from RocksDB, two segments: segment | key", cold_fetch, SEGMENT_KEY, 1},
    {"fetch from RocksDB: key | start", cold_fetch, KEY_TIME, 0},
    {"session merge, a record: in memory", sessions, 0, IN_MEMORY},
    {"session merge, a record: RocksDB below", sessions, 0, OVER_ROCKS},
    {"stream-stream join 1 s, a record: in memory", joins, 0, IN_MEMORY},
    {"stream-stream join 1 s, a record: RocksDB below", joins, 0, OVER_ROCKS},
    {"apply and flush, a tumbling record: all, then a range delete", expiry, APPLY_ALL, 0},
    {"apply and flush, a tumbling record: expired rows dropped", expiry, DROP_EXPIRED, 0},
    {"expire and compact, a row: segment | key, range delete", expire_segment, SEGMENT_KEY, 0},
    {"expire and compact, a row: key | start, row by row", expire_segment, KEY_TIME, 0},
};
const size_t bench_window_case_count = sizeof bench_window_cases / sizeof *bench_window_cases;
