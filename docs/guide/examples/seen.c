/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seen.c - stores: their names, kinds, changelogs and caches.
 */
#include "seen.h"

static ks_value newer(ks_ctx *ctx, ks_value last, ks_value reading, void *user)
{
    (void)ctx;
    (void)last;
    (void)user;
    return reading;
}

void seen_topology(ks_builder *b)
{
    ks_stream *readings = ks_builder_stream(
        b, "readings", KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_f64));
    ks_grouped_stream *by_thermometer = ks_stream_group_by_key(readings, NULL);

    /* on disk, with a changelog and a record cache: all defaults but the name */
    ks_table *seen = ks_grouped_stream_count(by_thermometer, KS_MATERIALIZED(.name = "seen"));
    ks_stream_to(ks_table_to_stream(seen, NULL), "readings-seen", NULL);

    /* in memory, filled from its changelog at each start; every update is passed on */
    ks_table *last = ks_grouped_stream_reduce(
        by_thermometer, newer, NULL,
        KS_MATERIALIZED(.name = "last", .type = KS_STORE_IN_MEMORY, .caching_disabled = true));
    ks_stream_to(ks_table_to_stream(last, NULL), "last-readings", NULL);

    /* at most 1000 thermometers, and nothing is kept over a restart */
    (void)ks_grouped_stream_count(by_thermometer,
                                  KS_MATERIALIZED(.name = "lately", .type = KS_STORE_LRU,
                                                  .lru_entries = 1000, .logging_disabled = true));
}

void seen_tune(const char *store, ks_rocksdb_options *options, void *user)
{
    (void)user;
    if (store == NULL) { /* of the database that holds all stores */
        ks_rocksdb_options_set(options, "max_background_jobs", "4");
    } else if (strcmp(store, "seen") == 0) {
        ks_rocksdb_options_set(options, "compression", "kLZ4Compression");
    }
}
