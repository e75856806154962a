/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_read.c - facts are read from the log and from the stores of a running application; see
 * kill_facts.h.
 *
 * Thread rule: one thread.
 */
#include "base/endian.h"
#include "kill_facts.h"
#include "runtime/app_query.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- topics ---------------------------------------------------------------------------------- */

static bool complain(char complaint[KILL_COMPLAINT], const char *what, const ks_error *error)
{
    char words[300];
    (void)snprintf(complaint, KILL_COMPLAINT, "%s: %s", what,
                   ks_error_text(error, words, sizeof words));
    return false;
}

typedef bool take_fn(kill_facts *facts, const ks_log_record *record, char *complaint);

/* The input is a witness only if it has what was fed to it. */
static bool take_input(kill_facts *facts, const ks_log_record *record, char *complaint)
{
    char text[RECORD_PLACE_TEXT];
    int64_t expected = facts->ends[record->partition]++;
    if (record->offset != expected || expected >= KILL_MOST_OFFSETS ||
        !ks_slice_equal(record->value, record_place_text(text, record->partition, expected))) {
        (void)snprintf(complaint, KILL_COMPLAINT,
                       "input partition %" PRId32 ": at offset %" PRId64 " is offset %" PRId64
                       " with the value %.*s",
                       record->partition, expected, record->offset, (int)record->value.size,
                       (const char *)record->value.data);
        return false;
    }
    return true;
}

static bool take_update(kill_facts *facts, const ks_log_record *record, char *complaint)
{
    int key = kill_key_of(record->key);
    if (key < 0 || record->value.size != sizeof(int64_t)) {
        (void)snprintf(complaint, KILL_COMPLAINT,
                       "output partition %" PRId32 ": a record at offset %" PRId64
                       " is no count of a key",
                       record->partition, record->offset);
        return false;
    }
    kill_facts_add_update(facts, key, (int64_t)ksi_get_be64(record->value.data));
    return true;
}

static bool read_topic(kill_facts *facts, ks_log *log, const char *topic, take_fn *take,
                       char *complaint)
{
    ks_error error = {0};
    ks_log_record record;
    ks_log_reader *reader = ks_log_reader_open(log, topic, &error);
    if (reader == NULL) {
        return complain(complaint, "reading the log", &error);
    }
    bool is_fine = true;
    while (is_fine && ks_log_reader_next(reader, &record)) {
        is_fine = take(facts, &record, complaint);
    }
    if (is_fine && ks_log_reader_status(reader, &error) != KS_OK) {
        is_fine = complain(complaint, "reading the log", &error);
    }
    ks_log_reader_free(reader);
    return is_fine;
}

bool kill_facts_read_log(kill_facts *facts, ks_log *log, char complaint[KILL_COMPLAINT])
{
    return read_topic(facts, log, KILL_INPUT, take_input, complaint) &&
           read_topic(facts, log, KILL_OUTPUT, take_update, complaint);
}

/* ---- stores ---------------------------------------------------------------------------------- */

typedef bool take_row_fn(kill_facts *facts, const ksi_row *row);

static bool take_number(int64_t numbers[KILL_KEYS], const ksi_row *row)
{
    int key = kill_key_of(row->key);
    if (key < 0 || row->value.size != sizeof(int64_t) || numbers[key] != 0) {
        return false;
    }
    numbers[key] = (int64_t)ksi_get_be64(row->value.data);
    return true;
}

static bool take_count(kill_facts *facts, const ksi_row *row)
{
    return take_number(facts->counts, row);
}

static bool take_latest(kill_facts *facts, const ksi_row *row)
{
    return take_number(facts->latest, row);
}

static bool take_sum(kill_facts *facts, const ksi_row *row)
{
    return take_number(facts->sums, row);
}

static bool take_numbers(kill_facts *facts, const ksi_row *row)
{
    int key = kill_key_of(row->key);
    if (key < 0 || row->value.size != KILL_NUMBER_BYTES) {
        return false;
    }
    memcpy(facts->numbers[key], row->value.data, KILL_NUMBER_BYTES);
    return true;
}

static bool take_long_row(kill_facts *facts, const ksi_row *row)
{
    int32_t partition = 0;
    int64_t offset = 0;
    if (!record_place_read(row->key, &partition, &offset) || partition >= KILL_PARTITIONS ||
        offset >= KILL_MOST_OFFSETS || row->value.size != KILL_ROW_BYTES) {
        return false;
    }
    for (size_t i = 0; i < KILL_ROW_BYTES; i++) {
        if (row->value.data[i] != row->key.data[i % row->key.size]) {
            return false;
        }
    }
    facts->rows[partition][offset]++;
    return true;
}

static bool read_store(kill_facts *facts, ks_app *app, const char *store, take_row_fn *take,
                       char *complaint)
{
    ks_error error = {0};
    bool is_fine = true;
    for (int32_t p = 0; p < KILL_PARTITIONS && is_fine; p++) {
        ksi_store_query *query = ksi_app_store_query(app, store, p, &error);
        if (query == NULL) {
            return complain(complaint, store, &error);
        }
        const ksi_row_range all = {0};
        ksi_query_iterator *rows = ksi_query_iterator_open(query, &all);
        bool found = true;
        while (is_fine && found) {
            ksi_row row;
            ks_status status = ksi_query_iterator_next(rows, &row, &found, &error);
            if (status != KS_OK) {
                is_fine = complain(complaint, store, &error);
            } else if (found && !take(facts, &row)) {
                (void)snprintf(complaint, KILL_COMPLAINT,
                               "store %s, partition %" PRId32 ": a row that nobody wrote, or a "
                               "second one of its key: %.*s",
                               store, p, (int)row.key.size, (const char *)row.key.data);
                is_fine = false;
            }
        }
        ksi_query_iterator_close(rows);
        ksi_store_query_release(query);
    }
    return is_fine;
}

bool kill_facts_read_stores(kill_facts *facts, ks_app *app, char complaint[KILL_COMPLAINT])
{
    return read_store(facts, app, "counts", take_count, complaint) &&
           read_store(facts, app, "numbers", take_numbers, complaint) &&
           read_store(facts, app, "latest", take_latest, complaint) &&
           read_store(facts, app, "sums", take_sum, complaint) &&
           (!facts->repartitions || read_store(facts, app, "rows", take_long_row, complaint));
}
