/* One element of a fastStart, as it stands in a Setup before anything is agreed on: read, and where
 * it can be accepted, answered. The answer must be readable and mean the same channel. */
#include "base/arena.h"
#include "base/err.h"
#include "signalling/h245/media.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_channel(const struct h245_channel *c)
{
    if (c->audio.codec > H245_CODEC_UNKNOWN || (c->is_null && c->is_other_media))
        abort();
    if (memchr(c->audio.generic_oid, '\0', sizeof(c->audio.generic_oid)) == NULL)
        abort();
}

static void answer(struct arena *a, const struct h245_channel *offered, bool is_reverse)
{
    struct h245_OpenLogicalChannel *olc = NULL;
    struct h245_fast_olc back = {.is_reverse = !is_reverse};
    const uint8_t *octets = NULL;
    size_t len = 0;

    if (h245_build_olc(a, offered, &olc) != 0 ||
        h245_encode_fast_olc(a, olc, is_reverse, &octets, &len) != 0)
        return; /* a codec that is not built, numbers that are not for the wire */
    if (h245_read_fast_olc(a, octets, len, &back) != 0)
        abort();
    check_channel(&back.channel);
    if (back.is_reverse != is_reverse || back.channel.lcn != offered->lcn ||
        back.channel.session_id != offered->session_id ||
        back.channel.audio.codec != offered->audio.codec ||
        !addr_is_equal(&back.channel.media, &offered->media))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct h245_fast_olc offer;
    struct arena a;
    int err;

    arena_init(&a, 4096, 262144);
    memset(&offer, 0, sizeof(offer));
    err = h245_read_fast_olc(&a, data, size, &offer);
    if (err > 0)
        abort();
    if (err == 0) {
        check_channel(&offer.channel);
        answer(&a, &offer.channel, offer.is_reverse);
    }
    arena_fini(&a);
    return 0;
}
