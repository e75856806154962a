/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_config.c - setting and reading: what holds, under which name, and what is refused.
 */
#include "config_test.h"

#include <stdio.h>
#include <string.h>

/* ---- setting --------------------------------------------------------------------------------- */

static void a_value_is_kept_as_it_was_written_without_the_blanks_around_it(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    assert_taken(config, "application.id", "  orders \t");
    assert_string_equal(ks_config_get(config, "application.id"), "orders");
    assert_taken(config, "commit.interval.ms", " +0100 ");
    assert_string_equal(ks_config_get(config, "commit.interval.ms"), "+0100");
    assert_true(ksi_config_i64(config, "commit.interval.ms") == 100);
    ks_config_free(config);
}

static void a_later_value_replaces_an_earlier_one_and_keeps_its_place(void **state)
{
    (void)state;
    ks_config *config = config_of("client.id", "one", "poll.ms", "5", "client.id", "two", NULL);
    const char *name = NULL;
    const char *value = NULL;
    size_t at = 0;
    assert_true(ksi_config_at(config, &at, &name, &value));
    assert_string_equal(name, "client.id");
    assert_string_equal(value, "two");
    at++;
    assert_true(ksi_config_at(config, &at, &name, &value));
    assert_string_equal(name, "poll.ms");
    at++;
    assert_false(ksi_config_at(config, &at, &name, &value));
    ks_config_free(config);
}

static void a_value_may_be_set_to_what_it_is(void **state)
{
    (void)state;
    ks_config *config = config_of("client.id", "one", NULL);
    assert_taken(config, "client.id", ks_config_get(config, "client.id"));
    assert_string_equal(ks_config_get(config, "client.id"), "one");
    ks_config_free(config);
}

static void a_refused_value_leaves_the_earlier_one(void **state)
{
    (void)state;
    ks_config *config = config_of("poll.ms", "5", NULL);
    assert_int_equal(ks_config_set(config, "poll.ms", "-1", NULL), KS_E_CONFIG);
    assert_true(ksi_config_i64(config, "poll.ms") == 5);
    ks_config_free(config);
}

static void null_arguments_are_an_error(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    ks_error error = {0};
    assert_int_equal(ks_config_set(NULL, "poll.ms", "5", &error), KS_E_ARGUMENT);
    assert_int_equal(ks_config_set(config, NULL, "5", &error), KS_E_ARGUMENT);
    assert_int_equal(ks_config_set(config, "poll.ms", NULL, &error), KS_E_ARGUMENT);
    assert_null(ks_config_get(config, NULL));
    assert_string_equal(ks_config_get(NULL, "poll.ms"), "100");
    ks_config_free(NULL);
    ks_config_free(config);
}

static void an_unknown_name_is_refused_with_the_nearest_one(void **state)
{
    (void)state;
    assert_refused("comit.interval.ms", "1", KS_E_CONFIG,
                   PARTS("no such property", "did you mean `commit.interval.ms`?"));
    assert_refused("fetch.min.byte", "1", KS_E_CONFIG, PARTS("did you mean `fetch.min.bytes`?"));
    assert_refused("the quick brown fox", "1", KS_E_CONFIG,
                   PARTS("none comes near", "`consumer.` or `producer.`"));
    assert_refused("", "1", KS_E_CONFIG, PARTS("no such property"));
}

/* ---- reading --------------------------------------------------------------------------------- */

static void what_is_not_set_has_the_default_of_kafka(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    assert_string_equal(ks_config_get(config, "commit.interval.ms"), "30000");
    assert_true(ksi_config_i64(config, "max.task.idle.ms") == 0);
    assert_int_equal(ksi_config_i32(config, "buffered.records.per.partition"), 1000);
    assert_false(ksi_config_bool(config, "ensure.explicit.internal.resource.naming"));
    assert_true(ksi_config_bool(config, "enable.metrics.push"));
    assert_string_equal(ksi_config_choice(config, "deserialization.exception.handler"),
                        "LogAndFail");
    assert_string_equal(ksi_config_choice(config, "default.timestamp.extractor"), "fail");
    assert_string_equal(ksi_config_text(config, "state.dir"), "/tmp/kafka-streams");
    assert_true(ksi_config_cache_max_bytes(config) == 10485760);
    ks_config_free(config);
}

