/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joins.h - joins of streams and tables, one of each kind.
 */
#ifndef GUIDE_JOINS_H
#define GUIDE_JOINS_H

#include <kstreams/kstreams.h>

#define MINUTE_MS ((int64_t)60 * 1000)

void placed_topology(ks_builder *b);
void placed_then_topology(ks_builder *b);
void fridges_topology(ks_builder *b);
void wanted_topology(ks_builder *b);
void owners_topology(ks_builder *b);

#endif
