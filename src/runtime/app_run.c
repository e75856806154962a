/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_run.c - running an application until SIGINT, SIGTERM or its own end.
 *
 * A handler writes a byte into a pipe; the caller's thread sleeps on the pipe's other end. When the
 * application ends by itself, its last thread writes into the same pipe (`wake_fd`).
 *
 * Why a handler and not sigwait() in the caller's thread: the library's threads block all signals,
 * but the program may have threads of its own that do not, and the kernel gives a signal to any of
 * them. With the default action in place that would be the end of the process, without a commit. A
 * handler works in whichever thread it is called.
 *
 * Several applications of a process may run at once, and one signal closes them all: each takes a
 * seat, and the handler writes to every seat that is taken. A seat keeps its pipe for ever, so that
 * a handler that is late never writes into a descriptor that means something else by now. The
 * process's own handlers come back with the last seat.
 *
 * The first signal closes, cleanly and for as long as that takes, and then the old handlers are
 * given back: a second Ctrl-C ends the process. But one wish to stop may arrive as two signals, a
 * moment apart: timeout(1) signals its child and then the group that the child is in, and a wrapper
 * passes on what the terminal has sent to both. Ending at the second of those would leave a member
 * of a group that nobody missed before its session is over. So a burst counts as one signal.
 *
 * Thread rule: any thread; `seat_lock` guards the table, and is taken under no other lock.
 */
#include "runtime/app.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define SEATS 16
/* Longer than wrappers take to pass a signal on, and less than a hand takes for the second one. */
#define BURST_MS 250

typedef struct seat {
    atomic_bool taken;
    bool opened;
    int pipe[2]; /* read, write */
} seat;

static seat seats[SEATS];
static ksi_mutex seat_lock = {PTHREAD_MUTEX_INITIALIZER};
static size_t seats_taken;
static struct sigaction old_interrupt;
static struct sigaction old_terminate;

/* ---- seats ----------------------------------------------------------------------------------- */

static void on_signal(int number)
{
    (void)number;
    int before = errno;
    for (size_t i = 0; i < SEATS; i++) {
        if (atomic_load(&seats[i].taken)) {
            ssize_t written = write(seats[i].pipe[1], "s", 1);
            (void)written; /* a full pipe wakes its reader as well */
        }
    }
    errno = before;
}

static bool open_pipe(seat *free_seat)
{
    if (free_seat->opened) {
        return true;
    }
    if (pipe(free_seat->pipe) != 0) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(free_seat->pipe[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(free_seat->pipe[i], F_SETFL, O_NONBLOCK);
    }
    free_seat->opened = true;
    return true;
}

static void empty_pipe(const seat *own)
{
    char bytes[64];
    while (read(own->pipe[0], bytes, sizeof bytes) > 0) {
    }
}

static void install_handlers(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    (void)sigaction(SIGINT, &action, &old_interrupt);
    (void)sigaction(SIGTERM, &action, &old_terminate);
}

static ks_status take_seat(seat **own, ks_error *error)
{
    ks_status status = KS_OK;
    ksi_mutex_lock(&seat_lock);
    size_t i = 0;
    while (i < SEATS && atomic_load(&seats[i].taken)) {
        i++;
    }
    if (i == SEATS) {
        status = ksi_error_set(error, KS_E_LIMIT, "ks_app_run",
                               "%d applications of this process run already; start more with "
                               "ks_app_start()",
                               SEATS);
    } else if (!open_pipe(&seats[i])) {
        status =
            ksi_error_set(error, KS_E_IO, "ks_app_run", "no pipe for signals: %s", strerror(errno));
    } else {
        empty_pipe(&seats[i]);
        atomic_store(&seats[i].taken, true);
        *own = &seats[i];
        if (seats_taken++ == 0) {
            install_handlers();
        }
    }
    ksi_mutex_unlock(&seat_lock);
    return status;
}

static void leave_seat(seat *own)
{
    ksi_mutex_lock(&seat_lock);
    atomic_store(&own->taken, false);
    if (--seats_taken == 0) {
        (void)sigaction(SIGINT, &old_interrupt, NULL);
        (void)sigaction(SIGTERM, &old_terminate, NULL);
    }
    ksi_mutex_unlock(&seat_lock);
}

/* ---- running --------------------------------------------------------------------------------- */

/* Lets both signals through in this thread; `before` is what it had. */
static void unblock_signals(sigset_t *before)
{
    sigset_t both;
    (void)sigemptyset(&both);
    (void)sigaddset(&both, SIGINT);
    (void)sigaddset(&both, SIGTERM);
    (void)pthread_sigmask(SIG_UNBLOCK, &both, before);
}

/* Where the end of the application is written to; it may have come before. */
static void set_wake_fd(ks_app *app, int fd)
{
    ksi_mutex_lock(&app->lock);
    app->wake_fd = fd;
    if (fd >= 0 && ksi_app_has_ended(app)) {
        ssize_t written = write(fd, "", 1);
        (void)written;
    }
    ksi_mutex_unlock(&app->lock);
}

/* `timeout_ms` as poll() has it. */
static void wait_for_byte(int fd, int timeout_ms)
{
    struct pollfd pipe_end = {.fd = fd, .events = POLLIN};
    while (poll(&pipe_end, 1, timeout_ms) < 0 && errno == EINTR) {
    }
}

static bool has_ended(ks_app *app)
{
    ksi_mutex_lock(&app->lock);
    bool ended = ksi_app_has_ended(app);
    ksi_mutex_unlock(&app->lock);
    return ended;
}

/* Takes what else the first signal came with, while the application closes already. */
static void let_burst_pass(ks_app *app, const seat *own)
{
    int64_t deadline = ksi_monotonic_ms(&ksi_system_clock) + BURST_MS;
    int64_t left = BURST_MS;
    while (left > 0 && !has_ended(app)) {
        empty_pipe(own);
        wait_for_byte(own->pipe[0], (int)left);
        left = deadline - ksi_monotonic_ms(&ksi_system_clock);
    }
}

/* The first failure of the application, if there is one. */
static ks_status failure_of(ks_app *app, ks_error *error)
{
    ks_status status = KS_OK;
    ksi_mutex_lock(&app->lock);
    if (app->failed) {
        status = app->failure.code;
        if (error != NULL) {
            *error = app->failure;
        }
    }
    ksi_mutex_unlock(&app->lock);
    return status;
}

ks_status ks_app_run(ks_app *app, ks_error *error)
{
    seat *own = NULL;
    sigset_t before;
    KS_TRY(ksi_app_check_may_wait(app, "ks_app_run()", error));
    KS_TRY(take_seat(&own, error));
    KSI_CHECK(own != NULL);
    unblock_signals(&before);
    set_wake_fd(app, own->pipe[1]);

    ks_status status = KS_OK;
    if (ks_app_state_of(app) == KS_APP_CREATED) {
        status = ks_app_start(app, error);
    }
    if (status == KS_OK) {
        wait_for_byte(own->pipe[0], -1);
        ks_status begun = ks_app_close(app, 0, NULL);
        (void)begun; /* the answer is that of the end, below */
        let_burst_pass(app, own);
    }

    set_wake_fd(app, -1);
    leave_seat(own);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    ks_status closed = ks_app_close(app, -1, status == KS_OK ? error : NULL);
    if (status == KS_OK) {
        status = failure_of(app, error);
    }
    return status != KS_OK ? status : closed;
}
