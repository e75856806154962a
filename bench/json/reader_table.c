/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader_table.c - a payment read as a program of kstreams reads it: by a table of its fields.
 *
 * This one does more than the others: it refuses duplicates, missing fields, numbers out of range
 * and unknown names, and keeps amounts exact. Its arrays and texts are where a record's would be.
 *
 * Thread rule: one thread.
 */
#include <kstreams/json.h>

#include "payment.h"

typedef struct merchant {
    ks_slice id;
    ks_slice name;
    ks_slice city;
} merchant;

typedef struct table_payment {
    ks_slice id;
    ks_slice card_number;
    merchant merchant;
    int64_t amount;
    int32_t currency;
    int64_t paid_at;
    int32_t payout_day;
    double risk;
    bool is_online;
    bool is_refund;
    ks_slice note;
    payment_item *items;
    size_t item_count;
} table_payment;

static const ks_json_field item_fields[] = {
    KS_JSON_STRING(payment_item, sku),
    KS_JSON_INTEGER(payment_item, quantity),
    KS_JSON_DECIMAL(payment_item, price, 2),
};
static const ks_json_type item_type = KS_JSON_TYPE(payment_item, item_fields);

static const ks_json_field merchant_fields[] = {
    KS_JSON_STRING(merchant, id),
    KS_JSON_STRING(merchant, name),
    KS_JSON_STRING(merchant, city),
};
static const ks_json_type merchant_type = KS_JSON_TYPE(merchant, merchant_fields);

static const ks_json_name currencies[] = {
    {"KRW", 0}, {"EUR", 1}, {"USD", 2}, {"JPY", 3}, {NULL, 0}};

static const ks_json_field payment_fields[] = {
    KS_JSON_STRING(table_payment, id),
    KS_JSON_STRING(table_payment, card_number, .name = "cardNumber"),
    KS_JSON_OBJECT(table_payment, merchant, &merchant_type),
    KS_JSON_DECIMAL(table_payment, amount, 2),
    KS_JSON_ENUM(table_payment, currency, currencies),
    KS_JSON_DATE_TIME(table_payment, paid_at, .name = "paidAt"),
    KS_JSON_DATE(table_payment, payout_day, .name = "payoutDate"),
    KS_JSON_DOUBLE(table_payment, risk),
    KS_JSON_BOOL(table_payment, is_online, .name = "online"),
    KS_JSON_BOOL(table_payment, is_refund, .name = "refund"),
    KS_JSON_STRING(table_payment, note, .is_optional = true),
    KS_JSON_ARRAY(table_payment, items, item_count, KS_JSON_OBJECTS(&item_type)),
};
static const ks_json_type payment_type = KS_JSON_TYPE(table_payment, payment_fields);

bool read_by_table(ks_slice document, payment *to, payment_memory *memory)
{
    static ks_arena *arena;
    (void)memory;
    if (arena == NULL) {
        arena = ks_arena_new();
    }
    ks_arena_reset(arena);
    table_payment p;
    if (ks_json_read(&payment_type, document, &p, arena, NULL) != KS_OK) {
        return false;
    }
    *to = (payment){.id = p.id,
                    .card_number = p.card_number,
                    .merchant_id = p.merchant.id,
                    .merchant_name = p.merchant.name,
                    .merchant_city = p.merchant.city,
                    .amount = p.amount,
                    .currency = p.currency,
                    .paid_at = p.paid_at,
                    .payout_day = p.payout_day,
                    .risk = p.risk,
                    .is_online = p.is_online,
                    .is_refund = p.is_refund,
                    .note = p.note,
                    .item_count = p.item_count};
    memcpy(to->items, p.items, p.item_count * sizeof *p.items);
    return true;
}
