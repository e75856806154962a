/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_budget.h - one number for the memory of the process, and where it went.
 *
 * `statestore.memory.max.bytes` bounds what grows with data: RocksDB's block cache and memtables,
 * the rows in front of it. Each is an account with a share of the whole; an account reports what it
 * uses when it is asked. The budget does not allocate and does not evict: it tells each account its
 * limit and tells people the sum.
 *
 * Thread rule: any thread; accounts answer from any thread. Do not open or close an account while
 * holding a lock that its answer needs: closing waits for a running answer.
 */
#ifndef KSI_STORAGE_MEMORY_BUDGET_H
#define KSI_STORAGE_MEMORY_BUDGET_H

#include "base/buffer.h"

typedef struct ksi_memory_budget ksi_memory_budget;
typedef struct ksi_memory_account ksi_memory_account;

typedef int64_t ksi_memory_used_fn(void *owner);

ksi_memory_budget *ksi_memory_budget_new(int64_t max_bytes);
void ksi_memory_budget_free(ksi_memory_budget *budget); /* its accounts must be closed */

/*
 * An account with `weight` parts of what has no fixed share: the limit of each is that * weight /
 * sum of the weights, and changes when accounts come and go. `name` is copied.
 */
ksi_memory_account *ksi_memory_account_open(ksi_memory_budget *budget, const char *name,
                                            int32_t weight, ksi_memory_used_fn *used, void *owner);
/* An account with so many bytes of the whole; the others share what is left. */
ksi_memory_account *ksi_memory_account_open_fixed(ksi_memory_budget *budget, const char *name,
                                                  int64_t bytes, ksi_memory_used_fn *used,
                                                  void *owner);
void ksi_memory_account_close(ksi_memory_account *account); /* accepts NULL */
/* May be one change behind; cheap enough for every record. */
int64_t ksi_memory_account_limit(const ksi_memory_account *account);
/* What its owner answers. */
int64_t ksi_memory_account_used(ksi_memory_account *account);

int64_t ksi_memory_budget_limit(const ksi_memory_budget *budget);
int64_t ksi_memory_budget_used(ksi_memory_budget *budget);
/* "store buffers: 12.3 of 64.0 MB": appends a line for each account. MB = 2^20. */
void ksi_memory_budget_report(ksi_memory_budget *budget, ksi_buffer *text);
/*
 * "12.3 of 128.0 MB; most of it: 9.0 memtables, 3.3 block cache": at most three are named, none of
 * less than 0.1.
 */
void ksi_memory_budget_summarize(ksi_memory_budget *budget, ksi_buffer *text);

#endif
