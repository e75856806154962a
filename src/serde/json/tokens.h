/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokens.h - where the tokens of a JSON document begin, and what only the C++ library does well:
 * escapes and doubles.
 *
 * After ksi_json_tokenize() has found nothing wrong, the document is UTF-8, its strings are closed
 * and have no control characters, and
 *
 *     {"id": "p-1", "n": 7 }            copy, blanks behind it
 *     ^^   ^ ^    ^ ^  ^ ^ ^^           at[0] .. at[count], which is the size
 *
 * each token reaches, with blanks behind it, to where the next begins: a string from its quote, a
 * bracket, a colon, a comma; anything else up to one of these or to a blank is a token, too.
 * Whether they make a document is for reader.h to say.
 *
 * Thread rule: tokens belong to their thread.
 */
#ifndef KSI_SERDE_JSON_TOKENS_H
#define KSI_SERDE_JSON_TOKENS_H

#include <kstreams/common.h>

#ifdef __cplusplus
extern "C" {
#endif

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

typedef struct ksi_json_tokens {
    const char *copy;   /* of the document; a blank follows it */
    const uint32_t *at; /* count + 1 offsets */
    size_t count;
} ksi_json_tokens;

/* What was found lives, like unescaped texts, until the thread asks for another document's. */
KS_NODISCARD ksi_json_fault ksi_json_tokenize(ks_slice document, ksi_json_tokens *tokens);

/* The text of a string of the copy, from behind its quote, without escapes; false for a bad one. */
KS_NODISCARD bool ksi_json_unescape(const char *string, ks_slice *text);

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
