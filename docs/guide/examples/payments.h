/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payments.h - payments that come as JSON documents, and what each merchant took.
 */
#ifndef GUIDE_PAYMENTS_H
#define GUIDE_PAYMENTS_H

#include <kstreams/kstreams.h>

typedef enum currency { CURRENCY_KRW, CURRENCY_EUR, CURRENCY_USD } currency;

typedef struct merchant {
    ks_slice id;
    ks_slice name; /* null when it is not known */
} merchant;

typedef struct payment_item {
    ks_slice sku;
    int32_t quantity;
} payment_item;

typedef struct payment {
    ks_slice id;
    merchant merchant;
    int64_t amount; /* hundredths */
    currency currency;
    int64_t paid_at; /* milliseconds of the epoch */
    int32_t payout;  /* days of the epoch */
    bool is_online;
    bool has_rating;
    double rating;
    payment_item *items;
    size_t item_count;
} payment;

typedef struct takings {
    int64_t payments;
    int64_t total; /* hundredths */
} takings;

extern const ks_serde payment_serde;
extern const ks_serde takings_serde;

void payments_topology(ks_builder *b);

#endif
