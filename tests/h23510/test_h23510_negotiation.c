/* H.235.10 §7.2, §7.3, §8.1, §8.2: capabilities, roles, OLC and Ack. Each test prints the ids of
 * the requirements that it proves. */
#include "base/err.h"
#include "signalling/per/per.h"
#include "tests/h23510/side.h"
#include "tests/suite.h"

static struct side a, b;

static void start(const struct h23510_policy *pa, const struct h23510_policy *pb)
{
    side_init(&a, pa, 0x10);
    side_init(&b, pb, 0x20);
}

static void stop(void)
{
    side_fini(&a);
    side_fini(&b);
}

static void exchange(void)
{
    side_exchange(&a, &b);
    side_exchange(&b, &a);
}

static struct h23510_policy policy_of(enum h23510_setup setup)
{
    return (struct h23510_policy){
        .mode = H23510_MODE_PREFERRED, .setup = setup, .open_role = H23510_SETUP_ACTIVE};
}

static const struct h245_DTLSSecurityCapability *
protection_of(const struct h245_TerminalCapabilitySet *tcs, uint16_t media, uint16_t *entry)
{
    for (uint32_t i = 0; i < tcs->capabilityTable.n; i++) {
        const struct h245_CapabilityTableEntry *e = &tcs->capabilityTable.v[i];

        if (e->capability->kind != h245_Capability_h235SecurityCapability ||
            e->capability->u.h235SecurityCapability->mediaCapability != media)
            continue;
        *entry = e->capabilityTableEntryNumber;
        return e->capability->u.h235SecurityCapability->encryptionAuthenticationAndIntegrity
            .dtlsSecurityCapability;
    }
    return NULL;
}

static bool is_text(const struct per_string *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->p, text, s->len) == 0;
}

static void tcs_protects_every_audio_entry_alike(void)
{
    const struct h245_TerminalCapabilitySet *tcs;
    const struct h245_DTLSSecurityCapability *one, *two;
    uint16_t entry = 0;

    PROVES("T-TCS T-NOFP T-SAME P-HASH P-SETUP P-CONN P-EXT");
    start(NULL, NULL);
    tcs = side_tcs(&a);
    one = protection_of(tcs, 1, &entry);
    CU_ASSERT_PTR_NOT_NULL_FATAL(one);
    CU_ASSERT_EQUAL(entry, 101);
    two = protection_of(tcs, 2, &entry);
    CU_ASSERT_PTR_EQUAL(one, two); /* one value, so identical on the wire */
    CU_ASSERT_EQUAL(entry, 102);
    CU_ASSERT_EQUAL(one->hashFunction.n, 3);
    CU_ASSERT_TRUE(is_text(&one->hashFunction.v[0], "sha-256"));
    CU_ASSERT_TRUE(is_text(&one->hashFunction.v[1], "sha-384"));
    CU_ASSERT_TRUE(is_text(&one->hashFunction.v[2], "sha-512"));
    CU_ASSERT_TRUE(is_text(&one->setupInformation, "actpass"));
    CU_ASSERT_TRUE(is_text(&one->connectionInformation, "new"));
    CU_ASSERT_FALSE(one->has_fingerprint);
    CU_ASSERT_TRUE(one->has_extensionsType);
    CU_ASSERT_EQUAL(one->extensionsType.v[0], 14);
    CU_ASSERT_PTR_NULL(protection_of(tcs, 3, &entry)); /* telephone events are in the stream */
    stop();
}

