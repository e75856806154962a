/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.c - the types of properties: reading a text, and saying what would have been right.
 *
 * One type, one reader: the check of ks_config_set() and the typed getters use the same functions,
 * so a text that was taken can always be read again. strtol() would have been tempting; it also
 * takes blanks, hexadecimal and what follows the number.
 *
 * Thread rule: any thread.
 */
#include "config/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

#define EXPECTED_SIZE 400

static bool is_blank(char letter)
{
    return (unsigned char)letter <= (unsigned char)' ';
}

ks_slice ksi_value_trim(ks_slice text)
{
    while (text.size > 0 && is_blank(text.data[0])) {
        text = ks_slice_of(text.data + 1, text.size - 1);
    }
    while (text.size > 0 && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

bool ksi_value_i64(const char *text, int64_t *number)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+') {
        text++;
    }
    if (*text == '\0') {
        return false;
    }
    int64_t sum = 0; /* kept negative: there is one more negative number than positive ones */
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        int digit = *text - '0';
        if (sum < (INT64_MIN + digit) / 10) {
            return false;
        }
        sum = sum * 10 - digit;
    }
    if (!negative && sum == INT64_MIN) {
        return false;
    }
    *number = negative ? sum : -sum;
    return true;
}

bool ksi_value_bool(const char *text, bool *truth)
{
    *truth = strcasecmp(text, "true") == 0;
    return *truth || strcasecmp(text, "false") == 0;
}

/* Java's class name in full, or its last part as a programmer says it. */
static bool names_class(const char *java, const char *text)
{
    const char *dot = strrchr(java, '.');
    const char *dollar = strrchr(java, '$');
    return strcmp(java, text) == 0 || (dot != NULL && strcmp(dot + 1, text) == 0) ||
           (dollar != NULL && strcmp(dollar + 1, text) == 0);
}

const ksi_choice *ksi_value_choice(const ksi_property *property, const char *text)
{
    for (const ksi_choice *choice = property->choices; choice != NULL && choice->word != NULL;
         choice++) {
        bool same = property->ignore_case ? strcasecmp(choice->word, text) == 0
                                          : strcmp(choice->word, text) == 0;
        if (same || (choice->java != NULL && names_class(choice->java, text))) {
            return choice;
        }
    }
    return NULL;
}

ks_slice ksi_value_items(const char *text)
{
    ks_slice items = ksi_value_trim(ks_slice_cstr(text));
    return items.size > 0 ? items : ks_slice_null();
}

bool ksi_value_next_item(ks_slice *rest, ks_slice *item)
{
    if (rest->data == NULL) {
        return false;
    }
    const char *comma = memchr(rest->data, ',', rest->size);
    size_t size = comma != NULL ? (size_t)(comma - rest->data) : rest->size;
    *item = ksi_value_trim(ks_slice_of(rest->data, size));
    *rest = comma != NULL ? ks_slice_of(comma + 1, rest->size - size - 1) : ks_slice_null();
    return true;
}

/* ---- what would have been right -------------------------------------------------------------- */

static const char *expected_number(const ksi_property *property, char *words, size_t size)
{
    int bits = property->type == KSI_PROPERTY_I32 ? 32 : 64;
    int64_t lowest = bits == 32 ? INT32_MIN : INT64_MIN;
    int64_t highest = bits == 32 ? INT32_MAX : INT64_MAX;
    int64_t low = property->ranged && property->low > lowest ? property->low : lowest;
    int64_t high = property->ranged && property->high < highest ? property->high : highest;
    if (high < highest) {
        snprintf(words, size, "a whole number from %" PRId64 " to %" PRId64, low, high);
    } else if (low > lowest) {
        snprintf(words, size, "a whole number of %d bits, at least %" PRId64, bits, low);
    } else {
        snprintf(words, size, "a whole number of %d bits", bits);
    }
    return words;
}

static const char *expected_choice(const ksi_property *property, char *words, size_t size)
{
    size_t used = 0;
    const char *separator = property->choices[1].word != NULL ? "one of " : "";
    const char *previous = "";
    for (const ksi_choice *choice = property->choices; choice->word != NULL && used < size;
         choice++) {
        if (strcmp(choice->word, previous) != 0) {
            int wrote = snprintf(words + used, size - used, "%s%s", separator, choice->word);
            used += wrote > 0 ? (size_t)wrote : 0;
            separator = ", ";
        }
        previous = choice->word;
    }
    return words;
}

const char *ksi_value_expected(const ksi_property *property, char *words, size_t size)
{
    switch (property->type) {
    case KSI_PROPERTY_I64:
    case KSI_PROPERTY_I32:
        return expected_number(property, words, size);
    case KSI_PROPERTY_BOOL:
        return "true or false";
    case KSI_PROPERTY_LIST:
        if (property->choices == NULL) {
            return "a list separated by commas";
        }
        return expected_choice(property, words, size);
    case KSI_PROPERTY_CHOICE:
    case KSI_PROPERTY_CLASS:
        return property->choices != NULL ? expected_choice(property, words, size) : "a name";
    case KSI_PROPERTY_TEXT:
        break;
    }
    return "a text";
}

