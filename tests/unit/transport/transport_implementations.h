/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_implementations.h - the transports that the contract test runs over.
 *
 * Some things can be asked of a log of the test's own only: that it writes when it is told and not
 * before, that a topic is gone at once and for everybody, that the time handed in is its time, and
 * that offsets count records and nothing else. A cluster does all of that in its own way.
 */
#ifndef TESTS_UNIT_TRANSPORT_TRANSPORT_IMPLEMENTATIONS_H
#define TESTS_UNIT_TRANSPORT_TRANSPORT_IMPLEMENTATIONS_H

#include "transport/transport.h"

typedef struct transport_implementation {
    const char *label;
    ks_log *(*open)(void); /* a new, empty log */
    void (*closed)(void);  /* after the log was freed; NULL: nothing to do */
    /* Where groups can be joined, borrowed; NULL: in the log itself */
    ksi_transport *(*holder)(void);
    bool is_cluster; /* none of the above holds */
    /* What a name of the test is called on this log, and back (NULL: no name of the test); NULL:
     * names are what they are. Belongs to the log. */
    const char *(*name)(const char *base);
    const char *(*base)(const char *name);
} transport_implementation;

extern const transport_implementation transport_implementations[];
extern const size_t transport_implementation_count;

#endif
