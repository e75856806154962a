/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readers.cpp - a payment read with the C++ libraries: RapidJSON and simdjson.
 *
 * RapidJSON calls back for each token, with UTF-8 validated; in situ it unescapes texts within a
 * copy of the document. simdjson makes a tape of the whole document (DOM), or finds where its
 * tokens are and reads each when it is asked for (on-demand). Exceptions are not used.
 *
 * Thread rule: one thread.
 */
#include "payment.h"

#include <rapidjson/reader.h>
#include <simdjson.h>
#include <string_view>

/* ---- RapidJSON ------------------------------------------------------------------------------- */

namespace
{

struct sax_place : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, sax_place> {
    payment *to;
    payment_memory *memory;
    std::string_view key;
    char key_bytes[64];
    bool is_in_situ = false;
    bool in_merchant = false;
    bool in_items = false;

    bool Key(const char *text, rapidjson::SizeType size, bool)
    {
        if (size > sizeof key_bytes) {
            return false;
        }
        if (is_in_situ) {
            key = std::string_view(text, size);
        } else { /* what it gives lives during the call only */
            memcpy(key_bytes, text, size);
            key = std::string_view(key_bytes, size);
        }
        return true;
    }
    bool Bool(bool is_true)
    {
        if (key == "online") {
            to->is_online = is_true;
        } else if (key == "refund") {
            to->is_refund = is_true;
        }
        return true;
    }
    bool number(double value)
    {
        payment_item *item = &to->items[to->item_count];
        if (key == "amount") {
            to->amount = payment_cents(value);
        } else if (key == "risk") {
            to->risk = value;
        } else if (key == "quantity") {
            item->quantity = static_cast<int32_t>(value);
        } else if (key == "price") {
            item->price = payment_cents(value);
        }
        return true;
    }
    bool Int(int value)
    {
        return number(value);
    }
    bool Uint(unsigned value)
    {
        return number(value);
    }
    bool Int64(int64_t value)
    {
        return number(static_cast<double>(value));
    }
    bool Uint64(uint64_t value)
    {
        return number(static_cast<double>(value));
    }
    bool Double(double value)
    {
        return number(value);
    }
    bool String(const char *text, rapidjson::SizeType size, bool)
    {
        ks_slice found = ks_slice_of(text, size);
        ks_slice *slot = key == "sku"          ? &to->items[to->item_count].sku
                         : key == "note"       ? &to->note
                         : key == "cardNumber" ? &to->card_number
                         : key == "name"       ? &to->merchant_name
                         : key == "city"       ? &to->merchant_city
                         : key != "id"         ? nullptr
                         : in_merchant         ? &to->merchant_id
                                               : &to->id;
        if (slot != nullptr) {
            *slot = is_in_situ ? found : payment_text(memory, text, size);
        } else if (key == "currency") {
            to->currency = payment_currency(found);
        } else if (key == "paidAt") {
            to->paid_at = payment_moment(found);
        } else if (key == "payoutDate") {
            to->payout_day = payment_day(found);
        }
        return true;
    }
    bool StartObject()
    {
        in_merchant = !in_items && key.data() != nullptr;
        return true;
    }
    bool EndObject(rapidjson::SizeType)
    {
        in_merchant = false;
        to->item_count += in_items;
        return true;
    }
    bool StartArray()
    {
        in_items = true;
        return true;
    }
    bool EndArray(rapidjson::SizeType)
    {
        in_items = false;
        return true;
    }
};

constexpr unsigned strict = rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag |
                            rapidjson::kParseFullPrecisionFlag;

} // namespace

bool read_by_rapidjson_sax(ks_slice document, payment *to, payment_memory *memory)
{
    static rapidjson::Reader reader;
    sax_place place;
    place.to = to;
    place.memory = memory;
    rapidjson::StringStream stream(document.data);
    return !reader.Parse<strict>(stream, place).IsError();
}

bool read_by_rapidjson_in_situ(ks_slice document, payment *to, payment_memory *memory)
{
    static rapidjson::Reader reader;
    sax_place place;
    place.to = to;
    place.memory = memory;
    place.is_in_situ = true;
    ks_slice copy = payment_text(memory, document.data, document.size + 1);
    rapidjson::InsituStringStream stream(const_cast<char *>(copy.data));
    return !reader.Parse<strict | rapidjson::kParseInsituFlag>(stream, place).IsError();
}

/* ---- simdjson, DOM --------------------------------------------------------------------------- */

namespace
{

std::string_view text_of(simdjson::simdjson_result<simdjson::dom::element> element)
{
    std::string_view text;
    if (element.get_string().get(text) != simdjson::SUCCESS) {
        return {};
    }
    return text;
}

ks_slice kept(payment_memory *memory, std::string_view text)
{
    return text.data() == nullptr ? ks_slice_null()
                                  : payment_text(memory, text.data(), text.size());
}

ks_slice borrowed(std::string_view text)
{
    return ks_slice_of(text.data(), text.size());
}

double number_of(simdjson::simdjson_result<simdjson::dom::element> element)
{
    double number = 0;
    if (element.get_double().get(number) != simdjson::SUCCESS) {
        return {};
    }
    return number;
}

bool is_true(simdjson::simdjson_result<simdjson::dom::element> element)
{
    bool value = false;
    if (element.get_bool().get(value) != simdjson::SUCCESS) {
        return {};
    }
    return value;
}

} // namespace