static ks_status refuse(const ksi_property *property, const char *text, ks_error *error)
{
    char words[EXPECTED_SIZE];
    const char *hint = property->type == KSI_PROPERTY_CLASS && property->choices != NULL
                           ? ", or its Java class; other classes are Java code"
                           : "";
    return ksi_error_set(error, KS_E_CONFIG, property->name, "must be %s%s; it is \"%s\"",
                         ksi_value_expected(property, words, sizeof words), hint, text);
}

/* ---- checking -------------------------------------------------------------------------------- */

static bool in_range(const ksi_property *property, int64_t number)
{
    if (property->type == KSI_PROPERTY_I32 && (number < INT32_MIN || number > INT32_MAX)) {
        return false;
    }
    return !property->ranged || (number >= property->low && number <= property->high);
}

/* An item of a list of choices; "none" and "all" say everything, so they stand alone. */
static bool is_item(const ksi_property *property, ks_slice item, bool alone)
{
    if (property->choices == NULL) {
        return item.size > 0;
    }
    for (const ksi_choice *choice = property->choices; choice->word != NULL; choice++) {
        if (ks_slice_equal(item, ks_slice_cstr(choice->word))) {
            return alone || (strcmp(choice->word, "none") != 0 && strcmp(choice->word, "all") != 0);
        }
    }
    return false;
}

static ks_status check_list(const ksi_property *property, const char *text, ks_error *error)
{
    bool alone = strchr(text, ',') == NULL;
    int64_t count = 0;
    ks_slice rest = ksi_value_items(text);
    ks_slice item = ks_slice_null();
    while (ksi_value_next_item(&rest, &item)) {
        count++;
        if (item.size == 0) {
            return ksi_error_set(error, KS_E_CONFIG, property->name,
                                 "item %lld of the list \"%s\" is empty; take out the comma",
                                 (long long)count, text);
        }
        if (!is_item(property, item, alone)) {
            return refuse(property, text, error);
        }
    }
    if (property->ranged && (count < property->low || count > property->high)) {
        return ksi_error_set(error, KS_E_CONFIG, property->name,
                             "must have from %lld to %lld items; \"%s\" has %lld",
                             (long long)property->low, (long long)property->high, text,
                             (long long)count);
    }
    return KS_OK;
}

ks_status ksi_value_check(const ksi_property *property, const char *text, ks_error *error)
{
    int64_t number = 0;
    bool truth = false;
    switch (property->type) {
    case KSI_PROPERTY_TEXT:
        if (property->ranged && strlen(text) < (size_t)property->low) {
            return ksi_error_set(error, KS_E_CONFIG, property->name,
                                 "must not be empty; give it a value or leave it out");
        }
        return KS_OK;
    case KSI_PROPERTY_I64:
    case KSI_PROPERTY_I32:
        if (!ksi_value_i64(text, &number) || !in_range(property, number)) {
            return refuse(property, text, error);
        }
        return KS_OK;
    case KSI_PROPERTY_BOOL:
        return ksi_value_bool(text, &truth) ? KS_OK : refuse(property, text, error);
    case KSI_PROPERTY_LIST:
        return check_list(property, text, error);
    case KSI_PROPERTY_CHOICE:
    case KSI_PROPERTY_CLASS:
        if (property->choices != NULL ? ksi_value_choice(property, text) == NULL
                                      : text[0] == '\0') {
            return refuse(property, text, error);
        }
        return KS_OK;
    }
    return KS_OK;
}

bool ksi_value_same(const ksi_property *property, const char *a, const char *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    int64_t a_number = 0;
    int64_t b_number = 0;
    if ((property->type == KSI_PROPERTY_I64 || property->type == KSI_PROPERTY_I32) &&
        ksi_value_i64(a, &a_number) && ksi_value_i64(b, &b_number)) {
        return a_number == b_number;
    }
    if (property->type == KSI_PROPERTY_BOOL) {
        return strcasecmp(a, b) == 0;
    }
    const ksi_choice *a_choice =
        property->type == KSI_PROPERTY_LIST ? NULL : ksi_value_choice(property, a);
    const ksi_choice *b_choice =
        property->type == KSI_PROPERTY_LIST ? NULL : ksi_value_choice(property, b);
    if (a_choice != NULL && b_choice != NULL) {
        return strcmp(a_choice->word, b_choice->word) == 0;
    }
    return strcmp(a, b) == 0;
}

ks_status ksi_value_check_built(const ksi_property *property, const char *text, ks_error *error)
{
    if (property->support != KSI_SUPPORT_REFUSED ||
        ksi_value_same(property, text, property->default_text)) {
        return KS_OK;
    }
    if (property->default_text == NULL || property->default_text[0] == '\0') {
        return ksi_error_set(error, KS_E_NOT_BUILT, property->name,
                             "\"%s\" is not built in this version: %s; leave the property out",
                             text, property->reason);
    }
    return ksi_error_set(error, KS_E_NOT_BUILT, property->name,
                         "\"%s\" is not built in this version: %s; only \"%s\" is taken", text,
                         property->reason, property->default_text);
}
