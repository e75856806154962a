/* SPDX-License-Identifier: Apache-2.0 */
/*
 * numbers.c - Java's number arithmetic on values; see numbers.h.
 *
 * C leaves undefined what Java defines: overflow of signed sums and out-of-range casts from
 * floating numbers. So sums go through unsigned numbers and casts check their range first. The
 * tempting plain `(int64_t)number` gives INT64_MIN for every large double.
 */
#include "numbers.h"

#include <math.h>

bool number_is(ks_value value)
{
    ks_kind kind = ks_value_kind(value);
    return kind == KS_KIND_I16 || kind == KS_KIND_I32 || kind == KS_KIND_I64 ||
           number_is_floating(value);
}

bool number_is_floating(ks_value value)
{
    return ks_value_kind(value) == KS_KIND_F32 || ks_value_kind(value) == KS_KIND_F64;
}

static int64_t saturate(double number, int64_t low, int64_t high)
{
    if (isnan(number)) {
        return 0;
    }
    if (number <= (double)low) {
        return low;
    }
    return number >= (double)high ? high : (int64_t)number;
}

int64_t number_long(ks_value number)
{
    switch (ks_value_kind(number)) {
    case KS_KIND_I16:
        return ks_value_i16(number);
    case KS_KIND_I32:
        return ks_value_i32(number);
    case KS_KIND_I64:
        return ks_value_i64(number);
    case KS_KIND_F32:
    case KS_KIND_F64:
        return saturate(number_double(number), INT64_MIN, INT64_MAX);
    default:
        return 0;
    }
}

double number_double(ks_value number)
{
    switch (ks_value_kind(number)) {
    case KS_KIND_F32:
        return (double)ks_value_f32(number);
    case KS_KIND_F64:
        return ks_value_f64(number);
    default:
        return (double)number_long(number);
    }
}

/* Number.intValue(): a floating number saturates at 32 bits, a whole one keeps its low 32. */
static int32_t int_of(ks_value number)
{
    return number_is_floating(number)
               ? (int32_t)saturate(number_double(number), INT32_MIN, INT32_MAX)
               : (int32_t)(uint32_t)(uint64_t)number_long(number);
}

ks_value number_cast(ks_value value, ks_kind kind)
{
    if (!number_is(value)) {
        return value;
    }
    switch (kind) {
    case KS_KIND_I16:
        return ks_i16((int16_t)(uint16_t)(uint32_t)int_of(value));
    case KS_KIND_I32:
        return ks_i32(int_of(value));
    case KS_KIND_I64:
        return ks_i64(number_long(value));
    case KS_KIND_F32:
        /* from the whole number itself: by way of double it would be rounded twice */
        return ks_f32(number_is_floating(value) ? (float)number_double(value)
                                                : (float)number_long(value));
    case KS_KIND_F64:
        return ks_f64(number_double(value));
    default:
        return value;
    }
}

bool number_parse(ks_slice text, int64_t *number)
{
    size_t at = 0;
    bool negative = text.size > 0 && text.data[0] == '-';
    if (negative || (text.size > 0 && text.data[0] == '+')) {
        at = 1;
    }
    if (at == text.size) {
        return false;
    }
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t sum = 0;
    for (; at < text.size; at++) {
        if (text.data[at] < '0' || text.data[at] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(text.data[at] - '0');
        if (sum > (limit - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *number = (int64_t)(negative ? 0 - sum : sum);
    return true;
}

ks_value number_plus(ks_value a, ks_value b, int sign)
{
    if (number_is_floating(a) || number_is_floating(b)) {
        return ks_f64(number_double(a) + sign * number_double(b));
    }
    uint64_t x = (uint64_t)number_long(a);
    uint64_t y = (uint64_t)number_long(b);
    return ks_i64((int64_t)(sign > 0 ? x + y : x - y));
}

static int compare_doubles(double a, double b)
{
    if (a < b) {
        return -1;
    }
    if (a > b) {
        return 1;
    }
    if (isnan(a) || isnan(b)) {
        return (isnan(a) ? 1 : 0) - (isnan(b) ? 1 : 0);
    }
    return (signbit(a) ? 0 : 1) - (signbit(b) ? 0 : 1);
}

int number_compare(ks_value a, ks_value b)
{
    if (number_is_floating(a) || number_is_floating(b)) {
        return compare_doubles(number_double(a), number_double(b));
    }
    int64_t x = number_long(a);
    int64_t y = number_long(b);
    return (x > y) - (x < y);
}
