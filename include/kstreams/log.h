/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - a log of topics from outside a topology: make topics, write records, read them back, see
 * and move what groups have committed.
 *
 *     ks_log *log = ks_log_open("embedded:/var/lib/orders", &error);
 *     ks_log_create_topic(log, "orders", 4, &error);
 *     ks_log_produce(log, "orders", &record, &error);            one record, there when it returns
 *     ks_log_producer_send(producer, "orders", &record, &error); many records, there when flushed
 *     while (ks_log_reader_next(reader, &record)) ...
 *
 * Records are bytes here; serde.h turns them into values. A partition keeps its records in the
 * order in which they were written; between partitions there is no order.
 *
 * Errors that every call with a ks_error may give, beside those it names: KS_E_ARGUMENT for a
 * pointer that must not be NULL, and KS_E_IO when the log cannot be reached any more.
 */
#ifndef KSTREAMS_LOG_H
#define KSTREAMS_LOG_H

#include <kstreams/config.h>
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

/** How a log is opened. NULL or zero: the defaults. */
typedef struct ks_log_options {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    /** of a log in a directory: commits are on the disk when they return, `embedded.sync=commit` */
    bool sync_commits;
    /**
     * Of a log in a directory: this process shall hold it, as an application needs it: how many
     * milliseconds to wait for another that holds it to let go. 0: works through the other.
     */
    int64_t hold_within_ms;
    /**
     * Of a Kafka cluster: properties of its clients, such as `request.timeout.ms` or
     * `consumer.fetch.max.wait.ms`; copied. NULL: the defaults. bootstrap.servers in it does not
     * count.
     */
    const ks_config *config;
} ks_log_options;
#define KS_LOG_OPTIONS(...) (&(const ks_log_options){KS_OPTIONS_HEAD(ks_log_options), __VA_ARGS__})
/** For C++ and other languages: the head filled and all else zero. @thread any */
KS_API void ks_log_options_init(ks_log_options *options);

/**
 * Opens a log: a Kafka cluster, a directory, or the memory of this process.
 *
 * "one:9092,two:9092" are brokers of a Kafka cluster, of which one that answers is enough; 9092 is
 * the port when none is given. Opening waits until one answers, some seconds at most. When a
 * connection is lost later, it is made again; a call that ran out of time meanwhile gives
 * KS_E_TIMEOUT or KS_E_IO, flagged KS_ERROR_RETRIABLE.
 *
 * "embedded:DIR" is a log in a directory, which is made when it is not there. Within a process all
 * that open the same directory share one log, and it is closed with the last of them. What was
 * committed survives the end of the process, and with `sync_commits`, once one of them asked for
 * it, that of the machine.
 *
 * One process holds the directory; others work on the log through it (DIR/socket), with everything
 * in this header. Applications run in the holder only; one that opens the log by itself waits 10
 * seconds to become it. When the holder goes, the others get KS_E_IO; opening again makes one of
 * them the holder.
 *
 * "embedded:" is a log in the memory of this process; every call makes a new one, so give the
 * handle to the application that shall work on it (KS_APP_OPTIONS(.log = log)).
 *
 * @param bootstrap_servers  "HOST:PORT[,HOST:PORT...]", "embedded:DIR" or "embedded:"
 * @return owned: free with ks_log_free(); NULL on error: KS_E_CORRUPT names the file of a log that
 *         does not read back, KS_E_IO what the system refused or why no broker answered,
 *         KS_E_STATE the process that holds it and does not answer, or does not let go within the
 *         time given, KS_E_CONFIG a property that the clients do not take, KS_E_NOT_BUILT a
 *         security.protocol other than PLAINTEXT
 * @thread any
 */
KS_API ks_log *ks_log_open_with(const char *bootstrap_servers, const ks_log_options *options,
                                ks_error *error);
/** The same with the default options. @thread any */
KS_API ks_log *ks_log_open(const char *bootstrap_servers, ks_error *error);

