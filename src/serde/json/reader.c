/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.c - a JSON document as a sequence of values, one call each.
 *
 * The tokens are found (tokens.h), so what is left is the grammar: a look at the first byte of a
 * token says what it is, and the place of the next one where it ends.
 *
 * Invariants
 *   - a token is stepped over only after its first byte was found to be a right one. Behind the
 *     last token stands a blank, which is right nowhere, so the end needs no test of its own
 *   - a token is a value from its first byte to its last: what a scan for the closing quote would
 *     find is the last byte of a string's token, as anything behind it begins another
 *   - the next backslash of the document is searched once, not in each string: nearly all documents
 *     have none
 *
 * Thread rule: a reader belongs to its thread.
 */
#include "serde/json/reader.h"

/* ---- tokens ---------------------------------------------------------------------------------- */

static inline char first_byte(const ksi_json_reader *reader)
{
    return reader->copy[*reader->at];
}

/* Steps over a token that is the one byte `wanted`. */
static inline bool skip(ksi_json_reader *reader, char wanted)
{
    if (first_byte(reader) != wanted) {
        return false;
    }
    reader->at++;
    return true;
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Steps over a token; what stands there, without the blanks behind it. */
static inline ks_slice take_token(ksi_json_reader *reader)
{
    size_t begin = reader->at[0];
    size_t end = reader->at[1];
    reader->at++;
    while (is_blank(reader->copy[end - 1])) {
        end--;
    }
    return ks_slice_of(reader->document + begin, end - begin);
}

static void find_escape(ksi_json_reader *reader, size_t from)
{
    const char *found = memchr(reader->document + from, '\\', reader->size - from);
    reader->escape = found != NULL ? (size_t)(found - reader->document) : reader->size;
}

/* Of a string that may have escapes. Out of line, so that the others do not pay for the calls. */
__attribute__((noinline)) static ksi_json_fault take_escapes(ksi_json_reader *reader,
                                                             ks_slice token, ks_slice *text,
                                                             bool *has_escapes)
{
    size_t begin = (size_t)(token.data - reader->document);
    if (reader->escape < begin) {
        find_escape(reader, begin);
    }
    *has_escapes = reader->escape < begin + token.size;
    if (!*has_escapes) {
        *text = ks_slice_of(token.data + 1, token.size - 2);
        return KSI_JSON_SOUND;
    }
    bool is_sound = ksi_json_unescape(reader->copy + begin + 1, text);
    return is_sound ? KSI_JSON_SOUND : KSI_JSON_BAD_ESCAPE;
}

/* A string's text: part of the document, or unescaped elsewhere. */
static inline ksi_json_fault take_string(ksi_json_reader *reader, ks_slice *text, bool *has_escapes)
{
    ks_slice token = take_token(reader);
    size_t end = (size_t)(token.data + token.size - reader->document);
    if (reader->copy[end - 1] != '"' || token.size < 2) {
        return KSI_JSON_BROKEN;
    }
    if (reader->escape < end) {
        return take_escapes(reader, token, text, has_escapes);
    }
    *has_escapes = false;
    *text = ks_slice_of(token.data + 1, token.size - 2);
    return KSI_JSON_SOUND;
}

/* ---- values ---------------------------------------------------------------------------------- */

static ksi_json_fault enter(ksi_json_reader *reader, ksi_json_event *event, ksi_json_token token)
{
    if (reader->depth == KSI_JSON_DEPTH_MAX) {
        return KSI_JSON_TOO_DEEP;
    }
    reader->at++;
    reader->depth++;
    reader->objects = reader->objects << 1 | (token == KSI_JSON_OBJECT_BEGIN);
    reader->is_fresh = true;
    event->token = token;
    return KSI_JSON_SOUND;
}

static ksi_json_fault leave(ksi_json_reader *reader, ksi_json_event *event, ksi_json_token token)
{
    reader->depth--;
    reader->objects >>= 1;
    reader->is_fresh = false;
    event->token = token;
    return KSI_JSON_SOUND;
}

static ksi_json_fault take_literal(ksi_json_reader *reader, ksi_json_event *event,
                                   ksi_json_token token, ks_slice wanted)
{
    event->token = token;
    return ks_slice_equal(take_token(reader), wanted) ? KSI_JSON_SOUND : KSI_JSON_BROKEN;
}

static ksi_json_fault take_value(ksi_json_reader *reader, ksi_json_event *event)
{
    event->offset = *reader->at;
    switch (first_byte(reader)) {
    case '"':
        event->token = KSI_JSON_STRING;
        return take_string(reader, &event->text, &event->has_escapes);
    case '{':
        return enter(reader, event, KSI_JSON_OBJECT_BEGIN);
    case '[':
        return enter(reader, event, KSI_JSON_ARRAY_BEGIN);
    case 't':
        return take_literal(reader, event, KSI_JSON_TRUE, ks_slice_cstr("true"));
    case 'f':
        return take_literal(reader, event, KSI_JSON_FALSE, ks_slice_cstr("false"));
    case 'n':
        return take_literal(reader, event, KSI_JSON_NULL, ks_slice_cstr("null"));
    case '}':
    case ']':
    case ',':
    case ':':
    case ' ': /* the end */
        return KSI_JSON_BROKEN;
    default: /* number.h says whether it is one */
        event->token = KSI_JSON_NUMBER;
        event->text = take_token(reader);
        return KSI_JSON_SOUND;
    }
}

static ksi_json_fault next_field(ksi_json_reader *reader, ksi_json_event *event)
{
    if (skip(reader, '}')) {
        return leave(reader, event, KSI_JSON_OBJECT_END);
    }
    if (!reader->is_fresh && !skip(reader, ',')) {
        return KSI_JSON_BROKEN;
    }
    reader->is_fresh = false;
    event->offset = *reader->at;
    if (first_byte(reader) != '"') {
        return KSI_JSON_BROKEN;
    }
    bool has_escapes;
    ksi_json_fault fault = take_string(reader, &event->key, &has_escapes);
    if (fault != KSI_JSON_SOUND) {
        return fault;
    }
    return skip(reader, ':') ? take_value(reader, event) : KSI_JSON_BROKEN;
}

static ksi_json_fault next_element(ksi_json_reader *reader, ksi_json_event *event)
{
    if (skip(reader, ']')) {
        return leave(reader, event, KSI_JSON_ARRAY_END);
    }
    if (!reader->is_fresh && !skip(reader, ',')) {
        return KSI_JSON_BROKEN;
    }
    reader->is_fresh = false;
    event->key = ks_slice_null();
    return take_value(reader, event);
}

/* The outermost value, which is a container. */
static ksi_json_fault first(ksi_json_reader *reader, ksi_json_event *event)
{
    *event = (ksi_json_event){.offset = *reader->at};
    bool is_container = first_byte(reader) == '{' || first_byte(reader) == '[';
    return is_container ? take_value(reader, event) : KSI_JSON_BROKEN;
}

/* ---- the document ---------------------------------------------------------------------------- */

ksi_json_fault ksi_json_begin(ksi_json_reader *reader, ks_slice document)
{
    ksi_json_tokens tokens;
    ksi_json_fault fault = ksi_json_tokenize(document, &tokens);
    if (fault == KSI_JSON_SOUND) {
        *reader = (ksi_json_reader){.document = document.data,
                                    .copy = tokens.copy,
                                    .at = tokens.at,
                                    .end = tokens.at + tokens.count,
                                    .size = document.size};
        find_escape(reader, 0);
    }
    return fault;
}

ksi_json_fault ksi_json_next(ksi_json_reader *reader, ksi_json_event *event)
{
    if (reader->depth == 0) {
        return first(reader, event);
    }
    return (reader->objects & 1) != 0 ? next_field(reader, event) : next_element(reader, event);
}

ksi_json_fault ksi_json_end(const ksi_json_reader *reader)
{
    return reader->at == reader->end ? KSI_JSON_SOUND : KSI_JSON_TRAILING;
}
