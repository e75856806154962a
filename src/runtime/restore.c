/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.c - see restore.h.
 *
 * The hash of the record before the position is compared on the way: reading begins one record
 * early, and when that record is another one than the store remembers, what was on disk is wiped
 * and reading begins at the beginning. A record that compaction took away proves nothing, because
 * its key has a newer one behind it, which is about to be read.
 *
 * The tempting wrong way is to take the position for reached when the last record was read: the end
 * of a changelog may lie behind records that compaction removed, so it is the consumer's place that
 * counts.
 */
#include "runtime/restore.h"

#include "base/error.h"
#include "runtime/collector.h"

#include <inttypes.h>
#include <stdio.h>

enum { RESTORE_BATCH = 512 };
#define HOUR_MS ((int64_t)60 * 60 * 1000)

/* ---- what is there --------------------------------------------------------------------------- */

static ks_status has_rows(const ksi_restore *restore, bool *has, ks_error *error)
{
    ksi_row row;
    ksi_row_iterator *iterator = ksi_row_iterator_open(restore->rows, &(ksi_row_range){0});
    ks_status status = ksi_row_iterator_next(iterator, &row, has, error);
    ksi_row_iterator_close(iterator);
    return status;
}

/* Says in `stale` why what is there cannot be gone on from; leaves it empty when it can. */
static ks_status judge(ksi_restore *restore, ks_error *error)
{
    const int64_t begin = restore->begin;
    char *why = restore->stale;
    const size_t size = sizeof restore->stale;
    const ksi_store_position position =
        ksi_row_store_position_in(restore->rows, restore->position_index);
    const int64_t age_ms = ksi_wall_ms(restore->clock) - position.current_ms;
    if (position.offset < 0 && ksi_row_store_was_cut_off(restore->rows)) {
        (void)snprintf(why, size,
                       "the process ended while a record was written that memory had no "
                       "room for");
    } else if (position.offset < 0 && ksi_row_store_was_of_another_kind(restore->rows)) {
        (void)snprintf(why, size, "it was written as another kind of store");
    } else if (position.offset < 0) {
        bool has = false;
        KS_TRY(has_rows(restore, &has, error));
        (void)snprintf(why, size, "%s", has ? "an earlier restore was cut off" : "");
    } else if (position.offset > restore->end) {
        (void)snprintf(
            why, size, "it was written up to offset %" PRId64 ", and %s %" PRId64, position.offset,
            restore->input_of != NULL ? "what was processed ends at" : "the changelog ends at",
            restore->end);
    } else if (restore->input_of != NULL && position.offset == restore->end) {
        return KS_OK; /* nothing was missed; what it was made from may be deleted by now */
    } else if (position.offset < begin) {
        (void)snprintf(why, size,
                       "it was written up to offset %" PRId64
                       ", and the changelog begins at %" PRId64,
                       position.offset, begin);
    } else if (age_ms > KSI_DELETE_RETENTION_MS) {
        (void)snprintf(why, size,
                       "it was last current %" PRId64 " hours ago, and deleted rows may be gone "
                       "from the changelog after %" PRId64,
                       age_ms / HOUR_MS, KSI_DELETE_RETENTION_MS / HOUR_MS);
    }
    return KS_OK;
}

static ks_status assign(ksi_restore *restore, int64_t offset, ks_error *error)
{
    ksi_consumer *consumer = restore->consumer;
    KS_TRY(consumer->class->assign(consumer, restore->changelog, offset, &restore->slot, error));
    restore->is_assigned = true;
    return KS_OK;
}

static void unassign(ksi_restore *restore)
{
    if (restore->is_assigned) {
        restore->consumer->class->unassign(restore->consumer, restore->slot);
        restore->is_assigned = false;
    }
}

static ks_status open_rows(ksi_restore *restore, ks_error *error)
{
    ksi_store_restore_close(restore->into);
    restore->into = ksi_store_restore_open(restore->spec, restore->rows, error);
    return restore->into != NULL ? KS_OK : error->code;
}

/* Rows of another configuration are as good as none. */
static ks_status open_what_is_there(ksi_restore *restore, ks_error *error)
{
    ks_error reason = {0};
    ks_status status = open_rows(restore, &reason);
    if (status == KS_E_CONFIG) {
        (void)snprintf(restore->stale, sizeof restore->stale, "%.*s",
                       (int)sizeof restore->stale - 1, reason.message);
        return KS_OK;
    }
    if (status != KS_OK) {
        *error = reason;
    }
    return status;
}

/* Wipes what cannot be trusted, if there is anything, and begins at the beginning. */
static ks_status begin_anew(ksi_restore *restore, ks_error *error)
{
    const int64_t begin = restore->begin;
    ksi_restore_end(restore);
    if (restore->stale[0] != '\0') {
        KS_TRY(ksi_row_store_wipe(restore->rows, error));
    }
    KS_TRY(open_rows(restore, error));
    restore->from = begin;
    restore->read = 0;
    restore->has_unwritten = true; /* that there is a position at all */
    restore->position =
        (ksi_store_position){.offset = begin, .current_ms = ksi_wall_ms(restore->clock)};
    restore->state = KSI_RESTORE_READING;
    return assign(restore, begin, error);
}

