/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copartition.h - topics that are read together have equally many partitions. @java
 * CopartitionedTopicsEnforcer
 *
 * A task has one partition of each topic of its sub-topology. Whatever brings records of two topics
 * together by their key (a join, or processors that share a store) finds them only when a key has
 * the same partition number in both, so when both have been cut into as many. Otherwise nothing
 * fails: results are missing, which nobody sees. So it is checked before there are tasks.
 *
 * What is there decides, because nobody can change it without moving records:
 *
 *     external topics      all the same number, and it is that of the group
 *     repartition topics   those with a number of the program's: the same, and that of the group
 *     no number so far     the largest that any of them was going to have
 *
 * Thread rule: the thread that starts the application.
 */
#ifndef KSI_RUNTIME_COPARTITION_H
#define KSI_RUNTIME_COPARTITION_H

#include "runtime/assignment.h"

/*
 * Gives the repartition topics of each group its number. Every input has a number already.
 * KS_E_TOPOLOGY, with all topics of the group and their numbers, when they cannot agree.
 */
KS_NODISCARD ks_status ksi_copartition_enforce(ksi_assignment *assignment,
                                               const ks_topology *topology, ks_error *error);

#endif
