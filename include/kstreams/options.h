/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the options of the DSL: one struct and one macro for each of Kafka's option objects.
 *
 *     ks_builder_stream(b, "payments",
 *                       KS_CONSUMED(.value = &ks_serde_string, .name = "payments-source"));
 *
 * Zero means Java's default everywhere. A `name` names the processor node (Java's Named), or what
 * the struct says. `user_free`, where there is one, is called exactly once with the operation's
 * user pointer: when the topology is freed, or with the builder when it gave no topology away or
 * the operation was refused; never during the call. An operation without a user pointer ignores it.
 * In C++, where a compound literal has no address, fill a struct with ks_*_init().
 *
 * @thread builder thread
 */
#ifndef KSTREAMS_OPTIONS_H
#define KSTREAMS_OPTIONS_H

#include <kstreams/serde.h>
#include <kstreams/store.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ks_ctx ks_ctx;

/* ---- who decides timestamps and partitions --------------------------------------------------- */

/** A record as it came from its topic, for a timestamp extractor. @java ConsumerRecord */
typedef struct ks_source_record {
    const char *topic;
    int32_t partition;
    int64_t offset;
    ks_record record;      /**< with the timestamp the log gave it */
    int64_t wall_clock_ms; /**< now, by the application's clock */
} ks_source_record;

typedef struct ks_timestamp_extractor ks_timestamp_extractor;

/**
 * Says the timestamp of a record as it enters the topology; a constant that outlives it. @java
 * TimestampExtractor
 *
 * A negative result skips the record and counts it in `dropped-records`. An error stops the task
 * (KS_E_TIMESTAMP). `partition_time` is the highest timestamp seen on the partition so far, or -1.
 * @thread a stream thread
 */
struct ks_timestamp_extractor {
    size_t struct_size;
    const char *name;
    ks_status (*extract)(const ks_timestamp_extractor *extractor, const ks_source_record *record,
                         int64_t partition_time, int64_t *timestamp, ks_error *error);
    const void *config;
};

KS_API extern const ks_timestamp_extractor ks_timestamp_fail_on_invalid; /**< the default */
KS_API extern const ks_timestamp_extractor ks_timestamp_log_and_skip_on_invalid;
KS_API extern const ks_timestamp_extractor ks_timestamp_use_partition_time_on_invalid;
/** the application's clock, so a test's clock too */
KS_API extern const ks_timestamp_extractor ks_timestamp_wallclock;

/** The partitions a record goes to; empty until a partitioner says something. */
typedef struct ks_partitions ks_partitions;

/**
 * The record goes to this partition, too. @return KS_E_ARGUMENT when there is no such partition
 * @thread the partitioner's
 */
KS_NODISCARD KS_API ks_status ks_partitions_add(ks_partitions *partitions, int32_t partition);

/**
 * The record goes nowhere, whatever was added before, and is counted in `dropped-records`.
 * @thread the partitioner's
 */
KS_API void ks_partitions_drop(ks_partitions *partitions);

typedef struct ks_partitioner ks_partitioner;

/**
 * Chooses partitions of a sink or repartition topic; a constant that outlives the topology. @java
 * StreamPartitioner
 *
 * Saying nothing leaves the choice to the default: murmur2 of the serialized key, as Java's
 * producer. @thread a stream thread
 */
struct ks_partitioner {
    size_t struct_size;
    const char *name;
    ks_status (*partition)(const ks_partitioner *partitioner, const char *topic,
                           const ks_record *record, int32_t partition_count,
                           ks_partitions *partitions, ks_error *error);
    const void *config;
};

/**
 * Java's default partition of a serialized key: murmur2, positive, modulo. `key` must not be null.
 * @thread any
 */
KS_API int32_t ks_partition_of_key(ks_slice key, int32_t partition_count);

/** Where a source begins when the group has no committed offset. @java AutoOffsetReset */
typedef enum ks_offset_reset {
    KS_OFFSET_RESET_DEFAULT = 0, /**< what the properties say */
    KS_OFFSET_RESET_EARLIEST,
    KS_OFFSET_RESET_LATEST,
    KS_OFFSET_RESET_NONE,
    KS_OFFSET_RESET_BY_DURATION /**< `offset_reset_duration_ms` before now */
} ks_offset_reset;

/* ---- options --------------------------------------------------------------------------------- */

/**
 * Names, for options and functions that take several: KS_NAMES("orders", "payments"). The array
 * ends with NULL and is copied. C only.
 */
#define KS_NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/** The name of a processor node. @java Named */
typedef struct ks_named {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const char *name;
    ks_free_fn *user_free;
} ks_named;
#define KS_NAMED(...) (&(const ks_named){KS_OPTIONS_HEAD(ks_named), __VA_ARGS__})

