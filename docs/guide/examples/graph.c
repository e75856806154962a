/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph.c - a topology made node by node: readings go to "cold" or to "warm" by name.
 */
#include "graph.h"

static void sort_out(ks_ctx *ctx, const ks_record *reading, void *state, void *user)
{
    (void)state;
    (void)user;
    ks_ctx_forward_to(ctx, reading, ks_value_f64(reading->value) < 15 ? "cold" : "warm");
}

static const ks_processor sorter = {.struct_size = sizeof sorter, .process = sort_out};

static ks_status add_nodes(ks_topology *t, ks_error *error)
{
    const ks_serde *text = &ks_serde_string;
    const ks_serde *number = &ks_serde_f64;

    ks_status status = ks_topology_add_source(
        t, KS_NAMES("readings"), KS_CONSUMED(.name = "in", .key = text, .value = number), error);
    if (status == KS_OK) {
        status = ks_topology_add_processor(t, KS_NAMES("in"), &sorter, NULL,
                                           KS_CONNECTED(.name = "sort"), error);
    }
    if (status == KS_OK) {
        status =
            ks_topology_add_sink(t, KS_NAMES("sort"), "cold-readings",
                                 KS_PRODUCED(.name = "cold", .key = text, .value = number), error);
    }
    if (status == KS_OK) {
        status =
            ks_topology_add_sink(t, KS_NAMES("sort"), "warm-readings",
                                 KS_PRODUCED(.name = "warm", .key = text, .value = number), error);
    }
    return status;
}

ks_topology *graph_topology(ks_error *error)
{
    ks_topology *topology = ks_topology_new(NULL);

    if (add_nodes(topology, error) != KS_OK) {
        ks_topology_free(topology);
        return NULL;
    }
    return topology;
}
