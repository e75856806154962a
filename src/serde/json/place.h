/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h - where in a document something is, for messages: "items[3].price".
 *
 * A place is a link on the stack of whoever walks, and nothing is put together unless an error
 * wants it.
 */
#ifndef KSI_SERDE_JSON_PLACE_H
#define KSI_SERDE_JSON_PLACE_H

#include <kstreams/json.h>

typedef struct ksi_json_place {
    const struct ksi_json_place *outer; /* NULL: the document */
    const char *name;                   /* of a field; NULL: an element */
    size_t index;                       /* of an element */
} ksi_json_place;

enum { KSI_JSON_PATH_SIZE = 200 };

/* The path, NUL-terminated, "" for the document; a long one loses its middle. Returns `path`. */
char *ksi_json_path(const ksi_json_place *place, char path[KSI_JSON_PATH_SIZE]);

/* The name a field has in documents. */
static inline const char *ksi_json_field_name(const ks_json_field *field)
{
    return field->name != NULL ? field->name : field->member;
}

/* The bool that says whether a member is there; NULL: there is none. */
static inline const bool *ksi_json_flag(const ks_json_field *field, const char *object)
{
    return field->flag != 0 ? (const bool *)(const void *)(object + field->flag - 1) : NULL;
}

/* Bytes that an element of an array takes. */
static inline size_t ksi_json_element_size(const ks_json_what *element)
{
    return element->kind == KS_JSON_KIND_OBJECT ? ((const ks_json_type *)element->of)->size
                                                : element->size;
}

/* The pointer of an array or of an object of its own; the object types differ, the bytes do not. */
static inline char *ksi_json_load_pointer(const char *member)
{
    char *pointer;
    memcpy(&pointer, member, sizeof pointer);
    return pointer;
}

static inline size_t ksi_json_load_count(const ks_json_field *field, const char *object)
{
    size_t count;
    memcpy(&count, object + field->count_offset, sizeof count);
    return count;
}

#endif
