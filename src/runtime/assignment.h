/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assignment.h - which tasks an application has, worked out from its topology and the topics of the
 * log.
 *
 * A task is (sub-topology, partition); a sub-topology has as many tasks as the topic with the most
 * partitions that it reads. So the counts of all topics must be known first, and those of
 * repartition topics depend on the topics above them:
 *
 *     external topic    the log says; missing is an error that names it
 *     repartition topic the number the topology gives, else the largest count among the
 *                       inputs of the sub-topologies that write it
 *     co-partitioned    topics that are read together have one number (copartition.h)
 *     changelog topic   the number of tasks of the sub-topology that owns the store
 *
 * Nothing is created here: internal_topics.h makes the topics this asks for.
 *
 * Thread rule: the thread that starts the application; read only afterwards, any thread.
 */
#ifndef KSI_RUNTIME_ASSIGNMENT_H
#define KSI_RUNTIME_ASSIGNMENT_H

#include "base/arena.h"
#include "base/logger.h"
#include "topology/topology.h"
#include "transport/transport.h"

/* A topic that a sub-topology reads. */
typedef struct ksi_assigned_input {
    const char *topic; /* as the log names it */
    const ksi_node *source;
    const ksi_internal_topic *internal; /* NULL: an external topic */
    int32_t partitions;
} ksi_assigned_input;

/* A topic of the application's own. */
typedef struct ksi_needed_topic {
    const char *topic; /* as the log names it */
    const char *kind;  /* for messages: "repartition", "changelog" */
    int32_t partitions;
    const ksi_store_spec *store; /* whose changelog it is; NULL: a repartition topic */
} ksi_needed_topic;

typedef struct ksi_assignment {
    ks_arena arena;
    const char **matched_topics; /* what the topology's patterns matched, in the order of names */
    size_t matched_topic_count;
    size_t matched_topic_capacity;
    ksi_assigned_input *inputs; /* in the order of the source nodes */
    size_t input_count;
    size_t input_capacity;
    ksi_needed_topic *needed_topics; /* repartition topics, then changelogs */
    size_t needed_topic_count;
    size_t needed_topic_capacity;
    ksi_task_id *tasks; /* by sub-topology, then by partition */
    size_t task_count;
    size_t task_capacity;
} ksi_assignment;

/* What it is made from; borrowed. */
typedef struct ksi_assignment_options {
    const ks_topology *topology; /* outlives the assignment */
    const char *application_id;
    ksi_transport *transport;
    ksi_logger *logger; /* may be NULL */
} ksi_assignment_options;

/*
 * Fills `assignment`, which need not be initialised. KS_E_UNKNOWN_TOPIC for input topics that are
 * not there, naming all of them; KS_E_TOPOLOGY when two patterns match one topic, the partitions of
 * a repartition topic cannot be known, or topics that are read together differ in their partitions.
 * After an error it is empty.
 */
KS_NODISCARD ks_status ksi_assignment_make(ksi_assignment *assignment,
                                           const ksi_assignment_options *options, ks_error *error);
void ksi_assignment_destroy(ksi_assignment *assignment);

/* How the log's topics differ from those that an assignment was made for. */
typedef enum ksi_topics_change {
    KSI_TOPICS_SAME,
    KSI_TOPICS_OTHERS, /* patterns match more, or inputs have other numbers of partitions */
    KSI_TOPICS_FEWER,  /* one is gone that a pattern matched, or that can be made again */
    KSI_TOPICS_MISSING /* one is gone that the topology names */
} ksi_topics_change;

/*
 * Compares them, and says in the log what is different. The greatest change counts; `error` is set
 * for KSI_TOPICS_MISSING, too, and names the topics. An error of the call means that the log could
 * not be asked.
 */
KS_NODISCARD ks_status ksi_assignment_compare(const ksi_assignment *assignment,
                                              const ksi_assignment_options *options,
                                              ksi_topics_change *change, ks_error *error);

/* How many tasks a sub-topology has. */
int32_t ksi_assignment_task_count(const ksi_assignment *assignment, int subtopology);

#endif
