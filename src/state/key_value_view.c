/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_value_view.c - see key_value_view.h.
 *
 * Iterators are those of the row store.
 */
#include "state/key_value_view.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"

struct ks_key_value_iterator {
    const ks_key_value_store *view;
    ksi_row_iterator *rows;
    ks_arena arena; /* of the entry given last */
};

static ks_status read_bytes(const ks_key_value_store *view, bool is_key, ks_slice bytes,
                            ks_arena *arena, ks_value *value, ks_error *error)
{
    const ks_serde *serde = is_key ? view->key : view->value;
    const ks_serde_ctx where = {.topic = view->topic, .is_key = is_key};
    ks_status status =
        serde->deserialize(serde, &where, ksi_arena_copy(arena, bytes), arena, value, error);
    if (status != KS_OK) {
        ksi_error_prefix(error, "the %s of an entry of store %s: ", is_key ? "key" : "value",
                         ksi_key_value_store_spec(view->store)->name);
    }
    return status;
}

static ks_status read_entry(const ks_key_value_store *view, const ksi_row *row, ks_arena *arena,
                            ks_key_value *entry, ks_error *error)
{
    KS_TRY(read_bytes(view, true, row->key, arena, &entry->key, error));
    KS_TRY(read_bytes(view, false, row->value, arena, &entry->value, error));
    entry->timestamp = row->timestamp;
    return KS_OK;
}

ks_status ks_key_value_store_get(ks_key_value_store *store, ks_value key, ks_arena *arena,
                                 ks_key_value *entry, bool *found, ks_error *error)
{
    const ks_serde_ctx where = {.topic = store->topic, .is_key = true};
    const char *name = ksi_key_value_store_spec(store->store)->name;
    ks_slice bytes;
    ksi_row row;
    *found = false;
    if (ks_value_is_null(key)) {
        return ksi_error_set(error, KS_E_ARGUMENT, name, "the key to look up is null");
    }
    KS_TRY(store->key->serialize(store->key, &where, key, arena, &bytes, error));
    KS_TRY(ksi_row_store_get(ksi_key_value_store_rows(store->store), bytes, false, &row, found,
                             error));
    if (!*found) {
        return KS_OK;
    }
    return read_entry(store, &row, arena, entry, error);
}

ks_key_value_iterator *ks_key_value_store_all(ks_key_value_store *store)
{
    ks_key_value_iterator *iterator = ksi_calloc(1, sizeof *iterator);
    iterator->view = store;
    iterator->rows = ksi_row_iterator_open(ksi_key_value_store_rows(store->store),
                                           &(ksi_row_range){.backward = false});
    ksi_arena_init(&iterator->arena, 0);
    return iterator;
}

ks_status ks_key_value_iterator_next(ks_key_value_iterator *iterator, ks_key_value *entry,
                                     bool *found, ks_error *error)
{
    ksi_row row;
    KS_TRY(ksi_row_iterator_next(iterator->rows, &row, found, error));
    if (!*found) {
        return KS_OK;
    }
    ksi_arena_reset(&iterator->arena);
    return read_entry(iterator->view, &row, &iterator->arena, entry, error);
}

void ks_key_value_iterator_free(ks_key_value_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    ksi_row_iterator_close(iterator->rows);
    ksi_arena_destroy(&iterator->arena);
    ksi_free(iterator);
}

uint64_t ks_key_value_store_approximate_count(ks_key_value_store *store)
{
    return ksi_row_store_count(ksi_key_value_store_rows(store->store));
}
