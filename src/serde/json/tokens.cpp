/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokens.cpp - simdjson behind a C interface: the one file of the library that is C++.
 *
 * simdjson has two stages. The first goes over all bytes 64 at a time, checks UTF-8 and control
 * characters, and writes down where each token begins; that is nearly all the work on bytes, and
 * what its vector instructions are for. The second walks those places. Ours is reader.c, 200 lines
 * of C: simdjson's on-demand interface has more to keep in order for more kinds of use.
 *
 * Invariants
 *   - simdjson reads past the end, up to SIMDJSON_PADDING bytes, so it works on a copy. The padding
 *     is blank, not what an earlier document left: an unclosed object would find its end there.
 *   - unescaped texts fit a buffer as large as the copy: an escape is never shorter than what
 *     it stands for, and no string is unescaped twice.
 *   - nothing throws: errors are codes, and running out of memory ends the process as everywhere.
 *
 * Numbers become doubles by the C++ library, which rounds exactly and knows no locale; strtod()
 * would read "0,5" in some.
 *
 * After a document of more than KEPT_BYTES its buffers are given back, so that one huge record does
 * not hold memory for ever.
 *
 * Thread rule: the buffers are the thread's, and freed with it.
 */
#include "serde/json/tokens.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <simdjson.h>

namespace
{

using namespace simdjson;

constexpr size_t KEPT_BYTES = 1024 * 1024;
constexpr size_t LEAST_BYTES = 4096;

ksi_json_fault fault_of(error_code error)
{
    switch (error) {
    case SUCCESS:
        return KSI_JSON_SOUND;
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

class buffers
{
  public:
    ksi_json_fault tokenize(ks_slice document, ksi_json_tokens *tokens)
    {
        make_room(document.size);
        std::memcpy(copy.get(), document.data, document.size);
        std::memset(copy.get() + document.size, ' ', SIMDJSON_PADDING);
        next_text = texts.get();
        error_code error =
            indexer.implementation->stage1(copy.get(), document.size, stage1_mode::regular);
        if (error != SUCCESS) {
            return fault_of(error);
        }
        tokens->copy = reinterpret_cast<const char *>(copy.get());
        tokens->count = indexer.implementation->n_structural_indexes;
        uint32_t *at = indexer.implementation->structural_indexes.get();
        at[tokens->count] = static_cast<uint32_t>(document.size); /* there is room for three more */
        tokens->at = at;
        return KSI_JSON_SOUND;
    }

    bool unescape(const char *string, ks_slice *text)
    {
        std::string_view found;
        ondemand::raw_json_string raw(reinterpret_cast<const uint8_t *>(string));
        if (unescaper.unescape(raw, next_text).get(found) != SUCCESS) {
            return false;
        }
        *text = ks_slice_of(found.data(), found.size());
        return true;
    }

  private:
    dom::parser indexer;
    ondemand::parser unescaper;
    std::unique_ptr<uint8_t[]> copy;  /* of the document, with its padding */
    std::unique_ptr<uint8_t[]> texts; /* without their escapes */
    uint8_t *next_text = nullptr;
    size_t room = 0; /* for a document, without padding */

    void make_room(size_t size)
    {
        if (size <= room && (room <= KEPT_BYTES || size > KEPT_BYTES)) {
            return;
        }
        room = size < LEAST_BYTES ? LEAST_BYTES : size;
        copy.reset(new (std::nothrow) uint8_t[room + SIMDJSON_PADDING]);
        texts.reset(new (std::nothrow) uint8_t[room + SIMDJSON_PADDING]);
        if (!copy || !texts || indexer.allocate(room) != SUCCESS ||
            unescaper.allocate(1) != SUCCESS) {
            std::abort();
        }
    }
};

thread_local buffers of_thread;

} // namespace

extern "C" ksi_json_fault ksi_json_tokenize(ks_slice document, ksi_json_tokens *tokens)
{
    if (document.size > SIMDJSON_MAXSIZE_BYTES - SIMDJSON_PADDING) {
        return KSI_JSON_TOO_BIG;
    }
    return document.size == 0 ? KSI_JSON_EMPTY : of_thread.tokenize(document, tokens);
}

extern "C" bool ksi_json_unescape(const char *string, ks_slice *text)
{
    return of_thread.unescape(string, text);
}

extern "C" bool ksi_json_double(ks_slice number, double *nearest)
{
    return std::from_chars(number.data, number.data + number.size, *nearest).ec == std::errc();
}

extern "C" bool ksi_json_float(ks_slice number, float *nearest)
{
    return std::from_chars(number.data, number.data + number.size, *nearest).ec == std::errc();
}
