/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_restore.c - the cases of store_access that bring a store up to its changelog: from rows in
 * memory, as a standby applies them, and as an application does when it starts.
 *
 * The rows are 10 bytes of key and 16 of value, in an order that is none. Building the keys is part
 * of the first three; the application reads them from a changelog topic in memory, which was filled
 * before the clock starts, and its figure is everything the process does from ks_app_start() until
 * all is restored and the application runs.
 *
 * Thread rule: one thread, beside RocksDB's own and those of the application.
 */
#include "store_bench.h"

#include "base/endian.h"

#include <kstreams/kstreams.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESTORED = 1000000, STANDBY_BATCH = 256, VALUE = 16 };

static ks_slice value_of(char to[VALUE], uint32_t number)
{
    memset(to, 'v', VALUE);
    ksi_put_be32(to, number);
    return ks_slice_of(to, VALUE);
}

/* `keys` different ones: a prime makes it all of them. */
static ks_slice key_of(char to[POINT_KEY], uint32_t row, uint32_t keys)
{
    bench_key(to, (uint32_t)(((uint64_t)row * 7368787U) % keys));
    return ks_slice_of(to, POINT_KEY);
}

/* Rows of `keys` different keys, with a position behind each `batch` of them. */
static double restore_rows(ksi_row_store *store, uint32_t keys, uint32_t batch)
{
    ks_error error = {0};
    char key[POINT_KEY];
    char value[VALUE];
    double began = bench_now();
    for (uint32_t i = 0; i < RESTORED; i++) {
        bench_must(
            ksi_row_store_restore(store, key_of(key, i, keys), value_of(value, i), i, &error),
            &error);
        if (i % batch == batch - 1 || i == RESTORED - 1) {
            bench_must(ksi_row_store_restored(store, &(ksi_store_position){.offset = i}, &error),
                       &error);
        }
    }
    return (bench_now() - began) * 1e6 / RESTORED;
}

static bench_result restore(const bench_ground *ground, const bench_case *self)
{
    ksi_row_store *store = bench_open(ground->scratch, true);
    bench_result result = {.us = restore_rows(store, (uint32_t)self->how, RESTORED)};
    ksi_row_store_close(store);
    return result;
}

static bench_result standby(const bench_ground *ground, const bench_case *self)
{
    ksi_row_store *store = bench_open(ground->scratch, true);
    bench_result result = {.us = restore_rows(store, RESTORED, (uint32_t)self->how)};
    ksi_row_store_close(store);
    return result;
}

/* ---- an application -------------------------------------------------------------------------- */

typedef struct starting {
    ks_log *log;
    ks_topology *topology;
    ks_config *config;
    long long restored;
} starting;

static void must_be(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "store_access: %s\n", what);
        exit(1);
    }
}

static void fill_changelog(const starting *self)
{
    ks_error error = {0};
    char key[POINT_KEY];
    char value[VALUE];
    bench_must(ks_log_create_topic(self->log, "in", 1, &error), &error);
    bench_must(ks_log_create_topic(self->log, "bench-rows-changelog", 1, &error), &error);
    for (uint32_t i = 0; i < RESTORED; i++) {
        const ks_log_record row = {
            .key = key_of(key, i, RESTORED), .value = value_of(value, i), .timestamp = i};
        bench_must(ks_log_produce(self->log, "bench-rows-changelog", &row, &error), &error);
    }
}

/* A table that is kept: its store has a changelog. */
static ks_topology *build(void)
{
    ks_error error = {0};
    const ks_serde *text = &ks_serde_string;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_grouped_stream *by_key = ks_stream_group_by_key(in, KS_GROUPED(.key = text, .value = text));
    (void)ks_grouped_stream_count(by_key, KS_MATERIALIZED(.name = "rows"));
    ks_topology *topology = ks_builder_build(b, &error);
    bench_must(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    return topology;
}

static void hear(ks_log_level level, const char *where, const char *message, void *user)
{
    starting *self = user;
    const char *rows = strstr(message, " from ");
    (void)level;
    (void)where;
    if (strncmp(message, "restored store", 14) == 0 && rows != NULL) {
        self->restored += strtoll(rows + 6, NULL, 10);
    }
}

static void set(ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    bench_must(ks_config_set(config, name, value, &error), &error);
}

static bench_result start_application(const bench_ground *ground, const bench_case *self)
{
    (void)ground;
    (void)self;
    ks_error error = {0};
    char folder[256];
    bench_make_folder(folder);
    starting it = {.log = ks_log_open("embedded:", &error)};
    must_be(it.log != NULL, "no log in memory");
    fill_changelog(&it);
    it.topology = build();
    it.config = ks_config_new();
    set(it.config, "application.id", "bench");
    set(it.config, "bootstrap.servers", "embedded:");
    set(it.config, "state.dir", folder);
    ks_app *app = ks_app_new(it.topology, it.config,
                             KS_APP_OPTIONS(.log = it.log, .log_line = hear, .user = &it), &error);
    bench_must(app != NULL ? KS_OK : error.code, &error);
    double began = bench_now();
    bench_must(ks_app_start(app, &error), &error);
    bench_must(ks_app_wait_until_caught_up(app, -1, &error), &error);
    double seconds = bench_now() - began;
    bench_must(ks_app_close(app, -1, &error), &error);
    must_be(it.restored == RESTORED, "the application did not restore its changelog");
    ks_app_free(app);
    ks_topology_free(it.topology);
    ks_config_free(it.config);
    ks_log_free(it.log);
    bench_remove_folder(folder);
    return (bench_result){.us = seconds * 1e6 / RESTORED};
}

const bench_case bench_restore_cases[] = {
    {"restore: keys all different, a row", restore, RESTORED, OVER_ROCKS},
    {"restore: ten rows for a key, a row", restore, RESTORED / 10, OVER_ROCKS},
    {"restore: a standby, 256 rows at a time, a row", standby, STANDBY_BATCH, OVER_ROCKS},
    {"restore: a standby, 100,000 rows at a time, a row", standby, 100000, OVER_ROCKS},
    {"restore: an application that starts, a row", start_application, 0, OVER_ROCKS},
};
const size_t bench_restore_case_count = sizeof bench_restore_cases / sizeof *bench_restore_cases;
