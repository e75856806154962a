/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.c - from the position of a store to the end of its changelog; see restore.h.
 * @java StoreChangelogReader
 *
 * The end is looked up once, at the beginning: only this task writes the partition, and it does not
 * run yet. A store that is restored halfway must not be used, so a restore that was stopped is
 * never followed by processing; what it read is kept, with a position that says how far it came.
 *
 * The record before a position may have been compacted away. Then nothing can be compared, and the
 * state is trusted: offsets are never given twice in one topic.
 *
 * A record without a key is nobody's row; Java's changelogs have none, and one that somebody else
 * wrote is skipped.
 */
#include "runtime/restore.h"

#include "base/error.h"
#include "runtime/collector.h"

#include <stdio.h>

#define RESTORE_BATCH 256
/* How long a stop may go unseen while rows that are in the log have not arrived. */
#define WAIT_MS 100
#define HOUR_MS ((int64_t)60 * 60 * 1000)

typedef struct extent {
    int64_t begin;
    int64_t end;
} extent;

static ksi_row_store *rows_of(const ksi_restore *restore)
{
    return ksi_key_value_store_rows(restore->store);
}

/* A consumer of the changelog from an offset on; NULL with an error. */
static ksi_consumer *open_at(ksi_restore *restore, int64_t offset, size_t *slot, ks_error *error)
{
    ksi_consumer *consumer = restore->transport->class->open_consumer(restore->transport, error);
    if (consumer != NULL &&
        consumer->class->assign(consumer, restore->changelog, offset, slot, error) != KS_OK) {
        consumer->class->close(consumer);
        return NULL;
    }
    return consumer;
}

/* ---- what is there --------------------------------------------------------------------------- */

/*
 * The hash of the record at an offset; 0 when there is none any more, or when the thread is to
 * stop.
 */
static ks_status hash_at(ksi_restore *restore, int64_t offset, uint64_t *hash, ks_error *error)
{
    size_t slot = 0;
    ksi_consumer *consumer = open_at(restore, offset, &slot, error);
    *hash = 0;
    if (consumer == NULL) {
        return ksi_error_flag(error, 0); /* as the transport said */
    }
    ks_status status = KS_OK;
    while (status == KS_OK && !atomic_load(restore->stop) &&
           consumer->class->position(consumer, slot) == offset) {
        ks_log_record record;
        size_t count = 0;
        status = consumer->class->poll(consumer, slot, &record, 1, &count, error);
        if (status == KS_OK && count == 0) {
            consumer->class->wait(consumer, WAIT_MS);
        } else if (status == KS_OK && record.offset == offset) {
            *hash = ksi_changelog_hash(record.key, record.value);
        }
    }
    consumer->class->close(consumer);
    return status;
}

static ks_status has_rows(ksi_restore *restore, bool *has, ks_error *error)
{
    ksi_row row;
    ksi_row_iterator *iterator = ksi_row_iterator_open(rows_of(restore), &(ksi_row_range){0});
    ks_status status = ksi_row_iterator_next(iterator, &row, has, error);
    ksi_row_iterator_close(iterator);
    return status;
}

