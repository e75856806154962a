/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readers.c - a payment read with the C libraries jansson, cJSON and yajl.
 *
 * The first two make a tree of nodes that malloc gave, and the fields are looked up in it. yajl
 * calls back for each token, so the place in the document is remembered in a few numbers; it is
 * asked to give numbers as text.
 *
 * Thread rule: one thread.
 */
#include <cjson/cJSON.h>
#include <jansson.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>

#include "payment.h"

/* ---- jansson --------------------------------------------------------------------------------- */

static ks_slice jansson_text(const json_t *object, const char *name, payment_memory *memory)
{
    const json_t *text = json_object_get(object, name);
    return text == NULL ? ks_slice_null()
                        : payment_text(memory, json_string_value(text), json_string_length(text));
}

static ks_slice jansson_borrowed(const json_t *object, const char *name)
{
    return ks_slice_cstr(json_string_value(json_object_get(object, name)));
}

bool read_by_jansson(ks_slice document, payment *to, payment_memory *memory)
{
    json_t *root = json_loadb(document.data, document.size, JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL) {
        return false;
    }
    const json_t *merchant = json_object_get(root, "merchant");
    to->id = jansson_text(root, "id", memory);
    to->card_number = jansson_text(root, "cardNumber", memory);
    to->merchant_id = jansson_text(merchant, "id", memory);
    to->merchant_name = jansson_text(merchant, "name", memory);
    to->merchant_city = jansson_text(merchant, "city", memory);
    to->note = jansson_text(root, "note", memory);
    to->amount = payment_cents(json_number_value(json_object_get(root, "amount")));
    to->currency = payment_currency(jansson_borrowed(root, "currency"));
    to->paid_at = payment_moment(jansson_borrowed(root, "paidAt"));
    to->payout_day = payment_day(jansson_borrowed(root, "payoutDate"));
    to->risk = json_number_value(json_object_get(root, "risk"));
    to->is_online = json_is_true(json_object_get(root, "online"));
    to->is_refund = json_is_true(json_object_get(root, "refund"));
    const json_t *items = json_object_get(root, "items");
    to->item_count = json_array_size(items);
    for (size_t i = 0; i < to->item_count; i++) {
        const json_t *item = json_array_get(items, i);
        to->items[i].sku = jansson_text(item, "sku", memory);
        to->items[i].quantity = (int32_t)json_integer_value(json_object_get(item, "quantity"));
        to->items[i].price = payment_cents(json_number_value(json_object_get(item, "price")));
    }
    json_decref(root);
    return true;
}

/* ---- cJSON ----------------------------------------------------------------------------------- */

static ks_slice cjson_borrowed(const cJSON *object, const char *name)
{
    return ks_slice_cstr(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name)));
}

static ks_slice cjson_text(const cJSON *object, const char *name, payment_memory *memory)
{
    ks_slice text = cjson_borrowed(object, name);
    return text.data == NULL ? text : payment_text(memory, text.data, text.size);
}

static double cjson_number(const cJSON *object, const char *name)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

bool read_by_cjson(ks_slice document, payment *to, payment_memory *memory)
{
    cJSON *root = cJSON_ParseWithLength(document.data, document.size);
    if (root == NULL) {
        return false;
    }
    const cJSON *merchant = cJSON_GetObjectItemCaseSensitive(root, "merchant");
    to->id = cjson_text(root, "id", memory);
    to->card_number = cjson_text(root, "cardNumber", memory);
    to->merchant_id = cjson_text(merchant, "id", memory);
    to->merchant_name = cjson_text(merchant, "name", memory);
    to->merchant_city = cjson_text(merchant, "city", memory);
    to->note = cjson_text(root, "note", memory);
    to->amount = payment_cents(cjson_number(root, "amount"));
    to->currency = payment_currency(cjson_borrowed(root, "currency"));
    to->paid_at = payment_moment(cjson_borrowed(root, "paidAt"));
    to->payout_day = payment_day(cjson_borrowed(root, "payoutDate"));
    to->risk = cjson_number(root, "risk");
    to->is_online = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "online"));
    to->is_refund = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "refund"));
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "items"))
    {
        payment_item *next = &to->items[to->item_count++];
        next->sku = cjson_text(item, "sku", memory);
        next->quantity = (int32_t)cjson_number(item, "quantity");
        next->price = payment_cents(cjson_number(item, "price"));
    }
    cJSON_Delete(root);
    return true;
}