static void what_has_no_default_is_null(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    assert_null(ks_config_get(config, "application.id"));
    assert_null(ks_config_get(config, "errors.dead.letter.queue.topic.name"));
    assert_null(ks_config_get(config, "no.such.property"));
    assert_null(ks_config_get(config, "consumer.fetch.min.bytes"));
    assert_null(ksi_config_text(config, "errors.dead.letter.queue.topic.name"));
    assert_null(ksi_config_choice(config, "default.key.serde"));
    ks_config_free(config);
}

static void two_defaults_follow_another_property(void **state)
{
    (void)state;
    ks_config *config =
        config_of("processing.guarantee", "exactly_once_v2", "reconnect.backoff.ms", "2000", NULL);
    assert_true(ksi_config_exactly_once(config));
    assert_true(ksi_config_i64(config, "commit.interval.ms") == 100);
    assert_string_equal(ks_config_get(config, "commit.interval.ms"), "100");
    assert_true(ksi_config_i64(config, "reconnect.backoff.max.ms") == 2000);
    ks_config_free(config);
    config = config_of("processing.guarantee", "exactly_once_v2", "commit.interval.ms", "7",
                       "reconnect.backoff.ms", "2000", "reconnect.backoff.max.ms", "9", NULL);
    assert_true(ksi_config_i64(config, "commit.interval.ms") == 7);
    assert_true(ksi_config_i64(config, "reconnect.backoff.max.ms") == 9);
    ks_config_free(config);
}

static void a_class_is_named_in_three_ways_and_read_in_one(void **state)
{
    (void)state;
    static const char *const names[] = {
        "LogAndContinue", "LogAndContinueExceptionHandler",
        "org.apache.kafka.streams.errors.LogAndContinueExceptionHandler"};
    for (size_t i = 0; i < 3; i++) {
        ks_config *config = ks_config_new();
        assert_taken(config, "deserialization.exception.handler", names[i]);
        assert_string_equal(ksi_config_choice(config, "deserialization.exception.handler"),
                            "LogAndContinue");
        assert_string_equal(ks_config_get(config, "deserialization.exception.handler"), names[i]);
        ks_config_free(config);
    }
    ks_config *config = ks_config_new();
    assert_taken(config, "default.key.serde",
                 "org.apache.kafka.common.serialization.Serdes$LongSerde");
    assert_taken(config, "default.value.serde", "i64");
    assert_taken(config, "default.timestamp.extractor", "WallclockTimestampExtractor");
    assert_taken(config, "processing.exception.handler",
                 "LogAndContinueProcessingExceptionHandler");
    assert_taken(config, "production.exception.handler", "DefaultProductionExceptionHandler");
    assert_taken(config, "dsl.store.suppliers.class", "InMemoryDslStoreSuppliers");
    assert_string_equal(ksi_config_choice(config, "default.key.serde"), "long");
    assert_string_equal(ksi_config_choice(config, "default.value.serde"), "i64");
    assert_string_equal(ksi_config_choice(config, "default.timestamp.extractor"), "wallclock");
    assert_string_equal(ksi_config_choice(config, "processing.exception.handler"),
                        "LogAndContinue");
    assert_string_equal(ksi_config_choice(config, "production.exception.handler"), "Default");
    assert_string_equal(ksi_config_choice(config, "dsl.store.suppliers.class"), "in_memory");
    ks_config_free(config);
    assert_refused("deserialization.exception.handler", "com.example.MyHandler", KS_E_CONFIG,
                   PARTS("one of LogAndFail, LogAndContinue", "other classes are Java code"));
    assert_refused("processing.exception.handler", "LogAndFailExceptionHandler", KS_E_CONFIG,
                   PARTS("one of LogAndFail, LogAndContinue"));
}

