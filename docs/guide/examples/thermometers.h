/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thermometers.h - the topology of the guide, for the program and for its test.
 */
#ifndef GUIDE_THERMOMETERS_H
#define GUIDE_THERMOMETERS_H

#include <kstreams/kstreams.h>

void thermometers_topology(ks_builder *b);

#endif
