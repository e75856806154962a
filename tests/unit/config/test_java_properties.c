/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_java_properties.c - the property table against what Java printed of its own.
 *
 * java_properties.tsv holds every row of StreamsConfig.configDef() and every name of the clients
 * (java/RecordProperties.java prints it). Name, type, importance, default and what the validator
 * takes must be equal. Where our row is narrower on purpose, because Java takes a value and then
 * fails on it or means nothing by it, it stands in `narrower`.
 */
#include "config_test.h"

#include "config/clients.h"
#include "config/value.h"

#include <stdio.h>
#include <string.h>

#define RECORD "tests/unit/config/java_properties.tsv"
#define COLUMNS 6

/*
 * Java fails later: on an empty name or directory, on a negative poll, and it never resumes a
 * partition that holds more than -1.
 */
static const char *const narrower[] = {"application.id", "buffered.records.per.partition",
                                       "num.standby.replicas", "poll.ms", "state.dir"};

/* Not in StreamsConfig.configDef(): read by Java without a definition, or our own. */
static const char *const not_defined[] = {
    "__emit.interval.ms.kstreams.outer.join.spurious.results.fix__",
    "__emit.interval.ms.kstreams.windowed.aggregation__",
    "__enable.process.processValue.fix__",
    "__internal.override.topic.prefix__",
    "__iq.consistency.offset.vector.enabled__",
    "__processing.threads.enabled__",
    "internal.task.assignor.class",
    "consumers.per.process",
    "embedded.sync",
    "statestore.apply.interval.ms",
    "statestore.memory.max.bytes",
    "statestore.uncommitted.max.bytes",
};

typedef struct java_row {
    char line[600];
    const char *columns[COLUMNS]; /* kind, name, then as the recorder says */
} java_row;

#define LISTED(list, name) is_listed(list, sizeof(list) / sizeof(list)[0], name)
static bool is_listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool next_row(FILE *file, java_row *row)
{
    do {
        if (fgets(row->line, sizeof row->line, file) == NULL) {
            return false;
        }
    } while (row->line[0] == '#');
    row->line[strcspn(row->line, "\n")] = '\0';
    char *rest = row->line;
    for (size_t i = 0; i < COLUMNS; i++) {
        row->columns[i] = rest;
        char *tab = strchr(rest, '\t');
        rest = tab != NULL ? tab + 1 : rest + strlen(rest);
        if (tab != NULL) {
            *tab = '\0';
        }
    }
    return true;
}

typedef void row_check(const java_row *row);

static int each_java_row(const char *kind, row_check *check)
{
    FILE *file = fopen(RECORD, "r");
    assert_non_null(file);
    java_row row;
    int count = 0;
    while (next_row(file, &row)) {
        if (strcmp(row.columns[0], kind) == 0) {
            check(&row);
            count++;
        }
    }
    fclose(file);
    return count;
}

static const ksi_property *our_row(const java_row *row)
{
    const ksi_property *ours = ksi_property_find(row->columns[1]);
    if (ours == NULL) {
        fail_msg("%s has no row", row->columns[1]);
    }
    return ours;
}

/* ---- columns --------------------------------------------------------------------------------- */

static void check_type(const java_row *row)
{
    static const char *const names[] = {"STRING", "LONG",   "INT",  "BOOLEAN",
                                        "LIST",   "STRING", "CLASS"};
    const ksi_property *ours = our_row(row);
    /* Java takes the class of the assignor as a text, and splits this list by itself. */
    bool other = strcmp(ours->name, "task.assignor.class") == 0 ||
                 strcmp(ours->name, "topology.optimization") == 0;
    if (strcmp(names[ours->type], other ? names[ours->type] : row->columns[2]) != 0) {
        fail_msg("%s is a %s", ours->name, row->columns[2]);
    }
}

static void types_are_java_s(void **state)
{
    (void)state;
    assert_int_equal(each_java_row("streams", check_type), 74);
}

static void check_importance(const java_row *row)
{
    static const char *const names[] = {"LOW", "MEDIUM", "HIGH"};
    assert_string_equal(names[our_row(row)->importance], row->columns[3]);
}

static void importance_is_java_s(void **state)
{
    (void)state;
    assert_int_equal(each_java_row("streams", check_importance), 74);
}

static void check_default(const java_row *row)
{
    const ksi_property *ours = our_row(row);
    const char *java = row->columns[4];
    const char *text = ours->default_text != NULL ? ours->default_text : "<none>";
    bool named = ours->type == KSI_PROPERTY_CLASS && ours->default_text != NULL;
    if (named && ours->choices != NULL) {
        text = ksi_value_choice(ours, text)->java;
    }
    if (strcmp(text, java) != 0) {
        fail_msg("%s is %s by default, not %s", ours->name, java, text);
    }
}

