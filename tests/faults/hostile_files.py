"""Files that somebody might hand over as a model: what they hold, and where they lie."""

from __future__ import annotations

import gzip
import io
import json
import marshal
import os
import pickle
import socket
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from model_mutations import Parts, joined, taken_apart

__all__ = ["CANARY", "hostile_files"]

Change = Callable[[Any, dict[str, np.ndarray]], object]  # of a note and tensors
CANARY = "canary"  # a file that no load may make


class _Runs:
    """What a pickle of it calls when it is loaded."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self._reduced = call, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self._reduced


def hostile_files(folder: Path, good: Path) -> Iterator[tuple[str, Path]]:
    """Names and paths, made one by one; the paths lie in the folder or are the system's own."""
    raw, canary = good.read_bytes(), folder / CANARY
    contents = {**_pickles(canary), **_archives(canary), **_headers(raw), **_notes(raw), **_tensors(raw, canary)}
    contents |= _proofs(raw)
    for number, (name, content) in enumerate(contents.items()):
        path = folder / f"{number}.manyhot"
        path.write_bytes(content)
        yield name, path
    yield from _places(folder, good)


def _pickles(canary: Path) -> dict[str, bytes]:
    calls = {
        "system": _Runs(os.system, f"touch {canary}"),
        "exec": _Runs(exec, f"open({str(canary)!r}, 'w').close()"),
        "eval": _Runs(eval, f"open({str(canary)!r}, 'w').close()"),
        "open": _Runs(open, str(canary), "w"),
        "rebuild": _Runs(np.load, str(canary)),
    }
    found = {
        f"pickle {protocol}, {name}": pickle.dumps(c, protocol) for name, c in calls.items() for protocol in range(6)
    }
    for name, call in calls.items():
        stream = io.BytesIO()
        np.save(stream, np.array([call], object), allow_pickle=True)
        found[f"npy, {name}"] = stream.getvalue()
    found["marshal"] = marshal.dumps(compile(f"open({str(canary)!r}, 'w')", "x", "exec"))
    found["pyc"] = b"\xa7\x0d\x0d\x0a" + bytes(12) + found["marshal"]
    found["source"] = f"open({str(canary)!r}, 'w')\n".encode()
    found["script"] = f"#!/bin/sh\ntouch {canary}\n".encode()
    return found


def _archives(canary: Path) -> dict[str, bytes]:
    found = {}
    evil = pickle.dumps(_Runs(os.system, f"touch {canary}"))
    for name, legacy in (("torch", False), ("torch, legacy", True)):
        stream = io.BytesIO()
        torch.save(
            {"x": torch.zeros(3), "y": _Runs(os.system, "true")}, stream, _use_new_zipfile_serialization=not legacy
        )
        found[name] = stream.getvalue()
    for name, member in (
        ("zip", "archive/data.pkl"),
        ("zip that climbs", f"../../{canary.name}"),
        ("zip, absolute", str(canary)),
    ):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, evil)
            archive.writestr("bomb", bytes(20 * 2**20))
        found[name] = stream.getvalue()
    for name in ("tar", "tar that climbs"):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            info = tarfile.TarInfo("model" if name == "tar" else f"../{canary.name}")
            info.size = len(evil)
            archive.addfile(info, io.BytesIO(evil))
        found[name] = stream.getvalue()
    found["gzip bomb"] = gzip.compress(bytes(20 * 2**20))
    found["hdf5"] = b"\x89HDF\r\n\x1a\n" + bytes(512)
    found["elf"] = b"\x7fELF\x02\x01\x01" + bytes(200)
    found["onnx"] = b"\x08\x07\x12\x0cbackend-test" * 20
    return found


