/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_commit.c - the one way in which records and offsets enter the log.
 *
 *     lock | may it? | stage all batches | catalogue | publish all, set the offsets | unlock | wake
 *                          |                 |
 *                          +-- refused ------+--> unstage all, nothing has happened
 *
 * For a log in a directory the one write of the catalogue is the point of commit: before it the
 * batches are bytes that do not count, after it they do, whatever happens to the process.
 *
 * Whether it may is asked under the lock, with the commit: a producer whose transactional id has a
 * newer one, and a member whose generation is over, are turned away with nothing done.
 *
 * Thread rule: any thread.
 */
#include "transport/embedded/embedded_log.h"

#include "base/crash_point.h"
#include "base/error.h"
#include "base/memory.h"

/* ---- may it? --------------------------------------------------------------------------------- */

static ks_status check_epoch(const ksi_log_commit *commit, ks_error *error)
{
    if (commit->transaction == NULL || commit->transaction->epoch == commit->epoch) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_FENCED, commit->transaction->name,
                         "a newer producer has this transactional id: what runs here was taken for "
                         "dead, and another has its work");
}

static ks_status check_generation(ksi_embedded_log *log, const ksi_offset_commit *offsets,
                                  ks_error *error)
{
    if (offsets == NULL || offsets->generation == NULL ||
        ksi_coordinator_is_current(log->coordinator, offsets->group, offsets->generation)) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_FENCED, offsets->group,
                         "member %s is not in the group any more in generation %d: its session "
                         "ended, and others have its tasks",
                         offsets->generation->member, offsets->generation->number);
}

static ks_status check_offsets(const ksi_offset_commit *offsets, ks_error *error)
{
    for (size_t i = 0; offsets != NULL && i < offsets->count; i++) {
        const ksi_group_offset *offset = &offsets->offsets[i];
        if (offset->offset < 0) {
            return ksi_error_set(error, KS_E_ARGUMENT, offset->partition.topic,
                                 "offset %lld cannot be committed; offsets begin at 0",
                                 (long long)offset->offset);
        }
    }
    return KS_OK;
}

static ks_status check_topics(const ksi_log_commit *commit, ks_error *error)
{
    for (size_t i = 0; i < commit->batch_count; i++) {
        const ksi_embedded_topic *topic = commit->batches[i].topic;
        if (atomic_load(&topic->is_deleted)) {
            return ksi_embedded_topic_gone(topic->name, error);
        }
    }
    return KS_OK;
}

/* ---- a commit -------------------------------------------------------------------------------- */

static ksi_partition *partition_of(const ksi_outgoing_batch *batch)
{
    return batch->topic->partitions[batch->partition];
}

/* Stages the batches. */
static ks_status stage(const ksi_log_commit *commit, ks_error *error)
{
    KSI_CRASH_POINT("log.before-append");
    for (size_t i = 0; i < commit->batch_count; i++) {
        ksi_partition *partition = partition_of(&commit->batches[i]);
        KS_TRY(partition->class->stage(partition, commit->batches[i].batch, error));
        KSI_CRASH_POINT("log.between-partitions");
    }
    return KS_OK;
}

static void unstage(const ksi_log_commit *commit)
{
    for (size_t i = 0; i < commit->batch_count; i++) {
        ksi_partition *partition = partition_of(&commit->batches[i]);
        partition->class->unstage(partition);
    }
}

/* In a directory: the files, then the rows that make them count. */
static ks_status make_permanent(ksi_embedded_log *log, const ksi_log_commit *commit,
                                ks_error *error)
{
    ksi_log_directory *directory = log->directory;
    if (directory == NULL) {
        return KS_OK;
    }
    for (size_t i = 0; i < commit->batch_count; i++) {
        ksi_partition *partition = partition_of(&commit->batches[i]);
        if (directory->syncs) {
            KS_TRY(partition->class->sync(partition, error));
        }
    }
    for (size_t i = 0; i < commit->batch_count; i++) {
        ksi_partition *partition = partition_of(&commit->batches[i]);
        partition->class->describe(partition);
    }
    const ksi_offset_commit *offsets = commit->offsets;
    for (size_t i = 0; offsets != NULL && i < offsets->count; i++) {
        ksi_catalogue_put_offset(directory->catalogue, offsets->group, &offsets->offsets[i]);
    }
    KSI_CRASH_POINT("log.appended");
    KS_TRY(ksi_log_directory_write(directory, error));
    KSI_CRASH_POINT("log.committed");
    return KS_OK;
}

/* A partition is published at its first batch; for the others of it nothing is left to do. */
static void publish(ksi_embedded_log *log, const ksi_log_commit *commit)
{
    for (size_t i = 0; i < commit->batch_count; i++) {
        ksi_partition *partition = partition_of(&commit->batches[i]);
        partition->class->publish(partition);
    }
    const ksi_offset_commit *offsets = commit->offsets;
    for (size_t i = 0; offsets != NULL && i < offsets->count; i++) {
        ksi_group_offsets_put(log->groups, offsets->group, &offsets->offsets[i]);
    }
}

static ks_status commit_locked(ksi_embedded_log *log, const ksi_log_commit *commit, ks_error *error)
{
    KS_TRY(check_epoch(commit, error));
    KS_TRY(check_generation(log, commit->offsets, error));
    KS_TRY(check_offsets(commit->offsets, error));
    KS_TRY(check_topics(commit, error));
    if (log->directory != NULL) {
        KS_TRY(ksi_log_directory_check(log->directory, error));
    }
    ks_status status = stage(commit, error);
    if (status == KS_OK) {
        status = make_permanent(log, commit, error);
    }
    if (status != KS_OK) {
        unstage(commit);
        return status;
    }
    publish(log, commit);
    return KS_OK;
}

ks_status ksi_embedded_log_move_begin(ksi_embedded_log *log, ksi_partition *partition,
                                      int64_t begin, ks_error *error)
{
    ks_status status = KS_OK;
    partition->class->stage_begin(partition, begin);
    if (log->directory != NULL) {
        status = ksi_log_directory_check(log->directory, error);
    }
    if (status == KS_OK && log->directory != NULL) {
        partition->class->describe(partition);
        status = ksi_log_directory_write(log->directory, error);
    }
    if (status == KS_OK) {
        partition->class->publish(partition);
    } else {
        partition->class->unstage(partition);
    }
    return status;
}

ks_status ksi_embedded_log_commit(ksi_embedded_log *log, const ksi_log_commit *commit,
                                  ks_error *error)
{
    ksi_mutex_lock(&log->lock);
    ks_status status = commit_locked(log, commit, error);
    ksi_mutex_unlock(&log->lock);
    bool is_awaited = false;
    for (size_t i = 0; i < commit->batch_count && status == KS_OK && !is_awaited; i++) {
        is_awaited = atomic_load(&partition_of(&commit->batches[i])->watchers) > 0;
    }
    if (is_awaited) {
        ksi_embedded_log_notify(log);
    }
    return status;
}

uint64_t ksi_embedded_log_begin_epoch(ksi_embedded_log *log, const char *name,
                                      ksi_transactional_id **id)
{
    ksi_mutex_lock(&log->lock);
    *id = ksi_map_get_cstr(log->transactional, name);
    if (*id == NULL) {
        *id = ksi_calloc(1, sizeof **id);
        (*id)->name = ksi_strdup(name);
        (void)ksi_map_put_cstr(log->transactional, name, *id);
    }
    uint64_t epoch = ++(*id)->epoch;
    ksi_mutex_unlock(&log->lock);
    return epoch;
}
