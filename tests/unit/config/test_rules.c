/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rules.c - what properties demand of one another, and what is said of those that do not do
 * what they say.
 *
 * The streams protocol is not built; its rules are, and are tested on sets that may hold anything.
 */
#include "config_test.h"

#include <string.h>

/* ---- rules ----------------------------------------------------------------------------------- */

/* Takes the set. */
static void assert_valid(ks_config *config)
{
    ks_error error = {0};
    if (ksi_config_validate(config, &error) != KS_OK) {
        fail_msg("%s: %s", error.where, error.message);
    }
    ks_config_free(config);
}

/* Takes the set. */
static void assert_invalid(ks_config *config, const char *where, const char *part)
{
    ks_error error = {0};
    assert_int_equal(ksi_config_validate(config, &error), KS_E_CONFIG);
    assert_string_equal(error.where, where);
    assert_contains(error.message, part);
    ks_config_free(config);
}

static void an_empty_set_is_valid(void **state)
{
    (void)state;
    assert_valid(ks_config_new());
}

static void a_transaction_lasts_at_least_a_commit_interval(void **state)
{
    (void)state;
    static const char name[] = "producer.transaction.timeout.ms";
    assert_valid(config_of("processing.guarantee", "exactly_once_v2", NULL));
    assert_valid(
        config_of("processing.guarantee", "exactly_once_v2", "commit.interval.ms", "10000", NULL));
    assert_invalid(
        config_of("processing.guarantee", "exactly_once_v2", "commit.interval.ms", "10001", NULL),
        name, "a transaction may last 10000 ms, but a commit comes only every 10001 ms");
    assert_valid(config_of("processing.guarantee", "exactly_once_v2", "commit.interval.ms", "10001",
                           name, "10001", NULL));
    assert_invalid(config_of("processing.guarantee", "exactly_once_v2", name, "99", NULL), name,
                   "every 100 ms");
    assert_invalid(config_of("processing.guarantee", "exactly_once_v2", name, "soon", NULL), name,
                   "32 bits; it is \"soon\"");
    assert_invalid(config_of("processing.guarantee", "exactly_once_v2", name, "2147483648", NULL),
                   name, "32 bits");
    /* Without its prefix Java does not look at it. */
    assert_invalid(config_of("processing.guarantee", "exactly_once_v2", "commit.interval.ms",
                             "10001", "transaction.timeout.ms", "10001", NULL),
                   name, "10000 ms");
    assert_valid(config_of("commit.interval.ms", "10001", name, "soon", NULL));
}

static void exactly_once_keeps_at_most_five_requests_in_flight(void **state)
{
    (void)state;
    static const char name[] = "max.in.flight.requests.per.connection";
    static const char prefixed[] = "producer.max.in.flight.requests.per.connection";
    static const char odd[] = "consumer.max.in.flight.requests.per.connection";
    assert_valid(config_of("processing.guarantee", "exactly_once_v2", name, "5", NULL));
    assert_invalid(config_of("processing.guarantee", "exactly_once_v2", name, "6", NULL), name,
                   "at most 5 under exactly_once_v2; it is 6");
    assert_invalid(config_of("processing.guarantee", "exactly_once_v2", prefixed, "6", NULL), name,
                   "at most 5");
    assert_valid(
        config_of("processing.guarantee", "exactly_once_v2", name, "6", prefixed, "5", NULL));
    assert_invalid(config_of("processing.guarantee", "exactly_once_v2", odd, "6", NULL), odd,
                   "at most 5");
    assert_invalid(config_of("processing.guarantee", "exactly_once_v2", name, "few", NULL), name,
                   "it is \"few\"");
    assert_valid(config_of(name, "6", prefixed, "many", NULL));
}

static void there_are_at_most_five_client_tags(void **state)
{
    (void)state;
    assert_valid(config_of("client.tag.a", "1", "client.tag.b", "1", "client.tag.c", "1",
                           "client.tag.d", "1", "client.tag.e", "1", NULL));
    assert_invalid(config_of("client.tag.a", "1", "client.tag.b", "1", "client.tag.c", "1",
                             "client.tag.d", "1", "client.tag.e", "1", "client.tag.f", "1", NULL),
                   "client.tag.", "at most 5 client tags; 6 are set");
}

