/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch.c - see scratch.h.
 */
#include "scratch.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEGABYTE (1024 * 1024)
#define PATHS 32
#define SKIPPED 77

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name);
    return size >= strlen(end) && strcmp(name + size - strlen(end), end) == 0;
}

static void keep_line(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)level;
    scratch *place = user;
    size_t used = strlen(place->lines);
    (void)snprintf(place->lines + used, sizeof place->lines - used, "%s: %s\n", where, message);
}

int scratch_setup(void **state)
{
    const char *base = getenv("TMPDIR");
    scratch *place = calloc(1, sizeof *place);
    (void)snprintf(place->path, sizeof place->path, "%s/ks-storage-XXXXXX",
                   base != NULL ? base : P_tmpdir);
    if (mkdtemp(place->path) == NULL) {
        return -1;
    }
    ksi_logger_init(&place->logger, keep_line, place, KS_LOG_LEVEL_DEBUG);
    *state = place;
    return 0;
}

int scratch_teardown(void **state)
{
    scratch *place = *state;
    remove_tree(place->path);
    ksi_logger_destroy(&place->logger);
    free(place);
    return 0;
}

const char *scratch_path(const scratch *place, const char *name)
{
    static char paths[PATHS][512];
    static size_t next;
    char *path = paths[next++ % PATHS];
    (void)snprintf(path, sizeof paths[0], "%s/%s", place->path, name);
    return path;
}

/* ---- files ----------------------------------------------------------------------------------- */

void make_directory(const char *path)
{
    assert_int_equal(mkdir(path, 0755), 0);
}

