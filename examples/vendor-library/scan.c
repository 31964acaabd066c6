/* A vendor's library: what it does. */
#include "scan.h"

#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

struct part {
    const char *text, *end, *word;
    int found;
    pthread_t thread;
};

static void *search(void *argument) {
    struct part *part = argument;
    for (const char *at = part->text; at < part->end; at++)
        part->found += strncmp(at, part->word, strlen(part->word)) == 0;
    return NULL;
}

/* 0, or -1 and errno, as the rest of the library wants it. */
static int begin(struct part *part) {
    int error = pthread_create(&part->thread, NULL, search, part);
    if (error == 0) return 0;
    errno = error;
    return -1;
}

int scan_start(const char *text, const char *word) {
    size_t length = strlen(text);
    struct part parts[2] = {{text, text + length / 2, word}, {text + length / 2, text + length, word}};
    for (int i = 0; i < 2; i++)
        if (begin(&parts[i]) != 0) return -1;
    for (int i = 0; i < 2; i++) pthread_join(parts[i].thread, NULL);
    return parts[0].found + parts[1].found;
}

/* The manual does not say that this stays behind, and calls home. */
static void *call_home(void *unused) { return unused; }

int scan_update(void) {
    pthread_t thread;
    int error = pthread_create(&thread, NULL, call_home, NULL);
    if (error == 0) return pthread_detach(thread);
    errno = error;
    return -1;
}

int scan_report(int found) {
    char number[16];
    snprintf(number, sizeof number, "%d", found);
    char *arguments[] = {"echo", "found", number, NULL};
    pid_t child;
    int error = posix_spawnp(&child, "echo", NULL, NULL, arguments, environ);
    if (error == 0) return waitpid(child, NULL, 0) == child ? 0 : -1;
    errno = error;
    return -1;
}
