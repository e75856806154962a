/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_check.c - opens what a life before left, and compares it with what really happened.
 *
 * The check looks at RocksDB before anything is replayed. Comparing only afterwards would let a
 * position pass that is ahead of its rows, as long as a later record writes the same keys again.
 */
#include "base/endian.h"
#include "crash_life_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const crash_store_kind crash_store_kinds[CRASH_STORES] = {
    {.name = "plain", .logged = true},
    {.name = "stamped", .timestamped = true, .logged = true},
    {.name = "local", .logged = false},
    {.name = "local-stamped", .timestamped = true, .logged = false},
};

/* ---- complaining ----------------------------------------------------------------------------- */

_Noreturn void crash_complain(crash_life *life, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(life->report->complaint, sizeof life->report->complaint, format, arguments);
    va_end(arguments);
    _exit(CRASH_EXIT_COMPLAINT);
}

void crash_must(crash_life *life, ks_status status, const ks_error *error, const char *doing)
{
    if (status != KS_OK) {
        crash_complain(life, "%s: %s: %s", doing, error->where, error->message);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

ks_slice crash_meta_key(char to[CRASH_META_BYTES], int partition, const char *what)
{
    size_t size = strlen(what);
    ksi_put_be32(to, UINT32_MAX);
    ksi_put_be32(to + 4, (uint32_t)partition);
    memcpy(to + 8, what, size);
    return ks_slice_of(to, 8 + size);
}

static char *value_scratch(void)
{
    static char bytes[CRASH_LARGEST_VALUE];
    return bytes;
}

static bool is_equal(int s, const crash_row *expected, bool found, const ksi_row *row)
{
    if (found != expected->is_present) {
        return false;
    }
    if (!found) {
        return true;
    }
    int64_t timestamp = crash_store_kinds[s].timestamped ? expected->timestamp : -1;
    if (row->value.size != expected->size || row->timestamp != timestamp) {
        return false;
    }
    char *bytes = value_scratch();
    crash_value_fill(bytes, expected->size, expected->number);
    return memcmp(bytes, row->value.data, expected->size) == 0;
}

static bool get(crash_life *life, int s, int p, int key, ksi_row *row)
{
    char bytes[CRASH_KEY_BYTES];
    size_t size = crash_key_fill(bytes, key);
    bool found = false;
    ks_error error = {0};
    ks_status status =
        ksi_row_store_get(life->stores[s][p], ks_slice_of(bytes, size), true, row, &found, &error);
    crash_must(life, status, &error, "reading a row");
    return found;
}

/* Whether a record behind the offset made this row. */
static bool came_later(const crash_life *life, const crash_record *place, size_t from, bool found,
                       const ksi_row *row)
{
    for (size_t i = from; i < life->log.count; i++) {
        const crash_record *record = &life->log.records[i];
        if (!life->log.counts[i] || record->store != place->store ||
            record->partition != place->partition || record->key != place->key) {
            continue;
        }
        crash_row made = {.is_present = record->is_present != 0,
                          .size = record->size,
                          .number = record->number,
                          .timestamp = record->timestamp};
        if (is_equal(place->store, &made, found, row)) {
            return true;
        }
    }
    return false;
}

/* Keys for bulk are written by few plans, and asking for all of them takes most of a life. */
static int key_count(const crash_life *life)
{
    bool has_bulk = strcmp(life->plan->point, "restore.between-files") == 0;
    return has_bulk ? CRASH_KEYS : CRASH_KEYS - CRASH_BULK_KEYS;
}

/* The first key whose row is not what the records before `end` say; -1: all are. */
static int first_difference(crash_life *life, int s, int p, size_t end)
{
    crash_row rows[CRASH_KEYS];
    crash_log_state(&life->log, s, p, end, rows);
    for (int key = 0; key < key_count(life); key++) {
        ksi_row row;
        bool found = get(life, s, p, key, &row);
        if (!is_equal(s, &rows[key], found, &row)) {
            return key;
        }
    }
    return -1;
}

/* Rows of an iterator: exactly those that the changelog has, in order. */
static void check_walk(crash_life *life, int s, int p)
{
    crash_row rows[CRASH_KEYS];
    crash_log_state(&life->log, s, p, life->log.count, rows);
    int expected = 0;
    for (int key = 0; key < CRASH_KEYS; key++) {
        expected += rows[key].is_present;
    }
    ksi_row_range all = {.committed = true};
    ksi_row_iterator *iterator = ksi_row_iterator_open(life->stores[s][p], &all);
    int seen = 0;
    bool found = true;
    while (found) {
        ksi_row row;
        ks_error error = {0};
        crash_must(life, ksi_row_iterator_next(iterator, &row, &found, &error), &error,
                   "iterating");
        seen += found;
    }
    ksi_row_iterator_close(iterator);
    if (seen != expected) {
        crash_complain(life, "%s, partition %d: %d rows, and %d in the changelog",
                       crash_store_kinds[s].name, p, seen, expected);
    }
}

/* ---- replaying ------------------------------------------------------------------------------- */

static void replay(crash_life *life, int s, int p, size_t from)
{
    ksi_row_store *store = life->stores[s][p];
    ks_error error = {0};
    for (size_t i = from; i < life->log.count; i++) {
        const crash_record *record = &life->log.records[i];
        if (!life->log.counts[i] || record->store != s || record->partition != p) {
            continue;
        }
        char key[CRASH_KEY_BYTES];
        size_t key_size = crash_key_fill(key, record->key);
        char *bytes = value_scratch();
        crash_value_fill(bytes, record->size, record->number);
        ks_slice value = record->is_present ? ks_slice_of(bytes, record->size) : ks_slice_null();
        ks_status status = ksi_row_store_restore(store, ks_slice_of(key, key_size), value,
                                                 record->timestamp, &error);
        crash_must(life, status, &error, "restoring a row");
    }
    ksi_store_position end = {
        .offset = (int64_t)life->log.count, .current_ms = 1, .hash = life->log.count};
    crash_must(life, ksi_row_store_restored(store, &end, &error), &error, "restoring");
}

void crash_life_rebuild(crash_life *life, int s, int p)
{
    ks_error error = {0};
    crash_must(life, ksi_row_store_wipe(life->stores[s][p], &error), &error, "wiping");
    if (crash_store_kinds[s].logged) {
        replay(life, s, p, 0);
    }
}

/* ---- what a store must be, before and after replaying ---------------------------------------- */

static void check_unreplayed(crash_life *life, int s, int p, size_t from)
{
    crash_row rows[CRASH_KEYS];
    crash_log_state(&life->log, s, p, from, rows);
    for (int key = 0; key < key_count(life); key++) {
        ksi_row row;
        bool found = get(life, s, p, key, &row);
        crash_record place = {.store = (uint8_t)s, .partition = (uint8_t)p, .key = (uint16_t)key};
        if (!is_equal(s, &rows[key], found, &row) && !came_later(life, &place, from, found, &row)) {
            crash_complain(life,
                           "%s, partition %d, key %d: RocksDB has a row (%s, %zu bytes, time %lld) "
                           "that belongs neither to the position %zu nor to a commit behind it "
                           "(%s, %zu bytes, time %lld)",
                           crash_store_kinds[s].name, p, key, found ? "present" : "absent",
                           found ? row.value.size : 0, found ? (long long)row.timestamp : 0, from,
                           rows[key].is_present ? "present" : "absent", (size_t)rows[key].size,
                           (long long)rows[key].timestamp);
        }
    }
}

static void check_logged(crash_life *life, int s, int p, bool was_marked)
{
    int64_t offset = ksi_row_store_position(life->stores[s][p]).offset;
    size_t from = offset < 0 ? 0 : (size_t)offset;
    if (from > life->log.count) {
        crash_complain(life, "%s, partition %d: position %zu, and the changelog ends at %zu",
                       crash_store_kinds[s].name, p, from, life->log.count);
    }
    if (was_marked && (offset >= 0 || first_difference(life, s, p, 0) >= 0)) {
        crash_complain(life, "%s, partition %d: was marked dirty and not emptied",
                       crash_store_kinds[s].name, p);
    }
    check_unreplayed(life, s, p, from);
    if (life->ending != CRASH_LOOKED) {
        replay(life, s, p, from);
    }
}

/* A store without changelog has its last commit; one that was under way may be missing, whole. */
static void check_durable(crash_life *life, int s, int p)
{
    size_t before = 0;
    if (crash_log_is_undone(&life->log, p, &before) &&
        first_difference(life, s, p, life->log.count) >= 0 &&
        first_difference(life, s, p, before) < 0) {
        crash_log_mark(&life->log, CRASH_LOST, s, p);
        crash_log_settle(&life->log);
    }
}

void crash_life_open_store(crash_life *life, int s, int p)
{
    const crash_store_kind *kind = &crash_store_kinds[s];
    bool was_marked = false;
    char key[CRASH_META_BYTES];
    ks_error error = {0};
    ksi_buffer value = {0};
    ks_status status = ksi_family_get(life->families[s], crash_meta_key(key, p, "dirty"), &value,
                                      &was_marked, &error);
    ksi_buffer_destroy(&value);
    crash_must(life, status, &error, "looking for a mark");
    ksi_row_store_options options = {.name = kind->name,
                                     .family = life->families[s],
                                     .partition = p,
                                     .timestamped = kind->timestamped,
                                     .logged = kind->logged ||
                                               life->plan->fault == CRASH_COMMIT_NOT_ON_DISK,
                                     .clean_bytes = life->clean_bytes};
    life->stores[s][p] = ksi_row_store_open(&options, &error);
    crash_must(life, life->stores[s][p] != NULL ? KS_OK : error.code, &error, "opening a store");
    crash_log_settle(&life->log);
    if (kind->logged) {
        check_logged(life, s, p, was_marked);
    } else {
        check_durable(life, s, p);
    }
    int key_id = first_difference(life, s, p, life->log.count);
    if (key_id >= 0) {
        const char *what = !kind->logged                  ? "what was committed last"
                           : life->ending == CRASH_LOOKED ? "complete after a clean close"
                                                          : "what was replayed";
        crash_complain(life, "%s, partition %d, key %d: not %s", kind->name, p, key_id, what);
    }
    check_walk(life, s, p);
}

void crash_life_open(crash_life *life)
{
    ks_error error = {0};
    ksi_rocks_options options = {.path = life->plan->directory,
                                 .block_cache_bytes = 1024 * 1024,
                                 .write_buffer_bytes = life->write_buffer_bytes};
    life->rocks = ksi_rocks_open(&options, &error);
    crash_must(life, life->rocks != NULL ? KS_OK : error.code, &error, "opening the database");
    for (int s = 0; s < CRASH_STORES; s++) {
        life->families[s] = ksi_rocks_family(life->rocks, crash_store_kinds[s].name, &error);
        crash_must(life, life->families[s] != NULL ? KS_OK : error.code, &error,
                   "opening a family");
    }
    for (int p = 0; p < CRASH_PARTITIONS; p++) {
        crash_log_mark(&life->log, CRASH_ABORT, 0, p);
    }
    for (int s = 0; s < CRASH_STORES; s++) {
        for (int p = 0; p < CRASH_PARTITIONS; p++) {
            crash_life_open_store(life, s, p);
        }
    }
    for (int p = 0; p < CRASH_PARTITIONS; p++) {
        crash_log_mark(&life->log, CRASH_DONE, 0, p);
    }
}
