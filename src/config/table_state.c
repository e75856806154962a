/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_state.c - rows of the property table: stores and caches, threads, and the sharing of work
 * between instances.
 */
#include "config/properties.h"

#define ROWS(rows) (sizeof(rows) / sizeof(rows)[0])

#define NO_WARM_UPS "the assignor of this version moves a task at once, and warms nothing up before"
#define NO_RACKS "the assignor of this version does not know of racks"

/* ---- state ----------------------------------------------------------------------------------- */

static const ksi_property state[] = {
    {.name = "allow.os.group.write.access",
     .type = KSI_PROPERTY_BOOL,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason =
         "directories of local state are always readable by the group and written by the user "
         "alone",
     .default_text = "false",
     .prose = "Whether the directories of local state may be written by the group of the process's "
              "user."},
    {.name = "cache.max.bytes.buffering",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_MEDIUM,
     KSI_AT_LEAST(0),
     .default_text = "10485760",
     .deprecated = "since 3.4; use statestore.cache.max.bytes",
     .prose =
         "The older name of statestore.cache.max.bytes, which goes before it when both are set."},
    {.name = "default.dsl.store",
     .type = KSI_PROPERTY_CHOICE,
     .importance = KSI_IMPORTANCE_LOW,
     .choices = (const ksi_choice[]){{"rocksDB", NULL}, {"in_memory", NULL}, {NULL, NULL}},
     .default_text = "rocksDB",
     .deprecated = "since 3.7; use dsl.store.suppliers.class",
     .prose =
         "The older way to say dsl.store.suppliers.class, which goes before it when both are set."},
    {.name = "dsl.store.format",
     .type = KSI_PROPERTY_CHOICE,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_REFUSED,
     .ignore_case = true,
     .reason = "stores of this version keep no record headers",
     .choices = (const ksi_choice[]){{"DEFAULT", NULL}, {"HEADERS", NULL}, {NULL, NULL}},
     .default_text = "DEFAULT",
     .prose = "Whether the stores of the DSL keep the headers of records (`HEADERS`) or only value "
              "and timestamp (`DEFAULT`)."},
    {.name = "dsl.store.suppliers.class",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_LOW,
     .older = "default.dsl.store",
     .choices =
         (const ksi_choice[]){
             {"rocksDB",
              "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$RocksDBDslStoreSuppliers"},
             {"in_memory",
              "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$InMemoryDslStoreSuppliers"},
             {NULL, NULL}},
     .default_text = "rocksDB",
     .prose = "What the stores of the DSL are made of where an operation does not say: `rocksDB` "
              "on disk, `in_memory` in "
              "memory only."},
    {.name = "rocksdb.config.setter",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_REFUSED,
     .reason = "it names a Java class; a program sets `rocksdb_config` in its ks_app_options",
     .prose = "The class that is shown the options of every RocksDB store before it is opened."},
    {.name = "state.cleanup.delay.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = "local state of a task that went elsewhere stays, for it may come back",
     .default_text = "600000",
     .prose = "Milliseconds after which the files of a task that moved to another instance are "
              "deleted."},
    {.name = "state.cleanup.dir.max.age.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = "a store that has not been current for 24 hours is rebuilt, whatever this says",
     .default_text = "-1",
     .prose = "At the start, local state that nobody has written for this many milliseconds is "
              "deleted and restored anew; -1 "
              "keeps it whatever its age."},
    {.name = "state.dir",
     .type = KSI_PROPERTY_TEXT,
     .importance = KSI_IMPORTANCE_HIGH,
     .ranged = true,
     .low = 1,
     .default_text = "/tmp/kafka-streams",
     .prose = "The directory of local state; each application has a directory of its name inside, "
              "which one running instance holds at a time. Two instances on one machine need two "
              "directories. What is lost with it is restored from the changelog topics, except "
              "stores whose logging is disabled; so give a directory that survives a restart of "
              "the machine where restoring would take long."},
    {.name = "statestore.apply.interval.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     KSI_AT_LEAST(0),
     .default_text = "30000",
     .prose = "Milliseconds after which committed rows are applied to the store on disk, in bulk "
              "and in the order of their keys; until then they are in memory and in the changelog "
              "topic. A longer interval writes less, and restores more after a crash. Stores whose "
              "logging is disabled do not wait. Not a property of Java."},
    {.name = "statestore.cache.max.bytes",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .older = "cache.max.bytes.buffering",
     KSI_AT_LEAST(0),
     .default_text = "10485760",
     .prose = "Bytes that the record caches of all threads may take together. A cache holds back "
              "an update of a key until the "
              "next commit, so that only the last of several goes on; 0 switches caching off and "
              "every update goes on at once."},
    {.name = "statestore.memory.max.bytes",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_MEDIUM,
     KSI_AT_LEAST(1),
     .default_text = "536870912",
     .prose = "Bytes that the stores on disk of one application may take of the memory of the "
              "process: a quarter for RocksDB's block cache, a quarter for its write buffers, half "
              "for the rows in front of it, in equal parts for each store of each task. A store "
              "whose committed rows fill half of its part applies them before "
              "statestore.apply.interval.ms is over. Not a property of Java."},
    {.name = "statestore.uncommitted.max.bytes",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_MEDIUM,
     KSI_AT_LEAST(-1),
     .default_text = "67108864",
     .prose = "Bytes of uncommitted rows a thread may gather; then it commits at the next record, "
              "before commit.interval.ms is over. -1: no bound. Not a property of Java."},
    {.name = "windowstore.changelog.additional.retention.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     .default_text = "86400000",
     .prose = "Milliseconds that are added to the retention of a window or session store for its "
              "changelog topic, so that clocks that differ do not cut off rows the store still "
              "has."},
};

