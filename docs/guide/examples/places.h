/* SPDX-License-Identifier: Apache-2.0 */
/*
 * places.h - a global table: where each thermometer hangs, known to every task.
 */
#ifndef GUIDE_PLACES_H
#define GUIDE_PLACES_H

#include <kstreams/kstreams.h>

void places_topology(ks_builder *b);

#endif
