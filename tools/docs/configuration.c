/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configuration.c - writes docs/reference/configuration.md from the property table.
 *
 *     generate-configuration FILE            writes the page
 *     generate-configuration --check FILE    status 1 when the page is not what would be written
 *
 * The page and ks_config_set() read the same rows, so neither can know a property, a default or a
 * range that the other does not. A test runs the check, so a row cannot change without its page.
 * The page is Markdown that reads well as plain text, too: a heading a property, because people
 * arrive by searching for a name.
 */
#include <errno.h>
#include <stdio.h>

#include "base/buffer.h"
#include "config/clients.h"
#include "config/properties.h"
#include "config/value.h"

#define WORDS_SIZE 400

static const char intro[] = "<!-- Generated from the property table in src/config; `make docs` "
                            "writes it anew. Do not edit. -->\n"
                            "# Configuration\n\n"
                            "Every property that Kafka Streams 4.3 has is known under its own "
                            "name, and a few more. Properties are set with\n"
                            "`ks_config_set()`, or read from a file with `ks_config_load()`: "
                            "`name=value` lines in the syntax of Java's properties files, in\n"
                            "UTF-8. Blanks around a value are cut off. A value is checked when it "
                            "is set; what two properties demand of one another is\n"
                            "checked when the application is made.\n\n"
                            "Each property says what it does in this version:\n\n"
                            "| | |\n|---|---|\n"
                            "| **works** | it does what is written |\n"
                            "| **on Kafka** | it goes to the clients of a Kafka cluster; on the "
                            "embedded log, which has none, it is as if it said: no effect |\n"
                            "| **no effect** | any value that Kafka takes is taken and checked; "
                            "one other than the default is logged as a warning, with the "
                            "reason |\n"
                            "| **only its default** | another value is refused with "
                            "`KS_E_NOT_BUILT`, because going on would change results or break a "
                            "promise |\n\n"
                            "A text that is no value of a property is refused with `KS_E_CONFIG`, "
                            "and so is an unknown name; the message names the nearest\n"
                            "known one. Where Java wants a class, a short word is taken, Java's "
                            "class in full, or the last part of that class's name.\n\n";

static const char *importance_of(const ksi_property *property)
{
    static const char *const words[] = {"low", "medium", "high"};
    return words[property->importance];
}

/* ---- properties ------------------------------------------------------------------------------ */

static void append_choices(ksi_buffer *page, const ksi_property *property)
{
    const char *separator = "";
    const char *previous = "";
    for (const ksi_choice *choice = property->choices; choice->word != NULL; choice++) {
        if (strcmp(choice->word, previous) != 0) {
            ksi_buffer_appendf(page, "%s`%s`", separator, choice->word);
            separator = ", ";
        }
        previous = choice->word;
    }
}

static void append_takes(ksi_buffer *page, const ksi_property *property)
{
    char words[WORDS_SIZE];
    ksi_buffer_append_text(page, "- takes: ");
    if (property->choices == NULL) {
        ksi_buffer_append_text(page, ksi_value_expected(property, words, sizeof words));
    } else {
        append_choices(page, property);
    }
    if (property->type == KSI_PROPERTY_LIST) {
        bool bounded = property->ranged && property->high < INT64_MAX;
        ksi_buffer_append_text(page,
                               property->choices != NULL ? ", or several separated by commas" : "");
        if (bounded && property->choices == NULL) {
            ksi_buffer_appendf(page, ", at most %lld items", (long long)property->high);
        }
    }
    if (property->type == KSI_PROPERTY_TEXT && property->ranged) {
        ksi_buffer_append_text(page, " that is not empty");
    }
    ksi_buffer_append_text(page, property->ignore_case ? ", in any case\n" : "\n");
}

static void append_classes(ksi_buffer *page, const ksi_property *property)
{
    for (const ksi_choice *choice = property->choices;
         choice != NULL && choice->word != NULL && property->type == KSI_PROPERTY_CLASS; choice++) {
        if (choice->java != NULL) {
            ksi_buffer_appendf(page, "    - `%s`: `%s`\n", choice->word, choice->java);
        }
    }
}

