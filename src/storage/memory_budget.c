/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_budget.c - see memory_budget.h.
 *
 * An account is asked while the budget's lock is held, so that closing it waits for the answer and
 * its owner may go right after. The price: whoever closes or opens an account must not hold a lock
 * that its own answer needs. Limits are read on hot paths and so are plain atomics, written when
 * accounts come and go; a reader may be one change behind, which a limit in megabytes can bear.
 *
 * The tempting other way is to count every allocation in one atomic: exact, and a cache line that
 * all threads write to for every record.
 */
#include "storage/memory_budget.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/thread.h"

#include <stdatomic.h>

#define MEGABYTE (1024.0 * 1024.0)

struct ksi_memory_account {
    ksi_memory_budget *budget;
    char *name;
    int32_t weight; /* 0: the limit is fixed */
    ksi_memory_used_fn *used;
    void *owner;
    atomic_int_least64_t limit;
};

struct ksi_memory_budget {
    int64_t max_bytes;
    ksi_mutex lock;                /* guards what follows */
    ksi_memory_account **accounts; /* in the order of opening */
    size_t count;
    size_t capacity;
};

ksi_memory_budget *ksi_memory_budget_new(int64_t max_bytes)
{
    ksi_memory_budget *budget = ksi_calloc(1, sizeof *budget);
    budget->max_bytes = max_bytes;
    ksi_mutex_init(&budget->lock);
    return budget;
}

void ksi_memory_budget_free(ksi_memory_budget *budget)
{
    if (budget == NULL) {
        return;
    }
    KSI_CHECK(budget->count == 0); /* an account is still open, and would be asked no more */
    ksi_mutex_destroy(&budget->lock);
    ksi_free(budget->accounts);
    ksi_free(budget);
}

/* Rounds down, so the limits never sum up to more than the whole. */
static int64_t share(int64_t whole, int64_t weight, int64_t weights)
{
    return whole / weights * weight + whole % weights * weight / weights;
}

static void share_out(ksi_memory_budget *budget)
{
    int64_t weights = 0;
    int64_t left = budget->max_bytes;
    for (size_t i = 0; i < budget->count; i++) {
        const ksi_memory_account *account = budget->accounts[i];
        weights += account->weight;
        left -= account->weight == 0 ? atomic_load(&account->limit) : 0;
    }
    left = left > 0 ? left : 0;
    for (size_t i = 0; i < budget->count; i++) {
        ksi_memory_account *account = budget->accounts[i];
        if (account->weight > 0 && weights > 0) { /* the second follows; analysers ask */
            atomic_store(&account->limit, share(left, account->weight, weights));
        }
    }
}

static ksi_memory_account *new_account(ksi_memory_budget *budget, const char *name,
                                       ksi_memory_used_fn *used, void *owner)
{
    ksi_memory_account *account = ksi_calloc(1, sizeof *account);
    account->budget = budget;
    account->name = ksi_strdup(name);
    account->used = used;
    account->owner = owner;
    atomic_init(&account->limit, 0);
    return account;
}

static ksi_memory_account *add(ksi_memory_account *account)
{
    ksi_memory_budget *budget = account->budget;
    ksi_mutex_lock(&budget->lock);
    budget->accounts =
        ksi_grow(budget->accounts, &budget->capacity, budget->count + 1, sizeof account);
    budget->accounts[budget->count++] = account;
    share_out(budget);
    ksi_mutex_unlock(&budget->lock);
    return account;
}

ksi_memory_account *ksi_memory_account_open(ksi_memory_budget *budget, const char *name,
                                            int32_t weight, ksi_memory_used_fn *used, void *owner)
{
    KSI_CHECK(weight > 0);
    ksi_memory_account *account = new_account(budget, name, used, owner);
    account->weight = weight;
    return add(account);
}

ksi_memory_account *ksi_memory_account_open_fixed(ksi_memory_budget *budget, const char *name,
                                                  int64_t bytes, ksi_memory_used_fn *used,
                                                  void *owner)
{
    ksi_memory_account *account = new_account(budget, name, used, owner);
    atomic_store(&account->limit, bytes);
    return add(account);
}

void ksi_memory_account_close(ksi_memory_account *account)
{
    if (account == NULL) {
        return;
    }
    ksi_memory_budget *budget = account->budget;
    ksi_mutex_lock(&budget->lock);
    size_t kept = 0;
    for (size_t i = 0; i < budget->count; i++) {
        if (budget->accounts[i] != account) {
            budget->accounts[kept++] = budget->accounts[i];
        }
    }
    budget->count = kept;
    share_out(budget);
    ksi_mutex_unlock(&budget->lock);
    ksi_free(account->name);
    ksi_free(account);
}

int64_t ksi_memory_account_limit(const ksi_memory_account *account)
{
    return atomic_load(&account->limit);
}

/* An owner that counts in two places may be caught between them, below nothing. */
static int64_t used_by(const ksi_memory_account *account)
{
    int64_t used = account->used(account->owner);
    return used > 0 ? used : 0;
}

int64_t ksi_memory_account_used(ksi_memory_account *account)
{
    return used_by(account);
}

int64_t ksi_memory_budget_limit(const ksi_memory_budget *budget)
{
    return budget->max_bytes;
}

int64_t ksi_memory_budget_used(ksi_memory_budget *budget)
{
    int64_t sum = 0;
    ksi_mutex_lock(&budget->lock);
    for (size_t i = 0; i < budget->count; i++) {
        sum += used_by(budget->accounts[i]);
    }
    ksi_mutex_unlock(&budget->lock);
    return sum;
}

static double megabytes(int64_t bytes)
{
    return (double)bytes / MEGABYTE;
}

void ksi_memory_budget_report(ksi_memory_budget *budget, ksi_buffer *text)
{
    ksi_mutex_lock(&budget->lock);
    for (size_t i = 0; i < budget->count; i++) {
        const ksi_memory_account *account = budget->accounts[i];
        ksi_buffer_appendf(text, "%s: %.1f of %.1f MB\n", account->name,
                           megabytes(used_by(account)), megabytes(atomic_load(&account->limit)));
    }
    ksi_mutex_unlock(&budget->lock);
}

enum { NAMED = 3, WORTH_NAMING = 1024 * 1024 / 20 /* what is less prints as 0.0 */ };

typedef struct user {
    const char *name;
    int64_t used;
} user;

/* Into its place among the largest; of equal ones the first stays before the others. */
static void rank(user largest[NAMED], user next)
{
    for (size_t i = 0; i < NAMED; i++) {
        if (next.used > largest[i].used) {
            user smaller = largest[i];
            largest[i] = next;
            next = smaller;
        }
    }
}

void ksi_memory_budget_summarize(ksi_memory_budget *budget, ksi_buffer *text)
{
    user largest[NAMED] = {{0}};
    int64_t sum = 0;
    ksi_mutex_lock(&budget->lock); /* the names are the accounts' */
    for (size_t i = 0; i < budget->count; i++) {
        const user next = {budget->accounts[i]->name, used_by(budget->accounts[i])};
        rank(largest, next);
        sum += next.used;
    }
    ksi_buffer_appendf(text, "%.1f of %.1f MB", megabytes(sum), megabytes(budget->max_bytes));
    for (size_t i = 0; i < NAMED && largest[i].used >= WORTH_NAMING; i++) {
        ksi_buffer_appendf(text, "%s %.1f %s", i == 0 ? "; most of it:" : ",",
                           megabytes(largest[i].used), largest[i].name);
    }
    ksi_mutex_unlock(&budget->lock);
}
