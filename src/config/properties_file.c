/* SPDX-License-Identifier: Apache-2.0 */
/*
 * properties_file.c - reading the properties format, as java.util.Properties reads it.
 *
 *     # a comment            ! another one
 *     application.id=orders          the name ends at the first '=', ':' or blank without a '\'
 *     commit.interval.ms : 1000
 *     bootstrap.servers = one:9092,\
 *                         two:9092   a '\' at the end continues the line, without the next one's
 *                                    leading blanks
 *     state.dir = /tmp/\u00fcber     \t \n \r \f and \uXXXX; before any other
 *                                    character the '\' itself is dropped
 *
 * Two steps, as Java does it: natural lines are joined to a logical one, which keeps its escapes;
 * then name and value are cut out and the escapes replaced. Doing both at once is tempting and
 * wrong: "\=" in a name must not end it, "\\" at the end of a line must not continue it, and a '#'
 * that begins a continuation is no comment. Files are UTF-8. A NUL, raw or as \u0000, is an error,
 * because it would cut off the rest of a value.
 *
 * Thread rule: the owner's of the set.
 */
#include "config/config.h"

#include <errno.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

/* Far above any file of properties; keeps a wrong path from filling the memory. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* what some editors put first */
#define FILE_LIMIT ((size_t)1024 * 1024)

typedef struct reader {
    ks_slice text;
    size_t at;
    int next_line;      /* number of the natural line at `at` */
    int line;           /* number of the natural line where the logical one began */
    ksi_buffer logical; /* the logical line, with its escapes */
    ksi_buffer name;
    ksi_buffer value;
    const char *source;
} reader;

static bool is_blank(char letter)
{
    return letter == ' ' || letter == '\t' || letter == '\f';
}

