/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joiners.c - the joiners of the vocabulary.
 */
#include "function_tables.h"

static ks_value pair(const cf_call *call, ks_value key, ks_value left, ks_value right)
{
    (void)key;
    return call_join(call, call_text(call, left), "|", call_text(call, right));
}

static ks_value key_pair(const cf_call *call, ks_value key, ks_value left, ks_value right)
{
    ks_value both = pair(call, key, left, right);
    return call_join(call, call_text(call, key), "=", call_text(call, both));
}

static ks_value sum(const cf_call *call, ks_value key, ks_value left, ks_value right)
{
    (void)key;
    return call_plus(call, left, right, 1);
}

static const cf_signature joiners[] = {
    {.name = "pair", .join = pair},
    {.name = "keyPair", .needs_key = true, .join = key_pair},
    {.name = "sum", .join = sum},
};
const signature_table joiner_table = {"joiner", joiners, sizeof joiners / sizeof joiners[0]};
