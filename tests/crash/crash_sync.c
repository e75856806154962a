/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_sync.c - a process that is killed loses nothing that it wrote, synced or not: the page
 * cache is the kernel's. So waiting for the disk tells these tests nothing. Here it is left out, by
 * functions that RocksDB finds before those of the C library.
 *
 * Whether syncs come in time is not tested by kills, with or without this (README.md).
 *
 * Thread rule: any.
 */
#include <unistd.h>

#define SEEN_BY_ROCKSDB __attribute__((visibility("default")))

SEEN_BY_ROCKSDB int fsync(int file)
{
    (void)file;
    return 0;
}

SEEN_BY_ROCKSDB int fdatasync(int file)
{
    (void)file;
    return 0;
}
