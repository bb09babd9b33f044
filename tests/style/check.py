"""What the architecture and STYLE.md demand of the text of the sources, as far as a program can see it. Prints TAP.

    python3 tests/style/check.py               the project
    python3 tests/style/check.py --selftest    plants one violation of each rule in a temporary folder: does the rule see it?

A rule is a generator over a Tree; it yields "file:line: what is wrong".
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SKIPPED_FOLDERS = {".git", "build", "__pycache__", ".vs", ".vscode", ".idea"}
DATA_FOLDERS = {"data", "corpus"}  # test data: bytes that are wrong on purpose
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c"]
# The core has no clock, threads, signals or locale.
C11_FOR_CORE = {"assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdalign.h", "stdarg.h",
                "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "string.h"}
C11 = C11_FOR_CORE | {"complex.h", "fenv.h", "iso646.h", "locale.h", "setjmp.h", "signal.h", "tgmath.h", "threads.h", "time.h",
                      "uchar.h", "wchar.h", "wctype.h"}
WINDOWS_HEADERS = re.compile(
    r"(windows|windef|winbase|winnt|winsock2?|ws2tcpip|mswsock|httpext|httpfilt|winperf|winver|aclapi|sddl|shellapi|shlobj"
    r"|psapi|tlhelp32|userenv|io|process|conio|direct)\.h", re.IGNORECASE)
# folder -> what its quoted includes may begin with (its own folder is always allowed)
LAYERS = {
    "fcgiext/core/": [],
    "fcgiext/win32/": ["fcgiext/core/", "mgmt/", "perfcounters/", "fcgiext/version.h", "fcgiext/messages.h"],
    "mgmt/": ["fcgiext/core/", "fcgiext/version.h"],
    "perfcounters/": ["fcgiext/core/counters", "fcgiext/core/bytes.h", "fcgiext/core/text.h"],
    "tools/docs/": ["mgmt/", "fcgiext/core/config.h", "fcgiext/core/counters"],
    "tools/": ["mgmt/", "perfcounters/", "fcgiext/version.h"],
    "tests/": ["fcgiext/", "mgmt/", "perfcounters/", "tools/"],
}
GENERATED = {"fcgiext/version.h", "fcgiext/messages.h"}
INTRINSICS = {"perfcounters/atomic.h": {"emmintrin.h", "intrin.h"}}  # of MSVC
LIBRARY_HEADERS = {"ini.h", "cmocka.h", "civetweb.h", "fcgiapp.h", "fcgi_stdio.h", "cjson/cJSON.h"}
# Written in pieces: this file is checked as well.
FORBIDDEN_TEXT = {
    "the folder of some machine": r"(?<![\w.])/(wo" r"rk/(main|shared)|tmp/bash" r"_jobs|home/\w+/|root/)",
    "the host of a package registry": r"(deb\.deb" r"ian\.org|snapshot\.deb" r"ian|archive\.ubu" r"ntu|security\.deb" r"ian|pypi\.o"
                                      r"rg|pythonho" r"sted|registry\.npm|proxy\.gol" r"ang|crates\.i" r"o\b)",
}


class Tree:
    """The files of a project, read once."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.lines = {}
        self.bytes = {}
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
            for name in sorted(files):
                path = pathlib.Path(folder, name)
                data = path.read_bytes()
                if b"\0" not in data:
                    relative = path.relative_to(self.root).as_posix()
                    self.bytes[relative] = data
                    self.lines[relative] = data.decode("utf-8", "replace").splitlines()

    def matching(self, *suffixes):
        return [name for name in self.lines if name.endswith(suffixes)]

    def sources(self):
        return [name for name in self.matching(".c", ".h") if name.startswith(tuple(LAYERS))]

    def includes(self, name):
        """-> (line number, "<" or quote, what is included)"""
        for number, line in enumerate(self.lines[name], 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if match:
                yield number, match[1], match[2]


def layer(name):
    return next((folder for folder in LAYERS if name.startswith(folder)), None)


def is_windows(name):
    """May it include <windows.h>? (The rule by which one sees it from the file's name.)"""
    stem = name.rsplit(".", 1)[0]
    return stem.endswith("_win32") or name.startswith(("fcgiext/win32/", "tools/", "tests/helpers/"))


def rule_layers(tree):
    """who may include whom; other folders' headers by their path from the root"""
    for name in tree.sources():
        own = layer(name)
        folder = name.rsplit("/", 1)[0] + "/"
        for line, kind, target in tree.includes(name):
            where = f"{name}:{line}"
            if kind == "<" or target in LIBRARY_HEADERS:
                continue
            if "/" not in target:
                if folder + target not in tree.lines:
                    yield f'{where}: "{target}" is not in this folder; write other folders from the root'
                continue
            if ".." in target.split("/"):
                yield f'{where}: "{target}": write it from the root'
            elif target not in tree.lines and target not in GENERATED:
                yield f'{where}: "{target}": no such file from the root'
            elif not target.startswith((own, *LAYERS[own])):
                yield f'{where}: {own} must not include "{target}"'


def rule_foreign_headers(tree):
    """the core: C11 and inih (config only); <windows.h> only where the file's name says so"""
    for name in tree.sources():
        core = name.startswith("fcgiext/core/")
        pure = core or (name.startswith(("mgmt/", "perfcounters/")) and not is_windows(name))
        for line, kind, target in tree.includes(name):
            where = f"{name}:{line}"
            if WINDOWS_HEADERS.fullmatch(target) and not is_windows(name):
                yield f"{where}: <{target}> only in fcgiext/win32, tools, tests/helpers and *_win32.c"
            elif target == "ini.h":
                if not re.match(r"fcgiext/core/config\w*\.c$|tests/", name):
                    yield f"{where}: ini.h only in fcgiext/core/config*.c"
            elif core and (target in LIBRARY_HEADERS or (kind == "<" and target not in C11_FOR_CORE)):
                yield f"{where}: the core must not include <{target}>"
            elif pure and kind == "<" and target not in C11 | {"cjson/cJSON.h"} | INTRINSICS.get(name, set()):
                yield f"{where}: pure code must not include <{target}>"
            elif target == "cjson/cJSON.h" and not name.startswith(("mgmt/", "tools/", "tests/")):
                yield f"{where}: JSON belongs to mgmt"


def rule_own_header_first(tree):
    """x.c includes x.h before anything else"""
    for name in tree.sources():
        header = name[:-2] + ".h"
        if name.endswith(".c") and header in tree.lines:
            first = next((target for _, _, target in tree.includes(name)), None)
            if first not in (header, header.rsplit("/", 1)[1]):
                yield f'{name}:1: "{header}" must be included first (now: {first})'


def compile_header(tree, name):
    compiler, preset = ("x86_64-w64-mingw32-gcc", "win64") if is_windows(name) else ("gcc", "linux")
    command = [compiler, *FLAGS, "-D_WIN32_WINNT=0x0501", "-DWINVER=0x0501", f"-I{tree.root}",
               f"-I{ROOT}/build/{preset}/generated", "-isystem", f"{ROOT}/build/deps/{preset}/include", "-"]
    text = f'#include "{name}"\ntypedef int not_empty;\n'
    result = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tree.root)
    if result.returncode != 0:
        first = next((line for line in result.stdout.splitlines() if "error" in line), result.stdout.strip())
        return f"{name}:1: does not compile alone: {first}"
    return None