static void append_default(ksi_buffer *page, const ksi_property *property)
{
    const char *text = property->default_text;
    if (property->default_prose != NULL) {
        ksi_buffer_appendf(page, "- default: %s\n", property->default_prose);
    } else if (text == NULL || text[0] == '\0') {
        ksi_buffer_appendf(page, "- default: %s\n", text == NULL ? "none" : "empty");
    } else {
        ksi_buffer_appendf(page, "- default: `%s`\n", text);
    }
}

static void append_support(ksi_buffer *page, const ksi_property *property)
{
    static const char *const words[] = {"works", "on Kafka", "no effect", "only its default"};
    ksi_buffer_appendf(page, "- in this version: **%s**", words[property->support]);
    /* That the embedded log has no clients is said once, at the top. */
    if (property->reason != NULL && property->support != KSI_SUPPORT_CLIENTS) {
        ksi_buffer_appendf(page, "; %s", property->reason);
    }
    ksi_buffer_append_text(page, "\n");
    if (property->deprecated != NULL) {
        ksi_buffer_appendf(page, "- deprecated %s\n", property->deprecated);
    }
}

static void append_property(ksi_buffer *page, const ksi_property *property)
{
    ksi_buffer_appendf(page, "### %s\n\n%s\n\n", property->name, property->prose);
    append_takes(page, property);
    append_classes(page, property);
    append_default(page, property);
    ksi_buffer_appendf(page, "- importance: %s\n", importance_of(property));
    append_support(page, property);
    ksi_buffer_append_text(page, "\n");
}

static void append_refused(ksi_buffer *page)
{
    ksi_buffer_append_text(page, "## What is refused\n\n"
                                 "| property | only | because |\n|---|---|---|\n");
    const ksi_property_table *table = NULL;
    for (size_t t = 0; (table = ksi_property_table_at(t)) != NULL; t++) {
        for (size_t r = 0; r < table->count; r++) {
            const ksi_property *row = &table->rows[r];
            if (row->support == KSI_SUPPORT_REFUSED) {
                bool unset = row->default_text == NULL || row->default_text[0] == '\0';
                const char *quote = unset ? "" : "`";
                ksi_buffer_appendf(page, "| `%s` | %s%s%s | %s |\n", row->name, quote,
                                   unset ? "left out" : row->default_text, quote, row->reason);
            }
        }
    }
    ksi_buffer_append_text(page, "\nSome properties of clients are refused, too; see the end.\n\n");
}

static void append_tables(ksi_buffer *page)
{
    const ksi_property_table *table = NULL;
    for (size_t t = 0; (table = ksi_property_table_at(t)) != NULL; t++) {
        ksi_buffer_appendf(page, "## %s\n\n%s\n\n", table->title, table->prose);
        for (size_t r = 0; r < table->count; r++) {
            append_property(page, &table->rows[r]);
        }
    }
}

/* ---- properties of clients ------------------------------------------------------------------- */

static void append_prefixes(ksi_buffer *page)
{
    ksi_buffer_append_text(page, "## Properties of the clients\n\n"
                                 "Java hands these to its consumers, producers and admin clients. "
                                 "A name with a prefix is taken whatever stands\n"
                                 "behind it, because clients have properties of their own:\n\n"
                                 "| prefix | for |\n|---|---|\n");
    const ksi_client_prefix *prefix = NULL;
    for (size_t i = 0; (prefix = ksi_client_prefix_at(i)) != NULL; i++) {
        ksi_buffer_appendf(page, "| `%s` | %s |\n", prefix->prefix, prefix->prose);
    }
    ksi_buffer_append_text(page, "\nThe embedded log has no such clients: a property of theirs has "
                                 "**no effect**, which is logged, but for"
                                 " these:\n\n");
}

static const char *whose(unsigned clients)
{
    switch (clients) {
    case KSI_CLIENT_MAIN_CONSUMER:
        return "main consumer";
    case KSI_CLIENT_RESTORE_CONSUMER | KSI_CLIENT_GLOBAL_CONSUMER:
        return "restore and global consumer";
    case KSI_CLIENT_CONSUMERS:
        return "consumers";
    case KSI_CLIENT_PRODUCER:
        return "producer";
    case KSI_CLIENT_CONSUMERS | KSI_CLIENT_PRODUCER:
        return "consumers and producer";
    default:
        return "internal topics";
    }
}

