/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mailbox.c - messages arrive in their order, from whatever thread, and none gets lost.
 */
#include "runtime/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void messages_come_in_the_order_they_were_posted(void **state)
{
    (void)state;
    int things[3];
    ksi_message message = {0};
    ksi_mailbox mailbox;
    ksi_mailbox_init(&mailbox);
    assert_false(ksi_mailbox_take(&mailbox, &message));
    ksi_mailbox_post(&mailbox, 1, &things[0]);
    ksi_mailbox_post(&mailbox, 2, &things[1]);
    assert_true(ksi_mailbox_take(&mailbox, &message));
    assert_int_equal(message.kind, 1);
    assert_ptr_equal(message.what, &things[0]);
    ksi_mailbox_post(&mailbox, 3, &things[2]); /* while there is mail */
    assert_true(ksi_mailbox_take(&mailbox, &message));
    assert_int_equal(message.kind, 2);
    assert_ptr_equal(message.what, &things[1]);
    assert_true(ksi_mailbox_take(&mailbox, &message));
    assert_int_equal(message.kind, 3);
    assert_ptr_equal(message.what, &things[2]);
    assert_false(ksi_mailbox_take(&mailbox, &message));
    ksi_mailbox_post(&mailbox, 4, NULL); /* nobody takes it */
    ksi_mailbox_destroy(&mailbox);
}

enum { POSTERS = 3, MESSAGES = 2000 };

typedef struct poster {
    ksi_thread thread;
    ksi_mailbox *mailbox;
} poster;

static void post_all(void *user)
{
    poster *self = user;
    for (int i = 1; i <= MESSAGES; i++) {
        ksi_mailbox_post(self->mailbox, i, self);
    }
}

static void messages_of_every_thread_arrive_and_keep_its_order(void **state)
{
    (void)state;
    poster posters[POSTERS];
    int last[POSTERS] = {0};
    ksi_mailbox mailbox;
    ksi_mailbox_init(&mailbox);
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (poster){.mailbox = &mailbox};
        assert_int_equal(ksi_thread_start(&posters[i].thread, "poster", post_all, &posters[i]), 0);
    }
    for (int taken = 0; taken < POSTERS * MESSAGES;) {
        ksi_message message = {0};
        if (ksi_mailbox_take(&mailbox, &message)) {
            int *of = &last[(poster *)message.what - posters];
            assert_int_equal(message.kind, *of + 1);
            *of = message.kind;
            taken++;
        }
    }
    for (int i = 0; i < POSTERS; i++) {
        ksi_thread_join(&posters[i].thread);
        assert_int_equal(last[i], MESSAGES);
    }
    ksi_mailbox_destroy(&mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_in_the_order_they_were_posted),
        cmocka_unit_test(messages_of_every_thread_arrive_and_keep_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