/** How a source reads. @java Consumed */
typedef struct ks_consumed {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const ks_serde *key;
    const ks_serde *value;
    const char *name;
    const ks_timestamp_extractor *timestamp_extractor;
    ks_offset_reset offset_reset;
    int64_t offset_reset_duration_ms;
} ks_consumed;
#define KS_CONSUMED(...) (&(const ks_consumed){KS_OPTIONS_HEAD(ks_consumed), __VA_ARGS__})

/** How a sink writes. @java Produced */
typedef struct ks_produced {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const ks_serde *key;
    const ks_serde *value;
    const char *name;
    const ks_partitioner *partitioner;
    ks_free_fn *user_free;
} ks_produced;
#define KS_PRODUCED(...) (&(const ks_produced){KS_OPTIONS_HEAD(ks_produced), __VA_ARGS__})

/** A grouping. `name` is the base name of its repartition topic. @java Grouped */
typedef struct ks_grouped {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const ks_serde *key;
    const ks_serde *value;
    const char *name;
    ks_free_fn *user_free;
} ks_grouped;
#define KS_GROUPED(...) (&(const ks_grouped){KS_OPTIONS_HEAD(ks_grouped), __VA_ARGS__})

/** What a store is made of. */
typedef enum ks_store_type {
    KS_STORE_DEFAULT = 0, /**< what `dsl.store.suppliers.class` says */
    KS_STORE_ROCKSDB,
    KS_STORE_IN_MEMORY,
    /**
     * in memory, and never more than `lru_entries` entries: the one that was not used for longest
     * gives way. It needs a `name`. @java Stores#lruMap
     */
    KS_STORE_LRU,
    /**
     * On RocksDB, with the history of each key: it keeps every version that was valid within the
     * last `history_retention_ms`, reads as of a time, and puts updates that come late where they
     * belong in time. It needs a `name` and is never cached. @java
     * Stores#persistentVersionedKeyValueStore
     */
    KS_STORE_VERSIONED
} ks_store_type;

/**
 * The store behind a table or an aggregation. @java Materialized
 *
 * `name` names the store (queryable, and part of its changelog's name); `named` names the processor
 * node (Java's Named). A literal with nothing but `named` is Java's overload with Named alone; any
 * other literal is one with Materialized, which may consume one more generated number.
 * `unnamed_store` says so explicitly when nothing else is set (Java's Materialized.with(null,
 * null)).
 */
typedef struct ks_materialized {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const char *name;
    const char *named;
    const ks_serde *key;
    const ks_serde *value;
    ks_store_type type;
    int32_t lru_entries; /**< with KS_STORE_LRU, and only there: at most so many, at least 1 */
    /**
     * With KS_STORE_VERSIONED, and only there: for how long, against the highest timestamp that the
     * store has seen, it keeps versions that have ended and takes updates. 0 keeps none and takes
     * no update that is older than that. Another value later builds the store anew from its
     * changelog.
     */
    int64_t history_retention_ms;
    /**
     * Of a windowed table, and only there: for how long its store keeps a window, from its start
     * on; 0: as long as its size and grace need.
     */
    int64_t retention_ms;
    bool caching_disabled; /**< of no effect on KS_STORE_VERSIONED, which is never cached */
    bool logging_disabled;
    bool unnamed_store;
    /**
     * Configurations of the changelog topic, up to one without a name; copied. They go over those
     * of the properties (`topic.*`), and count when the topic is created.
     */
    const ks_topic_config *changelog_config;
    ks_free_fn *user_free;
} ks_materialized;
#define KS_MATERIALIZED(...) \
    (&(const ks_materialized){KS_OPTIONS_HEAD(ks_materialized), __VA_ARGS__})

/** What a store of a processor keeps. @java Stores */
typedef enum ks_store_kind {
    KS_STORE_KIND_KEY_VALUE = 0, /**< a value under each key @java Stores#keyValueStoreBuilder */
    /** and a timestamp beside it, as tables have @java Stores#timestampedKeyValueStoreBuilder */
    KS_STORE_KIND_TIMESTAMPED_KEY_VALUE,
    /** and what was there before @java Stores#versionedKeyValueStoreBuilder */
    KS_STORE_KIND_VERSIONED_KEY_VALUE,
    KS_STORE_KIND_CUSTOM, /**< a structure of the program's own: `custom` @java StateStore */
    KS_STORE_KIND_WINDOW, /**< a value under each key and time @java Stores#windowStoreBuilder */
    /** and a timestamp beside it @java Stores#timestampedWindowStoreBuilder */
    KS_STORE_KIND_TIMESTAMPED_WINDOW,
    /** a value under each key, start and end @java Stores#sessionStoreBuilder */
    KS_STORE_KIND_SESSION
} ks_store_kind;

