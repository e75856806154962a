/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app.h - a running application: KafkaStreams for C.
 *
 *     ks_app *app = ks_app_new(topology, config, NULL, &err);
 *     ks_status status = ks_app_run(app, &err); // until SIGINT, SIGTERM or a failure
 *     ks_app_free(app);
 *
 * States and their transitions are Java's: CREATED, REBALANCING, RUNNING, PENDING_SHUTDOWN,
 * NOT_RUNNING, PENDING_ERROR, ERROR. Library threads block all signals.
 */
#ifndef KSTREAMS_APP_H
#define KSTREAMS_APP_H

#include <kstreams/config.h>
#include <kstreams/handlers.h>
#include <kstreams/log.h>
#include <kstreams/processor.h>
#include <kstreams/topology.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An application: a topology that runs on a log. @java KafkaStreams */
typedef struct ks_app ks_app;

/** @java KafkaStreams.State */
typedef enum ks_app_state {
    KS_APP_CREATED = 0,
    KS_APP_REBALANCING,
    KS_APP_RUNNING,
    KS_APP_PENDING_SHUTDOWN,
    KS_APP_NOT_RUNNING,
    KS_APP_PENDING_ERROR,
    KS_APP_ERROR
} ks_app_state;

/** The name of a state, such as "RUNNING". Never NULL. @thread any */
KS_API const char *ks_app_state_name(ks_app_state state);

/** How much a line of the library's log matters. */
typedef enum ks_log_level {
    KS_LOG_LEVEL_DEBUG = 0,
    KS_LOG_LEVEL_INFO,
    KS_LOG_LEVEL_WARN,
    KS_LOG_LEVEL_ERROR
} ks_log_level;

/**
 * One line of the library's own log: `where` is the object it is about (an application, a node, a
 * topic), both texts are borrowed until the call returns. Called from any library thread and from
 * threads that call the library, one at a time; must not call back into the app.
 */
typedef void ks_log_line_fn(ks_log_level level, const char *where, const char *message, void *user);

/**
 * Called on each state change, in their order, from the thread that made it; must not call back
 * into the app. Java's gets the new state first. @java KafkaStreams.StateListener
 */
typedef void ks_state_listener_fn(ks_app_state from, ks_app_state to, void *user);

/**
 * RocksDB's options for one store, or for the database that holds them all, while
 * ks_rocksdb_config_fn() is called. @java Options
 */
typedef struct ks_rocksdb_options ks_rocksdb_options;

/**
 * Says which of RocksDB's options shall be other than the library sets them.
 *
 * Called by ks_app_start(), before the database is opened: once with a `store` of NULL for the
 * options of the whole database, such as `max_background_jobs`, and once for each store on disk.
 * Must not call back into the app.
 *
 *     static void tune(const char *store, ks_rocksdb_options *options, void *user)
 *     {
 *         if (store != NULL && strcmp(store, "sessions") == 0) {
 *             ks_rocksdb_options_set(options, "compression", "kLZ4Compression");
 *         }
 *     }
 *
 * All stores of an application are families of one database. @java RocksDBConfigSetter
 */
typedef void ks_rocksdb_config_fn(const char *store, ks_rocksdb_options *options, void *user);

/**
 * Sets one option, named and written as RocksDB's option files do: `write_buffer_size` to
 * `8388608`, `block_based_table_factory` to `{block_size=16384}`.
 *
 * An option that RocksDB does not know or a value that it does not take makes ks_app_start() fail
 * with KS_E_CONFIG, naming the store, the option and what to do. So do options that the library
 * needs as they are: what orders, merges or drops rows (comparator, merge operator, compaction
 * filter, prefix extractor, FIFO compaction), what makes them durable (`atomic_flush`, the log and
 * its directory), and what takes memory beside `statestore.memory.max.bytes` (block cache, row
 * cache, `db_write_buffer_size`). A later call for the same option wins.
 *
 * @param options  borrowed: valid until the callback returns
 * @param name     copied
 * @param value    copied
 * @thread the thread of the callback
 * @java   RocksDBConfigSetter#setConfig
 */
KS_API void ks_rocksdb_options_set(ks_rocksdb_options *options, const char *name,
                                   const char *value);

/** What happens to a store that is read from its changelog. */
typedef enum ks_restore_step {
    KS_RESTORE_START = 0, /**< reading begins at `position` */
    KS_RESTORE_BATCH,     /**< `records` more were read, up to `position` */
    KS_RESTORE_END,       /**< the store is current; `records` were read in all */
    KS_RESTORE_SUSPENDED, /**< the task goes elsewhere before that; `records` were read in all */
    KS_STANDBY_START,     /**< the same for a copy that only follows the changelog */
    KS_STANDBY_BATCH,
    KS_STANDBY_PROMOTED, /**< the copy becomes the store of a running task */
    KS_STANDBY_SUSPENDED /**< the group wants no copy here any more */
} ks_restore_step;

