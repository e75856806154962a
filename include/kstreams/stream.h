/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - the builder and KStream: sources, stateless operations, grouping, sinks.
 *
 * Builder and handles belong to one thread. Handles are owned by their builder. A misuse marks the
 * builder and gives an inert handle, never NULL; ks_builder_build() reports the first one with the
 * node and the line that made it. Callbacks run on stream threads: a user pointer shared by several
 * tasks must be safe to use from several threads.
 *
 * @thread builder thread
 */
#ifndef KSTREAMS_STREAM_H
#define KSTREAMS_STREAM_H

#include <kstreams/config.h>
#include <kstreams/options.h>
#include <kstreams/processor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ks_builder ks_builder;               /**< @java StreamsBuilder */
typedef struct ks_stream ks_stream;                 /**< @java KStream */
typedef struct ks_table ks_table;                   /**< @java KTable */
typedef struct ks_global_table ks_global_table;     /**< @java GlobalKTable */
typedef struct ks_split ks_split;                   /**< @java BranchedKStream */
typedef struct ks_grouped_stream ks_grouped_stream; /**< @java KGroupedStream */
typedef struct ks_grouped_table ks_grouped_table;   /**< @java KGroupedTable */
typedef struct ks_topology ks_topology;             /**< @java Topology */

/* ---- callbacks ------------------------------------------------------------------------------- */

/** Keep this record? Also the condition of a branch. @java Predicate */
typedef bool ks_predicate_fn(ks_ctx *ctx, const ks_record *record, void *user);

/**
 * The new value of a record, or its new key: map_values, select_key, group_by. @java ValueMapper,
 * ValueMapperWithKey, KeyValueMapper
 */
typedef ks_value ks_mapper_fn(ks_ctx *ctx, const ks_record *record, void *user);

/** A new key and value. */
typedef struct ks_pair {
    ks_value key;
    ks_value value;
} ks_pair;

/** The new key and value of a record. @java KeyValueMapper */
typedef ks_pair ks_pair_mapper_fn(ks_ctx *ctx, const ks_record *record, void *user);

/**
 * Something to do with a record; flat operations call ks_emit() here any number of times. @java
 * ForeachAction
 */
typedef void ks_action_fn(ks_ctx *ctx, const ks_record *record, void *user);

/** The topic a record goes to, as text. Null fails the record. @java TopicNameExtractor */
typedef ks_slice ks_topic_name_fn(ks_ctx *ctx, const ks_record *record, void *user);

/* ---- builder --------------------------------------------------------------------------------- */

/**
 * A builder of one topology.
 *
 * @param config  copied; NULL = defaults. What shapes a topology is read from it:
 *                dsl.store.suppliers.class and ensure.explicit.internal.resource.naming
 * @return owned: free with ks_builder_free(), before or after the topology it built
 * @java StreamsBuilder(TopologyConfig)
 */
KS_API ks_builder *ks_builder_new(const ks_config *config);
/** Frees the builder and its handles, not the topology it gave away. @thread builder thread */
KS_API void ks_builder_free(ks_builder *builder);

/**
 * The topology of everything asked for so far. A builder builds once.
 *
 * @return owned: free with ks_topology_free(); NULL when anything was misused: `error` then has the
 *         first misuse; NULL with KS_E_STATE the second time
 * @thread builder thread
 * @java   StreamsBuilder#build
 */
KS_API ks_topology *ks_builder_build(ks_builder *builder, ks_error *error);

/**
 * A stream of a topic. @return owned by the builder, never NULL @java StreamsBuilder#stream(String,
 * Consumed)
 */
KS_API ks_stream *ks_builder_stream(ks_builder *builder, const char *topic,
                                    const ks_consumed *consumed);

/** A stream of several topics. @java StreamsBuilder#stream(Collection, Consumed) */
KS_API ks_stream *ks_builder_stream_of(ks_builder *builder, const char *const *topics, size_t count,
                                       const ks_consumed *consumed);

/**
 * A stream of all topics whose whole name matches a regular expression (PCRE2;
 * docs/differences.md says where it reads another language than Java's). A topic that is made while
 * an application runs is found within a second, or within `metadata.max.age.ms` if that is less;
 * then the tasks are made anew, as in a rebalance. @java StreamsBuilder#stream(Pattern, Consumed)
 */
KS_API ks_stream *ks_builder_stream_matching(ks_builder *builder, const char *pattern,
                                             const ks_consumed *consumed);

