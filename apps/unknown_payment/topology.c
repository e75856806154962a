/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.c - unknown payments: those that nobody could be matched to go to a topic of their own.
 *
 * The smallest useful topology there is: no state, no repartition topic, one task for each
 * partition of `payment`. A record that passes the filter leaves as it came: key, value, timestamp
 * and headers.
 */
#include "unknown_payment/topology.h"

#include <kstreams/kstreams.h>

static bool payer_is_unknown(ks_ctx *ctx, const ks_record *payment, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_equal(payment->key, ks_text_of("unknown")); /* null equals no text */
}

void unknown_payment_topology(ks_builder *b)
{
    const ks_serde *text = &ks_serde_string;

    ks_stream *payments =
        ks_builder_stream(b, UNKNOWN_PAYMENT_INPUT, KS_CONSUMED(.key = text, .value = text));
    ks_stream *unknown = ks_stream_filter(payments, payer_is_unknown, NULL, NULL);

    /* A filter keeps the serdes of its stream: the sink has nothing to repeat. */
    ks_stream_to(unknown, UNKNOWN_PAYMENT_OUTPUT, NULL);
}
