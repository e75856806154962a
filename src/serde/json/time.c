/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time.c - dates and moments in the text form of ISO 8601 that JSON documents use.
 *
 * The form is the narrow one that Java's LocalDate, LocalDateTime, Instant and OffsetDateTime print
 * and everybody reads: four digits of the year, all fields in full, a zone of Z, +09:00, +0900 or
 * +09. Years are 0000 to 9999 of the Gregorian calendar, also where another was in use. A leap
 * second (:60) is refused, as the epoch has no number for it.
 *
 * strptime() is the tempting wrong way: it accepts blanks and signs nearly everywhere and depends
 * on the locale; timegm() is no POSIX.
 *
 * The calendar counts years from March, so that the leap day is the last of a year and the days
 * before a month are a straight line: (153 * month + 2) / 5.
 *
 * Thread rule: any.
 */
#include "serde/json/time.h"

enum { DAYS_TO_1970 = 719468, SECONDS_A_DAY = 86400, YEARS_MAX = 9999 };

/* ---- the calendar ---------------------------------------------------------------------------- */

static bool is_leap(int32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int32_t days_of_month(int32_t year, int32_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

static int32_t day_of_civil(int32_t year, int32_t month, int32_t day)
{
    /* 400 years on, so that January and February of year 0 do not divide a negative number */
    int32_t from_march = (year + 400) - (month <= 2);
    int32_t shifted = month > 2 ? month - 3 : month + 9;
    return from_march * 365 + from_march / 4 - from_march / 100 + from_march / 400 +
           (153 * shifted + 2) / 5 + day - 1 - DAYS_TO_1970 - 146097;
}

typedef struct civil {
    int32_t year, month, day;
} civil;

/* `day` is one of years 0 to 9999. */
static civil civil_of_day(int32_t day)
{
    int32_t since = day + DAYS_TO_1970 + 146097; /* since March 1st 400 years before year 0 */
    int32_t era = since / 146097;
    int32_t in_era = since % 146097;
    int32_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int32_t in_year = in_era - (365 * year + year / 4 - year / 100);
    int32_t shifted = (5 * in_year + 2) / 153;
    int32_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    return (civil){.year = year + era * 400 - 400 + (month <= 2),
                   .month = month,
                   .day = in_year - (153 * shifted + 2) / 5 + 1};
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool take(ks_slice *rest, char wanted)
{
    bool is_there = rest->size > 0 && rest->data[0] == wanted;
    if (is_there) {
        *rest = ks_slice_of(rest->data + 1, rest->size - 1);
    }
    return is_there;
}

/* `count` digits, of a number of at most `most`. */
static bool take_number(ks_slice *rest, size_t count, int32_t most, int32_t *number)
{
    if (rest->size < count) {
        return false;
    }
    *number = 0;
    for (size_t i = 0; i < count; i++) {
        char digit = rest->data[i];
        if (digit < '0' || digit > '9') {
            return false;
        }
        *number = *number * 10 + (digit - '0');
    }
    *rest = ks_slice_of(rest->data + count, rest->size - count);
    return *number <= most;
}

static bool take_date(ks_slice *rest, int32_t *day)
{
    int32_t year;
    int32_t month;
    int32_t in_month;
    bool is_date = take_number(rest, 4, YEARS_MAX, &year) && take(rest, '-') &&
                   take_number(rest, 2, 12, &month) && month > 0 && take(rest, '-') &&
                   take_number(rest, 2, days_of_month(year, month), &in_month) && in_month > 0;
    if (is_date) {
        *day = day_of_civil(year, month, in_month);
    }
    return is_date;
}

/* The digits after the point, as a number of `places` of them; further ones are passed over. */
static bool take_fraction(ks_slice *rest, int32_t places, int64_t *fraction)
{
    int32_t count = 0;
    int32_t digit;
    while (take_number(rest, 1, 9, &digit)) {
        *fraction = count < places ? *fraction * 10 + digit : *fraction;
        count++;
    }
    for (int32_t i = count; i < places; i++) {
        *fraction *= 10;
    }
    return count > 0;
}

static bool take_time(ks_slice *rest, int32_t places, int64_t *seconds, int64_t *fraction)
{
    int32_t hour;
    int32_t minute;
    int32_t second = 0;
    if (!take_number(rest, 2, 23, &hour) || !take(rest, ':') ||
        !take_number(rest, 2, 59, &minute)) {
        return false;
    }
    if (take(rest, ':')) {
        if (!take_number(rest, 2, 59, &second) ||
            (take(rest, '.') && !take_fraction(rest, places, fraction))) {
            return false;
        }
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

/* Seconds that the zone is ahead of UTC. */
static bool take_zone(ks_slice *rest, int64_t *ahead)
{
    *ahead = 0;
    if (take(rest, 'Z')) {
        return true;
    }
    bool is_behind = take(rest, '-');
    int32_t hours;
    int32_t minutes = 0;
    if ((!is_behind && !take(rest, '+')) || !take_number(rest, 2, 18, &hours)) {
        return false;
    }
    bool has_minutes = take(rest, ':') || rest->size > 0;
    if (has_minutes && !take_number(rest, 2, 59, &minutes)) {
        return false;
    }
    *ahead = (hours * 3600 + minutes * 60) * (is_behind ? -1 : 1);
    return true;
}

bool ksi_json_date_of(ks_slice text, int32_t *day)
{
    return take_date(&text, day) && text.size == 0;
}

static int64_t power_of_ten(int32_t exponent)
{
    int64_t power = 1;
    for (int32_t i = 0; i < exponent; i++) {
        power *= 10;
    }
    return power;
}

bool ksi_json_moment_of(ks_slice text, bool is_local, int32_t places, int64_t *moment)
{
    int32_t day;
    int64_t seconds;
    int64_t fraction = 0;
    int64_t ahead = 0;
    if (!take_date(&text, &day) || !take(&text, 'T') ||
        !take_time(&text, places, &seconds, &fraction) ||
        (!is_local && !take_zone(&text, &ahead)) || text.size != 0) {
        return false;
    }
    seconds += (int64_t)day * SECONDS_A_DAY - ahead;
    *moment = seconds * power_of_ten(places) + fraction;
    return true;
}

/* ---- writing --------------------------------------------------------------------------------- */

static char *put_number(char *at, int64_t number, int32_t count)
{
    for (int32_t i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + count;
}

static char *put_date(char *at, int32_t day)
{
    civil date = civil_of_day(day);
    at = put_number(at, date.year, 4);
    *at++ = '-';
    at = put_number(at, date.month, 2);
    *at++ = '-';
    return put_number(at, date.day, 2);
}

static bool has_four_digits(int64_t day)
{
    return day >= day_of_civil(0, 1, 1) && day <= day_of_civil(YEARS_MAX, 12, 31);
}

size_t ksi_json_date_text(int32_t day, char text[KSI_JSON_TIME_SIZE])
{
    return has_four_digits(day) ? (size_t)(put_date(text, day) - text) : 0;
}

static int64_t floor_divide(int64_t number, int64_t divisor)
{
    return number / divisor - (number % divisor < 0);
}

/* What is left then: from 0 on, and without a product that could overflow. */
static int64_t floor_rest(int64_t number, int64_t divisor)
{
    int64_t rest = number % divisor;
    return rest < 0 ? rest + divisor : rest;
}

size_t ksi_json_moment_text(int64_t moment, bool is_local, int32_t places,
                            char text[KSI_JSON_TIME_SIZE])
{
    int64_t unit = power_of_ten(places);
    int64_t seconds = floor_divide(moment, unit);
    int64_t fraction = floor_rest(moment, unit);
    int64_t day = floor_divide(seconds, SECONDS_A_DAY);
    int64_t in_day = floor_rest(seconds, SECONDS_A_DAY);
    if (!has_four_digits(day)) {
        return 0;
    }
    char *at = put_date(text, (int32_t)day);
    *at++ = 'T';
    at = put_number(at, in_day / 3600, 2);
    *at++ = ':';
    at = put_number(at, in_day / 60 % 60, 2);
    *at++ = ':';
    at = put_number(at, in_day % 60, 2);
    if (fraction != 0) {
        *at++ = '.';
        at = put_number(at, fraction, places);
    }
    if (!is_local) {
        *at++ = 'Z';
    }
    return (size_t)(at - text);
}
