/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_point.c - the hook and the names; see crash_point.h.
 */
#include "base/crash_point.h"

ksi_crash_hook_fn *ksi_crash_hook;

const char *const ksi_crash_points[] = {
    /* state: one store */
    "apply.begin",
    "apply.between-batches",
    "apply.before-position",
    "apply.end",
    "commit.before-apply",
    "write-through.marked",
    "write-through.between-batches",
    "write-through.written",
    "restore.before-ingest",
    "restore.between-files",
    "restore.after-ingest",
    "wipe.begin",
    "wipe.end",
    /* runtime: several stores, and the end */
    "apply.between-families",
    "close.before-flush",
    /* storage: the database and its families */
    "family.created",
    "flush.begin",
    "flush.end",
    "compact.flushed",
    "compact.end",
    "close.between-families",
    "close.flushed",
    NULL,
};

const char *const ksi_commit_crash_points[] = {
    "commit.flushed",
    "commit.sent",
    "commit.committed",
    NULL,
};

const char *const ksi_log_crash_points[] = {
    "log.before-append",
    "log.between-partitions",
    "log.roll",
    "log.appended",
    "log.committed",
    "log.delete",
    "log.compact.before-swap",
    "log.compact.swapped",
    "log.open.cut",
    "log.close",
    NULL,
};
