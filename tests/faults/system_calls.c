/* Preloaded into a process of which the system calls on files below one folder are recorded, refused or cut short by a
   kill. system_calls.py compiles it and says how it is used. Only what the C library is asked for by name is seen: no
   mmap, no stdio. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DESCRIPTORS = 65536, KILL = -1, KILL_HALFWAY = -2 };

static char below[PATH_MAX];
static int log_to = -1, act, for_ever, watched[DESCRIPTORS];
static long count, at, room;

/* From now on: the at-th call (from 1; 0 is none) is refused with the errno `act`, or is where the process is killed;
   where for_ever, it and all after it are refused but for close and delete; of `room` bytes no more are written (-1
   is any number). An empty folder ends it. log is an open descriptor, or -1. */
void system_calls_begin(const char *folder, int log, long the_at, int the_act, int is_for_ever, long the_room) {
    snprintf(below, sizeof below, "%s", folder);
    memset(watched, 0, sizeof watched);
    log_to = log, at = the_at, act = the_act, for_ever = is_for_ever, room = the_room, count = 0;
}

long system_calls_count(void) { return count; }

/* What the C library has under this name. */
#define REAL(name)                                                                                                    \
    ({                                                                                                                \
        static __typeof__(&name) real;                                                                                \
        if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                                                 \
        real;                                                                                                         \
    })

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int is_watched(int fd) { return below[0] && fd >= 0 && fd < DESCRIPTORS && watched[fd]; }

/* The absolute path in `out`, and whether it lies in the folder. */
static int resolve(int folder, const char *path, char out[2 * PATH_MAX]) {
    if (!below[0] || !path) return 0;
    if (path[0] == '/') {
        snprintf(out, 2 * PATH_MAX, "%s", path);
    } else {
        char link[64], found[PATH_MAX];
        if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, found, sizeof found - 1);
        if (length < 0) return 0;
        found[length] = 0;
        snprintf(out, 2 * PATH_MAX, "%s/%s", found, path);
    }
    size_t length = strlen(below);
    return !strncmp(out, below, length) && (out[length] == '/' || out[length] == 0);
}

/* Counts the call; nonzero where it is refused, errno being set. */
static int refused(int takes_room) {
    ++count;
    if (!at || (for_ever ? count < at || !takes_room : count != at)) return 0;
    if (act == KILL) die();
    if (act == KILL_HALFWAY) return 0;
    errno = act;
    return 1;
}

static void record(const char *format, ...) {
    if (log_to < 0) return;
    int before = errno;
    char line[5 * PATH_MAX];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    REAL(write)(log_to, line, (size_t)length);
    errno = before;
}

static void record_bytes(int fd, long offset, const unsigned char *data, ssize_t length) {
    static const char digits[] = "0123456789abcdef";
    if (log_to < 0 || length <= 0) return;
    record("write\t%d\t%ld\t", fd, offset);
    for (ssize_t i = 0; i < length; i += 2048) {
        char hex[4096];
        ssize_t end = length - i < 2048 ? length - i : 2048;
        for (ssize_t j = 0; j < end; ++j) hex[2 * j] = digits[data[i + j] >> 4], hex[2 * j + 1] = digits[data[i + j] & 15];
        REAL(write)(log_to, hex, (size_t)(2 * end));
    }
    record("\n");
}

static int opened(int folder, const char *path, int flags, mode_t mode) {
    char full[2 * PATH_MAX];
    int is_ours = resolve(folder, path, full);
    int is_new = is_ours && (flags & O_CREAT) && access(full, F_OK) != 0;
    if (is_ours && refused(1)) return -1;
    int fd = REAL(openat)(folder, path, flags, mode);
    if (fd < 0 || fd >= DESCRIPTORS) return fd;
    watched[fd] = is_ours;
    if (is_ours) record("open\t%d\t%d\t%d\t%s\n", fd, is_new, (flags & O_TRUNC) != 0, full);
    return fd;
}

#define OPEN(name)                                                                                                    \
    int name(const char *path, int flags, ...) {                                                                      \
        va_list values;                                                                                               \
        va_start(values, flags);                                                                                      \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(values, mode_t) : 0;                                     \
        va_end(values);                                                                                               \
        return opened(AT_FDCWD, path, flags, mode);                                                                   \
    }
