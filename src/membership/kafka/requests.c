/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests.c - the table of versions, headers, and the messages of finding and joining a group.
 *
 * Every body here is compact; field by field as in Kafka's message definitions of that version.
 */
#include "membership/kafka/requests.h"

#include "base/arena.h"
#include "base/error.h"
#include "membership/kafka/requests_parts.h"
#include "membership/kafka/wire.h"

typedef struct api_row {
    ksi_api api;
    int16_t version;
    const char *name;
} api_row;

static const api_row apis[] = {
    {KSI_API_OFFSET_COMMIT, 8, "OffsetCommit"},
    {KSI_API_OFFSET_FETCH, 7, "OffsetFetch"},
    {KSI_API_FIND_COORDINATOR, 3, "FindCoordinator"},
    {KSI_API_JOIN_GROUP, 7, "JoinGroup"},
    {KSI_API_HEARTBEAT, 4, "Heartbeat"},
    {KSI_API_LEAVE_GROUP, 4, "LeaveGroup"},
    {KSI_API_SYNC_GROUP, 5, "SyncGroup"},
    {KSI_API_API_VERSIONS, 3, "ApiVersions"},
};

enum { API_COUNT = sizeof apis / sizeof *apis };

static const api_row *api_row_of(ksi_api api)
{
    size_t i = 0;
    while (i + 1 < API_COUNT && apis[i].api != api) {
        i++;
    }
    return &apis[i];
}

const char *ksi_api_name(ksi_api api)
{
    return api_row_of(api)->name;
}

int16_t ksi_api_version(ksi_api api)
{
    return api_row_of(api)->version;
}

ks_status ksi_requests_answer(const ksi_wire_reader *reader, ksi_api api, ks_error *error)
{
    if (ksi_wire_is_good(reader)) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_IO, NULL,
                         "the answer to %s version %d cannot be read: it is cut off, or has a size "
                         "that cannot be",
                         ksi_api_name(api), ksi_api_version(api));
}

/* ---- headers --------------------------------------------------------------------------------- */

void ksi_put_request_header(ksi_buffer *to, ksi_api api, int32_t correlation, const char *client_id)
{
    ksi_wire_put_i16(to, (int16_t)api);
    ksi_wire_put_i16(to, ksi_api_version(api));
    ksi_wire_put_i32(to, correlation);
    ksi_wire_put_string(to, ks_slice_cstr(client_id));
    ksi_wire_put_no_tags(to);
}

ks_status ksi_take_response_header(ks_slice frame, ksi_api api, int32_t correlation, ks_slice *body,
                                   ks_error *error)
{
    ksi_wire_reader reader = ksi_wire_reader_of(frame);
    int32_t answered = ksi_wire_take_i32(&reader);
    /* A client that asks for versions cannot know yet whether the broker has compact headers. */
    if (api != KSI_API_API_VERSIONS) {
        ksi_wire_skip_tags(&reader);
    }
    KS_TRY(ksi_requests_answer(&reader, api, error));
    if (answered != correlation) {
        return ksi_error_set(error, KS_E_IO, NULL,
                             "%s number %d was answered by an answer to number %d",
                             ksi_api_name(api), correlation, answered);
    }
    *body = ks_slice_of(reader.at, (size_t)(reader.end - reader.at));
    return KS_OK;
}

/* ---- ApiVersions, FindCoordinator ------------------------------------------------------------ */

void ksi_put_api_versions(ksi_buffer *to)
{
    ksi_wire_put_compact_string(to, ks_slice_cstr("kstreams"));
    ksi_wire_put_compact_string(to, ks_slice_cstr(ks_library_version()));
    ksi_wire_put_no_tags(to);
}

/* The broker has an API in these versions: whether ours is among them. */
static void note_versions(bool *there, int16_t api, int16_t lowest, int16_t highest)
{
    for (size_t i = 0; i < API_COUNT; i++) {
        if ((int16_t)apis[i].api == api) {
            there[i] = lowest <= apis[i].version && apis[i].version <= highest;
        }
    }
}

