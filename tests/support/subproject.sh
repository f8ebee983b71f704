#!/usr/bin/env bash
# Builds a small program that takes this project in as a Meson subproject, and runs it.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
place=$root/build-subproject
rm -rf "$place"
mkdir -p "$place/subprojects"
ln -s "$root" "$place/subprojects/socketio-c"

cat >"$place/meson.build" <<'END'
project('host', 'c', default_options: ['c_std=gnu11'])
executable('host', 'host.c', dependencies: dependency('socketio', fallback: ['socketio-c', 'socketio']))
END
cat >"$place/host.c" <<'END'
#include <socketio/socketio.h>

#include <stdio.h>

int main(void)
{
    return puts(eio_strerror(EIO_E_CLOSED)) < 0;
}
END
meson setup "$place/build" "$place" -Dwerror=true
ninja -C "$place/build"
"$place/build/host"
if [[ -e $place/build/subprojects/socketio-c/tests ]]; then
    echo "a subproject builds no tests"
    exit 1
fi
