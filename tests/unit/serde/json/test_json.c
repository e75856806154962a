/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json.c - structs read from and printed as JSON.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include <kstreams/json.h>

/* ---- what is described ----------------------------------------------------------------------- */

typedef enum currency { CURRENCY_KRW = 410, CURRENCY_EUR = 978 } currency;

static const ks_json_name currencies[] = {
    {"KRW", CURRENCY_KRW}, {"EUR", CURRENCY_EUR}, {"WON", CURRENCY_KRW}, {NULL, 0}};

typedef struct item {
    ks_slice sku;
    int64_t price;
} item;

static const ks_json_field item_fields[] = {
    KS_JSON_STRING(item, sku),
    KS_JSON_DECIMAL(item, price, 2, .when_absent = "0.50"),
};
static const ks_json_type item_type = KS_JSON_TYPE(item, item_fields);

typedef struct node node;
struct node {
    int8_t small;
    node *next;
};

static const ks_json_type node_type;
static const ks_json_field node_fields[] = {
    KS_JSON_INTEGER(node, small, .is_optional = true),
    KS_JSON_OBJECT_POINTER(node, next, &node_type, .is_optional = true),
};
static const ks_json_type node_type = KS_JSON_TYPE(node, node_fields);

typedef struct everything {
    ks_slice text;
    const char *c_text;
    int8_t i8;
    uint16_t u16;
    int32_t i32;
    int64_t i64;
    uint64_t u64;
    double f64;
    float f32;
    bool flag;
    int64_t amount;
    ks_slice exact;
    int32_t day;
    int64_t moment;
    int64_t local_micros;
    currency paid_in;
    item best;
    node *chain;
    item *items;
    size_t item_count;
    int32_t *sizes;
    size_t size_count;
    ks_slice *tags;
    size_t tag_count;
    bool has_best;
    double score;
} everything;

#define OPTIONAL .is_optional = true
static const ks_json_field everything_fields[] = {
    KS_JSON_STRING(everything, text, OPTIONAL),
    KS_JSON_STRING(everything, c_text, .name = "cText", OPTIONAL),
    KS_JSON_INTEGER(everything, i8, OPTIONAL),
    KS_JSON_INTEGER(everything, u16, OPTIONAL),
    KS_JSON_INTEGER(everything, i32, .when_absent = "-7"),
    KS_JSON_INTEGER(everything, i64, OPTIONAL),
    KS_JSON_INTEGER(everything, u64, OPTIONAL),
    KS_JSON_DOUBLE(everything, f64, OPTIONAL),
    KS_JSON_DOUBLE(everything, f32, OPTIONAL),
    KS_JSON_BOOL(everything, flag, .when_absent = "true"),
    KS_JSON_DECIMAL(everything, amount, 2, OPTIONAL),
    KS_JSON_NUMBER_TEXT(everything, exact, OPTIONAL),
    KS_JSON_DATE(everything, day, .when_absent = "2026-01-31"),
    KS_JSON_DATE_TIME(everything, moment, OPTIONAL),
    KS_JSON_LOCAL_DATE_TIME_MICROS(everything, local_micros, OPTIONAL),
    KS_JSON_ENUM(everything, paid_in, currencies, .when_absent = "EUR"),
    KS_JSON_OBJECT(everything, best, &item_type, KS_JSON_HAS(everything, has_best)),
    KS_JSON_OBJECT_POINTER(everything, chain, &node_type, OPTIONAL),
    KS_JSON_ARRAY(everything, items, item_count, KS_JSON_OBJECTS(&item_type), OPTIONAL),
    KS_JSON_ARRAY(everything, sizes, size_count, KS_JSON_INTEGERS(int32_t), OPTIONAL),
    KS_JSON_ARRAY(everything, tags, tag_count, KS_JSON_STRINGS, OPTIONAL),
    KS_JSON_DOUBLE(everything, score, OPTIONAL),
};
static const ks_json_type everything_type = KS_JSON_TYPE(everything, everything_fields);

typedef struct strict {
    ks_slice id;
    int32_t count;
    bool has_note;
    ks_slice note;
} strict;

