/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription.c - see subscription.h for the format.
 *
 * The list of an application's tasks is the same in every member and may be long, so it goes as
 * runs of partitions; the lists of what a member has are short, and go id by id.
 *
 * Thread rule: the caller's.
 */
#include "membership/kafka/subscription.h"

#include "base/arena.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "membership/kafka/wire.h"

#include <string.h>

enum {
    PROTOCOL_VERSION = 1, /* of the ConsumerProtocol: the first with owned partitions */
    SHUTS_DOWN = 1,
    SETTLED = 2,
    DISPUTED = 4,
    ID_BYTES = 8,
    STATE_BYTES = 16,
    RUN_BYTES = 13,
    TASKS_MAX = 1000000 /* a run of a few bytes must not ask for all memory */
};

/* ---- writing --------------------------------------------------------------------------------- */

static void put_text(ksi_buffer *to, const char *text)
{
    ksi_wire_put_string(to, text != NULL ? ks_slice_cstr(text) : (ks_slice){0});
}

static void put_id(ksi_buffer *to, ksi_task_id id)
{
    ksi_wire_put_i32(to, id.subtopology);
    ksi_wire_put_i32(to, id.partition);
}

static void put_ids(ksi_buffer *to, ksi_task_ids ids)
{
    ksi_wire_put_count(to, ids.count);
    for (size_t i = 0; i < ids.count; i++) {
        put_id(to, ids.items[i]);
    }
}

static size_t run_length(ksi_group_tasks tasks, size_t first)
{
    size_t length = 1;
    while (first + length < tasks.count) {
        const ksi_group_task *last = &tasks.items[first + length - 1];
        const ksi_group_task *next = &tasks.items[first + length];
        if (next->id.subtopology != last->id.subtopology ||
            next->id.partition - 1 != last->id.partition || next->stateful != last->stateful) {
            break;
        }
        length++;
    }
    return length;
}

static void put_tasks(ksi_buffer *to, ksi_group_tasks tasks)
{
    size_t runs = 0;
    for (size_t t = 0; t < tasks.count; t += run_length(tasks, t)) {
        runs++;
    }
    ksi_wire_put_count(to, runs);
    for (size_t t = 0; t < tasks.count;) {
        size_t length = run_length(tasks, t);
        put_id(to, tasks.items[t].id);
        ksi_wire_put_i32(to, (int32_t)length);
        ksi_wire_put_bool(to, tasks.items[t].stateful);
        t += length;
    }
}

static bool reads(const ksi_group_input *input, ksi_task_id id)
{
    return input->subtopology == id.subtopology && id.partition < input->partitions;
}

static size_t count_read(const ksi_group_input *input, ksi_task_ids ids)
{
    size_t count = 0;
    for (size_t i = 0; i < ids.count; i++) {
        count += reads(input, ids.items[i]);
    }
    return count;
}

/* The partitions that tasks read, by topic: for tools, and for the broker. */
static void put_partitions(ksi_buffer *to, ksi_group_inputs inputs, ksi_task_ids ids)
{
    size_t topics = 0;
    for (size_t n = 0; n < inputs.count; n++) {
        topics += count_read(&inputs.items[n], ids) > 0;
    }
    ksi_wire_put_count(to, topics);
    for (size_t n = 0; n < inputs.count; n++) {
        const ksi_group_input *input = &inputs.items[n];
        size_t count = count_read(input, ids);
        if (count == 0) {
            continue;
        }
        put_text(to, input->topic);
        ksi_wire_put_count(to, count);
        for (size_t i = 0; i < ids.count; i++) {
            if (reads(input, ids.items[i])) {
                ksi_wire_put_i32(to, ids.items[i].partition);
            }
        }
    }
}

static void put_subscription_data(ksi_buffer *to, const ksi_subscription *from)
{
    ksi_wire_put_i8(to, KSI_USER_DATA_VERSION);
    ksi_wire_put_i8(to, from->shuts_down ? SHUTS_DOWN : 0);
    ksi_wire_put_i32(to, from->generation);
    ksi_wire_put_i32(to, from->capacity);
    ksi_wire_put_i32(to, from->standbys);
    put_text(to, from->process_id);
    put_text(to, from->client_id);
    put_text(to, from->endpoint);
    put_tasks(to, from->tasks);
    put_ids(to, from->held);
    put_ids(to, from->target_active);
    put_ids(to, from->target_standby);
    ksi_wire_put_count(to, from->state_count);
    for (size_t i = 0; i < from->state_count; i++) {
        put_id(to, from->states[i].id);
        ksi_wire_put_i64(to, from->states[i].offsets);
    }
}

