/* Preloaded into the program: what it does to files, in the order in which it does it.
 *
 * WATCHED: the directory that counts. WATCHED_IN: the file that gets one line for each act: thread, act, inode, path. What a
 * program renames without the C library is seen by its new place only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* What this library stands before. */
#define NEXT(name)                                                                                                     \
    static __typeof__(name) *next;                                                                                     \
    if (!next)                                                                                                         \
        next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static void tell(const char *act, const char *path) {
    const char *below = getenv("WATCHED"), *in = getenv("WATCHED_IN");
    struct stat found;
    char line[PATH_MAX + 64], whole[PATH_MAX];
    int before = errno;
    if (!below || !in || !realpath(path, whole) || strncmp(whole, below, strlen(below)) != 0 || stat(whole, &found) != 0) {
        errno = before;
        return;
    }
    long thread = syscall(SYS_gettid);
    int length = snprintf(line, sizeof line, "%ld %s %lu %s\n", thread, act, (unsigned long)found.st_ino, whole);
    /* Not through this library, and in one piece. */
    int file = (int)syscall(SYS_openat, AT_FDCWD, in, O_WRONLY | O_APPEND | O_CREAT, 0666);
    if (file >= 0) {
        if (syscall(SYS_write, file, line, (size_t)length) != length)
            abort();
        syscall(SYS_close, file);
    }
    errno = before;
}

static void tell_file(const char *act, int file) {
    char link[64], path[PATH_MAX];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length > 0 && path[0] == '/') {
        path[length] = 0;
        tell(act, path);
    }
}

int open64(const char *path, int flags, ...) {
    NEXT(open64);
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    int before = errno;
    int is_new = (flags & O_CREAT) && access(path, F_OK) != 0;
    errno = before;
    int file = next(path, flags, mode);
    if (file >= 0 && is_new)
        tell("create", path);
    return file;
}

ssize_t write(int file, const void *bytes, size_t count) {
    NEXT(write);
    ssize_t written = next(file, bytes, count);
    if (written > 0)
        tell_file("write", file);
    return written;
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    NEXT(writev);
    ssize_t written = next(file, parts, count);
    if (written > 0)
        tell_file("write", file);
    return written;
}

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *place, size_t count, unsigned flags) {
    NEXT(copy_file_range);
    ssize_t written = next(from, at, to, place, count, flags);
    if (written > 0)
        tell_file("write", to);
    return written;
}

int ftruncate64(int file, off64_t length) {
    NEXT(ftruncate64);
    int done = next(file, length);
    if (done == 0)
        tell_file("write", file);
    return done;
}

int fsync(int file) {
    NEXT(fsync);
    int done = next(file);
    if (done == 0)
        tell_file("sync", file);
    return done;
}

int fdatasync(int file) {
    NEXT(fdatasync);
    int done = next(file);
    if (done == 0)
        tell_file("sync", file);
    return done;
}

int rename(const char *from, const char *to) {
    NEXT(rename);
    int done = next(from, to);
    if (done == 0)
        tell("rename", to);
    return done;
}

int mkdir(const char *path, mode_t mode) {
    NEXT(mkdir);
    int done = next(path, mode);
    if (done == 0)
        tell("make", path);
    return done;
}
