/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uuid.h - UUIDs and their text, as java.util.UUID has them.
 */
#ifndef KSI_SERDE_UUID_H
#define KSI_SERDE_UUID_H

#include <kstreams/common.h>

enum { KSI_UUID_SIZE = 16, KSI_UUID_TEXT_SIZE = 36 };

/* Writes 36 characters, lower case, without a NUL. @thread any */
void ksi_uuid_to_text(const uint8_t uuid[KSI_UUID_SIZE], char text[KSI_UUID_TEXT_SIZE]);

/*
 * Reads what UUID.fromString() reads, which is more than 36 characters of hex; false for all else.
 * @thread any
 */
bool ksi_uuid_from_text(ks_slice text, uint8_t uuid[KSI_UUID_SIZE]);

#endif
