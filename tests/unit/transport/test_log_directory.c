/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_log_directory.c - a log in a directory: what survives, what is cut, what is refused.
 *
 * Crashes are real: this program starts itself as a child that works on a log and kills itself at a
 * named point (base/crash_point.h). The child counts in transactions, a number into two partitions
 * and the offset behind it for a group, so that whoever opens the log afterwards can tell whether a
 * transaction was torn.
 */
#include "base/arena.h"
#include "base/crash_point.h"
#include "state_dir.h"
#include "transport/embedded/embedded_log.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH_BYTES 512

/* ---- helpers --------------------------------------------------------------------------------- */

typedef struct place {
    char path[PATH_BYTES];
    char servers[PATH_BYTES + 16];
    ks_log *log;
    ksi_transport *transport;
    const ksi_transport_class *class;
    ks_error error;
} place;

static void new_place(place *self)
{
    *self = (place){.log = NULL};
    (void)snprintf(self->path, sizeof self->path, "%s", state_dir_new());
    (void)snprintf(self->servers, sizeof self->servers, "embedded:%s", self->path);
}

static ks_status try_open(place *self)
{
    self->error = (ks_error){0};
    self->log = ks_log_open(self->servers, &self->error);
    if (self->log == NULL) {
        return self->error.code;
    }
    self->transport = ksi_log_transport(self->log);
    self->class = self->transport->class;
    return KS_OK;
}

static void open_it(place *self)
{
    if (try_open(self) != KS_OK) {
        fail_msg("%s: %s", self->error.where, self->error.message);
    }
}

static void close_it(place *self)
{
    self->class->release(self->transport);
    ks_log_free(self->log);
    self->log = NULL;
}

static ksi_topic_partition at(const char *topic, int32_t partition)
{
    return (ksi_topic_partition){.topic = topic, .partition = partition};
}

static int32_t partitions_of(place *self, const char *topic)
{
    int32_t count = -1;
    assert_int_equal(self->class->partition_count(self->transport, topic, &count, &self->error),
                     KS_OK);
    return count;
}

static void create(place *self, const char *topic, int32_t partitions, const char *segment_bytes)
{
    const ksi_topic_config config = {"segment.bytes", segment_bytes};
    const ksi_topic_spec spec = {.name = topic,
                                 .partitions = partitions,
                                 .configs = &config,
                                 .config_count = segment_bytes != NULL ? 1 : 0};
    assert_int_equal(self->class->create_topic(self->transport, &spec, &self->error), KS_OK);
}

/* `count` records "0", "1"... in commits of a few. */
static void count_into(place *self, const char *topic, int32_t partition, int first, int count)
{
    ksi_producer *producer = self->class->open_producer(self->transport, NULL, NULL);
    for (int i = first; i < first + count; i++) {
        char text[16];
        int size = snprintf(text, sizeof text, "%d", i);
        const ks_log_record record = {
            .value = ks_slice_of(text, (size_t)size), .timestamp = i, .partition = partition};
        assert_int_equal(producer->class->send(producer, 0, topic, &record, &self->error), KS_OK);
        if (i % 7 == 0) {
            assert_int_equal(producer->class->flush(producer, &self->error), KS_OK);
        }
    }
    assert_int_equal(producer->class->flush(producer, &self->error), KS_OK);
    producer->class->close(producer);
}

/* Reads from `from` on: how many numbers came, each the one that belongs at its offset. */
static int read_numbers(place *self, const char *topic, int32_t partition, int64_t from,
                        ks_status *status)
{
    ksi_consumer *consumer = self->class->open_consumer(self->transport, KSI_READS_LOG, NULL);
    size_t slot = 0;
    size_t count = 1;
    int total = 0;
    *status = consumer->class->assign(consumer, at(topic, partition), from, &slot, &self->error);
    while (*status == KS_OK && count > 0) {
        ks_log_record records[50];
        *status = consumer->class->poll(consumer, slot, records, 50, &count, &self->error);
        for (size_t i = 0; i < count; i++) {
            char text[16];
            (void)snprintf(text, sizeof text, "%lld", (long long)records[i].offset);
            assert_true(ks_slice_equal(records[i].value, ks_slice_cstr(text)));
            assert_int_equal(records[i].offset, from + total);
            total++;
        }
    }
    consumer->class->close(consumer);
    return total;
}

