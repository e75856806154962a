/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faulty_log.h - a log that does not answer for a while, or refuses records long after they were
 * sent, as the clients of a cluster have them; and one that is slower than its reader.
 *
 * The log in memory does neither. So some of its calls are replaced: those that are "out" answer
 * with an error that is flagged retriable unless it `is_final`, and a flush tells the producer's
 * owner of every record for `bad_topic` that it was refused. `later` are records that its end
 * speaks of, and that no poll has given yet.
 *
 * Thread rule: the test's; one such log at a time.
 */
#ifndef TESTS_UNIT_RUNTIME_FAULTY_LOG_H
#define TESTS_UNIT_RUNTIME_FAULTY_LOG_H

#include "thread_rig.h"

enum { FAULTY_MOST_REFUSED = 8, FAULTY_TEXT_SIZE = 256 };

typedef enum faulty_call {
    NO_CALL,
    COMMIT,
    FLUSH,
    COMMITTED,
    ASSIGN,
    POLL,
    OPEN,
    OFFSETS,
    SEND,
    COUNT,
    CREATE
} faulty_call;

typedef struct faulty_sent {
    uint32_t sender;
    char topic[64];
    int32_t partition;
} faulty_sent;

typedef struct faulty_state {
    faulty_call out; /* which does not answer */
    int asked;
    ks_status code; /* what it answers instead */
    bool is_void;   /* so is the transaction */
    bool is_final;  /* it is no outage */
    const char *where;
    int64_t later; /* so many records of a partition are in the log, and on their way */
    const char *bad_topic;
    uint32_t refusal; /* flags of the error by which it is refused */
    void (*on_send)(void);
    faulty_sent refused[FAULTY_MOST_REFUSED];
    size_t refused_count;
    ksi_undelivered_fn *undelivered;
    void *owner;
} faulty_state;

/* What is the matter with the log of the test in hand. */
extern faulty_state faults;

/* With topics in, out and letters, of one partition each, and nothing the matter with it yet. */
ks_log *faulty_log_open(void);
/* What its transport says of itself. */
void faulty_log_commits_at_once(bool at_once);

/* By the log's own clients, which stay as they are: a record of topic in; all values of a topic. */
void faulty_log_produce(ks_log *log, const char *record);
void faulty_log_produce_to(ks_log *log, const char *topic, const char *record);
void faulty_log_expect(ks_log *log, const char *topic, const char *values);

/* Takes the topology. Commits every 100 ms, and has a task.timeout.ms of 5 s. */
thread_rig *faulty_rig_new(ks_log *log, ks_topology *topology, bool is_exact);
void faulty_rig_free(thread_rig *rig, ks_log *log);
/* What a supervisor does with the task that came back. */
void faulty_rig_give_again(thread_rig *rig);

#endif