/* The end of an input is what its group has committed; nothing, when it has not. */
static ks_status end_at_commit(const ksi_restore *restore, int64_t begin, int64_t *end,
                               ks_error *error)
{
    ksi_transport *transport = restore->transport;
    ksi_group_offset committed = {.partition = restore->changelog, .offset = -1};
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ks_status status =
        transport->class->committed(transport, restore->input_of, &committed, 1, &arena, error);
    ksi_arena_destroy(&arena);
    int64_t processed = committed.offset >= 0 ? committed.offset : begin;
    *end = processed < *end ? processed : *end;
    return status;
}

/*
 * The end of a store's own changelog is that of all that was written. The last owner may have
 * committed a moment ago: its offsets are seen then, and where they say that the next one goes on,
 * its rows have to be, too. Reading waits for them, and for whatever else is not decided yet. What
 * others write is not waited for, as their transactions are none of ours, but for an input: what is
 * committed of it was read once, and readers come as far again. @java StoreChangelogReader
 */
static ks_status end_of_written(const ksi_restore *restore, int64_t *end, ks_error *error)
{
    ksi_transport *transport = restore->transport;
    bool is_waited_for = restore->is_own || restore->input_of != NULL;
    return is_waited_for && transport->class->high_watermark != NULL
               ? transport->class->high_watermark(transport, restore->changelog, end, error)
               : KS_OK;
}

ks_status ksi_restore_ask(ksi_restore *restore, ks_error *error)
{
    ksi_transport *transport = restore->transport;
    int64_t begin = 0;
    int64_t end = 0;
    KS_TRY(transport->class->offsets(transport, restore->changelog, &begin, &end, error));
    KS_TRY(end_of_written(restore, &end, error));
    if (restore->input_of != NULL) {
        KS_TRY(end_at_commit(restore, begin, &end, error));
    }
    restore->begin = begin;
    restore->end = end;
    return KS_OK;
}

static ks_status begin_at_position(ksi_restore *restore, ks_error *error)
{
    const int64_t begin = restore->begin;
    KS_TRY(ksi_row_store_open_position(restore->rows, restore->position_index, error));
    KS_TRY(judge(restore, error));
    if (restore->stale[0] == '\0') {
        KS_TRY(open_what_is_there(restore, error));
    }
    const ksi_store_position position =
        ksi_row_store_position_in(restore->rows, restore->position_index);
    if (restore->stale[0] != '\0' || position.offset < 0) {
        return begin_anew(restore, error);
    }
    bool compares = position.hash != 0 && position.offset > begin;
    restore->position = position;
    restore->from = position.offset;
    restore->expected_hash = compares ? position.hash : 0;
    restore->state = KSI_RESTORE_READING;
    return assign(restore, compares ? position.offset - 1 : position.offset, error);
}

static ks_status begin_first(ksi_restore *restore, ks_error *error)
{
    restore->read = 0;
    restore->stale[0] = '\0';
    restore->is_assigned = false;
    restore->into = NULL;
    restore->has_unwritten = false;
    restore->expected_hash = 0;
    return begin_at_position(restore, error);
}

/* What was read cannot be gone on from. */
static ks_status begin_again(ksi_restore *restore, ks_error *error)
{
    if (restore->state == KSI_RESTORE_OUT_OF_RANGE) {
        (void)snprintf(restore->stale, sizeof restore->stale,
                       "the changelog no longer has offset %" PRId64 "; it has %" PRId64
                       " to %" PRId64,
                       restore->position.offset, restore->begin, restore->end);
    } else {
        (void)snprintf(restore->stale, sizeof restore->stale,
                       "the changelog has another record at offset %" PRId64, restore->from - 1);
    }
    if (restore->follows) {
        return ksi_error_set(error, KS_E_OUT_OF_RANGE, restore->changelog.topic,
                             "partition %d cannot be followed: %s; the store is rebuilt when the "
                             "application starts again",
                             (int)restore->changelog.partition, restore->stale);
    }
    return begin_anew(restore, error);
}

