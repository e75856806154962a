/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_table.c - a topic of updates as the table it describes: the last value of each key.
 *
 * All updates are kept with their number, sorted by key and number, and only the last of each key
 * is made into a row. Equal keys are in one partition, and a partition is read in its order, so the
 * highest number is the newest update. Memory is that of the whole topic, which suits programs that
 * print their result; a service asks a store instead.
 *
 * Thread rule: one thread a table.
 */
#include "common/topic_table.h"

#include <stdlib.h>
#include <string.h>

typedef struct update {
    ks_slice key;
    ks_slice value;
    uint64_t number;
} update;

typedef struct update_list {
    update *items;
    size_t count;
    size_t capacity;
} update_list;

static int compare_keys(const update *a, const update *b)
{
    size_t shorter = a->key.size < b->key.size ? a->key.size : b->key.size;
    int order = shorter > 0 ? memcmp(a->key.data, b->key.data, shorter) : 0;

    return order != 0 ? order : (a->key.size > b->key.size) - (a->key.size < b->key.size);
}

static int compare_updates(const void *left, const void *right)
{
    const update *a = left;
    const update *b = right;
    int order = compare_keys(a, b);

    return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

static ks_status out_of_memory(ks_error *error)
{
    *error = (ks_error){.code = KS_E_LIMIT, .message = "out of memory while reading a topic back"};
    return error->code;
}

static ks_status add_update(update_list *list, ks_arena *arena, const ks_log_record *record,
                            ks_error *error)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : 1024;
        update *items = realloc(list->items, capacity * sizeof *items);
        if (items == NULL) {
            return out_of_memory(error);
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count] = (update){.key = ks_arena_copy(arena, record->key),
                                        .value = ks_arena_copy(arena, record->value),
                                        .number = list->count};
    list->count++;
    return KS_OK;
}

static ks_status read_updates(ks_log *log, const char *topic, topic_table *table, update_list *list,
                              ks_error *error)
{
    ks_log_reader *reader = ks_log_reader_open(log, topic, error);
    ks_log_record record;
    ks_status status = KS_OK;

    if (reader == NULL) {
        return error->code;
    }
    while (status == KS_OK && ks_log_reader_next_to_end(reader, &record)) {
        table->updates++;
        if (record.key.data != NULL) {
            status = add_update(list, table->arena, &record, error);
        }
    }
    if (status == KS_OK) {
        status = ks_log_reader_status(reader, error);
    }
    ks_log_reader_free(reader);
    return status;
}

static ks_status make_row(topic_table *table, const char *topic, const update *last,
                          const ks_serde *key, const ks_serde *value, ks_error *error)
{
    ks_serde_ctx about_key = {.topic = topic, .is_key = true};
    ks_serde_ctx about_value = {.topic = topic};
    topic_row *row = &table->rows[table->count];
    ks_status status = key->deserialize(key, &about_key, last->key, table->arena, &row->key, error);

    if (status == KS_OK) {
        status =
            value->deserialize(value, &about_value, last->value, table->arena, &row->value, error);
    }
    table->count += status == KS_OK;
    return status;
}

ks_status topic_table_read(ks_log *log, const char *topic, const ks_serde *key,
                           const ks_serde *value, topic_table *table, ks_error *error)
{
    update_list list = {0};

    *table = (topic_table){.arena = ks_arena_new()};
    ks_status status = read_updates(log, topic, table, &list, error);
    if (status != KS_OK || list.count == 0) {
        goto out;
    }
    qsort(list.items, list.count, sizeof *list.items, compare_updates);
    table->rows = calloc(list.count, sizeof *table->rows);
    if (table->rows == NULL) {
        status = out_of_memory(error);
        goto out;
    }
    for (size_t i = 0; i < list.count && status == KS_OK; i++) {
        const update *last = &list.items[i];
        bool is_last = i + 1 == list.count || compare_keys(last, last + 1) != 0;
        if (is_last && last->value.data != NULL) {
            status = make_row(table, topic, last, key, value, error);
        }
    }
out:
    free(list.items);
    return status;
}

void topic_table_free(topic_table *table)
{
    free(table->rows);
    ks_arena_free(table->arena);
    *table = (topic_table){0};
}
