/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_broker.h - the Kafka that tests share, and names of their own on it.
 *
 * All tests of a run have one broker, which goes on when a test ends: so whatever a test makes
 * there has a name that no other test and no earlier run has. ctest's kafka.up starts it; by hand,
 * `make kafka-up` and KSTREAMS_KAFKA=127.0.0.1:9092 do as well.
 */
#ifndef KAFKA_BROKER_H
#define KAFKA_BROKER_H

/* host:port[,host:port...]: KSTREAMS_KAFKA, else what kafka/address in the current folder holds.
 * Without either the test cannot run: says so and ends the process as skipped. */
const char *kafka_bootstrap_servers(void);

/* "base-..." as nothing on the broker is called yet. Belongs to the process; never freed. */
const char *kafka_name(const char *base);

#endif
