/* One call in a loop, a batch for each line on stdin.
 *
 *     loop CALL DIR PATH EXPECTED
 *
 * changes to DIR, opens it for the calls that take a directory descriptor, and prints "shim" or
 * "libc", whichever defines the call here. Then a line with a number N on stdin makes N calls of
 * CALL on PATH, and a line with the nanoseconds that they took goes to stdout. EXPECTED is the errno
 * that each call must end with, 0 for success: a loop that measures something else dies with 1.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8 };

static const char *path;
static int directory;

static int closed(int fd) { return fd < 0 ? -1 : close(fd); }

static int do_open(void) { return closed(open(path, O_RDONLY | O_CLOEXEC)); }

static int do_openat(void) { return closed(openat(directory, path, O_RDONLY | O_CLOEXEC)); }

static int do_fopen(void) {
    FILE *stream = fopen(path, "re");
    return stream ? fclose(stream) : -1;
}

static int do_opendir(void) {
    DIR *entries = opendir(path);
    if (!entries) return -1;
    while (readdir(entries)) continue;
    return closedir(entries);
}

static int do_realpath(void) {
    char resolved[4096];
    return realpath(path, resolved) ? 0 : -1;
}

static int do_stat(void) {
    struct stat about;
    return stat(path, &about);
}

static int do_lstat(void) {
    struct stat about;
    return lstat(path, &about);
}

static int do_fstatat(void) {
    struct stat about;
    return fstatat(directory, path, &about, AT_SYMLINK_NOFOLLOW);
}

static int do_access(void) { return access(path, R_OK); }

static int do_readlink(void) {
    char target[4096];
    return readlink(path, target, sizeof target) < 0 ? -1 : 0;
}

static int do_unlink(void) { return unlink(path); }

/* Makes a file and removes it. */
static int do_create(void) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return closed(fd) ? -1 : unlink(path);
}

/* There and back, so that each time finds what the last one found: two calls. */
static int do_rename(void) {
    static char moved[4096];
    if (!*moved) snprintf(moved, sizeof moved, "%s.moved", path);
    return rename(path, moved) ? -1 : rename(moved, path);
}

static int do_spawn(void) {
    extern char **environ;
    char *arguments[] = {(char *)path, NULL};
    pid_t child;
    int status;
    errno = posix_spawn(&child, path, NULL, NULL, arguments, environ);
    if (errno) return -1;
    return waitpid(child, &status, 0) == child && status == 0 ? 0 : -1;
}

static void *nothing(void *argument) { return argument; }

static int do_thread(void) {
    pthread_t thread;
    errno = pthread_create(&thread, NULL, nothing, NULL);
    return errno ? -1 : pthread_join(thread, NULL);
}

/* The same below fifty frames. */
static __attribute__((noinline)) int deeper(volatile int frames) {
    int failed = frames == 0 ? do_thread() : deeper(frames - 1);
    // A use after the call, so that each has a frame of its own.
    frames = failed;
    return frames;
}

static int do_thread_deep(void) { return deeper(50); }

/* What a batch costs: time on the processor, of this process or with its children, or by the wall
 * clock where threads run side by side. */
enum cost { OWN, REAPED, WALL };

struct call {
    const char *name, *symbol;
    int (*run)(void);
    enum cost cost;
    int threads;
};

static const struct call CALLS[] = {
    {"open", "open", do_open, OWN, 1},
    {"open-threads", "open", do_open, WALL, THREADS},
    {"openat", "openat", do_openat, OWN, 1},
    {"fopen", "fopen", do_fopen, OWN, 1},
    {"opendir", "opendir", do_opendir, OWN, 1},
    {"realpath", "realpath", do_realpath, OWN, 1},
    {"stat", "stat", do_stat, OWN, 1},
    {"lstat", "lstat", do_lstat, OWN, 1},
    {"fstatat", "fstatat", do_fstatat, OWN, 1},
    {"access", "access", do_access, OWN, 1},
    {"readlink", "readlink", do_readlink, OWN, 1},
    {"unlink", "unlink", do_unlink, OWN, 1},
    {"create", "unlink", do_create, OWN, 1},
    {"rename", "rename", do_rename, OWN, 1},
    {"spawn", "posix_spawn", do_spawn, REAPED, 1},
    {"thread", "pthread_create", do_thread, OWN, 1},
    {"thread-deep", "pthread_create", do_thread_deep, OWN, 1},
};

static const struct call *call;
static int expected;

static void fail(const char *what) {
    fprintf(stderr, "loop %s %s: %s: %s\n", call ? call->name : "?", path, what, strerror(errno));
    exit(1);
}

static void repeat(long times) {
    for (long i = 0; i < times; i++) {
        errno = 0;
        int failed = call->run() != 0;
        if (failed != (expected != 0) || (failed && errno != expected)) fail("not what was expected");
    }
}

static void *repeat_in_thread(void *times) {
    repeat(*(long *)times);
    return NULL;
}

static void batch(long times) {
    pthread_t threads[THREADS];
    if (call->threads == 1) {
        repeat(times);
        return;
    }
    for (int i = 0; i < call->threads; i++)
        if (pthread_create(&threads[i], NULL, repeat_in_thread, &times)) fail("pthread_create");
    for (int i = 0; i < call->threads; i++) pthread_join(threads[i], NULL);
}

static long long clock_of(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long microseconds(struct timeval t) { return t.tv_sec * 1000000LL + t.tv_usec; }

static long long spent(void) {
    struct rusage reaped;
    switch (call->cost) {
    case OWN: return clock_of(CLOCK_PROCESS_CPUTIME_ID);
    case WALL: return clock_of(CLOCK_MONOTONIC);
    case REAPED: break;
    }
    getrusage(RUSAGE_CHILDREN, &reaped);
    return clock_of(CLOCK_PROCESS_CPUTIME_ID) +
           1000 * (microseconds(reaped.ru_utime) + microseconds(reaped.ru_stime));
}

/* "shim" if another object than libc defines the call: without this a loop could run unfenced and
 * look fast. */
static const char *definer(void) {
    Dl_info found;
    void *address = dlsym(RTLD_DEFAULT, call->symbol);
    if (!address || !dladdr(address, &found)) fail("dlsym");
    return strstr(found.dli_fname, "/libc.so") ? "libc" : "shim";
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++)
        if (!strcmp(CALLS[i].name, arguments[1])) call = &CALLS[i];
    path = arguments[3];
    expected = atoi(arguments[4]);
    if (!call) fail("no such call");
    if (chdir(arguments[2])) fail("chdir");
    directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) fail("open");

    setvbuf(stdout, NULL, _IOLBF, 0);
    puts(definer());
    char line[32];
    while (fgets(line, sizeof line, stdin)) {
        long times = atol(line);
        batch(times / 8 + 1); /* The other processes of the round have had the caches. */
        long long before = spent();
        batch(times);
        printf("%lld\n", spent() - before);
    }
    return 0;
}
