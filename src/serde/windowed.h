/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windowed.h - windowed keys: the bounds of windows, and serdes of such keys that a topology makes
 * for the tables of its own.
 *
 * Thread rule: any; the arena is the caller's.
 */
#ifndef KSI_SERDE_WINDOWED_H
#define KSI_SERDE_WINDOWED_H

#include <kstreams/serde.h>

/*
 * Where a window of a size ends that begins at `start`, which is not negative; the end of time for
 * a window without an end.
 */
static inline int64_t ksi_window_end(int64_t start, int64_t size_ms)
{
    return start > INT64_MAX - size_ms ? INT64_MAX : start + size_ms;
}

/*
 * Serdes in `arena` around `inner`, which outlives it; NULL when `inner` is, as nothing is known.
 */
const ks_serde *ksi_time_windowed_serde(ks_arena *arena, const ks_serde *inner, int64_t size_ms);
const ks_serde *ksi_session_windowed_serde(ks_arena *arena, const ks_serde *inner);

/* The serde of the keys in the windows; NULL when `serde` is not one of windowed keys. */
const ks_serde *ksi_windowed_inner(const ks_serde *serde);
/* How many bytes such a serde writes behind the key in the window; 0 for any other serde. */
size_t ksi_windowed_bounds_size(const ks_serde *serde);

#endif
