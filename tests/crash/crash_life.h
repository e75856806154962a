/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_life.h - one life of a child process: it opens the stores of a directory, checks what the
 * life before left, works at random, and dies or closes.
 *
 * Checking is the first thing every life does, so a directory is checked after each kill by
 * somebody who did not see it happen:
 *
 *   - with a changelog: what is in RocksDB must be the rows of the stored offset, or rows that were
 *     committed behind it; nothing else. After replaying from that offset, store and changelog are
 *     equal. A dirty mark must have emptied the store.
 *   - without a changelog: RocksDB must have the last commit, whole. A commit that was under way
 *     may be there or not, whole again.
 *   - after a clean close: nothing is left to replay.
 *
 * A plan is text, `point:n:seed`, and repeats the same life: which operations run is decided by the
 * seed alone. Only what RocksDB's own threads were doing then is not.
 *
 * Faults are mistakes that a write path could have, made here by wrappers around the real one: with
 * each of them the checks must complain.
 *
 * Thread rule: a child has one thread, besides RocksDB's.
 */
#ifndef TESTS_CRASH_CRASH_LIFE_H
#define TESTS_CRASH_CRASH_LIFE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum crash_fault {
    CRASH_NO_FAULT,
    CRASH_POSITION_FIRST,     /* the position is written, and flushed, before its rows */
    CRASH_POSITION_ALONE,     /* the position reaches the disk without its rows: "another family" */
    CRASH_MARK_MISSING,       /* rows are written through without a dirty mark */
    CRASH_COMMIT_NOT_ON_DISK, /* a store without changelog keeps its commit in memory */
    CRASH_CLOSE_FORGETS,      /* closing applies the first store only */
    CRASH_ROW_NOT_LOGGED      /* a row goes to the store and not to the changelog */
} crash_fault;

typedef struct crash_plan {
    char point[48];  /* of ksi_crash_points; or "operation": between two operations; or
                        "written-through": behind a write-through and its fault */
    bool soon_after; /* up to 1.5 ms later, wherever the process is then */
    unsigned nth;    /* time that the point is reached */
    uint64_t seed;
    crash_fault fault;
    char directory[200];
} crash_plan;

typedef enum crash_ending {
    CRASH_AT_POINT, /* as planned */
    CRASH_CUT,      /* between two operations, decided by the seed */
    CRASH_CLOSED,   /* closes */
    CRASH_LOOKED    /* was closed before: just looks */
} crash_ending;

/* What a child tells its parent; in memory they share. */
typedef struct crash_report {
    bool was_struck; /* reached the planned point */
    char complaint[400];
} crash_report;

enum { CRASH_EXIT_FINE = 0, CRASH_EXIT_COMPLAINT = 1 };

/* Lives, and ends the process. */
_Noreturn void crash_life_run(const crash_plan *plan, unsigned number, crash_ending ending,
                              crash_report *report);

#endif
