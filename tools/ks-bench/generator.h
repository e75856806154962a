/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generator.h - the records and lines that benchmarks read: the same on every machine, from a seed.
 *
 * Anybody can write this generator again, in any language, and so know what a job must answer:
 * scripts/bench-digest does, in Python. All numbers are unsigned, of 64 bits, and wrap.
 *
 *     draw(seed, n)    the n-th number (from 0) of SplitMix64 that starts at `seed`:
 *                      z = seed + (n + 1) * 0x9E3779B97F4A7C15
 *                      z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9
 *                      z = (z ^ z >> 27) * 0x94D049BB133111EB
 *                      z ^ z >> 31
 *
 *     record i         r = draw(seed, i)
 *                      key: "key-" and r % keys, in at least six decimal digits; all keys are
 *                      equally likely. Of rows: i % keys instead, so that each key has one
 *                      value: draw(r, 0), draw(r, 1), ... each as 16 hexadecimal digits, cut to
 *                      the size asked for
 *
 *     line i           r = draw(seed, i); no key
 *                      word w: d = draw(r, w), a = d >> 32, b = the lower 32 bits of d,
 *                      rank = ((vocabulary * a >> 32) * b) >> 32
 *                      One blank between words, the first letter a capital, a full stop behind.
 *                      A rank is the product of two even chances: rank x is met about
 *                      ln(vocabulary / x) / vocabulary of the time, so low ranks are frequent and
 *                      all ranks occur.
 *
 *     word of a rank   0: "the". Else the rank in base 70, lowest digit first, in at least two
 *                      digits, a syllable each: digit / 5 chooses from "bdfgklmnprstvz", digit % 5
 *                      from "aeiou".
 *
 *     timestamp i      the start that was asked for, and i milliseconds. The default start is the
 *                      midnight (UTC) before the day before, so that nothing is in the future and
 *                      every window of whole seconds that divide a day begins with record 0.
 *
 *     a second topic   of the next seed, with as many partitions and keys and values of that size
 *                      rows: one for each key, a millisecond apart, of which the last is a
 *                      millisecond older than record 0: whoever reads both by their timestamps has
 *                      all rows before the first record
 *                      twin: as many records. Those of the first topic then come every other
 *                      millisecond, and those of the second in between: record i has the start,
 *                      2 i and 1 milliseconds. No two records have one timestamp, so what a join
 *                      answers does not depend on which topic is read first
 *
 * Thread rule: a generator belongs to one thread.
 */
#ifndef KS_BENCH_GENERATOR_H
#define KS_BENCH_GENERATOR_H

#include <kstreams/value.h>

/* What the generator makes; both kinds take what concerns them. */
typedef struct bench_input {
    bool lines;   /* lines of words instead of records */
    bool in_turn; /* records of all keys in turn: rows */
    uint64_t count;
    uint64_t seed;
    uint64_t keys;
    uint64_t value_bytes;
    uint64_t words;
    uint64_t vocabulary;
} bench_input;

typedef struct bench_generator {
    bench_input input;
    char key[32];
    char *value; /* owned; the size that the longest value can have */
} bench_generator;

/* False: out of memory. Give it to bench_generator_end() either way. */
bool bench_generator_begin(bench_generator *generator, const bench_input *input);
void bench_generator_end(bench_generator *generator);

/* Record or line `index`. Borrowed until the next call. A line's key is null. */
void bench_generator_make(bench_generator *generator, uint64_t index, ks_slice *key,
                          ks_slice *value);

#endif