static void assert_numbers(place *self, const char *topic, int32_t partition, int64_t from,
                           int count)
{
    ks_status status = KS_OK;
    int found = read_numbers(self, topic, partition, from, &status);
    if (status != KS_OK) {
        fail_msg("%s: %s", self->error.where, self->error.message);
    }
    assert_int_equal(found, count);
}

/* The files of a partition, by name: how many there are, and the path of number `wanted`. */
static int files_of(const place *self, const char *topic, int wanted, char *path)
{
    char folder[PATH_BYTES * 2];
    struct dirent **entries = NULL;
    (void)snprintf(folder, sizeof folder, "%s/topics/%s/0", self->path, topic);
    int count = scandir(folder, &entries, NULL, alphasort);
    int files = 0;
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            if (files++ == wanted) {
                (void)snprintf(path, PATH_BYTES * 3, "%s/%s", folder, entries[i]->d_name);
            }
        }
        free(entries[i]);
    }
    free(entries);
    return files;
}

static off_t size_of(const char *path)
{
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    return found.st_size;
}

static void write_at(const char *path, off_t position, const char *bytes, size_t size)
{
    int file = open(path, O_WRONLY);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, bytes, size, position), (ssize_t)size);
    assert_int_equal(close(file), 0);
}

static int64_t committed(place *self, const char *group, const char *topic)
{
    ksi_group_offset offset = {.partition = at(topic, 0)};
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    assert_int_equal(
        self->class->committed(self->transport, group, &offset, 1, &arena, &self->error), KS_OK);
    ksi_arena_destroy(&arena);
    return offset.offset;
}

/* ---- what survives --------------------------------------------------------------------------- */

static void note_config(void *user, const ksi_topic_config *config, bool is_default)
{
    if (!is_default) {
        char *text = user;
        size_t length = strlen(text);
        (void)snprintf(text + length, 64 - length, "%s=%s ", config->name, config->value);
    }
}

static void a_log_is_as_it_was_when_it_is_opened_again(void **state)
{
    (void)state;
    place self;
    new_place(&self);
    open_it(&self);
    create(&self, "numbers", 2, "2048");
    create(&self, "empty", 3, NULL);
    create(&self, "gone", 1, NULL);
    count_into(&self, "numbers", 0, 0, 500);
    count_into(&self, "numbers", 1, 0, 3);
    count_into(&self, "gone", 0, 0, 3);
    ksi_group_offset offset = {
        .partition = at("numbers", 0), .offset = 77, .metadata = ks_slice_cstr("meta")};
    const ksi_offset_commit commit = {.group = "group", .offsets = &offset, .count = 1};
    assert_int_equal(self.class->commit_offsets(self.transport, &commit, &self.error), KS_OK);
    assert_int_equal(self.class->delete_topic(self.transport, "gone", &self.error), KS_OK);
    assert_int_equal(self.class->delete_records(self.transport, at("numbers", 0), 100, &self.error),
                     KS_OK);
    for (int round = 0; round < 3; round++) {
        close_it(&self);
        open_it(&self);
        assert_int_equal(partitions_of(&self, "numbers"), 2);
        assert_int_equal(partitions_of(&self, "empty"), 3);
        assert_int_equal(partitions_of(&self, "gone"), 0);
        int first = 500 + round * 10;
        assert_numbers(&self, "numbers", 0, 100, first - 100);
        assert_numbers(&self, "numbers", 0, first - 1, 1);
        assert_numbers(&self, "numbers", 1, 0, 3);
        assert_int_equal(committed(&self, "group", "numbers"), 77);
        count_into(&self, "numbers", 0, first, 10);
    }
    ksi_group_offset read = {.partition = at("numbers", 0)};
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    assert_int_equal(self.class->committed(self.transport, "group", &read, 1, &arena, NULL), KS_OK);
    assert_true(ks_slice_equal(read.metadata, ks_slice_cstr("meta")));
    ksi_arena_destroy(&arena);
    char text[64] = "";
    assert_int_equal(
        self.class->each_config(self.transport, "numbers", note_config, text, &self.error), KS_OK);
    assert_string_equal(text, "segment.bytes=2048 ");
    int64_t found = 0;
    assert_int_equal(
        self.class->offset_at(self.transport, at("numbers", 0), 333, &found, &self.error), KS_OK);
    assert_int_equal(found, 333);
    ks_status status = KS_OK;
    (void)read_numbers(&self, "numbers", 0, 99, &status);
    assert_int_equal(status, KS_E_OUT_OF_RANGE);
    close_it(&self);
}

