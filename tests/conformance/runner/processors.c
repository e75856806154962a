/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processors.c - the processors of the vocabulary.
 *
 * All forward under the key and timestamp of the record in hand, and always a record of their own,
 * as the recorder's do: that decides whether a send below gives up the source bytes of a dead
 * letter for the nodes beside them, too. Those with a store use the first one of their node.
 */
#include "function_tables.h"

static void forward(const cf_call *call, const ks_record *record)
{
    const ks_record own = *record;
    ks_ctx_forward(call->ctx, &own);
}

static void forward_value(const cf_call *call, const ks_record *record, ks_value value)
{
    ks_record changed = *record;
    changed.value = value;
    ks_ctx_forward(call->ctx, &changed);
}

static void forward_with_header(const cf_call *call, const ks_record *record)
{
    ks_record changed = *record;
    changed.headers =
        ks_headers_with(call->arena, record->headers, ks_slice_cstr("seen"), ks_slice_cstr("1"));
    ks_ctx_forward(call->ctx, &changed);
}

static void fan_out(const cf_call *call, const ks_record *record)
{
    for (int64_t i = 0; i < call->fn->number; i++) {
        forward(call, record);
    }
}

static void fail(const cf_call *call, const ks_record *record)
{
    if (!ks_value_is_null(record->value) &&
        text_equal(call_text(call, record->value), call->fn->text)) {
        ks_ctx_fail(call->ctx, "processor `fail` met its text");
        return;
    }
    forward(call, record);
}

static void metadata(const cf_call *call, const ks_record *record)
{
    const char *topic = ks_ctx_topic(call->ctx);
    forward_value(
        call, record,
        ks_text(ks_text_format(call->arena, "%s/%d/%lld/%lld", topic != NULL ? topic : "null",
                               (int)ks_ctx_partition(call->ctx),
                               (long long)ks_ctx_offset(call->ctx), (long long)record->timestamp)));
}

/* ---- stores ---------------------------------------------------------------------------------- */

/* What the store has under the key; false: the record failed. */
static bool look_up(const cf_call *call, const ks_record *record, ks_key_value_store **store,
                    ks_value *value)
{
    ks_key_value entry = {.value = ks_null()};
    bool found = false;
    *store = ks_ctx_key_value_store(call->ctx, call->fn->store);
    ks_status status =
        ks_key_value_store_get(*store, record->key, call->arena, &entry, &found, NULL);
    *value = entry.value;
    return status == KS_OK;
}

static void count_store(const cf_call *call, const ks_record *record)
{
    ks_key_value_store *store = NULL;
    ks_value old;
    if (ks_value_is_null(record->key) || !look_up(call, record, &store, &old)) {
        return;
    }
    ks_value count = ks_i64(ks_value_is_null(old) ? 1 : ks_value_i64(old) + 1);
    if (ks_key_value_store_put(store, record->key, count, NULL) == KS_OK) {
        forward_value(call, record, count);
    }
}

static void dedupe(const cf_call *call, const ks_record *record)
{
    ks_key_value_store *store = NULL;
    ks_value old;
    if (ks_value_is_null(record->key) || !look_up(call, record, &store, &old) ||
        !ks_value_is_null(old)) {
        return;
    }
    if (ks_key_value_store_put(store, record->key, record->value, NULL) == KS_OK) {
        forward(call, record);
    }
}

static void keep(const cf_call *call, const ks_record *record)
{
    if (!ks_value_is_null(record->key)) {
        ks_key_value_store_put(ks_ctx_key_value_store(call->ctx, call->fn->store), record->key,
                               record->value, NULL);
    }
}

cf_function *function_keeper(cf_scenario *scenario, const char *store)
{
    static const cf_signature keeper = {.name = "keep", .process = keep};
    cf_function *function = ks_arena_alloc(scenario->arena, sizeof *function);
    *function = (cf_function){.signature = &keeper, .store = store, .problem = &scenario->problem};
    return function;
}

/* ---- punctuations ---------------------------------------------------------------------------- */

static void punctuate(ks_ctx *ctx, int64_t now_ms, void *user)
{
    (void)user;
    ks_record record = {.key = ks_text_of("p"),
                        .value =
                            ks_text(ks_text_format(ks_ctx_arena(ctx), "%lld", (long long)now_ms)),
                        .timestamp = now_ms};
    ks_ctx_forward(ctx, &record);
}

static void schedule(const cf_call *call, ks_punctuation_type type)
{
    (void)ks_ctx_schedule(call->ctx, punctuate, NULL,
                          KS_SCHEDULE(.interval_ms = call->fn->number, .type = type));
}

static void schedule_by_stream_time(const cf_call *call)
{
    schedule(call, KS_PUNCTUATION_STREAM_TIME);
}

static void schedule_by_wall_clock(const cf_call *call)
{
    schedule(call, KS_PUNCTUATION_WALL_CLOCK);
}

static const cf_signature processors[] = {
    {.name = "forward", .process = forward},
    {.name = "headers", .process = forward_with_header},
    {.name = "fanOut", .argument = ARGUMENT_NUMBER, .process = fan_out},
    {.name = "fail", .argument = ARGUMENT_TEXT, .process = fail},
    {.name = "metadata", .process = metadata},
    {.name = "countStore", .process = count_store},
    {.name = "dedupe", .process = dedupe},
    {.name = "punctuateStream",
     .argument = ARGUMENT_NUMBER,
     .process = forward,
     .start = schedule_by_stream_time},
    {.name = "punctuateWall",
     .argument = ARGUMENT_NUMBER,
     .process = forward,
     .start = schedule_by_wall_clock},
};
const signature_table processor_table = {"processor", processors,
                                         sizeof processors / sizeof processors[0]};
