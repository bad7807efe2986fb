#!/bin/bash
# alone
# sluice-dp alone: relay, bridge, DTLS up and down, garbage, restart of control, ARP and ping.
# Runs in namespaces of its own; needs a finished build (BUILD, default: build).
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$ROOT/build}

if [ -z "${SLUICE_NETNS:-}" ]; then
    exec "$ROOT/scripts/lib/netns.sh" "$0" "$@"
fi

WORKERS=${1:-}
if [ -z "$WORKERS" ]; then
    "$0" 1
    "$0" 2 # packets arrive at either worker, routes cross between them
    exit 0
fi

DIR=$(mktemp -d /tmp/dp_relay-XXXXXX)
DP=
finish() {
    if [ -n "$DP" ]; then kill -KILL "$DP" 2>/dev/null || true; fi
    rm -rf "$DIR"
}
trap finish EXIT
fail() {
    echo "FAILED: $*" >&2
    cat "$DIR/dp.log" >&2 || true
    exit 1
}

cat >"$DIR/dp.json" <<JSON
{ "link": { "path": "$DIR/link.sock", "orphan_timeout_ms": 1500 },
  "data_plane": {
    "workers": $WORKERS, "huge_pages": false, "memory_mb": 128, "max_transports": 64,
    "ports": { "first": 20000, "last": 20999 },
    "devices": [ { "name": "media", "eal": "net_af_packet0,iface=sluice-dp" } ],
    "addresses": [ { "address": "198.18.0.2/24" }, { "address": "2001:db8:18::2/64" } ] },
  "signalling": { "listeners": [ { "address": "198.18.0.1", "dtls": "required" } ] } }
JSON
nsenter --net="$SLUICE_NETNS/dp" "$BUILD/dpdk-app/sluice-dp" --config "$DIR/dp.json" \
    2>"$DIR/dp.log" &
DP=$!

ends() { timeout 60 nsenter --net="$SLUICE_NETNS/ends" "$@"; }
ends "$BUILD/tests/dpdk-app/relay_test" "$DIR/link.sock" ${BENCH:+bench "$BENCH"} || fail "relay_test"
if [ -n "${BENCH:-}" ]; then exit 0; fi

# A real ping, where there is one.
if command -v ping >/dev/null; then
    ends ping -c 3 -i 0.2 -W 2 198.18.0.2 | grep -q "3 received" || fail "ping"
    ends ping -c 3 -i 0.2 -W 2 -s 1400 2001:db8:18::2 | grep -q "3 received" || fail "ping6"
    echo "ok: ARP, neighbour discovery, ping over IPv4 and IPv6"
else
    echo "skipped: no ping here"
fi

kill -TERM "$DP"
timeout 10 tail --pid="$DP" -f /dev/null || fail "sluice-dp does not end"
wait "$DP" || fail "sluice-dp ended with status $?"
DP=
[ ! -e "$DIR/link.sock" ] || fail "the socket file is left behind"
grep -q '"\?ended' "$DIR/dp.log" || fail "no last line"
if grep -qiE "error|Sanitizer" "$DIR/dp.log"; then fail "errors in the log"; fi
echo "ok: clean end ($WORKERS workers)"
