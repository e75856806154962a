/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_facts.c - facts are made and judged; see kill_facts.h. Reading them is in kill_read.c.
 *
 * Thread rule: one thread.
 */
#include "kill_facts.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

kill_facts *kill_facts_new(bool repartitions, bool exactly_once)
{
    kill_facts *facts = ksi_calloc(1, sizeof *facts);
    facts->repartitions = repartitions;
    facts->exactly_once = exactly_once;
    return facts;
}

void kill_facts_free(kill_facts *facts)
{
    if (facts != NULL) {
        ksi_free(facts->updates);
        ksi_free(facts);
    }
}

void kill_facts_add_update(kill_facts *facts, int key, int64_t count)
{
    facts->updates = ksi_grow(facts->updates, &facts->update_capacity, facts->update_count + 1,
                              sizeof *facts->updates);
    facts->updates[facts->update_count++] = (kill_update){.key = key, .count = count};
}

static void set_bit(unsigned char *bits, size_t number)
{
    bits[number / 8] = (unsigned char)(bits[number / 8] | 1u << number % 8);
}

static bool has_bit(const unsigned char *bits, size_t number)
{
    return (bits[number / 8] >> number % 8 & 1) != 0;
}

void kill_facts_fill(kill_facts *facts)
{
    for (int32_t p = 0; p < KILL_PARTITIONS; p++) {
        for (int64_t offset = 0; offset < facts->ends[p]; offset++) {
            kill_place place = kill_place_of(facts->repartitions, p, offset);
            kill_facts_add_update(facts, place.key, ++facts->counts[place.key]);
            set_bit(facts->numbers[place.key], place.number);
            facts->rows[p][offset] = facts->repartitions ? 1 : 0;
        }
    }
    memcpy(facts->latest, facts->counts, sizeof facts->latest);
    memcpy(facts->sums, facts->counts, sizeof facts->sums);
}

/* ---- judging --------------------------------------------------------------------------------- */

/* What should be, beside what is. */
typedef struct judging {
    const kill_facts *is;
    kill_facts *should_be; /* without updates */
    char *complaint;
} judging;

static bool updates_are_right(const judging *both, int64_t last[KILL_KEYS])
{
    const kill_facts *is = both->is;
    for (size_t i = 0; i < is->update_count; i++) {
        const kill_update *update = &is->updates[i];
        if (is->exactly_once && update->count != last[update->key] + 1) {
            (void)snprintf(both->complaint, KILL_COMPLAINT,
                           "updates of key %d: %" PRId64 " comes after %" PRId64, update->key,
                           update->count, last[update->key]);
            return false;
        }
        last[update->key] = update->count;
    }
    return true;
}

static bool counts_are_right(const judging *both, const int64_t last[KILL_KEYS])
{
    const kill_facts *is = both->is;
    for (int key = 0; key < KILL_KEYS; key++) {
        int64_t records = both->should_be->counts[key];
        int64_t stored = is->counts[key];
        bool is_right = is->exactly_once ? last[key] == records && stored == records
                                         : last[key] >= records && stored >= records;
        if (!is_right) {
            (void)snprintf(both->complaint, KILL_COMPLAINT,
                           "key %d has %" PRId64 " records; its last update is %" PRId64
                           ", and its count in the store %" PRId64,
                           key, records, last[key], stored);
            return false;
        }
    }
    return true;
}

static bool tables_are_right(const judging *both, const int64_t last[KILL_KEYS])
{
    const kill_facts *is = both->is;
    for (int key = 0; key < KILL_KEYS; key++) {
        if (is->latest[key] != last[key] || (is->exactly_once && is->sums[key] != last[key])) {
            (void)snprintf(both->complaint, KILL_COMPLAINT,
                           "the last update of key %d is %" PRId64 "; the store latest has %" PRId64
                           ", and sums %" PRId64,
                           key, last[key], is->latest[key], is->sums[key]);
            return false;
        }
    }
    return true;
}

static bool numbers_are_right(const judging *both)
{
    for (int key = 0; key < KILL_KEYS; key++) {
        for (size_t n = 0; n < KILL_MOST_NUMBERS; n++) {
            bool is_there = has_bit(both->is->numbers[key], n);
            if (is_there != has_bit(both->should_be->numbers[key], n)) {
                (void)snprintf(both->complaint, KILL_COMPLAINT,
                               "store numbers: record %zu of key %d %s", n, key,
                               is_there ? "never was" : "is missing");
                return false;
            }
        }
    }
    return true;
}

static bool rows_are_right(const judging *both)
{
    for (int p = 0; p < KILL_PARTITIONS; p++) {
        for (int offset = 0; offset < KILL_MOST_OFFSETS; offset++) {
            unsigned char times = both->is->rows[p][offset];
            if (times != both->should_be->rows[p][offset]) {
                (void)snprintf(both->complaint, KILL_COMPLAINT,
                               "store rows: the record %d:%d is there %d times; it should be %d", p,
                               offset, times, both->should_be->rows[p][offset]);
                return false;
            }
        }
    }
    return true;
}

bool kill_facts_judge(const kill_facts *facts, char complaint[KILL_COMPLAINT])
{
    judging both = {.is = facts, .complaint = complaint};
    both.should_be = kill_facts_new(facts->repartitions, facts->exactly_once);
    memcpy(both.should_be->ends, facts->ends, sizeof facts->ends);
    kill_facts_fill(both.should_be);
    int64_t last[KILL_KEYS] = {0};
    bool is_right = updates_are_right(&both, last) && counts_are_right(&both, last) &&
                    tables_are_right(&both, last) && numbers_are_right(&both) &&
                    rows_are_right(&both);
    kill_facts_free(both.should_be);
    return is_right;
}
