/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_context.c - how a record goes down a few nodes, how a failure comes up, and what a callback
 * may ask.
 *
 *     top -> middle -> left
 *                   -> right     (or a sink in the place of left)
 *
 * Each node writes its name into a trace and then does what the test told it.
 */
#include "topology/context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- a tree of nodes ------------------------------------------------------------------------- */

typedef enum behaviour {
    FORWARDS, /* what it was given */
    FORWARDS_ANOTHER,
    EMITS_TWICE,
    FAILS,
    FAILS_PASSING,
    FORWARDS_THEN_FAILS,
} behaviour;

enum { TOP, MIDDLE, LEFT, RIGHT, NODES };

typedef struct tree {
    ks_ctx ctx;
    ks_arena arena;
    ksi_manual_clock clock;
    ksi_node nodes[NODES];
    ksi_node_instance instances[NODES];
    ksi_node_instance *children[NODES][2];
    behaviour does[NODES];
    char trace[256];
    bool handler_continues;
    char handled[128]; /* the nodes that the handler was asked for */
    int line_count;    /* of the log */
    char last_line[200];
} tree;

static void append(char *text, size_t size, const char *more)
{
    size_t length = strlen(text);
    snprintf(text + length, size - length, "%s ", more);
}

static void run_node(ks_ctx *ctx, ksi_node_instance *instance, const ks_record *record)
{
    tree *t = ctx->owner;
    behaviour does = t->does[instance - t->instances];
    append(t->trace, sizeof t->trace, instance->node->name);
    assert_ptr_equal(ctx->node, instance);
    assert_int_equal(ctx->record.timestamp, record->timestamp); /* the context follows the record */
    if (does == FAILS || does == FAILS_PASSING) {
        ks_ctx_fail(ctx, "no %s", "good");
        ctx->failure = does == FAILS ? ctx->failure : KSI_FAILURE_PASSING;
        return;
    }
    if (does == EMITS_TWICE) {
        ctx->emitting = record;
        ks_emit_value(ctx, ks_i32(1));
        ks_emit_value(ctx, ks_i32(2));
        ctx->emitting = NULL;
        return;
    }
    if (does == FORWARDS_ANOTHER) {
        ks_record another = *record;
        another.timestamp += 100;
        ksi_forward(ctx, &another);
    } else {
        ksi_forward(ctx, record);
    }
    assert_ptr_equal(ctx->node, instance);
    assert_int_equal(ctx->record.timestamp, record->timestamp);
    if (does == FORWARDS_THEN_FAILS) {
        ks_ctx_fail(ctx, "too late");
    }
}

static bool handle_failure(ks_ctx *ctx)
{
    tree *t = ctx->owner;
    append(t->handled, sizeof t->handled, ctx->node->node->name);
    return t->handler_continues;
}

