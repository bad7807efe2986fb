/* Rate limits before DTLS goes up to control: a handshake costs milliseconds there, a forged record
 * microseconds here. Counted in spans of time, separately for what a transport's own peer may need
 * and what strangers may try. */
#include "dpdk-app/dtls_gate.h"

#include <string.h>

#define RECORD_HANDSHAKE 22u
#define RECORD_DATA      23u
#define CLIENT_HELLO     1u
/* Record header, handshake header, version, random; then session id and cookie, a length each. */
#define AT_TYPE    13u
#define AT_SESSION 59u

enum dtls_kind dtls_gate_kind(const uint8_t *data, size_t length)
{
    size_t cookie;

    /* Application data are SCTP: many a second, with a limit of their own. */
    if (length > 0 && data[0] == RECORD_DATA)
        return DTLS_KIND_DATA;
    /* Of a ClientHello only the first fragment carries the cookie's length where we look; later
     * ones count as hellos without, which have the smaller budget. */
    if (length <= AT_TYPE || data[0] != RECORD_HANDSHAKE || data[AT_TYPE] != CLIENT_HELLO)
        return DTLS_KIND_OTHER;
    if (length <= AT_SESSION)
        return DTLS_KIND_HELLO;
    cookie = AT_SESSION + 1u + data[AT_SESSION];
    return cookie < length && data[cookie] > 0 ? DTLS_KIND_COOKIE : DTLS_KIND_HELLO;
}

void dtls_gate_open(struct dtls_gate *gate, uint32_t records_s)
{
    uint64_t data = (uint64_t)records_s * DTLS_GATE_MS / 1000;

    /* a configured rate above 16 bits a span means "all" */
    gate->data = (uint16_t)(data > UINT16_MAX ? UINT16_MAX : data);
}

static bool take(uint16_t *used, unsigned limit)
{
    if (*used >= limit)
        return false;
    (*used)++;
    return true;
}

static bool take_hello(struct dtls_gate *gate, struct dtls_gate_all *all, uint32_t span)
{
    if (all->span != span) {
        all->span = span;
        all->hellos = 0;
    }
    /* All hellos together are bounded too: many ports at once must not add up to more than control
     * bears. Beyond that each transport still has a few of its own, so that a flood elsewhere
     * cannot lock a call out. */
    if (all->hellos >= DTLS_GATE_HELLOS)
        return take(&gate->used[DTLS_KIND_HELLO], DTLS_GATE_HELLOS_OWN);
    if (!take(&gate->used[DTLS_KIND_HELLO], DTLS_GATE_REMOTE))
        return false;
    all->hellos++;
    return true;
}

bool dtls_gate_admit(struct dtls_gate *gate, struct dtls_gate_all *all, uint64_t now_ms,
                     enum dtls_kind kind)
{
    uint32_t span = (uint32_t)(now_ms / DTLS_GATE_MS); /* compared for equality alone */

    /* Strangers are counted over longer spans: their budget is so small that a short span would let
     * none through in the end. */
    if (kind == DTLS_KIND_STRANGER) {
        if (gate->stranger_span != span / DTLS_GATE_SPANS) {
            gate->stranger_span = span / DTLS_GATE_SPANS;
            gate->used[DTLS_KIND_STRANGER] = 0;
        }
        return take(&gate->used[DTLS_KIND_STRANGER], DTLS_GATE_STRANGER);
    }
    if (gate->span != span) {
        gate->span = span;
        /* All kinds but the strangers', which is the last of the enum. */
        memset(gate->used, 0, DTLS_KIND_STRANGER * sizeof(gate->used[0]));
    }
    if (kind == DTLS_KIND_HELLO)
        return take_hello(gate, all, span);
    if (kind == DTLS_KIND_DATA)
        return take(&gate->used[kind], gate->data != 0 ? gate->data : DTLS_GATE_DATA);
    return take(&gate->used[kind], DTLS_GATE_REMOTE);
}
