/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context.h - the context of a task: what a node may do while it has a record in hand. @java
 * ProcessorContextImpl
 *
 * One ks_ctx belongs to one task. While nodes run depth first, `node` is the node whose code runs
 * and `record` says where the record came from; both are put back when a call returns, so that a
 * node may forward as often as it likes.
 *
 * Failure. ks_ctx_fail() marks the context; everything below stops at its next call. On the way up
 * the failure reaches the loop in ksi_forward() that called the failing node, and there the
 * processing exception handler decides: continue (the record counts as dropped, the next sibling
 * goes on) or fail (the mark becomes fatal and the whole record unwinds). Two failures pass by one
 * level before the handler is asked, as Java's exceptions do: a sink's, because a sink has no
 * handler of its own, and a value of the wrong kind, which Java rethrows as another exception.
 *
 * What the context cannot do by itself (stores, the handler) goes through `services`, which the
 * runtime injects.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_TOPOLOGY_CONTEXT_H
#define KSI_TOPOLOGY_CONTEXT_H

#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/logger.h"
#include "state/record_context.h"
#include "state/store.h"
#include "topology/topology.h"
#include <kstreams/config.h>

/* A handle of a store that a processor has asked for (processor_stores.c). */
typedef struct ksi_given_store ksi_given_store;

/* What several nodes of a task share. */
typedef struct ksi_shared_state ksi_shared_state;

/* A node as a task has it. */
typedef struct ksi_node_instance ksi_node_instance;
struct ksi_node_instance {
    const ksi_node *node;
    ksi_node_instance **children;
    size_t child_count;
    void *state;
    ksi_given_store *stores; /* given out so far */
    /* Runs the node for a record; the three kinds of node differ here. */
    void (*process)(ks_ctx *ctx, ksi_node_instance *instance, const ks_record *record);
};

typedef enum ksi_failure {
    KSI_FAILURE_NONE = 0,
    KSI_FAILURE_RAISED,  /* by the node that runs; the handler has not been asked */
    KSI_FAILURE_PASSING, /* to be handled one level up */
    KSI_FAILURE_FATAL    /* the handler, or the rule, said to stop */
} ksi_failure;

#define KSI_OWN_NOTE "time:" /* no store has a name with a colon */

typedef struct ksi_ctx_services {
    /* The processing exception handler, asked for the node in hand: true to continue. */
    bool (*handle_failure)(ks_ctx *ctx);
    /* A store that is connected to the node, or NULL. */
    ksi_store *(*store)(ks_ctx *ctx, const char *name);
    /* A checked schedule, for the node in hand. */
    ks_punctuation (*schedule)(ks_ctx *ctx, ks_punctuator_fn *punctuate, void *user,
                               const ks_schedule *schedule);
    void (*cancel)(ks_ctx *ctx, ks_punctuation punctuation);
    /* The task is to be committed soon. */
    void (*request_commit)(ks_ctx *ctx);
    /*
     * A number of the task that is committed with its offsets; a node asks for it once, and then
     * reads and changes it in its place. -1: there is none. What was committed stands there from
     * the first record on, not before. The name is that of a store, where Java keeps the same; else
     * it begins with KSI_OWN_NOTE.
     */
    int64_t *(*note)(ks_ctx *ctx, const char *name);
} ksi_ctx_services;

/*
 * Of one reason for drops: when the log may have a line of it again, and for how many it had none.
 */
typedef struct ksi_drop_lines {
    int64_t next_ms; /* of the monotonic clock */
    uint64_t untold;
} ksi_drop_lines;

