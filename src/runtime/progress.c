/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.c - see progress.h.
 */
#include "runtime/progress.h"

#include "base/memory.h"

#include <string.h>

static void init(ksi_progress *progress, const ksi_assignment *assignment, bool is_global)
{
    size_t count = 0;
    for (size_t i = 0; i < assignment->input_count; i++) {
        count += (size_t)assignment->inputs[i].partitions;
    }
    ksi_arena_init(&progress->names, 0);
    progress->inputs = ksi_calloc(count + 1, sizeof *progress->inputs);
    progress->count = 0;
    for (size_t i = 0; i < assignment->input_count; i++) {
        const ksi_assigned_input *input = &assignment->inputs[i];
        if (input->source->is_global != is_global) {
            continue;
        }
        const char *topic = ksi_arena_strdup(&progress->names, input->topic);
        for (int32_t p = 0; p < input->partitions; p++) {
            ksi_input_progress *entry = &progress->inputs[progress->count++];
            entry->at = (ksi_topic_partition){.topic = topic, .partition = p};
            entry->subtopology = input->source->subtopology;
            atomic_init(&entry->processed, 0);
            atomic_init(&entry->committed, 0);
            atomic_init(&entry->is_assigned, is_global);
        }
    }
}

void ksi_progress_init(ksi_progress *progress, const ksi_assignment *assignment)
{
    init(progress, assignment, false);
}

void ksi_progress_init_global(ksi_progress *progress, const ksi_assignment *assignment)
{
    init(progress, assignment, true);
}

void ksi_progress_destroy(ksi_progress *progress)
{
    ksi_free(progress->inputs);
    ksi_arena_destroy(&progress->names);
    *progress = (ksi_progress){0};
}

void ksi_progress_assign(ksi_progress *progress, ksi_task_id task, bool is_assigned)
{
    for (size_t i = 0; i < progress->count; i++) {
        ksi_input_progress *entry = &progress->inputs[i];
        if (entry->subtopology == task.subtopology && entry->at.partition == task.partition) {
            atomic_store(&entry->is_assigned, is_assigned);
        }
    }
}

ksi_input_progress *ksi_progress_of(const ksi_progress *progress, ksi_topic_partition at)
{
    for (size_t i = 0; i < progress->count; i++) {
        ksi_input_progress *entry = &progress->inputs[i];
        if (entry->at.partition == at.partition && strcmp(entry->at.topic, at.topic) == 0) {
            return entry;
        }
    }
    return NULL;
}

void ksi_progress_copy(ksi_progress *copy, const ksi_progress *progress)
{
    *copy = (ksi_progress){.inputs = ksi_calloc(progress->count + 1, sizeof *copy->inputs)};
    ksi_arena_init(&copy->names, 0);
    for (size_t i = 0; i < progress->count; i++) {
        const ksi_input_progress *from = &progress->inputs[i];
        if (!atomic_load(&from->is_assigned)) {
            continue;
        }
        ksi_input_progress *to = &copy->inputs[copy->count++];
        to->at = (ksi_topic_partition){.topic = ksi_arena_strdup(&copy->names, from->at.topic),
                                       .partition = from->at.partition};
        to->subtopology = from->subtopology;
        atomic_init(&to->processed, atomic_load(&from->processed));
        atomic_init(&to->committed, atomic_load(&from->committed));
        atomic_init(&to->is_assigned, true);
    }
}

/* The end of a partition; 0 when it is gone. False: it cannot be asked now. */
static bool find_end(ksi_transport *transport, ksi_topic_partition at, int64_t *end)
{
    int64_t begin = 0;
    ks_status status = transport->class->offsets(transport, at, &begin, end, NULL);
    if (status == KS_E_UNKNOWN_TOPIC) {
        *end = 0;
        return true;
    }
    return status == KS_OK;
}

bool ksi_progress_is_caught_up(const ksi_progress *progress, ksi_transport *transport,
                               uint64_t *ends)
{
    for (size_t i = 0; i < progress->count; i++) {
        ksi_input_progress *input = &progress->inputs[i];
        if (!atomic_load(&input->is_assigned)) {
            continue;
        }
        int64_t end = 0;
        if (!find_end(transport, input->at, &end) || atomic_load(&input->committed) < end) {
            return false;
        }
        *ends += (uint64_t)end;
    }
    return true;
}

uint64_t ksi_progress_behind(const ksi_progress *progress, ksi_transport *transport)
{
    uint64_t behind = 0;
    for (size_t i = 0; i < progress->count; i++) {
        ksi_input_progress *input = &progress->inputs[i];
        int64_t end = 0;
        if (!atomic_load(&input->is_assigned) || !find_end(transport, input->at, &end)) {
            continue;
        }
        int64_t left = end - atomic_load(&input->processed);
        behind += left > 0 ? (uint64_t)left : 0;
    }
    return behind;
}
