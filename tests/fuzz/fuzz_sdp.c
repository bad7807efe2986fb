/* Session descriptions: what was read can be written, and reads as the same again. */
#include "signalling/sdp/sdp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sdp sdp, back;
    static char text[4 * SDP_TEXT_MAX], again[4 * SDP_TEXT_MAX];
    struct sdp_error error;
    size_t len = 0, len_again = 0;

    if (sdp_parse((const char *)data, size, &sdp, &error) != 0)
        return 0;
    if (sdp_write(&sdp, text, sizeof(text), &len) != 0)
        return 0;
    /* A name for an address is written as an address of zeros: text is the same from then on. */
    if (sdp_parse(text, len, &back, &error) != 0 ||
        sdp_write(&back, again, sizeof(again), &len_again) != 0 ||
        back.media_count != sdp.media_count)
        abort();
    if (sdp_parse(again, len_again, &sdp, &error) != 0 ||
        sdp_write(&sdp, text, sizeof(text), &len) != 0 || len != len_again ||
        memcmp(text, again, len) != 0)
        abort();
    return 0;
}
