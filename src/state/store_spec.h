/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_spec.h - what a topology says about a store before any task has one. @java StoreFactory
 */
#ifndef KSI_STATE_STORE_SPEC_H
#define KSI_STATE_STORE_SPEC_H

#include <kstreams/options.h>

typedef enum ksi_store_kind { KSI_STORE_KEY_VALUE } ksi_store_kind;

typedef struct ksi_store_spec {
    const char *name;
    ksi_store_kind kind;
    ks_store_type type;
    size_t max_rows; /* of KS_STORE_LRU; 0 in others: no bound */
    bool timestamped;
    bool caching;
    bool logging;
    const ks_serde *key; /* NULL: the default of the properties, looked up when a task starts */
    const ks_serde *value;
} ksi_store_spec;

#endif