static ksi_store *no_store(ks_ctx *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

static const ksi_ctx_services services = {.handle_failure = handle_failure, .store = no_store};

static void grow(tree *t)
{
    static const char *const names[] = {"top", "middle", "left", "right"};
    *t = (tree){.handler_continues = true};
    ksi_arena_init(&t->arena, 0);
    ksi_manual_clock_init(&t->clock, 1234);
    for (size_t i = 0; i < NODES; i++) {
        t->nodes[i] = (ksi_node){.name = names[i], .kind = KSI_NODE_PROCESSOR};
        t->instances[i] = (ksi_node_instance){
            .node = &t->nodes[i], .children = t->children[i], .process = run_node};
    }
    t->children[TOP][0] = &t->instances[MIDDLE];
    t->instances[TOP].child_count = 1;
    t->children[MIDDLE][0] = &t->instances[LEFT];
    t->children[MIDDLE][1] = &t->instances[RIGHT];
    t->instances[MIDDLE].child_count = 2;
    t->ctx = (ks_ctx){.services = &services,
                      .owner = t,
                      .node = &t->instances[TOP],
                      .arena = &t->arena,
                      .task_arena = &t->arena,
                      .clock = &t->clock.clock,
                      .task_id = "0_1",
                      .application_id = "app",
                      .stream_time = 77};
}

/* A record comes in at the top, as if from a source. */
static void run(tree *t)
{
    const ks_record record = {.key = ks_i32(7), .value = ks_i32(8), .timestamp = 10};
    t->ctx.record =
        (ksi_record_context){.topic = "in", .partition = 1, .offset = 42, .timestamp = 10};
    t->ctx.context_of = &record;
    run_node(&t->ctx, &t->instances[TOP], &record);
}

static void fell(tree *t)
{
    assert_null(t->ctx.emitting);
    ksi_arena_destroy(&t->arena);
}

/* ---- down ------------------------------------------------------------------------------------ */

static void records_go_depth_first_in_the_order_of_children(void **state)
{
    (void)state;
    tree t;
    grow(&t);
    t.does[TOP] = EMITS_TWICE;
    run(&t);
    assert_string_equal(t.trace, "top middle left right middle left right ");
    assert_int_equal(t.ctx.failure, KSI_FAILURE_NONE);
    fell(&t);
}

static void the_context_follows_the_record_and_comes_back(void **state)
{
    (void)state;
    tree t;
    grow(&t);
    t.does[MIDDLE] = FORWARDS_ANOTHER; /* run_node() asserts */
    run(&t);
    assert_string_equal(t.trace, "top middle left right ");
    assert_int_equal(t.ctx.record.timestamp, 10);
    assert_int_equal(t.ctx.record.offset, 42);
    fell(&t);
}

/* ---- up -------------------------------------------------------------------------------------- */

static void a_failure_that_is_continued_drops_the_record_for_that_node_only(void **state)
{
    (void)state;
    tree t;
    grow(&t);
    t.does[LEFT] = FAILS;
    run(&t);
    assert_string_equal(t.trace, "top middle left right ");
    assert_string_equal(t.handled, "left ");
    assert_int_equal(t.ctx.failure, KSI_FAILURE_NONE);
    assert_int_equal(t.ctx.error.code, KS_OK);
    assert_int_equal(t.ctx.dropped, 1);
    fell(&t);
}

static void a_failure_that_is_not_continued_stops_everything(void **state)
{
    (void)state;
    tree t;
    grow(&t);
    t.handler_continues = false;
    t.does[TOP] = EMITS_TWICE;
    t.does[LEFT] = FAILS;
    run(&t);
    assert_string_equal(t.trace, "top middle left ");
    assert_string_equal(t.handled, "left "); /* asked once, not at every level */
    assert_int_equal(t.ctx.failure, KSI_FAILURE_FATAL);
    assert_int_equal(t.ctx.error.code, KS_E_PROCESSING);
    assert_string_equal(t.ctx.error.where, "left");
    assert_string_equal(t.ctx.error.message, "task 0_1, topic in, partition 1, offset 42: no good");
    assert_int_equal(t.ctx.dropped, 0);
    fell(&t);
}

static void a_passing_failure_is_handled_one_level_up(void **state)
{
    (void)state;
    tree t;
    grow(&t);
    t.does[TOP] = EMITS_TWICE;
    t.does[LEFT] = FAILS_PASSING;
    run(&t);
    /* `right` never ran: the failure is that of `middle`, and the second record fails anew. */
    assert_string_equal(t.trace, "top middle left middle left ");
    assert_string_equal(t.handled, "middle middle ");
    assert_int_equal(t.ctx.dropped, 2);
    assert_int_equal(t.ctx.failure, KSI_FAILURE_NONE);
    fell(&t);
}

static void a_failure_of_a_sink_is_its_parents(void **state)
{
    (void)state;
    tree t;
    grow(&t);
    t.nodes[LEFT].kind = KSI_NODE_SINK;
    t.does[LEFT] = FAILS;
    run(&t);
    assert_string_equal(t.trace, "top middle left ");
    assert_string_equal(t.handled, "middle ");
    assert_int_equal(t.ctx.dropped, 1);
    fell(&t);
}

static void what_was_forwarded_before_a_failure_stays(void **state)
{
    (void)state;
    tree t;
    grow(&t);
    t.does[MIDDLE] = FORWARDS_THEN_FAILS;
    run(&t);
    assert_string_equal(t.trace, "top middle left right ");
    assert_string_equal(t.handled, "middle ");
    fell(&t);
}

static void only_the_first_failure_counts_and_forwarding_stops(void **state)
{
    (void)state;
    tree t;
    grow(&t);
    t.ctx.record.topic = "in";
    ks_ctx_fail(&t.ctx, "first");
    ks_ctx_fail(&t.ctx, "second");
    ksi_ctx_fail_error(&t.ctx, &(ks_error){.code = KS_E_SERDE, .message = "third"});
    assert_int_equal(t.ctx.error.code, KS_E_PROCESSING);
    assert_non_null(strstr(t.ctx.error.message, "first"));
    const ks_record record = {.timestamp = 0};
    ksi_forward(&t.ctx, &record);
    t.ctx.emitting = &record;
    ks_emit(&t.ctx, ks_null(), ks_null());
    t.ctx.emitting = NULL;
    assert_string_equal(t.trace, "");
    fell(&t);
}

static void errors_made_elsewhere_keep_their_place_and_code(void **state)
{
    (void)state;
    tree t;
    grow(&t);
    ks_error error = {.code = KS_E_STORE, .where = "rows", .message = "it is gone"};
    ksi_ctx_fail_error(&t.ctx, &error);
    assert_int_equal(t.ctx.error.code, KS_E_STORE);
    assert_string_equal(t.ctx.error.where, "top");
    assert_string_equal(t.ctx.error.message, "task 0_1: rows: it is gone");
    fell(&t);
}

static void emitting_outside_a_flat_operation_fails(void **state)
{
    (void)state;
    tree t;
    grow(&t);
    ks_emit_value(&t.ctx, ks_i32(1));
    assert_int_equal(t.ctx.failure, KSI_FAILURE_RAISED);
    assert_non_null(strstr(t.ctx.error.message, "ks_emit()"));
    assert_string_equal(t.trace, "");
    fell(&t);
}

/* ---- what may be asked ----------------------------------------------------------------------- */

static void a_context_answers_for_its_record_and_task(void **state)
{
    (void)state;
    tree t;
    grow(&t);
    t.ctx.record = (ksi_record_context){.topic = "in", .partition = 3, .offset = 9};
    assert_string_equal(ks_ctx_topic(&t.ctx), "in");
    assert_int_equal(ks_ctx_partition(&t.ctx), 3);
    assert_int_equal(ks_ctx_offset(&t.ctx), 9);
    assert_int_equal(ks_ctx_stream_time(&t.ctx), 77);
    assert_int_equal(ks_ctx_wall_clock(&t.ctx), 1234);
    assert_string_equal(ks_ctx_task_id(&t.ctx), "0_1");
    assert_string_equal(ks_ctx_node_name(&t.ctx), "top");
    assert_ptr_equal(ks_ctx_arena(&t.ctx), &t.arena);
    ksi_ctx_drop(&t.ctx, KS_DROP_NULL, "null key");
    assert_int_equal(t.ctx.dropped, 1);
    assert_int_equal(t.ctx.dropped_by[KS_DROP_NULL], 1);
    assert_int_equal(t.ctx.failure, KSI_FAILURE_NONE);
    fell(&t);
}

static void keep_line(ks_log_level level, const char *where, const char *message, void *user)
{
    tree *t = user;
    assert_int_equal(level, KS_LOG_LEVEL_WARN);
    assert_non_null(where);
    t->line_count++;
    (void)snprintf(t->last_line, sizeof t->last_line, "%s", message);
}

static void of_many_dropped_records_the_log_has_a_line_in_ten_seconds_and_the_number(void **state)
{
    (void)state;
    tree t;
    ksi_logger logger;
    grow(&t);
    ksi_logger_init(&logger, keep_line, &t, KS_LOG_LEVEL_INFO);
    t.ctx.logger = &logger;
    t.ctx.record = (ksi_record_context){.topic = "in", .partition = 3, .offset = 9};
    for (int i = 0; i < 4; i++) {
        ksi_ctx_drop(&t.ctx, KS_DROP_LATE, "its window has closed");
    }
    assert_int_equal(t.line_count, 1);
    assert_string_equal(t.last_line, "task 0_1 drops the record at topic in partition 3 offset 9: "
                                     "its window has closed");
    ksi_ctx_drop(&t.ctx, KS_DROP_NULL, "null key"); /* another reason has its own lines */
    assert_int_equal(t.line_count, 2);
    t.clock.now_ms += 10000;
    ksi_ctx_drop(&t.ctx, KS_DROP_LATE, "its window has closed");
    assert_int_equal(t.line_count, 3);
    assert_string_equal(t.last_line,
                        "task 0_1 drops the record at topic in partition 3 offset 9: "
                        "its window has closed; 3 more (late) since the last such line");
    ksi_ctx_tell_untold_drops(&t.ctx);
    assert_int_equal(t.line_count, 3);
    ksi_ctx_drop(&t.ctx, KS_DROP_LATE, "its window has closed");
    ksi_ctx_tell_untold_drops(&t.ctx);
    assert_int_equal(t.line_count, 4);
    assert_string_equal(t.last_line,
                        "task 0_1 dropped 1 more records (late) since the last such line");
    assert_int_equal(t.ctx.dropped, 7);
    ksi_logger_destroy(&logger);
    fell(&t);
}

static void a_serde_is_ones_own_or_the_default_or_an_error_that_says_which(void **state)
{
    (void)state;
    tree t;
    ks_error error = {0};
    const ks_serde *serde = NULL;
    grow(&t);
    t.ctx.default_key = &ks_serde_i32;
    assert_int_equal(ksi_ctx_key_serde(&t.ctx, &ks_serde_i64, "sink s", &serde, &error), KS_OK);
    assert_ptr_equal(serde, &ks_serde_i64);
    assert_int_equal(ksi_ctx_key_serde(&t.ctx, NULL, "sink s", &serde, &error), KS_OK);
    assert_ptr_equal(serde, &ks_serde_i32);
    assert_int_equal(ksi_ctx_value_serde(&t.ctx, NULL, "sink s", &serde, &error), KS_E_PROCESSING);
    assert_string_equal(error.where, "sink s");
    assert_non_null(strstr(error.message, "no value serde"));
    assert_non_null(strstr(error.message, "default.value.serde"));
    fell(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_go_depth_first_in_the_order_of_children),
        cmocka_unit_test(the_context_follows_the_record_and_comes_back),
        cmocka_unit_test(a_failure_that_is_continued_drops_the_record_for_that_node_only),
        cmocka_unit_test(a_failure_that_is_not_continued_stops_everything),
        cmocka_unit_test(a_passing_failure_is_handled_one_level_up),
        cmocka_unit_test(a_failure_of_a_sink_is_its_parents),
        cmocka_unit_test(what_was_forwarded_before_a_failure_stays),
        cmocka_unit_test(only_the_first_failure_counts_and_forwarding_stops),
        cmocka_unit_test(errors_made_elsewhere_keep_their_place_and_code),
        cmocka_unit_test(emitting_outside_a_flat_operation_fails),
        cmocka_unit_test(a_context_answers_for_its_record_and_task),
        cmocka_unit_test(of_many_dropped_records_the_log_has_a_line_in_ten_seconds_and_the_number),
        cmocka_unit_test(a_serde_is_ones_own_or_the_default_or_an_error_that_says_which),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
