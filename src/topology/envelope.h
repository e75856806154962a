/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope.h - what stands around the values of an internal topic: the two halves of a table's
 * change, or question and answer of a foreign-key join.
 *
 * Between nodes such a value is of a kind of our own, so that all nodes have one signature. Source
 * and sink of its topic need a serde that wraps another, which may be the default of the properties
 * and so is known only when a task starts: an envelope is how that serde is made then.
 *
 *     KSI_KIND_CHANGE         change.h             ksi_change_envelope
 *     KSI_KIND_SUBSCRIPTION   row_subscription.h   ksi_row_subscription_envelope
 *     KSI_KIND_RESPONSE       row_subscription.h   ksi_row_response_envelope
 *
 * Programs see none of these: where one would be shown to a handler, what is inside is shown.
 *
 * Thread rule: an envelope is the topology's, any thread; serdes and values are their task's.
 */
#ifndef KSI_TOPOLOGY_ENVELOPE_H
#define KSI_TOPOLOGY_ENVELOPE_H

#include <kstreams/processor.h>
#include <kstreams/serde.h>

typedef struct ksi_envelope ksi_envelope;
struct ksi_envelope {
    /* A serde of what the envelope holds, in the task's arena; `inner` outlives it. */
    const ks_serde *(*serde)(const ksi_envelope *envelope, const ks_ctx *ctx,
                             const ks_serde *inner);
    bool is_of_key; /* what is inside is a key, and its serde the default of keys */
};

/*
 * The serde of values that `own` writes (NULL: the default of the properties), in their envelope
 * (NULL: as they are). `what` as in ksi_ctx_value_serde().
 */
KS_NODISCARD ks_status ksi_envelope_serde(const ksi_envelope *envelope, const ks_ctx *ctx,
                                          const ks_serde *own, const char *what,
                                          const ks_serde **serde, ks_error *error);

/* Whether values of this kind are in an envelope. */
static inline bool ksi_kind_is_enveloped(ks_kind kind)
{
    return kind > KS_KIND_RESERVED;
}

/* A value as programs may see it: the new value of a change, the key or value in another. */
ks_value ksi_value_inside(ks_value value);

/*
 * Of a value, of the key in a window, or of what is in an envelope: the kind that `serde` cannot
 * write, or KS_KIND_NULL. `*wanted` is then the kind that it writes.
 */
ks_kind ksi_unfit_kind(const ks_serde *serde, ks_value value, ks_kind *wanted);

#endif