/**
 * A table of a topic: its records are the updates of their keys. Null keys are dropped and counted
 * in `dropped-records`; a null value deletes. @java StreamsBuilder#table
 */
KS_API ks_table *ks_builder_table(ks_builder *builder, const char *topic,
                                  const ks_consumed *consumed, const ks_materialized *materialized);

/**
 * A table that every instance of the application has as a whole: all partitions of its topic, for
 * what is small and looked up by everybody.
 *
 * It is complete up to the end that the topic has at the start before the first record is
 * processed, and follows the topic from there on, so it has no order with the records of other
 * topics. Its store can be read by every processor without being connected to it, and queried.
 * Null keys are dropped and counted in `dropped-records`; a null value deletes. `consumed` gives
 * serdes and a name; the timestamps are those of the records, whatever its extractor says, and it
 * begins with the first record, whatever its offset reset says.
 *
 * The topic itself is the changelog: the store is not logged, and not cached, whatever
 * `materialized` says.
 *
 * @param topic         copied
 * @param consumed      serdes, name; NULL = those of `materialized`, or the defaults
 * @param materialized  store name, type; NULL = a generated name
 * @return the table, owned by the builder. Never NULL: misuse is reported by ks_builder_build()
 * @thread builder thread
 * @java   StreamsBuilder#globalTable
 */
KS_API ks_global_table *ks_builder_global_table(ks_builder *builder, const char *topic,
                                                const ks_consumed *consumed,
                                                const ks_materialized *materialized);

/**
 * Adds a global store that a processor of the program's own keeps from a topic: like a global
 * table, but the processor decides what is in it. It reads and writes the store by
 * ks_ctx_key_value_store(), forwards to nobody and schedules nothing.
 *
 * When the store is restored, the records of the topic go through the processor, too: those that
 * were not before the last stop. Null keys it sees only of records that come later, as in Java.
 *
 * @param store      copied; a key-value store; logging and caching mean nothing
 * @param processor  borrowed until the topology is freed; it brings no stores of its own
 * @param user       handed to it; freed with the topology by `user_free`
 * @param source     the topic, serdes; `processor_name` names both nodes, and is generated where it
 *                   is left out; no `source_name`
 * @thread builder thread; of the processor: the global thread
 * @java   StreamsBuilder#addGlobalStore
 */
KS_API void ks_builder_add_global_store(ks_builder *builder, const ks_store_builder *store,
                                        const ks_processor *processor, void *user,
                                        const ks_store_source *source);

/**
 * The name of the store of a global table. Borrowed from the builder; NULL after a misuse. @java
 * GlobalKTable#queryableStoreName
 */
KS_API const char *ks_global_table_queryable_store_name(const ks_global_table *table);

/**
 * Adds a store for processors; those that name it in KS_CONNECTED(.stores) share it. No task has a
 * store that no processor names.
 *
 * @param store  copied @java StreamsBuilder#addStateStore
 */
KS_API void ks_builder_add_store(ks_builder *builder, const ks_store_builder *store);

/**
 * Lets a wrapper stand around all processors of the topology, those that are there already and
 * those that are added to the topology later. One for a builder.
 *
 * @param wrapper  a constant that outlives the topology
 * @param named    its `user_free` only
 * @java  ProcessorWrapper
 */
KS_API void ks_builder_wrap_processors(ks_builder *builder, const ks_processor_wrapper *wrapper,
                                       void *user, const ks_named *named);

/* ---- one record in, some out ----------------------------------------------------------------- */

/** Keeps the records for which `keep` is true. @java KStream#filter */
KS_API ks_stream *ks_stream_filter(ks_stream *stream, ks_predicate_fn *keep, void *user,
                                   const ks_named *named);

/** Keeps the records for which `drop` is false. @java KStream#filterNot */
KS_API ks_stream *ks_stream_filter_not(ks_stream *stream, ks_predicate_fn *drop, void *user,
                                       const ks_named *named);

/** New keys, same values; grouping or joining afterwards repartitions. @java KStream#selectKey */
KS_API ks_stream *ks_stream_select_key(ks_stream *stream, ks_mapper_fn *key, void *user,
                                       const ks_named *named);

/** New keys and values; grouping or joining afterwards repartitions. @java KStream#map */
KS_API ks_stream *ks_stream_map(ks_stream *stream, ks_pair_mapper_fn *map, void *user,
                                const ks_named *named);