const ksi_property_table ksi_table_state = {
    "State",
    "Stores, their caches, and their place on disk.",
    state,
    ROWS(state),
};

/* ---- threads --------------------------------------------------------------------------------- */

static const ksi_property threads[] = {
    {.name = "consumers.per.process",
     .type = KSI_PROPERTY_I32,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     KSI_AT_LEAST(1),
     .reason = "one consumer feeds all threads, each from queues of its own partitions",
     .default_text = "1",
     .prose = "How many Kafka consumers feed the threads of the process. One is enough unless a "
              "single connection per broker is "
              "the limit. Not a property of Java."},
    {.name = "num.stream.threads",
     .type = KSI_PROPERTY_I32,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .default_text = "1",
     .prose = "How many threads process records. Tasks are spread over them, so more threads than "
              "tasks are of no use."},
    {.name = "repartition.purge.interval.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     KSI_AT_LEAST(0),
     .default_text = "30000",
     .prose = "Milliseconds, at the least, between two deletions of the records of repartition "
              "topics that have been processed "
              "and committed."},
    {.name = "replication.factor",
     .type = KSI_PROPERTY_I32,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .default_text = "-1",
     .prose = "How many brokers keep each repartition and changelog topic; -1 leaves it to the "
              "brokers. The embedded log keeps one copy of every topic."},
};

const ksi_property_table ksi_table_threads = {
    "Threads and internal topics",
    "How the work is carried inside one process.",
    threads,
    ROWS(threads),
};

/* ---- assignment ------------------------------------------------------------------------------ */

