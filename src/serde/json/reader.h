/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.h - a JSON document as a sequence of values, one call each.
 *
 *     ksi_json_reader *reader = ksi_json_reader_of_thread();
 *     ksi_json_begin(reader, document)
 *     ksi_json_next(reader, &event)       {"id": "p-1",          OBJECT_BEGIN
 *                                          "items": [            STRING "p-1", key "id"
 *                                          7                     ARRAY_BEGIN, key "items"
 *                                          ]}                    NUMBER "7", ARRAY_END, OBJECT_END
 *
 * The whole grammar is checked by the time the last event was taken, numbers excepted: those are
 * given as they stand, for number.h to judge, because what a number may be is up to its field.
 *
 * What an event points to is in the document itself, but for texts with escapes: these live until
 * the reader begins another document.
 *
 * Thread rule: a reader belongs to its thread.
 */
#ifndef KSI_SERDE_JSON_READER_H
#define KSI_SERDE_JSON_READER_H

#include <kstreams/common.h>

#ifdef __cplusplus
extern "C" {
#endif

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
    ks_slice key;     /* of a value in an object; lives until the next event */
    ks_slice text;    /* of a string without its quotes, or of a number */
    size_t offset;    /* of the value in the document */
} ksi_json_event;

typedef enum ksi_json_fault {
    KSI_JSON_SOUND = 0,
    KSI_JSON_BROKEN,     /* not the grammar of JSON */
    KSI_JSON_NOT_UTF8,   /* somewhere */
    KSI_JSON_CONTROL,    /* a control character in a string, somewhere */
    KSI_JSON_UNCLOSED,   /* ends in a string */
    KSI_JSON_BAD_ESCAPE, /* of the string at `offset` */
    KSI_JSON_TOO_DEEP,   /* more than KSI_JSON_DEPTH_MAX */
    KSI_JSON_TOO_BIG,    /* 4 GiB or more */
    KSI_JSON_EMPTY,      /* white space at most */
    KSI_JSON_TRAILING    /* something behind the document */
} ksi_json_fault;

typedef struct ksi_json_reader ksi_json_reader;

/* The calling thread's reader, made on first use and freed when the thread ends. */
ksi_json_reader *ksi_json_reader_of_thread(void);

/* `document` stays in use, unchanged, until the last event. */
KS_NODISCARD ksi_json_fault ksi_json_begin(ksi_json_reader *reader, ks_slice document);

/*
 * The next event; after the end of the outermost value none is there to ask for. With a fault,
 * `event->offset` is near it: of the last value or key that was begun.
 */
KS_NODISCARD ksi_json_fault ksi_json_next(ksi_json_reader *reader, ksi_json_event *event);

/* After the last event: nothing but white space may follow. */
KS_NODISCARD ksi_json_fault ksi_json_end(ksi_json_reader *reader);

/*
 * The nearest number to a text that is one; false when it is nearer to infinity or, not being zero,
 * to zero.
 */
KS_NODISCARD bool ksi_json_double(ks_slice number, double *nearest);
KS_NODISCARD bool ksi_json_float(ks_slice number, float *nearest);

#ifdef __cplusplus
}
#endif
#endif
