/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_client.h - one client of librdkafka: its handle, its topics, what it says.
 *
 * A client is made for a role (client_config.h) and counted: consumers and producers that share it
 * retain it. It knows three things that everybody who uses it would else learn for himself:
 *
 *   topics   a handle for each name that was asked for, kept until the client goes. Made up front:
 *            a producer of librdkafka 2.0.2 that meets a topic for the first time waits for a scan
 *            of the metadata that comes once a second.
 *   outages  librdkafka tries for ever and tells what fails on its way as events. One line says
 *            that no broker answers, and why; one that it is over; the rest has the level DEBUG.
 *   errors   from librdkafka's codes to ours, with what the sockets said last where a broker could
 *            not be reached.
 *
 * Events come to the main queue of the handle, which a producer reads for its deliveries anyway: it
 * gives all others to ksi_kafka_client_event(). Nobody reads that of a consumer, so whoever polls
 * or waits calls ksi_kafka_client_serve() now and then. Messages never come there.
 *
 * Before the last reference is released, everything that librdkafka gave out for this handle must
 * be back (messages, queues, events): else rd_kafka_destroy() waits for ever. The topics are the
 * client's own affair.
 *
 * Thread rule: any thread.
 */
#ifndef KSI_TRANSPORT_KAFKA_KAFKA_CLIENT_H
#define KSI_TRANSPORT_KAFKA_KAFKA_CLIENT_H

#include "base/map.h"
#include "base/thread.h"
#include "transport/kafka/client_config.h"

#include <stdatomic.h>

/* What the clients of a transport know together about its brokers. */
typedef struct ksi_kafka_outage {
    ksi_logger *logger;
    atomic_int state;
    ksi_mutex lock; /* guards what follows */
    char *failure;  /* what a connection last failed with; NULL: none has */
} ksi_kafka_outage;

enum {
    KSI_KAFKA_ANSWERS = 0,
    KSI_KAFKA_NEVER_ANSWERED, /* at first */
    KSI_KAFKA_ONE_IS_DOWN,    /* a connection could not be made */
    KSI_KAFKA_MAY_BE_DOWN,    /* librdkafka says that it has none */
    KSI_KAFKA_IS_DOWN
};

/* `logger` may be NULL and lives as long as the outage, which outlives its clients. */
void ksi_kafka_outage_init(ksi_kafka_outage *outage, ksi_logger *logger);
void ksi_kafka_outage_destroy(ksi_kafka_outage *outage);
/* An error event of one of the clients; false when it is about something else. */
bool ksi_kafka_outage_heard(ksi_kafka_outage *outage, rd_kafka_resp_err_t code, const char *reason);
void ksi_kafka_outage_over(ksi_kafka_outage *outage);

typedef struct ksi_kafka_client {
    rd_kafka_t *handle;
    ksi_kafka_role role;
    int32_t call_timeout_ms;  /* bound of calls that wait for brokers */
    rd_kafka_queue_t *events; /* the main queue */
    ksi_kafka_outage *outage;
    struct ksi_deliveries *deliveries; /* of one that produces (deliveries.h); else NULL */
    char *name;

    /* the rest is kafka_client.c's */
    atomic_int references;
    ksi_mutex lock;  /* guards what follows */
    ksi_map *topics; /* name -> rd_kafka_topic_t * */
    struct ksi_kafka_reading *readings;
    size_t reading_count;
    size_t reading_capacity;
} ksi_kafka_client;

/*
 * With one reference; connects in the background. NULL with KS_E_CONFIG, KS_E_NOT_BUILT, KS_E_IO.
 */
ksi_kafka_client *ksi_kafka_client_open(const ksi_kafka_client_options *options,
                                        ksi_kafka_outage *outage, ks_error *error);
ksi_kafka_client *ksi_kafka_client_retain(ksi_kafka_client *client); /* returns it */
void ksi_kafka_client_release(ksi_kafka_client *client);             /* accepts NULL */

/* The handle of a topic, whether or not there is such a topic: borrowed from the client. */
rd_kafka_topic_t *ksi_kafka_client_topic(ksi_kafka_client *client, const char *topic);

/*
 * Who begins to read a partition claims it until the end of that: librdkafka would give the
 * messages of one reader to the other without a word. False: somebody has it.
 */
bool ksi_kafka_client_claim(ksi_kafka_client *client, rd_kafka_topic_t *topic, int32_t partition);
void ksi_kafka_client_disclaim(ksi_kafka_client *client, rd_kafka_topic_t *topic,
                               int32_t partition);

/* An event of the main queue that is no delivery: taken over. */
void ksi_kafka_client_event(ksi_kafka_client *client, rd_kafka_event_t *event);
/* Takes all such events that are there; not for producers, whose deliveries come the same way. */
void ksi_kafka_client_serve(ksi_kafka_client *client);
/*
 * What brokers say of a topic, or of all when it is NULL; to be destroyed. librdkafka asks one
 * broker and waits for that one, even when it is gone: so a silent one is not waited for all the
 * time there is, and another is asked.
 */
rd_kafka_resp_err_t ksi_kafka_client_metadata(ksi_kafka_client *client, rd_kafka_topic_t *topic,
                                              const struct rd_kafka_metadata **metadata);
/*
 * Takes messages out of a queue that only the caller reads, without waiting: their number. `*told`
 * is an error of the queue's partition that is no message, or RD_KAFKA_RESP_ERR_NO_ERROR:
 * some releases of librdkafka, 2.0 among them, tell a callback of it from within the read.
 */
size_t ksi_kafka_client_read(rd_kafka_queue_t *queue, rd_kafka_message_t **messages,
                             size_t capacity, rd_kafka_resp_err_t *told);
/* A broker answered: costs nothing but in an outage, which is then over. */
static inline void ksi_kafka_client_works(ksi_kafka_client *client)
{
    if (atomic_load_explicit(&client->outage->state, memory_order_relaxed) != KSI_KAFKA_ANSWERS) {
        ksi_kafka_outage_over(client->outage);
    }
}

/* ---- errors (kafka_failure.c) ---------------------------------------------------------------- */

/*
 * Fills an error from one of librdkafka's codes and returns the status. `where` names the topic,
 * group or id, `doing` says what was tried ("fetching its offsets").
 *
 *   retriable   KS_E_TIMEOUT when time ran out, KS_E_IO when a broker or a leader is missing or
 *               busy: flagged KS_ERROR_RETRIABLE, with what the sockets said last
 *   final       KS_E_UNKNOWN_TOPIC, KS_E_OUT_OF_RANGE, KS_E_LIMIT, KS_E_FENCED, KS_E_STATE,
 *               KS_E_ARGUMENT for what a broker finds wrong with a request, else KS_E_IO
 *
 * `text` is what librdkafka said beside the code, or NULL.
 */
typedef struct ksi_kafka_failure {
    rd_kafka_resp_err_t code;
    const char *text;
    const char *where;
    const char *doing;
} ksi_kafka_failure;

ks_status ksi_kafka_client_fail(ksi_kafka_client *client, const ksi_kafka_failure *failure,
                                ks_error *error);
/* The same for an error object, which is destroyed. */
ks_status ksi_kafka_client_fail_with(ksi_kafka_client *client, rd_kafka_error_t *reason,
                                     const char *where, const char *doing, ks_error *error);
/* Why no broker could be reached, if that is so: behind what an error says already. */
void ksi_kafka_client_explain(ksi_kafka_client *client, ks_error *error);

#endif
