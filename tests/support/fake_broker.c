/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_broker.c - sockets on loopback, one lock, replies from a list.
 *
 * A socket that another thread may be polling is never closed but shut down; the stepping thread
 * closes it when it sees that.
 */
#include "fake_broker.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/memory.h"
#include "base/thread.h"
#include "membership/kafka/wire.h"

enum { MAX_CONNECTIONS = 64, MAX_SCRIPTED = 64, MAX_HELD = 64, FRAME_HEAD = 4, MAX_API = 128 };

typedef struct scripted {
    ksi_api api;
    fake_reply reply;
    ksi_buffer body;
    bool used;
} scripted;

typedef struct fake_connection {
    int fd; /* -1: closed */
    int number;
    ksi_buffer in;
    ksi_buffer slow; /* what goes out byte by byte */
    size_t slow_at;
} fake_connection;

typedef struct held_request {
    uint64_t number;
    size_t connection;
    int32_t correlation;
    ksi_api api;
} held_request;

struct fake_broker {
    ksi_mutex lock;
    ksi_thread thread;
    bool stops;
    fake_broker_fn *handler;
    void *user;
    int listener;
    bool down;
    uint16_t port;
    char address[32];
    uint16_t coordinator;
    fake_connection connections[MAX_CONNECTIONS];
    size_t connection_count;
    scripted script[MAX_SCRIPTED];
    size_t scripted_count;
    held_request held[MAX_HELD];
    size_t held_count;
    uint64_t last_request;
    size_t requests[MAX_API];
};

/* ---- life ------------------------------------------------------------------------------------ */

