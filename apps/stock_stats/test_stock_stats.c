/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stock_stats.c - stock statistics on the test driver, results worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include "stock_stats/topology.h"

typedef struct fixture {
    ks_builder *builder;
    ks_topology *topology;
    ks_test_driver *driver;
    ks_test_input *trades;
    ks_test_output *stats;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    ks_error error = {0};

    f.builder = ks_builder_new(NULL);
    stock_stats_topology(f.builder);
    f.topology = ks_builder_build(f.builder, &error);
    if (f.topology == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    f.driver = ks_test_driver_new(f.topology, NULL, NULL, &error);
    if (f.driver == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    f.trades =
        ks_test_driver_input(f.driver, STOCK_STATS_INPUT, &ks_serde_string, &ks_serde_string, 0, 0);
    f.stats = ks_test_driver_output(f.driver, STOCK_STATS_OUTPUT, &stock_window_serde,
                                    &trade_stats_serde);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    ks_test_driver_free(f->driver);
    ks_topology_free(f->topology);
    ks_builder_free(f->builder);
    return 0;
}

static ks_status pipe_trade(fixture *f, const char *key, int64_t time, const char *ticker,
                            double price, ks_error *error)
{
    char text[128];
    (void)snprintf(text, sizeof text,
                   "{\"type\":\"ASK\",\"ticker\":\"%s\",\"price\":%.2f,\"size\":100}", ticker,
                   price);
    const ks_record trade_record = {
        .key = ks_text_of(key), .value = ks_text_of(text), .timestamp = time};
    return ks_test_input_pipe_record(f->trades, &trade_record, error);
}

static void trade_at(fixture *f, int64_t time, const char *ticker, double price)
{
    ks_error error = {0};
    if (pipe_trade(f, ticker, time, ticker, price, &error) != KS_OK) {
        fail_msg("%s: %s", error.where, error.message);
    }
}

/* The next update: of the window of `ticker` that begins at `start`. */
static void assert_next(fixture *f, const char *ticker, int64_t start, int32_t count, double lowest,
                        double average)
{
    ks_error error = {0};
    ks_record record;

    if (!ks_test_output_read(f->stats, &record, &error)) {
        fail_msg("no record where one was expected: %s", error.message);
    }
    const ks_windowed *window = ks_value_windowed(record.key);
    const trade_stats *stats = ks_value_object(record.value, &trade_stats_serde);
    assert_true(ks_value_equal(window->key, ks_text_of(ticker)));
    assert_int_equal(window->start, start);
    assert_int_equal(window->end, start + 5000);
    assert_int_equal(stats->countTrades, count);
    assert_true(stats->minPrice == lowest);
    assert_true(stats->avgPrice == average);
    assert_true(ks_slice_equal(stats->ticker, ks_slice_cstr(ticker)));
    assert_true(ks_slice_equal(stats->type, ks_slice_cstr("ASK")));
}

static void a_trade_counts_in_five_windows(void **state)
{
    fixture *f = *state;

    trade_at(f, 7400, "MMM", 10.5);
    for (int64_t start = 3000; start <= 7000; start += 1000) {
        assert_next(f, "MMM", start, 1, 10.5, 10.5);
    }
    assert_int_equal(ks_test_output_size(f->stats), 0);
}

static void trades_that_share_a_window_make_its_lowest_and_average_price(void **state)
{
    fixture *f = *state;

    trade_at(f, 1000, "MMM", 10.5);
    trade_at(f, 3999, "MMM", 8.5);
    assert_next(f, "MMM", 0, 1, 10.5, 10.5);
    assert_next(f, "MMM", 1000, 1, 10.5, 10.5);
    assert_next(f, "MMM", 0, 2, 8.5, 9.5);
    assert_next(f, "MMM", 1000, 2, 8.5, 9.5);
    assert_next(f, "MMM", 2000, 1, 8.5, 8.5);
    assert_next(f, "MMM", 3000, 1, 8.5, 8.5);
    assert_int_equal(ks_test_output_size(f->stats), 0);
}

static void each_share_has_windows_of_its_own(void **state)
{
    fixture *f = *state;

    trade_at(f, 0, "MMM", 1);
    trade_at(f, 0, "ABT", 2);
    assert_next(f, "MMM", 0, 1, 1, 1);
    assert_next(f, "ABT", 0, 1, 2, 2);
}

static void a_trade_counts_in_the_windows_that_are_still_open(void **state)
{
    fixture *f = *state;

    trade_at(f, 10000, "MMM", 4);
    for (int64_t start = 6000; start <= 10000; start += 1000) {
        assert_next(f, "MMM", start, 1, 4, 4);
    }
    /* Of its windows, 3000 to 7000, those that begin by 5000 have ended at 10000. */
    trade_at(f, 7000, "MMM", 2);
    assert_next(f, "MMM", 6000, 2, 2, 3);
    assert_next(f, "MMM", 7000, 2, 2, 3);
    assert_int_equal(ks_test_output_size(f->stats), 0);
    assert_int_equal(ks_test_driver_dropped_records(f->driver), 3);
}

static void a_trade_under_the_key_of_another_share_fails(void **state)
{
    fixture *f = *state;
    ks_error error = {0};

    trade_at(f, 0, "MMM", 1);
    assert_int_not_equal(pipe_trade(f, "MMM", 1, "ABT", 2, &error), KS_OK);
    assert_non_null(strstr(error.message, "ticker ABT"));
}

static void nothing_is_repartitioned_and_the_store_has_its_name(void **state)
{
    fixture *f = *state;
    const char *text = ks_topology_describe(f->topology);

    assert_non_null(strstr(text, "(stores: [trade-aggregates])"));
    assert_null(strstr(text, "repartition"));
    assert_int_equal(ks_test_driver_store_count(f->driver), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_trade_counts_in_five_windows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            trades_that_share_a_window_make_its_lowest_and_average_price, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_share_has_windows_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_trade_counts_in_the_windows_that_are_still_open, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_trade_under_the_key_of_another_share_fails, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_repartitioned_and_the_store_has_its_name, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
