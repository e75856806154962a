/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_access.c - what it costs to use a store: points, bulk, restoring (store_restore.c), and
 * (store_windows.c) windows, sessions and joins.
 *
 *     build/bench/store_access [ROUNDS [WORD]]     5 by default; only cases with WORD in their name
 *
 * Prints a line for each case: the median, the smallest and the largest of the rounds, and how
 * often an operation had to ask RocksDB. There is no pass and no fail: a figure belongs to the
 * machine it was taken on, and says something beside the others of its run. bench/README.md has a
 * run with its conclusions.
 *
 * The tempting wrong way is the wall clock and one long loop for each case: on a machine that also
 * does something else the order of the cases then decides.
 *
 * Thread rule: one thread, beside RocksDB's own.
 */
#include "store_bench.h"

#include "base/endian.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_ROUNDS = 15, MOST_CASES = 64 };
enum { HOT_KEYS = 10000, POINTS = 300000, COLD_POINTS = 5000 };
enum { APPLIED = 100000 };

/* ---- tools ----------------------------------------------------------------------------------- */

double bench_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

uint32_t bench_random(uint32_t *seed)
{
    *seed = *seed * 1103515245U + 12345U;
    return *seed >> 4;
}

void bench_key(char to[POINT_KEY], uint32_t number)
{
    for (int i = POINT_KEY - 1; i >= 0; i--, number /= 10) {
        to[i] = (char)('0' + number % 10);
    }
}

void bench_must(ks_status status, const ks_error *error)
{
    if (status != KS_OK) {
        fprintf(stderr, "store_access: %s: %s\n", error->where, error->message);
        exit(1);
    }
}

ksi_row_store *bench_open(ksi_family *family, bool timestamped)
{
    ks_error error = {0};
    ksi_row_store *store = ksi_row_store_open(
        &(ksi_row_store_options){.name = "bench",
                                 .family = family,
                                 .timestamped = timestamped,
                                 .logged = true,
                                 .clean_bytes = family != NULL ? 64 * 1024 * 1024 : 0},
        &error);
    bench_must(store != NULL ? KS_OK : error.code, &error);
    return store;
}

void bench_commit(ksi_row_store *store)
{
    ks_error error = {0};
    bench_must(ksi_row_store_commit(store, &(ksi_store_position){.offset = 1}, &error), &error);
}

static ks_slice value_of(char to[16], uint32_t number)
{
    memset(to, 'v', 16);
    ksi_put_be32(to, number);
    return ks_slice_of(to, 16);
}

static bool get(ksi_row_store *store, ks_slice key)
{
    ks_error error = {0};
    ksi_row row;
    bool found;
    bench_must(ksi_row_store_get(store, key, false, &row, &found, &error), &error);
    return found;
}

/* ---- points ---------------------------------------------------------------------------------- */

enum { PUT = 1, GET = 2, GET_ABSENT = 4 };

static void put_hot_keys(ksi_row_store *store)
{
    char key[POINT_KEY];
    char value[16];
    for (uint32_t i = 0; i < HOT_KEYS; i++) {
        bench_key(key, i);
        ksi_row_store_put(store, ks_slice_of(key, POINT_KEY), value_of(value, i), 0);
    }
    bench_commit(store);
}

/* Keys that the buffer knows. The bits of `how` say what is done with each. */
static bench_result hot_points(const bench_ground *ground, const bench_case *self)
{
    ksi_row_store *store = bench_open(self->layers == IN_MEMORY ? NULL : ground->scratch, true);
    put_hot_keys(store);
    char key[POINT_KEY];
    char value[16];
    uint32_t seed = 1;
    double began = bench_now();
    for (uint32_t i = 0; i < POINTS; i++) {
        bench_key(key, bench_random(&seed) % HOT_KEYS);
        if ((self->how & GET) != 0) {
            (void)get(store, ks_slice_of(key, POINT_KEY));
        }
        if ((self->how & PUT) != 0) {
            ksi_row_store_put(store, ks_slice_of(key, POINT_KEY), value_of(value, i), i);
        }
        if (i % 100000 == 99999) {
            bench_commit(store);
        }
    }
    double seconds = bench_now() - began;
    ksi_row_store_close(store);
    return (bench_result){.us = seconds * 1e6 / POINTS};
}

/* Keys that only RocksDB knows, or that nobody has. */
static bench_result cold_points(const bench_ground *ground, const bench_case *self)
{
    ksi_row_store *store = bench_open(ground->cold_points, true);
    char key[POINT_KEY];
    uint32_t seed = 7;
    double began = bench_now();
    for (uint32_t i = 0; i < COLD_POINTS; i++) {
        bench_key(key, bench_random(&seed) % COLD_ROWS);
        if (self->how == GET_ABSENT) {
            key[POINT_KEY - 1] = 'x'; /* among the others, but not there */
        }
        (void)get(store, ks_slice_of(key, POINT_KEY));
    }
    double seconds = bench_now() - began;
    ksi_row_store_close(store);
    return (bench_result){.us = seconds * 1e6 / COLD_POINTS, .asks = 1};
}

