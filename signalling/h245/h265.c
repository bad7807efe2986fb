/* H.265 as a generic video capability: by which identifier it is known. */
#include "signalling/h245/relayed.h"

#include <string.h>

#include "base/err.h"
#include "signalling/h245/identifier.h"
#include "signalling/schema/h245.h"

/* One for the process, as Opus has it (codec.c). */
static char h265_identifier[H245_IDENTIFIER_MAX] = H245_H265_IDENTIFIER;

int h245_set_h265_identifier(const char *identifier)
{
    return h245_identifier_set(h265_identifier, identifier);
}

bool h245_is_h265(const struct h245_CapabilityIdentifier *id)
{
    char text[H245_IDENTIFIER_MAX];

    return h245_identifier_read(id, text, sizeof(text)) == 0 && strcmp(text, h265_identifier) == 0;
}

int h245_relayed_h265_of(struct arena *a, struct h245_GenericParameter *parameters, uint32_t count,
                         uint32_t rate, struct h245_relayed *out)
{
    struct h245_GenericCapability h265 = {.has_maxBitRate = rate != 0, .maxBitRate = rate};
    const struct h245_VideoCapability video = {.kind = h245_VideoCapability_genericVideoCapability,
                                               .u.genericVideoCapability = &h265};
    int err = h245_identifier_build(a, h265_identifier, &h265.capabilityIdentifier);

    if (err != 0)
        return err;
    h265.has_collapsing = true;
    h265.collapsing.n = count;
    h265.collapsing.v = parameters;
    return h245_relayed_of_video(&video, out);
}
