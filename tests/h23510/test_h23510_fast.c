/* H.235.10 inside fast connect: what is proposed, what is chosen, what is answered, and what an
 * H.245 that comes later may still change (nothing that runs). Each test prints the ids of the
 * requirements that it proves. */
#include "signalling/h23510/fast.h"

#include "base/err.h"
#include "signalling/per/per.h"
#include "tests/h23510/side.h"
#include "tests/suite.h"

static struct side a, b; /* a calls */
static struct h23510_fast_proposal list[H23510_FAST_MAX];
static size_t count;
static struct h23510_fast_offer offers[H23510_FAST_MAX];

static const struct h245_audio audio[] = {{H245_CODEC_PCMA, 20, ""}, {H245_CODEC_PCMU, 20, ""}};

static struct addr at(uint8_t last, uint16_t port)
{
    const uint8_t ip[4] = {192, 0, 2, last};

    return addr_from_ip4(ip, port);
}

static struct h23510_policy policy_of(enum h23510_mode mode, enum h23510_setup setup)
{
    return (struct h23510_policy){.mode = mode, .setup = setup, .open_role = H23510_SETUP_PASSIVE};
}

static void start(const struct h23510_policy *pa, const struct h23510_policy *pb)
{
    side_init(&a, pa, 0x10);
    side_init(&b, pb, 0x20);
    count = 0;
}

static void start_modes(enum h23510_mode ma, enum h23510_mode mb)
{
    struct h23510_policy pa = policy_of(ma, H23510_SETUP_ACTPASS);
    struct h23510_policy pb = policy_of(mb, H23510_SETUP_ACTPASS);

    start(&pa, &pb);
}

static void stop(void)
{
    side_fini(&a);
    side_fini(&b);
}

static int propose(bool all_hashes)
{
    const struct h23510_fast_medium medium = {.session_id = 1,
                                              .audio = audio,
                                              .audio_count = 2,
                                              .media = at(1, 5000),
                                              .media_control = at(1, 5001),
                                              .all_hashes = all_hashes};
    uint16_t lcn = 101;

    return h23510_fast_propose(&a.n, &a.arena, &medium, &lcn, list, H23510_FAST_MAX, &count);
}

static void read_all(void)
{
    for (size_t i = 0; i < count; i++)
        CU_ASSERT_EQUAL(h23510_fast_read(&b.n, &b.arena, list[i].data, list[i].len, &offers[i]), 0);
}

static bool accepts_all(void *arg, const struct h245_channel *channel)
{
    (void)arg;
    return channel->audio.codec != H245_CODEC_UNKNOWN;
}

static bool accepts_ulaw(void *arg, const struct h245_channel *channel)
{
    (void)arg;
    return channel->audio.codec == H245_CODEC_PCMU;
}

static bool choose(struct h23510_fast_choice *choice, enum h23510_verdict *why)
{
    return h23510_fast_choose(&b.n, offers, count, 1, accepts_all, NULL, choice, why);
}

/* The callee's answer to one proposal, as the caller reads it. */
static int answer(size_t index, struct h23510_fast_offer *read)
{
    const struct addr media = at(2, 6000), control = at(2, 6001);
    bool is_protected = offers[index].verdict == H23510_OK;
    const uint8_t *data = NULL;
    size_t len = 0, which = 99;
    int err = h23510_fast_answer(&b.n, &b.arena, &offers[index], 77, &media,
                                 is_protected ? &media : &control, &data, &len);

    CU_ASSERT_EQUAL_FATAL(err, 0);
    return h23510_fast_read_answer(&a.n, &a.arena, data, len, list, count, read, &which);
}

/* A proposal with its protection rewritten by `change`, encoded again in its place. */
static void respell(size_t index, void (*change)(struct h245_DTLSSecurityCapability *cap))
{
    struct h245_fast_olc found;
    struct h245_OpenLogicalChannel *olc;
    const uint8_t *data = NULL;
    size_t len = 0;

    CU_ASSERT_EQUAL_FATAL(h245_read_fast_olc(&a.arena, list[index].data, list[index].len, &found),
                          0);
    olc = arena_copy(&a.arena, found.olc, sizeof(*olc));
    olc->reverseLogicalChannelParameters = NULL;
    change(side_dtls(olc));
    CU_ASSERT_EQUAL_FATAL(h245_encode_fast_olc(&a.arena, olc, found.is_reverse, &data, &len), 0);
    list[index].data = data;
    list[index].len = len;
}