static bool is_line_end(char letter)
{
    return letter == '\n' || letter == '\r';
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The next natural line without its end and without the blanks at its beginning. */
static ks_slice natural_line(reader *in)
{
    const char *data = in->text.data;
    size_t size = in->text.size;
    while (in->at < size && is_blank(data[in->at])) {
        in->at++;
    }
    size_t start = in->at;
    while (in->at < size && !is_line_end(data[in->at])) {
        in->at++;
    }
    ks_slice line = ks_slice_of(data + start, in->at - start);
    if (in->at < size) {
        bool pair = data[in->at] == '\r' && in->at + 1 < size && data[in->at + 1] == '\n';
        in->at += pair ? 2 : 1;
    }
    in->next_line++;
    return line;
}

/* An odd number of backslashes at the end. */
static bool is_continued(ks_slice line)
{
    size_t count = 0;
    while (count < line.size && line.data[line.size - 1 - count] == '\\') {
        count++;
    }
    return count % 2 == 1;
}

/*
 * The next line that says something into `logical`; false at the end. As in Java a line is still at
 * its beginning while nothing of it has been kept, so behind a line of a single backslash a '#'
 * begins a comment after all.
 */
static bool logical_line(reader *in)
{
    ksi_buffer_clear(&in->logical);
    while (in->at < in->text.size) {
        int number = in->next_line;
        ks_slice line = natural_line(in);
        if (in->logical.size == 0) {
            if (line.size == 0 || line.data[0] == '#' || line.data[0] == '!') {
                continue;
            }
            in->line = number;
        }
        bool continued = is_continued(line);
        ksi_buffer_append(&in->logical, line.data, line.size - (continued ? 1 : 0));
        if (!continued) {
            return true;
        }
    }
    return in->logical.size > 0;
}

/* ---- escapes --------------------------------------------------------------------------------- */

static int hex_digit(char letter)
{
    if (letter >= '0' && letter <= '9') {
        return letter - '0';
    }
    if (letter >= 'a' && letter <= 'f') {
        return letter - 'a' + 10;
    }
    return letter >= 'A' && letter <= 'F' ? letter - 'A' + 10 : -1;
}

/* The four digits of a \uXXXX at the beginning of `text`; -1 when there is none. */
static int32_t unicode_unit(ks_slice text)
{
    if (text.size < 6 || text.data[0] != '\\' || text.data[1] != 'u') {
        return -1;
    }
    int32_t unit = 0;
    for (size_t i = 2; i < 6; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

static void append_utf8(ksi_buffer *out, uint32_t code)
{
    char bytes[4];
    size_t size = 0;
    if (code < 0x80) {
        bytes[size++] = (char)code;
    } else if (code < 0x800) {
        bytes[size++] = (char)(0xC0 | code >> 6);
        bytes[size++] = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        bytes[size++] = (char)(0xE0 | code >> 12);
        bytes[size++] = (char)(0x80 | (code >> 6 & 0x3F));
        bytes[size++] = (char)(0x80 | (code & 0x3F));
    } else {
        bytes[size++] = (char)(0xF0 | code >> 18);
        bytes[size++] = (char)(0x80 | (code >> 12 & 0x3F));
        bytes[size++] = (char)(0x80 | (code >> 6 & 0x3F));
        bytes[size++] = (char)(0x80 | (code & 0x3F));
    }
    ksi_buffer_append(out, bytes, size);
}

/*
 * One \uXXXX, or two that are a surrogate pair, appended as UTF-8; half a pair becomes U+FFFD.
 * Returns the bytes read, 0 on error.
 */
static size_t unescape_unicode(ksi_buffer *out, ks_slice text)
{
    int32_t unit = unicode_unit(text);
    if (unit <= 0) {
        return 0;
    }
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        int32_t low = unicode_unit(ks_slice_of(text.data + 6, text.size - 6));
        if (low >= 0xDC00 && low <= 0xDFFF) {
            append_utf8(out,
                        0x10000u + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(low - 0xDC00));
            return 12;
        }
    }
    append_utf8(out, unit >= 0xD800 && unit <= 0xDFFF ? 0xFFFDu : (uint32_t)unit);
    return 6;
}

static char unescaped(char letter)
{
    switch (letter) {
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 'f':
        return '\f';
    default:
        return letter;
    }
}

/* False for a \u without four hexadecimal digits, and for a NUL. */
static bool unescape(ksi_buffer *out, ks_slice text)
{
    ksi_buffer_clear(out);
    for (size_t i = 0; i < text.size;) {
        char letter = text.data[i];
        if (letter == '\0') {
            return false;
        }
        if (letter != '\\') {
            ksi_buffer_append(out, &letter, 1);
            i++;
        } else if (i + 1 < text.size && text.data[i + 1] == 'u') {
            size_t read = unescape_unicode(out, ks_slice_of(text.data + i, text.size - i));
            if (read == 0) {
                return false;
            }
            i += read;
        } else {
            char meant = i + 1 < text.size ? unescaped(text.data[i + 1]) : '\\';
            if (meant == '\0') {
                return false;
            }
            ksi_buffer_append(out, &meant, 1);
            i += 2;
        }
    }
    return true;
}

/* ---- settings -------------------------------------------------------------------------------- */

/* Where the name ends: at the first '=', ':' or blank that is not escaped. */
static size_t name_end(ks_slice line)
{
    size_t at = 0;
    while (at < line.size && line.data[at] != '=' && line.data[at] != ':' &&
           !is_blank(line.data[at])) {
        at += line.data[at] == '\\' && at + 1 < line.size ? 2 : 1;
    }
    return at;
}

/* Where the value begins: behind blanks, at most one '=' or ':', and blanks. */
static size_t value_start(ks_slice line, size_t at)
{
    while (at < line.size && is_blank(line.data[at])) {
        at++;
    }
    if (at < line.size && (line.data[at] == '=' || line.data[at] == ':')) {
        at++;
    }
    while (at < line.size && is_blank(line.data[at])) {
        at++;
    }
    return at;
}

static ks_status set_line(reader *in, ks_config *config, ks_error *error)
{
    ks_slice line = ksi_buffer_slice(&in->logical);
    size_t end = name_end(line);
    size_t start = value_start(line, end);
    if (!unescape(&in->name, ks_slice_of(line.data, end)) ||
        !unescape(&in->value, ks_slice_of(line.data + start, line.size - start))) {
        return ksi_error_set(
            error, KS_E_CONFIG, in->source,
            "%s:%d: a \\u needs four hexadecimal digits, and a NUL has no place in a property",
            in->source, in->line);
    }
    ks_status status =
        ks_config_set(config, ksi_buffer_cstr(&in->name), ksi_buffer_cstr(&in->value), error);
    if (status != KS_OK) {
        ksi_error_prefix(error, "%s:%d: ", in->source, in->line);
    }
    return status;
}

ks_status ksi_config_parse(ks_config *config, ks_slice text, const char *source, ks_error *error)
{
    if (ksi_slice_starts_with(text, ks_slice_cstr(BYTE_ORDER_MARK))) {
        text =
            ks_slice_of(text.data + strlen(BYTE_ORDER_MARK), text.size - strlen(BYTE_ORDER_MARK));
    }
    reader in = {.text = text, .next_line = 1, .source = source};
    ks_status status = KS_OK;
    while (status == KS_OK && logical_line(&in)) {
        status = set_line(&in, config, error);
    }
    ksi_buffer_destroy(&in.logical);
    ksi_buffer_destroy(&in.name);
    ksi_buffer_destroy(&in.value);
    return status;
}

/* ---- files ----------------------------------------------------------------------------------- */

static ks_status read_file(FILE *file, const char *path, ksi_buffer *text, ks_error *error)
{
    char chunk[4096];
    size_t read = 0;
    while ((read = fread(chunk, 1, sizeof chunk, file)) > 0) {
        ksi_buffer_append(text, chunk, read);
        if (text->size > FILE_LIMIT) {
            return ksi_error_set(error, KS_E_CONFIG, path,
                                 "%s is longer than %zu bytes; that is no file of properties", path,
                                 FILE_LIMIT);
        }
    }
    if (ferror(file)) {
        return ksi_error_set(error, KS_E_IO, path, "cannot read %s: %s", path, strerror(errno));
    }
    return KS_OK;
}

ks_status ks_config_load(ks_config *config, const char *path, ks_error *error)
{
    if (config == NULL || path == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, path,
                             "reading properties needs a set and the path of a file; one is NULL");
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return ksi_error_set(error, KS_E_IO, path, "cannot open %s: %s", path, strerror(errno));
    }
    ksi_buffer text = {0};
    ks_status status = read_file(file, path, &text, error);
    if (status == KS_OK) {
        status = ksi_config_parse(config, ksi_buffer_slice(&text), path, error);
    }
    ksi_buffer_destroy(&text);
    fclose(file);
    return status;
}