static void tags_of_the_assignment_are_tags_of_this_instance(void **state)
{
    (void)state;
    assert_valid(config_of("rack.aware.assignment.tags", "zone , rack", "client.tag.zone", "a",
                           "client.tag.rack", "b", NULL));
    assert_invalid(
        config_of("rack.aware.assignment.tags", "zone,rack", "client.tag.zone", "a", NULL),
        "rack.aware.assignment.tags",
        "\"rack\", which this instance has not; set "
        "`client.tag.rack`");
}

static void clients_push_metrics_when_the_application_does(void **state)
{
    (void)state;
    static const char *const names[] = {"main.consumer.enable.metrics.push",
                                        "admin.enable.metrics.push",
                                        "consumer.enable.metrics.push"};
    for (size_t i = 0; i < 3; i++) {
        assert_invalid(config_of(names[i], "false", NULL), names[i], "set both alike");
        assert_valid(config_of(names[i], "false", "enable.metrics.push", "false", NULL));
        assert_valid(config_of(names[i], "true", NULL));
    }
    /* The more special ones decide. */
    assert_valid(config_of(names[2], "false", names[0], "true", NULL));
}

static void heartbeats_keep_a_session_alive(void **state)
{
    (void)state;
    static const char *const names[] = {"heartbeat.interval.ms", "consumer.heartbeat.interval.ms",
                                        "main.consumer.heartbeat.interval.ms"};
    for (size_t i = 0; i < 3; i++) {
        assert_valid(config_of(names[i], "44999", NULL));
        assert_invalid(config_of(names[i], "45000", NULL), names[0],
                       "every 45000 ms does not keep a session of 45000 ms alive");
        assert_valid(config_of(names[i], "45000", "session.timeout.ms", "45001", NULL));
        assert_invalid(config_of(names[i], "6000", "session.timeout.ms", "6000", NULL), names[0],
                       "lower the one or raise the other");
    }
    assert_valid(config_of("session.timeout.ms", "1000", NULL));
}

static void the_streams_protocol_has_no_static_members(void **state)
{
    (void)state;
    static const char *const names[] = {"group.instance.id", "consumer.group.instance.id",
                                        "main.consumer.group.instance.id"};
    for (size_t i = 0; i < 3; i++) {
        assert_invalid(config_of("group.protocol", "Streams", names[i], "a", NULL),
                       "group.instance.id", "no static members");
        assert_valid(config_of("group.protocol", "classic", names[i], "a", NULL));
    }
    assert_invalid(config_of("group.protocol", "streams", "group.instance.id", "", NULL),
                   "group.instance.id", "no static members");
    assert_valid(
        config_of("group.protocol", "streams", "restore.consumer.group.instance.id", "a", NULL));
}

static void a_producer_waits_for_a_number_of_acknowledgements_that_there_is(void **state)
{
    (void)state;
    static const char *const names[] = {"acks", "producer.acks"};
    static const char *const good[] = {"all", "-1", "0", "1"};
    static const char *const bad[] = {"7", "2", "ALL", "none", "-2"};
    for (size_t i = 0; i < 2; i++) {
        for (size_t g = 0; g < 4; g++) {
            assert_valid(config_of(names[i], good[g], NULL));
        }
        for (size_t b = 0; b < 5; b++) {
            assert_invalid(config_of(names[i], bad[b], NULL), "acks", "must be all, -1, 0 or 1");
        }
        assert_invalid(config_of(names[i], "1", "processing.guarantee", "exactly_once_v2", NULL),
                       "acks", "must be all under exactly_once_v2; it is \"1\"");
        assert_invalid(config_of(names[i], "0", "producer.enable.idempotence", "true", NULL),
                       "acks", "must be all under enable.idempotence; it is \"0\"");
        assert_valid(config_of(names[i], "1", "producer.enable.idempotence", "false", NULL));
        assert_valid(config_of(names[i], "-1", "processing.guarantee", "exactly_once_v2", NULL));
    }
    assert_valid(config_of("acks", "7", "producer.acks", "1", NULL));
}

static void a_topic_has_a_copy_at_least(void **state)
{
    (void)state;
    static const char name[] = "replication.factor";
    assert_valid(config_of(name, "-1", NULL));
    assert_valid(config_of(name, "1", NULL));
    assert_valid(config_of(name, "32767", NULL));
    static const char *const bad[] = {"0", "-2", "32768", "-65535"};
    for (size_t i = 0; i < 4; i++) {
        assert_invalid(config_of(name, bad[i], NULL), name,
                       "or -1, which leaves it to the brokers");
    }
}

