/* Recordings, captures and announcements of a mix: a real writer thread, real files, and disks that
 * are full, missing or in the way. */
#include "tests/suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/wav.h"
#include "base/clock.h"
#include "base/err.h"
#include "dpdk-app/media.h"
#include "dpdk-app/wire.h"
#include "tests/dpdk-app/mix_rig.h"

#define SECOND   8000u
#define PATIENCE 20000u /* milliseconds until the writer is given up */

static char folder[64];

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/sluice-mix-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static void remove_folder(void)
{
    DIR *dir = opendir(folder);
    struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL)
        (void)unlinkat(dirfd(dir), e->d_name, 0);
    if (dir != NULL)
        closedir(dir);
    (void)rmdir(folder);
}

static struct link_id start(unsigned parties)
{
    struct link_id mix;

    rig_directories(folder, folder);
    CU_ASSERT_EQUAL_FATAL(rig_start(&rig, 1), 0);
    rig_attach(&rig);
    parties_start(parties);
    mix = mix_make(0, PARTIES, 0);
    for (unsigned i = 0; i < parties; i++)
        CU_ASSERT_EQUAL_FATAL(mix_join(mix, i), 0);
    return mix;
}

static void stop(unsigned parties)
{
    parties_stop(parties);
    rig_stop(&rig);
    rig_directories("", "");
    CU_ASSERT_EQUAL(rig.buffers, 0);
}

/* The writer is a thread of its own: turns without time until it has said so. */
static const struct link_msg *wait_for(unsigned type, unsigned since)
{
    uint64_t end = clock_mono_ms() + PATIENCE;
    const struct link_msg *told;

    while ((told = rig_heard(&rig, type, since)) == NULL && clock_mono_ms() < end) {
        rig_turn(&rig);
        (void)poll(NULL, 0, 1);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(told);
    return told;
}

static const char *path_of(const char *name)
{
    static char path[160];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static size_t slurp(const char *name, uint8_t *data, size_t cap)
{
    int fd = open(path_of(name), O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, data, cap) : 0;

    if (fd >= 0)
        close(fd);
    return n > 0 ? (size_t)n : 0;
}

static int stop_record(struct link_id mix, int i)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_MIX_RECORD_STOP, mix, 6);
    if (i >= 0)
        msg.u.target.member = party[i].id;
    return mix_ask(&msg);
}

/* Power of a tone in a recording, dB below full scale. */
static double level_in(const int16_t *pcm, size_t n, unsigned hertz)
{
    double re = 0, im = 0;

    for (size_t k = 0; k < n; k++) {
        re += pcm[k] * cos(2 * M_PI * hertz * (double)k / SECOND);
        im += pcm[k] * sin(2 * M_PI * hertz * (double)k / SECOND);
    }
    return 20 * log10((2 * sqrt(re * re + im * im) / (double)n + 1e-3) / 32768);
}

/* ---- recordings ---- */

