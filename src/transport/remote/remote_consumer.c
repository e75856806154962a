/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_consumer.c - reading a log that another process holds, page by page.
 *
 *     poll   from the page of the slot; when it is used up, the next page is asked for
 *     wait   is asked of the holder, which answers when there is something; a wake-up follows it
 *            on the same connection
 *
 * A page stays where it was received, and records are slices into it. What a poll gave is therefore
 * good until the poll that asks for the next page.
 *
 * Waiting: `lock` guards `woken`, `is_waiting` and sending, for a wake-up is sent by another thread
 * while this one receives.
 *
 * Thread rule: the consumer's owner; wake() any thread.
 */
#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/remote/remote_transport.h"

/* A number beyond it is a mistake of the holder, and no reason to take all memory. */
enum { MOST_SLOTS = 1000000 };

typedef struct remote_slot {
    char *topic; /* NULL: the slot is free */
    int32_t partition;
    bool watched;
    int64_t position; /* of the next poll */
    int64_t after;    /* behind the page */
    int64_t end;      /* as last seen */
    ksi_buffer page;  /* an answer; records point into it */
    ksi_batch_cursor cursor;
    ks_log_record next; /* the record that comes next, when `has_next` */
    bool has_next;
    ks_arena arena; /* headers of what the last poll gave */
} remote_slot;

typedef struct remote_consumer {
    ksi_consumer consumer; /* first */
    ksi_transport *transport;
    ksi_remote_connection *connection;
    remote_slot *slots; /* by the holder's numbers */
    size_t slot_capacity;
    ksi_mutex lock;
    ksi_buffer wake; /* the request of wake() */
    uint32_t wait_number;
    bool is_waiting;
    bool woken;
} remote_consumer;

static remote_consumer *consumer_of(ksi_consumer *self)
{
    return (remote_consumer *)self;
}

static remote_slot *slot_of(ksi_consumer *self, size_t slot)
{
    remote_consumer *consumer = consumer_of(self);
    KSI_ASSERT(slot < consumer->slot_capacity && consumer->slots[slot].topic != NULL);
    return &consumer->slots[slot];
}

/* ---- slots ----------------------------------------------------------------------------------- */

static ks_status consumer_assign(ksi_consumer *self, ksi_topic_partition at, int64_t offset,
                                 size_t *slot, ks_error *error)
{
    remote_consumer *consumer = consumer_of(self);
    ksi_buffer *request = ksi_remote_begin(consumer->connection, KSI_CALL_ASSIGN);
    ksi_put_place(request, at);
    ksi_put_i64(request, offset);
    ksi_frame_reader answer;
    KS_TRY(ksi_remote_ask(consumer->connection, &answer, error));
    uint32_t number = ksi_take_u32(&answer);
    answer.failed = answer.failed || number >= MOST_SLOTS;
    KS_TRY(ksi_remote_done(consumer->connection, &answer, error));
    size_t had = consumer->slot_capacity;
    consumer->slots = ksi_grow(consumer->slots, &consumer->slot_capacity, (size_t)number + 1,
                               sizeof *consumer->slots);
    if (consumer->slot_capacity > had) {
        memset(consumer->slots + had, 0, (consumer->slot_capacity - had) * sizeof(remote_slot));
    }
    remote_slot *taken = &consumer->slots[number];
    *taken = (remote_slot){.topic = ksi_strdup(at.topic),
                           .partition = at.partition,
                           .watched = true,
                           .position = offset,
                           .after = offset};
    ksi_arena_init(&taken->arena, 0);
    *slot = number;
    return KS_OK;
}

static void free_slot(remote_slot *slot)
{
    ksi_buffer_destroy(&slot->page);
    ksi_arena_destroy(&slot->arena);
    ksi_free(slot->topic);
    *slot = (remote_slot){0};
}

