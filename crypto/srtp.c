/* The engine around the back ends: pools of keys and streams, what "auto" chooses, the checks that
 * a back end leaves to us. Everything here belongs to one worker; the packet path allocates
 * nothing. */
#include "crypto/srtp.h"

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypto/srtp_backend.h"
#include "crypto/srtp_packet.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64
/* A pool beyond this is a typing error in a configuration. */
#define POOL_MAX (16u * 1024 * 1024) /* 16 million keys of 3 KB are more than any machine has */

/* In order of preference: what "auto" tries. */
static const struct srtp_backend *const backends[] = {
#ifdef SLUICE_SRTP_MB
    &srtp_backend_mb,
#endif
    &srtp_backend_libsrtp,
};

/* Slots begin cache lines: neighbours in the pool belong to other calls and are touched at other
 * times. */
static size_t slot_size(size_t head, size_t priv)
{
    return (head + priv + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
}

static int make_pools(struct srtp_engine *engine, const struct srtp_limits *limits)
{
    size_t key_slot = slot_size(sizeof(struct srtp_key), engine->backend->key_size);
    size_t stream_slot = slot_size(sizeof(struct srtp_stream), engine->backend->stream_size);

    engine->key_slot = key_slot;
    engine->keys_bytes = key_slot * limits->keys;
    engine->streams_bytes = stream_slot * limits->streams;
    engine->keys = secret_alloc(engine->keys_bytes);
    engine->streams = secret_alloc(engine->streams_bytes);
    if (!engine->keys || !engine->streams)
        return ERR_NOMEM;
    /* Chained back to front, so that the first key is the first slot: fresh engines use few
     * pages. */
    for (uint32_t i = limits->keys; i-- > 0;) {
        struct srtp_key *key = (struct srtp_key *)(void *)(engine->keys + i * key_slot);

        key->next_free = engine->free_keys;
        engine->free_keys = key;
    }
    for (uint32_t i = limits->streams; i-- > 0;) {
        struct srtp_stream *stream =
            (struct srtp_stream *)(void *)(engine->streams + i * stream_slot);

        stream->next_free = engine->free_streams;
        engine->free_streams = stream;
    }
    return 0;
}

static void free_engine(struct srtp_engine *engine)
{
    if (engine->backend->stop)
        engine->backend->stop(engine);
    secret_free(engine->keys, engine->keys_bytes);
    secret_free(engine->streams, engine->streams_bytes);
    free(engine);
}

static const struct srtp_backend *find_backend(const char *name)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
        if (strcmp(backends[i]->name, name) == 0)
            return backends[i];
    return NULL;
}

static int create_engine(const struct srtp_backend *backend, const struct srtp_limits *limits,
                         struct srtp_engine **out)
{
    struct srtp_engine *engine = calloc(1, sizeof(*engine));
    int rc;

    if (!engine)
        return ERR_NOMEM;
    engine->backend = backend;
    rc = make_pools(engine, limits);
    if (rc == 0)
        rc = backend->start(engine);
    if (rc == 0)
        /* Before the first call: a back end that computes wrongly (a CPU path, a broken build) is
         * found here, not by a peer's silence. */
        rc = srtp_selftest_run(engine);
    if (rc != 0) {
        free_engine(engine);
        return rc;
    }
    *out = engine;
    return 0;
}

int srtp_engine_create(const char *name, const struct srtp_limits *limits, struct srtp_engine **out)
{
    const struct srtp_backend *backend = find_backend(name);
    int rc = ERR_NOTFOUND;

    /* Two streams at least: one call has two directions. */
    if (limits->keys == 0 || limits->streams < 2 || limits->keys > POOL_MAX ||
        limits->streams > POOL_MAX)
        return ERR_INVAL;
    if (backend)
        return create_engine(backend, limits, out);
    if (strcmp(name, "auto") != 0)
        return ERR_NOTFOUND;
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        /* "auto" takes the next one when a back end does not start here; no memory is no reason to
         * try a slower one, it would be short as well. */
        rc = create_engine(backends[i], limits, out);
        if (rc == 0 || rc == ERR_NOMEM)
            break;
        log_warn(LOG_AREA_CRYPTO, 0, "SRTP engine not usable here",
                 LOG_S("engine", backends[i]->name), LOG_E("reason", rc));
    }
    return rc;
}

int srtp_engine_destroy(struct srtp_engine *engine)
{
    if (!engine)
        return 0;
    /* Somebody still has a key: freeing the pool would be worse than keeping it. */
    if (engine->keys_used || engine->streams_used)
        return ERR_STATE;
    free_engine(engine);
    return 0;
}

const char *srtp_engine_name(const struct srtp_engine *engine)
{
    return engine->backend->name;
}

const char *srtp_engine_describe(const struct srtp_engine *engine)
{
    return engine->backend->describe ? engine->backend->describe(engine) : "";
}

int srtp_key_create(struct srtp_engine *engine, const struct srtp_master *master,
                    struct srtp_key **out)
{
    const struct srtp_profile_info *info = srtp_profile_find(master->profile);
    struct srtp_key *key = engine->free_keys;
    int rc;

