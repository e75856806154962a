/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph.h - a topology made node by node, without the DSL.
 */
#ifndef GUIDE_GRAPH_H
#define GUIDE_GRAPH_H

#include <kstreams/kstreams.h>

/* Owned: free with ks_topology_free(). NULL with an error. */
ks_topology *graph_topology(ks_error *error);

#endif