/**
 * A store for processors: what it is called, what it keeps and how. @java StoreBuilder, Stores
 *
 * A description that a processor brings along (`ks_processor.stores`) outlives the topology; one
 * that is given to a function is copied. Added twice it is one store, when it is the same
 * description (the same object); another of that name is refused.
 *
 * As in Java, and other than with KS_MATERIALIZED, caching is off unless it is asked for.
 */
typedef struct ks_store_builder {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const char *name; /**< needed */
    ks_store_kind kind;
    ks_store_type type;  /**< KS_STORE_DEFAULT: what `dsl.store.suppliers.class` says */
    const ks_serde *key; /**< NULL: the default of the properties */
    const ks_serde *value;
    int32_t lru_entries;          /**< with KS_STORE_LRU, and only there: at least 1 */
    int64_t history_retention_ms; /**< of versioned stores: how long old versions are kept */
    int64_t retention_ms; /**< of window and session stores, needed: how long rows are kept */
    int64_t
        window_size_ms; /**< of window stores, needed: how long a window is; at most retention_ms */
    /**
     * of window stores: rows of one key and time stand beside each other; such a store is never
     * cached
     */
    bool retain_duplicates;
    bool caching_enabled;
    bool logging_disabled;
    /** for its changelog topic, up to one without a name; NULL: none */
    const ks_topic_config *changelog_config;
    /**
     * With KS_STORE_KIND_CUSTOM, and only there: what it is made of. Its rows are bytes, so it
     * takes no serdes; it is neither cached nor an LRU store.
     */
    const ks_custom_store_class *custom;
    void *custom_user; /**< for the functions of `custom`; it outlives the topology */
} ks_store_builder;
#define KS_STORE_BUILDER(...) \
    (&(const ks_store_builder){KS_OPTIONS_HEAD(ks_store_builder), __VA_ARGS__})

/**
 * A processor's node: its name, and the stores that it uses beside those it brings along. @java
 * Named
 */
typedef struct ks_connected {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const char *name;
    const char *const *stores; /**< KS_NAMES("a", "b"); added elsewhere; NULL: none */
    ks_free_fn *user_free;
} ks_connected;
#define KS_CONNECTED(...) (&(const ks_connected){KS_OPTIONS_HEAD(ks_connected), __VA_ARGS__})

/**
 * The topic that a read-only or global store is kept from, and the two nodes that keep it: a source
 * and a processor, which writes what it is given to the store. All but serdes, extractor and
 * `user_free` is needed; ks_builder_add_global_store() needs the topic only.
 */
typedef struct ks_store_source {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const char *topic;
    const char *source_name;
    const char *processor_name;
    const ks_serde *key;
    const ks_serde *value;
    const ks_timestamp_extractor *timestamp_extractor;
    ks_free_fn *user_free;
} ks_store_source;
#define KS_STORE_SOURCE(...) \
    (&(const ks_store_source){KS_OPTIONS_HEAD(ks_store_source), __VA_ARGS__})

/** An explicit repartition. `name` is the base name of its topic. @java Repartitioned */
typedef struct ks_repartitioned {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const ks_serde *key;
    const ks_serde *value;
    const char *name;
    int32_t partitions; /**< 0: as many as the topics above it have */
    const ks_partitioner *partitioner;
} ks_repartitioned;
#define KS_REPARTITIONED(...) \
    (&(const ks_repartitioned){KS_OPTIONS_HEAD(ks_repartitioned), __VA_ARGS__})

/**
 * A join of two streams. The serdes are those of the two stores in which records wait for each
 * other, and of repartition topics where such are needed; NULL: those of the properties. `name`
 * names the processors and repartition topics, `store_name` the stores. @java StreamJoined
 */
typedef struct ks_stream_joined {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const ks_serde *key;
    const ks_serde *value;       /**< of the stream */
    const ks_serde *other_value; /**< of the other stream */
    const char *name;
    const char *store_name;
    ks_store_type type; /**< KS_STORE_ROCKSDB or KS_STORE_IN_MEMORY; 0: what the properties say */
    bool logging_disabled;
    const ks_topic_config *changelog_config; /**< up to one without a name; copied */
    ks_free_fn *user_free;
} ks_stream_joined;
#define KS_STREAM_JOINED(...) \
    (&(const ks_stream_joined){KS_OPTIONS_HEAD(ks_stream_joined), __VA_ARGS__})

/**
 * A join of a stream with a table. `key` and `value` are the stream's, `other_value` the table's;
 * NULL: as the stream has them. `name` names the processor, and the repartition topic where one is
 * needed. @java Joined
 */
