/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.h - frames to and from another program over TCP, without waiting.
 *
 *     frame   size i32, big endian | that many bytes
 *
 *     closed --open()--> connecting --> ready --> closed, with a reason
 *                        each address of the name in turn
 *
 * work() does all there is to do now: it goes on with connecting, writes what is queued, reads what
 * has come. Between calls the owner waits on the descriptor, as long as deadline says. Bytes come
 * and go in pieces of any size.
 *
 * The problem: one thread has to look after several things, so nothing here may block. The one
 * exception is getaddrinfo() in open(): a resolver may take seconds when a name server is gone. A
 * thread of its own for it would cost more than it saves; open() is rare, and numeric addresses and
 * names in /etc/hosts do not ask anybody.
 *
 * TLS and SASL belong between "connecting" and "ready" (`establish` in connection.c): a handshake
 * is one more state that work() steps through, and reading and writing go through two functions
 * that a TLS session can take over. Nobody above would notice.
 *
 * Memory for a frame grows with the bytes that come, never with the size that was announced.
 *
 * Thread rule: one thread at a time.
 */
#ifndef KSI_NET_CONNECTION_H
#define KSI_NET_CONNECTION_H

#include <kstreams/common.h>

struct pollfd;
typedef struct ksi_connection ksi_connection;

typedef enum ksi_connection_state {
    KSI_CONNECTION_CLOSED = 0,
    KSI_CONNECTION_CONNECTING,
    KSI_CONNECTION_READY
} ksi_connection_state;

/* A frame that is read has at most so many bytes, as Kafka's brokers take (socket.request.max). */
#define KSI_CONNECTION_FRAME_MAX ((uint32_t)100 * 1024 * 1024)

/* Closed. */
ksi_connection *ksi_connection_new(void);
void ksi_connection_free(ksi_connection *connection); /* NULL is accepted */

/*
 * Begins to connect; whatever was open is closed. KS_E_IO when the name has no address. Each
 * address of the name gets `timeout_ms`.
 */
KS_NODISCARD ks_status ksi_connection_open(ksi_connection *connection, const char *host,
                                           uint16_t port, int64_t timeout_ms, int64_t now_ms,
                                           ks_error *error);
/*
 * Goes on. An error (KS_E_IO, or KS_E_TIMEOUT while connecting) has closed the connection:
 * "connecting to localhost:9092: Connection refused". Frames that came before it can be received
 * still. KS_OK when it is closed already.
 */
KS_NODISCARD ks_status ksi_connection_work(ksi_connection *connection, int64_t now_ms,
                                           ks_error *error);
ksi_connection_state ksi_connection_state_of(const ksi_connection *connection);

/* Queues a frame (copied); work() sends it. Only while it is connecting or ready. */
void ksi_connection_send(ksi_connection *connection, ks_slice frame);
/* Whether bytes of a frame may have reached the other side. */
bool ksi_connection_has_sent(const ksi_connection *connection);
/* The next frame, without its size; borrowed until the next call of work(), open() or close(). */
bool ksi_connection_receive(ksi_connection *connection, ks_slice *frame);

void ksi_connection_close(ksi_connection *connection);

/* For poll(2); its fd is -1 while it is closed. */
struct pollfd ksi_connection_descriptor(const ksi_connection *connection);
/* When work() has something to do although the descriptor does not wake; INT64_MAX: never. */
int64_t ksi_connection_deadline_ms(const ksi_connection *connection);
/* "host:port" of open(), for messages; "" before. */
const char *ksi_connection_peer(const ksi_connection *connection);

#endif