/* A socket that is bound to a port; 0: to any, which is told. */
static int bound_to(uint16_t *port)
{
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    KSI_CHECK(fd >= 0);
    KSI_CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    KSI_CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    KSI_CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* A port that was bound by its number stays with its socket when that is shut down. */
static uint16_t any_port(void)
{
    uint16_t port = 0;
    (void)close(bound_to(&port));
    return port;
}

fake_broker *fake_broker_new(fake_broker_fn *handler, void *user)
{
    fake_broker *broker = ksi_calloc(1, sizeof *broker);
    ksi_mutex_init(&broker->lock);
    broker->handler = handler;
    broker->user = user;
    broker->port = any_port();
    broker->listener = bound_to(&broker->port);
    KSI_CHECK(listen(broker->listener, MAX_CONNECTIONS) == 0);
    (void)snprintf(broker->address, sizeof broker->address, "127.0.0.1:%u", (unsigned)broker->port);
    return broker;
}

static void connection_end(fake_connection *connection)
{
    if (connection->fd >= 0) {
        (void)close(connection->fd);
    }
    connection->fd = -1;
    ksi_buffer_destroy(&connection->in);
    ksi_buffer_destroy(&connection->slow);
}

void fake_broker_free(fake_broker *broker)
{
    if (broker == NULL) {
        return;
    }
    ksi_mutex_lock(&broker->lock);
    broker->stops = true;
    ksi_mutex_unlock(&broker->lock);
    ksi_thread_join(&broker->thread);
    for (size_t i = 0; i < broker->connection_count; i++) {
        connection_end(&broker->connections[i]);
    }
    for (size_t i = 0; i < broker->scripted_count; i++) {
        ksi_buffer_destroy(&broker->script[i].body);
    }
    (void)close(broker->listener);
    ksi_mutex_destroy(&broker->lock);
    ksi_free(broker);
}

const char *fake_broker_address(const fake_broker *broker)
{
    return broker->address;
}

uint16_t fake_broker_port(const fake_broker *broker)
{
    return broker->port;
}

/* ---- what the test says and asks ------------------------------------------------------------- */

void fake_broker_script(fake_broker *broker, ksi_api api, fake_reply reply, ks_slice body)
{
    ksi_mutex_lock(&broker->lock);
    KSI_CHECK(broker->scripted_count < MAX_SCRIPTED);
    scripted *entry = &broker->script[broker->scripted_count++];
    *entry = (scripted){.api = api, .reply = reply};
    ksi_buffer_append(&entry->body, ks_slice_chars(body), body.size);
    ksi_mutex_unlock(&broker->lock);
}

void fake_broker_set_coordinator(fake_broker *broker, uint16_t port)
{
    ksi_mutex_lock(&broker->lock);
    broker->coordinator = port;
    ksi_mutex_unlock(&broker->lock);
}

size_t fake_broker_requests(fake_broker *broker, ksi_api api)
{
    ksi_mutex_lock(&broker->lock);
    size_t count = broker->requests[api];
    ksi_mutex_unlock(&broker->lock);
    return count;
}

size_t fake_broker_connections(fake_broker *broker)
{
    ksi_mutex_lock(&broker->lock);
    size_t count = broker->connection_count;
    ksi_mutex_unlock(&broker->lock);
    return count;
}

uint64_t fake_broker_held(fake_broker *broker)
{
    ksi_mutex_lock(&broker->lock);
    uint64_t number = broker->held_count > 0 ? broker->held[broker->held_count - 1].number : 0;
    ksi_mutex_unlock(&broker->lock);
    return number;
}

static void hang_up(fake_broker *broker)
{
    for (size_t i = 0; i < broker->connection_count; i++) {
        if (broker->connections[i].fd >= 0) {
            (void)shutdown(broker->connections[i].fd, SHUT_RDWR);
        }
    }
}

void fake_broker_hang_up(fake_broker *broker)
{
    ksi_mutex_lock(&broker->lock);
    hang_up(broker);
    ksi_mutex_unlock(&broker->lock);
}

void fake_broker_go_down(fake_broker *broker)
{
    ksi_mutex_lock(&broker->lock);
    broker->down = true;
    (void)shutdown(broker->listener, SHUT_RDWR);
    hang_up(broker);
    ksi_mutex_unlock(&broker->lock);
}

void fake_broker_come_up(fake_broker *broker)
{
    ksi_mutex_lock(&broker->lock);
    broker->down = false;
    KSI_CHECK(listen(broker->listener, MAX_CONNECTIONS) == 0);
    ksi_mutex_unlock(&broker->lock);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* A peer that has gone is not this side's affair. */
static void send_all(fake_connection *connection, const char *bytes, size_t size)
{
    while (size > 0 && connection->fd >= 0) {
        ssize_t count = send(connection->fd, bytes, size, MSG_NOSIGNAL);
        if (count < 0) {
            return;
        }
        bytes += count;
        size -= (size_t)count;
    }
}

static void frame_of(ksi_buffer *frame, ksi_api api, int32_t correlation, ks_slice body)
{
    ksi_wire_put_i32(frame, 0);
    ksi_wire_put_i32(frame, correlation);
    if (api != KSI_API_API_VERSIONS) {
        ksi_wire_put_no_tags(frame);
    }
    ksi_buffer_append(frame, body.data, body.size);
    ksi_put_be32(frame->data, (uint32_t)(frame->size - FRAME_HEAD));
}

static void answer(fake_connection *connection, fake_reply reply, const held_request *request,
                   ks_slice body)
{
    ksi_buffer frame = {0};
    frame_of(&frame, request->api, request->correlation + (reply == FAKE_WRONG ? 1 : 0), body);
    switch (reply) {
    case FAKE_SLOWLY:
        ksi_buffer_append(&connection->slow, frame.data, frame.size);
        break;
    case FAKE_CLOSE:
        (void)shutdown(connection->fd, SHUT_RDWR);
        break;
    case FAKE_HALF:
        send_all(connection, frame.data, frame.size / 2);
        (void)shutdown(connection->fd, SHUT_RDWR);
        break;
    case FAKE_HUGE:
        send_all(connection, "\x7f\xff\xff\xff\0\0\0\0", 8);
        break;
    case FAKE_ANSWER:
    case FAKE_WRONG:
        send_all(connection, frame.data, frame.size);
        break;
    case FAKE_HOLD:
    case FAKE_DEFAULT:
        break;
    }
    ksi_buffer_destroy(&frame);
}

void fake_broker_answer(fake_broker *broker, uint64_t number, ks_slice body)
{
    ksi_mutex_lock(&broker->lock);
    size_t i = 0;
    while (i < broker->held_count && broker->held[i].number != number) {
        i++;
    }
    KSI_CHECK(i < broker->held_count);
    held_request request = broker->held[i];
    broker->held[i] = broker->held[--broker->held_count];
    answer(&broker->connections[request.connection], FAKE_ANSWER, &request, body);
    ksi_mutex_unlock(&broker->lock);
}

static void put_versions(ksi_buffer *body)
{
    const ksi_api apis[] = {KSI_API_OFFSET_COMMIT, KSI_API_OFFSET_FETCH, KSI_API_FIND_COORDINATOR,
                            KSI_API_JOIN_GROUP,    KSI_API_HEARTBEAT,    KSI_API_LEAVE_GROUP,
                            KSI_API_SYNC_GROUP,    KSI_API_API_VERSIONS};
    const size_t count = sizeof apis / sizeof *apis;
    ksi_wire_put_i16(body, KSI_KAFKA_NONE);
    ksi_wire_put_compact_count(body, count);
    for (size_t i = 0; i < count; i++) {
        ksi_wire_put_i16(body, (int16_t)apis[i]);
        ksi_wire_put_i16(body, 0);
        ksi_wire_put_i16(body, ksi_api_version(apis[i]));
        ksi_wire_put_no_tags(body);
    }
    ksi_wire_put_i32(body, 0);
    ksi_wire_put_no_tags(body);
}

static void put_default(const fake_broker *broker, ksi_api api, ksi_buffer *body)
{
    switch (api) {
    case KSI_API_API_VERSIONS:
        put_versions(body);
        return;
    case KSI_API_FIND_COORDINATOR:
        fake_put_found(body, KSI_KAFKA_NONE, "127.0.0.1",
                       broker->coordinator != 0 ? broker->coordinator : broker->port);
        return;
    case KSI_API_HEARTBEAT:
        fake_put_heartbeat(body, 0, KSI_KAFKA_NONE);
        return;
    case KSI_API_LEAVE_GROUP:
        fake_put_left(body, KSI_KAFKA_NONE);
        return;
    case KSI_API_OFFSET_COMMIT:
    case KSI_API_OFFSET_FETCH:
    case KSI_API_JOIN_GROUP:
    case KSI_API_SYNC_GROUP:
        break;
    }
    (void)fprintf(stderr, "fake_broker: nothing was scripted for %s\n", ksi_api_name(api));
    abort();
}

static fake_reply reply_to(fake_broker *broker, const fake_request *request, ksi_buffer *body)
{
    for (size_t i = 0; i < broker->scripted_count; i++) {
        scripted *entry = &broker->script[i];
        if (entry->api == request->api && !entry->used) {
            entry->used = true;
            ksi_buffer_append(body, entry->body.data, entry->body.size);
            if (entry->reply == FAKE_DEFAULT) {
                break;
            }
            return entry->reply;
        }
    }
    fake_reply reply = FAKE_DEFAULT;
    if (broker->handler != NULL) {
        reply = broker->handler(broker->user, request, body);
    }
    if (reply == FAKE_DEFAULT) {
        put_default(broker, request->api, body);
        reply = FAKE_ANSWER;
    }
    return reply;
}

static void on_request(fake_broker *broker, size_t at, ks_slice frame)
{
    ksi_wire_reader reader = ksi_wire_reader_of(frame);
    int16_t api = ksi_wire_take_i16(&reader);
    int16_t version = ksi_wire_take_i16(&reader);
    held_request held = {.connection = at};
    held.correlation = ksi_wire_take_i32(&reader);
    fake_request request = {.connection = broker->connections[at].number};
    request.client_id = ksi_wire_take_optional_string(&reader);
    ksi_wire_skip_tags(&reader);
    KSI_CHECK(ksi_wire_is_good(&reader) && api >= 0 && api < MAX_API);
    held.api = request.api = (ksi_api)api;
    KSI_CHECK(version == ksi_api_version(request.api));
    held.number = request.number = ++broker->last_request;
    request.body = ks_slice_of(reader.at, (size_t)(reader.end - reader.at));
    broker->requests[api]++;

    ksi_buffer body = {0};
    fake_reply reply = reply_to(broker, &request, &body);
    if (reply == FAKE_HOLD) {
        KSI_CHECK(broker->held_count < MAX_HELD);
        broker->held[broker->held_count++] = held;
    }
    answer(&broker->connections[at], reply, &held, ksi_buffer_slice(&body));
    ksi_buffer_destroy(&body);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void accept_one(fake_broker *broker)
{
    int fd = accept(broker->listener, NULL, NULL);
    if (fd >= 0) {
        KSI_CHECK(broker->connection_count < MAX_CONNECTIONS);
        fake_connection *connection = &broker->connections[broker->connection_count++];
        *connection = (fake_connection){.fd = fd, .number = (int)broker->connection_count};
    }
}

static void read_requests(fake_broker *broker, size_t at)
{
    fake_connection *connection = &broker->connections[at];
    char bytes[4096];
    ssize_t count = recv(connection->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count <= 0) {
        if (count == 0 || errno != EAGAIN) {
            connection_end(connection);
        }
        return;
    }
    ksi_buffer *in = &connection->in;
    ksi_buffer_append(in, bytes, (size_t)count);
    size_t taken = 0;
    while (in->size - taken >= FRAME_HEAD) {
        size_t size = ksi_get_be32(in->data + taken);
        if (in->size - taken - FRAME_HEAD < size) {
            break;
        }
        on_request(broker, at, ks_slice_of(in->data + taken + FRAME_HEAD, size));
        taken += FRAME_HEAD + size;
    }
    if (taken > 0) {
        memmove(in->data, in->data + taken, in->size - taken);
        in->size -= taken;
    }
}

static bool is_slow(const fake_connection *connection)
{
    return connection->fd >= 0 && connection->slow_at < connection->slow.size;
}

/* The sockets to wait on, the listener first; false when there are bytes to dribble. */
static bool descriptors(fake_broker *broker, struct pollfd *fds, size_t *count)
{
    bool waits = true;
    fds[0] = (struct pollfd){.fd = broker->down ? -1 : broker->listener, .events = POLLIN};
    for (size_t i = 0; i < broker->connection_count; i++) {
        fds[i + 1] = (struct pollfd){.fd = broker->connections[i].fd, .events = POLLIN};
        waits = waits && !is_slow(&broker->connections[i]);
    }
    *count = broker->connection_count + 1;
    return waits;
}

bool fake_broker_step(fake_broker *broker, int timeout_ms)
{
    struct pollfd fds[MAX_CONNECTIONS + 1];
    size_t count;
    ksi_mutex_lock(&broker->lock);
    bool waits = descriptors(broker, fds, &count);
    ksi_mutex_unlock(&broker->lock);
    bool came = poll(fds, (nfds_t)count, waits ? timeout_ms : 0) > 0;
    ksi_mutex_lock(&broker->lock);
    if (fds[0].revents != 0 && !broker->down) {
        accept_one(broker);
    }
    for (size_t i = 1; i < count; i++) {
        fake_connection *connection = &broker->connections[i - 1];
        if (fds[i].revents != 0 && connection->fd >= 0) {
            read_requests(broker, i - 1);
        }
        if (is_slow(connection)) {
            send_all(connection, connection->slow.data + connection->slow_at++, 1);
        }
    }
    ksi_mutex_unlock(&broker->lock);
    return came || !waits;
}

static void step_until_stopped(void *user)
{
    fake_broker *broker = user;
    for (;;) {
        ksi_mutex_lock(&broker->lock);
        bool stops = broker->stops;
        ksi_mutex_unlock(&broker->lock);
        if (stops) {
            return;
        }
        (void)fake_broker_step(broker, 5);
    }
}

void fake_broker_run(fake_broker *broker)
{
    KSI_CHECK(ksi_thread_start(&broker->thread, "fake broker", step_until_stopped, broker) == 0);
}
