/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_connection.c - a connection to the holder of a log: asking and being answered.
 *
 * Thread rule: one thread at a time.
 */
#include "base/error.h"
#include "base/memory.h"
#include "transport/remote/remote_transport.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static ks_status lose(ksi_remote_connection *self, ks_error *error)
{
    if (self->lost.code == KS_OK && errno == EMSGSIZE) {
        (void)ksi_error_set(&self->lost, KS_E_LIMIT, self->path,
                            "a request to the process that holds the log, or its answer, is "
                            "larger than %u bytes",
                            KSI_FRAME_MAX_BYTES);
    } else if (self->lost.code == KS_OK) {
        (void)ksi_error_set(&self->lost, KS_E_IO, self->path,
                            "the process that holds the log has gone away (%s); open the log "
                            "again: this process may be its holder then",
                            errno != 0 ? strerror(errno) : "it closed the connection");
    }
    if (error != NULL) {
        *error = self->lost;
    }
    return self->lost.code;
}

ks_status ksi_remote_send(ksi_remote_connection *self, ks_error *error)
{
    errno = 0;
    bool sent = self->lost.code == KS_OK && ksi_frame_send(self->socket, &self->request);
    return sent ? KS_OK : lose(self, error);
}

ks_status ksi_remote_receive(ksi_remote_connection *self, ksi_frame_reader *answer, ks_error *error)
{
    errno = 0;
    if (self->lost.code != KS_OK || !ksi_frame_receive(self->socket, &self->answer)) {
        return lose(self, error);
    }
    *answer = ksi_frame_reader_of(ksi_buffer_slice(&self->answer));
    return ksi_take_answer(answer, error);
}

ks_status ksi_remote_ask(ksi_remote_connection *self, ksi_frame_reader *answer, ks_error *error)
{
    KS_TRY(ksi_remote_send(self, error));
    return ksi_remote_receive(self, answer, error);
}

ks_status ksi_remote_done(ksi_remote_connection *self, const ksi_frame_reader *answer,
                          ks_error *error)
{
    if (ksi_frame_reader_is_done(answer)) {
        return KS_OK;
    }
    errno = EPROTO;
    return lose(self, error);
}

ks_status ksi_remote_tell(ksi_remote_connection *self, ks_error *error)
{
    ksi_frame_reader answer;
    KS_TRY(ksi_remote_ask(self, &answer, error));
    return ksi_remote_done(self, &answer, error);
}

ksi_buffer *ksi_remote_begin(ksi_remote_connection *self, ksi_call call)
{
    ksi_frame_begin(&self->request);
    ksi_put_u8(&self->request, (uint8_t)call);
    return &self->request;
}

/* ---- life ------------------------------------------------------------------------------------ */

static ks_status connect_to(ksi_remote_connection *self, ks_error *error)
{
    struct sockaddr_un address;
    if (!ksi_socket_address(self->path, &address)) {
        return ksi_error_set(error, KS_E_ARGUMENT, self->path,
                             "the path is too long for a socket, which takes %zu bytes",
                             sizeof address.sun_path - 1);
    }
    self->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (self->socket < 0 ||
        connect(self->socket, (const struct sockaddr *)&address, sizeof address) != 0) {
        return ksi_error_set(error, KS_E_IO, self->path,
                             "the process that holds the log does not answer: %s", strerror(errno));
    }
    ksi_buffer *request = ksi_remote_begin(self, KSI_CALL_HELLO);
    ksi_put_text(request, KSI_PROTOCOL_MAGIC);
    ksi_put_u32(request, KSI_PROTOCOL_VERSION);
    ksi_frame_reader answer;
    KS_TRY(ksi_remote_ask(self, &answer, error));
    (void)ksi_take_u32(&answer);
    return ksi_remote_done(self, &answer, error);
}

ksi_remote_connection *ksi_remote_connect(const char *path, ks_error *error)
{
    ksi_remote_connection *self = ksi_calloc(1, sizeof *self);
    self->path = ksi_strdup(path);
    self->socket = -1;
    if (connect_to(self, error) != KS_OK) {
        ksi_remote_disconnect(self);
        return NULL;
    }
    return self;
}

void ksi_remote_disconnect(ksi_remote_connection *self)
{
    if (self == NULL) {
        return;
    }
    if (self->socket >= 0) {
        (void)close(self->socket);
    }
    ksi_buffer_destroy(&self->request);
    ksi_buffer_destroy(&self->answer);
    ksi_free(self->path);
    ksi_free(self);
}

/* ---- what more than one call sends ----------------------------------------------------------- */

void ksi_put_place(ksi_buffer *request, ksi_topic_partition at)
{
    ksi_put_text(request, at.topic);
    ksi_put_i32(request, at.partition);
}

void ksi_put_commit(ksi_buffer *request, const ksi_offset_commit *commit)
{
    ksi_put_text(request, commit->group);
    ksi_put_u8(request, commit->generation != NULL);
    if (commit->generation != NULL) {
        ksi_put_text(request, commit->generation->member);
        ksi_put_i32(request, commit->generation->number);
    }
    ksi_put_u32(request, (uint32_t)commit->count);
    for (size_t i = 0; i < commit->count; i++) {
        ksi_put_place(request, commit->offsets[i].partition);
        ksi_put_i64(request, commit->offsets[i].offset);
        ksi_put_bytes(request, commit->offsets[i].metadata);
    }
}
