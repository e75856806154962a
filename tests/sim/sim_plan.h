/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_plan.h - what a seed means: which application, on how many instances, and how rough the
 * world is.
 *
 * Thread rule: values.
 */
#ifndef TESTS_SIM_SIM_PLAN_H
#define TESTS_SIM_SIM_PLAN_H

#include "faulty_transport.h"
#include "windowed_app.h"

enum { SIM_MOST_INSTANCES = 4, SIM_MOST_KEYS = 8, SIM_MOST_PARTITIONS = 4 };

typedef enum sim_kind {
    SIM_COUNT,       /* records by key are counted */
    SIM_REPARTITION, /* they get another key first, and travel through a topic */
    SIM_TABLE,       /* the newest value of each key is kept, and sent on */
    SIM_GROUPS,      /* those rows are grouped by their value, and counted */
    SIM_WINDOWS      /* what waits for time: parts of windowed_app.h */
} sim_kind;

#define SIM_LONG_TIMEOUT_MS INT64_C(3600000) /* no outage is as long */

typedef struct sim_plan {
    uint64_t seed;
    sim_kind kind;
    int parts;          /* of windows: which */
    bool is_exact;      /* exactly once, else at least once */
    bool is_cached;     /* with a record cache: some updates of a key are one output */
    bool is_on_disk;    /* stores in RocksDB */
    bool reuses_input;  /* of a table: the input is the changelog of its store */
    bool has_global;    /* the output is a global table of every instance */
    bool runs_smoothly; /* no faults, no crashes: every guarantee is "once" then */
    int32_t partitions;
    int32_t keys;
    int32_t instances; /* at most at a time */
    int32_t threads;
    int32_t standbys;
    int64_t commit_ms;
    int64_t session_ms;
    int64_t task_timeout_ms; /* short: an outage may end threads */
    int64_t purge_ms;
    int64_t buffered_records;
    int64_t uncommitted_bytes;
    int64_t cache_bytes;       /* few: entries are evicted between two commits */
    int64_t transaction_bytes; /* few: transactions are committed early */
    int64_t steps;
    int64_t records;    /* about so many inputs */
    int64_t turbulence; /* chance of an event, in 10,000 steps */
    int64_t pace_us;    /* how much time passes between two steps, at most */
    faulty_odds odds;
} sim_plan;

sim_plan sim_plan_of(uint64_t seed);
enum { SIM_PLAN_TEXT = 300 };
/* One line for people; borrowed until the next call. */
const char *sim_plan_text(const sim_plan *plan);

#endif
