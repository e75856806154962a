/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrapper.c - something of the program's around a processor. @java ProcessorWrapper (KIP-1112)
 *
 * A wrapped processor is a processor whose configuration holds the other one. Both run as one node:
 * what either forwards goes to the same children, a failure of either is the node's, and tables
 * below find the node as it is. That is also why a callback of a wrapped operation is taken for a
 * processor's: the node cannot tell which of the two has called.
 *
 * Thread rule: that of processors (processor_class.h).
 */
#include "topology/context.h"

#include <string.h>

typedef struct wrapper_config {
    const ks_processor_wrapper *wrapper;
    void *user;
    ksi_processor inner;
} wrapper_config;

struct ks_wrapped {
    ksi_processor inner;
    void *state;
};

typedef struct wrapper_state {
    ks_wrapped inner;
    void *own;
} wrapper_state;

static ks_status wrapper_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const wrapper_config *around = config;
    wrapper_state *self = state;
    const ksi_processor_class *inner = around->inner.class;
    self->own = ksi_ctx_state(ctx, around->wrapper->state_size);
    self->inner =
        (ks_wrapped){.inner = around->inner, .state = ksi_ctx_state(ctx, inner->state_size)};
    if (around->wrapper->init != NULL) {
        around->wrapper->init(ctx, self->own, around->user);
    }
    if (ksi_ctx_failed(ctx) || inner->init == NULL) {
        return KS_OK; /* a failure is on the context */
    }
    return inner->init(ctx, around->inner.config, self->inner.state, error);
}

static void wrapper_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const wrapper_config *around = config;
    wrapper_state *self = state;
    around->wrapper->process(ctx, record, &self->inner, self->own, around->user);
}

void ks_wrapped_process(ks_ctx *ctx, ks_wrapped *wrapped, const ks_record *record)
{
    if (wrapped == NULL || record == NULL) {
        ks_ctx_fail(ctx, "ks_wrapped_process() needs the operation that the wrapper was given, and "
                         "a record; it got NULL");
    } else if (!ksi_ctx_failed(ctx)) {
        wrapped->inner.class->process(ctx, wrapped->inner.config, wrapped->state, record);
    }
}

static void wrapper_close(const void *config, void *state)
{
    const wrapper_config *around = config;
    const wrapper_state *self = state;
    if (around->inner.class->close != NULL) {
        around->inner.class->close(around->inner.config, self->inner.state);
    }
    if (around->wrapper->close != NULL) {
        around->wrapper->close(self->own, around->user);
    }
}

static const ksi_processor_class wrapper_class = {.state_size = sizeof(wrapper_state),
                                                  .init = wrapper_init,
                                                  .process = wrapper_process,
                                                  .close = wrapper_close,
                                                  .is_program = true};
static const ksi_processor_class key_wrapper_class = {.state_size = sizeof(wrapper_state),
                                                      .init = wrapper_init,
                                                      .process = wrapper_process,
                                                      .close = wrapper_close,
                                                      .is_program = true,
                                                      .keeps_key = true};

bool ksi_topology_wraps(const ks_topology *topology, const char *node)
{
    const ks_processor_wrapper *wrapper = topology->wrapper;
    return wrapper != NULL &&
           (wrapper->wraps == NULL || wrapper->wraps(node, topology->wrapper_user));
}

ksi_processor ksi_topology_wrapped(ks_topology *topology, const ksi_processor *processor)
{
    wrapper_config *config = ksi_arena_alloc(&topology->arena, sizeof *config);
    *config = (wrapper_config){
        .wrapper = topology->wrapper, .user = topology->wrapper_user, .inner = *processor};
    return (ksi_processor){.class =
                               processor->class->keeps_key ? &key_wrapper_class : &wrapper_class,
                           .config = config};
}
