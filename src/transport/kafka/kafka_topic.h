/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_topic.h - what the consumers and producers of a cluster ask about a topic.
 *
 * Thread rule: any thread.
 */
#ifndef KSI_TRANSPORT_KAFKA_KAFKA_TOPIC_H
#define KSI_TRANSPORT_KAFKA_KAFKA_TOPIC_H

#include "transport/kafka/kafka_client.h"

/*
 * Asks a broker how many partitions a topic has. KS_E_UNKNOWN_TOPIC when there is none; a retriable
 * error while no broker can say. Makes the topic known to the client's librdkafka as well, which
 * else would keep the first records for it until its next scan.
 */
ks_status ksi_kafka_topic_partitions(ksi_kafka_client *client, const char *name, int32_t *count,
                                     ks_error *error);

/* The errors of a topic that is not there, and of a partition that it does not have. */
ks_status ksi_kafka_topic_unknown(const char *topic, ks_error *error);
ks_status ksi_kafka_partition_unknown(const char *topic, int32_t partition, int32_t count,
                                      ks_error *error);

#endif
