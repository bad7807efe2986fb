/* Can this CPU run the SRTP engine that a suite is about? */
#ifndef TESTS_SRTP_POSSIBLE_H
#define TESTS_SRTP_POSSIBLE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "crypto/srtp.h"

/* Only a CPU that cannot run it makes a suite skip; every other error is for the suite to find. */
static inline bool srtp_is_possible(const char *name)
{
    const struct srtp_limits limits = {.keys = 1, .streams = 2};
    struct srtp_engine *engine = NULL;
    int rc = srtp_engine_create(name, &limits, &engine);

    srtp_engine_destroy(engine);
    if (rc == ERR_UNSUPPORTED)
        fprintf(stderr, "skipped: this CPU cannot run the SRTP engine %s\n", name);
    return rc != ERR_UNSUPPORTED;
}

static inline bool srtp_mb_is_possible(void)
{
    return srtp_is_possible("mb");
}

/* The engine that SRTP_TEST_ENGINE names, for suites that hold for every back end. */
static inline const char *srtp_test_engine(void)
{
    const char *name = getenv("SRTP_TEST_ENGINE");

    return name ? name : "libsrtp";
}

static inline bool srtp_test_engine_is_possible(void)
{
    return srtp_is_possible(srtp_test_engine());
}

#endif
