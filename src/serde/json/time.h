/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time.h - dates and moments in the text form of ISO 8601 that JSON documents use.
 */
#ifndef KSI_SERDE_JSON_TIME_H
#define KSI_SERDE_JSON_TIME_H

#include <kstreams/common.h>

enum { KSI_JSON_TIME_SIZE = 32 }; /* room for any text written here */

/* "2026-05-21": days since 1970-01-01. */
KS_NODISCARD bool ksi_json_date_of(ks_slice text, int32_t *day);

/*
 * "2026-05-21T21:48:15.989+09:00", or without a zone when `is_local`: units of 10^-places seconds
 * since 1970, digits past the places cut. Seconds and their fraction may be left out.
 */
KS_NODISCARD bool ksi_json_moment_of(ks_slice text, bool is_local, int32_t places, int64_t *moment);

/*
 * Writes the text, not NUL-terminated, and returns its size; 0 when the year has not four digits.
 * A fraction of zero is left out; no zone when `is_local`, otherwise Z.
 */
size_t ksi_json_date_text(int32_t day, char text[KSI_JSON_TIME_SIZE]);
size_t ksi_json_moment_text(int64_t moment, bool is_local, int32_t places,
                            char text[KSI_JSON_TIME_SIZE]);

#endif
