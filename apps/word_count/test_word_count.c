/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_word_count.c - word count on the test driver: lines piped in, every update read back,
 * results worked out by hand.
 *
 * The driver commits after every record a line leads to, so each occurrence of a word is one update
 * of its count. What came out was also compared with the Java library on the same lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include "word_count/topology.h"

typedef struct fixture {
    ks_builder *builder;
    ks_topology *topology;
    ks_test_driver *driver;
    ks_test_input *lines;
    ks_test_output *counts;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    ks_error error = {0};

    f.builder = ks_builder_new(NULL);
    word_count_topology(f.builder);
    f.topology = ks_builder_build(f.builder, &error);
    if (f.topology == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    f.driver = ks_test_driver_new(f.topology, NULL, NULL, &error);
    if (f.driver == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    f.lines = ks_test_driver_input(f.driver, WORD_COUNT_INPUT, &ks_serde_string, &ks_serde_string,
                                   1000, 10);
    f.counts = ks_test_driver_output(f.driver, WORD_COUNT_OUTPUT, &ks_serde_string, &ks_serde_i64);
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

static void pipe_line(fixture *f, const char *line)
{
    ks_error error = {0};

    if (ks_test_input_pipe(f->lines, ks_null(), ks_text_of(line), &error) != KS_OK) {
        fail_msg("%s: %s", error.where, error.message);
    }
}

static void assert_next_count(fixture *f, const char *word, int64_t count, int64_t timestamp)
{
    ks_record record;
    ks_error error = {0};

    if (!ks_test_output_read(f->counts, &record, &error)) {
        fail_msg("no update where %s was expected: %s", word, error.message);
    }
    assert_true(ks_value_equal(record.key, ks_text_of(word)));
    assert_int_equal(ks_value_i64(record.value), count);
    assert_int_equal(record.timestamp, timestamp);
}

static void assert_no_more(fixture *f)
{
    assert_int_equal(ks_test_output_size(f->counts), 0);
}

static void every_word_of_a_line_is_counted_in_lower_case(void **state)
{
    fixture *f = *state;

    pipe_line(f, "To be, or NOT to be?");
    assert_next_count(f, "to", 1, 1000);
    assert_next_count(f, "be", 1, 1000);
    assert_next_count(f, "or", 1, 1000);
    assert_next_count(f, "not", 1, 1000);
    assert_next_count(f, "to", 2, 1000);
    assert_next_count(f, "be", 2, 1000);
    assert_no_more(f);
}

static void the_stop_word_is_dropped_and_words_that_contain_it_are_not(void **state)
{
    fixture *f = *state;

    pipe_line(f, "The theatre, the THE other");
    assert_next_count(f, "theatre", 1, 1000);
    assert_next_count(f, "other", 1, 1000);
    assert_no_more(f);
}

static void counts_go_on_from_line_to_line(void **state)
{
    fixture *f = *state;

    pipe_line(f, "The quick brown fox");
    pipe_line(f, "a fox, a fox: the end");
    assert_next_count(f, "quick", 1, 1000);
    assert_next_count(f, "brown", 1, 1000);
    assert_next_count(f, "fox", 1, 1000);
    assert_next_count(f, "a", 1, 1010);
    assert_next_count(f, "fox", 2, 1010);
    assert_next_count(f, "a", 2, 1010);
    assert_next_count(f, "fox", 3, 1010);
    assert_next_count(f, "end", 1, 1010);
    assert_no_more(f);
}

static void lines_without_words_lead_to_nothing(void **state)
{
    fixture *f = *state;
    ks_error error = {0};

    pipe_line(f, "");
    pipe_line(f, " ... --- !");
    pipe_line(f, "the");
    assert_int_equal(ks_test_input_pipe(f->lines, ks_null(), ks_null(), &error), KS_OK);
    assert_no_more(f);
    assert_int_equal(ks_test_driver_topic_count(f->driver), 0);
}

static void the_store_holds_the_counts(void **state)
{
    fixture *f = *state;
    ks_error error = {0};
    ks_key_value entry;
    bool found = false;

    pipe_line(f, "one two two");
    ks_key_value_store *store = ks_test_driver_key_value_store(f->driver, "word-counts");
    assert_non_null(store);
    ks_value two = ks_text_of("two");
    assert_true(ks_value_equal(ks_key_value_store_value(store, two), ks_i64(2)));
    assert_true(ks_value_is_null(ks_key_value_store_value(store, ks_text_of("the"))));
    assert_int_equal(ks_key_value_store_get(store, two, NULL, &entry, &found, &error), KS_OK);
    assert_int_equal(entry.timestamp, 1000);
    assert_int_equal(ks_key_value_store_approximate_count(store), 2);
}

static void words_pass_a_repartition_topic_and_counts_a_changelog(void **state)
{
    fixture *f = *state;

    pipe_line(f, "one two the two");
    assert_int_equal(ks_test_driver_topic_count(f->driver), 3);
    assert_string_equal(ks_test_driver_topic_name(f->driver, 0), "test-word-counts-changelog");
    assert_string_equal(ks_test_driver_topic_name(f->driver, 1), "test-word-counts-repartition");
    assert_string_equal(ks_test_driver_topic_name(f->driver, 2), "word-counts");
    assert_int_equal(ks_test_driver_produced_count(f->driver, "test-word-counts-repartition"), 3);
    assert_int_equal(ks_test_driver_produced_count(f->driver, "test-word-counts-changelog"), 3);
}

static void the_topology_is_described_as_java_describes_it(void **state)
{
    fixture *f = *state;
    static const char expected[] =
        "Topologies:\n"
        "   Sub-topology: 0\n"
        "    Source: KSTREAM-SOURCE-0000000000 (topics: [text-lines])\n"
        "      --> KSTREAM-FLATMAPVALUES-0000000001\n"
        "    Processor: KSTREAM-FLATMAPVALUES-0000000001 (stores: [])\n"
        "      --> KSTREAM-FILTER-0000000002\n"
        "      <-- KSTREAM-SOURCE-0000000000\n"
        "    Processor: KSTREAM-FILTER-0000000002 (stores: [])\n"
        "      --> KSTREAM-KEY-SELECT-0000000003\n"
        "      <-- KSTREAM-FLATMAPVALUES-0000000001\n"
        "    Processor: KSTREAM-KEY-SELECT-0000000003 (stores: [])\n"
        "      --> word-counts-repartition-filter\n"
        "      <-- KSTREAM-FILTER-0000000002\n"
        "    Processor: word-counts-repartition-filter (stores: [])\n"
        "      --> word-counts-repartition-sink\n"
        "      <-- KSTREAM-KEY-SELECT-0000000003\n"
        "    Sink: word-counts-repartition-sink (topic: word-counts-repartition)\n"
        "      <-- word-counts-repartition-filter\n"
        "\n"
        "  Sub-topology: 1\n"
        "    Source: word-counts-repartition-source (topics: [word-counts-repartition])\n"
        "      --> KSTREAM-AGGREGATE-0000000004\n"
        "    Processor: KSTREAM-AGGREGATE-0000000004 (stores: [word-counts])\n"
        "      --> KTABLE-TOSTREAM-0000000008\n"
        "      <-- word-counts-repartition-source\n"
        "    Processor: KTABLE-TOSTREAM-0000000008 (stores: [])\n"
        "      --> KSTREAM-SINK-0000000009\n"
        "      <-- KSTREAM-AGGREGATE-0000000004\n"
        "    Sink: KSTREAM-SINK-0000000009 (topic: word-counts)\n"
        "      <-- KTABLE-TOSTREAM-0000000008\n"
        "\n";

    assert_string_equal(ks_topology_describe(f->topology), expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_word_of_a_line_is_counted_in_lower_case, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_stop_word_is_dropped_and_words_that_contain_it_are_not,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_go_on_from_line_to_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_without_words_lead_to_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_store_holds_the_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(words_pass_a_repartition_topic_and_counts_a_changelog,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_topology_is_described_as_java_describes_it, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
