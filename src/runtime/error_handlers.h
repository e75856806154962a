/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error_handlers.h - what becomes of a record that cannot be read, processed or written: the
 * handlers that the properties name, and the dead letter queue. @java LogAndFailExceptionHandler
 * and its kin, ExceptionHandlerUtils (KIP-1034)
 *
 * A handler answers "fail" or "continue". Either way, when errors.dead.letter.queue.topic.name is
 * set, the *source* record goes to that topic first: its own bytes and headers, and six headers
 * that say what happened and where. A source record whose bytes a sink has given up since goes
 * there with null key and value, as in Java.
 *
 * Thread rule: the owner of the task.
 */
#ifndef KSI_RUNTIME_ERROR_HANDLERS_H
#define KSI_RUNTIME_ERROR_HANDLERS_H

#include "runtime/collector.h"

typedef struct ksi_error_handlers {
    ks_ctx *ctx;
    ksi_collector *collector;
    bool continue_on_deserialization;
    bool continue_on_processing;
    const char *dead_letter_topic; /* NULL: none */
} ksi_error_handlers;

/* Takes what it needs from `config`, which must outlive it. */
void ksi_error_handlers_init(ksi_error_handlers *handlers, const ks_config *config, ks_ctx *ctx,
                             ksi_collector *collector);

/*
 * A record that a serde could not read. KS_OK: it is skipped and counted as dropped; an error ends
 * the task.
 */
KS_NODISCARD ks_status ksi_handle_deserialization_error(ksi_error_handlers *handlers,
                                                        const ksi_node_instance *source,
                                                        const char *topic,
                                                        const ks_log_record *record,
                                                        const ks_error *reason, ks_error *error);

/* The failure on the context, of the node in hand. True: go on with the next sibling. */
bool ksi_handle_processing_error(ksi_error_handlers *handlers);

/*
 * A result that could not be serialized: fails the context at the sink in hand after the dead
 * letter.
 */
void ksi_handle_serialization_error(ksi_error_handlers *handlers, const ks_error *reason);

#endif
