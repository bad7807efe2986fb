/* Shared by the parser's files. */
#ifndef SIGNALLING_SDP_INTERNAL_H
#define SIGNALLING_SDP_INTERNAL_H

#include "signalling/sdp/sdp.h"

/* A piece of the text; never zero-terminated. */
struct sdp_span {
    const char *p;
    size_t len;
};

struct sdp_parser {
    struct sdp *sdp;
    struct sdp_error *error;
    unsigned line;
    struct sdp_media *media; /* the one that lines belong to; NULL: the session's part */
    bool is_beyond;          /* behind the last medium that we keep */
    /* Session-level values, for the media that have none of their own. */
    struct addr address;
    struct sdp_dtls dtls;
    enum sdp_direction direction;
    bool rtcp_mux;
    struct sdp_ice ice;
    struct sdp_span bundle; /* mids of the first group */
    bool media_has_direction;
    bool media_has_rtcp;
    bool media_has_address;
};

/* Refuses with what was wanted on the present line. */
int sdp_refuse(struct sdp_parser *parser, const char *wanted);

/* Cuts the next word (up to a space, spaces skipped) or everything up to `end` off the front. */
struct sdp_span sdp_word(struct sdp_span *rest);
struct sdp_span sdp_until(struct sdp_span *rest, char end);

bool sdp_is(struct sdp_span span, const char *text); /* any case */
bool sdp_is_exactly(struct sdp_span span, const char *text);
bool sdp_number(struct sdp_span span, uint64_t max, uint64_t *out); /* digits alone */
/* Copies what fits; false: it did not. */
bool sdp_copy(struct sdp_span span, char *out, size_t room);

/* "IN IP4 192.0.2.1[/ttl]": ADDR_NONE with a name. ERR_MALFORMED. */
int sdp_connection(struct sdp_parser *parser, struct sdp_span value, struct addr *out);

/* One a= line behind its "a=". */
int sdp_attribute(struct sdp_parser *parser, struct sdp_span value);

#endif