static const ks_json_field strict_fields[] = {
    KS_JSON_STRING(strict, id),
    KS_JSON_INTEGER(strict, count),
    KS_JSON_STRING(strict, note, KS_JSON_HAS(strict, has_note)),
};
static const char *const trusted[] = {"com.shop.Strict", "com.shop.common.*", NULL};
static const ks_json_type strict_type =
    KS_JSON_TYPE(strict, strict_fields, .fail_on_unknown = true, .type_field = "@class",
                 .type_name = "com.shop.Strict", .trusted = trusted);
static const ks_serde strict_serde = KS_JSON_SERDE(strict_type);
static const ks_serde everything_serde = KS_JSON_SERDE(everything_type);

/* ---- helpers --------------------------------------------------------------------------------- */

static ks_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = ks_arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ks_arena_free(arena);
    return 0;
}

/* In memory of exactly its size, so that a sanitizer sees whoever reads past it. */
static ks_slice exactly(const char *text, size_t size)
{
    return ks_arena_copy(arena, ks_slice_of(text, size));
}

static everything read_everything(const char *text)
{
    everything e;
    ks_error error = {0};
    if (ks_json_read(&everything_type, exactly(text, strlen(text)), &e, arena, &error) != KS_OK) {
        fail_msg("%s\nin %s", error.message, text);
    }
    return e;
}

static void assert_text(ks_slice text, const char *wanted)
{
    char *copy = malloc(text.size + 1);
    assert_non_null(copy);
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    assert_string_equal(copy, wanted);
    free(copy);
}

static void assert_refused(const ks_json_type *type, ks_slice document, const char *message)
{
    char room[sizeof(everything)];
    ks_error error = {0};
    assert_int_equal(ks_json_read(type, document, room, arena, &error), KS_E_SERDE);
    assert_string_equal(error.message, message);
}

static void refused(const char *text, const char *message)
{
    assert_refused(&everything_type, exactly(text, strlen(text)), message);
}

static const char *printed(const ks_json_type *type, const void *from)
{
    ks_slice bytes;
    ks_error error = {0};
    if (ks_json_write(type, from, arena, &bytes, &error) != KS_OK) {
        fail_msg("%s", error.message);
    }
    return ks_text_cstr(arena, bytes);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void every_kind_is_read(void **state)
{
    (void)state;
    everything e = read_everything(
        " {\"text\":\"a\\u00e9\\n\\ud83d\\ude00\", \"cText\" : \"plain\",\"i8\":-128,\"u16\":65535,"
        "\"i32\":1e3,\"i64\":-9223372036854775808,\"u64\":18446744073709551615,\"f64\":0.1,"
        "\"f32\":16777217,\"flag\":false,\"amount\":12.3,\"exact\":0.10000000000000000000001,"
        "\"day\":\"2026-05-21\",\"moment\":\"2026-05-21T06:48:15.9895+09:00\","
        "\"local_micros\":\"2025-05-19T21:48:15.989609\",\"paid_in\":\"WON\","
        "\"best\":{\"sku\":\"s\",\"price\":\"7.00\"},\"chain\":{\"small\":1,\"next\":{\"small\":2}}"
        ","
        "\"items\":[{\"sku\":\"a\",\"price\":1},{\"price\":2.5,\"sku\":\"b\"},{\"sku\":\"c\"},"
        "{\"sku\":\"d\"},{\"sku\":\"e\"}],\"sizes\":[],\"tags\":[\"x\",\"\"],\"unknown\":[{\"a\":[]"
        "}]}\n");
    assert_text(e.text, "a\xc3\xa9\n\xf0\x9f\x98\x80");
    assert_string_equal(e.c_text, "plain");
    assert_int_equal(e.i8, -128);
    assert_int_equal(e.u16, 65535);
    assert_int_equal(e.i32, 1000);
    assert_true(e.i64 == INT64_MIN);
    assert_true(e.u64 == UINT64_MAX);
    assert_true(e.f64 == 0.1);
    assert_true(e.f32 == 16777216.0F);
    assert_false(e.flag);
    assert_int_equal(e.amount, 1230);
    assert_text(e.exact, "0.10000000000000000000001");
    assert_int_equal(e.day, 20594);
    assert_int_equal(e.moment, INT64_C(1779313695989));
    assert_int_equal(e.local_micros, INT64_C(1747691295989609));
    assert_int_equal(e.paid_in, CURRENCY_KRW);
    assert_text(e.best.sku, "s");
    assert_int_equal(e.best.price, 700);
    assert_int_equal(e.chain->next->small, 2);
    assert_null(e.chain->next->next);
    assert_int_equal(e.item_count, 5);
    assert_int_equal(e.items[1].price, 250);
    assert_int_equal(e.items[4].price, 50);
    assert_text(e.items[4].sku, "e");
    assert_int_equal(e.size_count, 0);
    assert_non_null(e.sizes);
    assert_int_equal(e.tag_count, 2);
    assert_int_equal(e.tags[1].size, 0);
    assert_non_null(e.tags[1].data);
}

static void absent_and_null_fields_get_their_default_or_zero(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{}",
        "{\"text\":null,\"i32\":null,\"flag\":null,\"day\":null,\"paid_in\":null,\"tags\":null}"};
    for (size_t i = 0; i < 2; i++) {
        everything e = read_everything(documents[i]);
        assert_null(e.text.data);
        assert_null(e.c_text);
        assert_int_equal(e.i32, -7);
        assert_true(e.flag);
        assert_int_equal(e.day, 20484);
        assert_int_equal(e.paid_in, CURRENCY_EUR);
        assert_null(e.tags);
        assert_null(e.chain);
        assert_false(e.has_best);
    }
}

