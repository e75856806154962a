/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payments.c - payments that come as JSON documents, and what each merchant took.
 */
#include "payments.h"

static const ks_json_name currencies[] = {
    {"KRW", CURRENCY_KRW}, {"EUR", CURRENCY_EUR}, {"USD", CURRENCY_USD}, {NULL, 0}};

static const ks_json_field merchant_fields[] = {
    KS_JSON_STRING(merchant, id),
    KS_JSON_STRING(merchant, name, .is_optional = true),
};
static const ks_json_type merchant_type = KS_JSON_TYPE(merchant, merchant_fields);

static const ks_json_field item_fields[] = {
    KS_JSON_STRING(payment_item, sku),
    KS_JSON_INTEGER(payment_item, quantity, .when_absent = "1"),
};
static const ks_json_type item_type = KS_JSON_TYPE(payment_item, item_fields);

static const ks_json_field payment_fields[] = {
    KS_JSON_STRING(payment, id),
    KS_JSON_OBJECT(payment, merchant, &merchant_type),
    KS_JSON_DECIMAL(payment, amount, 2),
    KS_JSON_ENUM(payment, currency, currencies, .when_absent = "KRW"),
    KS_JSON_DATE_TIME(payment, paid_at, .name = "paidAt"),
    KS_JSON_DATE(payment, payout, .name = "payoutDate"),
    KS_JSON_BOOL(payment, is_online, .name = "online", .when_absent = "false"),
    KS_JSON_DOUBLE(payment, rating, KS_JSON_HAS(payment, has_rating)),
    KS_JSON_ARRAY(payment, items, item_count, KS_JSON_OBJECTS(&item_type)),
};
static const ks_json_type payment_type = KS_JSON_TYPE(payment, payment_fields);

const ks_serde payment_serde = KS_JSON_SERDE(payment_type);

static const ks_json_field takings_fields[] = {
    KS_JSON_INTEGER(takings, payments),
    KS_JSON_DECIMAL(takings, total, 2),
};
static const ks_json_type takings_type = KS_JSON_TYPE(takings, takings_fields);

const ks_serde takings_serde = KS_JSON_SERDE(takings_type);

static ks_value merchant_of(ks_ctx *ctx, const ks_record *record, void *user)
{
    const payment *p = ks_value_object(record->value, &payment_serde);

    (void)ctx;
    (void)user;
    return p != NULL ? ks_text(p->merchant.id) : ks_null(); /* a null key is dropped */
}

static ks_value nothing_taken(ks_ctx *ctx, void *user)
{
    ks_value none;

    (void)user;
    ks_object_new(ks_ctx_arena(ctx), &takings_serde, sizeof(takings), &none);
    return none;
}

static ks_value add_payment(ks_ctx *ctx, const ks_record *record, ks_value sum, void *user)
{
    const payment *p = ks_value_object(record->value, &payment_serde);
    const takings *before = ks_value_object(sum, &takings_serde);
    ks_value after;
    takings *t = ks_object_new(ks_ctx_arena(ctx), &takings_serde, sizeof *t, &after);

    (void)user;
    t->payments = before->payments + 1;
    t->total = before->total + p->amount;
    return after;
}

void payments_topology(ks_builder *b)
{
    ks_stream *payments = ks_builder_stream(
        b, "payments", KS_CONSUMED(.key = &ks_serde_string, .value = &payment_serde));
    ks_grouped_stream *by_merchant = ks_stream_group_by(
        payments, merchant_of, NULL, KS_GROUPED(.key = &ks_serde_string, .value = &payment_serde));
    ks_table *taken = ks_grouped_stream_aggregate(
        by_merchant, nothing_taken, add_payment, NULL,
        KS_MATERIALIZED(.name = "takings", .key = &ks_serde_string, .value = &takings_serde));

    ks_stream_to(ks_table_to_stream(taken, NULL), "takings", NULL);
}
