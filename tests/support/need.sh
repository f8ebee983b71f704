# What a machine must have, and how it gets it. Sourced by ./dev.
#
# Each need is tested for by what it gives (a command, a header, a pkg-config file), never by the
# name of a package: it may come from elsewhere. What is missing is collected, then apt installs it
# in one go.

MISSING=()

die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

# need_command COMMAND PACKAGE...
need_command() { have "$1" || MISSING+=("${@:2}"); }

has_header() { have cc && printf '#include <%s>\n' "$1" | cc -E -x c - >/dev/null 2>&1; }

# need_header HEADER PACKAGE
need_header() { has_header "$1" || MISSING+=("$2"); }

# need_library PKG-CONFIG-NAME PACKAGE
need_library() { { have pkg-config && pkg-config --exists "$1"; } || MISSING+=("$2"); }

apt_has() { have apt-cache && apt-cache show "$1" >/dev/null 2>&1; }

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "not root and no sudo; as root: ${*}"
    fi
}

refresh_apt() {
    [[ -n ${APT_IS_FRESH:-} ]] && return
    have apt-get || die "no apt-get here; install what these Debian packages hold: ${MISSING[*]}"
    as_root apt-get update -qq </dev/null || die "apt-get update failed: is there a network?"
    APT_IS_FRESH=1
}

# Install what was found missing, then forget it.
need_install() {
    ((${#MISSING[@]})) || return 0
    refresh_apt
    say "installing: ${MISSING[*]} (log: $LOGS/apt.log)"
    mkdir -p "$LOGS"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o=Dpkg::Use-Pty=0 \
        --no-install-recommends "${MISSING[@]}" </dev/null >"$LOGS/apt.log" 2>&1 || {
        tail -n 20 "$LOGS/apt.log" >&2
        die "that failed; by hand: apt-get install ${MISSING[*]}"
    }
    MISSING=()
    hash -r
}

need_llhttp() {
    [[ -e /usr/share/llhttp/llhttp.c ]] && return
    has_header llhttp.h && return
    refresh_apt
    # The library came with Debian 13; Debian 12 has its C sources in a package of Node's.
    if apt_has libllhttp-dev; then MISSING+=(libllhttp-dev); else MISSING+=(node-llhttp); fi
}

need_to_build() {
    need_command cc gcc
    need_header stdio.h libc6-dev
    need_command meson meson
    need_command ninja ninja-build
    need_command pkg-config pkg-config
    need_library libuv libuv1-dev
    need_library zlib zlib1g-dev
    need_header mbedtls/ssl.h libmbedtls-dev
    need_library hiredis libhiredis-dev
    need_library jansson libjansson-dev
    need_library sqlite3 libsqlite3-dev
    need_library librabbitmq librabbitmq-dev
    need_header crypt.h libcrypt-dev
    need_llhttp
}

node_is_new_enough() { node -e 'process.exit(parseInt(process.versions.node, 10) < 18 ? 1 : 0)'; }

# The browser client that chatd serves comes from npm.
need_to_chat() {
    need_command node nodejs
    need_command npm npm
}

need_to_test() {
    need_command clang clang
    need_header cmocka.h libcmocka-dev
    have valkey-server || need_command redis-server redis-server
    need_command rabbitmq-server rabbitmq-server
    need_command openssl openssl
    [[ -x /usr/sbin/nginx ]] || need_command nginx nginx # not in everybody's PATH
    [[ -x /usr/sbin/haproxy ]] || need_command haproxy haproxy
    [[ -r /etc/ssl/certs/ca-certificates.crt ]] || MISSING+=(ca-certificates)
    need_command curl curl
    need_command valgrind valgrind
    { have chromium || have google-chrome; } || MISSING+=(chromium)
    { have fc-list && fc-list | grep -q .; } || MISSING+=(fontconfig fonts-dejavu-core)
    if ! have clang-format-14 && ! have apt-get; then
        say "clang-format-14 is not here: the form of the code is not checked"
    elif ! have clang-format-14; then
        refresh_apt
        # Its version decides; later Debians have other ones, and then this part is not there.
        if apt_has clang-format-14; then MISSING+=(clang-format-14); fi
    fi
}

# After the rest is there: libFuzzer and the sanitizers of clang are a package of their own, named after its version.
need_sanitizers() {
    local probe
    probe=$(mktemp -d)
    echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' >"$probe/a.c"
    clang -fsanitize=fuzzer,address "$probe/a.c" -o "$probe/a" 2>/dev/null ||
        MISSING+=("libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev")
    rm -rf "$probe"
    need_install
}

need_to_check() {
    need_command doxygen doxygen
    if ! have clang-tidy-14 && apt_has clang-tidy-14; then MISSING+=(clang-tidy-14); fi
    need_command debootstrap debootstrap
    need_command buildah buildah
}

# npm_install FOLDER: what its lock pins, unless that is there already.
npm_install() {
    node_is_new_enough || die "node $(node --version) is too old: 18 or later is needed"
    local lock=$ROOT/$1/package-lock.json stamp=$ROOT/$1/node_modules/.installed-lock
    cmp -s "$lock" "$stamp" && return
    say "installing the npm packages of $1"
    (cd "$ROOT/$1" && npm ci --ignore-scripts --no-audit --no-fund </dev/null >&2) ||
        die "npm ci failed in $1: is the registry reachable? (npm config get registry)"
    cp "$lock" "$stamp"
}
