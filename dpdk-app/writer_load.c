/* Reads announcements whole: the writer's thread may wait for the disk, the room that plays must
 * not. */
/* Announcements: WAV files of a directory, as mono PCM of a room's rate. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/wav.h"
#include "base/err.h"
#include "dpdk-app/writer_priv.h"

#define FILE_MAX (64u * 1024 * 1024)

static int refuse(char text[WRITER_NAME_SIZE], const char *why)
{
    snprintf(text, WRITER_NAME_SIZE, "%s", why);
    return ERR_MALFORMED;
}

/* ---- the file ---- */

static int read_whole(int fd, uint8_t *data, size_t size)
{
    size_t got = 0;

    while (got < size) {
        ssize_t n = read(fd, data + got, size - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_IO; /* it became shorter, or the disk is broken */
        got += (size_t)n;
    }
    return 0;
}

static int slurp(const char *directory, const char *name, uint8_t **data, size_t *size,
                 char text[WRITER_NAME_SIZE])
{
    struct stat st;
    int fd, err = writer_open_at(directory, name, O_RDONLY, &fd, text);

    if (err != 0)
        return err;
    /* A pipe or device would be read for ever; the size is checked before memory is asked for. */
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)FILE_MAX) {
        close(fd);
        return refuse(text, "no regular file of at most 64 MB");
    }
    *size = (size_t)st.st_size;
    *data = malloc(*size + 1); /* one more: malloc(0) may be NULL */
    err = *data == NULL ? ERR_NOMEM : read_whole(fd, *data, *size);
    close(fd);
    if (err == 0)
        return 0;
    free(*data);
    snprintf(text, WRITER_NAME_SIZE, "read: %s", err_to_str(err));
    return err;
}

/* ---- samples ---- */

static int load(const uint8_t *data, size_t size, uint32_t rate, int16_t **pcm, size_t *samples,
                char text[WRITER_NAME_SIZE])
{
    struct audio_wav wav;
    int err = audio_wav_parse(data, size, &wav);

    if (err != 0) {
        audio_wav_complain(data, size, text, WRITER_NAME_SIZE);
        return err;
    }
    /* Frames over rate, rounded down: exactly the limit is too long as well. */
    if (wav.frames / wav.rate >= WRITER_LOAD_MAX_S) {
        snprintf(text, WRITER_NAME_SIZE, "longer than %u seconds", WRITER_LOAD_MAX_S);
        return ERR_LIMIT;
    }
    err = audio_wav_convert(&wav, rate, pcm, samples);
    if (err != 0)
        snprintf(text, WRITER_NAME_SIZE, "%s", err_to_str(err));
    return err;
}

int writer_load_file(const char *directory, const char *name, uint32_t rate, int16_t **pcm,
                     size_t *samples, char text[WRITER_NAME_SIZE])
{
    uint8_t *data;
    size_t size;
    int err = slurp(directory, name, &data, &size, text);

    if (err != 0)
        return err;
    err = load(data, size, rate, pcm, samples, text);
    free(data);
    return err;
}
