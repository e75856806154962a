/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests_parts.h - what the files that implement requests.h share.
 */
#ifndef KSI_MEMBERSHIP_KAFKA_REQUESTS_PARTS_H
#define KSI_MEMBERSHIP_KAFKA_REQUESTS_PARTS_H

#include "membership/kafka/kafka_error.h"
#include "membership/kafka/requests.h"
#include "membership/kafka/wire.h"

/* KS_OK when everything could be read, else KS_E_IO. */
ks_status ksi_requests_answer(const ksi_wire_reader *reader, ksi_api api, ks_error *error);
/* Who asks: as several requests begin. NULL: nobody who is in the group. */
void ksi_requests_put_member(ksi_buffer *to, const char *group, const ksi_generation *generation);

#endif
