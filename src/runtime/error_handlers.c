/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error_handlers.c - see error_handlers.h.
 */
#include "runtime/error_handlers.h"

#include "base/error.h"
#include "config/config.h"

void ksi_error_handlers_init(ksi_error_handlers *handlers, const ks_config *config, ks_ctx *ctx,
                             ksi_collector *collector)
{
    *handlers = (ksi_error_handlers){
        .ctx = ctx,
        .collector = collector,
        .continue_on_deserialization =
            strcmp(ksi_config_choice(config, "deserialization.exception.handler"),
                   "LogAndContinue") == 0,
        .continue_on_processing = strcmp(ksi_config_choice(config, "processing.exception.handler"),
                                         "LogAndContinue") == 0,
        .dead_letter_topic = ksi_config_text(config, "errors.dead.letter.queue.topic.name")};
}

/* ---- dead letters ---------------------------------------------------------------------------- */

/* Where a source record came from and what it held. */
typedef struct dead_record {
    const char *topic; /* NULL outside a record */
    ks_log_record record;
} dead_record;

static const ks_headers *with_text(ks_arena *arena, const ks_headers *headers, const char *name,
                                   const char *text)
{
    return ks_headers_with(arena, headers, ks_slice_cstr(name), ks_slice_cstr(text));
}

static ks_status send_dead_letter(ksi_error_handlers *handlers, const dead_record *dead,
                                  const ks_error *reason, ks_error *error)
{
    ks_ctx *ctx = handlers->ctx;
    ks_arena *arena = ctx->arena;
    if (handlers->dead_letter_topic == NULL) {
        return KS_OK;
    }
    if (dead->record.timestamp < 0) {
        return ksi_error_set(error, KS_E_TIMESTAMP, handlers->dead_letter_topic,
                             "a dead letter cannot have the negative timestamp %lld of its record "
                             "(topic %s, partition %d, offset %lld)",
                             (long long)dead->record.timestamp, dead->topic,
                             (int)dead->record.partition, (long long)dead->record.offset);
    }
    char trace[sizeof(ks_error)];
    ks_log_record letter = dead->record;
    letter.partition = -1;
    const ks_headers *headers = letter.headers;
    headers = with_text(arena, headers, "__streams.errors.exception", ks_status_name(reason->code));
    headers = with_text(arena, headers, "__streams.errors.message", reason->message);
    headers = with_text(arena, headers, "__streams.errors.stacktrace",
                        ks_error_text(reason, trace, sizeof trace));
    headers = with_text(arena, headers, "__streams.errors.topic", dead->topic);
    headers = with_text(arena, headers, "__streams.errors.partition",
                        ksi_arena_format(arena, "%d", (int)dead->record.partition));
    headers = with_text(arena, headers, "__streams.errors.offset",
                        ksi_arena_format(arena, "%lld", (long long)dead->record.offset));
    letter.headers = headers;
    return ksi_collector_send(handlers->collector, handlers->dead_letter_topic, &letter, error);
}

static dead_record record_in_hand(const ks_ctx *ctx)
{
    return (dead_record){.topic = ctx->record.topic,
                         .record = {.key = ctx->record.source_key,
                                    .value = ctx->record.source_value,
                                    .timestamp = ctx->record.timestamp,
                                    .partition = ctx->record.partition,
                                    .offset = ctx->record.offset,
                                    .headers = ctx->record.headers}};
}

/* ---- handlers -------------------------------------------------------------------------------- */

ks_status ksi_handle_deserialization_error(ksi_error_handlers *handlers,
                                           const ksi_node_instance *source, const char *topic,
                                           const ks_log_record *record, const ks_error *reason,
                                           ks_error *error)
{
    ks_ctx *ctx = handlers->ctx;
    const dead_record dead = {.topic = topic, .record = *record};
    KS_TRY(send_dead_letter(handlers, &dead, reason, error));
    if (!handlers->continue_on_deserialization) {
        return ksi_error_set(
            error, KS_E_SERDE, source->node->name,
            "task %s cannot read the record at topic %s partition %d offset %lld: %.300s; "
            "deserialization.exception.handler=LogAndContinue would skip it",
            ctx->task_id, topic, (int)record->partition, (long long)record->offset,
            reason->message);
    }
    ksi_log(ctx->logger, KS_LOG_LEVEL_WARN, source->node->name,
            "task %s skips the record at topic %s partition %d offset %lld, which it cannot read: "
            "%s",
            ctx->task_id, topic, (int)record->partition, (long long)record->offset,
            reason->message);
    ksi_ctx_count_drop(ctx, KS_DROP_DESERIALIZATION);
    return KS_OK;
}

bool ksi_handle_processing_error(ksi_error_handlers *handlers)
{
    ks_ctx *ctx = handlers->ctx;
    ks_error refused = {0};
    const dead_record dead = record_in_hand(ctx);
    if (send_dead_letter(handlers, &dead, &ctx->error, &refused) != KS_OK) {
        ksi_log(ctx->logger, KS_LOG_LEVEL_ERROR, ctx->node->node->name,
                "the dead letter could not be written: %s", refused.message);
        return false;
    }
    if (handlers->continue_on_processing) {
        ksi_log(ctx->logger, KS_LOG_LEVEL_WARN, ctx->error.where,
                "goes on after a record that failed: %s", ctx->error.message);
    }
    return handlers->continue_on_processing;
}

void ksi_handle_serialization_error(ksi_error_handlers *handlers, const ks_error *reason)
{
    ks_ctx *ctx = handlers->ctx;
    ks_error refused = {0};
    const dead_record dead = record_in_hand(ctx);
    if (send_dead_letter(handlers, &dead, reason, &refused) != KS_OK) {
        ksi_log(ctx->logger, KS_LOG_LEVEL_ERROR, ctx->node->node->name,
                "the dead letter could not be written: %s", refused.message);
    }
    ksi_ctx_fail_error(ctx, reason);
}
