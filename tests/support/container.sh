#!/usr/bin/env bash
# Builds the image of the Containerfile without any registry, on a Debian 13 that debootstrap makes once, and lets
# real clients chat with what runs in it. container.sh FOLDER: for the base, and for buildah's storage
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
place=$1
most_mb=32 # that the image may have over its base

if [[ $(id -u) != 0 ]]; then
    echo "debootstrap and buildah's chroot need root: run ./dev check container as root"
    exit 1
fi
mkdir -p "$place"

# chroot isolation and plain copies work wherever root may chroot and mount: in a virtual machine as in a container.
buildah() { command buildah --root "$place/storage" --runroot "$place/run" --storage-driver vfs "$@"; }

fail() {
    echo "$*"
    exit 1
}

make_base() {
    buildah inspect --type image localhost/debian-base >/dev/null 2>&1 && return
    if [[ ! -e $place/tree/.complete ]]; then
        rm -rf "$place/tree"
        debootstrap --variant=minbase trixie "$place/tree" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"}
        rm -f "$place"/tree/var/cache/apt/archives/*.deb
        touch "$place/tree/.complete"
    fi
    tar -C "$place/tree" -cf "$place/base.tar" .
    local container
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$place/base.tar" /
    buildah commit --quiet --rm "$container" localhost/debian-base
    rm "$place/base.tar"
}

# What the image says of itself, by a Go template.
config() { buildah inspect --type image --format "{{.Docker.$1}}" localhost/chatd; }

size_mb() { buildah images --format '{{.Size}}' "$1" | awk '{ print ($2 == "GB") ? $1 * 1000 : $1 }'; }

look_at_image() {
    local user over
    user=$(config Config.User)
    over=$(awk -v all="$(size_mb localhost/chatd)" -v base="$(size_mb localhost/debian-base)" 'BEGIN { print int(all - base) }')
    echo "image: user $user, volumes $(config Config.Volumes), $(size_mb localhost/chatd) MB, $over MB of it over the base"
    [[ -n $user && $user != root && $user != 0 ]] || fail "the image runs as root"
    [[ $(config Config.Healthcheck) == *healthz* ]] || fail "the image has no health check"
    ((over <= most_mb)) || fail "the image is $over MB larger than its base, $most_mb were to be enough"
}

# The process chatd below this one: what buildah puts between hands no signal on.
find_chatd() {
    local child
    for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
        if [[ $(cat "/proc/$child/comm") == chatd ]]; then
            echo "$child"
            return
        fi
        find_chatd "$child"
    done
}

# start: sets `run`, buildah's process, and `chatd`, the one inside
start() {
    : >"$place/chatd.log"
    buildah run --isolation chroot --env "PORT=$port" "$container" -- chatd rooms --host 127.0.0.1 >>"$place/chatd.log" 2>&1 &
    run=$!
    for _ in $(seq 600); do
        grep -q '^Server running on port' "$place/chatd.log" && break
        kill -0 "$run" 2>/dev/null || fail "chatd ended: $(cat "$place/chatd.log")"
        sleep 0.1
    done
    chatd=$(find_chatd "$run")
    [[ -n $chatd ]] || fail "no process chatd: $(cat "$place/chatd.log")"
}

stop() {
    local rc=0
    kill -TERM "$chatd"
    wait "$run" || rc=$?
    run=
    tail -n 1 "$place/chatd.log"
    ((rc == 0)) || fail "SIGTERM ended it with $rc"
    grep -q 'info stopped in_order=yes' "$place/chatd.log" || fail "it did not drain: $(cat "$place/chatd.log")"
}

# Whether the health check of the image is content, inside.
is_healthy() {
    local command
    command=$(buildah inspect --type image localhost/chatd |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["Docker"]["config"]["Healthcheck"]["Test"][-1])')
    buildah run --isolation chroot --env "PORT=$port" "$container" -- bash -c "$command" 2>/dev/null
}

run_image() {
    container=$(buildah from localhost/chatd)
    port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
    start
    local uid
    uid=$(awk '/^Uid:/ { print $2 }' "/proc/$chatd/status")
    echo "runs with uid $uid"
    ((uid != 0)) || fail "it runs as root"
    node "$root/tests/support/container.mjs" "http://127.0.0.1:$port" talk
    is_healthy || fail "the health check fails while it runs"
    stop
    if is_healthy; then fail "the health check is content though nothing runs"; fi
    start
    node "$root/tests/support/container.mjs" "http://127.0.0.1:$port" remember
    stop
}

leave() {
    [[ -z ${run:-} ]] || kill -TERM "${chatd:-$run}" 2>/dev/null || true
    [[ -z ${container:-} ]] || buildah rm "$container" >/dev/null 2>&1 || true
    buildah rmi --prune >/dev/null 2>&1 || true
}
trap leave EXIT

make_base
buildah build --isolation chroot --format docker --pull-never --build-arg BASE=localhost/debian-base \
    --tag localhost/chatd --file "$root/Containerfile" "$root"
look_at_image
run_image