static void deleting_takes_the_files_away(void **state)
{
    (void)state;
    place self;
    char path[PATH_BYTES * 3];
    new_place(&self);
    open_it(&self);
    create(&self, "numbers", 1, "2048");
    count_into(&self, "numbers", 0, 0, 500);
    int files = files_of(&self, "numbers", 0, path);
    assert_true(files > 4);
    int64_t before = 0;
    int64_t after = 0;
    assert_int_equal(self.class->partition_bytes(self.transport, at("numbers", 0), &before, NULL),
                     KS_OK);
    assert_int_equal(self.class->delete_records(self.transport, at("numbers", 0), 400, &self.error),
                     KS_OK);
    assert_true(files_of(&self, "numbers", 0, path) < files);
    assert_int_equal(self.class->partition_bytes(self.transport, at("numbers", 0), &after, NULL),
                     KS_OK);
    assert_true(after < before / 2);
    assert_int_equal(self.class->delete_records(self.transport, at("numbers", 0), 500, &self.error),
                     KS_OK);
    assert_int_equal(files_of(&self, "numbers", 0, path), 0);
    close_it(&self);
    open_it(&self);
    count_into(&self, "numbers", 0, 500, 5);
    assert_numbers(&self, "numbers", 0, 500, 5);
    assert_int_equal(self.class->delete_topic(self.transport, "numbers", &self.error), KS_OK);
    assert_int_equal(files_of(&self, "numbers", 0, path), 0);
    create(&self, "numbers", 1, NULL);
    count_into(&self, "numbers", 0, 0, 5);
    assert_numbers(&self, "numbers", 0, 0, 5);
    close_it(&self);
}

static void all_who_open_a_directory_share_one_log(void **state)
{
    (void)state;
    place one;
    place other;
    new_place(&one);
    open_it(&one);
    other = one;
    (void)snprintf(other.servers, sizeof other.servers, "embedded:%s/.", one.path);
    open_it(&other);
    assert_ptr_equal(one.transport, other.transport);
    create(&one, "numbers", 1, NULL);
    close_it(&one);
    count_into(&other, "numbers", 0, 0, 5);
    close_it(&other);
    open_it(&one);
    assert_numbers(&one, "numbers", 0, 0, 5);
    close_it(&one);
}

static void commits_can_be_on_the_disk_when_they_return(void **state)
{
    (void)state;
    place self;
    new_place(&self);
    self.log = ks_log_open_with(self.servers, KS_LOG_OPTIONS(.sync_commits = true), &self.error);
    assert_non_null(self.log);
    self.transport = ksi_log_transport(self.log);
    self.class = self.transport->class;
    create(&self, "numbers", 1, "1024");
    count_into(&self, "numbers", 0, 0, 100);
    close_it(&self);
    open_it(&self);
    assert_numbers(&self, "numbers", 0, 0, 100);
    close_it(&self);
}