static struct per_string text(const char *s)
{
    return (struct per_string){strlen(s), (char *)(uintptr_t)s};
}

static void drop_fingerprint(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_fingerprint = false;
}

static void two_hashes(struct h245_DTLSSecurityCapability *cap)
{
    static struct per_string v[2];

    v[0] = text("sha-256");
    v[1] = text("sha-512");
    cap->hashFunction.v = v;
    cap->hashFunction.n = 2;
}

static void cut_fingerprint(struct h245_DTLSSecurityCapability *cap)
{
    cap->fingerprint.len -= 3;
}

static void not_hex(struct h245_DTLSSecurityCapability *cap)
{
    cap->fingerprint = text("XY:ZZ");
}

static void sideways(struct h245_DTLSSecurityCapability *cap)
{
    cap->setupInformation = text("sideways");
}

static void say_active(struct h245_DTLSSecurityCapability *cap)
{
    cap->setupInformation = text("active");
}

static void say_passive(struct h245_DTLSSecurityCapability *cap)
{
    cap->setupInformation = text("passive");
}

static void say_holdconn(struct h245_DTLSSecurityCapability *cap)
{
    cap->setupInformation = text("holdconn");
}

static void say_nothing(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_setupInformation = false;
}

static void say_existing(struct h245_DTLSSecurityCapability *cap)
{
    cap->connectionInformation = text("existing");
}

static void say_md5(struct h245_DTLSSecurityCapability *cap)
{
    cap->hashFunction.v[0] = text("md5");
}

static void say_sha1(struct h245_DTLSSecurityCapability *cap)
{
    cap->hashFunction.v[0] = text("sha-1");
}

static void proposals_carry_one_hash_and_a_fingerprint_each(void)
{
    PROVES("T-OLC L-UNI M-RTCPMUX");
    start_modes(H23510_MODE_REQUIRED, H23510_MODE_REQUIRED);
    CU_ASSERT_EQUAL(propose(false), 0);
    CU_ASSERT_EQUAL_FATAL(count, 4); /* two codecs, both directions, nothing in the clear */
    for (size_t i = 0; i < count; i++) {
        const struct h245_DTLSSecurityCapability *cap;
        struct h245_fast_olc found;

        CU_ASSERT_EQUAL_FATAL(h245_read_fast_olc(&a.arena, list[i].data, list[i].len, &found), 0);
        cap = side_dtls((struct h245_OpenLogicalChannel *)(uintptr_t)found.olc);
        CU_ASSERT_PTR_NOT_NULL_FATAL(cap);
        CU_ASSERT_EQUAL(cap->hashFunction.n, 1);
        CU_ASSERT_EQUAL(cap->hashFunction.v[0].len, 7);
        CU_ASSERT(cap->has_fingerprint);
        CU_ASSERT_EQUAL(cap->fingerprint.len, 95);
        CU_ASSERT_EQUAL(cap->setupInformation.len, 7); /* actpass: nobody has chosen yet */
        CU_ASSERT_EQUAL(found.is_reverse, i % 2 == 0);
        CU_ASSERT_EQUAL(found.channel.media_control.port, 5000);
        CU_ASSERT_EQUAL(found.channel.media.port, found.is_reverse ? 5000 : 0);
    }
    CU_ASSERT_EQUAL(list[1].channel.lcn, 101);
    CU_ASSERT_EQUAL(list[3].channel.lcn, 102);
    stop();
}

static void policy_decides_what_is_proposed(void)
{
    PROVES("C-HASH");
    start_modes(H23510_MODE_OFF, H23510_MODE_OFF);
    CU_ASSERT_EQUAL(propose(false), 0);
    CU_ASSERT_EQUAL(count, 4);
    for (size_t i = 0; i < count; i++)
        CU_ASSERT_FALSE(list[i].channel.is_protected);
    stop();
    start_modes(H23510_MODE_PREFERRED, H23510_MODE_OFF);
    CU_ASSERT_EQUAL(propose(false), 0);
    CU_ASSERT_EQUAL(count, 8);
    for (size_t i = 0; i < count; i++)
        CU_ASSERT_EQUAL(list[i].channel.is_protected, i < 4);
    stop();
    start_modes(H23510_MODE_REQUIRED, H23510_MODE_OFF);
    CU_ASSERT_EQUAL(propose(true), 0);
    CU_ASSERT_EQUAL(count, 12); /* sha-256, sha-384, sha-512 */
    stop();
}