static void room_and_member_are_recorded(void)
{
    const struct link_msg *told;
    struct link_id mix;
    struct stat st;
    int16_t *pcm = NULL;
    size_t n = 0;

    make_folder();
    mix = start(3);
    talk(3, 200);
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_RECORD, mix, -1, "all.wav", 501), 0);
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_RECORD, mix, 1, "one.wav", 502), 0);
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_RECORD, mix, 1, "two.wav", 503), ERR_EXISTS);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_files_open), 2);
    talk(3, 2000);
    CU_ASSERT_EQUAL(stop_record(mix, -1), 0);
    CU_ASSERT_EQUAL(stop_record(mix, -1), ERR_NOTFOUND);
    told = wait_for(LINK_MIX_RECORDED, 0);
    CU_ASSERT_EQUAL(told->cookie, 501);
    CU_ASSERT_EQUAL(told->u.mix_event.error, 0);
    CU_ASSERT_EQUAL(told->u.mix_event.member.generation, 0);
    CU_ASSERT_EQUAL(told->u.mix_event.bytes, 44 + 2 * 2 * SECOND);
    CU_ASSERT_EQUAL(told->u.mix_event.duration_ms, 2000);
    CU_ASSERT_EQUAL(told->u.mix_event.dropped, 0);
    CU_ASSERT_STRING_EQUAL(told->u.mix_event.name, "all.wav");
    /* The one who leaves takes its recording along. */
    CU_ASSERT_EQUAL(mix_leave(mix, 1), 0);
    told = wait_for(LINK_MIX_RECORDED, rig.events);
    CU_ASSERT_EQUAL(told->cookie, 502);
    CU_ASSERT_EQUAL(told->u.mix_event.member.index, party[1].id.index);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_files_open), 0);

    CU_ASSERT_EQUAL(stat(path_of("all.wav"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL_FATAL(audio_wav_load(path_of("all.wav"), SECOND, 10, &pcm, &n), 0);
    CU_ASSERT_EQUAL(n, 2 * SECOND);
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT(level_in(pcm, n, party[i].hertz) > -21);
    free(pcm);
    CU_ASSERT_EQUAL_FATAL(audio_wav_load(path_of("one.wav"), SECOND, 10, &pcm, &n), 0);
    CU_ASSERT(level_in(pcm, n, party[1].hertz) > -21);
    CU_ASSERT(level_in(pcm, n, party[0].hertz) < -50);
    free(pcm);
    stop(3);
    remove_folder();
}

static void names_and_files_that_are_in_the_way(void)
{
    static const char *const bad[] = {"", ".", "..", ".hidden", "a/b", "/etc/passwd", "../x"};
    struct link_id mix;
    const struct link_msg *told;
    uint8_t data[16];
    char target[200];
    int fd;

    make_folder();
    snprintf(target, sizeof(target), "%s", path_of("target"));
    CU_ASSERT_EQUAL_FATAL(symlink(target, path_of("link.wav")), 0);
    fd = open(path_of("old.wav"), O_CREAT | O_WRONLY, 0600);
    CU_ASSERT_EQUAL(write(fd, "precious", 8), 8);
    close(fd);
    mix = start(1);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CU_ASSERT_EQUAL(mix_file(LINK_MIX_RECORD, mix, -1, bad[i], 1), ERR_INVAL);
        CU_ASSERT_EQUAL(mix_file(LINK_MIX_PLAY, mix, -1, bad[i], 1), ERR_INVAL);
    }
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_RECORD, mix, -1, "old.wav", 7), 0);
    told = wait_for(LINK_MIX_RECORDED, 0);
    CU_ASSERT_EQUAL(told->u.mix_event.error, ERR_EXISTS);
    CU_ASSERT_PTR_NOT_NULL(strstr(told->u.mix_event.text, "open"));
    CU_ASSERT_EQUAL(slurp("old.wav", data, sizeof(data)), 8);
    CU_ASSERT_EQUAL(memcmp(data, "precious", 8), 0);
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_RECORD, mix, -1, "link.wav", 8), 0);
    told = wait_for(LINK_MIX_RECORDED, rig.events);
    CU_ASSERT_NOT_EQUAL(told->u.mix_event.error, 0);
    CU_ASSERT_EQUAL(access(target, F_OK), -1); /* nothing was made behind the link */
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_RECORD, mix, -1, "good.wav", 9), 0); /* none in the way */
    stop(1);
    remove_folder();
}

static void missing_directory_is_told_and_nobody_suffers(void)
{
    const struct link_msg *told;
    struct link_id mix;

    make_folder();
    mix = start(2);
    remove_folder();
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_RECORD, mix, -1, "a.wav", 3), 0);
    talk(2, 100);
    told = wait_for(LINK_MIX_RECORDED, 0);
    CU_ASSERT_EQUAL(told->u.mix_event.error, ERR_NOTFOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(told->u.mix_event.text, "directory"));
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_files_open), 0);
    talk(2, 1000);
    CU_ASSERT_EQUAL(party[0].gaps, 0);
    CU_ASSERT(level_of(0, party[1].hertz, SECOND / 2) > -21);
    CU_ASSERT_EQUAL(stop_record(mix, -1), ERR_NOTFOUND);
    stop(2);
    rig_directories("", "");
    CU_ASSERT_EQUAL_FATAL(rig_start(&rig, 1), 0);
    rig_attach(&rig);
    mix = mix_make(0, 2, 0);
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_RECORD, mix, -1, "a.wav", 3), ERR_UNSUPPORTED);
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_PLAY, mix, -1, "a.wav", 3), ERR_UNSUPPORTED);
    rig_stop(&rig);
}

