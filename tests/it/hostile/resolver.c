/* Preloaded into the program: a resolver that an attacker controls.
 *
 * RESOLVER_FIRST: the addresses of the first answer, with commas between. RESOLVER_THEN: those of every later one.
 * RESOLVER_COUNT: a file that gets one byte for every question. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*resolve)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    static int asked;
    resolve next = (resolve)dlsym(RTLD_NEXT, "getaddrinfo");
    const char *answer = getenv(asked++ ? "RESOLVER_THEN" : "RESOLVER_FIRST"), *count = getenv("RESOLVER_COUNT");
    if (!answer || !count)
        return next(node, service, hints, found);
    int file = open(count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file >= 0) {
        if (write(file, "?", 1) < 0)
            abort();
        close(file);
    }
    char *addresses = strdup(answer), *rest = NULL;
    struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, **end = found;
    *found = NULL;
    for (char *one = strtok_r(addresses, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
        int failed = next(one, service, &numeric, end);
        if (failed)
            return failed;
        while (*end)
            end = &(*end)->ai_next;
    }
    free(addresses);
    return *found ? 0 : EAI_NONAME;
}
