/* The codec's interface used as protocol code uses it: typed values in, octets out, and back. */
#include "base/err.h"
#include "signalling/per/json.h"
#include "signalling/schema/h225.h"
#include "signalling/schema/h235.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

#include <stdlib.h>

static struct arena arena;
static uint8_t room[4096];
static struct per_error err;

static int encode(const struct per_type *t, const void *value, size_t *n)
{
    *n = 0;
    memset(&err, 0, sizeof(err));
    return per_encode(t, value, room, sizeof(room), n, &err);
}

static int decode(const struct per_type *t, const void *octets, size_t n, void *out)
{
    void *value = NULL;
    int rc;

    memset(&err, 0, sizeof(err));
    rc = per_decode(t, octets, n, NULL, &arena, &value, &err);
    memcpy(out, &value, sizeof(value));
    return rc;
}

/* An OpenLogicalChannel for G.711 A-law as a terminal would send it. */
static void fill_channel(struct h245_OpenLogicalChannel *olc,
                         struct h245_H2250LogicalChannelParameters *h2250,
                         struct h245_AudioCapability *audio)
{
    *olc = (struct h245_OpenLogicalChannel){.forwardLogicalChannelNumber = 101};
    *h2250 = (struct h245_H2250LogicalChannelParameters){
        .sessionID = 1, .has_silenceSuppression = true, .silenceSuppression = false};
    *audio = (struct h245_AudioCapability){.kind = h245_AudioCapability_g711Alaw64k,
                                           .u.g711Alaw64k = 20};
    olc->forwardLogicalChannelParameters.dataType.kind = h245_DataType_audioData;
    olc->forwardLogicalChannelParameters.dataType.u.audioData = audio;
    olc->forwardLogicalChannelParameters.multiplexParameters.kind =
        h245_OpenLogicalChannel_forwardLogicalChannelParameters_multiplexParameters_h2250LogicalChannelParameters;
    olc->forwardLogicalChannelParameters.multiplexParameters.u.h2250LogicalChannelParameters =
        h2250;
}

static void fresh_channel_returns_equal(void)
{
    struct h245_OpenLogicalChannel olc;
    struct h245_OpenLogicalChannel *back;
    struct h245_H2250LogicalChannelParameters h2250;
    const struct h245_H2250LogicalChannelParameters *got;
    struct h245_AudioCapability audio;
    size_t n;

    fill_channel(&olc, &h2250, &audio);
    CU_ASSERT_EQUAL_FATAL(encode(&h245_OpenLogicalChannel_type, &olc, &n), 0);
    arena_reset(&arena);
    CU_ASSERT_EQUAL_FATAL(decode(&h245_OpenLogicalChannel_type, room, n, &back), 0);
    CU_ASSERT_EQUAL(back->forwardLogicalChannelNumber, 101);
    CU_ASSERT_PTR_NULL(back->reverseLogicalChannelParameters);
    CU_ASSERT_EQUAL(back->forwardLogicalChannelParameters.dataType.kind, h245_DataType_audioData);
    CU_ASSERT_EQUAL(back->forwardLogicalChannelParameters.dataType.u.audioData->u.g711Alaw64k, 20);
    got = back->forwardLogicalChannelParameters.multiplexParameters.u.h2250LogicalChannelParameters;
    CU_ASSERT_EQUAL(got->sessionID, 1);
    CU_ASSERT_TRUE(got->has_silenceSuppression);
    CU_ASSERT_FALSE(got->silenceSuppression);
    CU_ASSERT_FALSE(got->has_dynamicRTPPayloadType);
    CU_ASSERT_PTR_NULL(got->mediaChannel);
}

