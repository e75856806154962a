/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.c - what parsing a payment costs with each JSON library: json_compare [ROUNDS [WORD]]
 *
 * With WORD only libraries with it in their name are measured.
 *
 * All libraries read the same 1,000 documents ten times a round; a figure is the
 * median of the rounds in CPU time, so that a slow moment of the machine hits all of them once and
 * decides none. Building and installing these libraries is needed for this comparison only.
 *
 * Thread rule: one thread.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "payment.h"

enum { DOCUMENTS = 1000, REPEATS = 10, ROOM = 1024, MOST_ROUNDS = 99, DEFAULT_ROUNDS = 99 };

static const struct {
    const char *name;
    payment_reader *read;
#ifdef KS_BENCH_JSON_C
} readers[] = {{"json-c", read_by_json_c}};
#else
} readers[] = {{"kstreams' table", read_by_table},
               {"jansson", read_by_jansson},
               {"cJSON", read_by_cjson},
               {"yajl", read_by_yajl},
               {"RapidJSON SAX", read_by_rapidjson_sax},
               {"RapidJSON SAX in situ", read_by_rapidjson_in_situ},
               {"simdjson DOM", read_by_simdjson_dom},
               {"simdjson on-demand", read_by_simdjson_on_demand}};
#endif

enum { READERS = sizeof readers / sizeof readers[0] };

static char documents[DOCUMENTS][ROOM];
static size_t sizes[DOCUMENTS];

/* ---- what every reader uses ------------------------------------------------------------------ */

ks_slice payment_text(payment_memory *memory, const char *text, size_t size)
{
    if (size > sizeof memory->bytes - memory->used) {
        abort();
    }
    char *copy = memory->bytes + memory->used;
    memcpy(copy, text, size);
    memory->used += size;
    return ks_slice_of(copy, size);
}

int32_t payment_currency(ks_slice name)
{
    static const char *const names[] = {"KRW", "EUR", "USD", "JPY"};
    for (int32_t i = 0; i < 4; i++) {
        if (ks_slice_equal(name, ks_slice_cstr(names[i]))) {
            return i;
        }
    }
    return -1;
}

static int32_t digits(const char *at, int count)
{
    int32_t number = 0;
    for (int i = 0; i < count; i++) {
        number = number * 10 + (at[i] - '0');
    }
    return number;
}

int32_t payment_day(ks_slice text)
{
    int32_t year = digits(text.data, 4);
    int32_t month = digits(text.data + 5, 2);
    int32_t shifted = month > 2 ? month - 3 : month + 9;
    year -= month <= 2;
    return year * 365 + year / 4 - year / 100 + year / 400 + (153 * shifted + 2) / 5 +
           digits(text.data + 8, 2) - 1 - 719468;
}

int64_t payment_moment(ks_slice text)
{
    int64_t seconds = payment_day(text) * INT64_C(86400) + digits(text.data + 11, 2) * 3600 +
                      digits(text.data + 14, 2) * 60 + digits(text.data + 17, 2);
    return seconds * 1000 + digits(text.data + 20, 3);
}

int64_t payment_cents(double number)
{
    return llround(number * 100);
}

/* ---- documents ------------------------------------------------------------------------------- */

static unsigned pick(unsigned bound)
{
    static uint64_t state = 20260101;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % bound;
}

static size_t write_items(char *at, size_t room)
{
    size_t used = (size_t)snprintf(at, room, ",\"items\":[");
    unsigned count = 1 + pick(3);
    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(
            at + used, room - used, "%s{\"sku\":\"SKU-%06u\",\"quantity\":%u,\"price\":%u.%02u}",
            i > 0 ? "," : "", pick(1000000), 1 + pick(9), pick(1000), pick(100));
    }
    return used + (size_t)snprintf(at + used, room - used, "]}");
}

