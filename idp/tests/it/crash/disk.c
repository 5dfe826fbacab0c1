/* A disk that can be told to fail, loaded into the server by LD_PRELOAD. It watches files whose name has "enum.sqlite".
 *
 *   DISK_FAILS=FILE     while FILE exists, fsync and fdatasync fail with EIO.
 *   DISK_CUT=FILE       when FILE appears, everything that was written since the last fsync is undone and the process
 *                       dies at once: a power cut, where kill -9 alone would leave the page cache.
 *
 * Undoing keeps, for each write, what stood there before; an fsync of the file forgets it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct undo {
    struct undo *before;
    dev_t device;
    ino_t inode;
    int fd; /* our own copy */
    off_t size; /* of the file, before */
    off_t at;
    size_t length; /* of what stood there */
    char content[];
};

static struct undo *newest;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int exists(const char *variable) {
    const char *file = getenv(variable);
    return file && access(file, F_OK) == 0;
}

static int watched(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "enum.sqlite") && !strstr(path, "-shm");
}

static void keep(int fd, size_t length, off_t at) {
    struct stat file;
    if (fstat(fd, &file)) abort();
    size_t there = 0;
    if (at < file.st_size) there = (size_t)(file.st_size - at) < length ? (size_t)(file.st_size - at) : length;
    struct undo *undo = malloc(sizeof *undo + there);
    if (!undo) abort();
    *undo = (struct undo){.before = newest, .device = file.st_dev, .inode = file.st_ino, .fd = dup(fd),
                          .size = file.st_size, .at = at, .length = there};
    if (undo->fd < 0 || pread(undo->fd, undo->content, there, at) != (ssize_t)there) abort();
    newest = undo;
}

static void forget(int fd) {
    struct stat file;
    if (fstat(fd, &file)) return;
    struct undo **link = &newest;
    while (*link) {
        struct undo *undo = *link;
        if (undo->device == file.st_dev && undo->inode == file.st_ino) {
            *link = undo->before;
            close(undo->fd);
            free(undo);
        } else {
            link = &undo->before;
        }
    }
}

ssize_t pwrite64(int fd, const void *data, size_t length, off_t at) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (!real) real = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
    if (!getenv("DISK_CUT") || !watched(fd)) return real(fd, data, length, at);
    pthread_mutex_lock(&lock);
    keep(fd, length, at);
    ssize_t written = real(fd, data, length, at);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return pwrite64(fd, data, length, at); }

ssize_t write(int fd, const void *data, size_t length) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (!getenv("DISK_CUT") || !watched(fd)) return real(fd, data, length);
    pthread_mutex_lock(&lock);
    keep(fd, length, lseek(fd, 0, SEEK_CUR));
    ssize_t written = real(fd, data, length);
    pthread_mutex_unlock(&lock);
    return written;
}

static int truncated(int (*real)(int, off_t), int fd, off_t size) {
    struct stat file;
    if (!getenv("DISK_CUT") || !watched(fd)) return real(fd, size);
    pthread_mutex_lock(&lock);
    if (fstat(fd, &file) == 0 && file.st_size > size) keep(fd, (size_t)(file.st_size - size), size);
    int done = real(fd, size);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate64(int fd, off_t size) {
    return truncated((int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate64"), fd, size);
}

int ftruncate(int fd, off_t size) { return truncated((int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate"), fd, size); }

static int synced(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (exists("DISK_FAILS") && watched(fd)) {
        errno = EIO;
        return -1;
    }
    if (!getenv("DISK_CUT") || !watched(fd)) return real(fd);
    pthread_mutex_lock(&lock);
    int done = real(fd);
    if (done == 0) forget(fd);
    pthread_mutex_unlock(&lock);
    return done;
}

int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }

static void *wait_for_the_cut(void *nothing) {
    while (!exists("DISK_CUT")) usleep(500);
    pthread_mutex_lock(&lock); /* for good: nobody writes any more */
    for (struct undo *undo = newest; undo; undo = undo->before) {
        ssize_t (*write_back)(int, const void *, size_t, off_t) =
            (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
        int (*cut)(int, off_t) = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate64");
        if (write_back(undo->fd, undo->content, undo->length, undo->at) != (ssize_t)undo->length) abort();
        if (cut(undo->fd, undo->size)) abort();
    }
    kill(getpid(), SIGKILL);
    return nothing;
}

__attribute__((constructor)) static void begin(void) {
    pthread_t watcher;
    if (getenv("DISK_CUT") && pthread_create(&watcher, NULL, wait_for_the_cut, NULL)) abort();
}
