/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error_handlers.c - see error_handlers.h.
 */
#include "runtime/error_handlers.h"

#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"
#include "serde/headers.h"
#include "topology/envelope.h"

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

void ksi_error_handlers_init_global(ksi_error_handlers *handlers, const ks_config *config,
                                    ks_ctx *ctx, ksi_collector *collector)
{
    ksi_error_handlers_init(handlers, config, ctx, collector);
    handlers->dead_letter_topic = NULL;
    handlers->fails_on_processing =
        !ksi_config_bool(config, "processing.exception.handler.global.enabled");
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

/* A dead letter: the record, and in its headers what happened and where. */
static ks_log_record letter_about(ks_arena *arena, const dead_record *dead, const ks_error *reason)
{
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
    return letter;
}

static ks_status send_dead_letter(ksi_error_handlers *handlers, const dead_record *dead,
                                  const ks_error *reason, ks_error *error)
{
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
    const ks_log_record letter = letter_about(handlers->ctx->arena, dead, reason);
    return ksi_collector_send(handlers->collector, KSI_SENT_DEAD_LETTER,
                              handlers->dead_letter_topic, &letter, error);
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

/* ---- asking the program ---------------------------------------------------------------------- */

/* The failure of the record in hand, at the node in hand. */
static ks_failure failure_in_hand(const ks_ctx *ctx, ks_failure_stage stage, const ks_error *reason)
{
    return (ks_failure){.stage = stage,
                        .error = reason,
                        .task_id = ctx->task_id,
                        .node = ks_ctx_node_name(ctx),
                        .topic = ctx->record.topic,
                        .partition = ctx->record.partition,
                        .offset = ctx->record.offset,
                        .timestamp = ctx->record.timestamp,
                        .headers = ctx->record.headers,
                        .source_key = ctx->record.source_key,
                        .source_value = ctx->record.source_value};
}

static ks_failure_answer ask(const ksi_error_handlers *handlers, ks_failure_fn *handler,
                             const ks_failure *failure, ks_failure_answer by_property)
{
    ks_failure told = *failure;
    ks_record shown;
    if (told.record != NULL && ksi_kind_is_enveloped(ks_value_kind(told.record->value))) {
        shown = *told.record; /* programs see no envelopes */
        shown.value = ksi_value_inside(shown.value);
        told.record = &shown;
    }
    ks_failure_answer answer =
        handler != NULL ? handler(&told, handlers->program.user) : KS_FAILURE_DEFAULT;
    return answer != KS_FAILURE_DEFAULT ? answer : by_property;
}

/* ---- records that cannot be read ------------------------------------------------------------- */

static bool continues_unread(const ksi_error_handlers *handlers, const ksi_node_instance *source,
                             const char *topic, const ks_log_record *record, const ks_error *reason)
{
    const ks_failure failure = {.stage = KS_FAILURE_READING,
                                .error = reason,
                                .task_id = handlers->ctx->task_id,
                                .node = source->node->name,
                                .topic = topic,
                                .partition = record->partition,
                                .offset = record->offset,
                                .timestamp = record->timestamp,
                                .headers = record->headers,
                                .source_key = record->key,
                                .source_value = record->value};
    return ask(handlers, handlers->program.deserialization, &failure,
               handlers->continue_on_deserialization ? KS_FAILURE_CONTINUE : KS_FAILURE_FAIL) ==
           KS_FAILURE_CONTINUE;
}

ks_status ksi_handle_deserialization_error(ksi_error_handlers *handlers,
                                           const ksi_node_instance *source, const char *topic,
                                           const ks_log_record *record, const ks_error *reason,
                                           ks_error *error)
{
    ks_ctx *ctx = handlers->ctx;
    const dead_record dead = {.topic = topic, .record = *record};
    bool goes_on = continues_unread(handlers, source, topic, record, reason);
    KS_TRY(send_dead_letter(handlers, &dead, reason, error));
    if (!goes_on) {
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

/* ---- nodes that fail ------------------------------------------------------------------------- */

/* False when there should be one and it could not be written. */
static bool dead_letter_of_record_in_hand(ksi_error_handlers *handlers, const ks_error *reason)
{
    ks_error refused = {0};
    const dead_record dead = record_in_hand(handlers->ctx);
    if (send_dead_letter(handlers, &dead, reason, &refused) == KS_OK) {
        return true;
    }
    ksi_log(handlers->ctx->logger, KS_LOG_LEVEL_ERROR, ks_ctx_node_name(handlers->ctx),
            "the dead letter could not be written: %s", refused.message);
    return false;
}

bool ksi_handle_processing_error(ksi_error_handlers *handlers)
{
    ks_ctx *ctx = handlers->ctx;
    if (handlers->fails_on_processing) {
        return false;
    }
    ks_failure failure = failure_in_hand(ctx, KS_FAILURE_PROCESSING, &ctx->error);
    failure.record = ctx->failing;
    bool goes_on = ask(handlers, handlers->program.processing, &failure,
                       handlers->continue_on_processing ? KS_FAILURE_CONTINUE : KS_FAILURE_FAIL) ==
                   KS_FAILURE_CONTINUE;
    if (!dead_letter_of_record_in_hand(handlers, &ctx->error)) {
        return false;
    }
    if (goes_on) {
        ksi_log(ctx->logger, KS_LOG_LEVEL_WARN, ctx->error.where,
                "goes on after a record that failed: %s", ctx->error.message);
    }
    return goes_on;
}

/* ---- results that cannot be written ---------------------------------------------------------- */

/* Java's DefaultProductionExceptionHandler. */
static ks_failure_answer default_of(const ksi_unwritten *result, const ks_error *reason)
{
    bool may_retry = (reason->flags & KS_ERROR_RETRIABLE) != 0;
    return result->stage == KS_FAILURE_SENDING && may_retry ? KS_FAILURE_RETRY : KS_FAILURE_FAIL;
}

static ks_failure_answer ask_about(const ksi_error_handlers *handlers, const ksi_unwritten *result,
                                   const ks_error *reason)
{
    ks_failure failure = failure_in_hand(handlers->ctx, result->stage, reason);
    failure.record = result->record;
    failure.output_topic = result->topic;
    failure.output = result->output;
    ks_failure_answer by_property = default_of(result, reason);
    ks_failure_answer answer = ask(handlers, handlers->program.production, &failure, by_property);
    return answer == KS_FAILURE_RETRY && by_property != KS_FAILURE_RETRY ? KS_FAILURE_FAIL : answer;
}

/* Another has the tasks, the transaction is void, or it is a failure that was asked about. */
static bool is_not_about_it(const ksi_unwritten *result, const ks_error *reason)
{
    return result->stage == KS_FAILURE_SENDING &&
           (reason->code == KS_E_FENCED ||
            (reason->flags & (KS_ERROR_FATAL | KS_ERROR_ABORT)) != 0);
}

void ksi_handle_production_error(ksi_error_handlers *handlers, const ksi_unwritten *result,
                                 const ks_error *reason)
{
    ks_ctx *ctx = handlers->ctx;
    ks_error error = *reason;
    bool is_lost = is_not_about_it(result, reason);
    ks_failure_answer answer = is_lost ? KS_FAILURE_FAIL : ask_about(handlers, result, reason);
    bool is_told =
        is_lost || answer == KS_FAILURE_RETRY || dead_letter_of_record_in_hand(handlers, reason);
    if (answer == KS_FAILURE_CONTINUE && is_told) {
        ksi_log(ctx->logger, KS_LOG_LEVEL_WARN, ks_ctx_node_name(ctx),
                "task %s leaves out a result for topic %s that cannot be written: %s", ctx->task_id,
                result->topic, reason->message);
        ksi_ctx_count_drop(ctx, KS_DROP_PRODUCTION);
        return;
    }
    if (answer == KS_FAILURE_RETRY) {
        (void)ksi_error_flag(&error, error.flags | KS_ERROR_ABORT);
    } else if (!is_lost) {
        error.flags &= ~(uint32_t)KS_ERROR_RETRIABLE;
    }
    if (result->stage == KS_FAILURE_SENDING) {
        ksi_collector_fail_task(handlers->collector, &error);
    } else {
        ksi_ctx_fail_error(ctx, &error);
    }
}

/* ---- results that were sent and refused later ------------------------------------------------ */

typedef struct ksi_late_letter {
    struct ksi_late_letter *next;
    ks_arena arena; /* has the rest */
    ks_log_record letter;
} late_letter;

/* Copies of what is only lent. */
static void keep_letter(ksi_error_handlers *handlers, const ksi_unwritten *result,
                        const ks_error *reason)
{
    if (handlers->dead_letter_topic == NULL) {
        return;
    }
    const dead_record dead = {.topic = result->topic, .record = *result->output};
    late_letter *late = ksi_calloc(1, sizeof *late);
    ksi_arena_init(&late->arena, 0);
    late->letter = letter_about(&late->arena, &dead, reason);
    late->letter.key = ksi_arena_copy(&late->arena, late->letter.key);
    late->letter.value = ksi_arena_copy(&late->arena, late->letter.value);
    late->letter.headers = ksi_headers_copy(&late->arena, late->letter.headers);
    late->next = handlers->late;
    handlers->late = late;
}

static void drop_letter(ksi_error_handlers *handlers)
{
    late_letter *late = handlers->late;
    handlers->late = late->next;
    ksi_arena_destroy(&late->arena);
    ksi_free(late);
}

static ks_failure_answer ask_about_refused(const ksi_error_handlers *handlers, const char *node,
                                           const ksi_unwritten *result, const ks_error *reason)
{
    const ks_failure failure = {.stage = result->stage,
                                .error = reason,
                                .task_id = handlers->ctx->task_id,
                                .node = node,
                                .partition = -1,
                                .offset = -1,
                                .timestamp = -1,
                                .output_topic = result->topic,
                                .output = result->output};
    ks_failure_answer by_property = default_of(result, reason);
    ks_failure_answer answer = ask(handlers, handlers->program.production, &failure, by_property);
    return answer == KS_FAILURE_RETRY && by_property != KS_FAILURE_RETRY ? KS_FAILURE_FAIL : answer;
}

ks_status ksi_handle_undelivered(ksi_error_handlers *handlers, const char *node,
                                 const ksi_unwritten *result, const ks_error *reason,
                                 ks_error *error)
{
    const char *task = handlers->ctx->task_id;
    if (is_not_about_it(result, reason)) {
        *error = *reason;
        return reason->code;
    }
    ks_failure_answer answer = ask_about_refused(handlers, node, result, reason);
    if (answer == KS_FAILURE_CONTINUE) {
        keep_letter(handlers, result, reason);
        ksi_log(handlers->ctx->logger, KS_LOG_LEVEL_WARN, node,
                "task %s leaves out a result for topic %s, partition %d, which was refused after "
                "it was sent: %s",
                task, result->topic, (int)result->output->partition, reason->message);
        ksi_ctx_count_drop(handlers->ctx, KS_DROP_PRODUCTION);
        return KS_OK;
    }
    (void)ksi_error_set(error, reason->code, node,
                        "a result of task %s for topic %s, partition %d was refused after it was "
                        "sent: %.300s",
                        task, result->topic, (int)result->output->partition, reason->message);
    return ksi_error_flag(error, answer == KS_FAILURE_RETRY ? KS_ERROR_ABORT : KS_ERROR_FATAL);
}

ks_status ksi_error_handlers_send_letters(ksi_error_handlers *handlers, bool *any, ks_error *error)
{
    while (handlers->late != NULL) {
        *any = true;
        KS_TRY(ksi_collector_send(handlers->collector, KSI_SENT_DEAD_LETTER,
                                  handlers->dead_letter_topic, &handlers->late->letter, error));
        drop_letter(handlers);
    }
    return KS_OK;
}

void ksi_error_handlers_destroy(ksi_error_handlers *handlers)
{
    while (handlers->late != NULL) {
        drop_letter(handlers);
    }
}
