/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window_keys.c - see window_keys.h.
 */
#include "state/window_keys.h"

#include "base/endian.h"

#include <string.h>

enum { SEGMENT = 8, PREFIX = 1, START = 8, SEQUENCE = 4, SUFFIX = START + SEQUENCE };

ksi_window_layout ksi_window_layout_of(const ksi_store_spec *spec)
{
    if (!spec->by_time) {
        return KSI_WINDOW_BY_KEY;
    }
    return spec->type == KS_STORE_IN_MEMORY ? KSI_WINDOW_BY_TIME_IN_MEMORY : KSI_WINDOW_BY_TIME;
}

/* What stands before the key, or before the start. */
static size_t place_size(ksi_window_layout layout)
{
    return layout == KSI_WINDOW_BY_TIME ? SEGMENT + PREFIX : SEGMENT;
}

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

size_t ksi_window_key_bytes(ksi_window_layout layout)
{
    return place_size(layout) + SUFFIX;
}

/* Returns where it ends. */
static char *put_place(char *at, ksi_window_layout layout, int64_t segment)
{
    ksi_put_be64(at, (uint64_t)segment);
    if (layout == KSI_WINDOW_BY_TIME) {
        at[SEGMENT] = 0;
    }
    return at + place_size(layout);
}

ks_slice ksi_window_key_make(ksi_buffer *in, ksi_window_layout layout, int64_t segment,
                             const ksi_window_key *key)
{
    size_t size = key->key.size;
    char *at = put_place(room_for(in, size + ksi_window_key_bytes(layout)), layout, segment);
    if (layout == KSI_WINDOW_BY_KEY) {
        copy_key(at, key->key);
        ksi_put_be64(at + size, (uint64_t)key->start);
    } else {
        ksi_put_be64(at, (uint64_t)key->start);
        copy_key(at + START, key->key);
    }
    ksi_put_be32(at + START + size, key->sequence);
    return ksi_buffer_slice(in);
}

ks_slice ksi_window_key_of_time(ksi_buffer *in, ksi_window_layout layout, int64_t segment,
                                uint64_t start)
{
    char *at = put_place(room_for(in, place_size(layout) + START), layout, segment);
    ksi_put_be64(at, start);
    return ksi_buffer_slice(in);
}

int64_t ksi_window_key_start(ks_slice row_key, ksi_window_layout layout)
{
    size_t at = layout == KSI_WINDOW_BY_KEY ? row_key.size - SUFFIX : place_size(layout);
    return (int64_t)ksi_get_be64(row_key.data + at);
}

ksi_window_key ksi_window_key_read(ks_slice row_key, ksi_window_layout layout)
{
    size_t at = place_size(layout) + (layout == KSI_WINDOW_BY_KEY ? 0 : START);
    return (ksi_window_key){
        .key = ks_slice_of(row_key.data + at, row_key.size - ksi_window_key_bytes(layout)),
        .start = ksi_window_key_start(row_key, layout),
        .sequence = ksi_get_be32(row_key.data + row_key.size - SEQUENCE),
    };
}

ks_slice ksi_window_key_logged(ks_slice row_key, ksi_window_layout layout, ksi_buffer *in)
{
    if (layout == KSI_WINDOW_BY_KEY) {
        return ks_slice_of(row_key.data + SEGMENT, row_key.size - SEGMENT);
    }
    const ksi_window_key key = ksi_window_key_read(row_key, layout);
    char *at = room_for(in, key.key.size + SUFFIX);
    copy_key(at, key.key);
    ksi_put_be64(at + key.key.size, (uint64_t)key.start);
    ksi_put_be32(at + key.key.size + START, key.sequence);
    return ksi_buffer_slice(in);
}

bool ksi_window_key_read_logged(ks_slice bytes, ksi_window_key *key)
{
    if (bytes.data == NULL || bytes.size < SUFFIX) {
        return false;
    }
    size_t size = bytes.size - SUFFIX;
    *key = (ksi_window_key){.key = ks_slice_of(bytes.data, size),
                            .start = (int64_t)ksi_get_be64(bytes.data + size),
                            .sequence = ksi_get_be32(bytes.data + size + START)};
    return key->start >= 0;
}
