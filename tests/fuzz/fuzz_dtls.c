/* The way of a datagram into an association. Input: one byte of choices (bit 0: we are the client),
 * then datagrams, each behind two bytes of length. Nothing here can be the true peer, so no key may
 * come out; and while a server has seen no good cookie, its answers are no larger than what was
 * asked (a question may come in fragments). */
#include "base/addr.h"
#include "crypto/cert.h"
#include "crypto/dtls.h"
#include "crypto/dtls_record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dtls_ctx *ctx;
static size_t sent, asked;

static void on_send(void *user, const struct addr *to, const uint8_t *data, size_t len)
{
    (void)user;
    (void)to;
    (void)data;
    sent += len;
}

static void on_established(void *user, const struct dtls_established *info)
{
    (void)user;
    (void)info;
    abort();
}

static void on_failed(void *user, enum dtls_failure reason, const char *text)
{
    (void)user;
    if (reason <= DTLS_FAIL_NONE || reason >= DTLS_FAILURE_COUNT || !text)
        abort();
}

static void on_closed(void *user)
{
    (void)user;
    abort();
}

static const struct dtls_callbacks callbacks = {.on_send = on_send,
                                                .on_established = on_established,
                                                .on_failed = on_failed,
                                                .on_closed = on_closed};

static void make_context(void)
{
    struct dtls_config config;
    struct cert *cert = NULL;

    if (cert_generate(30, &cert) != 0)
        abort();
    dtls_config_init(&config, cert);
    if (dtls_ctx_create(&config, &ctx) != 0)
        abort();
}

static void feed(struct dtls_assoc *assoc, uint64_t now, const struct addr *from,
                 const uint8_t *data, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    struct dtls_hello hello;

    memcpy(exact, data, len);
    (void)dtls_hello_parse(exact, len, &hello);
    asked += len;
    (void)dtls_assoc_input(assoc, now, from, exact, len);
    if (dtls_assoc_state(assoc) == DTLS_IDLE && sent > asked)
        abort();
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fingerprint fp = {.hash = FINGERPRINT_SHA256};
    struct dtls_options options = {.callbacks = &callbacks, .fingerprint = &fp};
    struct dtls_assoc *assoc = NULL;
    uint64_t now = 1000;
    struct addr peer;

    if (!ctx)
        make_context();
    if (size < 1 || addr_parse("127.0.0.1:5000", &peer) != 0)
        return 0;
    sent = asked = 0;
    options.role = data[0] & 1 ? DTLS_CLIENT : DTLS_SERVER;
    options.remote = options.role == DTLS_CLIENT ? &peer : NULL;
    if (dtls_assoc_create(ctx, &options, &assoc) != 0 || dtls_assoc_start(assoc, now) != 0)
        abort();
    for (size_t at = 1; at + 2 <= size;) {
        size_t len = (size_t)data[at] << 8 | data[at + 1];

        at += 2;
        if (len > size - at)
            len = size - at;
        feed(assoc, now, &peer, data + at, len);
        at += len;
        now += 100;
        if (now >= dtls_assoc_next_deadline(assoc))
            dtls_assoc_on_timer(assoc, now);
    }
    dtls_assoc_close(assoc, now);
    dtls_assoc_destroy(assoc);
    return 0;
}
