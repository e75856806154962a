/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - thermometers that fall silent, by processors of the program's own.
 */
#ifndef GUIDE_WATCH_H
#define GUIDE_WATCH_H

#include <kstreams/kstreams.h>

void watch_topology(ks_builder *b);

#endif
