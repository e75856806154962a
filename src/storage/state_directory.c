/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_directory.c - see state_directory.h.
 *
 * The lock is flock(2), not the existence of a file: the kernel gives it back when its holder dies,
 * however it dies, so a lock is never stale and nobody has to guess whether a pid lives. The text
 * in the file is for people only. It is written after the lock was taken and cut to nothing when it
 * is given back, so a text that is found without a lock is that of a process that was killed.
 *
 * The file is never removed: whoever opened it just before would then hold the lock of a file that
 * has no name, beside the holder of the new one. The same happens when a person removes it, so
 * after locking we look whether the name still leads to what was locked.
 *
 * flock belongs to the open file, not to the process: the second application of one process is
 * refused like any other, and a child that outlives its parent keeps the lock unless it calls
 * exec(2) - the message tells that case apart.
 *
 * `version` is on the disk before the database is made, so a database without one was not left by a
 * crash, and is refused rather than guessed at.
 */
#define _XOPEN_SOURCE 700 /* nftw() */
#include "storage/state_directory.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STATE_FORMAT 1
#define VERSION_TEXT "kstreams state "
#define HOLDER_FORMAT "pid %ld on host %64s since %32s"
#define DIRECTORY_MODE 0750
#define FILE_MODE 0640
#define ASIDE_TRIES 10000

struct ksi_state_directory {
    char *path;
    char *database;
    ksi_clock *clock;
    ksi_logger *logger;
    int lock; /* file descriptor, or -1 */
};

/* ---- small things ---------------------------------------------------------------------------- */

static char *path_join(const char *directory, const char *name)
{
    ksi_buffer path = {0};
    ksi_buffer_appendf(&path, "%s/%s", directory, name);
    char *joined = ksi_strdup(ksi_buffer_cstr(&path));
    ksi_buffer_destroy(&path);
    return joined;
}

static const char *advice(int reason)
{
    switch (reason) {
    case EACCES:
    case EPERM:
    case EROFS:
        return "; give this user write access to it, or set state.dir to a directory that has it";
    case ENOSPC:
    case EDQUOT:
        return "; free some space and start again, nothing is lost";
    case ENOTDIR:
        return "; a file stands where state.dir needs a directory";
    default:
        return "";
    }
}

static ks_status refused(const char *what, const char *path, ks_error *error)
{
    int reason = errno;
    return ksi_error_set(error, KS_E_IO, path, "cannot %s %s: %s%s", what, path, strerror(reason),
                         advice(reason));
}

static bool exists(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0;
}

