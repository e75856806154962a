/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_log.c - life and topics of the log in this process; embedded_log.h has the rules.
 *
 * Thread rule: any thread. Visitors are called without the lock: they may ask the log for more.
 */
#include "transport/embedded/embedded_log.h"

#include "base/error.h"
#include "base/memory.h"
#include "storage/files.h"
#include "transport/embedded/housekeeping.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ------------------------------------------------------------------------------------ */

static void release_topic(void *pointer)
{
    ksi_embedded_topic_release(pointer);
}

static void free_transactional(void *pointer)
{
    ksi_transactional_id *id = pointer;
    ksi_free(id->name);
    ksi_free(id);
}

static void log_free(ksi_embedded_log *log)
{
    ksi_housekeeping_stop(log);
    ksi_mutex_destroy(&log->house_lock);
    ksi_condition_destroy(&log->house_changed);
    ksi_map_free(log->topics, release_topic);
    ksi_group_offsets_free(log->groups);
    ksi_map_free(log->transactional, free_transactional);
    ksi_coordinator_free(log->coordinator);
    ksi_log_directory_close(log->directory);
    ksi_mutex_destroy(&log->lock);
    ksi_mutex_destroy(&log->wait_lock);
    ksi_condition_destroy(&log->changed);
    ksi_free(log);
}

/*
 * The logs in directories that this process has open, by their real path. A log leaves the table
 * and closes under the table's lock, so that whoever opens it next finds it open or closed. The end
 * of a server is waited for under that lock, too: a connection never needs it, for it never has the
 * last reference.
 */
static pthread_mutex_t open_logs_lock = PTHREAD_MUTEX_INITIALIZER;
static ksi_embedded_log *open_logs; /* a list */

static void leave_open_logs(const ksi_embedded_log *log)
{
    ksi_embedded_log **at = &open_logs;
    while (*at != NULL && *at != log) {
        at = &(*at)->next_open;
    }
    if (*at != NULL) {
        *at = log->next_open;
    }
}

/* Takes one off, unless it is the last. */
static bool take_off(atomic_int *count)
{
    int now = atomic_load(count);
    while (now > 1 && !atomic_compare_exchange_weak(count, &now, now - 1)) {
    }
    return now > 1;
}

/* Under the table's lock. */
static void let_go_locked(ksi_embedded_log *log)
{
    if (atomic_fetch_sub(&log->references, 1) == 1) {
        leave_open_logs(log);
        log_free(log);
    }
}

void ksi_embedded_log_hold(ksi_embedded_log *log)
{
    atomic_fetch_add(&log->references, 1);
}

void ksi_embedded_log_let_go(ksi_embedded_log *log)
{
    if (!take_off(&log->references)) {
        (void)pthread_mutex_lock(&open_logs_lock);
        let_go_locked(log);
        (void)pthread_mutex_unlock(&open_logs_lock);
    }
}

static void log_retain(ksi_transport *transport)
{
    atomic_fetch_add(&ksi_embedded_log_of(transport)->owners, 1);
}

static void log_release(ksi_transport *transport)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    if (take_off(&log->owners)) {
        return;
    }
    (void)pthread_mutex_lock(&open_logs_lock);
    if (atomic_fetch_sub(&log->owners, 1) == 1) {
        ksi_log_server_stop(log->server);
        log->server = NULL;
        let_go_locked(log);
    }
    (void)pthread_mutex_unlock(&open_logs_lock);
}

void ksi_embedded_log_notify(ksi_embedded_log *log)
{
    ksi_mutex_lock(&log->wait_lock);
    ksi_condition_wake_all(&log->changed);
    ksi_mutex_unlock(&log->wait_lock);
}

/* ---- finding --------------------------------------------------------------------------------- */

ksi_embedded_topic *ksi_embedded_log_topic(ksi_embedded_log *log, const char *name)
{
    ksi_mutex_lock(&log->lock);
    ksi_embedded_topic *topic = ksi_map_get_cstr(log->topics, name);
    if (topic != NULL) {
        (void)ksi_embedded_topic_retain(topic);
    }
    ksi_mutex_unlock(&log->lock);
    return topic;
}

ks_status ksi_embedded_log_find(ksi_embedded_log *log, ksi_topic_partition at,
                                ksi_embedded_topic **topic, ks_error *error)
{
    *topic = ksi_embedded_log_topic(log, at.topic);
    if (*topic == NULL) {
        return ksi_embedded_topic_unknown(at.topic, error);
    }
    ks_status status = ksi_embedded_topic_check_partition(*topic, at.partition, error);
    if (status != KS_OK) {
        ksi_embedded_topic_release(*topic);
        *topic = NULL;
    }
    return status;
}

