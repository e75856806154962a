/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_point.c - the hook and the names; see crash_point.h.
 */
#include "base/crash_point.h"

ksi_crash_hook_fn *ksi_crash_hook;

const char *const ksi_crash_points[] = {
    "apply.begin",
    "apply.between-batches",
    "apply.before-position",
    "apply.end",
    "apply.between-families",
    "close.before-flush",
    "commit.before-apply",
    "write-through.marked",
    "write-through.written",
    "restore.before-ingest",
    "restore.after-ingest",
    NULL,
};
