/* SPDX-License-Identifier: Apache-2.0 */
/*
 * properties.c - finding rows of the property table, and the nearest name for a misspelt one.
 *
 * Nearest means the fewest letters to insert, delete or change (Levenshtein). Case is ignored and
 * '_' and '-' count as '.', because `COMMIT_INTERVAL_MS` and `commit-interval-ms` are what people
 * write who know the name. A name is near when less than about a third of it is wrong; a suggestion
 * farther away sends its reader to the wrong place.
 *
 * Names are looked up when properties are set and when objects are made, never per record, so a
 * scan is enough.
 *
 * Thread rule: any thread.
 */
#include "config/properties.h"

#include <string.h>

#include "config/clients.h"

#define LONGEST_NAME 96

static const ksi_property_table *const tables[] = {
    &ksi_table_application, &ksi_table_processing, &ksi_table_serdes,
    &ksi_table_state,       &ksi_table_threads,    &ksi_table_assignment,
    &ksi_table_clients,     &ksi_table_metrics,    &ksi_table_internal,
};

const ksi_property_table *ksi_property_table_at(size_t index)
{
    return index < sizeof tables / sizeof tables[0] ? tables[index] : NULL;
}

const ksi_property *ksi_property_find(const char *name)
{
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (size_t r = 0; r < tables[t]->count; r++) {
            if (strcmp(tables[t]->rows[r].name, name) == 0) {
                return &tables[t]->rows[r];
            }
        }
    }
    return NULL;
}

static char folded(char letter)
{
    if (letter >= 'A' && letter <= 'Z') {
        return (char)(letter - 'A' + 'a');
    }
    return letter == '_' || letter == '-' ? '.' : letter;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * The distance, or some number from `limit` up when it is not below that. Both names are at most
 * LONGEST_NAME long. One row of the classic table is enough: row[j] is the distance of a[0..i) and
 * b[0..j). No row has a number below the least of the row before.
 */
static size_t edit_distance(const char *a, const char *b, size_t limit)
{
    size_t row[LONGEST_NAME + 1];
    size_t b_size = strlen(b);
    for (size_t j = 0; j <= b_size; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        size_t smallest = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t change = diagonal + (folded(a[i - 1]) == folded(b[j - 1]) ? 0 : 1);
            diagonal = row[j];
            row[j] = least(change, least(row[j], row[j - 1]) + 1);
            smallest = least(smallest, row[j]);
        }
        if (smallest >= limit) {
            return limit;
        }
    }
    return row[b_size];
}

typedef struct nearest_search {
    const char *wanted;
    const char *best;
    size_t best_distance;
} nearest_search;

static void consider(nearest_search *search, const char *candidate)
{
    /*
     * Each letter that one has more than the other is one to insert, so most names need not be
     * compared.
     */
    size_t wanted_size = strlen(search->wanted);
    size_t size = strlen(candidate);
    size_t more = size > wanted_size ? size - wanted_size : wanted_size - size;
    if (size > LONGEST_NAME || more >= search->best_distance) {
        return;
    }
    size_t distance = edit_distance(search->wanted, candidate, search->best_distance);
    if (distance < search->best_distance) {
        search->best = candidate;
        search->best_distance = distance;
    }
}

const char *ksi_property_nearest(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > LONGEST_NAME) {
        return NULL;
    }
    size_t tolerated = size / 3 > 2 ? size / 3 : 2;
    nearest_search search = {name, NULL, least(tolerated, size - 1) + 1};
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (size_t r = 0; r < tables[t]->count; r++) {
            consider(&search, tables[t]->rows[r].name);
        }
    }
    const char *client_property = NULL;
    for (size_t i = 0; (client_property = ksi_client_property_at(i)) != NULL; i++) {
        consider(&search, client_property);
    }
    return search.best;
}
