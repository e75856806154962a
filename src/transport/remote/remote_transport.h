/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_transport.h - a log that another process of this machine holds, over its socket.
 *
 * The transport has a connection for its own calls, each consumer and producer one more. A
 * connection that was lost stays lost: everything answers KS_E_IO from then on, saying that the
 * holder went away. What a producer had sent in a transaction is then aborted by the holder.
 *
 * What it cannot do: being a member of a group. Members share out tasks in the memory of the
 * holder; join() answers KS_E_STATE and says what to do.
 *
 * Thread rule: that of transport.h.
 */
#ifndef KSI_TRANSPORT_REMOTE_REMOTE_TRANSPORT_H
#define KSI_TRANSPORT_REMOTE_REMOTE_TRANSPORT_H

#include "base/thread.h"
#include "transport/remote/protocol.h"
#include "transport/transport.h"

/*
 * The log behind a socket, with one reference. NULL with KS_E_IO when nobody listens there, or with
 * what the holder answers.
 */
ksi_transport *ksi_remote_transport_open(const char *path, ks_error *error);

/* ---- for the files of this client ------------------------------------------------------------ */

typedef struct ksi_remote {
    ksi_transport transport; /* first */
    atomic_int references;
    char *path;
    ksi_mutex lock; /* guards the connection */
    struct ksi_remote_connection *connection;
} ksi_remote;

/* Requests and answers in turn. */
typedef struct ksi_remote_connection {
    int socket;
    char *path;
    ks_error lost;      /* why nothing works any more; KS_OK until then */
    ksi_buffer request; /* begun by ksi_remote_begin() */
    ksi_buffer answer;
} ksi_remote_connection;

/* NULL with an error. */
ksi_remote_connection *ksi_remote_connect(const char *path, ks_error *error);
void ksi_remote_disconnect(ksi_remote_connection *self); /* accepts NULL */
/* The request to be filled. */
ksi_buffer *ksi_remote_begin(ksi_remote_connection *self, ksi_call call);
/* Sends it and waits for the answer; what `answer` gives is borrowed until the next request. */
KS_NODISCARD ks_status ksi_remote_ask(ksi_remote_connection *connection, ksi_frame_reader *answer,
                                      ks_error *error);
/* KS_OK when all of the answer was taken; else the connection is lost. */
KS_NODISCARD ks_status ksi_remote_done(ksi_remote_connection *connection,
                                       const ksi_frame_reader *answer, ks_error *error);
/* Asks, for an answer without results. */
KS_NODISCARD ks_status ksi_remote_tell(ksi_remote_connection *connection, ks_error *error);
/* The halves of asking. */
KS_NODISCARD ks_status ksi_remote_send(ksi_remote_connection *connection, ks_error *error);
KS_NODISCARD ks_status ksi_remote_receive(ksi_remote_connection *connection,
                                          ksi_frame_reader *answer, ks_error *error);

void ksi_put_place(ksi_buffer *request, ksi_topic_partition at);
void ksi_put_commit(ksi_buffer *request, const ksi_offset_commit *commit);

/* remote_consumer.c, remote_producer.c */
ksi_consumer *ksi_remote_consumer_open(ksi_transport *transport, ksi_reads reads, ks_error *error);
ksi_producer *ksi_remote_producer_open(ksi_transport *transport,
                                       const ksi_producer_options *options, ks_error *error);

#endif
