/* SPDX-License-Identifier: Apache-2.0 */
/*
 * custom_store.c - see custom_store.h.
 *
 * The program's flush is called behind the flushes of all stores (settle): what a record cache gave
 * up has been processed by then, and may have changed the structure. It has a handle of its own,
 * because there is no processor: what fails there is remembered and fails the commit.
 *
 * Thread rule: the thread of the task.
 */
#include "state/custom_store.h"

#include "base/error.h"
#include "base/memory.h"
#include "state/store_view.h"

struct ksi_custom_store {
    ksi_store base; /* first */
    ksi_store_options options;
    bool is_open; /* the program's open has succeeded */
    void *state;
    ks_custom_store flushing; /* the handle of the program's flush */
    ks_error failed;          /* of a call on it, whose error nobody asked for */
};

/* What a function of the program answered: it may have failed without a word. */
static ks_status complete(const ksi_store_spec *spec, const char *what, ks_status status,
                          ks_error *error)
{
    return status == KS_OK ? KS_OK : ksi_error_complete(error, status, what, spec->name);
}

/* ---- flushing -------------------------------------------------------------------------------- */

static bool has_failed(const void *self)
{
    return ((const ksi_custom_store *)self)->failed.code != KS_OK;
}

static void remember(void *self, const ks_error *error)
{
    ((ksi_custom_store *)self)->failed = *error;
}

static ks_status settle_base(ksi_store *base, ks_error *error)
{
    ksi_custom_store *store = (ksi_custom_store *)base;
    const ks_custom_store_class *class = base->spec->custom;
    if (class->flush == NULL) {
        return KS_OK;
    }
    ks_status status = class->flush(&store->flushing, store->state, base->spec->custom_user, error);
    if (status != KS_OK) {
        (void)complete(base->spec, "flush of its class", status, error);
        ksi_error_prefix(error, "flushing store %s: ", base->spec->name);
        return status;
    }
    if (has_failed(store) && error != NULL) {
        *error = store->failed;
    }
    return store->failed.code;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void close_base(ksi_store *base)
{
    ksi_custom_store *store = (ksi_custom_store *)base;
    const ks_custom_store_class *class = base->spec->custom;
    if (store->is_open && class->close != NULL) {
        class->close(store->state, base->spec->custom_user);
    }
    ksi_store_end(base);
    ksi_free(store->state);
    ksi_free(store);
}

static const ksi_store_class custom_class = {.settle = settle_base, .close = close_base};

static ks_status load_rows(ksi_custom_store *store, ks_error *error)
{
    const ksi_store_spec *spec = store->base.spec;
    ksi_row_iterator *rows = ksi_row_iterator_open(store->base.rows, &(ksi_row_range){0});
    ksi_row row;
    bool found;
    ks_status status = ksi_row_iterator_next(rows, &row, &found, error);
    while (status == KS_OK && found) {
        status = spec->custom->load(store->state, row.key, row.value, spec->custom_user, error);
        status = complete(spec, "load of its class", status, error);
        if (status == KS_OK) {
            status = ksi_row_iterator_next(rows, &row, &found, error);
        }
    }
    ksi_row_iterator_close(rows);
    return status;
}

static ks_status make_structure(ksi_custom_store *store, ks_error *error)
{
    const ksi_store_spec *spec = store->base.spec;
    store->state = ksi_calloc(1, spec->custom->state_size);
    if (spec->custom->open != NULL) {
        ks_status status = spec->custom->open(store->state, spec->custom_user, error);
        KS_TRY(complete(spec, "open of its class", status, error));
    }
    store->is_open = true;
    return load_rows(store, error);
}

ksi_custom_store *ksi_custom_store_open(const ksi_store_options *options, ks_error *error)
{
    ksi_custom_store *store = ksi_calloc(1, sizeof *store);
    store->options = *options;
    ksi_store_begin(&store->base, &custom_class, options);
    store->flushing = (ks_custom_store){
        .store = store,
        .view = {.serdes.store = options->spec->name,
                 .context = options->context,
                 .owner = {.self = store, .has_failed = has_failed, .fail = remember}}};
    if (make_structure(store, error) != KS_OK) {
        ksi_error_prefix(error, "loading store %s: ", options->spec->name);
        close_base(&store->base);
        return NULL;
    }
    return store;
}

/* ---- access ---------------------------------------------------------------------------------- */

ksi_store *ksi_custom_store_base(ksi_custom_store *store)
{
    return store != NULL ? &store->base : NULL;
}

ksi_custom_store *ksi_custom_store_of(ksi_store *store)
{
    return store != NULL && store->class == &custom_class ? (ksi_custom_store *)store : NULL;
}

const ksi_store_spec *ksi_custom_store_spec(const ksi_custom_store *store)
{
    return store->base.spec;
}

void *ksi_custom_store_state(const ksi_custom_store *store)
{
    return store->state;
}

ks_status ksi_custom_store_put(ksi_custom_store *store, ks_slice key, ks_slice value,
                               int64_t timestamp, ks_error *error)
{
    const ksi_store_options *options = &store->options;
    ksi_row_store_put(store->base.rows, key, value, timestamp);
    if (options->changelog != NULL) {
        KS_TRY(options->changelog->append(options->changelog, key, value, timestamp, NULL, error));
    }
    return ksi_row_store_bound_pending(store->base.rows, options->pending_max_bytes, error);
}

ks_status ksi_custom_store_get(ksi_custom_store *store, ks_slice key, ksi_row *row, bool *found,
                               ks_error *error)
{
    return ksi_row_store_get(store->base.rows, key, false, row, found, error);
}
