/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.cpp - simdjson behind a C interface: the one file of the library that is C++.
 *
 * simdjson has two stages. The first goes over all bytes 64 at a time, checks UTF-8 and control
 * characters, and writes down where each token begins; the second, here its on-demand interface,
 * walks those places and looks at a token only when it is asked for. So a text without escapes
 * costs its two ends and a search for a backslash, and is handed on as a slice of the document.
 *
 * Invariants
 *   - simdjson reads past the end, up to SIMDJSON_PADDING bytes, so it works on a copy. The padding
 *     is blank, not what an earlier document left: an unclosed object would find its end there.
 *   - whoever walks takes every value, also those nobody wants. simdjson can skip a value, but it
 *     counts brackets then instead of checking the grammar.
 *   - strings are taken, never skipped: skipping one that a colon follows, which is malformed,
 *     would take it for a key.
 *   - nothing throws: errors are codes, and running out of memory ends the process as everywhere.
 *
 * Numbers become doubles by the C++ library, which rounds exactly and knows no locale; strtod() would
 * read "0,5" in some.
 *
 * After a document of more than KEPT_BYTES its buffers are given back, so that one huge record does
 * not hold memory for ever.
 *
 * Thread rule: a reader belongs to its thread.
 */
#include "serde/json/reader.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <simdjson.h>
#include <utility>

namespace
{

using namespace simdjson;

constexpr size_t KEPT_BYTES = 1024 * 1024;
constexpr size_t LEAST_BYTES = 4096;

struct level {
    bool is_object;
    bool is_fresh; /* on its first value, or on its end */
    ondemand::object_iterator field;
    ondemand::array_iterator element;
};

ksi_json_fault fault_of(error_code error)
{
    switch (error) {
    case UTF8_ERROR:
        return KSI_JSON_NOT_UTF8;
    case UNESCAPED_CHARS:
        return KSI_JSON_CONTROL;
    case UNCLOSED_STRING:
        return KSI_JSON_UNCLOSED;
    case CAPACITY:
        return KSI_JSON_TOO_BIG;
    case EMPTY:
        return KSI_JSON_EMPTY;
    case MEMALLOC:
        std::abort();
    default:
        return KSI_JSON_BROKEN;
    }
}

std::string_view without_blanks(std::string_view token)
{
    while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\t' ||
                              token.back() == '\r')) {
        token.remove_suffix(1);
    }
    return token;
}

} // namespace

struct ksi_json_reader {
    ondemand::parser parser;
    ondemand::document document;
    char *copy = nullptr; /* of the document, with its padding */
    size_t copy_size = 0;
    ks_slice original = {nullptr, 0};
    size_t depth = 0; /* levels in use */
    level levels[KSI_JSON_DEPTH_MAX];

    ksi_json_reader() = default;
    ksi_json_reader(const ksi_json_reader &) = delete;
    ksi_json_reader &operator=(const ksi_json_reader &) = delete;
    ~ksi_json_reader()
    {
        std::free(copy);
    }

    void make_room(size_t size)
    {
        if (copy_size > KEPT_BYTES && size < KEPT_BYTES) {
            parser = ondemand::parser();
            std::free(copy);
            copy = nullptr;
            copy_size = 0;
        }
        if (size > copy_size) {
            std::free(copy);
            copy_size = size < LEAST_BYTES ? LEAST_BYTES : size + size / 2;
            copy = static_cast<char *>(std::malloc(copy_size));
            if (copy == nullptr) {
                std::abort();
            }
        }
    }

    size_t offset_of(const char *at) const
    {
        return static_cast<size_t>(at - copy);
    }

    /* The bytes of the original that stand where `part` does in the copy. */
    ks_slice slice_of(std::string_view part) const
    {
        return ks_slice_of(original.data + offset_of(part.data()), part.size());
    }

