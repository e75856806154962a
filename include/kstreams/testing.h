/* SPDX-License-Identifier: Apache-2.0 */
/*
 * testing.h - the topology test driver: a topology run by hand, with no log, no threads and a clock
 * that stands still.
 *
 * As Java's TopologyTestDriver: the whole topology is one task with one stream time, every topic
 * has one partition, and each piped record is processed to the end, with a commit after every
 * record it leads to.
 *
 *     ks_test_driver *driver = ks_test_driver_new(topology, NULL, NULL, &err);
 *     ks_test_input *lines =
 *         ks_test_driver_input(driver, "text-lines", &ks_serde_void, &ks_serde_string, 0, 1);
 *     ks_test_output *counts =
 *         ks_test_driver_output(driver, "word-counts", &ks_serde_string, &ks_serde_i64);
 *
 *     ks_test_input_pipe(lines, ks_null(), ks_text_of("to be or not to be"), &err);
 *     while (ks_test_output_read(counts, &record, &err)) ...
 *
 * A driver belongs to one thread.
 *
 * @thread the driver's
 */
#ifndef KSTREAMS_TESTING_H
#define KSTREAMS_TESTING_H

#include <kstreams/app.h>
#include <kstreams/store.h>
#include <kstreams/topology.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @java TopologyTestDriver */
typedef struct ks_test_driver ks_test_driver;

/** What a driver has beside its properties. NULL or zero: the defaults. */
typedef struct ks_test_driver_options {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    int64_t wall_clock_ms; /**< the clock at the start, milliseconds of the epoch */
    /**
     * NULL: the library's log goes nowhere, but for failures of calls on stores that were given no
     * ks_error: they are on standard error
     */
    ks_log_line_fn *log_line;
    void *user;
    ks_failure_fn *deserialization_handler; /**< these three as in ks_app_options */
    ks_failure_fn *processing_handler;
    ks_failure_fn *production_handler;
} ks_test_driver_options;
#define KS_TEST_DRIVER_OPTIONS(...) \
    (&(const ks_test_driver_options){KS_OPTIONS_HEAD(ks_test_driver_options), __VA_ARGS__})
/** For C++ and other languages: the head filled and all else zero. */
KS_API void ks_test_driver_options_init(ks_test_driver_options *options);

/**
 * A driver for a topology.
 *
 * @param topology  borrowed until the driver is freed
 * @param config    copied; NULL = defaults. application.id is "test" unless it is set;
 *                  bootstrap.servers is not needed
 * @return owned: free with ks_test_driver_free(); NULL on error, which includes a task that cannot
 *         start
 */
KS_API ks_test_driver *ks_test_driver_new(const ks_topology *topology, const ks_config *config,
                                          const ks_test_driver_options *options, ks_error *error);
/** Closes the task and frees all that the driver gave out. @java TopologyTestDriver#close */
KS_API void ks_test_driver_free(ks_test_driver *driver);

/* ---- typed topics ---------------------------------------------------------------------------- */

/** A topic to pipe records into, with a clock of its own. @java TestInputTopic */
typedef struct ks_test_input ks_test_input;

/**
 * An input for a topic. Name and serdes are looked at when a record is piped; a NULL serde takes
 * only null.
 *
 * @param start_ms    timestamp of the first record piped without one, milliseconds of the epoch
 * @param advance_ms  added after each such record
 * @return owned by the driver, never NULL
 * @java   TopologyTestDriver#createInputTopic
 */
KS_API ks_test_input *ks_test_driver_input(ks_test_driver *driver, const char *topic,
                                           const ks_serde *key, const ks_serde *value,
                                           int64_t start_ms, int64_t advance_ms);

/**
 * Pipes a record at the input's own time. @return KS_OK, or what the topology failed with @java
 * TestInputTopic#pipeInput
 */
KS_NODISCARD KS_API ks_status ks_test_input_pipe(ks_test_input *input, ks_value key, ks_value value,
                                                 ks_error *error);

/**
 * Pipes a record with its own timestamp and headers. @return KS_OK, or what the topology failed
 * with @java TestInputTopic#pipeInput
 */
KS_NODISCARD KS_API ks_status ks_test_input_pipe_record(ks_test_input *input,
                                                        const ks_record *record, ks_error *error);

/** Moves the input's own time on. @java TestInputTopic#advanceTime */
KS_API void ks_test_input_advance_time(ks_test_input *input, int64_t ms);

/** A topic to read what was produced. @java TestOutputTopic */
typedef struct ks_test_output ks_test_output;

/**
 * An output for a topic, which may have no record yet. Each handle reads from the beginning.
 *
 * @return owned by the driver, never NULL
 * @java   TopologyTestDriver#createOutputTopic
 */
KS_API ks_test_output *ks_test_driver_output(ks_test_driver *driver, const char *topic,
                                             const ks_serde *key, const ks_serde *value);

/**
 * The next record; false at the end, and on bytes the serdes cannot read (`error->code` tells).
 * Borrowed until the driver is freed. @java TestOutputTopic#readRecord
 */
KS_NODISCARD KS_API bool ks_test_output_read(ks_test_output *output, ks_record *record,
                                             ks_error *error);

/** How many records are left to read. @java TestOutputTopic#getQueueSize */
KS_API size_t ks_test_output_size(const ks_test_output *output);

/* ---- bytes ----------------------------------------------------------------------------------- */

/**
 * Pipes a record of bytes. `record->partition` and `offset` are ignored; a timestamp is taken as it
 * is. Returns when nothing is left to process: a topology that feeds a topic it reads must come to
 * an end by itself.
 *
 * @return KS_OK; KS_E_ARGUMENT when no source reads the topic; else what the topology failed with
 */
