/* The control socket: its file, its listener, and what it is made of. Clients (control_client.c),
 * requests (rpc.c) and events (control_events.c) each know nothing of the others' insides. Main
 * thread alone. */
#include "server/control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "server/control/control_internal.h"

#define LISTEN_BACKLOG 64

static const struct control_event own_events[] = {
    {"events.lost", "events found no room and were dropped; data.count tells how many"},
};

int control_create(uv_loop_t *loop, const struct settings_control *settings,
                   const struct settings_node *node, struct control **out)
{
    struct control *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    c->loop = loop;
    c->settings = *settings;
    c->node = *node;
    /* 0 is no subscription: the mark of a free place. */
    c->next_subscription = 1;
    c->started_ms = clock_mono_ms();
    clock_wall_format(clock_wall_us(), c->started);
    list_init(&c->clients);
    int err = rpc_create(&c->rpc);
    if (err == 0)
        err = rpc_register(c->rpc, control_own_methods, control_own_method_count, c);
    if (err == 0)
        err = rpc_register(c->rpc, control_event_methods, control_event_method_count, c);
    if (err == 0)
        err = control_register_events(c, own_events, 1);
    if (err != 0) {
        rpc_destroy(c->rpc);
        free(c);
        return err;
    }
    *out = c;
    return 0;
}

struct rpc *control_rpc(struct control *control)
{
    return control->rpc;
}

const struct control_stats *control_stats(const struct control *control)
{
    return &control->stats;
}

int control_register_info(struct control *c, const char *name, control_info_fn fn, void *ctx)
{
    if (c->info_count == CONTROL_INFOS_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < c->info_count; i++)
        if (strcmp(c->infos[i].name, name) == 0)
            return ERR_EXISTS;
    c->infos[c->info_count].name = name;
    c->infos[c->info_count].fn = fn;
    c->infos[c->info_count].ctx = ctx;
    c->info_count++;
    return 0;
}

/* Is there a living server behind a socket file? 0 = no, and the file is gone now. */
static int clear_stale(const char *path, const char **text)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    struct stat st;
    /* lstat: a symbolic link is not followed to whatever it points to. */
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : ERR_IO;
    *text = "the path exists and is no socket";
    if (!S_ISSOCK(st.st_mode))
        return ERR_EXISTS;
    /* Non-blocking: a living server with a full backlog answers EAGAIN, which is not "refused". */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    memcpy(sun.sun_path, path, strlen(path)); /* its length was checked */
    /* Only ECONNREFUSED proves that nobody listens; with any other error the file is left alone. */
    int refused = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 && errno == ECONNREFUSED;
    close(fd);
    *text = "another server listens on this socket";
    if (!refused)
        return ERR_EXISTS;
    *text = "cannot remove the socket of a former server";
    return unlink(path) == 0 ? 0 : ERR_IO;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct control *c = listener->data;
    if (status < 0)
        log_warn(LOG_AREA_CONTROL, 0, "cannot accept", LOG_S("error", uv_strerror(status)));
    /* Stopping: what is not accepted goes with the listener. */
    else if (!c->is_stopping)
        control_client_accept(c);
}

/* From bind to chmod nobody but the server may connect: hence the umask. */
static int bind_socket(struct control *c, const char **text)
{
    mode_t before = umask(0177);
    int status = uv_pipe_bind(&c->listener, c->settings.path);
    umask(before);
    *text = "cannot bind the socket";
    if (status < 0)
        return ERR_IO;
    *text = "cannot set the mode of the socket";
    /* After the bind, whose umask gives nobody but the server; from here the configured ones may
     * connect. */
    if (chmod(c->settings.path, (mode_t)c->settings.mode) != 0)
        return ERR_IO;
    *text = "cannot listen on the socket";
    return uv_listen((uv_stream_t *)&c->listener, LISTEN_BACKLOG, on_connection) == 0 ? 0 : ERR_IO;
}

int control_start(struct control *c, const char **text)
{
    const char *unused;
    if (text == NULL)
        text = &unused;
    *text = "started already";
    if (c->has_listener)
        return ERR_STATE;
    *text = "the path is too long";
    /* libuv would cut a long path, and the server would listen somewhere else. */
    if (strlen(c->settings.path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return ERR_LIMIT;
    int err = clear_stale(c->settings.path, text);
    if (err != 0)
        return err;
    *text = "out of memory";
    if (uv_pipe_init(c->loop, &c->listener, 0) != 0)
        return ERR_NOMEM;
    c->listener.data = c;
    c->has_listener = true; /* control_stop closes it, also after a failure */
    err = bind_socket(c, text);
    if (err == 0)
        log_info(LOG_AREA_CONTROL, 0, "control socket listens", LOG_S("path", c->settings.path));
    return err;
}

static void finish_stop(struct control *c)
{
    if (!c->is_stopping || c->has_listener || c->client_count > 0)
        return;
    /* Copied: the callback may well free what comes after us. */
    control_on_stopped_fn on_stopped = c->on_stopped;
    void *ctx = c->stopped_ctx;
    rpc_destroy(c->rpc);
    free(c);
    if (on_stopped != NULL)
        on_stopped(ctx);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct control *c = handle->data;
    c->has_listener = false;
    finish_stop(c);
}

void control_on_client_gone(struct control *c)
{
    c->client_count--;
    finish_stop(c);
}

void control_stop(struct control *c, control_on_stopped_fn on_stopped, void *ctx)
{
    if (c->is_stopping)
        return;
    /* First: no client's end may look like the last one's before all are asked to close. */
    c->is_stopping = true;
    c->on_stopped = on_stopped;
    c->stopped_ctx = ctx;
    /* Safe: a client that closes leaves the list. */
    LIST_FOREACH_SAFE (it, &c->clients)
        control_client_close(LIST_ENTRY(it, struct control_client, link));
    if (c->has_listener)
        uv_close((uv_handle_t *)&c->listener, on_listener_closed);
    else
        finish_stop(c);
}