def _with_length(text: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def _headers(raw: bytes) -> dict[str, bytes]:
    size = int.from_bytes(raw[:8], "little")
    text, data = raw[8 : 8 + size], raw[8 + size :]
    bare = text.rstrip()
    found = {
        "header of 2^63": _with_length(text, data, 2**63),
        "header of 2^32": _with_length(text, data, 2**32),
        "header of nothing": _with_length(b"", data),
        "header is the file": _with_length(text + data),
        "deep lists": _with_length(b"[" * 1_000_000),
        "deep objects": _with_length(b'{"a":' * 1_000_000),
        "many keys": _with_length(b"{" + b",".join(b'"%d":{}' % i for i in range(300_000)) + b"}"),
        "many tensors": _with_length(
            b"{" + b",".join(b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % i for i in range(60_000)) + b"}"
        ),
        "one key many times": _with_length(b"{" + b",".join([b'"a":1'] * 60_000) + b"}"),
        "digits": _with_length(b'{"a":' + b"9" * 3_000_000 + b"}"),
        "long string": _with_length(b'{"__metadata__":{"manyhot":"' + b"a" * 3_000_000 + b'"}}'),
        "backslashes": _with_length(b'{"' + b"\\" * 3_000_000),
        "quotes": _with_length(b'"' * 3_000_000),
        "not UTF-8": _with_length(bare.replace(b"dense", b"d\xffnse"), data),
        "NaN": _with_length(b'{"a":NaN}'),
        "trailing": _with_length(bare + b"{}", data),
        "key twice": _with_length(bare[:-1] + b"," + bare[1:], data),
        "metadata twice": _with_length(b'{"__metadata__":{"manyhot":"{}"},' + bare[1:], data),
        "no padding": _with_length(bare + b" " * (len(bare) % 8 == 0), data),
        "tabs": _with_length(bare + b"\t" * (len(text) - len(bare) or 8), data),
        "more after it": raw + b"more",
        "less": raw[:-1],
        "doubled": raw + raw,
    }
    return {f"header: {name}": content for name, content in found.items()}


def _schema(note: Any) -> Any:
    return note["encoder"]["schema"]


def _changed(raw: bytes, change: Change) -> bytes:
    parts: Parts = taken_apart(raw)
    change(*parts)
    return joined(parts)


def _notes(raw: bytes) -> dict[str, bytes]:
    code = "__import__('os').system('true')"
    names = [
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        "",
        "\x00",
        code,
        "a" * 100_000,
        "\ud800",
        "os.system",
        "{0.__class__}",
    ]
    found: dict[str, Change] = {}
    for name in names:
        shown = name[:20].encode("ascii", "replace").decode()
        found |= {
            f"model {shown!r}": lambda n, t, name=name: n["model"].update(name=name, heads=None),
            f"heads {shown!r}": lambda n, t, name=name: n["model"].update(name=None, heads=[name]),
            f"custom head {shown!r}": lambda n, t, name=name: n["model"].update(custom_heads=[name]),
            f"field {shown!r}": lambda n, t, name=name: _schema(n)["fields"].update({name: {"column": "x"}}),
            f"transform {shown!r}": lambda n, t, name=name: _schema(n)["fields"]["age"].update(numeric=[name]),
            f"vocabulary {shown!r}": lambda n, t, name=name: _schema(n)["vocabularies"].update({name: {}}),
            f"format {shown!r}": lambda n, t, name=name: n.update(format=name),
        }
    for key, value in {
        "embedding_dim": 4096,
        "hidden_units": [10**9, 10**9],
        "embedding_scale": 1e308,
        "dropout": -1,
        "heads": ["cin", "cross"],
        "preset": "article",
        "tasks": {"kind": "ple", "levels": 10**9},
        "cin": {"units": [10**9]},
    }.items():
        found[f"model.{key}"] = lambda n, t, key=key, value=value: n["model"].update({key: value})
    for key in ("hash_buckets", "identity", "oov_buckets"):
        for value in (2**31 - 1, 10**30, -1, 1.5):
            changes = {key: value, "min_count": 1}
            found[f"{key} {value:g}"] = lambda n, t, c=changes: _schema(n)["vocabularies"]["app"].update(c)
    for value in (None, [], "x", 1e308, {"low": 1e400}, {"low": "1", "high": 2}, {"boundaries": list(range(10**4))}):
        found[f"numbers {str(value)[:20]}"] = lambda n, t, value=value: n["encoder"].update(
            numbers=[[f, c, value] for f, c, _ in n["encoder"]["numbers"]]
        )
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    for key in ("encoder", "model", "summary", "format"):
        for value in (None, [], deep, "x", 10**400):
            found[f"{key} is {str(value)[:10]}"] = lambda n, t, key=key, value=value: n.update({key: value})
    return {f"note: {name}": _changed(raw, change) for name, change in found.items()}


def _tensors(raw: bytes, canary: Path) -> dict[str, bytes]:
    evil = np.frombuffer(pickle.dumps(_Runs(os.system, f"touch {canary}")), np.uint8)
    found: dict[str, Change] = {
        "a pickle as tokens": lambda n, t: t.update({"vocabulary.app.tokens": evil}),
        "a pickle more": lambda n, t: t.update({"dense.pickle": evil}),
        "a path as name": lambda n, t: t.update({"../../etc/passwd": evil}),
        "no tensors": lambda n, t: t.clear(),
    }

    def offsets(change: Callable[[np.ndarray], Any]) -> Change:
        return lambda n, t: t.update({"vocabulary.app.offsets": np.asarray(change(t["vocabulary.app.offsets"].copy()))})

    changes: tuple[Callable[[np.ndarray], Any], ...] = (
        lambda o: o[::-1].copy(),
        lambda o: o * 2,
        lambda o: o + 1,
        lambda o: -o,
        lambda o: o[:0],
        lambda o: o[:1],
        lambda o: np.append(o[:-1], 2**62),
        lambda o: np.append(np.append(0, 2**62 - np.arange(len(o) - 2)), o[-1]),
        lambda o: np.where(np.arange(len(o)) == 2, -(2**63), o),
        lambda o: np.repeat(o, 2),
        lambda o: o.astype(np.float64),
        lambda o: o.astype(np.int32),
        lambda o: o.reshape(1, -1),
        lambda o: o.view(np.uint64),
    )
    found |= {f"offsets {number}": offsets(change) for number, change in enumerate(changes)}
    names = taken_apart(raw)[1]
    for name in ("table.app.latent", "table.app.linear", "dense.bias", "proof.probabilities", "vocabulary.app.tokens"):
        assert name in names
        found[f"{name} as float64"] = lambda n, t, name=name: t.update({name: t[name].astype(np.float64)})
        found[f"{name} of NaN"] = lambda n, t, name=name: t.update({name: np.full(t[name].shape, np.nan, np.float32)})
        found[f"{name} of one more"] = lambda n, t, name=name: t.update({name: np.append(t[name], t[name].ravel()[:1])})
        found[f"{name} of nothing"] = lambda n, t, name=name: t.update({name: t[name].ravel()[:0]})
    return {f"tensors: {name}": _changed(raw, change) for name, change in found.items()}


def _stream(table: pa.Table, compression: str | None = None) -> np.ndarray:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)


