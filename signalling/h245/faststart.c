/* Fast connect (H.323 8.1.7): the OLCs of a fastStart, read and written. The channel towards the
 * caller stands in the reverse parameters of an OLC whose forward part is nullData; everybody else
 * sees it turned round, as an OLC of the callee, so that one reader and one judge do for both. */
#include "base/arena.h"
#include "base/err.h"
#include "signalling/h245/media.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"

#include <string.h>

/* A reverse offer has no forward half. */
#define FORWARD_NONE \
    h245_OpenLogicalChannel_forwardLogicalChannelParameters_multiplexParameters_none
#define REVERSE_H2250 \
    h245_OpenLogicalChannel_reverseLogicalChannelParameters_multiplexParameters_h2250LogicalChannelParameters

/* An OLC is small; one that needs more than this is no media channel. The longest of ours has a
 * sha-512 fingerprint of 191 characters in it. */
#define OLC_MEMORY 32768
#define OLC_OCTETS 1024

/* The parameters of a reverse offer as those of a plain OLC, which the reader knows. */
static int turn(const struct h245_OpenLogicalChannel *olc, struct h245_OpenLogicalChannel *turned)
{
    const struct h245_OpenLogicalChannel_reverseLogicalChannelParameters *reverse =
        olc->reverseLogicalChannelParameters;

    /* A multiplex of another network. */
    if (reverse->multiplexParameters == NULL || reverse->multiplexParameters->kind != REVERSE_H2250)
        return ERR_UNSUPPORTED;
    /* Number and kind of the callee's own OLC, as it will see the channel. */
    memset(turned, 0, sizeof(*turned));
    turned->forwardLogicalChannelNumber = olc->forwardLogicalChannelNumber;
    turned->forwardLogicalChannelParameters.dataType = reverse->dataType;
    turned->forwardLogicalChannelParameters.multiplexParameters.kind =
        h245_OpenLogicalChannel_forwardLogicalChannelParameters_multiplexParameters_h2250LogicalChannelParameters;
    turned->forwardLogicalChannelParameters.multiplexParameters.u.h2250LogicalChannelParameters =
        reverse->multiplexParameters->u.h2250LogicalChannelParameters;
    return 0;
}

int h245_read_fast_olc(struct arena *a, const uint8_t *data, size_t len, struct h245_fast_olc *out)
{
    /* Depth and elements by default: an OLC is flat. */
    const struct per_limits limits = {.max_memory = OLC_MEMORY};
    struct h245_OpenLogicalChannel *turned;
    struct h245_fast_olc found = {0};
    void *value = NULL;
    /* By itself: each element of fastStart is an OLC in octets of its own. */
    int err = per_decode(&h245_OpenLogicalChannel_type, data, len, &limits, a, &value, NULL);

    if (err != 0)
        return err;
    found.olc = value;
    /* A channel towards the caller is one whose forward part carries nothing; a forward part with
     * media beside the reverse one is bidirectional, which the reader tells. */
    found.is_reverse =
        found.olc->reverseLogicalChannelParameters != NULL &&
        found.olc->forwardLogicalChannelParameters.dataType.kind == h245_DataType_nullData;
    if (found.is_reverse) {
        turned = arena_alloc(a, sizeof(*turned));
        err = turned != NULL ? turn(found.olc, turned) : ERR_NOMEM;
        found.olc = turned;
    }
    /* After turning it is read like any other. */
    if (err == 0)
        err = h245_read_olc(found.olc, &found.channel);
    if (err == 0)
        *out = found;
    return err;
}

/* The caller's own channel turned into an offer of the callee's. */
static int reverse_of(struct arena *a, struct h245_OpenLogicalChannel *olc)
{
    struct h245_OpenLogicalChannel_reverseLogicalChannelParameters *reverse =
        arena_zalloc(a, sizeof(*reverse));

    if (reverse == NULL)
        return ERR_NOMEM;
    reverse->multiplexParameters = arena_zalloc(a, sizeof(*reverse->multiplexParameters));
    if (reverse->multiplexParameters == NULL)
        return ERR_NOMEM;
    /* Moved, not copied: the forward part is made empty below. */
    reverse->dataType = olc->forwardLogicalChannelParameters.dataType;
    reverse->multiplexParameters->kind = REVERSE_H2250;
    reverse->multiplexParameters->u.h2250LogicalChannelParameters =
        olc->forwardLogicalChannelParameters.multiplexParameters.u.h2250LogicalChannelParameters;
    olc->reverseLogicalChannelParameters = reverse;
    memset(&olc->forwardLogicalChannelParameters, 0, sizeof(olc->forwardLogicalChannelParameters));
    olc->forwardLogicalChannelParameters.dataType.kind = h245_DataType_nullData;
    olc->forwardLogicalChannelParameters.multiplexParameters.kind = FORWARD_NONE;
    return 0;
}

int h245_encode_fast_olc(struct arena *a, struct h245_OpenLogicalChannel *olc, bool is_reverse,
                         const uint8_t **data, size_t *len)
{
    uint8_t *octets = arena_alloc(a, OLC_OCTETS);
    int err = octets != NULL ? 0 : ERR_NOMEM;

    if (err == 0 && is_reverse)
        err = reverse_of(a, olc);
    if (err == 0)
        err = per_encode(&h245_OpenLogicalChannel_type, olc, octets, OLC_OCTETS, len, NULL);
    if (err == 0)
        *data = octets;
    return err;
}
