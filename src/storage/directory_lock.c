/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_lock.c - see directory_lock.h.
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
 * Thread rule: see directory_lock.h.
 */
#include "storage/directory_lock.h"

#include "base/error.h"
#include "base/memory.h"
#include "storage/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOLDER_FORMAT "pid %ld on host %64s since %32s"

struct ksi_directory_lock {
    char *directory;
    const ksi_lock_words *words;
    ksi_clock *clock;
    ksi_logger *logger;
    int file; /* descriptor, or -1 */
};

static ks_status refused(const ksi_directory_lock *lock, const char *what, const char *path,
                         ks_error *error)
{
    return ksi_file_refused(what, path, lock->words->place, error);
}

typedef struct lock_holder {
    long pid;
    char host[65];
    char since[33];
} lock_holder;

static bool read_holder(int file, lock_holder *holder)
{
    char text[256];
    return ksi_file_read_text(file, text, sizeof text) &&
           sscanf(text, HOLDER_FORMAT, &holder->pid, holder->host, holder->since) == 3;
}

static void own_host(char host[65])
{
    if (gethostname(host, 64) != 0 || host[0] == '\0') {
        (void)snprintf(host, 65, "unknown");
    }
    host[64] = '\0';
}

static ks_status report_holder(const ksi_directory_lock *lock, int file, ks_error *error)
{
    lock_holder holder;
    if (!read_holder(file, &holder)) {
        return ksi_error_set(error, KS_E_STATE, lock->directory,
                             "%s in %s is held by another process that has not said yet who it is; "
                             "try again, or look with: fuser %s/lock",
                             lock->words->what, lock->directory, lock->directory);
    }
    char host[65];
    own_host(host);
    bool is_here = strcmp(host, holder.host) == 0;
    char who[160];
    (void)snprintf(who, sizeof who, "process %ld on host %s since %s", holder.pid, holder.host,
                   holder.since);
    if (is_here && holder.pid == (long)getpid()) {
        return ksi_error_set(error, KS_E_STATE, lock->directory,
                             "%s in %s is held by this process already (pid %ld on host %s, since "
                             "%s); %s",
                             lock->words->what, lock->directory, holder.pid, holder.host,
                             holder.since, lock->words->twice);
    }
    if (is_here && holder.pid > 0 && kill((pid_t)holder.pid, 0) != 0 && errno == ESRCH) {
        return ksi_error_set(error, KS_E_STATE, lock->directory,
                             "%s in %s was held by %s; it is gone, but a child that it started "
                             "without exec holds on to its lock; stop that child",
                             lock->words->what, lock->directory, who);
    }
    return ksi_error_set(error, KS_E_STATE, lock->directory,
                         "%s in %s is held by %s; stop it, or %s", lock->words->what,
                         lock->directory, who, lock->words->remedy);
}

/* Whether `path` still leads to the open file. */
static bool is_same_file(int file, const char *path)
{
    struct stat opened;
    struct stat named;
    return fstat(file, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

static ks_status lock_file(ksi_directory_lock *lock, const char *path, ks_error *error)
{
    for (;;) {
        int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, KSI_FILE_MODE);
        if (file < 0) {
            return refused(lock, "write", path, error);
        }
        if (flock(file, LOCK_EX | LOCK_NB) != 0) {
            ks_status status = errno == EWOULDBLOCK ? report_holder(lock, file, error)
                                                    : refused(lock, "lock", path, error);
            (void)close(file);
            return status;
        }
        if (is_same_file(file, path)) {
            lock->file = file;
            return KS_OK;
        }
        (void)close(file); /* it was removed between opening and locking: lock the new one */
    }
}

/* Says in the file who holds it, for the one who is refused. */
static ks_status sign_lock(ksi_directory_lock *lock, const char *path, ks_error *error)
{
    lock_holder holder;
    if (read_holder(lock->file, &holder)) {
        ksi_log(lock->logger, KS_LOG_LEVEL_INFO, lock->directory,
                "process %ld on host %s, which held %s since %s, ended without closing it",
                holder.pid, holder.host, lock->words->what, holder.since);
    }
    char host[65];
    char since[33];
    char text[256];
    own_host(host);
    ksi_time_text(lock->clock, false, since, sizeof since);
    int size =
        snprintf(text, sizeof text, "pid %ld on host %s since %s\n", (long)getpid(), host, since);
    if (ftruncate(lock->file, 0) != 0 || !ksi_file_write_all(lock->file, text, (size_t)size)) {
        return refused(lock, "write", path, error);
    }
    return KS_OK;
}

ksi_directory_lock *ksi_directory_lock_take(const char *directory, const ksi_lock_words *words,
                                            ksi_clock *clock, ksi_logger *logger, ks_error *error)
{
    ksi_directory_lock *lock = ksi_calloc(1, sizeof *lock);
    lock->directory = ksi_strdup(directory);
    lock->words = words;
    lock->clock = clock;
    lock->logger = logger;
    lock->file = -1;
    char *path = ksi_path_join(directory, "lock");
    ks_status status = lock_file(lock, path, error);
    if (status == KS_OK) {
        status = sign_lock(lock, path, error);
    }
    ksi_free(path);
    if (status != KS_OK) {
        ksi_directory_lock_release(lock);
        return NULL;
    }
    return lock;
}

void ksi_directory_lock_release(ksi_directory_lock *lock)
{
    if (lock == NULL) {
        return;
    }
    if (lock->file >= 0) {
        if (ftruncate(lock->file, 0) != 0) { /* the text stays, the lock does not */
            ksi_log(lock->logger, KS_LOG_LEVEL_DEBUG, lock->directory, "the lock's text stays: %s",
                    strerror(errno));
        }
        (void)close(lock->file);
    }
    ksi_free(lock->directory);
    ksi_free(lock);
}
