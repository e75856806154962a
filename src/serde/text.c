/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - small helpers for texts in callbacks: words, ASCII case, printf into an arena, C texts.
 *
 * They know ASCII and let every other byte pass. That is a choice: case and word boundaries of
 * other scripts need tables that grow with each Unicode version, and a stream whose words change
 * with the version of a library cannot be replayed. isalnum() and tolower() are the tempting wrong
 * way: they obey the program's locale, and are undefined for negative chars.
 *
 * Thread rule: the arena's owner; words any.
 */
#include <stdarg.h>

#include "base/arena.h"
#include <kstreams/value.h>

static bool is_between(char byte, char low, char high)
{
    return byte >= low && byte <= high;
}

static bool is_of_word(char byte)
{
    return is_between(byte, 'a', 'z') || is_between(byte, 'A', 'Z') || is_between(byte, '0', '9') ||
           byte == '_' || (unsigned char)byte > 0x7f;
}

bool ks_text_next_word(ks_slice *rest, ks_slice *word)
{
    size_t from = 0;
    while (from < rest->size && !is_of_word(rest->data[from])) {
        from++;
    }
    size_t to = from;
    while (to < rest->size && is_of_word(rest->data[to])) {
        to++;
    }
    if (to == from) {
        return false;
    }
    *word = ks_slice_of(rest->data + from, to - from);
    *rest = ks_slice_of(rest->data + to, rest->size - to);
    return true;
}

/* A copy in which the letters from `low` to `high` have the other case: in ASCII one bit. */
static ks_slice with_other_case(ks_arena *arena, ks_slice text, char low, char high)
{
    if (text.data == NULL) {
        return ks_slice_null();
    }
    char *copy = ksi_arena_alloc(arena, text.size);
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        copy[i] = is_between(byte, low, high) ? (char)(byte ^ 0x20) : byte;
    }
    return ks_slice_of(copy, text.size);
}

ks_slice ks_text_lower(ks_arena *arena, ks_slice text)
{
    return with_other_case(arena, text, 'A', 'Z');
}

ks_slice ks_text_upper(ks_arena *arena, ks_slice text)
{
    return with_other_case(arena, text, 'a', 'z');
}

ks_slice ks_text_format(ks_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ksi_arena_text text = ksi_arena_vformat(arena, format, args);
    va_end(args);
    return ks_slice_of(text.text, text.size);
}

const char *ks_text_cstr(ks_arena *arena, ks_slice text)
{
    if (text.data == NULL) {
        return NULL;
    }
    char *copy = ksi_arena_alloc(arena, text.size + 1);
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    return copy;
}