    if (!info)
        return ERR_UNSUPPORTED; /* RFC 5764's NULL ciphers are no profile of ours */
    if (!key)
        return ERR_LIMIT;
    key->engine = engine;
    key->info = info;
    /* For the libsrtp back end; mb wipes its copy as soon as it has derived what it needs. */
    key->master = *master;
    key->streams = 0;
    key->is_destroyed = false;
    rc = engine->backend->key_init(key);
    if (rc != 0) {
        secret_wipe(&key->master, sizeof(key->master));
        return rc;
    }
    /* Taken from the list only when it works: a failed init leaves the pool as it was. */
    engine->free_keys = key->next_free;
    engine->keys_used++;
    *out = key;
    return 0;
}

static void release_key(struct srtp_key *key)
{
    struct srtp_engine *engine = key->engine;

    engine->backend->key_fini(key);
    secret_wipe(&key->master, sizeof(key->master));
    secret_wipe(key->priv, engine->backend->key_size);
    key->next_free = engine->free_keys;
    engine->free_keys = key;
    engine->keys_used--;
}

void srtp_key_destroy(struct srtp_key *key)
{
    if (!key || key->is_destroyed)
        /* Streams outlive their key's owner: a re-key destroys the old key while packets of it are
         * still coming in. The last stream frees it. */
        return;
    key->is_destroyed = true;
    if (key->streams == 0)
        release_key(key);
}

enum srtp_profile srtp_key_profile(const struct srtp_key *key)
{
    return key->master.profile;
}

unsigned srtp_key_overhead(const struct srtp_key *key, bool is_rtcp)
{
    /* 4: the E bit and the index of SRTCP (RFC 3711 §3.4). */
    return is_rtcp ? key->info->rtcp_tag_len + 4u : key->info->rtp_tag_len;
}

int srtp_stream_create(struct srtp_key *key, enum srtp_dir dir, uint32_t ssrc,
                       struct srtp_stream **out)
{
    struct srtp_engine *engine = key->engine;
    struct srtp_stream *stream = engine->free_streams;
    struct srtp_stream *next;
    int rc;

    if (!stream)
        return ERR_LIMIT;
    /* Read before init: back ends use the space of the free list's link. */
    next = stream->next_free;
    stream->key = key;
    stream->ssrc = ssrc;
    stream->dir = dir;
    rc = engine->backend->stream_init(stream);
    if (rc != 0) {
        stream->next_free = next;
        return rc;
    }
    engine->free_streams = next;
    engine->streams_used++;
    key->streams++;
    *out = stream;
    return 0;
}

void srtp_stream_destroy(struct srtp_stream *stream)
{
    struct srtp_engine *engine;
    struct srtp_key *key;

    if (!stream)
        return;
    key = stream->key;
    engine = key->engine;
    engine->backend->stream_fini(stream);
    secret_wipe(stream->priv, engine->backend->stream_size); /* session keys, salts, replay state */
    stream->next_free = engine->free_streams;
    engine->free_streams = stream;
    engine->streams_used--;
    if (--key->streams == 0 && key->is_destroyed)
        release_key(key);
}

int srtp_stream_get_roc(const struct srtp_stream *stream, uint32_t *out)
{
    return stream->key->engine->backend->get_roc(stream, out);
}

int srtp_stream_set_roc(struct srtp_stream *stream, uint32_t roc)
{
    return stream->key->engine->backend->set_roc(stream, roc);
}

static size_t overhead(const struct srtp_engine *engine, const struct srtp_job *job)
{
    const struct srtp_profile_info *info;

    if (!srtp_engine_owns(engine, job->stream))
        /* A job for a stream of another engine would read another pool's memory. */
        return 0; /* the check refuses it */
    info = job->stream->key->info;
    return job->is_rtcp ? info->rtcp_tag_len + (size_t)SRTCP_INDEX_SIZE : info->rtp_tag_len;
}

static size_t count_ok(const struct srtp_job *jobs, size_t n)
{
    size_t ok = 0;

    for (size_t i = 0; i < n; i++)
        ok += jobs[i].status == SRTP_OK;
    return ok;
}

size_t srtp_protect_burst(struct srtp_engine *engine, struct srtp_job *jobs, size_t n)
{
    size_t size;

    /* Checks for back ends that have none of their own: mb does them in its one pass over the
     * packet. */
    for (size_t i = 0; i < n && !engine->backend->checks_jobs; i++) {
        jobs[i].out_len = 0;
        jobs[i].status =
            (uint8_t)srtp_check_protect(engine, &jobs[i], overhead(engine, &jobs[i]), &size);
    }
    engine->backend->protect(engine, jobs, n);
    return count_ok(jobs, n);
}

size_t srtp_unprotect_burst(struct srtp_engine *engine, struct srtp_job *jobs, size_t n)
{
    size_t size;

    for (size_t i = 0; i < n && !engine->backend->checks_jobs; i++) {
        jobs[i].out_len = 0;
        jobs[i].status =
            (uint8_t)srtp_check_unprotect(engine, &jobs[i], overhead(engine, &jobs[i]), &size);
    }
    engine->backend->unprotect(engine, jobs, n);
    return count_ok(jobs, n);
}

const char *srtp_status_to_str(enum srtp_status status)
{
    switch (status) {
#define STATUS_TEXT(name, text) \
    case name:                  \
        return text;
        SRTP_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    case SRTP_STATUS_COUNT:
        break;
    }
    return "unknown";
}