def rule_self_contained(tree):
    """every header compiles alone"""
    headers = [name for name in tree.sources() if name.endswith(".h")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from filter(None, pool.map(lambda name: compile_header(tree, name), headers))


def excepted(lines, before):
    """Is there a comment with `length: REASON` in the lines directly above line `before` (0-based), up to an empty one?"""
    while before > 0 and lines[before - 1].strip():
        before -= 1
        if re.search(r"length: \S", lines[before]):
            return True
        if lines[before] == "}":
            return False
    return False


def rule_lengths(tree):
    """functions and files that one can take in at a glance; `/* length: reason */` above excepts"""
    for name in tree.matching(".c", ".h", ".py", ".sh"):
        lines = tree.lines[name]
        if len(lines) > MAX_FILE_LINES and not any(re.search(r"length: \S", line) for line in lines[:20]):
            yield f"{name}:1: {len(lines)} lines; at most {MAX_FILE_LINES}"
        if not name.endswith((".c", ".h")):
            continue
        start = None
        for number, line in enumerate(lines):
            if line == "{":
                start = number
            elif line.startswith("}") and start is not None:
                length = number - start - 1
                if length > MAX_FUNCTION_LINES and not excepted(lines, start):
                    yield f"{name}:{start + 1}: a function of {length} lines; at most {MAX_FUNCTION_LINES}"
                start = None


def rule_format(tree):
    """clang-format has nothing to change"""
    names = tree.sources()
    if not names:
        return
    result = subprocess.run(["clang-format", "--dry-run", "-Werror", "--style=file", *names], cwd=tree.root,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode == 0:
        return
    found = {}  # file -> line numbers
    for name, line in re.findall(r"^(\S+?):(\d+):\d+: error:", result.stdout, re.MULTILINE):
        found.setdefault(name, []).append(line)
    for name, places in found.items():
        yield f"{name}:{places[0]}: {len(places)} places that clang-format changes: clang-format -i {name}"
    if not found:
        yield "clang-format: " + result.stdout.strip()


def rule_text(tree):
    """no tabs, trailing spaces, carriage returns; one line end at the end; no machine's folders, no registry's hosts"""
    for name, lines in tree.lines.items():
        if DATA_FOLDERS & set(name.split("/")):
            continue
        data = tree.bytes[name]
        if b"\r" in data:
            yield f"{name}:1: carriage returns"
        if data and (not data.endswith(b"\n") or data.endswith(b"\n\n")):
            yield f"{name}:{len(lines)}: must end with exactly one line end"
        for number, line in enumerate(lines, 1):
            if "\t" in line:
                yield f"{name}:{number}: a tab"
            if line != line.rstrip():
                yield f"{name}:{number}: trailing spaces"
            for what, pattern in FORBIDDEN_TEXT.items():
                if re.search(pattern, line):
                    yield f"{name}:{number}: {what}: {line.strip()[:80]}"


def rule_checks(tree):
    """each condition of pool_check has a row in its test, in which it does not hold"""
    rows = re.findall(r'^    \{\w+, \w+, "(.+?)"\}', "\n".join(tree.lines.get("tests/unit/test_pool_check.c", [])), re.MULTILINE)
    name = "fcgiext/core/pool_info.c"
    for number, line in enumerate(tree.lines.get(name, []), 1):
        check = re.match(r"\s+CHECK\((.*)\);", line)
        if check and not any(check[1].startswith(row) for row in rows):
            yield f"{name}:{number}: no row of tests/unit/test_pool_check.c breaks this"


def rule_rows(tree):
    """each of the rows 1 to 16 of the faults that FastCGI servers have had is named by a test: row_7_... or row_07_..."""
    named = {}  # row -> a file that has a test of it
    for name in tree.matching(".c", ".py"):
        if re.match(r"tests/(unit|system)/test_", name):
            for row in re.findall(r"(?:void|def test)[ _]row_0?(\d+)_\w+\(", "\n".join(tree.lines[name])):
                named.setdefault(int(row), name)
    for row in set(range(1, 17)) - set(named):
        near = min(named, key=lambda one: abs(one - row)) if named else None
        yield f"{named.get(near, 'tests/unit')}:1: row {near} has a test, row {row} has none"


RULES = [rule_layers, rule_foreign_headers, rule_own_header_first, rule_self_contained, rule_lengths, rule_format, rule_text,
         rule_checks, rule_rows]

# ---- selftest

GOOD = {
    "fcgiext/core/a.h": "/* A. */\n#ifndef A_H\n#define A_H\n\n#include <stddef.h>\n\nsize_t a(size_t n);\n\n#endif\n",
    "fcgiext/core/a.c": '#include "fcgiext/core/a.h"\n\n#include <string.h>\n\nsize_t a(size_t n)\n{\n    return n;\n}\n',
    "fcgiext/core/config.c": '#include "ini.h"\n',
    "fcgiext/win32/w.c": '#include <windows.h>\n\n#include "fcgiext/core/a.h"\n',
    "fcgiext/win32/w2.h": "#include <windows.h>\n\nvoid w2(HANDLE handle);\n",
    "mgmt/m.h": "int m(void);\n",
    "mgmt/pipe_win32.c": '#include <windows.h>\n\n#include "mgmt/m.h"\n',
    "tests/unit/test_a.c": '#include "fcgiext/core/a.h"\n',
    "tests/unit/test_rows.c": "".join(f"void row_{row:02}_x(void);\n" for row in range(1, 16)),
    "tests/system/test_rows.py": "def test_row_16_x(self):\n    pass\n",
    "tests/unit/long.c": "/* length: a table */\nint f(void)\n{\n" + "    f();\n" * 71 + "    return 0;\n}\n",
    "tests/data/odd.ini": "a\tb \r\n",
}
BODY = "    a(1);\n"
# rule, file, its text
BAD = [
    (rule_layers, "fcgiext/core/b.c", '#include "fcgiext/win32/w2.h"\n'),
    (rule_layers, "fcgiext/core/b.c", '#include "mgmt/m.h"\n'),
    (rule_layers, "fcgiext/win32/b.c", '#include "../core/a.h"\n'),
    (rule_layers, "fcgiext/win32/b.c", '#include "core/a.h"\n'),
    (rule_layers, "fcgiext/win32/b.c", '#include "a.h"\n'),
    (rule_layers, "fcgiext/win32/b.c", '#include "tests/unit/test_a.c"\n'),
    (rule_layers, "tools/x/b.c", '#include "fcgiext/win32/w2.h"\n'),
    (rule_layers, "tools/x/b.c", '#include "fcgiext/core/a.h"\n'),
    (rule_layers, "perfcounters/b.c", '#include "fcgiext/core/a.h"\n'),
    (rule_foreign_headers, "fcgiext/core/b.c", "#include <windows.h>\n"),
    (rule_foreign_headers, "fcgiext/core/b.c", "#include <time.h>\n"),
    (rule_foreign_headers, "fcgiext/core/b.c", "#include <unistd.h>\n"),
    (rule_foreign_headers, "fcgiext/core/b.c", '#include "ini.h"\n'),
    (rule_foreign_headers, "fcgiext/core/b.c", "#include <cjson/cJSON.h>\n"),
    (rule_foreign_headers, "mgmt/b.c", "#include <Windows.h>\n"),
    (rule_foreign_headers, "mgmt/b.c", "#include <sys/socket.h>\n"),
    (rule_foreign_headers, "tests/unit/b.c", "#include <winsock2.h>\n"),
    (rule_own_header_first, "fcgiext/core/a.c", '#include <string.h>\n\n#include "fcgiext/core/a.h"\n'),
    (rule_self_contained, "fcgiext/core/b.h", "size_t b(void);\n"),
    (rule_self_contained, "fcgiext/win32/b.h", "void b(HANDLE handle);\n"),
    (rule_lengths, "fcgiext/core/b.c", "int f(void)\n{\n" + BODY * 71 + "}\n"),
    (rule_lengths, "fcgiext/core/b.c", "/* length: x */\nint f(void)\n{\n}\n\nint g(void)\n{\n" + BODY * 71 + "}\n"),
    (rule_lengths, "fcgiext/core/b.c", "/* x */\n" + "int f(void);\n" * 600),
    (rule_lengths, "tests/b.py", "a = 1\n" * 601),
    (rule_format, "fcgiext/core/b.c", "int  b(void);\n"),
    (rule_format, "tests/unit/b.c", "int b(void) {\n    return 0;\n}\n"),
    (rule_text, "README.md", "a\tb\n"),
    (rule_text, "README.md", "a \n"),
    (rule_text, "README.md", "a\r\n"),
    (rule_text, "README.md", "a"),
    (rule_text, "README.md", "a\n\n"),
    (rule_text, "README.md", "see /wo" "rk/main/x\n"),
    (rule_text, "README.md", "see /tmp/bash" "_jobs/1\n"),
    (rule_text, "README.md", "see /home/" "me/x\n"),
    (rule_checks, "fcgiext/core/pool_info.c", "void f(void)\n{\n    CHECK(1 == 1);\n}\n"),
    (rule_rows, "tests/unit/test_rows.c", "".join(f"void row_{row}_x(void);\n" for row in range(1, 16) if row != 7)),
    (rule_text, "tools/x.sh", "curl http://deb.deb" "ian.org/x\n"),
]


def plant(folder, files):
    for name, text in files.items():
        path = pathlib.Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return Tree(folder)


def selftest():
    """-> (what, problems) for the clean tree, and for each planted violation"""
    style = {".clang-format": (ROOT / ".clang-format").read_text()}
    with tempfile.TemporaryDirectory() as folder:
        tree = plant(folder, {**style, **GOOD})
        yield "a clean tree", [problem for rule in RULES for problem in rule(tree)]
    for rule, name, text in BAD:
        with tempfile.TemporaryDirectory() as folder:
            found = list(rule(plant(folder, {**style, **GOOD, name: text})))
        seen = any(problem.startswith(name + ":") for problem in found)
        first = text.strip().splitlines()[0].strip()[:50]
        yield f"{rule.__name__} sees {name}: {first}", [] if seen else ["not seen; found: " + repr(found)]


def main():
    if sys.argv[1:] == ["--selftest"]:
        results = list(selftest())
    else:
        tree = Tree(ROOT)
        results = [(f"{rule.__name__.removeprefix('rule_')}: {rule.__doc__}", list(rule(tree))) for rule in RULES]
    failed = 0
    for number, (what, problems) in enumerate(results, 1):
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {what.replace('#', '')}")
        for problem in problems:
            print("# " + problem)
    print(f"1..{len(results)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
