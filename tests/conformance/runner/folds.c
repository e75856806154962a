/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folds.c - the key mappers, flat functions and folds (aggregators, reducers, mergers) of the
 * vocabulary.
 */
#include "function_tables.h"

#include "numbers.h"

/* ---- key mappers ----------------------------------------------------------------------------- */

static ks_value key_is_value(const cf_call *call, ks_value key, ks_value value)
{
    (void)call;
    (void)key;
    return value;
}

static ks_value key_append(const cf_call *call, ks_value key, ks_value value)
{
    (void)value;
    return ks_value_is_null(key) ? ks_null()
                                 : call_join(call, call_text(call, key), "", call->fn->text);
}

static ks_value key_first(const cf_call *call, ks_value key, ks_value value)
{
    (void)value;
    return ks_value_is_null(key) ? ks_null() : call_first(call, key);
}

static ks_value value_before(const cf_call *call, ks_value key, ks_value value)
{
    (void)key;
    return ks_value_is_null(value) ? ks_null() : call_before(call, value);
}

static ks_value null_key(const cf_call *call, ks_value key, ks_value value)
{
    (void)call;
    (void)key;
    (void)value;
    return ks_null();
}

/*
 * The recorder takes a key without window here for an error of the scenario, so it is never
 * recorded as one of the topology.
 */
static const ks_windowed *windowed(const cf_call *call, ks_value key)
{
    if (ks_value_kind(key) == KS_KIND_WINDOWED) {
        return ks_value_windowed(key);
    }
    problem_set(call->fn->problem, "`%s` needs a windowed key", call->fn->signature->name);
    ks_ctx_fail(call->ctx, "`%s` needs a windowed key", call->fn->signature->name);
    return NULL;
}

static ks_value window_start(const cf_call *call, ks_value key, ks_value value)
{
    (void)value;
    const ks_windowed *in = windowed(call, key);
    return in == NULL
               ? ks_null()
               : call_join(call, call_text(call, in->key), "@", call_text(call, ks_i64(in->start)));
}

static ks_value unwindow(const cf_call *call, ks_value key, ks_value value)
{
    (void)value;
    const ks_windowed *in = windowed(call, key);
    return in == NULL ? ks_null() : in->key;
}

static const cf_signature key_mappers[] = {
    {.name = "value", .map = key_is_value},
    {.name = "swap", .swaps = true, .map = key_is_value},
    {.name = "keyAppend", .argument = ARGUMENT_TEXT, .map = key_append},
    {.name = "keyFirst", .argument = ARGUMENT_NUMBER, .map = key_first},
    {.name = "valueBefore", .argument = ARGUMENT_TEXT, .map = value_before},
    {.name = "nullKey", .map = null_key},
    {.name = "windowStart", .map = window_start},
    {.name = "unwindow", .map = unwindow},
};
const signature_table key_mapper_table = {"key mapper", key_mappers,
                                          sizeof key_mappers / sizeof key_mappers[0]};

/* ---- flat functions -------------------------------------------------------------------------- */

static void words(const cf_call *call, ks_value value)
{
    if (ks_value_is_null(value)) {
        return;
    }
    ks_slice text = call_text(call, value);
    size_t begin = 0;
    for (size_t at = 0; at <= text.size; at++) {
        if (at == text.size || text.data[at] == ' ') {
            if (at > begin) {
                ks_emit_value(call->ctx, ks_text(ks_slice_of(text.data + begin, at - begin)));
            }
            begin = at + 1;
        }
    }
}

/*
 * Java goes by UTF-16 units: a code point of two falls into halves, and half a pair is written as
 * "?".
 */
