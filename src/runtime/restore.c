/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.c - from the first record of a changelog to the last. @java StoreChangelogReader
 *
 * The end is looked up once, at the beginning: only this task writes the partition, and it does not
 * run yet. A store that is restored halfway must not be used, so a restore that was stopped is
 * never followed by processing.
 *
 * A record without a key is nobody's row; Java's changelogs have none, and one that somebody else
 * wrote is skipped.
 */
#include "runtime/restore.h"

#include "base/error.h"

#define RESTORE_BATCH 256
/* How long a stop may go unseen while rows that are in the log have not arrived. */
#define WAIT_MS 100

static ks_status read_rows(ksi_restore *restore, ksi_consumer *consumer, size_t slot, int64_t end,
                           ks_error *error)
{
    ks_log_record batch[RESTORE_BATCH];
    while (consumer->class->position(consumer, slot) < end && !atomic_load(restore->stop)) {
        size_t count = 0;
        KS_TRY(consumer->class->poll(consumer, slot, batch, RESTORE_BATCH, &count, error));
        if (count == 0) {
            consumer->class->wait(consumer, WAIT_MS);
        }
        for (size_t i = 0; i < count; i++) {
            if (batch[i].key.data != NULL) {
                KS_TRY(ksi_row_store_restore(ksi_key_value_store_rows(restore->store), batch[i].key,
                                             batch[i].value, batch[i].timestamp, error));
            }
        }
        restore->rows += (int64_t)count;
    }
    return KS_OK;
}

ks_status ksi_restore_store(ksi_restore *restore, ks_error *error)
{
    ksi_transport *transport = restore->transport;
    int64_t begin = 0;
    int64_t end = 0;
    restore->rows = 0;
    KS_TRY(transport->class->offsets(transport, restore->changelog, &begin, &end, error));
    if (begin >= end) {
        return KS_OK;
    }
    ksi_consumer *consumer = transport->class->open_consumer(transport, error);
    if (consumer == NULL) {
        return ksi_error_flag(error, 0); /* as the transport said */
    }
    size_t slot = 0;
    ks_status status = consumer->class->assign(consumer, restore->changelog, begin, &slot, error);
    if (status == KS_OK) {
        status = read_rows(restore, consumer, slot, end, error);
    }
    if (status == KS_OK) {
        const ksi_store_position position = {.offset = end};
        status = ksi_row_store_restored(ksi_key_value_store_rows(restore->store), &position, error);
    }
    consumer->class->close(consumer);
    return status;
}
