/* Preloaded into the tests and what they start: a file that is deleted or replaced is kept, by a link under another name.
 *
 * KEEP_UNDER: files below this directory. KEEP_IN: where the links go. What is truncated in place, and what a program
 * deletes without the C library, is not seen. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest name of a link, so that number, process and ending fit into NAME_MAX. */
enum { TAIL = 200 };

static int absolute(int directory, const char *path, char *whole, size_t size) {
    char link[64];
    if (path[0] == '/')
        return snprintf(whole, size, "%s", path) < (int)size;
    if (directory == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/self/cwd");
    else
        snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    ssize_t length = readlink(link, whole, size - 1);
    if (length < 0)
        return 0;
    return snprintf(whole + length, size - length, "/%s", path) < (int)(size - length);
}

static void keep(int directory, const char *path) {
    static unsigned number;
    const char *under = getenv("KEEP_UNDER"), *in = getenv("KEEP_IN");
    char whole[PATH_MAX], kept[PATH_MAX];
    struct stat status;
    int before = errno;
    if (under && in && path && absolute(directory, path, whole, sizeof whole)
        && strncmp(whole, under, strlen(under)) == 0
        && fstatat(AT_FDCWD, whole, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode)) {
        const char *tail = strlen(whole) > TAIL ? whole + strlen(whole) - TAIL : whole;
        int start = snprintf(kept, sizeof kept, "%s/%d.%u", in, getpid(), __sync_fetch_and_add(&number, 1));
        snprintf(kept + start, sizeof kept - start, "%s", tail);
        for (char *letter = kept + start; *letter; letter++)
            if (*letter == '/')
                *letter = '!';
        linkat(AT_FDCWD, whole, AT_FDCWD, kept, 0);
    }
    errno = before;
}

#define NEXT(name, ...) static int (*next)(__VA_ARGS__); \
    if (!next) next = (int (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

int unlink(const char *path) {
    NEXT("unlink", const char *);
    keep(AT_FDCWD, path);
    return next(path);
}

int unlinkat(int directory, const char *path, int flags) {
    NEXT("unlinkat", int, const char *, int);
    if (!(flags & AT_REMOVEDIR))
        keep(directory, path);
    return next(directory, path, flags);
}

int rename(const char *from, const char *to) {
    NEXT("rename", const char *, const char *);
    keep(AT_FDCWD, to);
    return next(from, to);
}

int renameat(int here, const char *from, int there, const char *to) {
    NEXT("renameat", int, const char *, int, const char *);
    keep(there, to);
    return next(here, from, there, to);
}
