/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_click_enrich.c - click enrichment on the test driver, results worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include "click_enrich/topology.h"

typedef struct fixture {
    ks_builder *builder;
    ks_topology *topology;
    ks_test_driver *driver;
    ks_test_input *views;
    ks_test_input *searches;
    ks_test_input *profiles;
    ks_test_output *activity;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    ks_error error = {0};
    const ks_serde *user = &ks_serde_i32;
    const ks_serde *text = &ks_serde_string;

    f.builder = ks_builder_new(NULL);
    click_enrich_topology(f.builder);
    f.topology = ks_builder_build(f.builder, &error);
    if (f.topology == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    f.driver = ks_test_driver_new(f.topology, NULL, NULL, &error);
    if (f.driver == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    f.views = ks_test_driver_input(f.driver, CLICK_ENRICH_VIEWS, user, text, 0, 0);
    f.searches = ks_test_driver_input(f.driver, CLICK_ENRICH_SEARCHES, user, text, 0, 0);
    f.profiles = ks_test_driver_input(f.driver, CLICK_ENRICH_PROFILES, user, text, 0, 0);
    f.activity = ks_test_driver_output(f.driver, CLICK_ENRICH_OUTPUT, user, &user_activity_serde);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    ks_test_driver_free(f->driver);
    ks_topology_free(f->topology);
    ks_builder_free(f->builder);
    return 0;
}

static void pipe_text(ks_test_input *input, int32_t user, int64_t time, const char *text)
{
    ks_error error = {0};
    const ks_record record = {.key = ks_i32(user), .value = ks_text_of(text), .timestamp = time};

    if (ks_test_input_pipe_record(input, &record, &error) != KS_OK) {
        fail_msg("%s: %s", error.where, error.message);
    }
}

static void view_at(fixture *f, int64_t time, int32_t user, const char *page)
{
    char text[128];
    (void)snprintf(text, sizeof text, "{\"userId\":%d,\"page\":\"%s\"}", (int)user, page);
    pipe_text(f->views, user, time, text);
}

static void search_at(fixture *f, int64_t time, int32_t user, const char *terms)
{
    char text[128];
    (void)snprintf(text, sizeof text, "{\"userId\":%d,\"searchTerms\":\"%s\"}", (int)user, terms);
    pipe_text(f->searches, user, time, text);
}

static void profile_at(fixture *f, int64_t time, int32_t user, const char *name, const char *zip)
{
    char text[160];
    (void)snprintf(text, sizeof text,
                   "{\"userId\":%d,\"userName\":\"%s\",\"zipcode\":\"%s\",\"interests\":"
                   "[\"Surfing\",\"Chess\"]}",
                   (int)user, name, zip);
    pipe_text(f->profiles, user, time, text);
}

/* The next result; `name` "" is of a user without profile, `term` "" of a view without search. */
static void assert_next(fixture *f, int64_t time, const char *name, const char *term,
                        const char *page)
{
    ks_error error = {0};
    ks_record record;

    if (!ks_test_output_read(f->activity, &record, &error)) {
        fail_msg("no record where %s was expected: %s", page, error.message);
    }
    const user_activity *activity = ks_value_object(record.value, &user_activity_serde);
    bool has_profile = name[0] != '\0';
    assert_int_equal(record.timestamp, time);
    assert_true(ks_slice_equal(activity->userName, ks_slice_cstr(name)));
    assert_true(ks_slice_equal(activity->searchTerm, ks_slice_cstr(term)));
    assert_true(ks_slice_equal(activity->page, ks_slice_cstr(page)));
    assert_int_equal(activity->userId, has_profile ? ks_value_i32(record.key) : -1);
    assert_int_equal(activity->interest_count, has_profile ? 2 : 0);
}

/* What had no search is known once time has passed the grace period. */
static void let_time_pass(fixture *f, int64_t time)
{
    view_at(f, time, 99, "/later");
}

static void a_view_within_a_second_after_a_search_belongs_to_it(void **state)
{
    fixture *f = *state;

    profile_at(f, 0, 1, "Ann", "10115");
    search_at(f, 1000, 1, "surfboard");
    view_at(f, 1000, 1, "/at-once");
    view_at(f, 2000, 1, "/a-second-later");
    assert_next(f, 1000, "Ann", "surfboard", "/at-once");
    assert_next(f, 2000, "Ann", "surfboard", "/a-second-later");
    assert_int_equal(ks_test_output_size(f->activity), 0);
}

static void a_view_later_or_before_the_search_has_none(void **state)
{
    fixture *f = *state;

    profile_at(f, 0, 1, "Ann", "10115");
    view_at(f, 900, 1, "/before");
    search_at(f, 1000, 1, "surfboard");
    view_at(f, 2001, 1, "/too-late");
    assert_next(f, 900, "Ann", "", "/before");
    assert_int_equal(ks_test_output_size(f->activity), 0);
    let_time_pass(f, 2502);
    assert_next(f, 2001, "Ann", "", "/too-late");
}

static void a_search_that_comes_late_still_finds_its_view(void **state)
{
    fixture *f = *state;

    view_at(f, 1500, 1, "/waits");
    let_time_pass(f, 2000);
    assert_int_equal(ks_test_output_size(f->activity), 0);
    search_at(f, 1200, 1, "tent");
    assert_next(f, 1500, "", "tent", "/waits");
    let_time_pass(f, 5000);
    assert_next(f, 2000, "", "", "/later");
    assert_int_equal(ks_test_output_size(f->activity), 0);
}

static void two_searches_before_a_view_make_two_results(void **state)
{
    fixture *f = *state;

    search_at(f, 1000, 1, "tent");
    search_at(f, 1300, 1, "stove");
    view_at(f, 1600, 1, "/camping");
    assert_next(f, 1600, "", "tent", "/camping");
    assert_next(f, 1600, "", "stove", "/camping");
    assert_int_equal(ks_test_output_size(f->activity), 0);
}

static void a_view_has_the_profile_of_its_moment(void **state)
{
    fixture *f = *state;

    search_at(f, 1000, 1, "wok");
    view_at(f, 1100, 1, "/unknown");
    profile_at(f, 1200, 1, "Ann", "10115");
    view_at(f, 1300, 1, "/known");
    profile_at(f, 1400, 1, "Anna", "20095");
    view_at(f, 1500, 1, "/renamed");
    assert_next(f, 1100, "", "wok", "/unknown");
    assert_next(f, 1300, "Ann", "wok", "/known");
    assert_next(f, 1500, "Anna", "wok", "/renamed");
}

static void searches_of_others_do_not_count(void **state)
{
    fixture *f = *state;

    search_at(f, 1000, 2, "wok");
    view_at(f, 1100, 1, "/alone");
    let_time_pass(f, 1601);
    assert_next(f, 1100, "", "", "/alone");
    assert_int_equal(ks_test_output_size(f->activity), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_view_within_a_second_after_a_search_belongs_to_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_view_later_or_before_the_search_has_none, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_search_that_comes_late_still_finds_its_view, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(two_searches_before_a_view_make_two_results, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_view_has_the_profile_of_its_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(searches_of_others_do_not_count, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
