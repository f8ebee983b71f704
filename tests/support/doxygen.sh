#!/usr/bin/env bash
# Doxygen over the public headers; what it cannot make sense of is an error.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$root/build/doxygen
mkdir -p "$out"
cd "$root"
doxygen - <<END
PROJECT_NAME = socketio-c
INPUT = $(cd "$root" && python3 tests/support/check_includes.py --list-public | xargs)
OUTPUT_DIRECTORY = $out
GENERATE_LATEX = NO
HAVE_DOT = NO
OPTIMIZE_OUTPUT_FOR_C = YES
TYPEDEF_HIDES_STRUCT = YES
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
PREDEFINED = EIO_API= EIO_PRIVATE= SIO_API= SIO_PRIVATE= EIO_PRINTF(a,b)=
QUIET = YES
WARN_IF_UNDOCUMENTED = NO
WARN_IF_INCOMPLETE_DOC = NO
WARN_AS_ERROR = FAIL_ON_WARNINGS
END