static size_t write_document(char *at, size_t room)
{
    static const char *const currencies[] = {"KRW", "EUR", "USD", "JPY"};
    static const char *const notes[] = {"paid at the \\\"old\\\" counter", "paid at the counter"};
    size_t used = (size_t)snprintf(
        at, room,
        "{\"id\":\"5a54041d-2cce-43f5-8194-%012x\",\"cardNumber\":\"4929-%04u-%04u-%04u\","
        "\"merchant\":{\"id\":\"merchant-%04u\",\"name\":\"Caf\xc3\xa9 am Markt %u\","
        "\"city\":\"Seoul\"},\"amount\":%u.%02u,\"currency\":\"%s\","
        "\"paidAt\":\"2026-%02u-%02uT%02u:48:15.%03uZ\",\"payoutDate\":\"2026-05-%02u\","
        "\"risk\":0.%04u,\"online\":%s,\"refund\":false,\"referrer\":null,"
        "\"channel\":\"point of sale, second floor\"",
        pick(1u << 30), pick(10000), pick(10000), pick(10000), pick(10000), pick(100), pick(100000),
        pick(100), currencies[pick(4)], 1 + pick(12), 1 + pick(28), pick(10) + 10, pick(1000),
        1 + pick(28), 1 + pick(9999), pick(2) != 0 ? "true" : "false");
    if (pick(2) != 0) {
        used += (size_t)snprintf(at + used, room - used, ",\"note\":\"%s\"", notes[pick(4) != 0]);
    }
    return used + write_items(at + used, room - used);
}

/* ---- measuring ------------------------------------------------------------------------------- */

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t sum_text(ks_slice text)
{
    uint64_t sum = text.size;
    for (size_t i = 0; i < text.size; i++) {
        sum = sum * 31 + (unsigned char)text.data[i];
    }
    return sum;
}

static uint64_t sum_of(const payment *p)
{
    uint64_t sum = sum_text(p->id) ^ sum_text(p->card_number) ^ sum_text(p->merchant_id) ^
                   sum_text(p->merchant_name) ^ sum_text(p->merchant_city) ^ sum_text(p->note);
    sum += (uint64_t)p->amount + (uint64_t)p->currency * 7 + (uint64_t)p->paid_at * 3 +
           (uint64_t)p->payout_day + (uint64_t)(p->risk * 1e6) + p->is_online * 11u + p->is_refund;
    for (size_t i = 0; i < p->item_count; i++) {
        sum = sum * 17 + sum_text(p->items[i].sku) + (uint64_t)p->items[i].quantity * 5 +
              (uint64_t)p->items[i].price;
    }
    return sum;
}

static uint64_t check(size_t reader)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        payment p = {.amount = 0};
        payment_memory memory = {.used = 0};
        if (!readers[reader].read(ks_slice_of(documents[i], sizes[i]), &p, &memory)) {
            (void)fprintf(stderr, "%s refuses %s\n", readers[reader].name, documents[i]);
            exit(1);
        }
        sum = sum * 3 + sum_of(&p);
    }
    return sum;
}

static double measure(size_t reader)
{
    static payment_memory memory;
    double before = cpu_seconds();
    for (size_t i = 0; i < (size_t)DOCUMENTS * REPEATS; i++) {
        payment p = {.amount = 0};
        memory.used = 0;
        (void)readers[reader].read(ks_slice_of(documents[i % DOCUMENTS], sizes[i % DOCUMENTS]), &p,
                                   &memory);
    }
    return (cpu_seconds() - before) / ((double)DOCUMENTS * REPEATS) * 1e9;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void make_documents(void)
{
    size_t bytes = 0;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        sizes[i] = write_document(documents[i], ROOM);
        bytes += sizes[i];
    }
    uint64_t wanted = check(0);
    for (size_t r = 1; r < READERS; r++) {
        if (check(r) != wanted) {
            (void)fprintf(stderr, "%s reads something else\n", readers[r].name);
            exit(1);
        }
    }
    (void)printf("%zu bytes a document; ns of CPU a document\n", bytes / DOCUMENTS);
}

int main(int argc, char **argv)
{
    static double times[READERS][MOST_ROUNDS];
    long asked = argc > 1 ? strtol(argv[1], NULL, 10) : DEFAULT_ROUNDS;
    size_t rounds = asked < 1 || asked > MOST_ROUNDS ? DEFAULT_ROUNDS : (size_t)asked;
    const char *word = argc > 2 ? argv[2] : "";
    make_documents();
    for (size_t round = 0; round < rounds; round++) {
        for (size_t r = 0; r < READERS; r++) {
            times[r][round] = strstr(readers[r].name, word) != NULL ? measure(r) : 0;
        }
    }
    for (size_t r = 0; r < READERS; r++) {
        if (times[r][0] > 0) {
            qsort(times[r], rounds, sizeof times[r][0], compare);
            (void)printf("%-24s median %6.0f  least %6.0f  %9.0f a second\n", readers[r].name,
                         times[r][rounds / 2], times[r][0], 1e9 / times[r][rounds / 2]);
        }
    }
    return 0;
}
