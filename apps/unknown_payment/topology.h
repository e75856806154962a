/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.h - the topology of unknown_payment, and the topics on either end of it.
 *
 * main.c, the driver test and `ks describe unknown_payment` all build it with this one function.
 */
#ifndef APPS_UNKNOWN_PAYMENT_TOPOLOGY_H
#define APPS_UNKNOWN_PAYMENT_TOPOLOGY_H

#include <kstreams/stream.h>

#define UNKNOWN_PAYMENT_INPUT "payment"
#define UNKNOWN_PAYMENT_OUTPUT "unknown-payment"

/*
 * Topic payment (key: who pays, value: text) -> topic unknown-payment: the records whose key is
 * `unknown`, unchanged.
 */
void unknown_payment_topology(ks_builder *b);

#endif
