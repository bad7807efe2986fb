#!/bin/bash
# crypto/dtls.h against OpenSSL's and GnuTLS's own programs over UDP on the loopback: both roles, the
# keying material of both ends must be equal byte for byte (RFC 5764 §4.2).
# timeout: 240
set -euo pipefail

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
PEER=${SLUICE_BUILD:-$ROOT/build}/tests/crypto/dtls_peer
if [ -z "${SLUICE_NETNS:-}" ]; then # nobody else's ports
    exec "$ROOT/scripts/lib/netns.sh" "$0" "$@"
fi
DIR=$(mktemp -d)
PORT=20000
PIDS=()
PASSED=0
OWN=
trap 'kill "${PIDS[@]}" 2>/dev/null || true; rm -rf "$DIR"' EXIT

die() {
    echo "FAILED: $*"
    tail -n 15 "$DIR"/*.log
    exit 1
}

# Waits until a line that matches $2 is in file $1: tail is woken by the kernel when there is more.
await() {
    local fd reader found=0
    exec {fd}< <(exec tail -n +1 -F "$1" 2>/dev/null)
    reader=$!
    timeout 30 grep -qE -m1 "$2" <&$fd || found=$?
    kill $reader
    exec {fd}<&-
    [ $found = 0 ] || die "no line '$2' in $1"
}

# What follows $2 in file $1, upper case.
value() { sed -nE "s/^.*$2 *([0-9A-Fa-f]+).*$/\1/p" "$1" | head -1 | tr a-f A-F; }

# A program with a standard input that stays open until fd 8 is closed. $1: its log, rest: command
start_held() {
    local log=$1
    shift
    rm -f "$DIR/stdin"
    mkfifo "$DIR/stdin"
    "$@" <"$DIR/stdin" >"$log" 2>&1 &
    PIDS+=($!)
    THEIRS=$!
    exec 8>"$DIR/stdin"
}

start_peer() { # rest: options; OWN: our certificate, empty: a new one
    : >"$DIR/peer.log"
    "$PEER" --port $PORT --seconds 60 ${OWN:+--cert "$DIR/$OWN.crt" --key "$DIR/$OWN.key"} "$@" </dev/null >"$DIR/peer.log" 2>&1 &
    OURS=$!
    PIDS+=($OURS)
}

# Both ends said what keys they have: equal? $1: name of the case, $2: their log, $3: text before it
compare() {
    local ours theirs
    await "$2" "$3"
    await "$DIR/peer.log" "^material"
    ours=$(value "$DIR/peer.log" "material")
    theirs=$(value "$2" "$3")
    [ -n "$ours" ] && [ "$ours" = "$theirs" ] || die "$1: ours $ours, theirs $theirs"
    echo "ok: $1: $(grep established "$DIR/peer.log")"
    PASSED=$((PASSED + 1))
}

new_certificate() { # $1: name, rest: key options
    local name=$1
    shift
    openssl req -x509 "$@" -nodes -days 3 -subj "/CN=$name" -keyout "$DIR/$name.key" \
        -out "$DIR/$name.crt" 2>/dev/null
    openssl x509 -in "$DIR/$name.crt" -noout -fingerprint -sha256 | sed 's/.*=//' >"$DIR/$name.fp"
}

openssl_client() { # $1: certificate, $2: profiles, $3: bytes of material
    PORT=$((PORT + 1))
    start_peer --role server --fingerprint "$(cat "$DIR/$1.fp")"
    await "$DIR/peer.log" "^listening"
    start_held "$DIR/theirs.log" openssl s_client -dtls1_2 -connect 127.0.0.1:$PORT \
        -cert "$DIR/$1.crt" -key "$DIR/$1.key" -use_srtp "$2" \
        -keymatexport EXTRACTOR-dtls_srtp -keymatexportlen "$3"
    compare "openssl s_client, $1, $2, ours: ${OWN:-new}" "$DIR/theirs.log" "Keying material:"
    exec 8>&- # the client closes when its input ends
    await "$DIR/peer.log" "^closed"
    wait $OURS || die "dtls_peer ended with $?"
}

openssl_server() { # $1: certificate, $2: profiles, $3: bytes of material, rest: more options
    local name=$1 profiles=$2 size=$3
    shift 3
    PORT=$((PORT + 1))
    start_held "$DIR/theirs.log" openssl s_server -dtls1_2 -accept 127.0.0.1:$PORT \
        -cert "$DIR/$name.crt" -key "$DIR/$name.key" -Verify 1 -use_srtp "$profiles" \
        -keymatexport EXTRACTOR-dtls_srtp -keymatexportlen "$size" "$@"
    await "$DIR/theirs.log" "^ACCEPT"
    start_peer --role client --fingerprint "$(cat "$DIR/$name.fp")"
    compare "openssl s_server, $name, $profiles $*, ours: ${OWN:-new}" "$DIR/theirs.log" "Keying material:"
    kill $OURS # closes; the server says so when the alert comes
    wait $OURS || die "dtls_peer ended with $?"
    await "$DIR/theirs.log" "^DONE|CONNECTION CLOSED"
    exec 8>&-
    kill $THEIRS 2>/dev/null || true
}

gnutls_client() { # $1: certificate
    PORT=$((PORT + 1))
    start_peer --role server --fingerprint "$(cat "$DIR/$1.fp")"
    await "$DIR/peer.log" "^listening"
    start_held "$DIR/theirs.log" gnutls-cli --udp --insecure \
        --priority "NORMAL:-VERS-ALL:+VERS-DTLS1.2" \
        --srtp-profiles=SRTP_AES128_CM_HMAC_SHA1_80 --keymatexport=EXTRACTOR-dtls_srtp \
        --keymatexportsize=60 --x509certfile "$DIR/$1.crt" --x509keyfile "$DIR/$1.key" \
        -p $PORT 127.0.0.1
    compare "gnutls-cli, $1" "$DIR/theirs.log" "Key material:"
    exec 8>&-
    await "$DIR/peer.log" "^closed"
    wait $OURS || die "dtls_peer ended with $?"
}

# gnutls-serv has neither use_srtp nor the exporter on its command line: a handshake and no more.
gnutls_server() { # $1: certificate, $2: more of GnuTLS's priorities
    PORT=$((PORT + 1))
    start_held "$DIR/theirs.log" gnutls-serv --udp --echo --require-client-cert \
        --priority "NORMAL:-VERS-ALL:+VERS-DTLS1.2${2:-}" --x509certfile "$DIR/$1.crt" \
        --x509keyfile "$DIR/$1.key" -p $PORT
    await "$DIR/theirs.log" "Echo Server listening|listening on"
    start_peer --role client --no-srtp --fingerprint "$(cat "$DIR/$1.fp")"
    await "$DIR/peer.log" "^established none"
    echo "ok: gnutls-serv, $1${2:-}: $(grep established "$DIR/peer.log")"
    PASSED=$((PASSED + 1))
    exec 8>&-
    kill $THEIRS $OURS
    wait $OURS 2>/dev/null || true
}

# The fingerprint of somebody else: no key comes out, on neither side.
mismatch() {
    PORT=$((PORT + 1))
    start_peer --role server --fingerprint "$(cat "$DIR/rsa.fp")"
    await "$DIR/peer.log" "^listening"
    start_held "$DIR/theirs.log" openssl s_client -dtls1_2 -connect 127.0.0.1:$PORT \
        -cert "$DIR/ec.crt" -key "$DIR/ec.key" -use_srtp SRTP_AEAD_AES_128_GCM
    await "$DIR/peer.log" "^failed fingerprint_mismatch"
    grep -q material "$DIR/peer.log" && die "keys in spite of a wrong fingerprint"
    await "$DIR/theirs.log" "alert"
    exec 8>&-
    echo "ok: wrong fingerprint refused"
    PASSED=$((PASSED + 1))
}

new_certificate ec -newkey ec -pkeyopt ec_paramgen_curve:P-256
new_certificate rsa -newkey rsa:2048
new_certificate rsa3072 -newkey rsa:3072
new_certificate ed25519 -newkey ed25519
new_certificate p384 -newkey ec -pkeyopt ec_paramgen_curve:P-384

openssl_client ec SRTP_AES128_CM_SHA1_80 60
openssl_client ec SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM 56
openssl_client rsa SRTP_AEAD_AES_256_GCM 88
openssl_client ec SRTP_AES128_CM_SHA1_32 60
openssl_server ec SRTP_AES128_CM_SHA1_80 60
openssl_server rsa SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80 56
openssl_server ec SRTP_AEAD_AES_256_GCM 88 -listen
openssl_client ed25519 SRTP_AEAD_AES_128_GCM 56
openssl_client p384 SRTP_AEAD_AES_128_GCM 56
openssl_server p384 SRTP_AEAD_AES_128_GCM 56
for own in rsa p384 ed25519; do
    OWN=$own openssl_client ec SRTP_AEAD_AES_128_GCM 56
    OWN=$own openssl_server ec SRTP_AEAD_AES_128_GCM 56
done
for theirs in ec rsa3072 ed25519; do
    gnutls_client $theirs
    gnutls_server $theirs
done
# RFC 5746: a server that insists on renegotiation_info of its client, and one that is silent about it.
gnutls_server ec :%SAFE_RENEGOTIATION
gnutls_server ec :%DISABLE_SAFE_RENEGOTIATION
openssl_client rsa3072 SRTP_AEAD_AES_128_GCM 56
openssl_server rsa3072 SRTP_AEAD_AES_128_GCM 56
mismatch
echo "$PASSED cases passed"
