/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_punctuations.c - when punctuations are called, in which order, and what they may do. What is
 * expected is what Java's TopologyTestDriver 4.3.1 gave for the same topology and the same steps.
 *
 * A step is "value:timestamp", a record for "in", or "w:ms", a move of the wall clock, which begins
 * at 1000. The processor passes every record on; punctuations write "name=now/stream time".
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct punctuator {
    const char *name;
    int64_t interval_ms;
    ks_punctuation_type type;
    bool is_anchored;
    int64_t start_ms;
    ks_punctuator_fn *fn; /* NULL: it writes down when it is called */
    ks_punctuation made;
} punctuator;

typedef struct plan {
    punctuator *items;
    size_t count;
    int closed;
} plan;

static void put(ks_ctx *ctx, int64_t now_ms, void *user)
{
    const punctuator *self = user;
    char text[100];
    snprintf(text, sizeof text, "%lld/%lld%s", (long long)now_ms,
             (long long)ks_ctx_stream_time(ctx),
             ks_ctx_topic(ctx) == NULL && ks_ctx_partition(ctx) == -1 && ks_ctx_offset(ctx) == -1
                 ? ""
                 : " with a record");
    const ks_record record = {
        .key = ks_text_of(self->name), .value = ks_text_of(text), .timestamp = now_ms};
    ks_ctx_forward(ctx, &record);
}

static void schedule(ks_ctx *ctx, punctuator *one)
{
    one->made =
        ks_ctx_schedule(ctx, one->fn != NULL ? one->fn : put, one,
                        KS_SCHEDULE(.interval_ms = one->interval_ms, .type = one->type,
                                    .is_anchored = one->is_anchored, .start_ms = one->start_ms));
}

static void init(ks_ctx *ctx, void *state, void *user)
{
    plan *self = user;
    assert_null(state);
    for (size_t i = 0; i < self->count && self->items[i].interval_ms != -1; i++) {
        schedule(ctx, &self->items[i]);
    }
}

static void process(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    const plan *self = user;
    (void)state;
    if (ks_slice_equal(ks_value_text(record->value), ks_slice_cstr("cancel"))) {
        ks_ctx_cancel(ctx, self->items[0].made);
        ks_ctx_cancel(ctx, self->items[0].made); /* which is over: nothing */
    }
    ks_ctx_forward(ctx, record);
}

static void close_it(void *state, void *user)
{
    (void)state;
    ((plan *)user)->closed++;
}

static const ks_processor processor = {
    .struct_size = sizeof processor, .init = init, .process = process, .close = close_it};

typedef struct rig {
    plan plan;
    ks_config *config;
    ks_topology *topology;
    ks_test_driver *driver;
    ks_test_input *in;
    ks_test_output *out;
    ks_error error;
    char text[2000]; /* what went to "out" in the last step */
} rig;

static rig *begin(punctuator *items, size_t count)
{
    rig *self = calloc(1, sizeof *self);
    ks_error error = {0};
    const ks_serde *text = &ks_serde_string;
    self->plan = (plan){.items = items, .count = count};
    self->config = ks_config_new();
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream_to(ks_stream_process(in, &processor, &self->plan, NULL), "out",
                 KS_PRODUCED(.key = text, .value = text));
    self->topology = ks_builder_build(b, &error);
    assert_non_null(self->topology);
    ks_builder_free(b);
    return self;
}

static bool open_driver(rig *self)
{
    const ks_serde *text = &ks_serde_string;
    self->driver = ks_test_driver_new(self->topology, self->config,
                                      KS_TEST_DRIVER_OPTIONS(.wall_clock_ms = 1000), &self->error);
    if (self->driver == NULL) {
        return false;
    }
    self->in = ks_test_driver_input(self->driver, "in", text, text, 0, 0);
    self->out = ks_test_driver_output(self->driver, "out", text, text);
    return true;
}

static void end(rig *self)
{
    ks_test_driver_free(self->driver);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
    free(self);
}

static ks_status step(rig *self, const char *what)
{
    char value[20];
    long long number = 0;
    assert_int_equal(sscanf(what, "%19[^:]:%lld", value, &number), 2);
    self->error = (ks_error){0};
    if (strcmp(value, "w") == 0) {
        return ks_test_driver_advance_wall_clock(self->driver, number, &self->error);
    }
    const ks_record record = {
        .key = ks_text_of("k"), .value = ks_text_of(value), .timestamp = number};
    return ks_test_input_pipe_record(self->in, &record, &self->error);
}

