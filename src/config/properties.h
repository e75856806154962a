/* SPDX-License-Identifier: Apache-2.0 */
/*
 * properties.h - the one table of properties: what each is called, what it takes, and what it does
 * here.
 *
 * The table drives four things: the checks of ks_config_set(), the typed getters, the notices an
 * application logs, and docs/reference/configuration.md. A property exists when it has a row and in
 * no other way, so none of the four can know one that the others do not. The rows stand in one file
 * per group (table_*.c).
 *
 * Every property of Kafka Streams 4.3 has a row, also those that do nothing here. What sets them
 * apart is `support`:
 *   BUILT    does what the prose says
 *   CLIENTS  handed to the clients of a Kafka cluster; inert on the embedded log, and `reason` is
 *            why
 *   INERT    taken, checked, and without effect; `reason` says why, and is logged when somebody
 *            set it
 *   REFUSED  only its default is taken, because going on with another value would change results
 *            or break a promise;
 *            `reason` says what is missing
 *
 * The tempting wrong way is to accept silently what has no effect yet: a program would believe it
 * has what it asked for.
 *
 * Thread rule: constants; any thread.
 */
#ifndef KSI_CONFIG_PROPERTIES_H
#define KSI_CONFIG_PROPERTIES_H

#include <kstreams/common.h>

typedef enum ksi_property_type {
    KSI_PROPERTY_TEXT = 0, /* `low` is the least length when `ranged` */
    KSI_PROPERTY_I64,
    KSI_PROPERTY_I32,
    KSI_PROPERTY_BOOL,
    /* separated by commas, no item empty; `low` and `high` bound their number when `ranged` */
    KSI_PROPERTY_LIST,
    KSI_PROPERTY_CHOICE, /* one word of `choices` */
    /*
     * what is a class in Java: a word of `choices` or that class's name; without choices any name
     */
    KSI_PROPERTY_CLASS
} ksi_property_type;

typedef enum ksi_support {
    KSI_SUPPORT_BUILT = 0,
    KSI_SUPPORT_CLIENTS,
    KSI_SUPPORT_INERT,
    KSI_SUPPORT_REFUSED
} ksi_support;

typedef enum ksi_importance {
    KSI_IMPORTANCE_LOW = 0,
    KSI_IMPORTANCE_MEDIUM,
    KSI_IMPORTANCE_HIGH
} ksi_importance;

/* A value of a CHOICE or CLASS. Several classes may share a word: then they mean the same here. */
typedef struct ksi_choice {
    const char *word; /* what the code compares; NULL ends the list */
    /* the full class name of CLASS; taken too, as is what follows its last '.' or '$' */
    const char *java;
} ksi_choice;

typedef struct ksi_property {
    const char *name;
    ksi_property_type type;
    ksi_support support;
    ksi_importance importance;
    bool ranged;      /* `low` and `high` hold */
    bool ignore_case; /* of CHOICE words */
    int64_t low;
    int64_t high;
    const ksi_choice *choices;
    const char *default_text; /* NULL: none */
    const char *
        /* said in the reference instead of `default_text`, where that alone would mislead */
        default_prose;
    const char *older;      /* the deprecated name that counts when it is set and this one is not */
    const char *deprecated; /* since when, and what to use instead; NULL: it is not */
    const char *reason;     /* of CLIENTS, INERT and REFUSED; may qualify BUILT */
    const char *prose;      /* what it does, in which unit, what to do with it */
} ksi_property;

/* The rows of a group, in the order of their names. */
typedef struct ksi_property_table {
    const char *title;
    const char *prose;
    const ksi_property *rows;
    size_t count;
} ksi_property_table;

extern const ksi_property_table ksi_table_application;
extern const ksi_property_table ksi_table_processing;
extern const ksi_property_table ksi_table_serdes;
extern const ksi_property_table ksi_table_state;
extern const ksi_property_table ksi_table_threads;
extern const ksi_property_table ksi_table_assignment;
extern const ksi_property_table ksi_table_clients;
extern const ksi_property_table ksi_table_metrics;
extern const ksi_property_table ksi_table_internal;

/* For the rows: a range without an upper end. */
#define KSI_AT_LEAST(number) .ranged = true, .low = (number), .high = INT64_MAX

/* The groups in the order of the reference; NULL past the end. */
const ksi_property_table *ksi_property_table_at(size_t index);

/* A row by name, or NULL. */
const ksi_property *ksi_property_find(const char *name);

/*
 * The known name that is nearest to a misspelt one, or NULL when none comes near. Properties of the
 * clients count too.
 */
const char *ksi_property_nearest(const char *name);

#endif