static void too_many_proposals_are_a_limit(void)
{
    struct h245_audio many[20];
    struct h23510_fast_medium medium = {
        .session_id = 1, .audio = many, .audio_count = 20, .media = at(1, 5000)};
    uint16_t lcn = 101;

    for (size_t i = 0; i < 20; i++)
        many[i] = audio[0];
    start_modes(H23510_MODE_REQUIRED, H23510_MODE_REQUIRED);
    CU_ASSERT_EQUAL(
        h23510_fast_propose(&a.n, &a.arena, &medium, &lcn, list, H23510_FAST_MAX, &count),
        ERR_LIMIT);
    CU_ASSERT_EQUAL(count, H23510_FAST_MAX);
    stop();
}

static void protected_pair_is_chosen_and_answered(void)
{
    struct h23510_fast_choice choice;
    struct h23510_fast_offer read;
    enum h23510_verdict why;

    PROVES("T-ACK L-SHARE C-ROLE D-ONCE");
    start_modes(H23510_MODE_PREFERRED, H23510_MODE_PREFERRED);
    CU_ASSERT_EQUAL(propose(false), 0);
    read_all();
    CU_ASSERT_FATAL(choose(&choice, &why));
    CU_ASSERT(choice.is_protected);
    CU_ASSERT_EQUAL(choice.reverse, 0);
    CU_ASSERT_EQUAL(choice.forward, 1);
    CU_ASSERT_EQUAL(h23510_fast_take(&b.n, &offers[choice.forward]), 0);
    CU_ASSERT_EQUAL(h23510_fast_take(&b.n, &offers[choice.reverse]), 0);
    CU_ASSERT_EQUAL(answer(choice.reverse, &read), 0);
    CU_ASSERT_EQUAL(read.verdict, H23510_OK);
    CU_ASSERT(read.agreement.is_new);
    CU_ASSERT_EQUAL(read.channel.lcn, 77);
    CU_ASSERT_EQUAL(read.channel.media.family, ADDR_NONE);
    CU_ASSERT_EQUAL(read.channel.media_control.port, 6000);
    CU_ASSERT_EQUAL(answer(choice.forward, &read), 0);
    CU_ASSERT_EQUAL(read.verdict, H23510_OK);
    CU_ASSERT_FALSE(read.agreement.is_new); /* the same connection: no second handshake */
    CU_ASSERT_EQUAL(read.channel.lcn, 101);
    CU_ASSERT_EQUAL(read.channel.media.port, 6000);
    /* both left it open, the callee's policy is passive */
    CU_ASSERT_EQUAL(b.n.agreement.role, H23510_ROLE_PASSIVE);
    CU_ASSERT_EQUAL(a.n.agreement.role, H23510_ROLE_ACTIVE);
    CU_ASSERT(fingerprint_equal(&a.n.agreement.peer_fingerprint,
                                &b.n.identity.fingerprints[FINGERPRINT_SHA256]));
    CU_ASSERT(fingerprint_equal(&b.n.agreement.peer_fingerprint,
                                &a.n.identity.fingerprints[FINGERPRINT_SHA256]));
    stop();
}

/* All pairs of roles: the answer is the complement, or there is none. */
static void roles_meet_in_all_combinations(void)
{
    static const enum h23510_setup all[] = {H23510_SETUP_ACTIVE, H23510_SETUP_PASSIVE,
                                            H23510_SETUP_ACTPASS, H23510_SETUP_HOLDCONN};

    PROVES("C-ROLE");
    for (size_t i = 0; i < 16; i++) {
        struct h23510_policy pa = policy_of(H23510_MODE_REQUIRED, all[i / 4]);
        struct h23510_policy pb = policy_of(H23510_MODE_REQUIRED, all[i % 4]);
        enum h23510_role expected = h23510_role_of(all[i % 4], all[i / 4]);
        struct h23510_fast_choice choice;
        struct h23510_fast_offer read;
        enum h23510_verdict why;

        start(&pa, &pb);
        CU_ASSERT_EQUAL(propose(false), 0);
        read_all();
        if (expected == H23510_ROLE_IMPOSSIBLE || expected == H23510_ROLE_HOLD) {
            CU_ASSERT_FALSE(choose(&choice, &why));
            CU_ASSERT_EQUAL(why, expected == H23510_ROLE_HOLD ? H23510_OK : H23510_ROLE_CONFLICT);
        } else if (choose(&choice, &why)) {
            CU_ASSERT_EQUAL(h23510_fast_take(&b.n, &offers[choice.forward]), 0);
            CU_ASSERT_EQUAL(answer(choice.forward, &read), 0);
            CU_ASSERT_EQUAL(read.verdict, H23510_OK);
            if (expected != H23510_ROLE_OPEN)
                CU_ASSERT_EQUAL(b.n.agreement.role, expected);
            CU_ASSERT_EQUAL(
                h23510_role_of(H23510_SETUP_ACTPASS, b.n.agreement.role == H23510_ROLE_ACTIVE
                                                         ? H23510_SETUP_ACTIVE
                                                         : H23510_SETUP_PASSIVE),
                a.n.agreement.role);
        } else {
            CU_FAIL("no pair");
        }
        stop();
    }
}

