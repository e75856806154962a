/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offset_requests.c - the part of requests.h about offsets: lists of partitions, by topic.
 *
 * Answers nest partitions in topics; they are flattened in one pass over an array that grows, since
 * how many there are is known only at the end.
 */
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"
#include "membership/kafka/requests_parts.h"

/* ---- requests -------------------------------------------------------------------------------- */

/* How many of the list, from `at` on, have the same topic. */
static size_t same_topic(const ksi_kafka_offset *list, size_t count, size_t at)
{
    size_t end = at + 1;
    while (end < count && strcmp(list[end].topic, list[at].topic) == 0) {
        end++;
    }
    return end - at;
}

typedef void put_partition_fn(ksi_buffer *to, const ksi_kafka_offset *offset);

static void put_topics(ksi_buffer *to, const ksi_kafka_offset *list, size_t count,
                       put_partition_fn *put_partition)
{
    size_t topics = 0;
    for (size_t at = 0; at < count; at += same_topic(list, count, at)) {
        topics++;
    }
    ksi_wire_put_compact_count(to, topics);
    for (size_t at = 0; at < count;) {
        size_t partitions = same_topic(list, count, at);
        ksi_wire_put_compact_string(to, ks_slice_cstr(list[at].topic));
        ksi_wire_put_compact_count(to, partitions);
        for (size_t end = at + partitions; at < end; at++) {
            put_partition(to, &list[at]);
        }
        ksi_wire_put_no_tags(to);
    }
}

static void put_committed(ksi_buffer *to, const ksi_kafka_offset *offset)
{
    ksi_wire_put_i32(to, offset->partition);
    ksi_wire_put_i64(to, offset->offset);
    ksi_wire_put_i32(to, -1); /* the leader's epoch: librdkafka's consumer does not tell it */
    ksi_wire_put_compact_string(to, offset->metadata);
    ksi_wire_put_no_tags(to);
}

void ksi_put_offset_commit(ksi_buffer *to, const char *group, const ksi_generation *generation,
                           const ksi_kafka_offset *list, size_t count)
{
    ksi_requests_put_member(to, group, generation);
    put_topics(to, list, count, put_committed);
    ksi_wire_put_no_tags(to);
}

static void put_index(ksi_buffer *to, const ksi_kafka_offset *offset)
{
    ksi_wire_put_i32(to, offset->partition);
}

void ksi_put_offset_fetch(ksi_buffer *to, const char *group, const ksi_kafka_offset *list,
                          size_t count)
{
    ksi_wire_put_compact_string(to, ks_slice_cstr(group));
    put_topics(to, list, count, put_index);
    ksi_wire_put_bool(to, true); /* stable ones only */
    ksi_wire_put_no_tags(to);
}

void ksi_put_offset_fetch_all(ksi_buffer *to, const char *group)
{
    ksi_wire_put_compact_string(to, ks_slice_cstr(group));
    ksi_wire_put_uvarint(to, 0); /* no list, which is another thing than an empty one */
    ksi_wire_put_bool(to, false);
    ksi_wire_put_no_tags(to);
}

/* ---- answers --------------------------------------------------------------------------------- */

typedef void take_partition_fn(ksi_wire_reader *reader, ksi_offset_answer *answer);

/* Everything up to the end of the topics; `least` are the bytes of the smallest partition. */
static void take_topics(ksi_wire_reader *reader, ks_arena *arena, ksi_offset_answers *answers,
                        take_partition_fn *take_partition, size_t least)
{
    ksi_offset_answer *list = NULL;
    size_t count = 0;
    size_t capacity = 0;
    size_t topics = ksi_wire_take_compact_count(reader, 3);
    for (size_t i = 0; i < topics; i++) {
        ks_slice topic = ksi_wire_take_compact_string(reader);
        size_t partitions = ksi_wire_take_compact_count(reader, least);
        list = ksi_grow(list, &capacity, count + partitions, sizeof *list);
        for (size_t j = 0; j < partitions; j++) {
            ksi_offset_answer *answer = &list[count++];
            *answer = (ksi_offset_answer){.topic = topic, .offset = -1};
            take_partition(reader, answer);
            ksi_wire_skip_tags(reader);
        }
        ksi_wire_skip_tags(reader);
    }
    ks_slice kept =
        ks_arena_copy(arena, ks_slice_of(list != NULL ? (char *)list : "", count * sizeof *list));
    answers->list = (const ksi_offset_answer *)(const void *)kept.data;
    answers->count = count;
    ksi_free(list);
}

static void take_committed(ksi_wire_reader *reader, ksi_offset_answer *answer)
{
    answer->partition = ksi_wire_take_i32(reader);
    answer->error_code = ksi_wire_take_i16(reader);
}

ks_status ksi_take_offset_commit(ks_slice body, ks_arena *arena, ksi_offset_answers *answers,
                                 ks_error *error)
{
    ksi_wire_reader reader = ksi_wire_reader_of(body);
    *answers = (ksi_offset_answers){0};
    answers->throttle_ms = ksi_wire_take_i32(&reader);
    take_topics(&reader, arena, answers, take_committed, 7);
    return ksi_requests_answer(&reader, KSI_API_OFFSET_COMMIT, error);
}

static void take_fetched(ksi_wire_reader *reader, ksi_offset_answer *answer)
{
    answer->partition = ksi_wire_take_i32(reader);
    answer->offset = ksi_wire_take_i64(reader);
    (void)ksi_wire_take_i32(reader); /* the leader's epoch */
    answer->metadata = ksi_wire_take_optional_compact_string(reader);
    answer->error_code = ksi_wire_take_i16(reader);
}

ks_status ksi_take_offset_fetch(ks_slice body, ks_arena *arena, ksi_offset_answers *answers,
                                ks_error *error)
{
    ksi_wire_reader reader = ksi_wire_reader_of(body);
    *answers = (ksi_offset_answers){0};
    answers->throttle_ms = ksi_wire_take_i32(&reader);
    take_topics(&reader, arena, answers, take_fetched, 20);
    answers->error_code = ksi_wire_take_i16(&reader);
    return ksi_requests_answer(&reader, KSI_API_OFFSET_FETCH, error);
}
