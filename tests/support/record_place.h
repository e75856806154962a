/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_place.h - "PARTITION:OFFSET", the value of an input record that says where it stands.
 *
 * With it a result can say which records it is made of, and the input itself can be checked.
 *
 * Thread rule: any.
 */
#ifndef TESTS_SUPPORT_RECORD_PLACE_H
#define TESTS_SUPPORT_RECORD_PLACE_H

#include <kstreams/kstreams.h>

enum { RECORD_PLACE_TEXT = 32 };

ks_slice record_place_text(char text[RECORD_PLACE_TEXT], int32_t partition, int64_t offset);
/* False for another text, and for a place that no record can have. */
bool record_place_read(ks_slice text, int32_t *partition, int64_t *offset);

#endif
