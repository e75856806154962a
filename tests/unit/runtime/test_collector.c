/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_collector.c - which partition a record gets (collector.c), with a producer that remembers.
 */
#include "runtime/collector.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct {
    ksi_producer producer;
    int32_t partitions; /* of every topic */
    int counted;
    int32_t last; /* partition that was sent to */
} fake;

static ks_status send_record(ksi_producer *producer, uint32_t sender, const char *topic,
                             const ks_log_record *record, ks_error *error)
{
    (void)producer;
    (void)sender;
    (void)topic;
    (void)error;
    assert_in_range(record->partition, 0, fake.partitions - 1);
    fake.last = record->partition;
    return KS_OK;
}

static ks_status count(ksi_producer *producer, const char *topic, int32_t *partitions,
                       ks_error *error)
{
    (void)producer;
    (void)topic;
    (void)error;
    fake.counted++;
    *partitions = fake.partitions;
    return KS_OK;
}

static const ksi_producer_class remembering = {.send = send_record, .partition_count = count};

static void begin(ksi_collector *collector, int32_t partitions)
{
    fake.producer.class = &remembering;
    fake.partitions = partitions;
    fake.counted = 0;
    ksi_collector_init(collector, NULL, &fake.producer, 0);
}

static int32_t sent_to(ksi_collector *collector, const char *topic, const char *key)
{
    ks_error error;
    ksi_error_begin(&error);
    const ks_log_record record = {.key = key != NULL ? ks_slice_cstr(key) : (ks_slice){0},
                                  .partition = -1};
    assert_int_equal(ksi_collector_send(collector, KSI_SENT_RESULT, topic, &record, &error), KS_OK);
    return fake.last;
}

static void records_without_key_take_turns(void **state)
{
    (void)state;
    ksi_collector collector;
    begin(&collector, 3);
    for (int32_t i = 0; i < 7; i++) {
        assert_int_equal(sent_to(&collector, "out", NULL), i % 3);
    }
    ksi_collector_destroy(&collector);
}

static void a_topic_that_grows_fills_its_partitions_after_a_commit(void **state)
{
    (void)state;
    ksi_collector collector;
    begin(&collector, 2);
    assert_int_equal(sent_to(&collector, "out", "key"),
                     ks_partition_of_key(ks_slice_cstr("key"), 2));
    fake.partitions = 1000;
    assert_int_equal(sent_to(&collector, "out", "key"),
                     ks_partition_of_key(ks_slice_cstr("key"), 2)); /* one number for a commit */
    assert_int_equal(fake.counted, 1);
    ksi_collector_committed(&collector);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(sent_to(&collector, "out", "key"),
                         ks_partition_of_key(ks_slice_cstr("key"), 1000));
        (void)sent_to(&collector, "other", "key");
    }
    assert_int_equal(fake.counted, 3); /* each topic once */
    ksi_collector_destroy(&collector);
}

static void a_topic_that_went_is_named(void **state)
{
    (void)state;
    ks_error error;
    ksi_error_begin(&error);
    ksi_collector collector;
    int32_t partitions = 0;
    begin(&collector, 2);
    (void)sent_to(&collector, "out", NULL);
    fake.partitions = 0;
    ksi_collector_committed(&collector);
    assert_int_equal(ksi_collector_partition_count(&collector, "out", &partitions, &error),
                     KS_E_UNKNOWN_TOPIC);
    assert_string_equal(error.where, "out");
    fake.partitions = 2;
    assert_int_equal(sent_to(&collector, "out", NULL), 1); /* it is there again */
    ksi_collector_destroy(&collector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_without_key_take_turns),
        cmocka_unit_test(a_topic_that_grows_fills_its_partitions_after_a_commit),
        cmocka_unit_test(a_topic_that_went_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