    template <typename Container> void enter(Container container, bool is_object)
    {
        level &next = levels[depth++];
        next.is_object = is_object;
        next.is_fresh = true;
        if constexpr (std::is_same_v<Container, ondemand::object>) {
            next.field = container.begin().value_unsafe();
        } else {
            next.element = container.begin().value_unsafe();
        }
    }

    template <typename Value> ksi_json_fault take_container(Value &value, ksi_json_event *event)
    {
        if (depth == KSI_JSON_DEPTH_MAX) {
            return KSI_JSON_TOO_DEEP;
        }
        error_code error;
        if (event->token == KSI_JSON_OBJECT_BEGIN) {
            ondemand::object object;
            error = value.get_object().get(object);
            if (error == SUCCESS) {
                enter(object, true);
            }
        } else {
            ondemand::array array;
            error = value.get_array().get(array);
            if (error == SUCCESS) {
                enter(array, false);
            }
        }
        return error == SUCCESS ? KSI_JSON_SOUND : fault_of(error);
    }

    /* A string's text: part of the original, or unescaped in the parser's buffer. */
    ksi_json_fault take_string(ondemand::value &value, std::string_view token,
                               ksi_json_event *event)
    {
        token = without_blanks(token);
        if (token.size() < 2 || token.back() != '"') {
            return KSI_JSON_BROKEN;
        }
        token = token.substr(1, token.size() - 2);
        event->has_escapes = std::memchr(token.data(), '\\', token.size()) != nullptr;
        if (event->has_escapes) {
            std::string_view text;
            if (value.get_string().get(text) != SUCCESS) {
                return KSI_JSON_BAD_ESCAPE;
            }
            event->text = ks_slice_of(text.data(), text.size());
            return KSI_JSON_SOUND;
        }
        ondemand::raw_json_string raw;
        error_code error = value.get_raw_json_string().get(raw);
        event->text = slice_of(token);
        return error == SUCCESS ? KSI_JSON_SOUND : fault_of(error);
    }

    ksi_json_fault take_value(ondemand::value &value, ksi_json_event *event)
    {
        std::string_view token = value.raw_json_token();
        event->offset = offset_of(token.data());
        event->has_escapes = false;
        bool flag;
        switch (token.empty() ? '\0' : token.front()) {
        case '"':
            event->token = KSI_JSON_STRING;
            return take_string(value, token, event);
        case '{':
            event->token = KSI_JSON_OBJECT_BEGIN;
            return take_container(value, event);
        case '[':
            event->token = KSI_JSON_ARRAY_BEGIN;
            return take_container(value, event);
        case 't':
        case 'f':
            event->token = token.front() == 't' ? KSI_JSON_TRUE : KSI_JSON_FALSE;
            return value.get_bool().get(flag) == SUCCESS ? KSI_JSON_SOUND : KSI_JSON_BROKEN;
        case 'n':
            event->token = KSI_JSON_NULL;
            return value.is_null().get(flag) == SUCCESS && flag ? KSI_JSON_SOUND : KSI_JSON_BROKEN;
        default: /* number.h says whether it is one */
            event->token = KSI_JSON_NUMBER;
            event->text = slice_of(without_blanks(token));
            return KSI_JSON_SOUND;
        }
    }

    ksi_json_fault leave(ksi_json_event *event, ksi_json_token token)
    {
        depth--;
        event->token = token;
        return KSI_JSON_SOUND;
    }

    ksi_json_fault next_field(level &here, ksi_json_event *event)
    {
        if (!here.is_fresh) {
            ++here.field;
        }
        here.is_fresh = false;
        if (!(here.field != ondemand::object_iterator())) {
            return leave(event, KSI_JSON_OBJECT_END);
        }
        auto result = *here.field;
        if (result.error() != SUCCESS) {
            return fault_of(result.error());
        }
        ondemand::field &&field = std::move(result).value_unsafe(); /* not copied */
        ksi_json_fault fault = take_key(field, event);
        return fault == KSI_JSON_SOUND ? take_value(field.value(), event) : fault;
    }