def _replaced(stream: np.ndarray, old: int, new: int) -> np.ndarray:
    """With another int32 wherever one of this value stands."""
    return np.frombuffer(stream.tobytes().replace(old.to_bytes(4, "little"), new.to_bytes(4, "little")), np.uint8)


def _proofs(raw: bytes) -> dict[str, bytes]:
    """Proof rows that cost much, or are wrong where only a full check sees it."""
    rows = pa.ipc.open_stream(pa.py_buffer(taken_apart(raw)[1]["proof.rows"])).read_all()
    num, names = rows.num_rows, rows.column_names

    def instead(column: pa.Array | pa.ChunkedArray) -> pa.Table:
        return rows.set_column(names.index("city"), "city", column)

    def holding(offsets: list[int], data: bytes) -> pa.Array:
        buffers = [None, pa.py_buffer(np.array(offsets, np.int32)), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.string(), num, buffers)

    long = "x" * 10**6
    nulls = pa.ListArray.from_arrays(pa.array([0] * num + [2**30], pa.int32()), pa.nulls(2**30))
    many = pa.FixedSizeListArray.from_arrays(pa.nulls(num * 2**24), 2**24)
    indices = pa.array([0] * num)
    evil = pickle.dumps(_Runs(os.system, "true"))
    named = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": evil}
    place = names.index("city")
    extended = rows.schema.set(place, rows.schema.field("city").with_metadata(named))
    extension = pa.Table.from_arrays(rows.columns, schema=extended)
    codes = pa.DictionaryArray.from_arrays(pa.array([0] * 10**5), [long])
    found = {
        "lz4 bomb": _stream(instead(pa.array([long] * num)), "lz4"),
        "zstd bomb": _stream(instead(pa.array([long] * num)), "zstd"),
        "zstd": _stream(rows, "zstd"),
        "dictionary": _stream(instead(pa.DictionaryArray.from_arrays(indices, [long]))),
        "list of dictionaries": _stream(
            instead(pa.ListArray.from_arrays(pa.array([*range(num), 10**5], pa.int32()), codes))
        ),
        "runs": _stream(instead(pa.RunEndEncodedArray.from_arrays([num], [long]))),
        "views": _stream(instead(pa.array([long[:9999]] * num, pa.string_view()))),
        "billion nulls": _stream(instead(nulls)),
        "nulls of fixed lists": _stream(instead(many)),
        "union": _stream(instead(pa.UnionArray.from_sparse(pa.array([0] * num, pa.int8()), [pa.array(["a"] * num)]))),
        "pickled extension": _stream(extension),
        "falling offsets": _stream(instead(holding([0, 9, 3, *[9] * (num - 2)], b"abcdefghi"))),
        "offsets outside": _replaced(_stream(instead(holding([0] * num + [77], bytes(77)))), 77, 10**9),
        "negative offsets": _replaced(_stream(instead(holding([0] * num + [77], bytes(77)))), 77, 2**32 - 5),
        "not UTF-8": _stream(instead(holding([0] * num + [2], b"\xff\xfe"))),
        "no rows": _stream(rows.slice(0, 0)),
        "many rows": _stream(pa.concat_tables([rows] * 200)),
        "other columns": _stream(rows.rename_columns(["x"] * len(names))),
        "no columns": _stream(rows.select([])),
        "no stream": np.frombuffer(b"no stream", np.uint8),
        "nothing": np.zeros(0, np.uint8),
        "a stream cut": _stream(rows)[: -(len(_stream(rows)) // 3)],
    }
    found["length of a message"] = found["no rows"].copy()
    found["length of a message"][4:8] = 255
    return {f"proof: {n}": _changed(raw, lambda note, t, d=d: t.update({"proof.rows": d})) for n, d in found.items()}


def _places(folder: Path, good: Path) -> Iterator[tuple[str, Path]]:
    """Names that are no regular file, or none that is a model."""
    links = {
        "to a model": good,
        "to secrets": Path("/etc/passwd"),
        "to itself": folder / "to itself",
        "to nothing": folder / "x",
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
        yield f"link {name}", folder / name
    os.mkfifo(folder / "pipe")
    yield "pipe", folder / "pipe"
    (folder / "folder").mkdir()
    yield "folder", folder / "folder"
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(folder)  # the name of a socket may not be long
        listening.bind("socket")
        yield "socket", folder / "socket"
    with (folder / "holes").open("wb") as file:
        file.truncate(2**40)
    yield "a terabyte of holes", folder / "holes"
    devices = ["zero", "null", "full", "random", "urandom", "stdin", "tty", "ptmx", "mem", "kmsg"]
    files = ["self/environ", "self/mem", "self/maps", "self/exe", "self/cmdline", "self/fd/0", "kcore", "uptime"]
    for place in (*(Path("/dev", name) for name in devices), *(Path("/proc", name) for name in files)):
        if os.path.lexists(place):
            yield str(place), place
    yield "/etc/passwd", Path("/etc/passwd")
    yield "json", _written(folder / "json", json.dumps({"format": 1}).encode())
    yield "empty", _written(folder / "empty", b"")


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
