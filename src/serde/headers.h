/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers.h - what the rest of the library needs of header lists beyond the public functions of
 * value.h.
 */
#ifndef KSI_SERDE_HEADERS_H
#define KSI_SERDE_HEADERS_H

#include <kstreams/value.h>

/*
 * The whole list, names and values included, in `arena`; NULL for an empty one. @thread the arena's
 * owner
 */
const ks_headers *ksi_headers_copy(ks_arena *arena, const ks_headers *headers);

#endif
