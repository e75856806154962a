/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_implementations.h - the transports that the contract test runs over.
 */
#ifndef TESTS_UNIT_TRANSPORT_TRANSPORT_IMPLEMENTATIONS_H
#define TESTS_UNIT_TRANSPORT_TRANSPORT_IMPLEMENTATIONS_H

#include "transport/transport.h"

typedef struct transport_implementation {
    const char *name;
    ks_log *(*open)(void); /* a new, empty log */
    void (*closed)(void);  /* after the log was freed; NULL: nothing to do */
    /* Where groups can be joined, borrowed; NULL: in the log itself */
    ksi_transport *(*holder)(void);
} transport_implementation;

extern const transport_implementation transport_implementations[];
extern const size_t transport_implementation_count;

#endif
