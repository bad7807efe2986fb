#!/bin/bash
# The device examples of configs/devices, run as they are shipped (but for the link's path): the data
# plane answers ARP and echo through each. Memif has its benchmarks; a NIC is not here to be tried.
# timeout: 240
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$ROOT/build}

if [ -z "${SLUICE_NETNS:-}" ]; then
    exec "$ROOT/scripts/lib/netns.sh" "$0" "$@"
fi

DIR=$(mktemp -d /tmp/devices-XXXXXX)
DP=
passed=0
failed=0
finish() {
    if [ -n "$DP" ]; then kill -KILL "$DP" 2>/dev/null || true; fi
    rm -rf "$DIR"
}
trap finish EXIT

# Starts sluice-dp with an example; true when it is ready.
start() {
    jq --arg path "$DIR/link.sock" '.link.path = $path' "$ROOT/configs/devices/$1.json" >"$DIR/dp.json"
    mkfifo "$DIR/said"
    "$BUILD/dpdk-app/sluice-dp" --config "$DIR/dp.json" >"$DIR/said" 2>&1 &
    DP=$!
    exec 3<"$DIR/said"
    rm "$DIR/said"
    while read -r -t 20 line <&3; do
        echo "$line" >>"$DIR/log"
        case $line in *ready*) return 0 ;; esac
    done
    return 1
}

stop() {
    kill -TERM "$DP" 2>/dev/null || true
    cat <&3 >>"$DIR/log" # ends with it
    exec 3<&-
    local status=0
    wait "$DP" || status=$?
    DP=
    return "$status"
}

# $1: example, $2: our interface, whose other end (or itself, for a tap) the data plane has
try() {
    local ok=1
    : >"$DIR/log"
    start "$1" || ok=0
    if [ "$ok" = 1 ]; then
        ip address replace 192.0.2.1/24 dev "$2"
        ip link set "$2" up
        ping -c 3 -i 0.2 -W 2 192.0.2.10 2>&1 | tee -a "$DIR/log" | grep -q "3 received" || ok=0
    fi
    stop || ok=0
    if [ "$ok" = 1 ]; then
        echo "ok: $1 answers ARP and ping, and ends well"
        passed=$((passed + 1))
    else
        echo "FAILED: $1"
        cat "$DIR/log"
        failed=$((failed + 1))
    fi
}

try tap media0
ip link add media0 type veth peer name peer0
ip link set media0 up
try af_packet peer0
try pcap peer0
# A socket of family 44: kernels without XDP sockets say so at once.
if python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW)' 2>/dev/null; then
    try af_xdp peer0
else
    echo "this kernel has no XDP sockets: af_xdp is only checked"
fi
for example in "$ROOT"/configs/devices/*.json; do
    case $example in */nic.json) continue ;; esac # names CPUs that may not be there
    "$BUILD/dpdk-app/sluice-dp" --config "$example" --check >/dev/null && passed=$((passed + 1)) || failed=$((failed + 1))
done
"$BUILD/server/sluiced" --config "$ROOT/configs/devices/nic.json" --check >/dev/null && passed=$((passed + 1)) || failed=$((failed + 1))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
