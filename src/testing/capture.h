/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture.h - a producer that keeps everything it is given: the "log" of the test driver. @java
 * MockProducer
 *
 * Every topic exists, with one partition. Records are kept by topic for whoever reads them, and in
 * one list in the order of their production for the driver, which puts those of source and
 * repartition topics back into the task.
 *
 * Thread rule: the driver's.
 */
#ifndef KSI_TESTING_CAPTURE_H
#define KSI_TESTING_CAPTURE_H

#include "base/arena.h"
#include "base/map.h"
#include "transport/transport.h"

typedef struct ksi_captured_topic {
    const char *name;
    ks_log_record *records;
    size_t count;
    size_t capacity;
} ksi_captured_topic;

typedef struct ksi_captured {
    const ksi_captured_topic *topic;
    size_t index; /* of the record in its topic */
} ksi_captured;

typedef struct ksi_capture {
    ksi_producer producer;
    ks_arena arena; /* bytes, headers and names */
    ksi_map *topics_by_name;
    ksi_captured_topic **topics; /* in the order of their names */
    size_t topic_count;
    size_t topic_capacity;
    ksi_captured *order; /* everything, as it was produced */
    size_t order_count;
    size_t order_capacity;
} ksi_capture;

void ksi_capture_init(ksi_capture *capture);
void ksi_capture_destroy(ksi_capture *capture);

/*
 * Puts a copy behind the other records of a topic, and gives it its offset there. What is returned
 * lives until the next record of the topic.
 */
const ks_log_record *ksi_capture_add(ksi_capture *capture, const char *name,
                                     const ks_log_record *record);
/* NULL when it got no record. */
const ksi_captured_topic *ksi_capture_topic(const ksi_capture *capture, const char *name);

#endif
