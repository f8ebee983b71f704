# The parts of ./dev test and ./dev check. Sourced by ./dev.
#
# A part is a function part_NAME. Its output goes to build/test-logs/NAME.log and is shown when it
# fails. It counts as one, unless its last line is `N passed, N failed`.

TEST_PARTS=(format banned includes size docs packages assertions
    build-gcc build-clang build-bare symbols snippets operations
    unit own-malloc guard fuzz interop browser conformance clients install)
CHECK_PARTS=(valgrind threads fuzz-long tidy doxygen subproject debian13 container)

# The time that a hung part is given, in seconds.
PART_LIMIT=1500

c_files() {
    find engineio socketio chat tests examples -name node_modules -prune -o \
        -name '*.[ch]' -print | LC_ALL=C sort
}

# ---- builds: each in a folder of its own, made again when its options change ----

# configure FOLDER COMPILER [meson options]
configure() {
    local folder=$1 compiler=$2 stamp=$1/.options wanted
    shift 2
    wanted="$compiler $*"
    if [[ ! -f $folder/build.ninja || $(cat "$stamp" 2>/dev/null) != "$wanted" ]]; then
        mkdir -p "$folder"
        find "$folder" -mindepth 1 -maxdepth 1 ! -name 'test-*' -exec rm -rf {} +
        CC=$compiler meson setup "$folder" "$@" || return
        printf '%s' "$wanted" >"$stamp"
    fi
}

# build FOLDER COMPILER [meson options]
build() { configure "$@" && ninja -C "$1" -j "$JOBS" -k 20; }

CLIENT=-Dclient_dir=$ROOT/chat/client/node_modules/socket.io/client-dist
WHOLE=(-Dwerror=true -Dauto_features=enabled "$CLIENT")
# As fast as it gets: the libraries and the program are optimised as one.
FAST=(--buildtype=release -Db_lto=true -Ddefault_library=static)
SANITIZED=(-Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fno-sanitize-recover=all)

build_to_run() {
    mkdir -p "$LOGS"
    say "building (log: $LOGS/run.log)"
    build build-run cc "${FAST[@]}" -Dtests=disabled -Dexamples=disabled -Dchatd=enabled "$CLIENT" \
        >"$LOGS/run.log" 2>&1 </dev/null || {
        tail -n 40 "$LOGS/run.log" >&2
        die "the build failed: $LOGS/run.log"
    }
}
build_asan() { build build-asan cc "${WHOLE[@]}" "${SANITIZED[@]}"; }
build_fuzz() {
    build build-fuzz clang "${WHOLE[@]}" "${SANITIZED[@]}" -Dfuzz=enabled -Dexamples=disabled \
        -Dchatd=disabled
}

# ---- form and rules ----

part_format() { c_files | xargs clang-format-14 --dry-run -Werror; }
part_banned() { python3 tests/support/check_banned.py .; }
part_includes() { python3 tests/support/check_includes.py .; }
part_size() { python3 tests/support/check_size.py .; }
part_docs() { python3 tests/support/check_docs.py .; }
part_packages() { python3 tests/support/check_packages.py .; }
part_assertions() { python3 tests/support/check_assertions.py .; }
part_snippets() { python3 tests/support/check_snippets.py . build; }
part_operations() { python3 tests/support/check_operations.py . build; }
part_symbols() { python3 tests/support/check_symbols.py . build; }

# ---- compilers ----

part_build-gcc() { build build cc "${WHOLE[@]}"; }
part_build-clang() { build build-clang clang "${WHOLE[@]}"; }
part_build-bare() { build build-bare cc -Dwerror=true -Dauto_features=disabled; }

# ---- tests in C ----

