/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol.c - see protocol.h.
 */
#include "transport/remote/protocol.h"

#include "base/endian.h"
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NONE UINT32_MAX
/* A frame is received in steps of so many bytes, so that memory follows what really comes. */
#define RECEIVE_STEP ((size_t)256 * 1024)

enum { FRAME_HEAD = 4 };

/* ---- writing --------------------------------------------------------------------------------- */

void ksi_frame_begin(ksi_buffer *frame)
{
    ksi_buffer_clear(frame);
    ksi_buffer_append(frame, "\0\0\0\0", FRAME_HEAD); /* its size, known when it is sent */
}

void ksi_put_u8(ksi_buffer *frame, uint8_t number)
{
    ksi_buffer_append(frame, &number, 1);
}

void ksi_put_u32(ksi_buffer *frame, uint32_t number)
{
    char bytes[4];
    ksi_put_be32(bytes, number);
    ksi_buffer_append(frame, bytes, sizeof bytes);
}

void ksi_put_i32(ksi_buffer *frame, int32_t number)
{
    ksi_put_u32(frame, (uint32_t)number);
}

void ksi_put_i64(ksi_buffer *frame, int64_t number)
{
    char bytes[8];
    ksi_put_be64(bytes, (uint64_t)number);
    ksi_buffer_append(frame, bytes, sizeof bytes);
}

void ksi_put_text(ksi_buffer *frame, const char *text)
{
    ksi_put_u32(frame, text != NULL ? (uint32_t)strlen(text) : NONE);
    if (text != NULL) {
        ksi_buffer_append(frame, text, strlen(text) + 1);
    }
}

void ksi_put_bytes(ksi_buffer *frame, ks_slice bytes)
{
    ksi_put_u32(frame, bytes.data != NULL ? (uint32_t)bytes.size : NONE);
    if (bytes.data != NULL) {
        ksi_buffer_append(frame, bytes.data, bytes.size);
    }
}

void ksi_put_error(ksi_buffer *frame, const ks_error *error)
{
    ksi_frame_begin(frame);
    ksi_put_u8(frame, 1);
    ksi_put_i32(frame, error->code);
    ksi_put_u32(frame, error->flags);
    ksi_put_text(frame, error->where);
    ksi_put_text(frame, error->message);
}

/* ---- reading --------------------------------------------------------------------------------- */

ksi_frame_reader ksi_frame_reader_of(ks_slice frame)
{
    return (ksi_frame_reader){.at = frame.data, .end = frame.data + frame.size};
}

/* The next `size` bytes; NULL when there are not as many. */
static const char *take(ksi_frame_reader *reader, size_t size)
{
    if (reader->failed || (size_t)(reader->end - reader->at) < size) {
        reader->failed = true;
        return NULL;
    }
    const char *at = reader->at;
    reader->at += size;
    return at;
}

uint8_t ksi_take_u8(ksi_frame_reader *reader)
{
    const char *at = take(reader, 1);
    return at != NULL ? (uint8_t)*at : 0;
}

uint32_t ksi_take_u32(ksi_frame_reader *reader)
{
    const char *at = take(reader, 4);
    return at != NULL ? ksi_get_be32(at) : 0;
}

int32_t ksi_take_i32(ksi_frame_reader *reader)
{
    return (int32_t)ksi_take_u32(reader);
}

int64_t ksi_take_i64(ksi_frame_reader *reader)
{
    const char *at = take(reader, 8);
    return at != NULL ? (int64_t)ksi_get_be64(at) : 0;
}

const char *ksi_take_optional_text(ksi_frame_reader *reader)
{
    uint32_t size = ksi_take_u32(reader);
    if (reader->failed || size == NONE) {
        return NULL;
    }
    const char *text = take(reader, (size_t)size + 1);
    if (text != NULL && memchr(text, '\0', (size_t)size + 1) != text + size) {
        reader->failed = true;
        return NULL;
    }
    return text;
}

const char *ksi_take_text(ksi_frame_reader *reader)
{
    const char *text = ksi_take_optional_text(reader);
    reader->failed = reader->failed || text == NULL;
    return text;
}

ks_slice ksi_take_bytes(ksi_frame_reader *reader)
{
    uint32_t size = ksi_take_u32(reader);
    if (reader->failed || size == NONE) {
        return ks_slice_null();
    }
    const char *bytes = take(reader, size);
    return bytes != NULL ? ks_slice_of(bytes, size) : ks_slice_null();
}

