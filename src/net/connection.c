/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.c - a non-blocking socket with a buffer on either side.
 *
 * Reading stops when a whole frame is there, so a peer that sends faster than its frames are taken
 * fills the socket and not our memory. Writing begins behind reading: a peer that has closed is
 * noticed before anything is written to it, which lets the owner of an idle connection tell "never
 * sent" from "lost". A peer that is gone without a word is noticed by the kernel.
 */
#include "net/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/endian.h"
#include "base/error.h"
#include "base/memory.h"

enum { FRAME_HEAD = 4, READ_BYTES = 16 * 1024 };
/* After so long a silent peer is asked for a sign of life, again and again, and given up. */
enum { SILENT_S = 10, ASK_AGAIN_S = 5, ASKED_AT_MOST = 3, UNHEARD_MS = 25000 };

struct ksi_connection {
    ksi_connection_state state;
    int fd;
    struct addrinfo *addresses;   /* of open(); kept while connecting */
    const struct addrinfo *tried; /* the one being tried */
    int64_t timeout_ms;
    int64_t deadline_ms; /* of the address being tried */
    char *peer;
    ksi_buffer out;
    size_t written; /* of `out` */
    bool sent;
    ksi_buffer in;
    size_t taken; /* of `in`: frames that were received */
};

ksi_connection *ksi_connection_new(void)
{
    ksi_connection *connection = ksi_calloc(1, sizeof *connection);
    connection->fd = -1;
    return connection;
}

static void forget_addresses(ksi_connection *connection)
{
    if (connection->addresses != NULL) {
        freeaddrinfo(connection->addresses);
    }
    connection->addresses = NULL;
    connection->tried = NULL;
}

static void close_socket(ksi_connection *connection)
{
    if (connection->fd >= 0) {
        (void)close(connection->fd);
    }
    connection->fd = -1;
}

/* Ends it; what has come stays. */
static void end(ksi_connection *connection)
{
    close_socket(connection);
    forget_addresses(connection);
    ksi_buffer_clear(&connection->out);
    connection->written = 0;
    connection->state = KSI_CONNECTION_CLOSED;
}

void ksi_connection_close(ksi_connection *connection)
{
    end(connection);
    ksi_buffer_clear(&connection->in);
    connection->taken = 0;
}

void ksi_connection_free(ksi_connection *connection)
{
    if (connection == NULL) {
        return;
    }
    ksi_connection_close(connection);
    ksi_buffer_destroy(&connection->in);
    ksi_buffer_destroy(&connection->out);
    ksi_free(connection->peer);
    ksi_free(connection);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void set_peer(ksi_connection *connection, const char *host, uint16_t port)
{
    ksi_buffer text = {0};
    bool v6 = strchr(host, ':') != NULL;
    ksi_buffer_appendf(&text, v6 ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
    ksi_free(connection->peer);
    connection->peer = ksi_strdup(ksi_buffer_cstr(&text));
    ksi_buffer_destroy(&text);
}

/*
 * An answer may be minutes away (that to a JoinGroup), and a machine that lost its power or a
 * network that was cut says nothing: without this, the owner would wait for it all that time.
 */
static bool watch_over(int fd)
{
    const struct {
        int level;
        int name;
        int value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, SILENT_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, ASK_AGAIN_S},
        {IPPROTO_TCP, TCP_KEEPCNT, ASKED_AT_MOST},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, UNHEARD_MS},
    };
    bool all = true;
    for (size_t i = 0; all && i < sizeof options / sizeof options[0]; i++) {
        const int value = options[i].value;
        all = setsockopt(fd, options[i].level, options[i].name, &value, sizeof value) == 0;
    }
    return all;
}

/* A socket that is connecting or connected to an address; -1 and errno. */
static int socket_to(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    const int on = 1;
    int flags = fcntl(fd, F_GETFL);
    bool prepared = flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
                    fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 && watch_over(fd);
    if (prepared && (connect(fd, address->ai_addr, address->ai_addrlen) == 0 ||
                     errno == EINPROGRESS || errno == EINTR)) {
        return fd;
    }
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return -1;
}

