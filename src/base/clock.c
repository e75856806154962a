/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c - the system's clocks, and one for tests that stands still until it is moved.
 *
 * The manual clock derives its monotonic time from its wall time, so one assignment moves both; a
 * test that moves the wall time back moves the monotonic time back too, and should not.
 *
 * Thread rule: the system clock any; a manual clock its owner's.
 */
#include "base/clock.h"

#include <time.h>

#include "base/check.h"

static int64_t system_wall_ms(ksi_clock *clock)
{
    (void)clock;
    struct timespec now;
    KSI_CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_monotonic_ns(ksi_clock *clock)
{
    (void)clock;
    struct timespec now;
    KSI_CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

ksi_clock ksi_system_clock = {.wall_ms = system_wall_ms, .monotonic_ns = system_monotonic_ns};

static int64_t manual_wall_ms(ksi_clock *clock)
{
    return ((const ksi_manual_clock *)clock)->now_ms; /* `clock` is its first member */
}

static int64_t manual_monotonic_ns(ksi_clock *clock)
{
    return ((const ksi_manual_clock *)clock)->now_ms * 1000000;
}

void ksi_manual_clock_init(ksi_manual_clock *clock, int64_t now_ms)
{
    clock->clock = (ksi_clock){.wall_ms = manual_wall_ms, .monotonic_ns = manual_monotonic_ns};
    clock->now_ms = now_ms;
}
