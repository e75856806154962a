/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_connection.c - a connection and a plain socket of the test at its other end.
 */
#include "net/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/endian.h"
#include "base/memory.h"

enum { CONNECT_TIMEOUT_MS = 1000, PATIENCE_MS = 60000 };

typedef struct socket_fixture {
    int listener;
    int peer; /* -1: not accepted yet */
    uint16_t port;
    char address[32];
    ksi_connection *connection;
    ks_error error;
} socket_fixture;

static int begin(void **state)
{
    socket_fixture *self = ksi_calloc(1, sizeof *self);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    self->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(self->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(self->listener, 0), 0);
    assert_int_equal(getsockname(self->listener, (struct sockaddr *)&address, &size), 0);
    self->port = ntohs(address.sin_port);
    (void)snprintf(self->address, sizeof self->address, "127.0.0.1:%u", (unsigned)self->port);
    self->peer = -1;
    self->connection = ksi_connection_new();
    *state = self;
    return 0;
}

static int end(void **state)
{
    socket_fixture *self = *state;
    ksi_connection_free(self->connection);
    if (self->peer >= 0) {
        (void)close(self->peer);
    }
    (void)close(self->listener);
    ksi_free(self);
    return 0;
}

static void open_to(socket_fixture *self, const char *host)
{
    assert_int_equal(ksi_connection_open(self->connection, host, self->port, CONNECT_TIMEOUT_MS, 0,
                                         &self->error),
                     KS_OK);
}

/* Waits for what the connection waits for, and works. */
static ks_status work(socket_fixture *self)
{
    struct pollfd descriptor = ksi_connection_descriptor(self->connection);
    if (poll(&descriptor, 1, PATIENCE_MS) <= 0) {
        fail_msg("not within %d ms: what the connection waits for", PATIENCE_MS);
    }
    return ksi_connection_work(self->connection, 0, &self->error);
}

static void connect_to_peer(socket_fixture *self)
{
    open_to(self, "127.0.0.1");
    self->peer = accept(self->listener, NULL, NULL);
    assert_true(self->peer >= 0);
    while (ksi_connection_state_of(self->connection) != KSI_CONNECTION_READY) {
        assert_int_equal(work(self), KS_OK);
    }
}