static void a_segment_has_room_for_a_batch(void **state)
{
    (void)state;
    static const char name[] = "topic.segment.bytes";
    assert_valid(config_of(name, "11", "batch.size", "11", NULL));
    assert_invalid(config_of(name, "10", "batch.size", "11", NULL), name,
                   "a segment of 10 bytes has no room for a producer's batch of 11");
    assert_invalid(config_of(name, "10", "producer.batch.size", "11", NULL), name, "no room");
    assert_valid(config_of(name, "10", "batch.size", "11", "producer.batch.size", "9", NULL));
    assert_invalid(config_of(name, "x", "batch.size", "11", NULL), name, "it is \"x\"");
    assert_valid(config_of(name, "10", NULL));
}

/* ---- notices --------------------------------------------------------------------------------- */

typedef struct notices {
    int count;
    char name[128];
    char message[512];
} notices;

static void take_notice(const char *name, const char *message, void *user)
{
    notices *taken = user;
    taken->count++;
    assert_true(strlen(name) < sizeof taken->name && strlen(message) < sizeof taken->message);
    memcpy(taken->name, name, strlen(name) + 1);
    memcpy(taken->message, message, strlen(message) + 1);
}

/* The last notice of the set, which is freed: on a cluster, or on the embedded log. */
static notices notices_on(bool has_clients, ks_config *config)
{
    notices taken = {0};
    ksi_config_each_notice(config, has_clients, take_notice, &taken);
    ks_config_free(config);
    return taken;
}

static notices notices_of(ks_config *config)
{
    return notices_on(false, config);
}

static void assert_notice(ks_config *config, const char *name, const char *part)
{
    notices taken = notices_of(config);
    assert_int_equal(taken.count, 1);
    assert_string_equal(taken.name, name);
    assert_contains(taken.message, part);
}

static void what_works_or_is_set_to_its_default_gets_no_notice(void **state)
{
    (void)state;
    notices taken = notices_of(
        config_of("application.id", "orders", "bootstrap.servers", "embedded:", "poll.ms", "7",
                  "replication.factor", "-1", "security.protocol", "plaintext",
                  "acceptable.recovery.lag", "+10000", "enable.auto.commit", "false",
                  "auto.offset.reset", "latest", "processing.guarantee", "at_least_once", NULL));
    if (taken.count > 0) {
        fail_msg("%s: %s", taken.name, taken.message);
    }
    assert_int_equal(notices_of(ks_config_new()).count, 0);
}

static void what_has_no_effect_is_said_with_its_reason(void **state)
{
    (void)state;
    const ksi_property *inert = ksi_property_find("acceptable.recovery.lag");
    assert_notice(config_of("acceptable.recovery.lag", "7", NULL), "acceptable.recovery.lag",
                  inert->reason);
    assert_notice(config_of("security.protocol", "SASL_SSL", NULL), "security.protocol",
                  "has no effect: ");
}

static void every_property_without_effect_has_a_notice(void **state)
{
    (void)state;
    const ksi_property_table *table = NULL;
    int inert = 0;
    for (size_t t = 0; (table = ksi_property_table_at(t)) != NULL; t++) {
        for (size_t r = 0; r < table->count; r++) {
            const ksi_property *row = &table->rows[r];
            bool number = row->type == KSI_PROPERTY_I64 || row->type == KSI_PROPERTY_I32;
            bool without_effect =
                row->support == KSI_SUPPORT_INERT || row->support == KSI_SUPPORT_CLIENTS;
            if (without_effect && number) {
                assert_notice(config_of(row->name, "600001", NULL), row->name, row->reason);
                inert++;
            }
        }
    }
    assert_true(inert > 10);
}

static void a_deprecated_name_is_said_to_be_that(void **state)
{
    (void)state;
    assert_notice(config_of("cache.max.bytes.buffering", "0", NULL), "cache.max.bytes.buffering",
                  "deprecated since 3.4; use statestore.cache.max.bytes");
    notices taken = notices_of(
        config_of("statestore.cache.max.bytes", "0", "cache.max.bytes.buffering", "5", NULL));
    assert_int_equal(taken.count, 1);
    assert_string_equal(taken.name, "cache.max.bytes.buffering");
    assert_contains(taken.message, "ignored, because statestore.cache.max.bytes is set");
}

