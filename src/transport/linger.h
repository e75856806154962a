/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linger.h - how long a producer that is not flushed keeps what was sent: 5 ms, so that what comes
 * close together goes out as one batch. @java linger.ms
 *
 * The time runs from the first look at what is pending, not from the send: a send then needs no
 * clock.
 *
 * Thread rule: the producer's.
 */
#ifndef KSI_TRANSPORT_LINGER_H
#define KSI_TRANSPORT_LINGER_H

#include <stdbool.h>
#include <stdint.h>

enum { KSI_LINGER_NS = 5000000 };

typedef struct ksi_linger {
    bool is_running;
    int64_t since_ns;
} ksi_linger;

/* Nothing is pending any more. */
static inline void ksi_linger_stop(ksi_linger *linger)
{
    linger->is_running = false;
}

/* A look at what is pending: whether it is time to write it out; else `*due_ns` is when it is. */
static inline bool ksi_linger_is_over(ksi_linger *linger, int64_t now_ns, int64_t *due_ns)
{
    if (!linger->is_running) {
        *linger = (ksi_linger){.is_running = true, .since_ns = now_ns};
    }
    *due_ns = linger->since_ns + KSI_LINGER_NS;
    return now_ns >= *due_ns;
}

#endif
