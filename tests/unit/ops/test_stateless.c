/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stateless.c - the operations without a store, one record at a time.
 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static bool is_even(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_i32(record->value) % 2 == 0;
}

static bool is_above(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    return ks_value_i32(record->value) > *(const int *)user;
}

static bool fails(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)record;
    (void)user;
    ks_ctx_fail(ctx, "no answer");
    return true;
}

static ks_value doubled(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i32(ks_value_i32(record->value) * 2);
}

static ks_pair swapped(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return (ks_pair){.key = record->value, .value = record->key};
}

static void filter_and_filter_not_share_the_records_out(void **state)
{
    (void)state;
    for (int negated = 0; negated < 2; negated++) {
        harness h;
        harness_start(&h, &(harness_options){.children = 2});
        harness_run(&h, ksi_op_filter(&h.task_arena, is_even, NULL, negated));
        harness_feed(&h, ks_null(), ks_i32(1), 10);
        harness_feed(&h, ks_i32(5), ks_i32(2), 11);
        assert_string_equal(harness_trace(&h),
                            negated ? "0:null=1@10 1:null=1@10 " : "0:5=2@11 1:5=2@11 ");
        harness_stop(&h);
    }
}

static void a_predicate_that_fails_forwards_nothing(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, &(harness_options){.children = 1});
    harness_run(&h, ksi_op_filter(&h.task_arena, fails, NULL, false));
    harness_feed(&h, ks_i32(5), ks_i32(2), 11);
    assert_string_equal(harness_trace(&h), "");
    assert_int_equal(h.ctx.failure, KSI_FAILURE_RAISED);
    assert_string_equal(h.ctx.error.where, "op");
    harness_stop(&h);
}

static void records_without_key_do_not_reach_a_repartition_topic(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, &(harness_options){.children = 1});
    harness_run(&h, ksi_op_has_key());
    harness_feed(&h, ks_null(), ks_i32(1), 1);
    harness_feed(&h, ks_i32(3), ks_null(), 2);
    assert_string_equal(harness_trace(&h), "0:3=null@2 ");
    assert_int_equal(h.ctx.dropped, 0); /* as Java, which filters them silently */
    harness_stop(&h);
}

static void mapping_keeps_timestamp_and_headers(void **state)
{
    (void)state;
    for (int what = 0; what < 3; what++) {
        static const char *const expected[] = {"0:4=3@9+x ", "0:8=4@9+x ", "0:3=8@9+x "};
        harness h;
        harness_start(&h, &(harness_options){.children = 1});
        h.headers = ks_headers_with(&h.arena, NULL, ks_slice_cstr("h"), ks_slice_cstr("x"));
        harness_run(&h, what == 0   ? ksi_op_map(&h.task_arena, swapped, NULL)
                        : what == 1 ? ksi_op_select_key(&h.task_arena, doubled, NULL)
                                    : ksi_op_map_values(&h.task_arena, doubled, NULL));
        harness_feed(&h, ks_i32(3), ks_i32(4), 9);
        assert_string_equal(harness_trace(&h), expected[what]);
        harness_stop(&h);
    }
}

/* ---- flat ------------------------------------------------------------------------------------ */

static void emit_words(ks_ctx *ctx, const ks_record *record, void *user)
{
    int *calls = user;
    ks_slice rest = ks_value_text(record->value);
    ks_slice word;
    while (ks_text_next_word(&rest, &word)) {
        ks_emit(ctx, ks_i32(++*calls), ks_text(ks_text_upper(ks_ctx_arena(ctx), word)));
    }
}

static void flat_map_emits_in_order_under_its_keys(void **state)
{
    (void)state;
    int calls = 0;
    harness h;
    harness_start(&h, &(harness_options){.children = 2});
    harness_run(&h, ksi_op_flat_map(&h.task_arena, emit_words, &calls, true));
    harness_feed_text(&h, "k", "one two", 7);
    harness_feed_text(&h, "k", "", 8);
    assert_string_equal(harness_trace(&h), "0:1=ONE@7 1:1=ONE@7 0:2=TWO@7 1:2=TWO@7 ");
    harness_stop(&h);
}

