/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_table.h - a topic of updates as the table it describes: the last value of each key.
 */
#ifndef APPS_COMMON_TOPIC_TABLE_H
#define APPS_COMMON_TOPIC_TABLE_H

#include <kstreams/log.h>
#include <kstreams/serde.h>

typedef struct topic_row {
    ks_value key;
    ks_value value;
} topic_row;

typedef struct topic_table {
    ks_arena *arena; /* holds what the rows point to */
    topic_row *rows; /* in the order of their serialized keys */
    size_t count;
    uint64_t updates; /* records in the topic */
} topic_table;

/*
 * Reads all of `topic`. A null value deletes its key; records without key belong to no row. Owned:
 * free with topic_table_free(), also after an error.
 */
KS_NODISCARD ks_status topic_table_read(ks_log *log, const char *topic, const ks_serde *key,
                                        const ks_serde *value, topic_table *table, ks_error *error);
void topic_table_free(topic_table *table);

#endif
