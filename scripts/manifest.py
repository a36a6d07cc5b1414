#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Compiles services/system.manifest: checks it and writes the kernel's tables and each process's handles.
"""usage: manifest.py gen MANIFEST DIR            headers: DIR/<process>_caps.h, processes.h, init_plan.h, bus_rights.h
       manifest.py image MANIFEST IMAGE ELF...  the kernel's tables for that image, as C, on stdout"""
import os
import re
import shlex
import sys

import bus_rights
from bus_rights import Bad, c_name

PROCESSES_MAX, CAPS_MAX, MEMORIES_MAX, DEVICES_MAX, PREFIXES_MAX = 16, 48, 16, 8, 2
IMAGES = {"production", "lab", "test", "bench"}
RIGHTS = {"r": 1, "w": 2, "p": 16}
SEND, RECEIVE, READ_WRITE = 4, 8, 3


def number(text):
    scale = {"K": 1024, "M": 1024 * 1024}.get(text[-1], 1)
    return int(text[:-1] if scale > 1 else text, 0) * scale


def parse(path):
    memories, devices, processes, current = {}, {}, {}, None
    lists = {"calls", "signals", "after", "starts", "prints", *bus_rights.KINDS}
    for line_number, line in enumerate(open(path, encoding="utf-8"), 1):
        words = shlex.split(line, comments=True)
        if not words:
            continue
        try:
            if not line[0].isspace():
                kind, name = words[0], words[1]
                if not re.fullmatch(r"[a-z][a-z0-9-]{0,23}", name):
                    raise Bad(f"name '{name}'")
                if name in memories or name in devices or name in processes:
                    raise Bad(f"'{name}' is defined twice")
                if kind == "memory":
                    memories[name] = number(words[2])
                elif kind == "device":
                    devices[name] = (number(words[2]), number(words[3]), number(words[4]) if len(words) > 4 else 0)
                elif kind == "process":
                    current = processes[name] = {"name": name, "maps": [], "drives": [], **{k: [] for k in lists}}
                else:
                    raise Bad(f"unknown entry '{kind}'")
            elif current is None:
                raise Bad("an indented line stands below a process")
            elif words[0] in lists:
                current[words[0]] += words[1:]
            elif words[0] == "maps":
                current["maps"].append((words[1], sum(RIGHTS[c] for c in words[2])))
            elif words[0] == "drives":
                current["drives"].append(words[1])
            elif words[0] in ("priority", "stack"):
                current[words[0]] = number(words[1])
            elif words[0] == "image":
                current["image"] = IMAGES if words[1:] == ["all"] else set(words[1:])
            elif words[0] in ("power", "counters"):
                current[words[0]] = True
            else:
                raise Bad(f"unknown key '{words[0]}'")
        except (Bad, IndexError, KeyError, ValueError) as e:
            raise Bad(f"{path}:{line_number}: {e if isinstance(e, Bad) else 'malformed line: ' + line.strip()}")
    check(memories, devices, processes)
    return memories, devices, processes


def check(memories, devices, processes):
    if len(processes) > PROCESSES_MAX or len(memories) > MEMORIES_MAX or len(devices) > DEVICES_MAX:
        raise Bad("too many processes, memory objects or devices")
    drivers = {}
    for p in processes.values():
        where = f"process {p['name']}"
        for key in ("image", "priority", "stack"):
            if key not in p:
                raise Bad(f"{where}: no '{key}'")
        if not p["image"] <= IMAGES:
            raise Bad(f"{where}: unknown image in {sorted(p['image'])}")
        if not 0 <= p["priority"] <= 7:
            raise Bad(f"{where}: priority {p['priority']} is not 0..7")
        if len(p["prints"]) > PREFIXES_MAX:
            raise Bad(f"{where}: more than {PREFIXES_MAX} prefixes")
        for other in p["calls"] + p["signals"] + p["after"] + p["starts"]:
            if other not in processes or other == p["name"]:
                raise Bad(f"{where}: no process '{other}' that it could name")
        for memory, _ in p["maps"]:
            if memory not in memories:
                raise Bad(f"{where}: no memory '{memory}'")
        for device in p["drives"]:
            if device not in devices:
                raise Bad(f"{where}: no device '{device}'")
            if drivers.setdefault(device, p["name"]) != p["name"]:
                raise Bad(f"{where}: device '{device}' is driven by {drivers[device]} already")
        if len(caps_of(p, processes, devices)) > CAPS_MAX:
            raise Bad(f"{where}: more than {CAPS_MAX} capabilities")
    start_order(processes)
    bus_rights.check(processes)


def start_order(processes):
    """Processes so that each stands behind all that it calls; a cycle is an error."""
    order, state = [], {}

    def visit(name, path):
        if state.get(name) == "open":
            raise Bad("calls form a cycle: " + " -> ".join(path + [name]))
        if name not in state:
            state[name] = "open"
            for other in processes[name]["calls"] + processes[name]["after"]:
                visit(other, path + [name])
            state[name] = "done"
            order.append(name)

    for name in processes:
        visit(name, [])
    return order