static const ksi_property assignment[] = {
    {.name = "acceptable.recovery.lag",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .support = KSI_SUPPORT_INERT,
     KSI_AT_LEAST(0),
     .reason = NO_WARM_UPS,
     .default_text = "10000",
     .prose = "How many changelog records an instance may lack and still be given a task at once, "
              "without warming up first."},
    {.name = "group.protocol",
     .type = KSI_PROPERTY_CHOICE,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .support = KSI_SUPPORT_INERT,
     .ignore_case = true,
     .reason = "groups are of the classic protocol in this version",
     .choices = (const ksi_choice[]){{"classic", NULL}, {"streams", NULL}, {NULL, NULL}},
     .default_text = "classic",
     .prose = "Who gives tasks to instances: one of them (`classic`) or the brokers (`streams`, "
              "brokers 4.2 and later, without "
              "static members)."},
    {.name = "max.warmup.replicas",
     .type = KSI_PROPERTY_I32,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .support = KSI_SUPPORT_INERT,
     KSI_AT_LEAST(1),
     .reason = NO_WARM_UPS,
     .default_text = "2",
     .prose = "How many copies of stores may be restored at a time on instances that are to take "
              "tasks over."},
    {.name = "num.standby.replicas",
     .type = KSI_PROPERTY_I32,
     .importance = KSI_IMPORTANCE_HIGH,
     KSI_AT_LEAST(0),
     .default_text = "0",
     .prose = "How many other instances keep a copy of each store, to take over its task without "
              "restoring."},
    {.name = "probing.rebalance.interval.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     KSI_AT_LEAST(60000),
     .reason = NO_WARM_UPS,
     .default_text = "600000",
     .prose = "Milliseconds between two rebalances that look whether a warm-up copy is ready to "
              "take its task."},
    {.name = "rack.aware.assignment.non_overlap_cost",
     .type = KSI_PROPERTY_I32,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = NO_RACKS,
     .default_prose = "the assignor's own",
     .prose = "What moving a task costs, against rack.aware.assignment.traffic_cost: the higher, "
              "the more tasks stay."},
    {.name = "rack.aware.assignment.strategy",
     .type = KSI_PROPERTY_CHOICE,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = NO_RACKS,
     .choices =
         (const ksi_choice[]){
             {"none", NULL}, {"min_traffic", NULL}, {"balance_subtopology", NULL}, {NULL, NULL}},
     .default_text = "none",
     .prose = "Whether tasks are given to instances in the racks of their partitions: "
              "`min_traffic` for the least traffic "
              "between racks, `balance_subtopology` with each subtopology spread evenly, too."},
    {.name = "rack.aware.assignment.tags",
     .type = KSI_PROPERTY_LIST,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .ranged = true,
     .low = 0,
     .high = 5,
     .reason = NO_RACKS,
     .default_text = "",
     .prose = "The names of client tags in which standby tasks should differ from their active "
              "ones. Each must be set on this "
              "instance, as `client.tag.NAME`."},
    {.name = "rack.aware.assignment.traffic_cost",
     .type = KSI_PROPERTY_I32,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = NO_RACKS,
     .default_prose = "the assignor's own",
     .prose = "What traffic between racks costs, against rack.aware.assignment.non_overlap_cost: "
              "the higher, the less of it."},
    {.name = "task.assignor.class",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .support = KSI_SUPPORT_INERT,
     .reason =
         "this version has one assignor: tasks stay where they are as long as the load is even",
     .choices =
         (const ksi_choice[]){
             {"HighAvailability", "org.apache.kafka.streams.processor.internals.assignment."
                                  "HighAvailabilityTaskAssignor"},
             {"Sticky",
              "org.apache.kafka.streams.processor.assignment.assignors.StickyTaskAssignor"},
             {NULL, NULL}},
     .default_prose = "HighAvailability",
     .prose = "How tasks are spread over instances: `HighAvailability` moves a task only to an "
              "instance that has nearly all of "
              "its state, `Sticky` leaves tasks where they are as long as the load is even."},
    {.name = "upgrade.from",
     .type = KSI_PROPERTY_CHOICE,
     .importance = KSI_IMPORTANCE_LOW,
     .choices = (const ksi_choice[]){{"2.4", NULL},
                                     {"2.5", NULL},
                                     {"2.6", NULL},
                                     {"2.7", NULL},
                                     {"2.8", NULL},
                                     {"3.0", NULL},
                                     {"3.1", NULL},
                                     {"3.2", NULL},
                                     {"3.3", NULL},
                                     {"3.4", NULL},
                                     {"3.5", NULL},
                                     {"3.6", NULL},
                                     {"3.7", NULL},
                                     {"3.8", NULL},
                                     {"3.9", NULL},
                                     {"4.0", NULL},
                                     {"4.1", NULL},
                                     {"4.2", NULL},
                                     {NULL, NULL}},
     .prose = "The older version of Kafka Streams that other instances still run while an "
              "application is upgraded without "
              "stopping: this instance then speaks as that version. Up to 3.4 that is: a row of a "
              "grouped table that changes within its group is two records of the repartition "
              "topic, one that leaves and one that enters."},
};

const ksi_property_table ksi_table_assignment = {
    "Sharing work between instances",
    "Groups, assignment and standby tasks.",
    assignment,
    ROWS(assignment),
};