ks_status ksi_take_api_versions(ks_slice body, ks_error *error)
{
    ksi_wire_reader reader = ksi_wire_reader_of(body);
    int16_t code = ksi_wire_take_i16(&reader);
    if (ksi_wire_is_good(&reader) && code != KSI_KAFKA_NONE) {
        return ksi_kafka_code_error(code, NULL, "asking the broker for its versions", error);
    }
    bool there[API_COUNT] = {false};
    size_t count = ksi_wire_take_compact_count(&reader, 7);
    for (size_t i = 0; i < count; i++) {
        int16_t api = ksi_wire_take_i16(&reader);
        int16_t lowest = ksi_wire_take_i16(&reader);
        int16_t highest = ksi_wire_take_i16(&reader);
        ksi_wire_skip_tags(&reader);
        note_versions(there, api, lowest, highest);
    }
    KS_TRY(ksi_requests_answer(&reader, KSI_API_API_VERSIONS, error));
    for (size_t i = 0; i < API_COUNT; i++) {
        if (!there[i]) {
            return ksi_error_set(error, KS_E_NOT_BUILT, NULL,
                                 "the broker does not speak version %d of %s; brokers from Apache "
                                 "Kafka 2.5 on do",
                                 apis[i].version, apis[i].name);
        }
    }
    return KS_OK;
}

void ksi_put_find_coordinator(ksi_buffer *to, const char *group)
{
    ksi_wire_put_compact_string(to, ks_slice_cstr(group));
    ksi_wire_put_i8(to, 0); /* of a group, not of a transaction */
    ksi_wire_put_no_tags(to);
}

ks_status ksi_take_find_coordinator(ks_slice body, ksi_found_coordinator *found, ks_error *error)
{
    ksi_wire_reader reader = ksi_wire_reader_of(body);
    *found = (ksi_found_coordinator){0};
    found->throttle_ms = ksi_wire_take_i32(&reader);
    found->error_code = ksi_wire_take_i16(&reader);
    found->message = ksi_wire_take_optional_compact_string(&reader);
    found->node = ksi_wire_take_i32(&reader);
    found->host = ksi_wire_take_compact_string(&reader);
    found->port = ksi_wire_take_i32(&reader);
    return ksi_requests_answer(&reader, KSI_API_FIND_COORDINATOR, error);
}

/* ---- JoinGroup, SyncGroup -------------------------------------------------------------------- */

static int32_t as_i32(int64_t number)
{
    return number < INT32_MAX ? (int32_t)number : INT32_MAX;
}

void ksi_put_join_group(ksi_buffer *to, const ksi_join_request *request)
{
    ksi_wire_put_compact_string(to, ks_slice_cstr(request->group));
    ksi_wire_put_i32(to, as_i32(request->session_timeout_ms));
    ksi_wire_put_i32(to, as_i32(request->rebalance_timeout_ms));
    ksi_wire_put_compact_string(to, ks_slice_cstr(request->member));
    ksi_wire_put_compact_string(to, ks_slice_cstr(request->instance));
    ksi_wire_put_compact_string(to, ks_slice_cstr(request->protocol_type));
    ksi_wire_put_compact_count(to, 1);
    ksi_wire_put_compact_string(to, ks_slice_cstr(request->protocol));
    ksi_wire_put_compact_bytes(to, request->metadata);
    ksi_wire_put_no_tags(to);
    ksi_wire_put_no_tags(to);
}

ks_status ksi_take_join_group(ks_slice body, ks_arena *arena, ksi_joined *joined, ks_error *error)
{
    ksi_wire_reader reader = ksi_wire_reader_of(body);
    *joined = (ksi_joined){0};
    joined->throttle_ms = ksi_wire_take_i32(&reader);
    joined->error_code = ksi_wire_take_i16(&reader);
    joined->generation = ksi_wire_take_i32(&reader);
    joined->protocol_type = ksi_wire_take_optional_compact_string(&reader);
    joined->protocol = ksi_wire_take_optional_compact_string(&reader);
    joined->leader = ksi_wire_take_compact_string(&reader);
    joined->member = ksi_wire_take_compact_string(&reader);
    size_t count = ksi_wire_take_compact_count(&reader, 4);
    ksi_joined_member *members = ksi_arena_alloc(arena, count * sizeof *members);
    for (size_t i = 0; i < count; i++) {
        members[i].id = ksi_wire_take_compact_string(&reader);
        members[i].instance = ksi_wire_take_optional_compact_string(&reader);
        members[i].metadata = ksi_wire_take_compact_bytes(&reader);
        ksi_wire_skip_tags(&reader);
    }
    joined->members = members;
    joined->member_count = count;
    return ksi_requests_answer(&reader, KSI_API_JOIN_GROUP, error);
}

