/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_protocol.c - any bytes as requests to the holder of a log, and as an answer from it.
 *
 * The input is cut into requests: a size of two bytes, little endian, and as many bytes as are
 * there. They go to one session on a log with one topic, as a connection would hand them over; the
 * greeting is given, so that what lies behind it is reached. Each request must be answered by a
 * frame that reads as an answer; a request that is none ends the session.
 */
#include "base/check.h"
#include "transport/embedded/embedded_log.h"
#include "transport/remote/protocol.h"
#include "transport/remote/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Longer inputs find nothing more. */
#define LONGEST_INPUT 8192

enum { FRAME_HEAD = 4 };

/* Read so that no result is optimised away. */
static volatile uint64_t seen;

static ks_slice content_of(const ksi_buffer *frame)
{
    return ks_slice_of(frame->data + FRAME_HEAD, frame->size - FRAME_HEAD);
}

static void check_answer(const ksi_buffer *answer)
{
    KSI_CHECK(answer->size > FRAME_HEAD);
    ksi_frame_reader reader = ksi_frame_reader_of(content_of(answer));
    ks_error error = {0};
    ks_status status = ksi_take_answer(&reader, &error);
    KSI_CHECK(!reader.failed);
    KSI_CHECK(status == KS_OK || (error.code == status && error.message[0] != '\0'));
}

static void greet(ksi_session *session)
{
    ksi_buffer request = {0};
    ksi_buffer answer = {0};
    ksi_frame_begin(&request);
    ksi_put_u8(&request, KSI_CALL_HELLO);
    ksi_put_text(&request, KSI_PROTOCOL_MAGIC);
    ksi_put_u32(&request, KSI_PROTOCOL_VERSION);
    KSI_CHECK(ksi_session_answer(session, content_of(&request), &answer));
    ksi_buffer_destroy(&request);
    ksi_buffer_destroy(&answer);
}

static void serve(const uint8_t *data, size_t size)
{
    ksi_transport *log = ksi_embedded_log_new();
    const ksi_topic_spec topic = {.name = "t", .partitions = 2};
    KSI_CHECK(log->class->create_topic(log, &topic, NULL) == KS_OK);
    ksi_session session;
    ksi_session_init(&session, log);
    greet(&session);
    ksi_buffer answer = {0};
    bool goes_on = true;
    while (goes_on && size >= 2) {
        size_t length = (size_t)data[0] | (size_t)data[1] << 8;
        length = length < size - 2 ? length : size - 2;
        goes_on = ksi_session_answer(&session, ks_slice_of(data + 2, length), &answer);
        check_answer(&answer);
        data += 2 + length;
        size -= 2 + length;
    }
    ksi_session_end(&session);
    ksi_buffer_destroy(&answer);
    log->class->release(log);
}

/* As the client takes answers apart, every kind of field after the other. */
static void take_apart(const uint8_t *data, size_t size)
{
    ksi_frame_reader reader = ksi_frame_reader_of(ks_slice_of(data, size));
    ks_error error = {0};
    ks_status status = ksi_take_answer(&reader, &error);
    KSI_CHECK(status == KS_OK || error.message[0] != '\0');
    while (!reader.failed && reader.at < reader.end) {
        const char *text = ksi_take_optional_text(&reader);
        ks_slice bytes = ksi_take_bytes(&reader);
        seen += (text != NULL ? strlen(text) : 0) + bytes.size;
        seen += ksi_take_count(&reader, 8) + ksi_take_u8(&reader);
        ksi_batch_cursor cursor = {0};
        (void)ksi_take_records(&reader, &cursor);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > LONGEST_INPUT) {
        return -1;
    }
    serve(data, size);
    take_apart(data, size);
    return 0;
}