#define OPENAT(name)                                                                                                  \
    int name(int folder, const char *path, int flags, ...) {                                                          \
        va_list values;                                                                                               \
        va_start(values, flags);                                                                                      \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(values, mode_t) : 0;                                     \
        va_end(values);                                                                                               \
        return opened(folder, path, flags, mode);                                                                     \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    int is_ours = is_watched(fd), is_refused = is_ours && refused(0), error = errno;
    if (is_ours) watched[fd] = 0, record("close\t%d\n", fd);
    int result = REAL(close)(fd);
    if (!is_refused) return result;
    errno = error; /* the file is closed all the same, as with the real errors of close */
    return -1;
}

/* How many of the bytes may be written, or -1. */
static ssize_t allowed(size_t length) {
    if (refused(1)) return -1;
    if (act == KILL_HALFWAY && count == at) return (ssize_t)(length / 2);
    if (room < 0) return (ssize_t)length;
    if (room == 0 && length) {
        errno = ENOSPC;
        return -1;
    }
    return (ssize_t)length < room ? (ssize_t)length : room;
}

static ssize_t written(int fd, const void *data, size_t length, off_t offset) {
    int is_ours = is_watched(fd), is_at_end = offset < 0;
    ssize_t part = (ssize_t)length;
    if (is_ours && (part = allowed(length)) < 0) return -1;
    if (is_ours && is_at_end) offset = lseek(fd, 0, SEEK_CUR);
    ssize_t result = is_at_end ? REAL(write)(fd, data, (size_t)part) : REAL(pwrite64)(fd, data, (size_t)part, offset);
    if (!is_ours) return result;
    if (act == KILL_HALFWAY && count == at) die();
    if (result > 0 && room > 0) room -= result;
    record_bytes(fd, (long)offset, data, result);
    return result;
}

ssize_t write(int fd, const void *data, size_t length) { return written(fd, data, length, -1); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return written(fd, data, length, offset); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return written(fd, data, length, offset); }

ssize_t writev(int fd, const struct iovec *pieces, int count_of) {
    if (!is_watched(fd)) return REAL(writev)(fd, pieces, count_of);
    for (int i = 0; i < count_of; ++i) /* fewer than all is a lawful answer */
        if (pieces[i].iov_len) return written(fd, pieces[i].iov_base, pieces[i].iov_len, -1);
    return 0;
}

int fsync(int fd) {
    if (is_watched(fd) && refused(1)) return -1;
    int result = REAL(fsync)(fd);
    if (is_watched(fd) && !result) record("fsync\t%d\n", fd);
    return result;
}

int fdatasync(int fd) {
    if (is_watched(fd) && refused(1)) return -1;
    int result = REAL(fdatasync)(fd);
    if (is_watched(fd) && !result) record("fsync\t%d\n", fd);
    return result;
}

static int truncated(int fd, off64_t length) {
    if (is_watched(fd) && refused(1)) return -1;
    int result = REAL(ftruncate64)(fd, length);
    if (is_watched(fd) && !result) record("truncate\t%d\t%ld\n", fd, (long)length);
    return result;
}

int ftruncate(int fd, off_t length) { return truncated(fd, length); }
int ftruncate64(int fd, off64_t length) { return truncated(fd, length); }

int renameat(int folder, const char *from, int to_folder, const char *to) {
    char full[2 * PATH_MAX], full_to[2 * PATH_MAX];
    int is_ours = resolve(folder, from, full) && resolve(to_folder, to, full_to);
    if (is_ours && refused(1)) return -1;
    int result = REAL(renameat)(folder, from, to_folder, to);
    if (is_ours && !result) record("rename\t%s\t%s\n", full, full_to);
    return result;
}

int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int mkdirat(int folder, const char *path, mode_t mode) {
    char full[2 * PATH_MAX];
    int is_ours = resolve(folder, path, full);
    if (is_ours && refused(1)) return -1;
    int result = REAL(mkdirat)(folder, path, mode);
    if (is_ours && !result) record("mkdir\t%s\n", full);
    return result;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int unlinkat(int folder, const char *path, int flags) {
    char full[2 * PATH_MAX];
    int is_ours = resolve(folder, path, full);
    if (is_ours && refused(0)) return -1;
    int result = REAL(unlinkat)(folder, path, flags);
    if (is_ours && !result) record("unlink\t%s\n", full);
    return result;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
