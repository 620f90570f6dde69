/* Preloaded into the program: a disk that fails at the audit log's entries, and at nothing else.
 *
 * FAILING_DISK=write: no space is left. FAILING_DISK=sync: what was written cannot be made durable. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char ENTRIES[] = "/audit/log.jsonl";

static int fails_at(int file, const char *step) {
    char link[64], path[4096];
    const char *failing = getenv("FAILING_DISK");
    if (!failing || strcmp(failing, step) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path);
    size_t end = sizeof ENTRIES - 1;
    return length >= (ssize_t)end && memcmp(path + length - end, ENTRIES, end) == 0;
}

ssize_t write(int file, const void *bytes, size_t count) {
    static ssize_t (*next)(int, const void *, size_t);
    if (!next)
        next = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (fails_at(file, "write")) {
        errno = ENOSPC;
        return -1;
    }
    return next(file, bytes, count);
}

int fdatasync(int file) {
    static int (*next)(int);
    if (!next)
        next = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    if (fails_at(file, "sync")) {
        errno = EIO;
        return -1;
    }
    return next(file);
}
