/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_facts.h - what is in the log and in the stores at the end, and whether it may be.
 *
 * Reading and judging are apart: facts can be made up, so that the judge is tested on topics and
 * stores that are wrong in a known way.
 *
 * Exactly once: the updates of a key are 1, 2, 3 up to the number of its records, each once and in
 * that order, and the store has the last. At least once: the last update and the store count no
 * less than the records. The store `latest` has the last update, and so, exactly once, has `sums`.
 * Both: the store `numbers` has every record of a key and no other, `rows`
 * has every record once, and every input record is where its value says.
 *
 * Thread rule: one thread.
 */
#ifndef TESTS_CRASH_APPLICATION_KILL_FACTS_H
#define TESTS_CRASH_APPLICATION_KILL_FACTS_H

#include "kill_model.h"
#include "windowed_app.h"

enum { KILL_MOST_OFFSETS = KILL_MOST_NUMBERS * KILL_KEYS / KILL_PARTITIONS };

typedef struct kill_update {
    int key;
    int64_t count;
} kill_update;

typedef struct kill_facts {
    bool repartitions;
    bool exactly_once;             /* how the updates are judged */
    int64_t ends[KILL_PARTITIONS]; /* of the input */
    kill_update *updates;          /* of KILL_OUTPUT; those of a key in their order */
    size_t update_count;
    size_t update_capacity;
    int64_t counts[KILL_KEYS]; /* the store; 0: no row */
    int64_t latest[KILL_KEYS];
    int64_t sums[KILL_KEYS];
    unsigned char numbers[KILL_KEYS][KILL_NUMBER_BYTES];
    unsigned char rows[KILL_PARTITIONS][KILL_MOST_OFFSETS]; /* how often the store has it */
} kill_facts;

/* All zero; owned. */
kill_facts *kill_facts_new(bool repartitions, bool exactly_once);
void kill_facts_free(kill_facts *facts);

void kill_facts_add_update(kill_facts *facts, int key, int64_t count);
/* What an application that was never killed makes of `ends`: for tests. */
void kill_facts_fill(kill_facts *facts);

enum {
    KILL_COMPLAINT = WINDOWED_COMPLAINT,
    KILL_CATCH_UP_MS = 300000 /* patience: other work may take most of the machine */
};

/* Reads the topics. False with a complaint. */
bool kill_facts_read_log(kill_facts *facts, ks_log *log, char complaint[KILL_COMPLAINT]);
/* Asks the stores of an application that is caught up. False with a complaint. */
bool kill_facts_read_stores(kill_facts *facts, ks_app *app, char complaint[KILL_COMPLAINT]);

/* Whether all is as it must be; else a complaint that names the first fault. */
bool kill_facts_judge(const kill_facts *facts, char complaint[KILL_COMPLAINT]);

#endif