static void append_rules(ksi_buffer *page)
{
    ksi_buffer_append_text(page, "| property | of | what happens | because |\n|---|---|---|---|\n");
    const ksi_client_rule *rule = NULL;
    for (size_t i = 0; (rule = ksi_client_rule_at(i)) != NULL; i++) {
        const char *what = rule->built != NULL || rule->most > 0 ? "works"
                           : rule->refused                       ? "refused"
                                                                 : "ignored, and logged";
        const char *when = rule->exactly_once_only ? ", under exactly-once" : "";
        ksi_buffer_appendf(page, "| `%s` | %s | %s%s", rule->name, whose(rule->clients), what,
                           when);
        for (size_t b = 0; rule->built != NULL && rule->built[b] != NULL; b++) {
            ksi_buffer_appendf(page, "%s `%s`", b == 0 ? " with" : ",", rule->built[b]);
        }
        if (rule->built != NULL) {
            ksi_buffer_appendf(page, "; refused else; `%s` is the default", rule->kept);
        } else if (rule->most > 0) {
            ksi_buffer_appendf(page, "; `%s` is the default", rule->kept);
        } else if (rule->kept != NULL && rule->kept[0] != '\0') {
            ksi_buffer_appendf(page, "; `%s` holds", rule->kept);
        }
        ksi_buffer_appendf(page, " | %s |\n", rule->reason);
    }
}

static void append_bare_names(ksi_buffer *page)
{
    ksi_buffer_append_text(page, "\nWithout a prefix these names of Java's clients are taken, for "
                                 "every client that has one:\n\n");
    const char *name = NULL;
    for (size_t i = 0; (name = ksi_client_property_at(i)) != NULL; i++) {
        ksi_buffer_appendf(page, "- `%s`\n", name);
    }
}

static void append_page(ksi_buffer *page)
{
    ksi_buffer_append_text(page, intro);
    append_refused(page);
    append_tables(page);
    append_prefixes(page);
    append_rules(page);
    append_bare_names(page);
}

/* ---- the file -------------------------------------------------------------------------------- */

static int fail(const char *path, const char *what)
{
    fprintf(stderr, "generate-configuration: cannot %s %s: %s\n", what, path, strerror(errno));
    return 1;
}

static int write_page(const ksi_buffer *page, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return fail(path, "open");
    }
    bool wrote = fwrite(page->data, 1, page->size, file) == page->size;
    bool closed = fclose(file) == 0;
    return wrote && closed ? 0 : fail(path, "write");
}

static int read_page(ksi_buffer *text, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return fail(path, "open");
    }
    char chunk[4096];
    size_t read = 0;
    while ((read = fread(chunk, 1, sizeof chunk, file)) > 0) {
        ksi_buffer_append(text, chunk, read);
    }
    bool failed = ferror(file) != 0;
    fclose(file);
    return failed ? fail(path, "read") : 0;
}

static int check_page(const ksi_buffer *page, const char *path)
{
    ksi_buffer text = {0};
    int status = read_page(&text, path);
    if (status == 0 && !ks_slice_equal(ksi_buffer_slice(&text), ksi_buffer_slice(page))) {
        size_t at = 0;
        int line = 1;
        while (at < text.size && at < page->size && text.data[at] == page->data[at]) {
            line += text.data[at] == '\n';
            at++;
        }
        fprintf(stderr,
                "%s:%d: is not what the property table says; run `make docs` and commit it\n", path,
                line);
        status = 1;
    }
    ksi_buffer_destroy(&text);
    return status;
}

int main(int count, char **arguments)
{
    bool check = count == 3 && strcmp(arguments[1], "--check") == 0;
    if (count != 2 && !check) {
        fprintf(stderr, "usage: generate-configuration [--check] FILE\n");
        return 2;
    }
    ksi_buffer page = {0};
    append_page(&page);
    const char *path = arguments[count - 1];
    int status = check ? check_page(&page, path) : write_page(&page, path);
    ksi_buffer_destroy(&page);
    return status;
}
