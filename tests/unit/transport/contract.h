/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contract.h - what the tests that run over every transport have in common.
 *
 * An implementation opens an empty log; everything else goes through transport.h, so that a
 * difference between two of them is a failure here and not a surprise in an application. Time is
 * handed to poll() and join(); nothing sleeps. Tests name things by named() and at(): logs that are
 * shared with other tests call them otherwise.
 */
#ifndef TESTS_UNIT_TRANSPORT_CONTRACT_H
#define TESTS_UNIT_TRANSPORT_CONTRACT_H

#include "base/arena.h"
#include "membership/membership.h"
#include "transport/transport.h"
#include "transport_implementations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
    const transport_implementation *implementation;
    ks_log *log;
    ksi_transport *transport;
    const ksi_transport_class *class;
    ks_arena arena;
    ks_error error;
} fixture;

#define assert_ok(call)                                                                \
    do {                                                                               \
        ks_status assert_status = (call);                                              \
        if (assert_status != KS_OK) {                                                  \
            fail_msg("%s at %s: %s", ks_status_name(assert_status), self->error.where, \
                     self->error.message);                                             \
        }                                                                              \
    } while (0)

/* An error says where and what. */
#define assert_refused(call, code_)                  \
    do {                                             \
        self->error = (ks_error){0};                 \
        assert_int_equal((call), (code_));           \
        assert_int_equal(self->error.code, (code_)); \
        assert_true(self->error.message[0] != '\0'); \
    } while (0)

/* What a topic, a group or an id of the test is called on the log. */
const char *named(const char *base);
/* And back; NULL: it is not of this test. */
const char *base_of(const char *name);
int set_up(void **state);
int tear_down(void **state);
ksi_topic_partition at(const char *topic, int32_t partition);
void create_topic(fixture *self, const char *topic, int32_t partitions);
ksi_producer *open_producer(fixture *self, const char *id);
ksi_consumer *open_consumer(fixture *self);
void send_value_at(fixture *self, ksi_producer *producer, const char *topic, int32_t partition,
                   const char *value, int64_t timestamp);
void send_value(fixture *self, ksi_producer *producer, const char *topic, int32_t partition,
                const char *value);
void flush_all(fixture *self, ksi_producer *producer);
size_t assign(fixture *self, ksi_consumer *consumer, const char *topic, int32_t partition,
              int64_t offset);
/*
 * Polls a slot until something comes, or until it has been read up to its end: then the count is 0.
 */
ks_status poll_some(fixture *self, ksi_consumer *consumer, size_t slot, ks_log_record *records,
                    size_t capacity, size_t *count);
/* Polls until the end: the values, each behind a blank, up to `size`. */
void read_values(fixture *self, ksi_consumer *consumer, size_t slot, char *text, size_t size);
/* What a partition has from `offset` on. */
void assert_values(fixture *self, const char *topic, int32_t partition, int64_t offset,
                   const char *wanted);
void assert_offsets(fixture *self, const char *topic, int32_t partition, int64_t begin,
                    int64_t end);
int64_t committed(fixture *self, const char *group, const char *topic, int32_t partition);
ksi_membership *join_group(fixture *self, const char *process, int64_t now_ms);
/* Writes a name of the test behind the others, into 64 bytes. */
void note_name(void *names, const char *name);

#define CONTRACT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/*
 * Runs the tests over each transport, or over those that are no clusters; how many failed.
 */
#define RUN_CONTRACT(tests) run_contract(tests, sizeof(tests) / sizeof((tests)[0]), true)
#define RUN_CONTRACT_OF_OWN_LOGS(tests) \
    run_contract(tests, sizeof(tests) / sizeof((tests)[0]), false)
int run_contract(const struct CMUnitTest *tests, size_t count, bool clusters_too);

#endif