bool ksi_take_records(ksi_frame_reader *reader, ksi_batch_cursor *cursor)
{
    ks_slice bytes = ksi_take_bytes(reader);
    ksi_batch_header header = {0};
    bool is_batch = bytes.data != NULL && bytes.size >= KSI_BATCH_HEADER_BYTES &&
                    ksi_batch_read_header(bytes.data, &header, NULL) == KS_OK &&
                    header.bytes == bytes.size &&
                    ksi_batch_records_intact(&header, bytes.data + KSI_BATCH_HEADER_BYTES) &&
                    ksi_batch_is_well_formed(bytes.data, &header);
    if (!is_batch) {
        reader->failed = true;
        *cursor = (ksi_batch_cursor){0};
        return false;
    }
    *cursor = ksi_batch_begin(bytes.data, &header);
    return true;
}

uint32_t ksi_take_count(ksi_frame_reader *reader, size_t least)
{
    uint32_t count = ksi_take_u32(reader);
    if (count > (size_t)(reader->end - reader->at) / least) {
        reader->failed = true;
    }
    return reader->failed ? 0 : count;
}

bool ksi_frame_reader_is_done(const ksi_frame_reader *reader)
{
    return !reader->failed && reader->at == reader->end;
}

static ks_status not_understood(ks_error *error)
{
    return ksi_error_set(error, KS_E_CORRUPT, "log socket",
                         "the answer of the process that holds the log is not understood; are both "
                         "programs of the same version of kstreams?");
}

ks_status ksi_take_answer(ksi_frame_reader *reader, ks_error *error)
{
    uint8_t tag = ksi_take_u8(reader);
    if (!reader->failed && tag == 0) {
        return KS_OK;
    }
    int32_t code = ksi_take_i32(reader);
    uint32_t flags = ksi_take_u32(reader);
    const char *where = ksi_take_text(reader);
    const char *message = ksi_take_text(reader);
    if (tag != 1 || !ksi_frame_reader_is_done(reader) || message[0] == '\0' || code >= KS_OK ||
        code < KS_E_OUT_OF_RANGE) {
        reader->failed = true;
        return not_understood(error);
    }
    (void)ksi_error_set(error, (ks_status)code, where, "%s", message);
    if (error != NULL) {
        error->flags = flags;
    }
    return (ks_status)code;
}

/* ---- the socket ------------------------------------------------------------------------------ */

bool ksi_frame_send(int socket, ksi_buffer *frame)
{
    if (frame->size - FRAME_HEAD > KSI_FRAME_MAX_BYTES) {
        errno = EMSGSIZE;
        return false;
    }
    ksi_put_be32(frame->data, (uint32_t)(frame->size - FRAME_HEAD));
    for (size_t sent = 0; sent < frame->size;) {
        ssize_t now = send(socket, frame->data + sent, frame->size - sent, MSG_NOSIGNAL);
        if (now < 0 && errno != EINTR) {
            return false;
        }
        sent += now > 0 ? (size_t)now : 0;
    }
    return true;
}

static bool receive_all(int socket, char *into, size_t size)
{
    while (size > 0) {
        ssize_t now = recv(socket, into, size, 0);
        if (now == 0) {
            errno = 0;
            return false;
        }
        if (now < 0 && errno != EINTR) {
            return false;
        }
        if (now > 0) {
            into += now;
            size -= (size_t)now;
        }
    }
    return true;
}

bool ksi_frame_receive(int socket, ksi_buffer *frame)
{
    char head[FRAME_HEAD];
    ksi_buffer_clear(frame);
    if (!receive_all(socket, head, sizeof head)) {
        return false;
    }
    size_t left = ksi_get_be32(head);
    if (left > KSI_FRAME_MAX_BYTES) {
        errno = EMSGSIZE;
        return false;
    }
    while (left > 0) {
        size_t step = left < RECEIVE_STEP ? left : RECEIVE_STEP;
        ksi_buffer_reserve(frame, step);
        if (!receive_all(socket, frame->data + frame->size, step)) {
            return false;
        }
        frame->size += step;
        left -= step;
    }
    return true;
}

bool ksi_socket_address(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path) {
        return false;
    }
    (void)snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    return true;
}
