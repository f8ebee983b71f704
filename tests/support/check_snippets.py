#!/usr/bin/env python3
"""Every C snippet of README.md and docs/*.md compiles against the tree's headers; programs also start.

check_snippets.py ROOT [BUILD] | --self-test

A fenced ```c block is, by what it looks like:
  a whole program, if it defines main: linked with BUILD, and run with port 0 until it listens;
  declarations, if it begins at the left margin with `static`, `typedef`, `#include` or `enum`;
  else statements, compiled inside a function that has the variables of CONTEXT.
`<!-- snippet: none -->` on the line above leaves one out that is no C of ours. In tables, each
`code` cell of a column titled "C" is compiled as statements.
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

FENCE = re.compile(r"(?:^<!-- snippet: (none) -->\n)?^```c\n(.*?)^```$", re.S | re.M)
DECLARATION = re.compile(r"^(static|typedef|#include|enum)\b|^#include", re.M)
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"]
# A snippet shows one thing: what it does not use, or leaves unchecked, is no fault of it.
LENIENT = ["-Wno-unused-function", "-Wno-unused-variable", "-Wno-unused-parameter",
           "-Wno-unused-but-set-variable", "-Wno-unused-but-set-parameter",
           "-Wno-unused-const-variable"]
HEADERS = """
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "engineio/websocket.h"
#include "socketio/adapter.h"
#include "socketio/redis.h"
#include "socketio/socketio.h"
"""
CONTEXT = """
void on_event(sio_socket *, sio_event *, void *);
void on_connection(sio_socket *, void *);
void on_leave(sio_socket *, const char *, const char *, void *);
void on_error(sio_socket *, const char *, void *);
void on_answer(sio_socket *, int, sio_args, void *);
void on_answers(sio_namespace *, int, const sio_args *, size_t, void *);
void on_found(sio_namespace *, int, const sio_found_socket *, size_t, void *);
void on_count(sio_namespace *, int, size_t, void *);
void on_server_event(sio_namespace *, sio_args, sio_server_reply *, void *);
sio_outgoing_cb on_outgoing;
sio_event_middleware_cb filter;
sio_room_cb on_room;
sio_namespace_cb on_namespace;
sio_matcher_cb match;
extern const eio_session_handler handler;
eio_middleware_cb stamp;
void check(sio_socket *, void *);
bool visit(sio_socket *, void *);
void serve(eio_http_request *, void *);
void on_closed(void *);
void snippet(uv_loop_t *, eio_http_server *, sio_server *, sio_namespace *, sio_socket *,
             sio_event *, eio_http_request *, eio_step *, sio_args, eio_slice, eio_buffer *,
             void *);
void snippet(uv_loop_t *loop, eio_http_server *http, sio_server *io, sio_namespace *nsp,
             sio_socket *socket, sio_event *event, eio_http_request *request, eio_step *step,
             sio_args args, eio_slice id, eio_buffer *bytes, void *data)
{
    sio_options options;
    sio_redis_bus_options bus_options;
    sio_redis_bus *bus = data;
    eio_listen_options where;
    eio_error why = { 0 };
    char text[256];
    int rc = 0;
    eio_options engine_options;
    eio_server *engine = sio_server_engine(io);
    eio_session *session = NULL;
    sio_match *asked = data;
    eio_handshake *handshake = data;
    const sio_found_socket *found = data;
"""


def is_program(code):
    return re.search(r"^int main\(", code, re.M) is not None


def cells(text):
    """(line, code) of each code in a table's column that is titled C."""
    column = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.startswith("|"):
            column = None
            continue
        row = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if column is None:
            column = row.index("C") if "C" in row else -1
        elif column >= 0 and column < len(row):
            for code in re.findall(r"`([^`]+)`", row[column]):
                yield number, code + ";"


def snippets(text):
    """(line, code) of each."""
    for match in FENCE.finditer(text):
        if not match.group(1):
            yield text[: match.start(2)].count("\n") + 1, match.group(2)
    yield from cells(text)


def source_of(code, around, name):
    marker = f'#line 1 "{name}"\n'
    if is_program(code):
        return marker + code
    if DECLARATION.match(code):
        return HEADERS + marker + code
    return HEADERS + around + marker + code + "\n}\n"


def compile_one(code, around, root, name, out=None, more=()):
    """What the compiler has to say against it, or ''."""
    command = ["cc", *FLAGS, *([] if is_program(code) else LENIENT), f"-I{root}", "-xc", "-"]
    command += ["-o", str(out), *more] if out else ["-fsyntax-only"]
    run = subprocess.run(command, input=source_of(code, around, name), capture_output=True, text=True)
    return run.stderr if run.returncode else ""


def start_program(program):
    """Whether it listens within ten seconds; it is ended then."""
    with subprocess.Popen([program, "0"], stdout=subprocess.PIPE, text=True) as child:
        watch = threading.Timer(10, child.kill)
        watch.start()
        line = child.stdout.readline()
        watch.cancel()
        child.kill()
    return "" if line.startswith("listening on ") else f"does not say that it listens, but {line!r}"


def check_program(code, around, root, build, name):
    libraries = [f"{build}/socketio", f"{build}/engineio"]
    more = [flag for path in libraries for flag in (f"-L{path}", f"-Wl,-rpath,{path}")]
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "program"
        return compile_one(code, around, root, name, out,
                           [*more, "-lsocketio", "-lengineio", "-luv"]) or start_program(out)


def self_test(root):
    around = CONTEXT
    good = ["sio_emit(socket, SIO_STR(\"a\"), SIO_NO_ARGS);", "static int a;\n", "int main(void)\n{\n    return 0;\n}\n"]
    bad = ["sio_emit(socket, \"a\");", "static int a = no_such_thing;\n", "int main(void)\n{\n    int unused;\n}\n",
           "sio_no_such_call(socket);"]
    assert not any(compile_one(code, around, root, "good") for code in good)
    assert all(compile_one(code, around, root, "bad") for code in bad)
    table = "| Node | C |\n| --- | --- |\n| `a` | `b()` |\n\n```c\nc\n```\n<!-- snippet: none -->\n```c\nd\n```\n"
    assert [code for _, code in snippets(table)] == ["c\n", "b();"]


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    self_test(root)
    if sys.argv[1] == "--self-test":
        return 0
    root = pathlib.Path(sys.argv[1]).resolve()
    build = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
    around, passed, failed = CONTEXT, 0, 0
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        for line, code in snippets(path.read_text()):
            name = f"{path.relative_to(root)}:{line}"
            if is_program(code) and build:
                wrong = check_program(code, around, root, build, name)
            else:
                wrong = compile_one(code, around, root, name)
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if wrong:
                print(f"{name}: {wrong}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