static void peer_sends(socket_fixture *self, const void *bytes, size_t size)
{
    assert_int_equal(send(self->peer, bytes, size, MSG_NOSIGNAL), size);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void a_port_where_nobody_listens_is_refused_by_name(void **state)
{
    socket_fixture *self = *state;
    (void)close(self->listener);
    ks_status status = ksi_connection_open(self->connection, "127.0.0.1", self->port,
                                           CONNECT_TIMEOUT_MS, 0, &self->error);
    if (status == KS_OK) {
        status = work(self);
    }
    self->listener = -1;
    assert_int_equal(status, KS_E_IO);
    assert_non_null(strstr(self->error.message, "connecting to "));
    assert_non_null(strstr(self->error.message, self->address));
    assert_non_null(strstr(self->error.message, "Connection refused"));
    assert_int_equal(ksi_connection_state_of(self->connection), KSI_CONNECTION_CLOSED);
    assert_int_equal(ksi_connection_descriptor(self->connection).fd, -1);
}

static void a_name_without_an_address_says_so(void **state)
{
    socket_fixture *self = *state;
    assert_int_equal(ksi_connection_open(self->connection, "no such..host", 9092,
                                         CONNECT_TIMEOUT_MS, 0, &self->error),
                     KS_E_IO);
    assert_non_null(strstr(self->error.message, "no address for 'no such..host'"));
}

/* A name that has several addresses: the listener has one of them. */
static void each_address_of_a_name_is_tried(void **state)
{
    socket_fixture *self = *state;
    open_to(self, "localhost");
    for (int i = 0; i < 4 && ksi_connection_state_of(self->connection) != KSI_CONNECTION_READY;
         i++) {
        assert_int_equal(work(self), KS_OK);
    }
    assert_int_equal(ksi_connection_state_of(self->connection), KSI_CONNECTION_READY);
}

static void a_host_that_does_not_answer_times_out(void **state)
{
    socket_fixture *self = *state;
    ksi_connection *crowd[4]; /* more than a listener without a backlog takes */
    for (size_t i = 0; i < 4; i++) {
        crowd[i] = ksi_connection_new();
        assert_int_equal(ksi_connection_open(crowd[i], "127.0.0.1", self->port, CONNECT_TIMEOUT_MS,
                                             0, &self->error),
                         KS_OK);
    }
    open_to(self, "127.0.0.1");
    assert_int_equal(ksi_connection_deadline_ms(self->connection), CONNECT_TIMEOUT_MS);
    assert_int_equal(ksi_connection_work(self->connection, CONNECT_TIMEOUT_MS - 1, &self->error),
                     KS_OK);
    assert_int_equal(ksi_connection_state_of(self->connection), KSI_CONNECTION_CONNECTING);
    assert_int_equal(ksi_connection_work(self->connection, CONNECT_TIMEOUT_MS, &self->error),
                     KS_E_TIMEOUT);
    assert_non_null(strstr(self->error.message, self->address));
    assert_int_equal(ksi_connection_state_of(self->connection), KSI_CONNECTION_CLOSED);
    for (size_t i = 0; i < 4; i++) {
        ksi_connection_free(crowd[i]);
    }
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* What the kernel is told: nothing here can cut a network. */
static void a_peer_that_is_gone_without_a_word_is_noticed_within_half_a_minute(void **state)
{
    socket_fixture *self = *state;
    connect_to_peer(self);
    const int fd = ksi_connection_descriptor(self->connection).fd;
    static const int names[] = {TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT};
    int values[4] = {0};
    int on = 0;
    socklen_t size = sizeof on;
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &size), 0);
    assert_true(on != 0);
    for (int i = 0; i < 4; i++) {
        size = sizeof values[i];
        assert_int_equal(getsockopt(fd, IPPROTO_TCP, names[i], &values[i], &size), 0);
    }
    assert_in_range(values[0] + values[1] * values[2], 1, 30);
    assert_in_range(values[3], 1, 30000);
}

static void frames_that_come_in_one_piece_are_told_apart(void **state)
{
    socket_fixture *self = *state;
    ks_slice frame;
    connect_to_peer(self);
    peer_sends(self, "\0\0\0\3abc\0\0\0\0\0\0\0\2de\0\0", 19);
    assert_int_equal(work(self), KS_OK);
    assert_true(ksi_connection_receive(self->connection, &frame));
    assert_true(ks_slice_equal(frame, ks_slice_cstr("abc")));
    assert_true(ksi_connection_receive(self->connection, &frame));
    assert_true(ks_slice_equal(frame, ks_slice_cstr("")));
    assert_true(ksi_connection_receive(self->connection, &frame));
    assert_true(ks_slice_equal(frame, ks_slice_cstr("de")));
    assert_false(ksi_connection_receive(self->connection, &frame));
}

static void a_frame_is_there_when_its_last_byte_is(void **state)
{
    socket_fixture *self = *state;
    ks_slice frame;
    const char bytes[] = "\0\0\0\3abc";
    connect_to_peer(self);
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        assert_false(ksi_connection_receive(self->connection, &frame));
        peer_sends(self, &bytes[i], 1);
        assert_int_equal(work(self), KS_OK);
    }
    assert_true(ksi_connection_receive(self->connection, &frame));
    assert_true(ks_slice_equal(frame, ks_slice_cstr("abc")));
}

