/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_directory.c - see log_directory.h.
 *
 * Thread rule: see log_directory.h.
 */
#include "transport/embedded/log_directory.h"

#include "base/crash_point.h"
#include "base/error.h"
#include "base/memory.h"
#include "storage/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const ksi_lock_words words = {
    .what = "the log",
    .remedy = "give this one another directory in bootstrap.servers",
    .twice = "open it by the same name to share it",
    .place = "bootstrap.servers",
};

static ks_status refused(const char *what, const char *path, ks_error *error)
{
    return ksi_file_refused(what, path, words.place, error);
}

/* ---- files ----------------------------------------------------------------------------------- */

char *ksi_log_directory_path_of(const ksi_log_directory *directory, const char *topic,
                                int32_t partition)
{
    ksi_buffer path = {0};
    ksi_buffer_appendf(&path, "%s/topics/%s", directory->path, topic);
    if (partition >= 0) {
        ksi_buffer_appendf(&path, "/%d", partition);
    }
    char *text = ksi_strdup(ksi_buffer_cstr(&path));
    ksi_buffer_destroy(&path);
    return text;
}

ks_status ksi_log_directory_remove_topic(const ksi_log_directory *directory, const char *topic,
                                         ks_error *error)
{
    char *path = ksi_log_directory_path_of(directory, topic, -1);
    KSI_CRASH_POINT("log.delete");
    char *stuck = NULL;
    ks_status status =
        ksi_directory_remove(path, 1, &stuck) ? KS_OK : refused("remove", stuck, error);
    ksi_free(stuck);
    ksi_free(path);
    return status;
}

static ks_status remove_deleted(void *user, const ksi_topic_row *row, ks_error *error)
{
    ksi_log_directory *directory = user;
    KS_TRY(ksi_log_directory_remove_topic(directory, row->name, error));
    ksi_catalogue_forget_deleted(directory->catalogue, row->name);
    return KS_OK;
}

ks_status ksi_log_directory_finish_deleting(ksi_log_directory *directory, ks_error *error)
{
    KS_TRY(ksi_catalogue_each_deleted(directory->catalogue, remove_deleted, directory, error));
    return ksi_log_directory_write(directory, error);
}

/* ---- writing --------------------------------------------------------------------------------- */

ks_status ksi_log_directory_check(const ksi_log_directory *directory, ks_error *error)
{
    if (!directory->is_broken) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_IO, directory->path,
                         "the log in %s takes no more writes since its catalogue could not be "
                         "written; close all that use it, mend the disk, and open it again",
                         directory->path);
}

ks_status ksi_log_directory_write(ksi_log_directory *directory, ks_error *error)
{
    ks_status status = ksi_catalogue_write(directory->catalogue, directory->syncs, error);
    if (status != KS_OK) {
        directory->is_broken = true;
        ksi_error_prefix(error, "the log takes no more writes, open it again: ");
    }
    return status;
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool has_entries(const char *path)
{
    DIR *open = opendir(path);
    bool found = false;
    for (struct dirent *entry = open != NULL ? readdir(open) : NULL; entry != NULL && !found;
         entry = readdir(open)) {
        found = entry->d_name[0] != '.';
    }
    if (open != NULL) {
        (void)closedir(open);
    }
    return found;
}

static ks_status make_directory(const char *path, ks_error *error)
{
    char *part = NULL;
    if (ksi_directories_make(path, &part)) {
        return KS_OK;
    }
    ks_status status = refused("make directory", part, error);
    ksi_free(part);
    return status;
}

/* A catalogue that is lost must not become an empty one beside records that nobody knows. */
static ks_status open_catalogue(ksi_log_directory *directory, ks_error *error)
{
    char *topics = ksi_path_join(directory->path, "topics");
    char *path = ksi_path_join(directory->path, "catalogue");
    ks_status status = KS_OK;
    if (!ksi_path_exists(path) && has_entries(topics)) {
        status = ksi_error_set(error, KS_E_CORRUPT, path,
                               "the log has topics, but its catalogue %s is missing; put it back "
                               "from a copy, or begin a new log elsewhere",
                               path);
    }
    if (status == KS_OK) {
        status = make_directory(topics, error);
    }
    if (status == KS_OK) {
        directory->catalogue = ksi_catalogue_open(path, &directory->logger, error);
        status = directory->catalogue != NULL ? KS_OK : KS_E_IO;
    }
    ksi_free(path);
    ksi_free(topics);
    return status;
}

ksi_log_directory *ksi_log_directory_open(const char *path, ksi_clock *clock, ks_error *error)
{
    ksi_log_directory *directory = ksi_calloc(1, sizeof *directory);
    directory->path = ksi_strdup(path);
    directory->clock = clock;
    ksi_logger_init(&directory->logger, NULL, NULL, KS_LOG_LEVEL_WARN);
    if (make_directory(path, error) == KS_OK) {
        directory->lock = ksi_directory_lock_take(path, &words, clock, &directory->logger, error);
    }
    if (directory->lock == NULL || open_catalogue(directory, error) != KS_OK) {
        ksi_log_directory_close(directory);
        return NULL;
    }
    return directory;
}

void ksi_log_directory_close(ksi_log_directory *directory)
{
    if (directory == NULL) {
        return;
    }
    KSI_CRASH_POINT("log.close");
    ks_error error = {0};
    if (ksi_catalogue_close(directory->catalogue, &error) != KS_OK) {
        ksi_log(&directory->logger, KS_LOG_LEVEL_WARN, directory->path,
                "closing the catalogue: %s; what was committed is in its log", error.message);
    }
    ksi_directory_lock_release(directory->lock);
    ksi_logger_destroy(&directory->logger);
    ksi_free(directory->path);
    ksi_free(directory);
}
