/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kafka_transaction.c - transactions, and what may happen to them, over a mock cluster.
 *
 * The mock has no isolation: what an abort leaves behind is looked at against a real broker.
 */
#include "base/clock.h"
#include "mock_cluster.h"

static const ksi_producer_options transactional = {.transactional_id = "app-1"};

static ks_status commit_offset(mock_fixture *self, ksi_producer *producer)
{
    static const char metadata[] = "AgAAAAAAAAAA";
    const ksi_generation generation = {.member = "member", .number = 3};
    const ksi_group_offset offset = {
        .partition = mock_at("in", 0), .offset = 7, .metadata = ks_slice_cstr(metadata)};
    const ksi_offset_commit commit = {
        .group = "group", .generation = &generation, .offsets = &offset, .count = 1};
    return producer->class->commit(producer, &commit, &self->error);
}

static void set_up_topics(mock_fixture *self)
{
    mock_topic(self, "in", 1);
    mock_topic(self, "out", 1);
}

/* A transaction of one record, and one that has only its offsets. */
static void records_and_offsets_are_committed(void **state)
{
    mock_fixture *self = *state;
    set_up_topics(self);
    ksi_producer *producer = mock_producer(self, &transactional);
    assert_ok(producer->class->commit(producer, NULL, &self->error)); /* of nothing */
    assert_ok(mock_send(self, producer, "out", 0, "a"));
    assert_ok(producer->class->flush(producer, &self->error));
    assert_ok(commit_offset(self, producer));
    assert_int_equal(producer->class->pending_bytes(producer), 0);
    assert_int_equal(producer->class->last_offset(producer, mock_at("out", 0)), 0);
    assert_ok(commit_offset(self, producer));
    assert_ok(mock_send(self, producer, "out", 0, "b"));
    assert_ok(producer->class->commit(producer, NULL, &self->error));
    assert_string_equal(mock_values(self, "out", 0), " a b");
    producer->class->close(producer);
}

static void an_abort_drops_what_was_sent_and_the_next_transaction_counts(void **state)
{
    mock_fixture *self = *state;
    set_up_topics(self);
    ksi_producer *producer = mock_producer(self, &transactional);
    assert_ok(producer->class->abort(producer, &self->error)); /* of nothing */
    for (int i = 0; i < 100; i++) {
        assert_ok(mock_send(self, producer, "out", 0, "a"));
    }
    assert_ok(producer->class->abort(producer, &self->error));
    assert_int_equal(producer->class->pending_bytes(producer), 0);
    assert_ok(mock_send(self, producer, "out", 0, "b"));
    assert_ok(commit_offset(self, producer));
    const char *values = mock_values(self, "out", 0);
    assert_string_equal(values + strlen(values) - 2, " b");
    producer->class->close(producer);
}

static void a_commit_without_an_answer_is_settled_by_the_same_call(void **state)
{
    mock_fixture *self = *state;
    set_up_topics(self);
    ksi_producer *producer = mock_producer(self, &transactional);
    assert_ok(mock_send(self, producer, "out", 0, "a"));
    mock_answer(self, MOCK_END_TXN, RD_KAFKA_RESP_ERR_NO_ERROR, 1500);
    assert_refused(commit_offset(self, producer), KS_E_TIMEOUT, KS_ERROR_RETRIABLE);
    assert_ok(commit_offset(self, producer));
    /* Some request may still be on its way: no other transaction by this client. */
    assert_refused(mock_send(self, producer, "out", 0, "b"), KS_E_TIMEOUT, KS_ERROR_ABORT);
    assert_refused(commit_offset(self, producer), KS_E_TIMEOUT, KS_ERROR_ABORT);
    producer->class->close(producer);
    producer = mock_producer(self, &transactional);
    assert_ok(mock_send(self, producer, "out", 0, "b"));
    assert_ok(commit_offset(self, producer));
    assert_string_equal(mock_values(self, "out", 0), " a b");
    producer->class->close(producer);
}

static void deliveries_that_are_late_are_waited_for_by_the_same_call(void **state)
{
    mock_fixture *self = *state;
    set_up_topics(self);
    ksi_producer *producer = mock_producer(self, &transactional);
    mock_answer(self, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NO_ERROR, 1500);
    assert_ok(mock_send(self, producer, "out", 0, "a"));
    assert_refused(commit_offset(self, producer), KS_E_TIMEOUT, KS_ERROR_RETRIABLE);
    assert_ok(commit_offset(self, producer));
    assert_ok(mock_send(self, producer, "out", 0, "b"));
    assert_ok(commit_offset(self, producer));
    assert_string_equal(mock_values(self, "out", 0), " a b");
    producer->class->close(producer);
}

/* ---- what makes a transaction void ----------------------------------------------------------- */

/* A commit meets this answer; what is then said, by it and by all that follows. */
static void refuse_commit(mock_fixture *self, int16_t request, rd_kafka_resp_err_t code,
                          ks_status status, uint32_t flags)
{
    ksi_producer *producer = mock_producer(self, &transactional);
    assert_ok(mock_send(self, producer, "out", 0, "a"));
    mock_answer(self, request, code, 0);
    assert_refused(commit_offset(self, producer), status, flags);
    assert_refused(commit_offset(self, producer), status, flags);
    assert_refused(mock_send(self, producer, "out", 0, "b"), status, flags);
    assert_refused(producer->class->abort(producer, &self->error), status, flags);
    producer->class->close(producer);
    producer = mock_producer(self, &transactional);
    assert_ok(mock_send(self, producer, "out", 0, "c"));
    assert_ok(commit_offset(self, producer));
    producer->class->close(producer);
}

