# SPDX-License-Identifier: Apache-2.0
# The rights to peers and services in services/system.manifest: their check, and dsoftbusd's table of them.
import re

BUS = "dsoftbusd"
KINDS = ("offers", "opens", "pings")
NAME = r"[0-9A-Za-z._-]{1,64}"
FORMS = {"offers": NAME, "opens": rf"(\*|{NAME})/(\*|{NAME})", "pings": rf"\*|{NAME}"}
RIGHTS_MAX, CLIENTS_MAX = 64, 8  # services/dsoftbusd/limits.h
c_name = lambda text: text.upper().replace("-", "_")


class Bad(Exception):
    pass


def clients(processes):
    """The processes with any right, in manifest order."""
    return [p for p in processes.values() if any(p[kind] for kind in KINDS)]


def payload_memory(processes, name):
    """The memory that dsoftbusd and the process map, and nobody else: plaintext has its two ends only."""
    users = {}
    for p in processes.values():
        for memory, rights in p["maps"]:
            users.setdefault(memory, {})[p["name"]] = rights
    shared = [m for m, maps in users.items() if name in maps and BUS in maps]
    if len(shared) != 1:
        raise Bad(f"process {name}: it must share one memory object with {BUS}, for what it sends and receives")
    if set(users[shared[0]]) != {name, BUS}:
        raise Bad(f"process {name}: memory '{shared[0]}' is mapped by others than {name} and {BUS}")
    if set(users[shared[0]].values()) != {3}:
        raise Bad(f"process {name}: memory '{shared[0]}' has to be mapped rw by both ends, and nothing more")
    return shared[0]


def check(processes):
    offered, count = {}, 0
    for p in clients(processes):
        where = f"process {p['name']}"
        if BUS not in processes or BUS not in p["calls"] or p["name"] not in processes[BUS]["signals"]:
            raise Bad(f"{where}: rights on the bus need 'calls {BUS}' there, and 'signals {p['name']}' in {BUS}")
        payload_memory(processes, p["name"])
        for kind in KINDS:
            for right in p[kind]:
                if not re.fullmatch(FORMS[kind], right):
                    raise Bad(f"{where}: {kind} '{right}' is not a right")
        for service in p["offers"]:
            if offered.setdefault(service, p["name"]) != p["name"]:
                raise Bad(f"{where}: service '{service}' is offered by {offered[service]} already")
        count += sum(len(p[kind]) for kind in KINDS)
    if count > RIGHTS_MAX or len(clients(processes)) > CLIENTS_MAX:
        raise Bad("too many clients of the bus, or rights")


def header(processes):
    """The text of bus_rights.h."""
    client_rows = [f'    CLIENT(PROCESS_ID_{c_name(p["name"])}, "{p["name"]}", HANDLE_SIGNAL_{c_name(p["name"])}, '
                   f'HANDLE_MEMORY_{c_name(payload_memory(processes, p["name"]))}) \\\n' for p in clients(processes)]
    right_rows = []
    for p in clients(processes):
        for kind in KINDS:
            for right in p[kind]:
                peer, _, service = right.partition("/") if kind == "opens" else \
                    ("", "", right) if kind == "offers" else (right, "", "")
                right_rows.append(f'    RIGHT(PROCESS_ID_{c_name(p["name"])}, RIGHT_{c_name(kind)}, "{peer}", "{service}") \\\n')
    return ("// CLIENT(process id, name, its notification, the memory shared with it)\n#define BUS_CLIENTS(CLIENT) \\\n"
            + "".join(client_rows) + "\n// RIGHT(process id, kind, peer or \"\", service or \"\"); \"*\" is any\n"
            + "#define BUS_RIGHTS(RIGHT) \\\n" + "".join(right_rows) + "\n")
