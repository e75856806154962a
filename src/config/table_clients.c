/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_clients.c - rows of the property table: connections, metrics, and Java's undocumented
 * knobs.
 */
#include "config/properties.h"

#define ROWS(rows) (sizeof(rows) / sizeof(rows)[0])

#define NO_CONNECTION "the embedded log is in the process itself, so there is no connection"
#define NO_METRICS "this version measures nothing but the counters of ks_app_stats_of()"
#define BACKOFF_PROSE                                                                        \
    "Milliseconds before a broken connection is tried again, doubled at each failure up to " \
    "reconnect.backoff.max.ms."

/* ---- connections ----------------------------------------------------------------------------- */

static const ksi_property clients[] = {
    {.name = "connections.max.idle.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_CLIENTS,
     .reason = NO_CONNECTION,
     .default_text = "540000",
     .prose = "Milliseconds after which a connection that nobody uses is closed."},
    {.name = "default.client.supplier",
     .type = KSI_PROPERTY_CLASS,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = "suppliers are Java classes, and the default stands for the library's own clients",
     .choices =
         (const ksi_choice[]){
             {"default", "org.apache.kafka.streams.processor.internals.DefaultKafkaClientSupplier"},
             {NULL, NULL}},
     .default_text = "default",
     .prose = "The class that makes consumers, producers and admin clients."},
    {.name = "metadata.max.age.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     KSI_AT_LEAST(0),
     .default_text = "300000",
     .prose = "Milliseconds after which clients ask again for topics, partitions and leaders "
              "although nothing seems to have changed. On the embedded log topics that match a "
              "pattern are looked for so often, and at least once a second."},
    {.name = "metadata.recovery.rebootstrap.trigger.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_CLIENTS,
     KSI_AT_LEAST(0),
     .reason = NO_CONNECTION,
     .default_text = "300000",
     .prose = "Milliseconds without any known broker after which a client starts again from "
              "bootstrap.servers."},
    {.name = "metadata.recovery.strategy",
     .type = KSI_PROPERTY_CHOICE,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_CLIENTS,
     .ignore_case = true,
     .reason = NO_CONNECTION,
     .choices = (const ksi_choice[]){{"rebootstrap", NULL}, {"none", NULL}, {NULL, NULL}},
     .default_text = "rebootstrap",
     .prose = "What a client does when none of the brokers it knows answers: start again from "
              "bootstrap.servers, or fail."},
    {.name = "receive.buffer.bytes",
     .type = KSI_PROPERTY_I32,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_CLIENTS,
     KSI_AT_LEAST(-1),
     .reason = NO_CONNECTION,
     .default_text = "32768",
     .prose = "Bytes of the receive buffer of a socket; -1 leaves it to the operating system."},
    {.name = "reconnect.backoff.max.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_CLIENTS,
     KSI_AT_LEAST(0),
     .reason = NO_CONNECTION,
     .default_text = "1000",
     .default_prose = "1000; reconnect.backoff.ms when that is set",
     .prose = "The most milliseconds between two tries to connect to a broker."},
    {.name = "reconnect.backoff.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_CLIENTS,
     KSI_AT_LEAST(0),
     .reason = NO_CONNECTION,
     .default_text = "50",
     .prose = BACKOFF_PROSE},
    {.name = "request.timeout.ms",
     .type = KSI_PROPERTY_I32,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_CLIENTS,
     KSI_AT_LEAST(0),
     .reason = NO_CONNECTION,
     .default_text = "40000",
     .prose = "Milliseconds a client waits for the answer to one request."},
    {.name = "retry.backoff.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_CLIENTS,
     KSI_AT_LEAST(0),
     .reason = NO_CONNECTION,
     .default_text = "100",
     .prose = "Milliseconds before a request that failed is sent again."},
    {.name = "security.protocol",
     .type = KSI_PROPERTY_CHOICE,
     .importance = KSI_IMPORTANCE_MEDIUM,
     .support = KSI_SUPPORT_CLIENTS,
     .ignore_case = true,
     .reason = NO_CONNECTION " to protect",
     .choices = (const ksi_choice[]){{"PLAINTEXT", NULL},
                                     {"SSL", NULL},
                                     {"SASL_PLAINTEXT", NULL},
                                     {"SASL_SSL", NULL},
                                     {NULL, NULL}},
     .default_text = "PLAINTEXT",
     .prose = "How connections to brokers are protected: with TLS where the name has SSL, with a "
              "login where it has SASL."},
    {.name = "send.buffer.bytes",
     .type = KSI_PROPERTY_I32,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_CLIENTS,
     KSI_AT_LEAST(-1),
     .reason = NO_CONNECTION,
     .default_text = "131072",
     .prose = "Bytes of the send buffer of a socket; -1 leaves it to the operating system."},
};

const ksi_property_table ksi_table_clients = {
    "Connections to brokers",
    "Handed to the clients that talk to brokers, librdkafka's and the library's own; without "
    "effect on "
    "the embedded log.",
    clients,
    ROWS(clients),
};

/* ---- metrics --------------------------------------------------------------------------------- */

