/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.c - the numbers of JSON, as exact decimals.
 *
 * An amount of money that was a double for a moment is wrong by a cent one day, and an id of 19
 * digits loses its last two. So integers and decimals never are doubles: the text becomes digits
 * and a power of ten, and these are scaled to what the member counts. 7, 7.0 and 0.7e1 are the same
 * number and fit an integer; 7.5 does not.
 *
 * Up to 19 digits, nearly all numbers, need no test for overflow but one comparison a digit.
 *
 * Digits past what 64 bits hold are counted, and it is remembered when one of them is not zero.
 * Such a number fits no member, nor does one of more than TEXT_MAX characters, whose exponent
 * nobody needs to follow.
 *
 * Thread rule: any.
 */
#include "serde/json/number.h"

enum { EXPONENT_MAX = 1000000, TEXT_MAX = 1000 };

/* Below it a further digit fits 64 bits, whichever it is. */
#define ANOTHER_FITS (UINT64_MAX / 10)

typedef struct scan {
    const char *at;
    const char *end;
    ksi_json_decimal decimal;
    bool is_full; /* no further digit fits */
} scan;

static inline bool is_digit(const scan *s)
{
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static inline bool skip(scan *s, char wanted)
{
    bool is_there = s->at < s->end && *s->at == wanted;
    s->at += is_there;
    return is_there;
}

/* Takes the digits from the first on that may not fit. */
static void take_further_digits(scan *s)
{
    for (; is_digit(s); s->at++) {
        uint64_t digit = (uint64_t)(*s->at - '0');
        uint64_t digits;
        s->is_full = s->is_full ||
                     __builtin_mul_overflow(s->decimal.digits, UINT64_C(10), &digits) ||
                     __builtin_add_overflow(digits, digit, &digits);
        if (!s->is_full) {
            s->decimal.digits = digits;
        } else {
            s->decimal.is_cut = s->decimal.is_cut || digit != 0;
            s->decimal.exponent += s->decimal.exponent < EXPONENT_MAX;
        }
    }
}

/* Takes digits as long as there are any; how many. */
static inline size_t take_digits(scan *s)
{
    const char *from = s->at;
    const char *at = from;
    uint64_t digits = s->decimal.digits;
    for (; at < s->end && *at >= '0' && *at <= '9' && digits < ANOTHER_FITS; at++) {
        digits = digits * 10 + (uint64_t)(*at - '0');
    }
    s->at = at;
    s->decimal.digits = digits;
    if (is_digit(s)) {
        take_further_digits(s);
    }
    return (size_t)(s->at - from);
}

static inline bool take_whole(scan *s)
{
    return skip(s, '0') ? !is_digit(s) : take_digits(s) > 0;
}

static inline bool take_places(scan *s)
{
    size_t count = take_digits(s);
    s->decimal.exponent -= count < EXPONENT_MAX ? (int32_t)count : EXPONENT_MAX;
    return count > 0;
}

static bool take_exponent(scan *s)
{
    bool is_negative = skip(s, '-');
    if (!is_negative) {
        (void)skip(s, '+');
    }
    if (!is_digit(s)) {
        return false;
    }
    int32_t exponent = 0;
    for (; is_digit(s); s->at++) {
        exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*s->at - '0') : exponent;
    }
    s->decimal.exponent += is_negative ? -exponent : exponent;
    return true;
}

bool ksi_json_decimal_of(ks_slice text, ksi_json_decimal *decimal)
{
    scan s = {.at = text.data, .end = text.data + text.size};
    s.decimal.is_negative = skip(&s, '-');
    bool is_number = take_whole(&s) && (!skip(&s, '.') || take_places(&s)) &&
                     (!(skip(&s, 'e') || skip(&s, 'E')) || take_exponent(&s)) && s.at == s.end;
    *decimal = s.decimal;
    decimal->is_cut = decimal->is_cut || text.size > TEXT_MAX;
    return is_number;
}

ksi_json_scaling ksi_json_decimal_scale(ksi_json_decimal decimal, int32_t places,
                                        uint64_t *magnitude)
{
    int32_t power = decimal.exponent + places;
    *magnitude = decimal.digits;
    if (decimal.digits == 0) {
        return KSI_JSON_SCALED;
    }
    if (decimal.is_cut) {
        return power < 0 ? KSI_JSON_TOO_MANY_PLACES : KSI_JSON_TOO_LARGE;
    }
    for (; power < 0; power++) {
        if (*magnitude % 10 != 0) {
            return KSI_JSON_TOO_MANY_PLACES;
        }
        *magnitude /= 10;
    }
    for (; power > 0; power--) {
        if (__builtin_mul_overflow(*magnitude, UINT64_C(10), magnitude)) {
            return KSI_JSON_TOO_LARGE;
        }
    }
    return KSI_JSON_SCALED;
}