/* A disk of 64 KB of its own, in a mount namespace that ends with the process. */
static bool mount_small(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", folder, "tmpfs", 0, "size=64k") == 0;
}

static void full_disk_ends_the_recording_alone(void)
{
    const struct link_msg *told;
    struct link_id mix;
    int16_t *pcm = NULL;
    size_t n = 0;

    make_folder();
    if (!mount_small()) {
        printf("(no mount namespace here) ");
        remove_folder();
        return;
    }
    mix = start(2);
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_RECORD, mix, -1, "big.wav", 11), 0);
    for (unsigned k = 0; k < 100 && rig_heard(&rig, LINK_MIX_RECORDED, 0) == NULL; k++)
        talk(2, 100); /* 64 KB are four seconds */
    told = wait_for(LINK_MIX_RECORDED, 0);
    CU_ASSERT_EQUAL(told->u.mix_event.error, ERR_LIMIT);
    CU_ASSERT_PTR_NOT_NULL(strstr(told->u.mix_event.text, "No space left"));
    CU_ASSERT(told->u.mix_event.bytes >= 30000 && told->u.mix_event.bytes <= 65536);
    talk(2, 1000);
    CU_ASSERT(level_of(0, party[1].hertz, SECOND / 2) > -21);
    CU_ASSERT_EQUAL(party[0].gaps + party[1].gaps, 0);
    /* What was written can be heard. */
    CU_ASSERT_EQUAL_FATAL(audio_wav_load(path_of("big.wav"), SECOND, 10, &pcm, &n), 0);
    CU_ASSERT_EQUAL(n, (told->u.mix_event.bytes - 44) / 2);
    free(pcm);
    stop(2);
    CU_ASSERT_EQUAL(umount(folder), 0);
    remove_folder();
}

static void limits_of_a_file_end_it(void)
{
    const struct link_msg *told;
    struct link_id mix;
    struct link_msg msg;

    make_folder();
    mix = start(1);
    link_msg_init(&msg, LINK_MIX_RECORD, mix, 21);
    msg.u.file.max_seconds = 1;
    snprintf(msg.u.file.name, sizeof(msg.u.file.name), "short.wav");
    CU_ASSERT_EQUAL(mix_ask(&msg), 0);
    talk(1, 1500);
    told = wait_for(LINK_MIX_RECORDED, 0);
    CU_ASSERT_EQUAL(told->u.mix_event.error, 0);
    CU_ASSERT_EQUAL(told->u.mix_event.duration_ms, 1000);
    /* The rig has places for four files. */
    for (unsigned i = 0; i < 4; i++) {
        struct link_id more = mix_make(0, 2, 0);
        char name[16];

        snprintf(name, sizeof(name), "%u.wav", i);
        CU_ASSERT_EQUAL(mix_file(LINK_MIX_RECORD, more, -1, name, 30 + i), 0);
    }
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_RECORD, mix, -1, "fifth.wav", 40), ERR_LIMIT);
    stop(1);
    remove_folder();
}

/* A worker that is much faster than the disk: blocks are dropped and counted, time in the file is
 * right nevertheless. */
