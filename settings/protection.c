/* The rows of `dtls` and `tls`: what protects media, and what protects signalling. */
#include "settings/table.h"

#define AT   SETTINGS_AT
#define LIST SETTINGS_LIST

static const struct settings_choice setup_choices[] = {{"actpass", SETTINGS_SETUP_ACTPASS},
                                                       {"active", SETTINGS_SETUP_ACTIVE},
                                                       {"passive", SETTINGS_SETUP_PASSIVE},
                                                       {"holdconn", SETTINGS_SETUP_HOLDCONN},
                                                       {NULL, 0}};

static const struct settings_choice cleartext_choices[] = {{"allow", SETTINGS_CLEARTEXT_ALLOW},
                                                           {"warn", SETTINGS_CLEARTEXT_WARN},
                                                           {"refuse", SETTINGS_CLEARTEXT_REFUSE},
                                                           {NULL, 0}};

/* SHA-1 is no choice: it is never announced unless allow_sha1 says so, and then comes last. */
static const struct settings_choice hash_choices[] = {{"sha-256", SETTINGS_HASH_SHA256},
                                                      {"sha-384", SETTINGS_HASH_SHA384},
                                                      {"sha-512", SETTINGS_HASH_SHA512},
                                                      {NULL, 0}};

static const struct settings_choice profile_choices[] = {
    {"AEAD_AES_128_GCM", SETTINGS_PROFILE_AEAD_AES_128_GCM},
    {"AEAD_AES_256_GCM", SETTINGS_PROFILE_AEAD_AES_256_GCM},
    {"AES128_CM_SHA1_80", SETTINGS_PROFILE_AES128_CM_SHA1_80},
    {"AES128_CM_SHA1_32", SETTINGS_PROFILE_AES128_CM_SHA1_32},
    {NULL, 0}};

static const struct settings_row dtls_rows[] = {
    {"certificate", SETTINGS_TEXT, AT(settings_dtls_section, certificate), .min = 0, .max = 255,
     .fallback = "\"\"",
     .help = "PEM file of the certificate. With `key`, or both \"\": one is made at each start "
             "(ECDSA P-256)."},
    {"key", SETTINGS_TEXT, AT(settings_dtls_section, key), .min = 0, .max = 255, .fallback = "\"\"",
     .help = "PEM file of its private key."},
    {"hashes", SETTINGS_CHOICES, LIST(settings_dtls_section, hashes, hash_count), .min = 1,
     .max = 3, .choices = hash_choices, .fallback = "[\"sha-256\", \"sha-384\", \"sha-512\"]",
     .reloads = true, .help = "Hash functions of fingerprints, best first."},
    {"allow_sha1", SETTINGS_BOOL, AT(settings_dtls_section, allow_sha1), .fallback = "false",
     .reloads = true, .help = "Announce SHA-1 too, last, and take fingerprints made with it."},
    {"profiles", SETTINGS_CHOICES, LIST(settings_dtls_section, profiles, profile_count), .min = 1,
     .max = SETTINGS_PROFILES_MAX, .choices = profile_choices,
     .fallback = "[\"AEAD_AES_128_GCM\", \"AEAD_AES_256_GCM\", \"AES128_CM_SHA1_80\", "
                 "\"AES128_CM_SHA1_32\"]",
     .help = "SRTP protection profiles, best first."},
    {"setup", SETTINGS_CHOICE, AT(settings_dtls_section, setup), .choices = setup_choices,
     .fallback = "\"actpass\"", .reloads = true,
     .help =
         "DTLS role that is offered (RFC 4145). `holdconn` begins no DTLS, and so no media: for "
         "tests of peers."},
    {"send_extensions_type", SETTINGS_BOOL, AT(settings_dtls_section, send_extensions_type),
     .fallback = "true", .reloads = true,
     .help =
         "Send `extensionsType` in `DTLSSecurityCapability`. H.235.10 clause 7.2 demands it, but "
         "H.245 version 17 does not define it: turn it off for peers that stumble over it."},
    {"cleartext_signalling", SETTINGS_CHOICE, AT(settings_dtls_section, cleartext_signalling),
     .choices = cleartext_choices, .fallback = "\"warn\"", .reloads = true,
     .help = "Fingerprints that come over an unsecured H.245 connection: take them, take them with "
             "a warning, or refuse the channel."},
    {"handshake_timeout_ms", SETTINGS_UINT, AT(settings_dtls_section, handshake_timeout_ms),
     .min = 1000, .max = 600000, .unit = "ms", .fallback = "30000",
     .help = "Time for a whole handshake; for the passive side, also for its beginning."},
    {"retransmit_initial_ms", SETTINGS_UINT, AT(settings_dtls_section, retransmit_initial_ms),
     .min = 50, .max = 60000, .unit = "ms", .fallback = "200",
     .help = "First retransmission of a flight; each further one waits twice as long."},
    {"retransmit_max_ms", SETTINGS_UINT, AT(settings_dtls_section, retransmit_max_ms), .min = 50,
     .max = 60000, .unit = "ms", .fallback = "1600", .help = "The doubling ends here."},
    {"mtu", SETTINGS_UINT, AT(settings_dtls_section, mtu), .min = 256, .max = 9000, .unit = "bytes",
     .fallback = "1200", .help = "Longest datagram of a handshake that is sent."},
    {"park", SETTINGS_BOOL, AT(settings_dtls_section, park), .fallback = "true",
     .help = "Put the state of a quiet association away: some 20 KB less a session."},
    {"park_after_ms", SETTINGS_UINT, AT(settings_dtls_section, park_after_ms), .min = 0,
     .max = 600000, .unit = "ms", .fallback = "5000", .help = "Quiet time before parking."},
    {"shards", SETTINGS_UINT, AT(settings_dtls_section, shards), .min = 1, .max = 31,
     .fallback = "1", .help = "Threads that do handshakes, each with its share of the sessions."},
    {"resumption", SETTINGS_BOOL, AT(settings_dtls_section, resumption), .fallback = "true",
     .help = "Abbreviated handshakes with peers that return (H.235.10 clause 6, note 1), as client "
             "and as server. The fingerprint that a call signals must be the one that the session "
             "was verified by, by the same hash; otherwise the handshake is a full one."},
    {"resumption_sessions", SETTINGS_UINT, AT(settings_dtls_section, resumption_sessions), .min = 8,
     .max = 1000000, .fallback = "4096",
     .help = "DTLS sessions that are kept, sealed, for that; some 450 bytes each."},
    {"resumption_lifetime_s", SETTINGS_UINT, AT(settings_dtls_section, resumption_lifetime_s),
     .min = 10, .max = 86400, .unit = "s", .fallback = "3600",
     .help = "How long after its full handshake a session may be taken up again."},
    {"key_log", SETTINGS_TEXT, AT(settings_dtls_section, key_log), .min = 0, .max = 255,
     .fallback = "\"\"",
     .help =
         "For a lab alone: a file that the secrets of every DTLS connection are appended to, so "
         "that tshark decrypts it (`tls.keylog_file`). Needs `control.lab_methods`; \"\" = "
         "none."},
};
const struct settings_table settings_dtls_table =
    SETTINGS_TABLE("DTLS of H.235.10 media.", dtls_rows);

