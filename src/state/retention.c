/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retention.c - see retention.h.
 */
#include "state/retention.h"

#include "base/endian.h"
#include "base/error.h"

enum { SEGMENT_MIN_MS = 60000, SEGMENT_BYTES = 8 };

int64_t ksi_retention_segment_ms(const ksi_store_spec *spec)
{
    int64_t half = spec->retention_ms / 2;
    return half > SEGMENT_MIN_MS ? half : SEGMENT_MIN_MS;
}

/*
 * How far behind the observed time a row may be to be seen: less than the retention, but in a
 * window store by time on RocksDB just as far. @java AbstractDualSchemaRocksDBSegmentedBytesStore
 */
static int64_t visible_ms(const ksi_store_spec *spec)
{
    bool is_by_time =
        spec->kind == KSI_STORE_WINDOW && spec->by_time && spec->type != KS_STORE_IN_MEMORY;
    return is_by_time ? spec->retention_ms : spec->retention_ms - 1;
}

/* Neither can overflow: times are -1 or more, and so is the retention. */
static void observe(ksi_retention *retention, int64_t time)
{
    retention->observed = time;
    retention->visible_from = time - retention->visible_ms;
}

ks_status ksi_retention_open(ksi_retention *retention, const ksi_store_spec *spec,
                             ksi_row_store *rows, ks_error *error)
{
    const ksi_store_note note = ksi_row_store_note(rows, false);
    *retention = (ksi_retention){.rows = rows,
                                 .retention_ms = spec->retention_ms,
                                 .visible_ms = visible_ms(spec),
                                 .segment_ms = ksi_retention_segment_ms(spec),
                                 .is_exact = spec->type == KS_STORE_IN_MEMORY,
                                 .keep_from = spec->by_time ? 0 : INT64_MAX};
    observe(retention, note.time);
    if (note.unit != 0 && note.unit != retention->segment_ms) {
        return ksi_error_set(error, KS_E_CONFIG, spec->name,
                             "its rows stand in segments of %lld ms, and rows of one retention "
                             "cannot be read with another, whose segments have %lld ms",
                             (long long)note.unit, (long long)retention->segment_ms);
    }
    return KS_OK;
}

/* The first segment in which rows are stored. */
static int64_t live_segment(const ksi_retention *retention)
{
    int64_t oldest = retention->observed - retention->retention_ms;
    int64_t kept = retention->keep_from < oldest ? retention->keep_from : oldest;
    return kept > 0 ? ksi_retention_segment(retention, kept) : 0;
}

void ksi_retention_expire(ksi_retention *retention)
{
    int64_t live = live_segment(retention);
    if (live > retention->expired_below) {
        char below[SEGMENT_BYTES];
        ksi_put_be64(below, (uint64_t)live);
        ksi_row_store_expire(retention->rows, ks_slice_of(below, sizeof below));
        retention->expired_below = live;
    }
}

static void advance(ksi_retention *retention, int64_t time)
{
    observe(retention, time);
    ksi_store_note note = ksi_row_store_note(retention->rows, false);
    note.time = time;
    note.unit = retention->segment_ms;
    ksi_row_store_set_note(retention->rows, &note);
}

static bool is_live(const ksi_retention *retention, int64_t time)
{
    if (time >= retention->keep_from || !ksi_retention_hides(retention, time)) {
        return true;
    }
    return !retention->is_exact &&
           ksi_retention_segment(retention, time) >= live_segment(retention);
}

bool ksi_retention_admits(ksi_retention *retention, int64_t time)
{
    if (time > retention->observed) {
        advance(retention, time);
        ksi_retention_expire(retention);
    }
    return is_live(retention, time);
}

bool ksi_retention_restores(ksi_retention *retention, int64_t time)
{
    if (time > retention->observed) {
        advance(retention, time);
    }
    return is_live(retention, time);
}

void ksi_retention_keep_from(ksi_retention *retention, int64_t time)
{
    retention->keep_from = time;
    ksi_retention_expire(retention);
}

int64_t ksi_retention_kept_from(const ksi_retention *retention)
{
    return retention->keep_from < retention->visible_from ? retention->keep_from
                                                          : retention->visible_from;
}
