/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.h - a built topology: what it looks like, and its life.
 *
 * A topology never changes after it was built; any number of applications and test drivers may use
 * one, from any thread.
 */
#ifndef KSTREAMS_TOPOLOGY_H
#define KSTREAMS_TOPOLOGY_H

#include <kstreams/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Gives the topology back; applications and drivers made from it must be gone. @thread any */
KS_API void ks_topology_free(ks_topology *topology);

/**
 * The text of Java's TopologyDescription, byte for byte (names, numbers, order).
 * @return NUL-terminated, borrowed until the topology is freed @thread any @java Topology#describe
 */
KS_API const char *ks_topology_describe(const ks_topology *topology);

/** The same as a Graphviz digraph. Borrowed until the topology is freed. @thread any */
KS_API const char *ks_topology_dot(const ks_topology *topology);

#ifdef __cplusplus
}
#endif
#endif
