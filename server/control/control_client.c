/* One connection of the control socket: credentials, lines in, lines out, its limits. */
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "server/control/control_internal.h"

#define IN_SIZE_FIRST 4096
#define GROUPS_MAX    256
#define TOKEN         1000 /* one request */

struct send_request {
    uv_write_t write;
    struct control_client *client;
    char *line;
};

static void handle_lines(struct control_client *client);

static void on_handle_closed(uv_handle_t *handle)
{
    struct control_client *client = handle->data;
    struct control *control = client->control;
    /* Two handles, pipe and timer: libuv has to be done with both before the memory goes. */
    if (--client->open_handles > 0)
        return;
    free(client->in);
    free(client);
    control_on_client_gone(control);
}

void control_client_close(struct control_client *client)
{
    if (client->is_closing)
        return;
    client->is_closing = true;
    client->is_reading = false;
    /* Counted until it begins to close, and not until it is gone: limits are about those that can
     * ask. */
    client->control->stats.clients--;
    list_remove(&client->link);
    /* A subscription less: what was produced for it alone need not be any more. */
    control_events_changed(client->control);
    uv_close((uv_handle_t *)&client->pipe, on_handle_closed);
    uv_close((uv_handle_t *)&client->resume, on_handle_closed);
}

size_t control_client_backlog(const struct control_client *client)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&client->pipe);
}

static void alloc_input(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct control_client *client = handle->data;
    /* one byte more than the longest line: the end of the line itself */
    size_t most = client->control->settings.max_message_bytes + 1u;
    (void)suggested;
    if (client->in_len == client->in_size && client->in_size < most) {
        size_t size = client->in_size == 0 ? IN_SIZE_FIRST : client->in_size * 2;
        /* It grows by doubling up to the longest line: most clients send short ones. */
        char *in = realloc(client->in, size < most ? size : most);
        if (in != NULL) {
            client->in = in;
            client->in_size = size < most ? size : most;
        }
    }
    /* an empty buffer makes libuv report UV_ENOBUFS, and the client is closed */
    buf->base = client->in + client->in_len;
    buf->len = client->in_size - client->in_len;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct control_client *client = stream->data;
    (void)buf;
    if (n == UV_EOF) {
        /* Half closed (as by `echo ... | nc`): what was asked is answered before the rest is
         * closed. */
        client->is_ended = true;
        uv_read_stop(stream);
        client->is_reading = false;
    } else if (n < 0) {
        control_client_close(client);
        return;
    } else {
        client->in_len += (size_t)n;
    }
    handle_lines(client);
}

static void pause_reading(struct control_client *client)
{
    if (client->is_reading)
        uv_read_stop((uv_stream_t *)&client->pipe);
    client->is_reading = false;
}

static void resume_reading(struct control_client *client)
{
    if (client->is_reading || client->is_ended || client->is_closing)
        return;
    if (uv_read_start((uv_stream_t *)&client->pipe, alloc_input, on_read) == 0)
        client->is_reading = true;
    else
        control_client_close(client);
}

static void on_written(uv_write_t *write, int status)
{
    struct send_request *request = (struct send_request *)(void *)write;
    struct control_client *client = request->client;
    /* The request owns its line; libuv is done with both. */
    free(request->line);
    free(request);
    if (status < 0) {
        control_client_close(client);
        return;
    }
    /* Not before all is out: less would have one line at a time trickle. */
    if (client->is_closing || control_client_backlog(client) > 0)
        return;
    control_events_recover(client);
    handle_lines(client);
}

void control_client_send(struct control_client *client, char *line, size_t len)
{
    uv_stream_t *stream = (uv_stream_t *)&client->pipe;
    uv_buf_t buf = uv_buf_init(line, (unsigned)len);
    if (client->is_closing) {
        free(line);
        return;
    }
    /* Tried at once: without a backlog, as is usual, neither memory nor a turn of the loop is
     * spent. Never past a backlog, which would mix the lines. */
    int sent = control_client_backlog(client) == 0 ? uv_try_write(stream, &buf, 1) : 0;
    if (sent >= 0 && (size_t)sent == len) {
        free(line);
        return;
    }
    /* The rest of a line has to follow; its neighbours may not come between. */
    if (sent > 0)
        buf = uv_buf_init(line + sent, (unsigned)(len - (size_t)sent));
    struct send_request *request = malloc(sizeof(*request));
    /* A line that can be sent only in part would ruin all that follow it: the connection is no
     * longer usable. */
    if (request == NULL || len > INT32_MAX) {
        free(request);
        free(line);
        control_client_close(client);
        return;
    }
    request->client = client;
    request->line = line;
    if (uv_write(&request->write, stream, &buf, 1, on_written) != 0) {
        free(request);
        free(line);
        control_client_close(client);
    }
}