static void a_text_without_escapes_is_part_of_the_document(void **state)
{
    (void)state;
    const char *text = "{\"text\":\"as it stands\"}";
    ks_slice document = ks_slice_cstr(text);
    everything e;
    assert_int_equal(ks_json_read(&everything_type, document, &e, arena, NULL), KS_OK);
    assert_ptr_equal(e.text.data, text + 9);
}

static void texts_before_and_behind_one_with_escapes_are_parts_of_the_document(void **state)
{
    (void)state;
    static const char *const tags[] = {"a", "b\"b", "c", "", "d\n"};
    const char *text = "{\"tags\":[\"a\",\"b\\\"b\" , \"c\",\"\",\"d\\n\" ],\"te\\u0078t\":\"e\"}";
    everything e;
    assert_int_equal(ks_json_read(&everything_type, ks_slice_cstr(text), &e, arena, NULL), KS_OK);
    assert_int_equal(e.tag_count, sizeof tags / sizeof tags[0]);
    for (size_t i = 0; i < e.tag_count; i++) {
        assert_true(ks_slice_equal(e.tags[i], ks_slice_cstr(tags[i])));
        bool is_part = e.tags[i].data > text && e.tags[i].data < text + strlen(text);
        assert_int_equal(is_part, strpbrk(tags[i], "\"\n") == NULL);
    }
    assert_ptr_equal(e.text.data, text + strlen(text) - 3);
}

static void a_key_may_be_written_with_escapes(void **state)
{
    (void)state;
    assert_int_equal(read_everything("{\"\\u0069\\u0038\":5}").i8, 5);
}

static void numbers_are_whole_when_their_value_is(void **state)
{
    (void)state;
    assert_int_equal(read_everything("{\"i8\":7.0}").i8, 7);
    assert_int_equal(read_everything("{\"i8\":0.7e1}").i8, 7);
    assert_int_equal(read_everything("{\"i8\":1200E-2}").i8, 12);
    assert_int_equal(read_everything("{\"i8\":-0}").i8, 0);
    assert_true(read_everything("{\"f64\":1e-999}").f64 == 0.0);
    assert_true(signbit(read_everything("{\"f64\":-0.0}").f64));
    assert_int_equal(read_everything("{\"amount\":-0.01}").amount, -1);
    assert_int_equal(read_everything("{\"amount\":1.10000}").amount, 110);
}