static void tcs_alternatives_follow_the_mode(void)
{
    struct h23510_policy policy = policy_of(H23510_SETUP_ACTPASS);
    const struct h245_AlternativeCapabilitySet *set;

    PROVES("T-TCS");
    start(&policy, NULL);
    set = &side_tcs(&a)->capabilityDescriptors.v[0].simultaneousCapabilities.v[0];
    CU_ASSERT_EQUAL_FATAL(set->n, 4);
    CU_ASSERT_EQUAL(set->v[0], 101);
    CU_ASSERT_EQUAL(set->v[1], 102);
    CU_ASSERT_EQUAL(set->v[2], 1);
    stop();
    policy.mode = H23510_MODE_REQUIRED;
    start(&policy, NULL);
    set = &side_tcs(&a)->capabilityDescriptors.v[0].simultaneousCapabilities.v[0];
    CU_ASSERT_EQUAL_FATAL(set->n, 2);
    CU_ASSERT_EQUAL(set->v[1], 102);
    stop();
    policy.mode = H23510_MODE_OFF;
    start(&policy, NULL);
    CU_ASSERT_EQUAL(side_tcs(&a)->capabilityTable.n, 5);
    CU_ASSERT_EQUAL(side_exchange(&b, &a), H23510_NO_DTLS);
    CU_ASSERT_FALSE(h23510_is_usable(&a.n));
    stop();
}

static void tcs_without_extension_addition_when_told_to(void)
{
    struct h23510_policy policy = policy_of(H23510_SETUP_ACTPASS);
    uint16_t entry = 0;

    PROVES("P-EXT");
    policy.no_extensions_type = true;
    start(&policy, NULL);
    CU_ASSERT_FALSE(protection_of(side_tcs(&a), 1, &entry)->has_extensionsType);
    side_exchange(&a, &b);
    CU_ASSERT_FALSE(b.n.peer.has_extensions);
    CU_ASSERT_FALSE(b.n.peer.use_srtp);
    CU_ASSERT_EQUAL(side_exchange(&b, &a), H23510_OK);
    CU_ASSERT_TRUE(a.n.peer.use_srtp);
    stop();
}

/* A set of one audio entry protected by `cap`. */
static enum h23510_verdict judge_tcs(struct side *s, struct h245_DTLSSecurityCapability *cap)
{
    uint16_t number = 1;
    struct h245_AudioCapability audio = {.kind = h245_AudioCapability_g711Alaw64k,
                                         .u.g711Alaw64k = 20};
    struct h245_Capability clear = {.kind = h245_Capability_receiveAudioCapability,
                                    .u.receiveAudioCapability = &audio};
    struct h245_H235SecurityCapability security = {.mediaCapability = 1};
    struct h245_Capability protection = {.kind = h245_Capability_h235SecurityCapability,
                                         .u.h235SecurityCapability = &security};
    struct h245_CapabilityTableEntry entries[] = {{1, &clear}, {101, &protection}};
    struct h245_TerminalCapabilitySet tcs = {.has_capabilityTable = true,
                                             .capabilityTable = {2, entries}};
    size_t count = 0;
    enum h23510_verdict verdict;

    security.encryptionAuthenticationAndIntegrity.dtlsSecurityCapability = cap;
    verdict = h23510_on_peer_tcs(&s->n, &tcs, &number, 1, &count);
    CU_ASSERT_EQUAL(count, verdict == H23510_OK || verdict == H23510_NO_COMMON_HASH ||
                                   verdict == H23510_ROLE_CONFLICT
                               ? 1
                               : 0);
    return verdict;
}

static struct per_string text(const char *s)
{
    return per_string_of(s);
}