# unit_tests FOLDER [options of meson test]: all, or those whose name holds $PART_FILTER
unit_tests() {
    local folder=$1 names=() rc=0
    shift
    if [[ -n ${PART_FILTER:-} ]]; then
        mapfile -t names < <(meson test -C "$folder" --list 2>/dev/null |
            sed -n 's,^.* / ,,p' | grep -F -- "$PART_FILTER")
        ((${#names[@]})) || {
            echo "no unit test is named like $PART_FILTER"
            return 1
        }
    fi
    meson test -C "$folder" --no-rebuild --print-errorlogs --num-processes "$JOBS" "$@" \
        "${names[@]}" || rc=$?
    python3 tests/support/tally.py meson "$(ls -t "$folder"/meson-logs/testlog*.json | head -n 1)" ||
        rc=1
    return $rc
}

part_unit() {
    build_asan && UBSAN_OPTIONS=print_stacktrace=1 unit_tests build-asan --timeout-multiplier 4
}

# What brings its own malloc runs in a build without sanitizers.
part_own-malloc() { build build cc "${WHOLE[@]}" && unit_tests build --suite own-malloc; }

configure_to_measure() {
    configure build-bench cc "${FAST[@]}" -Dc_args=-g -Dexamples=disabled -Dchatd=disabled
}

# Instructions per delivery and memory per idle client: no clock is asked.
part_guard() {
    configure_to_measure &&
        ninja -C build-bench -j "$JOBS" tests/bench/guard &&
        python3 tests/bench/guard.py build-bench
}

fuzz_targets() {
    find build-fuzz/tests/fuzz -maxdepth 1 -type f -executable -name 'fuzz_*' -printf '%f\n' |
        sed 's/^fuzz_//' | LC_ALL=C sort
}

# fuzz_one TARGET [libFuzzer options]: finds are kept in build-fuzz/found, new inputs in build-fuzz/corpus
fuzz_one() {
    local target=$1 folders=() folder
    shift
    mkdir -p build-fuzz/corpus/"$target" build-fuzz/found
    for folder in tests/fuzz/corpus/"$target" tests/fuzz/regressions/"$target"; do
        [[ -d $folder ]] && folders+=("$folder")
    done
    local dictionary=()
    [[ -f tests/fuzz/fuzz.dict ]] && dictionary=(-dict=tests/fuzz/fuzz.dict)
    build-fuzz/tests/fuzz/fuzz_"$target" -max_len=16384 -len_control=100 -rss_limit_mb=512 \
        -timeout=5 -use_value_profile=1 -artifact_prefix=build-fuzz/found/"$target"- \
        "${dictionary[@]}" "$@" build-fuzz/corpus/"$target" "${folders[@]}"
}

# fuzz_each SECONDS: every target, as many at once as there are processors
fuzz_each() {
    local seconds=$1 target passed=0 failed=0 running=0
    mkdir -p build-fuzz/logs
    for target in $(fuzz_targets); do
        [[ $target == *${PART_FILTER:-}* ]] || continue
        {
            rm -f build-fuzz/logs/"$target".ok
            fuzz_one "$target" -max_total_time="$seconds" -print_final_stats=1 \
                >build-fuzz/logs/"$target".log 2>&1 && touch build-fuzz/logs/"$target".ok
        } &
        running=$((running + 1))
        if ((running % JOBS == 0)); then wait; fi
    done
    wait
    for target in $(fuzz_targets); do
        [[ $target == *${PART_FILTER:-}* ]] || continue
        if [[ -f build-fuzz/logs/$target.ok ]]; then
            passed=$((passed + 1))
            echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' build-fuzz/logs/"$target".log) inputs"
        else
            failed=$((failed + 1))
            echo "$target FAILED:"
            tail -n 60 build-fuzz/logs/"$target".log
        fi
    done
    echo "$passed passed, $failed failed"
    ((failed == 0 && passed > 0))
}

part_fuzz() { build_fuzz && fuzz_each 10; }
part_fuzz-long() { build_fuzz && fuzz_each 60; }

# ---- the real clients ----

# node_tests FOLDER BUILD: its *.test.mjs, against the programs of that build
node_tests() {
    local files=() rc=0
    mapfile -t files < <(find "tests/$1" -name '*.test.mjs' -path "*${PART_FILTER:-}*" | LC_ALL=C sort)
    ((${#files[@]})) || {
        echo "no $1 test is there${PART_FILTER:+ that is named like $PART_FILTER}"
        return 1
    }
    mkdir -p build/test-output
    # Ended a little before the part is, so that one can see which file hangs.
    # Memory that ASan keeps back for its own ends would count as ours in the tests of limits.
    ASAN_OPTIONS=quarantine_size_mb=1:thread_local_quarantine_size_kb=16 \
        OFFICIAL=${OFFICIAL:-} BUILD_DIR=$ROOT/$2 CHATD=$ROOT/$2/chat/chatd OUTPUT_DIR=$ROOT/build/test-output \
        timeout $((PART_LIMIT - 100)) node --test --test-reporter=tap "${files[@]}" >"$LOGS/$1.tap" 2>&1 || rc=$?
    tap_failures "$LOGS/$1.tap"
    python3 tests/support/tally.py tap "$LOGS/$1.tap" || rc=1
    return $rc
}

# What went wrong, without what went well.
tap_failures() {
    awk '/^ *ok /{show=0} /^ *not ok /{show=1} /^# (tests|pass|fail)/{show=1} show' "$1"
}

part_interop() { build_asan && node_tests interop build-asan; }
part_browser() { node_tests browser build; }
part_conformance() { node tests/conformance/run.mjs "$OFFICIAL" build; }
part_clients() { node tests/conformance/clients.mjs "$OFFICIAL" build; }

# ---- what an installed copy is good for ----

part_install() {
    local place=$ROOT/build/install-test
    rm -rf "$place"
    DESTDIR=$place/root meson install -C build --no-rebuild --quiet || return
    tests/support/build_examples.sh "$place/root" "$place/examples"
}

# ---- the long and the wide ----

part_valgrind() {
    build build cc "${WHOLE[@]}" &&
        unit_tests build --suite unit --timeout-multiplier 20 --logbase testlog-valgrind \
            --wrap "valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,possible --child-silent-after-fork=yes"
}

part_threads() {
    build build-tsan clang "${WHOLE[@]}" -Db_sanitize=thread -Db_lundef=false &&
        unit_tests build-tsan --suite unit --timeout-multiplier 8 &&
        PART_FILTER=workers node_tests interop build-tsan
}

# What is built here, each file by itself: clang-tidy 14 takes a va_list of a second file for one that was not begun.
part_tidy() {
    [[ -f build-clang/compile_commands.json ]] || part_build-clang || return
    c_files | grep -E '^(engineio|socketio|chat)/.*\.c$' |
        grep -xF -f <(sed -n 's,^ *"file": "\.\./\(.*\)"\,*$,\1,p' build-clang/compile_commands.json) |
        xargs -P "$JOBS" -n 1 clang-tidy-14 -p build-clang --quiet --warnings-as-errors='*'
}

part_doxygen() { tests/support/doxygen.sh; }
part_subproject() { tests/support/subproject.sh; }
part_container() { tests/support/container.sh "${CONTAINER:-$ROOT/build-container}"; }
part_debian13() { tests/support/debian13.sh "${DEBIAN13:-$ROOT/build-debian13}"; }

# ---- running them ----

# Is this part here at all? What is left out is said, and not counted.
part_applies() {
    case $1 in
    format) have clang-format-14 ;;
    tidy) have clang-tidy-14 ;;
    # The checkout of the demo has a front end, and no suites.
    conformance | clients) [[ -n $OFFICIAL && ! -d $OFFICIAL/client/build ]] ;;
    *) return 0 ;;
    esac
}