static void a_flag_says_whether_a_field_was_there(void **state)
{
    (void)state;
    strict s;
    ks_slice with = ks_slice_cstr("{\"id\":\"a\",\"count\":1,\"note\":\"\"}");
    ks_slice without = ks_slice_cstr("{\"id\":\"a\",\"count\":1,\"note\":null}");
    assert_int_equal(ks_json_read(&strict_type, with, &s, arena, NULL), KS_OK);
    assert_true(s.has_note);
    assert_int_equal(ks_json_read(&strict_type, without, &s, arena, NULL), KS_OK);
    assert_false(s.has_note);
}

/* ---- refusing -------------------------------------------------------------------------------- */

static void what_does_not_fit_a_member_is_refused_with_path_and_offset(void **state)
{
    (void)state;
    refused("{\"i8\":128}", "everything: i8 at byte 6: 128 is out of the member's range");
    refused("{\"i8\":1.5}", "everything: i8 at byte 6: 1.5 is not a whole number");
    refused("{\"u16\":-1}", "everything: u16 at byte 7: -1 is out of the member's range");
    refused("{\"u64\":18446744073709551616}",
            "everything: u64 at byte 7: 18446744073709551616 is out of the member's range");
    refused("{\"i64\":9223372036854775808}",
            "everything: i64 at byte 7: 9223372036854775808 is out of the member's range");
    refused("{\"i64\":1e99999999999}",
            "everything: i64 at byte 7: 1e99999999999 is out of the member's range");
    refused("{\"f64\":1e400}", "everything: f64 at byte 7: 1e400 is out of the member's range");
    refused("{\"f32\":1e39}", "everything: f32 at byte 7: 1e39 is out of the member's range");
    refused("{\"amount\":1.005}",
            "everything: amount at byte 10: 1.005 has more places after the point than are kept");
    refused("{\"text\":1}", "everything: text at byte 8: is a number, not a string");
    refused("{\"flag\":\"true\"}", "everything: flag at byte 8: is a string, not a boolean");
    refused("{\"i8\":\"1\"}", "everything: i8 at byte 6: is a string, not a number");
    refused("{\"best\":[]}", "everything: best at byte 8: is not an object");
    refused("{\"items\":{}}", "everything: items at byte 9: is not an array");
    refused("{\"paid_in\":\"USD\"}",
            "everything: paid_in at byte 11: \"USD\" is none of the names known");
    refused("{\"cText\":\"a\\u0000b\"}",
            "everything: cText at byte 9: holds U+0000, which a C text ends at");
    refused("{\"day\":\"2026-02-29\"}",
            "everything: day at byte 7: \"2026-02-29\" is no date such as 2026-05-21");
    refused("{\"moment\":\"2026-02-28T10:00:00\"}",
            "everything: moment at byte 10: \"2026-02-28T10:00:00\" is no date and time with a "
            "zone, such as 2026-05-21T21:48:15.989Z");
    refused("{\"items\":[{\"sku\":\"a\"},{\"sku\":\"b\",\"price\":true}]}",
            "everything: items[1].price at byte 41: is a boolean, not a number");
    refused("{\"items\":[null]}", "everything: items[0] at byte 10: is not an object");
}

static void missing_and_doubled_fields_are_refused(void **state)
{
    (void)state;
    refused("{\"items\":[{\"price\":1}]}", "everything: items[0].sku at byte 19: is missing");
    refused("{\"best\":{\"sku\":null}}",
            "everything: best.sku at byte 15: is null and not optional");
    refused("{\"i8\":1,\"i\\u0038\":1}", "everything: i8 at byte 18: comes twice in its object");
}

static void unknown_fields_are_refused_when_the_type_says_so(void **state)
{
    (void)state;
    assert_refused(&strict_type, ks_slice_cstr("{\"id\":\"a\",\"count\":1,\"x\":0}"),
                   "strict: x at byte 24: the type has no such field");
}

