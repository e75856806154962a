/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_place.c - see record_place.h.
 */
#include "record_place.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

ks_slice record_place_text(char text[RECORD_PLACE_TEXT], int32_t partition, int64_t offset)
{
    return ks_slice_of(
        text, (size_t)snprintf(text, RECORD_PLACE_TEXT, "%" PRId32 ":%" PRId64, partition, offset));
}

bool record_place_read(ks_slice text, int32_t *partition, int64_t *offset)
{
    char copy[RECORD_PLACE_TEXT];
    char end = '\0';
    if (text.size == 0 || text.size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return sscanf(copy, "%" SCNd32 ":%" SCNd64 "%c", partition, offset, &end) == 2 &&
           *partition >= 0 && *offset >= 0;
}
