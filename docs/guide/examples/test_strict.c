/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_strict.c - what becomes of a record that fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"
#include "strict.h"

static ks_status pipe_line(rig *r, const char *line, ks_error *error)
{
    ks_test_input *lines =
        ks_test_driver_input(r->driver, "lines", &ks_serde_string, &ks_serde_string, 0, 1);

    return ks_test_input_pipe(lines, ks_text_of("kitchen"), ks_text_of(line), error);
}

static void without_a_handler_the_error_names_the_node(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};

    rig_open(&r, strict_topology, NULL, NULL);
    assert_int_equal(pipe_line(&r, "warm", &error), KS_E_PROCESSING);
    assert_non_null(strstr(error.where, "parse"));
    assert_non_null(strstr(error.message, "'warm' is no number of degrees"));
    rig_close(&r);
}

static void what_is_left_out_becomes_a_dead_letter(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};
    ks_log_record letter;
    ks_arena *arena = ks_arena_new();
    ks_config *config = ks_config_new();

    assert_int_equal(
        ks_config_set(config, "processing.exception.handler", "LogAndContinue", &error), KS_OK);
    assert_int_equal(
        ks_config_set(config, "errors.dead.letter.queue.topic.name", "no-readings", &error), KS_OK);
    rig_open(&r, strict_topology, config, NULL);
    assert_int_equal(pipe_line(&r, "warm", &error), KS_OK);
    assert_int_equal(pipe_line(&r, "21.5", &error), KS_OK);

    assert_int_equal(ks_test_driver_produced_count(r.driver, "readings"), 1);
    assert_true(ks_test_driver_produced(r.driver, "no-readings", 0, &letter));
    assert_true(ks_slice_equal(letter.value, ks_slice_cstr("warm")));
    ks_slice why;
    assert_true(ks_headers_last(letter.headers, "__streams.errors.message", &why));
    assert_string_equal(ks_text_cstr(arena, why), "task 0_0, topic lines, partition 0, offset 0: "
                                                  "'warm' is no number of degrees");
    assert_int_equal(ks_test_driver_dropped_by(r.driver, KS_DROP_PROCESSING), 1);
    rig_close(&r);
    ks_config_free(config);
    ks_arena_free(arena);
}

static void a_handler_of_ones_own_decides_case_by_case(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};
    int left = 1;

    rig_open(&r, strict_topology, NULL,
             KS_TEST_DRIVER_OPTIONS(.processing_handler = strict_failure, .user = &left));
    assert_int_equal(pipe_line(&r, "warm", &error), KS_OK);
    assert_int_equal(pipe_line(&r, "hot", &error), KS_E_PROCESSING);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_handler_the_error_names_the_node),
        cmocka_unit_test(what_is_left_out_becomes_a_dead_letter),
        cmocka_unit_test(a_handler_of_ones_own_decides_case_by_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