static void flat_map_values_keeps_the_key_whatever_is_emitted(void **state)
{
    (void)state;
    int calls = 0;
    harness h;
    harness_start(&h, &(harness_options){.children = 1});
    harness_run(&h, ksi_op_flat_map(&h.task_arena, emit_words, &calls, false));
    harness_feed_text(&h, "k", "one two", 7);
    assert_string_equal(harness_trace(&h), "0:k=ONE@7 0:k=TWO@7 ");
    harness_stop(&h);
}

static void after_a_failure_below_the_rest_is_not_emitted(void **state)
{
    (void)state;
    int calls = 0;
    harness h;
    harness_start(&h, &(harness_options){.children = 1});
    h.failing_value = "TWO";
    harness_run(&h, ksi_op_flat_map(&h.task_arena, emit_words, &calls, false));
    harness_feed_text(&h, "k", "one two three", 7);
    assert_string_equal(harness_trace(&h), "0:k=ONE@7 0:k=TWO@7 ");
    assert_int_equal(h.ctx.failure, KSI_FAILURE_FATAL);
    assert_null(h.ctx.emitting);
    harness_stop(&h);
}

static void emit_many(ks_ctx *ctx, const ks_record *record, void *user)
{
    size_t *most = user;
    char *first = ks_arena_alloc(ks_ctx_arena(ctx), 16);
    for (int i = 0; i < 1000; i++) {
        char *bytes = ks_arena_alloc(ks_ctx_arena(ctx), 16);
        size_t apart = bytes > first ? (size_t)(bytes - first) : (size_t)(first - bytes);
        *most = apart > *most ? apart : *most;
        ks_emit_value(ctx, ks_i32(i));
    }
    (void)record;
}

static void count_only(ks_ctx *ctx, ksi_node_instance *instance, const ks_record *record)
{
    (void)instance;
    (void)record;
    memset(ks_arena_alloc(ctx->arena, 4096), 'x', 4096);
}

static void a_thousand_emissions_hold_the_memory_of_one(void **state)
{
    (void)state;
    size_t most = 0;
    harness h;
    harness_start(&h, &(harness_options){.children = 1});
    h.children[0].process = count_only;
    harness_run(&h, ksi_op_flat_map(&h.task_arena, emit_many, &most, false));
    harness_feed_text(&h, "k", "v", 7);
#ifndef KSI_ARENA_GUARDED /* under the address sanitizer each allocation is padded */
    assert_in_range(most, 16, 16 * 1000 + 4096);
#endif
    assert_true(most > 0);
    harness_stop(&h);
}

/* ---- actions --------------------------------------------------------------------------------- */

static void count_calls(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)record;
    ++*(int *)user;
}

static void peek_passes_on_and_foreach_ends(void **state)
{
    (void)state;
    for (int ends = 0; ends < 2; ends++) {
        int calls = 0;
        harness h;
        harness_start(&h, &(harness_options){.children = 1});
        harness_run(&h, ends ? ksi_op_foreach(&h.task_arena, count_calls, &calls)
                             : ksi_op_peek(&h.task_arena, count_calls, &calls));
        harness_feed_text(&h, "k", "v", 1);
        harness_feed_text(&h, NULL, NULL, 2);
        assert_int_equal(calls, 2);
        assert_string_equal(harness_trace(&h), ends ? "" : "0:k=v@1 0:null=null@2 ");
        harness_stop(&h);
    }
}

/* ---- branches -------------------------------------------------------------------------------- */

