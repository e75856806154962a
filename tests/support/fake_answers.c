/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_answers.c - bodies of answers, as a broker writes them.
 */
#include "fake_broker.h"
#include "membership/kafka/wire.h"

/* A text of an answer that must not be null. */
static ks_slice there(ks_slice text)
{
    return text.data != NULL ? text : ks_slice_cstr("");
}

void fake_put_found(ksi_buffer *body, int16_t code, const char *host, int32_t port)
{
    ksi_wire_put_i32(body, 0);
    ksi_wire_put_i16(body, code);
    ksi_wire_put_compact_string(body, ks_slice_null());
    ksi_wire_put_i32(body, code == KSI_KAFKA_NONE ? 1 : -1);
    ksi_wire_put_compact_string(body, ks_slice_cstr(host));
    ksi_wire_put_i32(body, port);
    ksi_wire_put_no_tags(body);
}

void fake_put_joined(ksi_buffer *body, const ksi_joined *joined)
{
    ksi_wire_put_i32(body, joined->throttle_ms);
    ksi_wire_put_i16(body, joined->error_code);
    ksi_wire_put_i32(body, joined->generation);
    ksi_wire_put_compact_string(body, joined->protocol_type);
    ksi_wire_put_compact_string(body, joined->protocol);
    ksi_wire_put_compact_string(body, there(joined->leader));
    ksi_wire_put_compact_string(body, there(joined->member));
    ksi_wire_put_compact_count(body, joined->member_count);
    for (size_t i = 0; i < joined->member_count; i++) {
        ksi_wire_put_compact_string(body, joined->members[i].id);
        ksi_wire_put_compact_string(body, joined->members[i].instance);
        ksi_wire_put_compact_bytes(body, there(joined->members[i].metadata));
        ksi_wire_put_no_tags(body);
    }
    ksi_wire_put_no_tags(body);
}

void fake_put_synced(ksi_buffer *body, const ksi_synced *synced)
{
    ksi_wire_put_i32(body, synced->throttle_ms);
    ksi_wire_put_i16(body, synced->error_code);
    ksi_wire_put_compact_string(body, synced->protocol_type);
    ksi_wire_put_compact_string(body, synced->protocol);
    ksi_wire_put_compact_bytes(body, there(synced->assignment));
    ksi_wire_put_no_tags(body);
}

void fake_put_heartbeat(ksi_buffer *body, int32_t throttle_ms, int16_t code)
{
    ksi_wire_put_i32(body, throttle_ms);
    ksi_wire_put_i16(body, code);
    ksi_wire_put_no_tags(body);
}

void fake_put_left(ksi_buffer *body, int16_t code)
{
    ksi_wire_put_i32(body, 0);
    ksi_wire_put_i16(body, code);
    ksi_wire_put_compact_count(body, 0);
    ksi_wire_put_no_tags(body);
}

void fake_put_committed(ksi_buffer *body, const ksi_offset_answers *answers)
{
    ksi_wire_put_i32(body, answers->throttle_ms);
    ksi_wire_put_compact_count(body, answers->count);
    for (size_t i = 0; i < answers->count; i++) {
        ksi_wire_put_compact_string(body, answers->list[i].topic);
        ksi_wire_put_compact_count(body, 1);
        ksi_wire_put_i32(body, answers->list[i].partition);
        ksi_wire_put_i16(body, answers->list[i].error_code);
        ksi_wire_put_no_tags(body);
        ksi_wire_put_no_tags(body);
    }
    ksi_wire_put_no_tags(body);
}

void fake_put_fetched(ksi_buffer *body, const ksi_offset_answers *answers)
{
    ksi_wire_put_i32(body, answers->throttle_ms);
    ksi_wire_put_compact_count(body, answers->count);
    for (size_t i = 0; i < answers->count; i++) {
        const ksi_offset_answer *answer = &answers->list[i];
        ksi_wire_put_compact_string(body, answer->topic);
        ksi_wire_put_compact_count(body, 1);
        ksi_wire_put_i32(body, answer->partition);
        ksi_wire_put_i64(body, answer->offset);
        ksi_wire_put_i32(body, -1);
        ksi_wire_put_compact_string(body, answer->metadata);
        ksi_wire_put_i16(body, answer->error_code);
        ksi_wire_put_no_tags(body);
        ksi_wire_put_no_tags(body);
    }
    ksi_wire_put_i16(body, answers->error_code);
    ksi_wire_put_no_tags(body);
}
