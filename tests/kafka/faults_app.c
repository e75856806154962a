/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults_app.c - an application that a test lets run into trouble: faults_app TOPOLOGY PREFIX
 * [NAME=VALUE]...
 *
 *     copy    PREFIX-in -> PREFIX-out
 *     count   PREFIX-in -> how often each key came, store "counts" -> PREFIX-out
 *     both    PREFIX-in and PREFIX-other, which are co-partitioned -> PREFIX-out
 *
 * Keys and values are text; counts are written as text too, so that any reader shows them. The
 * rest is what an operator would see: lines of the log and states on standard error, the final
 * error as ks_error_print() writes it, status 1. SIGTERM closes it and it ends with status 0.
 *
 * Thread rule: built by the main thread; functions below run on stream threads and keep nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kstreams/kstreams.h>

#define TEXT (&ks_serde_string)

typedef struct topic_names {
    char in[128];
    char other[128];
    char out[128];
} topic_names;

static ks_value count_as_text(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    return ks_text(ks_value_to_text(ks_ctx_arena(ctx), record->value));
}

static void build_copy(ks_builder *builder, const topic_names *topics)
{
    ks_stream *records =
        ks_builder_stream(builder, topics->in, KS_CONSUMED(.key = TEXT, .value = TEXT));
    ks_stream_to(records, topics->out, KS_PRODUCED(.key = TEXT, .value = TEXT));
}

static void build_count(ks_builder *builder, const topic_names *topics)
{
    ks_stream *records =
        ks_builder_stream(builder, topics->in, KS_CONSUMED(.key = TEXT, .value = TEXT));
    ks_grouped_stream *by_key = ks_stream_group_by_key(records, NULL);
    ks_table *counts = ks_grouped_stream_count(by_key, KS_MATERIALIZED(.name = "counts"));
    ks_stream *texts =
        ks_stream_map_values(ks_table_to_stream(counts, NULL), count_as_text, NULL, NULL);
    ks_stream_to(texts, topics->out, KS_PRODUCED(.key = TEXT, .value = TEXT));
}

static void build_both(ks_builder *builder, const topic_names *topics)
{
    ks_stream *left = ks_builder_stream(builder, topics->in,
                                        KS_CONSUMED(.name = "left", .key = TEXT, .value = TEXT));
    ks_stream *right = ks_builder_stream(builder, topics->other,
                                         KS_CONSUMED(.name = "right", .key = TEXT, .value = TEXT));
    ks_stream_to(ks_stream_merge(left, right, NULL), topics->out,
                 KS_PRODUCED(.key = TEXT, .value = TEXT));
}

static const struct {
    const char *name;
    void (*build)(ks_builder *builder, const topic_names *topics);
    const char *const *together; /* sources */
} topologies[] = {{.name = "copy", .build = build_copy},
                  {.name = "count", .build = build_count},
                  {.name = "both", .build = build_both, .together = KS_NAMES("left", "right")}};

static ks_topology *build(const char *name, const char *prefix, const ks_config *config,
                          ks_error *error)
{
    topic_names topics;

    (void)snprintf(topics.in, sizeof topics.in, "%s-in", prefix);
    (void)snprintf(topics.other, sizeof topics.other, "%s-other", prefix);
    (void)snprintf(topics.out, sizeof topics.out, "%s-out", prefix);
    for (size_t i = 0; i < sizeof topologies / sizeof topologies[0]; i++) {
        if (strcmp(topologies[i].name, name) == 0) {
            ks_builder *builder = ks_builder_new(config);
            topologies[i].build(builder, &topics);
            ks_topology *topology = ks_builder_build(builder, error);
            ks_builder_free(builder);
            if (topology != NULL && topologies[i].together != NULL &&
                ks_topology_copartition(topology, topologies[i].together, error) != KS_OK) {
                ks_topology_free(topology);
                return NULL;
            }
            return topology;
        }
    }
    (void)ks_error_set(error, KS_E_ARGUMENT, name, "is no topology of this program");
    return NULL;
}

static ks_status configure(ks_config *config, int argc, char **argv, ks_error *error)
{
    ks_status status = KS_OK;
    for (int i = 3; i < argc && status == KS_OK; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals == NULL) {
            return ks_error_set(error, KS_E_ARGUMENT, argv[i], "a property is NAME=VALUE");
        }
        *equals = '\0';
        status = ks_config_set(config, argv[i], equals + 1, error);
    }
    return status;
}

static void print_line(ks_log_level level, const char *where, const char *message, void *user)
{
    static const char *const words[] = {"debug", "info", "warning", "error"};

    (void)user;
    fprintf(stderr, "%s: %s: %s\n", words[level], where, message);
}

static void print_state(ks_app_state from, ks_app_state to, void *user)
{
    (void)user;
    fprintf(stderr, "state: %s -> %s\n", ks_app_state_name(from), ks_app_state_name(to));
}

int main(int argc, char **argv)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    ks_topology *topology = NULL;
    ks_app *app = NULL;

    if (argc < 3) {
        (void)ks_error_set(&error, KS_E_ARGUMENT, NULL,
                           "usage: faults_app TOPOLOGY PREFIX [NAME=VALUE]...");
    } else if (configure(config, argc, argv, &error) == KS_OK) {
        topology = build(argv[1], argv[2], config, &error);
    }
    if (topology != NULL) {
        app = ks_app_new(topology, config,
                         KS_APP_OPTIONS(.log_line = print_line, .state_listener = print_state),
                         &error);
    }
    ks_status status = app != NULL ? ks_app_run(app, &error) : error.code;
    if (status != KS_OK) {
        ks_error_print("faults_app", &error);
    }
    ks_app_free(app);
    ks_topology_free(topology);
    ks_config_free(config);
    return status == KS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
