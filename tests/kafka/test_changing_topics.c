/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_changing_topics.c - input topics that grow, go, and come again while an application reads
 * them.
 *
 * In each test the application runs and has read before anything changes: what it reads at its
 * start is the business of others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "application.h"
#include "assert_ok.h"
#include "kafka_broker.h"

static const ks_serde *const text = &ks_serde_string;

/* Records pass from one topic to another. */
static ks_topology *passing(const char *in, const char *out)
{
    ks_builder *builder = ks_builder_new(NULL);
    ks_stream *stream = ks_builder_stream(builder, in, KS_CONSUMED(.key = text, .value = text));
    ks_stream_to(stream, out, KS_PRODUCED(.key = text, .value = text));
    return topology_built(builder);
}

/* The same from all topics that match. */
static ks_topology *matching(const char *pattern, const char *out)
{
    ks_builder *builder = ks_builder_new(NULL);
    ks_stream *stream =
        ks_builder_stream_matching(builder, pattern, KS_CONSUMED(.key = text, .value = text));
    ks_stream_to(stream, out, KS_PRODUCED(.key = text, .value = text));
    return topology_built(builder);
}

/* The values of each key are counted in a store with a changelog. */
static ks_topology *counting(const char *in, const char *out)
{
    ks_builder *builder = ks_builder_new(NULL);
    ks_stream *stream = ks_builder_stream(builder, in, KS_CONSUMED(.key = text, .value = text));
    ks_table *counts = ks_grouped_stream_count(
        ks_stream_group_by_key(stream, KS_GROUPED(.key = text, .value = text)),
        KS_MATERIALIZED(.name = "counts"));
    ks_stream_to(ks_table_to_stream(counts, NULL), out, KS_PRODUCED(.key = text));
    return topology_built(builder);
}

/* Into each partition one record of a key that says so: "<word>0", "<word>1"... */
static void write_each(const char *topic, int32_t partitions, const char *word)
{
    for (int32_t p = 0; p < partitions; p++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%s%d", word, p);
        topic_write(topic, p, key, "v");
    }
}

static void assert_each_once(const char *topic, int32_t partitions, const char *word)
{
    for (int32_t p = 0; p < partitions; p++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%s%d", word, p);
        topic_await(topic, key, 1);
        assert_int_equal(topic_count(topic, key, NULL), 1);
    }
}

/* ---- topics that grow ------------------------------------------------------------------------ */

static void partitions_that_are_added_are_read(void **state)
{
    (void)state;
    const char *in = kafka_name("growing-in");
    const char *out = kafka_name("growing-out");
    topic_make(in, 2);
    topic_make(out, 1);
    ks_topology *topology = passing(in, out);
    instance *one = instance_new(topology, kafka_name("growing"));
    instance_start(one);
    write_each(in, 2, "before");
    instance_wait(one);
    topic_grow(in, 5);
    write_each(in, 5, "after");
    assert_each_once(out, 5, "after");
    instance_wait(one);
    assert_each_once(out, 2, "before");
    instance_free(one);
    ks_topology_free(topology);
}

static void all_instances_read_partitions_that_are_added(void **state)
{
    (void)state;
    const char *in = kafka_name("growing-in");
    const char *out = kafka_name("growing-out");
    const char *application = kafka_name("growing");
    topic_make(in, 2);
    topic_make(out, 1);
    ks_topology *topology = passing(in, out);
    instance *early = instance_new(topology, application);
    instance *late = instance_new(topology, application);
    instance_set(late, "metadata.max.age.ms", "300000"); /* it is told by the group */
    instance_start(early);
    instance_start(late);
    write_each(in, 2, "before");
    instance_wait(early);
    instance_wait(late);
    topic_grow(in, 6);
    write_each(in, 6, "after");
    assert_each_once(out, 6, "after");
    assert_each_once(out, 2, "before");
    instance_wait(early);
    instance_wait(late);
    instance_free(early);
    instance_free(late);
    ks_topology_free(topology);
}

static void a_changelog_that_would_have_to_grow_ends_the_application(void **state)
{
    (void)state;
    ks_error error = {0};
    const char *in = kafka_name("growing-in");
    const char *out = kafka_name("growing-out");
    topic_make(in, 2);
    topic_make(out, 1);
    ks_topology *topology = counting(in, out);
    instance *one = instance_new(topology, kafka_name("growing"));
    instance_start(one);
    write_each(in, 2, "before");
    instance_wait(one);
    topic_grow(in, 3);
    instance_await_failure(one, KS_E_TOPOLOGY, &error);
    assert_non_null(strstr(error.where, "-counts-changelog"));
    assert_non_null(strstr(error.message, "2 partitions and the application needs 3"));
    instance_free(one);
    ks_topology_free(topology);
}

