/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - stock_stats: prints the statistics of each share in its last window.
 *
 * Input is one trade a line, TIME<TAB>TRADE: milliseconds of the epoch, and JSON as it stands in
 * the topic. The ticker in it is the record's key. Made-up trades are a walk of prices: each share
 * starts somewhere and moves a little with each trade.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <kstreams/kstreams.h>

#include "common/program.h"
#include "common/report.h"
#include "common/topic_table.h"
#include "stock_stats/topology.h"

enum { PARTITIONS = 4, TRADES_EACH_MS = 20 };

static const app_about about = {
    .name = "stock_stats",
    .summary = "Counts trades of shares in windows of 5 s, with lowest and average price.",
    .input_help = "one trade a line, TIME<TAB>JSON",
    .generates = "N made-up trades",
    .example = "build/bin/stock_stats --input apps/stock_stats/text/trades.txt",
};

/* ---- trades ---------------------------------------------------------------------------------- */

static app_line trade_of_line(ks_slice line, app_record *record, const char **problem)
{
    ks_slice rest = line;
    ks_slice time;
    trade t;

    if (line.size == 0 || line.data[0] == '#') {
        return APP_LINE_SKIP;
    }
    if (!app_next_field(&rest, &time) || !app_number_of(time, &record->record.timestamp)) {
        *problem = "a trade is TIME<TAB>JSON, with TIME in milliseconds of the epoch";
        return APP_LINE_MALFORMED;
    }
    if (ks_json_read(&trade_type, rest, &t, record->arena, &record->error) != KS_OK) {
        return APP_LINE_MALFORMED;
    }
    record->record.key = t.ticker;
    record->record.value = rest;
    return APP_LINE_RECORD;
}

static void make_up_trades(app_lines *lines, uint64_t count)
{
    static const char *const tickers[] = {"MMM", "ABT",  "ABBV", "ACN", "ATVI",
                                          "AYI", "ADBE", "AAP",  "AES", "AET"};
    enum { TICKERS = sizeof tickers / sizeof tickers[0], LOWEST = 1000, SPREAD = 9000, STEP = 100 };
    double prices[TICKERS];
    char line[160];
    /*
     * Until now: a cluster deletes what is old, and takes nothing of the future. Not before what is
     * there already: windows would have closed.
     */
    const int64_t now_ms = (int64_t)time(NULL) * 1000;
    const int64_t begin_ms = app_lines_time_from(lines, now_ms - (int64_t)count * TRADES_EACH_MS);
    const double step_ms = now_ms > begin_ms ? (double)(now_ms - begin_ms) / (double)count : 0;

    for (size_t i = 0; i < TICKERS; i++) {
        prices[i] = LOWEST + app_lines_random(lines, SPREAD);
    }
    for (uint64_t i = 0; i < count; i++) {
        size_t at = app_lines_random(lines, TICKERS);
        double step = (double)app_lines_random(lines, 2 * STEP + 1) - STEP;
        prices[at] = prices[at] + step > 1 ? prices[at] + step : 1;
        int size = snprintf(line, sizeof line,
                            "%lld\t{\"type\":\"ASK\",\"ticker\":\"%s\",\"price\":%.2f,\"size\":%u}",
                            (long long)begin_ms + (long long)((double)i * step_ms), tickers[at],
                            prices[at], 1 + app_lines_random(lines, 100));
        if (!app_lines_put(lines, ks_slice_of(line, (size_t)size))) {
            return;
        }
    }
}

/* ---- results --------------------------------------------------------------------------------- */

/* Of each share the window that begins last: rows are in the order of tickers and windows. */
static bool is_last_of_its_ticker(const topic_table *table, size_t i)
{
    return i + 1 == table->count || !ks_value_equal(ks_value_windowed(table->rows[i].key)->key,
                                                    ks_value_windowed(table->rows[i + 1].key)->key);
}

static void print_row(const topic_row *row)
{
    const ks_windowed *key = ks_value_windowed(row->key);
    const trade_stats *stats = ks_value_object(row->value, &trade_stats_serde);
    char trades[APP_NUMBER_SIZE];

    printf("%-8.*s %13lld  %13lld %10s %12.2f %12.2f\n", KS_SLICE_ARGS(ks_value_text(key->key)),
           (long long)key->start, (long long)key->end,
           app_number((uint64_t)stats->countTrades, trades), stats->minPrice, stats->avgPrice);
}

static ks_status print_stats(ks_log *log, ks_error *error)
{
    topic_table stats;
    char number[APP_NUMBER_SIZE];
    ks_status status = topic_table_read(log, STOCK_STATS_OUTPUT, &stock_window_serde,
                                        &trade_stats_serde, &stats, error);

    if (status == KS_OK && stats.count > 0) {
        printf("%-8s %13s  %13s %10s %12s %12s\n", "ticker", "last window", "until", "trades",
               "lowest", "average");
        for (size_t i = 0; i < stats.count; i++) {
            if (is_last_of_its_ticker(&stats, i)) {
                print_row(&stats.rows[i]);
            }
        }
        printf("\nwindows            %12s\n", app_number(stats.count, number));
        printf("updates of them    %12s\n", app_number(stats.updates, number));
    }
    topic_table_free(&stats);
    return status;
}

int main(int argc, char **argv)
{
    const app_program program = {.topology = stock_stats_topology,
                                 .input_topics = KS_NAMES(STOCK_STATS_INPUT),
                                 .output_topic = STOCK_STATS_OUTPUT,
                                 .partitions = PARTITIONS,
                                 .line = trade_of_line,
                                 .generate = make_up_trades,
                                 .shows_topology = true,
                                 .print = print_stats};

    return app_main(&about, &program, argc, argv);
}
