/* sluice-endpoint: an H.323 endpoint with H.235.10 for the command line, see --help. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/err.h"
#include "bench/endpoint/endpoint_call.h"
#include "bench/endpoint/endpoint_options.h"
#include "bench/endpoint/endpoint_report.h"

struct program {
    struct endpoint_options options;
    struct report report;
    struct call call;
    uv_loop_t loop;
    uv_signal_t on_int, on_term, on_usr1;
    uv_timer_t timeout;
};

static void on_signal(uv_signal_t *handle, int number)
{
    struct program *p = handle->data;
    call_hang_up(&p->call, number == SIGINT ? "interrupted" : "terminated");
}

static void on_play(uv_signal_t *handle, int number)
{
    struct program *p = handle->data;
    (void)number;
    media_play(&p->call.media);
}

static void on_timeout(uv_timer_t *timer)
{
    struct program *p = timer->data;
    report_fail(&p->report, "not done after %u s", p->options.timeout_s);
    call_hang_up(&p->call, "time-out");
}

/* Signals and the time-out must not keep the loop alive. */
static void watch(struct program *p)
{
    uv_signal_init(&p->loop, &p->on_int);
    uv_signal_init(&p->loop, &p->on_term);
    uv_signal_init(&p->loop, &p->on_usr1);
    uv_timer_init(&p->loop, &p->timeout);
    p->on_int.data = p->on_term.data = p->on_usr1.data = p->timeout.data = p;
    uv_signal_start(&p->on_int, on_signal, SIGINT);
    uv_signal_start(&p->on_term, on_signal, SIGTERM);
    uv_signal_start(&p->on_usr1, on_play, SIGUSR1);
    uv_timer_start(&p->timeout, on_timeout, p->options.timeout_s * 1000ull, 0);
    uv_unref((uv_handle_t *)&p->on_int);
    uv_unref((uv_handle_t *)&p->on_term);
    uv_unref((uv_handle_t *)&p->on_usr1);
    uv_unref((uv_handle_t *)&p->timeout);
}

static void tell(struct program *p)
{
    json_t *report = call_report(&p->call);
    if (p->options.json) {
        report_print(report);
        return;
    }
    if (p->report.failure[0])
        printf("failed: %s\n", p->report.failure);
    json_object_del(report, "ladder");
    char *text = json_dumps(report, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    if (text)
        puts(text);
    free(text);
    json_decref(report);
}

int main(int argc, char **argv)
{
    static struct program p; /* large buffers: not on the stack */
    int rc = endpoint_options_parse(argc, argv, &p.options);
    if (rc)
        return rc > 0 ? 0 : 2;
    signal(SIGPIPE, SIG_IGN);
    report_init(&p.report, p.options.json, p.options.alias);
    uv_loop_init(&p.loop);
    watch(&p);
    rc = call_start(&p.call, &p.loop, &p.options, &p.report);
    if (rc) {
        fprintf(stderr, "sluice-endpoint: cannot start: %s\n", err_to_str(rc));
        return 1;
    }
    uv_run(&p.loop, UV_RUN_DEFAULT);
    tell(&p);
    bool ok = call_is_ok(&p.call);
    call_fini(&p.call);
    return ok ? 0 : 1;
}
