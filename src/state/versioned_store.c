/* SPDX-License-Identifier: Apache-2.0 */
/*
 * versioned_store.c - see versioned_store.h. @java ChangeLoggingVersionedKeyValueBytesStore
 *
 * A put that comes too late is logged like any other. Whoever replays the changelog refuses it
 * again, because by then the store has observed what it had observed.
 *
 * Thread rule: the thread of the task.
 */
#include "state/versioned_store.h"

#include "base/error.h"
#include "base/memory.h"

struct ksi_versioned_store {
    ksi_store base; /* first */
    ksi_store_options options;
    ksi_versioned_rows *versions;
};

static void close_base(ksi_store *base)
{
    ksi_versioned_store *store = (ksi_versioned_store *)base;
    ksi_versioned_rows_close(store->versions);
    ksi_store_end(base);
    ksi_free(store);
}

static const ksi_store_class versioned_class = {.close = close_base};

/* Where there is a changelog, restoring has dealt with another retention before. */
static void explain(const ksi_store_spec *spec, ks_error *error)
{
    if (error != NULL && error->code == KS_E_CONFIG) {
        ksi_error_prefix(error,
                         "store %s has no changelog to be built from; give back the retention it "
                         "had: ",
                         spec->name);
        return;
    }
    ksi_error_prefix(error, "store %s: ", spec->name);
}

ksi_versioned_store *ksi_versioned_store_open(const ksi_store_options *options, ks_error *error)
{
    ksi_versioned_store *store = ksi_calloc(1, sizeof *store);
    store->options = *options;
    ksi_store_begin(&store->base, &versioned_class, options);
    store->versions = ksi_versioned_rows_open(
        &(ksi_versioned_rows_options){.rows = store->base.rows,
                                      .history_retention_ms = options->spec->retention_ms},
        error);
    if (store->versions == NULL) {
        explain(options->spec, error);
        close_base(&store->base);
        return NULL;
    }
    return store;
}

ksi_store *ksi_versioned_store_base(ksi_versioned_store *store)
{
    return store != NULL ? &store->base : NULL;
}

ksi_versioned_store *ksi_versioned_store_of(ksi_store *store)
{
    return store != NULL && store->class == &versioned_class ? (ksi_versioned_store *)store : NULL;
}

ksi_versioned_rows *ksi_versioned_store_versions(const ksi_versioned_store *store)
{
    return store->versions;
}

ks_status ksi_versioned_store_put(ksi_versioned_store *store, ks_slice key, ks_slice value,
                                  int64_t timestamp, int64_t *valid_to, ks_error *error)
{
    const ksi_store_options *options = &store->options;
    KS_TRY(ksi_versioned_rows_put(store->versions, key, value, timestamp, valid_to, error));
    if (*valid_to == KSI_NOT_PUT && options->too_late != NULL) {
        options->too_late(options->owner);
    }
    if (options->changelog != NULL) {
        KS_TRY(options->changelog->append(options->changelog, key, value, timestamp, NULL, error));
    }
    return ksi_row_store_bound_pending(store->base.rows, options->pending_max_bytes, error);
}
