/* Preloaded into a program, it kills it at the Nth call that changes something on disk, N being
   what KILL_AT says: before the call, or in the middle of a write. Standard streams do not count,
   nor do calls that go past the C library. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;
static long last_call;

__attribute__((constructor)) static void begin(void) {
    const char *at = getenv("KILL_AT");
    last_call = at ? atol(at) : 0;
}

static int is_last(void) {
    return last_call > 0 && atomic_fetch_add(&calls, 1) + 1 == last_call;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void count(void) {
    if (is_last()) die();
}

#define NEXT(result, name, ...) \
    static result (*next)(__VA_ARGS__); \
    if (!next) next = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *bytes, size_t length) {
    NEXT(ssize_t, write, int, const void *, size_t);
    if (file > 2 && is_last()) {
        next(file, bytes, length / 2);
        die();
    }
    return next(file, bytes, length);
}

int rename(const char *from, const char *to) {
    NEXT(int, rename, const char *, const char *);
    count();
    return next(from, to);
}

int unlink(const char *path) {
    NEXT(int, unlink, const char *);
    count();
    return next(path);
}

int unlinkat(int folder, const char *path, int flags) {
    NEXT(int, unlinkat, int, const char *, int);
    count();
    return next(folder, path, flags);
}

int rmdir(const char *path) {
    NEXT(int, rmdir, const char *);
    count();
    return next(path);
}

int mkdir(const char *path, mode_t mode) {
    NEXT(int, mkdir, const char *, mode_t);
    count();
    return next(path, mode);
}

int ftruncate64(int file, off64_t length) {
    NEXT(int, ftruncate64, int, off64_t);
    count();
    return next(file, length);
}

int fsync(int file) {
    NEXT(int, fsync, int);
    count();
    return next(file);
}

int fdatasync(int file) {
    NEXT(int, fdatasync, int);
    count();
    return next(file);
}

int open64(const char *path, int flags, ...) {
    NEXT(int, open64, const char *, int, ...);
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (flags & O_CREAT) count();
    return next(path, flags, mode);
}