static void defaults_are_java_s(void **state)
{
    (void)state;
    assert_int_equal(each_java_row("streams", check_default), 74);
}

/* ---- what is taken --------------------------------------------------------------------------- */

/* Each word of "[a, b, c]" is a choice, and there are as many choices. */
static void check_words(const ksi_property *ours, const char *words)
{
    size_t count = 0;
    char word[80];
    while (*words != '\0' && *words != ']') {
        words += strspn(words, "[, ");
        size_t size = strcspn(words, ",]");
        assert_true(size < sizeof word);
        memcpy(word, words, size);
        word[size] = '\0';
        words += size;
        if (strcmp(word, "null") == 0) { /* may be left out */
            assert_null(ours->default_text);
            continue;
        }
        count++;
        ks_error error = {0};
        if (ksi_value_check(ours, word, &error) != KS_OK) {
            fail_msg("%s: %s", ours->name, error.message);
        }
    }
    for (const ksi_choice *choice = ours->choices; choice->word != NULL; choice++) {
        count--;
    }
    assert_int_equal(count, 0);
}

static void check_validator(const java_row *row)
{
    const ksi_property *ours = our_row(row);
    const char *validator = row->columns[5];
    bool number = ours->type == KSI_PROPERTY_I64 || ours->type == KSI_PROPERTY_I32;
    bool unchecked = strcmp(validator, "null") == 0;
    if (LISTED(narrower, ours->name)) {
        assert_true(unchecked && ours->ranged);
    } else if (number && !unchecked) {
        char words[80];
        snprintf(words, sizeof words, "[%lld,...]", (long long)ours->low);
        assert_true(ours->ranged && ours->high == INT64_MAX);
        assert_string_equal(words, validator);
    } else if (number) {
        assert_false(ours->ranged);
    } else if (strcmp(validator, "List containing maximum of 5 elements") == 0) {
        assert_true(ours->ranged && ours->low == 0 && ours->high == 5);
    } else if (!unchecked && validator[0] != '\0') {
        static const char any_case[] = "(case insensitive) ";
        bool folded = strncmp(validator, any_case, sizeof any_case - 1) == 0;
        assert_true(ours->ignore_case == folded);
        check_words(ours, validator + (folded ? sizeof any_case - 1 : 0));
    } else {
        /* Texts, truth values, classes, and lists of which Java says nothing. */
        bool servers = strcmp(ours->name, "bootstrap.servers") == 0;
        assert_true(ours->type != KSI_PROPERTY_CHOICE && ours->ranged == servers);
    }
}

static void validators_are_java_s(void **state)
{
    (void)state;
    assert_int_equal(each_java_row("streams", check_validator), 74);
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool java_has(const char *kind, const char *name)
{
    FILE *file = fopen(RECORD, "r");
    assert_non_null(file);
    java_row row;
    bool found = false;
    while (!found && next_row(file, &row)) {
        found = strcmp(row.columns[0], kind) == 0 && strcmp(row.columns[1], name) == 0;
    }
    fclose(file);
    return found;
}

static void every_row_is_a_property_of_java_or_listed_as_none(void **state)
{
    (void)state;
    const ksi_property_table *table = NULL;
    for (size_t t = 0; (table = ksi_property_table_at(t)) != NULL; t++) {
        for (size_t r = 0; r < table->count; r++) {
            const char *name = table->rows[r].name;
            if (java_has("streams", name) == LISTED(not_defined, name)) {
                fail_msg("%s", name);
            }
        }
    }
}

static void check_client(const java_row *row)
{
    ksi_client_name meant = {0};
    if (!ksi_client_name_of(row->columns[1], &meant)) {
        fail_msg("%s is no client's property", row->columns[1]);
    }
    unsigned clients = 0;
    for (const char *who = row->columns[2]; *who != '\0'; who++) {
        clients |= *who == 'c'   ? KSI_CLIENT_CONSUMERS
                   : *who == 'p' ? KSI_CLIENT_PRODUCER
                                 : KSI_CLIENT_ADMIN;
    }
    assert_int_equal(meant.clients, clients);
}

static void names_of_clients_are_java_s(void **state)
{
    (void)state;
    assert_true(each_java_row("client", check_client) > 100);
    const char *name = NULL;
    for (size_t i = 0; (name = ksi_client_property_at(i)) != NULL; i++) {
        if (!java_has("client", name)) {
            fail_msg("%s is no property of Java's clients", name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_java_s),
        cmocka_unit_test(importance_is_java_s),
        cmocka_unit_test(defaults_are_java_s),
        cmocka_unit_test(validators_are_java_s),
        cmocka_unit_test(every_row_is_a_property_of_java_or_listed_as_none),
        cmocka_unit_test(names_of_clients_are_java_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
