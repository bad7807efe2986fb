/* The endpoint's DTLS (OpenSSL), SRTP (libsrtp) and RTP, two of them against each other. */
#include "tests/suite.h"

#include "base/err.h"
#include "bench/endpoint/endpoint_dtls.h"
#include "bench/endpoint/endpoint_rtp.h"
#include "bench/endpoint/endpoint_srtp.h"

#define QUEUE_MAX 64

struct side {
    struct dtls_peer *dtls;
    struct side *other;
    struct dtls_identity *identity;
    uint8_t queue[QUEUE_MAX][2048];
    size_t len[QUEUE_MAX];
    unsigned head, tail;
};

static void on_send(void *arg, const uint8_t *bytes, size_t len)
{
    struct side *s = arg, *to = s->other;
    if (to->tail == QUEUE_MAX || len > sizeof(to->queue[0]))
        return;
    memcpy(to->queue[to->tail], bytes, len);
    to->len[to->tail++] = len;
}

static void make_side(struct side *s, struct side *other, bool is_client, const char *profiles,
                      const char *fingerprint)
{
    struct dtls_peer_config cfg = {.identity = s->identity,
                                   .is_client = is_client,
                                   .profiles = profiles,
                                   .peer_hash = "sha-256",
                                   .on_send = on_send,
                                   .arg = s};
    s->other = other;
    snprintf(cfg.peer_fingerprint, sizeof(cfg.peer_fingerprint), "%s", fingerprint);
    CU_ASSERT_EQUAL_FATAL(dtls_peer_create(&cfg, &s->dtls), 0);
}

static struct side a, b; /* large: not on the stack */

static void connect_sides(const char *profiles, const char *wrong)
{
    char fa[DTLS_FINGERPRINT_TEXT], fb[DTLS_FINGERPRINT_TEXT];
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    CU_ASSERT_EQUAL_FATAL(dtls_identity_create(&a.identity), 0);
    CU_ASSERT_EQUAL_FATAL(dtls_identity_create(&b.identity), 0);
    CU_ASSERT_EQUAL(dtls_identity_fingerprint(a.identity, "SHA-256", fa), 0);
    CU_ASSERT_EQUAL(dtls_identity_fingerprint(b.identity, "sha-256", fb), 0);
    make_side(&a, &b, true, profiles, wrong ? wrong : fb);
    make_side(&b, &a, false, profiles, fa);
    dtls_peer_start(a.dtls);
    for (unsigned moved = 1; moved;) {
        struct side *both[] = {&a, &b};
        moved = 0;
        for (unsigned i = 0; i < 2; i++)
            for (; both[i]->head < both[i]->tail; both[i]->head++, moved++)
                dtls_peer_input(both[i]->dtls, both[i]->queue[both[i]->head],
                                both[i]->len[both[i]->head]);
    }
}

static void drop_sides(void)
{
    dtls_peer_destroy(a.dtls);
    dtls_peer_destroy(b.dtls);
    dtls_identity_destroy(a.identity);
    dtls_identity_destroy(b.identity);
}

static void exchange_media(struct srtp_pair *from, struct srtp_pair *to)
{
    uint8_t packet[RTP_HEADER + 160 + SRTP_PAIR_TRAILER] = {0}, again[sizeof(packet)];
    size_t len = RTP_HEADER + 160, again_len;
    struct rtp_packet p = {.pt = 8, .seq = 65535, .ts = 7, .ssrc = 0x11223344}, seen;
    rtp_write_header(packet, &p);
    CU_ASSERT_EQUAL(srtp_pair_protect_rtp(from, packet, &len), 0);
    memcpy(again, packet, sizeof(again));
    again_len = len;
    CU_ASSERT_EQUAL(srtp_pair_unprotect_rtp(to, packet, &len), 0);
    CU_ASSERT_EQUAL(rtp_parse(packet, len, &seen), 0);
    CU_ASSERT_EQUAL(seen.payload_len, 160);
    CU_ASSERT_EQUAL(seen.ssrc, 0x11223344);
    size_t replay_len = again_len;
    CU_ASSERT_EQUAL(srtp_pair_unprotect_rtp(to, again, &replay_len), ERR_REPLAY);
    again[20] ^= 1;
    again[3] ^= 1; /* another sequence number: past the replay check, to the tag */
    CU_ASSERT_EQUAL(srtp_pair_unprotect_rtp(to, again, &again_len), ERR_AUTH);
}

