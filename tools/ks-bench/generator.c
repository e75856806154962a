/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generator.c - records and lines from a seed; generator.h defines them byte for byte.
 *
 * Every record is a function of the seed and its number alone. A generator with a running state
 * would be as quick, but whoever checks a result would have to make all values to know the last one
 * of a key.
 */
#include "generator.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char consonants[] = "bdfgklmnprstvz";
static const char vowels[] = "aeiou";

enum {
    VOWELS = sizeof vowels - 1,
    SYLLABLES = (sizeof consonants - 1) * VOWELS,
    DRAW_DIGITS = 16,
    LONGEST_WORD = 24 /* 11 syllables hold 2^64 */
};

static uint64_t draw(uint64_t seed, uint64_t n)
{
    uint64_t z = seed + (n + 1) * UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

bool bench_generator_begin(bench_generator *generator, const bench_input *input)
{
    uint64_t size =
        input->lines ? input->words * (LONGEST_WORD + 1) + 1 : input->value_bytes + DRAW_DIGITS;

    *generator = (bench_generator){.input = *input, .value = malloc((size_t)size)};
    return generator->value != NULL;
}

void bench_generator_end(bench_generator *generator)
{
    free(generator->value);
    generator->value = NULL;
}

static void write_hexadecimal(char *target, uint64_t number)
{
    for (int i = 0; i < DRAW_DIGITS; i++) {
        target[i] = "0123456789abcdef"[number >> (60 - 4 * i) & 15];
    }
}

static void make_record(bench_generator *generator, uint64_t index, ks_slice *key, ks_slice *value)
{
    const bench_input *input = &generator->input;
    uint64_t random = draw(input->seed, index);
    size_t size = (size_t)input->value_bytes;
    int key_size = snprintf(generator->key, sizeof generator->key, "key-%06" PRIu64,
                            (input->in_turn ? index : random) % input->keys);

    for (size_t at = 0; at < size; at += DRAW_DIGITS) {
        write_hexadecimal(generator->value + at, draw(random, at / DRAW_DIGITS));
    }
    *key = ks_slice_of(generator->key, (size_t)key_size);
    *value = ks_slice_of(generator->value, size);
}

/* Returns the size of the word. */
static size_t write_word(char *target, uint64_t rank)
{
    size_t size = 0;

    if (rank == 0) {
        target[size++] = 't';
        target[size++] = 'h';
        target[size++] = 'e';
        return size;
    }
    for (int digits = 0; digits < 2 || rank > 0; digits++) {
        target[size++] = consonants[rank % SYLLABLES / VOWELS];
        target[size++] = vowels[rank % VOWELS]; /* SYLLABLES is a multiple of VOWELS */
        rank /= SYLLABLES;
    }
    return size;
}

static void make_line(bench_generator *generator, uint64_t index, ks_slice *line)
{
    uint64_t random = draw(generator->input.seed, index);
    char *text = generator->value;
    size_t size = 0;

    for (uint64_t w = 0; w < generator->input.words; w++) {
        uint64_t d = draw(random, w);
        uint64_t scaled = generator->input.vocabulary * (d >> 32) >> 32;
        if (w > 0) {
            text[size++] = ' ';
        }
        size += write_word(text + size, scaled * (d & UINT32_MAX) >> 32);
    }
    text[0] = (char)(text[0] - 'a' + 'A');
    text[size++] = '.';
    *line = ks_slice_of(text, size);
}

void bench_generator_make(bench_generator *generator, uint64_t index, ks_slice *key,
                          ks_slice *value)
{
    if (generator->input.lines) {
        *key = (ks_slice){0};
        make_line(generator, index, value);
    } else {
        make_record(generator, index, key, value);
    }
}
