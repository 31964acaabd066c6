/* A service that uses the vendor's library, and has a thread of its own. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>

#include "scan.h"

static void *serve(void *unused) {
    printf("service: served\n");
    return unused;
}

static void told(const char *call, int result) {
    if (result < 0) printf("%s: %s\n", call, strerror(errno));
    else printf("%s: %d\n", call, result);
    fflush(stdout);
}

int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, NULL) != 0) return 1;
    pthread_join(thread, NULL);
    fflush(stdout);

    told("scan_start", scan_start("a needle, and another needle", "needle"));
    told("scan_update", scan_update());
    told("scan_report", scan_report(2));
    return 0;
}
