/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs_windows.c - the topologies of ks-bench that count in windows.
 *
 *     window     stream, peek, groupByKey, windows of 5 s that begin each second, count, toStream,
 *                to: a record is in five windows.
 *     tumble     the same in windows of 5 s that follow each other.
 *     session    the same in sessions with gaps of at most 5 s. A record that makes a session
 *                longer deletes the old one, so a null leaves for it.
 *     suppress   tumble, suppress until the window closes, toStream, to.
 *
 * Keys are text, results i64 under the windowed key. There is no grace: records of a partition come
 * in the order of their timestamps, and each task has a time of its own, so none is late.
 *
 * Ten thousand keys and a record each millisecond leave half a record to a key and window of 5 s,
 * so nearly each update makes a row (0.79 of tumble's). That is the dear case; few keys would
 * measure the record cache.
 *
 * Thread rule: built by one thread.
 */
#include "jobs.h"

#include <kstreams/kstreams.h>

enum { SIZE_MS = 5000, ADVANCE_MS = 1000 };

static ks_table *count_in(ks_windows windows, ks_builder *builder, bench_wiring *wiring)
{
    ks_stream *records = ks_builder_stream(
        builder, wiring->input, KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_bytes));
    ks_stream *seen = ks_stream_peek(records, bench_look, wiring, NULL);
    ks_grouped_stream *by_key = ks_stream_group_by_key(seen, NULL);

    return ks_windowed_stream_count(ks_grouped_stream_windowed_by(by_key, windows),
                                    KS_MATERIALIZED(.name = BENCH_COUNTS));
}

static void write_out(ks_table *counts, const bench_wiring *wiring)
{
    ks_stream_to(ks_table_to_stream(counts, NULL), wiring->output, NULL);
}

void bench_build_window(ks_builder *builder, bench_wiring *wiring)
{
    ks_windows windows = ks_hopping_windows(SIZE_MS, ADVANCE_MS, KS_NO_GRACE);

    write_out(count_in(windows, builder, wiring), wiring);
}

void bench_build_tumble(ks_builder *builder, bench_wiring *wiring)
{
    write_out(count_in(ks_tumbling_windows(SIZE_MS, KS_NO_GRACE), builder, wiring), wiring);
}

void bench_build_session(ks_builder *builder, bench_wiring *wiring)
{
    write_out(count_in(ks_session_windows(SIZE_MS, KS_NO_GRACE), builder, wiring), wiring);
}

void bench_build_suppress(ks_builder *builder, bench_wiring *wiring)
{
    ks_table *counts = count_in(ks_tumbling_windows(SIZE_MS, KS_NO_GRACE), builder, wiring);

    write_out(ks_table_suppress(counts, KS_SUPPRESSED(.until = KS_UNTIL_WINDOW_CLOSES)), wiring);
}
