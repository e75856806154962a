/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_fixture.c - see log_fixture.h.
 */
#include "log_fixture.h"

#include "base/arena.h"
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "state_dir.h"

void assert_ok_at(ks_status status, const ks_error *error, int line)
{
    if (status != KS_OK) {
        char text[800];
        fail_msg("line %d: %s", line, ks_error_text(error, text, sizeof text));
    }
}

/* ---- the log --------------------------------------------------------------------------------- */

ks_log *log_open(void)
{
    ks_error error = {0};
    ks_log *log = ks_log_open("embedded:", &error);
    assert_non_null(log);
    return log;
}

void log_create(ks_log *log, const char *topic, int32_t partitions)
{
    ks_error error = {0};
    assert_ok(ks_log_create_topic(log, topic, partitions, &error), &error);
}

void log_produce(ks_log *log, const char *topic, int32_t partition, int64_t timestamp,
                 const char *key_and_value)
{
    ks_error error = {0};
    const char *colon = strchr(key_and_value, ':');
    assert_non_null(colon);
    ks_log_record record = {.key = ks_slice_of(key_and_value, (size_t)(colon - key_and_value)),
                            .value = ks_slice_cstr(colon + 1),
                            .timestamp = timestamp,
                            .partition = partition};
    assert_ok(ks_log_produce(log, topic, &record, &error), &error);
}

const char *log_values(ks_log *log, const char *topic, char *text, size_t size)
{
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open(log, topic, &error);
    ks_log_record record;
    size_t length = 0;
    assert_non_null(reader);
    text[0] = '\0';
    while (ks_log_reader_next(reader, &record)) {
        int more = snprintf(text + length, size - length, "%.*s ", (int)record.value.size,
                            record.value.data != NULL ? record.value.data : "");
        length += (size_t)more;
        assert_true(length < size);
    }
    ks_log_reader_free(reader);
    return text;
}

size_t log_count(ks_log *log, const char *topic)
{
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open(log, topic, &error);
    ks_log_record record;
    size_t count = 0;
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        count++;
    }
    ks_log_reader_free(reader);
    return count;
}

int64_t log_committed(ks_log *log, const char *group, const char *topic, int32_t partition)
{
    ks_error error = {0};
    ksi_transport *transport = ksi_log_transport(log);
    ksi_group_offset offset = {.partition = {.topic = topic, .partition = partition}};
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    assert_ok(transport->class->committed(transport, group, &offset, 1, &arena, &error), &error);
    ksi_arena_destroy(&arena);
    transport->class->release(transport);
    return offset.offset;
}

/* ---- properties ------------------------------------------------------------------------------ */

ks_config *config_of(const char *application_id)
{
    ks_config *config = ks_config_new();
    config_put(config, "application.id", application_id);
    config_put(config, "bootstrap.servers", "embedded:");
    config_put(config, "state.dir", state_dir_new());
    return config;
}

void config_put(ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    assert_ok(ksi_config_set_any(config, name, value, &error), &error);
}

/* ---- topologies ------------------------------------------------------------------------------ */

ks_topology *topology_of(ks_builder *builder)
{
    ks_error error = {0};
    ks_topology *topology = ks_builder_build(builder, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(builder);
    return topology;
}

static const ks_serde *const text = &ks_serde_string;

ks_topology *passing(void)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream_to(in, "out", KS_PRODUCED(.key = text, .value = text));
    return topology_of(b);
}

static ks_value as_text(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    return ks_text(ks_value_to_text(ks_ctx_arena(ctx), record->value));
}

ks_topology *counting(void)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_grouped_stream *grouped = ks_stream_group_by_key(in, NULL);
    ks_table *counts = ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "counted"));
    ks_stream *results = ks_stream_map_values(ks_table_to_stream(counts, NULL), as_text, NULL,
                                              KS_NAMED(.name = "as-text"));
    ks_stream_to(results, "out", KS_PRODUCED(.key = text, .value = text));
    return topology_of(b);
}
