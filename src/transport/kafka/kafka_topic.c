/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_topic.c - what the consumers and producers of a cluster ask about a topic.
 */
#include "transport/kafka/kafka_topic.h"

#include "base/error.h"

ks_status ksi_kafka_topic_unknown(const char *topic, ks_error *error)
{
    return ksi_error_set(error, KS_E_UNKNOWN_TOPIC, topic,
                         "the topic does not exist; create it first");
}

ks_status ksi_kafka_partition_unknown(const char *topic, int32_t partition, int32_t count,
                                      ks_error *error)
{
    return ksi_error_set(error, KS_E_ARGUMENT, topic,
                         "the topic has partitions 0 to %d; there is no partition %d", count - 1,
                         partition);
}

/* A topic that was just created may have partitions without a leader yet: they count. */
static ks_status count_partitions(ksi_kafka_client *client,
                                  const struct rd_kafka_metadata_topic *topic, int32_t *count,
                                  ks_error *error)
{
    if (topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        topic->err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
        return ksi_kafka_topic_unknown(topic->topic, error);
    }
    if (topic->partition_cnt > 0) {
        *count = topic->partition_cnt;
        return KS_OK;
    }
    const ksi_kafka_failure failure = {.code = topic->err != RD_KAFKA_RESP_ERR_NO_ERROR
                                                   ? topic->err
                                                   : RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                                       .where = topic->topic,
                                       .doing = "asking for its partitions"};
    return ksi_kafka_client_fail(client, &failure, error);
}

ks_status ksi_kafka_topic_partitions(ksi_kafka_client *client, const char *name, int32_t *count,
                                     ks_error *error)
{
    *count = 0;
    rd_kafka_topic_t *topic = ksi_kafka_client_topic(client, name);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = ksi_kafka_client_metadata(client, topic, &metadata);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        const ksi_kafka_failure failure = {
            .code = code, .where = name, .doing = "asking for its partitions"};
        return ksi_kafka_client_fail(client, &failure, error);
    }
    ks_status status = metadata->topic_cnt == 1
                           ? count_partitions(client, &metadata->topics[0], count, error)
                           : ksi_kafka_topic_unknown(name, error);
    rd_kafka_metadata_destroy(metadata);
    return status;
}
