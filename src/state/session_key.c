/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_key.c - see session_key.h.
 */
#include "state/session_key.h"

#include "base/endian.h"
#include "state/retention.h"

enum { NUMBER_BYTES = 8, SUFFIX_BYTES = 2 * NUMBER_BYTES };

static void append_number(ksi_buffer *to, int64_t number)
{
    char bytes[NUMBER_BYTES];
    ksi_put_be64(bytes, (uint64_t)number);
    ksi_buffer_append(to, bytes, sizeof bytes);
}

static int64_t number_at(ks_slice bytes, size_t at)
{
    return (int64_t)ksi_get_be64(bytes.data + at);
}

ksi_session_keys ksi_session_keys_of(const ksi_store_spec *spec)
{
    return (ksi_session_keys){.segment_ms = ksi_retention_segment_ms(spec),
                              .by_time = spec->by_time,
                              .in_memory = spec->type == KS_STORE_IN_MEMORY};
}

/* What tells a row from one of the index. */
static size_t tag_size(const ksi_session_keys *keys)
{
    return keys->by_time ? 1 : 0;
}

size_t ksi_session_key_bytes(const ksi_session_keys *keys)
{
    return NUMBER_BYTES + tag_size(keys) + SUFFIX_BYTES;
}

/* ---- writing --------------------------------------------------------------------------------- */

ks_slice ksi_session_key_of_place(ksi_buffer *in, const ksi_session_keys *keys, int64_t segment,
                                  bool is_index)
{
    const char tag = is_index ? 1 : 0;
    ksi_buffer_clear(in);
    append_number(in, segment);
    ksi_buffer_append(in, &tag, tag_size(keys));
    return ksi_buffer_slice(in);
}

static ks_slice row_key(ksi_buffer *in, const ksi_session_keys *keys, ks_slice key, int64_t end,
                        int64_t last)
{
    (void)ksi_session_key_of_place(in, keys, ksi_session_segment(keys, end), false);
    ksi_buffer_append(in, key.data, key.size);
    append_number(in, end);
    append_number(in, last);
    return ksi_buffer_slice(in);
}

/* The number that stands for a start: in memory the later ones come first. */
static int64_t start_number(const ksi_session_keys *keys, int64_t start)
{
    return keys->in_memory ? INT64_MAX - start : start;
}

ks_slice ksi_session_key_of_row(ksi_buffer *in, const ksi_session_keys *keys,
                                const ksi_session_id *id)
{
    return row_key(in, keys, id->key, id->end, start_number(keys, id->start));
}

ks_slice ksi_session_key_of_bound(ksi_buffer *in, const ksi_session_keys *keys, ks_slice key,
                                  int64_t end, bool is_last)
{
    return row_key(in, keys, key, end, is_last ? INT64_MAX : 0);
}

ks_slice ksi_session_key_of_end(ksi_buffer *in, const ksi_session_keys *keys, int64_t end)
{
    (void)ksi_session_key_of_place(in, keys, ksi_session_segment(keys, end), true);
    append_number(in, end);
    return ksi_buffer_slice(in);
}

ks_slice ksi_session_key_of_index(ksi_buffer *in, const ksi_session_keys *keys,
                                  const ksi_session_id *id)
{
    (void)ksi_session_key_of_end(in, keys, id->end);
    append_number(in, id->start);
    ksi_buffer_append(in, id->key.data, id->key.size);
    return ksi_buffer_slice(in);
}

/*
 * A shorter key stands among those that begin with it, by the first byte of its end, which is at
 * most 0x7f. So from the first smaller byte of `key` on nothing is said of it.
 */
ks_slice ksi_session_key_of_last(ksi_buffer *in, const ksi_session_keys *keys, int64_t segment,
                                 ks_slice key)
{
    size_t common = 0;
    while (common < key.size && (common == 0 || (unsigned char)key.data[common] >= 0x7f)) {
        common++;
    }
    (void)ksi_session_key_of_place(in, keys, segment, false);
    ksi_buffer_append(in, key.data, common);
    append_number(in, INT64_MAX);
    append_number(in, INT64_MAX);
    return ksi_buffer_slice(in);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void read_suffix(ks_slice bytes, ksi_session_id *id)
{
    size_t key_size = bytes.size - SUFFIX_BYTES;
    *id = (ksi_session_id){.key = ks_slice_of(bytes.data, key_size),
                           .end = number_at(bytes, key_size),
                           .start = number_at(bytes, key_size + NUMBER_BYTES)};
}

bool ksi_session_key_read_logged(ks_slice logged, ksi_session_id *id)
{
    if (logged.size < SUFFIX_BYTES) {
        return false;
    }
    read_suffix(logged, id);
    return id->start >= 0 && id->end >= id->start;
}

static ks_slice without_place(const ksi_session_keys *keys, ks_slice bytes)
{
    size_t place = NUMBER_BYTES + tag_size(keys);
    return ks_slice_of(bytes.data + place, bytes.size - place);
}

ksi_session_id ksi_session_key_read_row(const ksi_session_keys *keys, ks_slice row)
{
    ksi_session_id id;
    read_suffix(without_place(keys, row), &id);
    id.start = start_number(keys, id.start);
    return id;
}

ks_slice ksi_session_key_logged(const ksi_session_keys *keys, ks_slice row, ksi_buffer *in)
{
    ks_slice logged = without_place(keys, row);
    if (!keys->in_memory) {
        return logged;
    }
    ksi_buffer_clear(in);
    ksi_buffer_append(in, logged.data, logged.size - NUMBER_BYTES);
    append_number(in, ksi_session_key_read_row(keys, row).start);
    return ksi_buffer_slice(in);
}

ksi_session_id ksi_session_key_read_index(const ksi_session_keys *keys, ks_slice index_key)
{
    ks_slice rest = without_place(keys, index_key);
    return (ksi_session_id){.key = ks_slice_of(rest.data + SUFFIX_BYTES, rest.size - SUFFIX_BYTES),
                            .end = number_at(rest, 0),
                            .start = number_at(rest, NUMBER_BYTES)};
}

int64_t ksi_session_key_segment(ks_slice any_key)
{
    return number_at(any_key, 0);
}