# run_part NAME: adds to PASSED and FAILED
run_part() {
    local name=$1 log=$LOGS/$1.log rc=0 began=$SECONDS last
    printf '%-12s ' "$name"
    # In the background, so that `set -e` holds inside, and in a process group of its own, so that a
    # part that hangs is ended with all that it started.
    set -m
    (set -e; "part_$name") >"$log" 2>&1 </dev/null &
    local pid=$!
    (sleep "$PART_LIMIT"; echo "ended after $PART_LIMIT s" >>"$log"; kill -- "-$pid") >/dev/null 2>&1 </dev/null &
    local watch=$!
    set +m
    wait "$pid" || rc=$?
    kill -- "-$watch" 2>/dev/null || true
    last=$(tail -n 1 "$log")
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        local passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
        ((rc != 0 && failed == 0)) && failed=1
    else
        local passed=$((rc == 0)) failed=$((rc != 0))
    fi
    PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
    if ((failed)); then
        printf 'FAILED: %d passed, %d failed (%d s)\n' "$passed" "$failed" $((SECONDS - began))
        tail -n 80 "$log" | sed 's/^/    /'
        echo "    all of it: $log"
    else
        printf 'ok: %d passed (%d s)\n' "$passed" $((SECONDS - began))
    fi
}

# run_parts "ALL PARTS" [PART[/NAME]]...
run_parts() {
    local all wanted
    read -ra all <<<"$1"
    shift
    wanted=("$@")
    ((${#wanted[@]})) || wanted=("${all[@]}")
    PASSED=0 FAILED=0
    mkdir -p "$LOGS"
    local one
    for one in "${wanted[@]}"; do
        local part=${one%%/*}
        PART_FILTER=
        [[ $one == */* ]] && PART_FILTER=${one#*/}
        [[ " ${all[*]} " == *" $part "* ]] || die "no part $part; there are: ${all[*]}"
        if part_applies "$part"; then
            run_part "$part"
        else
            printf '%-12s not here\n' "$part"
        fi
    done
    echo "$PASSED passed, $FAILED failed"
    ((FAILED == 0 && PASSED > 0))
}