/* What went to "out" since the last call: "key=value@timestamp", separated by spaces. */
static const char *written(rig *self)
{
    ks_record record;
    ks_error error = {0};
    size_t at = 0;
    self->text[0] = '\0';
    while (ks_test_output_read(self->out, &record, &error)) {
        ks_slice key = ks_value_text(record.key);
        ks_slice value = ks_value_text(record.value);
        int size = snprintf(self->text + at, sizeof self->text - at, "%s%.*s=%.*s@%lld",
                            at > 0 ? " " : "", (int)key.size, (const char *)key.data,
                            (int)value.size, (const char *)value.data, (long long)record.timestamp);
        at += (size_t)size;
        assert_true(at < sizeof self->text);
    }
    return self->text;
}

static void expect(rig *self, const char *what, const char *expected)
{
    assert_int_equal(step(self, what), KS_OK);
    assert_string_equal(written(self), expected);
}

#define STREAM KS_PUNCTUATION_STREAM_TIME
#define WALL KS_PUNCTUATION_WALL_CLOCK
#define BEGIN(items) begin(items, sizeof(items) / sizeof((items)[0]))

static void stream_time_is_due_with_the_first_record_and_the_wall_clock_an_interval_later(
    void **state)
{
    (void)state;
    punctuator items[] = {{.name = "s", .interval_ms = 10, .type = STREAM},
                          {.name = "w", .interval_ms = 100, .type = WALL}};
    rig *self = BEGIN(items);
    assert_true(open_driver(self));
    expect(self, "a:5", "k=a@5 s=5/5@5");
    expect(self, "b:7", "k=b@7");
    expect(self, "c:12", "k=c@12 s=12/12@12");
    expect(self, "d:45", "k=d@45 s=45/45@45");
    expect(self, "e:46", "k=e@46");
    expect(self, "f:3", "k=f@3");
    expect(self, "g:50", "k=g@50 s=50/50@50");
    expect(self, "w:99", "");
    expect(self, "w:1", "w=1100/50@1100");
    expect(self, "w:350", "w=1450/50@1450");
    expect(self, "w:49", "");
    expect(self, "w:1", "w=1500/50@1500");
    end(self);
}

static void an_anchored_punctuation_is_called_on_its_grid_only(void **state)
{
    (void)state;
    punctuator items[] = {
        {.name = "s", .interval_ms = 10, .type = STREAM, .is_anchored = true, .start_ms = 7},
        {.name = "w", .interval_ms = 100, .type = WALL, .is_anchored = true, .start_ms = 1025},
        {.name = "p", .interval_ms = 300, .type = WALL, .is_anchored = true, .start_ms = 0},
        {.name = "n", .interval_ms = 100, .type = WALL, .is_anchored = true, .start_ms = 1000}};
    rig *self = BEGIN(items);
    assert_true(open_driver(self));
    expect(self, "a:5", "k=a@5");
    expect(self, "b:7", "k=b@7 s=7/7@7");
    expect(self, "c:12", "k=c@12");
    expect(self, "d:17", "k=d@17 s=17/17@17");
    expect(self, "e:48", "k=e@48 s=48/48@48");
    expect(self, "w:0", "n=1000/48@1000");
    expect(self, "w:25", "w=1025/48@1025");
    expect(self, "w:175", "n=1200/48@1200 w=1200/48@1200 p=1200/48@1200");
    expect(self, "w:1000", "w=2200/48@2200 n=2200/48@2200 p=2200/48@2200");
    end(self);
}

static void several_that_are_due_at_once_go_in_java_s_order(void **state)
{
    (void)state;
    punctuator items[] = {{.name = "1", .interval_ms = 10},
                          {.name = "2", .interval_ms = 5},
                          {.name = "3", .interval_ms = 10},
                          {.name = "4", .interval_ms = 5},
                          {.name = "5", .interval_ms = 20}};
    rig *self = BEGIN(items);
    assert_true(open_driver(self));
    expect(self, "a:0", "k=a@0 1=0/0@0 5=0/0@0 2=0/0@0 4=0/0@0 3=0/0@0");
    expect(self, "b:10", "k=b@10 4=10/10@10 2=10/10@10 3=10/10@10 1=10/10@10");
    expect(self, "c:20", "k=c@20 4=20/20@20 2=20/20@20 3=20/20@20 5=20/20@20 1=20/20@20");
    expect(self, "d:40", "k=d@40 2=40/40@40 4=40/40@40 1=40/40@40 3=40/40@40 5=40/40@40");
    expect(self, "e:100",
           "k=e@100 2=100/100@100 4=100/100@100 3=100/100@100 1=100/100@100 "
           "5=100/100@100");
    end(self);
}

