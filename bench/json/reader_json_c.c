/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader_json_c.c - a payment read with json-c, in a program of its own.
 *
 * json-c and jansson have functions of the same names, such as json_object_get(), so that no
 * program can use both: one more thing to know about either. The rest is as in readers.c.
 *
 * Thread rule: one thread.
 */
#include <json-c/json.h>

#include "payment.h"

static ks_slice json_c_borrowed(const struct json_object *object, const char *name)
{
    struct json_object *text = json_object_object_get(object, name);
    return text == NULL ? ks_slice_null()
                        : ks_slice_of(json_object_get_string(text),
                                      (size_t)json_object_get_string_len(text));
}

static ks_slice json_c_text(const struct json_object *object, const char *name,
                            payment_memory *memory)
{
    ks_slice text = json_c_borrowed(object, name);
    return text.data == NULL ? text : payment_text(memory, text.data, text.size);
}

static double json_c_number(const struct json_object *object, const char *name)
{
    return json_object_get_double(json_object_object_get(object, name));
}

bool read_by_json_c(ks_slice document, payment *to, payment_memory *memory)
{
    static struct json_tokener *tokener;
    if (tokener == NULL) {
        tokener = json_tokener_new();
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    }
    json_tokener_reset(tokener);
    struct json_object *root =
        json_tokener_parse_ex(tokener, document.data, (int)document.size + 1);
    if (root == NULL) {
        return false;
    }
    const struct json_object *merchant = json_object_object_get(root, "merchant");
    to->id = json_c_text(root, "id", memory);
    to->card_number = json_c_text(root, "cardNumber", memory);
    to->merchant_id = json_c_text(merchant, "id", memory);
    to->merchant_name = json_c_text(merchant, "name", memory);
    to->merchant_city = json_c_text(merchant, "city", memory);
    to->note = json_c_text(root, "note", memory);
    to->amount = payment_cents(json_c_number(root, "amount"));
    to->currency = payment_currency(json_c_borrowed(root, "currency"));
    to->paid_at = payment_moment(json_c_borrowed(root, "paidAt"));
    to->payout_day = payment_day(json_c_borrowed(root, "payoutDate"));
    to->risk = json_c_number(root, "risk");
    to->is_online = json_object_get_boolean(json_object_object_get(root, "online"));
    to->is_refund = json_object_get_boolean(json_object_object_get(root, "refund"));
    const struct json_object *items = json_object_object_get(root, "items");
    to->item_count = json_object_array_length(items);
    for (size_t i = 0; i < to->item_count; i++) {
        const struct json_object *item = json_object_array_get_idx(items, i);
        to->items[i].sku = json_c_text(item, "sku", memory);
        to->items[i].quantity = (int32_t)json_c_number(item, "quantity");
        to->items[i].price = payment_cents(json_c_number(item, "price"));
    }
    json_object_put(root);
    return true;
}