/* ---- what does not count --------------------------------------------------------------------- */

static void what_was_not_committed_is_cut(void **state)
{
    (void)state;
    place self;
    char path[PATH_BYTES * 3];
    new_place(&self);
    open_it(&self);
    create(&self, "numbers", 1, "2048");
    count_into(&self, "numbers", 0, 0, 100);
    close_it(&self);
    int files = files_of(&self, "numbers", 99, path);
    (void)files_of(&self, "numbers", files - 1, path);
    off_t size = size_of(path);
    write_at(path, size, "half a batch", 12);
    char stray[PATH_BYTES * 3];
    (void)snprintf(stray, sizeof stray, "%.*s/00000000000000000100.log",
                   (int)(strrchr(path, '/') - path), path);
    assert_int_equal(close(open(stray, O_WRONLY | O_CREAT, 0600)), 0);
    open_it(&self);
    assert_int_equal(size_of(path), size);
    assert_int_equal(files_of(&self, "numbers", 99, stray), files);
    assert_numbers(&self, "numbers", 0, 0, 100);
    count_into(&self, "numbers", 0, 100, 10);
    assert_numbers(&self, "numbers", 0, 0, 110);
    close_it(&self);
}

/* ---- what is refused ------------------------------------------------------------------------- */

/* The log does not open, and the error names the file. */
static void assert_corrupt(place *self, const char *file)
{
    assert_int_equal(try_open(self), KS_E_CORRUPT);
    if (strstr(self->error.message, file) == NULL ||
        strstr(self->error.message, "from a copy") == NULL) {
        fail_msg("'%s' does not name %s and what to do", self->error.message, file);
    }
}

static void what_is_missing_or_damaged_is_named(void **state)
{
    (void)state;
    place self;
    char path[PATH_BYTES * 3];
    char aside[PATH_BYTES * 3 + 8];
    new_place(&self);
    open_it(&self);
    create(&self, "numbers", 1, "2048");
    count_into(&self, "numbers", 0, 0, 200);
    close_it(&self);
    int files = files_of(&self, "numbers", 1, path);
    assert_true(files > 2);

    (void)snprintf(aside, sizeof aside, "%s.aside", path);
    assert_int_equal(rename(path, aside), 0);
    assert_corrupt(&self, path);
    assert_int_equal(rename(aside, path), 0);

    (void)files_of(&self, "numbers", files - 1, path);
    off_t size = size_of(path);
    char last = 0;
    int file = open(path, O_RDWR);
    assert_int_equal(pread(file, &last, 1, size - 1), 1);
    assert_int_equal(ftruncate(file, size - 1), 0);
    assert_corrupt(&self, path);
    char other = (char)(last + 1);
    write_at(path, size - 1, &other, 1);
    assert_corrupt(&self, path);
    write_at(path, size - 1, &last, 1);
    assert_int_equal(close(file), 0);
    open_it(&self);
    assert_numbers(&self, "numbers", 0, 0, 200);
    close_it(&self);

    (void)snprintf(path, sizeof path, "%s/catalogue", self.path);
    (void)snprintf(aside, sizeof aside, "%s/elsewhere", self.path);
    assert_int_equal(rename(path, aside), 0);
    assert_corrupt(&self, path);
}

/* Looking at all of a log when it is opened would take too long: readers find the rest. */
static void damage_in_the_middle_is_found_by_who_reads_it(void **state)
{
    (void)state;
    place self;
    char path[PATH_BYTES * 3];
    new_place(&self);
    open_it(&self);
    create(&self, "numbers", 1, NULL);
    count_into(&self, "numbers", 0, 0, 200);
    close_it(&self);
    assert_int_equal(files_of(&self, "numbers", 0, path), 1);
    write_at(path, size_of(path) / 2, "\xff\xff", 2);
    open_it(&self);
    ks_status status = KS_OK;
    int found = read_numbers(&self, "numbers", 0, 0, &status);
    assert_int_equal(status, KS_E_CORRUPT);
    assert_true(found > 50 && found < 150); /* what comes before it is true */
    assert_non_null(strstr(self.error.message, path));
    assert_non_null(strstr(self.error.message, "byte"));
    close_it(&self);
}

