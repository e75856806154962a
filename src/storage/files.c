/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.c - see files.h.
 *
 * Thread rule: any thread.
 */
#include "storage/files.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

char *ksi_path_join(const char *directory, const char *name)
{
    ksi_buffer path = {0};
    ksi_buffer_appendf(&path, "%s/%s", directory, name);
    char *joined = ksi_strdup(ksi_buffer_cstr(&path));
    ksi_buffer_destroy(&path);
    return joined;
}

bool ksi_path_exists(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0;
}

void ksi_time_text(ksi_clock *clock, bool compact, char *text, size_t size)
{
    time_t seconds = (time_t)(ksi_wall_ms(clock) / 1000);
    struct tm utc;
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(text, size, compact ? "%Y%m%dT%H%M%SZ" : "%Y-%m-%dT%H:%M:%SZ", &utc);
}

bool ksi_file_read_text(int file, char *text, size_t size)
{
    ssize_t got = pread(file, text, size - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return got >= 0;
}

bool ksi_file_write_all(int file, const char *text, size_t size)
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

bool ksi_file_create(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, KSI_FILE_MODE);
    if (file < 0) {
        return false;
    }
    bool is_written = ksi_file_write_all(file, text, strlen(text)) && fsync(file) == 0;
    int reason = errno;
    (void)close(file);
    if (!is_written) {
        (void)unlink(path); /* ours, made a moment ago: half a file says less than none */
        errno = reason;
    }
    return is_written;
}

bool ksi_directory_sync(const char *path)
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

bool ksi_directories_make(const char *path, char **refused)
{
    *refused = NULL;
    char *part = ksi_strdup(path);
    bool is_made = true;
    for (char *end = part; is_made && end != NULL;) {
        end = end[0] == '\0' ? NULL : strchr(end + 1, '/');
        if (end != NULL) {
            *end = '\0';
        }
        if (mkdir(part, KSI_DIRECTORY_MODE) != 0 && errno != EEXIST) {
            struct stat found; /* EROFS and EACCES come before EEXIST on some systems */
            int reason = errno;
            is_made = stat(part, &found) == 0 && S_ISDIR(found.st_mode);
            *refused = is_made ? NULL : ksi_strdup(part);
            errno = reason;
        }
        if (end != NULL) {
            *end = '/';
        }
    }
    int reason = errno;
    ksi_free(part);
    errno = reason;
    return is_made;
}

static bool remove_below(const char *directory, const char *name, int depth, char **refused)
{
    char *path = ksi_path_join(directory, name);
    bool removed = unlink(path) == 0;
    if (!removed && (errno == EISDIR || errno == EPERM) && depth > 0) {
        removed = ksi_directory_remove(path, depth - 1, refused);
    } else if (!removed) {
        *refused = ksi_strdup(path);
    }
    ksi_free(path);
    return removed;
}

bool ksi_directory_remove(const char *path, int depth, char **refused)
{
    DIR *open = opendir(path);
    bool removed = open != NULL || errno == ENOENT;
    if (open == NULL) {
        *refused = removed ? NULL : ksi_strdup(path);
        return removed;
    }
    for (struct dirent *entry = readdir(open); entry != NULL && removed; entry = readdir(open)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            removed = remove_below(path, entry->d_name, depth, refused);
        }
    }
    int reason = errno;
    (void)closedir(open);
    errno = reason;
    if (removed && rmdir(path) != 0) {
        *refused = ksi_strdup(path);
        removed = false;
    }
    return removed;
}

ks_status ksi_file_refused(const char *what, const char *path, const char *place, ks_error *error)
{
    int reason = errno;
    ksi_buffer advice = {0};
    switch (reason) {
    case EACCES:
    case EPERM:
    case EROFS:
        ksi_buffer_appendf(&advice,
                           "; give this user write access to it, or set %s to a directory that "
                           "has it",
                           place);
        break;
    case ENOSPC:
    case EDQUOT:
        ksi_buffer_append_text(&advice, "; free some space and start again, nothing is lost");
        break;
    case EMFILE:
    case ENFILE:
        ksi_buffer_append_text(&advice, "; allow this process more open files (ulimit -n)");
        break;
    case ENOTDIR:
        ksi_buffer_appendf(&advice, "; a file stands where %s needs a directory", place);
        break;
    default:
        break;
    }
    ks_status status = ksi_error_set(error, KS_E_IO, path, "cannot %s %s: %s%s", what, path,
                                     strerror(reason), ksi_buffer_cstr(&advice));
    ksi_buffer_destroy(&advice);
    return status;
}