/** Gives the handle back; an application that works on the log keeps it alive. @thread any */
KS_API void ks_log_free(ks_log *log);

/* ---- topics ---------------------------------------------------------------------------------- */

/**
 * Creates a topic with the default configuration. @return KS_OK, also when it exists with as many
 * partitions; KS_E_ARGUMENT when the name is no topic name, exists with another count, or
 * partitions < 1 @thread any @java Admin#createTopics
 */
KS_NODISCARD KS_API ks_status ks_log_create_topic(ks_log *log, const char *topic,
                                                  int32_t partitions, ks_error *error);

/**
 * The same with configurations, which are copied. A topic that exists keeps the ones it has.
 *
 * @return as ks_log_create_topic(); KS_E_ARGUMENT for a configuration that the log does not take:
 *         the topic is then not created
 * @thread any   @java Admin#createTopics
 */
KS_NODISCARD KS_API ks_status ks_log_create_configured_topic(ks_log *log, const char *topic,
                                                             int32_t partitions,
                                                             const ks_topic_config *configs,
                                                             size_t config_count, ks_error *error);

/**
 * Deletes a topic with its records and what groups committed on it. @return KS_OK,
 * KS_E_UNKNOWN_TOPIC @thread any @java Admin#deleteTopics
 */
KS_NODISCARD KS_API ks_status ks_log_delete_topic(ks_log *log, const char *topic, ks_error *error);

/** How many partitions a topic has; 0 when there is no such topic. @thread any */
KS_API int32_t ks_log_partition_count(ks_log *log, const char *topic);

/** What is called for each topic; `topic` is borrowed for the call. */
typedef void ks_topic_visit_fn(const char *topic, int32_t partitions, void *user);

/**
 * Calls `visit` for each topic, in the order of names. It may call the log.
 * @thread any   @java Admin#listTopics
 */
KS_NODISCARD KS_API ks_status ks_log_each_topic(ks_log *log, ks_topic_visit_fn *visit, void *user,
                                                ks_error *error);

/**
 * How many brokers the cluster has at the moment, and so how many copies of a topic it can keep;
 * an embedded log is one.
 *
 * @param count  set on success
 * @return KS_OK; KS_E_TIMEOUT when no broker answered
 * @thread any   @java Admin#describeCluster
 */
KS_NODISCARD KS_API ks_status ks_log_broker_count(ks_log *log, int32_t *count, ks_error *error);

/** What is called for each configuration, which is borrowed for the call. */
typedef void ks_topic_config_visit_fn(const ks_topic_config *config, void *user);

/**
 * Calls `visit` for every configuration of a topic with its value, by name, defaults included.
 * @return KS_OK, KS_E_UNKNOWN_TOPIC @thread any @java Admin#describeConfigs
 */
KS_NODISCARD KS_API ks_status ks_log_each_topic_config(ks_log *log, const char *topic,
                                                       ks_topic_config_visit_fn *visit, void *user,
                                                       ks_error *error);

/**
 * Sets a configuration of a topic; `value` NULL sets it back to its default.
 *
 * @return KS_OK, KS_E_UNKNOWN_TOPIC; KS_E_ARGUMENT for a name or value that the log does not take
 * @thread any   @java Admin#incrementalAlterConfigs
 */
KS_NODISCARD KS_API ks_status ks_log_set_topic_config(ks_log *log, const char *topic,
                                                      const char *name, const char *value,
                                                      ks_error *error);

/* ---- offsets --------------------------------------------------------------------------------- */

/**
 * The first offset of a partition, and its end: one past the last record.
 * @return KS_OK, KS_E_UNKNOWN_TOPIC, KS_E_ARGUMENT for a partition that is not there
 * @thread any   @java Admin#listOffsets
 */
KS_NODISCARD KS_API ks_status ks_log_offsets(ks_log *log, const char *topic, int32_t partition,
                                             int64_t *begin, int64_t *end, ks_error *error);

