/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kafka_offsets.c - where partitions end is asked of who leads them now.
 */
#include "mock_cluster.h"

/* Asks as one does whose work waits for it: again, as long as that is said to help. */
static int64_t end_of(mock_fixture *self, ksi_topic_partition at, bool is_high_watermark)
{
    const ksi_transport_class *class = self->transport->class;
    int64_t begin = -1;
    int64_t end = -1;
    for (int tries = 0; tries < 3; tries++) {
        ks_status status = is_high_watermark
                               ? class->high_watermark(self->transport, at, &end, &self->error)
                               : class->offsets(self->transport, at, &begin, &end, &self->error);
        if (status == KS_OK) {
            return end;
        }
        assert_true((self->error.flags & KS_ERROR_RETRIABLE) != 0);
    }
    fail_msg("after three calls still: %s", self->error.message);
    return -1;
}

static void lead_by(mock_fixture *self, int32_t broker)
{
    assert_int_equal(rd_kafka_mock_partition_set_leader(self->cluster, "t", 0, broker),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void the_ends_of_a_partition_are_known_to_its_next_leader(void **state)
{
    mock_fixture *self = *state;
    ksi_producer *producer = mock_producer(self, NULL);
    mock_topic(self, "t", 1);
    lead_by(self, 1);
    assert_ok(mock_send(self, producer, "t", 0, "one"));
    assert_ok(producer->class->flush(producer, &self->error));
    producer->class->close(producer);
    for (int32_t broker = 1; broker <= 2; broker++) {
        lead_by(self, broker);
        assert_int_equal(end_of(self, mock_at("t", 0), false), 1);
        assert_int_equal(end_of(self, mock_at("t", 0), true), 1);
    }
}

static void the_offset_of_a_timestamp_is_known_to_its_next_leader(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "t", 1);
    for (int32_t broker = 1; broker <= 2; broker++) {
        ks_status status = KS_E_IO;
        int64_t offset = -1;
        lead_by(self, broker);
        for (int tries = 0; tries < 3 && status != KS_OK; tries++) {
            status = self->transport->class->offset_at(self->transport, mock_at("t", 0), 0, &offset,
                                                       &self->error);
        }
        assert_ok(status);
        assert_int_equal(offset, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST_OF_TWO(the_ends_of_a_partition_are_known_to_its_next_leader),
        MOCK_TEST_OF_TWO(the_offset_of_a_timestamp_is_known_to_its_next_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
