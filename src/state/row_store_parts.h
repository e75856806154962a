/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_store_parts.h - what a row store is made of, for its two files: row_store.c and
 * row_iterator.c.
 *
 * Thread rule: that of the store.
 */
#ifndef KSI_STATE_ROW_STORE_PARTS_H
#define KSI_STATE_ROW_STORE_PARTS_H

#include "state/row_loader.h"
#include "state/row_store.h"
#include "state/use_order.h"

enum { KSI_PARTITION_BYTES = 4, KSI_TIMESTAMP_BYTES = 8 };

struct ksi_row_store {
    ksi_row_store_options options;
    ksi_row_buffer *buffer;
    ksi_use_order *uses;           /* NULL: there is no bound */
    ksi_row_loader *loader;        /* what a restore gathers; NULL until there was one */
    ksi_row_iterator *spare;       /* closed, for the next to be opened; NULL: none */
    ksi_buffer key;                /* scratch: a physical key */
    ksi_buffer value;              /* scratch: what RocksDB answered, or a physical value */
    ksi_store_position *positions; /* by partition of the topic; one, if it is kept from one */
    size_t position_count;
    ksi_store_note note; /* the newest */
    ksi_store_note committed_note;
    bool note_changed;     /* the committed one, since it was written */
    bool position_changed; /* since they were written */
    bool is_dirty;         /* the mark is there */
    bool was_of_another_kind;
    bool was_cut_off;     /* the mark was there when the store was opened */
    bool has_uncommitted; /* RocksDB holds rows that were written through and not committed */
};

/* "partition | key" into `to`. */
void ksi_physical_key(ksi_buffer *to, int32_t partition, ks_slice key);

/* Whether all live rows at or above a key (null: all there are) are in the buffer. */
bool ksi_row_store_knows_from(ksi_row_store *store, ks_slice low);
/* Of one that is closed; accepts NULL. */
void ksi_row_iterator_free(ksi_row_iterator *iterator);

/* Splits what RocksDB has into value and timestamp. KS_E_CORRUPT when it is too short. */
ks_status ksi_physical_value_read(const ksi_row_store *store, ks_slice stored, ksi_row *row,
                                  ks_error *error);

#endif
