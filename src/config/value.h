/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.h - from the text of a property to its value, and back to a message when it is none.
 *
 * What is taken is what Java takes from text: numbers as Integer.parseInt and Long.parseLong read
 * them, true and false in any case, lists separated by commas, blanks around a value cut off.
 */
#ifndef KSI_CONFIG_VALUE_H
#define KSI_CONFIG_VALUE_H

#include "config/properties.h"

/* The text without what String.trim() cuts off: blanks and control characters at both ends. */
ks_slice ksi_value_trim(ks_slice text);

/* A whole number as Long.parseLong reads it; false when the text is none or too big. */
bool ksi_value_i64(const char *text, int64_t *number);

/* true or false in any case. */
bool ksi_value_bool(const char *text, bool *truth);

/* The choice a text means, or NULL. */
const ksi_choice *ksi_value_choice(const ksi_property *property, const char *text);

/*
 * The items of a list, trimmed; a blank text has none.
 *     ks_slice rest = ksi_value_items(text);
 *     while (ksi_value_next_item(&rest, &item)) ...
 */
ks_slice ksi_value_items(const char *text);
bool ksi_value_next_item(ks_slice *rest, ks_slice *item);

/* Checks type and range of a trimmed text. @return KS_OK or KS_E_CONFIG */
KS_NODISCARD ks_status ksi_value_check(const ksi_property *property, const char *text,
                                       ks_error *error);

/*
 * KS_E_NOT_BUILT when the row is REFUSED and the text, which ksi_value_check() took, does not mean
 * its default.
 */
KS_NODISCARD ks_status ksi_value_check_built(const ksi_property *property, const char *text,
                                             ks_error *error);

/* Two texts that mean the same value of a property. Either may be NULL. */
bool ksi_value_same(const ksi_property *property, const char *a, const char *b);

/*
 * "a whole number of 32 bits, at least 0", "one of a, b, c" ...: what a property takes. `words` may
 * be filled for it.
 */
const char *ksi_value_expected(const ksi_property *property, char *words, size_t size);

#endif