static void only_trusted_types_are_read(void **state)
{
    (void)state;
    strict s;
    static const char *const good[] = {"com.shop.Strict", "com.shop.common.Any"};
    for (size_t i = 0; i < 2; i++) {
        ks_slice document =
            ks_text_format(arena, "{\"@class\":\"%s\",\"id\":\"a\",\"count\":1}", good[i]);
        assert_int_equal(ks_json_read(&strict_type, document, &s, arena, NULL), KS_OK);
    }
    assert_refused(&strict_type, ks_slice_cstr("{\"@class\":\"com.shop.Strict2\"}"),
                   "strict: @class at byte 10: names a type that is not trusted here");

    const ks_headers *headers =
        ks_headers_with(arena, NULL, ks_slice_cstr("__TypeId__"), ks_slice_cstr("com.evil.Gadget"));
    ks_serde_ctx from = {.topic = "in", .headers = headers};
    ks_error error = {0};
    ks_value value;
    assert_int_equal(
        ks_json_deserialize(&strict_serde, &from, ks_slice_cstr("{}"), arena, &value, &error),
        KS_E_SERDE);
    assert_string_equal(error.message, "strict: the record's header __TypeId__ names the type "
                                       "com.evil.Gadget, which is not trusted here");
    assert_string_equal(error.where, "in");
}

static void malformed_documents_are_refused(void **state)
{
    (void)state;
    static const char *const documents[] = {"",
                                            " ",
                                            "{",
                                            "}",
                                            "[]",
                                            "1",
                                            "\"a\"",
                                            "null",
                                            "{\"i8\"}",
                                            "{\"i8\":}",
                                            "{\"i8\":1",
                                            "{\"i8\":1,}",
                                            "{,}",
                                            "{\"i8\" 1}",
                                            "{i8:1}",
                                            "{'i8':1}",
                                            "{\"i8\":1}}",
                                            "{\"i8\":1} x",
                                            "{} {}",
                                            "{\"i8\":01}",
                                            "{\"i8\":+1}",
                                            "{\"i8\":1.}",
                                            "{\"i8\":.5}",
                                            "{\"i8\":1e}",
                                            "{\"i8\":NaN}",
                                            "{\"f64\":Infinity}",
                                            "{\"f64\":-}",
                                            "{\"i8\":1 2}",
                                            "{\"i8\":0x1}",
                                            "{\"flag\":tru}",
                                            "{\"flag\":truee}",
                                            "{\"text\":nul}",
                                            "{\"text\":\"a}",
                                            "{\"text\":\"a\"b\"}",
                                            "{\"text\":\"\\x\"}",
                                            "{\"text\":\"\\u12\"}",
                                            "{\"text\":\"\\ud800\"}",
                                            "{\"text\":\"\\udc00\"}",
                                            "{\"text\":\"\\ud800\\u0041\"}",
                                            "{\"text\":\"\t\"}",
                                            "{\"text\":\"\xff\"}",
                                            "{\"text\":\"\xed\xa0\x80\"}",
                                            "{\"text\":\"\xc0\x80\"}",
                                            "{\"tags\":[1 \"a\"]}",
                                            "{\"tags\":[\"a\",]}",
                                            "{\"tags\":[\"a\"}",
                                            "{\"tags\":[\"a\"]",
                                            "{\"unknown\":[1 2]}",
                                            "{\"unknown\":{\"a\" 1}}",
                                            "{\"unknown\":[}]}",
                                            "{\"unknown\":01}",
                                            "{\"unknown\":\"a\":1}",
                                            "{\"text\":\"a\":1}",
                                            "{\"unknown\":{\"a\":1]}",
                                            "{\"i8\":1//\n}",
                                            "\xef\xbb\xbf{}",
                                            "{\"unknown\":\"\\ud800\"",
                                            "{\"i8\":1}\x01",
                                            "{\"i8\"\0321}",
                                            "{\"i8\":1\x0c\"text\":\"a\"}",
                                            "{\"i8\":1\"a\"}",
                                            "{\"text\":\"a\"\"b\"}",
                                            "{\"text\":\"a\"b}",
                                            "{\"text\"\"a\"}",
                                            "{\"text\":\"a\" \"i8\":1}",
                                            "{\"flag\":true\"a\"}",
                                            "{\"tags\":[,\"a\"]}",
                                            "{\"unknown\":[{]}"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        everything e;
        ks_error error = {0};
        ks_slice document = exactly(documents[i], strlen(documents[i]));
        if (ks_json_read(&everything_type, document, &e, arena, &error) != KS_E_SERDE) {
            fail_msg("accepted: %s", documents[i]);
        }
        assert_non_null(strstr(error.message, "at byte"));
    }
}

