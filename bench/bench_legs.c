#include "bench/bench_legs.h"

#include "base/err.h"
#include "bench/bench_dp.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 4568's names, and what we call the same thing. */
static const struct {
    const char *name;
    enum srtp_profile profile;
} suites[] = {
    {"AES_CM_128_HMAC_SHA1_80", SRTP_PROFILE_AES128_CM_SHA1_80},
    {"AES_CM_128_HMAC_SHA1_32", SRTP_PROFILE_AES128_CM_SHA1_32},
    {"AEAD_AES_128_GCM", SRTP_PROFILE_AEAD_AES_128_GCM},
    {"AEAD_AES_256_GCM", SRTP_PROFILE_AEAD_AES_256_GCM},
};

static enum srtp_profile find_suite(const char *name)
{
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
        if (strcmp(name, suites[i].name) == 0)
            return suites[i].profile;
    return SRTP_PROFILE_NONE;
}

static int read_hex(const char **text, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++, *text += 2) {
        unsigned value;
        int length = 0;

        if (sscanf(*text, "%2x%n", &value, &length) != 1 || length != 2)
            return ERR_MALFORMED;
        out[i] = (uint8_t)value;
    }
    return 0;
}

static int read_key(const char *text, enum srtp_profile id, struct srtp_master *master)
{
    const struct srtp_profile_info *profile = srtp_profile_find(id);
    int rc;

    if (!profile)
        return ERR_MALFORMED;
    master->profile = id;
    rc = read_hex(&text, master->key, profile->key_len);
    return rc == 0 ? read_hex(&text, master->salt, profile->salt_len) : rc;
}

static int read_leg(json_t *row, struct bench_leg *leg)
{
    const char *near, *far, *suite = NULL, *send = NULL, *receive = NULL;
    int near_port, far_port;
    json_int_t ssrc;
    enum srtp_profile profile;
    int rc;

    if (json_unpack(row, "{s:s, s:i, s:s, s:i, s:I, s?:s, s?:s, s?:s}", "near", &near, "near_port",
                    &near_port, "far", &far, "far_port", &far_port, "ssrc", &ssrc, "suite", &suite,
                    "send", &send, "receive", &receive) != 0 ||
        inet_pton(AF_INET, near, leg->near.ip) != 1 || inet_pton(AF_INET, far, leg->far.ip) != 1 ||
        near_port < 1 || near_port > 65535 || far_port < 1 || far_port > 65535)
        return ERR_MALFORMED;
    leg->near.family = leg->far.family = 4;
    leg->near.port = (uint16_t)near_port;
    leg->far.port = (uint16_t)far_port;
    leg->ssrc = (uint32_t)ssrc;
    if (!suite)
        return 0;
    profile = find_suite(suite);
    rc = send && receive ? read_key(send, profile, &leg->send) : ERR_MALFORMED;
    return rc == 0 ? read_key(receive, profile, &leg->receive) : rc;
}

static int read_legs(json_t *root, struct bench_leg **out)
{
    size_t n = json_array_size(root);
    struct bench_leg *legs = calloc(n, sizeof(*legs));
    int rc = legs ? 0 : ERR_NOMEM;

    for (uint32_t i = 0; i < n && rc == 0; i++) {
        rc = read_leg(json_array_get(root, i), &legs[i]);
        legs[i].peer = i ^ 1;
        legs[i].sends = true;
        if (rc != 0)
            fprintf(stderr, "sluice-bench: leg %u is malformed\n", i);
    }
    if (rc != 0) {
        bench_calls_free(legs, (uint32_t)n);
        return rc;
    }
    *out = legs;
    return 0;
}

int bench_legs_load(const char *path, struct bench_leg **legs, uint32_t *count)
{
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    size_t n = json_array_size(root);
    int rc = ERR_MALFORMED;

    if (!root)
        fprintf(stderr, "sluice-bench: %s:%d: %s\n", path, error.line, error.text);
    else if (n == 0 || n % 2 != 0 || n > BENCH_LOAD_LEGS_MAX)
        fprintf(stderr, "sluice-bench: %s: no array of pairs of legs\n", path);
    else
        rc = read_legs(root, legs);
    if (rc == 0)
        *count = (uint32_t)n;
    json_decref(root);
    return rc;
}