static const struct {
    void (*change)(struct h245_DTLSSecurityCapability *cap);
    enum h23510_verdict verdict;
} bad[] = {
    {drop_fingerprint, H23510_NO_FINGERPRINT},
    {two_hashes, H23510_MANY_HASHES},
    {cut_fingerprint, H23510_FINGERPRINT_LENGTH},
    {not_hex, H23510_BAD_FINGERPRINT},
    {sideways, H23510_BAD_SETUP},
    {say_existing, H23510_NO_CONNECTION},
    {say_md5, H23510_HASH_FORBIDDEN},
    {say_sha1, H23510_HASH_NOT_COMMON},
};

/* Also beside clear ones, that a policy which prefers protection would otherwise take. */
static void bad_proposals_refuse_fast_connect_and_are_not_downgraded(void)
{
    PROVES("T-BAD");
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        struct h23510_fast_choice choice;
        enum h23510_verdict why;

        start_modes(H23510_MODE_PREFERRED, H23510_MODE_PREFERRED);
        CU_ASSERT_EQUAL(propose(false), 0);
        for (size_t i = 0; i < 4; i++)
            respell(i, bad[k].change);
        read_all();
        CU_ASSERT_EQUAL(offers[0].verdict, bad[k].verdict);
        CU_ASSERT_EQUAL(offers[4].verdict, H23510_NOT_PROTECTED);
        CU_ASSERT_FALSE(choose(&choice, &why));
        CU_ASSERT_EQUAL(why, bad[k].verdict);
        CU_ASSERT_EQUAL(b.n.stats.refused, 4);
        CU_ASSERT_FALSE(b.n.agreement.is_set);
        stop();
    }
}

static void good_proposal_behind_a_bad_one_is_found(void)
{
    struct h23510_fast_choice choice;
    enum h23510_verdict why;

    start_modes(H23510_MODE_REQUIRED, H23510_MODE_REQUIRED);
    CU_ASSERT_EQUAL(propose(true), 0);
    respell(0, drop_fingerprint);
    respell(1, two_hashes);
    read_all();
    CU_ASSERT_FATAL(choose(&choice, &why));
    CU_ASSERT_EQUAL(choice.reverse, 2);
    CU_ASSERT_EQUAL(choice.forward, 3);
    stop();
}

static void answerer_selects_hash_role_and_codec(void)
{
    const struct h23510_policy pa = policy_of(H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);
    const struct h23510_policy pb = {.mode = H23510_MODE_REQUIRED,
                                     .hashes = {FINGERPRINT_SHA512},
                                     .hash_count = 1,
                                     .setup = H23510_SETUP_ACTIVE,
                                     .open_role = H23510_SETUP_ACTIVE};
    struct h23510_fast_choice choice;
    struct h23510_fast_offer read;
    enum h23510_verdict why;

    PROVES("C-HASH C-ROLE");
    start(&pa, &pb);
    CU_ASSERT_EQUAL(propose(true), 0);
    CU_ASSERT_EQUAL_FATAL(count, 12);
    respell(8, say_active); /* sha-512, A-law: roles that exclude each other */
    respell(9, say_active);
    respell(10, say_passive);
    respell(11, say_passive);
    read_all();
    CU_ASSERT_EQUAL(offers[0].verdict, H23510_HASH_NOT_COMMON);
    CU_ASSERT_EQUAL(offers[8].verdict, H23510_ROLE_CONFLICT);
    CU_ASSERT_FATAL(choose(&choice, &why));
    CU_ASSERT_EQUAL(choice.forward, 11);
    CU_ASSERT_EQUAL(h23510_fast_take(&b.n, &offers[11]), 0);
    CU_ASSERT_EQUAL(b.n.agreement.role, H23510_ROLE_ACTIVE);
    CU_ASSERT_EQUAL(b.n.agreement.local_hash, FINGERPRINT_SHA512);
    CU_ASSERT_EQUAL(answer(11, &read), 0);
    CU_ASSERT_EQUAL(read.verdict, H23510_OK);
    CU_ASSERT_EQUAL(a.n.agreement.local_hash, FINGERPRINT_SHA512);
    CU_ASSERT_EQUAL(a.n.agreement.role, H23510_ROLE_PASSIVE);
    stop();
}

