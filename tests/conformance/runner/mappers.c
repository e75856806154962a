/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mappers.c - the predicates and value mappers of the vocabulary.
 *
 * length, first and reverse count characters as Java does (see call.c); upper and lower change
 * ASCII letters only, as the library's own do, and scenarios keep to ASCII there.
 */
#include "function_tables.h"

#include "numbers.h"

/* ---- predicates ------------------------------------------------------------------------------ */

static bool contains(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return text_find(call_text(call, value), call->fn->text) != SIZE_MAX;
}

static bool equals(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return text_equal(call_text(call, value), call->fn->text);
}

static bool starts_with(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    ks_slice text = call_text(call, value);
    ks_slice start = call->fn->text;
    return text.size >= start.size && memcmp(text.data, start.data, start.size) == 0;
}

static bool even(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return number_long(call_number(call, value)) % 2 == 0;
}

static bool greater(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return number_compare(call_number(call, value), ks_i64(call->fn->number)) > 0;
}

static bool value_null(const cf_call *call, ks_value key, ks_value value)
{
    (void)call;
    (void)key;
    return ks_value_is_null(value);
}

static bool key_equals(const cf_call *call, ks_value key, ks_value value)
{
    (void)value;
    return !ks_value_is_null(key) && text_equal(call_text(call, key), call->fn->text);
}

static bool always(const cf_call *call, ks_value key, ks_value value)
{
    (void)call;
    (void)key;
    (void)value;
    return true;
}

static bool never(const cf_call *call, ks_value key, ks_value value)
{
    (void)call;
    (void)key;
    (void)value;
    return false;
}

static const cf_signature predicates[] = {
    {.name = "contains", .argument = ARGUMENT_TEXT, .skips_null = true, .predicate = contains},
    {.name = "equals", .argument = ARGUMENT_TEXT, .skips_null = true, .predicate = equals},
    {.name = "startsWith", .argument = ARGUMENT_TEXT, .skips_null = true, .predicate = starts_with},
    {.name = "even", .skips_null = true, .predicate = even},
    {.name = "greater", .argument = ARGUMENT_NUMBER, .skips_null = true, .predicate = greater},
    {.name = "valueNull", .predicate = value_null},
    {.name = "keyEquals", .argument = ARGUMENT_TEXT, .predicate = key_equals},
    {.name = "always", .predicate = always},
    {.name = "never", .predicate = never},
};
const signature_table predicate_table = {"predicate", predicates,
                                         sizeof predicates / sizeof predicates[0]};

/* ---- value mappers --------------------------------------------------------------------------- */

static ks_value upper(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return ks_text(ks_text_upper(call->arena, call_text(call, value)));
}

static ks_value lower(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return ks_text(ks_text_lower(call->arena, call_text(call, value)));
}

static ks_value reverse(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    ks_slice text = call_text(call, value);
    char *out = ks_arena_alloc(call->arena, text.size);
    for (size_t at = 0; at < text.size;) {
        size_t size = utf8_size(text, at);
        memcpy(out + text.size - at - size, text.data + at, size);
        at += size;
    }
    return ks_text(ks_slice_of(out, text.size));
}

static ks_value length(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    ks_slice text = call_text(call, value);
    int64_t units = 0;
    for (size_t at = 0, size; at < text.size; at += size) {
        size = utf8_size(text, at);
        units += utf16_units(size);
    }
    return ks_i64(units);
}

static ks_value identity(const cf_call *call, ks_value key, ks_value value)
{
    (void)call;
    (void)key;
    return value;
}

static ks_value append(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return call_join(call, call_text(call, value), "", call->fn->text);
}

static ks_value prefix(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return call_join(call, call->fn->text, "", call_text(call, value));
}

static ks_value constant(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    (void)value;
    return call->fn->literal;
}

static ks_value null(const cf_call *call, ks_value key, ks_value value)
{
    (void)call;
    (void)key;
    (void)value;
    return ks_null();
}

/* By way of the text, so that 1.5 throws where num(x) would take it. */
static ks_value parse_long(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return call_number(call, ks_text(call_text(call, value)));
}

static ks_value to_text(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return ks_text(call_text(call, value));
}

static ks_value add(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return call_plus(call, value, ks_i64(call->fn->number), 1);
}

static ks_value first(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return call_first(call, value);
}

static ks_value after(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    ks_slice text = call_text(call, value);
    size_t at = text_find(text, call->fn->text);
    size_t begin = at + call->fn->text.size;
    return at == SIZE_MAX ? ks_null() : ks_text(ks_slice_of(text.data + begin, text.size - begin));
}

static ks_value before(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return call_before(call, value);
}

static ks_value with_key(const cf_call *call, ks_value key, ks_value value)
{
    return call_join(call, call_text(call, key), ":", call_text(call, value));
}

static const cf_signature value_mappers[] = {
    {.name = "upper", .skips_null = true, .map = upper},
    {.name = "lower", .skips_null = true, .map = lower},
    {.name = "reverse", .skips_null = true, .map = reverse},
    {.name = "length", .skips_null = true, .map = length},
    {.name = "identity", .map = identity},
    {.name = "append", .argument = ARGUMENT_TEXT, .skips_null = true, .map = append},
    {.name = "prefix", .argument = ARGUMENT_TEXT, .skips_null = true, .map = prefix},
    {.name = "const", .argument = ARGUMENT_LITERAL, .map = constant},
    {.name = "null", .map = null},
    {.name = "parseLong", .skips_null = true, .map = parse_long},
    {.name = "toText", .skips_null = true, .map = to_text},
    {.name = "add", .argument = ARGUMENT_NUMBER, .skips_null = true, .map = add},
    {.name = "first", .argument = ARGUMENT_NUMBER, .skips_null = true, .map = first},
    {.name = "after", .argument = ARGUMENT_TEXT, .skips_null = true, .map = after},
    {.name = "before", .argument = ARGUMENT_TEXT, .skips_null = true, .map = before},
    {.name = "withKey", .map = with_key},
};
const signature_table value_mapper_table = {"value mapper", value_mappers,
                                            sizeof value_mappers / sizeof value_mappers[0]};
