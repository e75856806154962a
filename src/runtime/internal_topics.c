/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal_topics.c - creating what is missing and refusing what does not fit. @java
 * InternalTopicManager
 *
 * A topic with another number of partitions holds rows and records that were placed by that number.
 * Going on with it would look up keys in the wrong partition, and growing it would not move a
 * single record, so it is refused; what to do is the user's to decide.
 */
#include "runtime/internal_topics.h"

#include "base/error.h"

static ks_status check_existing(const ksi_needed_topic *needed, int32_t partitions, ks_error *error)
{
    if (partitions == 0 || partitions == needed->partitions) {
        return KS_OK;
    }
    return ksi_error_set(
        error, KS_E_TOPOLOGY, needed->topic,
        "this %s topic exists with %d partitions and the application needs %d: its input topics or "
        "the topology have changed. Give back the former number of partitions, or start under "
        "another application.id, or delete the topic, which loses what is in it",
        needed->kind, partitions, needed->partitions);
}

ks_status ksi_internal_topics_make_ready(const ksi_assignment *assignment, ksi_transport *transport,
                                         ksi_logger *logger, ks_error *error)
{
    for (size_t i = 0; i < assignment->needed_topic_count; i++) {
        const ksi_needed_topic *needed = &assignment->needed_topics[i];
        int32_t partitions = transport->class->partition_count(transport, needed->topic);
        KS_TRY(check_existing(needed, partitions, error));
    }
    for (size_t i = 0; i < assignment->needed_topic_count; i++) {
        const ksi_needed_topic *needed = &assignment->needed_topics[i];
        if (transport->class->partition_count(transport, needed->topic) > 0) {
            continue;
        }
        const ksi_topic_spec spec = {.name = needed->topic, .partitions = needed->partitions};
        ks_status status = transport->class->create_topic(transport, &spec, error);
        if (status != KS_OK) {
            ksi_error_prefix(error, "creating a %s topic: ", needed->kind);
            return status;
        }
        ksi_log(logger, KS_LOG_LEVEL_INFO, needed->topic, "created the %s topic, partitions %d",
                needed->kind, needed->partitions);
    }
    return KS_OK;
}