/** Same keys, new values. @java KStream#mapValues */
KS_API ks_stream *ks_stream_map_values(ks_stream *stream, ks_mapper_fn *map, void *user,
                                       const ks_named *named);

/**
 * Any number of records for each, by ks_emit(); grouping or joining afterwards repartitions. @java
 * KStream#flatMap
 */
KS_API ks_stream *ks_stream_flat_map(ks_stream *stream, ks_action_fn *emit, void *user,
                                     const ks_named *named);

/** Any number of values under the same key, by ks_emit_value(). @java KStream#flatMapValues */
KS_API ks_stream *ks_stream_flat_map_values(ks_stream *stream, ks_action_fn *emit, void *user,
                                            const ks_named *named);

/**
 * An operation of the program's own. What it forwards is the new stream, whose serdes are not known
 * and whose keys count as changed. @java KStream#process
 *
 * @param processor  a constant that outlives the topology
 * @param connected  name of the node and stores to connect; NULL: a generated name and those that
 *                   the processor brings along
 */
KS_API ks_stream *ks_stream_process(ks_stream *stream, const ks_processor *processor, void *user,
                                    const ks_connected *connected);

/**
 * The same for a processor that keeps the key: the stream keeps its key serde, and is not
 * repartitioned for it. Forwarding under another key than that of the record in hand fails; a
 * punctuation, which has no record in hand, must keep to keys that the task was given. @java
 * KStream#processValues
 */
KS_API ks_stream *ks_stream_process_values(ks_stream *stream, const ks_processor *processor,
                                           void *user, const ks_connected *connected);

/** Looks at every record and passes it on. @java KStream#peek */
KS_API ks_stream *ks_stream_peek(ks_stream *stream, ks_action_fn *look, void *user,
                                 const ks_named *named);

/** Ends the stream in an action. @java KStream#foreach */
KS_API void ks_stream_foreach(ks_stream *stream, ks_action_fn *action, void *user,
                              const ks_named *named);

/** Ends the stream in printed lines. @java KStream#print */
KS_API void ks_stream_print(ks_stream *stream, const ks_printed *printed);

/* ---- several streams ------------------------------------------------------------------------- */

/**
 * Splits a stream: each record goes to the first branch whose condition holds, else to the default
 * branch, else nowhere.
 * @return owned by the builder @java KStream#split
 */
KS_API ks_split *ks_stream_split(ks_stream *stream, const ks_named *named);

/** Adds a branch. @java BranchedKStream#branch */
KS_API ks_stream *ks_split_branch(ks_split *split, ks_predicate_fn *condition, void *user,
                                  const ks_branched *branched);

/**
 * Adds the branch for all that no other took; at most one. Without it such records go nowhere.
 * @java BranchedKStream#defaultBranch
 */
KS_API ks_stream *ks_split_default_branch(ks_split *split, const ks_branched *branched);

/** Both streams in one; no order is promised between them. @java KStream#merge */
KS_API ks_stream *ks_stream_merge(ks_stream *stream, ks_stream *other, const ks_named *named);

/**
 * Sends the stream through an internal topic, so that equal keys meet in one task. @java
 * KStream#repartition
 */
KS_API ks_stream *ks_stream_repartition(ks_stream *stream, const ks_repartitioned *repartitioned);

/* ---- leaving the stream ---------------------------------------------------------------------- */

/** Writes the stream to a topic. @java KStream#to(String, Produced) */
KS_API void ks_stream_to(ks_stream *stream, const char *topic, const ks_produced *produced);

/**
 * Writes each record to the topic that `topic` names; the topics must exist. @java
 * KStream#to(TopicNameExtractor, Produced)
 */
KS_API void ks_stream_to_dynamic(ks_stream *stream, ks_topic_name_fn *topic, void *user,
                                 const ks_produced *produced);

/**
 * The stream as the updates of a table; repartitions first where the keys were changed. @java
 * KStream#toTable
 */
KS_API ks_table *ks_stream_to_table(ks_stream *stream, const ks_materialized *materialized);

/**
 * Groups by the key as it is; repartitions only where the keys were changed. @java
 * KStream#groupByKey
 */
KS_API ks_grouped_stream *ks_stream_group_by_key(ks_stream *stream, const ks_grouped *grouped);

/** Groups by a new key; repartitions. @java KStream#groupBy */
KS_API ks_grouped_stream *ks_stream_group_by(ks_stream *stream, ks_mapper_fn *key, void *user,
                                             const ks_grouped *grouped);

#ifdef __cplusplus
}
#endif
#endif
