/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_application.c - rows of the property table: who the application is, and how it processes
 * records.
 *
 * How to read a row, and what the columns mean: properties.h. Defaults, types and ranges are those
 * of Kafka Streams 4.3; where Java has no range but fails later on nonsense (a negative poll.ms),
 * the row has the range.
 */
#include "config/properties.h"

#define ROWS(rows) (sizeof(rows) / sizeof(rows)[0])

/* ---- application ----------------------------------------------------------------------------- */

static const ksi_property application[] = {
    {.name = "application.id",
     .type = KSI_PROPERTY_TEXT,
     .importance = KSI_IMPORTANCE_HIGH,
     .ranged = true,
     .low = 1,
     .default_prose = "none: it must be set",
     .prose = "The name of the application. Instances with one name share the work; the name is "
              "also the consumer group, the "
              "beginning of every repartition and changelog topic, and the directory of local "
              "state. Changing it makes a new "
              "application that begins from the start."},
    {.name = "application.server",
     .type = KSI_PROPERTY_TEXT,
     .importance = KSI_IMPORTANCE_LOW,
     .default_text = "",
     .prose = "`host:port` under which other instances reach a server that this program runs for "
              "queries of its stores. The group's members and tools are told it."},
    {.name = "bootstrap.servers",
     .type = KSI_PROPERTY_LIST,
     .importance = KSI_IMPORTANCE_HIGH,
     .ranged = true,
     .low = 1,
     .high = INT64_MAX,
     .default_prose = "none: it must be set",
     .prose =
         "Where the topics are. `host:port,host:port` are brokers of a Kafka cluster, of which "
         "one that answers is enough; 9092 is the port when none is given. `embedded:DIR` is a "
         "log in a directory, which one process has at a time; `embedded:` is a log in the "
         "memory of the process."},
    {.name = "client.id",
     .type = KSI_PROPERTY_TEXT,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .default_text = "",
     .default_prose = "the application.id; Java adds a hyphen and a random UUID",
     .prose = "The name of this instance: threads and log lines are named after it."},
    {.name = "config.providers",
     .type = KSI_PROPERTY_LIST,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_REFUSED,
     .reason = "providers are Java classes, and values such as ${file:path:key} would stay as they "
               "are written",
     .default_text = "",
     .prose = "Names of providers that fill in values from elsewhere. Fill them in before the "
              "properties are given to "
              "ks_config_set()."},
    {.name = "embedded.sync",
     .type = KSI_PROPERTY_CHOICE,
     .importance = KSI_IMPORTANCE_LOW,
     .choices = (const ksi_choice[]){{"none", NULL}, {"commit", NULL}, {NULL, NULL}},
     .default_text = "none",
     .prose =
         "When the files of an embedded log in a directory are forced to the disk: `none` survives "
         "a killed process, `commit` also the loss of power, at the price of a write barrier for "
         "each partition of a commit and one for its offsets. Applications that share a log get "
         "what the strictest of them asks for. Not a property of Java."},
    {.name = "log.summary.interval.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = "threads of this version log no summary; ks_app_stats_of() tells the same numbers "
               "at any time",
     .default_text = "120000",
     .prose = "Milliseconds between two lines of each thread that sum up what it did; negative "
              "switches them off."},
};

const ksi_property_table ksi_table_application = {
    "The application",
    "Who the application is and where its topics are.",
    application,
    ROWS(application),
};

/* ---- processing ------------------------------------------------------------------------------ */

#define DESERIALIZATION_HANDLERS                                                                  \
    (const ksi_choice[])                                                                          \
    {                                                                                             \
        {"LogAndFail", "org.apache.kafka.streams.errors.LogAndFailExceptionHandler"},             \
            {"LogAndContinue", "org.apache.kafka.streams.errors.LogAndContinueExceptionHandler"}, \
        {                                                                                         \
            NULL, NULL                                                                            \
        }                                                                                         \
    }

#define PRODUCTION_HANDLERS                                                               \
    (const ksi_choice[])                                                                  \
    {                                                                                     \
        {"Default", "org.apache.kafka.streams.errors.DefaultProductionExceptionHandler"}, \
        {                                                                                 \
            NULL, NULL                                                                    \
        }                                                                                 \
    }

