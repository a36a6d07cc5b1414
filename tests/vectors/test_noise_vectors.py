# SPDX-License-Identifier: Apache-2.0
# noise-vectors passes good files, fails altered ones, and names the place in those it cannot use.
import copy
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import tap

PROGRAM = os.environ.get("NOISE_VECTORS", "build/host/noise-vectors")


# SECURITY: bring-up test keys, NOT production custody
def derive(tag, port):
    low = tag * port
    return bytes([tag, port >> 8, port & 255] + [(low + i) & 255 for i in range(3, 32)]).hex()


# The first known answer of docs/WIRE, with its first transport messages.
ENTRY = {
    "protocol_name": "Noise_XK_25519_ChaChaPoly_BLAKE2s",
    "init_prologue": "",
    "init_static": derive(0xB0, 34567),
    "init_ephemeral": derive(0xD0, 34567),
    "init_remote_static": "a7307a497a2229df9f68633e0dc4db960c3562fd9bfcc4f90af11b7f90955a2d",
    "resp_prologue": "",
    "resp_static": derive(0xA0, 34567),
    "resp_ephemeral": derive(0xC0, 34567),
    "handshake_hash": "5c6a5b93e940438fe788b91d66321f977c4b96ca214808a3c634244d2821de0e",
    "messages": [
        {"payload": "", "ciphertext": "24260eb6eddf8284e4cb6e9169ce2e0ba1b21c5c3bed796e41a8853b82abaa4d"
                                      "2f113dad0414b9ac6ea68c09016629b4"},
        {"payload": "", "ciphertext": "14296d8f135885ebb59c11c0ab4189862fb7c1f865bdb332f9ff44fa8aeeda5d"
                                      "1574dba9f767fdb9637ce36767dbae75"},
        {"payload": "", "ciphertext": "fad84d0b69877a2ea959516c793a4a3617ebe67ee9b23f2b6da88613625b7479"
                                      "4c704d9ab7b492bf6684ce28d6e1206d048f1515244c7a6e64f29c3c8c37f308"},
        {"payload": b"PING".hex(), "ciphertext": "4ec4e86f3a3125f821db303e9ec5fefad04ea0db"},
        {"payload": b"PONG".hex(), "ciphertext": "c1ccd2bf67b554a55566d0cea462c1bfedb8e342"},
    ],
}


def run(*texts):
    """Runs the program over files with these contents; gives its exit status, last line, and all it said."""
    with tempfile.TemporaryDirectory() as directory:
        paths = []
        for number, text in enumerate(texts):
            paths.append(os.path.join(directory, f"{number}.json"))
            with open(paths[-1], "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
        done = subprocess.run([PROGRAM, *paths], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout.splitlines()[-1], done.stdout + done.stderr


def document(*entries):
    return json.dumps({"vectors": list(entries)})


def altered(change):
    entry = copy.deepcopy(ENTRY)
    change(entry)
    return document(entry)


def expect(result, status, last_line, text=""):
    assert result[:2] == (status, last_line), result
    assert text in result[2], result


def test_known_answer_passes():
    expect(run(document(ENTRY)), 0, "1 passed, 0 failed")


def test_published_file_passes():
    directory = os.environ.get("VECTORS", "../shared/vectors")
    path = os.path.join(directory, "snow-xk.json")
    if not os.path.exists(path):
        tap.skip("no published vectors here")
    with open(path, "rb") as file:
        expect(run(file.read()), 0, "1 passed, 0 failed")


def test_transport_may_start_with_either_side():
    swapped = altered(lambda e: e["messages"].append(e["messages"].pop(3)))
    expect(run(swapped), 0, "1 passed, 0 failed")


def test_optional_fields():
    def strip(entry):
        for name in ("init_prologue", "resp_prologue", "handshake_hash", "init_remote_static"):
            del entry[name]
        del entry["messages"][3:]
    expect(run(altered(strip)), 0, "1 passed, 0 failed")


def test_entries_and_files_are_counted():
    other = dict(ENTRY, protocol_name="Noise_IK_25519_ChaChaPoly_BLAKE2s")
    bad = dict(ENTRY, handshake_hash="00" * 32)
    expect(run(document(ENTRY, other, bad), document(ENTRY)), 1, "2 passed, 1 failed", "vectors[2]: handshake_hash")


def test_nothing_to_run_is_not_a_pass():
    expect(run(document()), 1, "0 passed, 0 failed", "no entry")


def test_every_message_is_compared():
    for number in range(5):
        for at in (0, -1):
            def change(entry, number=number, at=at):
                data = bytearray.fromhex(entry["messages"][number]["ciphertext"])
                data[at] ^= 1
                entry["messages"][number]["ciphertext"] = data.hex()
            expect(run(altered(change)), 1, "0 passed, 1 failed", f"messages[{number}]")

        def change_payload(entry, number=number):
            entry["messages"][number]["payload"] += "00"
        expect(run(altered(change_payload)), 1, "0 passed, 1 failed", f"messages[{number}]")


def test_different_prologues_fail():
    expect(run(altered(lambda e: e.update(resp_prologue="00"))), 1, "0 passed, 1 failed", "read: auth")


def test_bad_fields_are_named():
    for name, value in (("init_static", "00"), ("resp_ephemeral", "zz" * 32), ("init_prologue", "0"),
                        ("resp_static", 7), ("messages", []), ("init_ephemeral", None)):
        expect(run(altered(lambda e: e.update({name: value}))), 1, "0 passed, 1 failed", f'"{name}"')
    too_long = altered(lambda e: e["messages"][3].update(payload="00" * 65536))
    expect(run(too_long), 1, "0 passed, 1 failed", '"payload"')


def test_unusable_files_name_the_place():
    expect(run('{"vectors": [\n  {"a": tru }\n]}'), 2, "0 passed, 1 failed", "0.json:2:9:")
    expect(run(document(ENTRY) + "\nx"), 2, "0 passed, 1 failed", "0.json:2:1:")
    expect(run(b""), 2, "0 passed, 1 failed", "0.json:1:1:")
    expect(run('{"vectors": 1}'), 2, "0 passed, 1 failed", "0.json: no array")
    expect(run("[]", document(ENTRY)), 2, "1 passed, 1 failed", "0.json")
    done = subprocess.run([PROGRAM, "/does/not/exist"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "/does/not/exist" in done.stderr


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
