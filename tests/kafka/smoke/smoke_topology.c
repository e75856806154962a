/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smoke_topology.c - the application of Kafka's SmokeTestClient, call by call.
 *
 * Kafka's SmokeTestDriver writes the topic "data" and knows what must be in the others. min, max,
 * sum and cnt are outputs that the application reads again. Names of stores and topics, and the
 * order of calls, are those of the Java class: so each of the two can take over from the other.
 *
 * A driver ends its input with records under the key "flush", which close all windows; they are
 * kept out of the results.
 *
 * Thread rule: built by one thread; the functions run on stream threads and keep nothing.
 */
#include "topologies.h"

#include <stdatomic.h>
#include <stdio.h>

#define TEXT (&ks_serde_string)
#define I32 (&ks_serde_i32)
#define I64 (&ks_serde_i64)
#define F64 (&ks_serde_f64)

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* ---- functions ------------------------------------------------------------------------------- */

static bool is_flush(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_equal(record->key, ks_text_of("flush"));
}

static bool is_window_of_flush(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_equal(ks_value_windowed(record->key)->key, ks_text_of("flush"));
}

static bool is_not_the_end(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_is_null(record->value) || ks_value_i32(record->value) != INT32_MAX;
}

/* Says on standard output that records come, as the Java class does. */
static void count_record(ks_ctx *ctx, const ks_record *record, void *user)
{
    static atomic_int processed;
    (void)ctx;
    (void)record;
    (void)user;
    int so_far = atomic_fetch_add(&processed, 1) + 1;
    if (so_far % 1000 == 0) {
        printf("processed %d records\n", so_far);
        (void)fflush(stdout);
    }
}

static ks_value most(ks_ctx *ctx, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i32(INT32_MAX);
}

static ks_value least(ks_ctx *ctx, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i32(INT32_MIN);
}

static ks_value zero(ks_ctx *ctx, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i64(0);
}

static ks_value smaller(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_i32(record->value) < ks_value_i32(aggregate) ? record->value : aggregate;
}

static ks_value larger(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_i32(record->value) > ks_value_i32(aggregate) ? record->value : aggregate;
}

static ks_value add_to_sum(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i64(ks_value_i64(aggregate) + ks_value_i32(record->value));
}

static ks_value add_numbers(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i32(ks_value_i32(aggregate) + ks_value_i32(value));
}

static ks_value add(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i64(ks_value_i64(aggregate) + ks_value_i64(record->value));
}

static ks_value subtract(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i64(ks_value_i64(aggregate) - ks_value_i64(record->value));
}

static ks_value difference(ks_ctx *ctx, ks_value key, ks_value max, ks_value min, void *user)
{
    (void)ctx;
    (void)key;
    (void)user;
    return ks_i32(ks_value_i32(max) - ks_value_i32(min));
}

static ks_value average(ks_ctx *ctx, ks_value key, ks_value sum, ks_value count, void *user)
{
    (void)ctx;
    (void)key;
    (void)user;
    return ks_f64((double)ks_value_i64(sum) / (double)ks_value_i64(count));
}

static ks_value key_in_window(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_windowed(record->key)->key;
}

/* [key@start/end], as Java prints a windowed key. */
static ks_pair window_as_text(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    return (ks_pair){.key = ks_text(ks_value_to_text(ks_ctx_arena(ctx), record->key)),
                     .value = record->value};
}

