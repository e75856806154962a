/* SPDX-License-Identifier: Apache-2.0 */
/*
 * numbers.h - texts and numbers as the recorder's Java has them.
 *
 * A "number" here is a ks_value of one of the five number kinds; conversions between them are
 * Java's casts: whole numbers are cut to the low bits, floating ones saturate at the bounds of the
 * whole type and NaN becomes 0.
 */
#ifndef CONFORMANCE_NUMBERS_H
#define CONFORMANCE_NUMBERS_H

#include <kstreams/value.h>

bool number_is(ks_value value);
bool number_is_floating(ks_value value);
int64_t number_long(ks_value number);
double number_double(ks_value number);

/**
 * The number in another width; a value of no number kind, and `kind` of none, leave it as it is.
 */
ks_value number_cast(ks_value value, ks_kind kind);

/** Long.parseLong: an optional sign and decimal digits, all of the text, within 64 bits. */
bool number_parse(ks_slice text, int64_t *number);

/**
 * a + b or a - b (`sign` 1 or -1): in double when either is floating, else in 64 bits that wrap
 * around.
 */
ks_value number_plus(ks_value a, ks_value b, int sign);

/**
 * Long.compare, or Double.compare when either is floating: NaN is the greatest, -0.0 is below 0.0.
 */
int number_compare(ks_value a, ks_value b);

#endif
