/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - a log of topics from outside a topology: make topics, write records, read them back.
 *
 * "embedded:" is a log in the memory of this process; every ks_log_open("embedded:") is a new one,
 * so give the handle to the application that shall work on it (KS_APP_OPTIONS(.log = log)). Durable
 * directories and Kafka brokers come behind the same calls.
 */
#ifndef KSTREAMS_LOG_H
#define KSTREAMS_LOG_H

#include <kstreams/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A log, by reference: the handle and every application that works on it keep it alive. */
typedef struct ks_log ks_log;

/** A record of a log, as bytes. */
typedef struct ks_log_record {
    ks_slice key;
    ks_slice value;
    int64_t timestamp; /**< milliseconds of the epoch; producing with -1 takes the time of now */
    /** producing with -1 chooses by murmur2 of the key, in turn for null keys */
    int32_t partition;
    int64_t offset;            /**< set when read, ignored when produced */
    const ks_headers *headers; /**< NULL: none */
} ks_log_record;

/**
 * Opens a log.
 *
 * @param bootstrap_servers  "embedded:"; other forms answer KS_E_NOT_BUILT
 * @return owned: free with ks_log_free(); NULL on error
 * @thread any
 */
KS_API ks_log *ks_log_open(const char *bootstrap_servers, ks_error *error);

/** Gives the handle back; an application that works on the log keeps it alive. @thread any */
KS_API void ks_log_free(ks_log *log);

/**
 * Creates a topic. @return KS_OK; KS_E_ARGUMENT when the name is no topic name, exists with another
 * count, or partitions < 1 @thread any
 */
KS_NODISCARD KS_API ks_status ks_log_create_topic(ks_log *log, const char *topic,
                                                  int32_t partitions, ks_error *error);

/** How many partitions a topic has; 0 when there is no such topic. @thread any */
KS_API int32_t ks_log_partition_count(ks_log *log, const char *topic);

/**
 * Appends a record; key, value and headers are copied. @return KS_OK, KS_E_UNKNOWN_TOPIC,
 * KS_E_ARGUMENT @thread any
 */
KS_NODISCARD KS_API ks_status ks_log_produce(ks_log *log, const char *topic,
                                             const ks_log_record *record, ks_error *error);

/** Reads a topic from its beginning, all partitions, each in its order. */
typedef struct ks_log_reader ks_log_reader;

/**
 * A reader at the beginning of a topic.
 *
 * @return owned: free with ks_log_reader_free(); NULL with KS_E_UNKNOWN_TOPIC or KS_E_ARGUMENT
 * @thread any; the reader then belongs to one thread
 */
KS_API ks_log_reader *ks_log_reader_open(ks_log *log, const char *topic, ks_error *error);
/** Ends the reading; the log is as it was. @thread the reader's */
KS_API void ks_log_reader_free(ks_log_reader *reader);

/**
 * The next record; false when there is none at the moment. What `record` points to is borrowed
 * until the next call. @thread the reader's
 */
KS_NODISCARD KS_API bool ks_log_reader_next(ks_log_reader *reader, ks_log_record *record);

#ifdef __cplusplus
}
#endif
#endif
