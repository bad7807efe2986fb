/* Answers that are late, twice, wrong, forged or senseless; and the reasons that H.235.1 refuses
 * for, each with its counter. */
#include "base/err.h"
#include "crypto/sha1.h"
#include "signalling/h225/ras_internal.h"
#include "tests/h225/gatekeeper.h"
#include "tests/suite.h"

static const uint32_t arcs[] = {0, 0, 8, 2250, 0, 7};
static const struct per_oid protocol = {6, arcs};
static const struct ras_crypto crypto = {sha1_digest, sha1_hmac};

static struct h225_AdmissionConfirm confirm_for(struct gk *g, uint64_t key)
{
    struct ras_admission call = gk_call(key);
    struct h225_AdmissionConfirm acf = {.bandWidth = 640};

    CU_ASSERT_EQUAL(ras_admit(g->ras, &call, g->now), 0);
    acf.requestSeqNum =
        ((struct h225_AdmissionRequest *)gk_expect(g, h225_RasMessage_admissionRequest))
            ->requestSeqNum;
    acf.callModel.kind = h225_CallModel_direct;
    acf.destCallSignalAddress = gk_transport(g, "198.18.0.1:1720");
    return acf;
}

static void answers_count_once_and_only_with_their_number(void)
{
    struct h225_AdmissionConfirm acf;
    struct h225_BandwidthConfirm bcf = {.bandWidth = 1};
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    acf = confirm_for(&g, 3);
    acf.requestSeqNum++;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_admissionConfirm, &acf), ERR_NOTFOUND);
    acf.requestSeqNum--;
    bcf.requestSeqNum = acf.requestSeqNum; /* the right number, another request's answer */
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_bandwidthConfirm, &bcf), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(g.seen.admissions, 0);
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_admissionConfirm, &acf), 0);
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_admissionConfirm, &acf), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(g.seen.admissions, 1);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->unmatched, 3);
    gk_fini(&g);
}

static void late_confirmation_of_a_given_up_call_is_nothing(void)
{
    struct h225_AdmissionConfirm acf;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    acf = confirm_for(&g, 3);
    gk_wait(&g, 9000);
    CU_ASSERT_EQUAL(g.seen.admitted.err, ERR_TIMEOUT);
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_admissionConfirm, &acf), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(g.seen.admissions, 1);
    CU_ASSERT_EQUAL(ras_call_count(g.ras), 0);
    gk_fini(&g);
}

/* From another host; the port may be another, as behind a translator. */
static void forged_sources_are_refused(void)
{
    struct h225_AdmissionConfirm acf;
    struct addr other_port, stranger;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    CU_ASSERT_EQUAL(addr_parse("198.18.0.66:1719", &stranger), 0);
    other_port = addr_with_port(g.address, 2000);
    acf = confirm_for(&g, 3);
    CU_ASSERT_EQUAL(gk_say_from(&g, stranger, h225_RasMessage_admissionConfirm, &acf), ERR_REFUSED);
    CU_ASSERT_EQUAL(g.seen.admissions, 0);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->strangers, 1);
    CU_ASSERT_EQUAL(gk_say_from(&g, other_port, h225_RasMessage_admissionConfirm, &acf), 0);
    CU_ASSERT_EQUAL(g.seen.admissions, 1);
    gk_fini(&g);
}

static void progress_has_an_end(void)
{
    struct h225_RequestInProgress rip = {.delay = 65535};
    struct h225_AdmissionConfirm acf;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    acf = confirm_for(&g, 3);
    rip.requestSeqNum = acf.requestSeqNum;
    for (int i = 0; i < 30 && g.seen.admissions == 0; i++) {
        (void)gk_say(&g, h225_RasMessage_requestInProgress, &rip);
        gk_wait(&g, 40000);
        g.head = g.tail; /* its keep-alives are not answered, either */
    }
    CU_ASSERT_EQUAL(g.seen.admissions, 1);
    CU_ASSERT_NOT_EQUAL(g.seen.admitted.err, 0);
    CU_ASSERT_TRUE(ras_stats(g.ras)->progress <= RAS_PROLONGED_MAX);
    gk_fini(&g);
}

/* Every prefix of every kind of answer, and every octet of it turned over. */
static void mutilate(struct gk *g, const uint8_t *data, size_t len)
{
    uint8_t copy[RAS_DATAGRAM_MAX];

    for (size_t cut = 0; cut < len; cut++)
        (void)ras_input(g->ras, &g->address, data, cut, g->now);
    for (size_t i = 0; i < len * 8; i++) {
        memcpy(copy, data, len);
        copy[i / 8] ^= (uint8_t)(1u << i % 8);
        (void)ras_input(g->ras, &g->address, copy, len, g->now);
        g->head = g->tail;
    }
}