static void a_deprecated_name_counts_when_it_alone_is_set(void **state)
{
    (void)state;
    ks_config *config =
        config_of("cache.max.bytes.buffering", "7", "default.deserialization.exception.handler",
                  "LogAndContinue", "default.dsl.store", "in_memory", NULL);
    assert_true(ksi_config_cache_max_bytes(config) == 7);
    assert_true(ksi_config_i64(config, "statestore.cache.max.bytes") == 7);
    assert_string_equal(ksi_config_choice(config, "deserialization.exception.handler"),
                        "LogAndContinue");
    assert_string_equal(ksi_config_choice(config, "dsl.store.suppliers.class"), "in_memory");
    /* The text is of exactly the name that was asked for. */
    assert_string_equal(ks_config_get(config, "statestore.cache.max.bytes"), "10485760");
    ks_config_free(config);
}

static void the_newer_name_goes_before_the_deprecated_one_in_either_order(void **state)
{
    (void)state;
    ks_config *config = config_of("statestore.cache.max.bytes", "1", "cache.max.bytes.buffering",
                                  "2", "default.dsl.store", "in_memory",
                                  "dsl.store.suppliers.class", "RocksDBDslStoreSuppliers", NULL);
    assert_true(ksi_config_cache_max_bytes(config) == 1);
    assert_string_equal(ksi_config_choice(config, "dsl.store.suppliers.class"), "rocksDB");
    ks_config_free(config);
}

static void a_copy_is_a_set_of_its_own(void **state)
{
    (void)state;
    ks_config *config = config_of("client.id", "one", "num.stream.threads", "4", NULL);
    ks_config *copy = ksi_config_copy(config);
    assert_taken(config, "client.id", "two");
    assert_string_equal(ks_config_get(copy, "client.id"), "one");
    assert_int_equal(ksi_config_i32(copy, "num.stream.threads"), 4);
    assert_true(ksi_config_is_set(copy, "client.id"));
    ks_config_free(config);
    ks_config_free(copy);
    copy = ksi_config_copy(NULL);
    assert_false(ksi_config_is_set(copy, "client.id"));
    ks_config_free(copy);
}

/* ---- what is not built ----------------------------------------------------------------------- */

static void what_would_change_results_is_refused_as_not_built(void **state)
{
    (void)state;
    assert_refused("dsl.store.format", "headers", KS_E_NOT_BUILT,
                   PARTS("not built in this version", "headers", "only \"DEFAULT\" is taken"));
    assert_refused("rocksdb.config.setter", "com.example.Tuning", KS_E_NOT_BUILT,
                   PARTS("com.example.Tuning", "leave the property out"));
    assert_refused("config.providers", "file", KS_E_NOT_BUILT, PARTS("leave the property out"));
    assert_refused("__processing.threads.enabled__", "true", KS_E_NOT_BUILT, PARTS("thread"));
}

static void what_the_runtime_goes_by_is_taken(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    assert_taken(config, "processing.guarantee", "exactly_once_v2");
    assert_true(ksi_config_i64(config, "commit.interval.ms") == 100);
    assert_taken(config, "num.standby.replicas", "2");
    assert_refused("num.standby.replicas", "-1", KS_E_CONFIG, PARTS("0"));
    assert_taken(config, "num.stream.threads", "8");
    assert_taken(config, "topology.optimization", "all");
    assert_taken(config, "repartition.purge.interval.ms", "1000");
    assert_taken(config, "session.timeout.ms", "6000");
    assert_taken(config, "consumer.session.timeout.ms", "7000");
    assert_taken(config, "main.consumer.max.poll.interval.ms", "60000");
    assert_taken(config, "producer.buffer.memory", "4294967296");
    ks_config_free(config);
}

static void numbers_of_clients_that_the_runtime_goes_by_are_checked(void **state)
{
    (void)state;
    assert_refused("session.timeout.ms", "soon", KS_E_CONFIG,
                   PARTS("whole number from 1 to 2147483647", "\"soon\"", "45000"));
    assert_refused("main.consumer.session.timeout.ms", "0", KS_E_CONFIG, PARTS("from 1 to"));
    assert_refused("max.poll.interval.ms", "2147483648", KS_E_CONFIG, PARTS("300000"));
    assert_refused("producer.buffer.memory", "-1", KS_E_CONFIG, PARTS("33554432"));
    ks_config *config = ks_config_new(); /* this one has no group */
    assert_taken(config, "restore.consumer.session.timeout.ms", "soon");
    ks_config_free(config);
}