static const ksi_property processing[] = {
    {.name = "buffered.records.per.partition",
     .type = KSI_PROPERTY_I32,
     .importance = KSI_IMPORTANCE_LOW,
     KSI_AT_LEAST(0),
     .default_text = "1000",
     .prose = "How many records of an input partition are held in memory before fetching from it "
              "pauses. Less saves memory; "
              "more helps where the input arrives in bursts."},
    {.name = "commit.interval.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     KSI_AT_LEAST(0),
     .default_text = "30000",
     .default_prose = "30000; 100 when processing.guarantee is exactly_once_v2",
     .prose = "Milliseconds between two commits of a task. A commit writes out what the record "
              "caches hold and then saves the "
              "input positions, so it bounds how long an update waits in a cache and how much is "
              "processed again after a crash."},
    {.name = "default.deserialization.exception.handler",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .choices = DESERIALIZATION_HANDLERS,
     .default_text = "LogAndFail",
     .deprecated = "since 4.0; use deserialization.exception.handler",
     .prose = "The older name of deserialization.exception.handler, which goes before it when both "
              "are set."},
    {.name = "default.production.exception.handler",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .choices = PRODUCTION_HANDLERS,
     .default_text = "Default",
     .deprecated = "since 4.0; use production.exception.handler",
     .prose =
         "The older name of production.exception.handler, which goes before it when both are set."},
    {.name = "default.timestamp.extractor",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .choices =
         (const ksi_choice[]){
             {"fail", "org.apache.kafka.streams.processor.FailOnInvalidTimestamp"},
             {"skip", "org.apache.kafka.streams.processor.LogAndSkipOnInvalidTimestamp"},
             {"partition", "org.apache.kafka.streams.processor.UsePartitionTimeOnInvalidTimestamp"},
             {"wallclock", "org.apache.kafka.streams.processor.WallclockTimestampExtractor"},
             {NULL, NULL}},
     .default_text = "fail",
     .prose = "Which timestamp a record has, for sources that name no extractor of their own. All "
              "but `wallclock` take the "
              "timestamp of the record; on a negative one `fail` stops the task, `skip` drops the "
              "record, and `partition` takes "
              "the highest timestamp seen on its partition. An extractor of your own goes into "
              "KS_CONSUMED."},
    {.name = "deserialization.exception.handler",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .choices = DESERIALIZATION_HANDLERS,
     .older = "default.deserialization.exception.handler",
     .default_text = "LogAndFail",
     .prose = "What happens when a serde cannot read an input record: `LogAndFail` stops the "
              "application, `LogAndContinue` "
              "drops the record and counts it. Either writes it to the dead letter queue, if there "
              "is one."},
    {.name = "errors.dead.letter.queue.topic.name",
     .type = KSI_PROPERTY_TEXT,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .prose = "A topic that gets the input record of every error the handlers meet, with the error "
              "in its headers. The topic "
              "must exist."},
    {.name = "max.task.idle.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .default_text = "0",
     .prose = "How many milliseconds a task with several input partitions waits for one that is "
              "empty, so that records are "
              "processed in the order of their timestamps. 0 waits only for records that are "
              "already in the log; -1 does not wait "
              "and takes what is there; any other negative number counts as 0."},
    {.name = "poll.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     KSI_AT_LEAST(0),
     .default_text = "100",
     .prose = "How many milliseconds a thread without work waits for records before it looks after "
              "time and commits again."},
    {.name = "processing.exception.handler",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .choices =
         (const ksi_choice[]){
             {"LogAndFail", "org.apache.kafka.streams.errors.LogAndFailProcessingExceptionHandler"},
             {"LogAndContinue",
              "org.apache.kafka.streams.errors.LogAndContinueProcessingExceptionHandler"},
             {NULL, NULL}},
     .default_text = "LogAndFail",
     .prose = "What happens when a node fails on a record: `LogAndFail` stops the application, "
              "`LogAndContinue` drops the "
              "record at that node. Either writes the input record to the dead letter queue, if "
              "there is one."},
    {.name = "processing.exception.handler.global.enabled",
     .type = KSI_PROPERTY_BOOL,
     .importance = KSI_IMPORTANCE_HIGH,
     .default_text = "false",
     .deprecated = "since 4.3; Kafka 5.0 takes it away and behaves as with true",
     .prose = "Whether processing.exception.handler is asked for errors of global tables and "
              "stores, too."},
    {.name = "processing.guarantee",
     .type = KSI_PROPERTY_CHOICE,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .choices =
         (const ksi_choice[]){{"at_least_once", NULL}, {"exactly_once_v2", NULL}, {NULL, NULL}},
     .default_text = "at_least_once",
     .prose =
         "What a crash may leave behind: `at_least_once` may process records again and write their "
         "results twice; "
         "`exactly_once_v2` commits outputs, state and input positions together or not at all."},
    {.name = "production.exception.handler",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .choices = PRODUCTION_HANDLERS,
     .older = "default.production.exception.handler",
     .default_text = "Default",
     .prose = "What happens when a result cannot be serialized or written: `Default` tries again "
              "where that can help, and "
              "stops the application otherwise."},
    {.name = "task.timeout.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_MEDIUM,
     KSI_AT_LEAST(0),
     .default_text = "300000",
     .prose = "How many milliseconds a task may make no progress because a server does not answer, "
              "before that is an error. Until then it is asked again."},
};

const ksi_property_table ksi_table_processing = {
    "Processing and errors",
    "In which order records are taken, how often their effects are committed, and what an error "
    "does.",
    processing,
    ROWS(processing),
};