static void slow_writer_costs_blocks_and_no_time(void)
{
    struct writer_config config = {
        .recordings = folder, .announcements = "", .files = 4, .lanes = 1};
    struct writer_file what = {.kind = WRITER_WAV, .name = "fast.wav", .rate = 48000, .tag = 1};
    struct writer *writer = NULL;
    struct writer_lane *lane;
    struct writer_result result;
    int16_t block[960] = {0};
    uint64_t end = clock_mono_ms() + PATIENCE, dropped = 0;
    unsigned file = 0;

    make_folder();
    CU_ASSERT_EQUAL_FATAL(writer_create(&config, &writer), 0);
    lane = writer_lane(writer, 0);
    CU_ASSERT_PTR_NULL(writer_lane(writer, 1));
    what.kind = WRITER_PCAP; /* not without the operator's word */
    CU_ASSERT_EQUAL(writer_open(lane, &what, &file), ERR_REFUSED);
    what.kind = WRITER_WAV;
    CU_ASSERT_EQUAL_FATAL(writer_open(lane, &what, &file), 0);
    for (unsigned i = 0; i < 100000 && (dropped == 0 || i % 100 != 0); i++)
        dropped += !writer_pcm(lane, file, block, 960);
    CU_ASSERT(dropped > 0);
    CU_ASSERT_EQUAL(writer_dropped(lane, file), dropped);
    writer_stop(lane, file); /* room for this was kept */
    CU_ASSERT_FALSE(writer_pcm(lane, file, block, 960));
    while (!writer_next_result(lane, &result) && clock_mono_ms() < end)
        (void)poll(NULL, 0, 1);
    CU_ASSERT_EQUAL(result.tag, 1);
    CU_ASSERT_EQUAL(result.error, 0);
    CU_ASSERT_EQUAL(result.dropped, dropped);
    CU_ASSERT_EQUAL((result.bytes - 44) % 1920, 0);
    CU_ASSERT_EQUAL(writer_open(lane, &what, &file), 0); /* exists: refused later, by a result */
    writer_destroy(writer);
    remove_folder();
}

/* ---- captures ---- */

