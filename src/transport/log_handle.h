/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_handle.h - what a ks_log is made of, for the files that make up log.h.
 *
 * Everything in log.h goes through the transport's class, so that it works on whatever log is
 * behind it. A producer belongs to one thread and ks_log_produce() may be called by any, so the
 * handle has a lock around its producer, which is opened by the first who needs it.
 *
 * Thread rule: any thread; `lock` guards `producer`.
 */
#ifndef KSI_TRANSPORT_LOG_HANDLE_H
#define KSI_TRANSPORT_LOG_HANDLE_H

#include "base/thread.h"
#include "transport/transport.h"

struct ks_log {
    ksi_transport *transport;
    ksi_mutex lock;
    ks_log_producer *producer; /* NULL: nobody produced yet */
};

/*
 * What ks_log_open_with() opens, with one reference. `logger` is that of the application whose
 * clients they are to be, by the properties in the options; NULL: those of a program that looks at
 * the log, which reads committed records only.
 */
ksi_transport *ksi_log_open_transport(const char *servers, const ks_log_options *options,
                                      ksi_logger *logger, ks_error *error);

/* A handle of a transport, which it takes over. */
ks_log *ksi_log_of(ksi_transport *transport);

/* KS_E_ARGUMENT when one of them is NULL; `what` is the name of `argument`, such as "topic". */
KS_NODISCARD ks_status ksi_log_check(const ks_log *log, const void *argument, const char *what,
                                     ks_error *error);
/* How many partitions a topic has: KS_E_UNKNOWN_TOPIC where there is none. */
KS_NODISCARD ks_status ksi_log_find_topic(const ks_log *log, const char *topic, int32_t *partitions,
                                          ks_error *error);

/* The producer's parts of ks_log_producer_open(), without a reference of its own to the log. */
ks_log_producer *ksi_log_producer_new(ksi_transport *transport, ks_error *error);

#endif
