/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_json.c - any bytes as a JSON document.
 *
 * A struct with a member of each kind is read from the input. Bytes that are refused must be
 * refused with KS_E_SERDE, a place and a reason. What is read must print, read again as the same
 * bytes, have well-formed texts, and survive being copied when the document and its arena are gone.
 *
 * The input is in memory of exactly its size, so that whoever reads past it is seen.
 */
#include <stdlib.h>

#include "serde/utf8.h"
#include <kstreams/json.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

static const ks_json_name colours[] = {{"RED", 1}, {"GREEN", -2}, {NULL, 0}};

typedef struct part {
    ks_slice name;
    int8_t i8;
    uint64_t u64;
    int64_t price;
} part;

static const ks_json_field part_fields[] = {
    KS_JSON_STRING(part, name),
    KS_JSON_INTEGER(part, i8, .when_absent = "7"),
    KS_JSON_INTEGER(part, u64, .is_optional = true),
    KS_JSON_DECIMAL(part, price, 2, .is_optional = true),
};
static const ks_json_type part_type = KS_JSON_TYPE(part, part_fields);

typedef struct whole whole;
struct whole {
    const char *c;
    double d;
    float f;
    bool b;
    ks_slice n;
    int32_t day;
    int64_t at;
    int64_t local;
    int16_t colour;
    part part;
    whole *next;
    part *parts;
    size_t part_count;
    ks_slice *tags;
    size_t tag_count;
};

#define OPTIONAL .is_optional = true
static const ks_json_type whole_type;
static const ks_json_field whole_fields[] = {
    KS_JSON_STRING(whole, c, OPTIONAL),
    KS_JSON_DOUBLE(whole, d, OPTIONAL),
    KS_JSON_DOUBLE(whole, f, OPTIONAL),
    KS_JSON_BOOL(whole, b, OPTIONAL),
    KS_JSON_NUMBER_TEXT(whole, n, OPTIONAL),
    KS_JSON_DATE(whole, day, OPTIONAL),
    KS_JSON_DATE_TIME(whole, at, OPTIONAL),
    KS_JSON_LOCAL_DATE_TIME_MICROS(whole, local, OPTIONAL),
    KS_JSON_ENUM(whole, colour, colours, .when_absent = "RED"),
    KS_JSON_OBJECT(whole, part, &part_type),
    KS_JSON_OBJECT_POINTER(whole, next, &whole_type, OPTIONAL),
    KS_JSON_ARRAY(whole, parts, part_count, KS_JSON_OBJECTS(&part_type), OPTIONAL),
    KS_JSON_ARRAY(whole, tags, tag_count, KS_JSON_STRINGS, OPTIONAL),
};
static const ks_json_type whole_type = KS_JSON_TYPE(whole, whole_fields);
static const ks_serde whole_serde = KS_JSON_SERDE(whole_type);

/* The zone may take a moment out of the years that can be printed, and nothing else fails. */
static bool print(ks_arena *arena, const void *from, ks_slice *bytes)
{
    ks_error error = {0};
    ks_status status = ks_json_write(&whole_type, from, arena, bytes, &error);
    REQUIRE(status == KS_OK || strstr(error.message, "the year is not one of") != NULL);
    return status == KS_OK;
}

static void check_read(const whole *read, ks_arena *arena)
{
    ks_slice printed;
    ks_slice again;
    whole back;
    ks_arena *other = ks_arena_new();
    const whole *copy = ks_json_copy(&whole_serde, read, other);
    if (print(arena, read, &printed)) {
        REQUIRE(ksi_utf8_well_formed_size(printed) == printed.size);
        REQUIRE(ks_json_read(&whole_type, printed, &back, arena, NULL) == KS_OK);
        REQUIRE(print(arena, &back, &again) && ks_slice_equal(printed, again));
        printed = ks_arena_copy(other, printed);
        ks_arena_reset(arena);
        REQUIRE(print(other, copy, &again) && ks_slice_equal(printed, again));
    }
    ks_arena_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *input = malloc(size > 0 ? size : 1);
    REQUIRE(input != NULL);
    if (size > 0) {
        memcpy(input, data, size);
    }
    ks_arena *arena = ks_arena_new();
    ks_error error = {0};
    whole read;
    ks_status status = ks_json_read(&whole_type, ks_slice_of(input, size), &read, arena, &error);
    if (status == KS_OK) {
        check_read(&read, arena);
    } else {
        REQUIRE(status == KS_E_SERDE && strstr(error.message, "at byte ") != NULL);
    }
    ks_arena_free(arena);
    free(input);
    return 0;
}
