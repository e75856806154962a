/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classic_protocol.c - see classic_protocol.h for the states.
 *
 * Thread rule: one thread at a time.
 */
#include "membership/kafka/classic_protocol.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "membership/kafka/kafka_error.h"
#include "membership/kafka/leader.h"
#include "membership/kafka/member_tasks.h"

#include <string.h>

#define PROTOCOL_TYPE "consumer" /* by which tools know how to read the group */
#define PROTOCOL "kstreams"

enum {
    REQUEST_TIMEOUT_MS = 30000,
    JOIN_SLACK_MS = 5000, /* as Java: what a JoinGroup may take beyond the rebalance's timeout */
    HEARTBEAT_MS = 3000,
    HEARTBEATS_PER_SESSION = 3,
    UNSETTLED_MS = 200, /* between heartbeats while a task is awaited */
    RETRY_MS = 100,
    OTHERS_RETRY_MS = 1000,
    OTHERS_MS = 60000 /* the session of a client of another kind that stopped is over by then */
};

/* Whether the group still knows this member. */
typedef enum doubt { SURE, IN_DOUBT, ASKED } doubt;

typedef enum classic_state { JOINING, SYNCING, STABLE, LOST, FAILED } classic_state;

static const char *const state_names[] = {"joining", "syncing", "stable", "lost", "failed"};

struct ksi_classic {
    ksi_logger *logger;
    ks_arena texts; /* names, and every id it ever had: a generation lives as long as this */
    const char *group;
    const char *instance;
    const char *endpoint;
    const char *process_id;
    const char *client_id;
    const char *member; /* "" while it has no id */
    int32_t standbys;
    int64_t session_timeout_ms;
    int64_t rebalance_timeout_ms;
    int64_t request_timeout_ms;
    int64_t heartbeat_ms;
    ksi_group_inputs inputs;
    ksi_member_tasks tasks;

    classic_state state;
    int32_t generation;
    int32_t assigned; /* the generation of the last assignment */
    bool settled;
    bool shuts_down; /* the leader said so */
    bool asks_to_shut_down;
    uint64_t epoch;
    int32_t capacity;
    int32_t told_capacity; /* as the last JoinGroup said */
    bool told_to_shut_down;
    doubt doubt;
    uint32_t disputes;

    ksi_api in_flight;    /* 0: nothing is */
    ksi_buffer body;      /* of the request; a SyncGroup may go out again */
    int64_t due_ms;       /* of the next request */
    int64_t heard_ms;     /* the last answer, later by all the time it was parked since */
    int64_t seen_ms;      /* until when time was looked at */
    int64_t giving_up_ms; /* since when some, not all, was given up; -1: not so */
    int64_t others_ms;    /* since when clients of another kind are in the group; -1: not so */
    ks_error error;       /* why it failed, or is lost */
};

/* ---- states ---------------------------------------------------------------------------------- */

static void go(ksi_classic *self, classic_state to, int64_t due_ms, const char *why)
{
    if (self->state != to) {
        ksi_log(self->logger, KS_LOG_LEVEL_DEBUG, self->group, "membership: %s -> %s: %s",
                state_names[self->state], state_names[to], why);
    }
    self->state = to;
    self->due_ms = due_ms;
}

/* Whether an answer with this code is one that only members get. */
static bool is_for_members(int16_t code)
{
    return code == KSI_KAFKA_NONE || code == KSI_KAFKA_REBALANCE_IN_PROGRESS ||
           code == KSI_KAFKA_ILLEGAL_GENERATION;
}

/* An answer came. To a request that was sent before the doubt it says nothing. */
static void settle_doubt(ksi_classic *self, int16_t code, int64_t now_ms)
{
    if (self->doubt == ASKED && is_for_members(code)) {
        self->doubt = SURE;
    } else if (self->doubt == IN_DOUBT && self->state == STABLE) {
        self->due_ms = now_ms;
    }
}

static void fail(ksi_classic *self)
{
    (void)ksi_error_flag(&self->error, KS_ERROR_FATAL);
    ksi_log(self->logger, KS_LOG_LEVEL_ERROR, self->group, "membership failed: %s",
            self->error.message);
    go(self, FAILED, 0, "it cannot be a member");
}