static void master_slave_determination_gives_known_octets(void)
{
    static const uint8_t expected[] = {0x01, 0x00, 0x3c, 0x80, 0xab, 0xcd, 0xef};
    struct h245_MasterSlaveDetermination msd = {.terminalType = 60,
                                                .statusDeterminationNumber = 11259375};
    struct h245_RequestMessage request = {.kind = h245_RequestMessage_masterSlaveDetermination,
                                          .u.masterSlaveDetermination = &msd};
    struct h245_MultimediaSystemControlMessage message = {
        .kind = h245_MultimediaSystemControlMessage_request, .u.request = &request};
    size_t n;

    CU_ASSERT_EQUAL(encode(&h245_MultimediaSystemControlMessage_type, &message, &n), 0);
    CU_ASSERT_EQUAL(n, sizeof(expected));
    CU_ASSERT_EQUAL(memcmp(room, expected, sizeof(expected)), 0);
}

static void unset_choice_is_refused_with_path(void)
{
    struct h245_OpenLogicalChannel olc;
    struct h245_H2250LogicalChannelParameters h2250;
    struct h245_AudioCapability audio;
    char text[256];
    size_t n;

    fill_channel(&olc, &h2250, &audio);
    audio.kind = h245_AudioCapability_UNSET;
    CU_ASSERT_EQUAL(encode(&h245_OpenLogicalChannel_type, &olc, &n), ERR_INVAL);
    CU_ASSERT_STRING_EQUAL(err.path, "forwardLogicalChannelParameters.dataType.audioData");
    CU_ASSERT_PTR_NOT_NULL(strstr(per_error_to_str(&err, text, sizeof(text)),
                                  "forwardLogicalChannelParameters.dataType.audioData (bit "));
    fill_channel(&olc, &h2250, &audio);
    olc.forwardLogicalChannelParameters.dataType.u.audioData = NULL;
    CU_ASSERT_EQUAL(encode(&h245_OpenLogicalChannel_type, &olc, &n), ERR_INVAL);
    audio.kind = 9999;
    olc.forwardLogicalChannelParameters.dataType.u.audioData = &audio;
    CU_ASSERT_EQUAL(encode(&h245_OpenLogicalChannel_type, &olc, &n), ERR_INVAL);
}

static void value_outside_constraint_is_refused(void)
{
    struct h245_OpenLogicalChannel olc;
    struct h245_H2250LogicalChannelParameters h2250;
    struct h245_AudioCapability audio;
    struct h245_DTLSSecurityCapability dtls = {.has_fingerprint = true};
    size_t n;

    fill_channel(&olc, &h2250, &audio);
    olc.forwardLogicalChannelNumber = 0;
    CU_ASSERT_EQUAL(encode(&h245_OpenLogicalChannel_type, &olc, &n), ERR_RANGE);
    CU_ASSERT_STRING_EQUAL(err.path, "forwardLogicalChannelNumber");
    CU_ASSERT_STRING_EQUAL(err.what, "0 is not within 1..65535");
    /* SIZE(1..65535) */
    CU_ASSERT_EQUAL(encode(&h245_DTLSSecurityCapability_type, &dtls, &n), ERR_RANGE);
    dtls.fingerprint = per_string_of("\x80");
    CU_ASSERT_EQUAL(encode(&h245_DTLSSecurityCapability_type, &dtls, &n), ERR_RANGE);
    dtls.fingerprint = (struct per_string){.len = 3};
    CU_ASSERT_EQUAL(encode(&h245_DTLSSecurityCapability_type, &dtls, &n), ERR_INVAL);
}

