/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_log.h - the log in this process: topics, groups, and the one way to change them.
 *
 * `lock` guards the tables of topics and groups and makes commits take turns. That one lock is
 * what offsets without holes, commits that are all or nothing, and the rule of coordinator.h (a
 * member is asked for under the lock which orders commits and the reading of offsets) come from.
 * Readers of records never take it; producers take it once for all they have gathered.
 *
 * `wait_lock` guards sleeping and waking. It is never taken while `lock` is held, nor the other way
 * round; a partition's own lock and the coordinator's may be taken under `lock`.
 *
 * Life. Owners keep a log open and, when it is in a directory, its server (remote/server.h). When
 * the last owner goes the server ends, with the consumers and producers of other processes; the log
 * closes when those of this process are closed, too.
 *
 * Thread rule: any thread; reference counted.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_EMBEDDED_LOG_H
#define KSI_TRANSPORT_EMBEDDED_EMBEDDED_LOG_H

#include "base/map.h"
#include "base/thread.h"
#include "membership/coordinator.h"
#include "transport/embedded/group_offsets.h"
#include "transport/embedded/log_directory.h"
#include "transport/embedded/topic.h"
#include "transport/remote/server.h"

typedef struct ksi_embedded_log {
    ksi_transport transport; /* first: the transport is the log */
    atomic_int owners;       /* who retained the transport */
    atomic_int references;   /* consumers and producers; all owners together are one */
    ksi_log_server *server;  /* of a log in a directory that has owners; NULL: it could not start */
    ksi_coordinator *coordinator;
    ksi_log_directory *directory; /* NULL: in memory */
    ksi_mutex lock;
    ksi_map *topics; /* name -> ksi_embedded_topic, a reference */
    ksi_group_offsets *groups;
    ksi_map *transactional; /* id -> ksi_transactional_id */
    ksi_mutex wait_lock;
    ksi_condition changed;  /* a watched partition grew, or a consumer was woken */
    ksi_thread housekeeper; /* housekeeping.h; begins with the first topic */
    ksi_mutex house_lock;   /* guards its sleep */
    ksi_condition house_changed;
    bool house_stops;
    struct ksi_embedded_log *next_open; /* of the logs in directories that are open */
} ksi_embedded_log;

/* A new, empty log in memory with one reference. */
ksi_transport *ksi_embedded_log_new(void);
/*
 * The log in a directory, made when it is not there; the one that this process has open, when it
 * has. `syncs`: commits are on the disk when they return, from now on. NULL with an error.
 */
ksi_transport *ksi_embedded_log_open(const char *path, bool syncs, ksi_clock *clock,
                                     ks_error *error);

static inline ksi_embedded_log *ksi_embedded_log_of(ksi_transport *transport)
{
    return (ksi_embedded_log *)transport;
}

/* The topic, retained; or NULL. */
ksi_embedded_topic *ksi_embedded_log_topic(ksi_embedded_log *log, const char *name);
/* The topic of a partition that is there, retained: KS_E_UNKNOWN_TOPIC, KS_E_ARGUMENT. */
KS_NODISCARD ks_status ksi_embedded_log_find(ksi_embedded_log *log, ksi_topic_partition at,
                                             ksi_embedded_topic **topic, ks_error *error);

/*
 * What a consumer or a producer holds while it is open: the log, but not its server. So the
 * consumers of other processes do not keep a log open that nobody here wants any more.
 */
void ksi_embedded_log_hold(ksi_embedded_log *log);
void ksi_embedded_log_let_go(ksi_embedded_log *log);

/* Wakes the consumers that sleep; called after a watched partition grew. */
void ksi_embedded_log_notify(ksi_embedded_log *log);

/* ---- topics (embedded_topics.c) -------------------------------------------------------------- */

ks_status ksi_embedded_create_topic(ksi_transport *transport, const ksi_topic_spec *spec,
                                    ks_error *error);
ks_status ksi_embedded_delete_topic(ksi_transport *transport, const char *name, ks_error *error);
ks_status ksi_embedded_each_config(ksi_transport *transport, const char *name,
                                   ksi_config_visit_fn *visit, void *user, ks_error *error);
ks_status ksi_embedded_set_config(ksi_transport *transport, const char *name,
                                  const ksi_topic_config *config, ks_error *error);
/* All that the catalogue has; for a log that is being opened. */
KS_NODISCARD ks_status ksi_embedded_load_topics(ksi_embedded_log *log, ks_error *error);

/* ---- commits (embedded_commit.c) ------------------------------------------------------------- */

/* Who may commit under a transactional id; lives as long as the log. */
typedef struct ksi_transactional_id {
    char *name;
    uint64_t epoch; /* counts the producers that were opened with it */
} ksi_transactional_id;

/* Records of one partition on their way into the log. */
typedef struct ksi_outgoing_batch {
    ksi_embedded_topic *topic;
    int32_t partition;
    ksi_batch *batch; /* sealed; has its offsets after the commit */
} ksi_outgoing_batch;

/* All of it is in the log, or nothing. */
typedef struct ksi_log_commit {
    const ksi_outgoing_batch *batches;
    size_t batch_count;
    const ksi_offset_commit *offsets;        /* NULL: none */
    const ksi_transactional_id *transaction; /* NULL: none */
    uint64_t epoch;                          /* of the producer, when there is one */
} ksi_log_commit;

/* KS_E_FENCED, KS_E_UNKNOWN_TOPIC, KS_E_ARGUMENT: nothing was done. Wakes who waits for records. */
KS_NODISCARD ks_status ksi_embedded_log_commit(ksi_embedded_log *log, const ksi_log_commit *commit,
                                               ks_error *error);

/* Records before an offset are deleted. Under the log's lock. */
KS_NODISCARD ks_status ksi_embedded_log_move_begin(ksi_embedded_log *log, ksi_partition *partition,
                                                   int64_t begin, ks_error *error);

/* A new producer of a transactional id: the ones before it are fenced. Its epoch. */
uint64_t ksi_embedded_log_begin_epoch(ksi_embedded_log *log, const char *name,
                                      ksi_transactional_id **id);

/* ---- parts of the class ---------------------------------------------------------------------- */

/* embedded_groups.c */
ks_status ksi_embedded_committed(ksi_transport *transport, const char *group,
                                 ksi_group_offset *offsets, size_t count, ks_arena *arena,
                                 ks_error *error);
ks_status ksi_embedded_commit_offsets(ksi_transport *transport, const ksi_offset_commit *commit,
                                      ks_error *error);
ks_status ksi_embedded_each_group(ksi_transport *transport, ksi_group_visit_fn *visit, void *user,
                                  ks_error *error);
ks_status ksi_embedded_each_offset(ksi_transport *transport, const char *group,
                                   ksi_offset_visit_fn *visit, void *user, ks_error *error);
ks_status ksi_embedded_each_member(ksi_transport *transport, const char *group,
                                   ksi_member_visit_fn *visit, void *user, ks_error *error);
ks_status ksi_embedded_delete_group(ksi_transport *transport, const char *group, ks_error *error);
ks_status ksi_embedded_remove_members(ksi_transport *transport, const char *group, ks_error *error);
ksi_membership *ksi_embedded_join(ksi_transport *transport, const ksi_member_options *options,
                                  int64_t now_ms, ks_error *error);

/* embedded_consumer.c, embedded_producer.c: each retains the log until it is closed. */
ksi_consumer *ksi_embedded_consumer_open(ksi_transport *transport, ksi_reads reads,
                                         ks_error *error);
ksi_producer *ksi_embedded_producer_open(ksi_transport *transport,
                                         const ksi_producer_options *options, ks_error *error);

#endif
