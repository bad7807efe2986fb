#!/bin/bash
# Runs a command in a network of its own, made for it and gone with it:
#
#   scripts/lib/netns.sh COMMAND [ARGUMENT...]
#
#        namespace "server"            namespace "dp"
#        sluiced (kernel sockets)      sluice-dp (af_packet on it; the kernel has no address here)
#        s0  198.18.0.1                sluice-dp  198.18.0.2, answered by sluice-dp itself
#            2001:db8:18::1                       2001:db8:18::2
#         |                             |
#        ps0 ------- bridge br0 ------ pdp         namespace "ends": endpoints, OpenSSL, captures
#                    198.18.0.3-6, 2001:db8:18::3-6
#
# The command runs in namespace "server" with SLUICE_NETNS=DIRECTORY set: `nsenter
# --net=$SLUICE_NETNS/dp COMMAND` enters another one. Nothing is visible outside: user, mount,
# network and process namespaces are all private, so any number of these run side by side, nothing
# is left behind however it ends, and no privilege is needed where the kernel lets users make
# namespaces (otherwise root is; exit status 77 says so).
set -euo pipefail

usage() {
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
}

# Inside: wires everything up, then becomes the command.
wire_up() {
    # Our own /run: `ip netns` keeps its names there, DPDK its sockets.
    mount -t tmpfs -o mode=755 sluice /run
    mkdir -p /run/netns
    ip netns add dp
    ip netns add ends
    ip link set lo up
    ip link add s0 type veth peer name ps0 netns ends
    ip -n dp link add sluice-dp type veth peer name pdp netns ends
    ip -n ends link add br0 type bridge
    # No checksum offload: sluice-dp must see finished packets, and so must captures.
    ethtool -K s0 tx off >/dev/null
    local link
    for link in ps0 pdp; do
        nsenter --net=/run/netns/ends ethtool -K "$link" tx off >/dev/null
        ip -n ends link set "$link" master br0 up
    done
    nsenter --net=/run/netns/dp ethtool -K sluice-dp tx off >/dev/null
    nsenter --net=/run/netns/ends ethtool -K br0 tx off >/dev/null
    ip link set s0 up
    ip addr add 198.18.0.1/24 dev s0
    ip addr add 2001:db8:18::1/64 dev s0 nodad
    ip -n dp link set sluice-dp up
    ip -n ends link set lo up
    ip -n ends link set br0 up
    local n
    for n in 3 4 5 6; do
        ip -n ends addr add "198.18.0.$n/24" dev br0
        ip -n ends addr add "2001:db8:18::$n/64" dev br0 nodad
    done
    export SLUICE_NETNS=/run/netns
}

if [ "${1:-}" = --inside ]; then
    shift
    wire_up
    exec "$@"
fi
if [ $# -eq 0 ] || [ "$1" = --help ]; then
    usage
    exit $(($# == 0 ? 2 : 0))
fi

user=()
[ "$(id -u)" = 0 ] || user=(--user --map-root-user)
# The process namespace makes sure that everything started here ends when the command ends, and
# when this script is killed. Containers that hide parts of /proc refuse a fresh one: then the
# command has to end its own children (which it does, save for SIGKILL).
for process in "--pid --fork --kill-child --mount-proc" "--fork --kill-child"; do
    # shellcheck disable=SC2086
    if unshare "${user[@]}" --net --mount $process true 2>/dev/null; then
        # shellcheck disable=SC2086
        exec unshare "${user[@]}" --net --mount $process "$0" --inside "$@"
    fi
done
echo "$0: this kernel does not let user $(id -un) make network namespaces: run it as root" >&2
exit 77
