/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal_topics.h - the repartition and changelog topics of an application: there, and with the
 * right number of partitions.
 *
 * Thread rule: the thread that starts the application.
 */
#ifndef KSI_RUNTIME_INTERNAL_TOPICS_H
#define KSI_RUNTIME_INTERNAL_TOPICS_H

#include "runtime/assignment.h"
#include <kstreams/config.h>

/*
 * Creates the needed topics that are missing, with the configurations that Java gives them and over
 * those the properties that begin with "topic.". KS_E_TOPOLOGY for one that exists with another
 * number of partitions: then nothing was created.
 */
KS_NODISCARD ks_status ksi_internal_topics_make_ready(const ksi_assignment *assignment,
                                                      const ks_config *config,
                                                      ksi_transport *transport, ksi_logger *logger,
                                                      ks_error *error);

#endif
