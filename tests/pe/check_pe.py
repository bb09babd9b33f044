"""What ships runs on Windows XP SP3 and Server 2003: checks the headers, imports and exports of the products. Prints TAP.

There is no XP here to ask, so imports are held against a list of functions known to exist there (xp_imports.txt). A new import is
either on XP (then add it, having checked "Minimum supported client" and the DLLs of XP) or goes through compat.c.

    python3 tests/pe/check_pe.py               the products in build/win64/bin and build/win32/bin
    python3 tests/pe/check_pe.py --selftest    builds a DLL that does everything wrong: does every check see it?
"""

import pathlib
import re
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXPORTS = {
    "fcgiext.dll": {"GetExtensionVersion", "HttpExtensionProc", "TerminateExtension", "FcgiextIoCounts"},
    "fcgiperf.dll": {"OpenFcgiPerf", "CollectFcgiPerf", "CloseFcgiPerf"},
}
DIR_EXPORT, DIR_IMPORT, DIR_RESOURCE, DIR_RELOC, DIR_TLS, DIR_DELAY = 0, 1, 2, 5, 9, 13


class Pe:
    def __init__(self, path):
        self.data = pathlib.Path(path).read_bytes()
        pe = self.u32(0x3C)
        assert self.data[:2] == b"MZ" and self.data[pe:pe + 4] == b"PE\0\0", "not a PE file"
        self.machine, count = struct.unpack_from("<HH", self.data, pe + 4)
        self.optional = pe + 24
        self.wide = self.u16(self.optional) == 0x20B
        self.os_version = struct.unpack_from("<HH", self.data, self.optional + 40)
        self.subsystem_version = struct.unpack_from("<HH", self.data, self.optional + 48)
        self.dll_characteristics = self.u16(self.optional + 70)
        self.image_base = struct.unpack_from("<Q" if self.wide else "<I", self.data, self.optional + (24 if self.wide else 28))[0]
        self.directories = self.optional + (112 if self.wide else 96)
        self.directory_count = self.u32(self.directories - 4)
        table = self.optional + self.u16(pe + 20)
        # virtual address, virtual size, file offset, file size
        self.sections = []
        for i in range(count):
            size, rva, raw_size, raw = struct.unpack_from("<IIII", self.data, table + 40 * i + 8)
            self.sections.append((rva, max(size, raw_size), raw, raw_size))

    def u16(self, at):
        return struct.unpack_from("<H", self.data, at)[0]

    def u32(self, at):
        return struct.unpack_from("<I", self.data, at)[0]

    def directory(self, index):
        if index >= self.directory_count:
            return 0, 0
        return struct.unpack_from("<II", self.data, self.directories + 8 * index)

    def at(self, rva):
        for start, size, raw, _ in self.sections:
            if start <= rva < start + size:
                return raw + rva - start
        raise ValueError(f"no section holds {rva:#x}")

    def text(self, rva):
        start = self.at(rva)
        return self.data[start:self.data.index(b"\0", start)].decode("ascii")

    def imports(self):
        """-> {dll in lower case: {function}}; #N for an import by number."""
        found = {}
        rva, _ = self.directory(DIR_IMPORT)
        at = self.at(rva) if rva else None
        while at is not None:
            names, _, _, dll, table = struct.unpack_from("<IIIII", self.data, at)
            if not dll:
                break
            functions = found.setdefault(self.text(dll).lower(), set())
            thunk = self.at(names or table)
            width, by_number = (8, 1 << 63) if self.wide else (4, 1 << 31)
            while True:
                entry = int.from_bytes(self.data[thunk:thunk + width], "little")
                if not entry:
                    break
                functions.add(f"#{entry & 0xFFFF}" if entry & by_number else self.text(entry + 2))
                thunk += width
            at += 20
        return found

    def exports(self):
        rva, _ = self.directory(DIR_EXPORT)
        if not rva:
            return set()
        at = self.at(rva)
        count, names = self.u32(at + 24), self.u32(at + 32)
        return {self.text(self.u32(self.at(names + 4 * i))) for i in range(count)}

    def tls_data(self):
        """Bytes that a thread gets; callbacks do not count. What the C run-time itself brings (below) is not used by it."""
        rva, _ = self.directory(DIR_TLS)
        if not rva:
            return 0
        start, end = struct.unpack_from("<QQ" if self.wide else "<II", self.data, self.at(rva))
        return end - start

    def has_version(self):
        rva, _ = self.directory(DIR_RESOURCE)
        if not rva:
            return False
        root = self.at(rva)
        count = self.u16(root + 12) + self.u16(root + 14)
        return 16 in [self.u32(root + 16 + 8 * i) for i in range(count)]  # RT_VERSION


def allowed_imports(wide):
    """-> {dll: {function}}; sections whose title ends in x64 count for wide DLLs only."""
    allowed, functions = {}, set()
    for line in (ROOT / "tests/pe/xp_imports.txt").read_text().splitlines():
        line = re.sub(r"^\s*# .*", "", line).strip()
        if line.startswith("["):
            dll, *only = line.strip("[]").split()
            functions = allowed.setdefault(dll, set()) if wide or not only else set()
        elif line:
            functions.update(line.split())
    return allowed


