/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffer.c - bytes that grow by doubling.
 *
 * Invariants: size <= capacity; `data` is NULL only while nothing was ever reserved. The bytes
 * appended may lie in the buffer itself, so growing must not free them before they are copied: the
 * tempting `realloc` first, `memcpy` after does.
 *
 * Thread rule: the owner's.
 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"

void ksi_buffer_reserve(ksi_buffer *buffer, size_t more)
{
    KSI_CHECK(more <= SIZE_MAX - buffer->size);
    buffer->data = ksi_grow(buffer->data, &buffer->capacity, buffer->size + more, 1);
}

void ksi_buffer_append(ksi_buffer *buffer, const void *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    uintptr_t from = (uintptr_t)bytes;
    uintptr_t base = (uintptr_t)buffer->data;
    bool inside = buffer->data != NULL && from >= base && from < base + buffer->capacity;
    size_t at = inside ? (size_t)(from - base) : 0;
    ksi_buffer_reserve(buffer, size);
    memmove(buffer->data + buffer->size, inside ? buffer->data + at : (const char *)bytes, size);
    buffer->size += size;
}

void ksi_buffer_append_text(ksi_buffer *buffer, const char *text)
{
    ksi_buffer_append(buffer, text, strlen(text));
}

void ksi_buffer_appendf(ksi_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    KSI_CHECK(size >= 0);
    ksi_buffer_reserve(buffer, (size_t)size + 1);
    (void)vsnprintf(buffer->data + buffer->size, (size_t)size + 1, format, again);
    va_end(again);
    buffer->size += (size_t)size;
}

void ksi_buffer_clear(ksi_buffer *buffer)
{
    buffer->size = 0;
}

void ksi_buffer_destroy(ksi_buffer *buffer)
{
    ksi_free(buffer->data);
    *buffer = (ksi_buffer){0};
}

const char *ksi_buffer_cstr(ksi_buffer *buffer)
{
    ksi_buffer_reserve(buffer, 1);
    buffer->data[buffer->size] = '\0';
    return buffer->data;
}