static void the_offset_of_what_breaks_the_document_is_told(void **state)
{
    (void)state;
    refused("{\"text\":\"ab\xff\"}", "everything: at byte 11: malformed UTF-8");
    refused("{\"text\":\"a\\\"\tb\"}",
            "everything: at byte 12: a control character in a string; it must be escaped");
    refused("{\"text\":\"ab", "everything: at byte 11: the document ends within a string");
    refused("  ", "everything: at byte 0: the document is empty");
    refused("{\"text\":\"\\ud800\"}", "everything: at byte 8: a string has an escape that is none");
    refused("{\"text\":\"\\udc00\"}", "everything: at byte 8: a string has an escape that is none");
}

static void a_bomb_of_levels_is_refused_at_the_sixty_fifth(void **state)
{
    (void)state;
    enum { DEPTH = 200000, SIZE = 11 + 2 * DEPTH + 1 };
    char *bomb = malloc(SIZE);
    assert_non_null(bomb);
    memcpy(bomb, "{\"unknown\":", 11);
    memset(bomb + 11, '[', DEPTH);
    memset(bomb + 11 + DEPTH, ']', DEPTH);
    bomb[SIZE - 1] = '}';
    assert_refused(&everything_type, ks_slice_of(bomb, SIZE),
                   "everything: at byte 74: objects and arrays are more than 64 levels deep");
    free(bomb);
}

static void memory_for_a_document_is_bounded(void **state)
{
    (void)state;
    static const ks_json_type small = {.struct_size = sizeof(ks_json_type),
                                       .name = "small",
                                       .size = sizeof(everything),
                                       .fields = everything_fields,
                                       .field_count = 22,
                                       .memory_max_bytes = 256};
    assert_refused(&small,
                   ks_slice_cstr("{\"sizes\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,"
                                 "17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33]}"),
                   "small: sizes at byte 97: the document takes more memory than its type allows");
}

static void a_document_of_megabytes_is_read_and_its_memory_is_given_back(void **state)
{
    (void)state;
    enum { COUNT = 400000 };
    static const char head[] = "{\"sizes\":[0";
    char *text = malloc(COUNT * 8 + 64);
    assert_non_null(text);
    size_t used = sizeof head - 1;
    memcpy(text, head, used);
    for (int i = 1; i < COUNT; i++) {
        used += (size_t)snprintf(text + used, 8, ",%d", i);
    }
    memcpy(text + used, "]}", 2);
    used += 2;
    everything e;
    assert_int_equal(ks_json_read(&everything_type, ks_slice_of(text, used), &e, arena, NULL),
                     KS_OK);
    assert_int_equal(e.size_count, COUNT);
    assert_int_equal(e.sizes[COUNT - 1], COUNT - 1);
    free(text);
    assert_int_equal(read_everything("{\"i8\":3}").i8, 3);
}

/* ---- printing -------------------------------------------------------------------------------- */