static void capture_shows_both_ways_decrypted(void)
{
    static uint8_t data[1 << 18];
    const struct link_msg *told;
    struct link_id mix;
    struct link_msg msg;
    struct stat st;
    size_t n, at = 24;
    unsigned in = 0, out = 0;

    make_folder();
    mix = start(2);
    talk(2, 100);
    CU_ASSERT_EQUAL(mix_file(LINK_CAPTURE, party[0].id, -1, "trace.pcap", 60), 0);
    CU_ASSERT_EQUAL(mix_file(LINK_CAPTURE, party[0].id, -1, "again.pcap", 61), ERR_EXISTS);
    talk(2, 400);
    link_msg_init(&msg, LINK_CAPTURE_STOP, party[0].id, 62);
    CU_ASSERT_EQUAL(mix_ask(&msg), 0);
    CU_ASSERT_EQUAL(mix_ask(&msg), ERR_NOTFOUND);
    talk(2, 100);
    told = wait_for(LINK_CAPTURED, 0);
    CU_ASSERT_EQUAL(told->cookie, 60);
    CU_ASSERT_EQUAL(told->transport, party[0].id.index);
    CU_ASSERT_EQUAL(told->u.mix_event.error, 0);
    CU_ASSERT_EQUAL(stat(path_of("trace.pcap"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    n = slurp("trace.pcap", data, sizeof(data));
    CU_ASSERT_EQUAL(n, told->u.mix_event.bytes);
    CU_ASSERT_EQUAL(data[20], 101);
    while (at + 16 <= n) {
        const uint8_t *ip = data + at + 16;
        uint32_t size;

        memcpy(&size, data + at + 8, 4);
        CU_ASSERT_FATAL(at + 16 + size <= n);
        CU_ASSERT_EQUAL(size, 20 + 8 + 172); /* no tag: this is the plain packet */
        CU_ASSERT_EQUAL(wire_fold(wire_sum(ip, 20, 0)), 0);
        CU_ASSERT_EQUAL(ip[28 + 1] & 0x7f, 8);
        if (wire_get16(ip + 20) == 4000) {
            CU_ASSERT_EQUAL(wire_get32(ip + 28 + 8), FAR_SSRC);
            CU_ASSERT_EQUAL(ip[15], 10);
            in++;
        } else {
            CU_ASSERT_EQUAL(wire_get32(ip + 28 + 8), OUR_SSRC);
            CU_ASSERT_EQUAL(wire_get16(ip + 22), 4000);
            out++;
        }
        at += 16 + size;
    }
    CU_ASSERT_EQUAL(in, 20);
    CU_ASSERT_EQUAL(out, 20);
    (void)mix;
    stop(2);
    remove_folder();
}

/* RFC 8200 8.1: over IPv6 a checksum of zero is a fault, and what reads captures says so. */
static void capture_over_ip6_has_a_checksum(void)
{
    struct writer_config config = {
        .recordings = folder, .announcements = "", .files = 1, .lanes = 1, .captures = true};
    struct writer_file what = {.kind = WRITER_PCAP, .name = "six.pcap"};
    struct writer_packet packet = {.wall_us = 1,
                                   .family = 6,
                                   .source = {0x20, 1, [15] = 1},
                                   .destination = {0x20, 1, [15] = 2},
                                   .source_port = 4000,
                                   .destination_port = 4002,
                                   .data = {"abcde", "fgh"},
                                   .length = {5, 3}};
    const size_t ip_at = 24 + 16, udp = UDP_SIZE + 8;
    struct writer *writer = NULL;
    uint8_t data[256];
    unsigned file = 0;
    int fd;

    make_folder();
    CU_ASSERT_EQUAL_FATAL(writer_create(&config, &writer), 0);
    CU_ASSERT_EQUAL(writer_open(writer_lane(writer, 0), &what, &file), 0);
    CU_ASSERT_TRUE(writer_packet(writer_lane(writer, 0), file, &packet));
    writer_destroy(writer); /* what was handed over is written by then */
    fd = open(path_of("six.pcap"), O_RDONLY);
    CU_ASSERT_EQUAL_FATAL(read(fd, data, sizeof(data)), (ssize_t)(ip_at + IP6_SIZE + udp));
    close(fd);
    CU_ASSERT_NOT_EQUAL(wire_get16(data + ip_at + IP6_SIZE + 6), 0);
    CU_ASSERT_TRUE(
        wire_is_whole(wire_sum(data + ip_at + IP6_SIZE, udp,
                               wire_pseudo(data + ip_at + 8, 32, PROTO_UDP, (uint32_t)udp))));
    remove_folder();
}

/* ---- announcements ---- */

static void write_tone(const char *name, unsigned rate, unsigned hertz, unsigned ms)
{
    unsigned n = rate * ms / 1000;
    uint8_t header[AUDIO_WAV_HEADER_BYTES];
    int fd = open(path_of(name), O_CREAT | O_WRONLY, 0600);

    audio_wav_header(header, rate, 1, n * 2);
    CU_ASSERT_EQUAL(write(fd, header, sizeof(header)), sizeof(header));
    for (unsigned k = 0; k < n; k++) {
        int16_t x = (int16_t)lround(6000 * sin(2 * M_PI * hertz * k / rate));

        CU_ASSERT_EQUAL(write(fd, &x, 2), 2);
    }
    close(fd);
}

static void wait_played(uint64_t n)
{
    uint64_t end = clock_mono_ms() + PATIENCE;

    while (rig_count(&rig, 0, LINK_COUNTER_mix_played) < n && clock_mono_ms() < end) {
        rig_turn(&rig);
        (void)poll(NULL, 0, 1);
    }
    CU_ASSERT_EQUAL_FATAL(rig_count(&rig, 0, LINK_COUNTER_mix_played), n);
}

static void announcements_are_heard_by_whom_they_are_for(void)
{
    const struct link_msg *told;
    struct link_id mix;
    unsigned since;

    make_folder();
    write_tone("all.wav", 16000, 2200, 1000); /* resampled */
    write_tone("one.wav", 8000, 2500, 3000);
    mix = start(2);
    talk(2, 200);
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_PLAY, mix, -1, "all.wav", 71), 0);
    wait_played(1);
    talk(2, 800);
    CU_ASSERT(level_of(0, 2200, SECOND / 2) > -18);
    CU_ASSERT(level_of(1, 2200, SECOND / 2) > -18);
    CU_ASSERT(level_of(0, party[1].hertz, SECOND / 2) > -21); /* members go on */
    talk(2, 1000);
    told = rig_heard(&rig, LINK_MIX_PLAYED, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(told);
    CU_ASSERT_EQUAL(told->cookie, 71);
    CU_ASSERT_EQUAL(told->u.mix_event.error, 0);
    CU_ASSERT_EQUAL(told->u.mix_event.duration_ms / 10, 100);
    CU_ASSERT_STRING_EQUAL(told->u.mix_event.text, "");
    CU_ASSERT(level_of(0, 2200, SECOND / 2) < -50);
    since = rig.events;
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_PLAY, mix, 1, "one.wav", 72), 0);
    wait_played(2);
    talk(2, 1000);
    CU_ASSERT(level_of(1, 2500, SECOND / 2) > -18);
    CU_ASSERT(level_of(0, 2500, SECOND / 2) < -50);
    /* Another one in its place: the first has ended. */
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_PLAY, mix, 1, "all.wav", 73), 0);
    told = wait_for(LINK_MIX_PLAYED, since);
    CU_ASSERT_EQUAL(told->cookie, 72);
    CU_ASSERT_EQUAL(told->u.mix_event.error, 0);
    CU_ASSERT_STRING_EQUAL(told->u.mix_event.text, "replaced");
    wait_played(3);
    talk(2, 500);
    CU_ASSERT(level_of(1, 2200, SECOND / 4) > -18);
    CU_ASSERT(level_of(1, 2500, SECOND / 4) < -45);
    since = rig.events;
    CU_ASSERT_EQUAL(mix_leave(mix, 1), 0);
    told = wait_for(LINK_MIX_PLAYED, since);
    CU_ASSERT_EQUAL(told->cookie, 73);
    CU_ASSERT_STRING_EQUAL(told->u.mix_event.text, "the session has left");
    stop(2);
    remove_folder();
}

