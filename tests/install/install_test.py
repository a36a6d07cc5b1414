# SPDX-License-Identifier: Apache-2.0
# What `make install` leaves is all that a user needs: everything here is compiled against an installed tree. TAP.
"""usage: install_test.py STAGE DIST VECTORS    (from the top of the tree; DIST: where the library was built)"""
import contextlib
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import tap

STAGE = os.path.abspath(sys.argv[1])
DIST, VECTORS = sys.argv[2:4]
del sys.argv[1:4]
HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = "docs/examples"
PREFIX = f"{STAGE}/usr/local"
INCLUDE, LIB = f"{PREFIX}/include", f"{PREFIX}/lib"
MAN = f"{PREFIX}/share/man/man3/noise_xk.3"
RV64_LIB = f"{LIB}/riscv64-unknown-elf"
WORK = f"{STAGE}.work"
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wshadow", "-Werror"]
# In C++ the function xk_dh_request has the name of a struct, as it may; g++ -Wshadow would rather it had not.
CXX_WARNINGS = [w for w in WARNINGS if w != "-Wshadow"]
# Nothing of this tree, and the loader finds the staged library.
ENV = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
ENV.update(PKG_CONFIG_PATH=f"{LIB}/pkgconfig", PKG_CONFIG_SYSROOT_DIR=STAGE, LD_LIBRARY_PATH=LIB)
QEMU = ["qemu-system-riscv64", "-M", "virt", "-m", "16M", "-bios", "none", "-display", "none", "-monitor", "none", "-cpu",
        "rv64,f=off,d=off,h=off,zba=off,zbb=off,zbc=off,zbs=off,sstc=off,Zihintpause=off"]


def run(*argv, status=0, **options):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, env=ENV, **options)
    assert done.returncode == status, f"{' '.join(argv)}: status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def installed_files():
    return sorted(os.path.relpath(p, STAGE) for p in glob.glob(f"{STAGE}/**", recursive=True) if not os.path.isdir(p))


def pkg_config(*options):
    return run("pkg-config", *options, "nexus-noise-xk").split()


def build_example(name, compiler, static=False):
    program = f"{WORK}/{name}-{compiler}-{'static' if static else 'shared'}"
    libs = [f"{LIB}/libnexus-noise-xk.a"] if static else pkg_config("--libs")
    run(compiler, "-std=c17", "-D_DEFAULT_SOURCE", "-O2", *WARNINGS, *pkg_config("--cflags"), f"{EXAMPLES}/{name}.c", *libs,
        "-o", program)
    return program


@contextlib.contextmanager
def server(program):
    """A running server; gives its port, its key, and what it prints."""
    for port in range(20000 + os.getpid() % 20000, 60000, 97):
        process = subprocess.Popen([program, str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENV)
        line = process.stdout.readline()
        if line:
            break
        process.wait(10)
    try:
        yield port, re.fullmatch(r"server ([0-9a-f]{64})\n", line)[1], process.stdout
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def exchange(server_program, client_program):
    text = "hello\n" + "x" * 65000 + "\n" + "no newline at the end"
    with server(server_program) as (port, key, said):
        other = key[:-2] + ("00" if key[-2:] != "00" else "01")
        out = run(client_program, "127.0.0.1", str(port), other, input=text, status=1)
        assert "is gone or another one" in out
        assert said.readline() == "closed: auth\n"
        for _ in range(2):  # it serves on
            assert run(client_program, "127.0.0.1", str(port), key, input=text) == text
            assert re.fullmatch(r"client [0-9a-f]{64}\n", said.readline())
            assert said.readline() == "closed: ok\n"
        run(client_program, "127.0.0.1", str(port), key[:-1], input=text, status=2)


def test_install():
    shutil.rmtree(STAGE, ignore_errors=True)
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(WORK)
    run("make", "-s", "install", "install-rv64", f"DESTDIR={STAGE}")
    for path in installed_files():
        if not path.endswith((".so", ".0.1")):
            wanted = 0o755 if "/bin/" in path or ".so." in path else 0o644
            assert os.stat(f"{STAGE}/{path}").st_mode & 0o777 == wanted, path


def test_exports_are_the_public_interface():
    run("scripts/check-exports", INCLUDE, LIB, MAN)
    ENV["CROSS"] = "riscv64-unknown-elf-"
    run("scripts/check-exports", INCLUDE, RV64_LIB)
    del ENV["CROSS"]


@contextlib.contextmanager
def tampered():
    copy = f"{WORK}/tampered"
    shutil.copytree(PREFIX, copy, symlinks=True)
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


def edit(path, old, new):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    assert old in text
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))


