/* SPDX-License-Identifier: Apache-2.0 */
/*
 * application.c - see application.h.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>

#include "application.h"
#include "assert_ok.h"
#include "kafka_broker.h"
#include "state_dir.h"

enum { REQUEST_MS = 30000 };

struct instance {
    const ks_topology *topology;
    ks_config *config;
    ks_app *app;
    pthread_mutex_t lock;  /* guards what follows */
    pthread_cond_t change; /* of it */
    char *lines;           /* all that it said */
    size_t size;
    ks_app_state state; /* that it said last */
};

ks_topology *topology_built(ks_builder *builder)
{
    ks_error error = {0};
    ks_topology *topology = ks_builder_build(builder, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(builder);
    return topology;
}

/* ---- instances ------------------------------------------------------------------------------- */

static void keep_line(ks_log_level level, const char *where, const char *message, void *user)
{
    instance *self = user;
    size_t length = strlen(message);
    (void)where;
    if (level < KS_LOG_LEVEL_INFO) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    self->lines = realloc(self->lines, self->size + length + 2);
    assert_non_null(self->lines);
    memcpy(self->lines + self->size, message, length);
    memcpy(self->lines + self->size + length, "\n", 2);
    self->size += length + 1;
    pthread_cond_broadcast(&self->change);
    pthread_mutex_unlock(&self->lock);
}

static void keep_state(ks_app_state from, ks_app_state to, void *user)
{
    instance *self = user;
    (void)from;
    pthread_mutex_lock(&self->lock);
    self->state = to;
    pthread_cond_broadcast(&self->change);
    pthread_mutex_unlock(&self->lock);
}

typedef bool seen_fn(const instance *self, const char *words);

static bool has_said(const instance *self, const char *words)
{
    return self->lines != NULL && strstr(self->lines, words) != NULL;
}

static bool has_failed(const instance *self, const char *words)
{
    (void)words;
    return self->state == KS_APP_ERROR;
}

/* False when the patience of the tests is over. */
static bool await(instance *self, seen_fn *seen, const char *words)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += INSTANCE_PATIENCE_MS / 1000;
    pthread_mutex_lock(&self->lock);
    int timed_out = 0;
    while (!seen(self, words) && timed_out == 0) {
        timed_out = pthread_cond_timedwait(&self->change, &self->lock, &until);
    }
    bool came = seen(self, words);
    pthread_mutex_unlock(&self->lock);
    return came;
}

instance *instance_new(const ks_topology *topology, const char *application_id)
{
    instance *self = test_calloc(1, sizeof *self);
    self->topology = topology;
    self->config = ks_config_new();
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->change, NULL);
    instance_set(self, "application.id", application_id);
    instance_set(self, "bootstrap.servers", kafka_bootstrap_servers());
    instance_set(self, "state.dir", state_dir_new());
    instance_set(self, "statestore.cache.max.bytes", "0");
    instance_set(self, "commit.interval.ms", "100");
    instance_set(self, "metadata.max.age.ms", "500");
    return self;
}

void instance_set(instance *self, const char *property, const char *value)
{
    ks_error error = {0};
    assert_ok(ks_config_set(self->config, property, value, &error), &error);
}

void instance_start(instance *self)
{
    ks_error error = {0};
    self->app = ks_app_new(
        self->topology, self->config,
        KS_APP_OPTIONS(.log_line = keep_line, .state_listener = keep_state, .user = self), &error);
    assert_ok(self->app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(self->app, &error), &error);
}

ks_app *instance_app(const instance *self)
{
    return self->app;
}

void instance_wait(const instance *self)
{
    ks_error error = {0};
    assert_ok(ks_app_wait_until_caught_up(self->app, INSTANCE_PATIENCE_MS, &error), &error);
    assert_int_equal(ks_app_state_of(self->app), KS_APP_RUNNING);
}

void instance_await_failure(instance *self, ks_status expected, ks_error *error)
{
    if (!await(self, has_failed, NULL)) {
        fail_msg("the application goes on, in state %s",
                 ks_app_state_name(ks_app_state_of(self->app)));
    }
    assert_int_equal(ks_app_wait_until_caught_up(self->app, 0, error), expected);
}

bool instance_said(instance *self, const char *words)
{
    pthread_mutex_lock(&self->lock);
    bool said = has_said(self, words);
    pthread_mutex_unlock(&self->lock);
    return said;
}