bool read_by_simdjson_dom(ks_slice document, payment *to, payment_memory *memory)
{
    static simdjson::dom::parser parser;
    simdjson::dom::element root;
    /* its buffers must have 64 bytes behind them: read in place, as the documents here have */
    if (parser.parse(document.data, document.size, false).get(root) != simdjson::SUCCESS) {
        return false;
    }
    auto merchant = root["merchant"];
    to->id = kept(memory, text_of(root["id"]));
    to->card_number = kept(memory, text_of(root["cardNumber"]));
    to->merchant_id = kept(memory, text_of(merchant["id"]));
    to->merchant_name = kept(memory, text_of(merchant["name"]));
    to->merchant_city = kept(memory, text_of(merchant["city"]));
    to->note = kept(memory, text_of(root["note"]));
    to->amount = payment_cents(number_of(root["amount"]));
    to->currency = payment_currency(borrowed(text_of(root["currency"])));
    to->paid_at = payment_moment(borrowed(text_of(root["paidAt"])));
    to->payout_day = payment_day(borrowed(text_of(root["payoutDate"])));
    to->risk = number_of(root["risk"]);
    to->is_online = is_true(root["online"]);
    to->is_refund = is_true(root["refund"]);
    simdjson::dom::array items;
    if (root["items"].get_array().get(items) != simdjson::SUCCESS) {
        return false;
    }
    for (simdjson::dom::element item : items) {
        payment_item *next = &to->items[to->item_count++];
        next->sku = kept(memory, text_of(item["sku"]));
        next->quantity = static_cast<int32_t>(number_of(item["quantity"]));
        next->price = payment_cents(number_of(item["price"]));
    }
    return true;
}

/* ---- simdjson, on-demand --------------------------------------------------------------------- */

namespace
{

using simdjson::ondemand::object;
using simdjson::ondemand::value;

std::string_view text_of(value from)
{
    std::string_view text;
    if (from.get_string().get(text) != simdjson::SUCCESS) {
        return {};
    }
    return text;
}

double number_of(value from)
{
    double number = 0;
    if (from.get_double().get(number) != simdjson::SUCCESS) {
        return {};
    }
    return number;
}

bool is_true(value from)
{
    bool found = false;
    if (from.get_bool().get(found) != simdjson::SUCCESS) {
        return {};
    }
    return found;
}

/* `take(key, value)` for each field, in the order of the document. */
template <typename Take> bool each_field(object fields, Take take)
{
    for (auto field : fields) {
        std::string_view key;
        value found;
        if (field.unescaped_key().get(key) != simdjson::SUCCESS ||
            field.value().get(found) != simdjson::SUCCESS) {
            return false;
        }
        if (!take(key, found)) {
            return false;
        }
    }
    return true;
}

bool take_merchant(payment *to, payment_memory *memory, std::string_view key, value from)
{
    if (key == "id") {
        to->merchant_id = kept(memory, text_of(from));
    } else if (key == "name") {
        to->merchant_name = kept(memory, text_of(from));
    } else if (key == "city") {
        to->merchant_city = kept(memory, text_of(from));
    }
    return true;
}

bool take_item(payment_item *to, payment_memory *memory, std::string_view key, value from)
{
    if (key == "sku") {
        to->sku = kept(memory, text_of(from));
    } else if (key == "quantity") {
        to->quantity = static_cast<int32_t>(number_of(from));
    } else if (key == "price") {
        to->price = payment_cents(number_of(from));
    }
    return true;
}

bool take_items(payment *to, payment_memory *memory, value from)
{
    for (auto element : from.get_array()) {
        payment_item *next = &to->items[to->item_count++];
        object item;
        if (element.get_object().get(item) != simdjson::SUCCESS ||
            !each_field(item, [=](std::string_view key, value field) {
                return take_item(next, memory, key, field);
            })) {
            return false;
        }
    }
    return true;
}

bool take_payment(payment *to, payment_memory *memory, std::string_view key, value from)
{
    if (key == "id") {
        to->id = kept(memory, text_of(from));
    } else if (key == "cardNumber") {
        to->card_number = kept(memory, text_of(from));
    } else if (key == "merchant") {
        object merchant;
        return from.get_object().get(merchant) == simdjson::SUCCESS &&
               each_field(merchant, [=](std::string_view name, value field) {
                   return take_merchant(to, memory, name, field);
               });
    } else if (key == "amount") {
        to->amount = payment_cents(number_of(from));
    } else if (key == "currency") {
        to->currency = payment_currency(borrowed(text_of(from)));
    } else if (key == "paidAt") {
        to->paid_at = payment_moment(borrowed(text_of(from)));
    } else if (key == "payoutDate") {
        to->payout_day = payment_day(borrowed(text_of(from)));
    } else if (key == "risk") {
        to->risk = number_of(from);
    } else if (key == "online") {
        to->is_online = is_true(from);
    } else if (key == "refund") {
        to->is_refund = is_true(from);
    } else if (key == "note") {
        to->note = kept(memory, text_of(from));
    } else if (key == "items") {
        return take_items(to, memory, from);
    }
    return true;
}

} // namespace

bool read_by_simdjson_on_demand(ks_slice document, payment *to, payment_memory *memory)
{
    static simdjson::ondemand::parser parser;
    simdjson::padded_string_view padded(document.data, document.size, document.size + 64);
    simdjson::ondemand::document root;
    object fields;
    if (parser.iterate(padded).get(root) != simdjson::SUCCESS ||
        root.get_object().get(fields) != simdjson::SUCCESS) {
        return false;
    }
    return each_field(fields, [=](std::string_view key, value from) {
        return take_payment(to, memory, key, from);
    });
}
