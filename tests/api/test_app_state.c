/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_app_state.c - applications that are started again: with their state on disk, without it, and
 * with one that is not theirs. The results are those of one application that never ended.
 *
 * The log lives in the test's memory from one application to the next. How much a start restored is
 * read from the log lines, as a person would.
 */
#include <kstreams/kstreams.h>

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

enum { PATH_SIZE = 400, WORDS = 60 };

static const ks_serde *const text = &ks_serde_string;

/* ---- an application and the world it comes back to ------------------------------------------- */

typedef struct world {
    ks_log *log;
    char state_dir[PATH_SIZE];
    const char *threads;
    const char *apply_interval_ms; /* NULL: the default */
    bool logging_disabled;
    ks_app *app;
    ks_topology *topology;
    ks_config *config;
    long long restored; /* changelog records read by the last start */
    size_t wiped;       /* stores that were wiped by it */
    char why[256];      /* the last reason */
    size_t set_aside;   /* lines that say that the database was */
} world;

static ks_log *new_log(int32_t partitions)
{
    ks_error error = {0};
    ks_log *log = ks_log_open("embedded:", &error);
    assert_non_null(log);
    assert_ok(ks_log_create_topic(log, "lines", partitions, &error), &error);
    assert_ok(ks_log_create_topic(log, "counts", partitions, &error), &error);
    return log;
}

static world *new_world(int32_t partitions, const char *threads)
{
    world *self = test_calloc(1, sizeof *self);
    self->log = new_log(partitions);
    self->threads = threads;
    (void)snprintf(self->state_dir, sizeof self->state_dir, "%s", state_dir_new());
    return self;
}

static void free_world(world *self)
{
    ks_log_free(self->log);
    test_free(self);
}

static void hear(ks_log_level level, const char *where, const char *message, void *user)
{
    world *self = user;
    const char *restored = strstr(message, " from ");
    (void)where;
    if (strncmp(message, "restored store", 14) == 0 && restored != NULL) {
        self->restored += strtoll(restored + 6, NULL, 10);
    }
    self->set_aside += strstr(message, "set aside") != NULL;
    if (level == KS_LOG_LEVEL_WARN && strstr(message, "was wiped") != NULL) {
        self->wiped++;
        (void)snprintf(self->why, sizeof self->why, "%s", message);
    }
}

static void split_words(ks_ctx *ctx, const ks_record *line, void *user)
{
    ks_slice rest = ks_value_text(line->value);
    ks_slice word;
    (void)user;
    while (ks_text_next_word(&rest, &word)) {
        ks_emit_value(ctx, ks_text(word));
    }
}

static ks_value word_as_key(ks_ctx *ctx, const ks_record *word, void *user)
{
    (void)ctx;
    (void)user;
    return word->value;
}

static ks_topology *word_count(bool logging_disabled)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *lines = ks_builder_stream(b, "lines", KS_CONSUMED(.key = text, .value = text));
    ks_stream *words = ks_stream_flat_map_values(lines, split_words, NULL, NULL);
    ks_grouped_stream *by_word =
        ks_stream_group_by(words, word_as_key, NULL, KS_GROUPED(.key = text, .value = text));
    ks_table *counts = ks_grouped_stream_count(
        by_word, KS_MATERIALIZED(.name = "words", .logging_disabled = logging_disabled));
    ks_stream_to(ks_table_to_stream(counts, NULL), "counts", NULL);
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    return topology;
}

static void set(ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    assert_ok(ks_config_set(config, name, value, &error), &error);
}

static ks_status try_start(world *self, ks_error *error)
{
    self->restored = 0;
    self->wiped = 0;
    self->why[0] = '\0';
    self->topology = word_count(self->logging_disabled);
    self->config = ks_config_new();
    set(self->config, "application.id", "app");
    set(self->config, "bootstrap.servers", "embedded:");
    set(self->config, "state.dir", self->state_dir);
    set(self->config, "num.stream.threads", self->threads);
    if (self->apply_interval_ms != NULL) {
        set(self->config, "statestore.apply.interval.ms", self->apply_interval_ms);
    }
    self->app = ks_app_new(self->topology, self->config,
                           KS_APP_OPTIONS(.log = self->log, .log_line = hear, .user = self), error);
    assert_ok(self->app != NULL ? KS_OK : error->code, error);
    return ks_app_start(self->app, error);
}

