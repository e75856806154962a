/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_model.h - the two applications that are killed, and what a record leads to in them.
 *
 * The value of an input record is where it stands, "PARTITION:OFFSET". Everything else follows:
 *
 *     counting        the key is given: 10 in each partition. Grouped by it.
 *     repartitioning  the key is chosen from the value: 40 that meet from all partitions. A second
 *                     grouping has a key for every record and values of 1.5 KB.
 *
 *     store counts    key -> how many records, and every update in the topic kill-counts
 *     store numbers   key -> a bit for the number of each of its records: which ones they were. A
 *                     count alone would let a record that is lost hide one that came twice.
 *     store latest    a table of kill-counts, which is its changelog, too: key -> the last update
 *     store sums      that table's changes added up, new less old: key -> the last update again, as
 *                     long as every old value was the one of the update before
 *     store rows      repartitioning only: "PARTITION:OFFSET" -> the value of 1.5 KB
 *
 * So a task of the counting application has two stores that must agree after every crash, and the
 * repartitioning one has two sub-topologies, each with its own offsets, and enough rows to restore
 * them by sorted file.
 *
 * Thread rule: the functions of the topology run on stream threads and keep nothing.
 */
#ifndef TESTS_CRASH_APPLICATION_KILL_MODEL_H
#define TESTS_CRASH_APPLICATION_KILL_MODEL_H

#include "record_place.h"

#define KILL_APPLICATION "kill"
#define KILL_INPUT "kill-input"
#define KILL_OUTPUT "kill-counts"
#define KILL_SCRATCH "kill-scratch" /* made and deleted while the application runs */

enum {
    KILL_PARTITIONS = 4,
    KILL_KEYS = 40,
    KILL_ROW_BYTES = 1500,
    KILL_NUMBER_BYTES = 512,                  /* of a value of the store numbers */
    KILL_MOST_NUMBERS = KILL_NUMBER_BYTES * 8 /* records of a key */
};

/* Which key a record has, and the number it has among those of its key. */
typedef struct kill_place {
    int key;
    size_t number;
} kill_place;

kill_place kill_place_of(bool repartitions, int32_t partition, int64_t offset);

/* "k07"; the key of the input of the counting application. */
ks_slice kill_key_text(char text[RECORD_PLACE_TEXT], int key);
/* The key again; -1 for another text. */
int kill_key_of(ks_slice text);

/* The topology; `repartitions` is borrowed for as long as it is used. */
void kill_topology(ks_builder *builder, const bool *repartitions);

#endif
