/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_offsets.c - where the partitions of a cluster begin and end, and cutting off their
 * beginning.
 *
 * The end is the one that readers of this transport reach: the last stable offset where they read
 * committed records only, else the high watermark. librdkafka asks by the isolation.level of the
 * client, so the admin client has the readers', and another one is made for the high watermark.
 *
 * Leaders move. What librdkafka once heard of who leads a partition it asks for a quarter of an
 * hour, however often that broker says that it does not lead it any more: it looks again for topics
 * that are read or written by the client, and these are neither. So a call that failed has it look,
 * and the next one asks the right broker. (Simply to try again is the tempting wrong way.)
 *
 * Thread rule: any thread.
 */
#include "transport/kafka/kafka_admin.h"

#include "base/error.h"
#include "transport/kafka/kafka_topic.h"

/* How long a call that has failed already may wait to hear who leads its partition. */
#define LEARN_MS 1000

/* ---- leaders --------------------------------------------------------------------------------- */

/* Without an answer what was known stays, and the next call that fails has it asked again. */
static void learn_leaders(ksi_kafka_client *client, const char *topic)
{
    const struct rd_kafka_metadata *metadata = NULL;
    if (rd_kafka_metadata(client->handle, 0, ksi_kafka_client_topic(client, topic), &metadata,
                          LEARN_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(metadata);
    }
}

/* ---- offsets --------------------------------------------------------------------------------- */

/*
 * librdkafka says that there is no such partition while its brokers go and come, too: only what a
 * broker says of the topic now is believed.
 */
static ks_status check_missing(ksi_kafka_client *client, ksi_topic_partition at,
                               const ksi_kafka_failure *failure, ks_error *error)
{
    int32_t count = 0;
    KS_TRY(ksi_kafka_topic_partitions(client, at.topic, &count, error));
    if (at.partition < 0 || at.partition >= count) {
        return ksi_kafka_partition_unknown(at.topic, at.partition, count, error);
    }
    ksi_kafka_failure passing = *failure;
    passing.code = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    return ksi_kafka_client_fail(client, &passing, error);
}

static ks_status query(ksi_kafka_client *client, ksi_topic_partition at, int64_t *begin,
                       int64_t *end, ks_error *error)
{
    const ksi_kafka_failure failure = {
        .code = rd_kafka_query_watermark_offsets(client->handle, at.topic, at.partition, begin, end,
                                                 client->call_timeout_ms),
        .where = at.topic,
        .doing = "asking where the partition begins and ends"};
    if (failure.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        learn_leaders(client, at.topic);
        ks_status status = ksi_kafka_client_fail(client, &failure, error);
        return status == KS_E_UNKNOWN_TOPIC ? check_missing(client, at, &failure, error) : status;
    }
    ksi_kafka_client_works(client);
    return KS_OK;
}

ks_status ksi_kafka_offsets_of(ksi_transport *transport, ksi_topic_partition partition,
                               int64_t *begin, int64_t *end, ks_error *error)
{
    return query(ksi_kafka_transport_of(transport)->admin, partition, begin, end, error);
}

ks_status ksi_kafka_high_watermark(ksi_transport *transport, ksi_topic_partition partition,
                                   int64_t *end, ks_error *error)
{
    int64_t begin = 0;
    ksi_kafka_transport *self = ksi_kafka_transport_of(transport);
    if (!self->reads_committed && !ksi_kafka_inputs_are_committed(self->config)) {
        return query(self->admin, partition, &begin, end, error);
    }
    ksi_kafka_client *client = ksi_kafka_transport_client(self, KSI_KAFKA_UNCOMMITTED, NULL, error);
    if (client == NULL) {
        return ksi_error_flag(error, 0); /* as it said */
    }
    ks_status status = query(client, partition, &begin, end, error);
    ksi_kafka_client_release(client);
    return status;
}

ks_status ksi_kafka_offset_at(ksi_transport *transport, ksi_topic_partition partition,
                              int64_t timestamp, int64_t *offset, ks_error *error)
{
    ksi_kafka_client *client = ksi_kafka_transport_of(transport)->admin;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *asked =
        rd_kafka_topic_partition_list_add(list, partition.topic, partition.partition);
    asked->offset = timestamp;
    ksi_kafka_failure failure = {
        .code = rd_kafka_offsets_for_times(client->handle, list, client->call_timeout_ms),
        .where = partition.topic,
        .doing = "looking for the offset of a timestamp"};
    if (failure.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        failure.code = asked->err;
    }
    int64_t found = asked->offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (failure.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        learn_leaders(client, partition.topic);
        return ksi_kafka_client_fail(client, &failure, error);
    }
    ksi_kafka_client_works(client);
    if (found >= 0) {
        *offset = found;
        return KS_OK;
    }
    int64_t begin = 0; /* none is so late */
    return query(client, partition, &begin, offset, error);
}

ks_status ksi_kafka_partition_bytes(ksi_transport *transport, ksi_topic_partition partition,
                                    int64_t *bytes, ks_error *error)
{
    (void)transport;
    (void)bytes;
    return ksi_error_set(error, KS_E_NOT_BUILT, partition.topic,
                         "how many bytes a partition has on its brokers is not asked for in this "
                         "version; kafka-log-dirs.sh tells");
}

/* ---- deleting records ------------------------------------------------------------------------ */

static rd_kafka_DeleteRecords_t *deletion_of(ksi_topic_partition at, int64_t before)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, at.topic, at.partition)->offset = before;
    rd_kafka_DeleteRecords_t *deletion = rd_kafka_DeleteRecords_new(list);
    rd_kafka_topic_partition_list_destroy(list);
    return deletion;
}

