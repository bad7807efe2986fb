/* Key derivation (RFC 3711 §4.3) over any AES in counter mode: each back end brings its own. */
#include "crypto/srtp_kdf.h"

#include "base/secret.h"

#include <string.h>

/* Position of the label in the 14-byte salt: key_id = label || index DIV rate is 7 bytes, aligned
 * at the end of the salt (RFC 3711 §4.3.1). */
#define LABEL_AT 7

void srtp_kdf(const struct srtp_master *master, enum srtp_kdf_label label, uint8_t *out, size_t len,
              srtp_kdf_ctr_fn ctr, void *ctx)
{
    const struct srtp_profile_info *info = srtp_profile_find(master->profile);
    uint8_t iv[16] = {0};

    /* A 96-bit salt (GCM) counts as one of 112 bits with zeros behind (RFC 7714 §11). */
    memcpy(iv, master->salt, info->salt_len);
    /* Rate 0: derived once, index DIV rate is 0 and drops out. No peer of H.235.10 can ask for
     * another rate. */
    iv[LABEL_AT] ^= (uint8_t)label;
    memset(out, 0, len); /* CTR of zeros is the keystream */
    ctr(ctx, master->key, info->key_len, iv, out, len);
    secret_wipe(iv, sizeof(iv));
}
