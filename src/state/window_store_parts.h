/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window_store_parts.h - what window_store.c and window_iterator.c share.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_STATE_WINDOW_STORE_PARTS_H
#define KSI_STATE_WINDOW_STORE_PARTS_H

#include "state/logged_rows.h"
#include "state/retention.h"
#include "state/window_keys.h"
#include "state/window_store.h"

struct ksi_window_store {
    ksi_store base; /* first */
    ksi_logged_rows logged;
    ksi_window_layout layout;
    ksi_retention retention;
    int64_t highest; /* start that was put, perhaps only into the cache */
    uint32_t sequence;
    void (*too_late)(void *owner);
    void *owner;
    ksi_window_flush_fn *flush;
    void *flush_owner;
    ksi_buffer key;             /* scratch: of a row */
    ksi_window_iterator *spare; /* closed, for the next to be opened; NULL: none */
};

/* Of one that is closed; accepts NULL. */
void ksi_window_iterator_free(ksi_window_iterator *iterator);

#endif
