/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.h - a JSON document as a sequence of values, one call each.
 *
 *     ksi_json_begin(&reader, document)   {"id": "p-1",          OBJECT_BEGIN
 *     ksi_json_next(&reader, &event)       "items": [            STRING "p-1", key "id"
 *                                          7                     ARRAY_BEGIN, key "items"
 *                                          ]}                    NUMBER "7", ARRAY_END, OBJECT_END
 *
 * The whole grammar is checked by the time the last event was taken, numbers excepted: those are
 * given as they stand, for number.h to judge, because what a number may be is up to its field.
 *
 * What an event points to is in the document itself, but for texts with escapes: these live until
 * the thread begins another document. So a thread reads one document at a time.
 *
 * Thread rule: a reader belongs to its thread.
 */
#ifndef KSI_SERDE_JSON_READER_H
#define KSI_SERDE_JSON_READER_H

#include "serde/json/tokens.h"

enum { KSI_JSON_DEPTH_MAX = 64 };

typedef enum ksi_json_token {
    KSI_JSON_OBJECT_BEGIN,
    KSI_JSON_OBJECT_END,
    KSI_JSON_ARRAY_BEGIN,
    KSI_JSON_ARRAY_END,
    KSI_JSON_STRING,
    KSI_JSON_NUMBER,
    KSI_JSON_TRUE,
    KSI_JSON_FALSE,
    KSI_JSON_NULL
} ksi_json_token;

typedef struct ksi_json_event {
    ksi_json_token token;
    bool has_escapes; /* `text` lives until the next document only */
    ks_slice key;     /* of a value in an object; lives until the next document */
    ks_slice text;    /* of a string without its quotes, or of a number */
    size_t offset;    /* of the value in the document */
} ksi_json_event;

typedef struct ksi_json_reader {
    const char *document;
    const char *copy;   /* of it; what is read is read there, because a blank ends it */
    const uint32_t *at; /* the next token begins there */
    const uint32_t *end;
    size_t escape; /* the first backslash that is not before the last string */
    size_t size;
    size_t depth;     /* of objects and arrays that are open */
    uint64_t objects; /* a bit for each of them, the innermost lowest: it is an object */
    bool is_fresh;    /* the innermost has had no value yet */
} ksi_json_reader;

/* `document` stays in use, unchanged, until the last event. */
KS_NODISCARD ksi_json_fault ksi_json_begin(ksi_json_reader *reader, ks_slice document);

/*
 * The next event; after the end of the outermost value none is there to ask for. With a fault,
 * `event->offset` is near it: of the last value or key that was begun.
 */
KS_NODISCARD ksi_json_fault ksi_json_next(ksi_json_reader *reader, ksi_json_event *event);

/* After the last event: nothing but white space may follow. */
KS_NODISCARD ksi_json_fault ksi_json_end(const ksi_json_reader *reader);

#endif
