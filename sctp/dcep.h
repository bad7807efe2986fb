/* Data Channel Establishment Protocol (RFC 8832): the two messages that open a channel on a stream
 * of an SCTP association, and the payload protocol identifiers of RFC 8831. Pure functions. */
#ifndef SCTP_DCEP_H
#define SCTP_DCEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 8831 section 8. Empty messages have identifiers of their own and one octet of anything. */
#define DCEP_PPID              50u
#define DCEP_PPID_STRING       51u
#define DCEP_PPID_BINARY       53u
#define DCEP_PPID_STRING_EMPTY 56u
#define DCEP_PPID_BINARY_EMPTY 57u

#define DCEP_LABEL_MAX    255 /* octets that we take; the field could have 65,535 */
#define DCEP_PROTOCOL_MAX 255
#define DCEP_OPEN_MAX     (12 + DCEP_LABEL_MAX + DCEP_PROTOCOL_MAX)

enum dcep_kind { DCEP_OPEN, DCEP_ACK };

/* DATA_CHANNEL_OPEN: what every message of the channel is sent with. */
struct dcep_open {
    bool is_unordered;
    bool has_retransmits; /* at most so many: */
    uint32_t retransmits;
    bool has_lifetime; /* given up after so long: */
    uint32_t lifetime_ms;
    uint16_t priority;
    char label[DCEP_LABEL_MAX + 1];
    char protocol[DCEP_PROTOCOL_MAX + 1];
};

/* ERR_MALFORMED: lengths that do not fit, a text with a zero in it; ERR_UNSUPPORTED: a message or a
 * channel type of a later version; ERR_LIMIT: a text longer than we take. `open` is set for
 * DCEP_OPEN alone. */
int dcep_parse(const uint8_t *data, size_t len, enum dcep_kind *kind, struct dcep_open *open);

/* The length; 0: does not fit into `cap`. */
size_t dcep_build_open(const struct dcep_open *open, uint8_t *out, size_t cap);
size_t dcep_build_ack(uint8_t *out, size_t cap);

/* RFC 8832 section 6: a DTLS client opens even streams, a server odd ones. */
static inline bool dcep_is_own_stream(uint16_t stream, bool is_client)
{
    return (stream % 2 == 0) == is_client;
}

#endif