static void the_first_branch_that_wants_a_record_gets_it(void **state)
{
    (void)state;
    static int ten = 10;
    static int five = 5;
    for (size_t with_default = 0; with_default < 2; with_default++) {
        harness h;
        harness_start(&h, &(harness_options){.children = 2 + with_default});
        ksi_branches *branches = ksi_branches_new(&h.task_arena);
        ksi_branches_add(branches, &h.task_arena, is_above, &ten);
        ksi_branches_add(branches, &h.task_arena, is_above, &five);
        assert_int_equal(ksi_branches_count(branches), 2);
        harness_run(&h, ksi_op_branch(branches));
        harness_feed(&h, ks_null(), ks_i32(11), 1);
        harness_feed(&h, ks_null(), ks_i32(6), 2);
        harness_feed(&h, ks_null(), ks_i32(5), 3);
        assert_string_equal(harness_trace(&h), with_default ? "0:null=11@1 1:null=6@2 2:null=5@3 "
                                                            : "0:null=11@1 1:null=6@2 ");
        harness_stop(&h);
    }
}

static void a_condition_that_fails_stops_the_search(void **state)
{
    (void)state;
    int five = 5;
    harness h;
    harness_start(&h, &(harness_options){.children = 3});
    ksi_branches *branches = ksi_branches_new(&h.task_arena);
    ksi_branches_add(branches, &h.task_arena, fails, NULL);
    ksi_branches_add(branches, &h.task_arena, is_above, &five);
    harness_run(&h, ksi_op_branch(branches));
    harness_feed(&h, ks_null(), ks_i32(6), 2);
    assert_string_equal(harness_trace(&h), "");
    assert_int_equal(h.ctx.failure, KSI_FAILURE_RAISED);
    harness_stop(&h);
}

/* ---- print ----------------------------------------------------------------------------------- */

static ks_slice value_only(ks_ctx *ctx, const ks_record *record, void *user)
{
    ++*(int *)user;
    return ks_value_to_text(ks_ctx_arena(ctx), record->value);
}

static void print_appends_labelled_lines_to_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/kstreams-print-XXXXXX";
    char read[128] = "";
    int file = mkstemp(path);
    assert_true(file >= 0);
    for (int i = 0; i < 2; i++) {
        int calls = 0;
        harness h;
        harness_start(&h, &(harness_options){.children = 0});
        const ksi_print print = {
            .path = path, .label = "lines", .mapper = i == 0 ? NULL : value_only, .user = &calls};
        harness_run(&h, ksi_op_print(&h.task_arena, &print));
        harness_feed_text(&h, "k", "v", 1);
        harness_feed_text(&h, NULL, "w", 2);
        assert_int_equal(calls, i == 0 ? 0 : 2);
        harness_stop(&h);
    }
    assert_true(pread(file, read, sizeof read - 1, 0) > 0);
    assert_string_equal(read, "[lines]: k, v\n[lines]: null, w\n[lines]: v\n[lines]: w\n");
    close(file);
    unlink(path);
}

static void a_file_that_cannot_be_opened_fails_the_start(void **state)
{
    (void)state;
    ks_error error = {0};
    harness h;
    harness_start(&h, &(harness_options){.children = 0});
    const ksi_print print = {.path = "/nowhere/at/all", .label = "lines"};
    assert_int_equal(harness_init(&h, ksi_op_print(&h.task_arena, &print), &error), KS_E_IO);
    assert_string_equal(error.where, "/nowhere/at/all");
    harness_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filter_and_filter_not_share_the_records_out),
        cmocka_unit_test(a_predicate_that_fails_forwards_nothing),
        cmocka_unit_test(records_without_key_do_not_reach_a_repartition_topic),
        cmocka_unit_test(mapping_keeps_timestamp_and_headers),
        cmocka_unit_test(flat_map_emits_in_order_under_its_keys),
        cmocka_unit_test(flat_map_values_keeps_the_key_whatever_is_emitted),
        cmocka_unit_test(after_a_failure_below_the_rest_is_not_emitted),
        cmocka_unit_test(a_thousand_emissions_hold_the_memory_of_one),
        cmocka_unit_test(peek_passes_on_and_foreach_ends),
        cmocka_unit_test(the_first_branch_that_wants_a_record_gets_it),
        cmocka_unit_test(a_condition_that_fails_stops_the_search),
        cmocka_unit_test(print_appends_labelled_lines_to_a_file),
        cmocka_unit_test(a_file_that_cannot_be_opened_fails_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