static void the_default_of_what_is_not_built_is_taken(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    assert_taken(config, "dsl.store.format", "default");
    assert_taken(config, "config.providers", "");
    ks_config_free(config);
}

static void a_value_that_kafka_refuses_is_a_configuration_error_also_where_nothing_is_built(
    void **state)
{
    (void)state;
    assert_refused("processing.guarantee", "exactly_once", KS_E_CONFIG,
                   PARTS("one of at_least_once, exactly_once_v2"));
    assert_refused("topology.optimization", "none,all", KS_E_CONFIG, PARTS("none"));
    assert_refused("num.stream.threads", "many", KS_E_CONFIG, PARTS("32 bits"));
    assert_refused("max.warmup.replicas", "0", KS_E_CONFIG, PARTS("at least 1"));
    assert_refused("probing.rebalance.interval.ms", "59999", KS_E_CONFIG, PARTS("60000"));
    assert_refused("upgrade.from", "2.3", KS_E_CONFIG, PARTS("2.4", "4.2"));
    assert_refused("metrics.recording.level", "info", KS_E_CONFIG, PARTS("one of INFO"));
    assert_refused("bootstrap.servers", "a:1,", KS_E_CONFIG, PARTS("item 2"));
}

static void tools_may_set_what_is_not_built(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    ks_error error = {0};
    assert_int_equal(ksi_config_set_any(config, "num.stream.threads", "2", &error), KS_OK);
    assert_int_equal(ksi_config_set_any(config, "partitioner.ignore.keys", "true", &error), KS_OK);
    assert_int_equal(ksi_config_set_any(config, "num.stream.threads", "x", &error), KS_E_CONFIG);
    assert_int_equal(ksi_config_i32(config, "num.stream.threads"), 2);
    ks_config_free(config);
}

/* ---- properties of clients ------------------------------------------------------------------- */

static void a_prefix_takes_any_name_and_without_one_only_known_names_are_taken(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    assert_taken(config, "consumer.fetch.min.bytes", "1");
    assert_taken(config, "main.consumer.made.up", "x");
    assert_taken(config, "restore.consumer.fetch.max.bytes", "x");
    assert_taken(config, "global.consumer.fetch.max.bytes", "x");
    assert_taken(config, "producer.statistics.interval.ms", "0");
    assert_taken(config, "admin.retries", "3");
    assert_taken(config, "topic.segment.bytes", "1048576");
    assert_taken(config, "client.tag.zone", "a");
    assert_taken(config, "linger.ms", "5");
    ks_config_free(config);
    assert_refused("statistics.interval.ms", "0", KS_E_CONFIG, PARTS("no such property"));
    assert_refused("producer.", "0", KS_E_CONFIG, PARTS("write `producer.NAME`"));
}

static void the_most_special_prefix_goes_first(void **state)
{
    (void)state;
    ks_config *config = config_of("fetch.max.bytes", "1", "consumer.fetch.max.bytes", "2",
                                  "main.consumer.fetch.max.bytes", "3", "linger.ms", "4", NULL);
    const char *name = "fetch.max.bytes";
    assert_string_equal(ksi_config_client(config, KSI_CLIENT_MAIN_CONSUMER, name), "3");
    assert_string_equal(ksi_config_client(config, KSI_CLIENT_RESTORE_CONSUMER, name), "2");
    assert_string_equal(ksi_config_client(config, KSI_CLIENT_GLOBAL_CONSUMER, name), "2");
    assert_string_equal(ksi_config_client(config, KSI_CLIENT_PRODUCER, name), "1");
    assert_string_equal(ksi_config_client(config, KSI_CLIENT_PRODUCER, "linger.ms"), "4");
    assert_null(ksi_config_client(config, KSI_CLIENT_PRODUCER, "acks"));
    assert_null(ksi_config_client(config, KSI_CLIENT_INTERNAL_TOPIC, "linger.ms"));
    ks_config_free(config);
}

