/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.h - a task: one copy of some nodes for one partition, with its queues, stores and time.
 * @java StreamTask
 *
 * The owner (a stream thread, or the test driver) puts records into the task's queues, one for each
 * topic it reads, and lets it process one record at a time: the head with the lowest timestamp
 * (record_queue.h, partition_group.h). Everything the record leads to happens before
 * ksi_task_process() returns. Sends go to the producer given, under the names of topics in the log.
 *
 * ksi_task_flush() empties the record caches, which may forward and send; after it and a flush of
 * the producer what ksi_task_offset() says may be committed.
 *
 * Thread rule: one thread at a time owns a task. Its stores may be read by others, through handles
 * (state/store_query.h); an owner whose task has such readers holds the task's store lock around
 * every call that processes, flushes, commits or applies.
 */
#ifndef KSI_RUNTIME_TASK_H
#define KSI_RUNTIME_TASK_H

#include "base/clock.h"
#include "base/logger.h"
#include "runtime/commit_metadata.h"
#include "runtime/error_handlers.h"
#include "runtime/task_rows.h"
#include "serde/mismatch.h"
#include "state/record_cache.h"
#include "state/store.h"
#include "topology/topology.h"
#include "transport/transport.h"
#include <kstreams/config.h>

typedef struct ksi_task ksi_task;

typedef struct ksi_task_options {
    const ks_topology *topology;
    /*
     * KSI_ALL_SUBTOPOLOGIES: the whole topology but for the global stores, as the test driver has
     * it; KSI_GLOBAL_STORES: those.
     */
    int subtopology;
    int32_t partition;
    const ks_config *config;
    const char *application_id;
    ksi_producer *producer;           /* NULL: it has neither sinks nor changelogs */
    uint32_t number;                  /* in its thread, for ksi_undelivered_fn */
    ksi_record_cache *cache;          /* NULL: caching is off */
    ksi_task_rows *rows;              /* outlive the task; NULL: its own, in memory */
    const ksi_task_rows *global_rows; /* of the global stores; NULL: there are none */
    const ksi_task *global_task;      /* that writes them on the same thread; NULL: another does */
    ksi_clock *clock;
    ksi_logger *logger; /* may be NULL */
    ksi_failure_handlers failure;
    /*
     * Sources with a pattern: each of these topics of the log that a pattern matches is an input.
     * NULL: a pattern is one input, which takes the records of all topics that match, as the test
     * driver has it. @java TopologyTestDriver
     */
    const char *const *matched_topics;
    size_t matched_topic_count;
} ksi_task_options;

/*
 * Makes the task and starts its nodes; what `options` points to is borrowed until the task is
 * freed, texts are copied. NULL with an error; nothing is left behind.
 */
ksi_task *ksi_task_new(const ksi_task_options *options, ks_error *error);
void ksi_task_free(ksi_task *task); /* closes the nodes and drops what was not flushed */

/* The topics the task reads, as the log names them: one queue each. */
size_t ksi_task_input_count(const ksi_task *task);
const char *ksi_task_input_topic(const ksi_task *task, size_t input);
/* The input that reads a topic of the log, by name or by pattern; SIZE_MAX when there is none. */
size_t ksi_task_input_of(const ksi_task *task, const char *topic);

/*
 * Queues a record: key, value and headers are copied. `topic` NULL: the input's own. A record that
 * cannot be read may end the task; the next ksi_task_process() says so.
 */
void ksi_task_enqueue(ksi_task *task, size_t input, const char *topic, const ks_log_record *record);
/* The source that reads an input. */
const ksi_source *ksi_task_source_of(const ksi_task *task, size_t input);
/* How many records wait in an input's queue. */
size_t ksi_task_queued(const ksi_task *task, size_t input);
/*
 * What is known about records of an input that are not queued yet: true when it has been read to
 * its end (KIP-695).
 */
void ksi_task_set_caught_up(ksi_task *task, size_t input, bool caught_up);

/*
 * Processes the next record if one may be processed now (max.task.idle.ms), and the punctuations
 * that it makes due by stream time; `*processed` says whether there was one. An error stops the
 * task: it can only be freed.
 */
KS_NODISCARD ks_status ksi_task_process(ksi_task *task, bool *processed, ks_error *error);

/*
 * Calls the punctuations that are due: by stream time, once it is known, or by the wall clock.
 * `*punctuated`: whether there was one, and so something to commit. An error stops the task.
 */
KS_NODISCARD ks_status ksi_task_punctuate(ksi_task *task, ks_punctuation_type type,
                                          bool *punctuated, ks_error *error);
