/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context.c - what callbacks may ask of their context, and how a failure travels upwards (context.h
 * tells the rule).
 */
#include "topology/context.h"

#include "base/error.h"
#include "serde/convert.h"
#include "topology/envelope.h"

#include <stdarg.h>
#include <stdio.h>

enum { DROP_LINES_MS = 10000 };

/* ---- failures -------------------------------------------------------------------------------- */

static void raise_failure(ks_ctx *ctx, ks_status code, const char *message)
{
    if (ctx->failure != KSI_FAILURE_NONE) {
        return;
    }
    const char *node = ctx->node != NULL ? ctx->node->node->name : "task";
    ctx->failure = KSI_FAILURE_RAISED;
    if (ctx->record.topic != NULL) {
        ksi_error_set(&ctx->error, code, node, "task %s, topic %s, partition %d, offset %lld: %s",
                      ctx->task_id, ctx->record.topic, (int)ctx->record.partition,
                      (long long)ctx->record.offset, message);
    } else {
        ksi_error_set(&ctx->error, code, node, "task %s: %s", ctx->task_id, message);
    }
}

void ks_ctx_fail(ks_ctx *ctx, const char *format, ...)
{
    char message[400];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    raise_failure(ctx, KS_E_PROCESSING, message);
}

void ksi_ctx_fail_error(ks_ctx *ctx, const ks_error *error)
{
    char message[sizeof error->where + sizeof error->message + 2];
    snprintf(message, sizeof message, "%s%s%s", error->where, error->where[0] != '\0' ? ": " : "",
             error->message);
    if (ctx->failure == KSI_FAILURE_NONE) {
        raise_failure(ctx, error->code, message);
        ctx->error.flags |= error->flags;
    }
}

ks_status ksi_ctx_serialize(ks_ctx *ctx, const ks_serde *serde, const ks_serde_ctx *where,
                            ks_value value, ks_slice *bytes, ks_error *error)
{
    ks_kind wanted;
    ks_status status = ksi_serialize(serde, where, value, ctx->arena, bytes, error);
    if (status != KS_OK && !ksi_ctx_failed(ctx) &&
        ksi_unfit_kind(serde, value, &wanted) != KS_KIND_NULL) {
        ksi_ctx_fail_error(ctx, error);
        ctx->failure = KSI_FAILURE_PASSING;
    }
    return status;
}

/* Asks the handler about the node in hand. */
static bool may_continue(ks_ctx *ctx)
{
    if (!ctx->services->handle_failure(ctx)) {
        ctx->failure = KSI_FAILURE_FATAL;
        return false;
    }
    ctx->failure = KSI_FAILURE_NONE;
    ctx->error = (ks_error){0};
    ksi_ctx_count_drop(ctx, KS_DROP_PROCESSING);
    return true;
}

void ksi_ctx_settle_punctuation(ks_ctx *ctx)
{
    if (ksi_ctx_failed(ctx) && ctx->failure != KSI_FAILURE_FATAL) {
        ctx->failing = NULL;
        (void)may_continue(ctx);
    }
}

bool ksi_ctx_settle_failure(ks_ctx *ctx, ksi_node_instance *child)
{
    if (ctx->failure == KSI_FAILURE_FATAL) {
        return false;
    }
    bool has_handler = child->node->kind == KSI_NODE_PROCESSOR;
    if (!has_handler) {
        return false; /* a sink's failure is its parent's */
    }
    if (ctx->failure == KSI_FAILURE_PASSING) {
        ctx->failure = KSI_FAILURE_RAISED;
        return false;
    }
    return may_continue(ctx);
}

const char *ks_drop_reason_name(ks_drop_reason reason)
{
    static const char *const names[] = {[KS_DROP_DESERIALIZATION] = "deserialization",
                                        [KS_DROP_TIMESTAMP] = "timestamp",
                                        [KS_DROP_NULL] = "null",
                                        [KS_DROP_LATE] = "late",
                                        [KS_DROP_PROCESSING] = "processing",
                                        [KS_DROP_PRODUCTION] = "production",
                                        [KS_DROP_PARTITIONER] = "partitioner"};
    return (size_t)reason < sizeof names / sizeof names[0] ? names[reason] : "unknown";
}

void ksi_ctx_drop(ks_ctx *ctx, ks_drop_reason reason, const char *why)
{
    ksi_drop_lines *lines = &ctx->drop_lines[reason];
    const int64_t now = ksi_monotonic_ms(ctx->clock);
    char untold[80] = "";
    ksi_ctx_count_drop(ctx, reason);
    if (lines->next_ms > now) {
        lines->untold++;
        return;
    }
    if (lines->untold > 0) {
        (void)snprintf(untold, sizeof untold, "; %llu more (%s) since the last such line",
                       (unsigned long long)lines->untold, ks_drop_reason_name(reason));
    }
    *lines = (ksi_drop_lines){.next_ms = now + DROP_LINES_MS};
    ksi_log(ctx->logger, KS_LOG_LEVEL_WARN,
            ctx->node != NULL ? ctx->node->node->name : ctx->task_id,
            "task %s drops the record at topic %s partition %d offset %lld: %s%s", ctx->task_id,
            ctx->record.topic != NULL ? ctx->record.topic : "-", (int)ctx->record.partition,
            (long long)ctx->record.offset, why, untold);
}

