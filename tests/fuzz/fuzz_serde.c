/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_serde.c - any bytes into every deserializer, and what comes out back through everything
 * else.
 *
 * The bytes on a topic are somebody else's, so every deserializer must take any bytes whatever.
 * What it takes must serialize, read back as an equal value, and survive being copied and printed.
 * Headers, words and case are fed with the same bytes; headers are compared with a plain array.
 *
 * Every input goes through everything, in memory of exactly its size.
 */
#include <stdlib.h>

#include "serde/headers.h"
#include <kstreams/serde.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

static const ks_serde *const serdes[] = {
    &ks_serde_string, &ks_serde_bytes, &ks_serde_i16,  &ks_serde_i32,  &ks_serde_i64,
    &ks_serde_f32,    &ks_serde_f64,   &ks_serde_bool, &ks_serde_uuid, &ks_serde_void};

static const ks_serde_ctx at_topic = {.topic = "fuzz"};

/* Printing is part of what every value must survive. */
static void check_value(ks_arena *arena, ks_value value)
{
    ks_value copy = ks_value_copy(arena, value);
    REQUIRE(ks_value_equal(copy, value));
    ks_windowed windowed = {.key = value, .start = -1, .end = INT64_MAX};
    ks_value outer = ks_value_copy(arena, ks_windowed_value(&windowed));
    REQUIRE(ks_value_equal(outer, ks_windowed_value(&windowed)));
    ks_slice text = ks_value_to_text(arena, value);
    ks_slice outer_text = ks_value_to_text(arena, outer);
    REQUIRE(text.data != NULL && outer_text.size > text.size);
    REQUIRE(text.size == 0 || memcmp(outer_text.data + 1, text.data, text.size) == 0);
}

/* A printed number reads back as itself. */
static void check_number_text(ks_arena *arena, ks_value value)
{
    if (ks_value_kind(value) == KS_KIND_F64) {
        const char *text = ks_text_cstr(arena, ks_value_to_text(arena, value));
        REQUIRE(ks_value_equal(ks_f64(strtod(text, NULL)), value));
    }
    if (ks_value_kind(value) == KS_KIND_F32) {
        const char *text = ks_text_cstr(arena, ks_value_to_text(arena, value));
        REQUIRE(ks_value_equal(ks_f32(strtof(text, NULL)), value));
    }
}

static void check_serde(ks_arena *arena, const ks_serde *serde, ks_slice input)
{
    ks_error error = {0};
    ks_value value = ks_null();
    ks_status status = serde->deserialize(serde, &at_topic, input, arena, &value, &error);
    if (status != KS_OK) {
        REQUIRE(status == KS_E_SERDE && error.code == KS_E_SERDE && error.message[0] != '\0');
        return;
    }
    REQUIRE(ks_value_kind(value) == serde->kind);
    check_value(arena, value);
    check_number_text(arena, value);
    ks_slice bytes = ks_slice_null();
    REQUIRE(serde->serialize(serde, &at_topic, value, arena, &bytes, &error) == KS_OK);
    REQUIRE(bytes.data != NULL);
    bool may_differ = serde == &ks_serde_string || serde == &ks_serde_uuid;
    REQUIRE(may_differ || ks_slice_equal(bytes, input));
    ks_value again = ks_null();
    REQUIRE(serde->deserialize(serde, &at_topic, bytes, arena, &again, &error) == KS_OK);
    REQUIRE(ks_value_equal(again, value));
}

enum { MOST_HEADERS = 32 };

/* The input as steps: a byte that says what to do, a byte of length, a name. */
static void check_headers(ks_arena *arena, ks_arena *other, ks_slice input)
{
    ks_header model[MOST_HEADERS];
    size_t count = 0;
    const ks_headers *headers = NULL;
    for (size_t i = 0; i + 2 <= input.size && count < MOST_HEADERS;) {
        unsigned what = (unsigned char)input.data[i];
        size_t left = input.size - i - 2;
        size_t size = (unsigned char)input.data[i + 1] % 4;
        ks_slice name = ks_slice_of(input.data + i + 2, size < left ? size : left);
        ks_arena *in = what & 1u ? arena : other;
        if (what & 2u) {
            ks_slice value = what & 4u ? ks_slice_null() : name;
            const ks_headers *with_other = ks_headers_with(in, headers, input, name);
            headers = ks_headers_with(in, headers, name, value);
            REQUIRE(ks_headers_count(with_other) == count + 1);
            model[count++] = (ks_header){.name = name, .value = value};
        } else if (memchr(name.data, '\0', name.size) == NULL) {
            size_t kept = 0;
            for (size_t j = 0; j < count; j++) {
                if (!ks_slice_equal(model[j].name, name)) {
                    model[kept++] = model[j];
                }
            }
            count = kept;
            headers = ks_headers_without(in, headers, ks_text_cstr(arena, name));
        }
        i += 2 + name.size;
    }
    headers = ksi_headers_copy(arena, headers);
    REQUIRE(ks_headers_count(headers) == count);
    for (size_t i = 0; i < count; i++) {
        ks_header header = ks_headers_at(headers, i);
        REQUIRE(ks_slice_equal(header.name, model[i].name));
        REQUIRE(ks_slice_equal(header.value, model[i].value));
    }
}

static void check_text(ks_arena *arena, ks_slice input)
{
    ks_slice rest = input;
    ks_slice word;
    const char *behind = input.data;
    while (ks_text_next_word(&rest, &word)) {
        REQUIRE(word.size > 0 && word.data >= behind);
        behind = word.data + word.size;
    }
    REQUIRE(ks_text_lower(arena, input).size == input.size);
    ks_slice upper = ks_text_upper(arena, input);
    ks_slice lower = ks_text_lower(arena, input);
    REQUIRE(ks_slice_equal(ks_text_upper(arena, lower), upper));
    (void)ks_serde_by_name(ks_text_cstr(arena, input));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ks_arena *arena = ks_arena_new();
    ks_arena *other = ks_arena_new();
    /*
     * An arena guards what it gave out to the byte, as the fuzzer does; a copy makes empty inputs
     * valid addresses.
     */
    ks_slice input = ks_arena_copy(arena, ks_slice_of(size > 0 ? (const void *)data : "", size));
    for (size_t i = 0; i < sizeof serdes / sizeof *serdes; i++) {
        check_serde(arena, serdes[i], input);
    }
    check_headers(arena, other, input);
    check_text(arena, input);
    ks_arena_free(other);
    ks_arena_free(arena);
    return 0;
}
