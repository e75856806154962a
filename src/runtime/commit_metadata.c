/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit_metadata.c - see commit_metadata.h. Notes that are cut off, or of a form that is not
 * known, are none at all: then nodes do as if they started for the first time, and repeat what they
 * did.
 */
#include "runtime/commit_metadata.h"

#include "base/endian.h"
#include "topology/context.h"

enum { VERSION = 2, VERSION_WITHOUT_NOTES = 1, HEAD_BYTES = 9, LENGTH_BYTES = 4, NUMBER_BYTES = 8 };

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- writing --------------------------------------------------------------------------------- */

static bool is_own(const ksi_commit_note *note)
{
    return strncmp(note->name, KSI_OWN_NOTE, sizeof KSI_OWN_NOTE - 1) == 0;
}

/* The notes that are written, and what they take. */
typedef struct extent {
    bool has_own;
    size_t count;
    size_t size;
} extent;

static extent extent_of(const ksi_commit_notes *notes, bool has_own)
{
    extent of = {.has_own = has_own};
    for (size_t i = 0; i < notes->count; i++) {
        if (has_own || !is_own(&notes->items[i])) {
            of.count++;
            of.size += LENGTH_BYTES + strlen(notes->items[i].name) + NUMBER_BYTES;
        }
    }
    of.size += of.count > 0 ? LENGTH_BYTES : 0;
    return of;
}

static size_t base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

bool ksi_commit_metadata_is_shortened(const ksi_commit_notes *notes)
{
    const extent all = extent_of(notes, true);
    return base64_size(HEAD_BYTES + all.size) > KSI_COMMIT_METADATA_MAX &&
           extent_of(notes, false).count < all.count;
}

static void write_notes(unsigned char *to, const ksi_commit_notes *notes, const extent *written)
{
    if (written->count > 0) {
        ksi_put_be32(to, (uint32_t)written->count);
        to += LENGTH_BYTES;
    }
    for (size_t i = 0; i < notes->count; i++) {
        const ksi_commit_note *note = &notes->items[i];
        if (!written->has_own && is_own(note)) {
            continue;
        }
        const size_t size = strlen(note->name);
        ksi_put_be32(to, (uint32_t)size);
        memcpy(to + LENGTH_BYTES, note->name, size);
        ksi_put_be64(to + LENGTH_BYTES + size, (uint64_t)note->number);
        to += LENGTH_BYTES + size + NUMBER_BYTES;
    }
}

/* `plain` has room for two zeros behind its end. */
static ks_slice to_base64(const unsigned char *plain, size_t size, ks_arena *arena)
{
    const size_t groups = (size + 2) / 3;
    char *text = ksi_arena_alloc(arena, base64_size(size));
    for (size_t i = 0; i < groups; i++) {
        const unsigned char *from = plain + 3 * i;
        uint32_t bits = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
        for (size_t d = 0; d < 4; d++) {
            text[4 * i + d] = digits[bits >> (18 - 6 * d) & 63];
        }
    }
    for (size_t missing = groups * 3 - size; missing > 0; missing--) {
        text[groups * 4 - missing] = '=';
    }
    return ks_slice_of(text, groups * 4);
}

ks_slice ksi_commit_metadata_encode(int64_t partition_time, const ksi_commit_notes *notes,
                                    ks_arena *arena)
{
    const extent written = extent_of(notes, !ksi_commit_metadata_is_shortened(notes));
    const size_t size = HEAD_BYTES + written.size;
    unsigned char *plain = ksi_arena_zalloc(arena, size + 2);
    plain[0] = VERSION;
    ksi_put_be64(plain + 1, (uint64_t)partition_time);
    write_notes(plain + HEAD_BYTES, notes, &written);
    return to_base64(plain, size, arena);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The null slice when the text is no base64. */
static ks_slice from_base64(ks_slice text, ks_arena *arena)
{
    unsigned char *plain = ksi_arena_alloc(arena, text.size / 4 * 3 + 3);
    uint32_t bits = 0;
    int have = 0;
    size_t done = 0;
    while (text.size > 0 && text.data[text.size - 1] == '=') {
        text.size--;
    }
    for (size_t i = 0; i < text.size; i++) {
        const char *digit = memchr(digits, text.data[i], sizeof digits - 1);
        if (digit == NULL) {
            return ks_slice_null();
        }
        bits = bits << 6 | (uint32_t)(digit - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            plain[done++] = (unsigned char)(bits >> have);
        }
    }
    return ks_slice_of(plain, done);
}

/* A length, and that many bytes, each at least `unit` long, behind it. False: cut off. */
static bool take_length(ks_slice *rest, size_t unit, size_t *length)
{
    if (rest->size < LENGTH_BYTES) {
        return false;
    }
    *length = ksi_get_be32(rest->data);
    *rest = ks_slice_of(rest->data + LENGTH_BYTES, rest->size - LENGTH_BYTES);
    return *length <= rest->size / unit;
}

static bool take_note(ks_slice *rest, ks_arena *arena, ksi_commit_note *note)
{
    size_t size = 0;
    if (!take_length(rest, 1, &size) || rest->size - size < NUMBER_BYTES) {
        return false;
    }
    char *name = ksi_arena_zalloc(arena, size + 1);
    memcpy(name, rest->data, size);
    note->name = name;
    note->number = (int64_t)ksi_get_be64(rest->data + size);
    *rest = ks_slice_of(rest->data + size + NUMBER_BYTES, rest->size - size - NUMBER_BYTES);
    return true;
}

static void read_notes(ks_slice rest, ks_arena *arena, ksi_commit_notes *notes)
{
    size_t count = 0;
    if (!take_length(&rest, LENGTH_BYTES + NUMBER_BYTES, &count)) {
        return;
    }
    ksi_commit_note *items = ksi_arena_alloc(arena, (count + 1) * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        if (!take_note(&rest, arena, &items[i])) {
            return;
        }
    }
    *notes = (ksi_commit_notes){.items = items, .count = count};
}

int64_t ksi_commit_metadata_decode(ks_slice text, ks_arena *arena, ksi_commit_notes *notes)
{
    const ks_slice plain = from_base64(text, arena);
    *notes = (ksi_commit_notes){0};
    if (plain.data == NULL || plain.size < HEAD_BYTES ||
        (plain.data[0] != VERSION_WITHOUT_NOTES && plain.data[0] != VERSION)) {
        return -1;
    }
    if (plain.data[0] == VERSION) {
        read_notes(ks_slice_of(plain.data + HEAD_BYTES, plain.size - HEAD_BYTES), arena, notes);
    }
    return (int64_t)ksi_get_be64(plain.data + 1);
}
