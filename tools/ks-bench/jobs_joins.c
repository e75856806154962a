/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs_joins.c - the topologies of ks-bench that join two topics.
 *
 *     table    stream, peek, left join with the table of the second topic, to. All rows are older
 *              than all records, so each record finds one.
 *     ssjoin   stream, peek, join with the stream of the second topic that is within a second, to.
 *     fkjoin   table of the first topic, join with the table of the second by a foreign key,
 *              toStream, to. A value names a row by its first four digits, each of which is taken
 *              modulo ten: 0000 to 9999, so ten thousand rows leave none without a partner. Nearly
 *              each update names another row than the one before.
 *
 * Keys and values are text. What is joined is the first half of one value and the first half of the
 * other: as long as either, so that results do not weigh more than records.
 *
 * Thread rule: built by one thread; the functions below run on stream threads and keep nothing.
 */
#include "jobs.h"

#include <string.h>

#include <kstreams/kstreams.h>

enum { WITHIN_MS = 1000, NAMED_DIGITS = 4 };

/* Returns the place behind what it wrote. */
static char *put_half(char *at, ks_slice text)
{
    if (text.size / 2 > 0) {
        memcpy(at, text.data, text.size / 2);
    }
    return at + text.size / 2;
}

static ks_value half_of_each(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user)
{
    ks_slice ours = ks_value_text(left);
    ks_slice theirs = ks_value_is_null(right) ? (ks_slice){0} : ks_value_text(right);
    char *both = ks_arena_alloc(ks_ctx_arena(ctx), ours.size / 2 + theirs.size / 2 + 1);

    (void)key;
    (void)user;
    const char *end = put_half(put_half(both, ours), theirs);
    return ks_text(ks_slice_of(both, (size_t)(end - both)));
}

void bench_build_table(ks_builder *builder, bench_wiring *wiring)
{
    const ks_serde *text = &ks_serde_string;

    ks_stream *records =
        ks_builder_stream(builder, wiring->input, KS_CONSUMED(.key = text, .value = text));
    ks_table *rows =
        ks_builder_table(builder, wiring->input2, KS_CONSUMED(.key = text, .value = text),
                         KS_MATERIALIZED(.name = BENCH_ROWS_STORE));
    ks_stream *seen = ks_stream_peek(records, bench_look, wiring, NULL);
    ks_stream *joined = ks_stream_left_join_table(seen, rows, half_of_each, NULL, NULL);

    ks_stream_to(joined, wiring->output, KS_PRODUCED(.key = text, .value = text));
}

void bench_build_ssjoin(ks_builder *builder, bench_wiring *wiring)
{
    const ks_serde *text = &ks_serde_string;

    ks_stream *left =
        ks_builder_stream(builder, wiring->input, KS_CONSUMED(.key = text, .value = text));
    ks_stream *right =
        ks_builder_stream(builder, wiring->input2, KS_CONSUMED(.key = text, .value = text));
    ks_stream *joined =
        ks_stream_join(ks_stream_peek(left, bench_look, wiring, NULL), right, half_of_each, NULL,
                       ks_join_windows_of(WITHIN_MS, KS_NO_GRACE),
                       KS_STREAM_JOINED(.key = text, .value = text, .other_value = text));

    ks_stream_to(joined, wiring->output, KS_PRODUCED(.key = text, .value = text));
}

static ks_value row_it_names(ks_ctx *ctx, const ks_record *record, void *user)
{
    static const char prefix[] = "key-00";
    ks_slice value = ks_value_text(record->value);
    size_t size = sizeof prefix - 1 + NAMED_DIGITS;

    bench_look(ctx, record, user);
    if (value.size < NAMED_DIGITS) {
        return ks_null();
    }
    char *name = ks_arena_alloc(ks_ctx_arena(ctx), size);
    memcpy(name, prefix, sizeof prefix - 1);
    for (size_t i = 0; i < NAMED_DIGITS; i++) {
        char digit = ((const char *)value.data)[i];
        int number = digit <= '9' ? digit - '0' : digit - 'a' + 10;
        name[sizeof prefix - 1 + i] = (char)('0' + number % 10);
    }
    return ks_text(ks_slice_of(name, size));
}

void bench_build_fkjoin(ks_builder *builder, bench_wiring *wiring)
{
    const ks_serde *text = &ks_serde_string;

    ks_table *left =
        ks_builder_table(builder, wiring->input, KS_CONSUMED(.key = text, .value = text),
                         KS_MATERIALIZED(.name = BENCH_LEFT_STORE));
    ks_table *rows =
        ks_builder_table(builder, wiring->input2, KS_CONSUMED(.key = text, .value = text),
                         KS_MATERIALIZED(.name = BENCH_ROWS_STORE));
    ks_table *joined =
        ks_table_join_foreign_key(left, rows, row_it_names, half_of_each, wiring, NULL);

    ks_stream_to(ks_table_to_stream(joined, NULL), wiring->output,
                 KS_PRODUCED(.key = text, .value = text));
}
