/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_change_serde.c - changes on a repartition topic: Java's bytes, and bytes that are none.
 */
#include "topology/change_serde.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct bench {
    ks_arena arena;
    const ks_serde *serde;
} bench;

static int set_up(void **state)
{
    static bench b;
    ksi_arena_init(&b.arena, 0);
    b.serde = ksi_change_serde(&b.arena, &ks_serde_string);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    ksi_arena_destroy(&((bench *)*state)->arena);
    return 0;
}

static const ks_serde_ctx where = {.topic = "t"};

/* The bytes of a change as text, flags and lengths as "\xNN"; NULL when it cannot be written. */
static const char *written(bench *b, const char *new_value, const char *old_value)
{
    const ksi_change change = {
        .new_value = ks_text_of(new_value), .old_value = ks_text_of(old_value), .is_latest = true};
    ks_slice bytes;
    ks_error error = {0};
    if (b->serde->serialize(b->serde, &where, ksi_change_value(&change), &b->arena, &bytes,
                            &error) != KS_OK) {
        assert_int_equal(error.code, KS_E_SERDE);
        return NULL;
    }
    return ks_text_cstr(&b->arena, ks_value_to_text(&b->arena, ks_bytes(bytes)));
}

static void each_shape_of_a_change_has_the_bytes_that_java_writes(void **state)
{
    bench *b = *state;
    assert_string_equal(written(b, NULL, "old"), "hex:6f6c6400");
    assert_string_equal(written(b, "new", NULL), "hex:6e657701");
    assert_string_equal(written(b, "new", "o"), "hex:066e65776f02");
    assert_string_equal(written(b, "", ""), "hex:0002");
    assert_string_equal(written(b, "", NULL), "hex:01");
    assert_null(written(b, NULL, NULL));
}

static void a_length_of_64_and_more_takes_two_bytes(void **state)
{
    bench *b = *state;
    char text[65];
    memset(text, 'x', sizeof text);
    text[64] = '\0';
    assert_memory_equal(written(b, text, "o"), "hex:8001787878", 14);
    assert_memory_equal(written(b, text + 1, "o"), "hex:7e787878", 12);
}

/* "new<-old", with "(outdated)" behind it; NULL for bytes that are no change. */
static const char *read_back(bench *b, ks_slice bytes)
{
    ks_value value;
    ks_error error = {0};
    if (b->serde->deserialize(b->serde, &where, bytes, &b->arena, &value, &error) != KS_OK) {
        assert_int_equal(error.code, KS_E_SERDE);
        return NULL;
    }
    assert_int_equal(ks_value_kind(value), KSI_KIND_CHANGE);
    const ksi_change *change = ksi_value_change(value);
    ks_slice new_text = ks_value_to_text(&b->arena, change->new_value);
    ks_slice old_text = ks_value_to_text(&b->arena, change->old_value);
    return ks_text_cstr(&b->arena, ks_text_format(&b->arena, "%.*s<-%.*s%s", (int)new_text.size,
                                                  new_text.data, (int)old_text.size, old_text.data,
                                                  change->is_latest ? "" : "(outdated)"));
}

#define READ(bytes) read_back(b, ks_slice_of(bytes, sizeof(bytes) - 1))

static void what_was_written_is_read_again(void **state)
{
    bench *b = *state;
    assert_string_equal(READ("old\x00"), "null<-old");
    assert_string_equal(READ("new\x01"), "new<-null");
    assert_string_equal(READ("\x06newo\x02"), "new<-o");
    assert_string_equal(READ("\x00\x02"), "<-");
    assert_string_equal(READ("\x01"), "<-null");
}

static void what_later_versions_write_is_read_with_its_flag(void **state)
{
    bench *b = *state;
    assert_string_equal(READ("old\x01\x03"), "null<-old");
    assert_string_equal(READ("old\x00\x03"), "null<-old(outdated)");
    assert_string_equal(READ("new\x00\x04"), "new<-null(outdated)");
    assert_string_equal(READ("\x06newo\x01\x05"), "new<-o");
}

static void bytes_that_are_no_change_are_refused(void **state)
{
    bench *b = *state;
    assert_null(READ(""));
    assert_null(READ("\x06")); /* no such flag */
    assert_null(READ("new\xff"));
    assert_null(READ("\x02"));                                /* a length is missing */
    assert_null(READ("\x0anew\x02"));                         /* and says too much */
    assert_null(READ("\x01new\x02"));                         /* is negative */
    assert_null(READ("\x80\x80\x80\x80\x80\x80\x01new\x02")); /* has no end */
    assert_null(READ("\x80\x02"));
    assert_null(READ("\x04"));        /* the flag before the flag is missing */
    assert_null(READ("new\x02\x04")); /* and is neither 0 nor 1 */
}

static void the_half_that_its_serde_cannot_write_is_found(void **state)
{
    bench *b = *state;
    ksi_change change = {.new_value = ks_text_of("a"), .old_value = ks_null()};
    ks_kind wanted = KS_KIND_NULL;
    assert_int_equal(ksi_unfit_kind(b->serde, ksi_change_value(&change), &wanted), KS_KIND_NULL);
    change.old_value = ks_i64(1);
    assert_int_equal(ksi_unfit_kind(b->serde, ksi_change_value(&change), &wanted), KS_KIND_I64);
    assert_int_equal(wanted, KS_KIND_TEXT);
    change.new_value = ks_i32(1);
    assert_int_equal(ksi_unfit_kind(b->serde, ksi_change_value(&change), &wanted), KS_KIND_I32);
    assert_int_equal(ksi_unfit_kind(&ks_serde_i64, ks_text_of("a"), &wanted), KS_KIND_TEXT);
    assert_int_equal(wanted, KS_KIND_I64);
    assert_int_equal(ksi_unfit_kind(&ks_serde_i64, ks_null(), &wanted), KS_KIND_NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shape_of_a_change_has_the_bytes_that_java_writes),
        cmocka_unit_test(a_length_of_64_and_more_takes_two_bytes),
        cmocka_unit_test(what_was_written_is_read_again),
        cmocka_unit_test(what_later_versions_write_is_read_with_its_flag),
        cmocka_unit_test(bytes_that_are_no_change_are_refused),
        cmocka_unit_test(the_half_that_its_serde_cannot_write_is_found),
    };
    return cmocka_run_group_tests_name("change_serde", tests, set_up, tear_down);
}