static void tcs_tokens_any_case_unknown_ignored_weak_refused(void)
{
    struct per_string tokens[] = {text("SHA-512"), text("whirlpool"), text("md5"), text("MD2"),
                                  text("sha-1")};
    struct h245_DTLSSecurityCapability cap = {.hashFunction = {5, tokens}};

    PROVES("P-HASH C-HASH T-NOFP");
    start(NULL, NULL);
    cap.has_fingerprint = true;
    cap.fingerprint = text("AB:CD");
    CU_ASSERT_EQUAL(judge_tcs(&a, &cap), H23510_OK);
    CU_ASSERT_EQUAL(a.n.chosen, FINGERPRINT_SHA512);
    CU_ASSERT_EQUAL(a.n.stats.hashes_unknown, 1);
    CU_ASSERT_EQUAL(a.n.stats.hashes_forbidden, 2);
    CU_ASSERT_EQUAL(a.n.stats.tcs_fingerprints_ignored, 1);
    CU_ASSERT_FALSE(a.n.common[FINGERPRINT_SHA1]);      /* not without allow_sha1 */
    CU_ASSERT_EQUAL(a.n.tcs_role, H23510_ROLE_PASSIVE); /* no setup: active, says RFC 4145 */
    cap.hashFunction.n = 0;
    CU_ASSERT_EQUAL(judge_tcs(&a, &cap), H23510_NO_HASH);
    cap.hashFunction = (struct per_string_list){2, tokens + 2};
    CU_ASSERT_EQUAL(judge_tcs(&a, &cap), H23510_NO_COMMON_HASH);
    CU_ASSERT_FALSE(h23510_is_usable(&a.n));
    cap.hashFunction = (struct per_string_list){1, tokens};
    cap.has_setupInformation = true;
    cap.setupInformation = text("aktiv");
    CU_ASSERT_EQUAL(judge_tcs(&a, &cap), H23510_BAD_SETUP);
    cap.setupInformation = text("ACTPASS");
    cap.has_connectionInformation = true;
    cap.connectionInformation = text("old");
    CU_ASSERT_EQUAL(judge_tcs(&a, &cap), H23510_BAD_CONNECTION);
    cap.connectionInformation = text("NEW");
    CU_ASSERT_EQUAL(judge_tcs(&a, &cap), H23510_OK);
    CU_ASSERT_EQUAL(judge_tcs(&a, NULL), H23510_NO_DTLS);
    stop();
}

static void hash_preference_is_the_local_order(void)
{
    struct h23510_policy pa = policy_of(H23510_SETUP_ACTPASS);
    struct h23510_policy pb = policy_of(H23510_SETUP_ACTPASS);

    PROVES("C-HASH");
    pa.hashes[0] = FINGERPRINT_SHA512;
    pa.hashes[1] = FINGERPRINT_SHA384;
    pa.hash_count = 2;
    pb.hashes[0] = FINGERPRINT_SHA256;
    pb.hashes[1] = FINGERPRINT_SHA384;
    pb.hashes[2] = FINGERPRINT_SHA512;
    pb.hash_count = 3;
    start(&pa, &pb);
    exchange();
    CU_ASSERT_EQUAL(a.n.chosen, FINGERPRINT_SHA512);
    CU_ASSERT_EQUAL(b.n.chosen, FINGERPRINT_SHA384);
    CU_ASSERT_EQUAL(side_open(&a, &b).ack, H23510_OK);
    CU_ASSERT_EQUAL(a.n.agreement.peer_fingerprint.hash, FINGERPRINT_SHA384);
    stop();

    pb.hash_count = 1;
    start(&pa, &pb);
    CU_ASSERT_EQUAL(side_exchange(&a, &b), H23510_NO_COMMON_HASH);
    CU_ASSERT_EQUAL(side_exchange(&b, &a), H23510_NO_DTLS); /* b saw it and does not offer */
    CU_ASSERT_PTR_NULL(side_olc(&a, &b));
    stop();
}

static void sha1_only_where_allowed(void)
{
    struct h23510_policy policy = policy_of(H23510_SETUP_ACTPASS);
    struct h23510 n;
    struct h23510_identity identity = {0};

    PROVES("P-HASH");
    policy.hashes[0] = FINGERPRINT_SHA1;
    policy.hash_count = 1;
    CU_ASSERT_EQUAL(h23510_init(&n, &policy, &identity), ERR_INVAL);
    policy.allow_sha1 = true;
    start(&policy, &policy);
    exchange();
    CU_ASSERT_EQUAL(side_open(&a, &b).ack, H23510_OK);
    CU_ASSERT_EQUAL(a.n.agreement.local_hash, FINGERPRINT_SHA1);
    stop();
    policy.open_role = H23510_SETUP_ACTPASS;
    CU_ASSERT_EQUAL(h23510_init(&n, &policy, &identity), ERR_INVAL);
}

/* ---- roles ---- */

