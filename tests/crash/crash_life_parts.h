/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_life_parts.h - what a life is made of, for its files: crash_life.c (works) and
 * crash_check.c (opens, checks, replays).
 *
 * Thread rule: that of crash_life.h.
 */
#ifndef TESTS_CRASH_CRASH_LIFE_PARTS_H
#define TESTS_CRASH_CRASH_LIFE_PARTS_H

#include "crash_life.h"
#include "crash_log.h"
#include "state/row_store.h"

typedef struct crash_life {
    const crash_plan *plan;
    crash_report *report;
    crash_log log;
    uint64_t random;
    crash_ending ending;
    ksi_rocks *rocks;
    ksi_family *families[CRASH_STORES];
    ksi_row_store *stores[CRASH_STORES][CRASH_PARTITIONS];
    uint64_t next_number; /* of values */
    int64_t write_buffer_bytes;
    int64_t clean_bytes;
} crash_life;

typedef struct crash_store_kind {
    const char *name;
    bool timestamped;
    bool logged;
} crash_store_kind;
extern const crash_store_kind crash_store_kinds[CRASH_STORES];

/* Opens the database and every store, checked and replayed. */
void crash_life_open(crash_life *life);
/* Opens one store, checked and replayed. Its partition must have no open transaction. */
void crash_life_open_store(crash_life *life, int s, int p);
/* Empties a store and builds it from its changelog. */
void crash_life_rebuild(crash_life *life, int s, int p);

/* The key of a row about the partition: its position (""), or its mark ("dirty"). */
enum { CRASH_META_BYTES = 16 };
ks_slice crash_meta_key(char to[CRASH_META_BYTES], int partition, const char *what);

/* Ends the process: the check found something. */
_Noreturn void crash_complain(crash_life *life, const char *format, ...) KS_PRINTF(2, 3);
/* Ends the process unless the call worked. */
void crash_must(crash_life *life, ks_status status, const ks_error *error, const char *doing);

#endif
