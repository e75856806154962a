/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.c - one entry after the other. Spaces around an entry are nobody's.
 */
#include "net/address.h"

#include "base/error.h"
#include "base/memory.h"

#include <arpa/inet.h>

static ks_slice trimmed(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t')) {
        from++;
    }
    while (to > from && (to[-1] == ' ' || to[-1] == '\t')) {
        to--;
    }
    return ks_slice_of(from, (size_t)(to - from));
}

/* A port in [1, 65535], or 0. */
static uint16_t port_of(const char *digits, const char *end)
{
    uint32_t port = 0;
    for (const char *at = digits; at < end; at++) {
        if (*at < '0' || *at > '9' || port > UINT16_MAX) {
            return 0;
        }
        port = port * 10 + (uint32_t)(*at - '0');
    }
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* The colon before the port; NULL: there is none. Several colons without brackets are an IPv6
 * address. */
static const char *port_colon(ks_slice entry)
{
    if (entry.data[0] == '[') {
        const char *bracket = memchr(entry.data, ']', entry.size);
        bool last = bracket == NULL || bracket + 1 == entry.data + entry.size;
        return last ? NULL : bracket + 1;
    }
    const char *colon = memchr(entry.data, ':', entry.size);
    const char *end = entry.data + entry.size;
    if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL) {
        return NULL;
    }
    return colon;
}

/* Behind a '%' stands the interface, of an address that is unique on it only. */
static bool is_ipv6(ks_slice host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    const char *percent = memchr(host.data, '%', host.size);
    size_t size = percent != NULL ? (size_t)(percent - host.data) : host.size;
    if (size >= sizeof text || (percent != NULL && size + 1 == host.size)) {
        return false;
    }
    memcpy(text, host.data, size);
    text[size] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_host(ks_slice host)
{
    if (host.size > 0 && memchr(host.data, ':', host.size) != NULL) {
        return is_ipv6(host);
    }
    return host.size > 0 && memchr(host.data, ' ', host.size) == NULL &&
           memchr(host.data, '/', host.size) == NULL;
}

static bool entry_parse(ks_slice entry, uint16_t default_port, ksi_address *address)
{
    const char *end = entry.data + entry.size;
    const char *colon = port_colon(entry);
    ks_slice host = ks_slice_of(entry.data, (size_t)((colon != NULL ? colon : end) - entry.data));
    address->port = default_port;
    if (colon != NULL) {
        address->port = *colon == ':' ? port_of(colon + 1, end) : 0;
    }
    if (host.size > 0 && host.data[0] == '[') {
        if (host.size < 3 || host.data[host.size - 1] != ']') {
            return false;
        }
        host = ks_slice_of(host.data + 1, host.size - 2);
        if (!is_ipv6(host)) {
            return false;
        }
    }
    bool good = is_host(host) && address->port != 0;
    if (good) {
        address->host = ksi_alloc(host.size + 1);
        memcpy(address->host, host.data, host.size);
        address->host[host.size] = '\0';
    }
    return good;
}

ks_status ksi_address_list_parse(ksi_address_list *addresses, const char *text,
                                 uint16_t default_port, const char *where, ks_error *error)
{
    *addresses = (ksi_address_list){0};
    size_t capacity = 0;
    for (const char *at = text; at != NULL;) {
        const char *comma = strchr(at, ',');
        ks_slice entry = trimmed(at, comma != NULL ? comma : at + strlen(at));
        at = comma != NULL ? comma + 1 : NULL;
        if (entry.size == 0) {
            continue;
        }
        ksi_address address = {0};
        if (!entry_parse(entry, default_port, &address)) {
            return ksi_error_set(error, KS_E_CONFIG, where,
                                 "'%.*s' is no address: host or host:port is meant, with a port "
                                 "from 1 to 65535, and [...] around an IPv6 address",
                                 KS_SLICE_ARGS(entry));
        }
        addresses->list =
            ksi_grow(addresses->list, &capacity, addresses->count + 1, sizeof *addresses->list);
        addresses->list[addresses->count++] = address;
    }
    if (addresses->count == 0) {
        return ksi_error_set(error, KS_E_CONFIG, where,
                             "has no address: list one or more brokers as host:port,host:port");
    }
    return KS_OK;
}

void ksi_address_list_destroy(ksi_address_list *addresses)
{
    for (size_t i = 0; i < addresses->count; i++) {
        ksi_free(addresses->list[i].host);
    }
    ksi_free(addresses->list);
    *addresses = (ksi_address_list){0};
}