static void consumer_unassign(ksi_consumer *self, size_t number)
{
    remote_consumer *consumer = consumer_of(self);
    free_slot(slot_of(self, number));
    ksi_put_u32(ksi_remote_begin(consumer->connection, KSI_CALL_UNASSIGN), (uint32_t)number);
    /* When this fails the connection is lost, and the slot with it. */
    ks_status status = ksi_remote_tell(consumer->connection, NULL);
    (void)status;
}

/* ---- polling --------------------------------------------------------------------------------- */

/* Makes `next` the record behind the one it is. */
static void advance(remote_slot *slot)
{
    slot->has_next = ksi_batch_next(&slot->cursor, &slot->next, &slot->arena);
}

static ks_status fetch_page(remote_consumer *consumer, size_t number, ks_error *error)
{
    remote_slot *slot = &consumer->slots[number];
    ksi_remote_connection *connection = consumer->connection;
    ksi_put_u32(ksi_remote_begin(connection, KSI_CALL_FETCH), (uint32_t)number);
    ksi_frame_reader answer;
    KS_TRY(ksi_remote_ask(connection, &answer, error));
    int64_t after = ksi_take_i64(&answer);
    int64_t end = ksi_take_i64(&answer);
    ksi_frame_reader rest = answer;
    bool is_empty = ksi_take_bytes(&rest).data == NULL;
    if (is_empty) {
        answer = rest;
    } else {
        (void)ksi_take_records(&answer, &slot->cursor);
    }
    KS_TRY(ksi_remote_done(connection, &answer, error));
    slot->after = after;
    slot->end = end;
    if (is_empty) {
        slot->position = after;
        return KS_OK;
    }
    /* The answer becomes the page, and the old page the place of the next answer. */
    ksi_buffer received = connection->answer;
    connection->answer = slot->page;
    slot->page = received;
    advance(slot);
    return KS_OK;
}

static ks_status consumer_poll(ksi_consumer *self, size_t number, ks_log_record *records,
                               size_t capacity, size_t *count, ks_error *error)
{
    remote_slot *slot = slot_of(self, number);
    *count = 0;
    if (!slot->has_next) {
        ksi_arena_reset(&slot->arena);
        KS_TRY(fetch_page(consumer_of(self), number, error));
    }
    while (slot->has_next && *count < capacity) {
        records[*count] = slot->next;
        records[*count].partition = slot->partition;
        slot->position = slot->next.offset + 1;
        (*count)++;
        advance(slot);
    }
    if (!slot->has_next) {
        slot->position = slot->after;
    }
    return KS_OK;
}

static void consumer_watch(ksi_consumer *self, size_t number, bool watched)
{
    remote_consumer *consumer = consumer_of(self);
    remote_slot *slot = slot_of(self, number);
    if (slot->watched == watched) {
        return;
    }
    slot->watched = watched;
    ksi_buffer *request = ksi_remote_begin(consumer->connection, KSI_CALL_WATCH);
    ksi_put_u32(request, (uint32_t)number);
    ksi_put_u8(request, watched);
    ks_status status = ksi_remote_tell(consumer->connection, NULL); /* the next poll tells */
    (void)status;
}

static int64_t consumer_position(ksi_consumer *self, size_t slot)
{
    return slot_of(self, slot)->position;
}