static void medium_that_is_not_wanted_is_passed_over(void)
{
    struct h23510_fast_choice choice;
    enum h23510_verdict why;

    start_modes(H23510_MODE_REQUIRED, H23510_MODE_REQUIRED);
    CU_ASSERT_EQUAL(propose(false), 0);
    read_all();
    CU_ASSERT(h23510_fast_choose(&b.n, offers, count, 1, accepts_ulaw, NULL, &choice, &why));
    CU_ASSERT_EQUAL(choice.forward, 3);
    CU_ASSERT_FALSE(h23510_fast_choose(&b.n, offers, count, 2, accepts_all, NULL, &choice, &why));
    CU_ASSERT_EQUAL(why, H23510_OK);
    stop();
}

static void policies_of_both_sides(void)
{
    static const struct {
        enum h23510_mode caller, callee;
        bool chosen, is_protected;
    } rows[] = {
        {H23510_MODE_OFF, H23510_MODE_OFF, true, false},
        {H23510_MODE_OFF, H23510_MODE_PREFERRED, true, false},
        {H23510_MODE_OFF, H23510_MODE_REQUIRED, false, false},
        {H23510_MODE_PREFERRED, H23510_MODE_OFF, true, false},
        {H23510_MODE_PREFERRED, H23510_MODE_PREFERRED, true, true},
        {H23510_MODE_PREFERRED, H23510_MODE_REQUIRED, true, true},
        {H23510_MODE_REQUIRED, H23510_MODE_OFF, false, false},
        {H23510_MODE_REQUIRED, H23510_MODE_PREFERRED, true, true},
        {H23510_MODE_REQUIRED, H23510_MODE_REQUIRED, true, true},
    };

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct h23510_fast_choice choice = {.is_protected = false};
        enum h23510_verdict why;

        start_modes(rows[k].caller, rows[k].callee);
        CU_ASSERT_EQUAL(propose(false), 0);
        read_all();
        CU_ASSERT_EQUAL(choose(&choice, &why), rows[k].chosen);
        CU_ASSERT_EQUAL(choice.is_protected, rows[k].is_protected);
        stop();
    }
}

static void directions_on_two_transports_are_refused(void)
{
    struct h23510_fast_choice choice;
    enum h23510_verdict why;

    PROVES("L-SHARE M-RTCPMUX");
    start_modes(H23510_MODE_REQUIRED, H23510_MODE_REQUIRED);
    CU_ASSERT_EQUAL(propose(false), 0);
    read_all();
    for (size_t i = 0; i < count; i++)
        if (!offers[i].is_reverse)
            offers[i].channel.media_control = at(1, 5002);
    CU_ASSERT_FALSE(choose(&choice, &why));
    CU_ASSERT_EQUAL(why, H23510_ADDRESS_DIFFERS);
    stop();
}

static void proposal_without_a_role_is_active_and_holdconn_is_for_h245(void)
{
    struct h23510_fast_choice choice;
    enum h23510_verdict why;

    PROVES("P-SETUP");
    start_modes(H23510_MODE_REQUIRED, H23510_MODE_REQUIRED);
    CU_ASSERT_EQUAL(propose(false), 0);
    respell(0, say_nothing);
    respell(1, say_nothing);
    respell(2, say_holdconn);
    respell(3, say_holdconn);
    read_all();
    CU_ASSERT_FATAL(choose(&choice, &why));
    CU_ASSERT_EQUAL(choice.forward, 1);
    CU_ASSERT_EQUAL(offers[1].agreement.role, H23510_ROLE_PASSIVE);
    CU_ASSERT_EQUAL(offers[3].agreement.role, H23510_ROLE_HOLD);
    CU_ASSERT_FALSE(h23510_fast_choose(&b.n, offers, count, 1, accepts_ulaw, NULL, &choice, &why));
    stop();
}

