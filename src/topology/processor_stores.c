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
#include "state/store_view.h"
#include "topology/context.h"

#include <string.h>

struct ksi_given_store {
    ksi_given_store *next;
    ksi_store *store;
    ksi_store_handle handle;
};

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

static ksi_store_handle *make_handle(ks_ctx *ctx, ksi_store *store)
{
    ksi_store_view view = {.context = &ctx->record,
                           .arena = ctx->arena,
                           .results = ctx->arena,
                           .logger = ctx->logger,
                           .owner = {.self = ctx, .has_failed = has_failed, .fail = fail}};
    ks_error error = {0};
    const char *name = store->spec->name;
    const char *what = ksi_arena_format(ctx->task_arena, "store %s", name);
    view.serdes.store = name;
    view.serdes.topic = ksi_changelog_topic_name(ctx->application_id, name, ctx->task_arena);
    if (ksi_ctx_key_serde(ctx, store->spec->key, what, &view.serdes.key, &error) != KS_OK ||
        ksi_ctx_value_serde(ctx, store->spec->value, what, &view.serdes.value, &error) != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
        return NULL;
    }
    ksi_given_store *given = ksi_arena_alloc(ctx->task_arena, sizeof *given);
    *given = (ksi_given_store){
        .next = ctx->node->stores, .store = store, .handle = ksi_store_handle_of(store, &view)};
    ctx->node->stores = given;
    return &given->handle;
}

static ksi_store_handle *find_handle(ks_ctx *ctx, const char *name, const char *call,
                                     ksi_store_kind kind)
{
    if (!ksi_ctx_is_processor(ctx, call)) {
        return NULL;
    }
    name = name != NULL ? name : "(null)";
    for (ksi_given_store *given = ctx->node->stores; given != NULL; given = given->next) {
        const ksi_store_spec *spec = given->store->spec;
        if (spec->kind == kind && strcmp(spec->name, name) == 0) {
            return &given->handle;
        }
    }
    ksi_store *store = ctx->services->store(ctx, name);
    if (store == NULL) {
        fail_unconnected(ctx, call, name);
        return NULL;
    }
    if (store->spec->kind != kind) {
        ks_ctx_fail(ctx, "%s: store '%s' is a %s store; ask with the call of that kind", call, name,
                    ksi_store_kind_name(store->spec->kind));
        return NULL;
    }
    return make_handle(ctx, store);
}

ks_key_value_store *ks_ctx_key_value_store(ks_ctx *ctx, const char *name)
{
    ksi_store_handle *found =
        find_handle(ctx, name, "ks_ctx_key_value_store()", KSI_STORE_KEY_VALUE);
    return found != NULL ? &found->key_value : NULL;
}

ks_versioned_store *ks_ctx_versioned_store(ks_ctx *ctx, const char *name)
{
    ksi_store_handle *found =
        find_handle(ctx, name, "ks_ctx_versioned_store()", KSI_STORE_VERSIONED);
    return found != NULL ? &found->versioned : NULL;
}

ks_window_store *ks_ctx_window_store(ks_ctx *ctx, const char *name)
{
    ksi_store_handle *found = find_handle(ctx, name, "ks_ctx_window_store()", KSI_STORE_WINDOW);
    return found != NULL ? &found->window : NULL;
}

ks_session_store *ks_ctx_session_store(ks_ctx *ctx, const char *name)
{
    ksi_store_handle *found = find_handle(ctx, name, "ks_ctx_session_store()", KSI_STORE_SESSION);
    return found != NULL ? &found->session : NULL;
}

ks_custom_store *ks_ctx_custom_store(ks_ctx *ctx, const char *name)
{
    ksi_store_handle *found = find_handle(ctx, name, "ks_ctx_custom_store()", KSI_STORE_CUSTOM);
    return found != NULL ? &found->custom : NULL;
}