/**
 * The first offset whose record has this timestamp (milliseconds of the epoch) or a later one; the
 * end offset when there is none. Errors as ks_log_offsets(). @thread any @java Admin#listOffsets
 */
KS_NODISCARD KS_API ks_status ks_log_offset_at(ks_log *log, const char *topic, int32_t partition,
                                               int64_t timestamp, int64_t *offset, ks_error *error);

/** How many bytes a partition takes in the log. Errors as ks_log_offsets(). @thread any */
KS_NODISCARD KS_API ks_status ks_log_partition_bytes(ks_log *log, const char *topic,
                                                     int32_t partition, int64_t *bytes,
                                                     ks_error *error);

/**
 * Deletes the records before an offset. @return as ks_log_offsets(); KS_E_OUT_OF_RANGE when it lies
 * behind the end @thread any @java Admin#deleteRecords
 */
KS_NODISCARD KS_API ks_status ks_log_delete_records(ks_log *log, const char *topic,
                                                    int32_t partition, int64_t before,
                                                    ks_error *error);

/* ---- producing ------------------------------------------------------------------------------- */

/**
 * Appends a record; key, value and headers are copied. It can be read when this returns. For many
 * records a ks_log_producer is much faster.
 *
 * @return KS_OK, KS_E_UNKNOWN_TOPIC; KS_E_ARGUMENT for a partition that is not there or a negative
 *         timestamp
 * @thread any   @java Producer#send
 */
KS_NODISCARD KS_API ks_status ks_log_produce(ks_log *log, const char *topic,
                                             const ks_log_record *record, ks_error *error);

/** Gathers records and writes them in batches. @java Producer */
typedef struct ks_log_producer ks_log_producer;

/**
 * A producer; it keeps the log alive.
 *
 * @return owned: free with ks_log_producer_free(); NULL on error
 * @thread any; the producer then belongs to one thread
 */
KS_API ks_log_producer *ks_log_producer_open(ks_log *log, ks_error *error);

/**
 * Sends a record; key, value and headers are copied. It is in the log when so much has gathered
 * that a batch is written (1 MB), when one of the next calls finds it 5 ms old (on a Kafka cluster
 * after linger.ms, which is 100), or when ks_log_producer_flush() returns.
 *
 * @return as ks_log_produce(), for this record; an error of records before it comes here, too
 * @thread the producer's   @java Producer#send
 */
KS_NODISCARD KS_API ks_status ks_log_producer_send(ks_log_producer *producer, const char *topic,
                                                   const ks_log_record *record, ks_error *error);

/**
 * Returns when all that was sent can be read. @return KS_OK; KS_E_UNKNOWN_TOPIC when the topic of
 * some records was deleted: the others are written
 * @thread the producer's   @java Producer#flush
 */
KS_NODISCARD KS_API ks_status ks_log_producer_flush(ks_log_producer *producer, ks_error *error);

/**
 * Ends the producer. What was not flushed is written as far as it can be, and nobody is told: flush
 * first where that matters. @thread the producer's @java Producer#close
 */
KS_API void ks_log_producer_free(ks_log_producer *producer);

/* ---- reading --------------------------------------------------------------------------------- */

/** Reads a topic: each partition in its order. */
typedef struct ks_log_reader ks_log_reader;

/** Where a reader begins, in each of its partitions. */
typedef enum ks_log_start {
    KS_LOG_START_BEGINNING = 0, /**< at the first record that is there */
    KS_LOG_START_END,           /**< behind the last: only what comes from now on */
    /** at `at`; one before the first record begins there */
    KS_LOG_START_OFFSET,
    /** at the first record whose timestamp is `at` or later; at the end when there is none */
    KS_LOG_START_TIMESTAMP
} ks_log_start;

/** What a reader reads. All zero: all partitions from the beginning. */
typedef struct ks_log_reader_options {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    ks_log_start start;
    int64_t at;                /**< an offset or milliseconds of the epoch, by `start` */
    const int32_t *partitions; /**< only these; copied. NULL: all */
    size_t partition_count;
} ks_log_reader_options;

