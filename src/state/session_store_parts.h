/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_store_parts.h - what session_store.c and session_iterator.c share.
 *
 * Thread rule: that of the store.
 */
#ifndef KSI_STATE_SESSION_STORE_PARTS_H
#define KSI_STATE_SESSION_STORE_PARTS_H

#include "state/logged_rows.h"
#include "state/retention.h"
#include "state/session_key.h"
#include "state/session_store.h"

struct ksi_session_store {
    ksi_store base; /* first */
    ksi_logged_rows logged;
    ksi_session_keys keys;
    ksi_retention retention; /* its times are ends */
    int64_t newest_end;      /* highest that was put, perhaps only into the cache; -1: none was */
    bool is_removing;
    bool was_admitted; /* the row that got below the cache last */
    ksi_buffer row_key;
    ksi_buffer scratch;
    ksi_session_iterator *spare; /* the one closed last, for the next that is opened */
    ksi_session_flush_fn *flush;
    void *flush_owner;
    void (*too_late)(void *owner);
    void *owner;
};

/* Of a session store: whether a stored row has expired for its readers. */
bool ksi_session_store_hides(const void *owner, ks_slice key);
void ksi_session_iterator_free(ksi_session_iterator *iterator); /* accepts NULL */

#endif
