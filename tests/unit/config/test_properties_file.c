/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_properties_file.c - the syntax of java.util.Properties, and the messages when a file is
 * refused.
 *
 * The syntax is watched through `client.id`, which takes any text, and through prefixed names,
 * which take any name.
 */
#include "config_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ks_config *parse(const char *text)
{
    ks_config *config = ks_config_new();
    ks_error error = {0};
    if (ksi_config_parse(config, ks_slice_cstr(text), "test.properties", &error) != KS_OK) {
        fail_msg("%s", error.message);
    }
    return config;
}

static void assert_parsed(const char *text, const char *name, const char *value)
{
    ks_config *config = parse(text);
    const char *found = ks_config_get(config, name);
    if (found == NULL || strcmp(found, value) != 0) {
        fail_msg("%s of \"%s\" is \"%s\", not \"%s\"", name, text, found != NULL ? found : "(null)",
                 value);
    }
    ks_config_free(config);
}

static void assert_malformed(ks_slice text, const char *part)
{
    ks_config *config = ks_config_new();
    ks_error error = {0};
    assert_int_equal(ksi_config_parse(config, text, "test.properties", &error), KS_E_CONFIG);
    assert_contains(error.message, part);
    ks_config_free(config);
}

static size_t count_of(const ks_config *config)
{
    size_t count = 0;
    const char *name = NULL;
    const char *value = NULL;
    for (size_t at = 0; ksi_config_at(config, &at, &name, &value); at++) {
        count++;
    }
    return count;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void a_name_ends_at_an_equals_sign_a_colon_or_a_blank(void **state)
{
    (void)state;
    assert_parsed("client.id=one", "client.id", "one");
    assert_parsed("client.id:one", "client.id", "one");
    assert_parsed("client.id one", "client.id", "one");
    assert_parsed("  client.id \t = \f one", "client.id", "one");
    assert_parsed("client.id\t:one", "client.id", "one");
    assert_parsed("client.id", "client.id", "");
    assert_parsed("client.id=", "client.id", "");
}

static void only_the_first_separator_counts(void **state)
{
    (void)state;
    assert_parsed("client.id==one", "client.id", "=one");
    assert_parsed("client.id = : one", "client.id", ": one");
    assert_parsed("client.id a=b", "client.id", "a=b");
    assert_parsed("client.id=a # no comment", "client.id", "a # no comment");
}

static void comments_and_blank_lines_say_nothing(void **state)
{
    (void)state;
    ks_config *config = parse("# one\n! two\n\n   \t\n  # client.id=three\nclient.id=four\n#end");
    assert_int_equal(count_of(config), 1);
    assert_string_equal(ks_config_get(config, "client.id"), "four");
    ks_config_free(config);
    config = parse("");
    assert_int_equal(count_of(config), 0);
    ks_config_free(config);
}

static void lines_end_in_any_of_three_ways(void **state)
{
    (void)state;
    ks_config *config = parse("client.id=one\r\npoll.ms=5\rapplication.id=two\nstate.dir=three");
    assert_int_equal(count_of(config), 4);
    assert_string_equal(ks_config_get(config, "client.id"), "one");
    assert_string_equal(ks_config_get(config, "state.dir"), "three");
    ks_config_free(config);
}

static void a_backslash_at_the_end_continues_a_line(void **state)
{
    (void)state;
    assert_parsed("client.id=one,\\\n    two,\\\r\n\tthree", "client.id", "one,two,three");
    assert_parsed("client\\\n.id=one", "client.id", "one");
    assert_parsed("client.id\\\n=\\\none", "client.id", "one");
    assert_parsed("client.id=one\\", "client.id", "one");
}

static void two_backslashes_at_the_end_do_not_continue_a_line(void **state)
{
    (void)state;
    ks_config *config = parse("client.id=one\\\\\npoll.ms=5");
    assert_string_equal(ks_config_get(config, "client.id"), "one\\");
    assert_string_equal(ks_config_get(config, "poll.ms"), "5");
    ks_config_free(config);
    assert_parsed("client.id=one\\\\\\\ntwo", "client.id", "one\\two");
}

static void a_comment_cannot_be_continued_and_a_continuation_is_no_comment(void **state)
{
    (void)state;
    ks_config *config = parse("# comment \\\nclient.id=one\\\n#two");
    assert_string_equal(ks_config_get(config, "client.id"), "one#two");
    ks_config_free(config);
    /* Nothing has been kept of the line yet: then it is one after all. */
    config = parse("\\\n#client.id=one");
    assert_int_equal(count_of(config), 0);
    ks_config_free(config);
}

static void an_empty_line_ends_a_continued_one(void **state)
{
    (void)state;
    ks_config *config = parse("client.id=one\\\n\npoll.ms=5");
    assert_string_equal(ks_config_get(config, "client.id"), "one");
    assert_string_equal(ks_config_get(config, "poll.ms"), "5");
    ks_config_free(config);
}

/* ---- escapes --------------------------------------------------------------------------------- */

static void escapes_of_java_are_replaced(void **state)
{
    (void)state;
    assert_parsed("client.id=a\\tb\\nc\\rd\\fe", "client.id", "a\tb\nc\rd\fe");
    assert_parsed("client.id=\\a\\z\\\\\\=\\:\\#\\!", "client.id", "az\\=:#!");
    assert_parsed("client.tag.a\\ b\\=\\:c = x", "client.tag.a b=:c", "x");
}

static void a_trimmed_value_keeps_the_blanks_inside(void **state)
{
    (void)state;
    /* Java's Properties keeps the blanks at the end, StreamsConfig cuts them off. */
    assert_parsed("client.id=a  b \t ", "client.id", "a  b");
    assert_parsed("client.id=\\ a", "client.id", "a");
}

static void unicode_escapes_become_utf_8(void **state)
{
    (void)state;
    assert_parsed("client.id=\\u0041\\u00fC\\u20ac", "client.id", "A\xC3\xBC\xE2\x82\xAC");
    assert_parsed("client.id=\\ud83d\\ude00!", "client.id", "\xF0\x9F\x98\x80!");
    assert_parsed("client.id=\\u00e9t\\u00e9", "client.id", "\xC3\xA9t\xC3\xA9");
    assert_parsed("\\u0063lient.id=x", "client.id", "x");
}

static void half_of_a_surrogate_pair_becomes_the_replacement_character(void **state)
{
    (void)state;
    assert_parsed("client.id=\\ud83d", "client.id", "\xEF\xBF\xBD");
    assert_parsed("client.id=\\ude00x", "client.id", "\xEF\xBF\xBDx");
    assert_parsed("client.id=\\ud83d\\u0041", "client.id",
                  "\xEF\xBF\xBD"
                  "A");
}

static void a_unicode_escape_needs_four_hexadecimal_digits(void **state)
{
    (void)state;
    assert_malformed(ks_slice_cstr("client.id=\\u12"), "four hexadecimal digits");
    assert_malformed(ks_slice_cstr("client.id=\\u12g4"), "test.properties:1:");
    assert_malformed(ks_slice_cstr("\n\nclient\\u.id=x"), "test.properties:3:");
    assert_malformed(ks_slice_cstr("client.id=\\u"), "test.properties:1:");
    assert_parsed("client.id=\\\\u12", "client.id", "\\u12");
}

static void bytes_of_utf_8_pass_unchanged(void **state)
{
    (void)state;
    assert_parsed("client.id=\xC3\xBC\xF0\x9F\x98\x80", "client.id", "\xC3\xBC\xF0\x9F\x98\x80");
}

static void a_nul_is_refused_raw_and_escaped(void **state)
{
    (void)state;
    static const char raw[] = "client.id=a\0b";
    assert_malformed(ks_slice_of(raw, sizeof raw - 1), "NUL");
    static const char behind[] = "client.id=a\\\0b";
    assert_malformed(ks_slice_of(behind, sizeof behind - 1), "NUL");
    assert_malformed(ks_slice_cstr("client.id=a\\u0000b"), "NUL");
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void a_refused_property_is_named_with_file_and_line(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    ks_error error = {0};
    ks_slice text = ks_slice_cstr("# first\nclient.id=one,\\\n  two\npol.ms=5\nstate.dir=x\n");
    assert_int_equal(ksi_config_parse(config, text, "orders.properties", &error), KS_E_CONFIG);
    assert_string_equal(error.where, "pol.ms");
    assert_contains(error.message, "orders.properties:4: ");
    assert_contains(error.message, "did you mean `poll.ms`?");
    /* What stood before it is set, what stands behind is not. */
    assert_string_equal(ks_config_get(config, "client.id"), "one,two");
    assert_false(ksi_config_is_set(config, "state.dir"));
    text = ks_slice_cstr("dsl.store.format=headers");
    assert_int_equal(ksi_config_parse(config, text, "orders.properties", &error), KS_E_NOT_BUILT);
    assert_contains(error.message, "orders.properties:1: ");
    ks_config_free(config);
}

static void a_byte_order_mark_belongs_to_no_name(void **state)
{
    (void)state;
    assert_parsed("\xef\xbb\xbf"
                  "client.id=one\n",
                  "client.id", "one");
}

static void a_continued_line_counts_by_its_first(void **state)
{
    (void)state;
    assert_malformed(ks_slice_cstr("client.id=a\\\n b\\\n c\n\nzzz\\\n=\\\n1\n"),
                     "test.properties:5: ");
}

static void the_last_of_two_lines_wins(void **state)
{
    (void)state;
    assert_parsed("client.id=one\nclient.id=two\n", "client.id", "two");
}

static void a_line_without_a_name_is_refused(void **state)
{
    (void)state;
    assert_malformed(ks_slice_cstr("=x"), "no such property");
    assert_malformed(ks_slice_cstr("client.id=x\n : y"), "test.properties:2: ");
}

/* ---- files ----------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void make_path(char *path, size_t size)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, size, "%s/kstreams-config-XXXXXX", folder != NULL ? folder : "/tmp");
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
}

static void a_file_is_read_as_its_text(void **state)
{
    (void)state;
    char path[512];
    make_path(path, sizeof path);
    static const char text[] = "application.id = orders\ncommit.interval.ms = 100";
    write_file(path, text, sizeof text - 1);
    ks_config *config = ks_config_new();
    ks_error error = {0};
    assert_int_equal(ks_config_load(config, path, &error), KS_OK);
    assert_string_equal(ks_config_get(config, "application.id"), "orders");
    assert_true(ksi_config_i64(config, "commit.interval.ms") == 100);
    write_file(path, "\nbad", 4);
    assert_int_equal(ks_config_load(config, path, &error), KS_E_CONFIG);
    assert_contains(error.message, path);
    assert_contains(error.message, ":2: ");
    ks_config_free(config);
    unlink(path);
}

static void what_cannot_be_read_says_why(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    ks_error error = {0};
    assert_int_equal(ks_config_load(config, "/no/such/file.properties", &error), KS_E_IO);
    assert_contains(error.message, "/no/such/file.properties");
    assert_contains(error.message, strerror(ENOENT));
    assert_int_equal(ks_config_load(config, "/", &error), KS_E_IO);
    assert_int_equal(ks_config_load(NULL, "x", &error), KS_E_ARGUMENT);
    assert_int_equal(ks_config_load(config, NULL, &error), KS_E_ARGUMENT);
    ks_config_free(config);
}

static void a_huge_file_is_no_file_of_properties(void **state)
{
    (void)state;
    char path[512];
    make_path(path, sizeof path);
    size_t size = 1024 * 1024 + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '\n', size);
    ks_config *config = ks_config_new();
    ks_error error = {0};
    write_file(path, text, size - 1);
    assert_int_equal(ks_config_load(config, path, &error), KS_OK);
    write_file(path, text, size);
    assert_int_equal(ks_config_load(config, path, &error), KS_E_CONFIG);
    assert_contains(error.message, "longer than 1048576 bytes");
    ks_config_free(config);
    free(text);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_ends_at_an_equals_sign_a_colon_or_a_blank),
        cmocka_unit_test(only_the_first_separator_counts),
        cmocka_unit_test(comments_and_blank_lines_say_nothing),
        cmocka_unit_test(lines_end_in_any_of_three_ways),
        cmocka_unit_test(a_backslash_at_the_end_continues_a_line),
        cmocka_unit_test(two_backslashes_at_the_end_do_not_continue_a_line),
        cmocka_unit_test(a_comment_cannot_be_continued_and_a_continuation_is_no_comment),
        cmocka_unit_test(an_empty_line_ends_a_continued_one),
        cmocka_unit_test(escapes_of_java_are_replaced),
        cmocka_unit_test(a_trimmed_value_keeps_the_blanks_inside),
        cmocka_unit_test(unicode_escapes_become_utf_8),
        cmocka_unit_test(half_of_a_surrogate_pair_becomes_the_replacement_character),
        cmocka_unit_test(a_unicode_escape_needs_four_hexadecimal_digits),
        cmocka_unit_test(bytes_of_utf_8_pass_unchanged),
        cmocka_unit_test(a_nul_is_refused_raw_and_escaped),
        cmocka_unit_test(a_refused_property_is_named_with_file_and_line),
        cmocka_unit_test(a_byte_order_mark_belongs_to_no_name),
        cmocka_unit_test(a_continued_line_counts_by_its_first),
        cmocka_unit_test(the_last_of_two_lines_wins),
        cmocka_unit_test(a_line_without_a_name_is_refused),
        cmocka_unit_test(a_file_is_read_as_its_text),
        cmocka_unit_test(what_cannot_be_read_says_why),
        cmocka_unit_test(a_huge_file_is_no_file_of_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
