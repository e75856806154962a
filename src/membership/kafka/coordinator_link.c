/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coordinator_link.c - phases of a connection, and the one request that waits for them.
 *
 *     OFF -> CONNECTING -> VERSIONS -> FINDING -> OFF (to the coordinator's address)
 *                             |            \----> READY, when this broker is the coordinator
 *                             \-> READY, at the coordinator's address
 *
 * Phases and the request know little of each other: advance() brings the connection as far as it
 * goes, and whatever breaks it goes through broke(), which alone decides what that means for the
 * request. A connection that served requests and was closed while none was out is merely stale: it
 * is made anew at once, and is nobody's news.
 *
 * Any broker answers FindCoordinator, so a coordinator that says it is none is asked who is.
 *
 * A cluster that has just been made has no coordinator for some moments, in which it makes the
 * topic of the offsets; and one that loses a broker has none for some. That is told only when it
 * lasts.
 *
 * A failure forgets the coordinator: it may have moved because of it. Brokers of the list are tried
 * in turn, without a pause until each had its turn, then with one that doubles.
 */
#include "membership/kafka/coordinator_link.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/endian.h"
#include "base/error.h"
#include "base/memory.h"
#include "membership/kafka/kafka_error.h"
#include "net/address.h"
#include "net/connection.h"

/* As Java's clients have them: retry.backoff.ms and so on. */
#define DEFAULT_RETRY_BACKOFF_MS 100
#define DEFAULT_RECONNECT_BACKOFF_MS 50
#define RECONNECT_BACKOFF_MAX_MS 1000
#define CONNECT_TIMEOUT_MS 10000
enum { DOUBLED_AT_MOST = 10 };
/* So long it is nobody's news that brokers answer and name no coordinator. */
#define NAMELESS_MS 10000

typedef enum link_phase {
    PHASE_OFF = 0,
    PHASE_CONNECTING,
    PHASE_VERSIONS, /* asked for */
    PHASE_FINDING,  /* the coordinator is asked for, or will be */
    PHASE_READY
} link_phase;

typedef enum request_state {
    REQUEST_NONE = 0,
    REQUEST_QUEUED,
    REQUEST_SENT,
    REQUEST_OVER /* `result` is there */
} request_state;

struct ksi_coordinator_link {
    ksi_address_list servers;
    size_t next_server;
    char *client_id;
    char *group;
    char *where; /* for log lines */
    int64_t request_timeout_ms;
    int64_t retry_backoff_ms;
    int64_t reconnect_backoff_ms;
    ksi_logger *logger;

    ksi_connection *connection;
    link_phase phase;
    ksi_address coordinator;    /* its host is NULL: not known */
    char *announced;            /* where it was said to be; NULL: it has to be said */
    bool served;                /* requests were answered on this connection */
    ksi_api asked;              /* in flight, of the link's own or the caller's */
    int32_t correlation;        /* of what is in flight */
    int64_t answer_deadline_ms; /* of the link's own request; INT64_MAX: none is in flight */
    int64_t wait_until_ms;      /* nothing is begun or sent before */
    unsigned failures;          /* since the last time it was ready */
    int64_t nameless_ms;        /* since when brokers name no coordinator; -1: they do */
    bool outage;                /* was told */
    ks_error reason;            /* of the last failure */

    request_state request;
    ksi_api api;
    ksi_buffer body;
    int64_t timeout_ms;
    int64_t deadline_ms;
    ksi_link_state result;
    ks_slice answer;
    ks_error result_error;
};

/* ---- life ------------------------------------------------------------------------------------ */

static int64_t or_default(int64_t given, int64_t otherwise)
{
    return given > 0 ? given : otherwise;
}

ksi_coordinator_link *ksi_coordinator_link_new(const ksi_kafka_cluster *cluster, const char *group,
                                               ksi_logger *logger, ks_error *error)
{
    ksi_address_list servers;
    if (ksi_address_list_parse(&servers, cluster->bootstrap_servers, KSI_KAFKA_PORT,
                               "bootstrap.servers", error) != KS_OK) {
        ksi_address_list_destroy(&servers);
        return NULL;
    }
    ksi_coordinator_link *link = ksi_calloc(1, sizeof *link);
    link->servers = servers;
    link->client_id = ksi_strdup(cluster->client_id != NULL ? cluster->client_id : "");
    link->group = ksi_strdup(group);
    ksi_buffer where = {0};
    ksi_buffer_appendf(&where, "group %s", group);
    link->where = ksi_strdup(ksi_buffer_cstr(&where));
    ksi_buffer_destroy(&where);
    link->request_timeout_ms = ksi_kafka_request_timeout_ms(cluster);
    link->retry_backoff_ms = or_default(cluster->retry_backoff_ms, DEFAULT_RETRY_BACKOFF_MS);
    link->reconnect_backoff_ms =
        or_default(cluster->reconnect_backoff_ms, DEFAULT_RECONNECT_BACKOFF_MS);
    link->logger = logger;
    link->connection = ksi_connection_new();
    link->answer_deadline_ms = INT64_MAX;
    link->wait_until_ms = INT64_MIN;
    link->nameless_ms = -1;
    return link;
}

static void forget_coordinator(ksi_coordinator_link *link)
{
    ksi_free(link->coordinator.host);
    link->coordinator = (ksi_address){0};
}

void ksi_coordinator_link_free(ksi_coordinator_link *link)
{
    if (link == NULL) {
        return;
    }
    ksi_connection_free(link->connection);
    forget_coordinator(link);
    ksi_address_list_destroy(&link->servers);
    ksi_buffer_destroy(&link->body);
    ksi_free(link->announced);
    ksi_free(link->client_id);
    ksi_free(link->group);
    ksi_free(link->where);
    ksi_free(link);
}

/* ---- what a failure means -------------------------------------------------------------------- */

static void disconnect(ksi_coordinator_link *link)
{
    ksi_connection_close(link->connection);
    link->phase = PHASE_OFF;
    link->served = false;
    link->answer_deadline_ms = INT64_MAX;
}

/* The request has a result; with an error, that is `error`. */
static void finish(ksi_coordinator_link *link, ksi_link_state result, const ks_error *error)
{
    link->request = REQUEST_OVER;
    link->result = result;
    if (error != NULL) {
        link->result_error = *error;
    }
}

/* Whether the other side may have seen the request. */
static bool is_out(const ksi_coordinator_link *link)
{
    return link->request == REQUEST_SENT && ksi_connection_has_sent(link->connection);
}

static void pause_until(ksi_coordinator_link *link, int64_t moment_ms)
{
    if (moment_ms > link->wait_until_ms) {
        link->wait_until_ms = moment_ms;
    }
}

/* The next broker of the list is to be tried: when all had their turn, after a pause. */
static void back_off(ksi_coordinator_link *link, int64_t now_ms)
{
    link->failures++;
    if (link->failures % link->servers.count != 0) {
        return;
    }
    size_t rounds = link->failures / link->servers.count - 1;
    int64_t pause_ms = link->reconnect_backoff_ms
                       << (rounds < DOUBLED_AT_MOST ? rounds : DOUBLED_AT_MOST);
    pause_until(
        link, now_ms + (pause_ms < RECONNECT_BACKOFF_MAX_MS ? pause_ms : RECONNECT_BACKOFF_MAX_MS));
}

/* Tells the log once, and only while somebody waits. */
static void note_outage(ksi_coordinator_link *link, const ks_error *error)
{
    link->reason = *error;
    if (!link->outage && link->request != REQUEST_NONE) {
        link->outage = true;
        ksi_log(link->logger, KS_LOG_LEVEL_WARN, link->where,
                "no coordinator: %s; looking for it until it is there", error->message);
    }
}

/* Brokers answer, and there is no coordinator for the moment. */
static void note_nameless(ksi_coordinator_link *link, const ks_error *error, int64_t now_ms)
{
    link->reason = *error;
    if (link->nameless_ms < 0) {
        link->nameless_ms = now_ms;
    } else if (now_ms - link->nameless_ms >= NAMELESS_MS) {
        note_outage(link, error);
    }
}

/* The connection is gone, or of no more use. */
static void broke(ksi_coordinator_link *link, ks_error *error, int64_t now_ms)
{
    bool out = is_out(link);
    if (link->request == REQUEST_SENT && !out) {
        link->request = REQUEST_QUEUED;
    }
    if (link->served && !out) {
        disconnect(link); /* stale */
        return;
    }
    (void)ksi_error_flag(error, KS_ERROR_RETRIABLE);
    (void)snprintf(error->where, sizeof error->where, "%s", link->where);
    note_outage(link, error);
    if (out) {
        ksi_error_prefix(error, "no answer to %s: ", ksi_api_name(link->api));
        finish(link, KSI_LINK_LOST, error);
    }
    if (link->coordinator.host == NULL) {
        link->next_server = (link->next_server + 1) % link->servers.count;
    }
    forget_coordinator(link);
    disconnect(link);
    back_off(link, now_ms);
}

/* The broker answers, but not as anything could go on with: trying again would not help. */
static void refused(ksi_coordinator_link *link, const ks_error *error, int64_t now_ms)
{
    link->reason = *error;
    if (link->request == REQUEST_QUEUED) {
        finish(link, KSI_LINK_UNSENT, error);
    }
    forget_coordinator(link);
    disconnect(link);
    pause_until(link, now_ms + link->retry_backoff_ms);
}

/* ---- sending --------------------------------------------------------------------------------- */

static void send_frame(ksi_coordinator_link *link, ksi_api api, ks_slice body)
{
    ksi_buffer frame = {0};
    link->asked = api;
    link->correlation = link->correlation < INT32_MAX ? link->correlation + 1 : 0;
    ksi_put_request_header(&frame, api, link->correlation, link->client_id);
    ksi_buffer_append(&frame, body.data, body.size);
    ksi_connection_send(link->connection, ksi_buffer_slice(&frame));
    ksi_buffer_destroy(&frame);
}

static void ask_versions(ksi_coordinator_link *link, int64_t now_ms)
{
    ksi_buffer body = {0};
    ksi_put_api_versions(&body);
    send_frame(link, KSI_API_API_VERSIONS, ksi_buffer_slice(&body));
    ksi_buffer_destroy(&body);
    link->phase = PHASE_VERSIONS;
    link->answer_deadline_ms = now_ms + link->request_timeout_ms;
}

static void ask_coordinator(ksi_coordinator_link *link, int64_t now_ms)
{
    ksi_buffer body = {0};
    ksi_put_find_coordinator(&body, link->group);
    send_frame(link, KSI_API_FIND_COORDINATOR, ksi_buffer_slice(&body));
    ksi_buffer_destroy(&body);
    link->answer_deadline_ms = now_ms + link->request_timeout_ms;
}

/* ---- the way to the coordinator -------------------------------------------------------------- */

static void open_connection(ksi_coordinator_link *link, int64_t now_ms)
{
    const ksi_address *to = link->coordinator.host != NULL ? &link->coordinator
                                                           : &link->servers.list[link->next_server];
    link->phase = PHASE_CONNECTING;
    ks_error error = {0};
    if (ksi_connection_open(link->connection, to->host, to->port, CONNECT_TIMEOUT_MS, now_ms,
                            &error) != KS_OK) {
        broke(link, &error, now_ms);
    }
}

static void become_ready(ksi_coordinator_link *link)
{
    link->phase = PHASE_READY;
    link->failures = 0;
    const char *peer = ksi_connection_peer(link->connection);
    if (link->outage || link->announced == NULL || strcmp(link->announced, peer) != 0) {
        ksi_log(link->logger, KS_LOG_LEVEL_INFO, link->where, "the coordinator is %s", peer);
        ksi_free(link->announced);
        link->announced = ksi_strdup(peer);
        link->outage = false;
    }
}

static void on_versions(ksi_coordinator_link *link, ks_slice body, int64_t now_ms)
{
    ks_error error = {0};
    ks_status status = ksi_take_api_versions(body, &error);
    if (status != KS_OK) {
        ksi_error_prefix(&error, "%s: ", ksi_connection_peer(link->connection));
        if (status == KS_E_NOT_BUILT) {
            refused(link, &error, now_ms);
        } else {
            broke(link, &error, now_ms);
        }
    } else if (link->coordinator.host != NULL) {
        become_ready(link);
    } else {
        link->phase = PHASE_FINDING;
    }
}

static void set_coordinator(ksi_coordinator_link *link, const ksi_found_coordinator *found)
{
    forget_coordinator(link);
    link->coordinator.host = ksi_alloc(found->host.size + 1);
    memcpy(link->coordinator.host, found->host.data, found->host.size);
    link->coordinator.host[found->host.size] = '\0';
    link->coordinator.port = (uint16_t)found->port;
}

/* Goes where the coordinator is: it may well be the broker that answered. */
static void on_coordinator_known(ksi_coordinator_link *link)
{
    ksi_buffer peer = {0};
    ksi_buffer_appendf(&peer, "%s:%u", link->coordinator.host, (unsigned)link->coordinator.port);
    bool here = strcmp(ksi_buffer_cstr(&peer), ksi_connection_peer(link->connection)) == 0;
    ksi_buffer_destroy(&peer);
    if (here) {
        become_ready(link);
    } else {
        disconnect(link);
    }
}

static void on_found(ksi_coordinator_link *link, ks_slice body, int64_t now_ms)
{
    ksi_found_coordinator found;
    ks_error error = {0};
    if (ksi_take_find_coordinator(body, &found, &error) != KS_OK) {
        broke(link, &error, now_ms);
        return;
    }
    pause_until(link, now_ms + found.throttle_ms);
    if (found.error_code != KSI_KAFKA_NONE) {
        (void)ksi_kafka_code_error(found.error_code, link->where, "finding the coordinator",
                                   &error);
        if ((error.flags & KS_ERROR_RETRIABLE) == 0) {
            refused(link, &error, now_ms);
            return;
        }
        note_nameless(link, &error, now_ms);
        pause_until(link, now_ms + link->retry_backoff_ms);
        return;
    }
    if (found.host.size == 0 || found.port <= 0 || found.port > UINT16_MAX) {
        (void)ksi_error_set(&error, KS_E_IO, NULL, "%s names a coordinator without an address",
                            ksi_connection_peer(link->connection));
        broke(link, &error, now_ms);
        return;
    }
    link->nameless_ms = -1;
    set_coordinator(link, &found);
    on_coordinator_known(link);
}

static void on_answer(ksi_coordinator_link *link, ks_slice body, int64_t now_ms)
{
    /* Each of these answers begins with throttle_time_ms. */
    if (body.size >= sizeof(int32_t)) {
        pause_until(link, now_ms + (int32_t)ksi_get_be32(body.data));
    }
    link->served = true;
    link->answer = body;
    finish(link, KSI_LINK_ANSWERED, NULL);
}

static void on_frame(ksi_coordinator_link *link, ks_slice frame, int64_t now_ms)
{
    bool own = link->answer_deadline_ms != INT64_MAX;
    ks_error error = {0};
    ks_slice body;
    if (!own && link->request != REQUEST_SENT) {
        (void)ksi_error_set(&error, KS_E_IO, NULL, "%s answered what nobody asked",
                            ksi_connection_peer(link->connection));
        broke(link, &error, now_ms);
        return;
    }
    if (ksi_take_response_header(frame, link->asked, link->correlation, &body, &error) != KS_OK) {
        broke(link, &error, now_ms);
        return;
    }
    link->answer_deadline_ms = INT64_MAX;
    if (link->phase == PHASE_VERSIONS) {
        on_versions(link, body, now_ms);
    } else if (link->phase == PHASE_FINDING) {
        on_found(link, body, now_ms);
    } else {
        on_answer(link, body, now_ms);
    }
}

/* ---- turns ----------------------------------------------------------------------------------- */

/* Begins what can begin now; false: nothing. */
static bool begin_next(ksi_coordinator_link *link, int64_t now_ms)
{
    bool due = link->request == REQUEST_QUEUED && now_ms >= link->wait_until_ms;
    switch (link->phase) {
    case PHASE_OFF:
        if (due) {
            open_connection(link, now_ms);
        }
        return due;
    case PHASE_CONNECTING:
        if (ksi_connection_state_of(link->connection) != KSI_CONNECTION_READY) {
            return false;
        }
        ask_versions(link, now_ms);
        return true;
    case PHASE_VERSIONS:
        return false;
    case PHASE_FINDING:
        due = due && link->answer_deadline_ms == INT64_MAX;
        if (due) {
            ask_coordinator(link, now_ms);
        }
        return due;
    case PHASE_READY:
        if (due) {
            send_frame(link, link->api, ksi_buffer_slice(&link->body));
            link->request = REQUEST_SENT;
        }
        return due;
    }
    return false;
}

/* Moves bytes; true when something came of it. */
static bool work(ksi_coordinator_link *link, int64_t now_ms)
{
    if (link->phase == PHASE_OFF) {
        return false;
    }
    ks_error error = {0};
    ks_slice frame;
    ks_status status = ksi_connection_work(link->connection, now_ms, &error);
    if (ksi_connection_receive(link->connection, &frame)) {
        on_frame(link, frame, now_ms);
        return true;
    }
    if (status == KS_OK && ksi_connection_state_of(link->connection) == KSI_CONNECTION_CLOSED) {
        status = ksi_error_set(&error, KS_E_IO, NULL, "%s closed the connection",
                               ksi_connection_peer(link->connection));
    }
    if (status == KS_OK && now_ms >= link->answer_deadline_ms) {
        status = ksi_error_set(&error, KS_E_TIMEOUT, NULL, "%s did not answer %s in %" PRId64 " ms",
                               ksi_connection_peer(link->connection), ksi_api_name(link->asked),
                               link->request_timeout_ms);
    }
    if (status != KS_OK) {
        broke(link, &error, now_ms);
    }
    return status != KS_OK;
}

static void advance(ksi_coordinator_link *link, int64_t now_ms)
{
    bool moved = true;
    while (moved && link->request != REQUEST_OVER) {
        /* First the other side: a connection that it closed is not written to. */
        moved = work(link, now_ms);
        if (link->request != REQUEST_OVER && begin_next(link, now_ms)) {
            moved = true;
        }
    }
}

/* The time of the request is over. */
static void give_up(ksi_coordinator_link *link, int64_t now_ms)
{
    ks_error error = {0};
    if (is_out(link)) {
        (void)ksi_error_set(&error, KS_E_TIMEOUT, NULL, "%s did not answer in %" PRId64 " ms",
                            ksi_connection_peer(link->connection), link->timeout_ms);
        broke(link, &error, now_ms);
        return;
    }
    (void)ksi_error_set(&error, KS_E_TIMEOUT, link->where,
                        "%s could not be sent in %" PRId64 " ms%s%s", ksi_api_name(link->api),
                        link->timeout_ms, link->reason.message[0] != '\0' ? ": " : "",
                        link->reason.message);
    (void)ksi_error_flag(&error, KS_ERROR_RETRIABLE);
    if (link->request == REQUEST_SENT) {
        disconnect(link); /* it is queued there */
    }
    finish(link, KSI_LINK_UNSENT, &error);
}

void ksi_coordinator_link_send(ksi_coordinator_link *link, ksi_api api, ks_slice body,
                               int64_t timeout_ms, int64_t now_ms)
{
    KSI_CHECK(link->request == REQUEST_NONE);
    ksi_buffer_clear(&link->body);
    ksi_buffer_append(&link->body, body.data, body.size);
    link->api = api;
    link->timeout_ms = timeout_ms;
    link->deadline_ms = now_ms + timeout_ms;
    link->reason = (ks_error){0};
    link->request = REQUEST_QUEUED;
}

ksi_link_state ksi_coordinator_link_poll(ksi_coordinator_link *link, int64_t now_ms, ks_slice *body,
                                         ks_error *error)
{
    advance(link, now_ms);
    bool waits = link->request == REQUEST_QUEUED || link->request == REQUEST_SENT;
    if (waits && now_ms >= link->deadline_ms) {
        give_up(link, now_ms);
    }
    if (link->request != REQUEST_OVER) {
        return link->request == REQUEST_NONE ? KSI_LINK_IDLE : KSI_LINK_WAITS;
    }
    link->request = REQUEST_NONE;
    if (link->result == KSI_LINK_ANSWERED) {
        *body = link->answer;
    } else if (error != NULL) {
        *error = link->result_error;
    }
    return link->result;
}

bool ksi_coordinator_link_has_sent(const ksi_coordinator_link *link)
{
    return is_out(link);
}

bool ksi_coordinator_link_heed(ksi_coordinator_link *link, int16_t code, int64_t now_ms)
{
    if (!ksi_kafka_code_is_temporary(code)) {
        return false;
    }
    pause_until(link, now_ms + link->retry_backoff_ms);
    if (code == KSI_KAFKA_NOT_COORDINATOR || code == KSI_KAFKA_COORDINATOR_NOT_AVAILABLE) {
        forget_coordinator(link);
        link->phase = link->phase == PHASE_READY ? PHASE_FINDING : link->phase;
    }
    return true;
}

void ksi_coordinator_link_cancel(ksi_coordinator_link *link)
{
    if (link->request == REQUEST_SENT) {
        disconnect(link);
    }
    link->request = REQUEST_NONE;
}

/* ---- waiting --------------------------------------------------------------------------------- */

size_t ksi_coordinator_link_descriptors(const ksi_coordinator_link *link, struct pollfd *fds,
                                        size_t capacity)
{
    if (link->phase == PHASE_OFF || capacity == 0) {
        return 0;
    }
    fds[0] = ksi_connection_descriptor(link->connection);
    return fds[0].fd >= 0 ? 1 : 0;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t ksi_coordinator_link_next_ms(const ksi_coordinator_link *link)
{
    int64_t next_ms =
        earlier(link->answer_deadline_ms, ksi_connection_deadline_ms(link->connection));
    if (link->request == REQUEST_NONE) {
        return next_ms;
    }
    next_ms = earlier(next_ms, link->deadline_ms);
    bool between = link->phase == PHASE_OFF || link->phase == PHASE_READY ||
                   (link->phase == PHASE_FINDING && link->answer_deadline_ms == INT64_MAX);
    if (link->request == REQUEST_QUEUED && between) {
        next_ms = earlier(next_ms, link->wait_until_ms);
    }
    return next_ms;
}

static void wait_for(const ksi_coordinator_link *link, int64_t now_ms)
{
    struct pollfd fds[1];
    size_t count = ksi_coordinator_link_descriptors(link, fds, 1);
    int64_t left_ms = ksi_coordinator_link_next_ms(link) - now_ms;
    if (left_ms > 0) {
        (void)poll(fds, (nfds_t)count, left_ms < INT_MAX ? (int)left_ms : INT_MAX);
    }
}

ksi_link_state ksi_coordinator_link_await(ksi_coordinator_link *link, ks_slice *body,
                                          ks_error *error)
{
    for (;;) {
        int64_t now_ms = ksi_monotonic_ms(&ksi_system_clock);
        ksi_link_state state = ksi_coordinator_link_poll(link, now_ms, body, error);
        if (state != KSI_LINK_WAITS) {
            return state;
        }
        wait_for(link, now_ms);
    }
}
