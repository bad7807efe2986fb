/* What a back end of the SRTP engine provides, and what srtp.c keeps for it. Private to crypto/.
 *
 * srtp.c owns pools, reference counts and everything that can be said about a packet without keys
 * (its header is whole, it is the stream's SSRC, there is room for the result: srtp_packet.h). A
 * back end sees jobs with status SRTP_OK that passed all this, and must leave the others alone;
 * one that sets checks_jobs gets the jobs as they come and asks srtp_packet.h itself, while it has
 * the stream's cache line in hands. */
#ifndef CRYPTO_SRTP_BACKEND_H
#define CRYPTO_SRTP_BACKEND_H

#include "crypto/srtp.h"

/* Replay window in packets (RFC 3711 §3.3.2 wants 64 at least); the same for all back ends, which
 * must agree on what is too old. */
#define SRTP_REPLAY_WINDOW 128

struct srtp_backend;

struct srtp_engine {
    const struct srtp_backend *backend;
    void *state; /* of the back end, made by its start */
    struct srtp_key *free_keys;
    struct srtp_stream *free_streams;
    uint32_t keys_used;
    uint32_t streams_used;
    uint8_t *keys; /* pools, in memory that is not dumped */
    uint8_t *streams;
    size_t key_slot; /* bytes of one in the pool */
    size_t keys_bytes;
    size_t streams_bytes;
};

struct srtp_key {
    struct srtp_engine *engine;
    struct srtp_key *next_free;
    const struct srtp_profile_info *info;
    struct srtp_master master;
    uint32_t streams;            /* that use this key */
    bool is_destroyed;           /* by its owner; goes back to the pool with the last stream */
    _Alignas(64) uint8_t priv[]; /* backend->key_size bytes */
};

/* Starts a cache line; the private part begins in it, so that a packet may touch this one alone. */
struct srtp_stream {
    union {
        struct srtp_key *key;
        struct srtp_stream *next_free; /* while it is in the pool */
    };
    uint32_t ssrc; /* host order */
    enum srtp_dir dir;
    _Alignas(16) uint8_t priv[]; /* backend->stream_size bytes */
};

struct srtp_backend {
    const char *name;
    size_t key_size;    /* bytes of private part of a key */
    size_t stream_size; /* and of a stream */
    bool checks_jobs;

    int (*start)(struct srtp_engine *engine); /* once an engine, pools are there; sets its state */
    void (*stop)(struct srtp_engine *engine); /* or NULL */
    int (*key_init)(struct srtp_key *key);
    void (*key_fini)(struct srtp_key *key);
    int (*stream_init)(struct srtp_stream *stream);
    void (*stream_fini)(struct srtp_stream *stream);
    int (*get_roc)(const struct srtp_stream *stream, uint32_t *out);
    int (*set_roc)(struct srtp_stream *stream, uint32_t roc);
    void (*protect)(struct srtp_engine *engine, struct srtp_job *jobs, size_t n);
    void (*unprotect)(struct srtp_engine *engine, struct srtp_job *jobs, size_t n);
    /* How it computes, for people; or NULL. Static as long as the engine lives. */
    const char *(*describe)(const struct srtp_engine *engine);
};

/* Is it one of this engine's? Asks the address alone: no memory is touched. */
static inline bool srtp_engine_owns(const struct srtp_engine *engine,
                                    const struct srtp_stream *stream)
{
    return (uintptr_t)stream - (uintptr_t)engine->streams < engine->streams_bytes;
}

#ifdef SLUICE_SRTP_MB
extern const struct srtp_backend srtp_backend_mb;
#endif
extern const struct srtp_backend srtp_backend_libsrtp;

/* Runs the known answers of srtp_selftest.c through an engine; ERR_CRYPTO when one differs. */
int srtp_selftest_run(struct srtp_engine *engine);

#endif
