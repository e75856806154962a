/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c - every taking function goes through take(), which is where the bound is.
 */
#include "membership/kafka/wire.h"

#include "base/check.h"
#include "base/endian.h"

enum { UVARINT_BYTES = 5 };

/* ---- writing --------------------------------------------------------------------------------- */

void ksi_wire_put_i8(ksi_buffer *to, int8_t number)
{
    ksi_buffer_append(to, &number, 1);
}

void ksi_wire_put_bool(ksi_buffer *to, bool value)
{
    ksi_wire_put_i8(to, value ? 1 : 0);
}

void ksi_wire_put_i16(ksi_buffer *to, int16_t number)
{
    char bytes[2];
    ksi_put_be16(bytes, (uint16_t)number);
    ksi_buffer_append(to, bytes, sizeof bytes);
}

void ksi_wire_put_i32(ksi_buffer *to, int32_t number)
{
    char bytes[4];
    ksi_put_be32(bytes, (uint32_t)number);
    ksi_buffer_append(to, bytes, sizeof bytes);
}

void ksi_wire_put_i64(ksi_buffer *to, int64_t number)
{
    char bytes[8];
    ksi_put_be64(bytes, (uint64_t)number);
    ksi_buffer_append(to, bytes, sizeof bytes);
}

void ksi_wire_put_uvarint(ksi_buffer *to, uint32_t number)
{
    char bytes[UVARINT_BYTES];
    size_t size = 0;
    for (; number >= 0x80; number >>= 7) {
        bytes[size++] = (char)((number & 0x7f) | 0x80);
    }
    bytes[size++] = (char)number;
    ksi_buffer_append(to, bytes, size);
}

void ksi_wire_put_string(ksi_buffer *to, ks_slice text)
{
    KSI_CHECK(text.size <= INT16_MAX);
    ksi_wire_put_i16(to, text.data != NULL ? (int16_t)text.size : -1);
    ksi_buffer_append(to, ks_slice_chars(text), text.size);
}

void ksi_wire_put_bytes(ksi_buffer *to, ks_slice bytes)
{
    KSI_CHECK(bytes.size <= INT32_MAX);
    ksi_wire_put_i32(to, bytes.data != NULL ? (int32_t)bytes.size : -1);
    ksi_buffer_append(to, ks_slice_chars(bytes), bytes.size);
}

void ksi_wire_put_count(ksi_buffer *to, size_t count)
{
    KSI_CHECK(count <= INT32_MAX);
    ksi_wire_put_i32(to, (int32_t)count);
}

void ksi_wire_put_compact_count(ksi_buffer *to, size_t count)
{
    KSI_CHECK(count < INT32_MAX);
    ksi_wire_put_uvarint(to, (uint32_t)count + 1);
}

void ksi_wire_put_compact_bytes(ksi_buffer *to, ks_slice bytes)
{
    if (bytes.data == NULL) {
        ksi_wire_put_uvarint(to, 0);
        return;
    }
    ksi_wire_put_compact_count(to, bytes.size);
    ksi_buffer_append(to, bytes.data, bytes.size);
}

void ksi_wire_put_compact_string(ksi_buffer *to, ks_slice text)
{
    KSI_CHECK(text.size <= INT16_MAX);
    ksi_wire_put_compact_bytes(to, text);
}

void ksi_wire_put_no_tags(ksi_buffer *to)
{
    ksi_wire_put_uvarint(to, 0);
}

/* ---- reading --------------------------------------------------------------------------------- */

ksi_wire_reader ksi_wire_reader_of(ks_slice bytes)
{
    const char *begin = ks_slice_chars(bytes);
    return (ksi_wire_reader){.at = begin, .end = begin + bytes.size};
}

static ks_slice fail(ksi_wire_reader *reader)
{
    reader->failed = true;
    reader->at = reader->end;
    return ks_slice_null();
}

/* The next `size` bytes; the null slice when there are fewer. */
static ks_slice take(ksi_wire_reader *reader, size_t size)
{
    if (reader->failed || (size_t)(reader->end - reader->at) < size) {
        return fail(reader);
    }
    ks_slice bytes = ks_slice_of(reader->at, size);
    reader->at += size;
    return bytes;
}

