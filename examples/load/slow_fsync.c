/* Makes every fsync and fdatasync take SLOW_FSYNC_US microseconds longer: the disk of a cloud, on a laptop. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int delayed(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *delay = getenv("SLOW_FSYNC_US");
    if (delay) usleep((useconds_t)atoi(delay));
    return real(fd);
}

int fsync(int fd) { return delayed("fsync", fd); }
int fdatasync(int fd) { return delayed("fdatasync", fd); }
