/*
 * Faults below SQLite. Preloaded into a torture run (never into the product), it watches the files of a journal
 * ("DIR/journal/journal.db" and its log) and lets one call fail as a disk does. What fails stands in "DIR/disk.fault",
 * read whenever the database is opened:
 *
 *   sync N   the N-th sync answers EIO, once: the kernel then takes the pages for clean, and the next sync succeeds
 *   write N  the N-th write answers EIO, once
 *   full N   from the N-th write on: ENOSPC
 *
 * When it strikes, "DIR/disk.struck" appears.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define FILES 1024
#define NAME "/journal/journal.db"

static char watched[FILES];
static char folder[PATH_MAX];
static char what[8];
static long left;

static void read_plan(const char *path, size_t length)
{
	char plan[PATH_MAX + 16];
	FILE *file;

	memcpy(folder, path, length);
	folder[length] = 0;
	what[0] = 0;
	left = 0;
	snprintf(plan, sizeof plan, "%s/disk.fault", folder);
	file = fopen(plan, "re");
	if (file) {
		if (fscanf(file, "%7s %ld", what, &left) != 2)
			what[0] = 0;
		fclose(file);
	}
}

static void opened(const char *path, int fd)
{
	const char *name = strstr(path, NAME);

	if (fd < 0 || fd >= FILES)
		return;
	watched[fd] = 0;
	if (!name)
		return;
	const char *rest = name + strlen(NAME);
	if (*rest == 0)
		read_plan(path, (size_t)(name - path));
	watched[fd] = *rest == 0 || strcmp(rest, "-wal") == 0;
}

/* The error of this call, or 0. */
static int strikes(int fd, const char *call)
{
	char mark[PATH_MAX + 16];
	int full = strcmp(what, "full") == 0;
	int error;

	if (fd < 0 || fd >= FILES || !watched[fd] || !what[0])
		return 0;
	if (strcmp(call, full ? "write" : what) != 0)
		return 0;
	left--;
	if (left > 0 || (left < 0 && !full))
		return 0;
	error = full ? ENOSPC : EIO;
	if (left == 0) {
		snprintf(mark, sizeof mark, "%s/disk.struck", folder);
		int made = open(mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		if (made >= 0)
			close(made);
	}
	return error;
}

#define REAL(type, name, ...) \
	static type (*real)(__VA_ARGS__); \
	if (!real) \
		real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define FAIL(fd, call) \
	do { \
		int error = strikes(fd, call); \
		if (error) { \
			errno = error; \
			return -1; \
		} \
	} while (0)

#define OPENS(name) \
	int name(const char *path, int flags, ...) \
	{ \
		REAL(int, name, const char *, int, ...); \
		va_list more; \
		va_start(more, flags); \
		mode_t mode = va_arg(more, mode_t); \
		va_end(more); \
		int fd = real(path, flags, mode); \
		opened(path, fd); \
		return fd; \
	}

OPENS(open)
OPENS(open64)

ssize_t write(int fd, const void *bytes, size_t count)
{
	REAL(ssize_t, write, int, const void *, size_t);
	FAIL(fd, "write");
	return real(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at)
{
	REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
	FAIL(fd, "write");
	return real(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at)
{
	REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
	FAIL(fd, "write");
	return real(fd, bytes, count, at);
}

int fsync(int fd)
{
	REAL(int, fsync, int);
	FAIL(fd, "sync");
	return real(fd);
}

int fdatasync(int fd)
{
	REAL(int, fdatasync, int);
	FAIL(fd, "sync");
	return real(fd);
}

int close(int fd)
{
	REAL(int, close, int);
	if (fd >= 0 && fd < FILES)
		watched[fd] = 0;
	return real(fd);
}
