/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.c - see harness.h.
 */
#include "harness.h"

#include "base/memory.h"
#include "topology/change.h"
#include "topology/row_subscription.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void append(harness *h, const char *format, ...) KS_PRINTF(2, 3);

static void append(harness *h, const char *format, ...)
{
    size_t length = strlen(h->trace);
    va_list args;
    va_start(args, format);
    int written = vsnprintf(h->trace + length, sizeof h->trace - length, format, args);
    va_end(args);
    assert_in_range(written, 0, sizeof h->trace - length - 1);
}

static void append_value(harness *h, ks_value value)
{
    ks_slice text = ks_value_to_text(&h->arena, value);
    append(h, "%.*s", (int)text.size, text.data);
}

static void append_hash(harness *h, ksi_row_hash hash)
{
    if (hash.is_there) {
        append(h, "%08x", (unsigned)(hash.hash.high >> 32));
    } else {
        append(h, "-");
    }
}

static void append_content(harness *h, ks_value value)
{
    if (value.kind == KSI_KIND_CHANGE) {
        const ksi_change *change = ksi_value_change(value);
        append_value(h, change->new_value);
        append(h, "<-");
        append_value(h, change->old_value);
    } else if (value.kind == KSI_KIND_SUBSCRIPTION) {
        const ksi_row_subscription *subscription = ksi_value_subscription(value);
        append(h, "%d(", (int)subscription->instruction);
        append_value(h, subscription->primary_key);
        append(h, ",");
        append_hash(h, subscription->hash);
        append(h, ")->%d", (int)subscription->primary_partition);
    } else if (value.kind == KSI_KIND_RESPONSE) {
        const ksi_row_response *response = ksi_value_response(value);
        append_value(h, response->foreign_value);
        append(h, "(");
        append_hash(h, response->hash);
        append(h, ")->%d", (int)response->primary_partition);
    } else {
        append_value(h, value);
    }
}

static void write_down(ks_ctx *ctx, ksi_node_instance *instance, const ks_record *record)
{
    harness *h = ctx->owner;
    ks_slice header = ks_slice_null();
    append(h, "%d:", (int)(instance - h->children));
    append_value(h, record->key);
    append(h, "=");
    append_content(h, record->value);
    append(h, "@%lld", (long long)record->timestamp);
    if (record->value.kind == KSI_KIND_CHANGE && !ksi_value_change(record->value)->is_latest) {
        append(h, "(outdated)");
    }
    if (ks_headers_last(record->headers, "h", &header)) {
        append(h, "+%.*s", (int)header.size, header.data);
    }
    append(h, " ");
    assert_int_equal(ctx->record.timestamp, record->timestamp);
    if (h->failing_value != NULL && record->value.kind == KS_KIND_TEXT &&
        ks_slice_equal(ks_value_text(record->value), ks_slice_cstr(h->failing_value))) {
        ks_ctx_fail(ctx, "the child fails");
    }
}

static bool stop_at_failures(ks_ctx *ctx)
{
    (void)ctx;
    return false;
}

static ksi_store *connected_store(ks_ctx *ctx, const char *name)
{
    harness *h = ctx->owner;
    return h->store != NULL && strcmp(h->spec.name, name) == 0 ? h->store : NULL;
}

static const ksi_ctx_services services = {.handle_failure = stop_at_failures,
                                          .store = connected_store};

static void count_too_late(void *owner)
{
    ((harness *)owner)->too_late++;
}

static void open_store(harness *h, const harness_options *options)
{
    bool is_versioned = options->history_retention_ms > 0;
    h->spec = (ksi_store_spec){.name = options->store,
                               .kind = is_versioned ? KSI_STORE_VERSIONED : KSI_STORE_KEY_VALUE,
                               .retention_ms = options->history_retention_ms,
                               .timestamped = true,
                               .caching = !is_versioned,
                               .key = &ks_serde_string,
                               .value = options->store_value};
    h->store = ksi_store_open(
        &(ksi_store_options){
            .spec = &h->spec, .cache = h->cache, .too_late = count_too_late, .owner = h},
        NULL);
    assert_non_null(h->store);
}

