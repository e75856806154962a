/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window_store.c - see window_store.h. Iterating is in window_iterator.c.
 *
 * With duplicates each put is a row of its own, told apart by a number that counts up. Java begins
 * to count again with each store it opens, and then a row may replace an older one with the same
 * number; here the number is in the note of the rows and goes on.
 *
 * Thread rule: the thread of the task.
 */
#include "state/window_store.h"

#include "base/error.h"
#include "base/memory.h"
#include "state/window_store_parts.h"

enum { LAST_SEQUENCE = 0x7fffffff };

/* ---- the layout ------------------------------------------------------------------------------ */

static int64_t start_of(const ksi_window_store *store, ks_slice row_key)
{
    return ksi_window_key_start(row_key, store->layout);
}

static bool admits(void *owner, ks_slice row_key)
{
    ksi_window_store *store = owner;
    bool is_admitted = ksi_retention_admits(&store->retention, start_of(store, row_key));
    if (!is_admitted && store->too_late != NULL) {
        store->too_late(store->owner);
    }
    return is_admitted;
}

static bool hides(const void *owner, ks_slice row_key)
{
    const ksi_window_store *store = owner;
    return ksi_retention_hides(&store->retention, start_of(store, row_key));
}

/* A window behind all that were stored is new: of a cached store, most that are not cached. */
static bool lacks(const void *owner, ks_slice row_key)
{
    const ksi_window_store *store = owner;
    return start_of(store, row_key) > store->retention.observed;
}

static ks_slice changelog_key(const void *owner, ks_slice row_key, ksi_buffer *in)
{
    const ksi_window_store *store = owner;
    return ksi_window_key_logged(row_key, store->layout, in);
}

static const ksi_row_layout window_layout = {
    .changelog_key = changelog_key, .admits = admits, .hides = hides, .lacks = lacks};

/* ---- life ------------------------------------------------------------------------------------ */

static ks_status flush_base(ksi_store *base, ks_error *error)
{
    return ksi_logged_rows_flush(&ksi_window_store_of(base)->logged, error);
}

static void close_base(ksi_store *base)
{
    ksi_window_store *store = ksi_window_store_of(base);
    ksi_window_iterator_free(store->spare);
    ksi_logged_rows_close(&store->logged);
    ksi_buffer_destroy(&store->key);
    ksi_store_end(base);
    ksi_free(store);
}

static const ksi_store_class window_class = {.flush = flush_base, .close = close_base};

ksi_window_store *ksi_window_store_open(const ksi_store_options *options, ks_error *error)
{
    const ksi_store_spec *spec = options->spec;
    ksi_window_store *store = ksi_calloc(1, sizeof *store);
    ksi_store_begin(&store->base, &window_class, options);
    store->layout = ksi_window_layout_of(spec);
    store->too_late = options->too_late;
    store->owner = options->owner;
    ksi_store_options below = *options;
    below.cache = spec->retain_duplicates ? NULL : options->cache;
    ksi_logged_rows_open(&store->logged, &below, store->base.rows, &window_layout, store);
    if (ksi_retention_open(&store->retention, spec, store->base.rows, error) != KS_OK) {
        close_base(&store->base);
        return NULL;
    }
    ksi_retention_expire(&store->retention);
    store->highest = store->retention.observed;
    store->sequence = (uint32_t)ksi_row_store_note(store->base.rows, false).sequence;
    return store;
}

ksi_store *ksi_window_store_base(ksi_window_store *store)
{
    return store != NULL ? &store->base : NULL;
}

ksi_window_store *ksi_window_store_of(ksi_store *store)
{
    bool is_one = store != NULL && store->class == &window_class;
    return is_one ? (ksi_window_store *)store : NULL;
}

const ksi_store_spec *ksi_window_store_spec(const ksi_window_store *store)
{
    return store->base.spec;
}

int64_t ksi_window_store_observed(const ksi_window_store *store)
{
    return store->highest;
}