static void files_that_are_no_announcements_are_told(void)
{
    const struct link_msg *told;
    struct link_id mix;
    int fd;

    make_folder();
    fd = open(path_of("text.wav"), O_CREAT | O_WRONLY, 0600);
    CU_ASSERT_EQUAL(write(fd, "RIFFnonsense", 12), 12);
    close(fd);
    CU_ASSERT_EQUAL(mkfifo(path_of("pipe.wav"), 0600), 0);
    mix = start(1);
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_PLAY, mix, -1, "none.wav", 81), 0);
    told = wait_for(LINK_MIX_PLAYED, 0);
    CU_ASSERT_EQUAL(told->u.mix_event.error, ERR_NOTFOUND);
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_PLAY, mix, 0, "text.wav", 82), 0);
    told = wait_for(LINK_MIX_PLAYED, rig.events);
    CU_ASSERT_NOT_EQUAL(told->u.mix_event.error, 0);
    CU_ASSERT(strlen(told->u.mix_event.text) > 5);
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_PLAY, mix, 0, "pipe.wav", 83), 0); /* does not hang */
    told = wait_for(LINK_MIX_PLAYED, rig.events);
    CU_ASSERT_EQUAL(told->u.mix_event.error, ERR_MALFORMED);
    /* A room that closes while a file is being read. */
    write_tone("late.wav", 48000, 900, 500);
    CU_ASSERT_EQUAL(mix_file(LINK_MIX_PLAY, mix, -1, "late.wav", 84), 0);
    CU_ASSERT_EQUAL(mix_close(mix), 0);
    talk(1, 50);
    stop(1);
    remove_folder();
}

SUITE("dpdk-app/mix_files", TEST(room_and_member_are_recorded),
      TEST(names_and_files_that_are_in_the_way), TEST(missing_directory_is_told_and_nobody_suffers),
      TEST(full_disk_ends_the_recording_alone), TEST(limits_of_a_file_end_it),
      TEST(slow_writer_costs_blocks_and_no_time), TEST(capture_shows_both_ways_decrypted),
      TEST(capture_over_ip6_has_a_checksum), TEST(announcements_are_heard_by_whom_they_are_for),
      TEST(files_that_are_no_announcements_are_told))
