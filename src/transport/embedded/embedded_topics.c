/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_topics.c - topics of the log in this process: made, configured, deleted.
 *
 * In a directory, a topic is there when its row is, and gone when its row is: files come after the
 * first and go after the second. What a crash leaves in between, the row of deleted topics tells.
 *
 * Thread rule: any thread. Visitors are called without the lock: they may ask the log for more.
 */
#include "base/error.h"
#include "base/memory.h"
#include "transport/embedded/embedded_log.h"
#include "transport/embedded/housekeeping.h"

#include <stdlib.h>
#include <string.h>

/*
 * Bounded so that a slip in a configuration cannot eat the machine; a broker has such a bound, too.
 */
#define MAX_PARTITIONS 100000

/* ---- making ---------------------------------------------------------------------------------- */

static ks_status make_partition(ksi_embedded_log *log, ksi_embedded_topic *topic, int32_t number,
                                ks_error *error)
{
    if (log->directory == NULL) {
        topic->partitions[number] = ksi_memory_partition_new(number);
        return KS_OK;
    }
    const ksi_partition_home home = {.directory = log->directory,
                                     .settings = &topic->config.settings,
                                     .topic = topic->name,
                                     .topic_id = topic->id,
                                     .number = number};
    topic->partitions[number] = ksi_file_partition_open(&home, error);
    return topic->partitions[number] != NULL ? KS_OK : KS_E_IO;
}

static ks_status make_partitions(ksi_embedded_log *log, ksi_embedded_topic *topic, ks_error *error)
{
    for (int32_t i = 0; i < topic->partition_count; i++) {
        ks_error reason = {0};
        if (make_partition(log, topic, i, &reason) != KS_OK) {
            if (error != NULL) {
                *error = reason;
            }
            return reason.code;
        }
    }
    return KS_OK;
}

static ks_status put_row(ksi_embedded_log *log, ksi_embedded_topic *topic, ks_error *error)
{
    const ksi_topic_row row = {.name = topic->name,
                               .id = topic->id,
                               .partitions = topic->partition_count,
                               .config = &topic->config};
    ksi_catalogue_put_topic(log->directory->catalogue, &row);
    return ksi_log_directory_write(log->directory, error);
}

/* The row of a new topic; files that one of its name has left are removed first. */
static ks_status register_topic(ksi_embedded_log *log, ksi_embedded_topic *topic, ks_error *error)
{
    if (log->directory == NULL) {
        return KS_OK;
    }
    KS_TRY(ksi_log_directory_check(log->directory, error));
    KS_TRY(ksi_log_directory_remove_topic(log->directory, topic->name, error));
    ksi_catalogue_forget_deleted(log->directory->catalogue, topic->name);
    topic->id = ksi_catalogue_next_id(log->directory->catalogue);
    return put_row(log, topic, error);
}

static ks_status make_topic(ksi_embedded_log *log, const ksi_topic_spec *spec, ks_error *error)
{
    ksi_embedded_topic *topic = ksi_embedded_topic_new(spec->name, spec->partitions);
    ks_status status = KS_OK;
    for (size_t i = 0; i < spec->config_count && status == KS_OK; i++) {
        status = ksi_topic_config_put(&topic->config, spec->name, &spec->configs[i], error);
    }
    if (status == KS_OK) {
        status = register_topic(log, topic, error);
    }
    if (status == KS_OK) {
        status = make_partitions(log, topic, error);
    }
    if (status != KS_OK) {
        ksi_embedded_topic_release(topic);
        return status;
    }
    (void)ksi_map_put_cstr(log->topics, topic->name, topic);
    ksi_housekeeping_start(log);
    return KS_OK;
}

