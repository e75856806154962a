/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - the handle of log.h: opening and closing it.
 *
 * Thread rule: any thread.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "storage/files.h"
#include "transport/embedded/embedded_log.h"
#include "transport/kafka/kafka_transport.h"
#include "transport/log_handle.h"
#include "transport/remote/remote_transport.h"
#include "transport/remote/server.h"

#include <time.h>

#define EMBEDDED_PREFIX "embedded:"

enum { TURN_MS = 10, ASKING_TURNS = 100 }; /* a second */

/* ---- life ------------------------------------------------------------------------------------ */

void ks_log_options_init(ks_log_options *options)
{
    *options = *KS_LOG_OPTIONS(.sync_commits = false);
}

/*
 * The log of a directory: ours when nobody has it, else that of the process that holds it. A holder
 * that is just opening or closing has the lock and no socket yet, or any more; nothing tells when
 * that is over, so both ways are tried for a while. Who has to hold it waits until the other lets
 * go, and asks nobody.
 */
static ksi_transport *open_directory(const char *path, const ks_log_options *options,
                                     ks_error *error)
{
    const struct timespec pause = {.tv_nsec = TURN_MS * 1000 * 1000};
    bool asks = options->hold_within_ms <= 0;
    int64_t turns = asks ? ASKING_TURNS : options->hold_within_ms / TURN_MS + 1;
    char *socket = ksi_path_join(path, KSI_LOG_SOCKET);
    ksi_transport *transport = NULL;
    ks_error held = {.code = KS_E_STATE};
    ks_error refused = {.code = KS_E_IO};
    for (int64_t turn = 0;
         turn < turns && transport == NULL && held.code == KS_E_STATE && refused.code == KS_E_IO;
         turn++) {
        if (turn > 0) {
            (void)nanosleep(&pause, NULL);
        }
        transport = ksi_embedded_log_open(path, options->sync_commits, &ksi_system_clock, &held);
        if (asks && transport == NULL && held.code == KS_E_STATE) {
            transport = ksi_remote_transport_open(socket, &refused);
        }
    }
    ksi_free(socket);
    if (transport == NULL && error != NULL) {
        *error = held.code == KS_E_STATE && refused.code != KS_E_IO ? refused : held;
    }
    return transport;
}

static ksi_transport *open_embedded(const char *path, const ks_log_options *options,
                                    ks_error *error)
{
    return path[0] == '\0' ? ksi_embedded_log_new() : open_directory(path, options, error);
}

static ksi_transport *open_cluster(const char *servers, const ks_log_options *options,
                                   ksi_logger *logger, ks_error *error)
{
    const ksi_kafka_options cluster = {.bootstrap_servers = servers,
                                       .config = options->config,
                                       .logger = logger,
                                       .reads_committed = logger == NULL ||
                                                          ksi_config_exactly_once(options->config)};
    return ksi_kafka_transport_open(&cluster, error);
}

ksi_transport *ksi_log_open_transport(const char *servers, const ks_log_options *options,
                                      ksi_logger *logger, ks_error *error)
{
    if (servers == NULL || servers[0] == '\0') {
        (void)ksi_error_set(error, KS_E_ARGUMENT, "bootstrap.servers",
                            "no log was named; \"HOST:PORT\" is a broker of a Kafka cluster, "
                            "\"embedded:DIR\" a log in a directory, \"embedded:\" one in the "
                            "memory of this process");
        return NULL;
    }
    bool is_embedded = strncmp(servers, EMBEDDED_PREFIX, strlen(EMBEDDED_PREFIX)) == 0;
    return is_embedded ? open_embedded(servers + strlen(EMBEDDED_PREFIX), options, error)
                       : open_cluster(servers, options, logger, error);
}

ks_log *ksi_log_of(ksi_transport *transport)
{
    ks_log *log = ksi_calloc(1, sizeof *log);
    log->transport = transport;
    ksi_mutex_init(&log->lock);
    return log;
}

ks_log *ks_log_open_with(const char *bootstrap_servers, const ks_log_options *options,
                         ks_error *error)
{
    const ks_log_options *how = options != NULL ? options : KS_LOG_OPTIONS(.sync_commits = false);
    ksi_transport *transport = ksi_log_open_transport(bootstrap_servers, how, NULL, error);
    return transport != NULL ? ksi_log_of(transport) : NULL;
}

ks_log *ks_log_open(const char *bootstrap_servers, ks_error *error)
{
    return ks_log_open_with(bootstrap_servers, NULL, error);
}

void ks_log_free(ks_log *log)
{
    if (log == NULL) {
        return;
    }
    ks_log_producer_free(log->producer);
    log->transport->class->release(log->transport);
    ksi_mutex_destroy(&log->lock);
    ksi_free(log);
}

ksi_transport *ksi_log_transport(ks_log *log)
{
    log->transport->class->retain(log->transport);
    return log->transport;
}

/* ---- what the other files of log.h ask ------------------------------------------------------- */

ks_status ksi_log_check(const ks_log *log, const void *argument, const char *what, ks_error *error)
{
    if (log == NULL || argument == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, log == NULL ? "log" : what, "must not be NULL");
    }
    return KS_OK;
}

ks_status ksi_log_find_topic(const ks_log *log, const char *topic, int32_t *partitions,
                             ks_error *error)
{
    KS_TRY(log->transport->class->partition_count(log->transport, topic, partitions, error));
    if (*partitions == 0) {
        return ksi_error_set(error, KS_E_UNKNOWN_TOPIC, topic,
                             "the topic does not exist; create it with ks_log_create_topic()");
    }
    return KS_OK;
}
