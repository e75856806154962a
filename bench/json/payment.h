/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payment.h - the documents that JSON libraries are compared on, and the struct they are read into.
 *
 * A payment of about 500 bytes has what a record of a business topic has: texts, a decimal amount,
 * a name out of a few, a moment, a nested object, an array of objects, booleans, a null and fields
 * that are sometimes absent; one document in eight has an escape in a text. Every reader fills the
 * same struct, copies texts into the same block of memory, and is believed only when the sums over
 * all fields are those of the others.
 *
 * Thread rule: one thread.
 */
#ifndef KS_BENCH_JSON_PAYMENT_H
#define KS_BENCH_JSON_PAYMENT_H

#include <kstreams/common.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PAYMENT_ITEMS = 8 };

typedef struct payment_item {
    ks_slice sku;
    int32_t quantity;
    int64_t price; /* cents */
} payment_item;

typedef struct payment {
    ks_slice id;
    ks_slice card_number;
    ks_slice merchant_id;
    ks_slice merchant_name;
    ks_slice merchant_city;
    int64_t amount; /* cents */
    int32_t currency;
    int64_t paid_at; /* milliseconds of the epoch */
    int32_t payout_day;
    double risk;
    bool is_online;
    bool is_refund;
    ks_slice note; /* null when there is none */
    payment_item items[PAYMENT_ITEMS];
    size_t item_count;
} payment;

/* The texts of one document; given back before the next. */
typedef struct payment_memory {
    char bytes[4096];
    size_t used;
} payment_memory;

/* Reads one document; false when it is none. `document` is NUL-terminated and 64 bytes may be read
 * behind its end. */
typedef bool payment_reader(ks_slice document, payment *to, payment_memory *memory);

ks_slice payment_text(payment_memory *memory, const char *text, size_t size);
int32_t payment_currency(ks_slice name);
int64_t payment_moment(ks_slice text);
int32_t payment_day(ks_slice text);
int64_t payment_cents(double number);

payment_reader read_by_jansson, read_by_cjson, read_by_json_c, read_by_yajl;
payment_reader read_by_simdjson_dom, read_by_simdjson_on_demand;
payment_reader read_by_table, read_by_rapidjson_sax, read_by_rapidjson_in_situ;

#ifdef __cplusplus
}
#endif
#endif
