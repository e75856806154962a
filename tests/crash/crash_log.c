/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_log.c - see crash_log.h.
 */
#include "crash_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void stop(const char *what)
{
    perror(what);
    _exit(2);
}

/* ---- the file -------------------------------------------------------------------------------- */

static void remember(crash_log *log, const crash_record *record)
{
    if (log->count == log->capacity) {
        log->capacity = log->capacity == 0 ? 1024 : 2 * log->capacity;
        log->records = realloc(log->records, log->capacity * sizeof *log->records);
        if (log->records == NULL) {
            stop("changelog of the test: memory");
        }
    }
    log->records[log->count++] = *record;
}

void crash_log_open(crash_log *log, const char *path)
{
    *log = (crash_log){.file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    struct stat about;
    if (log->file < 0 || fstat(log->file, &about) != 0) {
        stop(path);
    }
    off_t whole = about.st_size - about.st_size % (off_t)sizeof(crash_record);
    if (ftruncate(log->file, whole) != 0) {
        stop(path);
    }
    crash_record record;
    for (off_t at = 0; at < whole; at += (off_t)sizeof record) {
        if (pread(log->file, &record, sizeof record, at) != (ssize_t)sizeof record) {
            stop(path);
        }
        remember(log, &record);
    }
}

void crash_log_close(crash_log *log)
{
    (void)close(log->file);
    free(log->records);
    free(log->counts);
    *log = (crash_log){.file = -1};
}

void crash_log_append(crash_log *log, const crash_record *record)
{
    if (write(log->file, record, sizeof *record) != (ssize_t)sizeof *record) {
        stop("changelog of the test: write");
    }
    remember(log, record);
}

void crash_log_mark(crash_log *log, crash_kind kind, int store, int partition)
{
    crash_record mark = {
        .kind = (uint8_t)kind, .store = (uint8_t)store, .partition = (uint8_t)partition};
    crash_log_append(log, &mark);
}

/* ---- what it says ---------------------------------------------------------------------------- */

void crash_log_settle(crash_log *log)
{
    bool commits[CRASH_STORES][CRASH_PARTITIONS] = {0};
    bool is_lost[CRASH_STORES][CRASH_PARTITIONS] = {0};
    free(log->counts);
    log->counts = calloc(log->count + 1, sizeof *log->counts);
    if (log->counts == NULL) {
        stop("changelog of the test: memory");
    }
    for (size_t i = log->count; i-- > 0;) {
        const crash_record *record = &log->records[i];
        for (int s = 0; s < CRASH_STORES; s++) {
            bool *it_commits = &commits[s][record->partition];
            bool *it_is_lost = &is_lost[s][record->partition];
            if (record->kind == CRASH_COMMIT) {
                *it_commits = !*it_is_lost;
                *it_is_lost = false;
            } else if (record->kind == CRASH_ABORT) {
                *it_commits = false;
            } else if (record->kind == CRASH_LOST && record->store == s) {
                *it_is_lost = true;
            }
        }
        log->counts[i] = record->kind == CRASH_ROW && commits[record->store][record->partition];
    }
}

void crash_log_state(const crash_log *log, int store, int partition, size_t end,
                     crash_row rows[CRASH_KEYS])
{
    memset(rows, 0, CRASH_KEYS * sizeof *rows);
    for (size_t i = 0; i < end && i < log->count; i++) {
        const crash_record *record = &log->records[i];
        if (log->counts[i] && record->store == store && record->partition == partition) {
            rows[record->key] = (crash_row){.is_present = record->is_present != 0,
                                            .size = record->size,
                                            .number = record->number,
                                            .timestamp = record->timestamp};
        }
    }
}

bool crash_log_is_undone(const crash_log *log, int partition, size_t *before)
{
    size_t i = log->count;
    while (i > 0) {
        const crash_record *record = &log->records[--i];
        if (record->partition == partition && record->kind == CRASH_DONE) {
            return false;
        }
        if (record->partition == partition && record->kind == CRASH_COMMIT) {
            break;
        }
        if (i == 0) {
            return false;
        }
    }
    while (i > 0) {
        const crash_record *record = &log->records[i - 1];
        if (record->partition == partition &&
            (record->kind == CRASH_COMMIT || record->kind == CRASH_ABORT)) {
            break;
        }
        i--;
    }
    *before = i;
    return log->count > 0;
}

/* ---- deterministic data ---------------------------------------------------------------------- */

uint64_t crash_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t crash_random_below(uint64_t *state, uint64_t bound)
{
    return crash_random(state) % bound;
}

void crash_value_fill(char *to, uint32_t size, uint64_t number)
{
    char of_number[8];
    for (uint32_t i = 0; i < 8; i++) {
        of_number[i] = (char)(number >> (8 * i));
    }
    uint32_t whole = size - size % 8;
    for (uint32_t at = 0; at < whole; at += 8) {
        for (uint32_t i = 0; i < 8; i++) {
            to[at + i] = (char)(of_number[i] + (char)(at / 8));
        }
    }
    for (uint32_t i = 0; i < size - whole; i++) {
        to[whole + i] = (char)(of_number[i] + (char)(whole / 8));
    }
}

size_t crash_key_fill(char to[CRASH_KEY_BYTES], int key)
{
    if (key == 0) {
        return 0;
    }
    if (key == 1) {
        memset(to, 0xff, CRASH_KEY_BYTES);
        return CRASH_KEY_BYTES;
    }
    return (size_t)snprintf(to, CRASH_KEY_BYTES, "key%03d", key);
}
