/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logged_rows.h - the rows of a store between a record cache and a changelog.
 *
 *     read / write
 *        |
 *     record cache      (when the spec asks for it and the budget is not 0) dirty and clean rows,
 *        |              least recently used first
 *        |  flush: commit, or eviction of a dirty row
 *     changelog + rows  every row that gets here is logged, then stored, and only then told of
 *
 * What differs between key-value, window and session stores is what a key means; all else is the
 * same and is written here once. A kind says in a layout how the key of a row becomes that of its
 * changelog record, and which rows have expired.
 *
 * A row of a timestamped store has a timestamp beside its value; Java keeps it as the first 8 bytes
 * of the value, which matters to nobody but the byte accounting of the cache.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_STATE_LOGGED_ROWS_H
#define KSI_STATE_LOGGED_ROWS_H

#include "base/buffer.h"
#include "state/merged_iterator.h"
#include "state/record_context.h"
#include "state/store.h"

typedef struct ksi_row_layout {
    /* The key in the changelog, perhaps made in `in`, which is cleared; NULL: it is the row's. */
    ks_slice (*changelog_key)(const void *owner, ks_slice key, ksi_buffer *in);
    /* Whether a row that gets below the cache is stored: one that is too old is only logged. */
    bool (*admits)(void *owner, ks_slice key); /* NULL: every row */
    /* Whether a stored row is one that readers do not see any more. */
    ksi_row_hidden_fn *hides; /* NULL: none is */
    /* Whether no row of that key can be stored, which saves looking. */
    ksi_row_hidden_fn *lacks; /* NULL: only looking tells */
    /* A row that was read below the cache is put into it. */
    bool caches_reads;
} ksi_row_layout;

/*
 * Told of each dirty row that the cache gives up: what the row was before (null value: absent; only
 * when `wants_old`), what it is, and the context of its last write. A row that was absent and is
 * deleted again is not told of.
 */
typedef ks_status ksi_flush_fn(void *owner, const ksi_row *new_row, const ksi_row *old_row,
                               const ksi_record_context *context, ks_error *error);

/* Part of a store; the fields are logged_rows.c's own. */
typedef struct ksi_logged_rows {
    const ksi_store_spec *spec;
    const ksi_row_layout *layout;
    void *layout_owner;
    ksi_row_store *rows;
    ksi_changelog *changelog;
    ksi_record_cache *cache;
    ksi_named_cache *cached; /* NULL: not cached */
    int64_t pending_max_bytes;
    ksi_flush_fn *flush;
    void *flush_owner;
    bool wants_old;
    ksi_buffer changelog_key;
    ksi_buffer *old_values; /* one for each level of nested flushes */
    size_t old_value_capacity;
    size_t old_value_count;
    size_t depth;
} ksi_logged_rows;

/* `owner` is what the functions of the layout get. What is given outlives the rows. */
void ksi_logged_rows_open(ksi_logged_rows *logged, const ksi_store_options *options,
                          ksi_row_store *rows, const ksi_row_layout *layout, void *owner);
/* Drops what was not flushed. Of zeros, too. */
void ksi_logged_rows_close(ksi_logged_rows *logged);

/*
 * Asks to be told of flushed rows. False when there is no cache: then the caller forwards by itself
 * at each write.
 */
bool ksi_logged_rows_on_flush(ksi_logged_rows *logged, ksi_flush_fn *flush, void *owner,
                              bool wants_old);
/* A key will be read soon: asks for the memory where it begins to be looked for. */
void ksi_logged_rows_expect(const ksi_logged_rows *logged, ks_slice key);
/*
 * True and the row when the key is there; borrowed until the next call. Reading through the cache
 * may evict other rows, hence the status.
 */
KS_NODISCARD ks_status ksi_logged_rows_read(ksi_logged_rows *logged, ks_slice key, ksi_row *row,
                                            bool *found, ks_error *error);
/* The same without using it; nothing is put into the cache by that. */
KS_NODISCARD ks_status ksi_logged_rows_look(const ksi_logged_rows *logged, ks_slice key,
                                            ksi_row *row, bool *found, ks_error *error);
/* Puts or, with a null value, deletes. */
KS_NODISCARD ks_status ksi_logged_rows_write(ksi_logged_rows *logged, ks_slice key, ks_slice value,
                                             int64_t timestamp, const ksi_record_context *context,
                                             ks_error *error);
/* Only logs that there is no such row: what Java does where it stores none. */
KS_NODISCARD ks_status ksi_logged_rows_log_absence(ksi_logged_rows *logged, ks_slice key,
                                                   const ksi_record_context *context,
                                                   ks_error *error);
/* A range, as reading it key by key would find it; the rows outlive the iterator. */
ksi_merged_iterator *ksi_logged_rows_iterate(ksi_logged_rows *logged, const ksi_row_range *range);
/* Flushes the dirty rows of the cache, in the order of their last update. Before every commit. */
KS_NODISCARD ks_status ksi_logged_rows_flush(ksi_logged_rows *logged, ks_error *error);

#endif