/* ---- topics that go -------------------------------------------------------------------------- */

static void an_input_topic_that_is_deleted_ends_the_application(void **state)
{
    (void)state;
    static const char *const guarantees[] = {"at_least_once", "exactly_once_v2"};
    for (size_t i = 0; i < 2; i++) {
        ks_error error = {0};
        const char *in = kafka_name("deleted-in");
        const char *out = kafka_name("deleted-out");
        topic_make(in, 2);
        topic_make(out, 1);
        ks_topology *topology = passing(in, out);
        instance *one = instance_new(topology, kafka_name("deleted"));
        instance_set(one, "processing.guarantee", guarantees[i]);
        instance_start(one);
        write_each(in, 2, "before");
        instance_wait(one);
        topic_delete(in);
        instance_await_failure(one, KS_E_UNKNOWN_TOPIC, &error);
        assert_string_equal(error.where, in);
        assert_non_null(strstr(error.message, "was deleted while the application ran"));
        instance_free(one);
        ks_topology_free(topology);
    }
}

static void a_topic_of_a_pattern_may_come_and_go(void **state)
{
    (void)state;
    static const char *const guarantees[] = {"at_least_once", "exactly_once_v2"};
    for (size_t i = 0; i < 2; i++) {
        char first[160];
        char second[160];
        char pattern[160];
        const char *base = kafka_name("matched");
        const char *out = kafka_name("pattern-out");
        (void)snprintf(first, sizeof first, "%s-a", base);
        (void)snprintf(second, sizeof second, "%s-b", base);
        (void)snprintf(pattern, sizeof pattern, "%s-.*", base);
        topic_make(first, 1);
        topic_make(out, 1);
        ks_topology *topology = matching(pattern, out);
        instance *one = instance_new(topology, kafka_name("pattern"));
        instance_set(one, "processing.guarantee", guarantees[i]);
        instance_start(one);
        topic_write(first, 0, "first", "1");
        instance_wait(one);
        topic_make(second, 2);
        write_each(second, 2, "second");
        assert_each_once(out, 2, "second");
        instance_wait(one);
        topic_delete(first);
        instance_await_line(one, "no longer there");
        write_each(second, 2, "later");
        assert_each_once(out, 2, "later");
        instance_wait(one);
        assert_int_equal(topic_count(out, "first", NULL), 1);
        instance_free(one);
        ks_topology_free(topology);
    }
}

/* ---- topics that come again ------------------------------------------------------------------ */

static void a_topic_that_was_made_anew_is_read_by_the_reset_policy(void **state)
{
    (void)state;
    const char *in = kafka_name("anew-in");
    const char *out = kafka_name("anew-out");
    topic_make(in, 1);
    topic_make(out, 1);
    ks_topology *topology = passing(in, out);
    instance *one = instance_new(topology, kafka_name("anew"));
    /* What is deleted and made again between two looks, only the positions tell. */
    instance_set(one, "metadata.max.age.ms", "300000");
    instance_start(one);
    for (int i = 0; i < 10; i++) {
        topic_write(in, 0, "before", "v");
    }
    instance_wait(one);
    topic_delete(in);
    topic_make(in, 1);
    for (int i = 0; i < 3; i++) {
        topic_write(in, 0, "after", "v");
    }
    topic_await(out, "after", 3);
    assert_int_equal(topic_count(out, "before", NULL), 10);
    assert_int_equal(topic_count(out, "after", NULL), 3);
    instance_await_line(one, "reset policy");
    topic_write(in, 0, "after", "v");
    topic_await(out, "after", 4);
    instance_wait(one);
    instance_free(one);
    ks_topology_free(topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_that_are_added_are_read),
        cmocka_unit_test(all_instances_read_partitions_that_are_added),
        cmocka_unit_test(a_changelog_that_would_have_to_grow_ends_the_application),
        cmocka_unit_test(an_input_topic_that_is_deleted_ends_the_application),
        cmocka_unit_test(a_topic_of_a_pattern_may_come_and_go),
        cmocka_unit_test(a_topic_that_was_made_anew_is_read_by_the_reset_policy),
    };
    return cmocka_run_group_tests(tests, NULL, topics_close);
}
