/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unknown_word.c - what to say about a word nobody knows: the name that was probably meant.
 *
 * Similar means an edit distance (inserting, deleting, changing a character) of at most a third of
 * the word. Beyond that a guess is noise and the list of all names says more.
 */
#include "command.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_NAME = 63 };

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/*
 * Levenshtein's distance, one row of his table at a time. Words that are too long are far from
 * everything.
 */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[LONGEST_NAME + 1];
    size_t width = strlen(b);

    if (strlen(a) > LONGEST_NAME || width > LONGEST_NAME) {
        return LONGEST_NAME;
    }
    for (size_t j = 0; j <= width; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = smallest(change, diagonal + 1, row[j] + 1);
        }
    }
    return row[width];
}

int unknown_word(const char *what, const char *word, const char *const *names, size_t count)
{
    size_t best = 0;
    size_t best_distance = LONGEST_NAME;

    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, names[i]);
        if (distance < best_distance) {
            best = i;
            best_distance = distance;
        }
    }
    if (best_distance <= strlen(word) / 3) {
        fprintf(stderr, "ks: no %s '%s'; did you mean '%s'?\n", what, word, names[best]);
        return KS_TOOL_USAGE;
    }
    fprintf(stderr, "ks: no %s '%s'; there is", what, word);
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, "%s %s", i > 0 ? "," : "", names[i]);
    }
    fputc('\n', stderr);
    return KS_TOOL_USAGE;
}
