/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffered_value.c - see buffered_value.h.
 *
 * What older versions of Java wrote differs in the order of the parts:
 *
 *     0     time | old, new                        the context is the record's own
 *     1     time | context | values: old, new      values have a length as a whole
 *     2     context | values: old, new | prior | time
 *     3     context | prior | old | new | time
 *
 * 2.4.0, 2.4.1 and 2.5.0 wrote version 3 and called it 2; so what does not read as 2 is tried as 3.
 *
 * A reader never trusts a length: what goes beyond the end makes it fail, once and for all parts
 * that follow, so callers look only at the end.
 *
 * Thread rule: any.
 */
#include "state/buffered_value.h"

#include "base/arena.h"
#include "base/endian.h"

enum { NULL_SIZE = -1, SAME_AS_PRIOR = -2 };

/* ---- writing --------------------------------------------------------------------------------- */

static void write_i32(ksi_buffer *bytes, int32_t number)
{
    uint8_t be[4];
    ksi_put_be32(be, (uint32_t)number);
    ksi_buffer_append(bytes, be, sizeof be);
}

static void write_i64(ksi_buffer *bytes, int64_t number)
{
    uint8_t be[8];
    ksi_put_be64(be, (uint64_t)number);
    ksi_buffer_append(bytes, be, sizeof be);
}

static void write_sized(ksi_buffer *bytes, ks_slice part)
{
    if (part.data == NULL) {
        write_i32(bytes, NULL_SIZE);
        return;
    }
    write_i32(bytes, (int32_t)part.size);
    ksi_buffer_append(bytes, part.data, part.size);
}

static void write_context(const ksi_record_context *context, ksi_buffer *bytes)
{
    size_t count = ks_headers_count(context->headers);
    write_i64(bytes, context->timestamp);
    write_i64(bytes, context->offset);
    write_sized(bytes, ks_slice_cstr(context->topic != NULL ? context->topic : ""));
    write_i32(bytes, context->partition);
    write_i32(bytes, (int32_t)count);
    for (size_t i = 0; i < count; i++) {
        ks_header header = ks_headers_at(context->headers, i);
        write_sized(bytes, header.name);
        write_sized(bytes, header.value);
    }
}

void ksi_buffered_value_write(const ksi_buffered_value *value, ksi_buffer *bytes)
{
    write_context(&value->context, bytes);
    write_sized(bytes, value->prior);
    if (value->old_value.data != NULL && ks_slice_equal(value->prior, value->old_value)) {
        write_i32(bytes, SAME_AS_PRIOR);
    } else {
        write_sized(bytes, value->old_value);
    }
    write_sized(bytes, value->new_value);
    write_i64(bytes, value->time);
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reader {
    ks_slice rest;
    bool failed;
} reader;

static const uint8_t *take(reader *from, size_t size)
{
    if (from->failed || from->rest.size < size) {
        from->failed = true;
        return NULL;
    }
    const uint8_t *taken = (const uint8_t *)from->rest.data;
    from->rest = ks_slice_of(taken + size, from->rest.size - size);
    return taken;
}

static int32_t read_i32(reader *from)
{
    const uint8_t *at = take(from, 4);
    return at != NULL ? (int32_t)ksi_get_be32(at) : 0;
}

static int64_t read_i64(reader *from)
{
    const uint8_t *at = take(from, 8);
    return at != NULL ? (int64_t)ksi_get_be64(at) : 0;
}

static ks_slice read_bytes(reader *from, int32_t size)
{
    if (size < NULL_SIZE) {
        from->failed = true;
    }
    if (size < 0 || from->failed) {
        return ks_slice_null();
    }
    const uint8_t *at = take(from, (size_t)size);
    return at != NULL ? ks_slice_of(at, (size_t)size) : ks_slice_null();
}

static ks_slice read_sized(reader *from)
{
    return read_bytes(from, read_i32(from));
}

/* What must be there. */
static ks_slice read_text(reader *from)
{
    ks_slice text = read_sized(from);
    from->failed = from->failed || text.data == NULL;
    return text;
}

static void read_context(reader *from, ks_arena *arena, ksi_record_context *context)
{
    *context = (ksi_record_context){0};
    context->timestamp = read_i64(from);
    context->offset = read_i64(from);
    ks_slice topic = read_text(from);
    context->partition = read_i32(from);
    int32_t count = read_i32(from); /* -1 in the first versions that had them */
    for (int32_t i = 0; i < count && !from->failed; i++) {
        ks_slice name = read_text(from);
        ks_slice value = read_sized(from);
        if (arena != NULL && !from->failed) {
            context->headers = ks_headers_with(arena, context->headers, name, value);
        }
    }
    if (arena != NULL && topic.size > 0) {
        context->topic = ks_text_cstr(arena, topic);
    }
}

/* Old and new value under one length, as up to version 2. */
static void read_values_as_one(reader *from, ksi_buffered_value *value)
{
    reader values = {.rest = read_text(from), .failed = from->failed};
    value->old_value = read_sized(&values);
    value->new_value = read_sized(&values);
    from->failed = values.failed;
}

static void read_version_3(reader *from, ks_arena *arena, ksi_buffered_value *value)
{
    read_context(from, arena, &value->context);
    value->prior = read_sized(from);
    int32_t size = read_i32(from);
    value->old_value = size == SAME_AS_PRIOR ? value->prior : read_bytes(from, size);
    value->new_value = read_sized(from);
    value->time = read_i64(from);
}

static void read_version_2(reader *from, ks_arena *arena, ksi_buffered_value *value)
{
    read_context(from, arena, &value->context);
    read_values_as_one(from, value);
    value->prior = read_sized(from);
    value->time = read_i64(from);
}

static void read_version_1(reader *from, ks_arena *arena, ksi_buffered_value *value)
{
    value->time = read_i64(from);
    read_context(from, arena, &value->context);
    read_values_as_one(from, value);
}

static void read_version_0(reader *from, const ksi_record_context *context,
                           ksi_buffered_value *value)
{
    value->time = read_i64(from);
    value->context = *context;
    value->old_value = read_sized(from);
    value->new_value = read_sized(from);
}

static ks_status result_of(const reader *from, int version, ks_error *error)
{
    if (!from->failed) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_CORRUPT, "buffer of updates",
                         "what should be an update in version %d ends too early or has a length "
                         "that makes no sense",
                         version);
}