static void addition_of_ours_changes_nothing_when_absent(void)
{
    uint16_t types[] = {1, 65535};
    struct per_string hash = per_string_of("sha-256");
    struct h245_DTLSSecurityCapability dtls = {.hashFunction = {1, &hash}};
    struct h245_DTLSSecurityCapability *back;
    size_t n;

    CU_ASSERT_EQUAL(encode(&h245_DTLSSecurityCapability_type, &dtls, &n), 0);
    CU_ASSERT_EQUAL(room[0] & 0x80, 0); /* no extensions at all, as the published module has none */
    dtls.has_extensionsType = true;
    dtls.extensionsType = (struct per_u16_list){2, types};
    CU_ASSERT_EQUAL(encode(&h245_DTLSSecurityCapability_type, &dtls, &n), 0);
    CU_ASSERT_EQUAL(room[0] & 0x80, 0x80);
    arena_reset(&arena);
    CU_ASSERT_EQUAL_FATAL(decode(&h245_DTLSSecurityCapability_type, room, n, &back), 0);
    CU_ASSERT_TRUE(back->has_extensionsType);
    CU_ASSERT_EQUAL(back->extensionsType.n, 2);
    CU_ASSERT_EQUAL(back->extensionsType.v[1], 65535);
    CU_ASSERT_EQUAL(back->ext_->bitmap_bits, 1);
}

/* H.225.0 version 8's addition lies behind version 7's bitmap: sent only where it is used. */
static void version_8_addition_lengthens_bitmap_only_when_present(void)
{
    uint8_t ip[4] = {192, 0, 2, 1};
    struct h225_TransportAddress_ipAddress address = {.port = 1720};
    struct h225_LocationConfirm lcf = {.requestSeqNum = 7,
                                       .has_destinationInfo = true,
                                       .callSignalAddress.kind = h225_TransportAddress_ipAddress,
                                       .rasAddress.kind = h225_TransportAddress_ipAddress};
    struct per_string language = per_string_of("de");
    struct h225_LocationConfirm *back;
    size_t n;
    uint32_t published;

    memcpy(address.ip, ip, 4);
    lcf.callSignalAddress.u.ipAddress = lcf.rasAddress.u.ipAddress = &address;
    CU_ASSERT_EQUAL(encode(&h225_LocationConfirm_type, &lcf, &n), 0);
    arena_reset(&arena);
    CU_ASSERT_EQUAL_FATAL(decode(&h225_LocationConfirm_type, room, n, &back), 0);
    published = back->ext_->bitmap_bits;
    lcf.has_language = true;
    lcf.language = (struct per_string_list){1, &language};
    CU_ASSERT_EQUAL(encode(&h225_LocationConfirm_type, &lcf, &n), 0);
    CU_ASSERT_EQUAL_FATAL(decode(&h225_LocationConfirm_type, room, n, &back), 0);
    CU_ASSERT_EQUAL(back->ext_->bitmap_bits, published + 1);
    CU_ASSERT_STRING_EQUAL(back->language.v[0].p, "de");
}

static void unknown_additions_are_kept_and_dropped_on_request(void)
{
    /* sequence number 4; 0 000011 is a bitmap of four bits, 1 0 0 1: one that we know, which is an
     * empty list, and one that we do not */
    static const uint8_t octets[] = {0x80, 0x04, 0x07, 0x20, 0x01, 0x00, 0x02, 0xaa, 0xbb};
    struct h245_TerminalCapabilitySetAck *ack;
    size_t n;

    arena_reset(&arena);
    CU_ASSERT_EQUAL_FATAL(decode(&h245_TerminalCapabilitySetAck_type, octets, sizeof(octets), &ack),
                          0);
    CU_ASSERT_EQUAL(ack->ext_->bitmap_bits, 4);
    CU_ASSERT_EQUAL(ack->ext_->n, 1);
    CU_ASSERT_EQUAL(ack->ext_->v[0].index, 3);
    CU_ASSERT_EQUAL(ack->ext_->v[0].data.len, 2);
    CU_ASSERT_EQUAL(encode(&h245_TerminalCapabilitySetAck_type, ack, &n), 0);
    CU_ASSERT_EQUAL(n, sizeof(octets));
    CU_ASSERT_EQUAL(memcmp(room, octets, n), 0);
    ack->ext_ = NULL;
    CU_ASSERT_EQUAL(encode(&h245_TerminalCapabilitySetAck_type, ack, &n), 0);
    CU_ASSERT_EQUAL(n, 5); /* one bit, and the empty genericInformation */
}

