/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_kafka_wire.c - any bytes as the answer of a Kafka broker to each of our requests.
 *
 * The first byte chooses the request. Whatever can be read has slices inside the input only, and
 * counts that the input has room for; what cannot be read is an error with a message.
 */
#include "base/arena.h"
#include "base/check.h"
#include "membership/kafka/requests.h"
#include "membership/kafka/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Longer inputs find nothing more. */
#define LONGEST_INPUT 8192

/* Read so that no result is optimised away. */
static volatile uint64_t seen;

static const ksi_api apis[] = {
    KSI_API_API_VERSIONS, KSI_API_FIND_COORDINATOR, KSI_API_JOIN_GROUP,    KSI_API_SYNC_GROUP,
    KSI_API_HEARTBEAT,    KSI_API_LEAVE_GROUP,      KSI_API_OFFSET_COMMIT, KSI_API_OFFSET_FETCH,
};

/* The bytes of a slice are read, and lie in the input. */
static void look_at(ks_slice input, ks_slice slice)
{
    KSI_CHECK(slice.data == NULL ||
              (slice.data >= input.data && slice.data + slice.size <= input.data + input.size));
    for (size_t i = 0; i < slice.size; i++) {
        seen += (unsigned char)slice.data[i];
    }
}

static ks_status take_join(ks_slice body, ks_arena *arena, ks_error *error)
{
    ksi_joined joined;
    ks_status status = ksi_take_join_group(body, arena, &joined, error);
    if (status == KS_OK) {
        look_at(body, joined.leader);
        look_at(body, joined.member);
        look_at(body, joined.protocol);
        for (size_t i = 0; i < joined.member_count; i++) {
            look_at(body, joined.members[i].id);
            look_at(body, joined.members[i].instance);
            look_at(body, joined.members[i].metadata);
        }
    }
    return status;
}

static ks_status take_offsets(ksi_api api, ks_slice body, ks_arena *arena, ks_error *error)
{
    ksi_offset_answers answers;
    ks_status status = api == KSI_API_OFFSET_COMMIT
                           ? ksi_take_offset_commit(body, arena, &answers, error)
                           : ksi_take_offset_fetch(body, arena, &answers, error);
    for (size_t i = 0; status == KS_OK && i < answers.count; i++) {
        look_at(body, answers.list[i].topic);
        look_at(body, answers.list[i].metadata);
    }
    return status;
}

static ks_status take_any(ksi_api api, ks_slice body, ks_arena *arena, ks_error *error)
{
    ksi_found_coordinator found;
    ksi_synced synced;
    ksi_plain_answer plain;
    ks_status status = KS_OK;
    switch (api) {
    case KSI_API_API_VERSIONS:
        return ksi_take_api_versions(body, error);
    case KSI_API_FIND_COORDINATOR:
        status = ksi_take_find_coordinator(body, &found, error);
        look_at(body, status == KS_OK ? found.host : ks_slice_null());
        return status;
    case KSI_API_JOIN_GROUP:
        return take_join(body, arena, error);
    case KSI_API_SYNC_GROUP:
        status = ksi_take_sync_group(body, &synced, error);
        look_at(body, status == KS_OK ? synced.assignment : ks_slice_null());
        return status;
    case KSI_API_HEARTBEAT:
        return ksi_take_heartbeat(body, &plain, error);
    case KSI_API_LEAVE_GROUP:
        return ksi_take_leave_group(body, &plain, error);
    case KSI_API_OFFSET_COMMIT:
    case KSI_API_OFFSET_FETCH:
        return take_offsets(api, body, arena, error);
    }
    return KS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > LONGEST_INPUT) {
        return -1;
    }
    ksi_api api = apis[data[0] % (sizeof apis / sizeof *apis)];
    ks_slice frame = ks_slice_of(data + 1, size - 1);
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ks_error error = {0};
    ks_slice body;
    /* The header is checked against a number, so bodies that fuzzing finds go in without one. */
    (void)ksi_take_response_header(frame, api, 0, &body, NULL);
    ks_status status = take_any(api, frame, &arena, &error);
    KSI_CHECK(status == KS_OK || (error.code == status && error.message[0] != '\0'));
    ksi_arena_destroy(&arena);
    return 0;
}
