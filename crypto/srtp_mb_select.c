/* Which code path of the library serves which suite: all that this CPU can run are made, measured
 * (srtp_mb_measure.c), and those not chosen freed again. Facts: SSE with SHA-NI beats AVX2 by a
 * third for HMAC, so that "the newest" is no rule. */
#include "crypto/srtp_mb_select.h"

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct path {
    const char *name;
    void (*init)(IMB_MGR *);
    uint64_t flags;
    uint64_t needs; /* CPU flags without which its first instruction kills us */
};

static const struct path paths[MB_PATH_COUNT] = {
#define MB_PATH_ROW(id, name, init, flags, needs) [id] = {name, init, flags, needs},
    MB_PATH_LIST(MB_PATH_ROW)
#undef MB_PATH_ROW
};

static bool cpu_has(uint64_t features, const struct path *path)
{
    return (features & path->needs) == path->needs;
}

static void free_manager(IMB_MGR *manager)
{
    secret_free(manager, imb_get_mb_mgr_size());
}

/* In memory of our own: a manager holds keys and packets that it works on. */
static int make_manager(const struct path *path, IMB_MGR **out)
{
    void *memory = secret_alloc(imb_get_mb_mgr_size());
    /* the library lays a manager out in memory that we give it */
    IMB_MGR *manager = memory ? imb_set_pointers_mb_mgr(memory, path->flags, 1) : NULL;

    if (!manager) {
        free_manager(memory);
        return ERR_NOMEM;
    }
    path->init(manager);
    /* Its own known answers: a failed self-test means wrong media, so the path is out. */
    if (imb_get_errno(manager) != 0) {
        log_error(LOG_AREA_CRYPTO, 0, "intel-ipsec-mb failed its self-test",
                  LOG_S("path", path->name),
                  LOG_S("reason", imb_get_strerror(imb_get_errno(manager))));
        free_manager(manager);
        return ERR_CRYPTO;
    }
    *out = manager;
    return 0;
}

static int make_managers(struct mb_select *select, const char *pin)
{
    uint64_t features = imb_get_feature_flags();
    bool has_any = false;
    int rc = pin ? ERR_INVAL : ERR_UNSUPPORTED;

    /* A name that no path has stays ERR_INVAL: a typing error, told apart from a CPU that lacks
     * it. */
    for (size_t i = 0; i < MB_PATH_COUNT; i++) {
        if (pin && strcmp(pin, paths[i].name) != 0)
            continue;
        if (!cpu_has(features, &paths[i])) {
            rc = ERR_UNSUPPORTED;
            continue;
        }
        rc = make_manager(&paths[i], &select->managers[i]);
        if (rc != 0)
            return rc;
        has_any = true;
    }
    return has_any ? 0 : rc;
}

static void log_refusal(int rc, const char *pin)
{
    if (rc == ERR_INVAL)
        log_error(LOG_AREA_CRYPTO, 0, "SLUICE_SRTP_PATH names no code path", LOG_S("value", pin),
                  LOG_S("expected", "sse, sse-noshani, avx, avx2 or avx512"));
    else if (rc == ERR_UNSUPPORTED && pin)
        log_error(LOG_AREA_CRYPTO, 0, "this CPU cannot run the code path that is asked for",
                  LOG_S("path", pin));
    else if (rc == ERR_UNSUPPORTED)
        log_warn(LOG_AREA_CRYPTO, 0,
                 "SRTP engine mb needs a CPU with AES-NI, PCLMULQDQ and SSE4.2; "
                 "srtp_engine libsrtp works here");
}

static void drop_unused(struct mb_select *select)
{
    bool is_used[MB_PATH_COUNT] = {false};

    is_used[select->ctr] = is_used[select->gcm[0]] = is_used[select->gcm[1]] = true;
    for (size_t i = 0; i < MB_CLASS_COUNT; i++)
        /* Up to five managers of 20 KB and more: only those in use stay in locked memory. */
        is_used[select->hmac[i]] = true;
    for (size_t i = 0; i < MB_PATH_COUNT; i++) {
        if (is_used[i])
            continue;
        free_manager(select->managers[i]);
        select->managers[i] = NULL;
    }
}

/* "aes-cm avx512, hmac-sha1 avx (1), avx (2), ..., gcm-128 avx512, gcm-256 avx512" */
static void describe(struct mb_select *select)
{
    char *at = select->text;
    char *end = at + sizeof(select->text);

    at += snprintf(at, (size_t)(end - at), "aes-cm %s, hmac-sha1", paths[select->ctr].name);
    for (unsigned i = 0; i < MB_CLASS_COUNT; i++)
        if (i == 0 || select->hmac[i] != select->hmac[i - 1])
            at += snprintf(at, (size_t)(end - at), " %s (from %u)", paths[select->hmac[i]].name,
                           i == 0 ? 1 : (1u << (i - 1)) + 1);
    snprintf(at, (size_t)(end - at), ", gcm-128 %s, gcm-256 %s", paths[select->gcm[0]].name,
             paths[select->gcm[1]].name);
}

int mb_select_init(struct mb_select *select, const char *pin)
{
    int rc;

    memset(select, 0, sizeof(*select));
    rc = make_managers(select, pin);
    if (rc != 0) {
        log_refusal(rc, pin);
        mb_select_fini(select);
        return rc;
    }
    mb_calibrate(select);
    drop_unused(select);
    describe(select);
    return 0;
}

void mb_select_fini(struct mb_select *select)
{
    for (size_t i = 0; i < MB_PATH_COUNT; i++) {
        free_manager(select->managers[i]);
        select->managers[i] = NULL;
    }
}
