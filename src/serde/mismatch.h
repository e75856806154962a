/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mismatch.h - who is told when user code asks a value for another kind than it has.
 *
 * An accessor such as ks_value_i64() has no error to fill, and C has no exception to throw. While a
 * task runs a callback it is therefore registered here, on its own thread, and marks its context as
 * failed; outside callbacks nobody is registered and the mistake ends the program. A task that runs
 * inside another's callback (a test driver in a processor) puts back what was there:
 *
 *     ksi_mismatch_handler before = ksi_value_on_mismatch(fail_context, ctx);
 *     ... user code ...
 *     ksi_value_on_mismatch(before.fn, before.owner);
 *
 * Thread rule: the registration is the calling thread's.
 */
#ifndef KSI_SERDE_MISMATCH_H
#define KSI_SERDE_MISMATCH_H

#include <kstreams/value.h>

/* `message` says both kinds; it is valid during the call. */
typedef void ksi_mismatch_fn(void *owner, const char *message);

typedef struct ksi_mismatch_handler {
    ksi_mismatch_fn *fn; /* NULL: print and abort */
    void *owner;
} ksi_mismatch_handler;

/* Registers for this thread and returns what was registered before. */
ksi_mismatch_handler ksi_value_on_mismatch(ksi_mismatch_fn *fn, void *owner);

#endif
