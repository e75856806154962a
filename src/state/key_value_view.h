/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_value_view.h - a key-value store as a user reads it: the rows below the record cache, through
 * the store's serdes.
 *
 * Thread rule: that of the store.
 */
#ifndef KSI_STATE_KEY_VALUE_VIEW_H
#define KSI_STATE_KEY_VALUE_VIEW_H

#include "state/key_value_store.h"
#include <kstreams/store.h>

struct ks_key_value_store {
    ksi_key_value_store *store;
    const ks_serde *key;
    const ks_serde *value;
    const char *topic; /* of its changelog, which serdes are told */
};

#endif
