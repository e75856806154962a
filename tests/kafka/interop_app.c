/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interop_app.c - our half of an interop test: interop_app TOPOLOGY PREFIX PROPERTIES.
 *
 * A Java application and this one take turns under one application.id: each must find what the
 * other left in the changelogs, the repartition topics and the committed offsets. So the topologies
 * are those of java/src/PeerTopologies.java line by line, and both read the same properties file.
 * What would make names or partitions differ (a name given here and not there, an operation more)
 * is the mistake to look for when such a test fails.
 *
 * Prints RUNNING each time it runs; SIGTERM closes it and it ends with status 0.
 *
 * Thread rule: built by the main thread; the functions below run on stream threads and keep
 * nothing.
 */
#include "smoke/topologies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <kstreams/kstreams.h>

#define TEXT (&ks_serde_string)
#define NUMBER (&ks_serde_i64)

/* ---- functions ------------------------------------------------------------------------------- */

static ks_value the_value(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return record->value;
}

static ks_value first_letter(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_text(ks_slice_of(ks_value_text(record->value).data, 1));
}

static ks_pair by_value(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return (ks_pair){.key = record->value, .value = record->key};
}

static ks_value zero(ks_ctx *ctx, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i64(0);
}

static ks_value add_length(ks_ctx *ctx, const ks_record *record, ks_value sum, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i64(ks_value_i64(sum) + (int64_t)ks_value_text(record->value).size);
}

static ks_value take_length(ks_ctx *ctx, const ks_record *record, ks_value sum, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i64(ks_value_i64(sum) - (int64_t)ks_value_text(record->value).size);
}

/* A record "untimed" takes the partition time: after a restart, that of the committed metadata. */
static ks_status extract(const ks_timestamp_extractor *extractor, const ks_source_record *record,
                         int64_t partition_time, int64_t *timestamp, ks_error *error)
{
    bool untimed = ks_value_equal(record->record.value, ks_text_of("untimed"));

    (void)extractor;
    (void)error;
    *timestamp = untimed ? partition_time : record->record.timestamp;
    return KS_OK;
}

static const ks_timestamp_extractor untimed_extractor = {
    .struct_size = sizeof untimed_extractor, .name = "untimed", .extract = extract};

/* ---- topologies ------------------------------------------------------------------------------ */

/* The prefix of the command line, and "in", "out", "lengths". */
typedef struct topic_names {
    char in[64];
    char out[64];
    char lengths[64];
} topic_names;

static void send_to(ks_table *numbers, const char *topic)
{
    ks_stream_to(ks_table_to_stream(numbers, NULL), topic,
                 KS_PRODUCED(.key = TEXT, .value = NUMBER));
}

static void build_count(ks_builder *builder, const topic_names *topics)
{
    ks_stream *records =
        ks_builder_stream(builder, topics->in, KS_CONSUMED(.key = TEXT, .value = TEXT));
    ks_grouped_stream *by_key = ks_stream_group_by_key(records, NULL);

    send_to(ks_grouped_stream_count(by_key, KS_MATERIALIZED(.name = "counts")), topics->out);
}

static void build_repartition(ks_builder *builder, const topic_names *topics)
{
    ks_stream *words =
        ks_builder_stream(builder, topics->in, KS_CONSUMED(.key = TEXT, .value = TEXT));

    ks_stream *keyed = ks_stream_select_key(words, the_value, NULL, NULL);
    ks_grouped_stream *by_word =
        ks_stream_group_by_key(keyed, KS_GROUPED(.name = "words", .key = TEXT, .value = TEXT));
    send_to(ks_grouped_stream_count(by_word, KS_MATERIALIZED(.name = "counts")), topics->out);

    ks_grouped_stream *by_letter = ks_stream_group_by(
        words, first_letter, NULL, KS_GROUPED(.name = "letters", .key = TEXT, .value = TEXT));
    send_to(ks_grouped_stream_aggregate(by_letter, zero, add_length, NULL,
                                        KS_MATERIALIZED(.key = TEXT, .value = NUMBER)),
            topics->lengths);
}

