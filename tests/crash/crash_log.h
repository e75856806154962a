/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_log.h - what really happened: the changelogs of all stores of a crash test, in one file.
 *
 * The file plays the broker. A child appends to it before it counts something as logged, with one
 * write(2) on a descriptor opened with O_APPEND, so what it holds survives the child. A record has
 * a fixed size: a tail that a kill tore is cut off when the file is opened again. A row's value is
 * not written out: it is its number, repeated over its size (crash_value_fill()).
 *
 * A partition is a task: its transaction spans its rows of all stores. An offset is the index of a
 * record in this file.
 *
 *     ROW     of a store and partition; counts if a COMMIT of its partition follows before an ABORT
 *     COMMIT  of a partition: the transaction is durable in the changelog
 *     DONE    of a partition: its stores were told of the last COMMIT, and those without changelog
 *             have it on disk
 *     ABORT   of a partition
 *     LOST    of a store and partition: its last COMMIT was never DONE, and did not reach the store
 *
 * Thread rule: one process at a time.
 */
#ifndef TESTS_CRASH_CRASH_LOG_H
#define TESTS_CRASH_CRASH_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CRASH_STORES = 4,
    CRASH_PARTITIONS = 3,
    CRASH_SMALL_KEYS = 48, /* values of up to 300 bytes */
    CRASH_LARGE_KEYS = 8,  /* values that fill a batch of 1 MB */
    CRASH_BULK_KEYS = 140, /* values that fill a sorted file of 32 MB */
    CRASH_KEYS = CRASH_SMALL_KEYS + CRASH_LARGE_KEYS + CRASH_BULK_KEYS,
    CRASH_LARGEST_VALUE = 400 * 1024
};

typedef enum crash_kind {
    CRASH_ROW = 1,
    CRASH_COMMIT,
    CRASH_DONE,
    CRASH_ABORT,
    CRASH_LOST
} crash_kind;

typedef struct crash_record {
    uint8_t kind;
    uint8_t store;
    uint8_t partition;
    uint8_t is_present; /* of a row; 0: deleted */
    uint16_t key;
    uint16_t unused;
    uint32_t size;
    uint32_t unused_too;
    uint64_t number;
    int64_t timestamp;
} crash_record;

/* What a store should hold under a key. */
typedef struct crash_row {
    bool is_present;
    uint32_t size;
    uint64_t number;
    int64_t timestamp;
} crash_row;

typedef struct crash_log {
    int file;
    crash_record *records;
    size_t count;
    size_t capacity;
    bool *counts; /* by record: a row that was committed; see crash_log_settle() */
} crash_log;

/* Reads what is there; cuts off a torn tail. Stops the process when the file cannot be used. */
void crash_log_open(crash_log *log, const char *path);
void crash_log_close(crash_log *log);
void crash_log_append(crash_log *log, const crash_record *record);
void crash_log_mark(crash_log *log, crash_kind kind, int store, int partition);

/* Finds out which rows count. Needed before the functions below, after appending. */
void crash_log_settle(crash_log *log);
/* Fills `rows` (by key) with what the records before `end` make of a store. */
void crash_log_state(const crash_log *log, int store, int partition, size_t end,
                     crash_row rows[CRASH_KEYS]);
/* Whether the last COMMIT of a partition was not DONE; `*before`: where its transaction began. */
bool crash_log_is_undone(const crash_log *log, int partition, size_t *before);

/* ---- deterministic data ---------------------------------------------------------------------- */

uint64_t crash_random(uint64_t *state);
/* From 0 to below `bound`. */
uint64_t crash_random_below(uint64_t *state, uint64_t bound);
void crash_value_fill(char *to, uint32_t size, uint64_t number);
/* The bytes of a key, written to `to`; returns their count. Among them an empty one. */
enum { CRASH_KEY_BYTES = 8 };
size_t crash_key_fill(char to[CRASH_KEY_BYTES], int key);

#endif
