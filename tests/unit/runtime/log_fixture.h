/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_fixture.h - what the tests of applications and threads share: a log, its records, and small
 * topologies of texts.
 */
#ifndef TESTS_UNIT_RUNTIME_LOG_FIXTURE_H
#define TESTS_UNIT_RUNTIME_LOG_FIXTURE_H

#include "transport/transport.h"
#include <kstreams/kstreams.h>

/* Fails the test with the library's own words. */
void assert_ok_at(ks_status status, const ks_error *error, int line);
#define assert_ok(status, error) assert_ok_at(status, error, __LINE__)

ks_log *log_open(void);
void log_create(ks_log *log, const char *topic, int32_t partitions);
/* A record with a timestamp; partition -1: by its key. */
void log_produce(ks_log *log, const char *topic, int32_t partition, int64_t timestamp,
                 const char *key_and_value); /* "key:value" */
/* All values of a topic, which are texts, as "a b c ", partition by partition, in `text`. */
const char *log_values(ks_log *log, const char *topic, char *text, size_t size);
size_t log_count(ks_log *log, const char *topic);
int64_t log_committed(ks_log *log, const char *group, const char *topic, int32_t partition);

/* application.id, bootstrap.servers, a state.dir of its own, and whatever else is set by name. */
ks_config *config_of(const char *application_id);
void config_put(ks_config *config, const char *name, const char *value);

ks_topology *topology_of(ks_builder *builder); /* takes the builder */
/* in -> out */
ks_topology *passing(void);
/* in -> grouped by key -> counted in "counted" -> as text -> out */
ks_topology *counting(void);

#endif
