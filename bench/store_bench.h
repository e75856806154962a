/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_bench.h - what the files of build/bench/store_access share: the ground a case runs on, what
 * it answers, and the measuring.
 *
 * A case measures one way of using a store. All cases run once a round, and a figure is the median
 * of the rounds, so that a slow moment of the machine hits all of them and decides none. Time is
 * CPU time of the whole process: RocksDB's own threads count.
 *
 * Thread rule: one thread.
 */
#ifndef KSB_STORE_BENCH_H
#define KSB_STORE_BENCH_H

#include "state/row_store.h"

typedef struct bench_ground {
    ksi_rocks *rocks;
    ksi_family *scratch;      /* empty when a case begins */
    ksi_family *cold_points;  /* COLD_ROWS rows, "%010u" -> 16 bytes */
    ksi_family *cold_windows; /* the same number, segment | key | start | seq */
    ksi_family *cold_keys;    /* key | start | seq */
} bench_ground;

enum { COLD_ROWS = 1000000, COLD_KEYS = 10000 };

typedef struct bench_result {
    double us;   /* CPU time of one operation */
    double asks; /* how often one operation asks RocksDB */
} bench_result;

typedef struct bench_case {
    const char *name;
    bench_result (*run)(const bench_ground *ground, const struct bench_case *self);
    int how; /* a layout or a mode: the case's own */
    int layers;
} bench_case;

/* Where the rows of a store are, and what it knows. */
enum {
    IN_MEMORY, /* no RocksDB below */
    OVER_ROCKS
};

enum { POINT_KEY = 10 };

double bench_now(void); /* CPU seconds of the process */
uint32_t bench_random(uint32_t *seed);
void bench_key(char to[POINT_KEY], uint32_t number);
/* Ends the program when `status` is not KS_OK. */
void bench_must(ks_status status, const ks_error *error);
ksi_row_store *bench_open(ksi_family *family, bool timestamped);
void bench_commit(ksi_row_store *store);

/* store_windows.c */
extern const bench_case bench_window_cases[];
extern const size_t bench_window_case_count;
void bench_fill_windows(const bench_ground *ground);

/* store_restore.c */
extern const bench_case bench_restore_cases[];
extern const size_t bench_restore_case_count;

/* A directory of its own under TMPDIR, and its end. */
void bench_make_folder(char to[256]);
void bench_remove_folder(const char *folder);

#endif
