/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logger.h - lines for people, through the application's callback.
 *
 * `where` is the object that speaks ("task 0_1", "stream-thread-1"). Lines below the level are not
 * formatted. A logger without a callback writes warnings and errors to standard error. @thread any:
 * the callback is called by one thread at a time.
 */
#ifndef KSI_BASE_LOGGER_H
#define KSI_BASE_LOGGER_H

#include <kstreams/app.h>

#include "base/thread.h"

typedef struct ksi_logger {
    ks_log_line_fn *line;
    void *user;
    ks_log_level level;
    ksi_mutex lock;
} ksi_logger;

/* `line` NULL: warnings and errors to standard error. */
void ksi_logger_init(ksi_logger *logger, ks_log_line_fn *line, void *user, ks_log_level level);
void ksi_logger_destroy(ksi_logger *logger);
/* `logger` may be NULL: nothing is written. */
void ksi_log(ksi_logger *logger, ks_log_level level, const char *where, const char *format, ...)
    KS_PRINTF(4, 5);

#endif
