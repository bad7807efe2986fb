#include "bench/endpoint/endpoint_commands.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "bench/endpoint/endpoint_call.h"

static int obey(struct call *call, const char *word, const char *rest)
{
    if (strcmp(word, "keys") == 0)
        return keys_press(&call->media.keypad, rest);
    if (strcmp(word, "say") == 0)
        return leg_say(&call->leg, rest);
    if (strcmp(word, "present") == 0)
        return leg_present(&call->leg);
    if (strcmp(word, "present-end") == 0)
        return leg_present_end(&call->leg);
    if (strcmp(word, "limit") == 0)
        return leg_limit_video(&call->leg, (uint32_t)strtoul(rest, NULL, 10));
    if (strcmp(word, "camera") == 0)
        return media_move_camera(&call->media, rest);
    if (strcmp(word, "answer") == 0)
        return call_take_answer(call, rest);
    if (strcmp(word, "offer") == 0)
        return call_take_offer(call, rest);
    if (strcmp(word, "play") == 0)
        media_play(&call->media);
    else if (strcmp(word, "hang-up") == 0)
        call_hang_up(call, "told to");
    else
        return ERR_NOTFOUND;
    return 0;
}

static void take_line(struct commands *c)
{
    char *rest = strchr(c->line, ' ');
    int err;

    if (rest != NULL)
        *rest++ = '\0';
    err = obey(c->call, c->line, rest != NULL ? rest : "");
    if (err != 0)
        report_fail(c->call->report, "command %.40s: %s", c->line, err_to_str(err));
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct commands *c = poll->data;
    char chunk[512];
    ssize_t n = status == 0 && (events & UV_READABLE) ? read(c->fd, chunk, sizeof(chunk)) : 0;

    for (ssize_t i = 0; i < n; i++) {
        if (chunk[i] != '\n' && c->len < sizeof(c->line) - 1) {
            c->line[c->len++] = chunk[i];
            continue;
        }
        c->line[c->len] = '\0';
        c->len = 0;
        take_line(c);
    }
}

int commands_start(struct commands *c, uv_loop_t *loop, const char *path, struct call *call)
{
    memset(c, 0, sizeof(*c));
    c->fd = -1;
    c->call = call;
    if (path == NULL)
        return 0;
    /* Open for writing too: a FIFO whose last writer has gone would be readable for ever. */
    c->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (c->fd < 0 || uv_poll_init(loop, &c->poll, c->fd) != 0 ||
        uv_poll_start(&c->poll, UV_READABLE, on_readable) != 0)
        return ERR_IO;
    c->poll.data = c;
    uv_unref((uv_handle_t *)&c->poll);
    return 0;
}

void commands_stop(struct commands *c)
{
    if (c->fd < 0)
        return;
    uv_poll_stop(&c->poll);
    close(c->fd);
    c->fd = -1;
}
