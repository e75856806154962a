/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classic_member.h - being a member of a group of Kafka's classic protocol: the protocol
 * (classic_protocol.h) over a connection of its own (coordinator_link.h).
 *
 * Joining returns at once: nothing is known of the cluster then, and the first polls find the
 * coordinator. A membership that has not joined yet has an empty view, of epoch 0.
 *
 * leave() tells the group, waiting for the answer for a moment, so that the next instance may begin
 * at once; a static member says nothing, for it may be back before its session is over.
 *
 * Thread rule: one thread at a time.
 */
#ifndef KSI_MEMBERSHIP_KAFKA_CLASSIC_MEMBER_H
#define KSI_MEMBERSHIP_KAFKA_CLASSIC_MEMBER_H

#include "membership/kafka/kafka_group.h"

/*
 * Owned by the caller, and given back with leave(). The logger is borrowed until then, and may be
 * NULL. NULL: KS_E_ARGUMENT for options out of range, KS_E_CONFIG when the list of servers cannot
 * be read.
 */
ksi_membership *ksi_classic_join(const ksi_kafka_cluster *cluster,
                                 const ksi_member_options *options, ksi_logger *logger,
                                 int64_t now_ms, ks_error *error);

#endif
