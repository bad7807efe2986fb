/* Behind the peer's view nothing changes: records are numbered on from where they were. */
/* Parking: an association that only keyed SRTP has nothing to say until it closes. Its state is
 * exported (331 bytes), sealed under a key that lives as long as the context, and the library's
 * object, fifty times as large, is freed. */
#include "base/err.h"
#include "base/secret.h"
#include "crypto/dtls_internal.h"

#include <stdlib.h>

#define BLOB_MAX 1024 /* 331 octets in wolfSSL 5.5.4 */

void dtls_park(struct dtls_assoc *a)
{
    uint8_t blob[BLOB_MAX];
    size_t len = sizeof(blob);

    a->park_at = DTLS_NO_DEADLINE;
    if (a->state != DTLS_ESTABLISHED || !a->session ||
        /* Freezing may fail (a message half received): it stays awake, and is not tried again until
         * data moved park_at. */
        wolf_session_freeze(a->session, blob, &len) != 0)
        return;
    a->parked = malloc(len + WOLF_SEAL_OVERHEAD);
    /* Sealed: tens of thousands of these hold the keys of calls, in ordinary memory that a core
     * file shows. */
    if (a->parked && wolf_seal(dtls_ctx_seal_key(a->ctx), blob, len, a->parked) != 0) {
        free(a->parked);
        a->parked = NULL;
    }
    secret_wipe(blob, sizeof(blob));
    if (!a->parked)
        return;
    a->parked_len = (uint16_t)(len + WOLF_SEAL_OVERHEAD);
    a->drop_session = true;
    a->ctx->stats.parked++;
}

int dtls_unpark(struct dtls_assoc *a)
{
    /* A new object from the context, thawed: the same numbers, the same keys. */
    uint8_t blob[BLOB_MAX];
    int rc = wolf_session_create(a->ctx->wolf[a->role], &dtls_wolf_callbacks, &a->session);

    if (rc != 0)
        return rc;
    wolf_session_set_user(a->session, a);
    rc = wolf_open(dtls_ctx_seal_key(a->ctx), a->parked, a->parked_len, blob);
    if (rc == 0)
        rc = wolf_session_thaw(a->session, blob, (size_t)a->parked_len - WOLF_SEAL_OVERHEAD);
    secret_wipe(blob, sizeof(blob));
    /* Still parked: the blob is kept and may be tried again. */
    if (rc != 0) {
        wolf_session_destroy(a->session);
        a->session = NULL;
        return rc;
    }
    free(a->parked);
    a->parked = NULL;
    /* Back to sleep after the same quiet time; a transport with data stays awake. */
    if (!a->has_data)
        a->park_at = a->now + a->ctx->config.park_after_ms;
    a->ctx->stats.unparked++;
    return 0;
}
