/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_text.c - words, ASCII case, printf and C texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <kstreams/serde.h>

static void assert_text(ks_slice slice, const char *text)
{
    assert_non_null(slice.data);
    assert_int_equal(slice.size, strlen(text));
    assert_memory_equal(slice.data, text, slice.size);
}

/* Compares the words of a text, joined by '|', with those wanted. */
static void assert_words(const char *text, const char *wanted)
{
    char joined[128] = "";
    size_t used = 0;
    ks_slice rest = ks_slice_cstr(text);
    ks_slice word;
    while (ks_text_next_word(&rest, &word)) {
        assert_true(word.size > 0);
        used += (size_t)snprintf(joined + used, sizeof joined - used, "%.*s|", (int)word.size,
                                 word.data);
    }
    assert_string_equal(joined, wanted);
    assert_false(ks_text_next_word(&rest, &word));
}

static void words_are_runs_of_letters_digits_and_underscores(void **state)
{
    (void)state;
    assert_words("all streams lead to kafka", "all|streams|lead|to|kafka|");
    assert_words("  To be, or not-to_be?!", "To|be|or|not|to_be|");
    assert_words("4.3.1", "4|3|1|");
    assert_words("word", "word|");
}

static void words_of_other_scripts_stay_whole(void **state)
{
    (void)state;
    assert_words("z\xc3\xbcrich, \xe4\xb8\xad\xe6\x96\x87",
                 "z\xc3\xbcrich|\xe4\xb8\xad\xe6\x96\x87|");
}

static void texts_without_words_give_none(void **state)
{
    (void)state;
    assert_words("", "");
    assert_words(" ,.-[]`@{~^", "");
    assert_words(NULL, "");
}

static void case_changes_ascii_letters_only(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    ks_slice text = ks_slice_cstr("@AZ[`az{ Z\xc3\x9crich \xc3\xbc 1_2");
    assert_text(ks_text_lower(arena, text), "@az[`az{ z\xc3\x9crich \xc3\xbc 1_2");
    assert_text(ks_text_upper(arena, text), "@AZ[`AZ{ Z\xc3\x9cRICH \xc3\xbc 1_2");
    assert_text(text, "@AZ[`az{ Z\xc3\x9crich \xc3\xbc 1_2");
    assert_text(ks_text_lower(arena, ks_slice_of("", 0)), "");
    assert_null(ks_text_lower(arena, ks_slice_null()).data);
    assert_null(ks_text_upper(arena, ks_slice_null()).data);
    ks_arena_free(arena);
}

static void format_composes_texts_of_any_length(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    assert_text(ks_text_format(arena, "%s-%d", "a", 7), "a-7");
    assert_text(ks_text_format(arena, "%s", ""), "");
    ks_slice wide = ks_text_format(arena, "%*d", 100000, 5);
    assert_int_equal(wide.size, 100000);
    assert_int_equal(wide.data[99999], '5');
    ks_arena_free(arena);
}

static void cstr_ends_with_a_nul_and_null_stays_null(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    assert_string_equal(ks_text_cstr(arena, ks_slice_of("abcdef", 3)), "abc");
    assert_string_equal(ks_text_cstr(arena, ks_slice_of("", 0)), "");
    assert_null(ks_text_cstr(arena, ks_slice_null()));
    ks_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_runs_of_letters_digits_and_underscores),
        cmocka_unit_test(words_of_other_scripts_stay_whole),
        cmocka_unit_test(texts_without_words_give_none),
        cmocka_unit_test(case_changes_ascii_letters_only),
        cmocka_unit_test(format_composes_texts_of_any_length),
        cmocka_unit_test(cstr_ends_with_a_nul_and_null_stays_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
