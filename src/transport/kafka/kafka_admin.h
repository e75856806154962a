/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_admin.h - requests to a cluster that are neither records nor members: topics, offsets of
 * partitions, groups.
 *
 * librdkafka answers an admin request with an event on a queue. A ksi_admin_call is one such
 * request: it has a queue of its own, so that callers do not wait for one another, and a bound of
 * time after which the answer is KS_E_TIMEOUT, flagged retriable.
 *
 *     ksi_admin_call call;
 *     status = ksi_admin_begin(self, RD_KAFKA_ADMIN_OP_CREATETOPICS, &call, error);
 *     rd_kafka_CreateTopics(call.client->handle, &topic, 1, call.options, call.queue);
 *     status = ksi_admin_wait(&call, name, "creating it", error);   the event is call.answer
 *     ksi_admin_end(&call);
 *
 * What a visitor is shown belongs to the answer, which is kept until the last visit; no lock is
 * held while it is called.
 *
 * Thread rule: any thread.
 */
#ifndef KSI_TRANSPORT_KAFKA_KAFKA_ADMIN_H
#define KSI_TRANSPORT_KAFKA_KAFKA_ADMIN_H

#include "transport/kafka/kafka_transport.h"

typedef struct ksi_admin_call {
    ksi_kafka_client *client; /* borrowed from the transport */
    rd_kafka_AdminOptions_t *options;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *answer; /* NULL before there is one */
} ksi_admin_call;

/* After an error there is nothing to end. */
KS_NODISCARD ks_status ksi_admin_begin(ksi_kafka_transport *self, rd_kafka_admin_op_t operation,
                                       ksi_admin_call *call, ks_error *error);
/* Waits for the answer; an error of the request as a whole is the answer of the call. */
KS_NODISCARD ks_status ksi_admin_wait(ksi_admin_call *call, const char *where, const char *doing,
                                      ks_error *error);
void ksi_admin_end(ksi_admin_call *call);

/*
 * The metadata of one topic, or of all when `topic` is NULL: to be destroyed. A topic that is not
 * there is in it, with its error.
 */
KS_NODISCARD ks_status ksi_admin_metadata(ksi_kafka_client *client, const char *topic,
                                          const struct rd_kafka_metadata **metadata,
                                          ks_error *error);

static inline ksi_kafka_transport *ksi_kafka_transport_of(ksi_transport *transport)
{
    return (ksi_kafka_transport *)transport;
}

/* ---- functions of the interface -------------------------------------------------------------- */

/* kafka_topics.c */
ks_status ksi_kafka_create_topic(ksi_transport *transport, const ksi_topic_spec *spec,
                                 ks_error *error);
ks_status ksi_kafka_delete_topic(ksi_transport *transport, const char *topic, ks_error *error);
ks_status ksi_kafka_partition_count(ksi_transport *transport, const char *topic, int32_t *count,
                                    ks_error *error);
ks_status ksi_kafka_each_topic(ksi_transport *transport, ksi_topic_visit_fn *visit, void *user,
                               ks_error *error);
ks_status ksi_kafka_broker_count(ksi_transport *transport, int32_t *count, ks_error *error);
ks_status ksi_kafka_each_config(ksi_transport *transport, const char *topic,
                                ksi_config_visit_fn *visit, void *user, ks_error *error);
ks_status ksi_kafka_set_config(ksi_transport *transport, const char *topic,
                               const ksi_topic_config *config, ks_error *error);

/* kafka_offsets.c */
ks_status ksi_kafka_high_watermark(ksi_transport *transport, ksi_topic_partition partition,
                                   int64_t *end, ks_error *error);
ks_status ksi_kafka_offsets_of(ksi_transport *transport, ksi_topic_partition partition,
                               int64_t *begin, int64_t *end, ks_error *error);
ks_status ksi_kafka_offset_at(ksi_transport *transport, ksi_topic_partition partition,
                              int64_t timestamp, int64_t *offset, ks_error *error);
ks_status ksi_kafka_partition_bytes(ksi_transport *transport, ksi_topic_partition partition,
                                    int64_t *bytes, ks_error *error);
ks_status ksi_kafka_delete_records(ksi_transport *transport, ksi_topic_partition partition,
                                   int64_t before, ks_error *error);
void ksi_kafka_purge(ksi_transport *transport, ksi_topic_partition partition, int64_t before);

/* kafka_groups.c */
ks_status ksi_kafka_committed(ksi_transport *transport, const char *group,
                              ksi_group_offset *offsets, size_t count, ks_arena *arena,
                              ks_error *error);
ks_status ksi_kafka_commit_offsets(ksi_transport *transport, const ksi_offset_commit *commit,
                                   ks_error *error);
ks_status ksi_kafka_each_group(ksi_transport *transport, ksi_group_visit_fn *visit, void *user,
                               ks_error *error);
ks_status ksi_kafka_each_offset(ksi_transport *transport, const char *group,
                                ksi_offset_visit_fn *visit, void *user, ks_error *error);
ks_status ksi_kafka_delete_group(ksi_transport *transport, const char *group, ks_error *error);

/* kafka_members.c */
ks_status ksi_kafka_each_member(ksi_transport *transport, const char *group,
                                ksi_member_visit_fn *visit, void *user, ks_error *error);
ks_status ksi_kafka_remove_members(ksi_transport *transport, const char *group, ks_error *error);

#endif
