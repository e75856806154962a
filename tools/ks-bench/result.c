/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.c - reads an output topic: its last values, how many there are, and their digest.
 *
 * All of this happens when the measuring is over. Values are kept and hashed once at the end: to
 * hash every update would take longer than the run that made them.
 *
 * Thread rule: the main thread.
 */
#include "result.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

typedef struct last_value {
    bool deleted;
    size_t size;
    size_t capacity;
    char bytes[];
} last_value;

static uint64_t fnv1a(uint64_t hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static uint64_t hash_of(ks_slice key, const last_value *value)
{
    static const char between = 0;
    uint64_t hash = fnv1a(UINT64_C(14695981039346656037), key.data, key.size);

    return fnv1a(fnv1a(hash, &between, 1), value->bytes, value->size);
}

/* False: out of memory. */
static bool keep_last(ksi_map *values, const ks_log_record *record)
{
    last_value *last = ksi_map_get(values, record->key);

    if (last == NULL || last->capacity < record->value.size) {
        last_value *larger = realloc(last, sizeof *last + record->value.size);
        if (larger == NULL) {
            return false;
        }
        last = larger;
        last->capacity = record->value.size;
        (void)ksi_map_put(values, record->key, last);
    }
    last->deleted = record->value.data == NULL;
    last->size = record->value.size;
    if (record->value.data != NULL && last->size > 0) {
        memcpy(last->bytes, record->value.data, last->size);
    }
    return true;
}

static void sum_up(const ksi_map *values, bench_result *result)
{
    ks_slice key;
    void *value;

    for (size_t i = 0; ksi_map_at(values, &i, &key, &value); i++) {
        const last_value *last = value;
        if (!last->deleted) {
            result->results++;
            result->digest += hash_of(key, last);
        }
    }
}

ks_status bench_result_read(ks_log *log, const char *topic, bench_result *result, ks_error *error)
{
    ks_log_record record;
    ks_status status = KS_OK;

    *result = (bench_result){0};
    ks_log_reader *reader = ks_log_reader_open(log, topic, error);
    if (reader == NULL) {
        return error->code;
    }
    ksi_map *values = ksi_map_new();
    while (status == KS_OK && ks_log_reader_next_to_end(reader, &record)) {
        result->outputs++;
        result->bytes += record.key.size + record.value.size;
        if (record.key.data != NULL && !keep_last(values, &record)) {
            *error = (ks_error){.code = KS_E_LIMIT,
                                .message = "out of memory while reading the output topic back"};
            status = error->code;
        }
    }
    if (status == KS_OK) {
        status = ks_log_reader_status(reader, error);
    }
    sum_up(values, result);
    ksi_map_free(values, free);
    ks_log_reader_free(reader);
    return status;
}

ks_status bench_count_records(ks_log *log, const char *topic, uint64_t *count, ks_error *error)
{
    ks_log_record record;

    *count = 0;
    ks_log_reader *reader = ks_log_reader_open(log, topic, error);
    if (reader == NULL) {
        return error->code;
    }
    while (ks_log_reader_next_to_end(reader, &record)) {
        ++*count;
    }
    ks_status status = ks_log_reader_status(reader, error);
    ks_log_reader_free(reader);
    return status;
}
