/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_admin.c - asking a cluster and waiting for its answer.
 *
 * Thread rule: any thread.
 */
#include "transport/kafka/kafka_admin.h"

#include "base/error.h"

enum { REASON_SIZE = 256 };

static bool takes_operation_timeout(rd_kafka_admin_op_t operation)
{
    return operation == RD_KAFKA_ADMIN_OP_CREATETOPICS ||
           operation == RD_KAFKA_ADMIN_OP_DELETETOPICS ||
           operation == RD_KAFKA_ADMIN_OP_DELETERECORDS;
}

/* The bound of the request, and of what the broker waits for before it answers. */
static ks_status set_timeouts(const ksi_admin_call *call, rd_kafka_admin_op_t operation,
                              ks_error *error)
{
    char reason[REASON_SIZE] = "";
    int timeout_ms = call->client->call_timeout_ms;
    rd_kafka_resp_err_t code =
        rd_kafka_AdminOptions_set_request_timeout(call->options, timeout_ms, reason, sizeof reason);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && takes_operation_timeout(operation)) {
        code = rd_kafka_AdminOptions_set_operation_timeout(call->options, timeout_ms, reason,
                                                           sizeof reason);
    }
    const ksi_kafka_failure failure = {code, reason, NULL, "asking the cluster"};
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? KS_OK
                                              : ksi_kafka_client_fail(NULL, &failure, error);
}

ks_status ksi_admin_begin(ksi_kafka_transport *self, rd_kafka_admin_op_t operation,
                          ksi_admin_call *call, ks_error *error)
{
    rd_kafka_t *handle = self->admin->handle;
    *call = (ksi_admin_call){.client = self->admin,
                             .options = rd_kafka_AdminOptions_new(handle, operation),
                             .queue = rd_kafka_queue_new(handle)};
    ks_status status = set_timeouts(call, operation, error);
    if (status != KS_OK) {
        ksi_admin_end(call);
    }
    return status;
}

ks_status ksi_admin_wait(ksi_admin_call *call, const char *where, const char *doing,
                         ks_error *error)
{
    /* The request ends by its own timeout; this one is for one that does not. */
    call->answer = rd_kafka_queue_poll(call->queue, 2 * call->client->call_timeout_ms);
    ksi_kafka_failure failure = {RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, where, doing};
    if (call->answer != NULL) {
        failure.code = rd_kafka_event_error(call->answer);
        failure.text = rd_kafka_event_error_string(call->answer);
    }
    if (failure.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ksi_kafka_client_fail(call->client, &failure, error);
    }
    ksi_kafka_client_works(call->client);
    return KS_OK;
}

void ksi_admin_end(ksi_admin_call *call)
{
    if (call->answer != NULL) {
        rd_kafka_event_destroy(call->answer);
    }
    rd_kafka_queue_destroy(call->queue);
    rd_kafka_AdminOptions_destroy(call->options);
}

ks_status ksi_admin_metadata(ksi_kafka_client *client, const char *topic,
                             const struct rd_kafka_metadata **metadata, ks_error *error)
{
    /* Not the client's own handle of it: asking whether a topic is there shall leave nothing. */
    rd_kafka_topic_t *handle =
        topic != NULL ? rd_kafka_topic_new(client->handle, topic, NULL) : NULL;
    ksi_kafka_failure failure = {RD_KAFKA_RESP_ERR_NO_ERROR, NULL, topic,
                                 "asking for topics and their leaders"};
    if (topic != NULL && handle == NULL) {
        failure.code = rd_kafka_last_error();
        return ksi_kafka_client_fail(client, &failure, error);
    }
    failure.code = ksi_kafka_client_metadata(client, handle, metadata);
    if (handle != NULL) {
        rd_kafka_topic_destroy(handle);
    }
    if (failure.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ksi_kafka_client_fail(client, &failure, error);
    }
    ksi_kafka_client_works(client);
    return KS_OK;
}
