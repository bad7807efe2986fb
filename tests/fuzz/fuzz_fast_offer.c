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
    struct h245_channel back = {0};
    const uint8_t *octets = NULL;
    bool is_reverse_back = !is_reverse;
    size_t len = 0;

    if (h245_build_fast_answer(a, offered, is_reverse, &octets, &len) != 0)
        return; /* a codec that is not built, numbers that are not for the wire */
    if (h245_read_fast_offer(a, octets, len, &back, &is_reverse_back) != 0)
        abort();
    check_channel(&back);
    if (is_reverse_back != is_reverse || back.lcn != offered->lcn ||
        back.session_id != offered->session_id || back.audio.codec != offered->audio.codec ||
        !addr_is_equal(&back.media, &offered->media))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct h245_channel channel = {0};
    struct arena a;
    bool is_reverse = false;
    int err;

    arena_init(&a, 4096, 262144);
    err = h245_read_fast_offer(&a, data, size, &channel, &is_reverse);
    if (err > 0)
        abort();
    if (err == 0) {
        check_channel(&channel);
        answer(&a, &channel, is_reverse);
    }
    arena_fini(&a);
    return 0;
}
