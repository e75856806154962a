/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_directory.c - see state_directory.h.
 *
 * `version` is on the disk before the database is made, so a database without one was not left by a
 * crash, and is refused rather than guessed at.
 */
#include "storage/state_directory.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "storage/directory_lock.h"
#include "storage/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_FORMAT 1
#define VERSION_TEXT "kstreams state "
#define ASIDE_TRIES 10000
#define DATABASE_DEPTH 3 /* directories in a database: RocksDB makes one level at most */

static const ksi_lock_words words = {
    .what = "the state",
    .remedy = "give this one another state.dir",
    .twice = "two applications of one process need two application.id or two state.dir",
    .place = "state.dir",
};

struct ksi_state_directory {
    char *path;
    char *database;
    ksi_clock *clock;
    ksi_logger *logger;
    ksi_directory_lock *lock;
};

/* ---- small things ---------------------------------------------------------------------------- */

static ks_status refused(const char *what, const char *path, ks_error *error)
{
    return ksi_file_refused(what, path, "state.dir", error);
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

/* ---- the version ----------------------------------------------------------------------------- */

/* Writes a small file by way of another name, so that it is whole or not there. */
static ks_status write_whole(const ksi_state_directory *directory, const char *path,
                             const char *text, ks_error *error)
{
    ksi_buffer unfinished = {0};
    ksi_buffer_appendf(&unfinished, "%s.tmp", path);
    const char *name = ksi_buffer_cstr(&unfinished);
    (void)unlink(name); /* of a crash: nobody else is here, and it says nothing */
    bool is_written = ksi_file_create(name, text) && rename(name, path) == 0 &&
                      ksi_directory_sync(directory->path);
    ks_status status = is_written ? KS_OK : refused("write", path, error);
    ksi_buffer_destroy(&unfinished);
    return status;
}

static ks_status write_version(const ksi_state_directory *directory, const char *path,
                               ks_error *error)
{
    if (ksi_path_exists(directory->database)) {
        return ksi_error_set(error, KS_E_STATE, path,
                             "there is a database in %s, but no file `version` that says which "
                             "version of kstreams wrote it; put the file back, or move the "
                             "database away and the state is restored from the changelogs",
                             directory->path);
    }
    char text[64];
    (void)snprintf(text, sizeof text, VERSION_TEXT "%d\n", STATE_FORMAT);
    return write_whole(directory, path, text, error);
}

static ks_status judge_version(const ksi_state_directory *directory, const char *path,
                               const char *text, ks_error *error)
{
    int format = 0;
    if (strncmp(text, VERSION_TEXT, strlen(VERSION_TEXT)) == 0) {
        format = (int)strtol(text + strlen(VERSION_TEXT), NULL, 10);
    }
    if (format <= 0) {
        return ksi_error_set(error, KS_E_STATE, path,
                             "%s is not a state directory of kstreams: its file `version` says "
                             "\"%.*s\" instead of \"" VERSION_TEXT "%d\"; set another state.dir",
                             directory->path, (int)strcspn(text, "\r\n"), text, STATE_FORMAT);
    }
    if (format > STATE_FORMAT) {
        return ksi_error_set(error, KS_E_STATE, path,
                             "a newer version of kstreams wrote %s: its state has format %d, this "
                             "version reads up to %d; run the newer version again, or set another "
                             "state.dir and the state is restored from the changelogs",
                             directory->path, format, STATE_FORMAT);
    }
    return KS_OK;
}

static ks_status check_version(const ksi_state_directory *directory, ks_error *error)
{
    char *path = ksi_path_join(directory->path, "version");
    ks_status status = KS_OK;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        status =
            errno == ENOENT ? write_version(directory, path, error) : refused("read", path, error);
    } else {
        char text[64];
        status = ksi_file_read_text(file, text, sizeof text)
                     ? judge_version(directory, path, text, error)
                     : refused("read", path, error);
        (void)close(file);
    }
    ksi_free(path);
    return status;
}

/* ---- the process id -------------------------------------------------------------------------- */

/* A line of what may stand in a transactional id. */
static bool is_process_id(const char *text, size_t length)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    return length > 0 && length < KSI_PROCESS_ID_SIZE && strspn(text, allowed) >= length;
}

static ks_status read_process_id(const ksi_state_directory *directory, int file, const char *path,
                                 char *id, ks_error *error)
{
    char text[KSI_PROCESS_ID_SIZE + 8];
    if (!ksi_file_read_text(file, text, sizeof text)) {
        return refused("read", path, error);
    }
    size_t length = strcspn(text, "\r\n");
    if (is_process_id(text, length)) {
        (void)snprintf(id, KSI_PROCESS_ID_SIZE, "%.*s", (int)length, text);
    } else {
        ksi_log(directory->logger, KS_LOG_LEVEL_WARN, path,
                "it does not hold the id of a process; this one goes by a new one");
    }
    return KS_OK;
}

ks_status ksi_state_directory_process_id(const ksi_state_directory *directory, const char *fresh,
                                         char id[KSI_PROCESS_ID_SIZE], ks_error *error)
{
    char *path = ksi_path_join(directory->path, "process-id");
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ks_status status = KS_OK;
    id[0] = '\0';
    if (file >= 0) {
        status = read_process_id(directory, file, path, id, error);
        (void)close(file);
    } else if (errno != ENOENT) {
        status = refused("read", path, error);
    }
    if (status == KS_OK && id[0] == '\0') {
        char text[KSI_PROCESS_ID_SIZE + 8];
        (void)snprintf(id, KSI_PROCESS_ID_SIZE, "%s", fresh);
        (void)snprintf(text, sizeof text, "%s\n", id);
        status = write_whole(directory, path, text, error);
    }
    ksi_free(path);
    return status;
}