/* The callee lies: what the caller makes of it. `index`: which proposal is answered. */
static void answer_with(void (*change)(struct h245_DTLSSecurityCapability *cap),
                        enum h23510_verdict expected)
{
    const struct addr media = at(2, 6000);
    struct h23510_fast_choice choice;
    struct h23510_fast_offer read;
    struct h245_fast_olc found;
    struct h245_OpenLogicalChannel *olc;
    enum h23510_verdict why;
    const uint8_t *data = NULL;
    size_t len = 0, which = 0;

    start_modes(H23510_MODE_REQUIRED, H23510_MODE_REQUIRED);
    CU_ASSERT_EQUAL(propose(false), 0);
    read_all();
    CU_ASSERT_FATAL(choose(&choice, &why));
    CU_ASSERT_EQUAL(h23510_fast_take(&b.n, &offers[1]), 0);
    CU_ASSERT_EQUAL(h23510_fast_answer(&b.n, &b.arena, &offers[1], 0, &media, &media, &data, &len),
                    0);
    CU_ASSERT_EQUAL_FATAL(h245_read_fast_olc(&b.arena, data, len, &found), 0);
    olc = arena_copy(&b.arena, found.olc, sizeof(*olc));
    change(side_dtls(olc));
    CU_ASSERT_EQUAL(h245_encode_fast_olc(&b.arena, olc, false, &data, &len), 0);
    CU_ASSERT_EQUAL(h23510_fast_read_answer(&a.n, &a.arena, data, len, list, count, &read, &which),
                    0);
    CU_ASSERT_EQUAL(read.verdict, expected);
    CU_ASSERT_EQUAL(a.n.agreement.is_set, expected == H23510_OK);
    stop();
}

static void say_actpass(struct h245_DTLSSecurityCapability *cap)
{
    cap->setupInformation = text("actpass");
}

static void say_sha512(struct h245_DTLSSecurityCapability *cap)
{
    cap->hashFunction.v[0] = text("sha-512");
}

static void bad_answers_are_refused_with_their_reason(void)
{
    PROVES("T-BAD");
    answer_with(drop_fingerprint, H23510_NO_FINGERPRINT);
    answer_with(two_hashes, H23510_MANY_HASHES);
    answer_with(cut_fingerprint, H23510_FINGERPRINT_LENGTH);
    answer_with(sideways, H23510_BAD_SETUP);
    answer_with(say_actpass, H23510_ROLE_UNDECIDED);
    answer_with(say_existing, H23510_NO_CONNECTION);
    answer_with(say_sha512, H23510_HASH_NOT_COMMON); /* only sha-256 was proposed */
    answer_with(say_active, H23510_OK);
    answer_with(say_nothing, H23510_OK);
}

static void answer_to_nothing_that_was_proposed_is_not_found(void)
{
    struct h23510_fast_choice choice;
    struct h23510_fast_offer read;
    enum h23510_verdict why;

    start_modes(H23510_MODE_REQUIRED, H23510_MODE_REQUIRED);
    CU_ASSERT_EQUAL(propose(false), 0);
    read_all();
    CU_ASSERT_FATAL(choose(&choice, &why));
    CU_ASSERT_EQUAL(h23510_fast_take(&b.n, &offers[1]), 0);
    offers[1].channel.lcn = 999;
    CU_ASSERT_EQUAL(answer(1, &read), ERR_NOTFOUND);
    offers[1].channel.lcn = 101;
    offers[1].channel.audio.codec = H245_CODEC_PCMU;
    CU_ASSERT_EQUAL(answer(1, &read), ERR_NOTFOUND);
    offers[1].channel.audio.codec = H245_CODEC_PCMA;
    offers[1].verdict = H23510_NOT_PROTECTED; /* an answer in the clear to what was protected */
    CU_ASSERT_EQUAL(answer(1, &read), ERR_NOTFOUND);
    CU_ASSERT_FALSE(a.n.agreement.is_set);
    stop();
}

