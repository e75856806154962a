/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batteries.h - a reading with more than one number, its serde, and the thermometers that need a
 * new battery.
 */
#ifndef GUIDE_BATTERIES_H
#define GUIDE_BATTERIES_H

#include <kstreams/kstreams.h>

typedef struct reading {
    double celsius;
    int32_t battery; /* percent */
} reading;

extern const ks_serde reading_serde;

void batteries_topology(ks_builder *b);

#endif
