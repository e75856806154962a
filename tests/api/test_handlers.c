/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_handlers.c - the program's own handlers: what they are told, what their answers do, and the
 * dead letters beside them.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "state_dir.h"

static const ks_serde *const text = &ks_serde_string;

/* ---- a handler that writes down what it is told ---------------------------------------------- */

typedef struct heard {
    ks_failure_answer answer;
    char text[1000];
    bool saw_source; /* the bytes of the source record */
} heard;

static ks_failure_answer hear(const ks_failure *failure, void *user)
{
    static const char *const stages[] = {"reading", "processing", "key", "value", "sending"};
    heard *self = user;
    size_t at = strlen(self->text);
    snprintf(self->text + at, sizeof self->text - at, "%s %s %s/%d/%lld@%lld%s%s%s|",
             stages[failure->stage], failure->node, failure->topic != NULL ? failure->topic : "-",
             (int)failure->partition, (long long)failure->offset, (long long)failure->timestamp,
             failure->record != NULL ? " record" : "", failure->output_topic != NULL ? " to " : "",
             failure->output_topic != NULL ? failure->output_topic : "");
    assert_int_not_equal(failure->error->code, KS_OK);
    assert_string_equal(failure->task_id, "0_0");
    self->saw_source = ks_slice_equal(failure->source_key, ks_slice_cstr("k"));
    return self->answer;
}

/* ---- a topology that fails by the value ------------------------------------------------------ */

static void fail_on_bad(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    if (ks_slice_equal(ks_value_text(record->value), ks_slice_cstr("bad"))) {
        ks_ctx_fail(ctx, "a bad value");
    }
}

static ks_status refuse(const ks_serde *serde, const ks_serde_ctx *where, ks_value value,
                        ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    (void)serde;
    (void)arena;
    *bytes = ks_value_text(value);
    if (ks_slice_equal(*bytes, ks_slice_cstr(where->is_key ? "no key" : "no value"))) {
        error->code = KS_E_SERDE;
        snprintf(error->message, sizeof error->message, "refused");
        return KS_E_SERDE;
    }
    return KS_OK;
}

static ks_status take(const ks_serde *serde, const ks_serde_ctx *where, ks_slice bytes,
                      ks_arena *arena, ks_value *value, ks_error *error)
{
    (void)serde;
    (void)arena;
    if (!where->is_key && ks_slice_equal(bytes, ks_slice_cstr("garbage"))) {
        error->code = KS_E_SERDE;
        snprintf(error->message, sizeof error->message, "garbage");
        return KS_E_SERDE;
    }
    *value = ks_text(bytes);
    return KS_OK;
}

static const ks_serde picky = {.struct_size = sizeof picky,
                               .name = "picky",
                               .kind = KS_KIND_TEXT,
                               .serialize = refuse,
                               .deserialize = take};

typedef struct rig {
    heard heard;
    ks_config *config;
    ks_topology *topology;
    ks_test_driver *driver;
    ks_error error;
} rig;

static ks_topology *build(void)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = &picky));
    ks_stream_to(ks_stream_peek(in, fail_on_bad, NULL, NULL), "out",
                 KS_PRODUCED(.key = &picky, .value = &picky));
    ks_topology *topology = ks_builder_build(b, &error);
    ks_builder_free(b);
    assert_non_null(topology);
    return topology;
}

/* With one handler for everything, and a dead letter topic. */
static void begin(rig *self, ks_failure_answer answer, const char *by_property)
{
    *self = (rig){.heard.answer = answer, .config = ks_config_new(), .topology = build()};
    assert_int_equal(
        ks_config_set(self->config, "errors.dead.letter.queue.topic.name", "dlq", &self->error),
        KS_OK);
    assert_int_equal(
        ks_config_set(self->config, "deserialization.exception.handler", by_property, &self->error),
        KS_OK);
    assert_int_equal(
        ks_config_set(self->config, "processing.exception.handler", by_property, &self->error),
        KS_OK);
    self->driver = ks_test_driver_new(
        self->topology, self->config,
        KS_TEST_DRIVER_OPTIONS(.user = &self->heard, .deserialization_handler = hear,
                               .processing_handler = hear, .production_handler = hear),
        &self->error);
    assert_non_null(self->driver);
}