static void build_table(ks_builder *builder, const topic_names *topics)
{
    ks_table *teams = ks_builder_table(builder, topics->in, KS_CONSUMED(.key = TEXT, .value = TEXT),
                                       KS_MATERIALIZED(.name = "teams"));
    ks_grouped_table *members = ks_table_group_by(
        teams, by_value, NULL, KS_GROUPED(.name = "members", .key = TEXT, .value = TEXT));

    send_to(ks_grouped_table_count(members, KS_MATERIALIZED(.name = "counts")), topics->out);
    send_to(ks_grouped_table_aggregate(members, zero, add_length, take_length, NULL,
                                       KS_MATERIALIZED(.key = TEXT, .value = NUMBER)),
            topics->lengths);
}

static void build_times(ks_builder *builder, const topic_names *topics)
{
    ks_stream *records = ks_builder_stream(
        builder, topics->in,
        KS_CONSUMED(.key = TEXT, .value = TEXT, .timestamp_extractor = &untimed_extractor));

    ks_stream_to(records, topics->out, KS_PRODUCED(.key = TEXT, .value = TEXT));
}

static void build_kafkas_smoke(ks_builder *builder, const topic_names *topics)
{
    (void)topics;
    build_smoke(builder);
}

static void build_kafkas_relational(ks_builder *builder, const topic_names *topics)
{
    (void)topics;
    build_relational(builder);
}

static const struct {
    const char *name;
    void (*build)(ks_builder *builder, const topic_names *topics);
} topologies[] = {
    {"count", build_count},        {"repartition", build_repartition},
    {"table", build_table},        {"times", build_times},
    {"smoke", build_kafkas_smoke}, {"relational", build_kafkas_relational},
};

static ks_topology *build(const char *name, const char *prefix, const ks_config *config,
                          ks_error *error)
{
    topic_names topics;

    (void)snprintf(topics.in, sizeof topics.in, "%sin", prefix);
    (void)snprintf(topics.out, sizeof topics.out, "%sout", prefix);
    (void)snprintf(topics.lengths, sizeof topics.lengths, "%slengths", prefix);
    for (size_t i = 0; i < sizeof topologies / sizeof topologies[0]; i++) {
        if (strcmp(topologies[i].name, name) == 0) {
            ks_builder *builder = ks_builder_new(config);
            topologies[i].build(builder, &topics);
            ks_topology *topology = ks_builder_build(builder, error);
            ks_builder_free(builder);
            return topology;
        }
    }
    ks_error_set(error, KS_E_ARGUMENT, name, "is no topology of this program");
    return NULL;
}

/* ---- the program ----------------------------------------------------------------------------- */

/* As brokers and tests do, so that their lines can be put side by side. */
static void print_time(void)
{
    struct timespec now;
    struct tm parts;
    char text[sizeof "00:00:00"];

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)strftime(text, sizeof text, "%H:%M:%S", localtime_r(&now.tv_sec, &parts));
    fprintf(stderr, "%s.%03ld ", text, now.tv_nsec / 1000000);
}

static void print_line(ks_log_level level, const char *where, const char *message, void *user)
{
    static const char *const words[] = {"debug", "info", "warning", "error"};

    (void)user;
    print_time();
    fprintf(stderr, "%s: %s: %s\n", words[level], where, message);
}

static void print_state(ks_app_state from, ks_app_state to, void *user)
{
    (void)user;
    print_time();
    fprintf(stderr, "state: %s -> %s\n", ks_app_state_name(from), ks_app_state_name(to));
    if (to == KS_APP_RUNNING) {
        puts("RUNNING");
        (void)fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    ks_topology *topology = NULL;
    ks_app *app = NULL;

    if (argc != 4) {
        ks_error_set(&error, KS_E_ARGUMENT, NULL, "usage: interop_app TOPOLOGY PREFIX PROPERTIES");
    } else if (ks_config_load(config, argv[3], &error) == KS_OK) {
        topology = build(argv[1], argv[2], config, &error);
    }
    if (topology != NULL) {
        app = ks_app_new(topology, config,
                         KS_APP_OPTIONS(.log_line = print_line, .state_listener = print_state),
                         &error);
    }
    ks_status status = app != NULL ? ks_app_run(app, &error) : error.code;
    if (status != KS_OK) {
        ks_error_print("interop_app", &error);
    }
    ks_app_free(app);
    ks_topology_free(topology);
    ks_config_free(config);
    return status == KS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
