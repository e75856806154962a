/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_broker.h - a broker of Kafka's protocol in the test process, which answers as it is told.
 *
 * It listens on a port of its own. What it answers to a request is, in this order: the next
 * scripted reply for its API; the handler's; for ApiVersions, FindCoordinator, Heartbeat and
 * LeaveGroup that all is well (and that the coordinator is this broker). Anything else stops the
 * test.
 *
 * A test steps it by hand, in turn with what it tests:
 *
 *     while (ksi_coordinator_link_poll(link, now_ms, &body, &error) == KSI_LINK_WAITS) {
 *         fake_broker_step(broker, 1000);
 *     }
 *
 * or, when what it tests waits by itself, has it run in a thread of its own: then the handler runs
 * there, with the broker's lock held.
 *
 * Thread rule: any, but only one may step it.
 */
#ifndef TESTS_SUPPORT_FAKE_BROKER_H
#define TESTS_SUPPORT_FAKE_BROKER_H

#include "membership/kafka/kafka_error.h"
#include "membership/kafka/requests.h"

typedef struct fake_broker fake_broker;

typedef enum fake_reply {
    FAKE_ANSWER = 0,
    FAKE_SLOWLY, /* the answer, one byte in each step */
    FAKE_HOLD,   /* fake_broker_answer() gives it later, or nobody ever does */
    FAKE_CLOSE,  /* closes the connection instead */
    FAKE_HALF,   /* the first half of the answer, then closes the connection */
    FAKE_WRONG,  /* an answer to another request */
    FAKE_HUGE,   /* the beginning of a frame that is larger than any may be */
    FAKE_DEFAULT /* of a handler: as without one */
} fake_reply;

typedef struct fake_request {
    uint64_t number; /* for fake_broker_answer() */
    int connection;  /* 1, 2, 3... as they came */
    ksi_api api;
    ks_slice client_id;
    ks_slice body; /* borrowed */
} fake_request;

/* Writes the body of the answer to a request and says how it is given. */
typedef fake_reply fake_broker_fn(void *user, const fake_request *request, ksi_buffer *body);

/* `handler` may be NULL. */
fake_broker *fake_broker_new(fake_broker_fn *handler, void *user);
void fake_broker_free(fake_broker *broker);
/* "127.0.0.1:PORT" */
const char *fake_broker_address(const fake_broker *broker);
uint16_t fake_broker_port(const fake_broker *broker);

/* Scripts the reply to the next request of an API that has none yet; `body` is copied. */
void fake_broker_script(fake_broker *broker, ksi_api api, fake_reply reply, ks_slice body);
/* Where it says the coordinator is; 0: here. */
void fake_broker_set_coordinator(fake_broker *broker, uint16_t port);
/* Gives the answer to a request that was held. */
void fake_broker_answer(fake_broker *broker, uint64_t number, ks_slice body);
/* How many requests of an API came; how many connections. */
size_t fake_broker_requests(fake_broker *broker, ksi_api api);
size_t fake_broker_connections(fake_broker *broker);
/* The number of the last request that is held; 0: none. */
uint64_t fake_broker_held(fake_broker *broker);
/* Closes all connections, as a broker does with idle ones. */
void fake_broker_hang_up(fake_broker *broker);
/* Closes all connections and refuses new ones; accepts them again. */
void fake_broker_go_down(fake_broker *broker);
void fake_broker_come_up(fake_broker *broker);

/* Does what there is to do, after waiting for it at most so long. False: nothing came. */
bool fake_broker_step(fake_broker *broker, int timeout_ms);
/* Steps in a thread, until fake_broker_free(). */
void fake_broker_run(fake_broker *broker);

/* ---- bodies of answers ----------------------------------------------------------------------- */

void fake_put_found(ksi_buffer *body, int16_t code, const char *host, int32_t port);
void fake_put_joined(ksi_buffer *body, const ksi_joined *joined);
void fake_put_synced(ksi_buffer *body, const ksi_synced *synced);
void fake_put_heartbeat(ksi_buffer *body, int32_t throttle_ms, int16_t code);
void fake_put_left(ksi_buffer *body, int16_t code);
/* Each element of the list in a topic entry of its own. */
void fake_put_committed(ksi_buffer *body, const ksi_offset_answers *answers);
void fake_put_fetched(ksi_buffer *body, const ksi_offset_answers *answers);

#endif