ks_status ksi_buffered_value_read(ks_slice bytes, ks_arena *arena, ksi_buffered_value *value,
                                  ks_error *error)
{
    reader from = {.rest = bytes};
    *value = (ksi_buffered_value){0};
    read_version_3(&from, arena, value);
    return result_of(&from, KSI_BUFFERED_VERSION, error);
}

/* -1: a version that nobody ever wrote. */
static int version_of(const ksi_buffered_record *record)
{
    ks_slice version;
    if (!ks_headers_last(record->context.headers, KSI_BUFFERED_VERSION_HEADER, &version)) {
        return 0;
    }
    return version.size == 1 && version.data[0] >= 1 && version.data[0] <= KSI_BUFFERED_VERSION
               ? (int)version.data[0]
               : -1;
}

ks_status ksi_buffered_value_restore(const ksi_buffered_record *record, ks_arena *arena,
                                     ksi_buffered_value *value, ks_error *error)
{
    int version = version_of(record);
    reader from = {.rest = record->value};
    *value = (ksi_buffered_value){0};
    if (version == 0) {
        read_version_0(&from, &record->context, value);
    } else if (version == 1) {
        read_version_1(&from, arena, value);
    } else if (version == 2) {
        read_version_2(&from, arena, value);
    }
    if (version == KSI_BUFFERED_VERSION || (version == 2 && from.failed)) {
        return ksi_buffered_value_read(record->value, arena, value, error);
    }
    if (version < 0) {
        return ksi_error_set(error, KS_E_CORRUPT, "buffer of updates",
                             "the header `v` of a changelog record says none of the versions 1 to "
                             "%d; the record was written by something else, or by a later version",
                             KSI_BUFFERED_VERSION);
    }
    if (version < 2) {
        value->prior =
            record->is_waiting && record->prior.data != NULL ? record->prior : value->old_value;
    }
    return result_of(&from, version, error);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

/* Java counts characters: units of UTF-16. */
static int64_t units_of(const char *text, size_t size)
{
    int64_t units = 0;
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = (unsigned char)text[i];
        units += (byte & 0xc0u) != 0x80u ? 1 : 0;
        units += byte >= 0xf0u ? 1 : 0; /* beyond the first 65536 there are two */
    }
    return units;
}

static int64_t size_of(ks_slice bytes)
{
    return bytes.data != NULL ? (int64_t)bytes.size : 0;
}

int64_t ksi_buffered_value_size(ks_slice key, const ksi_buffered_value *value)
{
    const ksi_record_context *context = &value->context;
    int64_t size = 8 + size_of(key) + 8 + 8 + 4; /* time, key, timestamp, offset, partition */
    size += context->topic != NULL ? units_of(context->topic, strlen(context->topic)) : 0;
    for (size_t i = 0; i < ks_headers_count(context->headers); i++) {
        ks_header header = ks_headers_at(context->headers, i);
        size += units_of(header.name.data, header.name.size) + size_of(header.value);
    }
    size += size_of(value->prior) + size_of(value->new_value);
    return ks_slice_equal(value->prior, value->old_value) ? size : size + size_of(value->old_value);
}
