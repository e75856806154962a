/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window_keys.c - see window_keys.h.
 */
#include "state/window_keys.h"

#include "base/endian.h"

#include <string.h>

enum {
    SEGMENT = 8,
    PREFIX = 1, /* of a row by time */
    START = 8,
    SEQUENCE = 4,
    BY_KEY = SEGMENT + START + SEQUENCE, /* beside the key */
    BY_TIME = BY_KEY + PREFIX
};

/* Makes room for `size` bytes and nothing else in a buffer. */
static char *room_for(ksi_buffer *in, size_t size)
{
    ksi_buffer_clear(in);
    ksi_buffer_reserve(in, size);
    in->size = size;
    return in->data;
}

static void copy_key(char *to, ks_slice key)
{
    if (key.size > 0) {
        memcpy(to, key.data, key.size);
    }
}

ks_slice ksi_window_key_make(ksi_buffer *in, bool by_time, int64_t segment,
                             const ksi_window_key *key)
{
    size_t size = key->key.size;
    char *at = room_for(in, size + (by_time ? BY_TIME : BY_KEY));
    ksi_put_be64(at, (uint64_t)segment);
    at += SEGMENT;
    if (by_time) {
        *at = 0;
        ksi_put_be64(at + PREFIX, (uint64_t)key->start);
        copy_key(at + PREFIX + START, key->key);
        at += PREFIX;
    } else {
        copy_key(at, key->key);
        ksi_put_be64(at + size, (uint64_t)key->start);
    }
    ksi_put_be32(at + START + size, key->sequence);
    return ksi_buffer_slice(in);
}

int64_t ksi_window_key_start(ks_slice row_key, bool by_time)
{
    const char *at =
        by_time ? row_key.data + SEGMENT + PREFIX : row_key.data + row_key.size - START - SEQUENCE;
    return (int64_t)ksi_get_be64(at);
}

ksi_window_key ksi_window_key_read(ks_slice row_key, bool by_time)
{
    const char *key = row_key.data + SEGMENT + (by_time ? PREFIX + START : 0);
    return (ksi_window_key){
        .key = ks_slice_of(key, row_key.size - (by_time ? BY_TIME : BY_KEY)),
        .start = ksi_window_key_start(row_key, by_time),
        .sequence = ksi_get_be32(row_key.data + row_key.size - SEQUENCE),
    };
}

ks_slice ksi_window_key_logged(ks_slice row_key, ksi_buffer *in)
{
    (void)in;
    return ks_slice_of(row_key.data + SEGMENT, row_key.size - SEGMENT);
}

ks_slice ksi_window_key_logged_by_time(ks_slice row_key, ksi_buffer *in)
{
    const ksi_window_key key = ksi_window_key_read(row_key, true);
    char *at = room_for(in, key.key.size + START + SEQUENCE);
    copy_key(at, key.key);
    ksi_put_be64(at + key.key.size, (uint64_t)key.start);
    ksi_put_be32(at + key.key.size + START, key.sequence);
    return ksi_buffer_slice(in);
}

bool ksi_window_key_read_logged(ks_slice bytes, ksi_window_key *key)
{
    if (bytes.data == NULL || bytes.size < START + SEQUENCE) {
        return false;
    }
    size_t size = bytes.size - START - SEQUENCE;
    *key = (ksi_window_key){.key = ks_slice_of(bytes.data, size),
                            .start = (int64_t)ksi_get_be64(bytes.data + size),
                            .sequence = ksi_get_be32(bytes.data + size + START)};
    return key->start >= 0;
}
