/* DTLS without a call, for comparisons in a lab: it tells keying material, and is there only where
 * control.lab_methods is true. */
#include "server/control/lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/secret.h"
#include "server/media/link_addr.h"
#include "signalling/h23510/h23510.h"

/* A lab does not need more, and what is forgotten keeps its port. */
#define TRANSPORTS_MAX 64
/* Client key, server key, client salt, server salt of the largest profile, as hex. */
#define MATERIAL_MAX ((SRTP_MASTER_KEY_MAX + SRTP_MASTER_SALT_MAX) * 4 + 1)

struct lab_transport {
    struct list link;
    struct lab *lab;
    uint64_t id;
    struct media_port *port; /* NULL: closing */
    bool is_active;
    const char *state;
    struct addr remote;
    char text[96];
    char cipher[64];
    enum srtp_profile profile;
    uint32_t handshake_ms;
    bool is_resumed;
    bool is_keyed;
    struct fingerprint peer;
    char material[MATERIAL_MAX];
};

struct lab {
    const struct media_ops *ops;
    void *media;
    const struct h23510_identity *identity;
    struct list all;
    size_t count;
    uint64_t next_id;
};

/* ---- what the port says ---- */

static void on_opened(void *owner, int err)
{
    struct lab_transport *t = owner;

    if (err != 0) {
        t->state = "failed";
        snprintf(t->text, sizeof(t->text), "%s", err_to_str(err));
    }
}

static size_t put_hex(char *out, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + i * 2, 3, "%02x", data[i]);
    return len * 2;
}

/* RFC 5764 4.2: client_write key, server_write key, client salt, server salt. */
static void put_material(struct lab_transport *t, const struct media_established *e)
{
    const struct srtp_profile_info *info = srtp_profile_find((unsigned)e->profile);
    const struct srtp_master *client = t->is_active ? e->local : e->remote;
    const struct srtp_master *server = t->is_active ? e->remote : e->local;
    size_t n = 0;

    /* No keying material was handed out: the port was not opened for a lab. */
    if (info == NULL || client == NULL || server == NULL)
        return;
    n += put_hex(t->material + n, client->key, info->key_len);
    n += put_hex(t->material + n, server->key, info->key_len);
    n += put_hex(t->material + n, client->salt, info->salt_len);
    (void)put_hex(t->material + n, server->salt, info->salt_len);
}

static void on_established(void *owner, const struct media_established *e)
{
    struct lab_transport *t = owner;

    t->state = "established";
    t->profile = e->profile;
    t->handshake_ms = e->handshake_ms;
    t->is_resumed = e->is_resumed;
    t->peer = *e->peer;
    snprintf(t->cipher, sizeof(t->cipher), "%s", e->cipher);
    put_material(t, e);
    log_info(LOG_AREA_DTLS, 0, "lab transport established", LOG_U("id", t->id),
             LOG_S("profile", srtp_profile_to_str(e->profile)));
}

static void on_keyed(void *owner)
{
    struct lab_transport *t = owner;

    t->is_keyed = true;
}

static void on_failed(void *owner, enum dtls_failure why, const char *text)
{
    struct lab_transport *t = owner;

    t->state = "failed";
    snprintf(t->text, sizeof(t->text), "%s: %s", dtls_failure_to_str(why), text);
    log_warn(LOG_AREA_DTLS, 0, "lab transport failed", LOG_U("id", t->id),
             LOG_S("reason", t->text));
}

static void on_peer_closed(void *owner)
{
    struct lab_transport *t = owner;

    t->state = "closed_by_peer";
}

static void on_stranger(void *owner, const struct addr *from, uint64_t count)
{
    const struct lab_transport *t = owner;

    log_warn(LOG_AREA_DTLS, 0, "DTLS from a third address dropped", LOG_U("lab", t->id),
             LOG_ADDR("from", from), LOG_U("count", count));
}

static void on_event(void *owner, unsigned type, const struct link_event *event)
{
    struct lab_transport *t = owner;

    if (type != LINK_REMOTE_LATCHED)
        return;
    t->remote = addr_of_link(&event->source);
    log_warn(LOG_AREA_MEDIA, 0, "lab transport latched", LOG_U("id", t->id),
             LOG_ADDR("remote", &t->remote));
}

static void on_gone(void *owner, const char *why)
{
    struct lab_transport *t = owner;

    t->state = "failed";
    snprintf(t->text, sizeof(t->text), "%s", why);
}

