/* The hub with a member whose packets are the fuzzer's: first as they are, then as chunks behind a
 * right common header of an association that is up, then as messages that its peer really sends. */
#include "server/data/data_hub.h"

#include <stdlib.h>
#include <string.h>

#include "sctp/dcep.h"

#define PACKETS 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct data_hub *hub;
static struct sctp *peer;
static struct {
    int to_hub;
    size_t len;
    uint8_t data[1400];
} queue[PACKETS];
static size_t count;
static uint64_t now = 1000;
static uint8_t header[12]; /* of the peer's last packet to the hub */

static void post(int to_hub, const uint8_t *packet, size_t len)
{
    if (count == PACKETS || len > sizeof(queue[0].data))
        return;
    queue[count].to_hub = to_hub;
    queue[count].len = len;
    memcpy(queue[count++].data, packet, len);
    if (to_hub && len >= sizeof(header))
        memcpy(header, packet, sizeof(header));
}

static int on_send(void *user, uint32_t shard, uint64_t id, const uint8_t *packet, size_t len)
{
    (void)user;
    (void)shard;
    if (id == 1)
        post(0, packet, len);
    return 0;
}

static void on_report(void *user, const struct data_report *report)
{
    (void)user;
    if (report->shown > report->len || report->shown > DATA_SHOWN_MAX)
        abort();
}

static void on_packet(void *user, const uint8_t *packet, size_t len)
{
    (void)user;
    post(1, packet, len);
}

static void on_up(void *user, uint16_t out, uint16_t in)
{
    (void)user;
    (void)out;
    (void)in;
}

static void on_down(void *user, const char *why)
{
    (void)user;
    (void)why;
}

static void on_message(void *user, const struct sctp_message *message)
{
    (void)user;
    (void)message;
}

static void on_reset(void *user, uint16_t stream)
{
    (void)user;
    (void)stream;
}

static void pass(unsigned turns)
{
    while (turns-- > 0) {
        for (size_t i = 0; i < count; i++) {
            uint8_t packet[1400];
            size_t len = queue[i].len;

            memcpy(packet, queue[i].data, len);
            if (queue[i].to_hub)
                data_hub_input(hub, now, 1, packet, len);
            else
                sctp_input(peer, packet, len);
        }
        count = 0;
        now += SCTP_TICK_MS;
        data_hub_on_timer(hub, now);
    }
}

/* RFC 9260 appendix A: CRC32c, reflected. */
static void seal(uint8_t *packet, size_t len)
{
    uint32_t crc = 0xffffffff;

    memset(packet + 8, 0, 4);
    for (size_t i = 0; i < len; i++) {
        crc ^= packet[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    crc = ~crc;
    for (int k = 0; k < 4; k++)
        packet[8 + k] = (uint8_t)(crc >> (8 * k));
}

static void chunks(const uint8_t *data, size_t size)
{
    uint8_t packet[1400];
    size_t len = size < sizeof(packet) - 12 ? size : sizeof(packet) - 12;

    memcpy(packet, header, 12);
    memcpy(packet + 12, data, len);
    seal(packet, 12 + len);
    data_hub_input(hub, now, 1, packet, 12 + len);
}

static void messages(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + 2 < size;) {
        size_t len =
            (size_t)data[at + 1] + 1 < size - at - 2 ? (size_t)data[at + 1] + 1 : size - at - 2;
        struct sctp_message m = {.stream = data[at] & 63,
                                 .ppid = data[at] & 64 ? DCEP_PPID : 53,
                                 .is_unordered = data[at] >> 7,
                                 .data = data + at + 2,
                                 .len = len};

        (void)sctp_send(peer, &m);
        at += 2 + len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct data_hub_io io = {.send = on_send, .report = on_report};
    static const struct data_hub_config config = {.message_max = 16384};
    static const struct sctp_callbacks callbacks = {.on_packet = on_packet,
                                                    .on_up = on_up,
                                                    .on_down = on_down,
                                                    .on_message = on_message,
                                                    .on_stream_reset = on_reset};
    const struct sctp_options options = {.local_port = 5000,
                                         .remote_port = 5000,
                                         .streams = 64,
                                         .mtu = 1200,
                                         .send_octets = 65536,
                                         .receive_octets = 65536,
                                         .message_max = 16384,
                                         .callbacks = &callbacks};
    struct data_member_config member = {
        .id = 1, .room = 1, .local_port = 5000, .remote_port = 5000};

    count = 0;
    if (size < 2 || data_hub_create(&config, &io, NULL, &hub) != 0)
        return 0;
    data_hub_watch(hub, true);
    member.use = (enum data_use)(data[0] % 3);
    if (sctp_create(&options, &peer) == 0 && data_hub_join(hub, now, &member) == 0) {
        data_hub_input(hub, now, 1, data + 1, size - 1);
        pass(4);
        member.id = 2; /* somebody to hear it */
        (void)data_hub_join(hub, now, &member);
        if (data[0] & 128)
            chunks(data + 1, size - 1);
        else
            messages(data + 1, size - 1);
        pass(4);
        data_hub_leave(hub, now, 1);
        pass(1);
    }
    sctp_destroy(peer);
    peer = NULL;
    data_hub_destroy(hub);
    return 0;
}
