#include "crypto/srtp.h"

#include "base/err.h"
#include "base/secret.h"
#include "crypto/srtp_backend.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_LINE       64
#define RTP_HEADER_MIN   12
#define RTCP_HEADER_MIN  8
#define RTP_VERSION      2
#define SRTCP_INDEX_SIZE 4
/* A pool beyond this is a typing error in a configuration. */
#define POOL_MAX (16u * 1024 * 1024)

struct srtp_engine {
    const struct srtp_backend *backend;
    struct srtp_key *free_keys;
    struct srtp_stream *free_streams;
    uint32_t keys_used;
    uint32_t streams_used;
    uint8_t *keys; /* pools, in memory that is not dumped */
    uint8_t *streams;
    size_t keys_bytes;
    size_t streams_bytes;
};

static const struct srtp_backend *const backends[] = {&srtp_backend_libsrtp};

static size_t slot_size(size_t head, size_t priv)
{
    return (head + priv + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
}

static int make_pools(struct srtp_engine *engine, const struct srtp_limits *limits)
{
    size_t key_slot = slot_size(sizeof(struct srtp_key), engine->backend->key_size);
    size_t stream_slot = slot_size(sizeof(struct srtp_stream), engine->backend->stream_size);

    engine->keys_bytes = key_slot * limits->keys;
    engine->streams_bytes = stream_slot * limits->streams;
    engine->keys = secret_alloc(engine->keys_bytes);
    engine->streams = secret_alloc(engine->streams_bytes);
    if (!engine->keys || !engine->streams)
        return ERR_NOMEM;
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

int srtp_engine_create(const char *name, const struct srtp_limits *limits, struct srtp_engine **out)
{
    const struct srtp_backend *backend = find_backend(name);
    struct srtp_engine *engine;
    int rc;

    if (!backend)
        return ERR_NOTFOUND;
    if (limits->keys == 0 || limits->streams < 2 || limits->keys > POOL_MAX ||
        limits->streams > POOL_MAX)
        return ERR_INVAL;
    engine = calloc(1, sizeof(*engine));
    if (!engine)
        return ERR_NOMEM;
    engine->backend = backend;
    rc = make_pools(engine, limits);
    if (rc == 0)
        rc = backend->start();
    if (rc == 0)
        rc = srtp_selftest_run(engine);
    if (rc != 0) {
        free_engine(engine);
        return rc;
    }
    *out = engine;
    return 0;
}

int srtp_engine_destroy(struct srtp_engine *engine)
{
    if (!engine)
        return 0;
    if (engine->keys_used || engine->streams_used)
        return ERR_STATE;
    free_engine(engine);
    return 0;
}

const char *srtp_engine_name(const struct srtp_engine *engine)
{
    return engine->backend->name;
}

int srtp_key_create(struct srtp_engine *engine, const struct srtp_master *master,
                    struct srtp_key **out)
{
    const struct srtp_profile_info *info = srtp_profile_find(master->profile);
    struct srtp_key *key = engine->free_keys;
    int rc;

    if (!info)
        return ERR_UNSUPPORTED;
    if (!key)
        return ERR_LIMIT;
    key->engine = engine;
    key->info = info;
    key->master = *master;
    key->streams = 0;
    key->is_destroyed = false;
    rc = engine->backend->key_init(key);
    if (rc != 0) {
        secret_wipe(&key->master, sizeof(key->master));
        return rc;
    }
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
        return;
    key->is_destroyed = true;
    if (key->streams == 0)
        release_key(key);
}

enum srtp_profile srtp_key_profile(const struct srtp_key *key)
{
    return key->master.profile;
}

int srtp_stream_create(struct srtp_key *key, enum srtp_dir dir, uint32_t ssrc,
                       struct srtp_stream **out)
{
    struct srtp_engine *engine = key->engine;
    struct srtp_stream *stream = engine->free_streams;
    int rc;

    if (!stream)
        return ERR_LIMIT;
    stream->key = key;
    stream->ssrc = ssrc;
    stream->dir = dir;
    rc = engine->backend->stream_init(stream);
    if (rc != 0)
        return rc;
    engine->free_streams = stream->next_free;
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
    secret_wipe(stream->priv, engine->backend->stream_size);
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

/* Bytes of the RTP header with CSRCs and extension (RFC 3550 §5.1, §5.3.1), 0 if it is not whole
 * within len bytes. */
static size_t rtp_header_size(const uint8_t *p, size_t len)
{
    size_t size = RTP_HEADER_MIN;

    if (len < RTP_HEADER_MIN || p[0] >> 6 != RTP_VERSION)
        return 0;
    size += (size_t)(p[0] & 0x0f) * 4;
    if (p[0] & 0x10) {
        if (len < size + 4)
            return 0;
        size += 4 + ((size_t)p[size + 2] << 8 | p[size + 3]) * 4;
    }
    return size <= len ? size : 0;
}

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The header at p is whole and names the stream's SSRC; `rest` is what must follow it at least. */
static enum srtp_status check_header(const struct srtp_job *job, const uint8_t *p, size_t len,
                                     size_t rest)
{
    size_t size = RTCP_HEADER_MIN;

    if (job->is_rtcp) {
        if (len < RTCP_HEADER_MIN || p[0] >> 6 != RTP_VERSION)
            return SRTP_MALFORMED;
    } else {
        size = rtp_header_size(p, len);
        if (size == 0)
            return SRTP_MALFORMED;
    }
    if (len < size + rest)
        return SRTP_MALFORMED;
    if (read_u32(p + (job->is_rtcp ? 4 : 8)) != job->stream->ssrc)
        return SRTP_WRONG_SSRC;
    return SRTP_OK;
}

static size_t overhead(const struct srtp_job *job)
{
    const struct srtp_profile_info *info = job->stream->key->info;

    return job->is_rtcp ? info->rtcp_tag_len + (size_t)SRTCP_INDEX_SIZE : info->rtp_tag_len;
}

static enum srtp_status check_protect(const struct srtp_engine *engine, const struct srtp_job *job)
{
    const uint8_t *head = job->hdr ? job->hdr : job->src;
    size_t head_len = job->hdr ? job->hdr_len : job->len;
    size_t total = (size_t)(job->hdr ? job->hdr_len : 0) + job->len + overhead(job);

    if (job->stream->key->engine != engine || job->stream->dir != SRTP_OUTBOUND)
        return SRTP_FAILED;
    if (total > job->dst_cap)
        return SRTP_NO_ROOM;
    return check_header(job, head, head_len, 0);
}

static enum srtp_status check_unprotect(const struct srtp_engine *engine,
                                        const struct srtp_job *job)
{
    if (job->stream->key->engine != engine || job->stream->dir != SRTP_INBOUND)
        return SRTP_FAILED;
    /* The library may use the room of the tag while it works, so demand it all. */
    if (job->len > job->dst_cap)
        return SRTP_NO_ROOM;
    return check_header(job, job->src, job->len, overhead(job));
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
    for (size_t i = 0; i < n; i++) {
        jobs[i].out_len = 0;
        jobs[i].status = (uint8_t)check_protect(engine, &jobs[i]);
    }
    engine->backend->protect(jobs, n);
    return count_ok(jobs, n);
}

size_t srtp_unprotect_burst(struct srtp_engine *engine, struct srtp_job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        jobs[i].out_len = 0;
        jobs[i].status = (uint8_t)check_unprotect(engine, &jobs[i]);
    }
    engine->backend->unprotect(jobs, n);
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