/* Group, generation, member and instance, as SyncGroup, Heartbeat and OffsetCommit begin. */
void ksi_requests_put_member(ksi_buffer *to, const char *group, const ksi_generation *generation)
{
    const ksi_generation nobody = {.member = "", .number = -1};
    const ksi_generation *member = generation != NULL ? generation : &nobody;
    ksi_wire_put_compact_string(to, ks_slice_cstr(group));
    ksi_wire_put_i32(to, member->number);
    ksi_wire_put_compact_string(to, ks_slice_cstr(member->member));
    ksi_wire_put_compact_string(to, ks_slice_cstr(member->instance));
}

void ksi_put_sync_group(ksi_buffer *to, const ksi_sync_request *request)
{
    ksi_requests_put_member(to, request->group, &request->generation);
    ksi_wire_put_compact_string(to, ks_slice_cstr(request->protocol_type));
    ksi_wire_put_compact_string(to, ks_slice_cstr(request->protocol));
    ksi_wire_put_compact_count(to, request->assignment_count);
    for (size_t i = 0; i < request->assignment_count; i++) {
        ksi_wire_put_compact_string(to, request->assignments[i].member);
        ksi_wire_put_compact_bytes(to, request->assignments[i].assignment);
        ksi_wire_put_no_tags(to);
    }
    ksi_wire_put_no_tags(to);
}

ks_status ksi_take_sync_group(ks_slice body, ksi_synced *synced, ks_error *error)
{
    ksi_wire_reader reader = ksi_wire_reader_of(body);
    *synced = (ksi_synced){0};
    synced->throttle_ms = ksi_wire_take_i32(&reader);
    synced->error_code = ksi_wire_take_i16(&reader);
    synced->protocol_type = ksi_wire_take_optional_compact_string(&reader);
    synced->protocol = ksi_wire_take_optional_compact_string(&reader);
    synced->assignment = ksi_wire_take_compact_bytes(&reader);
    return ksi_requests_answer(&reader, KSI_API_SYNC_GROUP, error);
}

/* ---- Heartbeat, LeaveGroup ------------------------------------------------------------------- */

void ksi_put_heartbeat(ksi_buffer *to, const char *group, const ksi_generation *generation)
{
    ksi_requests_put_member(to, group, generation);
    ksi_wire_put_no_tags(to);
}

ks_status ksi_take_heartbeat(ks_slice body, ksi_plain_answer *answer, ks_error *error)
{
    ksi_wire_reader reader = ksi_wire_reader_of(body);
    answer->throttle_ms = ksi_wire_take_i32(&reader);
    answer->error_code = ksi_wire_take_i16(&reader);
    return ksi_requests_answer(&reader, KSI_API_HEARTBEAT, error);
}

void ksi_put_leave_group(ksi_buffer *to, const char *group, const ksi_generation *generation)
{
    ksi_wire_put_compact_string(to, ks_slice_cstr(group));
    ksi_wire_put_compact_count(to, 1);
    ksi_wire_put_compact_string(to, ks_slice_cstr(generation->member));
    ksi_wire_put_compact_string(to, ks_slice_cstr(generation->instance));
    ksi_wire_put_no_tags(to);
    ksi_wire_put_no_tags(to);
}

ks_status ksi_take_leave_group(ks_slice body, ksi_plain_answer *answer, ks_error *error)
{
    ksi_wire_reader reader = ksi_wire_reader_of(body);
    answer->throttle_ms = ksi_wire_take_i32(&reader);
    answer->error_code = ksi_wire_take_i16(&reader);
    size_t count = ksi_wire_take_compact_count(&reader, 5);
    for (size_t i = 0; i < count; i++) {
        (void)ksi_wire_take_compact_string(&reader);
        (void)ksi_wire_take_optional_compact_string(&reader);
        int16_t code = ksi_wire_take_i16(&reader);
        ksi_wire_skip_tags(&reader);
        if (answer->error_code == KSI_KAFKA_NONE) {
            answer->error_code = code;
        }
    }
    return ksi_requests_answer(&reader, KSI_API_LEAVE_GROUP, error);
}
