#include "server/dtls/key_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"

#define LABEL "CLIENT_RANDOM "

struct key_log {
    int fd;
};

/* What others could read already must not get secrets. */
static int check(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return ERR_IO;
    if (S_ISREG(st.st_mode) && (st.st_mode & 077) == 0)
        return 0;
    errno = EPERM;
    return ERR_REFUSED;
}

int key_log_open(const char *path, struct key_log **out)
{
    struct key_log *log = calloc(1, sizeof(*log));
    int err, saved;

    if (log == NULL)
        return ERR_NOMEM;
    log->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    err = log->fd >= 0 ? check(log->fd) : ERR_IO;
    if (err != 0) {
        saved = errno;
        key_log_close(log);
        errno = saved;
        return err;
    }
    *out = log;
    return 0;
}

void key_log_close(struct key_log *log)
{
    if (log == NULL)
        return;
    if (log->fd >= 0)
        close(log->fd);
    free(log);
}

static char *put_hex(char *to, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *to++ = digits[data[i] >> 4];
        *to++ = digits[data[i] & 15];
    }
    return to;
}

void key_log_write(void *user, const uint8_t client_random[DTLS_RANDOM_BYTES],
                   const uint8_t master[DTLS_SECRET_BYTES])
{
    const struct key_log *log = user;
    char line[sizeof(LABEL) + 2 * (DTLS_RANDOM_BYTES + DTLS_SECRET_BYTES) + 2];
    char *at = line;
    ssize_t written;

    memcpy(at, LABEL, sizeof(LABEL) - 1);
    at = put_hex(at + sizeof(LABEL) - 1, client_random, DTLS_RANDOM_BYTES);
    *at++ = ' ';
    at = put_hex(at, master, DTLS_SECRET_BYTES);
    *at++ = '\n';
    /* One write, so that lines of several shards do not mix (O_APPEND). A full disk costs a line of
     * a debugging aid, never a call. */
    written = write(log->fd, line, (size_t)(at - line));
    (void)written;
    secret_wipe(line, sizeof(line));
}