def caps_of(p, processes, devices):
    """The process's capabilities in handle order: (name, type, kind of object, object, rights)."""
    caps = [("NOTIFICATION", "NOTIFICATION", "process", p["name"], RECEIVE),
            ("ENDPOINT", "ENDPOINT", "process", p["name"], RECEIVE)]
    caps += [(f"CALL_{o}", "ENDPOINT", "process", o, SEND) for o in p["calls"]]
    caps += [(f"SIGNAL_{o}", "NOTIFICATION", "process", o, SEND) for o in p["signals"]]
    caps += [(f"MEMORY_{m}", "MEMORY", "memory", m, rights) for m, rights in p["maps"]]
    for d in p["drives"]:
        caps.append((f"DEVICE_{d}", "DEVICE", "device", d, READ_WRITE))
        caps += [(f"IRQ_{d}", "IRQ", "device", d, RECEIVE)] if devices[d][2] else []
    caps += [(f"PROCESS_{o}", "PROCESS", "process", o, SEND | RECEIVE) for o in p["starts"]]
    caps += [("POWER", "POWER", None, None, SEND)] if p.get("power") else []
    caps += [("COUNTERS", "COUNTERS", None, None, RECEIVE)] if p.get("counters") else []
    return caps


def write_headers(_memories, devices, processes, directory):
    top = "// Generated from services/system.manifest by scripts/manifest.py.\n#pragma once\n"
    ids = "".join(f"#define PROCESS_ID_{c_name(n)} {i}\n" for i, n in enumerate(processes))
    names = ", ".join(f'"{n}"' for n in processes)
    files = {"processes.h": f"{ids}#define PROCESS_COUNT {len(processes)}\n#define PROCESS_NAMES {{{names}}}\n"}
    for p in processes.values():
        lines = [f"#define HANDLE_{c_name(c[0])} {i}\n" for i, c in enumerate(caps_of(p, processes, devices), 1)]
        lines += [f"#define IRQ_INDEX_{c_name(d)} {i}\n" for i, d in enumerate(p["drives"])]
        files[f"{p['name']}_caps.h"] = "".join(lines)
    starter = next(p for p in processes.values() if p["starts"])  # init
    ids_of = list(processes)
    rows = [f'    ROW("{n}", {ids_of.index(n)}, HANDLE_PROCESS_{c_name(n)}, '
            f'{sum(1 << ids_of.index(o) for o in set(processes[n]["calls"] + processes[n]["after"]) - {starter["name"]}):#x})'
            f' \\\n' for n in start_order(processes) if n in starter["starts"]]
    files["init_plan.h"] = ("// ROW(name, process id, handle, ids that must be up before)\n#define INIT_PLAN(ROW) \\\n" + "".join(rows) + "\n")
    if bus_rights.BUS in processes:
        files["bus_rights.h"] = bus_rights.header(processes)
    for name, text in files.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
            f.write(top + text)


def write_image(memories, devices, processes, image, elfs):
    index = {"process": list(processes), "memory": list(memories), "device": list(devices), None: [None]}
    present = [n for n, p in processes.items() if image in p["image"]]
    path_of = {os.path.basename(e).removesuffix(".elf"): e for e in elfs}
    if set(present) != set(path_of):
        raise Bad(f"image {image} consists of {present}, and was given {sorted(path_of)}")
    out = ["// Generated from services/system.manifest by scripts/manifest.py.", '#include "kernel/manifest.h"', ""]
    for n in present:
        s = n.replace("-", "_")
        out += [f'__asm__(".section .rodata.images,\\"a\\"\\n.balign 4096\\nelf_{s}:\\n.incbin \\"{path_of[n]}\\"\\n"',
                f'        "elf_{s}_end:\\n.previous\\n");', f"extern const uint8_t elf_{s}[], elf_{s}_end[];"]
    out.append("static const struct manifest_process processes[] = {")
    for n, p in processes.items():
        caps = [f"{{CAP_{t}, {index[kind].index(o)}, {r}}}" if kind != "process" or t == "PROCESS" or o in present else "{CAP_NONE, 0, 0}"
                for _, t, kind, o, r in caps_of(p, processes, devices)]
        prefixes = ", ".join('"' + x.replace('"', '\\"') + '"' for x in p["prints"]) or "0"
        elf = f"elf_{n.replace('-', '_')}" if n in present else "0"
        elf_end = f"{elf}_end" if n in present else "0"
        out += [f'    {{"{n}", {elf}, {elf_end}, {p["stack"]}, {p["priority"]}, {int(n == present[0])}, {len(caps)},',
                f"     {{{prefixes}}}, {{{', '.join(caps)}}}}},"]
    out += ["};", "static const struct manifest_memory memories[] = {"]
    out += [f'    {{"{n}", {size}}},' for n, size in memories.items()]
    out += ["};", "static const struct manifest_device devices[] = {"]
    out += [f'    {{"{n}", {base:#x}, {size:#x}, {irq}}},' for n, (base, size, irq) in devices.items()]
    out += ["};", "const struct manifest system_manifest = {", f"    {len(processes)}, {len(memories)}, {len(devices)},",
            "    processes, memories, devices,", "};"]
    print("\n".join(out))


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "gen":
        write_headers(*parse(sys.argv[2]), sys.argv[3])
    elif len(sys.argv) >= 5 and sys.argv[1] == "image":
        write_image(*parse(sys.argv[2]), sys.argv[3], sys.argv[4:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main()
    except Bad as e:
        sys.exit(f"manifest: {e}")