/* Lets files grow to `bytes` only, as a full disk would; returns the limit before. */
static rlim_t limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    return before;
}

static void what_does_not_fit_on_the_disk_can_be_committed_later(void **state)
{
    (void)state;
    place self;
    new_place(&self);
    open_it(&self);
    create(&self, "numbers", 1, NULL);
    create(&self, "others", 1, NULL);
    count_into(&self, "numbers", 0, 0, 100);
    ksi_producer *producer = self.class->open_producer(
        self.transport, &(ksi_producer_options){.transactional_id = "id"}, NULL);
    char *big = calloc(1, 100000);
    const ks_log_record record = {.value = ks_slice_of(big, 100000)};
    const ks_log_record number = {.value = ks_slice_cstr("100")};
    assert_int_equal(producer->class->send(producer, 0, "numbers", &number, NULL), KS_OK);
    assert_int_equal(producer->class->send(producer, 0, "others", &record, NULL), KS_OK);
    rlim_t before = limit_files(90000);
    assert_int_equal(producer->class->commit(producer, NULL, &self.error), KS_E_IO);
    assert_non_null(strstr(self.error.message, "others"));
    assert_numbers(&self, "numbers", 0, 0, 100);
    (void)limit_files(before);
    assert_int_equal(producer->class->commit(producer, NULL, &self.error), KS_OK);
    assert_numbers(&self, "numbers", 0, 0, 101);
    producer->class->close(producer);
    close_it(&self);
    open_it(&self);
    assert_numbers(&self, "numbers", 0, 0, 101);
    count_into(&self, "numbers", 0, 101, 5);
    assert_numbers(&self, "numbers", 0, 0, 106);
    close_it(&self);
    free(big);
}

static void a_catalogue_that_cannot_be_written_stops_all_writing(void **state)
{
    (void)state;
    place self;
    new_place(&self);
    open_it(&self);
    create(&self, "numbers", 1, NULL);
    count_into(&self, "numbers", 0, 0, 10);
    enum { METADATA = 4 * 1024 * 1024 };
    char *big = calloc(1, METADATA);
    ksi_group_offset offset = {
        .partition = at("numbers", 0), .offset = 5, .metadata = ks_slice_of(big, METADATA)};
    const ksi_offset_commit commit = {.group = "group", .offsets = &offset, .count = 1};
    rlim_t before = limit_files(METADATA / 2);
    assert_int_not_equal(self.class->commit_offsets(self.transport, &commit, &self.error), KS_OK);
    (void)limit_files(before);
    free(big);
    offset.metadata = ks_slice_null();
    assert_int_equal(self.class->commit_offsets(self.transport, &commit, &self.error), KS_E_IO);
    assert_non_null(strstr(self.error.message, "open it again"));
    const ksi_topic_spec spec = {.name = "more", .partitions = 1};
    assert_int_equal(self.class->create_topic(self.transport, &spec, &self.error), KS_E_IO);
    assert_int_equal(self.class->delete_topic(self.transport, "numbers", &self.error), KS_E_IO);
    assert_numbers(&self, "numbers", 0, 0, 10); /* what is there is read as before */
    assert_int_equal(committed(&self, "group", "numbers"), -1);
    close_it(&self);
    open_it(&self);
    assert_int_equal(committed(&self, "group", "numbers"), -1);
    count_into(&self, "numbers", 0, 10, 5);
    assert_numbers(&self, "numbers", 0, 0, 15);
    close_it(&self);
}

static int open_descriptors(void)
{
    struct dirent **entries = NULL;
    int count = scandir("/proc/self/fd", &entries, NULL, NULL);
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
    return count;
}

