/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random_rows.h - random numbers from a printed seed, and the keys and values they make: for tests
 * that run stores against models.
 *
 * Keys are a fixed set in order, so that a model is an array and a range is two indexes. They are
 * up to 40 bytes, the empty one among them, share beginnings, and like 0x00 and 0xff.
 */
#ifndef TESTS_UNIT_STATE_RANDOM_ROWS_H
#define TESTS_UNIT_STATE_RANDOM_ROWS_H

#include "state/row_store.h"

/* With sanitizers everything takes so much longer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 10
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOWER 10
#endif
#endif
#ifndef SLOWER
#define SLOWER 1
#endif

enum { RANDOM_KEYS = 250, RANDOM_KEY_BYTES = 40, RANDOM_TEXT_BYTES = 256 * 1024 };

/* Takes the seed from KSTREAMS_TEST_SEED, else from the clock, prints it, and makes the keys. */
void random_start(void);
uint64_t random_seed(void);
/* From 0 to below `count`. */
uint32_t random_below(uint32_t count);

/* The key of a number below RANDOM_KEYS; keys rise with their numbers. */
ks_slice random_key(size_t number);
/* A key, one of the set or not, that likes to share the beginning of one of `others`. */
ks_slice random_key_like(char to[RANDOM_KEY_BYTES], const ks_slice *others, size_t count);
/* An end of a range: null, a key of the set, or one that is like it. */
ks_slice random_bound(char to[RANDOM_KEY_BYTES]);
/* The first key behind all that begin with `prefix`, into `to`; null when there is none. */
ks_slice random_behind_prefix(ks_slice prefix, char to[RANDOM_KEY_BYTES]);
/* A range, or all keys with a prefix, in any direction; bounds may lie in `low` and `high`. */
ksi_row_range random_range(char low[RANDOM_KEY_BYTES], char high[RANDOM_KEY_BYTES]);
bool random_range_has(const ksi_row_range *range, ks_slice key);
/* A piece of one long random text: where it begins and its size are all a model has to keep. */
ks_slice random_value(uint32_t at, uint32_t size);

#endif
