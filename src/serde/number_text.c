/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number_text.c - floating-point numbers as Java writes them.
 *
 * Double.toString() writes the decimal with the fewest digits, but at least two, that reads back as
 * the same number; of several such decimals the one nearest to the number. It is written plainly
 * from 0.001 up to, not including, 10^7, otherwise as 1.5E10, and has a digit on each side of the
 * point. (Java does so since release 19; before, one double in 350 and one float in nine, taken at
 * random, had a last digit that was not needed.)
 *
 * Most numbers are few digits, a price or an average: such a one is an integer divided by a power
 * of ten, both exact as doubles, and a division rounds once. For the others the digits come from
 * the C library, which rounds exactly: ask for more and more digits until the text reads back.
 * Decimals of up to 15 digits (6 of a float) are all different numbers, so that many are asked for
 * at once: if a shorter decimal reads back, it is that one with zeros behind it. Only numbers below
 * the smallest normal one lie so far apart that this is not so. One case needs a second look. Below
 * a power of two the doubles lie twice as close as above it, so the nearest decimal of n digits may
 * lie just below and be another number's while the next one above still reads back. "%.17g" is the
 * tempting wrong way: right, but not the shortest. Digits are taken without the decimal point,
 * which the program's locale chooses; text is read back without one.
 *
 * Thread rule: any.
 */
#include "serde/number_text.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_DIGITS = 2, MOST_DIGITS_F64 = 17, MOST_DIGITS_F32 = 9, SCIENTIFIC_FROM = 7 };

/* digits * 10^scale */
typedef struct decimal {
    uint64_t digits;
    int scale;
} decimal;

static decimal nearest_decimal(double magnitude, int digit_count)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%.*e", digit_count - 1, magnitude);
    decimal result = {.digits = 0};
    const char *at = text;
    for (; *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9') {
            result.digits = result.digits * 10 + (uint64_t)(*at - '0');
        }
    }
    result.scale = (int)strtol(at + 1, NULL, 10) - (digit_count - 1);
    return result;
}

static bool reads_back(decimal candidate, double magnitude, bool is_f32)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%llue%d", (unsigned long long)candidate.digits,
                   candidate.scale);
    return is_f32 ? strtof(text, NULL) == (float)magnitude : strtod(text, NULL) == magnitude;
}

static decimal without_zeros(decimal number)
{
    while (number.digits % 10 == 0) {
        number.digits /= 10;
        number.scale++;
    }
    return number;
}

/* Of a number that is an integer of up to 15 digits, divided by a power of ten. */
static bool is_few_digits(double magnitude, decimal *found)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
    const double most = 1e15;
    for (int places = 0; places < (int)(sizeof powers / sizeof powers[0]); places++) {
        double digits = nearbyint(magnitude * powers[places]);
        if (digits >= most) {
            return false;
        }
        if (digits / powers[places] == magnitude) {
            *found = without_zeros((decimal){.digits = (uint64_t)digits, .scale = -places});
            return true;
        }
    }
    return false;
}

static decimal shortest_decimal(double magnitude, bool is_f32)
{
    int most = is_f32 ? MOST_DIGITS_F32 : MOST_DIGITS_F64;
    bool is_normal = magnitude >= (is_f32 ? (double)FLT_MIN : DBL_MIN);
    int least = !is_normal ? LEAST_DIGITS : is_f32 ? FLT_DIG : DBL_DIG;
    decimal found = {.digits = 0};
    if (!is_f32 && is_few_digits(magnitude, &found)) {
        return found;
    }
    for (int count = least; count <= most; count++) {
        found = nearest_decimal(magnitude, count);
        if (reads_back(found, magnitude, is_f32)) {
            break;
        }
        decimal above = {.digits = found.digits + 1, .scale = found.scale};
        if (reads_back(above, magnitude, is_f32)) {
            found = above;
            break;
        }
    }
    return without_zeros(found);
}

/* Lays a decimal out by Java's rules; `at` has room. */
static void write_decimal(decimal number, char *at, size_t room)
{
    char digits[24];
    int count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number.digits);
    int exponent = count - 1 + number.scale; /* of the first digit */
    if (exponent < -3 || exponent >= SCIENTIFIC_FROM) {
        (void)snprintf(at, room, "%c.%sE%d", digits[0], count > 1 ? digits + 1 : "0", exponent);
    } else if (exponent < 0) {
        (void)snprintf(at, room, "0.%.*s%s", -exponent - 1, "000", digits);
    } else if (count <= exponent + 1) {
        (void)snprintf(at, room, "%s%.*s.0", digits, exponent + 1 - count, "000000");
    } else {
        (void)snprintf(at, room, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
    }
}

static size_t write_number(double number, bool is_f32, char text[KSI_NUMBER_TEXT_SIZE])
{
    char *at = text;
    if (signbit(number) && !isnan(number)) {
        *at++ = '-';
    }
    size_t room = KSI_NUMBER_TEXT_SIZE - (size_t)(at - text);
    double magnitude = fabs(number);
    if (isnan(number)) {
        (void)snprintf(at, room, "NaN");
    } else if (isinf(number)) {
        (void)snprintf(at, room, "Infinity");
    } else if (magnitude == 0) {
        (void)snprintf(at, room, "0.0");
    } else {
        write_decimal(shortest_decimal(magnitude, is_f32), at, room);
    }
    return strlen(text);
}

size_t ksi_f64_to_text(double number, char text[KSI_NUMBER_TEXT_SIZE])
{
    return write_number(number, false, text);
}

size_t ksi_f32_to_text(float number, char text[KSI_NUMBER_TEXT_SIZE])
{
    return write_number((double)number, true, text);
}