static void mutilated_messages_do_no_harm(void)
{
    struct h225_AdmissionConfirm acf;
    struct h225_RasMessage m = {.kind = h225_RasMessage_admissionConfirm};
    struct h225_InfoRequest irq = {.requestSeqNum = 6};
    uint8_t data[RAS_DATAGRAM_MAX];
    size_t len = 0;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    acf = confirm_for(&g, 3);
    m.u.admissionConfirm = &acf;
    CU_ASSERT_EQUAL_FATAL(per_encode(&h225_RasMessage_type, &m, data, sizeof(data), &len, NULL), 0);
    mutilate(&g, data, len);
    m.kind = h225_RasMessage_infoRequest;
    m.u.infoRequest = &irq;
    CU_ASSERT_EQUAL_FATAL(per_encode(&h225_RasMessage_type, &m, data, sizeof(data), &len, NULL), 0);
    mutilate(&g, data, len);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_REGISTERED);
    CU_ASSERT_TRUE(ras_stats(g.ras)->undecodable > 0);
    gk_fini(&g);
}

/* ---- H.235.1 ---- */

static void other_authentication_is_refused_in_words(void)
{
    struct h235_AuthenticationMechanism mode = {.kind = h235_AuthenticationMechanism_certSign};
    struct h225_GatekeeperConfirm gcf = {.protocolIdentifier = protocol,
                                         .authenticationMode = &mode};
    struct gk g;

    gk_init(&g, 1, "alicepw");
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    gcf.requestSeqNum =
        ((struct h225_GatekeeperRequest *)gk_expect(&g, h225_RasMessage_gatekeeperRequest))
            ->requestSeqNum;
    gcf.rasAddress = gk_transport(&g, "198.18.0.3:1719");
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_gatekeeperConfirm, &gcf), 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_STRING_EQUAL(g.seen.why, "authentication is not by HMAC-SHA1-96");
    CU_ASSERT_EQUAL(ras_stats(g.ras)->other_authentication, 1);
    gk_fini(&g);
}

static void other_algorithm_is_refused_in_words(void)
{
    static const uint32_t md5[] = {1, 2, 840, 113549, 2, 5};
    struct h225_GatekeeperConfirm gcf = {
        .protocolIdentifier = protocol, .has_algorithmOID = true, .algorithmOID = {6, md5}};
    struct gk g;

    gk_init(&g, 1, "alicepw");
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    gcf.requestSeqNum =
        ((struct h225_GatekeeperRequest *)gk_expect(&g, h225_RasMessage_gatekeeperRequest))
            ->requestSeqNum;
    gcf.rasAddress = gk_transport(&g, "198.18.0.3:1719");
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_gatekeeperConfirm, &gcf), 0);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->other_authentication, 1);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_WAITING);
    gk_fini(&g);
}

/* A DisengageRequest of the gatekeeper, signed as it is told to. */
struct seal {
    const char *password;
    const char *sender, *general;
    uint32_t time;
    int64_t random;
    const uint32_t *procedure;
};

static int say_sealed(struct gk *g, const struct seal *how)
{
    static const uint8_t mark[RAS_HASH_LEN] = "tokenhashmrk";
    static const uint32_t hmac[] = {0, 0, 8, 235, 0, 2, 6}, clear[] = {0, 0, 8, 235, 0, 2, 5};
    struct h235_CryptoToken_cryptoHashedToken hashed = {.tokenOID = {7, how->procedure}};
    struct h235_CryptoToken nested = {.kind = h235_CryptoToken_cryptoHashedToken};
    struct h225_CryptoH323Token outer = {.kind = h225_CryptoH323Token_nestedcryptoToken};
    struct h225_DisengageRequest drq = {.requestSeqNum = (uint16_t)how->random,
                                        .has_cryptoTokens = true,
                                        .cryptoTokens = {1, &outer}};
    struct h225_RasMessage m = {.kind = h225_RasMessage_disengageRequest};
    uint8_t data[RAS_DATAGRAM_MAX], key[RAS_SHA1_LEN];
    size_t len = 0;

    outer.u.nestedcryptoToken = &nested;
    nested.u.cryptoHashedToken = &hashed;
    hashed.token.algorithmOID = (struct per_oid){7, hmac};
    hashed.token.hash = (struct per_bits){RAS_HASH_LEN * 8, (uint8_t *)mark};
    hashed.hashedVals.tokenOID = (struct per_oid){7, clear};
    hashed.hashedVals.has_timeStamp = hashed.hashedVals.has_random = true;
    hashed.hashedVals.timeStamp = how->time;
    hashed.hashedVals.random = how->random;
    hashed.hashedVals.has_sendersID = hashed.hashedVals.has_generalID = true;
    hashed.hashedVals.sendersID = gk_text(g, how->sender);
    hashed.hashedVals.generalID = gk_text(g, how->general);
    drq.endpointIdentifier = gk_text(g, "ep1");
    drq.disengageReason.kind = h225_DisengageReason_forcedDrop;
    m.u.disengageRequest = &drq;
    CU_ASSERT_EQUAL_FATAL(per_encode(&h225_RasMessage_type, &m, data, sizeof(data), &len, NULL), 0);
    CU_ASSERT_EQUAL(sha1_digest(how->password, strlen(how->password), key), 0);
    CU_ASSERT_EQUAL_FATAL(ras_auth_seal(&crypto, key, data, len, mark), 0);
    return ras_input(g->ras, &g->address, data, len, g->now);
}

