/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol.h - what a process says to the one that holds a log, over the socket in its directory.
 *
 *     frame      size u32 | that many bytes
 *     request    call u8 | its arguments
 *     answer     0 u8 | results         or   1 u8 | status i32 | flags u32 | where | message
 *     text       size u32 | bytes | 0   size ffffffff (and nothing else): none
 *     bytes      size u32 | bytes       size ffffffff: Kafka's null
 *     records    bytes: a batch as embedded/batch.h has it, with its offsets
 *
 * Numbers are big endian. A connection begins with KSI_CALL_HELLO, which has the version; then each
 * request has one answer, in order. Only KSI_CALL_WAKE, which ends a running KSI_CALL_WAIT, has
 * none. A connection has at most one consumer and one producer; they end with it.
 *
 * The problem: whoever may connect may send anything. A reader here is a cursor with a bound that
 * remembers whether it ever went past it, so that a call takes all its arguments apart and asks
 * once. Memory for a frame grows with the bytes that came, never with the size that was announced.
 * The tempting wrong way is to read structs from the socket.
 *
 * Thread rule: the caller's.
 */
#ifndef KSI_TRANSPORT_REMOTE_PROTOCOL_H
#define KSI_TRANSPORT_REMOTE_PROTOCOL_H

#include "base/arena.h"
#include "base/buffer.h"
#include "transport/embedded/batch.h"

#define KSI_PROTOCOL_MAGIC "kstreams-log"
enum { KSI_PROTOCOL_VERSION = 2 };
/* A frame has at most so many bytes; one record therefore a little less. */
#define KSI_FRAME_MAX_BYTES ((uint32_t)256 * 1024 * 1024)
/* A page of records that are read ends when it has as many. */
#define KSI_PAGE_BYTES ((size_t)1024 * 1024)

typedef enum ksi_call {
    KSI_CALL_HELLO = 1,
    KSI_CALL_CREATE_TOPIC,
    KSI_CALL_DELETE_TOPIC,
    KSI_CALL_PARTITION_COUNT,
    KSI_CALL_EACH_TOPIC,
    KSI_CALL_EACH_CONFIG,
    KSI_CALL_SET_CONFIG,
    KSI_CALL_OFFSETS,
    KSI_CALL_OFFSET_AT,
    KSI_CALL_PARTITION_BYTES,
    KSI_CALL_DELETE_RECORDS,
    KSI_CALL_COMMITTED,
    KSI_CALL_COMMIT_OFFSETS,
    KSI_CALL_EACH_GROUP,
    KSI_CALL_EACH_OFFSET,
    KSI_CALL_EACH_MEMBER,
    KSI_CALL_DELETE_GROUP,
    KSI_CALL_REMOVE_MEMBERS,
    KSI_CALL_OPEN_CONSUMER,
    KSI_CALL_ASSIGN,
    KSI_CALL_UNASSIGN,
    KSI_CALL_FETCH,
    KSI_CALL_WATCH,
    KSI_CALL_WAIT,
    KSI_CALL_WAKE,
    KSI_CALL_OPEN_PRODUCER,
    KSI_CALL_PRODUCE, /* gathers */
    KSI_CALL_FLUSH,
    KSI_CALL_COMMIT,
    KSI_CALL_ABORT,
    KSI_CALL_LAST_OFFSET,
    KSI_CALL_COUNT
} ksi_call;

/* ---- writing --------------------------------------------------------------------------------- */

/* A frame being written: begun, filled, sent. */
void ksi_frame_begin(ksi_buffer *frame);
void ksi_put_u8(ksi_buffer *frame, uint8_t number);
void ksi_put_u32(ksi_buffer *frame, uint32_t number);
void ksi_put_i32(ksi_buffer *frame, int32_t number);
void ksi_put_i64(ksi_buffer *frame, int64_t number);
void ksi_put_text(ksi_buffer *frame, const char *text); /* NULL: none */
void ksi_put_bytes(ksi_buffer *frame, ks_slice bytes);
/* Replaces what was written since ksi_frame_begin() by an error. */
void ksi_put_error(ksi_buffer *frame, const ks_error *error);

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct ksi_frame_reader {
    const char *at;
    const char *end;
    bool failed; /* something was not there, or not as it has to be */
} ksi_frame_reader;

ksi_frame_reader ksi_frame_reader_of(ks_slice frame);
/* After a failure they give zero, NULL or null. */
uint8_t ksi_take_u8(ksi_frame_reader *reader);
uint32_t ksi_take_u32(ksi_frame_reader *reader);
int32_t ksi_take_i32(ksi_frame_reader *reader);
int64_t ksi_take_i64(ksi_frame_reader *reader);
const char *ksi_take_text(ksi_frame_reader *reader);          /* one that has to be there */
const char *ksi_take_optional_text(ksi_frame_reader *reader); /* NULL: none */
ks_slice ksi_take_bytes(ksi_frame_reader *reader);
/* Records, checked throughout; false and failed when they are none. */
bool ksi_take_records(ksi_frame_reader *reader, ksi_batch_cursor *cursor);
/* How many of something follow, each of at least `least` bytes: never more than can be there. */
uint32_t ksi_take_count(ksi_frame_reader *reader, size_t least);
/* Whether all was there and nothing is left. */
bool ksi_frame_reader_is_done(const ksi_frame_reader *reader);
/* The beginning of an answer: KS_OK, or the error that it carries. */
KS_NODISCARD ks_status ksi_take_answer(ksi_frame_reader *reader, ks_error *error);

/* ---- the socket ------------------------------------------------------------------------------ */

/* Sends a frame; false, and errno, when the other side is gone. */
KS_NODISCARD bool ksi_frame_send(int socket, ksi_buffer *frame);
/* Reads the next frame into `frame`. False: errno, or 0 when the other side has ended. */
KS_NODISCARD bool ksi_frame_receive(int socket, ksi_buffer *frame);

/* DIR/socket as an address; false when the path is too long for one. */
struct sockaddr_un;
KS_NODISCARD bool ksi_socket_address(const char *path, struct sockaddr_un *address);

#endif
