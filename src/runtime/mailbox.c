/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailbox.c - see mailbox.h. Mail is rare (tasks move, threads end), so a lock and an array will
 * do.
 */
#include "runtime/mailbox.h"

#include "base/memory.h"

#include <string.h>

void ksi_mailbox_init(ksi_mailbox *mailbox)
{
    *mailbox = (ksi_mailbox){0};
    ksi_mutex_init(&mailbox->lock);
    atomic_init(&mailbox->has_mail, false);
}

void ksi_mailbox_destroy(ksi_mailbox *mailbox)
{
    ksi_free(mailbox->messages);
    ksi_mutex_destroy(&mailbox->lock);
}

void ksi_mailbox_post(ksi_mailbox *mailbox, int kind, void *what)
{
    ksi_mutex_lock(&mailbox->lock);
    mailbox->messages = ksi_grow(mailbox->messages, &mailbox->capacity, mailbox->count + 1,
                                 sizeof *mailbox->messages);
    mailbox->messages[mailbox->count++] = (ksi_message){.kind = kind, .what = what};
    atomic_store(&mailbox->has_mail, true);
    ksi_mutex_unlock(&mailbox->lock);
}

bool ksi_mailbox_take(ksi_mailbox *mailbox, ksi_message *message)
{
    if (!atomic_load_explicit(&mailbox->has_mail, memory_order_acquire)) {
        return false;
    }
    ksi_mutex_lock(&mailbox->lock);
    bool taken = mailbox->count > 0;
    if (taken) {
        *message = mailbox->messages[0];
        mailbox->count--;
        memmove(mailbox->messages, mailbox->messages + 1,
                mailbox->count * sizeof *mailbox->messages);
    }
    atomic_store(&mailbox->has_mail, mailbox->count > 0);
    ksi_mutex_unlock(&mailbox->lock);
    return taken;
}