/* Registers behind the protocol's back: an RCF would have to be signed, too. */
static void register_sealed(struct gk *g)
{
    const struct h225_RegistrationRequest *rrq;

    gk_init(g, 1, "alicepw");
    CU_ASSERT_EQUAL(ras_start(g->ras, g->now), 0);
    gk_confirm_discovery(g);
    rrq = gk_expect(g, h225_RasMessage_registrationRequest);
    CU_ASSERT_TRUE(rrq->has_cryptoTokens);
    /* the engine's own state, as RCF would leave it */
    ras_pending_abort(g->ras);
    ras_run(g->ras, RAS_ON_REGISTERED,
            &(struct ras_confirmed){
                &(struct h225_RegistrationConfirm){.endpointIdentifier = gk_text(g, "ep1")},
                RAS_FULL, 2});
    CU_ASSERT_EQUAL_FATAL(ras_state(g->ras), RAS_STATE_REGISTERED);
    g->head = g->tail;
}

static void refusals_of_tokens_are_told_apart(void)
{
    static const uint32_t whole[] = {0, 0, 8, 235, 0, 2, 1}, other[] = {0, 0, 8, 235, 0, 2, 2};
    const struct ras_stats *stats;
    struct seal how = {"alicepw", "labgk", "ep1", 0, 10, whole};
    struct h225_DisengageRequest bare = {.requestSeqNum = 1};
    struct gk g;

    register_sealed(&g);
    stats = ras_stats(g.ras);
    how.time = g.unix_time;
    CU_ASSERT_EQUAL(say_sealed(&g, &how), 0);
    gk_expect(&g, h225_RasMessage_disengageReject); /* no such call: but it was listened to */

    how.random++;
    how.password = "bobpw";
    CU_ASSERT_EQUAL(say_sealed(&g, &how), ERR_AUTH);
    CU_ASSERT_EQUAL(stats->token_hash, 1);
    how.password = "alicepw";

    how.random++;
    how.sender = "evilgk";
    CU_ASSERT_EQUAL(say_sealed(&g, &how), ERR_AUTH);
    how.random++;
    how.sender = "labgk";
    how.general = "ep2";
    CU_ASSERT_EQUAL(say_sealed(&g, &how), ERR_AUTH);
    CU_ASSERT_EQUAL(stats->token_party, 2);
    how.general = "ep1";

    how.random++;
    how.time = g.unix_time + 7201;
    CU_ASSERT_EQUAL(say_sealed(&g, &how), ERR_REPLAY);
    how.random++;
    how.time = g.unix_time - 7201;
    CU_ASSERT_EQUAL(say_sealed(&g, &how), ERR_REPLAY);
    CU_ASSERT_EQUAL(stats->token_time, 2);

    how.random++;
    how.time = g.unix_time - 61; /* older than a datagram can be late */
    CU_ASSERT_EQUAL(say_sealed(&g, &how), ERR_REPLAY);
    CU_ASSERT_EQUAL(stats->token_replayed, 1);
    how.time = g.unix_time;

    how.random++;
    how.procedure = other;
    CU_ASSERT_EQUAL(say_sealed(&g, &how), ERR_UNSUPPORTED);
    CU_ASSERT_EQUAL(stats->token_other, 1);

    bare.endpointIdentifier = gk_text(&g, "ep1");
    bare.disengageReason.kind = h225_DisengageReason_forcedDrop;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_disengageRequest, &bare), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(stats->token_none, 1);

    CU_ASSERT_EQUAL(stats->unauthentic, 8);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    gk_fini(&g);
}

static void same_token_in_another_request_is_a_replay(void)
{
    static const uint32_t whole[] = {0, 0, 8, 235, 0, 2, 1};
    struct seal how = {"alicepw", "labgk", "ep1", 0, 10, whole};
    struct gk g;

    register_sealed(&g);
    how.time = g.unix_time;
    CU_ASSERT_EQUAL(say_sealed(&g, &how), 0);
    CU_ASSERT_EQUAL(say_sealed(&g, &how), 0); /* the same datagram: answered as before */
    CU_ASSERT_EQUAL(ras_stats(g.ras)->duplicates, 1);
    gk_wait(&g, 30001); /* nobody repeats a request for so long */
    CU_ASSERT_EQUAL(say_sealed(&g, &how), ERR_REPLAY);
    gk_fini(&g);
}

SUITE("h225/ras_hostile", TEST(answers_count_once_and_only_with_their_number),
      TEST(late_confirmation_of_a_given_up_call_is_nothing), TEST(forged_sources_are_refused),
      TEST(progress_has_an_end), TEST(mutilated_messages_do_no_harm),
      TEST(other_authentication_is_refused_in_words), TEST(other_algorithm_is_refused_in_words),
      TEST(refusals_of_tokens_are_told_apart), TEST(same_token_in_another_request_is_a_replay))