void ksi_window_store_keep_from(ksi_window_store *store, int64_t start)
{
    ksi_retention_keep_from(&store->retention, start);
}

/* ---- telling --------------------------------------------------------------------------------- */

static ksi_window_row window_row(const ksi_window_store *store, const ksi_row *row)
{
    const ksi_window_key key = ksi_window_key_read(row->key, store->layout);
    return (ksi_window_row){
        .key = key.key, .start = key.start, .value = row->value, .timestamp = row->timestamp};
}

static ks_status tell(void *owner, const ksi_row *new_row, const ksi_row *old_row,
                      const ksi_record_context *context, ks_error *error)
{
    const ksi_window_store *store = owner;
    const ksi_window_row now = window_row(store, new_row);
    const ksi_window_row before = window_row(store, old_row);
    return store->flush(store->flush_owner, &now, &before, context, error);
}

bool ksi_window_store_on_flush(ksi_window_store *store, ksi_window_flush_fn *flush, void *owner,
                               bool wants_old)
{
    store->flush = flush;
    store->flush_owner = owner;
    return ksi_logged_rows_on_flush(&store->logged, tell, store, wants_old);
}

/* ---- reading and writing --------------------------------------------------------------------- */

static ks_slice row_key(ksi_window_store *store, ks_slice key, int64_t start, uint32_t sequence)
{
    const ksi_window_key of = {.key = key, .start = start, .sequence = sequence};
    return ksi_window_key_make(&store->key, store->layout,
                               ksi_retention_segment(&store->retention, start), &of);
}

void ksi_window_store_expect(ksi_window_store *store, ks_slice key, int64_t start)
{
    ksi_logged_rows_expect(&store->logged, row_key(store, key, start, 0));
}

ks_status ksi_window_store_get(ksi_window_store *store, ks_slice key, int64_t start, ksi_row *row,
                               bool *found, ks_error *error)
{
    *found = false;
    return start < 0 ? KS_OK /* nothing is */
                     : ksi_logged_rows_read(&store->logged, row_key(store, key, start, 0), row,
                                            found, error);
}

static uint32_t next_sequence(ksi_window_store *store)
{
    store->sequence = (store->sequence + 1) & LAST_SEQUENCE;
    ksi_store_note note = ksi_row_store_note(store->base.rows, false);
    note.sequence = store->sequence;
    ksi_row_store_set_note(store->base.rows, &note);
    return store->sequence;
}

/*
 * Null among duplicates deletes nothing, but Java logs it, and in memory its time counts like that
 * of a row.
 */
static ks_status put_nothing(ksi_window_store *store, const ksi_window_row *row,
                             const ksi_record_context *context, ks_error *error)
{
    uint32_t sequence = next_sequence(store);
    ks_slice key = row_key(store, row->key, row->start, sequence);
    if (store->retention.is_exact) {
        store->highest = row->start > store->highest ? row->start : store->highest;
        (void)admits(store, key);
    }
    return ksi_logged_rows_log_absence(&store->logged, key, context, error);
}

ks_status ksi_window_store_put(ksi_window_store *store, const ksi_window_row *row,
                               const ksi_record_context *context, ks_error *error)
{
    bool has_duplicates = store->base.spec->retain_duplicates;
    if (row->start < 0) {
        return ksi_error_set(error, KS_E_TIMESTAMP, store->base.spec->name,
                             "a window that begins at %lld cannot be put; times begin at 0",
                             (long long)row->start);
    }
    if (has_duplicates && row->value.data == NULL) {
        return put_nothing(store, row, context, error);
    }
    store->highest = row->start > store->highest ? row->start : store->highest;
    uint32_t sequence = has_duplicates ? next_sequence(store) : 0;
    return ksi_logged_rows_write(&store->logged, row_key(store, row->key, row->start, sequence),
                                 row->value, row->timestamp, context, error);
}
