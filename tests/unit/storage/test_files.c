/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_files.c - directories that are removed with what is in them, and those that are not.
 */
#include "storage/files.h"

#include "scratch.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void a_directory_goes_with_all_that_is_in_it(void **state)
{
    const char *top = scratch_path(*state, "top");
    char *refused = NULL;
    make_directory(top);
    make_directory(scratch_path(*state, "top/below"));
    make_directory(scratch_path(*state, "top/below/deep"));
    assert_true(ksi_file_create(scratch_path(*state, "top/a"), "1"));
    assert_true(ksi_file_create(scratch_path(*state, "top/below/deep/b"), "2"));
    assert_int_equal(symlink("/nowhere", scratch_path(*state, "top/below/link")), 0);

    assert_true(ksi_directory_remove(top, 2, &refused));
    assert_null(refused);
    assert_false(ksi_path_exists(top));
}

static void a_directory_that_is_not_there_is_no_mistake(void **state)
{
    char *refused = NULL;
    assert_true(ksi_directory_remove(scratch_path(*state, "never"), 3, &refused));
    assert_null(refused);
}

static void what_lies_deeper_than_expected_stays_and_is_named(void **state)
{
    const char *top = scratch_path(*state, "top");
    const char *deep = scratch_path(*state, "top/below");
    char *refused = NULL;
    make_directory(top);
    make_directory(deep);
    assert_true(ksi_file_create(scratch_path(*state, "top/below/kept"), "1"));

    assert_false(ksi_directory_remove(top, 0, &refused));
    assert_string_equal(refused, deep);
    assert_true(ksi_path_exists(scratch_path(*state, "top/below/kept")));
    ksi_free(refused);
}

static void a_link_to_a_directory_goes_and_its_target_stays(void **state)
{
    const char *target = scratch_path(*state, "target");
    const char *top = scratch_path(*state, "top");
    char *refused = NULL;
    make_directory(target);
    assert_true(ksi_file_create(scratch_path(*state, "target/kept"), "1"));
    make_directory(top);
    assert_int_equal(symlink(target, scratch_path(*state, "top/link")), 0);

    assert_true(ksi_directory_remove(top, 3, &refused));
    assert_true(ksi_path_exists(scratch_path(*state, "target/kept")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_directory_goes_with_all_that_is_in_it),
        TEST(a_directory_that_is_not_there_is_no_mistake),
        TEST(what_lies_deeper_than_expected_stays_and_is_named),
        TEST(a_link_to_a_directory_goes_and_its_target_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