typedef struct ks_joined {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const ks_serde *key;
    const ks_serde *value;
    const ks_serde *other_value;
    const char *name;
    /**
     * Records wait until stream time is `grace_ms` ahead of them and are joined with the row that
     * the table, which must be versioned, had at their time.
     */
    bool with_grace;
    int64_t grace_ms; /**< with `with_grace`; 0 joins as soon as the record comes */
    ks_free_fn *user_free;
} ks_joined;
#define KS_JOINED(...) (&(const ks_joined){KS_OPTIONS_HEAD(ks_joined), __VA_ARGS__})

/**
 * A foreign-key join of two tables. The partitioners, which must answer one partition, are needed
 * where the tables' topics are not partitioned by the default of their keys. @java TableJoined
 */
typedef struct ks_table_joined {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const char *name;                        /**< of its processors and topics */
    const ks_partitioner *partitioner;       /**< of the left table, for the way back */
    const ks_partitioner *other_partitioner; /**< of the other table, for the way there */
    const ks_materialized *materialized;     /**< of the result; NULL: as needed */
    ks_free_fn *user_free;
} ks_table_joined;
#define KS_TABLE_JOINED(...) \
    (&(const ks_table_joined){KS_OPTIONS_HEAD(ks_table_joined), __VA_ARGS__})

/** Until when ks_table_suppress() holds an update back. */
typedef enum ks_suppress_until {
    KS_UNTIL_WINDOW_CLOSES = 0, /**< only the final result @java Suppressed#untilWindowCloses */
    KS_UNTIL_TIME_LIMIT         /**< at most one update a key and time limit @java
                                   Suppressed#untilTimeLimit */
} ks_suppress_until;

/** What happens when more is held back than the buffer may hold. */
typedef enum ks_buffer_full {
    /**
     * With a time limit: the oldest update is emitted early; where final results are wanted that
     * cannot be, so a bound is refused. @java BufferConfig#emitEarlyWhenFull
     */
    KS_BUFFER_EMITS_EARLY = 0,
    KS_BUFFER_SHUTS_DOWN /**< the task fails @java BufferConfig#shutDownWhenFull */
} ks_buffer_full;

/** What a table holds back. @java Suppressed, BufferConfig */
typedef struct ks_suppressed {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const char *name; /**< of the processor; its store is `name`-store */
    ks_suppress_until until;
    int64_t time_limit_ms;    /**< with KS_UNTIL_TIME_LIMIT */
    int64_t max_records;      /**< 0: no bound */
    int64_t max_bytes;        /**< 0: no bound; keys, values and where they came from */
    ks_buffer_full when_full; /**< with a bound */
    bool logging_disabled;
    const ks_topic_config *changelog_config; /**< up to one without a name; copied */
} ks_suppressed;
#define KS_SUPPRESSED(...) (&(const ks_suppressed){KS_OPTIONS_HEAD(ks_suppressed), __VA_ARGS__})

/** A branch of a split: `name` is appended to the name of the split. @java Branched */
typedef struct ks_branched {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const char *name;
    ks_free_fn *user_free;
} ks_branched;
#define KS_BRANCHED(...) (&(const ks_branched){KS_OPTIONS_HEAD(ks_branched), __VA_ARGS__})

/**
 * The text of a record behind its label, in the record's arena or anywhere that lives longer.
 * @thread a stream thread
 */
typedef ks_slice ks_print_mapper_fn(ks_ctx *ctx, const ks_record *record, void *user);

/** Where ks_stream_print() writes `[label]: key, value` lines. @java Printed */
typedef struct ks_printed {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    const char *path;           /**< file to append to; NULL is standard output */
    const char *label;          /**< NULL is the name of the stream's node */
    const char *name;           /**< of the printing node */
    ks_print_mapper_fn *mapper; /**< the text behind the label; NULL is "key, value" */
    void *user;
    ks_free_fn *user_free;
} ks_printed;
#define KS_PRINTED(...) (&(const ks_printed){KS_OPTIONS_HEAD(ks_printed), __VA_ARGS__})

/* For C++ and other languages: an options struct with its head filled and all else zero. */
KS_API void ks_named_init(ks_named *options);
KS_API void ks_consumed_init(ks_consumed *options);
KS_API void ks_produced_init(ks_produced *options);
KS_API void ks_grouped_init(ks_grouped *options);
KS_API void ks_materialized_init(ks_materialized *options);
KS_API void ks_repartitioned_init(ks_repartitioned *options);
KS_API void ks_stream_joined_init(ks_stream_joined *options);
KS_API void ks_joined_init(ks_joined *options);
KS_API void ks_table_joined_init(ks_table_joined *options);
KS_API void ks_suppressed_init(ks_suppressed *options);
KS_API void ks_branched_init(ks_branched *options);
KS_API void ks_store_builder_init(ks_store_builder *options);
KS_API void ks_connected_init(ks_connected *options);
KS_API void ks_store_source_init(ks_store_source *options);
KS_API void ks_printed_init(ks_printed *options);

#ifdef __cplusplus
}
#endif
#endif
