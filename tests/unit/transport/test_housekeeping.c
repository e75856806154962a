/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_housekeeping.c - retention and compaction, a step at a time.
 *
 * The random test compares with a model: for each key the last value, for each offset the record
 * that was written there. It prints its seed; KSTREAMS_TEST_SEED repeats one.
 */
#include "base/crash_point.h"
#include "state_dir.h"
#include "transport/embedded/housekeeping.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned seed;

static unsigned below(unsigned limit)
{
    return (unsigned)rand_r(&seed) % limit;
}

/* ---- helpers --------------------------------------------------------------------------------- */

typedef struct fixture {
    char servers[512];
    ks_log *log;
    ksi_transport *transport;
    ksi_producer *producer;
    ks_error error;
} fixture;

static void open_log(fixture *self)
{
    self->log = ks_log_open(self->servers, &self->error);
    if (self->log == NULL) {
        fail_msg("%s", self->error.message);
    }
    self->transport = ksi_log_transport(self->log);
    self->producer = self->transport->class->open_producer(self->transport, NULL, NULL);
}

static void close_log(fixture *self)
{
    self->producer->class->close(self->producer);
    self->transport->class->release(self->transport);
    ks_log_free(self->log);
}

static void begin(fixture *self, bool in_files)
{
    *self = (fixture){.log = NULL};
    (void)snprintf(self->servers, sizeof self->servers, "embedded:%s",
                   in_files ? state_dir_new() : "");
    open_log(self);
}

static void create(fixture *self, const ksi_topic_config *configs, size_t count)
{
    const ksi_topic_spec spec = {
        .name = "topic", .partitions = 1, .configs = configs, .config_count = count};
    assert_int_equal(self->transport->class->create_topic(self->transport, &spec, &self->error),
                     KS_OK);
}

static void send(fixture *self, const char *key, const char *value, int64_t timestamp)
{
    const ks_log_record record = {.key = key != NULL ? ks_slice_cstr(key) : ks_slice_null(),
                                  .value = value != NULL ? ks_slice_cstr(value) : ks_slice_null(),
                                  .timestamp = timestamp};
    assert_int_equal(self->producer->class->send(self->producer, 0, "topic", &record, &self->error),
                     KS_OK);
    assert_int_equal(self->producer->class->flush(self->producer, &self->error), KS_OK);
}

static ksi_housekeeping step(fixture *self, int64_t now_ms)
{
    ksi_housekeeping done;
    ks_status status =
        ksi_embedded_housekeep(ksi_embedded_log_of(self->transport), now_ms, &done, &self->error);
    if (status != KS_OK) {
        fail_msg("%s", self->error.message);
    }
    return done;
}

static void offsets(fixture *self, int64_t *first, int64_t *end)
{
    const ksi_topic_partition at = {"topic", 0};
    assert_int_equal(self->transport->class->offsets(self->transport, at, first, end, &self->error),
                     KS_OK);
}

static size_t open_reader(fixture *self, ksi_consumer **consumer)
{
    int64_t first = 0;
    int64_t end = 0;
    size_t slot = 0;
    offsets(self, &first, &end);
    *consumer = self->transport->class->open_consumer(self->transport, KSI_READS_LOG, NULL);
    assert_int_equal((*consumer)->class->assign(*consumer, (ksi_topic_partition){"topic", 0}, first,
                                                &slot, &self->error),
                     KS_OK);
    return slot;
}

/* All records as "key=value " with "-" for null. */
static void assert_records(fixture *self, const char *wanted)
{
    char text[1024] = "";
    size_t length = 0;
    ksi_consumer *consumer = NULL;
    size_t slot = open_reader(self, &consumer);
    ks_log_record record;
    size_t count = 1;
    while (count > 0) {
        assert_int_equal(consumer->class->poll(consumer, slot, &record, 1, &count, &self->error),
                         KS_OK);
        if (count > 0) {
            length += (size_t)snprintf(text + length, sizeof text - length, "%.*s=%.*s ",
                                       (int)record.key.size,
                                       record.key.data != NULL ? record.key.data : "",
                                       record.value.data != NULL ? (int)record.value.size : 1,
                                       record.value.data != NULL ? record.value.data : "-");
        }
    }
    consumer->class->close(consumer);
    assert_string_equal(text, wanted);
}

/* ---- retention ------------------------------------------------------------------------------- */