/** @java StateRestoreListener, StandbyUpdateListener */
typedef struct ks_restore_progress {
    ks_restore_step step;
    const char *store;
    const char *topic; /**< the changelog */
    int32_t partition;
    int64_t position; /**< the offset of the next record to read */
    int64_t end;      /**< the end of the changelog, as last seen */
    int64_t records;
} ks_restore_progress;

/**
 * Called as a store is restored, by the thread that restores; must not call back into the app. What
 * it is given lives until it returns.
 */
typedef void ks_restore_listener_fn(const ks_restore_progress *progress, void *user);

/** What shall happen after a stream thread failed. */
typedef enum ks_uncaught_answer {
    KS_SHUTDOWN_CLIENT = 0, /**< this application ends with the error: the default */
    KS_REPLACE_THREAD,      /**< another thread goes on from the last commit */
    KS_SHUTDOWN_APPLICATION /**< every instance of the application ends */
} ks_uncaught_answer;

/**
 * Asked when a stream thread has ended by an error that no handler took: a callback that failed, a
 * topic that is gone. A local state that does not read ends the application without asking. Must
 * not call back into the app. @java StreamsUncaughtExceptionHandler
 */
typedef ks_uncaught_answer ks_uncaught_error_fn(const ks_error *error, void *user);

/** What an application has beside its properties. NULL or zero: the defaults. */
typedef struct ks_app_options {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    /** work on this log instead of opening `bootstrap.servers`; borrowed, kept alive */
    ks_log *log;
    ks_log_line_fn *log_line; /**< NULL: warnings and errors to standard error */
    ks_state_listener_fn *state_listener;
    ks_restore_listener_fn *restore_listener;
    ks_uncaught_error_fn *uncaught_error; /**< NULL: KS_SHUTDOWN_CLIENT */
    void *user;                           /**< for all of them */
    ks_rocksdb_config_fn *rocksdb_config;
    ks_failure_fn *deserialization_handler; /**< these three NULL: the properties decide */
    ks_failure_fn *processing_handler;
    ks_failure_fn *production_handler;
    bool log_debug; /**< `log_line` gets lines of KS_LOG_LEVEL_DEBUG, too */
} ks_app_options;
#define KS_APP_OPTIONS(...) (&(const ks_app_options){KS_OPTIONS_HEAD(ks_app_options), __VA_ARGS__})
/** For C++ and other languages: the head filled and all else zero. @thread any */
KS_API void ks_app_options_init(ks_app_options *options);

/**
 * An application in state CREATED. Configuration is checked here: `application.id` and
 * `bootstrap.servers` are needed, and the id must be able to begin the name of a topic: at most 249
 * ASCII letters, digits, '.', '_' and '-'.
 *
 * @param topology  borrowed until the application is freed
 * @param config    copied
 * @return owned: free with ks_app_free(); NULL on error: KS_E_CONFIG, KS_E_TOPOLOGY for a topology
 *         without a source, or what ks_log_open() answers
 * @thread any
 * @java   KafkaStreams(Topology, Properties)
 */
KS_API ks_app *ks_app_new(const ks_topology *topology, const ks_config *config,
                          const ks_app_options *options, ks_error *error);

/**
 * Closes the application if it runs, waiting as long as that takes, and frees it. @thread any but a
 * library thread
 */
KS_API void ks_app_free(ks_app *app);

/**
 * Creates internal topics, makes the tasks and starts the threads. After a failed start the
 * application ends in state ERROR.
 *
 * @return KS_OK; KS_E_STATE when it was started before, or the group has a member already;
 *         KS_E_UNKNOWN_TOPIC for a missing source topic; KS_E_TOPOLOGY for an internal topic that
 *         exists with another number of partitions, and for two patterns that match one topic;
 *         KS_E_CONFIG for an option of RocksDB that cannot be set;
 *         KS_E_LIMIT for a pattern that takes too many steps on the name of a topic; else
 *         the first error of a task, such as a serde that nobody named
 * @thread any but a library thread
 * @java   KafkaStreams#start
 */
KS_NODISCARD KS_API ks_status ks_app_start(ks_app *app, ks_error *error);

/**
 * Waits until everything that is in the input topics has been processed and committed. Records
 * produced meanwhile count. Results, stores and stats are then that far, too.
 *
 * Each application looks at the tasks it has: what a task that is on its way from one instance to
 * another has not read is waited for by neither.
 *
 * @param timeout_ms  negative = for ever
 * @return KS_OK; KS_E_TIMEOUT; the error that stopped the application; KS_E_STATE when it does not
 *         run, and in its own callbacks
 * @thread any but a library thread
 */
KS_NODISCARD KS_API ks_status ks_app_wait_until_caught_up(ks_app *app, int64_t timeout_ms,
                                                          ks_error *error);

