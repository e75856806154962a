/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.c - a processor of the program's own as a node. @java KStream#process,
 * KStream#processValues
 *
 * The program's vtable has no configuration and no error: what fails there is on the context, where
 * every callback puts its failures. So this file only hands on, and says by its class that the node
 * may forward and schedule, which no other operation's callbacks may.
 */
#include "base/arena.h"
#include "ops/ops.h"
#include "topology/context.h"

typedef struct process_config {
    const ks_processor *processor;
    void *user;
} process_config;

typedef struct process_state {
    void *own; /* the program's; NULL: it wants none */
} process_state;

/* The class has one size of state for all programs: so theirs lives as long as the task. */
static ks_status process_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const process_config *process = config;
    process_state *self = state;
    (void)error; /* a failure is on the context */
    self->own = ksi_ctx_state(ctx, process->processor->state_size);
    if (process->processor->init != NULL) {
        process->processor->init(ctx, self->own, process->user);
    }
    return KS_OK;
}

static void process_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const process_config *process = config;
    const process_state *self = state;
    process->processor->process(ctx, record, self->own, process->user);
}

static void process_close(const void *config, void *state)
{
    const process_config *process = config;
    const process_state *self = state;
    if (process->processor->close != NULL) {
        process->processor->close(self->own, process->user);
    }
}

static const ksi_processor_class process_class = {.state_size = sizeof(process_state),
                                                  .init = process_init,
                                                  .process = process_process,
                                                  .close = process_close,
                                                  .is_program = true};

static const ksi_processor_class process_values_class = {.state_size = sizeof(process_state),
                                                         .init = process_init,
                                                         .process = process_process,
                                                         .close = process_close,
                                                         .is_program = true,
                                                         .keeps_key = true};

static ksi_processor make(ks_arena *arena, const ksi_processor_class *class,
                          const ks_processor *processor, void *user)
{
    process_config *config = ksi_arena_alloc(arena, sizeof *config);
    *config = (process_config){.processor = processor, .user = user};
    return (ksi_processor){.class = class, .config = config};
}

ksi_processor ksi_op_process(ks_arena *arena, const ks_processor *processor, void *user)
{
    return make(arena, &process_class, processor, user);
}

ksi_processor ksi_op_process_values(ks_arena *arena, const ks_processor *processor, void *user)
{
    return make(arena, &process_values_class, processor, user);
}