def check_imports(pe, _):
    allowed = allowed_imports(pe.wide)
    for dll, functions in sorted(pe.imports().items()):
        if dll not in allowed:
            yield f"imports {dll}, which is not among the system DLLs of xp_imports.txt"
        else:
            for function in sorted(functions - allowed[dll]):
                yield f"imports {dll}!{function}, which is not known to exist on Windows XP (see xp_imports.txt)"
    if pe.directory(DIR_DELAY)[0]:
        yield "has delayed imports"


def check_headers(pe, path):
    wide = "win64" in str(path)
    if pe.machine != (0x8664 if wide else 0x14C):
        yield f"machine {pe.machine:#x}"
    wanted = (5, 2) if wide else (5, 1)
    if pe.subsystem_version != wanted or pe.os_version != wanted:
        yield f"subsystem version {pe.subsystem_version}, system version {pe.os_version}; wanted {wanted}"
    if not pe.dll_characteristics & 0x40 or not pe.dll_characteristics & 0x100 or not pe.directory(DIR_RELOC)[1]:
        yield "no address-space randomization (DYNAMIC_BASE and relocations) or no NX_COMPAT"


def check_version(pe, path):
    if not pe.has_version():
        yield "no version resource"
        return
    version = re.search(r"project\(\w+ VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    for text in ("fcgiext contributors", path.name, version):
        if text.encode("utf-16-le") not in pe.data:
            yield f"the version resource does not say {text!r}"


def check_exports(pe, path):
    wanted = EXPORTS.get(path.name, set())
    if pe.exports() != wanted:
        yield f"exports {sorted(pe.exports())}, wanted {sorted(wanted)}"


def check_tls(pe, path):
    # mingw's start-up code has a directory with two words: _tls_start and __dyn_tls_init's marker. More is a thread-local
    # variable of ours, which reads another module's memory if XP loads the DLL at run time.
    if path.name.endswith(".dll") and pe.tls_data() > 16:
        yield f"thread-local data of {pe.tls_data()} bytes: implicit TLS fails in a DLL loaded at run time on XP"


def check_paths(pe, _):
    folder = str(ROOT).encode()
    if len(folder) > 4 and folder in pe.data:
        yield f"holds the name of the build folder: {pe.data[pe.data.index(folder):][:80]!r}"


def wide_exchanges(path):
    """Instructions of 32-bit code that write 8 bytes even if they change nothing. The counters of a host are read-only to fcgiperf.dll: one
    such instruction would end the program that looks at them."""
    done = subprocess.run(["i686-w64-mingw32-objdump", "-d", path], capture_output=True, text=True, check=True)
    return [line.strip() for line in done.stdout.splitlines() if "cmpxchg8b" in line]


CHECKS = [check_headers, check_imports, check_exports, check_version, check_tls, check_paths]


# ---- selftest

WRONG = """
#include <stdio.h>
#include <windows.h>
__attribute__((section(".tls$AAB"))) int numbers[100]; /* as MSVC does it; mingw's own __thread goes through TlsAlloc */
__declspec(dllexport) ULONGLONG WINAPI Wrong(int i)
{
    CancelIoEx(NULL, NULL);
    puts(FOLDER);
    return GetTickCount64() + (ULONGLONG)numbers[i]++;
}
"""
COMPILERS = {"win64": "x86_64-w64-mingw32-gcc", "win32": "i686-w64-mingw32-gcc"}


def selftest():
    """-> (what, what it should have seen but has not)"""
    for preset, compiler in COMPILERS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, preset, "fcgiext.dll")
            path.parent.mkdir()
            path.with_suffix(".c").write_text(WRONG)
            subprocess.run([compiler, "-shared", "-D_WIN32_WINNT=0x0601", f'-DFOLDER="{ROOT}/x"', "-Wl,--disable-dynamicbase",
                            str(path.with_suffix(".c")), "-o", str(path)], check=True)
            pe = Pe(path)
            for check in CHECKS:
                found = list(check(pe, path))
                yield f"{preset} {check.__name__} sees", [] if found else ["saw nothing wrong"]
            functions = " ".join(check_imports(pe, path))
            for function in ("kernel32.dll!CancelIoEx", "kernel32.dll!GetTickCount64"):
                yield f"{preset} {function} is seen", [] if function in functions else [functions]
    # the DLL that writes the counters has them
    yield "win32 cmpxchg8b is seen", [] if wide_exchanges(ROOT / "build/win32/bin/fcgiext.dll") else ["saw none"]


def products():
    for preset in COMPILERS:
        for name in ("fcgiext.dll", "fcgiperf.dll", "isapihost.exe", "fcgictl.exe"):
            path = ROOT / "build" / preset / "bin" / name
            try:
                pe = Pe(path)
            except (OSError, AssertionError, struct.error) as error:
                yield f"{preset}/{name}", [str(error)]
                continue
            for check in CHECKS:
                yield f"{preset}/{name} {check.__name__.removeprefix('check_')}", list(check(pe, path))
    yield "win32/fcgiperf.dll only reads", wide_exchanges(ROOT / "build/win32/bin/fcgiperf.dll")


def main():
    failed = 0
    number = 0
    for what, problems in selftest() if sys.argv[1:] == ["--selftest"] else products():
        number += 1
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {what}")
        for problem in problems:
            print("# " + problem)
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