def relink(copy, source, exports, soname="libnexus-noise-xk.so.0.1"):
    """A shared library of other symbols in the place of the real one."""
    with open(f"{copy}/t.c", "w", encoding="utf-8") as f:
        f.write(source)
    objects = [path for path in glob.glob(f"{DIST}/*.o") if not path.endswith("nexus-noise-xk.o")]
    run("gcc", "-shared", "-fPIC", "-nostdlib", f"-Wl,--version-script,{exports}", *([f"-Wl,-soname,{soname}"] if soname else []),
        f"{copy}/t.c", *objects, "-lc", "-o", f"{copy}/lib/libnexus-noise-xk.so.0.1.0")


def changed_exports(copy, old, new):
    shutil.copy("noise/package/exports.map", f"{copy}/map")
    edit(f"{copy}/map", old, new)
    return f"{copy}/map"


def test_exports_gate_can_fail():
    controls = [
        ("exports x25519,", lambda c: relink(c, "", changed_exports(c, "xk_dh;", "xk_dh; x25519;"))),
        ("lacks xk_dh,", lambda c: relink(c, "", changed_exports(c, "xk_dh;", ""))),
        ("needs malloc", lambda c: relink(c, "void *malloc(unsigned long);\nvoid *xk_extra(void) { return malloc(1); }\n",
                                          changed_exports(c, "xk_dh;", "xk_dh; xk_extra;"))),
        ("the soname is none", lambda c: relink(c, "", "noise/package/exports.map", None)),
        ("libnexus-noise-xk.a: exports x25519",
         lambda c: run("objcopy", "--globalize-symbol=x25519", f"{c}/lib/libnexus-noise-xk.a")),
        ("libnexus-noise-xk.a: lacks xk_split",
         lambda c: run("objcopy", "--localize-symbol=xk_split", f"{c}/lib/libnexus-noise-xk.a")),
        ("lacks xk_more", lambda c: edit(f"{c}/include/nexus/noise_xk.h", "void xk_window_init", "void xk_more(void);\nvoid xk_window_init")),
        ("exports xk_window_init", lambda c: edit(f"{c}/include/nexus/noise_xk.h", "void xk_window_init", "void xk_window_start")),
        ("does not mention xk_dh_request", lambda c: edit(f"{c}/share/man/man3/noise_xk.3", "xk_dh_request", "xk_dh_wish")),
        ("not installed beside", lambda c: edit(f"{c}/include/nexus/noise_xk.h", '"noise_error.h"', '"nexus/noise_error.h"')),
        ("no headers", lambda c: shutil.rmtree(f"{c}/include")),
        ("libnexus-noise-xk.a", lambda c: os.remove(f"{c}/lib/libnexus-noise-xk.a")),
        ("libnexus-noise-xk.a", lambda c: open(f"{c}/lib/libnexus-noise-xk.a", "w").close()),
    ]
    for expected, damage in controls:
        with tampered() as copy:
            damage(copy)
            done = subprocess.run(["scripts/check-exports", f"{copy}/include", f"{copy}/lib", f"{copy}/share/man/man3/noise_xk.3"],
                                  capture_output=True, text=True)
            assert done.returncode == 1 and "FAIL" in done.stdout and expected in done.stdout, f"{expected!r}: {done}"


def test_headers_stand_alone():
    for header in sorted(os.listdir(f"{INCLUDE}/nexus")):
        for compilers, language, standards in ((("gcc", "clang"), "c", ("c11", "c17")),
                                               (("g++", "clang++"), "c++", ("c++11", "c++17", "c++20"))):
            for compiler in compilers:
                for standard in standards:
                    warnings = WARNINGS if language == "c" else CXX_WARNINGS
                    run(compiler, f"-std={standard}", *warnings, "-fsyntax-only", "-I", INCLUDE, "-x", language, "-",
                        input=f"#include <nexus/{header}>\n", cwd=WORK)


def test_examples_are_short():
    for name in ("client", "server"):
        with open(f"{EXAMPLES}/{name}.c", encoding="utf-8") as f:
            text = f.read()
        assert len(text.splitlines()) < 100
        assert not re.search(r'#include "', text)


def test_exchange_shared():
    for compiler in ("gcc", "clang"):
        exchange(build_example("server", compiler), build_example("client", compiler))


def test_exchange_static():
    server_program, client_program = build_example("server", "gcc", True), build_example("client", "clang", True)
    assert "nexus" not in run("ldd", server_program)
    exchange(server_program, client_program)