static const struct settings_choice tls_client_choices[] = {
    {"none", SETTINGS_TLS_CLIENTS_NONE},
    {"if_sent", SETTINGS_TLS_CLIENTS_IF_SENT},
    {"required", SETTINGS_TLS_CLIENTS_REQUIRED},
    {NULL, 0}};

static const struct settings_choice tls_version_choices[] = {
    {"1.2", SETTINGS_TLS_1_2}, {"1.3", SETTINGS_TLS_1_3}, {NULL, 0}};

static const struct settings_choice tls_cipher_choices[] = {
    {"aes-128-gcm", SETTINGS_TLS_AES_128_GCM},
    {"aes-256-gcm", SETTINGS_TLS_AES_256_GCM},
    {"chacha20-poly1305", SETTINGS_TLS_CHACHA20_POLY1305},
    {NULL, 0}};

static const struct settings_row tls_rows[] = {
    {"certificate", SETTINGS_TEXT, AT(settings_tls, certificate), .min = 0, .max = 255,
     .fallback = "\"\"",
     .help = "PEM file with the certificate that peers are shown, followed by its chain. \"\": "
             "one is made at start, self-signed and random: for a lab."},
    {"key", SETTINGS_TEXT, AT(settings_tls, key), .min = 0, .max = 255, .fallback = "\"\"",
     .help = "PEM file with its private key (ECDSA, Ed25519, or RSA of 2048 bits and more)."},
    {"ca_certificates", SETTINGS_TEXT, AT(settings_tls, authorities), .min = 0, .max = 255,
     .fallback = "\"\"",
     .help = "PEM file with the authorities that peers' certificates must come from. With it, "
             "whoever the server calls by TLS must show a good one; names in it are not compared."},
    {"client_certificates", SETTINGS_CHOICE, AT(settings_tls, client_certificates),
     .choices = tls_client_choices, .fallback = "\"none\"",
     .help = "Are callers asked for a certificate: no; yes, and one that is sent must be good; "
             "yes, and there must be one."},
    {"min_version", SETTINGS_CHOICE, AT(settings_tls, min_version), .choices = tls_version_choices,
     .fallback = "\"1.2\"", .help = "Oldest version of TLS that is spoken."},
    {"ciphers", SETTINGS_CHOICES, LIST(settings_tls, ciphers, cipher_count), .min = 1,
     .max = SETTINGS_TLS_CIPHERS_MAX, .choices = tls_cipher_choices,
     .fallback = "[\"aes-128-gcm\", \"aes-256-gcm\", \"chacha20-poly1305\"]",
     .help = "What protects records, best first; the key exchange is ephemeral always."},
    {"handshake_timeout_ms", SETTINGS_UINT, AT(settings_tls, handshake_timeout_ms), .min = 100,
     .max = 600000, .unit = "ms", .fallback = "10000",
     .help = "From a connection to the end of its handshake."},
    {"clear_h245", SETTINGS_BOOL, AT(settings_tls, clear_h245), .fallback = "false",
     .help = "A call by TLS whose peer offers neither tunnelling nor TLS for H.245: `false` ends "
             "it, `true` lets H.245 run in the clear (`dtls.cleartext_signalling` then holds)."},
};
const struct settings_table settings_tls_table = SETTINGS_TABLE(
    "TLS of call signalling and H.245. Files are read again at SIGHUP and by `server.reload`.",
    tls_rows);

const char *settings_setup_to_str(enum settings_setup value)
{
    return settings_choice_text(setup_choices, (int)value);
}

const char *settings_hash_to_str(enum settings_hash value)
{
    return value == SETTINGS_HASH_SHA1 ? "sha-1" : settings_choice_text(hash_choices, (int)value);
}

const char *settings_profile_to_str(enum settings_profile value)
{
    return settings_choice_text(profile_choices, (int)value);
}

const char *settings_cleartext_to_str(enum settings_cleartext value)
{
    return settings_choice_text(cleartext_choices, (int)value);
}
