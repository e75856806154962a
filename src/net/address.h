/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h - "host[:port],host[:port]..." taken apart: a list of brokers.
 *
 * An IPv6 address stands in brackets when a port follows: [::1]:9092. The names are not resolved.
 *
 * @thread any
 */
#ifndef KSI_NET_ADDRESS_H
#define KSI_NET_ADDRESS_H

#include <kstreams/common.h>

typedef struct ksi_address {
    char *host; /* without brackets */
    uint16_t port;
} ksi_address;

typedef struct ksi_address_list {
    ksi_address *list;
    size_t count; /* at least 1 when it was parsed */
} ksi_address_list;

/*
 * `where` is the property that has the text, for the error: KS_E_CONFIG. The list is to be
 * destroyed, also after an error.
 */
KS_NODISCARD ks_status ksi_address_list_parse(ksi_address_list *addresses, const char *text,
                                              uint16_t default_port, const char *where,
                                              ks_error *error);
void ksi_address_list_destroy(ksi_address_list *addresses);

#endif