void instance_await_line(instance *self, const char *words)
{
    if (!await(self, has_said, words)) {
        fail_msg("'%s' was never said, but:\n%s", words, self->lines != NULL ? self->lines : "");
    }
}

void instance_free(instance *self)
{
    ks_error error = {0};
    if (ks_app_state_of(self->app) != KS_APP_ERROR) {
        assert_ok(ks_app_close(self->app, INSTANCE_PATIENCE_MS, &error), &error);
    }
    ks_app_free(self->app);
    ks_config_free(self->config);
    pthread_cond_destroy(&self->change);
    pthread_mutex_destroy(&self->lock);
    free(self->lines);
    test_free(self);
}

/* ---- topics ---------------------------------------------------------------------------------- */

static ks_log *shared_log;

ks_log *topics_log(void)
{
    ks_error error = {0};
    if (shared_log == NULL) {
        shared_log = ks_log_open(kafka_bootstrap_servers(), &error);
        assert_ok(shared_log != NULL ? KS_OK : error.code, &error);
    }
    return shared_log;
}

int topics_close(void **state)
{
    (void)state;
    ks_log_free(shared_log);
    shared_log = NULL;
    return 0;
}

void topic_make(const char *topic, int32_t partitions)
{
    ks_error error = {0};
    assert_ok(ks_log_create_topic(topics_log(), topic, partitions, &error), &error);
}

/* An operator does this with Kafka's tools; the library has no need to. */
void topic_grow(const char *topic, int32_t partitions)
{
    char words[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", kafka_bootstrap_servers(), words,
                                       sizeof words),
                     RD_KAFKA_CONF_OK);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
    assert_non_null(client);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_NewPartitions_t *more =
        rd_kafka_NewPartitions_new(topic, (size_t)partitions, words, sizeof words);
    assert_non_null(more);
    rd_kafka_CreatePartitions(client, &more, 1, NULL, queue);
    rd_kafka_event_t *answer = rd_kafka_queue_poll(queue, REQUEST_MS);
    assert_non_null(answer);
    size_t count = 0;
    const rd_kafka_topic_result_t **results = rd_kafka_CreatePartitions_result_topics(
        rd_kafka_event_CreatePartitions_result(answer), &count);
    assert_int_equal(count, 1);
    assert_int_equal(rd_kafka_topic_result_error(results[0]), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_event_destroy(answer);
    rd_kafka_NewPartitions_destroy(more);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    while (ks_log_partition_count(topics_log(), topic) != partitions) {
        /* brokers are asked until they know */
    }
}

void topic_delete(const char *topic)
{
    ks_error error = {0};
    assert_ok(ks_log_delete_topic(topics_log(), topic, &error), &error);
    while (ks_log_partition_count(topics_log(), topic) > 0) {
        /* brokers are asked until they know */
    }
}

void topic_write(const char *topic, int32_t partition, const char *key, const char *value)
{
    ks_error error = {0};
    const ks_log_record record = {.key = ks_slice_cstr(key),
                                  .value = ks_slice_cstr(value),
                                  .timestamp = -1,
                                  .partition = partition};
    assert_ok(ks_log_produce(topics_log(), topic, &record, &error), &error);
}

size_t topic_count(const char *topic, const char *key, const char *value)
{
    ks_error error = {0};
    ks_log_record record;
    size_t count = 0;
    ks_log_reader *reader = ks_log_reader_open(topics_log(), topic, &error);
    assert_ok(reader != NULL ? KS_OK : error.code, &error);
    while (ks_log_reader_next_to_end(reader, &record)) {
        count += ks_slice_equal(record.key, ks_slice_cstr(key)) &&
                 (value == NULL || ks_slice_equal(record.value, ks_slice_cstr(value)));
    }
    assert_ok(ks_log_reader_status(reader, &error), &error);
    ks_log_reader_free(reader);
    return count;
}

void topic_await(const char *topic, const char *key, size_t count)
{
    ks_error error = {0};
    ks_log_record record;
    size_t there = 0;
    ks_log_reader *reader = ks_log_reader_open(topics_log(), topic, &error);
    assert_ok(reader != NULL ? KS_OK : error.code, &error);
    while (there < count) {
        if (ks_log_reader_next(reader, &record)) {
            there += ks_slice_equal(record.key, ks_slice_cstr(key));
        } else {
            assert_ok(ks_log_reader_wait(reader, INSTANCE_PATIENCE_MS, &error), &error);
        }
    }
    ks_log_reader_free(reader);
}
