/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the holder's side of the socket: other processes work on the log through it.
 *
 * Reading goes this way, too, and not by the files beside the socket: only the holder knows which
 * bytes are committed and which files are about to be deleted.
 *
 *     accepting thread   takes connections, and joins the threads of those that ended
 *     connection thread  reads a request, asks the log, answers
 *     waiting thread     of a connection that waited for records once: it sleeps in the log, so
 *                        that the connection thread hears a wake-up or the end
 *
 * Whoever may connect (the socket has mode 0600) may do anything to the log, but not to this
 * process: bytes that are no request get an error and end their connection.
 *
 * Thread rule: start and stop belong to one thread; stop may not be called from a connection.
 */
#ifndef KSI_TRANSPORT_REMOTE_SERVER_H
#define KSI_TRANSPORT_REMOTE_SERVER_H

#include "transport/remote/protocol.h"
#include "transport/transport.h"

/* The name of the socket in the directory of a log. */
#define KSI_LOG_SOCKET "socket"

typedef struct ksi_log_server ksi_log_server;

/*
 * Serves a transport, which is borrowed until the stop, at a path; what is left there of a process
 * before is replaced. NULL with KS_E_ARGUMENT (the path is too long for a socket) or KS_E_IO.
 */
ksi_log_server *ksi_log_server_start(ksi_transport *transport, const char *path, ks_error *error);
/* Ends every connection, waits for its threads and removes the socket. Accepts NULL. */
void ksi_log_server_stop(ksi_log_server *server);

/* ---- for server.c, server_calls.c and the fuzz target ---------------------------------------- */

/* What a connection has on the log. */
typedef struct ksi_session {
    ksi_transport *transport;
    bool is_greeted;
    ksi_consumer *consumer; /* NULL until it was asked for */
    bool *slots;            /* which numbers are assigned */
    size_t slot_count;
    size_t slot_capacity;
    ksi_producer *producer;
    ks_arena arena;  /* of one request */
    ksi_batch *page; /* records being read */
} ksi_session;

void ksi_session_init(ksi_session *session, ksi_transport *transport);
void ksi_session_end(ksi_session *session);
/*
 * Answers a request other than a wait or a wake-up: fills `answer`. False: the bytes were no
 * request, and the connection ends after the answer.
 */
KS_NODISCARD bool ksi_session_answer(ksi_session *session, ks_slice request, ksi_buffer *answer);

#endif
