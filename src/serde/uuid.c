/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uuid.c - UUIDs and their text, as java.util.UUID has them.
 *
 * The problem: UUID.fromString() is lenient, and a record that Java reads must not be an error
 * here. It takes at most 36 characters with four dashes; each of the five fields is a number as
 * Long.parseLong() reads it in base 16 - an optional plus sign, any count of digits, no overflow of
 * 63 bits - of which the lowest bits that fit the field are kept. "1-2-3-4-5" is a UUID. So is one
 * written in the digits of another script: Character.digit() knows the decimal digits of all
 * scripts and the full-width letters. Those beyond the first 65,536 characters are two UTF-16 units
 * in Java, none of which is a digit.
 *
 * Insisting on the 36 characters that everybody writes is the tempting wrong way.
 *
 * Thread rule: any.
 */
#include "serde/uuid.h"

#include "base/endian.h"

enum { FIELDS = 5, LONGEST_TEXT = 36 };

/* The bytes of each field, which are also half its digits. */
static const size_t field_sizes[FIELDS] = {4, 2, 2, 2, 6};

void ksi_uuid_to_text(const uint8_t uuid[KSI_UUID_SIZE], char text[KSI_UUID_TEXT_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    for (size_t field = 0; field < FIELDS; field++) {
        if (field > 0) {
            *text++ = '-';
        }
        for (size_t i = 0; i < field_sizes[field]; i++, uuid++) {
            *text++ = hex[*uuid >> 4];
            *text++ = hex[*uuid & 0xfu];
        }
    }
}

/* The zeros of the scripts whose ten digits follow each other, below U+10000. */
static const uint16_t zeros[] = {
    0x0030, 0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6,
    0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0,
    0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620,
    0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
};

/* The letters A and a, in ASCII and full width. */
static const uint16_t letters[] = {0x0041, 0x0061, 0xff21, 0xff41};

/* Character.digit(point, 16): -1 for what is no digit. */
static int digit_of(uint32_t point)
{
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        if (point >= zeros[i] && point < zeros[i] + 10u) {
            return (int)(point - zeros[i]);
        }
    }
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (point >= letters[i] && point < letters[i] + 6u) {
            return (int)(point - letters[i]) + 10;
        }
    }
    return -1;
}

/* Takes the next character; 0 for one that cannot be in a UUID: beyond U+FFFF or malformed. */
static uint32_t next_point(ks_slice *rest)
{
    const unsigned char *at = (const unsigned char *)rest->data;
    size_t more = at[0] < 0x80 ? 0 : at[0] >= 0xc2 && at[0] <= 0xdf ? 1 : 2;
    if (more >= rest->size || at[0] >= 0xf0 || (at[0] >= 0x80 && at[0] < 0xc2)) {
        *rest = ks_slice_of(rest->data + 1, rest->size - 1);
        return 0;
    }
    uint32_t point = more == 0 ? at[0] : at[0] & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++) {
        point = (at[i] & 0xc0u) == 0x80u ? point << 6 | (at[i] & 0x3fu) : 0;
    }
    *rest = ks_slice_of(rest->data + 1 + more, rest->size - 1 - more);
    return more == 2 && point < 0x800 ? 0 : point; /* no shorter form would do */
}

typedef struct field_reader {
    uint64_t number;
    size_t length; /* characters of this field, with the sign */
    size_t digits;
} field_reader;

/* Adds one character to a field; false when no number goes on like that. */
static bool add_character(field_reader *field, uint32_t point)
{
    bool is_sign = point == '+' && field->length == 0;
    field->length++;
    if (is_sign) {
        return true;
    }
    int digit = digit_of(point);
    if (digit < 0 || field->number > (uint64_t)INT64_MAX >> 4) {
        return false;
    }
    field->number = field->number << 4 | (uint64_t)digit;
    field->digits++;
    return true;
}

/* The lowest bytes of a field's number, big endian. */
static void put_field(uint64_t number, size_t size, uint8_t *to)
{
    uint8_t bytes[8];
    ksi_put_be64(bytes, number);
    memcpy(to, bytes + sizeof bytes - size, size);
}

bool ksi_uuid_from_text(ks_slice text, uint8_t uuid[KSI_UUID_SIZE])
{
    ks_slice rest = text;
    size_t characters = 0;
    size_t at = 0;
    for (size_t field = 0; field < FIELDS; field++) {
        field_reader reader = {0};
        bool ended_by_dash = false;
        while (rest.size > 0 && !ended_by_dash) {
            uint32_t point = next_point(&rest);
            characters++;
            ended_by_dash = point == '-' && field + 1 < FIELDS;
            if (!ended_by_dash && !add_character(&reader, point)) {
                return false;
            }
        }
        if (reader.digits == 0 || (field + 1 < FIELDS && !ended_by_dash)) {
            return false;
        }
        put_field(reader.number, field_sizes[field], uuid + at);
        at += field_sizes[field];
    }
    return characters <= LONGEST_TEXT;
}
