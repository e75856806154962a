/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pattern.c - patterns of topic names: the whole name, as Java's Matcher#matches.
 */
#include "topology/topology.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void the_whole_name_must_match(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *topic;
        bool matches;
    } cases[] = {
        {"orders-.*", "orders-eu", true},
        {"orders-.*", "orders-", true},
        {"orders-.*", "orders", false},
        {"orders-.*", "my-orders-eu", false},
        {"orders", "orders2", false},
        {"a|ab", "ab", true}, /* the alternative that begins like it does not win */
        {"a|b", "ab", false},
        {"topic-\\d+", "topic-17", true},
        {"topic-\\d+", "topic-x", false},
        {"(?i)topic", "TOPIC", true},
        {"[^_].*", "_internal", false},
        {"(?!private).*", "private-1", false},
        {"(?!private).*", "public-1", true},
        {"^orders$", "orders", true}, /* anchors of one's own do no harm */
        {"topic.a", "topic.a", true},
        {"topic\\.a", "topicXa", false},
        {".*?", "", true},
        {"a++a", "aaa", false},
        {"\\Qa.b\\E", "a.b", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ks_error error = {0};
        ksi_pattern *pattern = ksi_pattern_compile(cases[i].pattern, &error);
        assert_non_null(pattern);
        assert_string_equal(ksi_pattern_text(pattern), cases[i].pattern);
        if (ksi_pattern_matches(pattern, cases[i].topic) != cases[i].matches) {
            fail_msg("%s and %s", cases[i].pattern, cases[i].topic);
        }
        ksi_pattern_free(pattern);
    }
    ksi_pattern_free(NULL);
}

static void what_is_no_pattern_is_refused_with_the_place(void **state)
{
    (void)state;
    static const char *const bad[] = {"(open", "a{2,1}", "[", "*", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ks_error error = {0};
        assert_null(ksi_pattern_compile(bad[i], &error));
        assert_int_equal(error.code, KS_E_ARGUMENT);
        assert_string_equal(error.where, bad[i]);
        assert_non_null(strstr(error.message, "at character"));
    }
}

/* The second alternative matches; the first is what never gets to it. */
static void matching_that_is_given_up_is_an_error_and_not_a_topic_less(void **state)
{
    (void)state;
    char topic[80];
    memset(topic, 'a', sizeof topic);
    memcpy(topic + sizeof topic - 2, "c", 2);
    ks_error error = {0};
    bool matches = true;
    ksi_pattern *pattern = ksi_pattern_compile("(a+)+b|a+c", &error);
    assert_non_null(pattern);
    assert_int_equal(ksi_pattern_match(pattern, topic, &matches, &error), KS_E_LIMIT);
    assert_string_equal(error.where, "(a+)+b|a+c");
    assert_non_null(strstr(error.message, "cannot be told"));
    assert_false(ksi_pattern_matches(pattern, topic));
    assert_int_equal(ksi_pattern_match(pattern, "ac", &matches, &error), KS_OK);
    assert_true(matches);
    ksi_pattern_free(pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_name_must_match),
        cmocka_unit_test(what_is_no_pattern_is_refused_with_the_place),
        cmocka_unit_test(matching_that_is_given_up_is_an_error_and_not_a_topic_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