static void unknown_alternative_is_kept(void)
{
    static const uint8_t octets[] = {0x85, 0x01, 0x00};
    struct h245_RequestMessage *request;
    size_t n;

    arena_reset(&arena);
    CU_ASSERT_EQUAL_FATAL(decode(&h245_RequestMessage_type, octets, sizeof(octets), &request), 0);
    CU_ASSERT_EQUAL(request->kind, h245_RequestMessage_UNKNOWN);
    CU_ASSERT_EQUAL(request->u.unknown_->index, 5);
    CU_ASSERT_EQUAL(encode(&h245_RequestMessage_type, request, &n), 0);
    CU_ASSERT_EQUAL(n, sizeof(octets));
    CU_ASSERT_EQUAL(memcmp(room, octets, n), 0);
}

/* X.691 clause 13: an extensible range has one bit in front, outside it the number is unbounded. */
static void extensible_integer_outside_root_returns_equal(void)
{
    static const int64_t values[] = {0, 16383, 16384, -1, INT64_MAX, INT64_MIN, 255, -129};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct h225_GenericIdentifier id = {.kind = h225_GenericIdentifier_standard,
                                            .u.standard = values[i]};
        struct h225_GenericIdentifier *back;
        size_t n;

        CU_ASSERT_EQUAL_FATAL(encode(&h225_GenericIdentifier_type, &id, &n), 0);
        arena_reset(&arena);
        CU_ASSERT_EQUAL_FATAL(decode(&h225_GenericIdentifier_type, room, n, &back), 0);
        CU_ASSERT_EQUAL(back->u.standard, values[i]);
    }
}

static void decode_error_names_field_and_bit(void)
{
    /* request.masterSlaveDetermination, cut in its second member */
    static const uint8_t octets[] = {0x01, 0x00, 0x3c, 0x80, 0xab};
    struct h245_MultimediaSystemControlMessage *message;
    char text[256];

    arena_reset(&arena);
    CU_ASSERT_EQUAL(
        decode(&h245_MultimediaSystemControlMessage_type, octets, sizeof(octets), &message),
        ERR_TRUNCATED);
    CU_ASSERT_STRING_EQUAL(err.path, "request.masterSlaveDetermination.statusDeterminationNumber");
    CU_ASSERT_EQUAL(err.bit, 32);
    CU_ASSERT_STRING_EQUAL(per_error_to_str(&err, text, sizeof(text)),
                           "request.masterSlaveDetermination.statusDeterminationNumber (bit 32): "
                           "the input ends too early");
    /* err may be NULL */
    CU_ASSERT_EQUAL(per_decode(&h245_MultimediaSystemControlMessage_type, octets, sizeof(octets),
                               NULL, &arena, (void **)&message, NULL),
                    ERR_TRUNCATED);
}

static void octets_behind_the_value_are_refused_but_zeros(void)
{
    uint8_t octets[] = {0x01, 0x00, 0x3c, 0x80, 0xab, 0xcd, 0xef, 0x00, 0x00};
    void *message;

    arena_reset(&arena);
    CU_ASSERT_EQUAL(decode(&h245_MultimediaSystemControlMessage_type, octets, 9, &message), 0);
    octets[8] = 1;
    CU_ASSERT_EQUAL(decode(&h245_MultimediaSystemControlMessage_type, octets, 9, &message),
                    ERR_MALFORMED);
    CU_ASSERT_STRING_EQUAL(err.what, "1 octets behind the value");
    CU_ASSERT_EQUAL(decode(&h245_MultimediaSystemControlMessage_type, octets, 0, &message),
                    ERR_TRUNCATED);
}

