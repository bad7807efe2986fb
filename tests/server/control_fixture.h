/* A control socket in a directory of its own, and clients for it, all on one loop. Nothing waits
 * for time: the loop runs until a condition holds, and a guard fails the test after ten seconds. */
#ifndef TESTS_SERVER_CONTROL_FIXTURE_H
#define TESTS_SERVER_CONTROL_FIXTURE_H

#include "server/control/control.h"

struct fixture {
    uv_loop_t loop;
    uv_timer_t guard;
    char dir[64];
    char path[96];
    struct settings_control settings;
    struct control *control; /* NULL after fixture_stop */
    int stopped;             /* calls of on_stopped */
};

struct client {
    struct fixture *fixture;
    uv_pipe_t pipe;
    uv_connect_t connect;
    int status; /* of connect; 1 = not yet */
    int is_ended, is_closed;
    char *in;
    size_t len, size;
    size_t read_to; /* lines taken so far */
};

/* Makes loop, directory and default settings (no rate limit); the caller may change the settings
 * before fixture_start. */
void fixture_init(struct fixture *f);
void fixture_start(struct fixture *f);
void fixture_stop(struct fixture *f);
void fixture_fini(struct fixture *f);

/* Runs the loop until the condition holds: 1; after ten seconds 0. */
int fixture_run(struct fixture *f, int (*condition)(void *ctx), void *ctx);
/* Runs the loop once more, without waiting. */
void fixture_turn(struct fixture *f);

void client_connect(struct client *c, struct fixture *f, int wants_reading);
void client_read(struct client *c); /* starts reading */
void client_send(struct client *c, const char *text, size_t len);
void client_say(struct client *c, const char *line); /* with "\n" */
void client_half_close(struct client *c);
void client_close(struct client *c);

/* The next line as JSON, a new reference; NULL when the server closed instead, or in time nothing.
 */
json_t *client_hear(struct client *c);

/* Waits for the server's end of the connection: 1 when it came. */
int client_wait_end(struct client *c);

#endif
