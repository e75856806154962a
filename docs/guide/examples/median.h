/* SPDX-License-Identifier: Apache-2.0 */
/*
 * median.h - how warm it is in the middle of all readings, by a structure of the program's own.
 */
#ifndef GUIDE_MEDIAN_H
#define GUIDE_MEDIAN_H

#include <kstreams/kstreams.h>

void median_topology(ks_builder *b);

#endif