static void old_records_go(void **state)
{
    (void)state;
    for (int in_files = 0; in_files < 2; in_files++) {
        fixture self;
        begin(&self, in_files == 1);
        char value[1200];
        memset(value, 'v', sizeof value);
        value[sizeof value - 1] = '\0';
        const ksi_topic_config configs[] = {{"retention.ms", "1000"}, {"segment.bytes", "4096"}};
        create(&self, configs, 2);
        ks_log_record big = {.value = ks_slice_of(value, 1199)};
        for (int i = 0; i < 40; i++) {
            big.timestamp = i * 100;
            /* More than a batch in memory may be merged with. */
            char padded[5000];
            memset(padded, 'p', sizeof padded);
            big.key = ks_slice_of(padded, sizeof padded);
            assert_int_equal(
                self.producer->class->send(self.producer, 0, "topic", &big, &self.error), KS_OK);
            assert_int_equal(self.producer->class->flush(self.producer, &self.error), KS_OK);
        }
        int64_t first = 0;
        int64_t end = 0;
        assert_int_equal(step(&self, 1000).partitions_shortened, 0);
        assert_int_equal(step(&self, 3000).partitions_shortened, 1);
        offsets(&self, &first, &end);
        assert_int_equal(first, 20);
        assert_int_equal(end, 40);
        assert_int_equal(step(&self, 3000).partitions_shortened, 0);
        const ksi_topic_config less = {"retention.bytes", "13000"};
        assert_int_equal(self.transport->class->set_config(self.transport, "topic", &less, NULL),
                         KS_OK);
        assert_int_equal(step(&self, 3000).partitions_shortened, 1);
        offsets(&self, &first, &end);
        assert_int_equal(first, 37);
        assert_int_equal(step(&self, 1000000).partitions_shortened, 1);
        offsets(&self, &first, &end);
        assert_int_equal(first, 40);
        send(&self, NULL, "new", 1000000);
        assert_records(&self, "=new ");
        close_log(&self);
    }
}

static void what_is_only_compacted_or_kept_for_ever_does_not_go(void **state)
{
    (void)state;
    static const ksi_topic_config configs[] = {{"cleanup.policy", "compact"},
                                               {"retention.ms", "-1"}};
    for (size_t i = 0; i < 2; i++) {
        fixture self;
        begin(&self, true);
        create(&self, &configs[i], 1);
        send(&self, "a", "1", 5);
        const ksi_housekeeping done = step(&self, INT64_MAX / 2);
        assert_int_equal(done.partitions_shortened + done.segments_compacted, 0);
        assert_records(&self, "a=1 ");
        close_log(&self);
    }
}

/* ---- compaction ------------------------------------------------------------------------------ */

static const ksi_topic_config compacted[] = {{"cleanup.policy", "compact"},
                                             {"segment.bytes", "1024"},
                                             {"segment.ms", "604800000"},
                                             {"delete.retention.ms", "1000"},
                                             {"min.cleanable.dirty.ratio", "0"}};

/* Fills the segment that grows and begins another. */
static void roll(fixture *self)
{
    char filler[1100];
    memset(filler, 'f', sizeof filler);
    filler[sizeof filler - 1] = '\0';
    send(self, NULL, filler, 0);
}

static int64_t closed_records(fixture *self, char *text, size_t size)
{
    int64_t seen = 0;
    size_t length = 0;
    ksi_consumer *consumer = NULL;
    size_t slot = open_reader(self, &consumer);
    ks_log_record record;
    size_t count = 1;
    text[0] = '\0';
    while (count > 0) {
        assert_int_equal(consumer->class->poll(consumer, slot, &record, 1, &count, &self->error),
                         KS_OK);
        if (count > 0 && record.key.data != NULL) {
            length += (size_t)snprintf(text + length, size - length, "%lld:%.*s=%s ",
                                       (long long)record.offset, (int)record.key.size,
                                       record.key.data, record.value.data != NULL ? "v" : "-");
            seen++;
        }
    }
    consumer->class->close(consumer);
    return seen;
}