/**
 * Stops after the records in hand, commits, and ends the threads. One that never started, or has
 * ended, is closed at once; closing twice is fine. An end that takes longer than the time given is
 * not called off: it goes on, and closing again waits for it again.
 *
 * @param timeout_ms  how long to wait for the end; 0 = only ask for it; negative = for ever
 * @return KS_OK, also when the application had failed before (its state is then ERROR);
 *         KS_E_TIMEOUT when it has not ended yet; KS_E_STATE in one of its own callbacks, which
 *         may only ask for the end; the error when the closing itself fails, such as in its last
 *         commit
 * @thread any but a library thread; any with a time of 0
 * @java   KafkaStreams#close
 */
KS_NODISCARD KS_API ks_status ks_app_close(ks_app *app, int64_t timeout_ms, ks_error *error);

/**
 * Starts (when CREATED), waits for SIGINT, SIGTERM or the end of the application, and closes it,
 * for as long as that takes.
 *
 * Handlers for both signals are installed while it waits, and those of before come back for the
 * closing, a quarter of a second after the signal: a second one does what it did without the
 * library, unless it came with the first, as from timeout(1). Several applications may run at
 * once, each in a thread of the program; one signal closes them all.
 *
 * @return KS_OK after a clean close, else the error that stopped it
 * @thread any but a library thread
 */
KS_NODISCARD KS_API ks_status ks_app_run(ks_app *app, ks_error *error);

/**
 * One more stream thread; tasks move to it, one after the other. The record cache is divided anew.
 *
 * @return KS_OK; KS_E_STATE unless the application is RUNNING or REBALANCING
 * @thread any
 * @java   KafkaStreams#addStreamThread
 */
KS_NODISCARD KS_API ks_status ks_app_add_stream_thread(ks_app *app, ks_error *error);

/**
 * Ends the youngest stream thread after the records in hand; its tasks move to the others, and wait
 * when there is none. Does not wait for that.
 *
 * @return KS_OK; KS_E_STATE unless the application is RUNNING or REBALANCING with a thread
 * @thread any
 * @java   KafkaStreams#removeStreamThread
 */
KS_NODISCARD KS_API ks_status ks_app_remove_stream_thread(ks_app *app, ks_error *error);

/** How many stream threads work. @thread any */
KS_API size_t ks_app_stream_threads(ks_app *app);

/**
 * Stops processing and punctuation until ks_app_resume(); records are still fetched, and stores
 * restored. May be called before the start. @thread any @java KafkaStreams#pause
 */
KS_API void ks_app_pause(ks_app *app);
/** Goes on. @thread any @java KafkaStreams#resume */
KS_API void ks_app_resume(ks_app *app);
/** Whether it is paused. @thread any @java KafkaStreams#isPaused */
KS_API bool ks_app_is_paused(const ks_app *app);

/**
 * Deletes the local state of the application below `state.dir`; the changelogs fill it again.
 *
 * @return KS_OK, also when there is none; KS_E_STATE while the application runs or another process
 *         uses the directory; KS_E_IO
 * @thread any
 * @java   KafkaStreams#cleanUp
 */
KS_NODISCARD KS_API ks_status ks_app_clean_up(ks_app *app, ks_error *error);

/** The state at the moment. @thread any @java KafkaStreams#state */
KS_API ks_app_state ks_app_state_of(const ks_app *app);

/** What an application has done since it was started. */
typedef struct ks_app_stats {
    uint64_t records_processed; /**< taken from source and repartition topics */
    uint64_t records_produced;  /**< to sinks, repartition and changelog topics */
    uint64_t records_dropped;   /**< `dropped-records-total` over all tasks */
    uint64_t commits;
    uint64_t records_behind; /**< in input topics and not yet processed */
} ks_app_stats;

/**
 * A snapshot, at most a batch old; behind ks_app_wait_until_caught_up() it has all that was waited
 * for. @thread any
 */
KS_API ks_app_stats ks_app_stats_of(ks_app *app);

/** `records_dropped` for one reason; at most a batch old. @thread any */
KS_API uint64_t ks_app_dropped_records(ks_app *app, ks_drop_reason reason);

/**
 * What the stores on disk of an application take of the memory of the process, in bytes, all tasks
 * together. `used` is the sum of the others. Zero without such stores, and when the application
 * does not run.
 */
typedef struct ks_app_memory {
    int64_t limit; /**< `statestore.memory.max.bytes` */
    int64_t used;
    int64_t block_cache; /**< RocksDB's: rows, indexes and filters, and what open tables take */
    int64_t memtables;   /**< RocksDB's: written, not flushed; may be over its part meanwhile */
    int64_t rows;        /**< committed and not in RocksDB yet, or remembered; at the last commit */
} ks_app_memory;

/**
 * A snapshot. Rows that are not committed are bounded by `statestore.uncommitted.max.bytes` and
 * record caches by `statestore.cache.max.bytes`; neither is in it. When the application runs, and
 * when it is closed, a line of the log says the same and names the largest users; lines of
 * KS_LOG_LEVEL_DEBUG have each store of each task. @thread any
 */
KS_API ks_app_memory ks_app_memory_of(ks_app *app);

#ifdef __cplusplus
}
#endif
#endif
