/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_spec.h - what a topology says about a store before any task has one. @java StoreFactory
 *
 * A spec made by an operation of the DSL has no origin and is a store of its own; one that a
 * program described may be added by several processors, and is one store as long as it is the same
 * description each time. So two stores never become one because they happen to be alike.
 *
 * Thread rule: the builder's thread until the topology is frozen, any thread afterwards.
 */
#ifndef KSI_STATE_STORE_SPEC_H
#define KSI_STATE_STORE_SPEC_H

#include "base/arena.h"
#include <kstreams/options.h>

/* How rows are laid out and asked for; each kind has its own handle and its own file. */
typedef enum ksi_store_kind {
    KSI_STORE_KEY_VALUE,
    KSI_STORE_VERSIONED,
    KSI_STORE_CUSTOM,
    KSI_STORE_WINDOW,
    KSI_STORE_SESSION,
    KSI_STORE_SUPPRESS /* updates that a table holds back */
} ksi_store_kind;

typedef struct ksi_store_spec {
    const char *name;
    ksi_store_kind kind;
    ks_store_type type;
    size_t max_rows; /* of KS_STORE_LRU; 0 in others: no bound */
    /*
     * Of KSI_STORE_VERSIONED: how long old versions are kept; of windows and sessions: how long
     * rows are, from their start or end
     */
    int64_t retention_ms;
    int64_t window_size_ms; /* of KSI_STORE_WINDOW */
    /* of KSI_STORE_WINDOW: rows of one key and start do not replace each other */
    bool retain_duplicates;
    bool by_time; /* of windows and sessions: rows of all keys can be asked for in order of time */
    bool timestamped;
    bool caching;
    bool logging;
    bool logs_headers; /* a row is logged with the headers of the record that wrote it */
    const ks_topic_config *changelog_config; /* up to one without a name; NULL: none */
    const ks_serde *key; /* NULL: the default of the properties, looked up when a task starts */
    const ks_serde *value;
    const ks_custom_store_class *custom; /* of KSI_STORE_CUSTOM; NULL in others */
    void *custom_user;
    const void *origin; /* the program's description; NULL: a store of one operation */
} ksi_store_spec;

/* In `arena`; NULL when there are none. */
const ks_topic_config *ksi_topic_configs_copy(ks_arena *arena, const ks_topic_config *configs);

/* Whether two specs describe one store. */
bool ksi_store_spec_is_same(const ksi_store_spec *a, const ksi_store_spec *b);

/* A number for how the rows of a store read: equal numbers, equal meaning. It is kept on disk. */
uint8_t ksi_store_layout(const ksi_store_spec *spec);

/* The least that the key of a row has. */
size_t ksi_store_least_key(const ksi_store_spec *spec);

/* A name for a kind, such as "key-value". */
const char *ksi_store_kind_name(ksi_store_kind kind);

#endif
