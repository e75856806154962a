/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rocks_batch.c - batches: rows for any families of a database, written together or not at all.
 */
#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "storage/rocks_parts.h"

struct ksi_rocks_batch {
    ksi_rocks *rocks;
    rocksdb_writebatch_t *native;
    ksi_family **families; /* that it writes to; a handful */
    size_t family_count;
    size_t family_capacity;
};

ksi_rocks_batch *ksi_rocks_batch_new(ksi_rocks *rocks)
{
    ksi_rocks_batch *batch = ksi_calloc(1, sizeof *batch);
    batch->rocks = rocks;
    batch->native = rocksdb_writebatch_create();
    atomic_fetch_add(&rocks->open_objects, 1);
    return batch;
}

void ksi_rocks_batch_free(ksi_rocks_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    atomic_fetch_sub(&batch->rocks->open_objects, 1);
    rocksdb_writebatch_destroy(batch->native);
    ksi_free(batch->families);
    ksi_free(batch);
}

static void note_family(ksi_rocks_batch *batch, ksi_family *family)
{
    for (size_t i = 0; i < batch->family_count; i++) {
        if (batch->families[i] == family) {
            return;
        }
    }
    batch->families = ksi_grow(batch->families, &batch->family_capacity, batch->family_count + 1,
                               sizeof(ksi_family *));
    batch->families[batch->family_count++] = family;
}

void ksi_rocks_batch_put(ksi_rocks_batch *batch, ksi_family *family, ks_slice key, ks_slice value)
{
    note_family(batch, family);
    rocksdb_writebatch_put_cf(batch->native, family->handle, key.data, key.size, value.data,
                              value.size);
}

void ksi_rocks_batch_delete(ksi_rocks_batch *batch, ksi_family *family, ks_slice key)
{
    note_family(batch, family);
    rocksdb_writebatch_delete_cf(batch->native, family->handle, key.data, key.size);
}

void ksi_rocks_batch_delete_range(ksi_rocks_batch *batch, ksi_family *family, ks_slice low,
                                  ks_slice high)
{
    if (ksi_slice_compare(low, high) >= 0) {
        return; /* RocksDB would notice when half the batch is in, and refuse writes from then on */
    }
    note_family(batch, family);
    rocksdb_writebatch_delete_range_cf(batch->native, family->handle, low.data, low.size, high.data,
                                       high.size);
}

size_t ksi_rocks_batch_bytes(const ksi_rocks_batch *batch)
{
    size_t size = 0;
    (void)rocksdb_writebatch_data(batch->native, &size);
    return size;
}

void ksi_rocks_batch_clear(ksi_rocks_batch *batch)
{
    rocksdb_writebatch_clear(batch->native);
    batch->family_count = 0;
}

static ks_status write_how(ksi_rocks_batch *batch, const rocksdb_writeoptions_t *how,
                           ks_error *error)
{
    char *refused = NULL;
    if (rocksdb_writebatch_count(batch->native) > 0) {
        rocksdb_write(batch->rocks->db, how, batch->native, &refused);
        for (size_t i = 0; i < batch->family_count; i++) {
            atomic_store(&batch->families[i]->is_written, true);
        }
    }
    ksi_rocks_batch_clear(batch);
    return ksi_rocks_error(batch->rocks, batch->rocks->path, refused, error);
}

ks_status ksi_rocks_write(ksi_rocks_batch *batch, bool durable, ks_error *error)
{
    const ksi_rocks *rocks = batch->rocks;
    return write_how(batch, durable ? rocks->durable_writes : rocks->fast_writes, error);
}

ks_status ksi_rocks_write_logged(ksi_rocks_batch *batch, bool synced, ks_error *error)
{
    const ksi_rocks *rocks = batch->rocks;
    return write_how(batch, synced ? rocks->durable_writes : rocks->logged_writes, error);
}