static void clients_properties_that_would_change_results_are_refused(void **state)
{
    (void)state;
    assert_refused("auto.offset.reset", "by_duration:1 day", KS_E_CONFIG,
                   PARTS("\"by_duration:1 day\" is no value of it"));
    assert_refused("main.consumer.auto.offset.reset", "newest", KS_E_CONFIG,
                   PARTS("\"newest\" is no value of it"));
    assert_refused("producer.partitioner.class", "com.example.P", KS_E_NOT_BUILT,
                   PARTS("ks_partitioner"));
    assert_refused("partitioner.ignore.keys", "true", KS_E_NOT_BUILT, PARTS("one key"));
    assert_refused("interceptor.classes", "com.example.I", KS_E_NOT_BUILT, PARTS("Java code"));
    assert_refused("topic.message.timestamp.type", "LogAppendTime", KS_E_NOT_BUILT,
                   PARTS("timestamps of the records"));
    ks_config *config = ks_config_new();
    assert_taken(config, "auto.offset.reset", "earliest");
    assert_taken(config, "auto.offset.reset", "latest");
    assert_taken(config, "auto.offset.reset", "by_duration:P1DT12H");
    assert_taken(config, "consumer.auto.offset.reset", "none");
    assert_taken(config, "partitioner.ignore.keys", "false");
    assert_taken(config, "interceptor.classes", "");
    assert_taken(config, "topic.message.timestamp.type", "CreateTime");
    ks_config_free(config);
}

static void a_client_tag_has_java_s_limits_in_characters(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    assert_taken(config, "client.tag.abcdefghijklmnopqrst", "123456789012345678901234567890");
    assert_taken(config,
                 "client.tag.\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9",
                 "\u00e9");
    ks_config_free(config);
    assert_refused("client.tag.abcdefghijklmnopqrstu", "x", KS_E_CONFIG,
                   PARTS("at most 20 characters; this one has 21"));
    assert_refused("client.tag.zone", "1234567890123456789012345678901", KS_E_CONFIG,
                   PARTS("at most 30 characters; this one has 31"));
    assert_refused("client.tag.zone", " ", KS_E_CONFIG, PARTS("must not be empty"));
    assert_refused("client.tag.", "x", KS_E_CONFIG, PARTS("client.tag.NAME"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_kept_as_it_was_written_without_the_blanks_around_it),
        cmocka_unit_test(a_later_value_replaces_an_earlier_one_and_keeps_its_place),
        cmocka_unit_test(a_value_may_be_set_to_what_it_is),
        cmocka_unit_test(a_refused_value_leaves_the_earlier_one),
        cmocka_unit_test(null_arguments_are_an_error),
        cmocka_unit_test(an_unknown_name_is_refused_with_the_nearest_one),
        cmocka_unit_test(what_is_not_set_has_the_default_of_kafka),
        cmocka_unit_test(what_has_no_default_is_null),
        cmocka_unit_test(two_defaults_follow_another_property),
        cmocka_unit_test(a_class_is_named_in_three_ways_and_read_in_one),
        cmocka_unit_test(a_deprecated_name_counts_when_it_alone_is_set),
        cmocka_unit_test(the_newer_name_goes_before_the_deprecated_one_in_either_order),
        cmocka_unit_test(a_copy_is_a_set_of_its_own),
        cmocka_unit_test(what_would_change_results_is_refused_as_not_built),
        cmocka_unit_test(what_the_runtime_goes_by_is_taken),
        cmocka_unit_test(numbers_of_clients_that_the_runtime_goes_by_are_checked),
        cmocka_unit_test(the_default_of_what_is_not_built_is_taken),
        cmocka_unit_test(
            a_value_that_kafka_refuses_is_a_configuration_error_also_where_nothing_is_built),
        cmocka_unit_test(tools_may_set_what_is_not_built),
        cmocka_unit_test(a_prefix_takes_any_name_and_without_one_only_known_names_are_taken),
        cmocka_unit_test(the_most_special_prefix_goes_first),
        cmocka_unit_test(clients_properties_that_would_change_results_are_refused),
        cmocka_unit_test(a_client_tag_has_java_s_limits_in_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
