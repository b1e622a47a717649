// Faults for a process under test, by LD_PRELOAD. Every call that changes a file is counted; FAULT_LOG=FILE lists them, a letter each.
// FAULT_KILL=N: the process is killed in place of the N-th. FAULT_FULL=N: from the N-th on there is no space left on the disk.
// FAULT_CUT=NAME: a file of this name is cut to nothing as soon as it is mapped.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long calls;

static long asked(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

// Whether the call is to fail for want of space.
static int fault(char kind) {
    long n = atomic_fetch_add(&calls, 1) + 1;
    const char *log = getenv("FAULT_LOG");
    if (log) {
        int fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        syscall(SYS_write, fd, &kind, 1);
        syscall(SYS_close, fd);
    }
    if (n == asked("FAULT_KILL")) syscall(SYS_kill, getpid(), SIGKILL);
    long full = asked("FAULT_FULL");
    return full && n >= full;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define REFUSE return errno = ENOSPC, -1

static int is_file(int fd) {
    struct stat s;
    return fstat(fd, &s) == 0 && S_ISREG(s.st_mode);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (is_file(fd) && fault('w')) REFUSE;
    return NEXT(write)(fd, bytes, count);
}

int mkdir(const char *path, mode_t mode) {
    if (fault('m')) REFUSE;
    return NEXT(mkdir)(path, mode);
}

int rename(const char *from, const char *to) {
    fault('r');
    return NEXT(rename)(from, to);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    fault('x');
    return NEXT(renameat2)(a, from, b, to, flags);
}

int unlink(const char *path) {
    fault('u');
    return NEXT(unlink)(path);
}

int unlinkat(int folder, const char *path, int flags) {
    fault('u');
    return NEXT(unlinkat)(folder, path, flags);
}

static void *cut(void *map, int fd) {
    const char *name = getenv("FAULT_CUT");
    char link[64], path[4096];
    if (!name || fd < 0) return map;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return map;
    path[length] = 0;
    const char *last = strrchr(path, '/');
    if (last && !strcmp(last + 1, name)) truncate(path, 0);
    return map;
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
    return cut(NEXT(mmap)(at, length, protection, flags, fd, offset), fd);
}

void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset) {
    return cut(NEXT(mmap64)(at, length, protection, flags, fd, offset), fd);
}
