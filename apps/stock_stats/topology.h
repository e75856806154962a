/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.h - the topology of stock_stats, its topics and what is in them.
 *
 * main.c, the driver test and `ks describe stock_stats` all build it with this one function.
 */
#ifndef APPS_STOCK_STATS_TOPOLOGY_H
#define APPS_STOCK_STATS_TOPOLOGY_H

#include <kstreams/json.h>
#include <kstreams/stream.h>

#define STOCK_STATS_INPUT "stocks"
#define STOCK_STATS_OUTPUT "stockstats-output"
#define STOCK_STATS_STORE "trade-aggregates"

enum { STOCK_STATS_WINDOW_MS = 5000, STOCK_STATS_ADVANCE_MS = 1000 };

/* A price that somebody asks for a share. */
typedef struct trade {
    ks_slice type; /* "ASK" */
    ks_slice ticker;
    double price;
    int32_t size;
} trade;

/* What is known of the trades of one share in one window. */
typedef struct trade_stats {
    ks_slice type;
    ks_slice ticker;
    int32_t countTrades;
    double sumPrice;
    double minPrice;
    double avgPrice; /* 0 in the store: worked out on the way to the topic */
} trade_stats;

extern const ks_json_type trade_type;
extern const ks_serde trade_serde;
extern const ks_serde trade_stats_serde;
extern const ks_serde stock_window_serde; /* of the keys of the output: a ticker in a window */

/*
 * Topic stocks (key: ticker, value: trade) -> topic stockstats-output (key: ticker in a window of
 * 5 s, of which one begins each second; value: trade_stats).
 */
void stock_stats_topology(ks_builder *b);

#endif