static const char table[4][4] = {
    /* theirs:          active passive actpass holdconn */
    /* ours active   */ {'!', 'A', 'A', 'h'},
    /* ours passive  */ {'P', '!', 'P', 'h'},
    /* ours actpass  */ {'P', 'A', 'o', 'h'},
    /* ours holdconn */ {'h', 'h', 'h', 'h'},
};

static enum h23510_role role_of(char c)
{
    return c == 'A'   ? H23510_ROLE_ACTIVE
           : c == 'P' ? H23510_ROLE_PASSIVE
           : c == 'o' ? H23510_ROLE_OPEN
           : c == 'h' ? H23510_ROLE_HOLD
                      : H23510_ROLE_IMPOSSIBLE;
}

static void sixteen_role_pairs_are_as_tabulated(void)
{
    PROVES("C-ROLE");
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned k = 0; k < 4; k++) {
            struct h23510_policy pa = policy_of((enum h23510_setup)i);
            struct h23510_policy pb = policy_of((enum h23510_setup)k);
            enum h23510_role want = role_of(table[i][k]);
            enum h23510_verdict verdict;

            CU_ASSERT_EQUAL(h23510_role_of((enum h23510_setup)i, (enum h23510_setup)k), want);
            start(&pa, &pb);
            verdict = side_exchange(&b, &a);
            CU_ASSERT_EQUAL(verdict,
                            want == H23510_ROLE_IMPOSSIBLE ? H23510_ROLE_CONFLICT : H23510_OK);
            side_exchange(&a, &b);
            CU_ASSERT_EQUAL(a.n.tcs_role, want);
            CU_ASSERT_EQUAL(h23510_is_usable(&a.n),
                            want != H23510_ROLE_IMPOSSIBLE && want != H23510_ROLE_HOLD);
            CU_ASSERT_EQUAL(h23510_is_usable(&a.n), h23510_is_usable(&b.n));
            stop();
        }
    }
    CU_ASSERT_EQUAL(h23510_role_of(H23510_SETUP_COUNT, H23510_SETUP_ACTIVE),
                    H23510_ROLE_IMPOSSIBLE);
}

/* Whoever sends the OLC: the two sides end as each other's mirror. */
static void every_possible_pair_ends_complementary(void)
{
    PROVES("C-ROLE T-OLC T-ACK L-UNI");
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < 3; k++) {
            for (int b_first = 0; b_first < 2; b_first++) {
                struct h23510_policy pa = policy_of((enum h23510_setup)i);
                struct h23510_policy pb = policy_of((enum h23510_setup)k);
                struct side_result r;

                if (table[i][k] == '!')
                    continue;
                start(&pa, &pb);
                exchange();
                r = b_first ? side_open(&b, &a) : side_open(&a, &b);
                CU_ASSERT_EQUAL(r.olc, H23510_OK);
                CU_ASSERT_EQUAL(r.ack, H23510_OK);
                CU_ASSERT_TRUE(r.offerer.is_new);
                CU_ASSERT_TRUE(r.answerer.is_new);
                CU_ASSERT_NOT_EQUAL(a.n.agreement.role, b.n.agreement.role);
                if (table[i][k] != 'o')
                    CU_ASSERT_EQUAL(a.n.agreement.role, role_of(table[i][k]));
                if (table[i][k] == 'o') /* the OLC's sender wrote its concrete role: active */
                    CU_ASSERT_EQUAL(r.offerer.role, H23510_ROLE_ACTIVE);
                r = b_first ? side_open(&a, &b) : side_open(&b, &a); /* the other direction */
                CU_ASSERT_EQUAL(r.ack, H23510_OK);
                CU_ASSERT_FALSE(r.offerer.is_new);
                stop();
            }
        }
    }
}

