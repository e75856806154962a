/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_rows.c - any bytes as what windows and joins keep in topics and stores.
 *
 * The first byte chooses: a windowed key, what the sides of a foreign-key join say to each other,
 * the list of an outer join, an update that was held back, the text beside a committed offset. What
 * is refused must be refused with words; what is taken must be written again, and read again as the
 * same.
 *
 * Or it is a changelog: then the second byte chooses a store, and records follow, a byte of size
 * before each key and each value. What was restored is read from the one end to the other.
 */
#include "base/arena.h"
#include "base/check.h"
#include "base/error.h"
#include "ops/outer_rows.h"
#include "runtime/commit_metadata.h"
#include "serde/convert.h"
#include "serde/windowed.h"
#include "state/session_store.h"
#include "state/store_restore.h"
#include "state/suppress_buffer.h"
#include "state/window_store.h"
#include "topology/context.h"
#include "topology/row_subscription.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Longer inputs find nothing more. */
#define LONGEST_INPUT 4096

/* Whether it was taken; refused without a word is a failure. */
static bool is_taken(ks_status status, const ks_error *error)
{
    KSI_CHECK(status == KS_OK || (error->code == status && error->message[0] != '\0'));
    return status == KS_OK;
}

/* ---- windowed keys --------------------------------------------------------------------------- */

static void check_serde(const ks_serde *serde, ks_slice bytes, ks_arena *arena)
{
    const ks_serde_ctx where = {.topic = "fuzz", .is_key = true};
    ks_error error = {0};
    ks_value value = ks_null();
    ks_slice again = ks_slice_null();
    if (is_taken(serde->deserialize(serde, &where, bytes, arena, &value, &error), &error) &&
        !ks_value_is_null(value)) {
        KSI_CHECK(serde->serialize(serde, &where, value, arena, &again, &error) == KS_OK);
        KSI_CHECK(again.size == bytes.size);
        (void)ks_value_to_text(arena, value);
    }
}

static void read_windowed(ks_slice bytes, ks_arena *arena)
{
    check_serde(ksi_time_windowed_serde(arena, &ks_serde_bytes, 1000), bytes, arena);
    check_serde(ksi_session_windowed_serde(arena, &ks_serde_bytes), bytes, arena);
}

/* ---- foreign-key joins ----------------------------------------------------------------------- */

static void read_subscription(ks_slice bytes, ks_arena *arena)
{
    ks_error error = {0};
    ksi_row_subscription subscription;
    ks_slice key;
    if (is_taken(ksi_row_subscription_read(bytes, &subscription, &key, &error), &error)) {
        ks_slice again = ksi_row_subscription_bytes(&subscription, key, arena);
        KSI_CHECK(ks_slice_equal(again, bytes));
    }
}

static void read_response(ks_slice bytes, ks_arena *arena)
{
    const ks_serde_ctx where = {.topic = "fuzz"};
    ks_ctx ctx = {.task_arena = arena};
    ks_error error = {0};
    ks_value value;
    ks_slice again = ks_slice_null();
    const ks_serde *serde =
        ksi_row_response_envelope.serde(&ksi_row_response_envelope, &ctx, &ks_serde_bytes);
    if (is_taken(serde->deserialize(serde, &where, bytes, arena, &value, &error), &error)) {
        KSI_CHECK(serde->serialize(serde, &where, value, arena, &again, &error) == KS_OK);
        KSI_CHECK(ks_slice_equal(again, bytes));
    }
}

/* ---- what waits ------------------------------------------------------------------------------ */

static void read_outer_row(ks_slice bytes, ks_arena *arena)
{
    static const ksi_store_spec spec = {.name = "fuzz", .type = KS_STORE_IN_MEMORY};
    ks_error error = {0};
    ksi_outer_row row;
    ks_slice value;
    ksi_store *store = ksi_store_open(&(ksi_store_options){.spec = &spec}, &error);
    const ksi_key_value_store *rows = ksi_key_value_store_of(store);
    const size_t key_size = bytes.size < 12 ? bytes.size : 12;
    const ksi_row stored = {.key = ksi_arena_copy(arena, ks_slice_of(bytes.data, key_size)),
                            .value = ks_slice_of(bytes.data + key_size, bytes.size - key_size)};
    bool goes_on = is_taken(ksi_outer_row_read(rows, &stored, &row, &error), &error);
    while (goes_on && row.count > 0) {
        goes_on = is_taken(ksi_outer_row_next(rows, &row, &value, &error), &error);
    }
    ksi_store_close(store);
}

static void read_update(ks_slice bytes, ks_arena *arena)
{
    ks_error error = {0};
    ksi_buffered_value update;
    ksi_buffered_value again;
    ksi_buffer written = {0};
    if (is_taken(ksi_buffered_value_read(bytes, arena, &update, &error), &error)) {
        ksi_buffered_value_write(&update, &written);
        KSI_CHECK(ksi_buffered_value_read(ksi_buffer_slice(&written), arena, &again, &error) ==
                  KS_OK);
        KSI_CHECK(again.time == update.time);
        KSI_CHECK(ks_slice_equal(again.new_value, update.new_value));
        KSI_CHECK(ks_slice_equal(again.prior, update.prior));
    }
    ksi_buffer_destroy(&written);
}

/* It is never refused: the offset beside it is good. */
static void read_notes(ks_slice bytes, ks_arena *arena)
{
    ksi_commit_notes notes;
    ksi_commit_notes again;
    int64_t time = ksi_commit_metadata_decode(bytes, arena, &notes);
    ks_slice text = ksi_commit_metadata_encode(time, &notes, arena);
    KSI_CHECK(ksi_commit_metadata_decode(text, arena, &again) == time);
    KSI_CHECK(ksi_commit_metadata_is_shortened(&notes) || again.count == notes.count);
}