static void dtls_every_profile_keys_srtp_both_ways(void)
{
    static const char *const names[] = {"SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM",
                                        "SRTP_AES128_CM_SHA1_80", "SRTP_AES128_CM_SHA1_32"};
    CU_ASSERT_EQUAL_FATAL(srtp_pair_prepare(), 0);
    for (unsigned i = 0; i < 4; i++) {
        struct dtls_srtp_keys ka, kb;
        struct srtp_pair *pa, *pb;
        connect_sides(names[i], NULL);
        CU_ASSERT_EQUAL(dtls_peer_state(a.dtls), DTLS_ESTABLISHED);
        CU_ASSERT_EQUAL(dtls_peer_state(b.dtls), DTLS_ESTABLISHED);
        CU_ASSERT_TRUE(dtls_peer_is_verified(a.dtls));
        CU_ASSERT_TRUE(dtls_peer_is_verified(b.dtls));
        CU_ASSERT_STRING_EQUAL(dtls_peer_profile(a.dtls), names[i]);
        CU_ASSERT_EQUAL_FATAL(dtls_peer_keys(a.dtls, &ka), 0);
        CU_ASSERT_EQUAL_FATAL(dtls_peer_keys(b.dtls, &kb), 0);
        CU_ASSERT_EQUAL(memcmp(ka.local_key, kb.remote_key, ka.key_len), 0);
        CU_ASSERT_EQUAL(memcmp(ka.remote_salt, kb.local_salt, ka.salt_len), 0);
        CU_ASSERT_NOT_EQUAL(memcmp(ka.local_key, ka.remote_key, ka.key_len), 0);
        CU_ASSERT_EQUAL_FATAL(srtp_pair_create(&ka, &pa), 0);
        CU_ASSERT_EQUAL_FATAL(srtp_pair_create(&kb, &pb), 0);
        exchange_media(pa, pb);
        exchange_media(pb, pa);
        srtp_pair_destroy(pa);
        srtp_pair_destroy(pb);
        drop_sides();
    }
}

static void fingerprint_of_every_hash_fills_its_text(void)
{
    static const struct {
        const char *hash;
        size_t len;
    } rows[] = {{"sha-1", 20}, {"sha-256", 32}, {"SHA-384", 48}, {"sha-512", 64}};
    struct dtls_identity *id;
    char text[DTLS_FINGERPRINT_TEXT];
    CU_ASSERT_EQUAL_FATAL(dtls_identity_create(&id), 0);
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(dtls_identity_fingerprint(id, rows[i].hash, text), 0);
        CU_ASSERT_EQUAL(strlen(text), rows[i].len * 3 - 1);
    }
    CU_ASSERT_EQUAL(dtls_identity_fingerprint(id, "sha-3", text), ERR_NOTFOUND);
    dtls_identity_destroy(id);
}

static void dtls_wrong_fingerprint_fails_both_sides(void)
{
    connect_sides("SRTP_AEAD_AES_128_GCM", "AB:CD");
    CU_ASSERT_EQUAL(dtls_peer_state(a.dtls), DTLS_FAILED);
    CU_ASSERT_EQUAL(dtls_peer_state(b.dtls), DTLS_FAILED);
    CU_ASSERT_FALSE(dtls_peer_is_verified(a.dtls));
    CU_ASSERT_PTR_NOT_NULL(strstr(dtls_peer_reason(a.dtls), "fingerprint"));
    drop_sides();
}