static void olc_carries_one_hash_and_our_fingerprint(void)
{
    struct h245_DTLSSecurityCapability *cap;
    struct h245_OpenLogicalChannel *olc;
    char expected[FINGERPRINT_TEXT_MAX];
    struct h245_channel channel;

    PROVES("T-OLC P-FP P-SETUP P-CONN");
    start(NULL, NULL);
    exchange();
    olc = side_olc(&a, &b);
    CU_ASSERT_PTR_NOT_NULL_FATAL(olc);
    cap = side_dtls(olc);
    CU_ASSERT_EQUAL(cap->hashFunction.n, 1);
    CU_ASSERT_TRUE(is_text(&cap->hashFunction.v[0], "sha-256"));
    CU_ASSERT_TRUE(is_text(&cap->setupInformation, "active"));
    CU_ASSERT_TRUE(is_text(&cap->connectionInformation, "new"));
    fingerprint_format(&a.n.identity.fingerprints[FINGERPRINT_SHA256], expected, sizeof(expected));
    CU_ASSERT_TRUE(is_text(&cap->fingerprint, expected));
    CU_ASSERT_EQUAL(strchr(expected, ' '), NULL);
    CU_ASSERT_EQUAL(h245_read_olc(olc, &channel), 0);
    CU_ASSERT_TRUE(channel.is_protected);
    CU_ASSERT_EQUAL(channel.audio.codec, H245_CODEC_PCMA);
    stop();
}

static void crossing_olcs_end_complementary(void)
{
    PROVES("C-ROLE D-ONCE");
    for (int swap = 0; swap < 2; swap++) {
        struct h245_OpenLogicalChannel *from_a, *from_b;
        struct h23510_agreement at_a = {0}, at_b = {0};

        side_init(&a, NULL, swap ? 0x20 : 0x10);
        side_init(&b, NULL, swap ? 0x10 : 0x20);
        exchange();
        from_a = side_olc(&a, &b);
        from_b = side_olc(&b, &a);
        CU_ASSERT_TRUE(is_text(&side_dtls(from_a)->setupInformation, "active"));
        CU_ASSERT_TRUE(is_text(&side_dtls(from_b)->setupInformation, "active"));
        CU_ASSERT_EQUAL(h23510_check_olc(&a.n, from_b, &at_a), H23510_OK);
        CU_ASSERT_EQUAL(h23510_check_olc(&b.n, from_a, &at_b), H23510_OK);
        CU_ASSERT_EQUAL(at_a.role, swap ? H23510_ROLE_ACTIVE : H23510_ROLE_PASSIVE);
        CU_ASSERT_EQUAL(at_b.role, swap ? H23510_ROLE_PASSIVE : H23510_ROLE_ACTIVE);
        CU_ASSERT_TRUE(at_a.is_new && at_b.is_new);
        CU_ASSERT_EQUAL(h23510_check_ack(&b.n, side_ack(&a, &b), &at_b), H23510_OK);
        CU_ASSERT_EQUAL(h23510_check_ack(&a.n, side_ack(&b, &a), &at_a), H23510_OK);
        CU_ASSERT_FALSE(at_a.is_new || at_b.is_new); /* one handshake, not two */
        CU_ASSERT_NOT_EQUAL(at_a.role, at_b.role);
        stop();
    }
}

static void same_identity_on_both_sides_is_refused_in_a_tie(void)
{
    struct h245_OpenLogicalChannel *from_b;
    struct h23510_agreement agreement;

    PROVES("C-ROLE T-BAD");
    side_init(&a, NULL, 7);
    side_init(&b, NULL, 7);
    exchange();
    CU_ASSERT_PTR_NOT_NULL(side_olc(&a, &b));
    from_b = side_olc(&b, &a);
    CU_ASSERT_EQUAL(h23510_check_olc(&a.n, from_b, &agreement), H23510_ROLE_CONFLICT);
    CU_ASSERT_FALSE(a.n.agreement.is_set);
    stop();
}