static void a_struct_is_printed_in_the_order_of_its_table(void **state)
{
    (void)state;
    item items[] = {{ks_slice_cstr("a\"\\\n\x01"), 5}, {ks_slice_cstr(""), -1234567}};
    node last = {.small = -1};
    node first = {.small = 2, .next = &last};
    everything e = {.text = ks_slice_cstr("\xc3\xa9/"),
                    .u64 = UINT64_MAX,
                    .i64 = INT64_MIN,
                    .f64 = 0.1,
                    .f32 = 0.1F,
                    .amount = -5,
                    .exact = ks_slice_cstr("1.50"),
                    .moment = -1,
                    .local_micros = 1000000,
                    .paid_in = CURRENCY_KRW,
                    .chain = &first,
                    .items = items,
                    .item_count = 2};
    assert_string_equal(
        printed(&everything_type, &e),
        "{\"text\":\"\xc3\xa9/\",\"i8\":0,\"u16\":0,\"i32\":0,\"i64\":-9223372036854775808,"
        "\"u64\":18446744073709551615,\"f64\":0.1,\"f32\":0.1,\"flag\":false,\"amount\":-0.05,"
        "\"exact\":1.50,\"day\":\"1970-01-01\",\"moment\":\"1969-12-31T23:59:59.999Z\","
        "\"local_micros\":\"1970-01-01T00:00:01\",\"paid_in\":\"KRW\","
        "\"chain\":{\"small\":2,\"next\":{\"small\":-1}},"
        "\"items\":[{\"sku\":\"a\\\"\\\\\\n\\u0001\",\"price\":0.05},"
        "{\"sku\":\"\",\"price\":-12345.67}],\"score\":0.0}");
    strict s = {.id = ks_slice_cstr("a"), .count = 1};
    assert_string_equal(printed(&strict_type, &s),
                        "{\"@class\":\"com.shop.Strict\",\"id\":\"a\",\"count\":1}");
}

static void not_printable(everything e, const char *message)
{
    ks_slice bytes;
    ks_error error = {0};
    assert_int_equal(ks_json_write(&everything_type, &e, arena, &bytes, &error), KS_E_SERDE);
    assert_string_equal(error.message, message);
}

static void what_json_cannot_say_is_refused(void **state)
{
    (void)state;
    everything e = {.paid_in = CURRENCY_EUR};
    node ring = {.small = 1, .next = &ring};
    item nameless = {.price = 1};
    e.f64 = (double)NAN;
    not_printable(e, "everything: f64: JSON has no NaN and no infinity");
    e.f64 = 0;
    e.text = ks_slice_cstr("\xff");
    not_printable(e, "everything: text: the text is not UTF-8");
    e.text = ks_slice_null();
    e.moment = INT64_MAX;
    not_printable(e, "everything: moment: the year is not one of 0000 to 9999");
    e.moment = 0;
    e.exact = ks_slice_cstr("1,5");
    not_printable(e, "everything: exact: the text is not a number");
    e.exact = ks_slice_null();
    e.items = &nameless;
    e.item_count = 1;
    not_printable(e, "everything: items[0].sku: is null and not optional");
    e.items = NULL;
    e.item_count = 0;
    e.paid_in = (currency)7;
    not_printable(e, "everything: paid_in: the value has no name");
    e.paid_in = CURRENCY_EUR;
    e.chain = &ring;
    ks_slice bytes;
    ks_error error = {0};
    assert_int_equal(ks_json_write(&everything_type, &e, arena, &bytes, &error), KS_E_SERDE);
    assert_non_null(strstr(error.message, "objects are more than 64 levels deep"));
    assert_non_null(strstr(error.message, ": ....next.next"));
}

static void a_decimal_of_more_places_than_a_number_has_is_refused(void **state)
{
    (void)state;
    static const ks_json_field fields[] = {KS_JSON_DECIMAL(item, price, 40)};
    static const ks_json_type type = KS_JSON_TYPE(item, fields);
    const item one = {.price = 1};
    ks_slice bytes;
    ks_error error = {0};
    assert_int_equal(ks_json_write(&type, &one, arena, &bytes, &error), KS_E_SERDE);
    assert_string_equal(error.message,
                        "item: price: the table's decimal has places other than 0 to 18");
}

