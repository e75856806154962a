/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_logger.c - lines reach the callback whole, one at a time, and from the level on.
 */
#include "base/logger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct lines {
    int count;
    bool is_inside;
    bool overlapped;
    ks_log_level level;
    char where[64];
    char message[2048];
} lines;

static void keep(ks_log_level level, const char *where, const char *message, void *user)
{
    lines *all = user;
    all->overlapped = all->overlapped || all->is_inside;
    all->is_inside = true;
    all->count++;
    all->level = level;
    (void)snprintf(all->where, sizeof all->where, "%s", where);
    (void)snprintf(all->message, sizeof all->message, "%s", message);
    all->is_inside = false;
}

static void a_line_has_level_place_and_message(void **state)
{
    (void)state;
    lines all = {0};
    ksi_logger logger;
    ksi_logger_init(&logger, keep, &all, KS_LOG_LEVEL_DEBUG);
    ksi_log(&logger, KS_LOG_LEVEL_INFO, "task 0_1", "from %s to %s", "CREATED", "RUNNING");
    assert_int_equal(all.count, 1);
    assert_int_equal(all.level, KS_LOG_LEVEL_INFO);
    assert_string_equal(all.where, "task 0_1");
    assert_string_equal(all.message, "from CREATED to RUNNING");
    ksi_log(&logger, KS_LOG_LEVEL_INFO, NULL, "x");
    assert_string_equal(all.where, "kstreams");
    ksi_logger_destroy(&logger);
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    lines all = {0};
    ksi_logger logger;
    ksi_logger_init(&logger, keep, &all, KS_LOG_LEVEL_WARN);
    ksi_log(&logger, KS_LOG_LEVEL_DEBUG, "x", "y");
    ksi_log(&logger, KS_LOG_LEVEL_INFO, "x", "y");
    assert_int_equal(all.count, 0);
    ksi_log(&logger, KS_LOG_LEVEL_WARN, "x", "y");
    ksi_log(&logger, KS_LOG_LEVEL_ERROR, "x", "y");
    assert_int_equal(all.count, 2);
    ksi_log(NULL, KS_LOG_LEVEL_ERROR, "x", "y");
    assert_int_equal(all.count, 2);
    ksi_logger_destroy(&logger);
}

static void long_lines_are_whole(void **state)
{
    (void)state;
    lines all = {0};
    ksi_logger logger;
    ksi_logger_init(&logger, keep, &all, KS_LOG_LEVEL_DEBUG);
    for (int size = 505; size < 520; size++) {
        ksi_log(&logger, KS_LOG_LEVEL_INFO, "x", "%*d|", size - 1, 7);
        assert_int_equal(strlen(all.message), size);
        assert_int_equal(all.message[size - 1], '|');
    }
    ksi_log(&logger, KS_LOG_LEVEL_INFO, "x", "%*d", 2000, 7);
    assert_int_equal(strlen(all.message), 2000);
    ksi_logger_destroy(&logger);
}

enum { THREADS = 4, LINES = 500 };

static void write_lines(void *logger)
{
    for (int i = 0; i < LINES; i++) {
        ksi_log(logger, KS_LOG_LEVEL_INFO, "thread", "line %d", i);
    }
}

static void the_callback_is_called_by_one_thread_at_a_time(void **state)
{
    (void)state;
    lines all = {0};
    ksi_logger logger;
    ksi_logger_init(&logger, keep, &all, KS_LOG_LEVEL_DEBUG);
    ksi_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(ksi_thread_start(&threads[i], "writer", write_lines, &logger), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ksi_thread_join(&threads[i]);
    }
    assert_int_equal(all.count, THREADS * LINES);
    assert_false(all.overlapped);
    ksi_logger_destroy(&logger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_level_place_and_message),
        cmocka_unit_test(lines_below_the_level_are_not_written),
        cmocka_unit_test(long_lines_are_whole),
        cmocka_unit_test(the_callback_is_called_by_one_thread_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