static void types_are_found_by_name_in_order(void)
{
    CU_ASSERT_PTR_EQUAL(per_find("OpenLogicalChannel"), &h245_OpenLogicalChannel_type);
    CU_ASSERT_PTR_EQUAL(per_find("NonStandardParameter"), &h245_NonStandardParameter_type);
    CU_ASSERT_PTR_EQUAL(per_find("H323-MESSAGES:NonStandardParameter"),
                        &h225_NonStandardParameter_type);
    CU_ASSERT_PTR_EQUAL(per_find("h235:NonStandardParameter"), &h235_NonStandardParameter_type);
    CU_ASSERT_PTR_EQUAL(per_find("GenericInformation"), &h245_GenericMessage_type);
    CU_ASSERT_PTR_NULL(per_find("h235:OpenLogicalChannel"));
    CU_ASSERT_PTR_NULL(per_find("NoSuchType"));
    CU_ASSERT_PTR_NULL(per_find(""));
    CU_ASSERT_PTR_NULL(per_find(":"));
    CU_ASSERT_STRING_EQUAL(per_type_name(&h225_Setup_UUIE_type), "Setup-UUIE");
    CU_ASSERT_EQUAL(per_type_size(&h225_Setup_UUIE_type), sizeof(struct h225_Setup_UUIE));
}

static void identifiers_compare_by_arcs(void)
{
    CU_ASSERT_TRUE(per_oid_equal(PER_OID(0, 0, 8, 245, 0, 17), PER_OID(0, 0, 8, 245, 0, 17)));
    CU_ASSERT_FALSE(per_oid_equal(PER_OID(0, 0, 8, 245, 0, 17), PER_OID(0, 0, 8, 245, 0, 16)));
    CU_ASSERT_FALSE(per_oid_equal(PER_OID(0, 0, 8), PER_OID(0, 0)));
    CU_ASSERT_TRUE(per_oid_equal((struct per_oid){0}, (struct per_oid){0}));
}

/* X.690 clause 8.19: the first two arcs share a number; 2 may be followed by any. */
static void identifier_limits_hold(void)
{
    struct h245_CapabilityIdentifier id = {.kind = h245_CapabilityIdentifier_standard};
    struct h245_CapabilityIdentifier *back;
    size_t n;

    id.u.standard = PER_OID(2, UINT32_MAX, UINT32_MAX, 0);
    CU_ASSERT_EQUAL(encode(&h245_CapabilityIdentifier_type, &id, &n), 0);
    arena_reset(&arena);
    CU_ASSERT_EQUAL_FATAL(decode(&h245_CapabilityIdentifier_type, room, n, &back), 0);
    CU_ASSERT_TRUE(per_oid_equal(back->u.standard, id.u.standard));
    id.u.standard = PER_OID(1, 40);
    CU_ASSERT_EQUAL(encode(&h245_CapabilityIdentifier_type, &id, &n), ERR_RANGE);
    id.u.standard = PER_OID(3, 1);
    CU_ASSERT_EQUAL(encode(&h245_CapabilityIdentifier_type, &id, &n), ERR_RANGE);
    id.u.standard = PER_OID(1);
    CU_ASSERT_EQUAL(encode(&h245_CapabilityIdentifier_type, &id, &n), ERR_INVAL);
}

/* Characters of four bits in fragments; only the bare type can be that long. */
static void long_indexed_string_returns_equal(void)
{
    static char digits[40000];
    static uint8_t octets[sizeof(digits)];
    const struct per_type *t = per_find("TBCD-STRING");
    struct per_string s = {sizeof(digits), digits};
    struct per_string *back;
    size_t n;

    for (size_t i = 0; i < sizeof(digits); i++)
        digits[i] = "0123456789#*abc"[i * 7 % 15];
    CU_ASSERT_EQUAL_FATAL(per_encode(t, &s, octets, sizeof(octets), &n, &err), 0);
    CU_ASSERT_EQUAL(octets[0], 0xc2); /* 32K characters first */
    CU_ASSERT_EQUAL(n, 1 + 16384 + 2 + (sizeof(digits) - 32768) / 2);
    arena_reset(&arena);
    CU_ASSERT_EQUAL_FATAL(decode(t, octets, n, &back), 0);
    CU_ASSERT_EQUAL(back->len, s.len);
    CU_ASSERT_EQUAL(memcmp(back->p, digits, sizeof(digits)), 0);
}