/* Tries `address` and those behind it; closed with the error of `reason` when none is left. */
static ks_status try_addresses(ksi_connection *connection, const struct addrinfo *address,
                               int reason, int64_t now_ms, ks_error *error)
{
    close_socket(connection);
    for (; address != NULL; address = address->ai_next) {
        connection->fd = socket_to(address);
        if (connection->fd >= 0) {
            connection->tried = address;
            connection->deadline_ms = now_ms + connection->timeout_ms;
            return KS_OK;
        }
        reason = errno;
    }
    end(connection);
    return ksi_error_set(error, reason == ETIMEDOUT ? KS_E_TIMEOUT : KS_E_IO, NULL,
                         "connecting to %s: %s", connection->peer, strerror(reason));
}

ks_status ksi_connection_open(ksi_connection *connection, const char *host, uint16_t port,
                              int64_t timeout_ms, int64_t now_ms, ks_error *error)
{
    ksi_connection_close(connection);
    set_peer(connection, host, port);
    connection->timeout_ms = timeout_ms;
    connection->sent = false;

    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    int answer = getaddrinfo(host, service, &hints, &connection->addresses);
    if (answer != 0) {
        connection->addresses = NULL;
        return ksi_error_set(error, KS_E_IO, NULL, "connecting to %s: no address for '%s': %s",
                             connection->peer, host,
                             answer == EAI_SYSTEM ? strerror(errno) : gai_strerror(answer));
    }
    connection->state = KSI_CONNECTION_CONNECTING;
    return try_addresses(connection, connection->addresses, 0, now_ms, error);
}

/* Here a TLS handshake and a login would come, each with a state of its own. */
static void establish(ksi_connection *connection)
{
    forget_addresses(connection);
    connection->state = KSI_CONNECTION_READY;
}

static ks_status go_on_connecting(ksi_connection *connection, int64_t now_ms, ks_error *error)
{
    struct pollfd writable = {.fd = connection->fd, .events = POLLOUT};
    if (poll(&writable, 1, 0) <= 0) {
        if (now_ms < connection->deadline_ms) {
            return KS_OK;
        }
        return try_addresses(connection, connection->tried->ai_next, ETIMEDOUT, now_ms, error);
    }
    int reason = 0;
    socklen_t size = sizeof reason;
    if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &reason, &size) != 0) {
        reason = errno;
    }
    if (reason != 0) {
        return try_addresses(connection, connection->tried->ai_next, reason, now_ms, error);
    }
    establish(connection);
    return KS_OK;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static ssize_t read_some(ksi_connection *connection, void *bytes, size_t size)
{
    ssize_t count;
    do {
        count = recv(connection->fd, bytes, size, 0);
    } while (count < 0 && errno == EINTR);
    return count;
}

