/* SPDX-License-Identifier: Apache-2.0 */
/*
 * duration.c - see duration.h.
 *
 * Years and months are no part of it, as in Java: how long they are depends on when they begin.
 * Signs are refused, since every property that takes a duration wants one that is not negative.
 *
 * Thread rule: any thread.
 */
#include "config/duration.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

enum { MOST_DIGITS = 15 };

typedef struct reading {
    const char *rest;
    int64_t sum;
    int parts;
    bool is_too_long;
} reading;

/* Takes a number with this letter behind it, when that is next. */
static void take(reading *self, char letter, int64_t worth_ms)
{
    size_t digits = strspn(self->rest, DIGITS);
    if (digits == 0 || self->rest[digits] != letter || self->is_too_long) {
        return;
    }
    int64_t number = digits <= MOST_DIGITS ? strtoll(self->rest, NULL, 10) : INT64_MAX;
    if (number > (INT64_MAX - self->sum) / worth_ms) {
        self->is_too_long = true;
        return;
    }
    self->sum += number * worth_ms;
    self->rest += digits + 1;
    self->parts++;
}

/* Seconds may have decimals, of which three count. */
static void take_decimal_seconds(reading *self)
{
    size_t digits = strspn(self->rest, DIGITS);
    const char *point = self->rest + digits;
    size_t decimals = *point == '.' ? strspn(point + 1, DIGITS) : 0;
    if (digits == 0 || digits > MOST_DIGITS || decimals == 0 || point[1 + decimals] != 'S') {
        return;
    }
    int64_t thousandths = 0;
    for (size_t i = 0; i < 3; i++) {
        thousandths = thousandths * 10 + (i < decimals ? point[1 + i] - '0' : 0);
    }
    int64_t number = strtoll(self->rest, NULL, 10) * 1000 + thousandths;
    self->is_too_long = self->is_too_long || number > INT64_MAX - self->sum;
    self->sum += self->is_too_long ? 0 : number;
    self->rest = point + decimals + 2;
    self->parts++;
}

bool ksi_duration_ms(const char *text, int64_t *milliseconds)
{
    reading self = {.rest = text + 1};
    if (text[0] != 'P') {
        return false;
    }
    take(&self, 'D', INT64_C(86400000));
    if (self.rest[0] == 'T') {
        int days = self.parts;
        self.rest++;
        take(&self, 'H', 3600000);
        take(&self, 'M', 60000);
        take(&self, 'S', 1000);
        take_decimal_seconds(&self);
        if (self.parts == days) {
            return false;
        }
    }
    *milliseconds = self.sum;
    return self.rest[0] == '\0' && self.parts > 0 && !self.is_too_long;
}
