/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic.h - a topic of an embedded log, by reference.
 *
 * The log holds a topic until it is deleted; producers and consumers that met it hold it until they
 * let go, so that deleting is safe at any moment: they see `is_deleted` and answer
 * KS_E_UNKNOWN_TOPIC. A topic made again under the same name is another topic.
 *
 * Thread rule: counting, names, partitions and is_deleted any thread; `config` under the log's
 * lock.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_TOPIC_H
#define KSI_TRANSPORT_EMBEDDED_TOPIC_H

#include "transport/embedded/partition.h"
#include "transport/embedded/topic_config.h"

typedef struct ksi_embedded_topic {
    atomic_int references;
    atomic_bool is_deleted;
    char *name;
    uint64_t id; /* in the catalogue, of a log in files */
    ksi_topic_config_set config;
    int32_t partition_count;
    ksi_partition *partitions[];
} ksi_embedded_topic;

/* With one reference, the default configuration and room for its partitions. */
ksi_embedded_topic *ksi_embedded_topic_new(const char *name, int32_t partitions);
ksi_embedded_topic *ksi_embedded_topic_retain(ksi_embedded_topic *topic);
void ksi_embedded_topic_release(ksi_embedded_topic *topic); /* accepts NULL */

/* KS_E_ARGUMENT unless it has such a partition. */
KS_NODISCARD ks_status ksi_embedded_topic_check_partition(const ksi_embedded_topic *topic,
                                                          int32_t partition, ks_error *error);

/* KS_E_UNKNOWN_TOPIC, in words. */
ks_status ksi_embedded_topic_unknown(const char *name, ks_error *error);
ks_status ksi_embedded_topic_gone(const char *name, ks_error *error);

#endif