/* A token bucket of one second's requests. False: none left; the client is read again later. */
static bool has_tokens(struct control_client *client)
{
    const struct control *c = client->control;
    int64_t full = (int64_t)c->settings.requests_per_second * TOKEN;
    uint64_t now = uv_now(c->loop);
    if (full == 0)
        return true;
    /* Milliseconds times requests a second: thousandths of a request, as TOKEN has it. */
    client->tokens += (int64_t)((now - client->tokens_at) * c->settings.requests_per_second);
    client->tokens_at = now;
    /* At most one second's: who was silent for an hour has no burst of an hour. */
    if (client->tokens > full)
        client->tokens = full;
    return client->tokens >= TOKEN;
}

static void on_resume(uv_timer_t *timer)
{
    handle_lines(timer->data);
}

static void wait_for_tokens(struct control_client *client)
{
    uint64_t rate = client->control->settings.requests_per_second;
    uint64_t missing = (uint64_t)(TOKEN - client->tokens);
    client->control->stats.throttled++;
    pause_reading(client);
    /* + 1: the timer of libuv counts from the start of its turn and may be early. */
    uv_timer_start(&client->resume, on_resume, missing / rate + 1, 0);
}

static void refuse_line(struct control_client *client, int code, const char *message)
{
    char *answer;
    size_t len;
    if (rpc_refuse(code, message, &answer, &len) == 0)
        control_client_send(client, answer, len);
    else
        control_client_close(client);
}

static void handle_line(struct control_client *client, const char *line, size_t len)
{
    struct control *c = client->control;
    uint64_t before = rpc_stats(c->rpc)->requests;
    char *answer = NULL;
    size_t answer_len;
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (len == 0)
        return;
    if (rpc_handle(c->rpc, client, line, len, &answer, &answer_len) != 0)
        /* Out of memory: an answer that is missing would leave the client waiting for ever. */
        control_client_close(client);
    else if (answer != NULL)
        control_client_send(client, answer, answer_len);
    /* a batch costs as much as its requests one by one */
    uint64_t cost = rpc_stats(c->rpc)->requests - before;
    /* May become negative, which a batch then pays for by a longer wait. */
    client->tokens -= (int64_t)(cost > 0 ? cost : 1) * TOKEN;
}

static bool is_backlogged(const struct control_client *client)
{
    return control_client_backlog(client) > client->control->settings.max_backlog_bytes;
}

/* The line that begins at `start` is longer than may be: what is there of it is dropped. */
static void skip_long_line(struct control_client *client)
{
    /* Told once for each line, however long it is. */
    if (!client->is_skipping) {
        client->is_skipping = true;
        client->control->stats.oversize++;
        log_warn(LOG_AREA_CONTROL, 0, "request too long", LOG_I("pid", client->pid),
                 LOG_U("limit", client->control->settings.max_message_bytes));
        refuse_line(client, RPC_INVALID_REQUEST,
                    "invalid request: the line is longer than max_message_bytes");
    }
    client->in_len = 0;
}

/* All requests of a client that has sent its last are answered: let the answers leave, then close.
 */
static void finish_client(struct control_client *client)
{
    /* A line without its end is not handled: half a request may mean something else. */
    if (client->in_len > 0 || client->is_skipping) {
        client->control->stats.incomplete++;
        log_debug(LOG_AREA_CONTROL, 0, "connection ended within a line", LOG_I("pid", client->pid),
                  LOG_U("bytes", client->in_len));
        client->in_len = 0;
        client->is_skipping = false;
    }
    /* Else on_written closes, as it ends in here again. */
    if (control_client_backlog(client) == 0)
        control_client_close(client);
}

/* Handles the whole lines in the buffer, as far as rate and backlog allow; decides about reading.
 */
