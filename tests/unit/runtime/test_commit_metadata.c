/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_commit_metadata.c - the text beside a committed offset, byte for byte as Kafka Streams 4.3.1
 * writes it: recorded from TopicPartitionMetadata#encode and #decode.
 */
#include "runtime/commit_metadata.h"
#include "topology/context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    int64_t time;
    const char *text;
} recorded[] = {
    {-1, "Av//////////"},
    {0, "AgAAAAAAAAAA"},
    {1, "AgAAAAAAAAAB"},
    {255, "AgAAAAAAAAD/"},
    {1700000000000, "AgAAAYvP5WgA"},
    {4102444800123, "AgAAA7ssw9h7"},
    {INT64_MAX, "An//////////"},
    {INT64_MIN, "AoAAAAAAAAAA"},
};

static const ksi_commit_notes none = {0};

/* The time of a text without notes. */
static int64_t time_of(const char *text)
{
    ks_arena arena;
    ksi_commit_notes notes;
    ksi_arena_init(&arena, 0);
    int64_t time = ksi_commit_metadata_decode(text != NULL ? ks_slice_cstr(text) : ks_slice_null(),
                                              &arena, &notes);
    assert_int_equal(notes.count, 0);
    ksi_arena_destroy(&arena);
    return time;
}

static void texts_are_java_s(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof recorded / sizeof recorded[0]; i++) {
        ks_slice text = ksi_commit_metadata_encode(recorded[i].time, &none, &arena);
        assert_true(ks_slice_equal(text, ks_slice_cstr(recorded[i].text)));
        assert_int_equal(time_of(recorded[i].text), recorded[i].time);
    }
    ksi_arena_destroy(&arena);
}

/* Recorded, too: key = 5. */
static const char with_note[] = "AgAAAAAAAAAHAAAAAQAAAANrZXkAAAAAAAAABQ==";

static void notes_are_those_of_a_processor_of_java(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ksi_commit_note note = {.name = "key", .number = 5};
    const ksi_commit_notes written = {.items = &note, .count = 1};
    ksi_commit_notes read;
    ks_slice text = ksi_commit_metadata_encode(7, &written, &arena);
    assert_true(ks_slice_equal(text, ks_slice_cstr(with_note)));
    assert_int_equal(ksi_commit_metadata_decode(text, &arena, &read), 7);
    assert_int_equal(read.count, 1);
    assert_string_equal(read.items[0].name, "key");
    assert_int_equal(read.items[0].number, 5);
    ksi_arena_destroy(&arena);
}

/* As many notes as `own` says of ours and `java_s` of Java's, of 60 bytes each. */
static size_t fill_notes(ksi_commit_note *notes, ks_arena *arena, size_t own, size_t java_s)
{
    for (size_t i = 0; i < own + java_s; i++) {
        const bool is_own = i < own;
        const char *name =
            ksi_arena_format(arena, "%s%0*zu", is_own ? KSI_OWN_NOTE : "", is_own ? 43 : 48, i);
        notes[i] = (ksi_commit_note){.name = name, .number = (int64_t)i};
    }
    return own + java_s;
}

static void what_java_has_not_is_left_out_before_a_broker_refuses_the_text(void **state)
{
    (void)state;
    enum { MOST = 100 };
    ks_arena arena;
    ksi_commit_note notes[MOST];
    ksi_commit_notes read;
    ksi_arena_init(&arena, 0);
    for (size_t own = 0; own < MOST - 10; own++) {
        const ksi_commit_notes written = {.items = notes,
                                          .count = fill_notes(notes, &arena, own, 10)};
        const bool fits = (9 + 4 + (own + 10) * 60 + 2) / 3 * 4 <= KSI_COMMIT_METADATA_MAX;
        const ks_slice text = ksi_commit_metadata_encode(7, &written, &arena);
        assert_true(text.size <= KSI_COMMIT_METADATA_MAX);
        assert_int_equal(ksi_commit_metadata_is_shortened(&written), !fits);
        assert_int_equal(ksi_commit_metadata_decode(text, &arena, &read), 7);
        assert_int_equal(read.count, fits ? own + 10 : 10);
        for (size_t i = 0; i < read.count; i++) {
            const ksi_commit_note *same = &notes[fits ? i : own + i];
            assert_string_equal(read.items[i].name, same->name);
            assert_int_equal(read.items[i].number, same->number);
        }
    }
    ksi_arena_destroy(&arena);
}

static void what_java_has_is_never_left_out(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_commit_note notes[80];
    ksi_commit_notes read;
    ksi_arena_init(&arena, 0);
    const ksi_commit_notes written = {.items = notes, .count = fill_notes(notes, &arena, 0, 80)};
    const ks_slice text = ksi_commit_metadata_encode(7, &written, &arena);
    assert_false(ksi_commit_metadata_is_shortened(&written));
    assert_int_equal(ksi_commit_metadata_decode(text, &arena, &read), 7);
    assert_int_equal(read.count, 80);
    ksi_arena_destroy(&arena);
}

static void several_notes_come_back(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ksi_commit_note notes[] = {{"a", -1}, {"", INT64_MAX}, {"a store of some length", 12}};
    const ksi_commit_notes written = {.items = notes, .count = 3};
    ksi_commit_notes read;
    ks_slice text = ksi_commit_metadata_encode(-1, &written, &arena);
    assert_int_equal(ksi_commit_metadata_decode(text, &arena, &read), -1);
    assert_int_equal(read.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(read.items[i].name, notes[i].name);
        assert_int_equal(read.items[i].number, notes[i].number);
    }
    ksi_arena_destroy(&arena);
}

static void notes_that_are_cut_off_are_none(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    for (size_t size = 12; size < strlen(with_note) - 3; size += 4) {
        ksi_commit_notes read;
        assert_int_equal(ksi_commit_metadata_decode(ks_slice_of(with_note, size), &arena, &read),
                         7);
        assert_int_equal(read.count, 0);
    }
    ksi_arena_destroy(&arena);
}

static void the_first_version_has_no_more_than_the_time(void **state)
{
    (void)state;
    assert_int_equal(time_of("AQAAAAAAAAAF"), 5);
}

static void what_is_not_understood_says_no_time(void **state)
{
    (void)state;
    assert_int_equal(time_of(NULL), -1);
    assert_int_equal(time_of(""), -1);
    assert_int_equal(time_of("AwAAAAAAAAAF"), -1); /* version 3 */
    assert_int_equal(time_of("???"), -1);
    assert_int_equal(time_of("AgAAAAAAAAA"), -1); /* cut off */
    assert_int_equal(time_of("AgAAAA AAAAAF"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_java_s),
        cmocka_unit_test(notes_are_those_of_a_processor_of_java),
        cmocka_unit_test(what_java_has_not_is_left_out_before_a_broker_refuses_the_text),
        cmocka_unit_test(what_java_has_is_never_left_out),
        cmocka_unit_test(several_notes_come_back),
        cmocka_unit_test(notes_that_are_cut_off_are_none),
        cmocka_unit_test(the_first_version_has_no_more_than_the_time),
        cmocka_unit_test(what_is_not_understood_says_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
