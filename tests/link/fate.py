# SPDX-License-Identifier: Apache-2.0
# What becomes of each frame on a bad link. No I/O and no clock: frames and times in, frames out.
#
# The fate of the n-th frame of a direction is a function of seed, direction and n alone: BLAKE2s of them, cut into numbers. So
# it is the same in each run, whatever the frames hold and whenever they come.
import hashlib
import heapq
import struct

REORDER_BEHIND_MAX = 3  # so many frames overtake one that is held back
HOLD_S = 0.05           # but if none comes for so long it goes all the same


class Rates:
    """Shares of frames, 0..1, and the longest delay in seconds of those that are delayed."""

    def __init__(self, drop=0.0, repeat=0.0, reorder=0.0, damage=0.0, delay=0.0, delay_s=0.02):
        self.drop, self.repeat, self.reorder, self.damage, self.delay = drop, repeat, reorder, damage, delay
        self.delay_s = delay_s
        for name in ("drop", "repeat", "reorder", "damage", "delay"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share between 0 and 1")


class Fate:
    """The decisions on one frame."""

    def __init__(self, seed, direction, number, rates):
        digest = hashlib.blake2s(f"{seed}|{direction}|{number}".encode(), person=b"badlink").digest()
        share = [value / 2**32 for value in struct.unpack(">8I", digest)]
        self.drop = share[0] < rates.drop
        self.repeat = share[1] < rates.repeat
        self.behind = 1 + int(share[3] * REORDER_BEHIND_MAX) if share[2] < rates.reorder else 0
        self.damage = share[4] < rates.damage
        self.where = share[5]
        self.delay_s = share[7] * rates.delay_s if share[6] < rates.delay else 0.0

    def damaged(self, frame):
        """With one bit changed."""
        bit = int(self.where * len(frame) * 8)
        out = bytearray(frame)
        out[bit // 8] ^= 1 << bit % 8
        return bytes(out)


class Direction:
    """One way over the link."""

    def __init__(self, seed, name, rates):
        self.seed, self.name, self.rates = seed, name, rates
        self.counts = dict.fromkeys(("frames", "dropped", "repeated", "reordered", "damaged", "delayed"), 0)
        self.held = []   # [frames that must still overtake it, time at which it goes anyhow, copies]
        self.later = []  # heap of (time, order, frame)
        self.order = 0

    def arrive(self, frame, now_s):
        """Takes the next frame; the frames to send now, in order."""
        fate = Fate(self.seed, self.name, self.counts["frames"], self.rates)
        self.counts["frames"] += 1
        out = self.due(now_s)
        if fate.drop:
            self.counts["dropped"] += 1
            return out
        if fate.damage:
            self.counts["damaged"] += 1
            frame = fate.damaged(frame)
        copies = [frame] * (2 if fate.repeat else 1)
        self.counts["repeated"] += fate.repeat
        if fate.delay_s:
            self.counts["delayed"] += 1
            for copy in copies:
                self.order += 1
                heapq.heappush(self.later, (now_s + fate.delay_s, self.order, copy))
            return out
        if fate.behind:
            self.counts["reordered"] += 1
            self.held.append([fate.behind, now_s + HOLD_S, copies])
            return out
        return out + copies + self._overtaken()

    def _overtaken(self):
        """A frame has passed: those held back that have waited for it."""
        for entry in self.held:
            entry[0] -= 1
        out = [frame for left, _, copies in self.held if left == 0 for frame in copies]
        self.held = [entry for entry in self.held if entry[0] > 0]
        return out

    def due(self, now_s):
        """What has waited long enough."""
        out = [frame for _, until, copies in self.held if until <= now_s for frame in copies]
        self.held = [entry for entry in self.held if entry[1] > now_s]
        while self.later and self.later[0][0] <= now_s:
            out.append(heapq.heappop(self.later)[2])
        return out

    def next_due(self):
        """When `due` has something next, or None."""
        times = [entry[1] for entry in self.held] + [entry[0] for entry in self.later[:1]]
        return min(times, default=None)
