# SPDX-License-Identifier: Apache-2.0
# The QEMU machine that the images are made for, and a process that runs it. Ended only by its own pid.
import os
import re
import subprocess
import time

QEMU = "qemu-system-riscv64"
# rv64imac and nothing else: floating point traps.
CPU = "rv64,f=off,d=off,h=off,zba=off,zbb=off,zbc=off,zbs=off,sstc=off,Zihintpause=off"
TICK_S = 0.01


def seconds(text):
    """'90s', '2m' or '90' as seconds."""
    match = re.fullmatch(r"([0-9]+)(s|m)?", text)
    if not match or int(match[1]) == 0:
        raise ValueError(f"time-out '{text}': a form such as 90s or 2m is expected")
    return int(match[1]) * (60 if match[2] == "m" else 1)


def user_network(tftp=None, forward=()):
    """QEMU's own network. forward: (host port, guest port) pairs."""
    user = "user,id=net0,restrict=on"
    if tftp:
        user += f",tftp={tftp}"
    for host_port, guest_port in forward:
        user += f",hostfwd=tcp:127.0.0.1:{host_port}-10.0.2.15:{guest_port}"
    return user


def command(kernel, provision, serial, pcap=None, tftp=None, forward=(), deterministic=True, mac=0x0a, netdev=None):
    """The command line. provision: directory with one file per process; netdev: a link instead of QEMU's own network."""
    netdev = netdev or user_network(tftp, forward)
    net = f"virtio-net-device,netdev=net0,bus=virtio-mmio-bus.7,mac=52:54:00:12:34:{mac:02x}"
    argv = [QEMU, "-M", "virt", "-cpu", CPU, "-m", "64M", "-smp", "1", "-bios", "default", "-kernel", kernel,
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", serial,
            "-global", "virtio-mmio.force-legacy=false", "-netdev", netdev]
    if deterministic:
        argv += ["-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2020-01-01T00:00:00,clock=vm"]
        net += ",tx=timer,x-txtimer=1000"
    argv += ["-device", net, "-object", "rng-builtin,id=rng0",
             "-device", "virtio-rng-device,rng=rng0,bus=virtio-mmio-bus.6"]
    if pcap:
        argv += ["-object", f"filter-dump,id=dump0,netdev=net0,file={pcap}"]
    if provision:
        argv += ["-boot", f"splash={bundle(provision)}"]
    return argv


def bundle(provision):
    """All files of the directory in one, because QEMU 7.2 has no -fw_cfg on this machine: see provision.sh --help."""
    path = os.path.abspath(provision) + ".splash"
    if os.path.exists(path):
        os.remove(path)
    script = os.path.join(os.path.dirname(__file__), "../../scripts/provision.sh")
    subprocess.run([script, "--bundle", provision, "--out", path], check=True, stdout=subprocess.DEVNULL)
    return path


class Machine:
    """A running QEMU whose console goes to a file; `watch` reads it as it grows."""

    def __init__(self, argv, log_path):
        self.log_path = log_path
        open(log_path, "wb").close()
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        self.started = time.monotonic()
        self.log = open(log_path, "rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.log.close()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def watch(self, consume, done, timeout_s):
        """Feeds the console to consume() until done() or the machine ends. False on time-out."""
        while True:
            data, ended = self.read()
            consume(data)
            if ended or done():
                return True
            if time.monotonic() - self.started >= timeout_s:
                return False
            time.sleep(TICK_S)

    def read(self):
        """What the console has printed since the last time, and whether the machine had ended before that."""
        ended = self.process.poll() is not None
        return self.log.read(), ended

    @property
    def exit_status(self):
        return self.process.returncode