static void start(world *self)
{
    ks_error error = {0};
    assert_ok(try_start(self, &error), &error);
    assert_ok(ks_app_wait_until_caught_up(self->app, -1, &error), &error);
}

static void free_app(world *self)
{
    ks_app_free(self->app);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
}

static void stop(world *self)
{
    ks_error error = {0};
    assert_ok(ks_app_close(self->app, -1, &error), &error);
    free_app(self);
}

static void say(const world *self, const char *line)
{
    ks_error error = {0};
    const ks_log_record record = {.value = ks_slice_cstr(line), .timestamp = 1000, .partition = -1};
    assert_ok(ks_log_produce(self->log, "lines", &record, &error), &error);
}

/* Says a line, starts, and stops when it is counted. */
static void run_over(world *self, const char *line)
{
    say(self, line);
    start(self);
    stop(self);
}

/* The last count that was sent for a word; 0 when there is none. */
static long long count_of(const world *self, const char *word)
{
    ks_error error = {0};
    ks_log_record record;
    long long last = 0;
    ks_log_reader *reader = ks_log_reader_open(self->log, "counts", &error);
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        if (ks_slice_equal(record.key, ks_slice_cstr(word))) {
            last = 0;
            for (size_t i = 0; i < record.value.size; i++) {
                last = last * 256 + (unsigned char)record.value.data[i];
            }
        }
    }
    ks_log_reader_free(reader);
    return last;
}

static void lose_state(world *self)
{
    state_dir_remove(self->state_dir);
}

/* ---- the same results ------------------------------------------------------------------------ */

static void with_its_state_an_application_restores_nothing(void **state)
{
    (void)state;
    world *self = new_world(1, "1");
    run_over(self, "apple pear apple");
    run_over(self, "apple plum");
    assert_int_equal(self->restored, 0);
    assert_int_equal(self->wiped, 0);
    assert_int_equal(count_of(self, "apple"), 3);
    assert_int_equal(count_of(self, "pear"), 1);
    assert_int_equal(count_of(self, "plum"), 1);
    free_world(self);
}

static void without_its_state_an_application_restores_every_record(void **state)
{
    (void)state;
    world *self = new_world(1, "1");
    run_over(self, "apple pear apple");
    run_over(self, "apple");
    lose_state(self);
    run_over(self, "apple plum");
    assert_int_equal(self->restored, 3); /* two rows by the first commit, one by the second */
    assert_int_equal(self->wiped, 0);    /* there was nothing to wipe */
    assert_int_equal(count_of(self, "apple"), 4);
    assert_int_equal(count_of(self, "pear"), 1);
    assert_int_equal(count_of(self, "plum"), 1);
    free_world(self);
}

static void state_that_is_behind_its_changelog_restores_the_rest(void **state)
{
    (void)state;
    char newest[PATH_SIZE];
    world *self = new_world(1, "1");
    run_over(self, "apple pear");
    (void)snprintf(newest, sizeof newest, "%s", self->state_dir);
    (void)snprintf(self->state_dir, sizeof self->state_dir, "%s", state_dir_new());
    run_over(self, "apple plum"); /* elsewhere, as after a move to another machine and back */
    assert_int_equal(self->restored, 2);
    (void)snprintf(self->state_dir, sizeof self->state_dir, "%s", newest);
    run_over(self, "apple");
    assert_int_equal(self->restored, 2);
    assert_int_equal(self->wiped, 0);
    assert_int_equal(count_of(self, "apple"), 3);
    assert_int_equal(count_of(self, "plum"), 1);
    free_world(self);
}

static void state_of_a_longer_changelog_is_wiped(void **state)
{
    (void)state;
    world *self = new_world(1, "1");
    run_over(self, "apple pear apple");
    ks_log_free(self->log);
    self->log = new_log(1);
    run_over(self, "apple");
    assert_int_equal(self->wiped, 1);
    assert_non_null(strstr(self->why, "store words of task 1_0"));
    assert_non_null(strstr(self->why, "the changelog ends at 0"));
    assert_int_equal(count_of(self, "apple"), 1);
    assert_int_equal(count_of(self, "pear"), 0);
    run_over(self, "apple");
    assert_int_equal(self->wiped, 0);
    assert_int_equal(count_of(self, "apple"), 2);
    free_world(self);
}

