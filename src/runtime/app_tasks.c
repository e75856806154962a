/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_tasks.c - the tasks of a process: made when the group wants them here, handed round, closed.
 *
 *     wanted active    rows opened -> restored -> with a stream thread
 *     wanted standby   rows opened -> at the restorer, for as long as it is wanted
 *     not wanted       called back from wherever it is -> rows closed -> reported
 *
 * ksi_app_place_tasks() looks at every task and does the next thing that can be done now; what it
 * asks for comes back as mail, and it is called again. So there is no order of events to get wrong:
 * whatever happened in between, the next look starts from where each task is.
 *
 * Spread. A task goes to the thread with the fewest tasks, and among those to the one with the
 * fewest of its sub-topology, so that the expensive half of a topology does not end up in one
 * thread. When nothing else is going on and a thread has two tasks more than another, one moves:
 * a thread that was added gets its part, one at a time.
 *
 * Thread rule: the supervisor, with the application's lock.
 */
#include "runtime/app.h"

#include "base/error.h"
#include "base/memory.h"

/* ---- making and closing ---------------------------------------------------------------------- */

static ksi_task_handle *find_task(const ks_app *app, ksi_task_id id)
{
    for (size_t i = 0; i < app->task_count; i++) {
        if (ksi_task_id_equals(app->tasks[i]->id, id)) {
            return app->tasks[i];
        }
    }
    return NULL;
}

/* NULL with an error when the disk cannot be read. */
static ksi_task_handle *make_task(ks_app *app, ksi_task_id id, ks_error *error)
{
    const ksi_task_rows_options options = {.topology = app->topology,
                                           .id = id,
                                           .application_id = app->application_id,
                                           .state = app->local_state};
    ksi_task_rows *rows = ksi_task_rows_open(&options, error);
    if (rows == NULL) {
        return NULL;
    }
    ksi_task_handle *task = ksi_calloc(1, sizeof *task);
    task->id = id;
    task->rows = rows;
    task->name = ksi_arena_format(&rows->arena, "%d_%d", id.subtopology, (int)id.partition);
    task->is_clean = true;
    task->place = KSI_AT_SUPERVISOR;
    atomic_init(&task->offsets, ksi_task_rows_offsets(rows));
    app->tasks = ksi_grow(app->tasks, &app->task_capacity, app->task_count + 1, sizeof task);
    app->tasks[app->task_count++] = task;
    app->needs_report = true;
    return task;
}

static void close_task(ks_app *app, size_t index)
{
    ksi_task_handle *task = app->tasks[index];
    ksi_task_rows_close(task->rows);
    ksi_free(task);
    app->task_count--;
    for (size_t i = index; i < app->task_count; i++) {
        app->tasks[i] = app->tasks[i + 1];
    }
    app->needs_report = true;
}

void ksi_app_close_tasks(ks_app *app)
{
    while (app->task_count > 0) {
        close_task(app, app->task_count - 1);
    }
    ksi_free(app->tasks);
    app->tasks = NULL;
    app->task_capacity = 0;
}

/* Writes down what the group wants; tasks that are not here yet are made. */
static ks_status want(ks_app *app, const ksi_task_id *ids, size_t count, bool as_active,
                      ks_error *error)
{
    for (size_t i = 0; i < count; i++) {
        ksi_task_handle *task = find_task(app, ids[i]);
        if (task == NULL) {
            task = make_task(app, ids[i], error);
        }
        if (task == NULL) {
            return ksi_error_flag(error, 0); /* as the disk said */
        }
        if (as_active) {
            task->wants_active = true;
            task->counts_as_active = true;
            ksi_progress_assign(&app->progress, task->id, true);
        } else {
            task->wants_standby = true;
        }
    }
    return KS_OK;
}

static ks_status follow_view(ks_app *app, ks_error *error)
{
    for (size_t i = 0; i < app->task_count; i++) {
        app->tasks[i]->wants_active = false;
        app->tasks[i]->wants_standby = false;
    }
    if (app->is_stopping || app->is_lost || app->is_regrouping) {
        return KS_OK;
    }
    KS_TRY(want(app, app->view.active, app->view.active_count, true, error));
    return want(app, app->view.standby, app->view.standby_count, false, error);
}

/* ---- spreading ------------------------------------------------------------------------------- */

typedef struct load {
    size_t all;
    size_t alike; /* of the same sub-topology */
} load;

static load load_of(const ks_app *app, const ksi_stream_thread *thread, ksi_task_id id)
{
    load of = {0};
    for (size_t i = 0; i < app->task_count; i++) {
        if (app->tasks[i]->place == KSI_AT_THREAD && app->tasks[i]->thread == thread) {
            of.all++;
            of.alike += app->tasks[i]->id.subtopology == id.subtopology;
        }
    }
    return of;
}

/* The thread with the least to do; NULL when none works. */
static ksi_stream_thread *choose_thread(const ks_app *app, ksi_task_id id, load *least)
{
    ksi_stream_thread *best = NULL;
    for (size_t i = 0; i < app->thread_count; i++) {
        const ksi_app_thread *slot = app->threads[i];
        if (slot->has_ended || ksi_stream_thread_is_stopping(slot->thread)) {
            continue;
        }
        load of = load_of(app, slot->thread, id);
        if (best == NULL || of.all < least->all ||
            (of.all == least->all && of.alike < least->alike)) {
            best = slot->thread;
            *least = of;
        }
    }
    return best;
}