static ks_pair one_by_count(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    return (ks_pair){.key = ks_text(ks_value_to_text(ks_ctx_arena(ctx), record->value)),
                     .value = ks_i64(1)};
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void send_with_windows(ks_table *table, const char *topic)
{
    ks_stream *updates = ks_table_to_stream(table, NULL);
    ks_stream *kept = ks_stream_filter_not(updates, is_window_of_flush, NULL, NULL);
    ks_stream *named = ks_stream_map(kept, window_as_text, NULL, NULL);
    ks_stream_to(named, topic, KS_PRODUCED(.key = TEXT, .value = I32));
}

static void send_without_windows(ks_table *table, const char *topic, const ks_serde *value)
{
    ks_stream *updates = ks_table_to_stream_with_key(table, key_in_window, NULL, NULL);
    ks_stream *kept = ks_stream_filter_not(updates, is_flush, NULL, NULL);
    ks_stream_to(kept, topic, KS_PRODUCED(.key = TEXT, .value = value));
}

static void send(ks_table *table, const char *topic, const ks_serde *value)
{
    ks_stream *kept = ks_stream_filter_not(ks_table_to_stream(table, NULL), is_flush, NULL, NULL);
    ks_stream_to(kept, topic, KS_PRODUCED(.key = TEXT, .value = value));
}

/* A table of one of the application's own outputs. */
static ks_table *read_back(ks_builder *builder, const char *topic, const ks_serde *value,
                           const char *store)
{
    ks_table *table = ks_builder_table(builder, topic, KS_CONSUMED(.key = TEXT, .value = value),
                                       store != NULL ? KS_MATERIALIZED(.name = store) : NULL);
    ks_stream_foreach(ks_table_to_stream(table, NULL), count_record, NULL, NULL);
    return table;
}

static ks_windowed_stream *in_two_days(ks_grouped_stream *data)
{
    return ks_grouped_stream_windowed_by(data, ks_tumbling_windows(2 * DAY, KS_NO_GRACE));
}

/* The smallest value of a day: as it changes, its final result, and without its window. */
static void build_min(ks_grouped_stream *data)
{
    ks_windowed_stream *days =
        ks_grouped_stream_windowed_by(data, ks_tumbling_windows(DAY, MINUTE));
    ks_table *min = ks_windowed_stream_aggregate(
        days, most, smaller, NULL, NULL,
        KS_MATERIALIZED(.name = "uwin-min", .value = I32, .retention_ms = 25 * HOUR));

    send_with_windows(min, "min-raw");
    send_with_windows(ks_table_suppress(min, KS_SUPPRESSED(.until = KS_UNTIL_WINDOW_CLOSES)),
                      "min-suppressed");
    send_without_windows(min, "min", I32);
}

static void build_small_windows(ks_grouped_stream *data)
{
    ks_windowed_stream *seconds =
        ks_grouped_stream_windowed_by(data, ks_hopping_windows(2 * SECOND, SECOND, 30 * SECOND));
    ks_table *sums = ks_windowed_stream_reduce(seconds, add_numbers, NULL, NULL);

    send_with_windows(sums, "sws-raw");
    send_with_windows(ks_table_suppress(sums, KS_SUPPRESSED(.until = KS_UNTIL_WINDOW_CLOSES)),
                      "sws-suppressed");
}

void build_smoke(ks_builder *builder)
{
    ks_stream *source = ks_builder_stream(builder, "data", KS_CONSUMED(.key = TEXT, .value = I32));
    ks_stream_to(ks_stream_filter_not(source, is_flush, NULL, NULL), "echo",
                 KS_PRODUCED(.key = TEXT, .value = I32));
    ks_stream *data = ks_stream_filter(source, is_not_the_end, NULL, NULL);
    ks_stream_foreach(data, count_record, NULL, NULL);
    ks_grouped_stream *grouped =
        ks_stream_group_by_key(data, KS_GROUPED(.key = TEXT, .value = I32));

    build_min(grouped);
    build_small_windows(grouped);
    ks_table *min = read_back(builder, "min", I32, "minStoreName");

    send_without_windows(
        ks_windowed_stream_aggregate(in_two_days(grouped), least, larger, NULL, NULL,
                                     KS_MATERIALIZED(.name = "uwin-max", .value = I32)),
        "max", I32);
    ks_table *max = read_back(builder, "max", I32, "maxStoreName");

    send_without_windows(
        ks_windowed_stream_aggregate(in_two_days(grouped), zero, add_to_sum, NULL, NULL,
                                     KS_MATERIALIZED(.name = "win-sum", .value = I64)),
        "sum", I64);
    ks_table *sum = read_back(builder, "sum", I64, NULL);

    send_without_windows(
        ks_windowed_stream_count(in_two_days(grouped), KS_MATERIALIZED(.name = "uwin-cnt")), "cnt",
        I64);
    ks_table *count = read_back(builder, "cnt", I64, "cntStoreName");

    send(ks_table_join(max, min, difference, NULL, NULL), "dif", I32);
    send(ks_table_join(sum, count, average, NULL, NULL), "avg", F64);

    ks_grouped_table *by_count =
        ks_table_group_by(count, one_by_count, NULL, KS_GROUPED(.key = TEXT, .value = I64));
    ks_table *keys_by_count = ks_grouped_table_aggregate(
        by_count, zero, add, subtract, NULL,
        KS_MATERIALIZED(.name = "cntByCnt", .type = KS_STORE_IN_MEMORY, .key = TEXT, .value = I64));
    ks_stream_to(ks_table_to_stream(keys_by_count, NULL), "tagg",
                 KS_PRODUCED(.key = TEXT, .value = I64));
}
