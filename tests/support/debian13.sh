#!/usr/bin/env bash
# Builds the project and runs its unit tests on Debian 13, in a tree that debootstrap makes once.
# debian13.sh FOLDER_OF_THE_TREE
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
tree=$1
packages=(ca-certificates clang gcc libc6-dev libclang-rt-19-dev libcmocka-dev libcrypt-dev
    libhiredis-dev libjansson-dev libllhttp-dev libmbedtls-dev librabbitmq-dev libsqlite3-dev libuv1-dev meson
    ninja-build pkg-config redis-server valkey-server zlib1g-dev)

if [[ $(id -u) != 0 ]]; then
    echo "chroot needs root: run ./dev check debian13 as root"
    exit 1
fi
if [[ ! -x $tree/usr/bin/apt-get ]]; then
    rm -rf "$tree"
    mkdir -p "$tree"
    debootstrap --variant=minbase trixie "$tree" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"}
fi
if [[ $(cat "$tree/.packages" 2>/dev/null) != "${packages[*]}" ]]; then
    cp /etc/resolv.conf "$tree/etc/resolv.conf"
    chroot "$tree" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive chroot "$tree" \
        apt-get install -y -qq --no-install-recommends "${packages[@]}"
    echo "${packages[*]}" >"$tree/.packages"
fi

# The sources of this checkout as they stand, committed or not; nothing that was built.
rm -rf "$tree/src"
mkdir "$tree/src"
(cd "$root" && git ls-files -z --cached --others --exclude-standard |
    xargs -0 sh -c 'for file; do [ -e "$file" ] && printf "%s\0" "$file"; done' sh |
    tar --null -T - -cf -) | tar -xf - -C "$tree/src"
cp -r "$root/chat/client/node_modules/socket.io" "$tree/src/browser-client"

cat >"$tree/src/on-debian13.sh" <<'END'
set -eu
cd /src
for compiler in gcc clang; do
    echo "== $compiler $($compiler -dumpversion), libuv $(pkg-config --modversion libuv), hiredis $(pkg-config --modversion hiredis), mbedTLS $(pkg-config --modversion mbedtls), llhttp $(pkg-config --modversion libllhttp)"
    CC=$compiler meson setup build-$compiler -Dwerror=true -Dauto_features=enabled \
        -Dclient_dir=/src/browser-client/client-dist -Db_sanitize=address,undefined -Db_lundef=false \
        -Dc_args=-fno-sanitize-recover=all
    ninja -k 0 -C build-$compiler
done
# What speaks to a Redis speaks to Valkey as well.
REDIS_SERVER=valkey-server meson test -C build-gcc --no-rebuild --print-errorlogs --timeout-multiplier 4 \
    --logbase testlog-valkey redis/client redis/subscriber
meson test -C build-gcc --no-rebuild --print-errorlogs --timeout-multiplier 4
END

mounted=()
leave() {
    local place
    for place in "${mounted[@]}"; do umount "$place" || true; done
}
trap leave EXIT
for place in proc dev; do
    mountpoint -q "$tree/$place" && continue
    if [[ $place == proc ]]; then
        mount -t proc proc "$tree/proc"
    else
        mount --bind /dev "$tree/dev"
    fi
    mounted+=("$tree/$place")
done

rc=0
chroot "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    sh /src/on-debian13.sh || rc=$?
log=$tree/src/build-gcc/meson-logs/testlog.json
[[ -f $log ]] && python3 "$root/tests/support/tally.py" meson "$log"
exit $rc
