/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_store.c - see session_store.h; the walks are in session_iterator.c, the keys in
 * session_key.h.
 *
 * Three things are Java's to the letter, since they decide what an application emits:
 *   - Observed is what has got below the cache, not what the cache holds back; and what the cache
 *     has is never hidden, however old.
 *   - A put that is too late is logged and counted, a removal only logged.
 *   - In memory a removal does not move the observed time.
 *
 * Thread rule: the thread of the task.
 */
#include "state/session_store.h"

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "state/session_store_parts.h"

/* ---- the layout of the rows ------------------------------------------------------------------ */

static ks_slice changelog_key(const void *owner, ks_slice key, ksi_buffer *in)
{
    return ksi_session_key_logged(&((const ksi_session_store *)owner)->keys, key, in);
}

bool ksi_session_store_hides(const void *owner, ks_slice key)
{
    const ksi_session_store *store = owner;
    return ksi_retention_hides(&store->retention, ksi_session_key_read_row(&store->keys, key).end);
}

static bool admits(void *owner, ks_slice key)
{
    ksi_session_store *store = owner;
    if (store->is_removing && store->keys.in_memory) {
        store->was_admitted = true;
        return true;
    }
    int64_t end = ksi_session_key_read_row(&store->keys, key).end;
    store->was_admitted = ksi_retention_admits(&store->retention, end);
    if (!store->was_admitted && !store->is_removing && store->too_late != NULL) {
        store->too_late(store->owner);
    }
    return store->was_admitted;
}

static const ksi_row_layout session_layout = {
    .changelog_key = changelog_key, .admits = admits, .hides = ksi_session_store_hides};

/* ---- opening and closing --------------------------------------------------------------------- */

static ks_status flush_base(ksi_store *base, ks_error *error)
{
    return ksi_logged_rows_flush(&ksi_session_store_of(base)->logged, error);
}

static void close_base(ksi_store *base)
{
    ksi_session_store *store = ksi_session_store_of(base);
    ksi_logged_rows_close(&store->logged);
    ksi_session_iterator_free(store->spare);
    ksi_buffer_destroy(&store->row_key);
    ksi_buffer_destroy(&store->scratch);
    ksi_store_end(base);
    ksi_free(store);
}

static const ksi_store_class session_class = {.flush = flush_base, .close = close_base};

ksi_session_store *ksi_session_store_of(ksi_store *store)
{
    return store != NULL && store->class == &session_class ? (ksi_session_store *)store : NULL;
}

ksi_store *ksi_session_store_base(ksi_session_store *store)
{
    return store != NULL ? &store->base : NULL;
}

const ksi_store_spec *ksi_session_store_spec(const ksi_session_store *store)
{
    return store->base.spec;
}

ksi_session_store *ksi_session_store_open(const ksi_store_options *options, ks_error *error)
{
    const ksi_store_spec *spec = options->spec;
    KSI_CHECK(options->query == NULL && !(spec->by_time && spec->caching));
    ksi_session_store *store = ksi_calloc(1, sizeof *store);
    ksi_store_begin(&store->base, &session_class, options);
    store->keys = ksi_session_keys_of(spec);
    ksi_logged_rows_open(&store->logged, options, store->base.rows, &session_layout, store);
    store->too_late = options->too_late;
    store->owner = options->owner;
    if (ksi_retention_open(&store->retention, spec, store->base.rows, error) != KS_OK) {
        close_base(&store->base);
        return NULL;
    }
    ksi_retention_expire(&store->retention);
    store->newest_end = store->retention.observed;
    return store;
}

int64_t ksi_session_store_observed(const ksi_session_store *store)
{
    return store->newest_end;
}

/* What the cache gives up is told of as sessions. */
static ks_status flush_row(void *owner, const ksi_row *new_row, const ksi_row *old_row,
                           const ksi_record_context *context, ks_error *error)
{
    ksi_session_store *store = owner;
    const ksi_session_id id = ksi_session_key_read_row(&store->keys, new_row->key);
    const ksi_session_row now = {
        .key = id.key, .start = id.start, .end = id.end, .value = new_row->value};
    ksi_session_row before = now;
    before.value = old_row->value;
    return store->flush(store->flush_owner, &now, &before, context, error);
}

bool ksi_session_store_on_flush(ksi_session_store *store, ksi_session_flush_fn *flush, void *owner,
                                bool wants_old)
{
    store->flush = flush;
    store->flush_owner = owner;
    return ksi_logged_rows_on_flush(&store->logged, flush_row, store, wants_old);
}

void ksi_session_store_keep_from(ksi_session_store *store, int64_t end)
{
    KSI_CHECK(store->keys.by_time);
    ksi_retention_keep_from(&store->retention, end);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static ks_slice row_key_of(ksi_session_store *store, ks_slice key, int64_t start, int64_t end)
{
    const ksi_session_id id = {.key = key, .start = start, .end = end};
    return ksi_session_key_of_row(&store->row_key, &store->keys, &id);
}

ks_status ksi_session_store_get(ksi_session_store *store, ks_slice key, int64_t start, int64_t end,
                                ks_slice *value, ks_error *error)
{
    ksi_row row;
    bool found = false;
    if (start >= 0 && end >= start) { /* else no session is like that */
        KS_TRY(ksi_logged_rows_read(&store->logged, row_key_of(store, key, start, end), &row,
                                    &found, error));
    }
    *value = found ? row.value : ks_slice_null();
    return KS_OK;
}

ks_status ksi_session_store_look(ksi_session_store *store, const ksi_session_row *of,
                                 ks_slice *value, ks_error *error)
{
    ksi_row row;
    bool found = false;
    if (of->start >= 0 && of->end >= of->start &&
        !ksi_retention_hides(&store->retention, of->end)) {
        KS_TRY(ksi_row_store_look(store->base.rows, row_key_of(store, of->key, of->start, of->end),
                                  &row, &found, error));
    }
    *value = found ? row.value : ks_slice_null();
    return KS_OK;
}

/* Uncached rows of a store by time have a row in its index. */
static ks_status write(ksi_session_store *store, const ksi_session_id *id, ks_slice value,
                       const ksi_record_context *context, ks_error *error)
{
    if (id->start < 0 || id->end < id->start) {
        return ksi_error_set(error, KS_E_ARGUMENT, store->base.spec->name,
                             "a session begins at 0 or later, and does not end before that");
    }
    store->newest_end = id->end > store->newest_end ? id->end : store->newest_end;
    KS_TRY(ksi_logged_rows_write(&store->logged,
                                 ksi_session_key_of_row(&store->row_key, &store->keys, id), value,
                                 -1, context, error));
    if (store->keys.by_time && store->was_admitted) {
        ksi_row_store_put(store->base.rows,
                          ksi_session_key_of_index(&store->scratch, &store->keys, id),
                          value.data != NULL ? ks_slice_of("", 0) : value, -1);
    }
    return KS_OK;
}

ks_status ksi_session_store_put(ksi_session_store *store, const ksi_session_row *row,
                                const ksi_record_context *context, ks_error *error)
{
    const ksi_session_id id = {.key = row->key, .start = row->start, .end = row->end};
    return write(store, &id, row->value, context, error);
}

ks_status ksi_session_store_remove(ksi_session_store *store, ks_slice key, int64_t start,
                                   int64_t end, const ksi_record_context *context, ks_error *error)
{
    const ksi_session_id id = {.key = key, .start = start, .end = end};
    store->is_removing = store->logged.cached == NULL; /* the cache puts a null later on */
    ks_status status = write(store, &id, ks_slice_null(), context, error);
    store->is_removing = false;
    return status;
}
