/* JSON-RPC 2.0 (jsonrpc.org/specification): one line in, one line out, without any I/O.
 *
 * Methods come from tables: name, help, parameters, handler. Parameters are checked against their
 * table before the handler runs, so that a handler may read them without looking twice. Positional
 * parameters (an array) are matched to the table in its order. Batches and notifications are
 * handled as the specification says. Main thread only. */
#ifndef SERVER_RPC_H
#define SERVER_RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rpc;
struct rpc_reply;

/* Codes of the specification. A handler's enum err e becomes RPC_SERVER_ERROR + e: ERR_NOTFOUND
 * (-8) is -32008, with data.reason "not found". */
enum {
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_INTERNAL_ERROR = -32603,
    RPC_SERVER_ERROR = -32000,
};

#define RPC_BATCH_MAX \
    100 /* requests in one batch array: its answers are kept until all are there */

enum rpc_type {
    RPC_BOOL,
    RPC_UINT,    /* integer between min and max */
    RPC_INT,     /* integer between -min and max: both are given as sizes */
    RPC_STRING,  /* min..max bytes, no control characters */
    RPC_TEXT,    /* the same with line ends and tabs: documents such as SDP */
    RPC_STRINGS, /* array of at most max such strings (1..256 bytes each) */
};

struct rpc_param {
    const char *name;
    enum rpc_type type;
    bool is_required;
    uint64_t min, max; /* max 0 = no limit for RPC_UINT, 256 bytes for RPC_STRING, 64 strings */
    const char *help;
};

/* Runs a method. `params` is an object with known, well-typed members only (a member that is not
 * required may be missing). `peer` is what rpc_handle was given: the connection that asks. Answers
 * by exactly one of rpc_reply_result or rpc_reply_error; neither = result null. */
typedef void (*rpc_handler_fn)(void *ctx, void *peer, const json_t *params,
                               struct rpc_reply *reply);

struct rpc_method {
    const char *name; /* "session.close" */
    const char *help; /* one line */
    const struct rpc_param *params;
    size_t param_count;
    rpc_handler_fn handler;
};

/* Takes over a reference of result (NULL, that is out of memory, becomes an internal error). */
void rpc_reply_result(struct rpc_reply *reply, json_t *result);

/* `err` is an enum err; the message says what, in printf manner. */
void rpc_reply_error(struct rpc_reply *reply, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Parameter readers for handlers: the value, or the given default when the member is missing. */
uint64_t rpc_param_uint(const json_t *params, const char *name, uint64_t missing);
int64_t rpc_param_int(const json_t *params, const char *name, int64_t missing);
bool rpc_param_bool(const json_t *params, const char *name, bool missing);
const char *rpc_param_string(const json_t *params, const char *name, const char *missing);

/* A registry with `rpc.methods` in it. ERR_NOMEM. */
int rpc_create(struct rpc **out);
void rpc_destroy(struct rpc *rpc);

/* Adds methods; the table must live as long as the registry. ERR_EXISTS, ERR_NOMEM (nothing is
 * added then). */
int rpc_register(struct rpc *rpc, const struct rpc_method *methods, size_t n, void *ctx);

/* Handles one line (without its end). *answer is one line with "\n" to be freed by free(), or NULL
 * when nothing is to be sent. ERR_NOMEM. */
int rpc_handle(struct rpc *rpc, void *peer, const char *line, size_t len, char **answer,
               size_t *answer_len);

/* A line that says RPC_INVALID_REQUEST or RPC_PARSE_ERROR about something that never became a
 * request (too long, ended half-way). As rpc_handle. */
int rpc_refuse(int code, const char *message, char **answer, size_t *answer_len);

/* Requests, errors by kind since create. */
struct rpc_stats {
    uint64_t requests, notifications, parse_errors, invalid_requests, unknown_methods,
        invalid_params, failures;
};
const struct rpc_stats *rpc_stats(const struct rpc *rpc);

#endif