static void a_long_partition_keeps_few_files_open(void **state)
{
    (void)state;
    place self;
    char path[PATH_BYTES * 3];
    new_place(&self);
    open_it(&self);
    create(&self, "numbers", 1, "1024");
    int before = open_descriptors();
    count_into(&self, "numbers", 0, 0, 2000);
    assert_numbers(&self, "numbers", 0, 0, 2000);
    assert_true(files_of(&self, "numbers", 0, path) > 30);
    assert_true(open_descriptors() < before + 10);
    close_it(&self);
    open_it(&self);
    assert_numbers(&self, "numbers", 0, 0, 2000);
    assert_true(open_descriptors() < before + 10);
    close_it(&self);
}

/* ---- children -------------------------------------------------------------------------------- */

enum { COUNT_TO = 120, CHILD_DONE = 0, CHILD_FAILED = 3 };

static const char *crash_point;
static int crash_hits;

static void crash_here(const char *point)
{
    if (strcmp(point, crash_point) == 0 && --crash_hits == 0) {
        (void)kill(getpid(), SIGKILL);
    }
}

static ks_status make_topics(ksi_transport *transport)
{
    const ksi_topic_config small = {"segment.bytes", "1024"};
    const ksi_topic_spec out = {
        .name = "out", .partitions = 2, .configs = &small, .config_count = 1};
    const ksi_topic_spec in = {.name = "in", .partitions = 1};
    ks_status status = transport->class->create_topic(transport, &in, NULL);
    return status == KS_OK ? transport->class->create_topic(transport, &out, NULL) : status;
}

static ks_status count_one(ksi_transport *transport, ksi_producer *producer, int number)
{
    char text[16];
    int size = snprintf(text, sizeof text, "%d", number);
    ks_status status = KS_OK;
    for (int32_t p = 0; p < 2 && status == KS_OK; p++) {
        const ks_log_record record = {.value = ks_slice_of(text, (size_t)size), .partition = p};
        status = producer->class->send(producer, 0, "out", &record, NULL);
    }
    ksi_group_offset offset = {.partition = at("in", 0), .offset = number + 1};
    const ksi_offset_commit commit = {.group = "group", .offsets = &offset, .count = 1};
    if (status == KS_OK) {
        status = producer->class->commit(producer, &commit, NULL);
    }
    if (status == KS_OK && number % 40 == 20) { /* a topic comes and goes */
        const ksi_topic_spec passing = {.name = "passing", .partitions = 1};
        const ks_log_record record = {.value = ks_slice_cstr("0")};
        status = transport->class->create_topic(transport, &passing, NULL);
        if (status == KS_OK) {
            status = producer->class->send(producer, 0, "passing", &record, NULL);
        }
        if (status == KS_OK) {
            status = producer->class->commit(producer, NULL, NULL);
        }
        if (status == KS_OK) {
            status = transport->class->delete_topic(transport, "passing", NULL);
        }
    }
    return status;
}

/* child DIR POINT HITS: counts on from where the group is, and dies at the point. */
static int child_main(char **arguments)
{
    char servers[PATH_BYTES + 16];
    (void)snprintf(servers, sizeof servers, "embedded:%s", arguments[0]);
    crash_point = arguments[1];
    crash_hits = (int)strtol(arguments[2], NULL, 10);
    ksi_crash_hook = crash_here;
    ks_error error = {0};
    ks_log *log = ks_log_open(servers, &error);
    if (log == NULL) {
        (void)fprintf(stderr, "child: %s\n", error.message);
        return CHILD_FAILED;
    }
    ksi_transport *transport = ksi_log_transport(log);
    ks_log_free(log);
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ksi_group_offset offset = {.partition = at("in", 0)};
    ks_status status = make_topics(transport);
    if (status == KS_OK) {
        status = transport->class->committed(transport, "group", &offset, 1, &arena, NULL);
    }
    const ksi_producer_options options = {.transactional_id = "counter"};
    ksi_producer *producer = transport->class->open_producer(transport, &options, NULL);
    for (int i = offset.offset < 0 ? 0 : (int)offset.offset; i < COUNT_TO && status == KS_OK; i++) {
        status = count_one(transport, producer, i);
    }
    producer->class->close(producer);
    transport->class->release(transport);
    ksi_arena_destroy(&arena);
    return status == KS_OK ? CHILD_DONE : CHILD_FAILED;
}