int8_t ksi_wire_take_i8(ksi_wire_reader *reader)
{
    ks_slice bytes = take(reader, 1);
    return bytes.data != NULL ? (int8_t)bytes.data[0] : 0;
}

bool ksi_wire_take_bool(ksi_wire_reader *reader)
{
    return ksi_wire_take_i8(reader) != 0;
}

int16_t ksi_wire_take_i16(ksi_wire_reader *reader)
{
    ks_slice bytes = take(reader, 2);
    return bytes.data != NULL ? (int16_t)ksi_get_be16(bytes.data) : 0;
}

int32_t ksi_wire_take_i32(ksi_wire_reader *reader)
{
    ks_slice bytes = take(reader, 4);
    return bytes.data != NULL ? (int32_t)ksi_get_be32(bytes.data) : 0;
}

int64_t ksi_wire_take_i64(ksi_wire_reader *reader)
{
    ks_slice bytes = take(reader, 8);
    return bytes.data != NULL ? (int64_t)ksi_get_be64(bytes.data) : 0;
}

uint32_t ksi_wire_take_uvarint(ksi_wire_reader *reader)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 7 * UVARINT_BYTES; shift += 7) {
        uint8_t byte = (uint8_t)ksi_wire_take_i8(reader);
        number |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            break;
        }
        if (shift == 7 * (UVARINT_BYTES - 1)) {
            (void)fail(reader);
        }
    }
    if (number > UINT32_MAX) {
        (void)fail(reader);
    }
    return reader->failed ? 0 : (uint32_t)number;
}

/* What a size says that counts null as -1. */
static ks_slice take_sized(ksi_wire_reader *reader, int64_t size)
{
    if (reader->failed || size == -1) {
        return ks_slice_null();
    }
    return size < -1 ? fail(reader) : take(reader, (size_t)size);
}

static ks_slice as_text(ksi_wire_reader *reader, ks_slice text, bool optional)
{
    if (text.data == NULL) {
        return optional ? text : fail(reader);
    }
    return memchr(text.data, '\0', text.size) != NULL ? fail(reader) : text;
}

ks_slice ksi_wire_take_bytes(ksi_wire_reader *reader)
{
    return take_sized(reader, ksi_wire_take_i32(reader));
}

ks_slice ksi_wire_take_compact_bytes(ksi_wire_reader *reader)
{
    return take_sized(reader, (int64_t)ksi_wire_take_uvarint(reader) - 1);
}

ks_slice ksi_wire_take_string(ksi_wire_reader *reader)
{
    return as_text(reader, take_sized(reader, ksi_wire_take_i16(reader)), false);
}

ks_slice ksi_wire_take_optional_string(ksi_wire_reader *reader)
{
    return as_text(reader, take_sized(reader, ksi_wire_take_i16(reader)), true);
}

ks_slice ksi_wire_take_compact_string(ksi_wire_reader *reader)
{
    return as_text(reader, ksi_wire_take_compact_bytes(reader), false);
}

ks_slice ksi_wire_take_optional_compact_string(ksi_wire_reader *reader)
{
    return as_text(reader, ksi_wire_take_compact_bytes(reader), true);
}

static size_t bounded_count(ksi_wire_reader *reader, int64_t count, size_t least)
{
    KSI_CHECK(least > 0);
    if (reader->failed || count == -1) {
        return 0;
    }
    if (count < -1 || (size_t)count > (size_t)(reader->end - reader->at) / least) {
        (void)fail(reader);
        return 0;
    }
    return (size_t)count;
}

size_t ksi_wire_take_count(ksi_wire_reader *reader, size_t least)
{
    return bounded_count(reader, ksi_wire_take_i32(reader), least);
}

size_t ksi_wire_take_compact_count(ksi_wire_reader *reader, size_t least)
{
    return bounded_count(reader, (int64_t)ksi_wire_take_uvarint(reader) - 1, least);
}

void ksi_wire_skip_tags(ksi_wire_reader *reader)
{
    uint32_t count = ksi_wire_take_uvarint(reader);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        (void)ksi_wire_take_uvarint(reader);
        (void)take(reader, ksi_wire_take_uvarint(reader));
    }
}
