/* SPDX-License-Identifier: Apache-2.0 */
/*
 * houses.h - tables of tables: where it freezes, and how warm each house is.
 */
#ifndef GUIDE_HOUSES_H
#define GUIDE_HOUSES_H

#include <kstreams/kstreams.h>

void houses_topology(ks_builder *b);

#endif
