/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor_stores.c - the stores of a processor, as its callbacks have them. @java
 * ProcessorContextImpl#getStateStore
 *
 * A handle is made when a node first asks for it and lives as long as the task: asking again, with
 * every record, is a comparison of names. It reads and writes in the name of the record that the
 * context has in hand at the moment, and puts what fails there, too, unless the caller asks for the
 * error (state/store_owner.h).
 *
 * Stores of other nodes are not given out although the task has them. Which nodes share a store
 * decides what is one sub-topology, and that is decided before there is a task.
 *
 * Thread rule: the thread of the task.
 */
#include "base/buffer.h"
#include "state/custom_view.h"
#include "state/key_value_view.h"
#include "state/session_view.h"
#include "state/versioned_view.h"
#include "state/window_view.h"
#include "topology/context.h"

#include <string.h>

struct ksi_store_handle {
    ksi_store_handle *next;
    ksi_store *store;
    void *given; /* of the type of the store's kind */
};

/* How handles of one kind of store are made. */
typedef struct handle_kind {
    const char *call;
    ksi_store_kind kind;
    void *(*make)(ks_ctx *ctx, ksi_store *store, const ks_serde *key, const ks_serde *value);
} handle_kind;

/* ---- failures -------------------------------------------------------------------------------- */

static bool has_failed(const void *ctx)
{
    return ksi_ctx_failed(ctx);
}

static void fail(void *ctx, const ks_error *error)
{
    ksi_ctx_fail_error(ctx, error);
}

static void fail_unconnected(ks_ctx *ctx, const char *call, const char *name)
{
    const ksi_node *node = ctx->node->node;
    ksi_buffer names = {0};
    for (size_t i = 0; i < node->store_count; i++) {
        ksi_buffer_appendf(&names, "%s%s", i > 0 ? ", " : "",
                           ctx->topology->stores[node->stores[i]].spec.name);
    }
    ks_slice list = ksi_buffer_slice(&names);
    ks_ctx_fail(ctx,
                "%s: store '%s' is not connected to this processor, which has [%.*s]; name it in "
                "KS_CONNECTED(.stores), or let the processor bring it along",
                call, name, KS_SLICE_ARGS(list));
    ksi_buffer_destroy(&names);
}

/* ---- handles --------------------------------------------------------------------------------- */

static void *make_handle(ks_ctx *ctx, ksi_store *store, const handle_kind *wanted)
{
    const ks_serde *key = NULL;
    const ks_serde *value = NULL;
    ks_error error = {0};
    const char *what = ksi_arena_format(ctx->task_arena, "store %s", store->spec->name);
    if (ksi_ctx_key_serde(ctx, store->spec->key, what, &key, &error) != KS_OK ||
        ksi_ctx_value_serde(ctx, store->spec->value, what, &value, &error) != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
        return NULL;
    }
    ksi_store_handle *handle = ksi_arena_alloc(ctx->task_arena, sizeof *handle);
    *handle = (ksi_store_handle){
        .next = ctx->node->stores, .store = store, .given = wanted->make(ctx, store, key, value)};
    ctx->node->stores = handle;
    return handle->given;
}

static void *find_handle(ks_ctx *ctx, const char *name, const handle_kind *wanted)
{
    if (!ksi_ctx_is_processor(ctx, wanted->call)) {
        return NULL;
    }
    name = name != NULL ? name : "(null)";
    for (ksi_store_handle *handle = ctx->node->stores; handle != NULL; handle = handle->next) {
        const ksi_store_spec *spec = handle->store->spec;
        if (spec->kind == wanted->kind && strcmp(spec->name, name) == 0) {
            return handle->given;
        }
    }
    ksi_store *store = ctx->services->store(ctx, name);
    if (store == NULL) {
        fail_unconnected(ctx, wanted->call, name);
        return NULL;
    }
    if (store->spec->kind != wanted->kind) {
        ks_ctx_fail(ctx, "%s: store '%s' is a %s store; ask with the call of that kind",
                    wanted->call, name, ksi_store_kind_name(store->spec->kind));
        return NULL;
    }
    return make_handle(ctx, store, wanted);
}

/* ---- the kinds ------------------------------------------------------------------------------- */

static ksi_store_owner owner_of(ks_ctx *ctx)
{
    return (ksi_store_owner){.self = ctx, .has_failed = has_failed, .fail = fail};
}

