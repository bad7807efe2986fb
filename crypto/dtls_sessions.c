/* Sessions that may be taken up again, for all shards of the process: a peer's next call lands on
 * any of them. Sealed, of bounded number and age, and looked up only with the bond that was agreed
 * upon when they were made. */
#include "crypto/dtls_sessions.h"

#include "base/secret.h"
#include "crypto/wolf.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ROW 8 /* sessions that a key may be among */

struct entry {
    uint64_t made_at; /* 0: empty */
    struct dtls_session_bond bond;
    uint16_t len; /* sealed */
    uint8_t key_len;
    uint8_t key[DTLS_SESSION_KEY_MAX];
    uint8_t sealed[DTLS_SESSION_BLOB_MAX + WOLF_SEAL_OVERHEAD];
};

struct dtls_sessions {
    pthread_mutex_t lock; /* taken at the ends of handshakes, for microseconds */
    uint64_t lifetime_ms; /* past it a session is refused: its secret has served long enough */
    uint8_t *seal_key;
    size_t rows;
    size_t count;
    struct entry *entries; /* ROW * rows; pages that nothing was put into cost nothing */
};

struct dtls_sessions *dtls_sessions_create(size_t max, uint64_t lifetime_ms)
{
    struct dtls_sessions *s = max > 0 ? calloc(1, sizeof(*s)) : NULL;

    if (s == NULL)
        return NULL;
    s->rows = (max + ROW - 1) / ROW;
    s->lifetime_ms = lifetime_ms;
    /* calloc of pages that nobody wrote is free: a table for 100,000 sessions costs what is in
     * it. */
    s->entries = calloc(s->rows * ROW, sizeof(*s->entries));
    s->seal_key = secret_alloc(WOLF_SEAL_KEY_BYTES);
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        free(s->entries);
        secret_free(s->seal_key, WOLF_SEAL_KEY_BYTES);
        free(s);
        return NULL;
    }
    if (s->entries == NULL || s->seal_key == NULL ||
        wolf_random(s->seal_key, WOLF_SEAL_KEY_BYTES) != 0) {
        dtls_sessions_destroy(s);
        return NULL;
    }
    return s;
}

void dtls_sessions_destroy(struct dtls_sessions *s)
{
    if (s == NULL)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s->entries); /* sealed, and the key goes now */
    secret_free(s->seal_key, WOLF_SEAL_KEY_BYTES);
    free(s);
}

/* FNV-1a. Keys are random or digests: nobody steers them into one row cheaply, and a full row costs
 * a peer no more than a full handshake. */
static struct entry *row_of(struct dtls_sessions *s, const uint8_t *key, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ key[i]) * 0x100000001b3u;
    return &s->entries[h % s->rows * ROW];
}

static struct entry *find(struct dtls_sessions *s, const uint8_t *key, size_t len)
{
    /* Eight neighbours instead of chains: bounded work and no allocation under the lock. */
    struct entry *row = row_of(s, key, len);

    for (size_t i = 0; i < ROW; i++)
        if (row[i].made_at != 0 && row[i].key_len == len && memcmp(row[i].key, key, len) == 0)
            return &row[i];
    return NULL;
}

static void empty(struct dtls_sessions *s, struct entry *e)
{
    s->count -= e->made_at != 0;
    secret_wipe(e, sizeof(*e)); /* the sealed blob is useless without the key, the bond is not */
}

static struct entry *oldest(struct entry *row)
{
    struct entry *found = row;

    for (size_t i = 1; i < ROW; i++)
        if (row[i].made_at < found->made_at)
            found = &row[i];
    return found;
}

void dtls_sessions_put(struct dtls_sessions *s, uint64_t now, const uint8_t *key, size_t key_len,
                       const struct dtls_session_bond *bond, const uint8_t *blob, size_t len)
{
    struct entry *e;

    if (key_len > DTLS_SESSION_KEY_MAX || len > DTLS_SESSION_BLOB_MAX)
        return;
    pthread_mutex_lock(&s->lock);
    e = find(s, key, key_len);
    if (e == NULL)
        e = oldest(row_of(s, key, key_len));
    /* The oldest of a row goes even if it is young: a table that is full by its row is full. */
    empty(s, e);
    if (wolf_seal(s->seal_key, blob, len, e->sealed) == 0) {
        e->len = (uint16_t)(len + WOLF_SEAL_OVERHEAD);
        e->bond = *bond;
        e->key_len = (uint8_t)key_len;
        memcpy(e->key, key, key_len);
        e->made_at = now > 0 ? now : 1; /* 0 says empty */
        s->count++;
    }
    pthread_mutex_unlock(&s->lock);
}

bool dtls_sessions_get(struct dtls_sessions *s, uint64_t now, const uint8_t *key, size_t key_len,
                       const struct dtls_session_bond *bond, uint8_t *blob, size_t *len)
{
    bool is_good = false;
    struct entry *e;

    if (key_len > DTLS_SESSION_KEY_MAX)
        return false;
    pthread_mutex_lock(&s->lock);
    e = find(s, key, key_len);
    if (e != NULL) {
        /* Age, profiles, fingerprint: any difference calls for a full handshake. Opening comes
         * last, as it is the only step with cost. */
        is_good = now < e->made_at + s->lifetime_ms && e->bond.srtp == bond->srtp &&
                  fingerprint_equal(&e->bond.peer, &bond->peer) &&
                  wolf_open(s->seal_key, e->sealed, e->len, blob) == 0;
        *len = (size_t)e->len - WOLF_SEAL_OVERHEAD;
        /* One that did not fit once will not fit later: it makes room. */
        if (!is_good)
            empty(s, e);
    }
    pthread_mutex_unlock(&s->lock);
    return is_good;
}

void dtls_sessions_forget(struct dtls_sessions *s, const uint8_t *key, size_t key_len)
{
    struct entry *e;

    pthread_mutex_lock(&s->lock);
    e = find(s, key, key_len);
    if (e != NULL)
        empty(s, e);
    pthread_mutex_unlock(&s->lock);
}

size_t dtls_sessions_count(struct dtls_sessions *s)
{
    size_t count;

    pthread_mutex_lock(&s->lock);
    count = s->count;
    pthread_mutex_unlock(&s->lock);
    return count;
}
