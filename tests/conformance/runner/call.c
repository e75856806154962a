/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.c - what the functions of the vocabulary are made of: texts, numbers and characters as Java
 * has them.
 *
 * Java counts the characters of a text in UTF-16 units: one for a code point below U+10000 and two
 * above it. Texts here are UTF-8, so characters are counted by their first byte; a text that is no
 * UTF-8 is walked byte by byte rather than past its end.
 */
#include "function_tables.h"

#include "numbers.h"
#include "types.h"

ks_slice call_text(const cf_call *call, ks_value value)
{
    return type_text(call->arena, value);
}

ks_value call_number(const cf_call *call, ks_value value)
{
    if (ks_value_is_null(value)) {
        return ks_i64(0);
    }
    if (number_is(value)) {
        return value;
    }
    ks_slice text = call_text(call, value);
    int64_t number = 0;
    if (!number_parse(text, &number)) {
        ks_ctx_fail(call->ctx, "`%s` needs a whole number, got \"%.*s\"", call->fn->signature->name,
                    (int)text.size, text.data);
    }
    return ks_i64(number);
}

ks_value call_plus(const cf_call *call, ks_value a, ks_value b, int sign)
{
    ks_value sum = number_plus(call_number(call, a), call_number(call, b), sign);
    ks_value model = ks_value_is_null(a) ? b : a;
    return number_cast(sum, number_is(model) ? ks_value_kind(model) : KS_KIND_I64);
}

int call_compare(const cf_call *call, ks_value a, ks_value b)
{
    if (number_is(a) && number_is(b)) {
        return number_compare(a, b);
    }
    ks_slice x = call_text(call, a);
    ks_slice y = call_text(call, b);
    int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);
    return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

ks_value call_join(const cf_call *call, ks_slice left, const char *between, ks_slice right)
{
    ks_slice gap = ks_slice_of(between, strlen(between));
    size_t size = left.size + gap.size + right.size;
    char *joined = ks_arena_alloc(call->arena, size);
    memcpy(joined, left.data, left.size);
    memcpy(joined + left.size, gap.data, gap.size);
    memcpy(joined + left.size + gap.size, right.data, right.size);
    return ks_text(ks_slice_of(joined, size));
}

size_t utf8_size(ks_slice text, size_t at)
{
    uint8_t lead = (uint8_t)text.data[at];
    size_t size = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return at + size <= text.size ? size : 1;
}

int64_t utf16_units(size_t size)
{
    return size == 4 ? 2 : 1;
}

ks_value call_first(const cf_call *call, ks_value value)
{
    ks_slice text = call_text(call, value);
    int32_t wanted = ks_value_i32(number_cast(ks_i64(call->fn->number), KS_KIND_I32));
    if (wanted < 0) {
        ks_ctx_fail(call->ctx, "`%s` cannot take %d characters", call->fn->signature->name,
                    (int)wanted);
    }
    size_t at = 0;
    int64_t units = 0;
    while (at < text.size && units < wanted) {
        size_t size = utf8_size(text, at);
        units += utf16_units(size);
        at += size;
    }
    return ks_text(ks_slice_of(text.data, at));
}

bool text_equal(ks_slice a, ks_slice b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

size_t text_find(ks_slice text, ks_slice part)
{
    for (size_t at = 0; at + part.size <= text.size; at++) {
        if (memcmp(text.data + at, part.data, part.size) == 0) {
            return at;
        }
    }
    return SIZE_MAX;
}

ks_value call_before(const cf_call *call, ks_value value)
{
    ks_slice text = call_text(call, value);
    size_t at = text_find(text, call->fn->text);
    return at == SIZE_MAX ? ks_null() : ks_text(ks_slice_of(text.data, at));
}