static ssize_t write_some(ksi_connection *connection, const void *bytes, size_t size)
{
    ssize_t count;
    do {
        count = send(connection->fd, bytes, size, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return count;
}

static bool would_wait(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

/* The frame at the front: its size in `*size` when that is known, true when it is whole. */
static bool front_frame(const ksi_connection *connection, uint32_t *size)
{
    size_t left = connection->in.size - connection->taken;
    if (left < FRAME_HEAD) {
        *size = 0;
        return false;
    }
    *size = ksi_get_be32(connection->in.data + connection->taken);
    return left - FRAME_HEAD >= *size;
}

static void drop_taken(ksi_connection *connection)
{
    ksi_buffer *in = &connection->in;
    if (connection->taken > 0) {
        memmove(in->data, in->data + connection->taken, in->size - connection->taken);
        in->size -= connection->taken;
        connection->taken = 0;
    }
}

static ks_status read_frames(ksi_connection *connection, ks_error *error)
{
    drop_taken(connection);
    uint32_t size;
    while (!front_frame(connection, &size)) {
        if (size > KSI_CONNECTION_FRAME_MAX) {
            end(connection);
            return ksi_error_set(error, KS_E_IO, NULL,
                                 "%s sent a frame of %u bytes, more than %u: is this the port of a "
                                 "Kafka broker, without TLS?",
                                 connection->peer, (unsigned)size, KSI_CONNECTION_FRAME_MAX);
        }
        ksi_buffer *in = &connection->in;
        ksi_buffer_reserve(in, READ_BYTES);
        ssize_t count = read_some(connection, in->data + in->size, READ_BYTES);
        if (count > 0) {
            in->size += (size_t)count;
            continue;
        }
        if (count < 0 && would_wait()) {
            return KS_OK;
        }
        int reason = count < 0 ? errno : 0;
        end(connection);
        return ksi_error_set(error, KS_E_IO, NULL, "%s closed the connection%s%s", connection->peer,
                             reason != 0 ? ": " : "", reason != 0 ? strerror(reason) : "");
    }
    return KS_OK;
}

static ks_status write_queued(ksi_connection *connection, ks_error *error)
{
    ksi_buffer *out = &connection->out;
    while (connection->written < out->size) {
        ssize_t count = write_some(connection, out->data + connection->written,
                                   out->size - connection->written);
        if (count < 0 && would_wait()) {
            return KS_OK;
        }
        if (count < 0) {
            int reason = errno;
            end(connection);
            return ksi_error_set(error, KS_E_IO, NULL, "sending to %s: %s", connection->peer,
                                 strerror(reason));
        }
        connection->written += (size_t)count;
        connection->sent = true;
    }
    ksi_buffer_clear(out);
    connection->written = 0;
    return KS_OK;
}

ks_status ksi_connection_work(ksi_connection *connection, int64_t now_ms, ks_error *error)
{
    if (connection->state == KSI_CONNECTION_CONNECTING) {
        KS_TRY(go_on_connecting(connection, now_ms, error));
    }
    if (connection->state != KSI_CONNECTION_READY) {
        return KS_OK;
    }
    KS_TRY(read_frames(connection, error));
    return write_queued(connection, error);
}

/* ---- frames ---------------------------------------------------------------------------------- */

void ksi_connection_send(ksi_connection *connection, ks_slice frame)
{
    KSI_CHECK(connection->state != KSI_CONNECTION_CLOSED);
    KSI_CHECK(frame.size <= INT32_MAX);
    if (connection->out.size == 0) {
        connection->sent = false;
    }
    char head[FRAME_HEAD];
    ksi_put_be32(head, (uint32_t)frame.size);
    ksi_buffer_append(&connection->out, head, sizeof head);
    ksi_buffer_append(&connection->out, frame.data, frame.size);
}

bool ksi_connection_has_sent(const ksi_connection *connection)
{
    return connection->sent;
}

bool ksi_connection_receive(ksi_connection *connection, ks_slice *frame)
{
    uint32_t size;
    if (!front_frame(connection, &size)) {
        return false;
    }
    *frame = ks_slice_of(connection->in.data + connection->taken + FRAME_HEAD, size);
    connection->taken += FRAME_HEAD + size;
    return true;
}

/* ---- waiting --------------------------------------------------------------------------------- */

ksi_connection_state ksi_connection_state_of(const ksi_connection *connection)
{
    return connection->state;
}

struct pollfd ksi_connection_descriptor(const ksi_connection *connection)
{
    struct pollfd descriptor = {.fd = connection->fd};
    if (connection->state == KSI_CONNECTION_CONNECTING) {
        descriptor.events = POLLOUT;
    } else if (connection->state == KSI_CONNECTION_READY) {
        descriptor.events = (short)(POLLIN | (connection->out.size > 0 ? POLLOUT : 0));
    }
    return descriptor;
}

int64_t ksi_connection_deadline_ms(const ksi_connection *connection)
{
    return connection->state == KSI_CONNECTION_CONNECTING ? connection->deadline_ms : INT64_MAX;
}

const char *ksi_connection_peer(const ksi_connection *connection)
{
    return connection->peer != NULL ? connection->peer : "";
}
