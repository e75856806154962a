/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changelog.h - the way out of the state room: where a store's writes are logged.
 *
 * state/ never sees topics or producers; the runtime injects one of these for each store that is
 * logged.
 */
#ifndef KSI_STATE_CHANGELOG_H
#define KSI_STATE_CHANGELOG_H

#include <kstreams/value.h>

typedef struct ksi_changelog ksi_changelog;
struct ksi_changelog {
    /*
     * Appends a row: key and value in the changelog's own format; a null value is a tombstone. The
     * bytes are copied. A timestamp of -1 is that of the moment at which the log takes it.
     */
    ks_status (*append)(ksi_changelog *changelog, ks_slice key, ks_slice value, int64_t timestamp,
                        const ks_headers *headers, ks_error *error);
};

#endif