static void more_channels_share_one_connection(void)
{
    struct side_result first, second;

    PROVES("D-ONCE L-SHARE");
    start(NULL, NULL);
    exchange();
    first = side_open(&a, &b);
    second = side_open(&a, &b);
    CU_ASSERT_TRUE(first.answerer.is_new);
    CU_ASSERT_EQUAL(second.ack, H23510_OK);
    CU_ASSERT_FALSE(second.answerer.is_new);
    CU_ASSERT_FALSE(second.offerer.is_new);
    CU_ASSERT_EQUAL(first.answerer.role, second.answerer.role);
    h23510_reset_connection(&a.n);
    h23510_reset_connection(&b.n);
    CU_ASSERT_TRUE(side_open(&b, &a).answerer.is_new);
    stop();
}

/* ---- T-BAD ---- */

struct bad_case {
    const char *hash, *hash2, *setup, *connection, *fingerprint;
    enum h23510_verdict verdict;
};

#define FP32                                                                                     \
    "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:" \
    "88:99"

static const struct bad_case bad_cases[] = {
    {"sha-256", NULL, "passive", "new", FP32, H23510_OK},
    {"SHA-256", NULL, "PASSIVE", "New", "sha-256 " FP32, H23510_OK},
    {"sha-256", "sha-384", "passive", "new", FP32, H23510_MANY_HASHES},
    {NULL, NULL, "passive", "new", FP32, H23510_NO_HASH},
    {"sha-1", NULL, "passive", "new", FP32, H23510_HASH_NOT_COMMON},
    {"whirlpool", NULL, "passive", "new", FP32, H23510_HASH_UNKNOWN},
    {"md5", NULL, "passive", "new", FP32, H23510_HASH_FORBIDDEN},
    {"sha-256", NULL, "passive", "new", NULL, H23510_NO_FINGERPRINT},
    {"sha-256", NULL, "passive", "new", "XY" FP32, H23510_BAD_FINGERPRINT},
    {"sha-256", NULL, "passive", "new", "sha-384 " FP32, H23510_BAD_FINGERPRINT},
    {"sha-256", NULL, "passive", "new", "AA:BB:CC", H23510_FINGERPRINT_LENGTH},
    {"sha-384", NULL, "passive", "new", FP32, H23510_FINGERPRINT_LENGTH},
    {"sha-256", NULL, "server", "new", FP32, H23510_BAD_SETUP},
    {"sha-256", NULL, "passive", "again", FP32, H23510_BAD_CONNECTION},
    {"sha-256", NULL, "passive", "existing", FP32, H23510_NO_CONNECTION},
};

/* Overwrites what a good message says. `tokens` must outlive the message's use. */
static void spoil(struct h245_DTLSSecurityCapability *cap, const struct bad_case *c,
                  struct per_string *tokens)
{
    cap->hashFunction.n = c->hash == NULL ? 0 : c->hash2 == NULL ? 1 : 2;
    cap->hashFunction.v = tokens;
    if (c->hash != NULL)
        tokens[0] = text(c->hash);
    if (c->hash2 != NULL)
        tokens[1] = text(c->hash2);
    cap->setupInformation = text(c->setup);
    cap->connectionInformation = text(c->connection);
    cap->has_fingerprint = c->fingerprint != NULL;
    if (c->fingerprint != NULL)
        cap->fingerprint = text(c->fingerprint);
}

static void bad_olc_is_refused_with_its_reason(void)
{
    PROVES("T-BAD T-OLC P-HASH P-SETUP P-CONN P-FP");
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        struct h245_OpenLogicalChannel *olc;
        struct h23510_agreement agreement = {0};
        struct per_string tokens[2];

        start(NULL, NULL);
        exchange();
        olc = side_olc(&a, &b);
        spoil(side_dtls(olc), &bad_cases[i], tokens);
        CU_ASSERT_EQUAL(h23510_check_olc(&b.n, olc, &agreement), bad_cases[i].verdict);
        CU_ASSERT_EQUAL(b.n.last_verdict, bad_cases[i].verdict);
        CU_ASSERT_EQUAL(b.n.agreement.is_set, bad_cases[i].verdict == H23510_OK);
        CU_ASSERT_EQUAL(b.n.stats.refused, bad_cases[i].verdict == H23510_OK ? 0 : 1);
        stop();
    }
}

