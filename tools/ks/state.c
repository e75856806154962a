/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c - `ks state`: the stores in the state directory of an application that is not running.
 *
 * The directory is locked while it is looked at, so an application that runs is named and left
 * alone, and none starts in the middle. Nothing is written to the rows. row_store.h has their
 * layout: a family for each store; the number of the partition before the key; in a store with
 * timestamps, as they are unless told, eight bytes before the value.
 */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <rocksdb/c.h>

#include "base/endian.h"
#include "base/slice.h"
#include "options.h"
#include "storage/rocks.h"
#include "storage/state_directory.h"
#include "table.h"
#include "text_values.h"

#define POSITIONS UINT32_MAX /* in the place of a partition: no rows of the store */

typedef struct opened_state {
    ksi_logger logger;
    ksi_state_directory *directory;
    ksi_rocks *rocks;
} opened_state;

/* ---- opening --------------------------------------------------------------------------------- */

static void close_state(opened_state *self)
{
    ks_error error = {0};

    if (self->rocks != NULL && ksi_rocks_close(self->rocks, &error) != KS_OK) {
        (void)failed(&error);
    }
    ksi_state_directory_close(self->directory);
    ksi_logger_destroy(&self->logger);
}

/* `path` is <state.dir>/<application.id>. */
static ks_status open_state(opened_state *self, const char *path, ks_error *error)
{
    char parent[4096];
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    int length = slash != NULL ? (int)(slash - path) : 1;

    (void)snprintf(parent, sizeof parent, "%.*s", length, slash != NULL ? path : ".");
    ksi_logger_init(&self->logger, NULL, NULL, KS_LOG_LEVEL_WARN);
    self->directory =
        ksi_state_directory_open(parent, name, &ksi_system_clock, &self->logger, error);
    if (self->directory == NULL) {
        return error->code;
    }
    const ksi_rocks_options options = {.path = ksi_state_directory_database(self->directory),
                                       .block_cache_bytes = 8 * 1024 * 1024,
                                       .write_buffer_bytes = 4 * 1024 * 1024,
                                       .logger = &self->logger};
    self->rocks = ksi_rocks_open(&options, error);
    return self->rocks != NULL ? KS_OK : error->code;
}

/* Runs `act` on the state in `path`, which has to be there: opening would make it. */
static int with_state(const char *path, int (*act)(opened_state *state, void *user), void *user)
{
    char name[4096];
    char database[sizeof name + 16];
    struct stat there;
    ks_error error = {0};
    opened_state state = {0};
    int exit_status = EXIT_FAILURE;

    (void)snprintf(name, sizeof name, "%s", path);
    for (size_t end = strlen(name); end > 1 && name[end - 1] == '/'; end--) {
        name[end - 1] = '\0';
    }
    (void)snprintf(database, sizeof database, "%s/rocksdb", name);
    if (stat(database, &there) != 0) {
        fprintf(stderr,
                "ks: there is no state in %s; give the directory of an application, "
                "<state.dir>/<application.id>\n",
                path);
        return EXIT_FAILURE;
    }
    if (open_state(&state, name, &error) == KS_OK) {
        exit_status = act(&state, user);
    } else {
        (void)failed(&error);
    }
    close_state(&state);
    return exit_status;
}

/* ---- list ------------------------------------------------------------------------------------ */

/* What the rows of a store take: how many there are, and the bytes of keys and values. */
static ks_status measure(opened_state *state, const char *store, int64_t *rows, int64_t *bytes,
                         ks_error *error)
{
    ksi_family *family = ksi_rocks_family(state->rocks, store, error);
    if (family == NULL) {
        return error->code;
    }
    ksi_rocks_iterator *at = ksi_rocks_iterator_open(family, ks_slice_null(), ks_slice_null());
    for (ksi_rocks_iterator_seek_first(at); ksi_rocks_iterator_valid(at);
         ksi_rocks_iterator_next(at)) {
        ks_slice key = ksi_rocks_iterator_key(at);
        if (key.size >= 4 && ksi_get_be32(key.data) != POSITIONS) {
            *rows += 1;
            *bytes += (int64_t)(key.size - 4 + ksi_rocks_iterator_value(at).size);
        }
    }
    ks_status status = ksi_rocks_iterator_status(at, error);
    ksi_rocks_iterator_close(at);
    return status;
}