struct ks_ctx {
    const ksi_ctx_services *services;
    void *owner;             /* the services' own */
    ksi_node_instance *node; /* whose code runs */
    ksi_record_context record;
    const ks_record *context_of; /* the record that `record` was made for */
    ks_arena *arena;             /* of the record in hand */
    ks_arena *task_arena;        /* lives as long as the task */
    ksi_shared_state *shared;    /* made so far, in the arena of the task */
    ksi_clock *clock;
    ksi_logger *logger;
    const char *task_id;
    const char *application_id;
    const ks_topology *topology;
    const ks_config *config;
    bool is_starting;            /* the inits of the nodes run: nothing can be forwarded */
    const ks_serde *default_key; /* NULL when the properties have none */
    const ks_serde *default_value;
    int64_t stream_time;
    uint64_t dropped; /* dropped-records-total */
    uint64_t dropped_by[KS_DROP_REASON_COUNT];
    ksi_drop_lines drop_lines[KS_DROP_REASON_COUNT];
    const char *shown_topic; /* of the record in hand, for other threads; NULL: none */
    int64_t shown_offset;
    const ks_record *emitting; /* input of the flat operation that runs; NULL outside one */
    bool emits_keys;           /* false: ks_emit() keeps the key */
    ksi_failure failure;
    ks_error error;           /* of the failure */
    const ks_record *failing; /* the record of the node that the handler is asked about */
};

/* ks_ctx_fail() with an error that was made elsewhere. */
void ksi_ctx_fail_error(ks_ctx *ctx, const ks_error *error);

/*
 * ksi_serialize() into the arena of the record, for a node that keeps bytes itself and has no store
 * that knows serdes: a value of the wrong kind fails the context, and passes by one level, as one
 * that user code asked for another kind.
 */
KS_NODISCARD ks_status ksi_ctx_serialize(ks_ctx *ctx, const ks_serde *serde,
                                         const ks_serde_ctx *where, ks_value value, ks_slice *bytes,
                                         ks_error *error);

/*
 * processor_calls.c: whether the callback that runs is a processor's, so that `call` may be made;
 * else the context fails. A failure of before makes every call do nothing.
 */
bool ksi_ctx_is_processor(ks_ctx *ctx, const char *call);

/* `size` zeroed bytes that live as long as the task; NULL for none. */
static inline void *ksi_ctx_state(ks_ctx *ctx, size_t size)
{
    return size > 0 ? ksi_arena_zalloc(ctx->task_arena, size) : NULL;
}

/*
 * The same, shared by all nodes of the task that ask for it under one address, such as that of a
 * configuration: the first that asks makes it. From an init.
 */
void *ksi_ctx_shared_state(ks_ctx *ctx, const void *address, size_t size);

/* Counts a dropped record. @java droppedRecordsSensor */
static inline void ksi_ctx_count_drop(ks_ctx *ctx, ks_drop_reason reason)
{
    ctx->dropped++;
    ctx->dropped_by[reason]++;
}

/*
 * Counts a dropped record and says why in the log: a line in ten seconds for each reason, which
 * also tells how many went before it without one. Who drops much of its input must not fill a disk.
 */
void ksi_ctx_drop(ks_ctx *ctx, ks_drop_reason reason, const char *why);
/* At the end of the task: how many had no line. */
void ksi_ctx_tell_untold_drops(ks_ctx *ctx);

/*
 * Hands what failed in a punctuation of the node in hand to the handler. @java
 * StreamTask#punctuate
 */
void ksi_ctx_settle_punctuation(ks_ctx *ctx);

/*
 * Hands a failure of `child` to the handler or passes it on; true when the caller may go on with
 * the next child.
 */
bool ksi_ctx_settle_failure(ks_ctx *ctx, ksi_node_instance *child);

/*
 * Whose code runs from now on. Atomic for the one that looks, from another thread, what a thread is
 * stuck in: it costs a plain store.
 */
static inline void ksi_ctx_set_node(ks_ctx *ctx, ksi_node_instance *node)
{
    __atomic_store_n(&ctx->node, node, __ATOMIC_RELAXED);
}

