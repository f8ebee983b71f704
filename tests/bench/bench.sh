# ./dev bench: how fast it is, beside others. Sourced by ./dev.
#
# A benchmark is a function bench_NAME that is given the rest of the arguments; what is no name of
# one is a scenario of bench.py, with its options.

build_to_bench() {
    mkdir -p "$LOGS"
    say "building (log: $LOGS/bench.log)"
    {
        configure_to_measure &&
            ninja -C build-bench -j "$JOBS" tests/testbed tests/server.pem tests/bench/{sioload,limit,limit_uv}
    } >"$LOGS/bench.log" 2>&1 </dev/null || {
        tail -n 40 "$LOGS/bench.log" >&2
        die "the build failed: $LOGS/bench.log"
    }
}

# bench_capacity: the constants of docs/scaling.md, and how well they predict
bench_capacity() {
    build_to_bench
    python3 tests/bench/capacity.py build-bench
}

# measure_with_peers SCRIPT [its options]: beside what npm has
measure_with_peers() {
    build_to_bench
    npm_install tests/bench/peers
    python3 "tests/bench/$1.py" --build build-bench "${@:2}"
}

# bench_cluster [options]: workers, and servers on one Redis with each adapter, beside Node's
bench_cluster() {
    need_command redis-server redis-server
    need_install
    measure_with_peers cluster "$@"
}

# bench_crowd [options]: as many clients as there may be, what a broadcast takes them, what it does to others
bench_crowd() { measure_with_peers crowd "$@"; }

# bench_chat [--original DIR] [options]: chatd demo on Redis, beside the Node original
bench_chat() {
    need_command redis-server redis-server
    need_install
    npm_install chat/client
    build_to_run
    build_to_bench
    python3 tests/bench/chat.py --build build-bench --chatd build-run/chat/chatd "$@"
}

# bench_servers [option of bench.py | SCENARIO]...: side by side with peers and the kernel's limit
bench_servers() {
    local scenarios=() options=() results=$ROOT/build-bench/results.jsonl
    while (($#)); do
        case $1 in
        --*)
            (($# > 1)) || die "$1 needs a value"
            options+=("$1" "$2")
            shift
            ;;
        *) scenarios+=("$1") ;;
        esac
        shift
    done
    if ((${#scenarios[@]})); then options+=(--scenario "$(IFS=, && echo "${scenarios[*]}")"); fi
    build_to_bench
    npm_install tests/bench/peers
    rm -f "$results"
    python3 tests/bench/bench.py run --build build-bench --out "$results" "${options[@]}"
    python3 tests/bench/chart.py "$results" >build-bench/benchmarks.svg
    say "results: $results, chart: $ROOT/build-bench/benchmarks.svg"
}

bench() {
    if [[ -n ${1:-} ]] && declare -F "bench_$1" >/dev/null; then
        "bench_$1" "${@:2}"
    else
        bench_servers "$@"
    fi
}