KS_NODISCARD KS_API ks_status ks_test_driver_pipe(ks_test_driver *driver, const char *topic,
                                                  const ks_log_record *record, ks_error *error);

/** How many topics got a record so far: sinks, repartition, changelogs. */
KS_API size_t ks_test_driver_topic_count(const ks_test_driver *driver);

/**
 * The name of such a topic, in the order of their names; NULL past the end. @java
 * TopologyTestDriver#producedTopicNames
 */
KS_API const char *ks_test_driver_topic_name(const ks_test_driver *driver, size_t index);

/** How many records a topic got. */
KS_API size_t ks_test_driver_produced_count(const ks_test_driver *driver, const char *topic);

/**
 * Record `index` of a topic, in the order of production; false past the end. Borrowed until the
 * driver is freed.
 */
KS_NODISCARD KS_API bool ks_test_driver_produced(const ks_test_driver *driver, const char *topic,
                                                 size_t index, ks_log_record *record);

/* ---- time, stores, counters ------------------------------------------------------------------ */

/**
 * Moves the wall clock on, once by the whole amount, and commits.
 *
 * @return KS_OK; KS_E_ARGUMENT when `ms` is negative; else what the topology failed with
 * @java   TopologyTestDriver#advanceWallClockTime
 */
KS_NODISCARD KS_API ks_status ks_test_driver_advance_wall_clock(ks_test_driver *driver, int64_t ms,
                                                                ks_error *error);

/** What is left of the state when the task begins again. */
typedef enum ks_test_restart {
    KS_TEST_RESTART_KEEP_STATE = 0, /**< the rows of all stores, also of those in memory */
    /**
     * nothing: every store is rebuilt from its changelog, or from the topic that doubles as it; one
     * that has neither is empty
     */
    KS_TEST_RESTART_LOSE_STATE
} ks_test_restart;

/**
 * Ends the task and starts it again, as if the application had been stopped and started.
 *
 * What was processed stays so: everything is committed before, and the offsets, the partition times
 * and so the stream time go on where they were. Records that waited for others
 * (`max.task.idle.ms`) wait again. Processors are closed and initialised anew, with zeroed state;
 * what they had scheduled is gone, and they schedule it again from now on. Record caches are empty.
 * Handles of stores and topics stay valid, and the counters go on.
 *
 * Run a test with a restart after every step, once with each kind: what differs is state that a
 * processor keeps outside its stores.
 *
 * @return KS_OK; what the topology failed with while committing or starting: the driver can then
 *         only be freed, and handles of its stores are gone
 */
KS_NODISCARD KS_API ks_status ks_test_driver_restart(ks_test_driver *driver,
                                                     ks_test_restart restart, ks_error *error);

/**
 * A key-value store by name, or NULL. Borrowed until the driver is freed.
 *
 * Reading goes through the record cache, as a processor's does. Writing is done in the name of a
 * record without a topic whose timestamp is 0; what that leaves in the record cache is forwarded
 * and logged when the next record has been processed, or the wall clock advanced. @java
 * TopologyTestDriver#getKeyValueStore, TopologyTestDriver#getTimestampedKeyValueStore
 */
KS_API ks_key_value_store *ks_test_driver_key_value_store(ks_test_driver *driver, const char *name);

/**
 * The same store below its record cache: what commits have stored and logged. For reading only:
 * writing answers KS_E_STATE.
 */
KS_API ks_key_value_store *ks_test_driver_stored_key_value_store(ks_test_driver *driver,
                                                                 const char *name);

/**
 * A versioned store by name, or NULL. Borrowed until the driver is freed. @java
 * TopologyTestDriver#getVersionedKeyValueStore
 */
KS_API ks_versioned_store *ks_test_driver_versioned_store(ks_test_driver *driver, const char *name);

/**
 * A window store by name, or NULL; as ks_test_driver_key_value_store() otherwise. @java
 * TopologyTestDriver#getWindowStore, TopologyTestDriver#getTimestampedWindowStore
 */
KS_API ks_window_store *ks_test_driver_window_store(ks_test_driver *driver, const char *name);

/** The same store below its record cache, as ks_test_driver_stored_key_value_store(). */
KS_API ks_window_store *ks_test_driver_stored_window_store(ks_test_driver *driver,
                                                           const char *name);

/**
 * A session store by name, or NULL; as ks_test_driver_key_value_store() otherwise. @java
 * TopologyTestDriver#getSessionStore
 */
KS_API ks_session_store *ks_test_driver_session_store(ks_test_driver *driver, const char *name);

/** The same store below its record cache, as ks_test_driver_stored_key_value_store(). */
KS_API ks_session_store *ks_test_driver_stored_session_store(ks_test_driver *driver,
                                                             const char *name);

/**
 * A custom store by name, or NULL. Borrowed until the driver is freed; its structure, only until
 * the driver is restarted. @java TopologyTestDriver#getStateStore
 */
KS_API ks_custom_store *ks_test_driver_custom_store(ks_test_driver *driver, const char *name);

/** How many stores the topology has. @java TopologyTestDriver#getAllStateStores */
KS_API size_t ks_test_driver_store_count(const ks_test_driver *driver);

/** The name of a store, in the order of their names; NULL past the end. */
KS_API const char *ks_test_driver_store_name(const ks_test_driver *driver, size_t index);

/** `dropped-records-total` of the task. */
KS_API uint64_t ks_test_driver_dropped_records(const ks_test_driver *driver);
/** The same for one reason. */
KS_API uint64_t ks_test_driver_dropped_by(const ks_test_driver *driver, ks_drop_reason reason);

#ifdef __cplusplus
}
#endif
#endif