static void chars(const cf_call *call, ks_value value)
{
    if (ks_value_is_null(value)) {
        return;
    }
    ks_slice text = call_text(call, value);
    for (size_t at = 0, size; at < text.size; at += size) {
        size = utf8_size(text, at);
        if (utf16_units(size) == 1) {
            ks_emit_value(call->ctx, ks_text(ks_slice_of(text.data + at, size)));
        } else {
            ks_emit_value(call->ctx, ks_text_of("?"));
            ks_emit_value(call->ctx, ks_text_of("?"));
        }
    }
}

static void repeat(const cf_call *call, ks_value value)
{
    int32_t times = ks_value_i32(number_cast(ks_i64(call->fn->number), KS_KIND_I32));
    if (times < 0) {
        ks_ctx_fail(call->ctx, "`repeat` cannot emit %d times", (int)times);
    }
    for (int32_t i = 0; i < times; i++) {
        ks_emit_value(call->ctx, value);
    }
}

static void none(const cf_call *call, ks_value value)
{
    (void)call;
    (void)value;
}

static const cf_signature flats[] = {
    {.name = "words", .flat = words},
    {.name = "chars", .flat = chars},
    {.name = "repeat", .argument = ARGUMENT_NUMBER, .flat = repeat},
    {.name = "none", .flat = none},
};
const signature_table flat_table = {"flat function", flats, sizeof flats / sizeof flats[0]};

/* ---- folds ----------------------------------------------------------------------------------- */

static ks_value concat(const cf_call *call, ks_value aggregate, ks_value value)
{
    return call_join(call, call_text(call, aggregate), "+", call_text(call, value));
}

static ks_value take_off(const cf_call *call, ks_value aggregate, ks_value value)
{
    return call_join(call, call_text(call, aggregate), "-", call_text(call, value));
}

static ks_value sum(const cf_call *call, ks_value aggregate, ks_value value)
{
    return call_plus(call, aggregate, value, 1);
}

static ks_value subtract(const cf_call *call, ks_value aggregate, ks_value value)
{
    return call_plus(call, aggregate, value, -1);
}

static ks_value count(const cf_call *call, ks_value aggregate, ks_value value)
{
    (void)value;
    return call_plus(call, aggregate, ks_i64(1), 1);
}

static ks_value uncount(const cf_call *call, ks_value aggregate, ks_value value)
{
    (void)value;
    return call_plus(call, aggregate, ks_i64(1), -1);
}

/* `sign` 1 for the smaller, -1 for the greater; the aggregate when they are equal. */
static ks_value extreme(const cf_call *call, ks_value aggregate, ks_value value, int sign)
{
    if (ks_value_is_null(aggregate)) {
        return value;
    }
    return ks_value_is_null(value) || sign * call_compare(call, aggregate, value) <= 0 ? aggregate
                                                                                       : value;
}

static ks_value min(const cf_call *call, ks_value aggregate, ks_value value)
{
    return extreme(call, aggregate, value, 1);
}

static ks_value max(const cf_call *call, ks_value aggregate, ks_value value)
{
    return extreme(call, aggregate, value, -1);
}

static ks_value last(const cf_call *call, ks_value aggregate, ks_value value)
{
    (void)call;
    (void)aggregate;
    return value;
}

/* The way for a scenario to make an aggregator or reducer answer null. */
static ks_value last_unless(const cf_call *call, ks_value aggregate, ks_value value)
{
    (void)aggregate;
    return text_equal(call_text(call, value), call->fn->text) ? ks_null() : value;
}

static const cf_signature folds[] = {
    {.name = "concat", .fold = concat},
    {.name = "remove", .fold = take_off},
    {.name = "sum", .fold = sum},
    {.name = "subtract", .fold = subtract},
    {.name = "count", .fold = count},
    {.name = "uncount", .fold = uncount},
    {.name = "min", .fold = min},
    {.name = "max", .fold = max},
    {.name = "last", .fold = last},
    {.name = "lastUnless", .argument = ARGUMENT_TEXT, .fold = last_unless},
};
const signature_table fold_table = {"aggregator", folds, sizeof folds / sizeof folds[0]};