static int64_t consumer_end_offset(ksi_consumer *self, size_t number)
{
    remote_consumer *consumer = consumer_of(self);
    remote_slot *slot = slot_of(self, number);
    const ksi_topic_partition at = {.topic = slot->topic, .partition = slot->partition};
    ksi_put_place(ksi_remote_begin(consumer->connection, KSI_CALL_OFFSETS), at);
    ksi_frame_reader answer;
    if (ksi_remote_ask(consumer->connection, &answer, NULL) == KS_OK) {
        (void)ksi_take_i64(&answer);
        int64_t end = ksi_take_i64(&answer);
        slot->end = answer.failed ? slot->end : end;
    }
    return slot->end;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Whether a poll gives something without asking. */
static bool has_page(const remote_consumer *consumer)
{
    for (size_t i = 0; i < consumer->slot_capacity; i++) {
        const remote_slot *slot = &consumer->slots[i];
        if (slot->topic != NULL && slot->watched && slot->has_next) {
            return true;
        }
    }
    return false;
}

/* Asks the holder to wait; false when there is nothing to wait for. */
static bool begin_wait(remote_consumer *consumer, int64_t timeout_ms)
{
    ksi_mutex_lock(&consumer->lock);
    bool waits = !consumer->woken && !has_page(consumer);
    if (waits) {
        ksi_buffer *request = ksi_remote_begin(consumer->connection, KSI_CALL_WAIT);
        ksi_put_u32(request, ++consumer->wait_number);
        ksi_put_i64(request, timeout_ms);
        waits = ksi_remote_send(consumer->connection, NULL) == KS_OK;
    }
    consumer->is_waiting = waits;
    consumer->woken = waits && consumer->woken;
    ksi_mutex_unlock(&consumer->lock);
    return waits;
}

static void consumer_wait(ksi_consumer *self, int64_t timeout_ms)
{
    remote_consumer *consumer = consumer_of(self);
    if (!begin_wait(consumer, timeout_ms)) {
        return;
    }
    ksi_frame_reader answer;
    ks_status status = ksi_remote_receive(consumer->connection, &answer, NULL);
    (void)status; /* a connection that is lost ends a wait, and the next poll tells */
    ksi_mutex_lock(&consumer->lock);
    consumer->is_waiting = false;
    consumer->woken = false;
    ksi_mutex_unlock(&consumer->lock);
}

static void consumer_wake(ksi_consumer *self)
{
    remote_consumer *consumer = consumer_of(self);
    ksi_mutex_lock(&consumer->lock);
    if (consumer->is_waiting && !consumer->woken) {
        ksi_frame_begin(&consumer->wake);
        ksi_put_u8(&consumer->wake, KSI_CALL_WAKE);
        ksi_put_u32(&consumer->wake, consumer->wait_number);
        bool sent = ksi_frame_send(consumer->connection->socket, &consumer->wake);
        (void)sent; /* else the holder is gone, which ends the wait, too */
    }
    consumer->woken = true;
    ksi_mutex_unlock(&consumer->lock);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void consumer_close(ksi_consumer *self)
{
    if (self == NULL) {
        return;
    }
    remote_consumer *consumer = consumer_of(self);
    for (size_t i = 0; i < consumer->slot_capacity; i++) {
        if (consumer->slots[i].topic != NULL) {
            free_slot(&consumer->slots[i]);
        }
    }
    ksi_remote_disconnect(consumer->connection);
    consumer->transport->class->release(consumer->transport);
    ksi_buffer_destroy(&consumer->wake);
    ksi_mutex_destroy(&consumer->lock);
    ksi_free(consumer->slots);
    ksi_free(consumer);
}

static const ksi_consumer_class remote_consumer_class = {
    .assign = consumer_assign,
    .unassign = consumer_unassign,
    .poll = consumer_poll,
    .watch = consumer_watch,
    .wait = consumer_wait,
    .wake = consumer_wake,
    .position = consumer_position,
    .end_offset = consumer_end_offset,
    .close = consumer_close,
};

ksi_consumer *ksi_remote_consumer_open(ksi_transport *transport, ksi_reads reads, ks_error *error)
{
    (void)reads;
    const ksi_remote *remote = (const ksi_remote *)transport;
    ksi_remote_connection *connection = ksi_remote_connect(remote->path, error);
    if (connection == NULL) {
        return NULL;
    }
    (void)ksi_remote_begin(connection, KSI_CALL_OPEN_CONSUMER);
    if (ksi_remote_tell(connection, error) != KS_OK) {
        ksi_remote_disconnect(connection);
        return NULL;
    }
    remote_consumer *consumer = ksi_calloc(1, sizeof *consumer);
    consumer->consumer.class = &remote_consumer_class;
    consumer->transport = transport;
    consumer->connection = connection;
    ksi_mutex_init(&consumer->lock);
    transport->class->retain(transport);
    return &consumer->consumer;
}