static const ksi_property metrics[] = {
    {.name = "built.in.metrics.version",
     .type = KSI_PROPERTY_CHOICE,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = NO_METRICS,
     .choices = (const ksi_choice[]){{"latest", NULL}, {NULL, NULL}},
     .default_text = "latest",
     .prose = "Whose names of metrics are used; there is only one set of them."},
    {.name = "enable.metrics.push",
     .type = KSI_PROPERTY_BOOL,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = NO_METRICS,
     .default_text = "true",
     .prose = "Whether clients send their metrics to brokers that ask for them. Main consumer and "
              "admin client must agree with "
              "it."},
    {.name = "metric.reporters",
     .type = KSI_PROPERTY_LIST,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = "reporters are Java classes; " NO_METRICS,
     .default_text = "org.apache.kafka.common.metrics.JmxReporter",
     .prose = "Classes that are told of every metric."},
    {.name = "metrics.num.samples",
     .type = KSI_PROPERTY_I32,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     KSI_AT_LEAST(1),
     .reason = NO_METRICS,
     .default_text = "2",
     .prose =
         "How many samples of metrics.sample.window.ms each a rate or an average is taken over."},
    {.name = "metrics.recording.level",
     .type = KSI_PROPERTY_CHOICE,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     .reason = NO_METRICS,
     .choices =
         (const ksi_choice[]){{"INFO", NULL}, {"DEBUG", NULL}, {"TRACE", NULL}, {NULL, NULL}},
     .default_text = "INFO",
     .prose = "Which metrics are measured: `DEBUG` adds those of nodes, stores and caches, `TRACE` "
              "the latency from end to end at "
              "stores."},
    {.name = "metrics.sample.window.ms",
     .type = KSI_PROPERTY_I64,
     .importance = KSI_IMPORTANCE_LOW,
     .support = KSI_SUPPORT_INERT,
     KSI_AT_LEAST(0),
     .reason = NO_METRICS,
     .default_text = "30000",
     .prose = "Milliseconds of one sample of a metric."},
};

const ksi_property_table ksi_table_metrics = {
    "Metrics",
    "What is measured and who is told.",
    metrics,
    ROWS(metrics),
};

/* ---- internal -------------------------------------------------------------------------------- */

#define INTERNALS "org.apache.kafka.streams.processor.internals.assignment."

static const ksi_property internal[] = {
    {.name = "__emit.interval.ms.kstreams.outer.join.spurious.results.fix__",
     .type = KSI_PROPERTY_I64,
     .default_text = "0",
     .prose = "Milliseconds of the clock between two looks for rows of a left or outer join that "
              "found no partner in time; 0 looks whenever there may be one. Java's is 1000, so "
              "that a result may come out a second later, and the last ones of an input not at "
              "all."},
    {.name = "__emit.interval.ms.kstreams.windowed.aggregation__",
     .type = KSI_PROPERTY_I64,
     .default_text = "1000",
     .prose = "Milliseconds of the clock between two looks for windows that have closed, where "
              "results are emitted only then; 0 "
              "looks at every record."},
    {.name = "__enable.process.processValue.fix__",
     .type = KSI_PROPERTY_BOOL,
     .default_text = "false",
     .prose = "Whether the optimizer counts the program's own processors as changing key and "
              "value. Without it, `merge.repartition.topics` takes a repartition topic that "
              "follows such a processor away when the key was changed before the processor too."},
    {.name = "__internal.override.topic.prefix__",
     .type = KSI_PROPERTY_TEXT,
     .support = KSI_SUPPORT_REFUSED,
     .ranged = true,
     .low = 1,
     .reason = "internal topics always begin with the application.id",
     .prose = "The beginning of the names of internal topics, in place of the application.id."},
    {.name = "__iq.consistency.offset.vector.enabled__",
     .type = KSI_PROPERTY_BOOL,
     .support = KSI_SUPPORT_INERT,
     .reason = "this version has no queries that would ask for positions",
     .default_text = "false",
     .prose = "Whether stores keep the input positions that their rows reflect, and write them "
              "into changelogs."},
    {.name = "__processing.threads.enabled__",
     .type = KSI_PROPERTY_BOOL,
     .support = KSI_SUPPORT_REFUSED,
     .reason = "a thread both fetches and processes its records",
     .default_text = "false",
     .prose = "Whether threads of their own process the records that a stream thread fetches."},
    {.name = "internal.task.assignor.class",
     .type = KSI_PROPERTY_CLASS,
     .support = KSI_SUPPORT_INERT,
     .reason =
         "this version has one assignor: tasks stay where they are as long as the load is even",
     .choices = (const ksi_choice[]){{"HighAvailability", INTERNALS "HighAvailabilityTaskAssignor"},
                                     {"LegacySticky", INTERNALS "LegacyStickyTaskAssignor"},
                                     {"FallbackPrior", INTERNALS "FallbackPriorTaskAssignor"},
                                     {NULL, NULL}},
     .default_prose = "HighAvailability",
     .prose = "How tasks are spread over instances, before task.assignor.class existed."},
};

const ksi_property_table ksi_table_internal = {
    "Internal",
    "Java's own knobs for tests and experiments: known, so that test suites can be carried over, "
    "and promised to nobody.",
    internal,
    ROWS(internal),
};
