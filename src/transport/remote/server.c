/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - connections to the holder of a log, and their threads; server.h draws them.
 *
 * A wait must not keep its connection thread from hearing a wake-up, so a second thread sleeps in
 * the log. While it does, the consumer is its own and the connection takes nothing but wake-ups;
 * before it answers it gives the consumer back. A wake-up carries the number of the wait it means:
 * one that comes late ends no other wait.
 *
 * Thread rule: `lock` of the server guards its list, `lock` of a connection what stands under it;
 * the first is never taken while the second is held.
 */
#include "transport/remote/server.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"
#include "transport/remote/protocol.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* So that a slip in a loop of somebody's script cannot eat all threads of the holder. */
#define MAX_CONNECTIONS 256

typedef struct connection {
    struct connection *next;
    ksi_log_server *server;
    int socket;
    bool has_ended; /* guarded by the server's lock: its thread is about to return */
    ksi_thread thread;
    ksi_session session; /* the connection thread's, but for a consumer that waits */
    ksi_buffer request;
    ksi_buffer answer;

    ksi_mutex lock; /* guards what follows */
    ksi_condition changed;
    ksi_thread waiter;
    bool is_waiting;
    bool is_closing;
    uint32_t wait_number;
    int64_t timeout_ms;
} connection;

struct ksi_log_server {
    ksi_transport *transport; /* borrowed */
    char *path;
    int listening;
    int stop[2]; /* a pipe: a byte in it ends the accepting thread */
    ksi_thread thread;
    ksi_mutex lock;
    connection *connections;
    size_t count;
};

/* ---- waiting --------------------------------------------------------------------------------- */

/* Sleeps in the log for one wait after the other. */
static void wait_for_records(void *user)
{
    connection *self = user;
    ksi_buffer answer = {0};
    ksi_mutex_lock(&self->lock);
    while (!self->is_closing) {
        if (!self->is_waiting) {
            ksi_condition_wait(&self->changed, &self->lock);
            continue;
        }
        int64_t timeout_ms = self->timeout_ms;
        ksi_mutex_unlock(&self->lock);
        self->session.consumer->class->wait(self->session.consumer, timeout_ms);
        ksi_mutex_lock(&self->lock);
        self->is_waiting = false;
        if (!self->is_closing) {
            ksi_frame_begin(&answer);
            ksi_put_u8(&answer, 0);
            bool sent = ksi_frame_send(self->socket, &answer);
            (void)sent; /* the connection thread sees a socket that is gone, too, and ends it all */
        }
    }
    ksi_mutex_unlock(&self->lock);
    ksi_buffer_destroy(&answer);
}

static bool begin_wait(connection *self, ksi_frame_reader *request)
{
    uint32_t number = ksi_take_u32(request);
    int64_t timeout_ms = ksi_take_i64(request);
    if (!ksi_frame_reader_is_done(request) || self->session.consumer == NULL) {
        return false;
    }
    bool started = self->waiter.started ||
                   ksi_thread_start(&self->waiter, "ks-log-wait", wait_for_records, self) == 0;
    ksi_mutex_lock(&self->lock);
    self->is_waiting = started;
    self->wait_number = number;
    self->timeout_ms = timeout_ms;
    ksi_condition_wake_all(&self->changed);
    ksi_mutex_unlock(&self->lock);
    return started;
}

static bool end_wait(connection *self, ksi_frame_reader *request)
{
    uint32_t number = ksi_take_u32(request);
    if (!ksi_frame_reader_is_done(request)) {
        return false;
    }
    ksi_mutex_lock(&self->lock);
    if (self->is_waiting && self->wait_number == number) {
        self->session.consumer->class->wake(self->session.consumer);
    }
    ksi_mutex_unlock(&self->lock);
    return true;
}

/* ---- a connection ---------------------------------------------------------------------------- */

/* False: the connection ends. */
static bool take_request(connection *self)
{
    ksi_frame_reader request = ksi_frame_reader_of(ksi_buffer_slice(&self->request));
    uint8_t number = ksi_take_u8(&request);
    if (number == KSI_CALL_WAKE) {
        return end_wait(self, &request);
    }
    ksi_mutex_lock(&self->lock);
    bool is_waiting = self->is_waiting;
    ksi_mutex_unlock(&self->lock);
    if (is_waiting) {
        return false; /* the consumer is not ours now, and an answer is due before the next one */
    }
    if (number == KSI_CALL_WAIT) {
        return begin_wait(self, &request);
    }
    bool goes_on =
        ksi_session_answer(&self->session, ksi_buffer_slice(&self->request), &self->answer);
    return ksi_frame_send(self->socket, &self->answer) && goes_on;
}

static void end_waiter(connection *self)
{
    ksi_mutex_lock(&self->lock);
    self->is_closing = true;
    if (self->is_waiting) {
        self->session.consumer->class->wake(self->session.consumer);
    }
    ksi_condition_wake_all(&self->changed);
    ksi_mutex_unlock(&self->lock);
    ksi_thread_join(&self->waiter);
}

static void serve(void *user)
{
    connection *self = user;
    ksi_session_init(&self->session, self->server->transport);
    while (ksi_frame_receive(self->socket, &self->request) && take_request(self)) {
    }
    end_waiter(self);
    ksi_session_end(&self->session);
    (void)shutdown(self->socket,
                   SHUT_RDWR); /* the other side sees it now, not when we are joined */
    ksi_mutex_lock(&self->server->lock);
    self->has_ended = true;
    ksi_mutex_unlock(&self->server->lock);
}