static void bad_ack_is_refused_with_its_reason(void)
{
    PROVES("T-BAD T-ACK");
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        struct h245_OpenLogicalChannelAck *ack;
        struct h23510_agreement agreement = {0};
        struct per_string tokens[2];

        start(NULL, NULL);
        exchange();
        CU_ASSERT_EQUAL(h23510_check_olc(&b.n, side_olc(&a, &b), &agreement), H23510_OK);
        ack = side_ack(&b, &a);
        spoil(ack->dtlsSecurityCapability, &bad_cases[i], tokens);
        CU_ASSERT_EQUAL(h23510_check_ack(&a.n, ack, &agreement), bad_cases[i].verdict);
        CU_ASSERT_EQUAL(a.n.agreement.is_set, bad_cases[i].verdict == H23510_OK);
        ack->dtlsSecurityCapability = NULL;
        CU_ASSERT_EQUAL(h23510_check_ack(&a.n, ack, &agreement), H23510_NO_DTLS);
        stop();
    }
}

static void impossible_roles_are_refused(void)
{
    struct h23510_policy active = policy_of(H23510_SETUP_ACTIVE);
    struct h245_OpenLogicalChannel *olc;
    struct h245_OpenLogicalChannelAck *ack;
    struct h23510_agreement agreement = {0};

    PROVES("T-BAD C-ROLE");
    start(NULL, &active); /* b is active, so a must be passive */
    exchange();
    olc = side_olc(&a, &b);
    side_dtls(olc)->setupInformation = text("active");
    CU_ASSERT_EQUAL(h23510_check_olc(&b.n, olc, &agreement), H23510_ROLE_NOT_OFFERED);
    side_dtls(olc)->setupInformation = text("passive");
    CU_ASSERT_EQUAL(h23510_check_olc(&b.n, olc, &agreement), H23510_OK);
    ack = side_ack(&b, &a);
    ack->dtlsSecurityCapability->setupInformation = text("passive");
    CU_ASSERT_EQUAL(h23510_check_ack(&a.n, ack, &agreement), H23510_ROLE_CONFLICT);
    ack->dtlsSecurityCapability->setupInformation = text("actpass");
    CU_ASSERT_EQUAL(h23510_check_ack(&a.n, ack, &agreement), H23510_ROLE_UNDECIDED);
    ack->dtlsSecurityCapability->setupInformation = text("active");
    CU_ASSERT_EQUAL(h23510_check_ack(&a.n, ack, &agreement), H23510_OK);
    /* afterwards the connection's role and fingerprint stand */
    olc = side_olc(&b, &a);
    side_dtls(olc)->setupInformation = text("passive");
    CU_ASSERT_EQUAL(h23510_check_olc(&a.n, olc, &agreement), H23510_ROLE_NOT_OFFERED);
    side_dtls(olc)->setupInformation = text("active");
    side_dtls(olc)->fingerprint = text(FP32);
    CU_ASSERT_EQUAL(h23510_check_olc(&a.n, olc, &agreement), H23510_FINGERPRINT_CHANGED);
    stop();
}

static void holdconn_opens_nothing(void)
{
    struct h245_OpenLogicalChannel *olc;
    struct h23510_agreement agreement = {0};

    PROVES("C-ROLE");
    start(NULL, NULL);
    exchange();
    olc = side_olc(&a, &b);
    side_dtls(olc)->setupInformation = text("holdconn");
    CU_ASSERT_EQUAL(h23510_check_olc(&b.n, olc, &agreement), H23510_OK);
    CU_ASSERT_EQUAL(agreement.role, H23510_ROLE_HOLD);
    CU_ASSERT_TRUE(
        is_text(&side_ack(&b, &a)->dtlsSecurityCapability->setupInformation, "holdconn"));
    stop();
}

