/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - thermometers that fall silent, by processors of the program's own.
 */
#ifndef GUIDE_WATCH_H
#define GUIDE_WATCH_H

#include <kstreams/kstreams.h>

void watch_topology(ks_builder *b);

/* The same, and counts the records that come to nodes with a name of ours. */
void counted_watch_topology(ks_builder *b);
int64_t watch_counted(void);

#endif
