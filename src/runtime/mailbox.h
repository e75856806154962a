/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailbox.h - messages from any thread to the one that owns something, in their order.
 *
 * Stream threads, the restorer and the supervisor share no tables: a task is handed from one to the
 * other by a message, and whoever has it is the only one that touches it. Looking whether there is
 * mail costs one load, so a thread may look in every turn.
 *
 * Posting does not wake the owner: whoever posts does, by the owner's own way to sleep.
 *
 * Thread rule: posting any thread; taking the owner.
 */
#ifndef KSI_RUNTIME_MAILBOX_H
#define KSI_RUNTIME_MAILBOX_H

#include "base/thread.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct ksi_message {
    int kind;   /* the owner's */
    void *what; /* whom it is about */
} ksi_message;

typedef struct ksi_mailbox {
    ksi_mutex lock;
    ksi_message *messages; /* oldest first */
    size_t capacity;
    size_t count;
    atomic_bool has_mail;
} ksi_mailbox;

void ksi_mailbox_init(ksi_mailbox *mailbox);
void ksi_mailbox_destroy(ksi_mailbox *mailbox); /* drops what nobody took */
void ksi_mailbox_post(ksi_mailbox *mailbox, int kind, void *what);
/* The oldest message; false when there is none. */
bool ksi_mailbox_take(ksi_mailbox *mailbox, ksi_message *message);

#endif
