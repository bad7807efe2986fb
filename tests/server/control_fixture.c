#include "tests/server/control_fixture.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUARD_MS 10000

void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    strcpy(f->dir, "/tmp/sluice-control-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/control.sock", f->dir);
    CU_ASSERT_EQUAL_FATAL(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->guard);
    f->settings = (struct settings_control){
        .mode = 0600, .max_clients = 8, .max_message_bytes = 4096, .max_backlog_bytes = 65536};
    snprintf(f->settings.path, sizeof(f->settings.path), "%s", f->path);
}

void fixture_start(struct fixture *f)
{
    struct settings_node node = {.name = "test node", .product = "Sluice"};
    const char *text = "";
    CU_ASSERT_EQUAL_FATAL(control_create(&f->loop, &f->settings, &node, &f->control), 0);
    int err = control_start(f->control, &text);
    if (err != 0)
        printf("\n    control_start: %s", text);
    CU_ASSERT_EQUAL_FATAL(err, 0);
}

static void on_stopped(void *ctx)
{
    struct fixture *f = ctx;
    f->stopped++;
}

static int is_stopped(void *ctx)
{
    return ((struct fixture *)ctx)->stopped > 0;
}

void fixture_stop(struct fixture *f)
{
    if (f->control == NULL)
        return;
    control_stop(f->control, on_stopped, f);
    f->control = NULL;
    CU_ASSERT(fixture_run(f, is_stopped, f));
}

void fixture_fini(struct fixture *f)
{
    fixture_stop(f);
    CU_ASSERT_EQUAL(f->stopped, 1);
    uv_close((uv_handle_t *)&f->guard, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    CU_ASSERT_EQUAL(uv_loop_close(&f->loop), 0);
    CU_ASSERT_EQUAL(rmdir(f->dir), 0); /* the socket is gone */
}

static void on_guard(uv_timer_t *timer)
{
    *(int *)timer->data = 1;
}

int fixture_run(struct fixture *f, int (*condition)(void *ctx), void *ctx)
{
    int late = 0;
    f->guard.data = &late;
    uv_update_time(&f->loop);
    uv_timer_start(&f->guard, on_guard, GUARD_MS, 0);
    while (!late && !condition(ctx))
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_timer_stop(&f->guard);
    return !late;
}

void fixture_turn(struct fixture *f)
{
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct client *c = handle->data;
    (void)suggested;
    if (c->size - c->len < 65536) {
        c->size = c->size * 2 + 65536;
        c->in = realloc(c->in, c->size);
    }
    *buf = uv_buf_init(c->in + c->len, (unsigned)(c->size - c->len));
}

static void on_data(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *c = stream->data;
    (void)buf;
    if (n < 0)
        c->is_ended = 1;
    else
        c->len += (size_t)n;
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct client *c = connect->data;
    c->status = status;
}

static int is_connected(void *ctx)
{
    return ((struct client *)ctx)->status <= 0;
}

void client_read(struct client *c)
{
    uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_data);
}

void client_connect(struct client *c, struct fixture *f, int wants_reading)
{
    memset(c, 0, sizeof(*c));
    c->fixture = f;
    c->status = 1;
    uv_pipe_init(&f->loop, &c->pipe, 0);
    c->pipe.data = c->connect.data = c;
    uv_pipe_connect(&c->connect, &c->pipe, f->path, on_connected);
    CU_ASSERT_FATAL(fixture_run(f, is_connected, c));
    CU_ASSERT_EQUAL_FATAL(c->status, 0);
    if (wants_reading)
        client_read(c);
}

struct sending {
    uv_write_t write;
    char text[];
};

static void on_sent(uv_write_t *write, int status)
{
    (void)status;
    free(write);
}

void client_send(struct client *c, const char *text, size_t len)
{
    struct sending *s = malloc(sizeof(*s) + len);
    uv_buf_t buf = uv_buf_init(s->text, (unsigned)len);
    memcpy(s->text, text, len);
    if (uv_write(&s->write, (uv_stream_t *)&c->pipe, &buf, 1, on_sent) != 0)
        free(s);
}

void client_say(struct client *c, const char *line)
{
    client_send(c, line, strlen(line));
    client_send(c, "\n", 1);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    (void)status;
    free(shutdown);
}

void client_half_close(struct client *c)
{
    uv_shutdown_t *shutdown = malloc(sizeof(*shutdown));
    if (uv_shutdown(shutdown, (uv_stream_t *)&c->pipe, on_shutdown) != 0)
        free(shutdown);
}

static void on_closed(uv_handle_t *handle)
{
    ((struct client *)handle->data)->is_closed = 1;
}

static int is_closed(void *ctx)
{
    return ((struct client *)ctx)->is_closed;
}

void client_close(struct client *c)
{
    uv_close((uv_handle_t *)&c->pipe, on_closed);
    CU_ASSERT(fixture_run(c->fixture, is_closed, c));
    free(c->in);
    c->in = NULL;
}

static char *find_end(const struct client *c)
{
    return c->len > c->read_to ? memchr(c->in + c->read_to, '\n', c->len - c->read_to) : NULL;
}

static int has_line_or_end(void *ctx)
{
    struct client *c = ctx;
    return find_end(c) != NULL || c->is_ended;
}

json_t *client_hear(struct client *c)
{
    CU_ASSERT(fixture_run(c->fixture, has_line_or_end, c));
    char *end = find_end(c);
    if (end == NULL)
        return NULL;
    json_t *o = json_loadb(c->in + c->read_to, (size_t)(end - c->in) - c->read_to, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL(o);
    c->read_to = (size_t)(end - c->in) + 1;
    return o;
}

static int has_end(void *ctx)
{
    return ((struct client *)ctx)->is_ended;
}

int client_wait_end(struct client *c)
{
    return fixture_run(c->fixture, has_end, c);
}