static ks_status log_partition_count(ksi_transport *transport, const char *name, int32_t *count,
                                     ks_error *error)
{
    (void)error;
    ksi_embedded_topic *topic = ksi_embedded_log_topic(ksi_embedded_log_of(transport), name);
    *count = topic != NULL ? topic->partition_count : 0;
    ksi_embedded_topic_release(topic);
    return KS_OK;
}

static int compare_topics(const void *a, const void *b)
{
    const ksi_embedded_topic *const *left = a;
    const ksi_embedded_topic *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static ks_status log_each_topic(ksi_transport *transport, ksi_topic_visit_fn *visit, void *user,
                                ks_error *error)
{
    (void)error;
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    ksi_mutex_lock(&log->lock);
    size_t count = 0;
    ksi_embedded_topic **topics = ksi_calloc(ksi_map_count(log->topics) + 1, sizeof *topics);
    void *topic = NULL;
    for (size_t at = 0; ksi_map_at(log->topics, &at, NULL, &topic); at++) {
        topics[count++] = ksi_embedded_topic_retain(topic);
    }
    ksi_mutex_unlock(&log->lock);
    qsort(topics, count, sizeof(ksi_embedded_topic *), compare_topics);
    for (size_t i = 0; i < count; i++) {
        visit(user, topics[i]->name);
        ksi_embedded_topic_release(topics[i]);
    }
    ksi_free(topics);
    return KS_OK;
}

/* ---- offsets --------------------------------------------------------------------------------- */

static ks_status log_offsets(ksi_transport *transport, ksi_topic_partition at, int64_t *begin,
                             int64_t *end, ks_error *error)
{
    ksi_embedded_topic *topic = NULL;
    KS_TRY(ksi_embedded_log_find(ksi_embedded_log_of(transport), at, &topic, error));
    *begin = ksi_partition_begin(topic->partitions[at.partition]);
    *end = ksi_partition_end(topic->partitions[at.partition]);
    ksi_embedded_topic_release(topic);
    return KS_OK;
}

static ks_status log_offset_at(ksi_transport *transport, ksi_topic_partition at, int64_t timestamp,
                               int64_t *offset, ks_error *error)
{
    ksi_embedded_topic *topic = NULL;
    KS_TRY(ksi_embedded_log_find(ksi_embedded_log_of(transport), at, &topic, error));
    ksi_partition *partition = topic->partitions[at.partition];
    ks_status status = partition->class->offset_at(partition, timestamp, offset, error);
    ksi_embedded_topic_release(topic);
    return status;
}

static ks_status log_partition_bytes(ksi_transport *transport, ksi_topic_partition at,
                                     int64_t *bytes, ks_error *error)
{
    ksi_embedded_topic *topic = NULL;
    KS_TRY(ksi_embedded_log_find(ksi_embedded_log_of(transport), at, &topic, error));
    ksi_partition *partition = topic->partitions[at.partition];
    *bytes = partition->class->bytes(partition);
    ksi_embedded_topic_release(topic);
    return KS_OK;
}

static ks_status delete_records_locked(ksi_embedded_log *log, ksi_partition *partition,
                                       const char *topic, int64_t before, ks_error *error)
{
    if (before < 0 || before > ksi_partition_end(partition)) {
        return ksi_error_set(error, KS_E_OUT_OF_RANGE, topic,
                             "partition %d ends at offset %lld; records before %lld cannot be "
                             "deleted",
                             partition->number, (long long)ksi_partition_end(partition),
                             (long long)before);
    }
    return before > ksi_partition_begin(partition)
               ? ksi_embedded_log_move_begin(log, partition, before, error)
               : KS_OK;
}

static ks_status log_delete_records(ksi_transport *transport, ksi_topic_partition at,
                                    int64_t before, ks_error *error)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    ksi_embedded_topic *topic = NULL;
    KS_TRY(ksi_embedded_log_find(log, at, &topic, error));
    ksi_mutex_lock(&log->lock);
    ks_status status =
        atomic_load(&topic->is_deleted)
            ? ksi_embedded_topic_gone(at.topic, error)
            : delete_records_locked(log, topic->partitions[at.partition], at.topic, before, error);
    ksi_mutex_unlock(&log->lock);
    ksi_embedded_topic_release(topic);
    return status;
}

/* ---- the class ------------------------------------------------------------------------------- */

