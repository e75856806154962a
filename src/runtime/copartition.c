/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copartition.c - see copartition.h.
 */
#include "runtime/copartition.h"

#include "base/buffer.h"
#include "base/error.h"

static bool is_in(const ksi_assigned_input *input, size_t group)
{
    return input->source->copartition == group;
}

static bool is_given(const ksi_assigned_input *input)
{
    return input->internal == NULL || input->internal->partitions > 0;
}

/* The input whose number the others take; NULL: nobody reads a topic of this group. */
static const ksi_assigned_input *find_decider(const ksi_assignment *assignment, size_t group)
{
    const ksi_assigned_input *found = NULL;
    for (size_t i = 0; i < assignment->input_count; i++) {
        const ksi_assigned_input *input = &assignment->inputs[i];
        if (!is_in(input, group)) {
            continue;
        }
        bool goes_first =
            found == NULL || (found->internal != NULL && input->internal == NULL) ||
            (!is_given(found) && (is_given(input) || input->partitions > found->partitions));
        found = goes_first ? input : found;
    }
    return found;
}

static ks_status refuse(const ksi_assignment *assignment, size_t group,
                        const ksi_assigned_input *decider, const ksi_assigned_input *other,
                        ks_error *error)
{
    ksi_buffer all = {0};
    for (size_t i = 0; i < assignment->input_count; i++) {
        const ksi_assigned_input *input = &assignment->inputs[i];
        if (is_in(input, group) && is_given(input)) {
            ksi_buffer_appendf(&all, "%s%s %d", all.size > 0 ? ", " : "", input->topic,
                               input->partitions);
        }
    }
    ks_status status = ksi_error_set(
        error, KS_E_TOPOLOGY, other->topic,
        "this topic is read together with %s, and a key must have the same partition in both, but "
        "their numbers of partitions differ: %s. Create them with the same number, or let one of "
        "the streams pass a repartition topic",
        decider->topic, ksi_buffer_cstr(&all));
    ksi_buffer_destroy(&all);
    return status;
}

static ks_status enforce(ksi_assignment *assignment, size_t group, ks_error *error)
{
    const ksi_assigned_input *decider = find_decider(assignment, group);
    for (size_t i = 0; decider != NULL && i < assignment->input_count; i++) {
        ksi_assigned_input *input = &assignment->inputs[i];
        if (!is_in(input, group)) {
            continue;
        }
        if (is_given(input) && input->partitions != decider->partitions) {
            return refuse(assignment, group, decider, input, error);
        }
        input->partitions = decider->partitions;
    }
    return KS_OK;
}

ks_status ksi_copartition_enforce(ksi_assignment *assignment, const ks_topology *topology,
                                  ks_error *error)
{
    for (size_t group = 1; group <= topology->copartition_count; group++) {
        KS_TRY(enforce(assignment, group, error));
    }
    return KS_OK;
}
