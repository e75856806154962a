/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topologies.h - the applications that Kafka's own smoke tests verify, in C.
 *
 * Thread rule: the builder's thread.
 */
#ifndef TESTS_KAFKA_SMOKE_TOPOLOGIES_H
#define TESTS_KAFKA_SMOKE_TOPOLOGIES_H

#include <kstreams/kstreams.h>

void build_smoke(ks_builder *builder);      /* smoke_topology.c */
void build_relational(ks_builder *builder); /* relational_topology.c */

#endif