/* ---- yajl ------------------------------------------------------------------------------------ */

typedef struct yajl_place {
    payment *to;
    payment_memory *memory;
    ks_slice key;
    bool in_merchant;
    bool in_items;
} yajl_place;

static bool is_key(const yajl_place *place, const char *name)
{
    return ks_slice_equal(place->key, ks_slice_cstr(name));
}

static int on_bool(void *context, int is_true)
{
    yajl_place *place = context;
    if (is_key(place, "online")) {
        place->to->is_online = is_true != 0;
    } else if (is_key(place, "refund")) {
        place->to->is_refund = is_true != 0;
    }
    return 1;
}

static int on_number(void *context, const char *text, size_t size)
{
    yajl_place *place = context;
    char copy[64];
    if (size >= sizeof copy) {
        return 0;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    double number = strtod(copy, NULL);
    payment_item *item = &place->to->items[place->to->item_count];
    if (is_key(place, "amount")) {
        place->to->amount = payment_cents(number);
    } else if (is_key(place, "risk")) {
        place->to->risk = number;
    } else if (is_key(place, "quantity")) {
        item->quantity = (int32_t)number;
    } else if (is_key(place, "price")) {
        item->price = payment_cents(number);
    }
    return 1;
}

static int on_text(void *context, const unsigned char *text, size_t size)
{
    yajl_place *place = context;
    payment *to = place->to;
    ks_slice found = ks_slice_of(text, size);
    ks_slice *slot = is_key(place, "sku")          ? &to->items[to->item_count].sku
                     : is_key(place, "note")       ? &to->note
                     : is_key(place, "cardNumber") ? &to->card_number
                     : is_key(place, "name")       ? &to->merchant_name
                     : is_key(place, "city")       ? &to->merchant_city
                     : !is_key(place, "id")        ? NULL
                     : place->in_merchant          ? &to->merchant_id
                                                   : &to->id;
    if (slot != NULL) {
        *slot = payment_text(place->memory, found.data, found.size);
    } else if (is_key(place, "currency")) {
        to->currency = payment_currency(found);
    } else if (is_key(place, "paidAt")) {
        to->paid_at = payment_moment(found);
    } else if (is_key(place, "payoutDate")) {
        to->payout_day = payment_day(found);
    }
    return 1;
}

static int on_key(void *context, const unsigned char *text, size_t size)
{
    yajl_place *place = context;
    place->key = ks_slice_of(text, size);
    return 1;
}

static int on_object(void *context)
{
    yajl_place *place = context;
    place->in_merchant = !place->in_items && place->key.data != NULL;
    return 1;
}

static int on_object_end(void *context)
{
    yajl_place *place = context;
    place->in_merchant = false;
    place->to->item_count += place->in_items;
    return 1;
}

static int on_array(void *context)
{
    yajl_place *place = context;
    place->in_items = true;
    return 1;
}

static int on_array_end(void *context)
{
    yajl_place *place = context;
    place->in_items = false;
    return 1;
}

bool read_by_yajl(ks_slice document, payment *to, payment_memory *memory)
{
    static const yajl_callbacks callbacks = {.yajl_boolean = on_bool,
                                             .yajl_number = on_number,
                                             .yajl_string = on_text,
                                             .yajl_start_map = on_object,
                                             .yajl_map_key = on_key,
                                             .yajl_end_map = on_object_end,
                                             .yajl_start_array = on_array,
                                             .yajl_end_array = on_array_end};
    yajl_place place = {.to = to, .memory = memory};
    yajl_handle parser = yajl_alloc(&callbacks, NULL, &place);
    bool is_read =
        yajl_parse(parser, (const unsigned char *)document.data, document.size) == yajl_status_ok &&
        yajl_complete_parse(parser) == yajl_status_ok;
    yajl_free(parser);
    return is_read;
}