static void put_once(ks_ctx *ctx, int64_t now_ms, void *user)
{
    const punctuator *self = user;
    put(ctx, now_ms, user);
    ks_ctx_cancel(ctx, self->made);
}

/* At 30 it ends and makes the one behind it. */
static void put_and_hand_over(ks_ctx *ctx, int64_t now_ms, void *user)
{
    punctuator *self = user;
    put(ctx, now_ms, user);
    if (now_ms >= 30) {
        ks_ctx_cancel(ctx, self->made);
        self[1].interval_ms = 1;
        schedule(ctx, &self[1]);
    }
}

static void it_may_be_cancelled_by_itself_and_by_others_and_make_others(void **state)
{
    (void)state;
    punctuator items[] = {{.name = "s", .interval_ms = 10},
                          {.name = "once", .interval_ms = 10, .fn = put_once},
                          {.name = "more", .interval_ms = 10, .fn = put_and_hand_over},
                          {.name = "inner", .interval_ms = -1, .fn = put_once}};
    rig *self = BEGIN(items);
    assert_true(open_driver(self));
    expect(self, "a:0", "k=a@0 s=0/0@0 more=0/0@0 once=0/0@0");
    expect(self, "b:10", "k=b@10 more=10/10@10 s=10/10@10");
    expect(self, "cancel:20", "k=cancel@20 more=20/20@20");
    expect(self, "c:30", "k=c@30 more=30/30@30 inner=30/30@30");
    expect(self, "d:40", "k=d@40");
    end(self);
}

/* ---- failures -------------------------------------------------------------------------------- */

static void put_and_fail(ks_ctx *ctx, int64_t now_ms, void *user)
{
    put(ctx, now_ms, user);
    ks_ctx_fail(ctx, "bad");
}

static void a_failure_stops_the_task(void **state)
{
    (void)state;
    punctuator items[] = {{.name = "before", .interval_ms = 10, .fn = put_and_fail}};
    rig *self = BEGIN(items);
    assert_true(open_driver(self));
    assert_int_equal(step(self, "a:5"), KS_E_PROCESSING);
    assert_string_equal(self->error.where, "KSTREAM-PROCESSOR-0000000001");
    assert_non_null(strstr(self->error.message, "bad"));
    assert_int_equal(step(self, "b:20"), KS_E_PROCESSING);
    assert_int_equal(ks_test_driver_dropped_records(self->driver), 0);
    end(self);
}

static void the_processing_handler_may_go_on_and_a_dead_letter_is_written(void **state)
{
    (void)state;
    punctuator items[] = {{.name = "before", .interval_ms = 10, .fn = put_and_fail}};
    rig *self = BEGIN(items);
    ks_error error = {0};
    ks_log_record letter;
    ks_slice value;
    assert_int_equal(
        ks_config_set(self->config, "processing.exception.handler", "LogAndContinue", &error),
        KS_OK);
    assert_int_equal(
        ks_config_set(self->config, "errors.dead.letter.queue.topic.name", "dlq", &error), KS_OK);
    assert_true(open_driver(self));
    expect(self, "a:5", "k=a@5 before=5/5@5");
    expect(self, "b:20", "k=b@20 before=20/20@20");
    assert_int_equal(ks_test_driver_dropped_records(self->driver), 2);
    assert_true(ks_test_driver_produced(self->driver, "dlq", 0, &letter));
    assert_null(letter.key.data);
    assert_null(letter.value.data);
    assert_int_equal(letter.timestamp, 5);
    assert_true(ks_headers_last(letter.headers, "__streams.errors.topic", &value));
    assert_null(value.data);
    assert_true(ks_headers_last(letter.headers, "__streams.errors.partition", &value));
    assert_true(ks_slice_equal(value, ks_slice_cstr("-1")));
    assert_true(ks_headers_last(letter.headers, "__streams.errors.offset", &value));
    assert_true(ks_slice_equal(value, ks_slice_cstr("-1")));
    end(self);
}

static void forward_negative(ks_ctx *ctx, int64_t now_ms, void *user)
{
    (void)now_ms;
    (void)user;
    ks_ctx_forward(ctx, &(const ks_record){.timestamp = -1});
}

static void forward_to_nobody(ks_ctx *ctx, int64_t now_ms, void *user)
{
    (void)user;
    ks_ctx_forward_to(ctx, &(const ks_record){.timestamp = now_ms}, "nobody");
}