static void the_last_record_of_each_key_stays_with_its_offset(void **state)
{
    (void)state;
    char text[512];
    fixture self;
    begin(&self, true);
    create(&self, compacted, 5);
    send(&self, "a", "1", 0); /* 0 */
    send(&self, "b", "1", 0);
    send(&self, "a", "2", 0);
    send(&self, "c", "1", 0); /* 3 */
    send(&self, "b", NULL, 0);
    roll(&self); /* 5 */
    send(&self, "c", "2", 0);
    send(&self, "a", "3", 0); /* 7: in the segment that grows */
    int64_t first = 0;
    int64_t end = 0;
    int64_t now = ksi_wall_ms(&ksi_system_clock);
    assert_true(step(&self, now).segments_compacted > 0);
    (void)closed_records(&self, text, sizeof text);
    /* What grows is not looked at: its keys are known with the next time. */
    assert_string_equal(text, "2:a=v 3:c=v 4:b=- 6:c=v 7:a=v ");
    assert_int_equal(step(&self, now).segments_compacted, 0);
    close_log(&self);
    open_log(&self);
    offsets(&self, &first, &end);
    assert_int_equal(first, 0);
    assert_int_equal(end, 8);
    (void)closed_records(&self, text, sizeof text);
    assert_string_equal(text, "2:a=v 3:c=v 4:b=- 6:c=v 7:a=v ");

    roll(&self); /* 8 */
    roll(&self);
    assert_true(step(&self, now + 500).segments_compacted > 0);
    (void)closed_records(&self, text, sizeof text);
    assert_string_equal(text, "4:b=- 6:c=v 7:a=v "); /* the tombstone is young */
    roll(&self);
    assert_true(step(&self, now + 1200).segments_compacted > 0);
    (void)closed_records(&self, text, sizeof text);
    assert_string_equal(text, "6:c=v 7:a=v ");
    close_log(&self);
}

static void young_records_are_left_alone(void **state)
{
    (void)state;
    char text[512];
    fixture self;
    begin(&self, true);
    create(&self, compacted, 5);
    const ksi_topic_config lag = {"min.compaction.lag.ms", "1000"};
    assert_int_equal(self.transport->class->set_config(self.transport, "topic", &lag, NULL), KS_OK);
    send(&self, "a", "1", 10000);
    send(&self, "a", "2", 10000);
    roll(&self);
    send(&self, "b", "2", 10000);
    assert_int_equal(step(&self, 10500).segments_compacted, 0);
    assert_int_equal(step(&self, 11500).segments_compacted, 2); /* and that of the filler */
    (void)closed_records(&self, text, sizeof text);
    assert_string_equal(text, "1:a=v 3:b=v ");
    close_log(&self);
}

enum { KEYS = 12, RECORDS = 3000 };

typedef struct model {
    int key[RECORDS];   /* of the record at an offset */
    int value[RECORDS]; /* -1: a tombstone */
    int count;
    int last[KEYS]; /* value; -1: none */
} model;

/* A slice of what a reader saw: offsets rise, each record is the one that was written there. */
static void check_record(const model *wanted, const ks_log_record *record, int64_t *before)
{
    assert_true(record->offset > *before && record->offset < wanted->count);
    *before = record->offset;
    char key[16];
    char value[16];
    (void)snprintf(key, sizeof key, "key %d", wanted->key[record->offset]);
    (void)snprintf(value, sizeof value, "%d", wanted->value[record->offset]);
    assert_true(ks_slice_equal(record->key, ks_slice_cstr(key)));
    assert_int_equal(record->value.data == NULL, wanted->value[record->offset] < 0);
    assert_true(record->value.data == NULL || ks_slice_equal(record->value, ks_slice_cstr(value)));
}

static size_t check_all(fixture *self, const model *wanted)
{
    int last[KEYS];
    for (int i = 0; i < KEYS; i++) {
        last[i] = -1;
    }
    int64_t before = -1;
    size_t total = 0;
    size_t count = 1;
    ksi_consumer *consumer = NULL;
    size_t slot = open_reader(self, &consumer);
    while (count > 0) {
        ks_log_record records[10];
        assert_int_equal(consumer->class->poll(consumer, slot, records, 10, &count, &self->error),
                         KS_OK);
        for (size_t i = 0; i < count; i++) {
            check_record(wanted, &records[i], &before);
            last[wanted->key[records[i].offset]] = wanted->value[records[i].offset];
        }
        total += count;
    }
    assert_int_equal(consumer->class->position(consumer, slot), wanted->count);
    consumer->class->close(consumer);
    assert_memory_equal(last, wanted->last, sizeof last);
    return total;
}