static void free_connection(connection *self)
{
    ksi_thread_join(&self->thread);
    (void)close(self->socket);
    ksi_buffer_destroy(&self->request);
    ksi_buffer_destroy(&self->answer);
    ksi_mutex_destroy(&self->lock);
    ksi_condition_destroy(&self->changed);
    ksi_free(self);
}

/* ---- accepting ------------------------------------------------------------------------------- */

/* Takes the connections that ended out of the list; `all`: every one. */
static connection *take_ended(ksi_log_server *server, bool all)
{
    connection *ended = NULL;
    ksi_mutex_lock(&server->lock);
    for (connection **at = &server->connections; *at != NULL;) {
        connection *each = *at;
        if (!all && !each->has_ended) {
            at = &each->next;
            continue;
        }
        *at = each->next;
        each->next = ended;
        ended = each;
        server->count--;
    }
    ksi_mutex_unlock(&server->lock);
    return ended;
}

static void free_connections(connection *list)
{
    while (list != NULL) {
        connection *next = list->next;
        free_connection(list);
        list = next;
    }
}

static void refuse(int socket)
{
    ksi_buffer answer = {0};
    ks_error error = {0};
    (void)ksi_error_set(&error, KS_E_LIMIT, "log socket",
                        "the process that holds the log has %d connections and takes no more",
                        MAX_CONNECTIONS);
    ksi_put_error(&answer, &error);
    bool sent = ksi_frame_send(socket, &answer);
    (void)sent; /* whoever does not wait for the reason sees the end of the connection */
    ksi_buffer_destroy(&answer);
    (void)close(socket);
}

static void add_connection(ksi_log_server *server, int socket)
{
    connection *self = ksi_calloc(1, sizeof *self);
    self->server = server;
    self->socket = socket;
    ksi_mutex_init(&self->lock);
    ksi_condition_init(&self->changed);
    ksi_mutex_lock(&server->lock);
    self->next = server->connections;
    server->connections = self;
    server->count++;
    self->has_ended = ksi_thread_start(&self->thread, "ks-log-serve", serve, self) != 0;
    ksi_mutex_unlock(&server->lock);
}

static void accept_connections(void *user)
{
    ksi_log_server *server = user;
    struct pollfd ready[] = {{.fd = server->listening, .events = POLLIN},
                             {.fd = server->stop[0], .events = POLLIN}};
    while (ready[1].revents == 0) {
        if (poll(ready, 2, -1) < 0 || ready[0].revents == 0) {
            continue;
        }
        free_connections(take_ended(server, false));
        int socket = accept(server->listening, NULL, NULL);
        if (socket >= 0 && server->count >= MAX_CONNECTIONS) {
            refuse(socket);
        } else if (socket >= 0) {
            add_connection(server, socket);
        }
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static ks_status cannot_serve(const char *path, ks_error *error)
{
    return ksi_error_set(error, KS_E_IO, path,
                         "other processes cannot be served: %s; the log's directory has to be on a "
                         "file system that has sockets",
                         strerror(errno));
}

static ks_status listen_at(ksi_log_server *server, ks_error *error)
{
    struct sockaddr_un address;
    if (!ksi_socket_address(server->path, &address)) {
        return ksi_error_set(error, KS_E_ARGUMENT, server->path,
                             "the path is too long for a socket, which takes %zu bytes; give the "
                             "log a directory with a shorter name",
                             sizeof address.sun_path - 1);
    }
    (void)unlink(server->path); /* left by a process that was killed: we hold the directory */
    server->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listening < 0) {
        return cannot_serve(server->path, error);
    }
    /* Nobody can connect before listen(), so the mode is set in time. */
    if (bind(server->listening, (const struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(server->path, S_IRUSR | S_IWUSR) != 0 || listen(server->listening, 16) != 0 ||
        pipe(server->stop) != 0) {
        return cannot_serve(server->path, error);
    }
    return KS_OK;
}

ksi_log_server *ksi_log_server_start(ksi_transport *transport, const char *path, ks_error *error)
{
    ksi_log_server *server = ksi_calloc(1, sizeof *server);
    server->transport = transport;
    server->path = ksi_strdup(path);
    server->listening = -1;
    server->stop[0] = -1;
    server->stop[1] = -1;
    ksi_mutex_init(&server->lock);
    ks_status status = listen_at(server, error);
    if (status == KS_OK &&
        ksi_thread_start(&server->thread, "ks-log-accept", accept_connections, server) != 0) {
        status = cannot_serve(path, error);
    }
    if (status != KS_OK) {
        ksi_log_server_stop(server);
        return NULL;
    }
    return server;
}

void ksi_log_server_stop(ksi_log_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->thread.started) {
        while (write(server->stop[1], "", 1) < 0 && errno == EINTR) {
        }
        ksi_thread_join(&server->thread);
        (void)unlink(server->path);
    }
    connection *left = take_ended(server, true);
    for (connection *each = left; each != NULL; each = each->next) {
        (void)shutdown(each->socket, SHUT_RDWR);
    }
    free_connections(left);
    const int files[] = {server->listening, server->stop[0], server->stop[1]};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (files[i] >= 0) {
            (void)close(files[i]);
        }
    }
    ksi_mutex_destroy(&server->lock);
    ksi_free(server->path);
    ksi_free(server);
}
