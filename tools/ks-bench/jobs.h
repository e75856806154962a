/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.h - what ks-bench can run: a table of topologies.
 *
 * A new job is a topology function, declared below, and a row of the table in jobs.c; the command
 * line, the fill, the counting of changelogs and the help follow from the row.
 */
#ifndef KS_BENCH_JOBS_H
#define KS_BENCH_JOBS_H

#include <stdatomic.h>

#include <kstreams/stream.h>

/* Names of stores: what is counted, and the two sides of joins. */
#define BENCH_COUNTS "counts"
#define BENCH_ROWS_STORE "rows"
#define BENCH_LEFT_STORE "left"

/* What a topology is built from; outlives the application. */
typedef struct bench_wiring {
    const char *input;
    const char *input2; /* NULL unless the job reads two topics */
    const char *output;
    /*
     * When the first record came out of its source, by CLOCK_MONOTONIC; 0 before. After the first
     * record a look at it is one load that is always the same, which costs about a nanosecond.
     */
    _Atomic int64_t first_record_ns;
} bench_wiring;

/* What the second topic of a job has in it; generator.h says it exactly. */
typedef enum bench_second {
    BENCH_NO_SECOND,
    BENCH_ROWS, /* a row for each key */
    BENCH_TWIN  /* a second stream */
} bench_second;

typedef struct bench_job {
    const char *name;
    const char *summary; /* one line for the help */
    void (*build)(ks_builder *builder, bench_wiring *wiring);
    const char *store;   /* whose changelog is counted; NULL: none */
    bool reads_lines;    /* lines of words, not records */
    bench_second second; /* any needs --input2 */
} bench_job;

extern const bench_job bench_jobs[];
extern const size_t bench_job_count;

/* NULL when there is none of that name. */
const bench_job *bench_job_find(const char *name);

int64_t bench_now_ns(void); /* CLOCK_MONOTONIC */

/* ---- for topologies -------------------------------------------------------------------------- */

/* To be called with each record; a ks_peek_fn whose `user` is the bench_wiring. */
void bench_look(ks_ctx *ctx, const ks_record *record, void *user);

void bench_build_window(ks_builder *builder, bench_wiring *wiring);
void bench_build_tumble(ks_builder *builder, bench_wiring *wiring);
void bench_build_session(ks_builder *builder, bench_wiring *wiring);
void bench_build_suppress(ks_builder *builder, bench_wiring *wiring);
void bench_build_table(ks_builder *builder, bench_wiring *wiring);
void bench_build_ssjoin(ks_builder *builder, bench_wiring *wiring);
void bench_build_fkjoin(ks_builder *builder, bench_wiring *wiring);

#endif
