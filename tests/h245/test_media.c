/* Capabilities, channels and addresses: built, over the wire, read. */
#include "base/err.h"
#include "signalling/h245/media.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

static struct arena arena;

static void *wire(const struct per_type *type, const void *value)
{
    uint8_t buf[4096];
    size_t len = 0;
    void *out = NULL;

    CU_ASSERT_EQUAL_FATAL(per_encode(type, value, buf, sizeof(buf), &len, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(per_decode(type, buf, len, NULL, &arena, &out, NULL), 0);
    return out;
}

static void every_codec_survives_capability_and_channel(void)
{
    for (unsigned i = 0; i < H245_CODEC_COUNT; i++) {
        struct h245_audio audio = {.codec = (enum h245_codec)i, .frames = 3}, back;
        struct h245_AudioCapability *cap = NULL;
        enum h245_codec named;

        arena_init(&arena, 0, 0);
        if (i == H245_CODEC_OPUS)
            audio.frames = 1; /* its packets are as long as they are */
        if (i == H245_CODEC_GENERIC) {
            strcpy(audio.generic_oid, "0.0.8.245.1.1.1");
            audio.frames = 1;
        }
        CU_ASSERT_EQUAL_FATAL(h245_build_audio(&arena, &audio, &cap), 0);
        CU_ASSERT_EQUAL(h245_read_audio(wire(&h245_AudioCapability_type, cap), &back), 0);
        CU_ASSERT_EQUAL(back.codec, i);
        CU_ASSERT_EQUAL(back.frames, audio.frames);
        CU_ASSERT_STRING_EQUAL(back.generic_oid, audio.generic_oid);
        CU_ASSERT_EQUAL(h245_codec_from_str(h245_codec_to_str((enum h245_codec)i), &named), 0);
        CU_ASSERT_EQUAL(named, i);
        arena_fini(&arena);
    }
}

static void names_and_payload_types_are_those_of_rfc3551(void)
{
    enum h245_codec codec;

    CU_ASSERT_EQUAL(h245_codec_payload_type(H245_CODEC_PCMU), 0);
    CU_ASSERT_EQUAL(h245_codec_payload_type(H245_CODEC_PCMA), 8);
    CU_ASSERT_EQUAL(h245_codec_payload_type(H245_CODEC_G722), 9);
    CU_ASSERT_EQUAL(h245_codec_payload_type(H245_CODEC_UNKNOWN), H245_PT_DYNAMIC);
    CU_ASSERT_EQUAL(h245_codec_clock(H245_CODEC_PCMA), 8000);
    CU_ASSERT_EQUAL(h245_codec_from_str("pcma", &codec), 0);
    CU_ASSERT_EQUAL(h245_codec_from_str("opium", &codec), ERR_NOTFOUND);
    CU_ASSERT_STRING_EQUAL(h245_codec_to_str(H245_CODEC_UNKNOWN), "unknown");
}

static void channel_round_trip(const char *media, const char *control)
{
    struct h245_channel channel = {.lcn = 77,
                                   .session_id = 1,
                                   .audio = {H245_CODEC_G722, 20, ""},
                                   .payload_type = 101,
                                   .silence_suppression = true,
                                   .has_port_number = true,
                                   .port_number = 6000};
    struct h245_channel back;
    struct h245_OpenLogicalChannel *olc = NULL;

    arena_init(&arena, 0, 0);
    if (media != NULL)
        CU_ASSERT_EQUAL(addr_parse(media, &channel.media), 0);
    if (control != NULL)
        CU_ASSERT_EQUAL(addr_parse(control, &channel.media_control), 0);
    CU_ASSERT_EQUAL_FATAL(h245_build_olc(&arena, &channel, &olc), 0);
    CU_ASSERT_EQUAL_FATAL(h245_read_olc(wire(&h245_OpenLogicalChannel_type, olc), &back), 0);
    CU_ASSERT_EQUAL(back.lcn, 77);
    CU_ASSERT_EQUAL(back.session_id, 1);
    CU_ASSERT_EQUAL(back.audio.codec, H245_CODEC_G722);
    CU_ASSERT_EQUAL(back.payload_type, 101);
    CU_ASSERT_TRUE(back.silence_suppression && back.has_port_number);
    CU_ASSERT_EQUAL(back.port_number, 6000);
    CU_ASSERT_TRUE(addr_is_equal(&back.media, &channel.media));
    CU_ASSERT_TRUE(addr_is_equal(&back.media_control, &channel.media_control));
    CU_ASSERT_FALSE(back.is_protected || back.is_null || back.is_other_media || back.has_reverse);
    arena_fini(&arena);
}

static void channel_addresses_survive_in_both_families(void)
{
    channel_round_trip(NULL, "192.0.2.1:5001");
    channel_round_trip("192.0.2.1:5000", "192.0.2.1:5000");
    channel_round_trip("[2001:db8::1]:5000", "[2001:db8::1]:5001");
    channel_round_trip(NULL, NULL);
}

static void ack_survives_in_both_families(void)
{
    static const char *const addresses[] = {"192.0.2.1:5000", "[2001:db8::1]:65535"};

    for (size_t i = 0; i < 2; i++) {
        struct h245_channel_ack ack = {.lcn = 5,
                                       .session_id = 1,
                                       .payload_type = 96,
                                       .flow_control_to_zero = true,
                                       .has_port_number = true,
                                       .port_number = 9};
        struct h245_channel_ack back;
        struct h245_OpenLogicalChannelAck *m = NULL;

        arena_init(&arena, 0, 0);
        CU_ASSERT_EQUAL(addr_parse(addresses[i], &ack.media), 0);
        ack.media_control = ack.media;
        CU_ASSERT_EQUAL_FATAL(h245_build_olc_ack(&arena, &ack, &m), 0);
        CU_ASSERT_EQUAL(h245_read_olc_ack(wire(&h245_OpenLogicalChannelAck_type, m), &back), 0);
        CU_ASSERT_TRUE(addr_is_equal(&back.media, &ack.media));
        CU_ASSERT_TRUE(addr_is_equal(&back.media_control, &ack.media));
        CU_ASSERT_EQUAL(back.payload_type, 96);
        CU_ASSERT_TRUE(back.flow_control_to_zero && back.has_port_number);
        arena_fini(&arena);
    }
}

static void multicast_and_foreign_addresses_are_refused(void)
{
    struct h245_channel channel = {.lcn = 1, .session_id = 1, .audio = {H245_CODEC_PCMA, 20, ""}};
    struct h245_channel back;
    struct h245_OpenLogicalChannel *olc = NULL;
    struct h245_UnicastAddress netbios = {.kind = h245_UnicastAddress_netBios};
    struct h245_TransportAddress foreign = {.kind = h245_TransportAddress_unicastAddress,
                                            .u.unicastAddress = &netbios};

    arena_init(&arena, 0, 0);
    CU_ASSERT_EQUAL(addr_parse("224.0.0.1:5000", &channel.media), 0);
    CU_ASSERT_EQUAL_FATAL(h245_build_olc(&arena, &channel, &olc), 0);
    CU_ASSERT_EQUAL(h245_read_olc(olc, &back), ERR_MALFORMED);
    olc->forwardLogicalChannelParameters.multiplexParameters.u.h2250LogicalChannelParameters
        ->mediaChannel = &foreign;
    CU_ASSERT_EQUAL(h245_read_olc(olc, &back), ERR_MALFORMED);
    CU_ASSERT_EQUAL(h245_read_address(&foreign).family, ADDR_NONE);
    olc->forwardLogicalChannelParameters.multiplexParameters.kind =
        h245_OpenLogicalChannel_forwardLogicalChannelParameters_multiplexParameters_none;
    CU_ASSERT_EQUAL(h245_read_olc(olc, &back), ERR_UNSUPPORTED);
    arena_fini(&arena);
}

static void choice_takes_our_order_and_the_smaller_packet(void)
{
    static const struct h245_audio ours[] = {{H245_CODEC_G722, 20, ""}, {H245_CODEC_PCMU, 30, ""}};
    struct h245_peer_caps peer = {.audio_count = 2};
    struct h245_audio chosen;

    peer.audio[0].audio = (struct h245_audio){H245_CODEC_PCMU, 20, ""};
    peer.audio[1].audio = (struct h245_audio){H245_CODEC_G722, 60, ""};
    CU_ASSERT_EQUAL(h245_choose_audio(&peer, ours, 2, &chosen), 0);
    CU_ASSERT_EQUAL(chosen.codec, H245_CODEC_G722);
    CU_ASSERT_EQUAL(chosen.frames, 20);
    CU_ASSERT_EQUAL(h245_choose_audio(&peer, ours + 1, 1, &chosen), 0);
    CU_ASSERT_EQUAL(chosen.frames, 20);
    peer.audio_count = 0;
    CU_ASSERT_EQUAL(h245_choose_audio(&peer, ours, 2, &chosen), ERR_NOTFOUND);
}

static void builders_report_every_failed_allocation(void)
{
    static const struct h245_audio audio[] = {{H245_CODEC_PCMA, 20, ""}, {H245_CODEC_G7231, 1, ""}};
    struct h245_caps_offer offer = {
        .audio = audio, .audio_count = 2, .telephone_event_pt = 101, .user_input = true};
    int err = ERR_NOMEM;

    for (long n = 0; n < 100 && err != 0; n++) {
        struct h245_TerminalCapabilitySet *tcs = NULL;

        arena_init(&arena, 0, 0);
        arena_fail_after(&arena, n);
        err = h245_build_tcs(&arena, &offer, &tcs);
        CU_ASSERT_TRUE(err == 0 || err == ERR_NOMEM);
        arena_fini(&arena);
    }
    CU_ASSERT_EQUAL(err, 0);
}

SUITE("h245/media", TEST(every_codec_survives_capability_and_channel),
      TEST(names_and_payload_types_are_those_of_rfc3551),
      TEST(channel_addresses_survive_in_both_families), TEST(ack_survives_in_both_families),
      TEST(multicast_and_foreign_addresses_are_refused),
      TEST(choice_takes_our_order_and_the_smaller_packet),
      TEST(builders_report_every_failed_allocation))
