/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_value.c - reading the types of properties, and the messages when a text is none.
 */
#include "config_test.h"

#include "config/value.h"

#include <string.h>

static void assert_number(const char *text, int64_t expected)
{
    int64_t number = 0;
    assert_true(ksi_value_i64(text, &number));
    assert_true(number == expected);
}

static void assert_no_number(const char *text)
{
    int64_t number = 42;
    if (ksi_value_i64(text, &number)) {
        fail_msg("\"%s\" was read as a number", text);
    }
    assert_int_equal(number, 42);
}

static void assert_checks(const ksi_property *property, const char *text)
{
    ks_error error = {0};
    if (ksi_value_check(property, text, &error) != KS_OK) {
        fail_msg("\"%s\": %s", text, error.message);
    }
}

static void assert_fails(const ksi_property *property, const char *text, const char *part)
{
    ks_error error = {0};
    assert_int_equal(ksi_value_check(property, text, &error), KS_E_CONFIG);
    assert_string_equal(error.where, property->name);
    assert_contains(error.message, part);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void numbers_are_read_as_java_reads_them(void **state)
{
    (void)state;
    assert_number("0", 0);
    assert_number("-0", 0);
    assert_number("+7", 7);
    assert_number("007", 7);
    assert_number("9223372036854775807", INT64_MAX);
    assert_number("-9223372036854775808", INT64_MIN);
    static const char *const wrong[] = {"",
                                        "-",
                                        "+",
                                        " 1",
                                        "1 ",
                                        "0x1",
                                        "1e3",
                                        "1.0",
                                        "1_000",
                                        "--1",
                                        "+-1",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "99999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_no_number(wrong[i]);
    }
}

static void truth_is_read_in_any_case(void **state)
{
    (void)state;
    bool truth = false;
    assert_true(ksi_value_bool("TRUE", &truth) && truth);
    assert_true(ksi_value_bool("False", &truth) && !truth);
    assert_false(ksi_value_bool("yes", &truth));
    assert_false(ksi_value_bool("1", &truth));
    assert_false(ksi_value_bool("", &truth));
}

static void trimming_takes_blanks_and_control_characters(void **state)
{
    (void)state;
    assert_true(
        ks_slice_equal(ksi_value_trim(ks_slice_cstr(" \t\r\n\x01 a b\f ")), ks_slice_cstr("a b")));
    assert_int_equal(ksi_value_trim(ks_slice_cstr(" \n ")).size, 0);
    /* A no-break space is no blank, and bytes above 127 are not negative. */
    assert_int_equal(ksi_value_trim(ks_slice_cstr("\xC2\xA0")).size, 2);
}

static void items_of_a_list_are_trimmed(void **state)
{
    (void)state;
    ks_slice rest = ksi_value_items(" a , b,,c ");
    static const char *const expected[] = {"a", "b", "", "c"};
    ks_slice item = ks_slice_null();
    for (size_t i = 0; i < 4; i++) {
        assert_true(ksi_value_next_item(&rest, &item));
        assert_true(ks_slice_equal(item, ks_slice_cstr(expected[i])));
    }
    assert_false(ksi_value_next_item(&rest, &item));
    rest = ksi_value_items("  ");
    assert_false(ksi_value_next_item(&rest, &item));
    rest = ksi_value_items("a,");
    assert_true(ksi_value_next_item(&rest, &item));
    assert_true(ksi_value_next_item(&rest, &item));
    assert_int_equal(item.size, 0);
    assert_false(ksi_value_next_item(&rest, &item));
}

/* ---- checking -------------------------------------------------------------------------------- */

static void numbers_have_the_width_of_their_type(void **state)
{
    (void)state;
    const ksi_property narrow = {.name = "narrow", .type = KSI_PROPERTY_I32};
    const ksi_property wide = {.name = "wide", .type = KSI_PROPERTY_I64};
    assert_checks(&narrow, "2147483647");
    assert_checks(&narrow, "-2147483648");
    assert_fails(&narrow, "2147483648", "a whole number of 32 bits; it is \"2147483648\"");
    assert_fails(&narrow, "-2147483649", "32 bits");
    assert_checks(&wide, "2147483648");
    assert_fails(&wide, "9223372036854775808", "a whole number of 64 bits");
    assert_fails(&wide, "", "it is \"\"");
}

static void ranges_include_both_ends(void **state)
{
    (void)state;
    const ksi_property open = {.name = "open", .type = KSI_PROPERTY_I32, KSI_AT_LEAST(1)};
    const ksi_property closed = {
        .name = "closed", .type = KSI_PROPERTY_I64, .ranged = true, .low = -2, .high = 5};
    assert_checks(&open, "1");
    assert_checks(&open, "2147483647");
    assert_fails(&open, "0", "a whole number of 32 bits, at least 1; it is \"0\"");
    assert_fails(&open, "2147483648", "32 bits");
    assert_checks(&closed, "-2");
    assert_checks(&closed, "5");
    assert_fails(&closed, "-3", "a whole number from -2 to 5");
    assert_fails(&closed, "6", "a whole number from -2 to 5");
}

static void choices_are_words_in_their_case(void **state)
{
    (void)state;
    static const ksi_choice colours[] = {{"red", NULL}, {"green", NULL}, {NULL, NULL}};
    const ksi_property strict = {.name = "strict", .type = KSI_PROPERTY_CHOICE, .choices = colours};
    const ksi_property lenient = {
        .name = "lenient", .type = KSI_PROPERTY_CHOICE, .choices = colours, .ignore_case = true};
    assert_checks(&strict, "green");
    assert_fails(&strict, "Green", "must be one of red, green; it is \"Green\"");
    assert_fails(&strict, "", "one of red, green");
    assert_checks(&lenient, "GREEN");
    assert_string_equal(ksi_value_choice(&lenient, "Red")->word, "red");
    assert_true(ksi_value_same(&lenient, "Red", "RED"));
    assert_false(ksi_value_same(&lenient, "red", "green"));
}

static void classes_have_three_names(void **state)
{
    (void)state;
    static const ksi_choice classes[] = {{"fast", "org.example.Outer$FastOne"}, {NULL, NULL}};
    const ksi_property property = {.name = "c", .type = KSI_PROPERTY_CLASS, .choices = classes};
    assert_checks(&property, "fast");
    assert_checks(&property, "org.example.Outer$FastOne");
    assert_checks(&property, "Outer$FastOne");
    assert_checks(&property, "FastOne");
    assert_true(ksi_value_same(&property, "fast", "FastOne"));
    assert_fails(&property, "One", "must be fast, or its Java class; other classes are Java code");
    assert_fails(&property, "org.example.Mine", "it is \"org.example.Mine\"");
    const ksi_property any = {.name = "any", .type = KSI_PROPERTY_CLASS};
    assert_checks(&any, "org.example.Mine");
    assert_fails(&any, "", "must be a name; it is \"\"");
}

static void lists_have_no_empty_items(void **state)
{
    (void)state;
    const ksi_property list = {
        .name = "list", .type = KSI_PROPERTY_LIST, .ranged = true, .low = 1, .high = 2};
    assert_checks(&list, "a");
    assert_checks(&list, "a , b");
    assert_fails(&list, "", "from 1 to 2 items; \"\" has 0");
    assert_fails(&list, "a,b,c", "has 3");
    assert_fails(&list, "a,,b", "item 2 of the list \"a,,b\" is empty; take out the comma");
    assert_fails(&list, ",a", "item 1");
    assert_fails(&list, "a,", "item 2");
}

static void all_and_none_stand_alone_in_a_list(void **state)
{
    (void)state;
    const ksi_property *property = ksi_property_find("topology.optimization");
    assert_checks(property, "none");
    assert_checks(property, "all");
    assert_checks(property, "merge.repartition.topics , reuse.ktable.source.topics");
    assert_fails(property, "none,all", "one of none, all");
    assert_fails(property, "all,merge.repartition.topics", "it is \"all,merge");
    assert_fails(property, "merge", "single.store.self.join");
    assert_fails(property, "", "must have from 1 to 3 items");
}

static void texts_may_be_empty_unless_the_row_says_otherwise(void **state)
{
    (void)state;
    const ksi_property free_text = {.name = "free", .type = KSI_PROPERTY_TEXT};
    const ksi_property needed = {.name = "needed", .type = KSI_PROPERTY_TEXT, KSI_AT_LEAST(1)};
    assert_checks(&free_text, "");
    assert_checks(&needed, "x");
    assert_fails(&needed, "", "must not be empty");
}

static void only_the_meaning_of_the_default_is_built_where_a_row_is_refused(void **state)
{
    (void)state;
    const ksi_property number = {.name = "n",
                                 .type = KSI_PROPERTY_I32,
                                 .support = KSI_SUPPORT_REFUSED,
                                 .default_text = "1",
                                 .reason = "there is one"};
    ks_error error = {0};
    assert_int_equal(ksi_value_check_built(&number, "+1", &error), KS_OK);
    assert_int_equal(ksi_value_check_built(&number, "2", &error), KS_E_NOT_BUILT);
    assert_string_equal(error.message,
                        "\"2\" is not built in this version: there is one; only \"1\" "
                        "is taken");
    const ksi_property unset = {.name = "u",
                                .type = KSI_PROPERTY_CLASS,
                                .support = KSI_SUPPORT_REFUSED,
                                .reason = "there is none"};
    assert_int_equal(ksi_value_check_built(&unset, "x.Y", &error), KS_E_NOT_BUILT);
    assert_contains(error.message, "leave the property out");
}

static void a_missing_value_equals_only_a_missing_value(void **state)
{
    (void)state;
    const ksi_property flag = {.name = "flag", .type = KSI_PROPERTY_BOOL};
    assert_true(ksi_value_same(&flag, NULL, NULL));
    assert_false(ksi_value_same(&flag, "true", NULL));
    assert_true(ksi_value_same(&flag, "true", "TRUE"));
    assert_false(ksi_value_same(&flag, "true", "false"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_as_java_reads_them),
        cmocka_unit_test(truth_is_read_in_any_case),
        cmocka_unit_test(trimming_takes_blanks_and_control_characters),
        cmocka_unit_test(items_of_a_list_are_trimmed),
        cmocka_unit_test(numbers_have_the_width_of_their_type),
        cmocka_unit_test(ranges_include_both_ends),
        cmocka_unit_test(choices_are_words_in_their_case),
        cmocka_unit_test(classes_have_three_names),
        cmocka_unit_test(lists_have_no_empty_items),
        cmocka_unit_test(all_and_none_stand_alone_in_a_list),
        cmocka_unit_test(texts_may_be_empty_unless_the_row_says_otherwise),
        cmocka_unit_test(only_the_meaning_of_the_default_is_built_where_a_row_is_refused),
        cmocka_unit_test(a_missing_value_equals_only_a_missing_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
