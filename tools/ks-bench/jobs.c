/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.c - what ks-bench can run, and the topologies without windows and joins.
 *
 * They are what a user would write, through the public API and with the serdes one would choose; a
 * job that is shaped to be quick measures itself. The only thing that is not the job's: each looks
 * at the first record to note when it came. Jobs that call a function of the user's for each record
 * do it there; pass and count have a peek for it, which is part of what is measured.
 *
 *     pass       stream, peek, to. Keys and values are bytes.
 *     map        stream, filter, mapValues, to. The filter drops values that begin with '0': one of
 *                16 of the generator's. The new value is '#' and the old one. Keys are bytes,
 *                values text.
 *     count      stream, peek, groupByKey, count, toStream, to. Keys are text, results i64.
 *     wordcount  lines, flatMapValues into words in lower case, filterNot "the", groupBy the word,
 *                count, toStream, to: with a repartition topic, as in apps/word_count.
 *
 * The topologies with windows are in jobs_windows.c, those that join in jobs_joins.c.
 *
 * Thread rule: built by one thread; the functions below run on stream threads and keep nothing.
 */
#include "jobs.h"

#include <string.h>
#include <time.h>

#include <kstreams/kstreams.h>

int64_t bench_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void note_first_record(bench_wiring *wiring)
{
    if (atomic_load_explicit(&wiring->first_record_ns, memory_order_relaxed) == 0) {
        int64_t nobody = 0;
        atomic_compare_exchange_strong(&wiring->first_record_ns, &nobody, bench_now_ns());
    }
}

void bench_look(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)record;
    note_first_record(user);
}

static void build_pass(ks_builder *builder, bench_wiring *wiring)
{
    const ks_serde *bytes = &ks_serde_bytes;

    ks_stream *records =
        ks_builder_stream(builder, wiring->input, KS_CONSUMED(.key = bytes, .value = bytes));
    ks_stream_to(ks_stream_peek(records, bench_look, wiring, NULL), wiring->output, NULL);
}

static bool begins_with_no_zero(ks_ctx *ctx, const ks_record *record, void *user)
{
    ks_slice text = ks_value_text(record->value);

    (void)ctx;
    note_first_record(user);
    return text.size == 0 || text.data[0] != '0';
}

static ks_value with_a_mark(ks_ctx *ctx, const ks_record *record, void *user)
{
    ks_slice old = ks_value_text(record->value);
    unsigned char *marked = ks_arena_alloc(ks_ctx_arena(ctx), old.size + 1);

    (void)user;
    marked[0] = '#';
    if (old.size > 0) {
        memcpy(marked + 1, old.data, old.size);
    }
    return ks_text(ks_slice_of(marked, old.size + 1));
}

static void build_map(ks_builder *builder, bench_wiring *wiring)
{
    ks_stream *records = ks_builder_stream(
        builder, wiring->input, KS_CONSUMED(.key = &ks_serde_bytes, .value = &ks_serde_string));
    ks_stream *kept = ks_stream_filter(records, begins_with_no_zero, wiring, NULL);
    ks_stream *marked = ks_stream_map_values(kept, with_a_mark, NULL, NULL);

    ks_stream_to(marked, wiring->output, KS_PRODUCED(.value = &ks_serde_string));
}

static void build_count(ks_builder *builder, bench_wiring *wiring)
{
    ks_stream *records = ks_builder_stream(
        builder, wiring->input, KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_bytes));
    ks_stream *seen = ks_stream_peek(records, bench_look, wiring, NULL);
    ks_grouped_stream *by_key = ks_stream_group_by_key(seen, NULL);
    ks_table *counts = ks_grouped_stream_count(by_key, KS_MATERIALIZED(.name = BENCH_COUNTS));

    ks_stream_to(ks_table_to_stream(counts, NULL), wiring->output, NULL);
}

static void split_words(ks_ctx *ctx, const ks_record *line, void *user)
{
    ks_slice rest = ks_value_text(line->value);
    ks_slice word;

    note_first_record(user);
    while (ks_text_next_word(&rest, &word)) {
        ks_emit_value(ctx, ks_text(ks_text_lower(ks_ctx_arena(ctx), word)));
    }
}

static bool is_stop_word(ks_ctx *ctx, const ks_record *word, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_equal(word->value, ks_text_of("the"));
}

static ks_value word_as_key(ks_ctx *ctx, const ks_record *word, void *user)
{
    (void)ctx;
    (void)user;
    return word->value;
}

static void build_wordcount(ks_builder *builder, bench_wiring *wiring)
{
    const ks_serde *text = &ks_serde_string;

    ks_stream *lines =
        ks_builder_stream(builder, wiring->input, KS_CONSUMED(.key = text, .value = text));
    ks_stream *words = ks_stream_flat_map_values(lines, split_words, wiring, NULL);
    ks_stream *kept = ks_stream_filter_not(words, is_stop_word, NULL, NULL);
    ks_grouped_stream *by_word =
        ks_stream_group_by(kept, word_as_key, NULL, KS_GROUPED(.key = text, .value = text));
    ks_table *counts = ks_grouped_stream_count(by_word, KS_MATERIALIZED(.name = BENCH_COUNTS));

    ks_stream_to(ks_table_to_stream(counts, NULL), wiring->output, NULL);
}

const bench_job bench_jobs[] = {
    {.name = "pass", .summary = "every record from topic to topic", .build = build_pass},
    {.name = "map", .summary = "filter, mapValues, to", .build = build_map},
    {.name = "count",
     .summary = "records of each key: groupByKey, count, to",
     .build = build_count,
     .store = BENCH_COUNTS},
    {.name = "wordcount",
     .summary = "words of lines, through a repartition topic",
     .build = build_wordcount,
     .store = BENCH_COUNTS,
     .reads_lines = true},
    {.name = "window",
     .summary = "records of each key in windows of 5 s that begin each second",
     .build = bench_build_window,
     .store = BENCH_COUNTS},
    {.name = "tumble",
     .summary = "records of each key in windows of 5 s that follow each other",
     .build = bench_build_tumble,
     .store = BENCH_COUNTS},
    {.name = "session",
     .summary = "records of each key in sessions with gaps of at most 5 s",
     .build = bench_build_session,
     .store = BENCH_COUNTS},
    {.name = "suppress",
     .summary = "as tumble, but for final results only",
     .build = bench_build_suppress,
     .store = BENCH_COUNTS},
    {.name = "table",
     .summary = "left join of a stream with a table, whose rows are in the second topic",
     .build = bench_build_table,
     .store = BENCH_ROWS_STORE,
     .second = BENCH_ROWS},
    {.name = "ssjoin",
     .summary = "join of two streams within a second",
     .build = bench_build_ssjoin,
     .second = BENCH_TWIN},
    {.name = "fkjoin",
     .summary = "join of two tables by a foreign key",
     .build = bench_build_fkjoin,
     .store = BENCH_LEFT_STORE,
     .second = BENCH_ROWS},
};
const size_t bench_job_count = sizeof bench_jobs / sizeof bench_jobs[0];

const bench_job *bench_job_find(const char *name)
{
    for (size_t i = 0; i < bench_job_count; i++) {
        if (strcmp(bench_jobs[i].name, name) == 0) {
            return &bench_jobs[i];
        }
    }
    return NULL;
}
