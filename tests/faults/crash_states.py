"""What a disk may hold after the machine dies: recorded system calls, of which what was not synced may be lost.

After ALICE (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014). Two models of a file system:

- weak: of all that was not synced any part is on the disk, in any order. fsync of a file makes its bytes durable and
  not its name; fsync of a folder the names in it. Each 512-byte block of a file is there, absent, zero, or garbage; the
  two halves of a rename are there one without the other.
- ordered (as ext4 is by default): names are made, renamed and deleted in the order of the calls, and every fsync makes
  all earlier ones durable; bytes as in the weak one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Call", "Recording", "Tree"]

BLOCK = 512
Tree = dict[str, bytes | None]
"""Path below the top -> bytes of a file, or None of a folder."""


@dataclass(frozen=True)
class Call:
    """kind: name (of `inode` in `folder`; None deletes it), data (at the offset), sync (of the inode), done (step)."""

    kind: str
    inode: int | None = None
    folder: int = 0
    name: str = ""
    offset: int = 0
    data: bytes = b""
    group: int = 0  # the halves of a rename have the same


@dataclass
class Recording:
    """The calls of a log, and what was on the disk before: inode -> bytes, or names in a folder."""

    top: Path
    files: dict[int, bytes] = field(default_factory=dict)
    folders: dict[int, dict[str, int]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    @classmethod
    def of(cls, top: Path) -> Recording:
        """Of the folder as it is before anything is recorded."""
        recording = cls(top)
        recording._load(top)
        return recording

    def _load(self, path: Path) -> int:
        inode = len(self.files) + len(self.folders)
        if path.is_dir():
            names = self.folders[inode] = {}
            for below in sorted(path.iterdir()):
                names[below.name] = self._load(below)
        else:
            self.files[inode] = path.read_bytes()
        return inode

    def read(self, log: str) -> None:
        """Adds what system_calls.c wrote."""
        now = {folder: dict(names) for folder, names in self.folders.items()}
        opened: dict[str, tuple[int, int]] = {}
        num_inodes = len(self.files) + len(self.folders)
        for group, line in enumerate(log.splitlines()):
            match line.split("\t"):
                case ["open", fd, is_new, truncates, path]:
                    folder, name = self._place(now, path)
                    if is_new == "1":
                        now[folder][name] = num_inodes
                        self.calls.append(Call("name", num_inodes, folder, name, group=group))
                        num_inodes += 1
                    inode = now[folder][name] if name else 0
                    written = any(call.kind == "data" and call.inode == inode for call in self.calls)
                    assert truncates == "0" or not (written or self.files.get(inode)), "no file is cut here"
                    opened[fd] = inode
                case ["write", fd, offset, data]:
                    self.calls.append(Call("data", opened[fd], offset=int(offset), data=bytes.fromhex(data)))
                case ["fsync", fd]:
                    self.calls.append(Call("sync", opened[fd]))
                case ["close", fd]:
                    del opened[fd]
                case ["mkdir", path]:
                    folder, name = self._place(now, path)
                    now[folder][name], now[num_inodes] = num_inodes, {}
                    self.calls.append(Call("name", num_inodes, folder, name, group=group))
                    num_inodes += 1
                case ["rename", path, path_to]:
                    (folder, name), (folder_to, name_to) = self._place(now, path), self._place(now, path_to)
                    inode = now[folder].pop(name)
                    now[folder_to][name_to] = inode
                    self.calls.append(Call("name", inode, folder_to, name_to, group=group))
                    self.calls.append(Call("name", None, folder, name, group=group))
                case ["unlink", path]:
                    folder, name = self._place(now, path)
                    del now[folder][name]
                    self.calls.append(Call("name", None, folder, name, group=group))
                case ["truncate", fd, "0"]:
                    pass  # the lock's, which was just made
                case ["done", step]:
                    self.calls.append(Call("done", int(step)))
                case _:
                    raise AssertionError(f"a call that the model does not know: {line[:200]}")

    def _place(self, now: dict[int, dict[str, int]], path: str) -> tuple[int, str]:
        """Folder and name of a path; the top itself has no name."""
        *above, name = Path(path).relative_to(self.top).parts or ("",)
        folder = 0
        for part in above:
            folder = now[folder][part]
        return folder, name

    def done(self, num_calls: int) -> int:
        """The step that was reported as written when that many calls had been made; 0 is none."""
        return max((call.inode or 0 for call in self.calls[:num_calls] if call.kind == "done"), default=0)

    def state(self, num_calls: int, chance: random.Random) -> Tree:
        """What may be on the disk when the machine dies after so many calls."""
        calls = self.calls[:num_calls]
        is_ordered = chance.random() < 0.3
        is_durable = _durable(calls, is_ordered)
        share = chance.choice([0.0, 0.1, 0.5, 0.9, 1.0])  # of what was not synced and is there all the same
        names = [i for i, call in enumerate(calls) if call.kind == "name" and not is_durable[i]]
        groups = sorted({calls[i].group for i in names})
        first_lost = groups[int(share * len(groups)) :][:1] or [len(self.calls) + 1]
        files = {inode: bytearray(data) for inode, data in self.files.items()}
        folders = {inode: dict(entries) for inode, entries in self.folders.items()}
        for call, is_sure in zip(calls, is_durable, strict=True):
            if call.kind == "data":
                _put(files.setdefault(call.inode or 0, bytearray()), call, 1.0 if is_sure else share, chance)
            elif call.kind == "name":
                is_there = call.group < first_lost[0] if is_ordered else chance.random() < share
                if is_sure or is_there:
                    entries = folders.setdefault(call.folder, {})
                    if call.inode is None:
                        entries.pop(call.name, None)
                    else:
                        entries[call.name] = call.inode
        made = {call.folder for call in self.calls if call.kind == "name"} | self.folders.keys()
        tree: Tree = {}
        _walk(0, "", files, folders, made, tree)
        return tree


def _durable(calls: list[Call], is_ordered: bool) -> list[bool]:
    """Of each call, whether it is on the disk for certain."""
    durable = [False] * len(calls)
    for j, sync in enumerate(calls):
        if sync.kind == "sync":
            for i, call in enumerate(calls[:j]):
                is_bytes = call.kind == "data" and call.inode == sync.inode
                is_name = call.kind == "name" and (is_ordered or call.folder == sync.inode)
                durable[i] = durable[i] or is_bytes or is_name
    return durable


def _put(file: bytearray, call: Call, share: float, chance: random.Random) -> None:
    for at in range(0, len(call.data), BLOCK):
        block = call.data[at : at + BLOCK]
        if chance.random() >= share:
            found = chance.choice(["absent", "zero", "garbage"])
            if found == "absent":
                continue
            block = bytes(len(block)) if found == "zero" else chance.randbytes(len(block))
        start = call.offset + at
        file.extend(bytes(max(0, start - len(file))))
        file[start : start + len(block)] = block


def _walk(
    inode: int, path: str, files: dict[int, bytearray], folders: dict[int, dict[str, int]], made: set[int], tree: Tree
) -> None:
    for name, below in sorted(folders.get(inode, {}).items()):
        if below in made:
            tree[f"{path}{name}"] = None
            _walk(below, f"{path}{name}/", files, folders, made, tree)
        else:
            tree[f"{path}{name}"] = bytes(files.get(below, b""))