void ksi_subscription_write(const ksi_subscription *subscription, ksi_group_inputs inputs,
                            ksi_buffer *to)
{
    ksi_buffer data = {0};
    put_subscription_data(&data, subscription);
    ksi_wire_put_i16(to, PROTOCOL_VERSION);
    ksi_wire_put_count(to, inputs.count);
    for (size_t n = 0; n < inputs.count; n++) {
        put_text(to, inputs.items[n].topic);
    }
    ksi_wire_put_bytes(to, ksi_buffer_slice(&data));
    put_partitions(to, inputs, subscription->held);
    ksi_buffer_destroy(&data);
}

void ksi_assignment_write(const ksi_assignment *assignment, ksi_group_inputs inputs, ksi_buffer *to)
{
    ksi_buffer data = {0};
    int flags = (assignment->shuts_down ? SHUTS_DOWN : 0) | (assignment->settled ? SETTLED : 0) |
                (assignment->disputed ? DISPUTED : 0);
    ksi_wire_put_i8(&data, KSI_USER_DATA_VERSION);
    ksi_wire_put_i8(&data, (int8_t)flags);
    ksi_wire_put_i32(&data, (int32_t)assignment->checksum);
    put_text(&data, assignment->refusal);
    put_ids(&data, assignment->active);
    put_ids(&data, assignment->awaited);
    put_ids(&data, assignment->owed);
    put_ids(&data, assignment->standby);
    ksi_wire_put_i16(to, PROTOCOL_VERSION);
    put_partitions(to, inputs, assignment->active);
    ksi_wire_put_bytes(to, ksi_buffer_slice(&data));
    ksi_buffer_destroy(&data);
}

uint32_t ksi_tasks_checksum(ksi_group_tasks tasks)
{
    ksi_buffer bytes = {0};
    put_tasks(&bytes, tasks);
    uint32_t checksum = ksi_crc32c(0, bytes.data, bytes.size);
    ksi_buffer_destroy(&bytes);
    return checksum;
}

/* ---- reading --------------------------------------------------------------------------------- */

static const char *take_optional_text(ksi_wire_reader *from, ks_arena *arena)
{
    ks_slice text = ksi_wire_take_optional_string(from);
    if (text.data == NULL) {
        return NULL;
    }
    return ksi_arena_format(arena, "%.*s", (int)text.size, text.data);
}

static const char *take_text(ksi_wire_reader *from, ks_arena *arena)
{
    const char *text = take_optional_text(from, arena);
    from->failed = from->failed || text == NULL;
    return text != NULL ? text : "";
}

static ksi_task_id take_id(ksi_wire_reader *from)
{
    ksi_task_id id = {.subtopology = ksi_wire_take_i32(from)};
    id.partition = ksi_wire_take_i32(from);
    return id;
}

static ksi_task_ids take_ids(ksi_wire_reader *from, ks_arena *arena)
{
    size_t count = ksi_wire_take_count(from, ID_BYTES);
    ksi_task_id *ids = ksi_arena_alloc(arena, (count + 1) * sizeof *ids);
    for (size_t i = 0; i < count; i++) {
        ids[i] = take_id(from);
    }
    return (ksi_task_ids){ids, count};
}

/* Adds a run behind what is there; false when it does not come after it, or is none. */
static bool add_run(ksi_group_task *tasks, size_t *count, ksi_group_task first, int32_t length)
{
    if (first.id.partition < 0 || length <= 0 || (size_t)length > TASKS_MAX - *count ||
        first.id.partition > INT32_MAX - length ||
        (*count > 0 && ksi_task_id_compare(tasks[*count - 1].id, first.id) >= 0)) {
        return false;
    }
    for (int32_t i = 0; i < length; i++) {
        tasks[*count] = first;
        tasks[(*count)++].id.partition = first.id.partition + i;
    }
    return true;
}

static size_t count_tasks(ksi_wire_reader from, size_t runs)
{
    size_t count = 0;
    for (size_t i = 0; i < runs; i++) {
        (void)take_id(&from);
        int32_t length = ksi_wire_take_i32(&from);
        (void)ksi_wire_take_bool(&from);
        count += length > 0 && length <= TASKS_MAX ? (size_t)length : 0;
    }
    return count < TASKS_MAX ? count : TASKS_MAX;
}

static ksi_group_tasks take_tasks(ksi_wire_reader *from, ks_arena *arena)
{
    size_t runs = ksi_wire_take_count(from, RUN_BYTES);
    size_t capacity = count_tasks(*from, runs);
    ksi_group_task *tasks = ksi_arena_alloc(arena, (capacity + 1) * sizeof *tasks);
    size_t count = 0;
    for (size_t i = 0; i < runs && !from->failed; i++) {
        ksi_group_task first = {.id = take_id(from)};
        int32_t length = ksi_wire_take_i32(from);
        first.stateful = ksi_wire_take_bool(from);
        from->failed = from->failed || !add_run(tasks, &count, first, length);
    }
    return (ksi_group_tasks){tasks, count};
}

