/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.c - stock statistics: how many trades of a share there were in the last five seconds,
 * and at which lowest and average price, anew each second.
 *
 * Windows of five seconds that advance by one overlap: a trade counts in five of them. The store
 * keeps sum and count, from which the average follows on the way out: an average could not be
 * carried on. Trades have their ticker as key already, so nothing is repartitioned.
 *
 * Values are read only: a new aggregate is an object of its own, in the record's arena.
 */
#include "stock_stats/topology.h"

#include <kstreams/kstreams.h>

static const ks_json_field trade_fields[] = {
    KS_JSON_STRING(trade, type),
    KS_JSON_STRING(trade, ticker),
    KS_JSON_DOUBLE(trade, price),
    KS_JSON_INTEGER(trade, size),
};
const ks_json_type trade_type = KS_JSON_TYPE(trade, trade_fields);
const ks_serde trade_serde = KS_JSON_SERDE(trade_type);

static const ks_json_field trade_stats_fields[] = {
    KS_JSON_STRING(trade_stats, type, .is_optional = true),
    KS_JSON_STRING(trade_stats, ticker, .is_optional = true),
    KS_JSON_INTEGER(trade_stats, countTrades),
    KS_JSON_DOUBLE(trade_stats, sumPrice),
    KS_JSON_DOUBLE(trade_stats, minPrice),
    KS_JSON_DOUBLE(trade_stats, avgPrice),
};
static const ks_json_type trade_stats_type = KS_JSON_TYPE(trade_stats, trade_stats_fields);
const ks_serde trade_stats_serde = KS_JSON_SERDE(trade_stats_type);

const ks_serde stock_window_serde = KS_TIME_WINDOWED_SERDE(&ks_serde_string, STOCK_STATS_WINDOW_MS);

/* Statistics that are those of `from`, NULL: of no trades, and may be changed. */
static trade_stats *new_stats(ks_ctx *ctx, const trade_stats *from, ks_value *value)
{
    trade_stats *stats = ks_object_new(ks_ctx_arena(ctx), &trade_stats_serde, sizeof *stats, value);
    *stats = from != NULL ? *from : (trade_stats){0};
    return stats;
}

static ks_value no_trades(ks_ctx *ctx, void *user)
{
    ks_value value;
    (void)user;
    (void)new_stats(ctx, NULL, &value);
    return value;
}

static ks_value add_trade(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    const trade *t = ks_value_object(record->value, &trade_serde);
    const trade_stats *before = ks_value_object(aggregate, &trade_stats_serde);
    ks_value value;
    (void)user;
    if (t == NULL || before == NULL) {
        return ks_null(); /* the record has failed: its value is none of these */
    }
    trade_stats *stats = new_stats(ctx, before, &value);
    if (before->countTrades == 0) {
        stats->type = t->type;
        stats->ticker = t->ticker;
        stats->minPrice = t->price;
    } else if (!ks_slice_equal(before->type, t->type) ||
               !ks_slice_equal(before->ticker, t->ticker)) {
        ks_ctx_fail(ctx, "a trade of type %.*s and ticker %.*s came under the key of %.*s %.*s",
                    KS_SLICE_ARGS(t->type), KS_SLICE_ARGS(t->ticker), KS_SLICE_ARGS(before->type),
                    KS_SLICE_ARGS(before->ticker));
        return ks_null();
    }
    stats->countTrades++;
    stats->sumPrice += t->price;
    stats->minPrice = t->price < stats->minPrice ? t->price : stats->minPrice;
    return value;
}

static ks_value with_average(ks_ctx *ctx, const ks_record *record, void *user)
{
    const trade_stats *sums = ks_value_object(record->value, &trade_stats_serde);
    ks_value value;
    (void)user;
    if (sums == NULL) {
        return ks_null();
    }
    trade_stats *stats = new_stats(ctx, sums, &value);
    stats->avgPrice = sums->sumPrice / sums->countTrades;
    return value;
}

void stock_stats_topology(ks_builder *b)
{
    ks_stream *trades = ks_builder_stream(
        b, STOCK_STATS_INPUT, KS_CONSUMED(.key = &ks_serde_string, .value = &trade_serde));
    ks_grouped_stream *by_ticker = ks_stream_group_by_key(trades, NULL);
    ks_windowed_stream *recent = ks_grouped_stream_windowed_by(
        by_ticker, ks_hopping_windows(STOCK_STATS_WINDOW_MS, STOCK_STATS_ADVANCE_MS, KS_NO_GRACE));
    ks_table *sums = ks_windowed_stream_aggregate(
        recent, no_trades, add_trade, NULL, NULL,
        KS_MATERIALIZED(.name = STOCK_STATS_STORE, .value = &trade_stats_serde));

    /* The table knows how its keys, tickers in windows, are written. */
    ks_stream *stats =
        ks_stream_map_values(ks_table_to_stream(sums, NULL), with_average, NULL, NULL);
    ks_stream_to(stats, STOCK_STATS_OUTPUT, KS_PRODUCED(.value = &trade_stats_serde));
}