/* Runs the child to its end; whether it was killed. */
static bool child_dies(const place *self, const char *point, int hits)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", hits);
    char path[PATH_BYTES];
    char where[64];
    (void)snprintf(path, sizeof path, "%s", self->path);
    (void)snprintf(where, sizeof where, "%s", point);
    char program[] = "test_log_directory";
    char mode[] = "child";
    char *arguments[] = {program, mode, path, where, number, NULL};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)execv("/proc/self/exe", arguments);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), CHILD_DONE);
    return false;
}

/* Both partitions have the numbers up to the group's offset, and nothing else. */
static int64_t assert_whole(place *self)
{
    open_it(self);
    int64_t count = committed(self, "group", "in");
    count = count < 0 ? 0 : count;
    if (partitions_of(self, "out") > 0) {
        for (int32_t p = 0; p < 2; p++) {
            int64_t begin = 0;
            int64_t end = 0;
            assert_int_equal(
                self->class->offsets(self->transport, at("out", p), &begin, &end, NULL), KS_OK);
            assert_int_equal(end, count);
            assert_numbers(self, "out", p, 0, (int)count);
        }
    }
    close_it(self);
    return count;
}

static const struct {
    const char *point;
    int hits;
} deaths[] = {
    {"log.before-append", 1},
    {"log.before-append", 50},
    {"log.between-partitions", 1},
    {"log.between-partitions", 90},
    {"log.roll", 1},
    {"log.roll", 5},
    {"log.appended", 1},
    {"log.appended", 60},
    {"log.committed", 1},
    {"log.committed", 60},
    {"log.delete", 3},
    {"log.delete", 4},
    {"log.close", 1},
};

static void a_transaction_is_never_torn(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++) {
        place self;
        new_place(&self);
        if (!child_dies(&self, deaths[i].point, deaths[i].hits)) {
            fail_msg("%s was not reached %d times", deaths[i].point, deaths[i].hits);
        }
        (void)assert_whole(&self);
        assert_false(child_dies(&self, "none", 1));
        assert_int_equal(assert_whole(&self), COUNT_TO);
        char path[PATH_BYTES * 3];
        assert_int_equal(files_of(&self, "passing", 0, path), 0);
    }
}

/* A point that is listed and that no test dies at would be a promise that nobody looks after. */
static void every_point_has_its_test(void **state)
{
    (void)state;
    for (size_t i = 0; ksi_log_crash_points[i] != NULL; i++) {
        const char *point = ksi_log_crash_points[i];
        /* Those of compaction are test_housekeeping's; the other is that of the next test. */
        bool is_tested = strncmp(point, "log.compact.", strlen("log.compact.")) == 0 ||
                         strcmp(point, "log.open.cut") == 0;
        for (size_t k = 0; k < sizeof deaths / sizeof deaths[0] && !is_tested; k++) {
            is_tested = strcmp(point, deaths[k].point) == 0;
        }
        if (!is_tested) {
            fail_msg("nothing dies at %s", point);
        }
    }
}

static void a_crash_while_a_crash_is_mended_is_mended(void **state)
{
    (void)state;
    place self;
    new_place(&self);
    for (int round = 1; round <= 5; round++) {
        assert_true(child_dies(&self, "log.appended", 9));
        assert_true(child_dies(&self, "log.open.cut", 1));
    }
    int64_t count = assert_whole(&self);
    assert_true(count > 30 && count < COUNT_TO);
    assert_false(child_dies(&self, "none", 1));
    assert_int_equal(assert_whole(&self), COUNT_TO);
}