def cmake(wanted, status=0):
    build = f"{WORK}/cmake-{wanted or 'any'}"
    return build, run("cmake", "-S", f"{HERE}/cmake", "-B", build, f"-DCMAKE_PREFIX_PATH={PREFIX}", f"-DWANTED={wanted}",
                      f"-DEXAMPLES={os.path.abspath(EXAMPLES)}", status=status)


def test_cmake():
    build, _ = cmake("0.1")
    run("cmake", "--build", build)
    assert "libnexus-noise-xk.so.0.1" in run("ldd", f"{build}/client")
    exchange(f"{build}/server", f"{build}/client")
    run(f"{build}/handshake")
    for wanted, status in (("", 0), ("0.1.0", 0), ("0", 0), ("0.0.9", 1), ("0.1.1", 1), ("0.2", 1), ("1", 1)):
        cmake(wanted, status)


def test_cxx():
    for compiler in ("g++", "clang++"):
        for standard in ("c++11", "c++17"):
            run(compiler, f"-std={standard}", "-O2", *CXX_WARNINGS, *pkg_config("--cflags"), f"{HERE}/handshake.cc",
                *pkg_config("--libs"), "-o", f"{WORK}/handshake")
            run(f"{WORK}/handshake")


def test_bare_metal():
    source, program = f"{EXAMPLES}/bare_metal", f"{WORK}/bare_metal.elf"
    run("riscv64-unknown-elf-gcc", "-std=c17", *WARNINGS, "-march=rv64imac", "-mabi=lp64", "-mcmodel=medany", "-O2", "-ffreestanding",
        "-nostdlib", "-Wl,--no-warn-rwx-segments", "-T", f"{source}/link.ld", "-I", INCLUDE, f"{source}/start.S",
        f"{source}/main.c", f"{RV64_LIB}/libnexus-noise-xk.a", "-o", program)
    with server(build_example("server", "gcc")) as (port, key, said):
        boot = [*QEMU, "-kernel", program, "-serial", f"tcp:127.0.0.1:{port}", "-append"]
        run(*boot, key)
        assert said.readline().startswith("client ") and said.readline() == "closed: ok\n"
        run(*boot, key[:-1], status=1)
        assert said.readline() == "closed: ok\n"
        run(*boot, "8" * 64, status=2)
        assert said.readline() == "closed: auth\n"


def test_vectors_through_the_installed_library():
    if not os.path.exists(f"{VECTORS}/snow-xk.json"):
        tap.skip("published test data not found")
    program = f"{WORK}/noise-vectors"
    os.makedirs(f"{WORK}/include")
    os.symlink(f"{INCLUDE}/nexus", f"{WORK}/include/noise")  # where the program looks for the header
    run("gcc", "-std=c17", "-I", f"{WORK}/include", "tests/vectors/noise_vectors.c", *pkg_config("--libs"), "-lcjson", "-o", program)
    assert run(program, f"{VECTORS}/snow-xk.json") == "1 passed, 0 failed\n"


def test_uninstall():
    assert installed_files()
    run("make", "-s", "uninstall", "uninstall-rv64", f"DESTDIR={STAGE}")
    assert installed_files() == []
    assert not os.path.exists(f"{INCLUDE}/nexus") and not os.path.exists(f"{LIB}/cmake/NexusNoiseXk")


def test_other_directories():
    where = [f"DESTDIR={STAGE}", "PREFIX=/opt/nexus", "LIBDIR=/opt/nexus/lib/x86_64-linux-gnu"]
    run("make", "-s", "install-library", *where)
    lib = f"{STAGE}/opt/nexus/lib/x86_64-linux-gnu"
    assert pkg_config_at(lib, "--libs") == f"-L{lib} -lnexus-noise-xk"
    run("cmake", "-S", f"{HERE}/cmake", "-B", f"{WORK}/cmake-opt", f"-DNexusNoiseXk_DIR={lib}/cmake/NexusNoiseXk",
        f"-DEXAMPLES={os.path.abspath(EXAMPLES)}")
    run("cmake", "--build", f"{WORK}/cmake-opt")
    run(f"{WORK}/cmake-opt/handshake")
    run("make", "-s", "uninstall-library", *where)
    assert installed_files() == []


def pkg_config_at(lib, *options):
    env = dict(ENV, PKG_CONFIG_PATH=f"{lib}/pkgconfig")
    return subprocess.run(["pkg-config", *options, "nexus-noise-xk"], capture_output=True, text=True, env=env, check=True).stdout.strip()


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
