/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hub.h - lines of a hub that gathers thermometers, as readings of the house they are in.
 */
#ifndef GUIDE_HUB_H
#define GUIDE_HUB_H

#include <kstreams/kstreams.h>

void hub_topology(ks_builder *b);

#endif