static void state_of_another_changelog_is_wiped(void **state)
{
    (void)state;
    char others[PATH_SIZE];
    world *self = new_world(1, "1");
    run_over(self, "apple pear");
    ks_log_free(self->log);
    self->log = new_log(1);
    (void)snprintf(others, sizeof others, "%s", self->state_dir);
    (void)snprintf(self->state_dir, sizeof self->state_dir, "%s", state_dir_new());
    run_over(self, "grape plum cherry"); /* the new changelog has more records than the old */
    (void)snprintf(self->state_dir, sizeof self->state_dir, "%s", others);
    run_over(self, "plum apple");
    assert_int_equal(self->wiped, 1);
    assert_non_null(strstr(self->why, "another record at offset 1"));
    assert_int_equal(self->restored, 3);
    assert_int_equal(count_of(self, "plum"), 2);
    assert_int_equal(count_of(self, "apple"), 1);
    free_world(self);
}

static void a_store_without_a_changelog_keeps_its_rows(void **state)
{
    (void)state;
    world *self = new_world(1, "1");
    self->logging_disabled = true;
    run_over(self, "apple pear apple");
    assert_int_equal(ks_log_partition_count(self->log, "app-words-changelog"), 0);
    run_over(self, "apple");
    assert_int_equal(count_of(self, "apple"), 3);
    lose_state(self); /* and with them goes what was counted: there is nothing to restore */
    run_over(self, "apple");
    assert_int_equal(count_of(self, "apple"), 1);
    free_world(self);
}

static void a_directory_belongs_to_one_application_at_a_time(void **state)
{
    (void)state;
    ks_error error = {0};
    world *first = new_world(1, "1");
    world *second = new_world(1, "1");
    (void)snprintf(second->state_dir, sizeof second->state_dir, "%s", first->state_dir);
    start(first);
    assert_int_equal(try_start(second, &error), KS_E_STATE);
    assert_non_null(strstr(error.message, first->state_dir));
    assert_non_null(strstr(error.message, "state.dir"));
    assert_int_equal(ks_app_state_of(second->app), KS_APP_ERROR);
    stop(second);
    stop(first);
    run_over(second, "apple"); /* now it is free; the state of the other log is empty */
    assert_int_equal(count_of(second, "apple"), 1);
    free_world(second);
    free_world(first);
}

static void a_directory_that_cannot_be_made_is_said_at_the_start(void **state)
{
    (void)state;
    ks_error error = {0};
    world *self = new_world(1, "1");
    (void)snprintf(self->state_dir, sizeof self->state_dir, "/dev/null/state");
    assert_int_equal(try_start(self, &error), KS_E_IO);
    assert_non_null(strstr(error.message, "/dev/null"));
    stop(self);
    free_world(self);
}

/* Writes over the files of the database whose names contain `part`. */
static void damage(const world *self, const char *part)
{
    char path[PATH_SIZE + 300];
    (void)snprintf(path, sizeof path, "%s/app/rocksdb", self->state_dir);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    size_t damaged = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (strstr(entry->d_name, part) != NULL) {
            (void)snprintf(path, sizeof path, "%s/app/rocksdb/%s", self->state_dir, entry->d_name);
            FILE *file = fopen(path, "r+");
            assert_non_null(file);
            assert_true(fwrite("damaged, all of it....", 1, 20, file) == 20);
            assert_int_equal(fclose(file), 0);
            damaged++;
        }
    }
    (void)closedir(directory);
    assert_true(damaged > 0);
}

static size_t count_set_aside(const world *self)
{
    char path[PATH_SIZE + 300];
    (void)snprintf(path, sizeof path, "%s/app", self->state_dir);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    size_t count = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        count += strstr(entry->d_name, "set-aside") != NULL;
    }
    (void)closedir(directory);
    return count;
}

