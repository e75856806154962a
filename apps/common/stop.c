/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop.c - SIGINT and SIGTERM as a question that is asked between two steps.
 *
 * A program that is stopped commits what it has done and takes its temporary directory along, so a
 * signal must not end it where it stands: neither while it fills a topic nor while it runs. The
 * handler only sets a flag. The library's threads block all signals, so it is always the main
 * thread that gets them; a read that it waits in ends with EINTR.
 *
 * Thread rule: the main thread.
 */
#include "common/stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t signal_seen;

static void remember_signal(int number)
{
    signal_seen = number;
}

static void handle_with(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void app_stop_catch(void)
{
    signal_seen = 0;
    handle_with(remember_signal);
}

void app_stop_release(void)
{
    handle_with(SIG_DFL);
}

int app_stop_signal(void)
{
    return signal_seen;
}