static void olc_without_exchange_or_protection_is_told_apart(void)
{
    struct h245_OpenLogicalChannel *olc;
    struct h23510_agreement agreement;
    struct h245_channel channel = {.lcn = 3, .session_id = 1, .audio = {H245_CODEC_PCMU, 20, ""}};

    PROVES("T-BAD");
    start(NULL, NULL);
    CU_ASSERT_PTR_NULL(side_olc(&a, &b)); /* nobody knows the other */
    side_exchange(&b, &a);
    olc = side_olc(&a, &b);
    CU_ASSERT_PTR_NOT_NULL_FATAL(olc);
    CU_ASSERT_EQUAL(h23510_check_olc(&b.n, olc, &agreement), H23510_NO_CAPABILITY);
    olc->forwardLogicalChannelParameters.dataType.u.h235Media->encryptionAuthenticationAndIntegrity
        .dtlsSecurityCapability = NULL;
    CU_ASSERT_EQUAL(h23510_check_olc(&b.n, olc, &agreement), H23510_NO_DTLS);
    CU_ASSERT_EQUAL(h245_build_olc(&a.arena, &channel, &olc), 0);
    CU_ASSERT_EQUAL(h23510_check_olc(&b.n, olc, &agreement), H23510_NOT_PROTECTED);
    CU_ASSERT_PTR_NULL(side_ack(&b, &a)); /* nothing agreed, nothing to write */
    stop();
}

static void transports_must_be_one(void)
{
    struct addr one = addr_from_ip4((const uint8_t[]){192, 0, 2, 1}, 5004);
    struct addr two = addr_with_port(one, 5005);
    struct addr none = {0};

    PROVES("M-RTCPMUX L-SHARE");
    CU_ASSERT_EQUAL(h23510_check_transport(&one, &one, NULL), H23510_OK);
    CU_ASSERT_EQUAL(h23510_check_transport(&one, &none, &none), H23510_OK);
    CU_ASSERT_EQUAL(h23510_check_transport(&one, &two, NULL), H23510_RTCP_NOT_MUXED);
    CU_ASSERT_EQUAL(h23510_check_transport(&one, &one, &one), H23510_OK);
    CU_ASSERT_EQUAL(h23510_check_transport(&none, &two, &one), H23510_ADDRESS_DIFFERS);
}

static void names_exist_for_all_values(void)
{
    enum h23510_setup setup;

    for (unsigned i = 0; i < H23510_VERDICT_COUNT; i++)
        CU_ASSERT_STRING_NOT_EQUAL(h23510_verdict_to_str((enum h23510_verdict)i),
                                   "unknown verdict");
    for (unsigned i = 0; i < H23510_ROLE_COUNT; i++)
        CU_ASSERT_STRING_NOT_EQUAL(h23510_role_to_str((enum h23510_role)i), "unknown");
    for (unsigned i = 0; i < H23510_SETUP_COUNT; i++) {
        const char *name = h23510_setup_to_str((enum h23510_setup)i);

        CU_ASSERT_EQUAL(h23510_setup_parse(name, strlen(name), &setup), 0);
        CU_ASSERT_EQUAL(setup, i);
    }
    CU_ASSERT_EQUAL(h23510_setup_parse("act", 3, &setup), ERR_NOTFOUND);
}

SUITE("h23510/negotiation", TEST(tcs_protects_every_audio_entry_alike),
      TEST(tcs_alternatives_follow_the_mode), TEST(tcs_without_extension_addition_when_told_to),
      TEST(tcs_tokens_any_case_unknown_ignored_weak_refused),
      TEST(hash_preference_is_the_local_order), TEST(sha1_only_where_allowed),
      TEST(sixteen_role_pairs_are_as_tabulated), TEST(every_possible_pair_ends_complementary),
      TEST(olc_carries_one_hash_and_our_fingerprint), TEST(crossing_olcs_end_complementary),
      TEST(same_identity_on_both_sides_is_refused_in_a_tie),
      TEST(more_channels_share_one_connection), TEST(bad_olc_is_refused_with_its_reason),
      TEST(bad_ack_is_refused_with_its_reason), TEST(impossible_roles_are_refused),
      TEST(holdconn_opens_nothing), TEST(olc_without_exchange_or_protection_is_told_apart),
      TEST(transports_must_be_one), TEST(names_exist_for_all_values))