void remove_tree(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry = directory != NULL ? readdir(directory) : NULL;
    for (; entry != NULL; entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            char child[1024];
            (void)snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
            remove_tree(child);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    (void)remove(path);
}

void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

const char *file_text(const char *path)
{
    static char text[4096];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    (void)fclose(file);
    return text;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

size_t count_files(const char *directory, const char *end, char largest[512])
{
    size_t count = 0;
    off_t most = -1;
    DIR *opened = opendir(directory);
    assert_non_null(opened);
    for (struct dirent *entry = readdir(opened); entry != NULL; entry = readdir(opened)) {
        if (!ends_with(entry->d_name, end)) {
            continue;
        }
        char path[512];
        struct stat file;
        (void)snprintf(path, sizeof path, "%.250s/%.250s", directory, entry->d_name);
        assert_int_equal(stat(path, &file), 0);
        if (largest != NULL && file.st_size > most) {
            (void)snprintf(largest, 512, "%s", path);
            most = file.st_size;
        }
        count++;
    }
    (void)closedir(opened);
    return count;
}

int64_t bytes_in(const char *directory, const char *end)
{
    int64_t sum = 0;
    DIR *opened = opendir(directory);
    assert_non_null(opened);
    for (struct dirent *entry = readdir(opened); entry != NULL; entry = readdir(opened)) {
        struct stat file;
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (ends_with(entry->d_name, end) && stat(path, &file) == 0 && S_ISREG(file.st_mode)) {
            sum += file.st_size;
        }
    }
    (void)closedir(opened);
    return sum;
}

void damage_file(const char *path, int64_t position)
{
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)position, position < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_not_equal(byte, EOF);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    assert_int_not_equal(fputc(byte ^ 0xff, file), EOF);
    assert_int_equal(fclose(file), 0);
}

void cut_file(const char *path, int64_t size)
{
    assert_int_equal(truncate(path, (off_t)size), 0);
}

/* ---- errors ---------------------------------------------------------------------------------- */

void assert_done_at(ks_status status, const ks_error *error, int line)
{
    if (status != KS_OK) {
        char text[700];
        print_error("line %d: %s\n", line, ks_error_text(error, text, sizeof text));
        fail();
    }
}

void assert_says(const ks_error *error, ks_status code, ...)
{
    va_list texts;
    va_start(texts, code);
    assert_string_equal(ks_status_name(error->code), ks_status_name(code));
    for (const char *text = va_arg(texts, const char *); text != NULL;
         text = va_arg(texts, const char *)) {
        if (strstr(error->message, text) == NULL) {
            print_error("\"%s\" is not in \"%s\"\n", text, error->message);
            va_end(texts);
            fail();
        }
    }
    va_end(texts);
}

/* ---- children -------------------------------------------------------------------------------- */

bool run_in_child(scratch *place, prepare_fn *prepare, CMUnitTestFunction body)
{
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (prepare != NULL && !prepare(place)) {
            (void)fflush(NULL);
            _exit(SKIPPED);
        }
        const struct CMUnitTest part[] = {{"in a child process", body, NULL, NULL, place}};
        int failures = cmocka_run_group_tests(part, NULL, NULL);
        (void)fflush(NULL);
        _exit(failures == 0 ? 0 : 1);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    if (WIFEXITED(how) && WEXITSTATUS(how) == SKIPPED) {
        return false;
    }
    assert_int_equal(how, 0);
    return true;
}

/* ---- a database ------------------------------------------------------------------------------ */

ksi_rocks *database_try(scratch *place, const char *path, ks_error *error)
{
    return ksi_rocks_open(&(ksi_rocks_options){.path = path,
                                               .block_cache_bytes = MEGABYTE,
                                               .write_buffer_bytes = 4 * MEGABYTE,
                                               .logger = &place->logger},
                          error);
}

ksi_rocks *database_open(scratch *place, const char *path)
{
    ks_error error = {0};
    ksi_rocks *rocks = database_try(place, path, &error);
    assert_done(error.code, &error);
    assert_non_null(rocks);
    return rocks;
}

ksi_family *family_of(ksi_rocks *rocks, const char *name)
{
    ks_error error = {0};
    ksi_family *family = ksi_rocks_family(rocks, name, &error);
    assert_done(error.code, &error);
    assert_non_null(family);
    return family;
}

static void write_row(ksi_family *family, const char *key, const char *value)
{
    ks_error error = {0};
    ksi_rocks_batch *batch = ksi_rocks_batch_new(ksi_family_database(family));
    if (value != NULL) {
        ksi_rocks_batch_put(batch, family, ks_slice_cstr(key), ks_slice_cstr(value));
    } else {
        ksi_rocks_batch_delete(batch, family, ks_slice_cstr(key));
    }
    assert_done(ksi_rocks_write(batch, false, &error), &error);
    ksi_rocks_batch_free(batch);
}

void put(ksi_family *family, const char *key, const char *value)
{
    write_row(family, key, value);
}

void erase(ksi_family *family, const char *key)
{
    write_row(family, key, NULL);
}

void assert_value_at(ksi_family *family, const char *key, const char *value, int line)
{
    ks_error error = {0};
    ksi_buffer got = {0};
    bool found = false;
    assert_done_at(ksi_family_get(family, ks_slice_cstr(key), &got, &found, &error), &error, line);
    if (found != (value != NULL) || (found && strcmp(ksi_buffer_cstr(&got), value) != 0)) {
        print_error("line %d: %s is %s, not %s\n", line, key,
                    found ? ksi_buffer_cstr(&got) : "absent", value != NULL ? value : "absent");
        ksi_buffer_destroy(&got);
        fail();
    }
    ksi_buffer_destroy(&got);
}

void fill(ksi_family *family, int count, size_t size)
{
    ks_error error = {0};
    char *value = malloc(size);
    memset(value, 'v', size);
    ksi_rocks_batch *batch = ksi_rocks_batch_new(ksi_family_database(family));
    for (int i = 0; i < count; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%08d", i);
        ksi_rocks_batch_put(batch, family, ks_slice_cstr(key), ks_slice_of(value, size));
    }
    assert_done(ksi_rocks_write(batch, false, &error), &error);
    ksi_rocks_batch_free(batch);
    free(value);
    assert_done(ksi_family_flush(family, &error), &error);
}
