/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - filling the caller's ks_error.
 *
 *     return ksi_error_set(error, KS_E_CONFIG, name, "must be between %d and %d; it is %s",
 *                          low, high, text);
 *
 * An error is either handled or returned with context added, never logged and returned both.
 */
#ifndef KSI_BASE_ERROR_H
#define KSI_BASE_ERROR_H

#include <kstreams/common.h>

/*
 * Makes an error that says nothing. `= {0}` clears texts of 640 bytes, which costs more than most
 * calls that are handed the error and succeed: on the way of a record, this.
 */
static inline void ksi_error_begin(ks_error *error)
{
    error->code = KS_OK;
    error->flags = 0;
    error->where[0] = '\0';
    error->message[0] = '\0';
}

/*
 * Fills `error` (which may be NULL) and returns `code`, so that it can stand in a return. `where`
 * may be NULL.
 */
ks_status ksi_error_set(ks_error *error, ks_status code, const char *where, const char *format, ...)
    KS_PRINTF(4, 5);

/*
 * Puts more words before the message that is there: "deserializing the value of topic in: " +
 * message.
 */
void ksi_error_prefix(ks_error *error, const char *format, ...) KS_PRINTF(2, 3);

/*
 * For what a user's function answered: an error it did not fill becomes one with its status, or the
 * failure would be lost. `what` is such as "serde", `name` the one that failed. Returns `status`.
 */
ks_status ksi_error_complete(ks_error *error, ks_status status, const char *what, const char *name);

/*
 * Or-s ks_error_flags into the error and returns its code (KS_E_PROCESSING for NULL, so that a
 * failure stays one).
 */
ks_status ksi_error_flag(ks_error *error, uint32_t flags);

/* Leaves the function with the status of a call that failed. */
#define KS_TRY(call)                      \
    do {                                  \
        ks_status ks_try_status = (call); \
        if (ks_try_status != KS_OK) {     \
            return ks_try_status;         \
        }                                 \
    } while (0)

#endif