/* Lets other threads see which record is in hand; `topic` lives as long as the task. */
static inline void ksi_ctx_show_record(ks_ctx *ctx, const char *topic, int64_t offset)
{
    __atomic_store_n(&ctx->shown_topic, topic, __ATOMIC_RELAXED);
    __atomic_store_n(&ctx->shown_offset, offset, __ATOMIC_RELAXED);
}

static inline bool ksi_ctx_failed(const ks_ctx *ctx)
{
    return ctx->failure != KSI_FAILURE_NONE;
}

/*
 * The record context follows the record: a forward of a record that is not the one the context was
 * made for gives the nodes below a copy with that record's timestamp and headers. What is done to a
 * copy (a sink gives up the source bytes) does not reach the nodes above; what is done to a shared
 * one does. @java ProcessorContextImpl#forward
 */
typedef struct ksi_context_scope {
    ksi_record_context record;
    const ks_record *context_of;
    bool changed;
} ksi_context_scope;

static inline void ksi_context_enter(ks_ctx *ctx, const ks_record *record, ksi_context_scope *scope)
{
    scope->context_of = ctx->context_of;
    scope->changed = record != scope->context_of;
    if (scope->changed) {
        scope->record = ctx->record;
        ctx->record.timestamp = record->timestamp;
        ctx->record.headers = record->headers;
        ctx->context_of = record;
    }
}

static inline void ksi_context_leave(ks_ctx *ctx, const ksi_context_scope *scope)
{
    if (scope->changed) {
        ctx->record = scope->record;
    }
    ctx->context_of = scope->context_of; /* always: so that gcc sees that no local is kept */
}

/*
 * Runs one child of the node in hand within the context as it is. False when the failure goes on
 * upwards.
 */
static inline bool ksi_run_child(ks_ctx *ctx, ksi_node_instance *child, const ks_record *record)
{
    ksi_node_instance *here = ctx->node;
    bool go_on = true;
    ksi_ctx_set_node(ctx, child);
    child->process(ctx, child, record);
    if (__builtin_expect(ksi_ctx_failed(ctx), false)) {
        ctx->failing = record;
        go_on = ksi_ctx_settle_failure(ctx, child);
    }
    ksi_ctx_set_node(ctx, here);
    return go_on;
}

/* Forwards a record to one child of the node in hand. */
static inline void ksi_forward_to(ks_ctx *ctx, ksi_node_instance *child, const ks_record *record)
{
    ksi_context_scope scope;
    ksi_context_enter(ctx, record, &scope);
    (void)ksi_run_child(ctx, child, record);
    ksi_context_leave(ctx, &scope);
}

/* Forwards a record to all children of the node in hand, in their order. */
static inline void ksi_forward(ks_ctx *ctx, const ks_record *record)
{
    ksi_node_instance *here = ctx->node;
    ksi_context_scope scope;
    if (__builtin_expect(ksi_ctx_failed(ctx), false)) {
        return;
    }
    ksi_context_enter(ctx, record, &scope);
    for (size_t i = 0; i < here->child_count; i++) {
        if (!ksi_run_child(ctx, here->children[i], record)) {
            break;
        }
    }
    ksi_context_leave(ctx, &scope);
}

/*
 * Forwards as a record of its own what was given: nodes that Java gives a FixedKeyRecord do, and so
 * have a context of their own.
 */
static inline void ksi_forward_copy(ks_ctx *ctx, const ks_record *record)
{
    const ks_record copy = *record;
    ksi_forward(ctx, &copy);
}

/*
 * Serdes with the default of the properties filled in: KS_E_PROCESSING naming the node when there
 * is none. `what` says whose serde it is: "sink KSTREAM-SINK-0000000001".
 */
KS_NODISCARD ks_status ksi_ctx_key_serde(const ks_ctx *ctx, const ks_serde *own, const char *what,
                                         const ks_serde **serde, ks_error *error);
KS_NODISCARD ks_status ksi_ctx_value_serde(const ks_ctx *ctx, const ks_serde *own, const char *what,
                                           const ks_serde **serde, ks_error *error);

#endif