static void on_closed(void *owner, const struct link_transport_stats *final)
{
    struct lab_transport *t = owner;

    (void) final;
    t->lab->count--;
    list_remove(&t->link);
    /* Keys. */
    secret_wipe(t, sizeof(*t));
    free(t);
}

static const struct media_callbacks callbacks = {
    .on_opened = on_opened,
    .on_established = on_established,
    .on_keyed = on_keyed,
    .on_failed = on_failed,
    .on_peer_closed = on_peer_closed,
    .on_stranger = on_stranger,
    .on_event = on_event,
    .on_gone = on_gone,
    .on_closed = on_closed,
};

/* ---- methods ---- */

static json_t *addr_json(const struct addr *a)
{
    char text[ADDR_TEXT_MAX];

    return json_string(addr_format(a, text));
}

static json_t *transport_json(const struct lab_transport *t)
{
    const struct lab *lab = t->lab;
    struct addr local = lab->ops->local(t->port);
    char fp[FINGERPRINT_TEXT_MAX] = "";
    json_t *j = json_pack("{s:I,s:s,s:s,s:o,s:o,s:s,s:b}", "id", (json_int_t)t->id, "role",
                          t->is_active ? "active" : "passive", "state", t->state, "local",
                          addr_json(&local), "remote", addr_json(&t->remote), "text", t->text,
                          "keyed", t->is_keyed);

    json_object_set_new(j, "port", json_integer(local.port));
    if (fingerprint_format(&lab->identity->fingerprints[FINGERPRINT_SHA256], fp, sizeof(fp)) == 0)
        json_object_set_new(j, "local_fingerprint", json_string(fp));
    if (t->cipher[0] != '\0') {
        json_object_set_new(j, "cipher", json_string(t->cipher));
        json_object_set_new(j, "srtp_profile", json_string(srtp_profile_to_str(t->profile)));
        json_object_set_new(j, "handshake_ms", json_integer((json_int_t)t->handshake_ms));
        json_object_set_new(j, "resumed", json_boolean(t->is_resumed));
        json_object_set_new(j, "fingerprint_verified", json_true());
        json_object_set_new(j, "keying_material", json_string(t->material));
    }
    return j;
}

static struct lab_transport *find(struct lab *lab, uint64_t id)
{
    LIST_FOREACH (it, &lab->all) {
        struct lab_transport *t = LIST_ENTRY(it, struct lab_transport, link);

        /* Closing: it is there for the data plane's answer alone. */
        if (t->id == id && t->port != NULL)
            return t;
    }
    return NULL;
}

static int read_params(const json_t *params, struct lab_transport *t, struct rpc_reply *reply)
{
    const char *role = rpc_param_string(params, "role", "");
    const char *hash = rpc_param_string(params, "hash", "sha-256");
    const char *fp = rpc_param_string(params, "fingerprint", "");
    enum fingerprint_hash h = FINGERPRINT_SHA256;

    if (strcmp(role, "active") != 0 && strcmp(role, "passive") != 0) {
        rpc_reply_error(reply, ERR_INVAL, "role: active or passive");
        return ERR_INVAL;
    }
    t->is_active = strcmp(role, "active") == 0;
    if (addr_parse(rpc_param_string(params, "remote", ""), &t->remote) != 0 ||
        t->remote.port == 0) {
        rpc_reply_error(reply, ERR_INVAL, "remote: address and port");
        return ERR_INVAL;
    }
    if (fingerprint_hash_parse(hash, strlen(hash), &h) != 0 ||
        fingerprint_parse(h, fp, strlen(fp), &t->peer) != 0) {
        rpc_reply_error(reply, ERR_INVAL, "fingerprint: %s as AB:CD:...", hash);
        return ERR_INVAL;
    }
    return 0;
}

static int start(struct lab *lab, struct lab_transport *t)
{
    const struct media_request r = {
        .kind = MEDIA_DTLS_SRTP,
        .family = t->remote.family,
        .is_lab = true,
        .session = "lab",
        .conference = "lab",
    };
    int err = lab->ops->open(lab->media, &r, &callbacks, t, &t->port);

    if (err != 0)
        return err;
    /* Told to the data plane when the port is open; what fails then is on_opened's. */
    (void)lab->ops->set_remote(t->port, &t->remote, NULL);
    return lab->ops->associate(t->port, t->is_active, &t->peer, 1);
}

