/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffer.h - bytes that grow: texts being composed, records being encoded. `(ksi_buffer){0}` is
 * empty and valid.
 */
#ifndef KSI_BASE_BUFFER_H
#define KSI_BASE_BUFFER_H

#include <kstreams/common.h>

typedef struct ksi_buffer {
    char *data;
    size_t size;
    size_t capacity;
} ksi_buffer;

void ksi_buffer_reserve(ksi_buffer *buffer, size_t more);
void ksi_buffer_append(ksi_buffer *buffer, const void *bytes, size_t size);
void ksi_buffer_append_text(ksi_buffer *buffer, const char *text);
void ksi_buffer_appendf(ksi_buffer *buffer, const char *format, ...) KS_PRINTF(2, 3);
void ksi_buffer_clear(ksi_buffer *buffer); /* keeps the memory */
void ksi_buffer_destroy(
    ksi_buffer *buffer); /* gives it back; the buffer is empty and valid again */
/* NUL-terminated, without counting the NUL; valid until the next change. */
const char *ksi_buffer_cstr(ksi_buffer *buffer);

static inline ks_slice ksi_buffer_slice(const ksi_buffer *buffer)
{
    return ks_slice_of(buffer->data != NULL ? buffer->data : "", buffer->size);
}

#endif