/* "2026-11-21T09:30:00Z"; `compact` leaves out what a file name should not have. */
static void time_text(ksi_clock *clock, bool compact, char *text, size_t size)
{
    time_t seconds = (time_t)(ksi_wall_ms(clock) / 1000);
    struct tm utc;
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(text, size, compact ? "%Y%m%dT%H%M%SZ" : "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* At most `size` - 1 bytes of a small file, NUL-terminated; false with errno. */
static bool read_text(int file, char *text, size_t size)
{
    ssize_t got = pread(file, text, size - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return got >= 0;
}

static bool write_all(int file, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, text, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        text += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* Makes a new file with this text, durable; false with errno when it is there or cannot be. */
static bool create_file(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (file < 0) {
        return false;
    }
    bool is_written = write_all(file, text, strlen(text)) && fsync(file) == 0;
    int reason = errno;
    (void)close(file);
    if (!is_written) {
        (void)unlink(path); /* ours, made a moment ago: half a file says less than none */
        errno = reason;
    }
    return is_written;
}

static bool sync_directory(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        return false;
    }
    bool is_durable = fsync(directory) == 0 || errno == EINVAL; /* not every file system has it */
    int reason = errno;
    (void)close(directory);
    errno = reason;
    return is_durable;
}

/* Makes a directory and what is missing above it. */
static ks_status make_directories(const char *path, ks_error *error)
{
    char *part = ksi_strdup(path);
    ks_status status = KS_OK;
    for (char *end = part; status == KS_OK && end != NULL;) {
        end = end[0] == '\0' ? NULL : strchr(end + 1, '/');
        if (end != NULL) {
            *end = '\0';
        }
        if (mkdir(part, DIRECTORY_MODE) != 0 && errno != EEXIST) {
            struct stat found; /* EROFS and EACCES come before EEXIST on some systems */
            int reason = errno;
            bool is_there = stat(part, &found) == 0 && S_ISDIR(found.st_mode);
            errno = reason;
            status = is_there ? KS_OK : refused("make directory", part, error);
        }
        if (end != NULL) {
            *end = '/';
        }
    }
    ksi_free(part);
    return status;
}

/* ---- the lock -------------------------------------------------------------------------------- */

typedef struct lock_holder {
    long pid;
    char host[65];
    char since[33];
} lock_holder;

static bool read_holder(int file, lock_holder *holder)
{
    char text[256];
    return read_text(file, text, sizeof text) &&
           sscanf(text, HOLDER_FORMAT, &holder->pid, holder->host, holder->since) == 3;
}

static void own_host(char host[65])
{
    if (gethostname(host, 64) != 0 || host[0] == '\0') {
        (void)snprintf(host, 65, "unknown");
    }
    host[64] = '\0';
}

static ks_status report_holder(const ksi_state_directory *directory, int file, ks_error *error)
{
    lock_holder holder;
    if (!read_holder(file, &holder)) {
        return ksi_error_set(error, KS_E_STATE, directory->path,
                             "the state in %s is held by another process that has not said yet who "
                             "it is; try again, or look with: fuser %s/lock",
                             directory->path, directory->path);
    }
    char host[65];
    own_host(host);
    bool is_here = strcmp(host, holder.host) == 0;
    const char *who =
        "the state in %s is held by process %ld on host %s since %s; stop it, or give "
        "this one another state.dir";
    if (is_here && holder.pid == (long)getpid()) {
        who = "the state in %s is held by this process already (pid %ld on host %s, since %s); two "
              "applications of one process need two application.id or two state.dir";
    } else if (is_here && holder.pid > 0 && kill((pid_t)holder.pid, 0) != 0 && errno == ESRCH) {
        who =
            "the state in %s was held by process %ld on host %s since %s; it is gone, but a child "
            "that it started without exec holds on to its lock; stop that child";
    }
    return ksi_error_set(error, KS_E_STATE, directory->path, who, directory->path, holder.pid,
                         holder.host, holder.since);
}

/* Whether `path` still leads to the open file. */
static bool is_same_file(int file, const char *path)
{
    struct stat opened;
    struct stat named;
    return fstat(file, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

static ks_status lock_file(ksi_state_directory *directory, const char *path, ks_error *error)
{
    for (;;) {
        int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
        if (file < 0) {
            return refused("write", path, error);
        }
        if (flock(file, LOCK_EX | LOCK_NB) != 0) {
            ks_status status = errno == EWOULDBLOCK ? report_holder(directory, file, error)
                                                    : refused("lock", path, error);
            (void)close(file);
            return status;
        }
        if (is_same_file(file, path)) {
            directory->lock = file;
            return KS_OK;
        }
        (void)close(file); /* it was removed between opening and locking: lock the new one */
    }
}

/* Says in the file who holds it, for the one who is refused. */
static ks_status sign_lock(ksi_state_directory *directory, const char *path, ks_error *error)
{
    lock_holder holder;
    if (read_holder(directory->lock, &holder)) {
        ksi_log(directory->logger, KS_LOG_LEVEL_INFO, directory->path,
                "process %ld on host %s, which held the state since %s, ended without closing it",
                holder.pid, holder.host, holder.since);
    }
    char host[65];
    char since[33];
    char text[256];
    own_host(host);
    time_text(directory->clock, false, since, sizeof since);
    int size =
        snprintf(text, sizeof text, "pid %ld on host %s since %s\n", (long)getpid(), host, since);
    if (ftruncate(directory->lock, 0) != 0 || !write_all(directory->lock, text, (size_t)size)) {
        return refused("write", path, error);
    }
    return KS_OK;
}

static ks_status take_lock(ksi_state_directory *directory, ks_error *error)
{
    char *path = path_join(directory->path, "lock");
    ks_status status = lock_file(directory, path, error);
    if (status == KS_OK) {
        status = sign_lock(directory, path, error);
    }
    ksi_free(path);
    return status;
}

/* ---- the version ----------------------------------------------------------------------------- */

/* A new directory gets its version by way of another name, so that it is whole or not there. */
static ks_status write_version(const ksi_state_directory *directory, const char *path,
                               ks_error *error)
{
    if (exists(directory->database)) {
        return ksi_error_set(error, KS_E_STATE, path,
                             "there is a database in %s, but no file `version` that says which "
                             "version of kstreams wrote it; put the file back, or move the "
                             "database away and the state is restored from the changelogs",
                             directory->path);
    }
    char *unfinished = path_join(directory->path, "version.tmp");
    char text[64];
    (void)snprintf(text, sizeof text, VERSION_TEXT "%d\n", STATE_FORMAT);
    (void)unlink(unfinished); /* of a crash: nobody else is here, and it says nothing */
    bool is_written = create_file(unfinished, text) && rename(unfinished, path) == 0 &&
                      sync_directory(directory->path);
    ks_status status = is_written ? KS_OK : refused("write", path, error);
    ksi_free(unfinished);
    return status;
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
    char *path = path_join(directory->path, "version");
    ks_status status = KS_OK;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        status =
            errno == ENOENT ? write_version(directory, path, error) : refused("read", path, error);
    } else {
        char text[64];
        status = read_text(file, text, sizeof text) ? judge_version(directory, path, text, error)
                                                    : refused("read", path, error);
        (void)close(file);
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
    directory->path = path_join(state_dir, application_id);
    directory->database = path_join(directory->path, "rocksdb");
    directory->clock = clock;
    directory->logger = logger;
    directory->lock = -1;
    if (make_directories(directory->path, error) != KS_OK || take_lock(directory, error) != KS_OK ||
        check_version(directory, error) != KS_OK) {
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
    if (directory->lock >= 0) {
        if (ftruncate(directory->lock, 0) != 0) { /* the text stays, the lock does not */
            ksi_log(directory->logger, KS_LOG_LEVEL_DEBUG, directory->path,
                    "the lock's text stays: %s", strerror(errno));
        }
        (void)close(directory->lock);
    }
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
    time_text(directory->clock, true, when, sizeof when);
    ksi_buffer name = {0};
    for (int n = 1; n <= ASIDE_TRIES; n++) {
        ksi_buffer_clear(&name);
        ksi_buffer_appendf(&name, "%s.set-aside-%s-%d", directory->database, when, n);
        if (!exists(ksi_buffer_cstr(&name))) {
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
    char *path = path_join(aside, "reason");
    ksi_buffer text = {0};
    ksi_buffer_appendf(&text, "%s\n", reason);
    bool is_written = create_file(path, ksi_buffer_cstr(&text));
    if (!is_written && errno == EEXIST) { /* it was set aside before, and a person put it back */
        int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        is_written = file >= 0 && write_all(file, ksi_buffer_cstr(&text), text.size);
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
    if (exists(aside) || rename(directory->database, aside) != 0) {
        int why = exists(aside) ? EEXIST : errno;
        status = ksi_error_set(error, KS_E_IO, directory->path, "cannot rename %s to %s: %s%s",
                               directory->database, aside, strerror(why), advice(why));
    } else {
        write_reason(directory, aside, reason);
        (void)sync_directory(directory->path); /* undone by a crash, it is done again */
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

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

ks_status ksi_state_directory_delete_database(const char *state_dir, const char *application_id,
                                              ksi_clock *clock, ksi_logger *logger, ks_error *error)
{
    enum { OPEN_DIRECTORIES = 16 };
    char *path = path_join(state_dir, application_id);
    bool is_there = exists(path);
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
    ks_status status = KS_OK;
    if (exists(database) &&
        nftw(database, remove_entry, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS) != 0) {
        status = refused("deleting the local state", database, error);
    }
    ksi_state_directory_close(directory);
    return status;
}