static void end(rig *self)
{
    ks_test_driver_free(self->driver);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
}

static ks_status pipe_value(rig *self, const char *key, const char *value, int64_t timestamp)
{
    const ks_log_record record = {
        .key = ks_slice_cstr(key), .value = ks_slice_cstr(value), .timestamp = timestamp};
    return ks_test_driver_pipe(self->driver, "in", &record, &self->error);
}

static void assert_header(const ks_log_record *letter, const char *name, const char *expected)
{
    ks_slice value;
    assert_true(ks_headers_last(letter->headers, name, &value));
    assert_true(ks_slice_equal(value, ks_slice_cstr(expected)));
}

static void assert_letter(const rig *self, size_t index, const char *value, const char *message,
                          const char *offset)
{
    ks_log_record letter;
    assert_true(ks_test_driver_produced(self->driver, "dlq", index, &letter));
    assert_true(ks_slice_equal(letter.value, ks_slice_cstr(value)));
    assert_header(&letter, "__streams.errors.topic", "in");
    assert_header(&letter, "__streams.errors.partition", "0");
    assert_header(&letter, "__streams.errors.offset", offset);
    ks_slice text_of;
    char copy[600];
    assert_true(ks_headers_last(letter.headers, "__streams.errors.message", &text_of));
    snprintf(copy, sizeof copy, "%.*s", (int)text_of.size, (const char *)text_of.data);
    assert_non_null(strstr(copy, message));
    assert_true(ks_headers_last(letter.headers, "__streams.errors.exception", &text_of));
    assert_true(ks_headers_last(letter.headers, "__streams.errors.stacktrace", &text_of));
    assert_int_equal(ks_headers_count(letter.headers), 6);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_handler_that_continues_is_told_of_every_stage_and_each_leaves_a_dead_letter(
    void **state)
{
    (void)state;
    rig self;
    begin(&self, KS_FAILURE_CONTINUE, "LogAndFail");
    assert_int_equal(pipe_value(&self, "k", "garbage", 5), KS_OK);
    assert_true(self.heard.saw_source);
    assert_int_equal(pipe_value(&self, "k", "bad", 6), KS_OK);
    assert_true(self.heard.saw_source);
    assert_int_equal(pipe_value(&self, "no key", "a", 7), KS_OK);
    assert_int_equal(pipe_value(&self, "k", "no value", 8), KS_OK);
    assert_true(self.heard.saw_source);
    assert_int_equal(pipe_value(&self, "k", "good", 9), KS_OK);
    assert_string_equal(self.heard.text, "reading KSTREAM-SOURCE-0000000000 in/0/0@5|"
                                         "processing KSTREAM-PEEK-0000000001 in/0/1@6 record|"
                                         "key KSTREAM-SINK-0000000002 in/0/2@7 record to out|"
                                         "value KSTREAM-SINK-0000000002 in/0/3@8 record to out|");
    assert_int_equal(ks_test_driver_produced_count(self.driver, "out"), 1);
    assert_int_equal(ks_test_driver_produced_count(self.driver, "dlq"), 4);
    assert_letter(&self, 0, "garbage", "garbage", "0");
    assert_letter(&self, 1, "bad", "a bad value", "1");
    assert_letter(&self, 2, "a", "refused", "2");
    assert_letter(&self, 3, "no value", "refused", "3");
    assert_int_equal(ks_test_driver_dropped_by(self.driver, KS_DROP_DESERIALIZATION), 1);
    assert_int_equal(ks_test_driver_dropped_by(self.driver, KS_DROP_PROCESSING), 1);
    assert_int_equal(ks_test_driver_dropped_by(self.driver, KS_DROP_PRODUCTION), 2);
    assert_int_equal(ks_test_driver_dropped_records(self.driver), 4);
    end(&self);
}

static void a_handler_that_fails_goes_before_a_property_that_continues(void **state)
{
    (void)state;
    static const char *const values[] = {"garbage", "bad"};
    static const ks_status codes[] = {KS_E_SERDE, KS_E_PROCESSING};
    for (size_t i = 0; i < 2; i++) {
        rig self;
        begin(&self, KS_FAILURE_FAIL, "LogAndContinue");
        assert_int_equal(pipe_value(&self, "k", values[i], 5), codes[i]);
        assert_int_equal(ks_test_driver_produced_count(self.driver, "dlq"), 1);
        assert_int_equal(ks_test_driver_dropped_records(self.driver), 0);
        end(&self);
    }
}

static void a_handler_may_leave_it_to_the_property(void **state)
{
    (void)state;
    rig self;
    begin(&self, KS_FAILURE_DEFAULT, "LogAndContinue");
    assert_int_equal(pipe_value(&self, "k", "garbage", 5), KS_OK);
    assert_int_equal(pipe_value(&self, "k", "bad", 6), KS_OK);
    assert_int_equal(ks_test_driver_dropped_records(self.driver), 2);
    end(&self);
    begin(&self, KS_FAILURE_DEFAULT, "LogAndFail");
    assert_int_equal(pipe_value(&self, "k", "bad", 6), KS_E_PROCESSING);
    end(&self);
}

static void a_result_that_cannot_be_serialized_is_not_tried_again(void **state)
{
    (void)state;
    rig self;
    begin(&self, KS_FAILURE_RETRY, "LogAndFail");
    assert_int_equal(pipe_value(&self, "k", "no value", 5), KS_E_SERDE);
    end(&self);
}

/* ---- results that the log refuses ------------------------------------------------------------ */

static ks_slice topic_by_value(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_text(record->value);
}

static void a_result_that_the_log_refuses_may_be_left_out(void **state)
{
    (void)state;
    heard told = {.answer = KS_FAILURE_CONTINUE};
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream_to_dynamic(in, topic_by_value, NULL, NULL);
    ks_topology *topology = ks_builder_build(b, &error);
    ks_builder_free(b);
    ks_config *config = ks_config_new();
    assert_int_equal(ks_config_set(config, "application.id", "handlers", &error), KS_OK);
    assert_int_equal(ks_config_set(config, "bootstrap.servers", "embedded:", &error), KS_OK);
    assert_int_equal(ks_config_set(config, "state.dir", state_dir_new(), &error), KS_OK);
    ks_log *log = ks_log_open("embedded:", &error);
    assert_int_equal(ks_log_create_topic(log, "in", 1, &error), KS_OK);
    assert_int_equal(ks_log_create_topic(log, "out", 1, &error), KS_OK);
    static const char *const values[] = {"out", "missing", "out"};
    for (size_t i = 0; i < 3; i++) {
        const ks_log_record record = {
            .key = ks_slice_cstr("k"), .value = ks_slice_cstr(values[i]), .timestamp = 7};
        assert_int_equal(ks_log_produce(log, "in", &record, &error), KS_OK);
    }
    ks_app *app =
        ks_app_new(topology, config,
                   KS_APP_OPTIONS(.log = log, .production_handler = hear, .user = &told), &error);
    assert_int_equal(ks_app_start(app, &error), KS_OK);
    assert_int_equal(ks_app_wait_until_caught_up(app, -1, &error), KS_OK);
    assert_int_equal(ks_app_close(app, -1, &error), KS_OK);
    assert_string_equal(told.text, "sending KSTREAM-SINK-0000000001 in/0/1@7 to missing|");
    assert_int_equal(ks_app_stats_of(app).records_produced, 2);
    assert_int_equal(ks_app_dropped_records(app, KS_DROP_PRODUCTION), 1);
    ks_app_free(app);
    ks_log_free(log);
    ks_topology_free(topology);
    ks_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_handler_that_continues_is_told_of_every_stage_and_each_leaves_a_dead_letter),
        cmocka_unit_test(a_handler_that_fails_goes_before_a_property_that_continues),
        cmocka_unit_test(a_handler_may_leave_it_to_the_property),
        cmocka_unit_test(a_result_that_cannot_be_serialized_is_not_tried_again),
        cmocka_unit_test(a_result_that_the_log_refuses_may_be_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