static void forward_to_the_sink(ks_ctx *ctx, int64_t now_ms, void *user)
{
    (void)user;
    const ks_record record = {
        .key = ks_text_of("to"), .value = ks_text_of("sink"), .timestamp = now_ms};
    ks_ctx_forward_to(ctx, &record, "KSTREAM-SINK-0000000002");
}

static void a_record_that_cannot_go_on_fails_the_punctuation(void **state)
{
    (void)state;
    punctuator negative[] = {{.interval_ms = 10, .fn = forward_negative}};
    rig *self = BEGIN(negative);
    assert_true(open_driver(self));
    assert_int_equal(step(self, "a:5"), KS_E_PROCESSING);
    assert_non_null(strstr(self->error.message, "negative timestamp -1"));
    end(self);
    punctuator unknown[] = {{.interval_ms = 10, .fn = forward_to_nobody}};
    self = BEGIN(unknown);
    assert_true(open_driver(self));
    assert_int_equal(step(self, "a:5"), KS_E_PROCESSING);
    assert_non_null(strstr(self->error.message, "\"nobody\""));
    end(self);
}

static void a_record_may_go_to_one_node_by_its_name(void **state)
{
    (void)state;
    punctuator items[] = {{.interval_ms = 10, .fn = forward_to_the_sink}};
    rig *self = BEGIN(items);
    assert_true(open_driver(self));
    expect(self, "a:5", "k=a@5 to=sink@5");
    end(self);
}

static void a_schedule_that_cannot_be_fails_the_start_and_closes_nothing(void **state)
{
    (void)state;
    punctuator items[] = {{.name = "x", .interval_ms = 0}};
    rig *self = BEGIN(items);
    assert_false(open_driver(self));
    assert_int_equal(self->error.code, KS_E_PROCESSING);
    assert_non_null(strstr(self->error.message, "at least 1 ms"));
    assert_int_equal(self->plan.closed, 0);
    end(self);
    punctuator early[] = {{.name = "x", .interval_ms = 5, .is_anchored = true, .start_ms = -1}};
    self = BEGIN(early);
    assert_false(open_driver(self));
    assert_non_null(strstr(self->error.message, "before the epoch"));
    end(self);
}

static void peek_and_schedule(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)record;
    assert_int_equal(ks_ctx_schedule(ctx, put, user, KS_SCHEDULE(.interval_ms = 1)), 0);
}

static void only_processors_schedule(void **state)
{
    (void)state;
    ks_error error = {0};
    const ks_serde *text = &ks_serde_string;
    ks_builder *b = ks_builder_new(NULL);
    (void)ks_stream_peek(ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text)),
                         peek_and_schedule, NULL, NULL);
    ks_topology *topology = ks_builder_build(b, &error);
    ks_builder_free(b);
    ks_test_driver *driver = ks_test_driver_new(topology, NULL, NULL, &error);
    ks_test_input *in = ks_test_driver_input(driver, "in", text, text, 0, 0);
    assert_int_equal(ks_test_input_pipe(in, ks_text_of("a"), ks_text_of("b"), &error),
                     KS_E_PROCESSING);
    assert_non_null(strstr(error.message, "ks_ctx_schedule() is for processors"));
    ks_test_driver_free(driver);
    ks_topology_free(topology);
}

static void a_processor_is_closed_once_with_its_task(void **state)
{
    (void)state;
    punctuator items[] = {{.name = "s", .interval_ms = 10}};
    rig *self = BEGIN(items);
    assert_true(open_driver(self));
    ks_test_driver_free(self->driver);
    self->driver = NULL;
    assert_int_equal(self->plan.closed, 1);
    end(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            stream_time_is_due_with_the_first_record_and_the_wall_clock_an_interval_later),
        cmocka_unit_test(an_anchored_punctuation_is_called_on_its_grid_only),
        cmocka_unit_test(several_that_are_due_at_once_go_in_java_s_order),
        cmocka_unit_test(it_may_be_cancelled_by_itself_and_by_others_and_make_others),
        cmocka_unit_test(a_failure_stops_the_task),
        cmocka_unit_test(the_processing_handler_may_go_on_and_a_dead_letter_is_written),
        cmocka_unit_test(a_record_that_cannot_go_on_fails_the_punctuation),
        cmocka_unit_test(a_record_may_go_to_one_node_by_its_name),
        cmocka_unit_test(a_schedule_that_cannot_be_fails_the_start_and_closes_nothing),
        cmocka_unit_test(only_processors_schedule),
        cmocka_unit_test(a_processor_is_closed_once_with_its_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
