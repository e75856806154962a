/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic.c - see topic.h.
 *
 * Thread rule: see topic.h.
 */
#include "transport/embedded/topic.h"

#include "base/error.h"
#include "base/memory.h"

ksi_embedded_topic *ksi_embedded_topic_new(const char *name, int32_t partitions)
{
    ksi_embedded_topic *topic =
        ksi_calloc(1, sizeof *topic + (size_t)partitions * sizeof topic->partitions[0]);
    atomic_init(&topic->references, 1);
    atomic_init(&topic->is_deleted, false);
    topic->name = ksi_strdup(name);
    topic->partition_count = partitions;
    ksi_topic_config_init(&topic->config);
    return topic;
}

ksi_embedded_topic *ksi_embedded_topic_retain(ksi_embedded_topic *topic)
{
    atomic_fetch_add_explicit(&topic->references, 1, memory_order_relaxed);
    return topic;
}

void ksi_embedded_topic_release(ksi_embedded_topic *topic)
{
    if (topic == NULL ||
        atomic_fetch_sub_explicit(&topic->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (int32_t i = 0; i < topic->partition_count; i++) {
        if (topic->partitions[i] != NULL) {
            topic->partitions[i]->class->free(topic->partitions[i]);
        }
    }
    ksi_topic_config_destroy(&topic->config);
    ksi_free(topic->name);
    ksi_free(topic);
}

ks_status ksi_embedded_topic_check_partition(const ksi_embedded_topic *topic, int32_t partition,
                                             ks_error *error)
{
    if (partition >= 0 && partition < topic->partition_count) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_ARGUMENT, topic->name,
                         "the topic has partitions 0 to %d; there is no partition %d",
                         topic->partition_count - 1, partition);
}

ks_status ksi_embedded_topic_unknown(const char *name, ks_error *error)
{
    return ksi_error_set(error, KS_E_UNKNOWN_TOPIC, name,
                         "the topic does not exist; create it first");
}

ks_status ksi_embedded_topic_gone(const char *name, ks_error *error)
{
    return ksi_error_set(error, KS_E_UNKNOWN_TOPIC, name,
                         "the topic was deleted while it was in use; create it again, or stop what "
                         "uses it");
}
