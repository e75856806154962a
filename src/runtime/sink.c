/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.c - see sink.h. Serialized bytes live in the record's arena until the producer has copied
 * them.
 */
#include "runtime/sink.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "serde/convert.h"
#include "serde/windowed.h"
#include "topology/partitioner.h"
#include "topology/row_subscription.h"

ks_status ksi_sink_init(ksi_sink_state *state, const ksi_node *node, const ks_topology *topology,
                        ksi_error_handlers *handlers, ks_error *error)
{
    const ks_ctx *ctx = handlers->ctx;
    const char *what = ksi_arena_format(ctx->task_arena, "sink %s", node->name);
    *state = (ksi_sink_state){.collector = handlers->collector,
                              .handlers = handlers,
                              .purpose = KSI_SENT_RESULT + (uint32_t)node->index};
    if (node->sink.topic != NULL) {
        state->topic = ksi_topology_topic_name(topology, ctx->application_id, node->sink.topic,
                                               ctx->task_arena);
        state->is_internal = ksi_topology_internal_topic(topology, node->sink.topic) != NULL;
    }
    if (node->sink.partitioner != NULL && node->sink.partitioner->partition == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, what,
                             "its partitioner has no function; give it one");
    }
    KS_TRY(ksi_ctx_key_serde(ctx, node->sink.key, what, &state->key, error));
    return ksi_envelope_serde(node->sink.envelope, ctx, node->sink.value, what, &state->value,
                              error);
}

/* What a sink has made of a record so far. */
typedef struct outgoing {
    const ksi_sink_state *sink;
    const char *topic;
    const ks_record *record;
    ks_log_record bytes;
} outgoing;

static const char *topic_of(ks_ctx *ctx, const ksi_node *node, const ksi_sink_state *sink,
                            const ks_record *record)
{
    if (sink->topic != NULL) {
        return sink->topic;
    }
    ks_slice name = node->sink.topic_name(ctx, record, node->sink.user);
    if (ksi_ctx_failed(ctx)) {
        return NULL;
    }
    if (name.data == NULL) {
        ks_ctx_fail(ctx,
                    "the topic-name function gave no topic for the record; filter such records out "
                    "before the sink, or name a topic for them");
        return NULL;
    }
    return ks_text_cstr(ctx->arena, name);
}

/* Which options of a program say what the sink writes. */
static const char *options_of(const ksi_sink_state *sink)
{
    bool joins_by_foreign_key =
        sink->value->kind == KSI_KIND_SUBSCRIPTION || sink->value->kind == KSI_KIND_RESPONSE;
    if (joins_by_foreign_key) {
        return "KS_CONSUMED or KS_MATERIALIZED";
    }
    return sink->is_internal ? "KS_GROUPED or KS_REPARTITIONED" : "KS_PRODUCED";
}

/* False after a failure, which is on the context. */
static bool serialize(ks_ctx *ctx, const outgoing *out, bool is_key, ks_slice *bytes)
{
    const ks_serde *serde = is_key ? out->sink->key : out->sink->value;
    ks_value value = is_key ? out->record->key : out->record->value;
    const char *part = is_key ? "key" : "value";
    ks_kind wanted;
    ks_kind unfit = ksi_unfit_kind(serde, value, &wanted);
    if (unfit != KS_KIND_NULL) {
        ks_ctx_fail(ctx,
                    "writing to topic %s: the %s is %s and the serde \"%s\" of this sink writes "
                    "%s; give the right one with %s(.%s = ...)",
                    out->topic, part, ks_kind_name(unfit), serde->name, ks_kind_name(wanted),
                    options_of(out->sink), part);
        return false;
    }
    ks_error reason;
    ksi_error_begin(&reason);
    const ks_serde_ctx where = {
        .topic = out->topic, .is_key = is_key, .headers = out->record->headers};
    if (ksi_serialize(serde, &where, value, ctx->arena, bytes, &reason) != KS_OK) {
        ksi_error_prefix(&reason, "writing the %s to topic %s: ", part, out->topic);
        const ksi_unwritten result = {.stage = is_key ? KS_FAILURE_WRITING_KEY
                                                      : KS_FAILURE_WRITING_VALUE,
                                      .topic = out->topic,
                                      .record = out->record};
        ksi_handle_production_error(out->sink->handlers, &result, &reason);
        return false;
    }
    return !ksi_ctx_failed(ctx);
}