ks_status ksi_embedded_create_topic(ksi_transport *transport, const ksi_topic_spec *spec,
                                    ks_error *error)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    KS_TRY(ksi_topic_name_check(spec->name, error));
    if (spec->partitions < 1 || spec->partitions > MAX_PARTITIONS) {
        return ksi_error_set(error, KS_E_ARGUMENT, spec->name,
                             "a topic has between 1 and %d partitions; %d were asked for",
                             MAX_PARTITIONS, spec->partitions);
    }
    ksi_mutex_lock(&log->lock);
    const ksi_embedded_topic *topic = ksi_map_get_cstr(log->topics, spec->name);
    ks_status status = KS_OK;
    if (topic == NULL) {
        status = make_topic(log, spec, error);
    } else if (topic->partition_count != spec->partitions) {
        status = ksi_error_set(error, KS_E_ARGUMENT, spec->name,
                               "the topic exists with %d partitions; it cannot be created with %d",
                               topic->partition_count, spec->partitions);
    }
    ksi_mutex_unlock(&log->lock);
    return status;
}

/* ---- loading --------------------------------------------------------------------------------- */

static void copy_config(void *user, const ksi_topic_config *config, bool is_default)
{
    ksi_embedded_topic *topic = user;
    if (!is_default) {
        /* It was checked when it was read. */
        (void)!ksi_topic_config_put(&topic->config, topic->name, config, NULL);
    }
}

static ks_status load_topic(void *user, const ksi_topic_row *row, ks_error *error)
{
    ksi_embedded_log *log = user;
    ksi_embedded_topic *topic = ksi_embedded_topic_new(row->name, row->partitions);
    topic->id = row->id;
    ksi_topic_config_each(row->config, copy_config, topic);
    ks_status status = make_partitions(log, topic, error);
    if (status != KS_OK) {
        ksi_embedded_topic_release(topic);
        return status;
    }
    (void)ksi_map_put_cstr(log->topics, topic->name, topic);
    ksi_housekeeping_start(log);
    return KS_OK;
}

ks_status ksi_embedded_load_topics(ksi_embedded_log *log, ks_error *error)
{
    return ksi_catalogue_each_topic(log->directory->catalogue, load_topic, log, error);
}

/* ---- deleting -------------------------------------------------------------------------------- */

/* What groups committed of a topic, one after the other. */
typedef struct offset_deletion {
    ksi_embedded_log *log;
    const char *group;
    const char *topic;
} offset_deletion;

static void delete_offset_of_topic(void *user, const ksi_group_offset *offset)
{
    const offset_deletion *deletion = user;
    if (strcmp(offset->partition.topic, deletion->topic) == 0) {
        ksi_catalogue_delete_offset(deletion->log->directory->catalogue, deletion->group,
                                    offset->partition);
    }
}

static void delete_offsets_of_topic(void *user, const char *group)
{
    offset_deletion *deletion = user;
    deletion->group = group;
    ksi_group_offsets_each(deletion->log->groups, group, delete_offset_of_topic, deletion);
}

static ks_status delete_rows(ksi_embedded_log *log, const ksi_embedded_topic *topic,
                             ks_error *error)
{
    if (log->directory == NULL) {
        return KS_OK;
    }
    KS_TRY(ksi_log_directory_check(log->directory, error));
    offset_deletion deletion = {.log = log, .topic = topic->name};
    ksi_group_offsets_each_group(log->groups, delete_offsets_of_topic, &deletion);
    ksi_catalogue_delete_topic(log->directory->catalogue, topic->name, topic->id);
    return ksi_log_directory_write(log->directory, error);
}

/* The topic is gone by now: files that cannot be removed are removed when the log is opened. */
static void remove_files(ksi_embedded_log *log, const ksi_embedded_topic *topic)
{
    ks_error reason = {0};
    if (log->directory == NULL) {
        return;
    }
    if (ksi_log_directory_remove_topic(log->directory, topic->name, &reason) == KS_OK) {
        ksi_catalogue_forget_deleted(log->directory->catalogue, topic->name);
        if (ksi_log_directory_write(log->directory, &reason) == KS_OK) {
            return;
        }
    }
    ksi_log(&log->directory->logger, KS_LOG_LEVEL_WARN, topic->name,
            "the topic was deleted, some of its files are left until the log is opened again: %s",
            reason.message);
}