void ksi_ctx_tell_untold_drops(ks_ctx *ctx)
{
    for (ks_drop_reason reason = 0; reason < KS_DROP_REASON_COUNT; reason++) {
        ksi_drop_lines *lines = &ctx->drop_lines[reason];
        if (lines->untold > 0) {
            ksi_log(ctx->logger, KS_LOG_LEVEL_WARN, ctx->task_id,
                    "task %s dropped %llu more records (%s) since the last such line", ctx->task_id,
                    (unsigned long long)lines->untold, ks_drop_reason_name(reason));
            lines->untold = 0;
        }
    }
}

/* ---- what callbacks may ask ------------------------------------------------------------------ */

ks_arena *ks_ctx_arena(ks_ctx *ctx)
{
    return ctx->arena;
}

void ks_emit(ks_ctx *ctx, ks_value key, ks_value value)
{
    if (ctx->emitting == NULL) {
        ks_ctx_fail(
            ctx,
            "ks_emit() is for flat operations; this callback is none: return the result instead");
        return;
    }
    ks_record record = *ctx->emitting;
    record.key = ctx->emits_keys ? key : record.key;
    record.value = value;
    const ks_record *emitting = ctx->emitting;
    bool emits_keys = ctx->emits_keys;
    ctx->emitting = NULL; /* the nodes below have no flat operation of their own yet */
    ksi_arena_mark mark = ksi_arena_save(ctx->arena);
    ksi_forward(ctx, &record);
    ksi_arena_release(ctx->arena, mark); /* so that a million emissions hold the memory of one */
    ctx->emitting = emitting;
    ctx->emits_keys = emits_keys;
}

void ks_emit_value(ks_ctx *ctx, ks_value value)
{
    ks_emit(ctx, ctx->emitting != NULL ? ctx->emitting->key : ks_null(), value);
}

const char *ks_ctx_topic(const ks_ctx *ctx)
{
    return ctx->record.topic;
}

int32_t ks_ctx_partition(const ks_ctx *ctx)
{
    return ctx->record.partition;
}

int64_t ks_ctx_offset(const ks_ctx *ctx)
{
    return ctx->record.offset;
}

int64_t ks_ctx_stream_time(const ks_ctx *ctx)
{
    return ctx->stream_time;
}

int64_t ks_ctx_wall_clock(const ks_ctx *ctx)
{
    return ksi_wall_ms(ctx->clock);
}

const char *ks_ctx_task_id(const ks_ctx *ctx)
{
    return ctx->task_id;
}

const char *ks_ctx_node_name(const ks_ctx *ctx)
{
    return ctx->node != NULL ? ctx->node->node->name : "";
}

const char *ks_ctx_application_id(const ks_ctx *ctx)
{
    return ctx->application_id;
}

const char *ks_ctx_config(const ks_ctx *ctx, const char *name)
{
    return name != NULL && ctx->config != NULL ? ks_config_get(ctx->config, name) : NULL;
}

const ks_serde *ks_ctx_default_key_serde(const ks_ctx *ctx)
{
    return ctx->default_key;
}

const ks_serde *ks_ctx_default_value_serde(const ks_ctx *ctx)
{
    return ctx->default_value;
}

/* ---- what nodes share ------------------------------------------------------------------------ */

struct ksi_shared_state {
    ksi_shared_state *next;
    const void *address;
    void *state;
};

void *ksi_ctx_shared_state(ks_ctx *ctx, const void *address, size_t size)
{
    ksi_shared_state *at = ctx->shared;
    while (at != NULL && at->address != address) {
        at = at->next;
    }
    if (at == NULL) {
        at = ksi_arena_alloc(ctx->task_arena, sizeof *at);
        *at = (ksi_shared_state){
            .next = ctx->shared, .address = address, .state = ksi_ctx_state(ctx, size)};
        ctx->shared = at;
    }
    return at->state;
}

/* ---- serdes ---------------------------------------------------------------------------------- */

static ks_status resolve(const ks_serde *own, const ks_serde *fallback, const char *property,
                         const char *what, const ks_serde **serde, ks_error *error)
{
    *serde = own != NULL ? own : fallback;
    if (*serde == NULL) {
        return ksi_error_set(error, KS_E_PROCESSING, what,
                             "it has no %s serde and there is no default; give one in its "
                             "options or set %s",
                             strcmp(property, "default.key.serde") == 0 ? "key" : "value",
                             property);
    }
    if ((*serde)->serialize == NULL || (*serde)->deserialize == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, what,
                             "its serde \"%s\" needs both functions, serialize and deserialize",
                             (*serde)->name != NULL ? (*serde)->name : "");
    }
    return KS_OK;
}

ks_status ksi_ctx_key_serde(const ks_ctx *ctx, const ks_serde *own, const char *what,
                            const ks_serde **serde, ks_error *error)
{
    return resolve(own, ctx->default_key, "default.key.serde", what, serde, error);
}

ks_status ksi_ctx_value_serde(const ks_ctx *ctx, const ks_serde *own, const char *what,
                              const ks_serde **serde, ks_error *error)
{
    return resolve(own, ctx->default_value, "default.value.serde", what, serde, error);
}