static bench_result cold_range(const bench_ground *ground, const bench_case *self)
{
    (void)self;
    ksi_row_store *store = bench_open(ground->cold_points, true);
    char key[POINT_KEY];
    uint32_t seed = 7;
    double began = bench_now();
    for (uint32_t i = 0; i < COLD_POINTS; i++) {
        bench_key(key, bench_random(&seed) % COLD_ROWS);
        ksi_row_iterator *iterator =
            ksi_row_iterator_open(store, &(ksi_row_range){.low = ks_slice_of(key, POINT_KEY)});
        bool found = true;
        for (int row_number = 0; row_number < 5 && found; row_number++) {
            ks_error error = {0};
            ksi_row row;
            bench_must(ksi_row_iterator_next(iterator, &row, &found, &error), &error);
        }
        ksi_row_iterator_close(iterator);
    }
    double seconds = bench_now() - began;
    ksi_row_store_close(store);
    return (bench_result){.us = seconds * 1e6 / COLD_POINTS, .asks = 1};
}

/* ---- bulk ------------------------------------------------------------------------------------ */

/* `keys` different ones, in an order that is none. */
static void restore_points(ksi_row_store *store, uint32_t rows, uint32_t keys)
{
    ks_error error = {0};
    char key[POINT_KEY];
    char value[16];
    for (uint32_t i = 0; i < rows; i++) {
        bench_key(key, (uint32_t)(((uint64_t)i * 7368787U) % keys)); /* a prime: all of them */
        bench_must(ksi_row_store_restore(store, ks_slice_of(key, POINT_KEY), value_of(value, i), i,
                                         &error),
                   &error);
    }
    bench_must(ksi_row_store_restored(store, &(ksi_store_position){.offset = rows}, &error),
               &error);
}

static void put_random_rows(ksi_row_store *store)
{
    char key[POINT_KEY];
    char value[16];
    for (uint32_t i = 0; i < APPLIED; i++) {
        bench_key(key, (uint32_t)(((uint64_t)i * 7368787U) % COLD_ROWS));
        ksi_row_store_put(store, ks_slice_of(key, POINT_KEY), value_of(value, i), i);
    }
}

/* What ksi_row_store_apply does, and the flush that has to follow it. */
static bench_result apply_in_batches(const bench_ground *ground, const bench_case *self)
{
    (void)self;
    ks_error error = {0};
    ksi_row_store *store = bench_open(ground->scratch, true);
    put_random_rows(store);
    bench_commit(store);
    double began = bench_now();
    bench_must(ksi_row_store_apply(store, &error), &error);
    if (self->how != 0) {
        bench_must(ksi_family_flush(ground->scratch, &error), &error);
    }
    double seconds = bench_now() - began;
    ksi_row_store_close(store);
    return (bench_result){.us = seconds * 1e6 / APPLIED};
}

/* The same rows as one sorted file: what restoring does with them. */
static bench_result apply_as_file(const bench_ground *ground, const bench_case *self)
{
    (void)self;
    ks_error error = {0};
    ksi_row_store *store = bench_open(ground->scratch, true);
    put_random_rows(store);
    double began = bench_now();
    bench_must(ksi_row_store_restored(store, &(ksi_store_position){.offset = 1}, &error), &error);
    double seconds = bench_now() - began;
    ksi_row_store_close(store);
    return (bench_result){.us = seconds * 1e6 / APPLIED};
}

static bench_result commit(const bench_ground *ground, const bench_case *self)
{
    (void)self;
    ksi_row_store *store = bench_open(ground->scratch, true);
    put_random_rows(store);
    double began = bench_now();
    bench_commit(store);
    double seconds = bench_now() - began;
    ksi_row_store_close(store);
    return (bench_result){.us = seconds * 1e6 / APPLIED};
}

static const bench_case point_cases[] = {
    {"point: put, in memory", hot_points, PUT, IN_MEMORY},
    {"point: get, in memory", hot_points, GET, IN_MEMORY},
    {"point: get and put, in memory", hot_points, GET | PUT, IN_MEMORY},
    {"point: put, RocksDB below", hot_points, PUT, OVER_ROCKS},
    {"point: get, RocksDB below, row in the buffer", hot_points, GET, OVER_ROCKS},
    {"point: get of a cold row (1 M in RocksDB)", cold_points, GET, OVER_ROCKS},
    {"point: get of an absent row (1 M in RocksDB)", cold_points, GET_ABSENT, OVER_ROCKS},
    {"point: seek and 5 rows (1 M in RocksDB)", cold_range, 0, OVER_ROCKS},
    {"bulk: commit, a row", commit, 0, OVER_ROCKS},
    {"bulk: apply in batches of 1 MB, a row", apply_in_batches, 0, OVER_ROCKS},
    {"bulk: the same and flush, a row", apply_in_batches, 1, OVER_ROCKS},
    {"bulk: apply as a sorted file, a row", apply_as_file, 0, OVER_ROCKS},
};

