/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - the types of Kafka's protocol: writing them and taking them apart.
 *
 *     request    size i32 | api key i16 | version i16 | correlation i32 | client id | body
 *     answer     size i32 | correlation i32 | body
 *
 * Numbers are big endian. A message is of one of two kinds, by its version:
 *
 *                   classic                     compact ("flexible", KIP-482)
 *     string        i16 size | UTF-8            size + 1 as uvarint | UTF-8
 *     bytes         i32 size | bytes            size + 1 as uvarint | bytes
 *     array         i32 count | elements        count + 1 as uvarint | elements
 *     null          size or count -1            0
 *     end of each   nothing                     tagged fields: uvarint count, {uvarint tag, uvarint
 *     structure                                 size, bytes}...; there are none that we write
 *
 * In a compact request the client id is classic nevertheless, and tagged fields stand behind it.
 * What members tell each other inside a JoinGroup (ConsumerProtocol) is classic, always.
 *
 * The problem: what comes from a socket can be anything. A reader is a cursor with a bound that
 * remembers whether it ever went past it, so a decoder takes everything apart and asks once; after
 * a failure it is given zero and null. A count is checked against the bytes that are left before
 * anything is allocated by it.
 *
 * Thread rule: the caller's.
 */
#ifndef KSI_MEMBERSHIP_KAFKA_WIRE_H
#define KSI_MEMBERSHIP_KAFKA_WIRE_H

#include "base/buffer.h"

/* ---- writing --------------------------------------------------------------------------------- */

void ksi_wire_put_i8(ksi_buffer *to, int8_t number);
void ksi_wire_put_bool(ksi_buffer *to, bool value);
void ksi_wire_put_i16(ksi_buffer *to, int16_t number);
void ksi_wire_put_i32(ksi_buffer *to, int32_t number);
void ksi_wire_put_i64(ksi_buffer *to, int64_t number);
void ksi_wire_put_uvarint(ksi_buffer *to, uint32_t number);

/* Classic. A null slice is written as null. Strings have 32,767 bytes at most. */
void ksi_wire_put_string(ksi_buffer *to, ks_slice text);
void ksi_wire_put_bytes(ksi_buffer *to, ks_slice bytes);
void ksi_wire_put_count(ksi_buffer *to, size_t count);

/* Compact. */
void ksi_wire_put_compact_string(ksi_buffer *to, ks_slice text);
void ksi_wire_put_compact_bytes(ksi_buffer *to, ks_slice bytes);
void ksi_wire_put_compact_count(ksi_buffer *to, size_t count);
void ksi_wire_put_no_tags(ksi_buffer *to);

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct ksi_wire_reader {
    const char *at;
    const char *end;
    bool failed; /* something was not there, or not as it has to be */
} ksi_wire_reader;

/* Slices that are taken from it point into `bytes`. */
ksi_wire_reader ksi_wire_reader_of(ks_slice bytes);

int8_t ksi_wire_take_i8(ksi_wire_reader *reader);
bool ksi_wire_take_bool(ksi_wire_reader *reader);
int16_t ksi_wire_take_i16(ksi_wire_reader *reader);
int32_t ksi_wire_take_i32(ksi_wire_reader *reader);
int64_t ksi_wire_take_i64(ksi_wire_reader *reader);
uint32_t ksi_wire_take_uvarint(ksi_wire_reader *reader);

/*
 * The null slice for null, which is a failure unless `nullable` (a name that says "optional"). A
 * string with a NUL inside is a failure: it will be a C text.
 */
ks_slice ksi_wire_take_string(ksi_wire_reader *reader);
ks_slice ksi_wire_take_optional_string(ksi_wire_reader *reader);
ks_slice ksi_wire_take_bytes(ksi_wire_reader *reader); /* null is the null slice */
ks_slice ksi_wire_take_compact_string(ksi_wire_reader *reader);
ks_slice ksi_wire_take_optional_compact_string(ksi_wire_reader *reader);
ks_slice ksi_wire_take_compact_bytes(ksi_wire_reader *reader); /* null is the null slice */

/*
 * How many elements follow, each of at least `least` bytes (> 0): never more than can be there. A
 * null array has none.
 */
size_t ksi_wire_take_count(ksi_wire_reader *reader, size_t least);
size_t ksi_wire_take_compact_count(ksi_wire_reader *reader, size_t least);

/* Passes over tagged fields, known or not. */
void ksi_wire_skip_tags(ksi_wire_reader *reader);

/* Whether all was there. What is left behind the last field is for newer versions to know. */
static inline bool ksi_wire_is_good(const ksi_wire_reader *reader)
{
    return !reader->failed;
}

#endif