/* ---- life ------------------------------------------------------------------------------------ */

ksi_state_directory *ksi_state_directory_open(const char *state_dir, const char *application_id,
                                              ksi_clock *clock, ksi_logger *logger, ks_error *error)
{
    if (application_id[0] == '\0' || strcmp(application_id, ".") == 0 ||
        strcmp(application_id, "..") == 0 || strchr(application_id, '/') != NULL) {
        (void)ksi_error_set(error, KS_E_ARGUMENT, "application.id",
                            "\"%s\" cannot be the name of a directory", application_id);
        return NULL;
    }
    ksi_state_directory *directory = ksi_calloc(1, sizeof *directory);
    directory->path = ksi_path_join(state_dir, application_id);
    directory->database = ksi_path_join(directory->path, "rocksdb");
    directory->clock = clock;
    directory->logger = logger;
    if (make_directory(directory->path, error) == KS_OK) {
        directory->lock = ksi_directory_lock_take(directory->path, &words, clock, logger, error);
    }
    if (directory->lock == NULL || check_version(directory, error) != KS_OK) {
        ksi_state_directory_close(directory);
        return NULL;
    }
    return directory;
}

void ksi_state_directory_close(ksi_state_directory *directory)
{
    if (directory == NULL) {
        return;
    }
    ksi_directory_lock_release(directory->lock);
    ksi_free(directory->database);
    ksi_free(directory->path);
    ksi_free(directory);
}

const char *ksi_state_directory_path(const ksi_state_directory *directory)
{
    return directory->path;
}

const char *ksi_state_directory_database(const ksi_state_directory *directory)
{
    return directory->database;
}

/* ---- setting aside --------------------------------------------------------------------------- */

/*
 * A name that nothing has: rename(2) would replace an empty directory without a word. Nobody else
 * makes names here while the lock is held.
 */
static char *free_name(const ksi_state_directory *directory)
{
    char when[33];
    ksi_time_text(directory->clock, true, when, sizeof when);
    ksi_buffer name = {0};
    for (int n = 1; n <= ASIDE_TRIES; n++) {
        ksi_buffer_clear(&name);
        ksi_buffer_appendf(&name, "%s.set-aside-%s-%d", directory->database, when, n);
        if (!ksi_path_exists(ksi_buffer_cstr(&name))) {
            break;
        }
    }
    char *chosen = ksi_strdup(ksi_buffer_cstr(&name));
    ksi_buffer_destroy(&name);
    return chosen;
}

/* Once the database is out of the way the work is done: a reason that cannot be kept is no error */
static void write_reason(const ksi_state_directory *directory, const char *aside,
                         const char *reason)
{
    char *path = ksi_path_join(aside, "reason");
    ksi_buffer text = {0};
    ksi_buffer_appendf(&text, "%s\n", reason);
    bool is_written = ksi_file_create(path, ksi_buffer_cstr(&text));
    if (!is_written && errno == EEXIST) { /* it was set aside before, and a person put it back */
        int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        is_written = file >= 0 && ksi_file_write_all(file, ksi_buffer_cstr(&text), text.size);
        if (file >= 0) {
            (void)close(file);
        }
    }
    if (!is_written) {
        ksi_log(directory->logger, KS_LOG_LEVEL_WARN, directory->path, "cannot write %s: %s", path,
                strerror(errno));
    }
    ksi_buffer_destroy(&text);
    ksi_free(path);
}

ks_status ksi_state_directory_set_aside(ksi_state_directory *directory, const char *reason,
                                        ks_error *error)
{
    char *aside = free_name(directory);
    ks_status status = KS_OK;
    if (ksi_path_exists(aside) || rename(directory->database, aside) != 0) {
        errno = ksi_path_exists(aside) ? EEXIST : errno;
        ksi_buffer what = {0};
        ksi_buffer_appendf(&what, "rename %s to", directory->database);
        status = refused(ksi_buffer_cstr(&what), aside, error);
        ksi_buffer_destroy(&what);
    } else {
        write_reason(directory, aside, reason);
        (void)ksi_directory_sync(directory->path); /* undone by a crash, it is done again */
        ksi_log(directory->logger, KS_LOG_LEVEL_ERROR, directory->path,
                "the database of local state does not read: %s was set aside as %s, nothing was "
                "deleted; stores are rebuilt from their changelogs, those without one begin "
                "empty: %s",
                directory->database, aside, reason);
    }
    ksi_free(aside);
    return status;
}

/* ---- deleting -------------------------------------------------------------------------------- */

ks_status ksi_state_directory_delete_database(const char *state_dir, const char *application_id,
                                              ksi_clock *clock, ksi_logger *logger, ks_error *error)
{
    char *path = ksi_path_join(state_dir, application_id);
    bool is_there = ksi_path_exists(path);
    ksi_free(path);
    if (!is_there) {
        return KS_OK;
    }
    ksi_state_directory *directory =
        ksi_state_directory_open(state_dir, application_id, clock, logger, error);
    if (directory == NULL) {
        return ksi_error_flag(error, 0); /* as it said */
    }
    const char *database = ksi_state_directory_database(directory);
    char *stuck = NULL;
    ks_status status = KS_OK;
    if (!ksi_directory_remove(database, DATABASE_DEPTH, &stuck)) {
        status = refused("deleting the local state", stuck, error);
    }
    ksi_free(stuck);
    ksi_state_directory_close(directory);
    return status;
}