/* ---- the run --------------------------------------------------------------------------------- */

static ksi_family *family_of(ksi_rocks *rocks, const char *name)
{
    ks_error error = {0};
    ksi_family *family = ksi_rocks_family(rocks, name, &error);
    bench_must(family != NULL ? KS_OK : error.code, &error);
    return family;
}

static void run_case(bench_ground *ground, const bench_case *which, bench_result *result)
{
    ks_error error = {0};
    bench_must(ksi_rocks_drop_family(ground->rocks, "scratch", &error), &error);
    ground->scratch = family_of(ground->rocks, "scratch");
    *result = which->run(ground, which);
}

static int compare_results(const void *a, const void *b)
{
    double left = ((const bench_result *)a)->us;
    double right = ((const bench_result *)b)->us;
    return left < right ? -1 : left > right;
}

static void add_cases(const bench_case *from, size_t count, const char *word,
                      const bench_case **cases, size_t *all)
{
    for (size_t i = 0; i < count && *all < MOST_CASES; i++) {
        if (word == NULL || strstr(from[i].name, word) != NULL) {
            cases[(*all)++] = &from[i];
        }
    }
}

static void run_all(bench_ground *ground, int rounds, const char *word)
{
    static bench_result results[MOST_CASES][MOST_ROUNDS];
    const bench_case *cases[MOST_CASES];
    size_t count = 0;
    add_cases(point_cases, sizeof point_cases / sizeof *point_cases, word, cases, &count);
    add_cases(bench_restore_cases, bench_restore_case_count, word, cases, &count);
    add_cases(bench_window_cases, bench_window_case_count, word, cases, &count);
    for (int round_number = 0; round_number < rounds; round_number++) {
        for (size_t i = 0; i < count; i++) {
            run_case(ground, cases[i], &results[i][round_number]);
        }
    }
    printf("%-62s %8s %8s %8s %8s\n", "us of CPU time", "median", "least", "most", "asks");
    for (size_t i = 0; i < count; i++) {
        qsort(results[i], (size_t)rounds, sizeof results[i][0], compare_results);
        const bench_result *median = &results[i][rounds / 2];
        printf("%-62s %8.3f %8.3f %8.3f %8.2f\n", cases[i]->name, median->us, results[i][0].us,
               results[i][rounds - 1].us, median->asks);
    }
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *at)
{
    (void)about;
    (void)kind;
    (void)at;
    return remove(path);
}

void bench_make_folder(char to[256])
{
    const char *temporary = getenv("TMPDIR");
    (void)snprintf(to, 256, "%s/store_access-XXXXXX", temporary != NULL ? temporary : "/tmp");
    if (mkdtemp(to) == NULL) {
        perror("store_access: no directory for the database");
        exit(1);
    }
}

void bench_remove_folder(const char *folder)
{
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int count, char **arguments)
{
    long rounds = count > 1 ? strtol(arguments[1], NULL, 10) : 5;
    if (rounds < 1 || rounds > MOST_ROUNDS) {
        fprintf(stderr, "store_access: the number of rounds is 1 to %d\n", MOST_ROUNDS);
        return 2;
    }
    char folder[256];
    bench_make_folder(folder);
    ks_error error = {0};
    bench_ground ground = {0};
    ground.rocks = ksi_rocks_open(&(ksi_rocks_options){.path = folder,
                                                       .block_cache_bytes = 64 * 1024 * 1024,
                                                       .write_buffer_bytes = 64 * 1024 * 1024},
                                  &error);
    bench_must(ground.rocks != NULL ? KS_OK : error.code, &error);
    ground.cold_points = family_of(ground.rocks, "cold-points");
    ground.cold_windows = family_of(ground.rocks, "cold-windows");
    ground.cold_keys = family_of(ground.rocks, "cold-keys");
    ksi_row_store *store = bench_open(ground.cold_points, true);
    restore_points(store, COLD_ROWS, COLD_ROWS);
    ksi_row_store_close(store);
    bench_fill_windows(&ground);
    run_all(&ground, (int)rounds, count > 2 ? arguments[2] : NULL);
    bench_must(ksi_rocks_close(ground.rocks, &error), &error);
    bench_remove_folder(folder);
    return 0;
}