static void dtls_close_is_seen_by_the_peer(void)
{
    connect_sides("SRTP_AES128_CM_SHA1_80", NULL);
    dtls_peer_close(a.dtls);
    CU_ASSERT_EQUAL(dtls_peer_state(a.dtls), DTLS_CLOSED);
    for (; b.head < b.tail; b.head++)
        dtls_peer_input(b.dtls, b.queue[b.head], b.len[b.head]);
    CU_ASSERT_EQUAL(dtls_peer_state(b.dtls), DTLS_CLOSED);
    drop_sides();
}

static void receive(struct rtp_reception *r, unsigned seq, uint32_t ssrc)
{
    struct rtp_packet p = {.seq = (uint16_t)seq, .ssrc = ssrc, .ts = seq * 160};
    rtp_received(r, &p, seq * 20000ull);
}

static void reception_loss_and_order_are_counted_over_the_wrap(void)
{
    struct rtp_reception r = {0};
    for (unsigned i = 0; i < 20; i++)
        if (i != 7 && i != 12) /* 12 comes late, 7 never */
            receive(&r, 65530 + i, 1);
    CU_ASSERT_EQUAL(rtp_lost(&r), 2);
    receive(&r, 65530 + 12, 1);
    CU_ASSERT_EQUAL(rtp_lost(&r), 1);
    CU_ASSERT_EQUAL(r.reordered, 1);
    receive(&r, 40000, 2);
    CU_ASSERT_EQUAL(r.restarts, 1);
    CU_ASSERT_EQUAL(rtp_lost(&r), 1);
}

static void rtcp_report_is_read_as_it_was_written(void)
{
    uint8_t out[RTCP_MAX];
    struct rtp_sender s = {.ssrc = 5, .packets = 3, .octets = 480};
    struct rtp_reception r = {0};
    struct rtcp_seen seen = {0};
    receive(&r, 1, 9);
    receive(&r, 4, 9);
    size_t len = rtcp_write_report(out, &s, &r, &seen, "me@here", 1000000, true);
    CU_ASSERT_TRUE(rtp_is_rtcp(out, len));
    rtcp_parse(&seen, out, len, 9, 1);
    CU_ASSERT_EQUAL(seen.sr, 1);
    CU_ASSERT_EQUAL(seen.sdes, 1);
    CU_ASSERT_EQUAL(seen.bye, 1);
    CU_ASSERT_EQUAL(seen.malformed, 0);
    CU_ASSERT_EQUAL(seen.reported_lost, 2);
    for (size_t cut = 0; cut < len; cut++)
        rtcp_parse(&seen, out, cut, 9, 1); /* sanitizers watch */
    CU_ASSERT(seen.malformed > 0);
}

static void rtp_truncated_packets_are_refused(void)
{
    /* One CSRC, an extension of one word, padding of four. */
    uint8_t p[] = {0xb1, 8,    0,    1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0,
                   3,    0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9, 9, 0, 0, 0, 4};
    struct rtp_packet out;
    CU_ASSERT_EQUAL(rtp_parse(p, sizeof(p), &out), 0);
    CU_ASSERT_EQUAL(out.payload_len, 2);
    for (size_t n = 0; n < 24; n++)
        CU_ASSERT_NOT_EQUAL(rtp_parse(p, n, &out), 0);
    p[0] = 0x31;
    CU_ASSERT_EQUAL(rtp_parse(p, sizeof(p), &out), ERR_MALFORMED);
}

SUITE("bench/endpoint_media", TEST(dtls_every_profile_keys_srtp_both_ways),
      TEST(fingerprint_of_every_hash_fills_its_text), TEST(dtls_wrong_fingerprint_fails_both_sides),
      TEST(dtls_close_is_seen_by_the_peer),
      TEST(reception_loss_and_order_are_counted_over_the_wrap),
      TEST(rtcp_report_is_read_as_it_was_written), TEST(rtp_truncated_packets_are_refused))