static void handle_lines(struct control_client *client)
{
    /* From here on lines are taken out of the buffer in one go: one memmove for all of them. */
    size_t start = 0;
    bool is_paused = false;
    while (!client->is_closing && start < client->in_len) {
        char *line = client->in + start;
        char *end = memchr(line, '\n', client->in_len - start);
        /* Before the limits are looked at: an unfinished line costs no token. */
        if (end == NULL)
            break;
        is_paused = is_backlogged(client); /* on_written comes back here */
        if (!is_paused && !has_tokens(client)) {
            wait_for_tokens(client);
            is_paused = true;
        }
        if (is_paused)
            break;
        /* The end of what was dropped: the next line is read again. */
        if (client->is_skipping)
            client->is_skipping = false;
        else
            handle_line(client, line, (size_t)(end - line));
        start = (size_t)(end - client->in) + 1;
    }
    /* The answer to a line may have closed the client; its memory is there until the loop is
     * back. */
    if (client->is_closing)
        return;
    if (start > 0)
        memmove(client->in, client->in + start, client->in_len - start);
    client->in_len -= start;
    if (is_paused) {
        pause_reading(client);
        return;
    }
    /* Longer than a line may be, and no end in it. */
    if (client->is_skipping || client->in_len > client->control->settings.max_message_bytes)
        skip_long_line(client);
    if (client->is_ended)
        finish_client(client);
    else
        resume_reading(client);
}

/* Member of an allowed group? Primary and supplementary ones, as the kernel knows them. */
static bool is_group_allowed(const struct control *c, int fd, gid_t primary)
{
    /* Room for the primary one, which SO_PEERGROUPS does not tell. */
    gid_t groups[GROUPS_MAX + 1];
    socklen_t size = GROUPS_MAX * sizeof(gid_t);
    size_t n = 0;
    /* More groups than fit: the call fails (ERANGE), and the primary one alone counts, to the safe
     * side. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0)
        n = size / sizeof(gid_t);
    groups[n++] = primary;
    for (uint32_t i = 0; i < c->settings.allow_gid_count; i++)
        for (size_t j = 0; j < n; j++)
            if (groups[j] == c->settings.allow_gids[i])
                return true;
    return false;
}

static bool is_allowed(struct control_client *client)
{
    const struct control *c = client->control;
    struct ucred cred;
    socklen_t size = sizeof(cred);
    int fd;
    if (uv_fileno((const uv_handle_t *)&client->pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
        /* Who cannot be identified does not come in. */
        return false;
    client->pid = cred.pid;
    client->uid = cred.uid;
    /* Root and the server's own user could change the process itself. */
    if (cred.uid == 0 || cred.uid == geteuid())
        return true;
    /* No list: the mode of the file alone decides. */
    if (c->settings.allow_uid_count == 0 && c->settings.allow_gid_count == 0)
        return true;
    for (uint32_t i = 0; i < c->settings.allow_uid_count; i++)
        if (c->settings.allow_uids[i] == cred.uid)
            return true;
    return is_group_allowed(c, fd, cred.gid);
}

/* True when the client may stay; otherwise it was told why and is being closed. */
static bool admit(struct control_client *client)
{
    struct control *c = client->control;
    if (!is_allowed(client)) {
        c->stats.refused_credentials++;
        log_warn(LOG_AREA_CONTROL, 0, "control connection refused", LOG_I("pid", client->pid),
                 LOG_U("uid", client->uid));
        refuse_line(client, RPC_SERVER_ERROR + ERR_REFUSED, "this user may not connect");
    } else if (c->stats.clients > c->settings.max_clients) {
        /* It is counted itself already. */
        c->stats.refused_full++;
        log_warn(LOG_AREA_CONTROL, 0, "too many control connections", LOG_I("pid", client->pid));
        refuse_line(client, RPC_SERVER_ERROR + ERR_LIMIT, "too many connections");
    } else {
        return true;
    }
    control_client_close(client);
    return false;
}

void control_client_accept(struct control *c)
{
    struct control_client *client = calloc(1, sizeof(*client));
    if (client == NULL) /* libuv looks for no other connection until this one is accepted */
        return;
    client->control = c;
    uv_pipe_init(c->loop, &client->pipe, 0);
    uv_timer_init(c->loop, &client->resume);
    client->open_handles = 2;
    client->pipe.data = client->resume.data = client;
    client->tokens = (int64_t)c->settings.requests_per_second * TOKEN;
    /* A full bucket at the start: a script asks several things at once and leaves. */
    client->tokens_at = uv_now(c->loop);
    /* Counted and listed before it is accepted, so that closing it is the same in every case. */
    list_push_back(&c->clients, &client->link);
    c->client_count++;
    c->stats.clients++;
    c->stats.accepted++;
    if (uv_accept((uv_stream_t *)&c->listener, (uv_stream_t *)&client->pipe) != 0) {
        control_client_close(client);
        return;
    }
    if (!admit(client))
        return;
    log_debug(LOG_AREA_CONTROL, 0, "control connection", LOG_I("pid", client->pid),
              LOG_U("uid", client->uid));
    resume_reading(client);
}
