/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windows.h - windows: the highest reading of each hour, spells of frost, and what a room was like.
 */
#ifndef GUIDE_WINDOWS_H
#define GUIDE_WINDOWS_H

#include <kstreams/json.h>
#include <kstreams/kstreams.h>

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)

/* What a room was like in an hour. */
typedef struct climate {
    double highest;
    int32_t openings; /* of its door */
} climate;

extern const ks_serde thermometer_in_hour;
extern const ks_serde climate_serde;

void hours_topology(ks_builder *b);
void hot_hours_topology(ks_builder *b);
void frosts_topology(ks_builder *b);
void climate_topology(ks_builder *b);

#endif