static const ksi_transport_class embedded_class = {
    .commits_at_once = true,
    .retain = log_retain,
    .release = log_release,
    .create_topic = ksi_embedded_create_topic,
    .delete_topic = ksi_embedded_delete_topic,
    .partition_count = log_partition_count,
    .each_topic = log_each_topic,
    .each_config = ksi_embedded_each_config,
    .set_config = ksi_embedded_set_config,
    .offsets = log_offsets,
    .offset_at = log_offset_at,
    .partition_bytes = log_partition_bytes,
    .delete_records = log_delete_records,
    .committed = ksi_embedded_committed,
    .commit_offsets = ksi_embedded_commit_offsets,
    .each_group = ksi_embedded_each_group,
    .each_offset = ksi_embedded_each_offset,
    .each_member = ksi_embedded_each_member,
    .delete_group = ksi_embedded_delete_group,
    .remove_members = ksi_embedded_remove_members,
    .join = ksi_embedded_join,
    .open_consumer = ksi_embedded_consumer_open,
    .open_producer = ksi_embedded_producer_open,
};

static ksi_embedded_log *new_log(void)
{
    ksi_embedded_log *log = ksi_calloc(1, sizeof *log);
    log->transport.class = &embedded_class;
    atomic_init(&log->owners, 1);
    atomic_init(&log->references, 1);
    ksi_mutex_init(&log->lock);
    ksi_mutex_init(&log->wait_lock);
    ksi_condition_init(&log->changed);
    ksi_mutex_init(&log->house_lock);
    ksi_condition_init(&log->house_changed);
    log->coordinator = ksi_coordinator_new();
    log->topics = ksi_map_new();
    log->groups = ksi_group_offsets_new();
    log->transactional = ksi_map_new();
    return log;
}

ksi_transport *ksi_embedded_log_new(void)
{
    return &new_log()->transport;
}

static ksi_embedded_log *open_directory(const char *path, ksi_clock *clock, ks_error *error)
{
    ksi_log_directory *directory = ksi_log_directory_open(path, clock, error);
    if (directory == NULL) {
        return NULL;
    }
    ksi_embedded_log *log = new_log();
    log->directory = directory;
    ks_status status = ksi_log_directory_finish_deleting(directory, error);
    if (status == KS_OK) {
        status = ksi_embedded_load_topics(log, error);
    }
    if (status == KS_OK) {
        status = ksi_catalogue_load_groups(directory->catalogue, log->groups, error);
    }
    if (status != KS_OK) {
        log_free(log);
        return NULL;
    }
    return log;
}

/* The directory, made, by the one name that all ways to it lead to; to be freed. NULL: an error. */
static char *real_path(const char *path, ks_error *error)
{
    char *part = NULL;
    char found[PATH_MAX];
    if (ksi_directories_make(path, &part) && realpath(path, found) != NULL) {
        return ksi_strdup(found);
    }
    (void)ksi_file_refused("make directory", part != NULL ? part : path, "bootstrap.servers",
                           error);
    ksi_free(part);
    return NULL;
}

/* A log that cannot be reached by others is a log all the same. */
static void start_server(ksi_embedded_log *log)
{
    ks_error error = {0};
    char *path = ksi_path_join(log->directory->path, KSI_LOG_SOCKET);
    log->server = ksi_log_server_start(&log->transport, path, &error);
    if (log->server == NULL) {
        ksi_log(&log->directory->logger, KS_LOG_LEVEL_WARN, error.where, "%s", error.message);
    }
    ksi_free(path);
}

/* One that is open, retained: also one whose owners went while something was still read from it. */
static void own_again(ksi_embedded_log *log)
{
    if (atomic_fetch_add(&log->owners, 1) == 0) {
        ksi_embedded_log_hold(log);
        start_server(log);
    }
}

ksi_transport *ksi_embedded_log_open(const char *path, bool syncs, ksi_clock *clock,
                                     ks_error *error)
{
    char *real = real_path(path, error);
    if (real == NULL) {
        return NULL;
    }
    (void)pthread_mutex_lock(&open_logs_lock);
    ksi_embedded_log *log = open_logs;
    while (log != NULL && strcmp(log->directory->path, real) != 0) {
        log = log->next_open;
    }
    if (log != NULL) {
        own_again(log);
    } else {
        log = open_directory(real, clock, error);
        if (log != NULL) {
            log->next_open = open_logs;
            open_logs = log;
            start_server(log);
        }
    }
    (void)pthread_mutex_unlock(&open_logs_lock);
    ksi_free(real);
    if (log == NULL) {
        return NULL;
    }
    ksi_mutex_lock(&log->lock);
    log->directory->syncs = log->directory->syncs || syncs;
    ksi_mutex_unlock(&log->lock);
    return &log->transport;
}