/* ---- changelogs ------------------------------------------------------------------------------ */

static const ksi_store_spec stores[] = {
    {.kind = KSI_STORE_WINDOW, .timestamped = true},
    {.kind = KSI_STORE_WINDOW, .by_time = true},
    {.kind = KSI_STORE_WINDOW, .retain_duplicates = true},
    {.kind = KSI_STORE_WINDOW, .type = KS_STORE_IN_MEMORY},
    {.kind = KSI_STORE_SESSION},
    {.kind = KSI_STORE_SESSION, .by_time = true},
    {.kind = KSI_STORE_SESSION, .type = KS_STORE_IN_MEMORY},
    {.kind = KSI_STORE_SUPPRESS, .type = KS_STORE_IN_MEMORY},
};

/* Takes a size, and so many bytes behind it or what is left. */
static ks_slice take(ks_slice *rest)
{
    size_t size = rest->size > 0 ? (unsigned char)rest->data[0] % 64 : 0;
    size_t skipped = rest->size > 0 ? 1 : 0;
    size = size < rest->size - skipped ? size : rest->size - skipped;
    ks_slice taken = ks_slice_of(rest->data + skipped, size);
    *rest = ks_slice_of(taken.data + size, rest->size - skipped - size);
    return taken;
}

static bool restore(const ksi_store_spec *spec, ksi_row_store *rows, ks_slice records,
                    ks_arena *arena)
{
    ks_error error = {0};
    const char versions[] = {0, 1, 2, 3};
    bool goes_on = true;
    ksi_store_restore *restore = ksi_store_restore_open(spec, rows, &error);
    KSI_CHECK(restore != NULL);
    while (goes_on && records.size > 0) {
        ks_slice key = ksi_arena_copy(arena, take(&records));
        ks_slice value = ksi_arena_copy(arena, take(&records));
        const ks_headers *version =
            ks_headers_with(arena, NULL, ks_slice_cstr(KSI_BUFFERED_VERSION_HEADER),
                            ks_slice_of(&versions[records.size % 4], 1));
        const ksi_record_context context = {.topic = "fuzz",
                                            .timestamp = (int64_t)records.size,
                                            .headers = records.size % 5 > 0 ? version : NULL};
        goes_on =
            is_taken(ksi_store_restore_record(
                         restore, key, value.size > 0 ? value : ks_slice_null(), &context, &error),
                     &error);
    }
    ksi_store_restore_close(restore);
    return goes_on &&
           ksi_row_store_restored(rows, &(ksi_store_position){.offset = 1}, &error) == KS_OK;
}

static void walk(ksi_store *store, bool backward, ks_arena *arena)
{
    ks_error error = {0};
    bool found = true;
    if (ksi_window_store_of(store) != NULL) {
        ksi_window_row row;
        const ksi_window_range all = {.to = INT64_MAX, .backward = backward};
        ksi_window_iterator *rows = ksi_window_store_fetch(ksi_window_store_of(store), &all);
        while (found) {
            KSI_CHECK(ksi_window_iterator_next(rows, &row, &found, &error) == KS_OK);
        }
        ksi_window_iterator_close(rows);
    } else if (ksi_session_store_of(store) != NULL) {
        ksi_session_row row;
        const ksi_session_range all = {.latest_start = INT64_MAX, .backward = backward};
        ksi_session_iterator *rows = ksi_session_store_find(ksi_session_store_of(store), &all);
        while (found) {
            KSI_CHECK(ksi_session_iterator_next(rows, &row, &found, &error) == KS_OK);
        }
        ksi_session_iterator_close(rows);
    } else {
        ksi_suppress_buffer *buffer = ksi_suppress_buffer_of(store);
        ks_slice key;
        ksi_buffered_value update;
        while (ksi_suppress_buffer_count(buffer) > 0) {
            KSI_CHECK(ksi_suppress_buffer_first(buffer, arena, &key, &update, &error) == KS_OK);
            ksi_suppress_buffer_evict(buffer);
        }
    }
}

static void read_changelog(ks_slice bytes, ks_arena *arena)
{
    ks_error error = {0};
    ksi_store_spec spec = stores[(unsigned char)bytes.data[0] % (sizeof stores / sizeof *stores)];
    spec.name = "fuzz";
    spec.retention_ms = 100000;
    spec.window_size_ms = 1000;
    ksi_row_store *rows = ksi_store_rows_in_memory(&spec);
    if (restore(&spec, rows, ks_slice_of(bytes.data + 1, bytes.size - 1), arena)) {
        ksi_store *store =
            ksi_store_open(&(ksi_store_options){.spec = &spec, .rows = rows}, &error);
        if (is_taken(store != NULL ? KS_OK : error.code, &error)) {
            walk(store, false, arena);
            walk(store, true, arena);
            ksi_store_close(store);
        }
    }
    ksi_row_store_close(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(ks_slice, ks_arena *) = {
        read_windowed, read_subscription, read_response, read_outer_row,
        read_update,   read_notes,        read_changelog};
    ks_arena arena;
    if (size < 2 || size > LONGEST_INPUT) {
        return 0;
    }
    ksi_arena_init(&arena, 0);
    /* An arena guards what it gave out to the byte. */
    ks_slice bytes = ksi_arena_copy(&arena, ks_slice_of((const char *)data + 1, size - 1));
    readers[data[0] % (sizeof readers / sizeof *readers)](bytes, &arena);
    ksi_arena_destroy(&arena);
    return 0;
}