/* When ksi_task_punctuate() may have something to do by the wall clock; INT64_MAX: never. */
int64_t ksi_task_wall_clock_due_ms(const ksi_task *task);

/* Flushes the caches of the stores, in the order of their first nodes. */
KS_NODISCARD ks_status ksi_task_flush(ksi_task *task, ks_error *error);

/*
 * The offset to commit for an input: that of its queue's head, or one past the last record
 * processed; -1 when nothing was consumed.
 */
int64_t ksi_task_offset(const ksi_task *task, size_t input);
/* An input of which nothing is queued is another one from here on: none of it was processed. */
void ksi_task_forget_offset(ksi_task *task, size_t input);
/*
 * The highest timestamp that was taken from an input, -1 before the first: it is committed beside
 * the offset, so that stream time goes on where it was. Setting it is for before the first record.
 * @java RecordQueue#partitionTime
 */
int64_t ksi_task_partition_time(const ksi_task *task, size_t input);
void ksi_task_set_partition_time(ksi_task *task, size_t input, int64_t timestamp);
/*
 * What its nodes keep beside the offsets, to commit with each of them, in `arena`; and what came
 * with one, to be told before the first record. Of one name the larger number counts: not every
 * commit is of all inputs. @java ProcessorMetadata
 */
ksi_commit_notes ksi_task_notes(const ksi_task *task, ks_arena *arena);
void ksi_task_take_notes(ksi_task *task, const ksi_commit_notes *notes);
/* Whether something was processed since the last ksi_task_committed(). */
bool ksi_task_commit_needed(const ksi_task *task);
/* Whether a processor asked for a commit since the last ksi_task_committed(). */
bool ksi_task_commit_requested(const ksi_task *task);

/* ---- what the log refused later -------------------------------------------------------------- */

/*
 * A record of the task that was sent, for `purpose` (collector.h), and then refused: the production
 * handler is asked, as when it is refused at once. KS_OK: it is left out; else the thread fails, or
 * goes back to its last commit when the error is flagged KS_ERROR_ABORT. Sends nothing, so that a
 * producer may call it.
 */
KS_NODISCARD ks_status ksi_task_undelivered(ksi_task *task, uint32_t purpose, const char *topic,
                                            const ks_log_record *record, const ks_error *reason,
                                            ks_error *error);
/* Sends the dead letters that came of it; `*any`: whether there were some. */
KS_NODISCARD ks_status ksi_task_send_letters(ksi_task *task, bool *any, ks_error *error);

/* ---- the rows of its stores ------------------------------------------------------------------ */

/*
 * Commits the rows of stores without a changelog, which become durable by it: before the offsets
 * are, so that a crash in between processes records again and loses none.
 */
KS_NODISCARD ks_status ksi_task_commit_unlogged(ksi_task *task, ks_error *error);
/*
 * What was processed is committed: the rows of the stores are, too, and each store knows its place
 * in its changelog. Also brings the time up to date at which the stores were last known to be
 * current. Only a store that does without its changelog for the moment can fail.
 */
KS_NODISCARD ks_status ksi_task_committed(ksi_task *task, ks_error *error);
/* ---- what others ask ------------------------------------------------------------------------- */

/* Records dropped for a reason, and records handed to the producer. */
uint64_t ksi_task_dropped_by(const ksi_task *task, ks_drop_reason reason);
uint64_t ksi_task_sent(const ksi_task *task);

/* What a task is busy with. */
typedef struct ksi_task_activity {
    const char *node;  /* whose code runs; the topology's. NULL: none */
    const char *topic; /* of the record in hand; the task's. NULL: none */
    int32_t partition;
    int64_t offset;
} ksi_task_activity;

/* At a glance: the parts need not be of one moment. @thread any, while the task is not freed */
ksi_task_activity ksi_task_activity_of(const ksi_task *task);

/*
 * Who is to be told, while somebody else's write to a store runs nodes of the task, of values that
 * they ask for another kind.
 */
ksi_mismatch_handler ksi_task_mismatch_handler(ksi_task *task);

/* A store of the task by name, or NULL; and stores in the order of their first nodes. */
ksi_store *ksi_task_store_named(const ksi_task *task, const char *name);
size_t ksi_task_store_count(const ksi_task *task);
ksi_store *ksi_task_store_at(const ksi_task *task, size_t index);
/* The serdes of a store, with defaults filled in. */
void ksi_task_store_serdes(const ksi_task *task, size_t index, const ks_serde **key,
                           const ks_serde **value);

#endif