static void what_kafka_streams_overrides_is_said_with_the_value_that_holds(void **state)
{
    (void)state;
    assert_notice(config_of("consumer.enable.auto.commit", "true", NULL),
                  "consumer.enable.auto.commit", "ignored, \"false\" is used instead: ");
    assert_notice(config_of("group.id", "mine", NULL), "group.id",
                  "ignored: the group is the application.id");
    assert_notice(config_of("restore.consumer.auto.offset.reset", "latest", NULL),
                  "restore.consumer.auto.offset.reset", "\"none\" is used instead");
}

static void some_overrides_hold_under_exactly_once_only(void **state)
{
    (void)state;
    assert_notice(config_of("isolation.level", "read_uncommitted", NULL), "isolation.level",
                  "has no effect: the embedded log has no such client");
    assert_notice(config_of("processing.guarantee", "exactly_once_v2", "isolation.level",
                            "read_uncommitted", NULL),
                  "isolation.level", "ignored, \"read_committed\" is used instead");
    assert_notice(config_of("processing.guarantee", "exactly_once_v2", "producer.transactional.id",
                            "mine", NULL),
                  "producer.transactional.id", "ignored: exactly-once makes these names");
}

static void what_the_runtime_goes_by_gets_no_notice(void **state)
{
    (void)state;
    notices taken =
        notices_of(config_of("session.timeout.ms", "6000", "consumer.max.poll.interval.ms", "60000",
                             "producer.buffer.memory", "1000", "topic.retention.ms", "9", NULL));
    assert_int_equal(taken.count, 0);
    assert_notice(config_of("restore.consumer.session.timeout.ms", "6000", NULL),
                  "restore.consumer.session.timeout.ms", "no such client");
}

static void properties_of_clients_have_no_effect_on_the_embedded_log(void **state)
{
    (void)state;
    assert_notice(config_of("consumer.fetch.min.bytes", "9", NULL), "consumer.fetch.min.bytes",
                  "the embedded log has no such client");
    assert_notice(config_of("client.tag.zone", "a", NULL), "client.tag.zone",
                  "placed without tags");
}

static void the_clients_of_a_cluster_speak_for_themselves(void **state)
{
    (void)state;
    notices taken = notices_on(true, config_of("consumer.fetch.min.bytes", "9",
                                               "request.timeout.ms", "7", "isolation.level",
                                               "read_committed", "security.protocol", "SSL", NULL));
    assert_int_equal(taken.count, 0);
    taken = notices_on(true, config_of("consumer.enable.auto.commit", "true", NULL));
    assert_int_equal(taken.count, 1);
    assert_contains(taken.message, "\"false\" is used instead");
    taken = notices_on(true, config_of("processing.guarantee", "exactly_once_v2", "isolation.level",
                                       "read_uncommitted", "consumer.fetch.min.bytes", "9", NULL));
    assert_int_equal(taken.count, 1);
    assert_string_equal(taken.name, "isolation.level");
    assert_int_equal(notices_on(true, config_of("acceptable.recovery.lag", "7", NULL)).count, 1);
    assert_int_equal(notices_on(true, config_of("client.tag.zone", "a", NULL)).count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_set_is_valid),
        cmocka_unit_test(a_transaction_lasts_at_least_a_commit_interval),
        cmocka_unit_test(exactly_once_keeps_at_most_five_requests_in_flight),
        cmocka_unit_test(there_are_at_most_five_client_tags),
        cmocka_unit_test(tags_of_the_assignment_are_tags_of_this_instance),
        cmocka_unit_test(clients_push_metrics_when_the_application_does),
        cmocka_unit_test(heartbeats_keep_a_session_alive),
        cmocka_unit_test(the_streams_protocol_has_no_static_members),
        cmocka_unit_test(a_producer_waits_for_a_number_of_acknowledgements_that_there_is),
        cmocka_unit_test(a_topic_has_a_copy_at_least),
        cmocka_unit_test(a_segment_has_room_for_a_batch),
        cmocka_unit_test(what_works_or_is_set_to_its_default_gets_no_notice),
        cmocka_unit_test(what_has_no_effect_is_said_with_its_reason),
        cmocka_unit_test(every_property_without_effect_has_a_notice),
        cmocka_unit_test(a_deprecated_name_is_said_to_be_that),
        cmocka_unit_test(what_kafka_streams_overrides_is_said_with_the_value_that_holds),
        cmocka_unit_test(some_overrides_hold_under_exactly_once_only),
        cmocka_unit_test(what_the_runtime_goes_by_gets_no_notice),
        cmocka_unit_test(properties_of_clients_have_no_effect_on_the_embedded_log),
        cmocka_unit_test(the_clients_of_a_cluster_speak_for_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
