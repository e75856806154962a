/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.c - see collector.h. What is known of a topic is asked for once a commit: that costs
 * nothing, and a topic that got more partitions fills them.
 */
#include "runtime/collector.h"

#include "base/crc32c.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

struct ksi_topic_facts {
    int32_t partition_count;
    uint32_t counted_at;   /* the collector's count of commits */
    uint32_t next_keyless; /* records without key take turns */
    char name[];
};

typedef ksi_topic_facts topic_facts;

void ksi_collector_init(ksi_collector *collector, ks_ctx *ctx, ksi_producer *producer,
                        uint32_t number)
{
    *collector = (ksi_collector){
        .ctx = ctx, .producer = producer, .number = number, .topics = ksi_map_new()};
}

void ksi_collector_destroy(ksi_collector *collector)
{
    ksi_map_free(collector->topics, ksi_free);
    collector->topics = NULL;
}

/* A topic that is missing now is looked for again. */
static ks_status count_partitions(const ksi_collector *collector, const char *topic, int32_t *count,
                                  ks_error *error)
{
    KS_TRY(collector->producer->class->partition_count(collector->producer, topic, count, error));
    return *count > 0 ? KS_OK
                      : ksi_error_set(error, KS_E_UNKNOWN_TOPIC, topic,
                                      "the application writes to this topic and it does not exist; "
                                      "create it before the application runs");
}

static ks_status learn_facts(ksi_collector *collector, const char *topic, topic_facts **learned,
                             ks_error *error)
{
    int32_t count = 0;
    KS_TRY(count_partitions(collector, topic, &count, error));
    size_t length = strlen(topic);
    topic_facts *facts = ksi_calloc(1, sizeof *facts + length + 1);
    facts->partition_count = count;
    facts->counted_at = collector->commits;
    memcpy(facts->name, topic, length + 1);
    ksi_map_put_cstr(collector->topics, topic, facts);
    *learned = facts;
    return KS_OK;
}

static ks_status find_facts(ksi_collector *collector, const char *topic, topic_facts **found,
                            ks_error *error)
{
    if (collector->last == NULL || strcmp(collector->last->name, topic) != 0) {
        topic_facts *facts = ksi_map_get_cstr(collector->topics, topic);
        if (facts == NULL) {
            KS_TRY(learn_facts(collector, topic, &facts, error));
        } else if (facts->counted_at != collector->commits) {
            KS_TRY(count_partitions(collector, topic, &facts->partition_count, error));
            facts->counted_at = collector->commits;
        }
        collector->last = facts;
    }
    *found = collector->last;
    return KS_OK;
}

void ksi_collector_committed(ksi_collector *collector)
{
    collector->commits++;
    collector->last = NULL;
}

ks_status ksi_collector_partition_count(ksi_collector *collector, const char *topic, int32_t *count,
                                        ks_error *error)
{
    topic_facts *facts = NULL;
    KS_TRY(find_facts(collector, topic, &facts, error));
    *count = facts->partition_count;
    return KS_OK;
}

static int32_t default_partition(topic_facts *facts, ks_slice key)
{
    if (key.data != NULL) {
        return ks_partition_of_key(key, facts->partition_count);
    }
    return (int32_t)(facts->next_keyless++ % (uint32_t)facts->partition_count);
}

ks_status ksi_collector_send(ksi_collector *collector, uint32_t purpose, const char *topic,
                             const ks_log_record *record, ks_error *error)
{
    const uint32_t sender = collector->number << KSI_SENT_BITS | purpose;
    ks_log_record placed = *record;
    if (placed.partition < 0) {
        topic_facts *facts = NULL;
        KS_TRY(find_facts(collector, topic, &facts, error));
        placed.partition = default_partition(facts, placed.key);
    }
    KS_TRY(collector->producer->class->send(collector->producer, sender, topic, &placed, error));
    collector->sent++;
    return KS_OK;
}

void ksi_collector_fail_task(ksi_collector *collector, const ks_error *error)
{
    ksi_ctx_fail_error(collector->ctx, error);
    collector->ctx->failure = KSI_FAILURE_FATAL;
}

/* ---- changelogs ------------------------------------------------------------------------------ */

static ks_status append(ksi_changelog *changelog, ks_slice key, ks_slice value, int64_t timestamp,
                        const ks_headers *headers, ks_error *error)
{
    ksi_changelog_sink *sink = (ksi_changelog_sink *)changelog;
    const ks_log_record record = {.key = key,
                                  .value = value,
                                  .timestamp = timestamp,
                                  .partition = sink->partition,
                                  .headers = headers};
    if (ksi_collector_send(sink->collector, KSI_SENT_CHANGELOG, sink->topic, &record, error) !=
        KS_OK) {
        ksi_collector_fail_task(sink->collector, error);
        return error->code;
    }
    sink->last_hash = ksi_changelog_hash(key, value);
    return KS_OK;
}

uint64_t ksi_changelog_hash(ks_slice key, ks_slice value)
{
    /* It is kept on disk, so it is made of a checksum that never changes. */
    uint64_t of_key = ksi_crc32c(0, key.data, key.data != NULL ? key.size : 0);
    uint64_t of_value = value.data != NULL ? ksi_crc32c(1, value.data, value.size) : 0;
    return of_key << 32 | of_value | 1;
}

int64_t ksi_changelog_sink_end(const ksi_changelog_sink *sink)
{
    if (sink->last_hash == 0) {
        return -1;
    }
    ksi_producer *producer = sink->collector->producer;
    const ksi_topic_partition changelog = {.topic = sink->topic, .partition = sink->partition};
    int64_t last = producer->class->last_offset(producer, changelog);
    return last >= 0 ? last + 1 : -1;
}

void ksi_changelog_sink_init(ksi_changelog_sink *sink, ksi_collector *collector, const char *topic,
                             int32_t partition)
{
    *sink = (ksi_changelog_sink){.changelog = {.append = append},
                                 .collector = collector,
                                 .topic = topic,
                                 .partition = partition};
}
