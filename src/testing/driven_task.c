/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driven_task.c - see driven_task.h.
 *
 * The record that waited as a head of its queue had been deserialized before the restart and is
 * again after it, so what a broken one leads to (the handler, a dead letter) comes twice: so it is
 * in an application that ends between the two.
 */
#include "testing/driven_task.h"

#include "base/error.h"
#include "base/memory.h"
#include "runtime/restore.h"
#include "testing/captured_log.h"

/* ---- starting -------------------------------------------------------------------------------- */

static ks_status open_rows(ksi_driven_task *driven, ks_error *error)
{
    const ksi_task_rows_options in_memory = {
        .topology = driven->options.topology,
        .id = {.subtopology = driven->options.subtopology, .partition = driven->options.partition},
        .application_id = driven->options.application_id};
    driven->rows = ksi_task_rows_open(&in_memory, error);
    return driven->rows != NULL ? KS_OK : ksi_error_flag(error, 0);
}

static bool keeps_global_stores(const ksi_driven_task *driven)
{
    return driven->options.subtopology == KSI_GLOBAL_STORES;
}

static ks_status open_task(ksi_driven_task *driven, ks_error *error)
{
    driven->options.rows = driven->rows;
    if (keeps_global_stores(driven)) {
        driven->options.global_rows = driven->rows;
    }
    driven->task = ksi_task_new(&driven->options, error);
    if (driven->task == NULL) {
        return ksi_error_flag(error, 0); /* as the task said */
    }
    for (size_t i = 0; i < ksi_task_input_count(driven->task); i++) {
        ksi_task_set_caught_up(driven->task, i, true); /* there is no log that could hold more */
    }
    return KS_OK;
}

static void note_inputs(ksi_driven_task *driven)
{
    driven->input_count = ksi_task_input_count(driven->task);
    driven->inputs = ksi_calloc(driven->input_count + 1, sizeof *driven->inputs);
    for (size_t i = 0; i < driven->input_count; i++) {
        driven->inputs[i] =
            (ksi_driven_input){.topic = ksi_arena_strdup(&driven->consumed.arena,
                                                         ksi_task_input_topic(driven->task, i)),
                               .time = -1};
    }
}

ks_status ksi_driven_task_start(ksi_driven_task *driven, const ksi_task_options *options,
                                ks_error *error)
{
    *driven = (ksi_driven_task){.options = *options};
    ksi_capture_init(&driven->consumed);
    ksi_arena_init(&driven->note_arena, 0);
    KS_TRY(open_rows(driven, error));
    KS_TRY(open_task(driven, error));
    note_inputs(driven);
    return KS_OK;
}

void ksi_driven_task_destroy(ksi_driven_task *driven)
{
    if (driven->options.topology == NULL) {
        return;
    }
    ksi_task_free(driven->task);
    ksi_task_rows_close(driven->rows);
    for (size_t i = 0; i < driven->input_count; i++) {
        ksi_free(driven->inputs[i].topics);
    }
    ksi_free(driven->inputs);
    ksi_arena_destroy(&driven->note_arena);
    ksi_capture_destroy(&driven->consumed);
}

/* ---- work ------------------------------------------------------------------------------------ */

size_t ksi_driven_task_input_of(const ksi_driven_task *driven, const char *topic)
{
    return driven->task != NULL ? ksi_task_input_of(driven->task, topic) : SIZE_MAX;
}

void ksi_driven_task_enqueue(ksi_driven_task *driven, size_t input, const char *topic,
                             const ks_log_record *record)
{
    ksi_driven_input *into = &driven->inputs[input];
    ks_log_record consumed = *record;
    consumed.partition = 0;
    const ks_log_record *kept = ksi_capture_add(&driven->consumed, into->topic, &consumed);
    size_t count = (size_t)kept->offset + 1;
    into->topics = ksi_grow(into->topics, &into->capacity, count, sizeof *into->topics);
    bool is_its_own = strcmp(topic, into->topic) == 0;
    into->topics[count - 1] =
        is_its_own ? into->topic : ksi_arena_strdup(&driven->consumed.arena, topic);
    ksi_task_enqueue(driven->task, input, topic, kept);
}

ks_status ksi_driven_task_commit(ksi_driven_task *driven, ks_error *error)
{
    KS_TRY(ksi_task_flush(driven->task, error));
    return ksi_task_committed(driven->task, error);
}

uint64_t ksi_driven_task_dropped_by(const ksi_driven_task *driven, ks_drop_reason reason)
{
    return driven->dropped[reason] +
           (driven->task != NULL ? ksi_task_dropped_by(driven->task, reason) : 0);
}

/* ---- a restart ------------------------------------------------------------------------------- */

