/* SPDX-License-Identifier: Apache-2.0 */
/*
 * begin_offset.c - committed offset, reset policy of the source, auto.offset.reset. @java
 * StreamThread#resetOffsets
 *
 * A committed offset that lies outside the partition (the topic was made anew, or records were
 * deleted) is no offset, as for Kafka's consumer: the policy decides, and the log says so, because
 * records may be skipped or read twice.
 *
 * The same goes for a reader whose position is no longer one of its partition. The tempting wrong
 * way is to go back to what was committed: where a topic was deleted and made anew, that may lie
 * within the new records, and all before it would be passed over. What cannot be known: whether a
 * position that does lie within them is one of the former topic.
 *
 * by_duration counts back from the wall clock of the application. A moment before the epoch is the
 * beginning.
 */
#include "runtime/begin_offset.h"

#include "base/check.h"
#include "base/error.h"
#include "config/config.h"
#include "config/duration.h"

#include <string.h>

void ksi_offset_fallback(const ks_config *config, ksi_offset_rules *rules)
{
    static const char by_duration[] = "by_duration:";
    const char *text = ksi_config_client(config, KSI_CLIENT_MAIN_CONSUMER, "auto.offset.reset");
    rules->fallback = KS_OFFSET_RESET_EARLIEST; /* Kafka Streams' default, not the consumer's */
    if (text == NULL) {
        return;
    }
    if (strcmp(text, "latest") == 0) {
        rules->fallback = KS_OFFSET_RESET_LATEST;
    } else if (strcmp(text, "none") == 0) {
        rules->fallback = KS_OFFSET_RESET_NONE;
    } else if (strncmp(text, by_duration, sizeof by_duration - 1) == 0) {
        rules->fallback = KS_OFFSET_RESET_BY_DURATION;
        bool is_one = ksi_duration_ms(text + sizeof by_duration - 1, &rules->fallback_duration_ms);
        KSI_CHECK(is_one); /* it was checked when it was set */
    }
}

/* Where records begin, and the end that readers reach. */
typedef struct span {
    int64_t first;
    int64_t end;
} span;

static ks_status reset_offset(const ksi_offset_rules *rules, ksi_topic_partition partition,
                              span records, const ksi_source *source, int64_t *offset,
                              ks_error *error)
{
    const ksi_transport_class *class = rules->transport->class;
    bool has_own = source->offset_reset != KS_OFFSET_RESET_DEFAULT;
    ks_offset_reset policy = has_own ? source->offset_reset : rules->fallback;
    switch (policy) {
    case KS_OFFSET_RESET_LATEST:
        *offset = records.end;
        return KS_OK;
    case KS_OFFSET_RESET_NONE:
        return ksi_error_set(
            error, KS_E_STATE, partition.topic,
            "group %s has committed no valid offset for partition %d and the reset policy is none; "
            "commit offsets first, or give another policy",
            rules->group, partition.partition);
    case KS_OFFSET_RESET_BY_DURATION: {
        int64_t since = ksi_wall_ms(rules->clock) -
                        (has_own ? source->offset_reset_duration_ms : rules->fallback_duration_ms);
        return class->offset_at(rules->transport, partition, since > 0 ? since : 0, offset, error);
    }
    case KS_OFFSET_RESET_DEFAULT:
    case KS_OFFSET_RESET_EARLIEST:
        break;
    }
    *offset = records.first;
    return KS_OK;
}

static void read_metadata(const ksi_offset_rules *rules, ks_slice text, ksi_begin *begin)
{
    ks_arena unwanted;
    ksi_arena_init(&unwanted, 0);
    begin->partition_time = ksi_commit_metadata_decode(
        text, rules->notes != NULL ? rules->notes : &unwanted, &begin->notes);
    if (rules->notes == NULL) {
        begin->notes = (ksi_commit_notes){0};
    }
    ksi_arena_destroy(&unwanted);
}

/* What was committed, when there are records at it; else what the policy says. */
static ks_status choose(const ksi_offset_rules *rules, const ksi_group_offset *committed,
                        const ksi_source *source, ksi_begin *begin, ks_error *error)
{
    const ksi_transport_class *class = rules->transport->class;
    span records = {0};
    begin->partition_time = -1;
    begin->notes = (ksi_commit_notes){0};
    KS_TRY(class->offsets(rules->transport, committed->partition, &records.first, &records.end,
                          error));
    if (committed->offset >= 0) {
        int64_t end = records.end;
        if (committed->offset > end && class->high_watermark != NULL) {
            /* Readers may not have come as far again as they were. */
            KS_TRY(class->high_watermark(rules->transport, committed->partition, &end, error));
        }
        if (committed->offset >= records.first && committed->offset <= end) {
            begin->offset = committed->offset;
            read_metadata(rules, committed->metadata, begin);
            return KS_OK;
        }
        ksi_log(rules->logger, KS_LOG_LEVEL_WARN, committed->partition.topic,
                "the committed offset %lld of partition %d is outside its records, %lld to %lld; "
                "the reset policy decides where to begin",
                (long long)committed->offset, committed->partition.partition,
                (long long)records.first, (long long)end);
    }
    return reset_offset(rules, committed->partition, records, source, &begin->offset, error);
}

ks_status ksi_begin_offset(const ksi_offset_rules *rules, ksi_topic_partition partition,
                           const ksi_source *source, ksi_begin *begin, ks_error *error)
{
    const ksi_transport_class *class = rules->transport->class;
    ksi_group_offset committed = {.partition = partition, .offset = -1};
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ks_status status =
        class->committed(rules->transport, rules->group, &committed, 1, &arena, error);
    if (status == KS_OK) {
        status = choose(rules, &committed, source, begin, error);
    }
    ksi_arena_destroy(&arena);
    return status;
}

ks_status ksi_begin_again(const ksi_offset_rules *rules, ksi_topic_partition partition,
                          const ksi_source *source, int64_t position, ksi_begin *begin,
                          ks_error *error)
{
    span records = {0};
    begin->partition_time = -1;
    begin->notes = (ksi_commit_notes){0};
    KS_TRY(rules->transport->class->offsets(rules->transport, partition, &records.first,
                                            &records.end, error));
    KS_TRY(reset_offset(rules, partition, records, source, &begin->offset, error));
    ksi_log(rules->logger, KS_LOG_LEVEL_WARN, partition.topic,
            "partition %d cannot be read on at offset %lld: records were deleted before they were "
            "read, or the topic was deleted and created again; by the reset policy it is read from "
            "offset %lld",
            partition.partition, (long long)position, (long long)begin->offset);
    return KS_OK;
}
