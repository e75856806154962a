/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_check.c - what can be said against an application before anything of it is made.
 *
 * Kafka Streams finds some of this out late, in a thread, when a record is lost over it. Here it is
 * the answer of ks_app_new().
 *
 * Thread rule: any; nothing is kept.
 */
#include "runtime/app.h"

#include "base/error.h"
#include "config/config.h"

static ks_status check_needed(const ks_config *config, const char *name, const char *what,
                              ks_error *error)
{
    const char *text = ksi_config_text(config, name);
    if (text == NULL || text[0] == '\0') {
        return ksi_error_set(error, KS_E_CONFIG, name, "the property is missing; set it to %s",
                             what);
    }
    return KS_OK;
}

/*
 * To Kafka the id is a group, and those are free text. But it begins the name of every repartition
 * and changelog topic, so one that is no part of a topic's name would fail late, by a topic that
 * the program never wrote down.
 */
static ks_status check_application_id(const ks_config *config, ks_error *error)
{
    const char *id = ksi_config_text(config, "application.id");
    ks_error reason = {0};
    if (ksi_topic_name_check(id, &reason) != KS_OK) {
        return ksi_error_set(error, KS_E_CONFIG, "application.id",
                             "\"%.80s\" begins the names of internal topics, so their rule holds "
                             "for it: %s",
                             id, reason.message);
    }
    return KS_OK;
}

/* Java takes any text and fails at the first dead letter, when the record it is about is lost. */
static ks_status check_dead_letters(const ks_config *config, ks_error *error)
{
    static const char *name = "errors.dead.letter.queue.topic.name";
    const char *topic = ksi_config_text(config, name);
    ks_error reason = {0};
    if (topic != NULL && ksi_topic_name_check(topic, &reason) != KS_OK) {
        return ksi_error_set(error, KS_E_CONFIG, name, "\"%s\" is no name of a topic: %s", topic,
                             reason.message);
    }
    return KS_OK;
}

ks_status ksi_app_check_config(const ks_config *config, ks_error *error)
{
    KS_TRY(check_needed(config, "application.id", "the name of the application", error));
    KS_TRY(check_application_id(config, error));
    KS_TRY(check_needed(config, "bootstrap.servers",
                        "where the topics are; \"embedded:\" is a log in this process", error));
    KS_TRY(check_dead_letters(config, error));
    return ksi_config_validate(config, error);
}

/* Far above what helps; makes a typing error a message instead of a machine without memory. */
enum { MOST_THREADS = 10000 };

static ks_status check_threads(int32_t threads, ks_error *error)
{
    if (threads < 0 || threads > MOST_THREADS) {
        return ksi_error_set(error, KS_E_CONFIG, "num.stream.threads",
                             "%d threads; give from 1 to %d", (int)threads, MOST_THREADS);
    }
    return KS_OK;
}

/* @java TopologyMetadata#getNumStreamThreads */
ks_status ksi_app_check_topology(const ks_topology *topology, const ks_config *config,
                                 ks_error *error)
{
    if (topology == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, "topology", "must not be NULL");
    }
    bool has_source = false;
    for (size_t i = 0; i < topology->node_count; i++) {
        has_source = has_source || topology->nodes[i]->kind == KSI_NODE_SOURCE;
    }
    int32_t threads = ksi_config_i32(config, "num.stream.threads");
    KS_TRY(check_threads(threads, error));
    bool needs_threads = has_source && !ksi_topology_has_global_stores(topology);
    if (!has_source || (threads == 0 && needs_threads)) {
        return ksi_error_set(error, KS_E_TOPOLOGY, "topology",
                             "Topology has no stream threads and no global threads, must subscribe "
                             "to at least one source topic or global table.%s",
                             has_source ? " num.stream.threads is 0: give 1 or more." : "");
    }
    return KS_OK;
}
