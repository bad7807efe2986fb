/* Deliberate faults of the endpoint: what a broken or hostile peer would do. Each is one name on
 * the command line, so that a test reads like what it proves. */
#ifndef BENCH_ENDPOINT_FAULTS_H
#define BENCH_ENDPOINT_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct dtls_identity;
struct h245_OpenLogicalChannel;
struct h245_OpenLogicalChannelAck;

#define ENDPOINT_FAULT_LIST(X)                                                                    \
    X(FAULT_WRONG_FINGERPRINT, "wrong-fingerprint", "signal another certificate's fingerprint")   \
    X(FAULT_NO_FINGERPRINT, "no-fingerprint", "OLC and Ack without a fingerprint")                \
    X(FAULT_BAD_FINGERPRINT, "bad-fingerprint", "OLC and Ack with a fingerprint that is not hex") \
    X(FAULT_TWO_HASHES, "two-hashes", "OLC and Ack name two hash functions")                      \
    X(FAULT_FOREIGN_HASH, "foreign-hash", "use sha-512 though only sha-256 was offered")          \
    X(FAULT_BAD_ROLE, "bad-role", "setupInformation that RFC 4145 does not know")                 \
    X(FAULT_OPEN_ROLE, "undecided-role", "OLC and Ack leave the role at actpass")                 \
    X(FAULT_NO_CERTIFICATE, "no-certificate", "DTLS without a certificate")                       \
    X(FAULT_MUTE_DTLS, "mute-dtls", "agree on DTLS, then never send a record")                    \
    X(FAULT_GARBAGE_MEDIA, "garbage-media", "random bytes of every kind to the media port")       \
    X(FAULT_EARLY_MEDIA, "early-media", "RTP in the clear before the keys are there")             \
    X(FAULT_THIRD_ADDRESS, "third-address", "a handshake from an address that was not signalled") \
    X(FAULT_SILENT, "silent", "never answer anything in H.245")                                   \
    X(FAULT_DROP_H245, "drop-h245", "close the H.245 connection at the first packet")             \
    X(FAULT_BROKEN_FAST_START, "broken-fast-start", "fastStart whose OLCs are cut in the middle") \
    X(FAULT_NO_H245_TLS, "no-h245-tls", "with --tls: offer no TLS for H.245")                     \
    X(FAULT_PLAIN_H245, "plain-h245", "with --tls: connect for H.245 in the clear")               \
    X(FAULT_STUBBORN, "stubborn", "--h245 cross: use the connection that the rule gives up")      \
    X(FAULT_ONE_CHANNEL, "one-channel", "refuse what shall replace the audio that it receives")   \
    X(FAULT_BUSY_DECODER, "busy-decoder", "the same, but the second try is taken")                \
    X(FAULT_DROP_H225, "drop-h225", "close the call signalling connection at the first packet")

enum endpoint_fault {
#define ENDPOINT_FAULT_ENUM(name, text, help) name,
    ENDPOINT_FAULT_LIST(ENDPOINT_FAULT_ENUM)
#undef ENDPOINT_FAULT_ENUM
        ENDPOINT_FAULT_COUNT
};

#define FAULT_IS_SET(faults, fault) (((faults) >> (fault)) & 1u)

int endpoint_fault_parse(const char *name, enum endpoint_fault *out); /* ERR_NOTFOUND */
const char *endpoint_fault_to_str(enum endpoint_fault fault);
const char *endpoint_fault_help(enum endpoint_fault fault);

/* Spoils what H.235.10 wrote into a message. `id` is for foreign-hash. ERR_NOMEM. */
int endpoint_fault_spoil_olc(unsigned faults, struct arena *a, const struct dtls_identity *id,
                             struct h245_OpenLogicalChannel *olc);
int endpoint_fault_spoil_ack(unsigned faults, struct arena *a, const struct dtls_identity *id,
                             struct h245_OpenLogicalChannelAck *ack);

/* The next garbage packet: every class of first byte in turn, lengths from 0 to 1,400. */
struct garbage {
    uint32_t state;
    unsigned round;
};
size_t garbage_next(struct garbage *g, uint8_t *out, size_t cap);

#endif
