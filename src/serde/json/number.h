/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.h - the numbers of JSON, as exact decimals.
 */
#ifndef KSI_SERDE_JSON_NUMBER_H
#define KSI_SERDE_JSON_NUMBER_H

#include <kstreams/common.h>

/* digits * 10^exponent, with a sign */
typedef struct ksi_json_decimal {
    bool is_negative;
    bool is_cut; /* there were more digits, not all zero, than `digits` holds */
    uint64_t digits;
    int32_t exponent;
} ksi_json_decimal;

/* False when the text is no number by the grammar of JSON. */
KS_NODISCARD bool ksi_json_decimal_of(ks_slice text, ksi_json_decimal *decimal);

typedef enum ksi_json_scaling {
    KSI_JSON_SCALED = 0,
    KSI_JSON_TOO_MANY_PLACES,
    KSI_JSON_TOO_LARGE
} ksi_json_scaling;

/* The magnitude times 10^places, which must be whole and fit. */
KS_NODISCARD ksi_json_scaling ksi_json_decimal_scale(ksi_json_decimal decimal, int32_t places,
                                                     uint64_t *magnitude);

#endif
