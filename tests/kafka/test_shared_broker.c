/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_shared_broker.c - the broker that the tests of a run share answers librdkafka, and names
 * made for tests are free on it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>

#include "kafka_broker.h"

static rd_kafka_t *open_client(void)
{
    char error[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", kafka_bootstrap_servers(), error,
                                       sizeof error),
                     RD_KAFKA_CONF_OK);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (!client) {
        fail_msg("%s", error);
    }
    return client;
}

static void the_broker_advertises_the_address_it_was_found_at(void **state)
{
    (void)state;
    rd_kafka_t *client = open_client();
    const struct rd_kafka_metadata *metadata = NULL;
    assert_int_equal(rd_kafka_metadata(client, 0, NULL, &metadata, 30000), 0);
    assert_int_equal(metadata->broker_cnt, 1);
    char advertised[256];
    snprintf(advertised, sizeof advertised, "%s:%d", metadata->brokers[0].host,
             metadata->brokers[0].port);
    assert_string_equal(advertised, kafka_bootstrap_servers());
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(client);
}

static void names_made_for_tests_are_free_and_differ(void **state)
{
    (void)state;
    const char *one = kafka_name("words"), *other = kafka_name("words");
    assert_string_not_equal(one, other);
    rd_kafka_t *client = open_client();
    const struct rd_kafka_metadata *metadata = NULL;
    assert_int_equal(rd_kafka_metadata(client, 1, NULL, &metadata, 30000), 0);
    for (int i = 0; i < metadata->topic_cnt; i++) {
        assert_string_not_equal(metadata->topics[i].topic, one);
        assert_string_not_equal(metadata->topics[i].topic, other);
    }
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_broker_advertises_the_address_it_was_found_at),
        cmocka_unit_test(names_made_for_tests_are_free_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