static void send_to(const outgoing *out, int32_t partition)
{
    ks_error error;
    ks_log_record bytes = out->bytes;
    ksi_error_begin(&error);
    bytes.partition = partition;
    if (ksi_collector_send(out->sink->collector, out->sink->purpose, out->topic, &bytes, &error) !=
        KS_OK) {
        const ksi_unwritten result = {
            .stage = KS_FAILURE_SENDING, .topic = out->topic, .output = &bytes};
        ksi_handle_production_error(out->sink->handlers, &result, &error);
    }
}

/* Asks the sink's partitioner. False when the record goes nowhere, or after a failure. */
static bool choose_partitions(ks_ctx *ctx, const ks_partitioner *partitioner, const outgoing *out,
                              ks_partitions *chosen)
{
    ks_error error;
    ksi_error_begin(&error);
    int32_t count = 0;
    if (ksi_collector_partition_count(out->sink->collector, out->topic, &count, &error) != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
        return false;
    }
    *chosen = (ks_partitions){.topic = out->topic, .partition_count = count, .error = &error};
    ks_status status =
        partitioner->partition(partitioner, out->topic, out->record, count, chosen, &error);
    chosen->error = NULL;
    if (status != KS_OK) {
        (void)ksi_error_complete(&error, status, "partitioner", partitioner->name);
        ksi_ctx_fail_error(ctx, &error);
    } else if (!ksi_ctx_failed(ctx) && chosen->decided && chosen->count == 0) {
        ksi_ctx_drop(ctx, KS_DROP_PARTITIONER, "the partitioner chose no partition");
        return false;
    }
    return !ksi_ctx_failed(ctx);
}

/* Where a windowed key goes: all windows of one key to one partition. False after a failure. */
static bool partition_of_inner_key(ks_ctx *ctx, const outgoing *out, int32_t *partition)
{
    ks_error error;
    int32_t count = 0;
    ksi_error_begin(&error);
    if (out->bytes.key.data == NULL) {
        ks_ctx_fail(ctx,
                    "writing to topic %s: the key is null, and records with windowed keys go to "
                    "the partition of the key in the window; filter such records out, or give the "
                    "sink a partitioner",
                    out->topic);
        return false;
    }
    if (ksi_collector_partition_count(out->sink->collector, out->topic, &count, &error) != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
        return false;
    }
    const ks_slice key = out->bytes.key;
    const size_t bounds = ksi_windowed_bounds_size(out->sink->key);
    *partition = ksi_partition_of_key(ks_slice_of(key.data, key.size - bounds), count);
    return true;
}

/* Serializes and sends to the partitions chosen, or to that of the key when none was. */
static void write_record(ks_ctx *ctx, outgoing *out, const ks_partitions *chosen, bool by_inner_key)
{
    int32_t of_key = -1; /* the collector's choice */
    if (!serialize(ctx, out, true, &out->bytes.key) ||
        !serialize(ctx, out, false, &out->bytes.value)) {
        return;
    }
    if (by_inner_key && !partition_of_inner_key(ctx, out, &of_key)) {
        return;
    }
    out->bytes.timestamp = out->record->timestamp;
    out->bytes.headers = out->record->headers;
    ctx->record.source_key = ks_slice_null();
    ctx->record.source_value = ks_slice_null();
    if (!chosen->decided) {
        send_to(out, of_key);
        return;
    }
    for (size_t i = 0; i < chosen->count && !ksi_ctx_failed(ctx); i++) {
        send_to(out, chosen->items[i]);
    }
}

void ksi_sink_process(ks_ctx *ctx, ksi_node_instance *instance, const ks_record *record)
{
    const ks_partitioner *partitioner = instance->node->sink.partitioner;
    ks_partitions chosen = {0};
    outgoing out = {.sink = instance->state, .record = record};
    out.topic = topic_of(ctx, instance->node, out.sink, record);
    if (out.topic == NULL) {
        return;
    }
    if (partitioner == NULL || choose_partitions(ctx, partitioner, &out, &chosen)) {
        write_record(ctx, &out, &chosen, instance->node->sink.by_inner_key);
    }
    ksi_free(chosen.items);
}