/* ---- moving ---------------------------------------------------------------------------------- */

static void call_back(ks_app *app, ksi_task_handle *task)
{
    if (task->is_leaving) {
        return;
    }
    task->is_leaving = true;
    if (task->place == KSI_AT_RESTORER) {
        ksi_restorer_call_back(app->restorer, task);
    } else {
        ksi_stream_thread_call_back(task->thread, task);
    }
}

static void give_to_restorer(ks_app *app, ksi_task_handle *task, bool as_standby)
{
    task->place = KSI_AT_RESTORER;
    task->is_standby = as_standby;
    ksi_restorer_give(app->restorer, task);
}

static void give_to_thread(ks_app *app, ksi_task_handle *task)
{
    load least = {0};
    ksi_stream_thread *thread = choose_thread(app, task->id, &least);
    if (thread == NULL) {
        return; /* it waits for one */
    }
    task->place = KSI_AT_THREAD;
    task->thread = thread;
    task->is_running = false;
    task->session = ksi_group_session_number(&app->session);
    ksi_stream_thread_give(thread, task);
}

/* A task that nobody works on: back to its last commit, and on to where it is wanted. */
static ks_status place_here(ks_app *app, ksi_task_handle *task, ks_error *error)
{
    if (!task->is_clean) {
        KS_TRY(ksi_task_rows_abort(task->rows, error));
        task->is_clean = true;
        task->is_restored = false;
    }
    bool is_logged = ksi_task_rows_are_logged(task->rows);
    if (task->wants_active && is_logged && !task->is_restored) {
        give_to_restorer(app, task, false);
    } else if (task->wants_active && app->global_is_restored && !app->view.is_in_doubt) {
        give_to_thread(app, task);
    } else if (!task->wants_active && task->wants_standby && is_logged) {
        give_to_restorer(app, task, true);
    }
    return KS_OK;
}

static void place_at_restorer(ks_app *app, ksi_task_handle *task)
{
    if (task->is_leaving) {
        return; /* what it is, is the restorer's until it comes back */
    }
    if (task->wants_active && task->is_standby) {
        ksi_restorer_promote(app->restorer, task);
        task->is_leaving = true; /* it comes back as soon as it is restored */
    } else if (!task->wants_active && !(task->wants_standby && task->is_standby)) {
        call_back(app, task);
    }
}

/* One task that shall move from the thread with the most to the one with the fewest. */
static void even_out(ks_app *app)
{
    ksi_task_handle *heaviest = NULL;
    size_t most = 0;
    for (size_t i = 0; i < app->task_count; i++) {
        ksi_task_handle *task = app->tasks[i];
        if (task->place != KSI_AT_THREAD || task->is_leaving || !task->is_running) {
            return; /* something is going on */
        }
        size_t all = load_of(app, task->thread, task->id).all;
        if (all > most) {
            most = all;
            heaviest = task;
        }
    }
    load least = {0};
    if (heaviest != NULL && choose_thread(app, heaviest->id, &least) != NULL &&
        most > least.all + 1) {
        call_back(app, heaviest);
    }
}

ks_status ksi_app_place_tasks(ks_app *app, ks_error *error)
{
    KS_TRY(follow_view(app, error));
    for (size_t i = app->task_count; i > 0; i--) {
        ksi_task_handle *task = app->tasks[i - 1];
        if (task->place == KSI_AT_RESTORER) {
            place_at_restorer(app, task);
        } else if (task->place == KSI_AT_THREAD) {
            if (!task->wants_active) {
                call_back(app, task);
            }
        } else {
            KS_TRY(place_here(app, task, error));
            if (task->counts_as_active != task->wants_active) {
                task->counts_as_active = task->wants_active;
                app->needs_report = true; /* a task that stays as a standby was given up, too */
            }
            if (task->place == KSI_AT_SUPERVISOR && !task->wants_active && !task->wants_standby) {
                ksi_progress_assign(&app->progress, task->id, false);
                close_task(app, i - 1);
            }
        }
    }
    if (!app->is_stopping) {
        even_out(app);
    }
    return KS_OK;
}

/* ---- looking --------------------------------------------------------------------------------- */

bool ksi_app_runs_all_tasks(const ks_app *app)
{
    for (size_t i = 0; i < app->view.active_count; i++) {
        const ksi_task_handle *task = find_task(app, app->view.active[i]);
        if (task == NULL || task->place != KSI_AT_THREAD || !task->is_running || task->is_leaving) {
            return false;
        }
    }
    return true;
}

void ksi_app_report_tasks(ks_app *app)
{
    ksi_task_id *active = ksi_calloc(app->task_count + 1, sizeof *active);
    ksi_task_state *standby = ksi_calloc(app->task_count + 1, sizeof *standby);
    size_t active_count = 0;
    size_t standby_count = 0;
    for (size_t i = 0; i < app->task_count; i++) {
        const ksi_task_handle *task = app->tasks[i];
        if (task->counts_as_active) {
            active[active_count++] = task->id;
        } else {
            standby[standby_count++] =
                (ksi_task_state){.id = task->id, .offsets = atomic_load(&task->offsets)};
        }
    }
    app->membership->class->report(app->membership, active, active_count, standby, standby_count);
    app->needs_report = false;
    ksi_free(active);
    ksi_free(standby);
}
