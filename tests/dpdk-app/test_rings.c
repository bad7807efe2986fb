/* Rings of af_packet within the memory that may be locked. */
#include <string.h>

#include "dpdk-app/rings.h"
#include "tests/suite.h"

#define MIB (1024u * 1024u)

static size_t limit;

static bool within_limit(size_t bytes)
{
    return bytes <= limit;
}

static const struct settings_data_plane *plane(uint32_t workers, const char *first,
                                               const char *second)
{
    static struct settings_data_plane p;

    memset(&p, 0, sizeof(p));
    p.workers = workers;
    p.device_count = second != NULL ? 2 : 1;
    strcpy(p.devices[0].eal, first);
    if (second != NULL)
        strcpy(p.devices[1].eal, second);
    return &p;
}

static void rings_without_limit_are_long(void)
{
    limit = SIZE_MAX;
    CU_ASSERT_EQUAL(rings_frames(plane(1, "net_af_packet0,iface=a", NULL), within_limit), 4096);
    CU_ASSERT_EQUAL(
        rings_frames(plane(32, "net_af_packet0,iface=a", "net_af_packet1,iface=b"), within_limit),
        4096);
}

/* 8 MiB, what a user has: 2 rings of 1,024 frames of 2 KiB are 4 MiB. */
static void rings_of_a_user_fit_his_limit(void)
{
    limit = 8 * MIB;
    CU_ASSERT_EQUAL(rings_frames(plane(1, "net_af_packet0,iface=a", NULL), within_limit), 1024);
    CU_ASSERT_EQUAL(rings_frames(plane(2, "net_af_packet0,iface=a", NULL), within_limit), 512);
    CU_ASSERT_EQUAL(
        rings_frames(plane(1, "net_af_packet0,iface=a", "net_af_packet1,iface=b"), within_limit),
        512);
    CU_ASSERT_EQUAL(rings_frames(plane(1, "net_af_packet0,iface=a,qpairs=4", NULL), within_limit),
                    256);
    CU_ASSERT_EQUAL(
        rings_frames(plane(1, "net_af_packet0,iface=a,framesz=4096", NULL), within_limit), 512);
}

/* What a device says itself counts; devices without rings do not. */
static void rings_said_by_devices_are_counted(void)
{
    limit = 8 * MIB;
    CU_ASSERT_EQUAL(rings_frames(plane(1, "net_af_packet0,iface=a,framecnt=1024", "net_af_packet1"),
                                 within_limit),
                    256);
    CU_ASSERT_EQUAL(rings_frames(plane(1, "net_tap0", "net_af_packet1"), within_limit), 1024);
}

static void rings_without_memory_are_the_shortest(void)
{
    limit = 0;
    CU_ASSERT_EQUAL(rings_frames(plane(1, "net_af_packet0", NULL), within_limit), 256);
}

static void kernel_is_asked_without_leaving_anything(void)
{
    CU_ASSERT_TRUE(rings_can_lock(0));
    CU_ASSERT_TRUE(rings_can_lock(4096));
    CU_ASSERT_FALSE(rings_can_lock(SIZE_MAX / 2));
}

SUITE("dpdk-app/rings", TEST(rings_without_limit_are_long), TEST(rings_of_a_user_fit_his_limit),
      TEST(rings_said_by_devices_are_counted), TEST(rings_without_memory_are_the_shortest),
      TEST(kernel_is_asked_without_leaving_anything))
