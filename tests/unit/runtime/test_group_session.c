/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/group_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static ksi_generation generation(const char *member, int32_t number)
{
    return (ksi_generation){.member = member, .number = number};
}

static void a_generation_grows_while_the_session_stays(void **state)
{
    (void)state;
    ksi_group_session session;
    ksi_generation newest;
    ksi_group_session_init(&session);
    assert_int_equal(ksi_group_session_generation(&session, 0, &newest, NULL), KS_E_FENCED);
    assert_true(ksi_group_session_follow(&session, generation("m", 3)));
    assert_false(ksi_group_session_follow(&session, generation("m", 3)));
    uint64_t number = ksi_group_session_number(&session);
    assert_true(ksi_group_session_follow(&session, generation("m", 7)));
    assert_int_equal(ksi_group_session_generation(&session, number, &newest, NULL), KS_OK);
    assert_int_equal(newest.number, 7);
    assert_string_equal(newest.member, "m");
    assert_null(newest.instance);
    ksi_group_session_destroy(&session);
}

static void what_came_in_a_session_that_is_over_commits_no_more(void **state)
{
    (void)state;
    ksi_group_session session;
    ksi_generation newest;
    ks_error error = {0};
    char name[] = "first";
    ksi_group_session_init(&session);
    assert_true(ksi_group_session_follow(&session, generation(name, 1)));
    uint64_t first = ksi_group_session_number(&session);
    assert_int_equal(ksi_group_session_generation(&session, first, &newest, NULL), KS_OK);
    memset(name, 'x', sizeof name - 1); /* the membership is gone */
    assert_string_equal(newest.member, "first");
    ksi_group_session_end(&session);
    assert_int_equal(ksi_group_session_generation(&session, first, &newest, &error), KS_E_FENCED);
    assert_true(ksi_group_session_follow(&session, generation("second", 1)));
    assert_int_equal(ksi_group_session_generation(&session, first, &newest, &error), KS_E_FENCED);
    assert_int_equal(
        ksi_group_session_generation(&session, ksi_group_session_number(&session), &newest, &error),
        KS_OK);
    assert_string_equal(newest.member, "second");
    ksi_group_session_destroy(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_generation_grows_while_the_session_stays),
        cmocka_unit_test(what_came_in_a_session_that_is_over_commits_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