ks_status ksi_restore_begin(ksi_restore *restore, ks_error *error)
{
    ks_status status = restore->state == KSI_RESTORE_NEW ? begin_first(restore, error)
                                                         : begin_again(restore, error);
    if (status != KS_OK) {
        ksi_restore_end(restore);
    }
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

/*
 * The first record of all, which may be the one before the position: `*anew` when it is another
 * than the store remembers.
 */
static bool is_another(ksi_restore *restore, const ks_log_record *first)
{
    uint64_t expected = restore->expected_hash;
    restore->expected_hash = 0;
    return expected != 0 && first->offset == restore->from - 1 &&
           ksi_changelog_hash(first->key, first->value) != expected;
}

static ks_status take(ksi_restore *restore, const ks_log_record *record, ks_error *error)
{
    if (record->offset < restore->from) {
        return KS_OK; /* the one that was compared */
    }
    restore->read++;
    restore->has_unwritten = true;
    restore->position.hash = ksi_changelog_hash(record->key, record->value);
    if (restore->take != NULL) {
        return restore->take(restore->owner, record, error);
    }
    if (record->key.data == NULL) {
        return KS_OK;
    }
    const ksi_record_context context = {.topic = restore->changelog.topic,
                                        .partition = restore->changelog.partition,
                                        .offset = record->offset,
                                        .timestamp = record->timestamp,
                                        .headers = record->headers};
    return ksi_store_restore_record(restore->into, record->key, record->value, &context, error);
}

/* How many of the records lie before the end: behind it is what was not processed. */
static size_t count_before_end(const ksi_restore *restore, const ks_log_record *batch, size_t count)
{
    while (count > 0 && batch[count - 1].offset >= restore->end) {
        count--;
    }
    return count;
}

/* Of an input, stays at the end, from where reading goes on when the end moves. */
static ks_status follow_consumer(ksi_restore *restore, ks_error *error)
{
    ksi_consumer *consumer = restore->consumer;
    int64_t position = consumer->class->position(consumer, restore->slot);
    if (position >= restore->from) {
        restore->expected_hash = 0; /* compared, or compacted away */
    }
    if (restore->input_of != NULL && position > restore->end) {
        position = restore->end;
        unassign(restore);
        KS_TRY(assign(restore, position, error));
    }
    if (position > restore->position.offset) {
        restore->position.offset = position;
        restore->has_unwritten = true;
    }
    return KS_OK;
}

ks_status ksi_restore_read(ksi_restore *restore, size_t *count, ks_error *error)
{
    ks_log_record batch[RESTORE_BATCH];
    ksi_consumer *consumer = restore->consumer;
    ks_error reason = {0};
    *count = 0;
    if (ksi_restore_wants_begin(restore) ||
        (restore->input_of != NULL && ksi_restore_is_complete(restore))) {
        return KS_OK;
    }
    ks_status status =
        consumer->class->poll(consumer, restore->slot, batch, RESTORE_BATCH, count, &reason);
    if (status == KS_E_OUT_OF_RANGE) {
        *count = 1; /* there was something to do */
        restore->state = KSI_RESTORE_OUT_OF_RANGE;
        return KS_OK;
    }
    if (status != KS_OK) {
        *error = reason;
        return status;
    }
    if (*count > 0 && is_another(restore, &batch[0])) {
        restore->state = KSI_RESTORE_ANOTHER_LOG;
        return KS_OK;
    }
    size_t wanted = restore->input_of != NULL ? count_before_end(restore, batch, *count) : *count;
    for (size_t i = 0; i < wanted; i++) {
        KS_TRY(take(restore, &batch[i], error));
    }
    return follow_consumer(restore, error);
}

bool ksi_restore_is_complete(const ksi_restore *restore)
{
    return restore->position.offset >= restore->end && restore->expected_hash == 0 &&
           !ksi_restore_wants_begin(restore);
}

bool ksi_restore_is_held_up(const ksi_restore *restore)
{
    ksi_consumer *consumer = restore->consumer;
    return restore->is_assigned && !ksi_restore_is_complete(restore) &&
           !ksi_restore_wants_begin(restore) &&
           consumer->class->position(consumer, restore->slot) >=
               consumer->class->end_offset(consumer, restore->slot);
}

void ksi_restore_watch(ksi_restore *restore, bool watched)
{
    if (restore->is_assigned) {
        restore->consumer->class->watch(restore->consumer, restore->slot, watched);
    }
}

static void stay_current(ksi_restore *restore)
{
    if (ksi_restore_is_complete(restore)) {
        restore->position.current_ms = ksi_wall_ms(restore->clock); /* a part is not current */
    }
}

ks_status ksi_restore_write(ksi_restore *restore, ks_error *error)
{
    if (!restore->has_unwritten) {
        return KS_OK;
    }
    stay_current(restore);
    bool is_only_one = restore->position_index == 0;
    if (!is_only_one) {
        ksi_row_store_set_position(restore->rows, restore->position_index, &restore->position);
    }
    KS_TRY(ksi_row_store_restored(restore->rows, is_only_one ? &restore->position : NULL, error));
    restore->has_unwritten = false;
    return KS_OK;
}

void ksi_restore_settle(ksi_restore *restore)
{
    stay_current(restore);
    ksi_row_store_set_position(restore->rows, restore->position_index, &restore->position);
    restore->has_unwritten = false;
}

void ksi_restore_end(ksi_restore *restore)
{
    unassign(restore);
    ksi_store_restore_close(restore->into);
    restore->into = NULL;
    restore->state = KSI_RESTORE_NEW;
}
