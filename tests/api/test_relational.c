/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_relational.c - articles with the number of their comments, and comments with the beginning
 * of their article: groups of a table, a left join of tables and a foreign-key join in one
 * topology, that which Kafka's RelationalSmokeTest verifies on a broker. Its bytes are told in
 * kafka/smoke/relational_topology.c: a value is read where it stands.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "smoke/topologies.h"

enum { ARTICLES = 10, COMMENTS = 30, TEXT_AT = 16, PREFIX = 10 };

static const ks_serde *const number = &ks_serde_i32;
static const ks_serde *const bytes = &ks_serde_bytes;

/* ---- values ---------------------------------------------------------------------------------- */

static int32_t read_i32(ks_slice value, size_t at)
{
    uint32_t be;
    assert_in_range(at, 0, value.size - sizeof be);
    memcpy(&be, value.data + at, sizeof be);
    return (int32_t)be32toh(be);
}

static ks_slice article_text(ks_slice article)
{
    return ks_slice_of(article.data + TEXT_AT, (size_t)read_i32(article, TEXT_AT - 4));
}

static int32_t article_of_comment(ks_slice comment)
{
    return read_i32(comment, comment.size - 4);
}

static char *put_i32(char *at, int32_t value)
{
    uint32_t be = htobe32((uint32_t)value);
    memcpy(at, &be, sizeof be);
    return at + sizeof be;
}

static char *put_i64(char *at, int64_t value)
{
    uint64_t be = htobe64((uint64_t)value);
    memcpy(at, &be, sizeof be);
    return at + sizeof be;
}

static char *put_bytes(char *at, ks_slice value)
{
    memcpy(at, value.data, value.size);
    return at + value.size;
}

/* An article, or with `article` above -1 a comment on it. */
static ks_slice written(char *to, int32_t key, int64_t time_ms, ks_slice text, int32_t article)
{
    char *at = put_i64(put_i32(to, key), time_ms);
    at = put_bytes(put_i32(at, (int32_t)text.size), text);
    at = article >= 0 ? put_i32(at, article) : at;
    return ks_slice_of(to, (size_t)(at - to));
}

static ks_topology *relations(void)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    build_relational(b);
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    return topology;
}

/* ---- articles, comments, and what has become of them ----------------------------------------- */

typedef struct world {
    ks_test_driver *driver;
    ks_topology *topology;
    ks_config *config;
    unsigned seed;
    int32_t article_of[COMMENTS]; /* -1: no comment */
} world;

static unsigned draw(world *self, unsigned below)
{
    self->seed = self->seed * 1103515245u + 12345u;
    return (self->seed >> 16) % below;
}

static void set_up(world *self)
{
    ks_error error = {0};
    *self = (world){.seed = (unsigned)time(NULL)};
    print_message("seed %u\n", self->seed);
    self->topology = relations();
    self->config = ks_config_new();
    assert_ok(ks_config_set(self->config, "application.id", "app", &error), &error);
    self->driver = ks_test_driver_new(self->topology, self->config, NULL, &error);
    assert_ok(self->driver != NULL ? KS_OK : error.code, &error);
    for (int i = 0; i < COMMENTS; i++) {
        self->article_of[i] = -1;
    }
}

static void tear_down(world *self)
{
    ks_test_driver_free(self->driver);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
}

static void pipe(const world *self, const char *topic, int32_t key, ks_slice value, int64_t time_ms)
{
    ks_error error = {0};
    char key_bytes[4];
    (void)put_i32(key_bytes, key);
    const ks_log_record record = {
        .key = ks_slice_of(key_bytes, 4), .value = value, .timestamp = time_ms};
    assert_ok(ks_test_driver_pipe(self->driver, topic, &record, &error), &error);
}

static void write_article(world *self, int32_t key, int64_t time_ms)
{
    char text[PREFIX + 40];
    char value[TEXT_AT + sizeof text];
    int size = snprintf(text, sizeof text, "%05u is article %d", draw(self, 50), (int)key);
    pipe(self, "in-article", key, written(value, key, time_ms, ks_slice_of(text, (size_t)size), -1),
         time_ms);
}

