#!/usr/bin/env bash
# Builds every program of examples/ against an installed copy, with nothing but pkg-config.
# build_examples.sh ROOT_OF_THE_INSTALLATION OUTPUT_FOLDER
set -euo pipefail
root=$1 out=$2
mkdir -p "$out"

# The installed pkg-config files only, seen through the root they were installed into.
libraries=$(cd "$root" && find . -name socketio.pc -printf '%h\n')
export PKG_CONFIG_SYSROOT_DIR=$root
export PKG_CONFIG_PATH=$root/$libraries
more=() # other libraries that a program takes
pkg-config --print-errors --exists engineio socketio

# The system's own headers and libraries are not below that root: put their paths right again.
flags() { pkg-config "$@" socketio engineio "${more[@]}" | sed "s,$root/usr/\(include\|lib\)\b,/usr/\1,g"; }

passed=0 failed=0
for source in examples/*.c; do
    [[ -e $source ]] || continue
    program=$out/$(basename "${source%.c}")
    more=()
    if grep -q '<jansson.h>' "$source"; then more=(jansson); fi
    # shellcheck disable=SC2046
    if cc -std=gnu11 -Wall -Wextra -Werror "$source" -o "$program" $(flags --cflags) $(flags --libs) \
        -Wl,-rpath-link,"$root/${libraries%/pkgconfig}"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$source does not build against the installed headers"
    fi
done

for unwanted in net/loop.h websocket/frame.h; do
    if [[ -e $root/usr/local/include/engineio/$unwanted ]]; then
        failed=$((failed + 1))
        echo "$unwanted is private, but installed"
    fi
done
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