static int stop_after(void *user, const char *text, size_t len)
{
    size_t *left = user;

    (void)text;
    if (*left < len)
        return ERR_LIMIT;
    *left -= len;
    return 0;
}

struct notation {
    char text[1024];
    size_t len;
};

static int collect(void *user, const char *text, size_t len)
{
    struct notation *n = user;

    if (n->len + len >= sizeof(n->text))
        return ERR_LIMIT;
    memcpy(n->text + n->len, text, len);
    n->len += len;
    n->text[n->len] = '\0';
    return 0;
}

static void prints(const char *type, const char *json_text, const char *expected)
{
    json_t *j = json_loads(json_text, JSON_DECODE_ANY, NULL);
    struct notation n = {0};
    void *value = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL(j);
    arena_reset(&arena);
    CU_ASSERT_EQUAL_FATAL(per_from_json(per_find(type), j, &arena, &value, &err), 0);
    CU_ASSERT_EQUAL(per_print(per_find(type), value, collect, &n), 0);
    CU_ASSERT_STRING_EQUAL(n.text, expected);
    json_decref(j);
}

/* X.680: how each kind of value is written. */
static void every_kind_of_value_is_printed(void)
{
    prints("h235:Element", "{\"bits\": {\"bits\": \"101\"}}", "bits : '101'B");
    prints("h235:Element", "{\"bits\": {\"bits\": \"\"}}", "bits : ''B");
    prints("h235:Element", "{\"bits\": {\"bits\": \"0101101011110000\"}}", "bits : '5AF0'H");
    prints("h235:Element", "{\"octets\": \"00ff\"}", "octets : '00FF'H");
    prints("h235:Element", "{\"integer\": -5}", "integer : -5");
    prints("h235:Element", "{\"flag\": false}", "flag : FALSE");
    prints("h235:Element", "{\"name\": \"a\\\"b\\u00e9\\u20ac\\u0007\"}",
           "name : \"a\"\"b\u00e9\u20ac\\x07\"");
    prints("h235:Element", "{\"_ext_3\": \"0102\"}", "-- unknown addition 3: '0102'H --");
    prints("ScreeningIndicator", "\"userProvidedVerifiedAndFailed\"",
           "userProvidedVerifiedAndFailed");
    prints("ScreeningIndicator", "\"_ext_9\"", "unknown-13");
    prints("AlternativeCapabilitySet", "[1, 2]", "{\n  1,\n  2\n}");
    prints("h235:Params", "{}", "{ }");
    prints("EncodedGeneralToken", "{\"ClearToken\": {\"tokenOID\": \"0.8.1\"}}",
           "ClearToken : {\n  tokenOID {0 8 1}\n}");
}

static void unknown_additions_are_printed_as_comments(void)
{
    static const uint8_t octets[] = {0x80, 0x04, 0x07, 0x20, 0x01, 0x00, 0x02, 0xaa, 0xbb};
    struct notation n = {0};
    void *ack;

    arena_reset(&arena);
    CU_ASSERT_EQUAL_FATAL(decode(&h245_TerminalCapabilitySetAck_type, octets, sizeof(octets), &ack),
                          0);
    CU_ASSERT_EQUAL(per_print(&h245_TerminalCapabilitySetAck_type, ack, collect, &n), 0);
    CU_ASSERT_STRING_EQUAL(n.text, "{\n  sequenceNumber 4,\n  genericInformation { },\n"
                                   "  -- unknown addition 3: 'AABB'H --\n}");
}