static void second_direction_with_another_certificate_is_refused(void)
{
    struct h23510_fast_choice choice;
    struct h23510_fast_offer read;
    enum h23510_verdict why;

    PROVES("T-SAME");
    start_modes(H23510_MODE_REQUIRED, H23510_MODE_REQUIRED);
    CU_ASSERT_EQUAL(propose(false), 0);
    read_all();
    CU_ASSERT_FATAL(choose(&choice, &why));
    CU_ASSERT_EQUAL(h23510_fast_take(&b.n, &offers[1]), 0);
    CU_ASSERT_EQUAL(answer(1, &read), 0);
    CU_ASSERT_EQUAL(read.verdict, H23510_OK);
    b.n.identity.fingerprints[FINGERPRINT_SHA256].digest[0] ^= 1;
    CU_ASSERT_EQUAL(answer(0, &read), 0);
    CU_ASSERT_EQUAL(read.verdict, H23510_FINGERPRINT_CHANGED);
    stop();
}

static void connect_fast(void)
{
    struct h23510_fast_choice choice;
    struct h23510_fast_offer read;
    enum h23510_verdict why;

    CU_ASSERT_EQUAL(propose(false), 0);
    read_all();
    CU_ASSERT_FATAL(choose(&choice, &why));
    CU_ASSERT_EQUAL(h23510_fast_take(&b.n, &offers[choice.forward]), 0);
    CU_ASSERT_EQUAL(answer(choice.forward, &read), 0);
    CU_ASSERT_EQUAL(answer(choice.reverse, &read), 0);
}

/* Capabilities that follow say the role that runs, and a channel opened by them joins. */
static void capabilities_afterwards_agree_with_what_runs(void)
{
    struct h23510_agreement before_a, before_b;
    struct side_result r;

    PROVES("D-ONCE A-ADD");
    start_modes(H23510_MODE_PREFERRED, H23510_MODE_PREFERRED);
    connect_fast();
    before_a = a.n.agreement;
    before_b = b.n.agreement;
    CU_ASSERT_EQUAL(side_exchange(&a, &b), H23510_OK);
    CU_ASSERT_EQUAL(b.n.peer.setup, H23510_SETUP_ACTIVE);
    CU_ASSERT_EQUAL(side_exchange(&b, &a), H23510_OK);
    CU_ASSERT_EQUAL(a.n.peer.setup, H23510_SETUP_PASSIVE);
    CU_ASSERT_EQUAL(a.n.stats.roles_disagree, 0);
    CU_ASSERT(h23510_is_usable(&a.n) && h23510_is_usable(&b.n));
    CU_ASSERT_EQUAL(memcmp(&before_a, &a.n.agreement, sizeof(before_a)), 0);
    CU_ASSERT_EQUAL(memcmp(&before_b, &b.n.agreement, sizeof(before_b)), 0);
    r = side_open(&b, &a);
    CU_ASSERT_EQUAL(r.olc, H23510_OK);
    CU_ASSERT_EQUAL(r.ack, H23510_OK);
    CU_ASSERT_FALSE(r.answerer.is_new);
    CU_ASSERT_FALSE(r.offerer.is_new);
    stop();
}

/* A peer whose set says the other role has to live with the connection that it made. */
static void capabilities_that_disagree_change_nothing_that_runs(void)
{
    struct h23510_agreement before;

    PROVES("D-ONCE");
    start_modes(H23510_MODE_PREFERRED, H23510_MODE_PREFERRED);
    connect_fast();
    before = b.n.agreement;
    a.n.agreement.role = H23510_ROLE_PASSIVE; /* it forgot that it is active */
    CU_ASSERT_EQUAL(side_exchange(&a, &b), H23510_OK);
    CU_ASSERT_EQUAL(b.n.stats.roles_disagree, 1);
    CU_ASSERT_EQUAL(memcmp(&before, &b.n.agreement, sizeof(before)), 0);
    CU_ASSERT_EQUAL(b.n.tcs_role, before.role);
    CU_ASSERT(h23510_is_usable(&b.n));
    stop();
}

/* Once the last channel is gone, roles are open again as the newest sets say. */
static void next_connection_is_negotiated_by_h245(void)
{
    struct side_result r;

    start_modes(H23510_MODE_PREFERRED, H23510_MODE_PREFERRED);
    connect_fast();
    (void)side_exchange(&a, &b);
    (void)side_exchange(&b, &a);
    h23510_reset_connection(&a.n);
    h23510_reset_connection(&b.n);
    r = side_open(&a, &b);
    CU_ASSERT_EQUAL(r.olc, H23510_OK);
    CU_ASSERT_EQUAL(r.ack, H23510_OK);
    CU_ASSERT(r.offerer.is_new && r.answerer.is_new);
    CU_ASSERT_EQUAL(r.answerer.role, H23510_ROLE_PASSIVE);
    stop();
}