static void take_states(ksi_wire_reader *from, ks_arena *arena, ksi_subscription *to)
{
    to->state_count = ksi_wire_take_count(from, STATE_BYTES);
    ksi_task_state *states = ksi_arena_alloc(arena, (to->state_count + 1) * sizeof *states);
    for (size_t i = 0; i < to->state_count; i++) {
        states[i].id = take_id(from);
        states[i].offsets = ksi_wire_take_i64(from);
    }
    to->states = states;
}

/* Of user data: KS_OK when it is of a version that is known. */
static ks_status take_version(ksi_wire_reader *from, const char *whose, ks_error *error)
{
    int8_t version = ksi_wire_take_i8(from);
    if (from->failed || version < 1) {
        return ksi_error_set(error, KS_E_CORRUPT, NULL,
                             "the %s has no user data of this library: is another program in the "
                             "group?",
                             whose);
    }
    if (version > KSI_USER_DATA_VERSION) {
        return ksi_error_set(error, KS_E_NOT_BUILT, NULL,
                             "the %s has user data of version %d, and versions up to %d are known "
                             "here: upgrade the older instances first, or run one version of the "
                             "library in the whole group",
                             whose, version, KSI_USER_DATA_VERSION);
    }
    return KS_OK;
}

static ks_status check_complete(const ksi_wire_reader *from, const char *whose, ks_error *error)
{
    return ksi_wire_is_good(from)
               ? KS_OK
               : ksi_error_set(error, KS_E_CORRUPT, NULL, "the %s cannot be read", whose);
}

static ks_slice take_subscription_data(ksi_wire_reader *from)
{
    (void)ksi_wire_take_i16(from); /* newer ones add fields behind */
    size_t topics = ksi_wire_take_count(from, sizeof(int16_t));
    for (size_t i = 0; i < topics; i++) {
        (void)ksi_wire_take_string(from);
    }
    return ksi_wire_take_bytes(from);
}

static ks_slice take_assignment_data(ksi_wire_reader *from)
{
    (void)ksi_wire_take_i16(from);
    size_t topics = ksi_wire_take_count(from, sizeof(int16_t) + sizeof(int32_t));
    for (size_t i = 0; i < topics; i++) {
        (void)ksi_wire_take_string(from);
        size_t partitions = ksi_wire_take_count(from, sizeof(int32_t));
        for (size_t p = 0; p < partitions; p++) {
            (void)ksi_wire_take_i32(from);
        }
    }
    return ksi_wire_take_bytes(from);
}

typedef ks_slice user_data_fn(ksi_wire_reader *from);

/* Finds the user data in what the protocol has around it, and whether it is ours. */
static ks_status open_user_data(ks_slice bytes, user_data_fn *find, const char *whose,
                                ksi_wire_reader *from, ks_error *error)
{
    ksi_wire_reader outside = ksi_wire_reader_of(bytes);
    *from = ksi_wire_reader_of(find(&outside));
    KS_TRY(check_complete(&outside, whose, error));
    return take_version(from, whose, error);
}

ks_status ksi_subscription_read(ks_slice bytes, ks_arena *arena, ksi_subscription *subscription,
                                ks_error *error)
{
    static const char what[] = "subscription of a member";
    ksi_wire_reader from;
    *subscription = (ksi_subscription){.generation = -1};
    KS_TRY(open_user_data(bytes, take_subscription_data, what, &from, error));
    subscription->shuts_down = (ksi_wire_take_i8(&from) & SHUTS_DOWN) != 0;
    subscription->generation = ksi_wire_take_i32(&from);
    subscription->capacity = ksi_wire_take_i32(&from);
    subscription->standbys = ksi_wire_take_i32(&from);
    subscription->process_id = take_text(&from, arena);
    subscription->client_id = take_text(&from, arena);
    subscription->endpoint = take_optional_text(&from, arena);
    subscription->tasks = take_tasks(&from, arena);
    subscription->held = take_ids(&from, arena);
    subscription->target_active = take_ids(&from, arena);
    subscription->target_standby = take_ids(&from, arena);
    take_states(&from, arena, subscription);
    return check_complete(&from, what, error);
}

ks_status ksi_assignment_read(ks_slice bytes, ks_arena *arena, ksi_assignment *assignment,
                              ks_error *error)
{
    static const char what[] = "assignment from the group's leader";
    ksi_wire_reader from;
    *assignment = (ksi_assignment){0};
    KS_TRY(open_user_data(bytes, take_assignment_data, what, &from, error));
    int8_t flags = ksi_wire_take_i8(&from);
    assignment->shuts_down = (flags & SHUTS_DOWN) != 0;
    assignment->settled = (flags & SETTLED) != 0;
    assignment->disputed = (flags & DISPUTED) != 0;
    assignment->checksum = (uint32_t)ksi_wire_take_i32(&from);
    assignment->refusal = take_optional_text(&from, arena);
    assignment->active = take_ids(&from, arena);
    assignment->awaited = take_ids(&from, arena);
    assignment->owed = take_ids(&from, arena);
    assignment->standby = take_ids(&from, arena);
    return check_complete(&from, what, error);
}
