#include "server/h323/tls_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* Certificates of the signalling and what is made of them: a context for each role, read again
 * without an end of what runs. */
struct tls_keys {
    struct tls_ctx *ctx[2]; /* by enum tls_role */
    struct fingerprint fingerprint;
    char certificate[SETTINGS_PATH_MAX]; /* "" = made by ourselves */
    unsigned reads;
};

static void explain(char *text, const struct settings_tls *settings,
                    const struct cert_problem *problem, int err)
{
    const char *key = "tls";

    /* Which key is meant is told by the pointer: the texts are the caller's own. */
    if (problem->path == settings->key)
        key = "tls.key";
    else if (problem->path == settings->certificate)
        key = "tls.certificate";
    else if (problem->path == settings->authorities)
        key = "tls.ca_certificates";
    snprintf(text, TLS_KEYS_TEXT_MAX, "%s: %s%s%s", key, problem->path != NULL ? problem->path : "",
             problem->path != NULL ? ": " : "",
             problem->path != NULL ? problem->text : err_to_str(err));
}

static int make_ctx(const struct settings_tls *settings, const struct cert *cert,
                    enum tls_role role, struct tls_ctx **out, struct cert_problem *problem)
{
    struct tls_config config = {
        .role = role,
        .cert = cert,
        .authorities = settings->authorities,
        .min_version = (enum tls_version)settings->min_version,
        .cipher_count = settings->cipher_count,
    };

    /* The list's length is checked by the settings; this is for the reader of this function. */
    for (uint32_t i = 0; i < settings->cipher_count && i < TLS_CIPHER_COUNT; i++)
        config.ciphers[i] = (enum tls_cipher)settings->ciphers[i];
    /* A server that is called shows a certificate always: whoever has authorities checks it. */
    if (role == TLS_SERVER)
        config.check = (enum tls_check)settings->client_certificates;
    else
        config.check = settings->authorities[0] != '\0' ? TLS_CHECK_REQUIRED : TLS_CHECK_NONE;
    return tls_ctx_create(&config, out, problem);
}

static int load(struct tls_keys *keys, const struct settings_tls *settings, char *text)
{
    struct cert_problem problem = {NULL, ""};
    struct cert *cert = NULL;
    int err = settings->certificate[0] != '\0'
                  ? cert_load(settings->certificate, settings->key, &cert, &problem)
                  /* Ours is for nobody to check: it lasts, so that whoever pins it may. */
                  : cert_generate(CERT_VALIDITY_DAYS_MAX, &cert);

    for (int role = TLS_CLIENT; err == 0 && role <= TLS_SERVER; role++)
        err = make_ctx(settings, cert, (enum tls_role)role, &keys->ctx[role], &problem);
    if (err == 0)
        err = cert_fingerprint(cert, FINGERPRINT_SHA256, &keys->fingerprint);
    /* Contexts hold what they need of it. */
    cert_destroy(cert);
    if (err != 0)
        explain(text, settings, &problem, err);
    snprintf(keys->certificate, sizeof(keys->certificate), "%s", settings->certificate);
    return err;
}

static void drop(struct tls_keys *keys)
{
    tls_ctx_destroy(keys->ctx[TLS_CLIENT]);
    tls_ctx_destroy(keys->ctx[TLS_SERVER]);
}

int tls_keys_create(const struct settings_tls *settings, struct tls_keys **out, char *text)
{
    struct tls_keys *keys = calloc(1, sizeof(*keys));
    int err = keys != NULL ? load(keys, settings, text) : ERR_NOMEM;

    if (err != 0) {
        tls_keys_destroy(keys);
        return err;
    }
    keys->reads = 1;
    *out = keys;
    return 0;
}

int tls_keys_reload(struct tls_keys *keys, const struct settings_tls *settings, char *text)
{
    /* Made beside the old ones: they go only when the new ones are whole. */
    struct tls_keys fresh = {.reads = keys->reads + 1};
    int err = load(&fresh, settings, text);

    if (err != 0) {
        drop(&fresh);
        return err;
    }
    /* Connections hold a reference to their context each. */
    drop(keys);
    *keys = fresh;
    return 0;
}

void tls_keys_destroy(struct tls_keys *keys)
{
    if (keys == NULL)
        return;
    drop(keys);
    free(keys);
}

struct tls_ctx *tls_keys_ctx(const struct tls_keys *keys, enum tls_role role)
{
    return keys->ctx[role];
}

json_t *tls_keys_to_json(const struct tls_keys *keys)
{
    char text[FINGERPRINT_TEXT_MAX];

    if (keys == NULL || fingerprint_format(&keys->fingerprint, text, sizeof(text)) != 0)
        return json_null();
    return json_pack("{s:s,s:s,s:s,s:I}", "certificate", keys->certificate, "hash",
                     fingerprint_hash_to_str(keys->fingerprint.hash), "fingerprint", text, "reads",
                     (json_int_t)keys->reads);
}