static ks_status delete_locked(ksi_embedded_log *log, const char *name, ksi_embedded_topic **topic,
                               ks_error *error)
{
    *topic = ksi_map_get_cstr(log->topics, name);
    if (*topic == NULL) {
        return ksi_embedded_topic_unknown(name, error);
    }
    KS_TRY(delete_rows(log, *topic, error));
    (void)ksi_map_remove(log->topics, ks_slice_cstr(name));
    ksi_group_offsets_remove_topic(log->groups, name);
    atomic_store(&(*topic)->is_deleted, true);
    for (int32_t i = 0; i < (*topic)->partition_count; i++) {
        (*topic)->partitions[i]->class->drop((*topic)->partitions[i]);
    }
    remove_files(log, *topic);
    return KS_OK;
}

ks_status ksi_embedded_delete_topic(ksi_transport *transport, const char *name, ks_error *error)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    ksi_embedded_topic *topic = NULL;
    ksi_mutex_lock(&log->lock);
    ks_status status = delete_locked(log, name, &topic, error);
    ksi_mutex_unlock(&log->lock);
    if (status == KS_OK) {
        ksi_embedded_topic_release(topic);
        ksi_embedded_log_notify(log); /* who waits for its records waits in vain */
    }
    return status;
}

/* ---- configuration --------------------------------------------------------------------------- */

/* What a visitor will be shown, copied while the lock was held. */
typedef struct config_list {
    ks_arena arena;
    ksi_topic_config configs[KSI_TOPIC_CONFIGS];
    bool is_default[KSI_TOPIC_CONFIGS];
    size_t count;
} config_list;

static void note_config(void *user, const ksi_topic_config *config, bool is_default)
{
    config_list *list = user;
    list->configs[list->count] = (ksi_topic_config){
        .name = config->name, .value = ksi_arena_strdup(&list->arena, config->value)};
    list->is_default[list->count++] = is_default;
}

ks_status ksi_embedded_each_config(ksi_transport *transport, const char *name,
                                   ksi_config_visit_fn *visit, void *user, ks_error *error)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    ksi_embedded_topic *topic = ksi_embedded_log_topic(log, name);
    if (topic == NULL) {
        return ksi_embedded_topic_unknown(name, error);
    }
    config_list list = {.count = 0};
    ksi_arena_init(&list.arena, 0);
    ksi_mutex_lock(&log->lock);
    ksi_topic_config_each(&topic->config, note_config, &list);
    ksi_mutex_unlock(&log->lock);
    for (size_t i = 0; i < list.count; i++) {
        visit(user, &list.configs[i], list.is_default[i]);
    }
    ksi_arena_destroy(&list.arena);
    ksi_embedded_topic_release(topic);
    return KS_OK;
}

static ks_status set_config_locked(ksi_embedded_log *log, const char *name,
                                   const ksi_topic_config *config, ks_error *error)
{
    ksi_embedded_topic *topic = ksi_map_get_cstr(log->topics, name);
    if (topic == NULL) {
        return ksi_embedded_topic_unknown(name, error);
    }
    if (log->directory == NULL) {
        return ksi_topic_config_put(&topic->config, name, config, error);
    }
    KS_TRY(ksi_log_directory_check(log->directory, error));
    KS_TRY(ksi_topic_config_put(&topic->config, name, config, error));
    return put_row(log, topic, error);
}

ks_status ksi_embedded_set_config(ksi_transport *transport, const char *name,
                                  const ksi_topic_config *config, ks_error *error)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    ksi_mutex_lock(&log->lock);
    ks_status status = set_config_locked(log, name, config, error);
    ksi_mutex_unlock(&log->lock);
    return status;
}