static void print_stops_when_told(void)
{
    struct h245_OpenLogicalChannel olc;
    struct h245_H2250LogicalChannelParameters h2250;
    struct h245_AudioCapability audio;
    size_t left = 40;

    fill_channel(&olc, &h2250, &audio);
    CU_ASSERT_EQUAL(per_print(&h245_OpenLogicalChannel_type, &olc, stop_after, &left), ERR_LIMIT);
    left = 10000;
    CU_ASSERT_EQUAL(per_print(&h245_OpenLogicalChannel_type, &olc, stop_after, &left), 0);
    audio.kind = h245_AudioCapability_UNSET;
    CU_ASSERT_EQUAL(per_print(&h245_OpenLogicalChannel_type, &olc, stop_after, &left), ERR_INVAL);
}

static void json_refuses(const char *type, const char *text, const char *path, const char *what)
{
    json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
    void *value;

    CU_ASSERT_PTR_NOT_NULL_FATAL(j);
    arena_reset(&arena);
    CU_ASSERT(per_from_json(per_find(type), j, &arena, &value, &err) < 0);
    CU_ASSERT_STRING_EQUAL(err.path, path);
    CU_ASSERT_STRING_EQUAL(err.what, what);
    json_decref(j);
}

static void wrong_json_is_refused_with_path(void)
{
    json_refuses("MasterSlaveDetermination", "{\"terminalType\": 1}", "",
                 "MasterSlaveDetermination lacks statusDeterminationNumber");
    json_refuses("MasterSlaveDetermination",
                 "{\"terminalType\": 256, \"statusDeterminationNumber\": 1}", "terminalType",
                 "256 is not within 0..255");
    json_refuses("MasterSlaveDetermination", "{\"terminalTypo\": 1}", "",
                 "MasterSlaveDetermination has no member terminalTypo");
    json_refuses("RequestMessage", "{\"masterSlaveDetermination\": 5}", "masterSlaveDetermination",
                 "MasterSlaveDetermination: expected an object");
    json_refuses("RequestMessage", "{\"nothing\": 5}", "",
                 "RequestMessage has no alternative nothing");
    json_refuses("AlternativeCapabilitySet", "[1, \"2\"]", "[1]",
                 "INTEGER: expected a whole number");
    json_refuses("CallIdentifier", "{\"guid\": \"00\"}", "guid", "length 1 is not 16");
    json_refuses("CapabilityIdentifier", "{\"standard\": \"1.\"}", "standard",
                 "OBJECT IDENTIFIER: expected arcs such as \"0.0.8.245\"");
    json_refuses("RequestMessage", "{\"_ext_0\": \"00\"}", "",
                 "RequestMessage has no alternative _ext_0");
}

static int setup(void)
{
    arena_init(&arena, 1 << 14, 0);
    return 0;
}

static int teardown(void)
{
    arena_fini(&arena);
    return 0;
}

SUITE_SETUP("per/codec", setup, teardown, TEST(fresh_channel_returns_equal),
            TEST(master_slave_determination_gives_known_octets),
            TEST(unset_choice_is_refused_with_path), TEST(value_outside_constraint_is_refused),
            TEST(addition_of_ours_changes_nothing_when_absent),
            TEST(version_8_addition_lengthens_bitmap_only_when_present),
            TEST(unknown_additions_are_kept_and_dropped_on_request),
            TEST(unknown_alternative_is_kept), TEST(extensible_integer_outside_root_returns_equal),
            TEST(decode_error_names_field_and_bit),
            TEST(octets_behind_the_value_are_refused_but_zeros),
            TEST(types_are_found_by_name_in_order), TEST(identifiers_compare_by_arcs),
            TEST(identifier_limits_hold), TEST(long_indexed_string_returns_equal),
            TEST(every_kind_of_value_is_printed), TEST(unknown_additions_are_printed_as_comments),
            TEST(print_stops_when_told), TEST(wrong_json_is_refused_with_path))
