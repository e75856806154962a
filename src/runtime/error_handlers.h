/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error_handlers.h - what becomes of a record that cannot be read, processed or written: the
 * handlers that the properties name, and the dead letter queue. @java LogAndFailExceptionHandler
 * and its kin, ExceptionHandlerUtils (KIP-1034)
 *
 * The program's own handlers are asked first, when it has any (handlers.h). The answer is "fail" or
 * "continue". Either way, when errors.dead.letter.queue.topic.name is set, the *source* record goes
 * to that topic before anything else: its own bytes and headers, and six headers
 * that say what happened and where. A source record whose bytes a sink has given up since goes
 * there with null key and value, as in Java.
 *
 * A result that the log refuses is asked about, too, but not a row of a changelog: a store whose
 * changelog lacks a row comes back wrong. Nor is one that failed because another has the tasks.
 *
 * The log may refuse it long after it was sent, when nobody knows any more what it was made of.
 * Then the handler is shown no source record, and the dead letter is the result itself. It is sent
 * a little later: a producer that tells of a refusal is in the middle of a call.
 *
 * Thread rule: the owner of the task.
 */
#ifndef KSI_RUNTIME_ERROR_HANDLERS_H
#define KSI_RUNTIME_ERROR_HANDLERS_H

#include "runtime/collector.h"
#include <kstreams/handlers.h>

/* The program's; each may be NULL. */
typedef struct ksi_failure_handlers {
    ks_failure_fn *deserialization;
    ks_failure_fn *processing;
    ks_failure_fn *production;
    void *user;
} ksi_failure_handlers;

typedef struct ksi_error_handlers {
    ks_ctx *ctx;
    ksi_collector *collector;
    bool continue_on_deserialization;
    bool continue_on_processing;
    bool fails_on_processing;      /* nobody is asked */
    const char *dead_letter_topic; /* NULL: none */
    struct ksi_late_letter *late;  /* dead letters that could not be sent yet; the newest first */
    ksi_failure_handlers program;
} ksi_error_handlers;

/* Whether the bytes of a source record are wanted while it is processed. */
static inline bool ksi_error_handlers_keep_source(const ksi_error_handlers *handlers)
{
    return handlers->dead_letter_topic != NULL || handlers->program.processing != NULL ||
           handlers->program.production != NULL;
}

/* Takes what it needs from `config`, which must outlive it. */
void ksi_error_handlers_init(ksi_error_handlers *handlers, const ks_config *config, ks_ctx *ctx,
                             ksi_collector *collector);
/*
 * Those of the nodes that keep global stores: there are no dead letters, and about a node that
 * failed they are asked only where processing.exception.handler.global.enabled says so (KIP-1270).
 */
void ksi_error_handlers_init_global(ksi_error_handlers *handlers, const ks_config *config,
                                    ks_ctx *ctx, ksi_collector *collector);

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

/* A result on its way out of the sink in hand. */
typedef struct ksi_unwritten {
    ks_failure_stage stage;
    const char *topic;
    const ks_record *record;     /* NULL while sending */
    const ks_log_record *output; /* NULL before */
} ksi_unwritten;

/*
 * A result that could not be serialized or sent. It is left out and counted, or the context fails
 * at the sink: for good when it could not be sent.
 */
void ksi_handle_production_error(ksi_error_handlers *handlers, const ksi_unwritten *result,
                                 const ks_error *reason);

/*
 * One that was sent by the sink `node` and refused later. KS_OK: it is left out and counted; else
 * `error` ends the thread, or takes it back to its last commit. It has been asked about: it is
 * flagged so that nobody asks again.
 */
KS_NODISCARD ks_status ksi_handle_undelivered(ksi_error_handlers *handlers, const char *node,
                                              const ksi_unwritten *result, const ks_error *reason,
                                              ks_error *error);
/* Sends the dead letters of those; `*any`: whether there were some. */
KS_NODISCARD ks_status ksi_error_handlers_send_letters(ksi_error_handlers *handlers, bool *any,
                                                       ks_error *error);
void ksi_error_handlers_destroy(ksi_error_handlers *handlers);

#endif
