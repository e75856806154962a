/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.c - UTF-8 as Java's decoder reads it: what is malformed becomes U+FFFD.
 *
 * The problem: two programs that read the same broken record must see the same text, so it matters
 * how many U+FFFD a broken sequence becomes. Java's decoder gives one for the longest beginning of
 * a sequence that could have become a character ("maximal subpart" in the words of the Unicode
 * standard), and one for each byte that begins nothing. It leaves the standard in one place: the
 * three bytes of an encoded surrogate (ED A0..BF 80..BF) count as one broken character, where the
 * standard sees three; decoding by the standard's table is the tempting wrong way.
 *
 * Nearly all text is well formed, so the first pass only looks; well-formed text is not copied.
 *
 * Invariant: what was decoded is well formed, so decoding it again changes nothing.
 *
 * Thread rule: the arena's owner.
 */
#include "serde/utf8.h"

#include "base/arena.h"

static const char replacement[] = {'\xef', '\xbf', '\xbd'};

typedef struct step {
    size_t size; /* bytes taken, at least 1 */
    bool is_malformed;
} step;

static step malformed(size_t size)
{
    return (step){.size = size, .is_malformed = true};
}

static step well_formed(size_t size)
{
    return (step){.size = size, .is_malformed = false};
}

static bool continues(const unsigned char *at, size_t left, size_t index)
{
    return index < left && (at[index] & 0xc0u) == 0x80u;
}

/*
 * Whether the second byte may follow the first of a sequence of three or four: not when a shorter
 * form would do.
 */
static bool second_fits(const unsigned char *at, size_t left)
{
    if (!continues(at, left, 1)) {
        return false;
    }
    switch (at[0]) {
    case 0xe0:
        return at[1] >= 0xa0;
    case 0xf0:
        return at[1] >= 0x90;
    case 0xf4:
        return at[1] <= 0x8f; /* U+10FFFF is the last one */
    default:
        return true;
    }
}

static step take_three(const unsigned char *at, size_t left)
{
    if (!second_fits(at, left)) {
        return malformed(1);
    }
    if (!continues(at, left, 2)) {
        return malformed(2);
    }
    bool is_surrogate = at[0] == 0xed && at[1] >= 0xa0;
    return is_surrogate ? malformed(3) : well_formed(3);
}

static step take_four(const unsigned char *at, size_t left)
{
    if (!second_fits(at, left)) {
        return malformed(1);
    }
    if (!continues(at, left, 2)) {
        return malformed(2);
    }
    return continues(at, left, 3) ? well_formed(4) : malformed(3);
}

/* The next character or the next malformed piece of the `left` bytes, at least one, that follow. */
static step take(const unsigned char *at, size_t left)
{
    unsigned char first = at[0];
    if (first < 0x80) {
        return well_formed(1);
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return continues(at, left, 1) ? well_formed(2) : malformed(1);
    }
    if (first >= 0xe0 && first <= 0xef) {
        return take_three(at, left);
    }
    if (first >= 0xf0 && first <= 0xf4) {
        return take_four(at, left);
    }
    return malformed(1);
}

/* How many bytes are ASCII from here on, looking at eight at a time; may stop up to seven early. */
static size_t ascii_run(const unsigned char *at, size_t left)
{
    size_t run = 0;
    for (; run + sizeof(uint64_t) <= left; run += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, at + run, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
    }
    return run;
}

/*
 * The size of the decoded text; equal to `bytes.size` without `*is_malformed` when there is nothing
 * to repair.
 */
static size_t decoded_size(ks_slice bytes, bool *is_malformed)
{
    const unsigned char *at = (const unsigned char *)bytes.data;
    size_t size = 0;
    *is_malformed = false;
    for (size_t i = 0; i < bytes.size;) {
        size_t run = ascii_run(at + i, bytes.size - i);
        i += run;
        size += run;
        if (i < bytes.size) {
            step next = take(at + i, bytes.size - i);
            i += next.size;
            size += next.is_malformed ? sizeof replacement : next.size;
            *is_malformed = *is_malformed || next.is_malformed;
        }
    }
    return size;
}

/* The common case, told by a few loads. */
static bool is_ascii(ks_slice bytes)
{
    const char *at = bytes.data;
    size_t left = bytes.size;
    uint64_t any = 0;
    if (left < sizeof any) {
        for (size_t i = 0; i < left; i++) {
            any |= (unsigned char)at[i];
        }
        return (any & 0x80) == 0;
    }
    uint64_t word;
    for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        any |= word;
    }
    memcpy(&word, bytes.data + bytes.size - sizeof word, sizeof word);
    return ((any | word) & UINT64_C(0x8080808080808080)) == 0;
}

ks_slice ksi_utf8_decode(ks_arena *arena, ks_slice bytes)
{
    if (bytes.data == NULL) {
        return ks_slice_of("", 0);
    }
    if (is_ascii(bytes)) {
        return bytes;
    }
    bool is_malformed;
    size_t size = decoded_size(bytes, &is_malformed);
    if (!is_malformed) {
        return bytes;
    }
    const unsigned char *at = (const unsigned char *)bytes.data;
    char *text = ksi_arena_alloc(arena, size);
    char *to = text;
    for (size_t i = 0; i < bytes.size;) {
        step next = take(at + i, bytes.size - i);
        size_t written = next.is_malformed ? sizeof replacement : next.size;
        memcpy(to, next.is_malformed ? replacement : bytes.data + i, written);
        to += written;
        i += next.size;
    }
    return ks_slice_of(text, size);
}

size_t ksi_utf8_well_formed_size(ks_slice bytes)
{
    const unsigned char *at = (const unsigned char *)bytes.data;
    size_t size = 0;
    while (size < bytes.size) {
        size += ascii_run(at + size, bytes.size - size);
        if (size < bytes.size) {
            step next = take(at + size, bytes.size - size);
            if (next.is_malformed) {
                break;
            }
            size += next.size;
        }
    }
    return size;
}
