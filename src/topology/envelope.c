/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope.c - see envelope.h.
 */
#include "topology/envelope.h"

#include "base/error.h"
#include "serde/windowed.h"
#include "topology/change.h"
#include "topology/context.h"
#include "topology/row_subscription.h"

ks_status ksi_envelope_serde(const ksi_envelope *envelope, const ks_ctx *ctx, const ks_serde *own,
                             const char *what, const ks_serde **serde, ks_error *error)
{
    bool is_of_key = envelope != NULL && envelope->is_of_key;
    KS_TRY(is_of_key ? ksi_ctx_key_serde(ctx, own, what, serde, error)
                     : ksi_ctx_value_serde(ctx, own, what, serde, error));
    if (envelope != NULL) {
        *serde = envelope->serde(envelope, ctx, *serde);
    }
    return KS_OK;
}

ks_value ksi_value_inside(ks_value value)
{
    switch ((int)ks_value_kind(value)) {
    case KSI_KIND_CHANGE:
        return ksi_value_change(value)->new_value;
    case KSI_KIND_SUBSCRIPTION:
        return ksi_value_subscription(value)->primary_key;
    case KSI_KIND_RESPONSE:
        return ksi_value_response(value)->foreign_value;
    default:
        return value;
    }
}

/* The kind of a value that `serde` cannot write, looking into windowed keys. */
static ks_kind unfit(const ks_serde *serde, ks_value value, ks_kind *wanted)
{
    for (; serde != NULL && !ks_value_is_null(value); serde = ksi_windowed_inner(serde)) {
        *wanted = serde->kind;
        if (ks_value_kind(value) != serde->kind) {
            return ks_value_kind(value);
        }
        if (serde->kind != KS_KIND_WINDOWED) {
            break;
        }
        value = ks_value_windowed(value)->key;
    }
    return KS_KIND_NULL;
}

ks_kind ksi_unfit_kind(const ks_serde *serde, ks_value value, ks_kind *wanted)
{
    ks_kind kind = unfit(serde, value, wanted);
    if (kind != KS_KIND_NULL || !ksi_kind_is_enveloped(serde->kind) || ks_value_is_null(value)) {
        return kind;
    }
    const ks_serde *inner = serde->kind == KSI_KIND_SUBSCRIPTION
                                ? ksi_row_subscription_serde_of_key(serde)
                                : serde->config;
    kind = unfit(inner, ksi_value_inside(value), wanted);
    if (kind == KS_KIND_NULL && serde->kind == KSI_KIND_CHANGE) {
        kind = unfit(inner, ksi_value_change(value)->old_value, wanted);
    }
    return kind;
}
