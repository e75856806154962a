/* SPDX-License-Identifier: Apache-2.0 */
/*
 * throttle.h - what costs a walk over a store is done at most once in an interval of the wall
 * clock.
 *
 * Wall clocks are set, too. One that goes back would leave the next time far ahead, and nothing
 * would be done until it got there: what lies more than an interval ahead was said by another
 * clock, and does not count. Java waits.
 *
 * Thread rule: values.
 */
#ifndef KSI_OPS_THROTTLE_H
#define KSI_OPS_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether it is time, which then is over until an interval later. `next_ms` begins with 0. */
static inline bool ksi_throttle_passes(int64_t *next_ms, int64_t interval_ms, int64_t now_ms)
{
    bool waits =
        now_ms < *next_ms && (uint64_t)*next_ms - (uint64_t)now_ms <= (uint64_t)interval_ms;
    if (!waits) {
        *next_ms = (int64_t)((uint64_t)now_ms + (uint64_t)interval_ms);
    }
    return !waits;
}

#endif