    /* The key of most fields is short and has no escapes, so it is looked over byte by byte. */
    ksi_json_fault take_key(ondemand::field &field, ksi_json_event *event)
    {
        const char *key = field.key().raw();
        const char *end = key;
        while (*end != '"' && *end != '\\') { /* there is a quote: the first stage has seen it */
            end++;
        }
        if (*end == '"') {
            event->key = slice_of(std::string_view(key, static_cast<size_t>(end - key)));
            return KSI_JSON_SOUND;
        }
        event->offset = offset_of(key) - 1;
        std::string_view text;
        if (field.unescaped_key().get(text) != SUCCESS) {
            return KSI_JSON_BAD_ESCAPE;
        }
        event->key = ks_slice_of(text.data(), text.size());
        return KSI_JSON_SOUND;
    }

    ksi_json_fault next_element(level &here, ksi_json_event *event)
    {
        if (!here.is_fresh) {
            ++here.element;
        }
        here.is_fresh = false;
        if (!(here.element != ondemand::array_iterator())) {
            return leave(event, KSI_JSON_ARRAY_END);
        }
        auto result = *here.element;
        if (result.error() != SUCCESS) {
            return fault_of(result.error());
        }
        ondemand::value &&value = std::move(result).value_unsafe();
        event->key = ks_slice_null();
        return take_value(value, event);
    }

    /* The outermost value; one that is no container has a token and nothing else. */
    ksi_json_fault first(ksi_json_event *event)
    {
        std::string_view token;
        error_code error = document.raw_json_token().get(token);
        if (error != SUCCESS) {
            return fault_of(error);
        }
        *event = ksi_json_event{};
        event->offset = offset_of(token.data());
        switch (token.front()) {
        case '{':
            event->token = KSI_JSON_OBJECT_BEGIN;
            return take_container(document, event);
        case '[':
            event->token = KSI_JSON_ARRAY_BEGIN;
            return take_container(document, event);
        default:
            return KSI_JSON_BROKEN;
        }
    }
};

extern "C" ksi_json_reader *ksi_json_reader_of_thread(void)
{
    static thread_local ksi_json_reader reader;
    return &reader;
}

extern "C" ksi_json_fault ksi_json_begin(ksi_json_reader *reader, ks_slice document)
{
    if (document.size > SIMDJSON_MAXSIZE_BYTES - SIMDJSON_PADDING) {
        return KSI_JSON_TOO_BIG;
    }
    if (document.size == 0) {
        return KSI_JSON_EMPTY;
    }
    reader->make_room(document.size + SIMDJSON_PADDING);
    std::memcpy(reader->copy, document.data, document.size);
    std::memset(reader->copy + document.size, ' ', SIMDJSON_PADDING);
    reader->original = document;
    reader->depth = 0;
    padded_string_view padded(reader->copy, document.size, document.size + SIMDJSON_PADDING);
    error_code error = reader->parser.iterate(padded).get(reader->document);
    return error == SUCCESS ? KSI_JSON_SOUND : fault_of(error);
}

extern "C" ksi_json_fault ksi_json_next(ksi_json_reader *reader, ksi_json_event *event)
{
    if (reader->depth == 0) {
        return reader->first(event);
    }
    level &here = reader->levels[reader->depth - 1];
    return here.is_object ? reader->next_field(here, event) : reader->next_element(here, event);
}

extern "C" ksi_json_fault ksi_json_end(ksi_json_reader *reader)
{
    const char *rest;
    bool is_at_end = reader->document.current_location().get(rest) == OUT_OF_BOUNDS;
    return is_at_end ? KSI_JSON_SOUND : KSI_JSON_TRAILING;
}

extern "C" bool ksi_json_double(ks_slice number, double *nearest)
{
    return std::from_chars(number.data, number.data + number.size, *nearest).ec == std::errc();
}

extern "C" bool ksi_json_float(ks_slice number, float *nearest)
{
    return std::from_chars(number.data, number.data + number.size, *nearest).ec == std::errc();
}