/* Says in `stale` why what is on disk cannot be gone on from; leaves it empty when it can. */
static ks_status judge(ksi_restore *restore, extent changelog, ks_error *error)
{
    char *why = restore->stale;
    const size_t size = sizeof restore->stale;
    const ksi_store_position position = ksi_row_store_position(rows_of(restore));
    const int64_t age_ms = ksi_wall_ms(restore->clock) - position.current_ms;
    if (position.offset < 0 && ksi_row_store_was_cut_off(rows_of(restore))) {
        (void)snprintf(why, size,
                       "the process ended while a record was written that memory had no "
                       "room for");
    } else if (position.offset < 0) {
        bool has = false;
        KS_TRY(has_rows(restore, &has, error));
        (void)snprintf(why, size, "%s", has ? "an earlier restore was cut off" : "");
    } else if (position.offset > changelog.end) {
        (void)snprintf(why, size,
                       "it was written up to offset %lld, and the changelog ends at %lld",
                       (long long)position.offset, (long long)changelog.end);
    } else if (position.offset < changelog.begin) {
        (void)snprintf(why, size,
                       "it was written up to offset %lld, and the changelog begins at %lld",
                       (long long)position.offset, (long long)changelog.begin);
    } else if (age_ms > KSI_DELETE_RETENTION_MS) {
        (void)snprintf(why, size,
                       "it was last current %lld hours ago, and deleted rows may be gone from the "
                       "changelog after %lld",
                       (long long)(age_ms / HOUR_MS),
                       (long long)(KSI_DELETE_RETENTION_MS / HOUR_MS));
    } else if (position.hash != 0 && position.offset > changelog.begin) {
        uint64_t hash = 0;
        KS_TRY(hash_at(restore, position.offset - 1, &hash, error));
        if (hash != 0 && hash != position.hash) {
            (void)snprintf(why, size, "the changelog has another record at offset %lld",
                           (long long)position.offset - 1);
        }
    }
    return KS_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Reads up to `end`; `position` moves along. */
static ks_status read_rows(ksi_restore *restore, ksi_consumer *consumer, size_t slot, int64_t end,
                           ksi_store_position *position, ks_error *error)
{
    ks_log_record batch[RESTORE_BATCH];
    while (position->offset < end && !atomic_load(restore->stop)) {
        size_t count = 0;
        KS_TRY(consumer->class->poll(consumer, slot, batch, RESTORE_BATCH, &count, error));
        if (count == 0) {
            consumer->class->wait(consumer, WAIT_MS);
        }
        for (size_t i = 0; i < count; i++) {
            if (batch[i].key.data != NULL) {
                KS_TRY(ksi_row_store_restore(rows_of(restore), batch[i].key, batch[i].value,
                                             batch[i].timestamp, error));
            }
        }
        if (count > 0) {
            position->hash = ksi_changelog_hash(batch[count - 1].key, batch[count - 1].value);
        }
        position->offset = consumer->class->position(consumer, slot);
        restore->rows += (int64_t)count;
    }
    return KS_OK;
}

static ks_status read_from(ksi_restore *restore, int64_t end, ks_error *error)
{
    size_t slot = 0;
    const int64_t now_ms = ksi_wall_ms(restore->clock);
    ksi_store_position position = ksi_row_store_position(rows_of(restore));
    ksi_consumer *consumer = open_at(restore, restore->from, &slot, error);
    if (consumer == NULL) {
        return ksi_error_flag(error, 0); /* as the transport said */
    }
    if (position.offset < 0) {
        position.current_ms = now_ms;
    }
    position.offset = restore->from;
    ks_status status = read_rows(restore, consumer, slot, end, &position, error);
    consumer->class->close(consumer);
    if (status != KS_OK || restore->rows == 0) {
        return status;
    }
    if (position.offset >= end) {
        position.current_ms = now_ms; /* a part of the changelog is not current */
    }
    return ksi_row_store_restored(rows_of(restore), &position, error);
}

ks_status ksi_restore_store(ksi_restore *restore, ks_error *error)
{
    ksi_transport *transport = restore->transport;
    extent changelog = {0};
    restore->rows = 0;
    restore->stale[0] = '\0';
    KS_TRY(transport->class->offsets(transport, restore->changelog, &changelog.begin,
                                     &changelog.end, error));
    KS_TRY(judge(restore, changelog, error));
    if (restore->stale[0] != '\0') {
        KS_TRY(ksi_row_store_wipe(rows_of(restore), error));
    }
    const ksi_store_position position = ksi_row_store_position(rows_of(restore));
    restore->from = position.offset >= 0 ? position.offset : changelog.begin;
    return restore->from < changelog.end ? read_from(restore, changelog.end, error) : KS_OK;
}
