/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffered_value.h - an update that waits in a buffer, as bytes: where it came from, its values,
 * and since when it waits. @java BufferValue, ProcessorRecordContext
 *
 *     context   timestamp i64 | offset i64 | topic | partition i32 | headers i32 | (name, value)*
 *     values    prior | old | new
 *     time      i64
 *
 * Texts and values have their length before them, as i32; -1 is null, and -2 as the length of the
 * old value: it is the same as the prior one. All is big endian. These are the bytes of a changelog
 * record of Java's third and current version; versions 0 to 2 are read, too.
 *
 * A *prior* value is what the key had before anything of it was held back; an *old* value what it
 * had before this update.
 *
 * Thread rule: any.
 */
#ifndef KSI_STATE_BUFFERED_VALUE_H
#define KSI_STATE_BUFFERED_VALUE_H

#include "base/buffer.h"
#include "base/error.h"
#include "state/record_context.h"

typedef struct ksi_buffered_value {
    ksi_record_context context; /* without the source's bytes */
    ks_slice prior;
    ks_slice old_value;
    ks_slice new_value;
    int64_t time; /* since when the key waits */
} ksi_buffered_value;

/* The name of the header that says the version, and its value in what is written here. */
#define KSI_BUFFERED_VERSION_HEADER "v"
#define KSI_BUFFERED_VERSION 3

/* Appends the bytes. */
void ksi_buffered_value_write(const ksi_buffered_value *value, ksi_buffer *bytes);

/*
 * Reads what was written; values point into `bytes`, topic and headers live in `arena`. Without an
 * arena topic and headers are left out. KS_E_CORRUPT: these are no such bytes.
 */
KS_NODISCARD ks_status ksi_buffered_value_read(ks_slice bytes, ks_arena *arena,
                                               ksi_buffered_value *value, ks_error *error);

/* A record of a changelog, of any version. */
typedef struct ksi_buffered_record {
    ks_slice value;             /* not null */
    ksi_record_context context; /* of the record itself, with its headers */
    ks_slice prior;             /* of the value that waits already, if any */
    bool is_waiting;            /* one does */
} ksi_buffered_record;

/* The same from a record of a changelog; versions 0 and 1 take the context and prior given. */
KS_NODISCARD ks_status ksi_buffered_value_restore(const ksi_buffered_record *record,
                                                  ks_arena *arena, ksi_buffered_value *value,
                                                  ks_error *error);

/* What Java says that such a value takes in memory, in bytes; with its key and time. */
int64_t ksi_buffered_value_size(ks_slice key, const ksi_buffered_value *value);

#endif