/* Echoes what has come, as far as it goes without waiting. */
static void peer_echoes(socket_fixture *self)
{
    static char bytes[64 * 1024];
    ssize_t count = recv(self->peer, bytes, sizeof bytes, MSG_DONTWAIT);
    for (ssize_t sent = 0; count > 0 && sent < count;) {
        ssize_t more = send(self->peer, bytes + sent, (size_t)(count - sent), MSG_DONTWAIT);
        if (more > 0) {
            sent += more;
        } else {
            assert_int_equal(errno, EAGAIN);
            assert_int_equal(ksi_connection_work(self->connection, 0, &self->error), KS_OK);
        }
    }
}

static void a_frame_larger_than_the_sockets_buffers_goes_there_and_back(void **state)
{
    socket_fixture *self = *state;
    enum { SIZE = 20 * 1000 * 1000 };
    char *bytes = ksi_alloc(SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (char)(i * 2654435761u >> 24);
    }
    connect_to_peer(self);
    assert_false(ksi_connection_has_sent(self->connection));
    ksi_connection_send(self->connection, ks_slice_of(bytes, SIZE));
    assert_false(ksi_connection_has_sent(self->connection));
    ks_slice frame;
    while (!ksi_connection_receive(self->connection, &frame)) {
        assert_int_equal(ksi_connection_work(self->connection, 0, &self->error), KS_OK);
        peer_echoes(self);
    }
    assert_true(ksi_connection_has_sent(self->connection));
    assert_int_equal(frame.size, SIZE);
    assert_memory_equal(frame.data, bytes, SIZE);
    ksi_free(bytes);
}

static void a_frame_that_is_too_large_ends_the_connection(void **state)
{
    socket_fixture *self = *state;
    connect_to_peer(self);
    peer_sends(self, "HTTP/1.1 400", 12);
    assert_int_equal(work(self), KS_E_IO);
    assert_non_null(strstr(self->error.message, "is this the port of a Kafka broker"));
    assert_int_equal(ksi_connection_state_of(self->connection), KSI_CONNECTION_CLOSED);
}

static void what_came_before_the_end_can_be_received(void **state)
{
    socket_fixture *self = *state;
    ks_slice frame;
    connect_to_peer(self);
    peer_sends(self, "\0\0\0\3abc\0\0\0\3a", 12);
    (void)close(self->peer);
    self->peer = -1;
    assert_int_equal(work(self), KS_OK);
    assert_true(ksi_connection_receive(self->connection, &frame));
    assert_true(ks_slice_equal(frame, ks_slice_cstr("abc")));
    assert_int_equal(work(self), KS_E_IO);
    assert_non_null(strstr(self->error.message, "closed the connection"));
    assert_false(ksi_connection_receive(self->connection, &frame));
    assert_int_equal(ksi_connection_work(self->connection, 0, &self->error), KS_OK);
}

static void a_frame_queued_while_connecting_is_sent_when_it_is_ready(void **state)
{
    socket_fixture *self = *state;
    char bytes[8];
    open_to(self, "127.0.0.1");
    ksi_connection_send(self->connection, ks_slice_cstr("abc"));
    self->peer = accept(self->listener, NULL, NULL);
    while (ksi_connection_descriptor(self->connection).events != POLLIN) {
        assert_int_equal(work(self), KS_OK);
    }
    assert_int_equal(recv(self->peer, bytes, sizeof bytes, 0), 7);
    assert_memory_equal(bytes, "\0\0\0\3abc", 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_port_where_nobody_listens_is_refused_by_name),
        TEST(a_name_without_an_address_says_so),
        TEST(each_address_of_a_name_is_tried),
        TEST(a_host_that_does_not_answer_times_out),
        TEST(a_peer_that_is_gone_without_a_word_is_noticed_within_half_a_minute),
        TEST(frames_that_come_in_one_piece_are_told_apart),
        TEST(a_frame_is_there_when_its_last_byte_is),
        TEST(a_frame_larger_than_the_sockets_buffers_goes_there_and_back),
        TEST(a_frame_that_is_too_large_ends_the_connection),
        TEST(what_came_before_the_end_can_be_received),
        TEST(a_frame_queued_while_connecting_is_sent_when_it_is_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