static rd_kafka_resp_err_t deletion_error(rd_kafka_event_t *answer)
{
    const rd_kafka_topic_partition_list_t *offsets =
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(answer));
    return offsets->elems[0].err;
}

/*
 * A request for which no leader was found did not leave this process: is there such a partition at
 * all?
 */
static rd_kafka_resp_err_t missing_leader(ksi_transport *transport, ksi_topic_partition at)
{
    int32_t count = 0;
    ks_status status = ksi_kafka_partition_count(transport, at.topic, &count, NULL);
    return status != KS_OK || at.partition < count ? RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
                                                   : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

ks_status ksi_kafka_delete_records(ksi_transport *transport, ksi_topic_partition partition,
                                   int64_t before, ks_error *error)
{
    ksi_admin_call call;
    const char *doing = "deleting records";
    if (before < 0) { /* to a broker, -1 is the end */
        return ksi_error_set(error, KS_E_OUT_OF_RANGE, partition.topic,
                             "partition %d has no offset %lld", partition.partition,
                             (long long)before);
    }
    KS_TRY(ksi_admin_begin(ksi_kafka_transport_of(transport), RD_KAFKA_ADMIN_OP_DELETERECORDS,
                           &call, error));
    rd_kafka_DeleteRecords_t *deletion = deletion_of(partition, before);
    rd_kafka_DeleteRecords(call.client->handle, &deletion, 1, call.options, call.queue);
    rd_kafka_DeleteRecords_destroy(deletion);
    ks_status status = ksi_admin_wait(&call, partition.topic, doing, error);
    ksi_kafka_failure failure = {.where = partition.topic, .doing = doing};
    if (status == KS_OK) {
        failure.code = deletion_error(call.answer);
    } else if (call.answer != NULL &&
               rd_kafka_event_error(call.answer) == RD_KAFKA_RESP_ERR__NOENT) {
        failure.code = missing_leader(transport, partition);
    }
    if (failure.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        learn_leaders(call.client, partition.topic);
        status = ksi_kafka_client_fail(call.client, &failure, error);
    }
    ksi_admin_end(&call);
    return status;
}

/* What became of earlier ones: for who looks closely, because an error here is nobody's. */
static void take_purges(ksi_kafka_transport *self)
{
    for (;;) {
        rd_kafka_event_t *answer = rd_kafka_queue_poll(self->purges, 0);
        if (answer == NULL) {
            return;
        }
        rd_kafka_resp_err_t code = rd_kafka_event_error(answer);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            code = deletion_error(answer);
        }
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            ksi_log(self->logger, KS_LOG_LEVEL_DEBUG, "kafka",
                    "records that every task has processed were not deleted: %s",
                    rd_kafka_err2str(code));
        }
        rd_kafka_event_destroy(answer);
    }
}

void ksi_kafka_purge(ksi_transport *transport, ksi_topic_partition partition, int64_t before)
{
    ksi_kafka_transport *self = ksi_kafka_transport_of(transport);
    take_purges(self);
    rd_kafka_DeleteRecords_t *deletion = deletion_of(partition, before);
    rd_kafka_DeleteRecords(self->admin->handle, &deletion, 1, NULL, self->purges);
    rd_kafka_DeleteRecords_destroy(deletion);
}