void harness_start(harness *h, const harness_options *options)
{
    *h = (harness){.node = {.name = "op", .kind = KSI_NODE_PROCESSOR}};
    ksi_arena_init(&h->arena, 0);
    ksi_arena_init(&h->task_arena, 0);
    ksi_manual_clock_init(&h->clock, 0);
    for (size_t i = 0; i < options->children; i++) {
        h->child_nodes[i] = (ksi_node){.name = "child", .kind = KSI_NODE_PROCESSOR};
        h->children[i] = (ksi_node_instance){.node = &h->child_nodes[i], .process = write_down};
        h->child_list[i] = &h->children[i];
    }
    h->instance = (ksi_node_instance){
        .node = &h->node, .children = h->child_list, .child_count = options->children};
    if (options->cache_bytes > 0) {
        h->cache = ksi_record_cache_new(options->cache_bytes);
    }
    if (options->store != NULL) {
        open_store(h, options);
    }
    h->config = ks_config_new();
    if (options->upgrade_from != NULL) {
        assert_int_equal(ks_config_set(h->config, "upgrade.from", options->upgrade_from, NULL),
                         KS_OK);
    }
    h->ctx = (ks_ctx){.services = &services,
                      .owner = h,
                      .node = &h->instance,
                      .arena = &h->arena,
                      .task_arena = &h->task_arena,
                      .clock = &h->clock.clock,
                      .config = h->config,
                      .task_id = "0_0",
                      .application_id = "app",
                      .default_value = &ks_serde_string};
}

ks_status harness_init(harness *h, ksi_processor processor, ks_error *error)
{
    const ksi_processor_class *class = processor.class;
    h->instance.state = ksi_calloc(1, class->state_size + 1);
    ks_status status = class->init != NULL
                           ? class->init(&h->ctx, processor.config, h->instance.state, error)
                           : KS_OK;
    if (status == KS_OK) {
        h->processor = processor;
    }
    return status;
}

void harness_run(harness *h, ksi_processor processor)
{
    ks_error error = {0};
    if (harness_init(h, processor, &error) != KS_OK) {
        fail_msg("%s: %s", error.where, error.message);
    }
}

void harness_feed(harness *h, ks_value key, ks_value value, int64_t timestamp)
{
    const ks_record record = {
        .key = key, .value = value, .timestamp = timestamp, .headers = h->headers};
    h->ctx.record = (ksi_record_context){.topic = "in",
                                         .partition = h->partition,
                                         .offset = 5,
                                         .timestamp = timestamp,
                                         .headers = h->headers};
    h->ctx.context_of = &record;
    h->processor.class->process(&h->ctx, h->processor.config, h->instance.state, &record);
    assert_ptr_equal(h->ctx.node, &h->instance);
    h->ctx.context_of = NULL;
    if (h->headers == NULL) {
        ksi_arena_reset(&h->arena); /* as the task does: nothing may live on in it */
    }
}

void harness_feed_text(harness *h, const char *key, const char *value, int64_t timestamp)
{
    harness_feed(h, ks_text_of(key), ks_text_of(value), timestamp);
}

void harness_feed_change(harness *h, const char *key, const char *new_value, const char *old_value,
                         int64_t timestamp)
{
    const ksi_change change = {
        .new_value = ks_text_of(new_value), .old_value = ks_text_of(old_value), .is_latest = true};
    harness_feed(h, ks_text_of(key), ksi_change_value(&change), timestamp);
}

void harness_flush(harness *h)
{
    assert_int_equal(ksi_store_flush(h->store, NULL), KS_OK);
}

const char *harness_trace(harness *h)
{
    static char shown[sizeof h->trace];
    memcpy(shown, h->trace, sizeof shown);
    h->trace[0] = '\0';
    return shown;
}

void harness_stop(harness *h)
{
    if (h->processor.class != NULL && h->processor.class->close != NULL) {
        h->processor.class->close(h->processor.config, h->instance.state);
    }
    ksi_free(h->instance.state);
    ksi_store_close(h->store);
    ksi_record_cache_free(h->cache);
    ks_config_free(h->config);
    ksi_arena_destroy(&h->arena);
    ksi_arena_destroy(&h->task_arena);
}