#define KS_LOG_READER_OPTIONS(...) \
    (&(const ks_log_reader_options){KS_OPTIONS_HEAD(ks_log_reader_options), __VA_ARGS__})
/** For C++ and other languages: the head filled and all else zero. @thread any */
KS_API void ks_log_reader_options_init(ks_log_reader_options *options);

/**
 * A reader of all partitions from the beginning; it keeps the log alive.
 *
 * @return owned: free with ks_log_reader_free(); NULL with KS_E_UNKNOWN_TOPIC or KS_E_ARGUMENT
 * @thread any; the reader then belongs to one thread
 */
KS_API ks_log_reader *ks_log_reader_open(ks_log *log, const char *topic, ks_error *error);

/**
 * A reader with options; NULL options are those of ks_log_reader_open().
 *
 * @return owned: free with ks_log_reader_free(); NULL with KS_E_UNKNOWN_TOPIC; KS_E_ARGUMENT for a
 *         partition that is not there or is named twice; KS_E_OUT_OF_RANGE for an offset behind the
 *         end
 * @thread any; the reader then belongs to one thread   @java Consumer#assign, Consumer#seek
 */
KS_API ks_log_reader *ks_log_reader_open_at(ks_log *log, const char *topic,
                                            const ks_log_reader_options *options, ks_error *error);

/** Ends the reading; the log is as it was. @thread the reader's */
KS_API void ks_log_reader_free(ks_log_reader *reader);

/**
 * The next record; false when there is none at the moment, or reading failed
 * (ks_log_reader_status() tells which). What `record` points to is borrowed until the next call.
 * @thread the reader's
 */
KS_NODISCARD KS_API bool ks_log_reader_next(ks_log_reader *reader, ks_log_record *record);

/**
 * The next record up to the end: of all that were there when the reader was opened, and perhaps of
 * some that came since. Waits for it where it has to come from a cluster first, where
 * ks_log_reader_next() answers false. False at the end, or when reading failed.
 * @thread the reader's   @java Consumer#endOffsets, Consumer#position
 */
KS_NODISCARD KS_API bool ks_log_reader_next_to_end(ks_log_reader *reader, ks_log_record *record);

/**
 * KS_OK, or why ks_log_reader_next() will not give another record: KS_E_UNKNOWN_TOPIC when the
 * topic was deleted, KS_E_CORRUPT, KS_E_IO. @thread the reader's
 */
KS_NODISCARD KS_API ks_status ks_log_reader_status(const ks_log_reader *reader, ks_error *error);

/**
 * Waits until there may be a next record: for at most `timeout_ms` milliseconds, negative for ever.
 *
 * @return KS_OK, also when nothing came of it; KS_E_TIMEOUT; else as ks_log_reader_status()
 * @thread the reader's
 */
KS_NODISCARD KS_API ks_status ks_log_reader_wait(ks_log_reader *reader, int64_t timeout_ms,
                                                 ks_error *error);

/** Ends a ks_log_reader_wait(), the running one or the next. @thread any */
KS_API void ks_log_reader_wake(ks_log_reader *reader);

/**
 * The offset behind the last record of a partition that ks_log_reader_next() gave, or where the
 * reader began there; -1 for a partition it does not read.
 * @thread the reader's   @java Consumer#position
 */
KS_API int64_t ks_log_reader_position(const ks_log_reader *reader, int32_t partition);

/**
 * How many offsets were passed over because their records were deleted before they could be read.
 * @thread the reader's
 */
KS_API int64_t ks_log_reader_skipped(const ks_log_reader *reader);

/* ---- groups ---------------------------------------------------------------------------------- */

/** What a group committed for a partition; texts are borrowed for the call. */
typedef struct ks_group_offset {
    const char *topic;
    int32_t partition;
    int64_t offset; /**< of the next record to process */
    int64_t begin;  /**< of the partition; ignored when set */
    int64_t end;    /**< of the partition: `end - offset` is the lag. Ignored when set */
} ks_group_offset;