static void a_group_that_went_on_voids_the_transaction(void **state)
{
    mock_fixture *self = *state;
    set_up_topics(self);
    refuse_commit(self, MOCK_TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, KS_E_STATE,
                  KS_ERROR_ABORT);
    refuse_commit(self, MOCK_TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, KS_E_STATE,
                  KS_ERROR_ABORT);
    refuse_commit(self, MOCK_TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, KS_E_FENCED,
                  0);
    refuse_commit(self, MOCK_TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, KS_E_FENCED,
                  0);
}

static void another_producer_of_the_id_fences_this_one(void **state)
{
    mock_fixture *self = *state;
    set_up_topics(self);
    refuse_commit(self, MOCK_END_TXN, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, KS_E_FENCED, 0);
    refuse_commit(self, MOCK_TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
                  KS_E_FENCED, 0);
    refuse_commit(self, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, KS_E_FENCED, 0);
}

static void offsets_that_ran_out_of_time_void_the_transaction(void **state)
{
    mock_fixture *self = *state;
    set_up_topics(self);
    mock_set(self, "producer.request.timeout.ms", "1000");
    ksi_producer *producer = mock_producer(self, &transactional);
    assert_ok(mock_send(self, producer, "out", 0, "a"));
    mock_answer(self, MOCK_TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_NO_ERROR, 3000);
    assert_refused(commit_offset(self, producer), KS_E_TIMEOUT, KS_ERROR_ABORT);
    assert_refused(commit_offset(self, producer), KS_E_TIMEOUT, KS_ERROR_ABORT);
    producer->class->close(producer);
}

static void what_may_not_be_done_is_no_reason_to_try_again(void **state)
{
    mock_fixture *self = *state;
    set_up_topics(self);
    refuse_commit(self, MOCK_TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                  KS_E_IO, 0);
}

static ks_status accept_loss(void *owner, uint32_t sender, const char *topic,
                             const ks_log_record *record, const ks_error *reason, ks_error *error)
{
    (void)sender, (void)topic, (void)record, (void)reason, (void)error;
    ++*(int *)owner;
    return KS_OK;
}

static void a_transaction_cannot_be_committed_without_one_of_its_records(void **state)
{
    mock_fixture *self = *state;
    set_up_topics(self);
    int asked = 0;
    const ksi_producer_options options = {
        .transactional_id = "app-1", .undelivered = accept_loss, .owner = &asked};
    ksi_producer *producer = mock_producer(self, &options);
    mock_answer(self, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 0);
    assert_ok(mock_send(self, producer, "out", 0, "a"));
    assert_refused(commit_offset(self, producer), KS_E_LIMIT, 0);
    assert_int_equal(asked, 1);
    producer->class->close(producer);
}

/* ---- an outage ------------------------------------------------------------------------------- */

static void opening_without_a_broker_may_be_tried_again(void **state)
{
    mock_fixture *self = *state;
    set_up_topics(self);
    assert_int_equal(rd_kafka_mock_broker_set_down(self->cluster, 1), 0);
    self->error = (ks_error){0};
    assert_null(ksi_kafka_producer_open(self->transport, &transactional, &self->error));
    assert_true((self->error.flags & KS_ERROR_RETRIABLE) != 0);
    assert_int_equal(rd_kafka_mock_broker_set_up(self->cluster, 1), 0);
    ksi_producer *producer = NULL;
    while (producer == NULL) {
        self->error = (ks_error){0};
        producer = ksi_kafka_producer_open(self->transport, &transactional, &self->error);
        assert_true(producer != NULL || (self->error.flags & KS_ERROR_RETRIABLE) != 0);
    }
    producer->class->close(producer);
}

static void closing_an_open_transaction_without_a_broker_ends(void **state)
{
    mock_fixture *self = *state;
    set_up_topics(self);
    ksi_producer *producer = mock_producer(self, &transactional);
    assert_ok(mock_send(self, producer, "out", 0, "a"));
    assert_int_equal(rd_kafka_mock_broker_set_down(self->cluster, 1), 0);
    assert_ok(mock_send(self, producer, "out", 0, "b"));
    int64_t begin = ksi_monotonic_ms(&ksi_system_clock);
    producer->class->close(producer);
    assert_true(ksi_monotonic_ms(&ksi_system_clock) - begin < 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(records_and_offsets_are_committed),
        MOCK_TEST(an_abort_drops_what_was_sent_and_the_next_transaction_counts),
        MOCK_TEST(a_commit_without_an_answer_is_settled_by_the_same_call),
        MOCK_TEST(deliveries_that_are_late_are_waited_for_by_the_same_call),
        MOCK_TEST(a_group_that_went_on_voids_the_transaction),
        MOCK_TEST(another_producer_of_the_id_fences_this_one),
        MOCK_TEST(offsets_that_ran_out_of_time_void_the_transaction),
        MOCK_TEST(what_may_not_be_done_is_no_reason_to_try_again),
        MOCK_TEST(a_transaction_cannot_be_committed_without_one_of_its_records),
        MOCK_TEST(opening_without_a_broker_may_be_tried_again),
        MOCK_TEST(closing_an_open_transaction_without_a_broker_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
