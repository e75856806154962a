/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - key-value stores: reading and writing them, and walking over their entries; versioned
 * ones, which also know what was there before; and stores whose structure is the program's own.
 *
 * A store handle is borrowed from whoever gave it (a processor's context, a test driver, a query)
 * and belongs to its thread. Keys and values go through the store's own serdes; a value of another
 * kind than the store's is refused with KS_E_SERDE, and nothing is changed.
 *
 * Order. Entries are kept and walked over in the order of their serialized keys, as unsigned bytes.
 * For text that is the order of its characters; for the built-in serdes of numbers it is the order
 * of the numbers as long as none is negative.
 *
 * Timestamps. Stores of tables and aggregations keep one beside every value. An entry is written
 * with its own timestamp, or with -1: that of the record in hand. A store without timestamps takes
 * and gives -1 only.
 *
 * Writing reaches the changelog topic, at once or, through a record cache, with the next commit.
 * Writing to the store behind a table tells nobody by itself: only what leaves the record cache is
 * forwarded.
 *
 * Failures. A processor that gives a call no ks_error need not look at its status: the failure is
 * the record's, and later calls do nothing. A test that gives its driver's handle none finds the
 * failure in the driver's log. So the calls that write, other than all else that answers a status,
 * do not warn when nobody looks; everybody else has to.
 *
 * @thread the store's
 */
#ifndef KSTREAMS_STORE_H
#define KSTREAMS_STORE_H

#include <kstreams/serde.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A key-value store, seen through the serdes it was made with. @java KeyValueStore,
 * TimestampedKeyValueStore
 */
typedef struct ks_key_value_store ks_key_value_store;

/** An entry. @java KeyValue, ValueAndTimestamp */
typedef struct ks_key_value {
    ks_value key;
    ks_value value;
    /**
     * Milliseconds of the epoch. Read: -1 in a store without timestamps. Written: -1 is that of the
     * record in hand; a literal that leaves it out says 0, so write ks_key_value_of().
     */
    int64_t timestamp;
} ks_key_value;

/** An entry with the timestamp of the record in hand, or none in a store that keeps none. */
static inline ks_key_value ks_key_value_of(ks_value key, ks_value value)
{
    ks_key_value entry;
    entry.key = key;
    entry.value = value;
    entry.timestamp = -1;
    return entry;
}

/* ---- one entry ------------------------------------------------------------------------------- */

/**
 * Looks a key up.
 *
 * @param arena  where the entry is put; it lives until the arena is reset, whatever is written
 *               meanwhile. NULL, with a processor's handle: until the record has been processed;
 *               with a test driver's: until the driver is freed
 * @param found  set to whether there is one
 * @return KS_OK; KS_E_ARGUMENT for a null key; KS_E_SERDE when the key is of another kind than the
 *         store's, or the stored bytes cannot be read; or what failed when room had to be made in
 *         the record cache
 * @thread the store's
 * @java   ReadOnlyKeyValueStore#get
 */
KS_NODISCARD KS_API ks_status ks_key_value_store_get(ks_key_value_store *store, ks_value key,
                                                     ks_arena *arena, ks_key_value *entry,
                                                     bool *found, ks_error *error);

/**
 * The value of a key, or null when it has none: a lookup that leaves its failure to the handle.
 *
 *     ks_value seen = ks_key_value_store_value(store, record->key);
 *     int64_t count = ks_value_is_null(seen) ? 0 : ks_value_i64(seen);
 *
 * What ks_key_value_store_get() would answer fails the context of a processor, and is an error in
 * the log of a test driver; a handle that is NULL was reported when it was asked for.
 *
 * @return lives until the record has been processed; with a test driver's handle until the driver
 *         is freed. Null also after a failure
 * @thread the store's
 * @java   ReadOnlyKeyValueStore#get
 */
KS_API ks_value ks_key_value_store_value(ks_key_value_store *store, ks_value key);

/**
 * Puts an entry with the timestamp of the record in hand, over the one that is there; a null value
 * deletes.
 *
 * @return KS_OK; KS_E_ARGUMENT for a null key; KS_E_SERDE when key or value is of another kind than
 *         the store's; KS_E_STATE when the handle is for reading only; or what failed in the
 *         changelog, or when room had to be made in the record cache
 * @thread the store's
 * @java   KeyValueStore#put
 */
KS_API ks_status ks_key_value_store_put(ks_key_value_store *store, ks_value key, ks_value value,
                                        ks_error *error);

/**
 * Puts an entry with a timestamp of its own; a null value deletes.
 *
 * @param timestamp  milliseconds of the epoch; -1 is that of the record in hand
 * @return as ks_key_value_store_put(); KS_E_ARGUMENT also for any other negative timestamp, and for
 *         any but -1 in a store that keeps none
 * @thread the store's
 * @java   TimestampedKeyValueStore#put
 */
KS_API ks_status ks_key_value_store_put_at(ks_key_value_store *store, ks_value key, ks_value value,
                                           int64_t timestamp, ks_error *error);

/**
 * Puts an entry if its key has none.
 *
 * @param entry     a null value deletes nothing, yet is written to the changelog, as in Java
 * @param arena     where `existing` is put; may be NULL when that is
 * @param existing  the entry that is there and stays; may be NULL
 * @param found     set to whether there is one; may be NULL
 * @return as ks_key_value_store_put_at()
 * @thread the store's
 * @java   KeyValueStore#putIfAbsent
 */
KS_API ks_status ks_key_value_store_put_if_absent(ks_key_value_store *store,
                                                  const ks_key_value *entry, ks_arena *arena,
                                                  ks_key_value *existing, bool *found,
                                                  ks_error *error);

/**
 * Puts entries in their order, each as ks_key_value_store_put_at() would. None is put when one of
 * them is refused.
 *
 * @return as ks_key_value_store_put_at()
 * @thread the store's
 * @java   KeyValueStore#putAll
 */
KS_API ks_status ks_key_value_store_put_all(ks_key_value_store *store, const ks_key_value *entries,
                                            size_t count, ks_error *error);

/**
 * Deletes the entry of a key. The changelog gets a deletion even if there is none.
 *
 * @param arena  where `old` is put; may be NULL when that is
 * @param old    the entry that was there; may be NULL
 * @param found  set to whether there was one; may be NULL
 * @return as ks_key_value_store_put(); KS_E_SERDE also when `old` is asked for and cannot be read:
 *         then nothing is deleted
 * @thread the store's
 * @java   KeyValueStore#delete
 */
KS_API ks_status ks_key_value_store_delete(ks_key_value_store *store, ks_value key, ks_arena *arena,
                                           ks_key_value *old, bool *found, ks_error *error);

/**
 * How many entries there are: exact for stores in memory, an estimate with RocksDB. What is in the
 * record cache and not flushed is not counted.
 *
 * @thread the store's
 * @java   ReadOnlyKeyValueStore#approximateNumEntries
 */
KS_API uint64_t ks_key_value_store_approximate_count(ks_key_value_store *store);

/* ---- many entries ---------------------------------------------------------------------------- */

/**
 * A walk over entries. It gives the keys that were there when it was opened, each with the entry it
 * has when its turn comes; one that was deleted meanwhile is left out. The store may be read and
 * written in between. @java KeyValueIterator
 */
typedef struct ks_key_value_iterator ks_key_value_iterator;

/**
 * All entries in the order of their serialized keys.
 *
 * @return owned: free with ks_key_value_iterator_free(), before the store is gone; never NULL
 * @thread the store's
 * @java   ReadOnlyKeyValueStore#all
 */
KS_API ks_key_value_iterator *ks_key_value_store_all(ks_key_value_store *store);

/** The same, last key first. @thread the store's @java ReadOnlyKeyValueStore#reverseAll */
KS_API ks_key_value_iterator *ks_key_value_store_reverse_all(ks_key_value_store *store);

/**
 * The entries from one key to another, both included, in the order of their serialized keys.
 *
 * @param from  null: from the first
 * @param to    null: to the last. When its bytes come before those of `from` there is no entry, and
 *              the log has a warning
 * @return owned: free with ks_key_value_iterator_free(), before the store is gone; NULL with
 *         KS_E_SERDE when a bound is of another kind than the store's keys
 * @thread the store's
 * @java   ReadOnlyKeyValueStore#range
 */
KS_API ks_key_value_iterator *ks_key_value_store_range(ks_key_value_store *store, ks_value from,
                                                       ks_value to, ks_error *error);

/**
 * The same entries, last key first; `from` is still the smaller key. @thread the store's
 * @java ReadOnlyKeyValueStore#reverseRange
 */
KS_API ks_key_value_iterator *ks_key_value_store_reverse_range(ks_key_value_store *store,
                                                               ks_value from, ks_value to,
                                                               ks_error *error);

/**
 * The entries whose serialized key begins with a serialized prefix.
 *
 * @param serde  of the prefix, which need not be a key; NULL: that of the keys
 * @return owned: free with ks_key_value_iterator_free(), before the store is gone; NULL with
 *         KS_E_ARGUMENT for a null prefix and KS_E_SERDE for one of another kind than its serde's
 * @thread the store's
 * @java   ReadOnlyKeyValueStore#prefixScan
 */
KS_API ks_key_value_iterator *ks_key_value_store_prefix_scan(ks_key_value_store *store,
                                                             ks_value prefix, const ks_serde *serde,
                                                             ks_error *error);

/**
 * The next entry in `*entry`, borrowed until the next call; `*found` is false at the end.
 *
 * @return KS_OK; KS_E_SERDE when the stored bytes cannot be read
 * @thread the store's
 */
KS_NODISCARD KS_API ks_status ks_key_value_iterator_next(ks_key_value_iterator *iterator,
                                                         ks_key_value *entry, bool *found,
                                                         ks_error *error);
/** Ends the walk; what it gave out is gone. @thread the store's */
KS_API void ks_key_value_iterator_free(ks_key_value_iterator *iterator);

/* ---- versioned stores ------------------------------------------------------------------------ */

/**
 * A store that has the history of each key: values, and from when to when each was valid.
 *
 *     put k=a at 10, k=b at 20, deletion of k at 30
 *
 *     time       10         20         30
 *     k           a          b          (deleted)
 *
 * The history retention says how far back it goes from the highest timestamp that was put, the
 * observed time: versions that ended before that are forgotten, and what is older is not put. The
 * latest version of a key is never forgotten. Times are milliseconds of the epoch.
 * @java VersionedKeyValueStore
 */
typedef struct ks_versioned_store ks_versioned_store;

/** Of the latest version of a key: nothing says yet when it ends. */
#define KS_VALID_TO_UNDEFINED ((int64_t)-1)
/** What was older than the history retention allows was not put. */
#define KS_NOT_PUT INT64_MIN

/** A version of a key. @java VersionedRecord */
typedef struct ks_version {
    ks_value value;    /**< null: there is no such version */
    int64_t timestamp; /**< from when it is valid; -1 when there is none */
    int64_t valid_to;  /**< exclusive; KS_VALID_TO_UNDEFINED for the latest */
} ks_version;

/** A list of them. */
typedef struct ks_versions {
    const ks_version *items;
    size_t count;
} ks_versions;

/** From when to when, both included. */
typedef struct ks_version_span {
    int64_t from;
    int64_t to;
} ks_version_span;

/**
 * Puts a version, between those that are there when it is older than they are; a null value deletes
 * the key from that time on. A version of the same time is replaced.
 *
 * @param timestamp  from when it is valid
 * @param valid_to   set to the time from which another version is valid, to KS_VALID_TO_UNDEFINED
 *                   when this one is the latest, or to KS_NOT_PUT; may be NULL
 * @return KS_OK, also for what is not put; KS_E_ARGUMENT for a null key; KS_E_TIMESTAMP for a
 *         negative timestamp; KS_E_SERDE when key or value is of another kind than the store's; or
 *         what failed in the changelog, which gets it in any case
 * @thread the store's
 * @java   VersionedKeyValueStore#put
 */
KS_API ks_status ks_versioned_store_put(ks_versioned_store *store, ks_value key, ks_value value,
                                        int64_t timestamp, int64_t *valid_to, ks_error *error);

/**
 * Deletes a key from a time on, and gives the version that was valid at that time.
 *
 * @param arena  where `old` is put; may be NULL when that is
 * @param old    may be NULL; its value is null when there was none, or the time is older than the
 *               history retention allows, and nothing is deleted
 * @return as ks_versioned_store_put()
 * @thread the store's
 * @java   VersionedKeyValueStore#delete
 */
KS_API ks_status ks_versioned_store_delete(ks_versioned_store *store, ks_value key,
                                           int64_t timestamp, ks_arena *arena, ks_version *old,
                                           ks_error *error);

/**
 * The latest version of a key.
 *
 * @param arena    where its value is put; it lives until the arena is reset. NULL, with a
 *                 processor's handle: until the record has been processed; with a test driver's:
 *                 until the driver is freed
 * @param version  its value is null when the key is not there
 * @return KS_OK; KS_E_ARGUMENT for a null key; KS_E_SERDE when the key is of another kind than the
 *         store's, or the stored bytes cannot be read
 * @thread the store's
 * @java   VersionedKeyValueStore#get
 */
KS_NODISCARD KS_API ks_status ks_versioned_store_get(ks_versioned_store *store, ks_value key,
                                                     ks_arena *arena, ks_version *version,
                                                     ks_error *error);

/**
 * The value of the latest version of a key, or null when it is not there; as
 * ks_key_value_store_value() otherwise.
 *
 * @thread the store's
 * @java   VersionedKeyValueStore#get
 */
KS_API ks_value ks_versioned_store_value(ks_versioned_store *store, ks_value key);

/**
 * The version of a key that is valid at a time. Of a time before the history retention only the
 * latest version is known, if it was valid then.
 *
 * @return as ks_versioned_store_get()
 * @thread the store's
 * @java   VersionedKeyValueStore#get
 */
KS_NODISCARD KS_API ks_status ks_versioned_store_get_as_of(ks_versioned_store *store, ks_value key,
                                                           int64_t time, ks_arena *arena,
                                                           ks_version *version, ks_error *error);

/**
 * The versions of a key that are valid at any time of a span, newest first; deletions are not
 * listed.
 *
 * @param span      NULL: all that the history retention has
 * @param versions  lives until the arena is reset
 * @return as ks_versioned_store_get()
 * @thread the store's
 */
KS_NODISCARD KS_API ks_status ks_versioned_store_versions(ks_versioned_store *store, ks_value key,
                                                          const ks_version_span *span,
                                                          ks_arena *arena, ks_versions *versions,
                                                          ks_error *error);

/** Keys of a store. */
typedef struct ks_keys {
    const ks_value *items;
    size_t count;
} ks_keys;

/**
 * All keys that have versions, in the order of their serialized bytes; some may have none any more
 * that the history retention covers. Reads the whole store: for tests and tools.
 *
 * @param keys  lives until the arena is reset
 * @return KS_OK; KS_E_SERDE when the stored bytes cannot be read
 * @thread the store's
 */
KS_NODISCARD KS_API ks_status ks_versioned_store_keys(ks_versioned_store *store, ks_arena *arena,
                                                      ks_keys *keys, ks_error *error);

/* ---- custom stores --------------------------------------------------------------------------- */

/**
 * A store whose structure is the program's own: an index, a sketch, a grid. What shall last of it
 * are rows, bytes to bytes, which the library keeps like those of any store: logged in a changelog,
 * part of the transaction, restored, held by standbys, in memory or on RocksDB.
 *
 *     put row k=v        the program changes its structure and puts a row
 *     a task begins      open(), then load() for every row: the structure is made from the rows
 *     the task failed    it begins again: a new structure, from the rows of the last commit
 *
 * A structure outlives neither a failure nor a move of its task, so nothing has to be undone in it.
 * The price is that all rows are read when a task begins.
 *
 * It belongs to processors: ks_ctx_custom_store() gives the handle, ks_custom_store_state() the
 * structure. It can be the store of ks_topology_add_read_only_store(), but no global one, because
 * those are read by several threads.
 *
 * In Java a StateStore writes its own files and changelog records, and registers callbacks that are
 * fed from the changelog (StateStoreContext#register). Here the library does all that, so a program
 * has one duty less, and no files. @java StateStore
 */
typedef struct ks_custom_store ks_custom_store;

/**
 * What a custom store is made of: a constant that outlives the topology. Every task has a structure
 * of its own, which begins as `state_size` zeroed bytes. @java StateStore
 *
 * An application also makes one without rows, and ends it, to try out its topology at the start.
 *
 * @thread of the functions: the stream thread of the task; for the trial the one that starts
 */
typedef struct ks_custom_store_class {
    size_t struct_size;
    size_t state_size; /**< at least 1 */
    /**
     * Before anything else; may be NULL. What fails fails the start of the task: answer what
     * ks_error_set() answers. @java StateStore#init
     */
    ks_status (*open)(void *state, void *user, ks_error *error);
    /**
     * For each row, in the order of the keys as unsigned bytes. The bytes are borrowed until it
     * returns. What fails fails the start of the task. @java StateRestoreCallback
     */
    ks_status (*load)(void *state, ks_slice key, ks_slice value, void *user, ks_error *error);
    /**
     * Before a commit, when all records of it are through; may be NULL. A structure that changes
     * often, such as a sketch, puts its rows here, once instead of with every record. What fails
     * fails the task; so does a put that was given no ks_error. @java CommitCallback,
     * StateStore#commit
     */
    ks_status (*flush)(ks_custom_store *store, void *state, void *user, ks_error *error);
    /** Once for each open that did not fail; may be NULL. @java StateStore#close */
    void (*close)(void *state, void *user);
} ks_custom_store_class;

/**
 * The structure: what open and load have made.
 *
 * @param type  the class that the store was described with
 * @return borrowed until the task ends: init may keep it. NULL when `store` is, and after a
 *         failure: the store is of another class. A processor's context has failed then
 * @thread the store's
 */
KS_API void *ks_custom_store_state(const ks_custom_store *store, const ks_custom_store_class *type);

/**
 * Puts a row over the one that is there; a null value deletes. Does nothing to the structure: that
 * is the caller's to change, and what load() makes of the rows should be the same.
 *
 * @return KS_OK; KS_E_ARGUMENT for a null key; KS_E_STORE when `store` is NULL; or what failed in
 *         the changelog, which gets the row with the timestamp of the record in hand
 * @thread the store's
 */
KS_API ks_status ks_custom_store_put(ks_custom_store *store, ks_slice key, ks_slice value,
                                     ks_error *error);

/**
 * Looks a row up, for a structure that does not hold all of it.
 *
 * @param arena  where the value is put; it lives until the arena is reset. NULL, with a processor's
 *               handle: until the record has been processed; with a test driver's: until the driver
 *               is freed. A flush gives one
 * @param found  set to whether there is a row
 * @return KS_OK; KS_E_ARGUMENT for a null key, or without an arena where one is needed; or what
 *         failed on the disk
 * @thread the store's
 */
KS_NODISCARD KS_API ks_status ks_custom_store_get(ks_custom_store *store, ks_slice key,
                                                  ks_arena *arena, ks_slice *value, bool *found,
                                                  ks_error *error);

#ifdef __cplusplus
}
#endif
#endif