/** A task of an application, written 0_3: a sub-topology on one partition. @java TaskId */
typedef struct ks_task_id {
    int32_t subtopology;
    int32_t partition;
} ks_task_id;

/** A partition of a topic. @java TopicPartition */
typedef struct ks_topic_partition {
    const char *topic;
    int32_t partition;
} ks_topic_partition;

/**
 * A member of a group: a process that runs the application. All of it is borrowed for the call.
 * What the log does not know of a member is NULL or 0: a group of a cluster may have members that
 * are no kstreams programs, and those have no tasks. @java MemberDescription
 */
typedef struct ks_group_member {
    const char *member;
    const char *client_id;
    const char *process_id;
    const char *instance_id; /**< `group.instance.id` of a static member */
    const char *endpoint;    /**< `application.server` */
    const char *host;        /**< where it connects from */
    int32_t generation;
    int32_t threads;
    const ks_task_id *active; /**< by id */
    size_t active_tasks;
    const ks_task_id *standby; /**< by id */
    size_t standby_tasks;
    const ks_topic_partition *inputs; /**< what it reads to process: partitions of active tasks */
    size_t input_count;
} ks_group_member;

typedef void ks_group_visit_fn(const char *group, void *user);
typedef void ks_group_offset_visit_fn(const ks_group_offset *offset, void *user);
typedef void ks_group_member_visit_fn(const ks_group_member *member, void *user);

/**
 * Calls `visit` for each group (application.id) that committed offsets or has members, by name. It
 * may call the log. @thread any @java Admin#listGroups
 */
KS_NODISCARD KS_API ks_status ks_log_each_group(ks_log *log, ks_group_visit_fn *visit, void *user,
                                                ks_error *error);

/**
 * Calls `visit` for each offset that a group committed, by topic and partition; for a group that is
 * not there, never. @thread any @java Admin#listConsumerGroupOffsets
 */
KS_NODISCARD KS_API ks_status ks_log_each_group_offset(ks_log *log, const char *group,
                                                       ks_group_offset_visit_fn *visit, void *user,
                                                       ks_error *error);

/** Calls `visit` for each member of a group. @thread any @java Admin#describeConsumerGroups */
KS_NODISCARD KS_API ks_status ks_log_each_group_member(ks_log *log, const char *group,
                                                       ks_group_member_visit_fn *visit, void *user,
                                                       ks_error *error);

/**
 * Sets offsets of a group that nobody runs now: all of them, or none. Offsets of other partitions
 * stay.
 *
 * @return KS_OK, KS_E_UNKNOWN_TOPIC, KS_E_ARGUMENT for a partition that is not there;
 *         KS_E_OUT_OF_RANGE for an offset outside of its records; KS_E_STATE while the group has
 *         members
 * @thread any   @java Admin#alterConsumerGroupOffsets
 */
KS_NODISCARD KS_API ks_status ks_log_set_group_offsets(ks_log *log, const char *group,
                                                       const ks_group_offset *offsets, size_t count,
                                                       ks_error *error);

/**
 * Takes all members out of a group, so that nobody waits for the end of their sessions. It is meant
 * for members that died: one that lives joins again.
 *
 * @return KS_OK, also when there are none
 * @thread any   @java Admin#removeMembersFromConsumerGroup
 */
KS_NODISCARD KS_API ks_status ks_log_remove_group_members(ks_log *log, const char *group,
                                                          ks_error *error);

/**
 * Forgets what a group committed. @return KS_OK, also when there is none; KS_E_STATE while it has
 * members @thread any @java Admin#deleteConsumerGroups
 */
KS_NODISCARD KS_API ks_status ks_log_delete_group(ks_log *log, const char *group, ks_error *error);

#ifdef __cplusplus
}
#endif
#endif