static int list_stores(opened_state *state, void *user)
{
    static const column columns[] = {{"store", false}, {"rows", true}, {"bytes", true}};
    const bool *json = user;
    char *reason = NULL;
    size_t count = 0;
    ks_error error = {0};
    ks_status status = KS_OK;
    rocksdb_options_t *options = rocksdb_options_create();
    char **names = rocksdb_list_column_families(
        options, ksi_state_directory_database(state->directory), &count, &reason);
    table *rows = table_new(columns, 3);

    for (size_t i = 0; names != NULL && i < count && status == KS_OK; i++) {
        int64_t row_count = 0;
        int64_t bytes = 0;
        if (strcmp(names[i], "default") != 0) {
            status = measure(state, names[i], &row_count, &bytes, &error);
            table_text(rows, names[i]);
            table_number(rows, row_count);
            table_number(rows, bytes);
        }
    }
    if (names == NULL) {
        fprintf(stderr, "ks: the stores cannot be listed: %s\n", reason != NULL ? reason : "");
    } else if (status != KS_OK) {
        (void)failed(&error);
    } else {
        table_print(rows, *json, "no stores");
    }
    if (names != NULL) {
        rocksdb_list_column_families_destroy(names, count);
    }
    rocksdb_free(reason);
    rocksdb_options_destroy(options);
    table_free(rows);
    return names != NULL && status == KS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_list(int argc, char **argv)
{
    bool json = false;
    text_list words = {0};
    const option options[] = {{"--json", OPTION_FLAG, &json}};
    int exit_status = parse_options(argc, argv, OPTION_TABLE(options), &words);

    if (exit_status == 0) {
        const char *path = only_word("state list", "directory", &words);
        exit_status = path != NULL ? with_state(path, list_stores, &json) : KS_TOOL_USAGE;
    }
    text_list_free(&words);
    return exit_status;
}

/* ---- rows ------------------------------------------------------------------------------------ */

typedef struct row_options {
    const char *store;
    const char *key; /* of get; NULL: a range */
    const char *from;
    const char *to;
    const ks_serde *key_serde;
    const ks_serde *value_serde;
    bool is_plain; /* without timestamps */
    ks_arena *arena;
} row_options;

static ks_status print_row(const row_options *self, ks_slice key, ks_slice value, ks_error *error)
{
    size_t head = self->is_plain ? 0 : 8;

    if (value.size < head) {
        (void)snprintf(error->message, sizeof error->message,
                       "a value has no timestamp before it; give --plain for a store without");
        error->code = KS_E_SERDE;
        return error->code;
    }
    printf("%" PRIu32 "\t", ksi_get_be32(key.data));
    ks_status status = print_value(stdout, self->key_serde, ks_slice_of(key.data + 4, key.size - 4),
                                   false, self->arena, error);
    if (status == KS_OK && head > 0) {
        printf("\t%" PRId64, (int64_t)ksi_get_be64(value.data));
    }
    if (status == KS_OK) {
        putchar('\t');
        status = print_value(stdout, self->value_serde,
                             ks_slice_of(value.data + head, value.size - head), false, self->arena,
                             error);
    }
    putchar('\n');
    ks_arena_reset(self->arena);
    return status;
}

static bool is_wanted(ks_slice key, ks_slice low, ks_slice high, bool only_low)
{
    ks_slice rest = ks_slice_of(key.data + 4, key.size - 4);

    if (only_low) {
        return ks_slice_equal(rest, low);
    }
    return (low.data == NULL || ksi_slice_compare(rest, low) >= 0) &&
           (high.data == NULL || ksi_slice_compare(rest, high) <= 0);
}

static ks_status print_rows(const row_options *self, ksi_family *family, int64_t *count,
                            ks_error *error)
{
    ks_arena *bounds = ks_arena_new();
    ks_slice low = ks_slice_null();
    ks_slice high = ks_slice_null();
    ks_slice first = ks_slice_cstr(self->key != NULL ? self->key : self->from);
    ks_status status = parse_value(self->key_serde, first, bounds, &low, error);

    if (status == KS_OK) {
        status = parse_value(self->key_serde, ks_slice_cstr(self->to), bounds, &high, error);
    }
    ksi_rocks_iterator *at = ksi_rocks_iterator_open(family, ks_slice_null(), ks_slice_null());
    ksi_rocks_iterator_seek_first(at);
    for (; status == KS_OK && ksi_rocks_iterator_valid(at); ksi_rocks_iterator_next(at)) {
        ks_slice key = ksi_rocks_iterator_key(at);
        if (key.size >= 4 && ksi_get_be32(key.data) != POSITIONS &&
            is_wanted(key, low, high, self->key != NULL)) {
            status = print_row(self, key, ksi_rocks_iterator_value(at), error);
            *count += 1;
        }
    }
    if (status == KS_OK) {
        status = ksi_rocks_iterator_status(at, error);
    }
    ksi_rocks_iterator_close(at);
    ks_arena_free(bounds);
    return status;
}

static int show_rows(opened_state *state, void *user)
{
    const row_options *self = user;
    ks_error error = {0};
    int64_t count = 0;

    if (!ksi_rocks_has_family(state->rocks, self->store)) {
        fprintf(stderr, "ks: there is no store %s; `ks state list` lists them\n", self->store);
        return EXIT_FAILURE;
    }
    ksi_family *family = ksi_rocks_family(state->rocks, self->store, &error);
    if (family == NULL || print_rows(self, family, &count, &error) != KS_OK) {
        return failed(&error);
    }
    if (self->key != NULL && count == 0) {
        fprintf(stderr, "ks: store %s has no row of the key %s\n", self->store, self->key);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static int run_rows(int argc, char **argv, bool is_get)
{
    row_options self = {.arena = ks_arena_new()};
    const char *key_serde = NULL;
    const char *value_serde = NULL;
    text_list words = {0};
    const option options[] = {{"--key-serde", OPTION_TEXT, &key_serde},
                              {"--value-serde", OPTION_TEXT, &value_serde},
                              {"--plain", OPTION_FLAG, &self.is_plain},
                              {"--from", OPTION_TEXT, &self.from},
                              {"--to", OPTION_TEXT, &self.to}};
    const option_table known = {options, is_get ? 3 : 5};
    size_t wanted = is_get ? 3 : 2;
    int exit_status = parse_options(argc, argv, known, &words);

    if (exit_status == 0 && words.count != wanted) {
        exit_status = usage(is_get ? "state get takes a directory, a store and a key"
                                   : "state range takes a directory and a store");
    }
    self.key_serde = exit_status == 0 ? serde_of(key_serde) : NULL;
    self.value_serde = self.key_serde != NULL ? serde_of(value_serde) : NULL;
    if (exit_status == 0 && self.value_serde == NULL) {
        exit_status = KS_TOOL_USAGE;
    }
    if (exit_status == 0) {
        self.store = words.items[1];
        self.key = is_get ? words.items[2] : NULL;
        exit_status = with_state(words.items[0], show_rows, &self);
    }
    ks_arena_free(self.arena);
    text_list_free(&words);
    return exit_status;
}

static int run_get(int argc, char **argv)
{
    return run_rows(argc, argv, true);
}

static int run_range(int argc, char **argv)
{
    return run_rows(argc, argv, false);
}

static int run_state(int argc, char **argv)
{
    static const action actions[] = {{"list", run_list}, {"get", run_get}, {"range", run_range}};

    return run_action("state", actions, sizeof actions / sizeof actions[0], argc, argv);
}

const command state_command = {
    .name = "state",
    .arguments = "ACTION DIRECTORY [ARGUMENT]...",
    .summary = "looks into the stores of an application that is not running",
    .help = "  DIRECTORY is <state.dir>/<application.id>\n\n"
            "  list DIRECTORY [--json]       its stores, how many rows and bytes they have\n"
            "  get DIRECTORY STORE KEY       the rows of a key: partition, key, timestamp, value\n"
            "  range DIRECTORY STORE [--from KEY] [--to KEY]\n"
            "                                the rows from one key to another, both included\n\n"
            "  --key-serde NAME              string (default), bytes (hexadecimal), short,\n"
            "  --value-serde NAME            integer, long, float, double, boolean, uuid\n"
            "  --plain                       the store has no timestamps\n",
    .run = run_state,
};
