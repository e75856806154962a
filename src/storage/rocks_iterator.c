/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rocks_iterator.c - iterators and sorted files: the two that hold on to more than one call.
 *
 * RocksDB keeps the addresses of an iterator's bounds instead of copying them, so they live here.
 */
#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "storage/rocks_parts.h"

#include <stdio.h>

struct ksi_rocks_iterator {
    ksi_family *family;
    rocksdb_iterator_t *native;
    rocksdb_readoptions_t *reads;
    ksi_buffer low;
    ksi_buffer high;
};

ksi_rocks_iterator *ksi_rocks_iterator_open(ksi_family *family, ks_slice low, ks_slice high)
{
    ksi_rocks_iterator *iterator = ksi_calloc(1, sizeof *iterator);
    iterator->family = family;
    iterator->reads = rocksdb_readoptions_create();
    rocksdb_readoptions_set_total_order_seek(iterator->reads, 1);
    if (low.data != NULL) {
        ksi_buffer_append(&iterator->low, low.data, low.size);
        rocksdb_readoptions_set_iterate_lower_bound(iterator->reads, iterator->low.data, low.size);
    }
    if (high.data != NULL) {
        ksi_buffer_append(&iterator->high, high.data, high.size);
        rocksdb_readoptions_set_iterate_upper_bound(
            iterator->reads, ksi_buffer_cstr(&iterator->high), high.size); /* never NULL */
    }
    iterator->native =
        rocksdb_create_iterator_cf(family->rocks->db, iterator->reads, family->handle);
    atomic_fetch_add(&family->rocks->open_objects, 1);
    return iterator;
}

void ksi_rocks_iterator_close(ksi_rocks_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    rocksdb_iter_destroy(iterator->native);
    rocksdb_readoptions_destroy(iterator->reads);
    atomic_fetch_sub(&iterator->family->rocks->open_objects, 1);
    ksi_buffer_destroy(&iterator->low);
    ksi_buffer_destroy(&iterator->high);
    ksi_free(iterator);
}

void ksi_rocks_iterator_seek(ksi_rocks_iterator *iterator, ks_slice key)
{
    rocksdb_iter_seek(iterator->native, key.data, key.size);
}

void ksi_rocks_iterator_seek_backward(ksi_rocks_iterator *iterator, ks_slice key)
{
    rocksdb_iter_seek_for_prev(iterator->native, key.data, key.size);
}

void ksi_rocks_iterator_seek_first(ksi_rocks_iterator *iterator)
{
    rocksdb_iter_seek_to_first(iterator->native);
}

void ksi_rocks_iterator_seek_last(ksi_rocks_iterator *iterator)
{
    rocksdb_iter_seek_to_last(iterator->native);
}

void ksi_rocks_iterator_next(ksi_rocks_iterator *iterator)
{
    rocksdb_iter_next(iterator->native);
}

void ksi_rocks_iterator_previous(ksi_rocks_iterator *iterator)
{
    rocksdb_iter_prev(iterator->native);
}

bool ksi_rocks_iterator_valid(const ksi_rocks_iterator *iterator)
{
    return rocksdb_iter_valid(iterator->native) != 0;
}

ks_slice ksi_rocks_iterator_key(const ksi_rocks_iterator *iterator)
{
    size_t size = 0;
    const char *bytes = rocksdb_iter_key(iterator->native, &size);
    return ks_slice_of(bytes, size);
}

ks_slice ksi_rocks_iterator_value(const ksi_rocks_iterator *iterator)
{
    size_t size = 0;
    const char *bytes = rocksdb_iter_value(iterator->native, &size);
    return ks_slice_of(bytes, size);
}

ks_status ksi_rocks_iterator_status(const ksi_rocks_iterator *iterator, ks_error *error)
{
    char *refused = NULL;
    rocksdb_iter_get_error(iterator->native, &refused);
    return ksi_rocks_error(iterator->family->rocks, iterator->family->name, refused, error);
}

/* ---- sorted files ---------------------------------------------------------------------------- */

struct ksi_sst {
    ksi_family *family;
    rocksdb_sstfilewriter_t *writer;
    rocksdb_envoptions_t *env;
    rocksdb_options_t *options;
    char *path;
    size_t count; /* of rows */
};

static void free_sst(ksi_sst *sst)
{
    rocksdb_sstfilewriter_destroy(sst->writer);
    rocksdb_envoptions_destroy(sst->env);
    rocksdb_options_destroy(sst->options);
    atomic_fetch_sub(&sst->family->rocks->open_objects, 1);
    (void)remove(sst->path); /* gone already when it was taken in */
    ksi_free(sst->path);
    ksi_free(sst);
}

ksi_sst *ksi_sst_begin(ksi_family *family, ks_error *error)
{
    ksi_rocks *rocks = family->rocks;
    ksi_buffer path = {0};
    ksi_sst *sst = ksi_calloc(1, sizeof *sst);
    atomic_fetch_add(&rocks->open_objects, 1);
    ksi_buffer_appendf(&path, "%s/" KSI_SST_PREFIX "%zu" KSI_SST_SUFFIX, rocks->path,
                       atomic_fetch_add(&rocks->file_number, 1));
    sst->family = family;
    sst->path = ksi_strdup(ksi_buffer_cstr(&path));
    ksi_buffer_destroy(&path);
    sst->env = rocksdb_envoptions_create();
    sst->options = ksi_rocks_family_options(rocks, family->name); /* bloom filters as in the rest */
    sst->writer = rocksdb_sstfilewriter_create(sst->env, sst->options);
    char *refused = NULL;
    rocksdb_sstfilewriter_open(sst->writer, sst->path, &refused);
    if (ksi_rocks_error(sst->family->rocks, sst->path, refused, error) != KS_OK) {
        free_sst(sst);
        return NULL;
    }
    return sst;
}

ks_status ksi_sst_put(ksi_sst *sst, ks_slice key, ks_slice value, ks_error *error)
{
    char *refused = NULL;
    sst->count++;
    rocksdb_sstfilewriter_put(sst->writer, key.data, key.size, value.data, value.size, &refused);
    return ksi_rocks_error(sst->family->rocks, sst->path, refused, error);
}

ks_status ksi_sst_delete(ksi_sst *sst, ks_slice key, ks_error *error)
{
    char *refused = NULL;
    sst->count++;
    rocksdb_sstfilewriter_delete(sst->writer, key.data, key.size, &refused);
    return ksi_rocks_error(sst->family->rocks, sst->path, refused, error);
}

ks_status ksi_sst_ingest(ksi_sst *sst, ks_error *error)
{
    char *refused = NULL;
    const char *files[] = {sst->path};
    if (sst->count > 0) {
        rocksdb_sstfilewriter_finish(sst->writer, &refused);
    }
    if (sst->count > 0 && refused == NULL) {
        rocksdb_ingestexternalfileoptions_t *options = rocksdb_ingestexternalfileoptions_create();
        rocksdb_ingestexternalfileoptions_set_move_files(options, 1);
        rocksdb_ingest_external_file_cf(sst->family->rocks->db, sst->family->handle, files, 1,
                                        options, &refused);
        rocksdb_ingestexternalfileoptions_destroy(options);
    }
    ks_status status = ksi_rocks_error(sst->family->rocks, sst->family->name, refused, error);
    free_sst(sst);
    return status;
}

void ksi_sst_abandon(ksi_sst *sst)
{
    if (sst != NULL) {
        free_sst(sst);
    }
}