/* The child holds the log and says so; whoever wants to hold it, too, is told who it is. */
static int holder_main(char **arguments)
{
    char servers[PATH_BYTES + 16];
    (void)snprintf(servers, sizeof servers, "embedded:%s", arguments[0]);
    ks_log *log = ks_log_open(servers, NULL);
    char byte = log != NULL ? 'y' : 'n';
    ssize_t said = write(STDOUT_FILENO, &byte, 1);
    ssize_t heard = read(STDIN_FILENO, &byte, 1); /* until the parent closes it */
    ks_log_free(log);
    return said == 1 && heard == 0 ? CHILD_DONE : CHILD_FAILED;
}

static void the_process_that_has_the_log_is_named_and_waited_for(void **state)
{
    (void)state;
    place self;
    new_place(&self);
    int to[2];
    int from[2];
    assert_int_equal(pipe(to) | pipe(from), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char program[] = "test_log_directory";
        char mode[] = "holder";
        char *arguments[] = {program, mode, self.path, NULL};
        (void)dup2(to[0], STDIN_FILENO);
        (void)dup2(from[1], STDOUT_FILENO);
        (void)close(to[1]);
        (void)execv("/proc/self/exe", arguments);
        _exit(127);
    }
    char byte = 0;
    assert_int_equal(read(from[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_null(ksi_embedded_log_open(self.path, false, &ksi_system_clock, &self.error));
    assert_int_equal(self.error.code, KS_E_STATE);
    char who[32];
    (void)snprintf(who, sizeof who, "process %ld", (long)pid);
    assert_non_null(strstr(self.error.message, who));

    /* Who shall hold the log asks nobody, and waits. */
    char servers[PATH_BYTES + 16];
    (void)snprintf(servers, sizeof servers, "embedded:%s", self.path);
    assert_null(ks_log_open_with(servers, KS_LOG_OPTIONS(.hold_within_ms = 20), &self.error));
    assert_int_equal(self.error.code, KS_E_STATE);
    assert_non_null(strstr(self.error.message, who));
    assert_int_equal(close(to[0]) | close(to[1]), 0); /* the child goes, some time */
    ks_log *log = ks_log_open_with(servers, KS_LOG_OPTIONS(.hold_within_ms = 60000), &self.error);
    assert_non_null(log);
    ks_log_free(log);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(close(from[0]) | close(from[1]), 0);
    open_it(&self);
    close_it(&self);
}

int main(int count, char **arguments)
{
    if (count == 5 && strcmp(arguments[1], "child") == 0) {
        return child_main(arguments + 2);
    }
    if (count == 3 && strcmp(arguments[1], "holder") == 0) {
        return holder_main(arguments + 2);
    }
    (void)signal(SIGXFSZ, SIG_IGN); /* a write past the limit is an error, not the end */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_is_as_it_was_when_it_is_opened_again),
        cmocka_unit_test(deleting_takes_the_files_away),
        cmocka_unit_test(all_who_open_a_directory_share_one_log),
        cmocka_unit_test(commits_can_be_on_the_disk_when_they_return),
        cmocka_unit_test(what_was_not_committed_is_cut),
        cmocka_unit_test(what_is_missing_or_damaged_is_named),
        cmocka_unit_test(damage_in_the_middle_is_found_by_who_reads_it),
        cmocka_unit_test(what_does_not_fit_on_the_disk_can_be_committed_later),
        cmocka_unit_test(a_catalogue_that_cannot_be_written_stops_all_writing),
        cmocka_unit_test(a_long_partition_keeps_few_files_open),
        cmocka_unit_test(a_transaction_is_never_torn),
        cmocka_unit_test(every_point_has_its_test),
        cmocka_unit_test(a_crash_while_a_crash_is_mended_is_mended),
        cmocka_unit_test(the_process_that_has_the_log_is_named_and_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
