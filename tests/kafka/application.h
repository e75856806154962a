/* SPDX-License-Identifier: Apache-2.0 */
/*
 * application.h - one instance of an application on the broker of the tests, and the topics it
 * reads and writes: what the tests of applications have in common.
 *
 *     instance *one = instance_new(topology, application_id);
 *     instance_set(one, "metadata.max.age.ms", "200");
 *     instance_start(one);
 *     topic_write(topic, 0, "key", "value");
 *     instance_wait(one);          caught up, and RUNNING
 *     instance_free(one);          closed first
 *
 * Whatever fails ends the test with the line of the caller. Records have texts as keys and values.
 *
 * Thread rule: the test's thread; what an instance said is kept under a lock.
 */
#ifndef TESTS_KAFKA_APPLICATION_H
#define TESTS_KAFKA_APPLICATION_H

#include <kstreams/kstreams.h>

/* How long a test waits for what has to come. */
enum { INSTANCE_PATIENCE_MS = 60000 };

/* The topology; the builder is freed. */
ks_topology *topology_built(ks_builder *builder);

/* ---- instances ------------------------------------------------------------------------------- */

typedef struct instance instance;

/* With a state directory of its own, no cache and short intervals. The topology is borrowed. */
instance *instance_new(const ks_topology *topology, const char *application_id);
void instance_set(instance *self, const char *property, const char *value);
void instance_start(instance *self);
/* From instance_start() on. */
ks_app *instance_app(const instance *self);
/* Until all that was written is processed; it is RUNNING then. */
void instance_wait(const instance *self);
/* Until it has ended by itself, with this error: why is in `error`. */
void instance_await_failure(instance *self, ks_status expected, ks_error *error);
/* Waits until it said this in its log. */
void instance_await_line(instance *self, const char *words);
/* Whether it has said this by now. */
bool instance_said(instance *self, const char *words);
/* Closes it, unless it has ended, and frees it. */
void instance_free(instance *self);

/* ---- topics ---------------------------------------------------------------------------------- */

/* The log that all of these use, opened by the first. */
ks_log *topics_log(void);
/* A teardown of the group. */
int topics_close(void **state);

void topic_make(const char *topic, int32_t partitions);
void topic_grow(const char *topic, int32_t partitions);
/* Waits until it is gone. */
void topic_delete(const char *topic);
/* A partition of -1 goes by the key. */
void topic_write(const char *topic, int32_t partition, const char *key, const char *value);
/* How many records there are with this key, and with this value unless it is NULL. */
size_t topic_count(const char *topic, const char *key, const char *value);
/* Waits until there are at least as many with this key. */
void topic_await(const char *topic, const char *key, size_t count);

#endif