static void lose(ksi_classic *self, const char *why)
{
    (void)ksi_error_set(&self->error, KS_E_FENCED, self->group,
                        "member %s %s; others may have its tasks by now: it drops what it runs and "
                        "joins again (when this happens to a healthy process, raise "
                        "session.timeout.ms)",
                        self->member, why);
    ksi_log(self->logger, KS_LOG_LEVEL_WARN, self->group, "member %s %s", self->member, why);
    go(self, LOST, 0, why);
}

static int64_t heartbeat_interval(const ksi_classic *self)
{
    return self->settled || self->heartbeat_ms < UNSETTLED_MS ? self->heartbeat_ms : UNSETTLED_MS;
}

static bool is_out(const ksi_classic *self)
{
    return self->state == LOST || self->state == FAILED;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void put_join(ksi_classic *self)
{
    ks_arena arena;
    ksi_buffer metadata = {0};
    ksi_arena_init(&arena, 0);
    ksi_subscription subscription = {.shuts_down = self->asks_to_shut_down || self->shuts_down,
                                     .generation = self->assigned,
                                     .capacity = self->capacity,
                                     .standbys = self->standbys,
                                     .process_id = self->process_id,
                                     .client_id = self->client_id,
                                     .endpoint = self->endpoint};
    ksi_member_tasks_declare(&self->tasks, &arena, &subscription);
    self->told_capacity = self->capacity;
    self->told_to_shut_down = subscription.shuts_down;
    ksi_subscription_write(&subscription, self->inputs, &metadata);
    ksi_join_request join = {.group = self->group,
                             .session_timeout_ms = self->session_timeout_ms,
                             .rebalance_timeout_ms = self->rebalance_timeout_ms,
                             .member = self->member,
                             .instance = self->instance,
                             .protocol_type = PROTOCOL_TYPE,
                             .protocol = PROTOCOL,
                             .metadata = ksi_buffer_slice(&metadata)};
    ksi_buffer_clear(&self->body);
    ksi_put_join_group(&self->body, &join);
    ksi_buffer_destroy(&metadata);
    ksi_arena_destroy(&arena);
}

/* `joined` with members: this one leads, and says what all of them get. */
static void put_sync(ksi_classic *self, const ksi_joined *joined, ks_arena *arena)
{
    ksi_sync_request sync = {.group = self->group,
                             .generation = ksi_classic_generation(self),
                             .protocol_type = PROTOCOL_TYPE,
                             .protocol = PROTOCOL};
    if (ksi_slice_compare(joined->leader, joined->member) == 0 && joined->member_count > 0) {
        ksi_member_assignment *made = ksi_arena_zalloc(arena, joined->member_count * sizeof *made);
        ksi_lead(&(ksi_led_group){.name = self->group,
                                  .inputs = self->inputs,
                                  .members = joined->members,
                                  .member_count = joined->member_count},
                 arena, made);
        sync.assignments = made;
        sync.assignment_count = joined->member_count;
    }
    ksi_buffer_clear(&self->body);
    ksi_put_sync_group(&self->body, &sync);
}

static int64_t timeout_of(const ksi_classic *self, ksi_api api)
{
    int64_t join = self->rebalance_timeout_ms + JOIN_SLACK_MS;
    int64_t heartbeat = self->session_timeout_ms / HEARTBEATS_PER_SESSION;
    switch (api) {
    case KSI_API_JOIN_GROUP:
        return join > self->request_timeout_ms ? join : self->request_timeout_ms;
    case KSI_API_HEARTBEAT: /* in time for another one over a new connection */
        return heartbeat < self->request_timeout_ms ? heartbeat : self->request_timeout_ms;
    default:
        return self->request_timeout_ms;
    }
}

/*
 * What cannot wait for the next rebalance. A thread more or less can, for every member would have
 * to join only to hear of it; a member that can run nothing any more, or again, cannot.
 */
static bool has_news(const ksi_classic *self)
{
    return (self->capacity > 0) != (self->told_capacity > 0) ||
           (self->asks_to_shut_down && !self->told_to_shut_down);
}

/*
 * When to join again by itself; INT64_MAX: no need. What was given up is told when it is all of it,
 * or after a while, so that one slow task does not keep the others from their heirs.
 */
static int64_t rejoin_ms(const ksi_classic *self)
{
    if (self->state != STABLE) {
        return INT64_MAX;
    }
    if (has_news(self)) {
        return self->seen_ms;
    }
    if (!ksi_member_tasks_gave_up(&self->tasks)) {
        return INT64_MAX;
    }
    if (!ksi_member_tasks_have_to_give_up(&self->tasks)) {
        return self->seen_ms;
    }
    return self->giving_up_ms < 0 ? self->seen_ms + self->heartbeat_ms
                                  : self->giving_up_ms + self->heartbeat_ms;
}

static void look_at_reports(ksi_classic *self, int64_t now_ms)
{
    if (!ksi_member_tasks_gave_up(&self->tasks)) {
        self->giving_up_ms = -1;
    } else if (self->giving_up_ms < 0) {
        self->giving_up_ms = now_ms;
    }
    if (rejoin_ms(self) <= now_ms) {
        self->giving_up_ms = -1;
        go(self, JOINING, now_ms, "the group has to know what changed here");
    }
}

bool ksi_classic_next(ksi_classic *self, int64_t now_ms, ksi_classic_request *request)
{
    if (self->in_flight != 0 || is_out(self)) {
        return false;
    }
    look_at_reports(self, now_ms);
    if (now_ms < self->due_ms) {
        return false;
    }
    if (self->state == JOINING) {
        self->in_flight = KSI_API_JOIN_GROUP;
        put_join(self);
    } else if (self->state == SYNCING) {
        self->in_flight = KSI_API_SYNC_GROUP;
    } else {
        ksi_generation generation = ksi_classic_generation(self);
        self->in_flight = KSI_API_HEARTBEAT;
        self->due_ms = now_ms + heartbeat_interval(self);
        ksi_buffer_clear(&self->body);
        ksi_put_heartbeat(&self->body, self->group, &generation);
    }
    self->doubt = self->doubt == SURE ? SURE : ASKED;
    *request = (ksi_classic_request){.api = self->in_flight,
                                     .body = ksi_buffer_slice(&self->body),
                                     .timeout_ms = timeout_of(self, self->in_flight)};
    return true;
}

bool ksi_classic_leave(ksi_classic *self, ksi_classic_request *request)
{
    if (self->instance != NULL || self->member[0] == '\0') {
        return false;
    }
    ksi_generation generation = ksi_classic_generation(self);
    ksi_buffer_clear(&self->body);
    ksi_put_leave_group(&self->body, self->group, &generation);
    *request = (ksi_classic_request){.api = KSI_API_LEAVE_GROUP,
                                     .body = ksi_buffer_slice(&self->body),
                                     .timeout_ms = self->request_timeout_ms};
    return true;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Codes that mean the same in every answer. */
static void take_refusal(ksi_classic *self, int16_t code, const char *request, int64_t now_ms)
{
    switch (code) {
    case KSI_KAFKA_REBALANCE_IN_PROGRESS:
        self->heard_ms = now_ms;
        go(self, JOINING, self->state == JOINING ? now_ms + RETRY_MS : now_ms,
           "the group is in a rebalance");
        return;
    case KSI_KAFKA_ILLEGAL_GENERATION:
        self->heard_ms = now_ms;
        go(self, JOINING, now_ms, "the group is in a newer generation");
        return;
    case KSI_KAFKA_UNKNOWN_MEMBER_ID:
        if (ksi_member_tasks_hold_any(&self->tasks)) {
            lose(self, "is not known to the group any more");
        } else {
            go(self, JOINING, now_ms, "the group does not know it, and it has nothing to lose");
        }
        self->member = "";
        return;
    case KSI_KAFKA_FENCED_INSTANCE_ID:
        (void)ksi_error_set(&self->error, KS_E_STATE, self->group,
                            "another process has the same group.instance.id (%s) and took its "
                            "place in the group: each instance needs one of its own",
                            self->instance != NULL ? self->instance : "");
        fail(self);
        return;
    default:
        break;
    }
    if (ksi_kafka_code_is_temporary(code) || code == KSI_KAFKA_REQUEST_TIMED_OUT) {
        self->due_ms = now_ms + (ksi_kafka_code_is_temporary(code) ? 0 : RETRY_MS);
        return;
    }
    (void)ksi_kafka_code_error(code, self->group, request, &self->error);
    fail(self);
}

/* An application on the JVM may have stopped a moment ago: its members are there for a while. */
static void wait_for_others(ksi_classic *self, int64_t now_ms)
{
    int64_t limit = self->session_timeout_ms > OTHERS_MS ? self->session_timeout_ms : OTHERS_MS;
    if (self->others_ms < 0) {
        self->others_ms = now_ms;
        ksi_log(self->logger, KS_LOG_LEVEL_WARN, self->group,
                "members of another kind (such as Kafka Streams for Java) are in the group; "
                "waiting up to %lld ms for them to be gone",
                (long long)limit);
    }
    if (now_ms - self->others_ms < limit) {
        self->due_ms = now_ms + OTHERS_RETRY_MS;
        return;
    }
    (void)ksi_error_set(&self->error, KS_E_STATE, self->group,
                        "members of another kind (such as Kafka Streams for Java) are in the group "
                        "still: stop them, or choose another application.id");
    fail(self);
}

static void have_id(ksi_classic *self, ks_slice id)
{
    if (ksi_slice_compare(id, ks_slice_cstr(self->member)) != 0) {
        self->member = ksi_arena_format(&self->texts, "%.*s", (int)id.size, id.data);
    }
}

/*
 * A group goes on without a dynamic member that does not join in time, and does not know it any
 * more; it keeps a static one, with what that one declared before, and may give away what it was
 * shown since.
 */
static bool has_missed_a_generation(const ksi_classic *self, const ksi_joined *joined)
{
    return self->instance != NULL && joined->generation > self->generation + 1 &&
           ksi_member_tasks_hold_any(&self->tasks);
}

static int16_t take_joined(ksi_classic *self, ks_slice body, int64_t now_ms, ks_error *error)
{
    ks_arena arena;
    ksi_joined joined;
    ksi_arena_init(&arena, 0);
    int16_t code = KSI_KAFKA_NONE;
    if (ksi_take_join_group(body, &arena, &joined, error) == KS_OK) {
        code = joined.error_code;
        if (code != KSI_KAFKA_INCONSISTENT_GROUP_PROTOCOL) {
            self->others_ms = -1;
        }
        if (code == KSI_KAFKA_NONE && has_missed_a_generation(self, &joined)) {
            lose(self, "missed a rebalance of the group");
        } else if (code == KSI_KAFKA_NONE) {
            have_id(self, joined.member);
            self->generation = joined.generation;
            self->heard_ms = now_ms;
            put_sync(self, &joined, &arena);
            go(self, SYNCING, now_ms, "all members have joined");
        } else if (code == KSI_KAFKA_MEMBER_ID_REQUIRED) {
            have_id(self, joined.member);
            self->due_ms = now_ms;
        } else if (code == KSI_KAFKA_INCONSISTENT_GROUP_PROTOCOL) {
            wait_for_others(self, now_ms);
        } else {
            take_refusal(self, code, "JoinGroup", now_ms);
        }
    }
    ksi_arena_destroy(&arena);
    return code;
}

static void take_assignment(ksi_classic *self, const ksi_assignment *assignment, int64_t now_ms)
{
    bool fits = true;
    bool changed = ksi_member_tasks_show(&self->tasks, assignment, &fits);
    changed = changed || (assignment->shuts_down && !self->shuts_down) || self->epoch == 0;
    self->epoch += changed;
    self->shuts_down = self->shuts_down || assignment->shuts_down;
    self->settled = assignment->settled && fits;
    self->disputes += assignment->disputed;
    if (!fits) {
        /* The place of a static member, kept from when it had another topology. */
        go(self, JOINING, now_ms + RETRY_MS, "the assignment is about other tasks");
        return;
    }
    ksi_log(self->logger, KS_LOG_LEVEL_INFO, self->group,
            "member %s has in generation %d: %zu active tasks (%zu more to come), %zu standbys",
            self->member, self->generation, assignment->active.count, assignment->awaited.count,
            assignment->standby.count);
    go(self, STABLE, now_ms + heartbeat_interval(self), "it has its assignment");
}

static void read_assignment(ksi_classic *self, ks_slice bytes, int64_t now_ms)
{
    self->heard_ms = now_ms;
    self->assigned = self->generation;
    if (bytes.size == 0) { /* it took the place of a static member after the leader had looked */
        go(self, JOINING, now_ms + RETRY_MS, "the leader has no assignment for it");
        return;
    }
    ks_arena arena;
    ksi_assignment assignment;
    ksi_arena_init(&arena, 0);
    if (ksi_assignment_read(bytes, &arena, &assignment, &self->error) != KS_OK) {
        ksi_error_prefix(&self->error, "group %s: ", self->group);
        fail(self);
    } else if (assignment.refusal != NULL) {
        (void)ksi_error_set(&self->error, KS_E_TOPOLOGY, self->group, "%s", assignment.refusal);
        go(self, FAILED, 0, assignment.refusal); /* what to do about it is its owner's to say */
    } else {
        take_assignment(self, &assignment, now_ms);
    }
    ksi_arena_destroy(&arena);
}

static int16_t take_synced(ksi_classic *self, ks_slice body, int64_t now_ms, ks_error *error)
{
    ksi_synced synced;
    if (ksi_take_sync_group(body, &synced, error) != KS_OK) {
        return KSI_KAFKA_NONE;
    }
    if (synced.error_code == KSI_KAFKA_NONE) {
        read_assignment(self, synced.assignment, now_ms);
    } else {
        take_refusal(self, synced.error_code, "SyncGroup", now_ms);
    }
    return synced.error_code;
}

static int16_t take_heartbeat(ksi_classic *self, ks_slice body, int64_t now_ms, ks_error *error)
{
    ksi_plain_answer answer;
    if (ksi_take_heartbeat(body, &answer, error) != KS_OK) {
        return KSI_KAFKA_NONE;
    }
    if (answer.error_code == KSI_KAFKA_NONE) {
        self->heard_ms = now_ms;
    } else {
        take_refusal(self, answer.error_code, "Heartbeat", now_ms);
    }
    return answer.error_code;
}

int16_t ksi_classic_answered(ksi_classic *self, ks_slice body, int64_t now_ms)
{
    ks_error error;
    ksi_error_begin(&error);
    int16_t code = KSI_KAFKA_NONE;
    ksi_api api = self->in_flight;
    self->in_flight = 0;
    KSI_CHECK(api != 0);
    if (api == KSI_API_JOIN_GROUP) {
        code = take_joined(self, body, now_ms, &error);
    } else if (api == KSI_API_SYNC_GROUP) {
        code = take_synced(self, body, now_ms, &error);
    } else {
        code = take_heartbeat(self, body, now_ms, &error);
    }
    if (error.code != KS_OK) { /* no answer that can be read is no answer */
        ksi_log(self->logger, KS_LOG_LEVEL_WARN, self->group, "%s: %s", ksi_api_name(api),
                error.message);
        self->due_ms = now_ms + RETRY_MS;
    } else {
        settle_doubt(self, code, now_ms);
    }
    return code;
}

void ksi_classic_unanswered(ksi_classic *self, const ks_error *why, int64_t now_ms)
{
    KSI_CHECK(self->in_flight != 0);
    self->in_flight = 0;
    if ((why->flags & KS_ERROR_RETRIABLE) == 0) {
        self->error = *why;
        fail(self);
        return;
    }
    self->due_ms = now_ms + RETRY_MS; /* of the link's outage there is a line already */
}

/* ---- time ------------------------------------------------------------------------------------ */

bool ksi_classic_passed(ksi_classic *self, bool parked, int64_t now_ms)
{
    bool waits =
        parked && (self->in_flight == KSI_API_JOIN_GROUP || self->in_flight == KSI_API_SYNC_GROUP);
    if (waits) {
        self->heard_ms += now_ms - self->seen_ms;
    }
    self->seen_ms = now_ms;
    if (is_out(self) || !ksi_member_tasks_hold_any(&self->tasks) ||
        now_ms - self->heard_ms <= self->session_timeout_ms) {
        return false;
    }
    lose(self, "had no answer from the group's coordinator for its session.timeout.ms");
    bool cancels = self->in_flight != 0;
    self->in_flight = 0;
    return cancels;
}

int64_t ksi_classic_next_ms(const ksi_classic *self)
{
    int64_t next = INT64_MAX;
    if (is_out(self)) {
        return next;
    }
    if (ksi_member_tasks_hold_any(&self->tasks)) {
        next = self->heard_ms + self->session_timeout_ms + 1;
    }
    if (self->in_flight == 0) {
        int64_t rejoin = rejoin_ms(self);
        next = self->due_ms < next ? self->due_ms : next;
        next = rejoin < next ? rejoin : next;
    }
    return next;
}

/* ---- what its owner sees and says ------------------------------------------------------------ */

ks_status ksi_classic_status(const ksi_classic *self, ksi_group_view *view, ks_error *error)
{
    if (is_out(self)) {
        if (error != NULL) {
            *error = self->error;
        }
        return self->error.code;
    }
    *view = (ksi_group_view){.epoch = self->epoch,
                             .active = self->tasks.active,
                             .active_count = self->tasks.active_count,
                             .standby = self->tasks.standby,
                             .standby_count = self->tasks.standby_count,
                             .shuts_down = self->shuts_down,
                             .is_in_doubt = self->doubt != SURE,
                             .disputes = self->disputes};
    return KS_OK;
}

ksi_generation ksi_classic_generation(const ksi_classic *self)
{
    return (ksi_generation){
        .member = self->member, .instance = self->instance, .number = self->generation};
}

void ksi_classic_report(ksi_classic *self, ksi_task_ids active, const ksi_task_state *standby,
                        size_t standby_count)
{
    if (!is_out(self)) {
        ksi_member_tasks_report(&self->tasks, active, standby, standby_count);
    }
}

void ksi_classic_set_capacity(ksi_classic *self, int32_t capacity)
{
    KSI_CHECK(capacity >= 0);
    self->capacity = capacity;
}

void ksi_classic_doubt(ksi_classic *self, int64_t now_ms)
{
    self->doubt = IN_DOUBT;
    if (self->state == STABLE && self->in_flight == 0) {
        self->due_ms = now_ms;
    }
}

void ksi_classic_shut_down(ksi_classic *self)
{
    self->asks_to_shut_down = true;
}

void ksi_classic_rejoin(ksi_classic *self, int64_t now_ms)
{
    ksi_member_tasks_lose(&self->tasks);
    self->epoch++;
    self->in_flight = 0;
    self->heard_ms = now_ms;
    self->seen_ms = now_ms;
    self->giving_up_ms = -1;
    self->others_ms = -1;
    self->doubt = SURE;
    ksi_error_begin(&self->error);
    go(self, JOINING, now_ms, "its owner begins anew");
}

/* ---- life ------------------------------------------------------------------------------------ */

static ksi_group_inputs copy_inputs(const ksi_member_options *options, ks_arena *arena)
{
    ksi_group_input *inputs = ksi_arena_zalloc(arena, (options->input_count + 1) * sizeof *inputs);
    for (size_t i = 0; i < options->input_count; i++) {
        inputs[i] = options->inputs[i];
        inputs[i].topic = ksi_arena_strdup(arena, options->inputs[i].topic);
    }
    return (ksi_group_inputs){inputs, options->input_count};
}

ksi_classic *ksi_classic_new(const ksi_member_options *options, int64_t request_timeout_ms,
                             ksi_logger *logger, int64_t now_ms)
{
    ksi_classic *self = ksi_calloc(1, sizeof *self);
    int64_t heartbeat = options->session_timeout_ms / HEARTBEATS_PER_SESSION;
    heartbeat = heartbeat < HEARTBEAT_MS ? heartbeat : HEARTBEAT_MS;
    ksi_arena_init(&self->texts, 0);
    self->logger = logger;
    self->group = ksi_arena_strdup(&self->texts, options->group);
    self->instance = ksi_arena_strdup(&self->texts, options->instance_id);
    self->endpoint = ksi_arena_strdup(&self->texts, options->endpoint);
    self->process_id = ksi_arena_strdup(&self->texts, options->process_id);
    self->client_id = ksi_arena_strdup(&self->texts, options->client_id);
    self->member = "";
    self->standbys = options->standbys;
    self->session_timeout_ms = options->session_timeout_ms;
    self->rebalance_timeout_ms = options->rebalance_timeout_ms > 0 ? options->rebalance_timeout_ms
                                                                   : options->session_timeout_ms;
    self->request_timeout_ms = request_timeout_ms > 0 ? request_timeout_ms : REQUEST_TIMEOUT_MS;
    self->heartbeat_ms =
        options->heartbeat_interval_ms > 0 ? options->heartbeat_interval_ms : heartbeat;
    self->inputs = copy_inputs(options, &self->texts);
    ksi_member_tasks_init(&self->tasks, options);
    self->state = JOINING;
    self->generation = -1;
    self->assigned = -1;
    self->settled = true;
    self->capacity = options->capacity;
    self->told_capacity = options->capacity;
    self->due_ms = now_ms;
    self->heard_ms = now_ms;
    self->seen_ms = now_ms;
    self->giving_up_ms = -1;
    self->others_ms = -1;
    return self;
}

void ksi_classic_free(ksi_classic *self)
{
    if (self == NULL) {
        return;
    }
    ksi_member_tasks_destroy(&self->tasks);
    ksi_buffer_destroy(&self->body);
    ksi_arena_destroy(&self->texts);
    ksi_free(self);
}
