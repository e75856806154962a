/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor_class.h - what a node does: the vtable through which the runtime sees every operation.
 *
 * A processor is a class and its configuration. The configuration belongs to the topology and is
 * shared by all tasks, so it is const here; the state is the task's own: `state_size` zeroed bytes
 * for each task. A class that forwards does it with ksi_forward() (context.h); it reports a failure
 * with ks_ctx_fail() or ksi_ctx_fail_error() and returns.
 *
 * Thread rule: class and configuration any thread; state the thread of its task.
 */
#ifndef KSI_TOPOLOGY_PROCESSOR_CLASS_H
#define KSI_TOPOLOGY_PROCESSOR_CLASS_H

#include <kstreams/processor.h>

typedef struct ksi_processor {
    const struct ksi_processor_class *class;
    const void *config;
} ksi_processor;

typedef struct ksi_processor_class {
    size_t state_size;
    /* Called when a task starts, with the node as the context's node. May be NULL. */
    ks_status (*init)(ks_ctx *ctx, const void *config, void *state, ks_error *error);
    void (*process)(ks_ctx *ctx, const void *config, void *state, const ks_record *record);
    /* Called once for each successful init. May be NULL. */
    void (*close)(const void *config, void *state);
    bool is_program;   /* the program's own: may call what processor_calls.c has */
    bool keeps_key;    /* what it forwards has the key of the record it was given */
    bool only_answers; /* the program's own part cannot forward: its results are returned */
} ksi_processor_class;

#endif