static ksi_store_serdes serdes_of(const ks_ctx *ctx, const ksi_store *store, const ks_serde *key,
                                  const ks_serde *value)
{
    const char *name = store->spec->name;
    return (ksi_store_serdes){
        .store = name,
        .topic = ksi_changelog_topic_name(ctx->application_id, name, ctx->task_arena),
        .key = key,
        .value = value};
}

static void *make_key_value(ks_ctx *ctx, ksi_store *store, const ks_serde *key,
                            const ks_serde *value)
{
    ks_key_value_store *view = ksi_arena_alloc(ctx->task_arena, sizeof *view);
    *view = (ks_key_value_store){
        .store = ksi_key_value_store_of(store),
        .key = key,
        .value = value,
        .topic = ksi_changelog_topic_name(ctx->application_id, store->spec->name, ctx->task_arena),
        .context = &ctx->record,
        .arena = ctx->arena,
        .results = ctx->arena,
        .logger = ctx->logger,
        .owner = owner_of(ctx)};
    return view;
}

ks_key_value_store *ks_ctx_key_value_store(ks_ctx *ctx, const char *name)
{
    static const handle_kind key_value = {
        .call = "ks_ctx_key_value_store()", .kind = KSI_STORE_KEY_VALUE, .make = make_key_value};
    return find_handle(ctx, name, &key_value);
}

static void *make_versioned(ks_ctx *ctx, ksi_store *store, const ks_serde *key,
                            const ks_serde *value)
{
    ks_versioned_store *view = ksi_arena_alloc(ctx->task_arena, sizeof *view);
    *view = (ks_versioned_store){.store = ksi_versioned_store_of(store),
                                 .serdes = serdes_of(ctx, store, key, value),
                                 .arena = ctx->arena,
                                 .results = ctx->arena,
                                 .owner = owner_of(ctx)};
    return view;
}

ks_versioned_store *ks_ctx_versioned_store(ks_ctx *ctx, const char *name)
{
    static const handle_kind versioned = {
        .call = "ks_ctx_versioned_store()", .kind = KSI_STORE_VERSIONED, .make = make_versioned};
    return find_handle(ctx, name, &versioned);
}

static void *make_window(ks_ctx *ctx, ksi_store *store, const ks_serde *key, const ks_serde *value)
{
    ks_window_store *view = ksi_arena_alloc(ctx->task_arena, sizeof *view);
    *view = (ks_window_store){.store = ksi_window_store_of(store),
                              .serdes = serdes_of(ctx, store, key, value),
                              .context = &ctx->record,
                              .arena = ctx->arena,
                              .results = ctx->arena,
                              .logger = ctx->logger,
                              .owner = owner_of(ctx)};
    return view;
}

ks_window_store *ks_ctx_window_store(ks_ctx *ctx, const char *name)
{
    static const handle_kind window = {
        .call = "ks_ctx_window_store()", .kind = KSI_STORE_WINDOW, .make = make_window};
    return find_handle(ctx, name, &window);
}

static void *make_session(ks_ctx *ctx, ksi_store *store, const ks_serde *key, const ks_serde *value)
{
    ks_session_store *view = ksi_arena_alloc(ctx->task_arena, sizeof *view);
    *view = (ks_session_store){.store = ksi_session_store_of(store),
                               .serdes = serdes_of(ctx, store, key, value),
                               .context = &ctx->record,
                               .arena = ctx->arena,
                               .results = ctx->arena,
                               .logger = ctx->logger,
                               .owner = owner_of(ctx)};
    return view;
}

ks_session_store *ks_ctx_session_store(ks_ctx *ctx, const char *name)
{
    static const handle_kind session = {
        .call = "ks_ctx_session_store()", .kind = KSI_STORE_SESSION, .make = make_session};
    return find_handle(ctx, name, &session);
}

static void *make_custom(ks_ctx *ctx, ksi_store *store, const ks_serde *key, const ks_serde *value)
{
    ks_custom_store *view = ksi_arena_alloc(ctx->task_arena, sizeof *view);
    (void)key;
    (void)value;
    *view = (ks_custom_store){.store = ksi_custom_store_of(store),
                              .context = &ctx->record,
                              .results = ctx->arena,
                              .owner = owner_of(ctx)};
    return view;
}

ks_custom_store *ks_ctx_custom_store(ks_ctx *ctx, const char *name)
{
    static const handle_kind custom = {
        .call = "ks_ctx_custom_store()", .kind = KSI_STORE_CUSTOM, .make = make_custom};
    return find_handle(ctx, name, &custom);
}
