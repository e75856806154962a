/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_implementations.h - the transports that the contract test runs over.
 */
#ifndef TESTS_UNIT_TRANSPORT_TRANSPORT_IMPLEMENTATIONS_H
#define TESTS_UNIT_TRANSPORT_TRANSPORT_IMPLEMENTATIONS_H

#include <kstreams/log.h>

typedef struct transport_implementation {
    const char *name;
    ks_log *(*open)(void); /* a new, empty log */
} transport_implementation;

extern const transport_implementation transport_implementations[];
extern const size_t transport_implementation_count;

#endif