/* A copy of what its nodes keep beside the offsets. */
static void keep_notes(ksi_driven_task *driven)
{
    ksi_arena_reset(&driven->note_arena);
    driven->notes = ksi_task_notes(driven->task, &driven->note_arena);
    for (size_t i = 0; i < driven->notes.count; i++) {
        ksi_commit_note *note = &driven->notes.items[i];
        note->name = ksi_arena_strdup(&driven->note_arena, note->name);
    }
}

void ksi_driven_task_stop(ksi_driven_task *driven)
{
    if (driven->task == NULL) {
        return;
    }
    for (size_t i = 0; i < driven->input_count; i++) {
        int64_t offset = ksi_task_offset(driven->task, i);
        driven->inputs[i].committed = offset >= 0 ? offset : driven->inputs[i].committed;
        driven->inputs[i].time = ksi_task_partition_time(driven->task, i);
    }
    for (ks_drop_reason reason = 0; reason < KS_DROP_REASON_COUNT; reason++) {
        driven->dropped[reason] = ksi_driven_task_dropped_by(driven, reason);
    }
    keep_notes(driven);
    ksi_task_free(driven->task);
    driven->task = NULL;
}

static int64_t committed_of(const ksi_driven_task *driven, const char *topic)
{
    for (size_t i = 0; i < driven->input_count; i++) {
        if (strcmp(driven->inputs[i].topic, topic) == 0) {
            return driven->inputs[i].committed;
        }
    }
    return 0;
}

static ks_status restore_store(ksi_driven_task *driven, const ksi_store_rows *store,
                               const ksi_capture *changelogs, ks_error *error)
{
    bool is_input = store->input_of != NULL;
    ksi_captured_log log;
    ksi_captured_log_init(&log, is_input ? &driven->consumed : changelogs,
                          is_input ? committed_of(driven, store->changelog) : -1);
    ksi_restore restore = {.transport = &log.transport,
                           .consumer = &log.consumer,
                           .changelog = {.topic = store->changelog},
                           .input_of = store->input_of,
                           .spec = &store->spec->spec,
                           .rows = store->rows,
                           .clock = driven->options.clock};
    size_t count = 0;
    ks_status status = ksi_restore_ask(&restore, error);
    if (status == KS_OK) {
        status = ksi_restore_begin(&restore, error);
    }
    while (status == KS_OK && !ksi_restore_is_complete(&restore)) {
        status = ksi_restore_read(&restore, &count, error);
    }
    if (status == KS_OK) {
        status = ksi_restore_write(&restore, error);
    }
    ksi_restore_end(&restore);
    return status;
}

static ks_status restore_rows(ksi_driven_task *driven, const ksi_capture *changelogs,
                              ks_error *error)
{
    ksi_task_rows_close(driven->rows);
    KS_TRY(open_rows(driven, error));
    if (keeps_global_stores(driven)) {
        for (size_t i = 0; i < driven->input_count; i++) {
            driven->inputs[i].committed = 0; /* all of it is processed again */
        }
        return KS_OK;
    }
    for (size_t i = 0; i < driven->rows->count; i++) {
        if (driven->rows->stores[i].changelog != NULL) {
            KS_TRY(restore_store(driven, &driven->rows->stores[i], changelogs, error));
        }
    }
    return KS_OK;
}

/* What was not processed is read again. */
static void fill_queues(ksi_driven_task *driven)
{
    for (size_t i = 0; i < driven->input_count; i++) {
        const ksi_driven_input *input = &driven->inputs[i];
        const ksi_captured_topic *topic = ksi_capture_topic(&driven->consumed, input->topic);
        ksi_task_set_partition_time(driven->task, i, input->time);
        for (size_t r = (size_t)input->committed; topic != NULL && r < topic->count; r++) {
            ksi_task_enqueue(driven->task, i, input->topics[r], &topic->records[r]);
        }
    }
}

static ks_status keep_again(ksi_driven_task *driven, ks_error *error)
{
    bool processed = true;
    uint64_t before[KS_DROP_REASON_COUNT];
    memcpy(before, driven->dropped, sizeof before);
    while (processed) {
        KS_TRY(ksi_task_process(driven->task, &processed, error));
    }
    for (ks_drop_reason reason = 0; reason < KS_DROP_REASON_COUNT; reason++) {
        driven->dropped[reason] = before[reason] - ksi_task_dropped_by(driven->task, reason);
    }
    return ksi_driven_task_commit(driven, error);
}

ks_status ksi_driven_task_resume(ksi_driven_task *driven, bool keeps_rows,
                                 const ksi_capture *changelogs, ks_error *error)
{
    if (driven->options.topology == NULL) {
        return KS_OK;
    }
    if (!keeps_rows) {
        KS_TRY(restore_rows(driven, changelogs, error));
    }
    KS_TRY(open_task(driven, error));
    ksi_task_take_notes(driven->task, &driven->notes);
    fill_queues(driven);
    return keeps_global_stores(driven) ? keep_again(driven, error) : KS_OK;
}