/* As the server has it: the session's struct offers, the connection's one agrees. */
static void connections_on_copies_are_pinned_and_learn(void)
{
    struct h23510_agreement running;
    struct h245_OpenLogicalChannel *olc;
    struct h23510_agreement joined;
    struct h23510 connection;

    PROVES("D-ONCE A-ADD");
    start_modes(H23510_MODE_PREFERRED, H23510_MODE_PREFERRED);
    connect_fast();
    connection = b.n;
    running = connection.agreement;
    h23510_reset_connection(&b.n); /* the session's own has no connection */
    h23510_fast_pin(&b.n, &running);
    CU_ASSERT_EQUAL(side_exchange(&b, &a), H23510_OK);
    CU_ASSERT_EQUAL(a.n.peer.setup, H23510_SETUP_PASSIVE);
    CU_ASSERT_EQUAL(side_exchange(&a, &b), H23510_OK);
    olc = side_olc(&a, &b);
    CU_ASSERT_PTR_NOT_NULL_FATAL(olc);
    CU_ASSERT_EQUAL(h23510_check_olc(&connection, olc, &joined), H23510_NO_CAPABILITY);
    h23510_fast_learn(&connection, &b.n);
    CU_ASSERT_EQUAL(h23510_check_olc(&connection, olc, &joined), H23510_OK);
    CU_ASSERT_FALSE(joined.is_new);
    CU_ASSERT_EQUAL(memcmp(&running, &connection.agreement, sizeof(running)), 0);
    stop();
}

static void garbage_is_no_proposal(void)
{
    static const uint8_t junk[] = {0xff, 0x00, 0x11};
    struct h23510_fast_offer read;
    size_t which = 0;

    start_modes(H23510_MODE_REQUIRED, H23510_MODE_REQUIRED);
    CU_ASSERT_NOT_EQUAL(h23510_fast_read(&b.n, &b.arena, junk, sizeof(junk), &read), 0);
    CU_ASSERT_NOT_EQUAL(
        h23510_fast_read_answer(&a.n, &a.arena, junk, sizeof(junk), list, 0, &read, &which), 0);
    CU_ASSERT_EQUAL(propose(false), 0);
    /* every prefix of a good one, and every octet of it changed: no crash, and never a pair that
     * was not sent */
    for (size_t len = 0; len < list[0].len; len++)
        (void)h23510_fast_read(&b.n, &b.arena, list[0].data, len, &read);
    for (size_t i = 0; i < list[0].len; i++) {
        uint8_t *copy = arena_copy(&b.arena, list[0].data, list[0].len);

        copy[i] ^= 0x5a;
        (void)h23510_fast_read(&b.n, &b.arena, copy, list[0].len, &read);
    }
    CU_ASSERT_FALSE(b.n.agreement.is_set);
    stop();
}

SUITE("h23510/fast", TEST(proposals_carry_one_hash_and_a_fingerprint_each),
      TEST(policy_decides_what_is_proposed), TEST(too_many_proposals_are_a_limit),
      TEST(protected_pair_is_chosen_and_answered), TEST(roles_meet_in_all_combinations),
      TEST(bad_proposals_refuse_fast_connect_and_are_not_downgraded),
      TEST(good_proposal_behind_a_bad_one_is_found), TEST(answerer_selects_hash_role_and_codec),
      TEST(medium_that_is_not_wanted_is_passed_over), TEST(policies_of_both_sides),
      TEST(directions_on_two_transports_are_refused),
      TEST(proposal_without_a_role_is_active_and_holdconn_is_for_h245),
      TEST(bad_answers_are_refused_with_their_reason),
      TEST(answer_to_nothing_that_was_proposed_is_not_found),
      TEST(second_direction_with_another_certificate_is_refused),
      TEST(capabilities_afterwards_agree_with_what_runs),
      TEST(capabilities_that_disagree_change_nothing_that_runs),
      TEST(next_connection_is_negotiated_by_h245), TEST(connections_on_copies_are_pinned_and_learn),
      TEST(garbage_is_no_proposal))