static void doubles_and_moments_read_back_as_they_were(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    uint64_t random = seed;
    for (int i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        everything e = {.paid_in = CURRENCY_EUR};
        uint64_t bits = random ^ (random >> 29);
        memcpy(&e.f64, &bits, sizeof e.f64);
        uint32_t half = (uint32_t)(bits >> 16);
        memcpy(&e.f32, &half, sizeof e.f32);
        e.f64 = isfinite(e.f64) ? e.f64 : DBL_MAX;
        e.f32 = isfinite(e.f32) ? e.f32 : FLT_TRUE_MIN;
        e.i64 = (int64_t)bits;
        e.amount = (int64_t)(bits * 3);
        e.day = (int32_t)(bits % 3652059) - 719528;
        e.moment = (int64_t)(bits % UINT64_C(315569520000000)) - INT64_C(62167219200000);
        e.local_micros = (e.moment * 1000) + (int64_t)(bits % 1000);
        everything back = read_everything(printed(&everything_type, &e));
        assert_memory_equal(&back.f64, &e.f64, sizeof e.f64);
        assert_memory_equal(&back.f32, &e.f32, sizeof e.f32);
        assert_true(back.i64 == e.i64 && back.amount == e.amount && back.day == e.day);
        assert_true(back.moment == e.moment && back.local_micros == e.local_micros);
        if (i % 512 == 0) {
            ks_arena_reset(arena);
        }
    }
}

/* ---- the serde ------------------------------------------------------------------------------- */

static void the_serde_makes_objects_and_prints_them(void **state)
{
    (void)state;
    ks_serde_ctx at = {.topic = "in"};
    ks_value value;
    ks_slice bytes;
    ks_slice document = ks_slice_cstr("{\"id\":\"a\",\"count\":2}");
    assert_int_equal(strict_serde.deserialize(&strict_serde, &at, document, arena, &value, NULL),
                     KS_OK);
    const strict *s = ks_value_object(value, &strict_serde);
    assert_int_equal(s->count, 2);
    assert_int_equal(strict_serde.serialize(&strict_serde, &at, value, arena, &bytes, NULL), KS_OK);
    assert_text(bytes, "{\"@class\":\"com.shop.Strict\",\"id\":\"a\",\"count\":2}");
    ks_error error = {0};
    assert_int_equal(strict_serde.serialize(&strict_serde, &at, ks_i64(1), arena, &bytes, &error),
                     KS_E_SERDE);
    assert_non_null(strstr(error.message, "kind i64"));
    assert_int_equal(
        everything_serde.serialize(&everything_serde, &at, value, arena, &bytes, &error),
        KS_E_SERDE);
    assert_non_null(strstr(error.message, "JSON strict_type"));
}

static void a_copy_of_a_value_owns_all_of_it(void **state)
{
    (void)state;
    const char *text =
        "{\"text\":\"t\",\"cText\":\"c\",\"exact\":1.0,\"chain\":{\"next\":{\"small\":2}},"
        "\"items\":[{\"sku\":\"a\",\"price\":1}],\"tags\":[\"x\"],"
        "\"best\":{\"sku\":\"b\"}}";
    ks_arena *first = ks_arena_new();
    ks_value value;
    ks_slice document = ks_arena_copy(first, ks_slice_cstr(text));
    assert_int_equal(ks_json_deserialize(&everything_serde, NULL, document, first, &value, NULL),
                     KS_OK);
    const char *before = printed(&everything_type, ks_value_object(value, &everything_serde));
    ks_value copy = ks_value_copy(arena, value);
    ks_arena_free(first);
    assert_string_equal(printed(&everything_type, ks_value_object(copy, &everything_serde)),
                        before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_kind_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absent_and_null_fields_get_their_default_or_zero, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_text_without_escapes_is_part_of_the_document, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            texts_before_and_behind_one_with_escapes_are_parts_of_the_document, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_may_be_written_with_escapes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_are_whole_when_their_value_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flag_says_whether_a_field_was_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_a_member_is_refused_with_path_and_offset,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_and_doubled_fields_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_fields_are_refused_when_the_type_says_so, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_trusted_types_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(malformed_documents_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_offset_of_what_breaks_the_document_is_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_bomb_of_levels_is_refused_at_the_sixty_fifth, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(memory_for_a_document_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_document_of_megabytes_is_read_and_its_memory_is_given_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_struct_is_printed_in_the_order_of_its_table, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_json_cannot_say_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_decimal_of_more_places_than_a_number_has_is_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(doubles_and_moments_read_back_as_they_were, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_serde_makes_objects_and_prints_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_of_a_value_owns_all_of_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
