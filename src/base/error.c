/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.c - filling the caller's ks_error, and reading it.
 *
 * An error is a plain struct of the caller's: no allocation, nothing to free. That
 * bounds its texts, so a long message is cut;
 * it is cut between characters, because a half UTF-8 sequence breaks whoever prints it as JSON.
 *
 * Invariants: both texts are always NUL-terminated; setting an error clears the flags of the one
 * before. The arguments of a message may point into the very error that is being filled (a caller
 * that adds words to a message does just that), so every text is composed beside the error and
 * copied in at the end. The tempting wrong way, formatting in place, works until then.
 *
 * Thread rule: any; the error belongs to its caller.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"

static const struct {
    ks_status status;
    const char *name;
} status_names[] = {
    {KS_OK, "KS_OK"},
    {KS_E_ARGUMENT, "KS_E_ARGUMENT"},
    {KS_E_CONFIG, "KS_E_CONFIG"},
    {KS_E_TOPOLOGY, "KS_E_TOPOLOGY"},
    {KS_E_SERDE, "KS_E_SERDE"},
    {KS_E_PROCESSING, "KS_E_PROCESSING"},
    {KS_E_TIMESTAMP, "KS_E_TIMESTAMP"},
    {KS_E_STATE, "KS_E_STATE"},
    {KS_E_LIMIT, "KS_E_LIMIT"},
    {KS_E_IO, "KS_E_IO"},
    {KS_E_TIMEOUT, "KS_E_TIMEOUT"},
    {KS_E_UNKNOWN_TOPIC, "KS_E_UNKNOWN_TOPIC"},
    {KS_E_NOT_BUILT, "KS_E_NOT_BUILT"},
    {KS_E_STORE, "KS_E_STORE"},
    {KS_E_PROCESSOR_STATE, "KS_E_PROCESSOR_STATE"},
    {KS_E_CORRUPT, "KS_E_CORRUPT"},
    {KS_E_STORE_MIGRATED, "KS_E_STORE_MIGRATED"},
    {KS_E_FENCED, "KS_E_FENCED"},
    {KS_E_OUT_OF_RANGE, "KS_E_OUT_OF_RANGE"},
};

const char *ks_status_name(ks_status status)
{
    for (size_t i = 0; i < sizeof status_names / sizeof *status_names; i++) {
        if (status_names[i].status == status) {
            return status_names[i].name;
        }
    }
    return "unknown status";
}

/* Where to cut a text of at least `at` bytes so that no UTF-8 sequence is cut in two. */
static size_t character_boundary(const char *text, size_t at)
{
    size_t cut = at;
    while (cut > 0 && at - cut < 4 && ((unsigned char)text[cut] & 0xc0u) == 0x80u) {
        cut--;
    }
    return ((unsigned char)text[cut] & 0xc0u) == 0x80u ? at : cut;
}

static void copy_cut(char *to, size_t capacity, const char *text)
{
    size_t size = strlen(text);
    if (size >= capacity) {
        size = character_boundary(text, capacity - 1);
    }
    memmove(to, text, size);
    to[size] = '\0';
}

KS_PRINTF(4, 0)
static void fill(ks_error *error, ks_status code, const char *where, const char *format,
                 va_list args)
{
    KSI_ASSERT(code != KS_OK);
    if (error == NULL) {
        return;
    }
    char message[sizeof error->message +
                 4]; /* some bytes more, to see where the character at the cut begins */
    (void)vsnprintf(message, sizeof message, format, args);
    copy_cut(error->where, sizeof error->where,
             where != NULL ? where : ""); /* may be the old message */
    copy_cut(error->message, sizeof error->message, message);
    error->code = code;
    error->flags = 0;
}

ks_status ksi_error_set(ks_error *error, ks_status code, const char *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(error, code, where, format, args);
    va_end(args);
    return code;
}

ks_status ks_error_set(ks_error *error, ks_status code, const char *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(error, code, where, format, args);
    va_end(args);
    return code;
}

ks_status ksi_error_complete(ks_error *error, ks_status status, const char *what, const char *name)
{
    if (error == NULL || error->code != KS_OK) {
        return status;
    }
    return ksi_error_set(error, status, name, "the %s \"%s\" failed and filled no ks_error", what,
                         name != NULL ? name : "");
}

void ksi_error_prefix(ks_error *error, const char *format, ...)
{
    if (error == NULL) {
        return;
    }
    char message[2 * sizeof error->message];
    va_list args;
    va_start(args, format);
    int written = vsnprintf(message, sizeof error->message, format, args);
    va_end(args);
    if (written < 0) {
        return;
    }
    size_t size = strlen(message);
    copy_cut(message + size, sizeof message - size, error->message);
    copy_cut(error->message, sizeof error->message, message);
}

ks_status ksi_error_flag(ks_error *error, uint32_t flags)
{
    if (error == NULL) {
        return KS_E_PROCESSING; /* it is called for a failure: never answer KS_OK */
    }
    error->flags |= flags;
    return error->code;
}

const char *ks_error_text(const ks_error *error, char *buffer, size_t size)
{
    if (size == 0) {
        return buffer;
    }
    if (error == NULL || error->code == KS_OK) {
        (void)snprintf(buffer, size, "%s", ks_status_name(KS_OK));
        return buffer;
    }
    char text[sizeof *error + 64];
    (void)snprintf(text, sizeof text, "%s%s%s: %s", ks_status_name(error->code),
                   error->where[0] != '\0' ? " at " : "", error->where, error->message);
    copy_cut(buffer, size, text);
    return buffer;
}

void ks_error_print(const char *program, const ks_error *error)
{
    char text[sizeof *error + 64];
    fprintf(stderr, "%s%s%s\n", program != NULL ? program : "", program != NULL ? ": " : "",
            ks_error_text(error, text, sizeof text));
}
