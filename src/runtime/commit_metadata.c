/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit_metadata.c - see commit_metadata.h. No processor metadata is written, which Java writes as
 * no bytes at all; what another writer put there is passed over.
 */
#include "runtime/commit_metadata.h"

#include "base/endian.h"

enum { VERSION = 2, PLAIN_BYTES = 9, TEXT_BYTES = 12 };

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

ks_slice ksi_commit_metadata_encode(int64_t partition_time, ks_arena *arena)
{
    unsigned char plain[PLAIN_BYTES] = {VERSION};
    ksi_put_be64(plain + 1, (uint64_t)partition_time);
    char *text = ksi_arena_alloc(arena, TEXT_BYTES);
    for (size_t i = 0; i < PLAIN_BYTES; i += 3) {
        uint32_t bits = (uint32_t)plain[i] << 16 | (uint32_t)plain[i + 1] << 8 | plain[i + 2];
        char *to = text + i / 3 * 4;
        to[0] = digits[bits >> 18];
        to[1] = digits[bits >> 12 & 63];
        to[2] = digits[bits >> 6 & 63];
        to[3] = digits[bits & 63];
    }
    return ks_slice_of(text, TEXT_BYTES);
}

/* The first bytes of a base64 text; false when it is too short or none. */
static bool first_bytes(ks_slice text, unsigned char *to, size_t count)
{
    uint32_t bits = 0;
    int have = 0;
    size_t done = 0;
    for (size_t i = 0; i < text.size && done < count; i++) {
        const char *digit = memchr(digits, text.data[i], sizeof digits - 1);
        if (digit == NULL) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(digit - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            to[done++] = (unsigned char)(bits >> have);
        }
    }
    return done == count;
}

int64_t ksi_commit_metadata_decode(ks_slice text)
{
    unsigned char plain[PLAIN_BYTES];
    if (text.data == NULL || !first_bytes(text, plain, sizeof plain) ||
        (plain[0] != 1 && plain[0] != VERSION)) {
        return -1;
    }
    return (int64_t)ksi_get_be64(plain + 1);
}