static void compaction_at_random_keeps_what_a_table_is_made_of(void **state)
{
    (void)state;
    static model wanted;
    wanted = (model){.count = 0};
    for (int i = 0; i < KEYS; i++) {
        wanted.last[i] = -1;
    }
    fixture self;
    begin(&self, true);
    create(&self, compacted, 5);
    int64_t now = ksi_wall_ms(&ksi_system_clock);
    ksi_consumer *slow = NULL; /* reads on in segments that are gone */
    size_t slot = open_reader(&self, &slow);
    int64_t slow_before = -1;
    size_t compactions = 0;
    while (wanted.count < RECORDS) {
        int key = (int)(below(3) == 0 ? below(KEYS) : below(3));
        int value = below(6) == 0 ? -1 : (int)below(1000);
        char key_text[16];
        char value_text[16];
        (void)snprintf(key_text, sizeof key_text, "key %d", key);
        (void)snprintf(value_text, sizeof value_text, "%d", value);
        wanted.key[wanted.count] = key;
        wanted.value[wanted.count++] = value;
        wanted.last[key] = value;
        send(&self, key_text, value < 0 ? NULL : value_text, now);
        now += 3;
        if (below(100) == 0) {
            compactions += step(&self, now).segments_compacted;
            assert_true(check_all(&self, &wanted) <= (size_t)wanted.count);
        }
        if (below(10) == 0) {
            ks_log_record record;
            size_t count = 0;
            assert_int_equal(slow->class->poll(slow, slot, &record, 1, &count, &self.error), KS_OK);
            if (count == 1) {
                check_record(&wanted, &record, &slow_before);
            }
        }
    }
    assert_true(compactions > 10);
    assert_true(check_all(&self, &wanted) < RECORDS / 2);
    slow->class->close(slow);
    close_log(&self);
    open_log(&self);
    assert_true(check_all(&self, &wanted) < RECORDS / 2);
    close_log(&self);
}

/* ---- crashes --------------------------------------------------------------------------------- */

static const char *crash_point;

static void crash_here(const char *point)
{
    if (strcmp(point, crash_point) == 0) {
        (void)kill(getpid(), SIGKILL);
    }
}

/* child DIR POINT: compacts, and dies at the point. */
static int child_main(char **arguments)
{
    ks_log *log = ks_log_open(arguments[0], NULL);
    if (log == NULL) {
        return 3;
    }
    ksi_transport *transport = ksi_log_transport(log);
    ksi_housekeeping done;
    crash_point = arguments[1];
    ksi_crash_hook = crash_here;
    ks_status status = ksi_embedded_housekeep(ksi_embedded_log_of(transport),
                                              ksi_wall_ms(&ksi_system_clock), &done, NULL);
    transport->class->release(transport);
    ks_log_free(log);
    return status == KS_OK ? 0 : 3;
}

static void a_compaction_that_is_killed_has_happened_or_not(void **state)
{
    (void)state;
    static const char *const points[] = {"log.compact.before-swap", "log.compact.swapped"};
    for (size_t p = 0; p < 2; p++) {
        char text[512];
        fixture self;
        begin(&self, true);
        create(&self, compacted, 5);
        send(&self, "a", "1", 0);
        send(&self, "a", "2", 0);
        roll(&self);
        send(&self, "b", "1", 0);
        close_log(&self);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            char program[] = "test_housekeeping";
            char mode[] = "child";
            char point[64];
            (void)snprintf(point, sizeof point, "%s", points[p]);
            char *arguments[] = {program, mode, self.servers, point, NULL};
            (void)execv("/proc/self/exe", arguments);
            _exit(127);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        open_log(&self);
        (void)closed_records(&self, text, sizeof text);
        assert_string_equal(text, p == 0 ? "0:a=v 1:a=v 3:b=v " : "1:a=v 3:b=v ");
        (void)step(&self, ksi_wall_ms(&ksi_system_clock));
        (void)closed_records(&self, text, sizeof text);
        assert_string_equal(text, "1:a=v 3:b=v ");
        close_log(&self);
    }
}

int main(int count, char **arguments)
{
    if (count == 4 && strcmp(arguments[1], "child") == 0) {
        return child_main(arguments + 2);
    }
    const char *given = getenv("KSTREAMS_TEST_SEED");
    seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    (void)printf("seed %u\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_records_go),
        cmocka_unit_test(what_is_only_compacted_or_kept_for_ever_does_not_go),
        cmocka_unit_test(the_last_record_of_each_key_stays_with_its_offset),
        cmocka_unit_test(young_records_are_left_alone),
        cmocka_unit_test(compaction_at_random_keeps_what_a_table_is_made_of),
        cmocka_unit_test(a_compaction_that_is_killed_has_happened_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
