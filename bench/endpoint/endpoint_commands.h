/* What the endpoint is told to do while it is in a call: lines from a FIFO.
 *
 *   keys DIGITS   press them, as --keys-by says
 *   play          as SIGUSR1
 *   say JSON      send any H.245 message, in the JSON form of signalling/per/json.h
 *   present       ask for the token of H.239 and, with it, open a channel of role presentation
 *   present-end   close it, give the token back
 *   limit RATE    the peer's video shall be no more than so much, in 100 bit/s; 0: any
 *   camera WHERE  left, right, up or down: moves the camera of whom is seen
 *   answer JSON   a string, the answer to the offer of --sdp
 *   offer JSON    a string, an offer to be answered in the place of that (event sdp_answer)
 *   hang-up       as SIGTERM */
#ifndef BENCH_ENDPOINT_COMMANDS_H
#define BENCH_ENDPOINT_COMMANDS_H

#include <stddef.h>
#include <uv.h>

struct call;

#define COMMANDS_LINE_MAX 4096

/* Caller's storage; alive until the loop has run to its end. */
struct commands {
    uv_poll_t poll;
    int fd; /* -1: none */
    struct call *call;
    char line[COMMANDS_LINE_MAX];
    size_t len;
};

/* Does not keep the loop alive. `path` NULL: nothing to do. ERR_IO: it cannot be read. */
int commands_start(struct commands *c, uv_loop_t *loop, const char *path, struct call *call);
void commands_stop(struct commands *c);

#endif