static void write_comment(world *self, int32_t key, int64_t time_ms)
{
    char value[TEXT_AT + 16];
    self->article_of[key] = (int32_t)draw(self, ARTICLES);
    pipe(self, "in-comment", key,
         written(value, key, time_ms, ks_slice_cstr("right!"), self->article_of[key]), time_ms);
}

/* The last value of a key in a topic; null when there is none. */
static ks_slice last_of(const world *self, const char *topic, int32_t key)
{
    ks_error error = {0};
    ks_slice last = ks_slice_null();
    ks_record record;
    ks_test_output *output = ks_test_driver_output(self->driver, topic, number, bytes);
    while (ks_test_output_read(output, &record, &error)) {
        if (ks_value_i32(record.key) == key) {
            last = ks_value_is_null(record.value) ? ks_slice_null() : ks_value_bytes(record.value);
        }
    }
    assert_ok(error.code, &error);
    return last;
}

static void check_article(const world *self, int32_t key)
{
    ks_slice augmented = last_of(self, "out-augmented-article", key);
    int64_t count = 0;
    for (int i = 0; i < COMMENTS; i++) {
        count += self->article_of[i] == key;
    }
    assert_non_null(augmented.data);
    assert_int_equal(read_i32(augmented, 0), key);
    assert_int_equal(read_i32(augmented, augmented.size - 8), 0);
    assert_int_equal(read_i32(augmented, augmented.size - 4), count);
}

static void check_comment(const world *self, int32_t key)
{
    ks_slice augmented = last_of(self, "out-augmented-comment", key);
    if (self->article_of[key] < 0) {
        assert_null(augmented.data);
        return;
    }
    assert_non_null(augmented.data);
    ks_slice article = last_of(self, "out-augmented-article", self->article_of[key]);
    const ks_slice beginning = ks_slice_of(article_text(article).data, PREFIX);
    const ks_slice comment = ks_slice_of(augmented.data, augmented.size - PREFIX - 4);
    assert_int_equal(read_i32(comment, 0), key);
    assert_int_equal(article_of_comment(comment), self->article_of[key]);
    assert_int_equal(read_i32(augmented, comment.size), PREFIX);
    assert_true(
        ks_slice_equal(beginning, ks_slice_of(augmented.data + augmented.size - PREFIX, PREFIX)));
}

static void check_all(const world *self)
{
    for (int32_t i = 0; i < ARTICLES; i++) {
        check_article(self, i);
    }
    for (int32_t i = 0; i < COMMENTS; i++) {
        check_comment(self, i);
    }
}

static void every_article_counts_and_every_comment_quotes(void **state)
{
    world self;
    (void)state;
    set_up(&self);
    for (int32_t i = 0; i < ARTICLES; i++) {
        write_article(&self, i, 1000 - 7 * i); /* out of order */
    }
    for (int32_t i = 0; i < COMMENTS; i++) {
        write_comment(&self, i, 1000 + i);
    }
    check_all(&self);
    tear_down(&self);
}

/* Comments that are moved and taken back, articles that are written again, and a restart. */
static void what_changes_later_changes_both(void **state)
{
    ks_error error = {0};
    world self;
    (void)state;
    set_up(&self);
    for (int32_t i = 0; i < COMMENTS; i++) {
        write_comment(&self, i, 1000 + i);
    }
    for (int32_t i = 0; i < ARTICLES; i++) {
        write_article(&self, i, 2000 + i);
    }
    check_all(&self);
    for (int32_t i = 0; i < COMMENTS; i++) {
        int32_t key = (int32_t)draw(&self, COMMENTS);
        if (draw(&self, 3) == 0) {
            self.article_of[key] = -1;
            pipe(&self, "in-comment", key, ks_slice_null(), 3000 + i);
        } else {
            write_comment(&self, key, 3000 + i);
        }
        if (i == COMMENTS / 2) {
            assert_ok(ks_test_driver_restart(self.driver, KS_TEST_RESTART_LOSE_STATE, &error),
                      &error);
        }
        write_article(&self, (int32_t)draw(&self, ARTICLES), 4000 + i);
    }
    check_all(&self);
    tear_down(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_article_counts_and_every_comment_quotes),
        cmocka_unit_test(what_changes_later_changes_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