/* Neither what names the files of the database nor what holds its rows need be readable. */
static void a_broken_database_is_set_aside_and_rebuilt(void **state)
{
    (void)state;
    world *self = new_world(1, "1");
    run_over(self, "apple pear apple");
    damage(self, "CURRENT");
    run_over(self, "apple");
    assert_int_equal(count_set_aside(self), 1);
    assert_int_equal(self->set_aside, 1); /* said once */
    assert_int_equal(self->restored, 2);
    assert_int_equal(count_of(self, "apple"), 3);
    damage(self, ".sst");
    run_over(self, "apple");
    assert_int_equal(count_set_aside(self), 2);
    assert_int_equal(self->set_aside, 2);
    assert_int_equal(self->restored, 3);
    assert_int_equal(count_of(self, "apple"), 4);
    assert_int_equal(count_of(self, "pear"), 1);
    run_over(self, "apple");
    assert_int_equal(self->restored, 0);
    assert_int_equal(count_of(self, "apple"), 5);
    free_world(self);
}

/* Nothing can be written where the database is no more; what was committed comes back later. */
static void a_disk_that_fails_stops_the_application(void **state)
{
    (void)state;
    char database[PATH_SIZE + 32];
    char away[PATH_SIZE + 32];
    ks_error error = {0};
    world *self = new_world(1, "1");
    self->apply_interval_ms = "0";
    say(self, "apple pear apple");
    start(self);
    (void)snprintf(database, sizeof database, "%s/app/rocksdb", self->state_dir);
    (void)snprintf(away, sizeof away, "%s/app/away", self->state_dir);
    assert_int_equal(rename(database, away), 0);
    say(self, "apple plum");
    ks_status status = KS_OK;
    while (status == KS_OK) { /* once or twice: the end may be reached before the disk is */
        status = ks_app_wait_until_caught_up(self->app, -1, &error);
    }
    assert_string_equal(error.where, "words");
    assert_non_null(strstr(error.message, "nothing that was committed is lost"));
    assert_ok(ks_app_close(self->app, -1, &error), &error);
    assert_int_equal(ks_app_state_of(self->app), KS_APP_ERROR);
    free_app(self);
    assert_int_equal(rename(away, database), 0); /* it is mended */
    run_over(self, "apple");
    assert_int_equal(count_of(self, "apple"), 4);
    assert_int_equal(count_of(self, "pear"), 1);
    assert_int_equal(count_of(self, "plum"), 1);
    free_world(self);
}

/* Random words, several threads, and at each start the state kept, lost, or of a start before. */
static void many_starts_count_as_one_application_would(void **state)
{
    (void)state;
    unsigned seed = 2026;
    long long expected[WORDS] = {0};
    char kept[PATH_SIZE];
    world *self = new_world(4, "3");
    (void)snprintf(kept, sizeof kept, "%s", self->state_dir);
    print_message("seed %u\n", seed);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 200; i++) {
            char line[32];
            seed = seed * 1664525u + 1013904223u;
            unsigned word = (seed >> 8) % WORDS;
            (void)snprintf(line, sizeof line, "word%u", word);
            say(self, line);
            expected[word]++;
        }
        if (round % 3 == 2) {
            (void)snprintf(self->state_dir, sizeof self->state_dir, "%s", state_dir_new());
        }
        start(self);
        stop(self);
        assert_int_equal(self->wiped, 0);
        if (round % 3 == 2) { /* goes on with the state of two rounds ago */
            assert_true(self->restored > 0);
            (void)snprintf(self->state_dir, sizeof self->state_dir, "%s", kept);
        } else {
            assert_int_equal(self->restored > 0, round % 3 == 0 && round > 0);
        }
        for (unsigned word = 0; word < WORDS; word++) {
            char name[16];
            (void)snprintf(name, sizeof name, "word%u", word);
            assert_int_equal(count_of(self, name), expected[word]);
        }
    }
    free_world(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_its_state_an_application_restores_nothing),
        cmocka_unit_test(without_its_state_an_application_restores_every_record),
        cmocka_unit_test(state_that_is_behind_its_changelog_restores_the_rest),
        cmocka_unit_test(state_of_a_longer_changelog_is_wiped),
        cmocka_unit_test(state_of_another_changelog_is_wiped),
        cmocka_unit_test(a_store_without_a_changelog_keeps_its_rows),
        cmocka_unit_test(a_directory_belongs_to_one_application_at_a_time),
        cmocka_unit_test(a_directory_that_cannot_be_made_is_said_at_the_start),
        cmocka_unit_test(a_broken_database_is_set_aside_and_rebuilt),
        cmocka_unit_test(a_disk_that_fails_stops_the_application),
        cmocka_unit_test(many_starts_count_as_one_application_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
