/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.h - UTF-8 as Java's decoder reads it.
 */
#ifndef KSI_SERDE_UTF8_H
#define KSI_SERDE_UTF8_H

#include <kstreams/common.h>

/*
 * The text with U+FFFD for what is malformed: `bytes` itself when nothing is, else a copy in
 * `arena`. Never the null slice.
 */
ks_slice ksi_utf8_decode(ks_arena *arena, ks_slice bytes);

/* How many bytes from the beginning are well formed: `bytes.size` when nothing is malformed. */
size_t ksi_utf8_well_formed_size(ks_slice bytes);

#endif