/* ---- topology and serdes --------------------------------------------------------------------- */

#define NO_LIST_SERDE "this version has no list serde"
#define NO_WINDOWED_SERDE \
    "it configures plain Java consumers of windowed keys; here a windowed serde has what it needs"
#define SERDE(name) "org.apache.kafka.common.serialization.Serdes$" name

/* The words are those of ks_serde_by_name(). */
static const ksi_choice serdes[] = {
    {"string", SERDE("StringSerde")},
    {"bytes", SERDE("ByteArraySerde")},
    {"bytes", SERDE("BytesSerde")},
    {"bytes", SERDE("ByteBufferSerde")},
    {"short", SERDE("ShortSerde")},
    {"integer", SERDE("IntegerSerde")},
    {"long", SERDE("LongSerde")},
    {"float", SERDE("FloatSerde")},
    {"double", SERDE("DoubleSerde")},
    {"boolean", SERDE("BooleanSerde")},
    {"uuid", SERDE("UUIDSerde")},
    {"void", SERDE("VoidSerde")},
    {"i16", NULL},
    {"i32", NULL},
    {"i64", NULL},
    {"f32", NULL},
    {"f64", NULL},
    {"bool", NULL},
    {NULL, NULL},
};

static const ksi_property serde_rows[] = {
    {.name = "default.key.serde",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .choices = serdes,
     .prose = "The serde of keys wherever an operation names none and none follows from the "
              "operations before it. A serde of "
              "your own is named in the options of the operation."},
    {.name = "default.list.key.serde.inner",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .support = KSI_SUPPORT_REFUSED,
     .reason = NO_LIST_SERDE,
     .prose = "The serde of the items when default.key.serde is the list serde."},
    {.name = "default.list.key.serde.type",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .support = KSI_SUPPORT_REFUSED,
     .reason = NO_LIST_SERDE,
     .prose = "The Java class of the list when default.key.serde is the list serde."},
    {.name = "default.list.value.serde.inner",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .support = KSI_SUPPORT_REFUSED,
     .reason = NO_LIST_SERDE,
     .prose = "The serde of the items when default.value.serde is the list serde."},
    {.name = "default.list.value.serde.type",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .support = KSI_SUPPORT_REFUSED,
     .reason = NO_LIST_SERDE,
     .prose = "The Java class of the list when default.value.serde is the list serde."},
    {.name = "default.value.serde",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .choices = serdes,
     .prose = "The serde of values wherever an operation names none and none follows from the "
              "operations before it."},
    {.name = "ensure.explicit.internal.resource.naming",
     .type = KSI_PROPERTY_BOOL,
     .importance = KSI_IMPORTANCE_HIGH,
     .default_text = "false",
     .prose = "Whether a topology is refused when a store, changelog or repartition topic has a "
              "generated name, which may "
              "change when the topology does."},
    {.name = "processor.wrapper.class",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = "wrappers are functions here; give one with ks_builder_wrap_processors()",
     .choices =
         (const ksi_choice[]){
             {"none", "org.apache.kafka.streams.processor.internals.NoOpProcessorWrapper"},
             {NULL, NULL}},
     .default_text = "none",
     .prose = "A class that is put around every processor when the topology is built."},
    {.name = "topology.optimization",
     .type = KSI_PROPERTY_LIST,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .ranged = true,
     .low = 1,
     .high = 3,
     .choices = (const ksi_choice[]){{"none", NULL},
                                     {"all", NULL},
                                     {"reuse.ktable.source.topics", NULL},
                                     {"merge.repartition.topics", NULL},
                                     {"single.store.self.join", NULL},
                                     {NULL, NULL}},
     .default_text = "none",
     .prose = "Which rewritings of the topology are allowed: `none`, `all`, or some of the three "
              "by name. They save topics and "
              "stores, and change generated names. `reuse.ktable.source.topics` takes the source "
              "topic of a table for the changelog of its store, `merge.repartition.topics` makes "
              "one repartition topic of those that follow one change of the key, "
              "`single.store.self.join` gives a join of a stream with itself one store in place "
              "of two."},
    {.name = "window.size.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = NO_WINDOWED_SERDE,
     .deprecated = "since 4.1; a windowed serde is given its window size when it is made",
     .prose = "The size of the windows that a Java consumer's windowed deserializer reads."},
    {.name = "windowed.inner.class.serde",
     .type = KSI_PROPERTY_TEXT,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = NO_WINDOWED_SERDE,
     .deprecated = "since 4.1; a windowed serde is given its inner serde when it is made",
     .prose = "The serde of the keys inside the windowed keys that a Java consumer reads."},
};

const ksi_property_table ksi_table_serdes = {
    "Topology and serdes",
    "Read when a topology is built. Serde names are those of ks_serde_by_name() or Java's classes.",
    serde_rows,
    ROWS(serde_rows),
};
