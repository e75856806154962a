/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handlers.h - the program's own answers to records that cannot be read, processed or written.
 *
 * Without a handler the properties decide (`deserialization.exception.handler`,
 * `processing.exception.handler`, `production.exception.handler`). A handler is asked instead, and
 * may still leave the answer to them. Whatever it is but KS_FAILURE_RETRY, a dead letter is written
 * when `errors.dead.letter.queue.topic.name` names a topic.
 */
#ifndef KSTREAMS_HANDLERS_H
#define KSTREAMS_HANDLERS_H

#include <kstreams/log.h>
#include <kstreams/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What failed. */
typedef enum ks_failure_stage {
    KS_FAILURE_READING = 0,   /**< a serde could not read the source record */
    KS_FAILURE_PROCESSING,    /**< a node, or a punctuation */
    KS_FAILURE_WRITING_KEY,   /**< a serde could not write the key of a result */
    KS_FAILURE_WRITING_VALUE, /**< the same for its value */
    KS_FAILURE_SENDING        /**< the log refused a result */
} ks_failure_stage;

/** A failure, and the record that was in hand. All is borrowed. @java ErrorHandlerContext */
typedef struct ks_failure {
    ks_failure_stage stage;
    const ks_error *error;
    const char *task_id;
    const char *node;  /**< that failed; the sink, for a result */
    const char *topic; /**< where the source record came from; NULL in a punctuation */
    int32_t partition; /**< -1 in a punctuation */
    int64_t offset;    /**< -1 in a punctuation */
    int64_t timestamp; /**< of the record at the node; in a punctuation the time it is called for */
    const ks_headers *headers; /**< the same; NULL: none */
    ks_slice source_key;       /**< as bytes; null after a first result was sent for the record */
    ks_slice source_value;
    const ks_record *record;     /**< at the node, at a table's with the new value of the row; NULL
                                       while reading and sending, and in a punctuation that failed
                                       by itself */
    const char *output_topic;    /**< of a result; else NULL */
    const ks_log_record *output; /**< while sending; else NULL */
} ks_failure;

/** What shall be done about it. @java Response */
typedef enum ks_failure_answer {
    KS_FAILURE_DEFAULT = 0, /**< what the property says */
    KS_FAILURE_FAIL,        /**< the task fails, and with it its thread */
    KS_FAILURE_CONTINUE,    /**< it is left out, logged, and counted (ks_app_dropped_records()) */
    /**
     * while sending, when the error is flagged KS_ERROR_RETRIABLE: everything since the last commit
     * is done again; else as KS_FAILURE_FAIL. The default for such an error.
     */
    KS_FAILURE_RETRY
} ks_failure_answer;

/**
 * Asked about a failure; must not call back into the app. @thread a stream thread, several at once
 * @java DeserializationExceptionHandler, ProcessingExceptionHandler, ProductionExceptionHandler
 */
typedef ks_failure_answer ks_failure_fn(const ks_failure *failure, void *user);

#ifdef __cplusplus
}
#endif
#endif