static void method_open(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct lab *lab = ctx;
    struct lab_transport *t;
    int err;

    (void)peer;
    if (lab->count >= TRANSPORTS_MAX) {
        rpc_reply_error(reply, ERR_LIMIT, "at most %d lab transports", TRANSPORTS_MAX);
        return;
    }
    t = calloc(1, sizeof(*t));
    if (t == NULL) {
        rpc_reply_error(reply, ERR_NOMEM, "out of memory");
        return;
    }
    t->lab = lab;
    t->state = "handshake";
    if (read_params(params, t, reply) != 0) {
        free(t);
        return;
    }
    err = start(lab, t);
    /* The port is what has to be closed: without one there is nothing to keep. */
    if (t->port == NULL) {
        rpc_reply_error(reply, err, "no media port: %s", err_to_str(err));
        free(t);
        return;
    }
    if (err != 0) {
        t->state = "failed";
        snprintf(t->text, sizeof(t->text), "%s", err_to_str(err));
    }
    t->id = ++lab->next_id;
    list_push_back(&lab->all, &t->link);
    lab->count++;
    log_warn(LOG_AREA_CONTROL, 0, "lab transport opened", LOG_U("id", t->id),
             LOG_ADDR("remote", &t->remote));
    rpc_reply_result(reply, transport_json(t));
}

static void method_get(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct lab_transport *t = find(ctx, rpc_param_uint(params, "id", 0));

    (void)peer;
    if (t == NULL)
        rpc_reply_error(reply, ERR_NOTFOUND, "no such lab transport");
    else
        rpc_reply_result(reply, transport_json(t));
}

static void transport_close(struct lab_transport *t)
{
    struct media_port *port = t->port;

    /* NULL first: close may call back at once. */
    t->port = NULL;
    t->lab->ops->close(port);
}

static void method_close(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct lab_transport *t = find(ctx, rpc_param_uint(params, "id", 0));

    (void)peer;
    if (t == NULL) {
        rpc_reply_error(reply, ERR_NOTFOUND, "no such lab transport");
        return;
    }
    transport_close(t);
    rpc_reply_result(reply, json_object());
}

static const struct rpc_param open_params[] = {
    {"role", RPC_STRING, true, 1, 16, "active (we send the ClientHello) or passive"},
    {"fingerprint", RPC_STRING, true, 1, 256, "of the peer's certificate, AB:CD:..."},
    {"remote", RPC_STRING, true, 1, 80, "peer's address and port"},
    {"hash", RPC_STRING, false, 1, 16, "of the fingerprint, default sha-256"},
};
static const struct rpc_param id_params[] = {
    {"id", RPC_UINT, true, 1, 0, "from lab.transport.open"},
};
static const struct rpc_method methods[] = {
    {"lab.transport.open", "LAB ONLY: open a DTLS transport without a call", open_params, 4,
     method_open},
    {"lab.transport.get", "LAB ONLY: state and keying material of a transport", id_params, 1,
     method_get},
    {"lab.transport.close", "LAB ONLY: close alert, close the transport", id_params, 1,
     method_close},
};

/* ---- life ---- */

int lab_create(const struct media_ops *ops, void *media, const struct h23510_identity *identity,
               struct lab **out)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    if (lab == NULL)
        return ERR_NOMEM;
    lab->ops = ops;
    lab->media = media;
    lab->identity = identity;
    list_init(&lab->all);
    *out = lab;
    return 0;
}

int lab_register(struct lab *lab, struct rpc *rpc)
{
    return rpc_register(rpc, methods, sizeof(methods) / sizeof(methods[0]), lab);
}

void lab_stop(struct lab *lab)
{
    if (lab == NULL)
        return;
    LIST_FOREACH_SAFE (it, &lab->all) {
        struct lab_transport *t = LIST_ENTRY(it, struct lab_transport, link);

        if (t->port != NULL)
            transport_close(t);
    }
}

bool lab_is_idle(const struct lab *lab)
{
    return lab == NULL || lab->count == 0;
}

void lab_destroy(struct lab *lab)
{
    if (lab == NULL)
        return;
    /* Their ports went with the data plane's connection. */
    LIST_FOREACH_SAFE (it, &lab->all) {
        struct lab_transport *t = LIST_ENTRY(it, struct lab_transport, link);

        secret_wipe(t, sizeof(*t));
        free(t);
    }
    free(lab);
}
