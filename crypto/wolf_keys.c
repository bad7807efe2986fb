/* The keys and record numbers of an established session, read from the state that the library
 * writes for an import elsewhere (wolfSSL_dtls_export): of all that it offers only that has them.
 * The layout is the library's own, fourth version, and says so in its first octets; another one is
 * refused, and the session's records stay with the library. */
#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/dtls_seal.h"
#include "crypto/wolf.h"

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include <string.h>

#define STATE_MAX     1024
#define STATE_DTLS    165 /* DTLS_EXPORT_PRO */
#define STATE_LAYOUT  0xa4
#define AEAD_EXPLICIT 8

struct state {
    uint64_t out_next, in_next;
    uint16_t epoch, in_epoch;
    struct bytes_reader client_key, server_key;
    const uint8_t *out_iv, *in_iv;
    uint16_t key_len;
    uint8_t cipher;
    bool is_encrypting;
};

/* Two values of one length, which stands before them. */
static void read_pair(struct bytes_reader *r, struct bytes_reader *first,
                      struct bytes_reader *second)
{
    size_t len = bytes_read_u8(r);

    *first = bytes_read_sub(r, len);
    *second = bytes_read_sub(r, len);
}

static void read_keys(struct bytes_reader *r, struct state *s)
{
    struct bytes_reader client, server;

    bytes_skip(r, 16); /* numbers of TLS */
    s->in_epoch = bytes_read_u16(r);
    s->in_next = bytes_read_u48(r);
    bytes_skip(r, 8); /* epoch and number of the record read last */
    bytes_skip(r, 6); /* number in the epoch before */
    bytes_skip(r, 4); /* handshake messages */
    s->out_next = bytes_read_u48(r);
    bytes_skip(r, 6);
    s->epoch = bytes_read_u16(r);
    bytes_skip(r, 2 + 8);
    s->is_encrypting = bytes_read_u8(r) != 0;
    bytes_skip(r, 1);
    bytes_skip(r, (size_t)bytes_read_u16(r) * 4); /* windows against replays */
    bytes_skip(r, (size_t)bytes_read_u16(r) * 4);
    bytes_skip(r, 1);               /* truncated_hmac */
    read_pair(r, &client, &server); /* secrets of a MAC, of no use to an AEAD */
    read_pair(r, &s->client_key, &s->server_key);
    read_pair(r, &client, &server);
    bytes_skip(r, AEAD_EXPLICIT);
    read_pair(r, &client, &server);
    s->out_iv = bytes_left(&client) >= DTLS_SEAL_IV_MAX ? client.data : NULL;
    s->in_iv = bytes_left(&server) >= DTLS_SEAL_IV_MAX ? server.data : NULL;
}

static int read_state(const uint8_t *blob, size_t len, struct state *s)
{
    struct bytes_reader r = bytes_reader(blob, len), keys, specs;

    if (bytes_read_u8(&r) != STATE_DTLS || bytes_read_u8(&r) != STATE_LAYOUT)
        return ERR_UNSUPPORTED;
    bytes_skip(&r, 2);
    bytes_skip(&r, bytes_read_u16(&r)); /* options */
    keys = bytes_read_sub(&r, bytes_read_u16(&r));
    specs = bytes_read_sub(&r, bytes_read_u16(&r));
    read_keys(&keys, s);
    s->key_len = bytes_read_u16(&specs);
    bytes_skip(&specs, 6);
    s->cipher = bytes_read_u8(&specs);
    if (r.err || keys.err || specs.err || bytes_left(&keys) != 0 || !s->out_iv || !s->in_iv ||
        bytes_left(&s->client_key) != s->key_len || s->key_len > DTLS_SEAL_KEY_MAX)
        return ERR_UNSUPPORTED;
    return s->is_encrypting && s->epoch > 0 && s->epoch == s->in_epoch ? 0 : ERR_STATE;
}

static int choose_cipher(const struct state *s, struct dtls_seal_keys *out)
{
    if (s->cipher == wolfssl_aes_gcm && (s->key_len == 16 || s->key_len == 32))
        out->cipher = DTLS_AES_GCM;
    else if (s->cipher == wolfssl_chacha && s->key_len == 32)
        out->cipher = DTLS_CHACHA20_POLY1305;
    else
        return ERR_UNSUPPORTED;
    out->key_len = (uint8_t)s->key_len;
    return 0;
}

static void take_way(struct dtls_seal_way *way, const struct bytes_reader *key, const uint8_t *iv,
                     uint64_t next)
{
    memcpy(way->key, key->data, key->size);
    memcpy(way->iv, iv, DTLS_SEAL_IV_MAX);
    way->next = next;
}

int wolf_session_record_keys(struct wolf_session *session, enum dtls_role role,
                             struct dtls_seal_keys *out)
{
    uint8_t blob[STATE_MAX];
    size_t len = sizeof(blob);
    struct state s = {0};
    int rc = wolf_session_freeze(session, blob, &len);

    if (rc == 0)
        rc = read_state(blob, len, &s);
    if (rc == 0)
        rc = choose_cipher(&s, out);
    if (rc == 0) {
        bool is_client = role == DTLS_CLIENT;

        out->epoch = s.epoch;
        take_way(&out->out, is_client ? &s.client_key : &s.server_key, s.out_iv, s.out_next);
        take_way(&out->in, is_client ? &s.server_key : &s.client_key, s.in_iv, s.in_next);
    }
    secret_wipe(blob, sizeof(blob));
    return rc;
}
