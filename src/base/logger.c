/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logger.c - lines for people, one at a time.
 *
 * A line below the level costs one comparison: nothing is formatted. The line is formatted before
 * the lock is taken, so a thread that logs holds the lock only for the callback.
 *
 * Without a callback warnings and errors go to standard error, because a library that is silent
 * about an error by default makes people search in the wrong place; what is below a warning would
 * only fill the terminal of a program that never asked. The callback must not log through the same
 * logger: the lock is not recursive.
 *
 * Thread rule: any.
 */
#include "base/logger.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buffer.h"

static const char *level_name(ks_log_level level)
{
    switch (level) {
    case KS_LOG_LEVEL_DEBUG:
        return "debug";
    case KS_LOG_LEVEL_INFO:
        return "info";
    case KS_LOG_LEVEL_WARN:
        return "warn";
    case KS_LOG_LEVEL_ERROR:
        return "error";
    }
    return "log";
}

static void write_to_stderr(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)user;
    (void)fprintf(stderr, "%s %s: %s\n", level_name(level), where, message);
}

void ksi_logger_init(ksi_logger *logger, ks_log_line_fn *line, void *user, ks_log_level level)
{
    logger->line = line != NULL ? line : write_to_stderr;
    logger->user = user;
    logger->level = line == NULL && level < KS_LOG_LEVEL_WARN ? KS_LOG_LEVEL_WARN : level;
    ksi_mutex_init(&logger->lock);
}

void ksi_logger_destroy(ksi_logger *logger)
{
    ksi_mutex_destroy(&logger->lock);
}

void ksi_log(ksi_logger *logger, ks_log_level level, const char *where, const char *format, ...)
{
    if (logger == NULL || level < logger->level) {
        return;
    }
    char short_line[512]; /* nearly every line fits, and then nothing is allocated */
    ksi_buffer long_line = {0};
    const char *message = short_line;
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(short_line, sizeof short_line, format, args);
    va_end(args);
    if (size < 0) {
        message = format;
    } else if ((size_t)size >= sizeof short_line) {
        ksi_buffer_reserve(&long_line, (size_t)size + 1);
        (void)vsnprintf(long_line.data, (size_t)size + 1, format, again);
        message = long_line.data;
    }
    va_end(again);
    ksi_mutex_lock(&logger->lock);
    logger->line(level, where != NULL ? where : "kstreams", message, logger->user);
    ksi_mutex_unlock(&logger->lock);
    ksi_buffer_destroy(&long_line);
}
