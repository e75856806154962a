/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mock_cluster.h - a transport to librdkafka's mock cluster: a broker in this process that
 * loses answers and refuses requests when a test wants it to, or two of them.
 *
 * Calls wait for a second at most (default.api.timeout.ms), so that running out of time is quick.
 */
#ifndef TESTS_UNIT_TRANSPORT_KAFKA_MOCK_CLUSTER_H
#define TESTS_UNIT_TRANSPORT_KAFKA_MOCK_CLUSTER_H

#include "base/arena.h"
#include "transport/kafka/kafka_transport.h"

#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Numbers of requests in Kafka's protocol. */
enum {
    MOCK_PRODUCE = 0,
    MOCK_FETCH = 1,
    MOCK_INIT_PRODUCER_ID = 22,
    MOCK_END_TXN = 26,
    MOCK_TXN_OFFSET_COMMIT = 28
};

typedef struct mock_fixture {
    rd_kafka_t *base; /* that the cluster runs in */
    rd_kafka_mock_cluster_t *cluster;
    ks_config *config;
    ksi_transport *transport;
    ks_arena arena;
    ks_error error;
} mock_fixture;

#define assert_ok(call)                                                                \
    do {                                                                               \
        ks_status assert_status = (call);                                              \
        if (assert_status != KS_OK) {                                                  \
            fail_msg("%s at %s: %s", ks_status_name(assert_status), self->error.where, \
                     self->error.message);                                             \
        }                                                                              \
    } while (0)

/* An error says where and what, and whether to call again. */
#define assert_refused(call, code_, flags_)            \
    do {                                               \
        self->error = (ks_error){0};                   \
        assert_int_equal((call), (code_));             \
        assert_int_equal(self->error.code, (code_));   \
        assert_int_equal(self->error.flags, (flags_)); \
        assert_true(self->error.where[0] != '\0');     \
        assert_true(self->error.message[0] != '\0');   \
    } while (0)

int mock_set_up(void **state);
int mock_set_up_two(void **state); /* brokers */
int mock_tear_down(void **state);
#define MOCK_TEST(name) cmocka_unit_test_setup_teardown(name, mock_set_up, mock_tear_down)
#define MOCK_TEST_OF_TWO(name) \
    cmocka_unit_test_setup_teardown(name, mock_set_up_two, mock_tear_down)

/* Opens the transport anew with a property. */
void mock_set(mock_fixture *self, const char *property, const char *value);
void mock_topic(mock_fixture *self, const char *topic, int32_t partitions);
/* The next requests of a kind get this answer, after so many milliseconds. */
void mock_answer(mock_fixture *self, int16_t request, rd_kafka_resp_err_t code, int delay_ms);

ksi_topic_partition mock_at(const char *topic, int32_t partition);
ksi_consumer *mock_consumer(mock_fixture *self);
ksi_producer *mock_producer(mock_fixture *self, const ksi_producer_options *options);
ks_status mock_send(mock_fixture *self, ksi_producer *producer, const char *topic,
                    int32_t partition, const char *value);
size_t mock_assign(mock_fixture *self, ksi_consumer *consumer, const char *topic, int32_t partition,
                   int64_t offset);
/* Values from the position of a slot until it is at the end, each behind a blank. */
const char *mock_read(mock_fixture *self, ksi_consumer *consumer, size_t slot);
/* All values of a partition, read by a new consumer. */
const char *mock_values(mock_fixture *self, const char *topic, int32_t partition);

#endif
