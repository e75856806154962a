/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.c - see collector.h. What is known of a topic is asked for once.
 */
#include "runtime/collector.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

typedef struct topic_facts {
    int32_t partition_count;
    uint32_t next_keyless; /* records without key take turns */
} topic_facts;

void ksi_collector_init(ksi_collector *collector, ks_ctx *ctx, ksi_producer *producer)
{
    *collector = (ksi_collector){.ctx = ctx, .producer = producer, .topics = ksi_map_new()};
}

void ksi_collector_destroy(ksi_collector *collector)
{
    ksi_map_free(collector->topics, ksi_free);
    collector->topics = NULL;
}

/*
 * What is known of a topic; NULL when the log has none of that name. A topic that is missing now is
 * looked for again.
 */
static topic_facts *facts_of(ksi_collector *collector, const char *topic)
{
    topic_facts *facts = ksi_map_get_cstr(collector->topics, topic);
    if (facts != NULL) {
        return facts;
    }
    int32_t count = collector->producer->class->partition_count(collector->producer, topic);
    if (count <= 0) {
        return NULL;
    }
    facts = ksi_alloc(sizeof *facts);
    *facts = (topic_facts){.partition_count = count};
    ksi_map_put_cstr(collector->topics, topic, facts);
    return facts;
}

static ks_status unknown_topic(const char *topic, ks_error *error)
{
    return ksi_error_set(error, KS_E_UNKNOWN_TOPIC, topic,
                         "the application writes to this topic and it does not exist; create it "
                         "before the application runs");
}

int32_t ksi_collector_partition_count(ksi_collector *collector, const char *topic, ks_error *error)
{
    const topic_facts *facts = facts_of(collector, topic);
    if (facts == NULL) {
        (void)unknown_topic(topic, error);
        return 0;
    }
    return facts->partition_count;
}

static int32_t default_partition(topic_facts *facts, ks_slice key)
{
    if (key.data != NULL) {
        return ks_partition_of_key(key, facts->partition_count);
    }
    return (int32_t)(facts->next_keyless++ % (uint32_t)facts->partition_count);
}

ks_status ksi_collector_send(ksi_collector *collector, const char *topic,
                             const ks_log_record *record, ks_error *error)
{
    ks_log_record placed = *record;
    if (placed.partition < 0) {
        topic_facts *facts = facts_of(collector, topic);
        if (facts == NULL) {
            return unknown_topic(topic, error);
        }
        placed.partition = default_partition(facts, placed.key);
    }
    KS_TRY(collector->producer->class->send(collector->producer, topic, &placed, error));
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
    if (ksi_collector_send(sink->collector, sink->topic, &record, error) != KS_OK) {
        ksi_collector_fail_task(sink->collector, error);
        return error->code;
    }
    sink->last_hash = ksi_changelog_hash(key, value);
    return KS_OK;
}

uint64_t ksi_changelog_hash(ks_slice key, ks_slice value)
{
    uint64_t hash = ksi_slice_hash(key) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= value.data != NULL ? ksi_slice_hash(value) + 1 : 0;
    return hash != 0 ? hash : 1;
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
