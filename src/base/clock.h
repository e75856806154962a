/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - time, injected: nothing in the library reads the system's clock but through one of
 * these.
 */
#ifndef KSI_BASE_CLOCK_H
#define KSI_BASE_CLOCK_H

#include <stdint.h>

typedef struct ksi_clock ksi_clock;
struct ksi_clock {
    int64_t (*wall_ms)(ksi_clock *clock);      /* milliseconds of the epoch */
    int64_t (*monotonic_ns)(ksi_clock *clock); /* never goes back */
};

/* The system's clocks. @thread any */
extern ksi_clock ksi_system_clock;

/* A clock that stands still until it is moved; its monotonic time moves with it. */
typedef struct ksi_manual_clock {
    ksi_clock clock;
    int64_t now_ms;
} ksi_manual_clock;

void ksi_manual_clock_init(ksi_manual_clock *clock, int64_t now_ms);

static inline int64_t ksi_wall_ms(ksi_clock *clock)
{
    return clock->wall_ms(clock);
}

/* Of the monotonic time: for intervals. */
static inline int64_t ksi_monotonic_ms(ksi_clock *clock)
{
    return clock->monotonic_ns(clock) / 1000000;
}

#endif
