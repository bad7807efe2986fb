/* What a client may send to the TLS port before and during its handshake: any octets in any pieces
 * (input: a length octet before each piece), to a server that asks for certificates too. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "crypto/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tls_ctx *ctx;
static size_t sent;

static void on_send(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    (void)data;
    sent += len;
}

/* No input is a whole handshake: the client's part needs secrets that it does not have. */
static void on_open(void *user)
{
    (void)user;
    abort();
}

static void on_data(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    (void)data;
    (void)len;
    abort();
}

static const struct tls_callbacks callbacks = {on_send, on_open, on_data};

static void begin_once(void)
{
    struct tls_config config = {.role = TLS_SERVER};
    struct cert *cert = NULL;

    if (ctx != NULL)
        return;
    if (cert_generate(30, &cert) != 0)
        abort();
    config.cert = cert;
    if (tls_ctx_create(&config, &ctx, NULL) != 0)
        abort();
    cert_destroy(cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tls_conn *conn = NULL;
    const char *text = NULL;
    int err = 0;

    begin_once();
    sent = 0;
    if (tls_conn_create(ctx, &callbacks, NULL, &conn) != 0)
        abort();
    while (size > 0) {
        size_t n = data[0] != 0 ? data[0] : 256;

        data++;
        size--;
        if (n > size)
            n = size;
        err = tls_conn_input(conn, data, n);
        if (err != 0 && err != ERR_REFUSED && err != ERR_CLOSED)
            abort();
        data += n;
        size -= n;
    }
    /* A failure has a reason; a peer without TLS is not answered. */
    if (err == ERR_REFUSED && (tls_conn_failure(conn, &text) == TLS_FAIL_NONE || text[0] == '\0'))
        abort();
    if (tls_conn_failure(conn, &text) == TLS_FAIL_NOT_TLS && sent != 0)
        abort();
    tls_conn_close(conn);
    if (tls_conn_input(conn, (const uint8_t *)"\x16", 1) == 0)
        abort();
    tls_conn_destroy(conn);
    return 0;
}
