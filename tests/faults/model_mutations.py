"""Model files made wrong on purpose: by what they hold, with a right checksum, and byte by byte."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from manyhot.storage import tensors_checksum

__all__ = ["Parts", "flip", "joined", "mutated", "taken_apart"]

_NUMPY = {"U8": "u1", "I32": "<i4", "I64": "<i8", "U64": "<u8", "F32": "<f4", "F64": "<f8"}
_NAMES = {np.dtype(kind): name for name, kind in _NUMPY.items()}
_ORDER = ("U64", "I64", "F64", "F32", "I32", "U8")
Parts = tuple[Any, dict[str, np.ndarray]]  # the note, and the tensors without their checksum
_VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 7, 255, 2**31 - 1, 2**31, 2**53, 2**63 - 1, -(2**63), 0.5, -0.0, 1e308, -1e308),
    *(
        "",
        "x",
        "..",
        "../../etc/passwd",
        "/dev/zero",
        "a" * 5000,
        "\x00",
        "\ud83d",
        "漢",
        "\x1b[2J\nproof",
        "sum",
        "deepfm",
        "NaN",
    ),
    *([], {}, [[]], [None], [1, 2, 3], ["a"] * 300, {"": 1}, {"name": "x"}, {"low": 0, "high": 1e308}),
]
_NUMBERS = [0, 1, -1, 2, 127, 255, 2**31 - 1, -(2**31), 2**62, np.nan, np.inf, -np.inf, 1e30, 1e-40, -1e30]


def taken_apart(raw: bytes) -> Parts:
    """Of the bytes of a whole model file."""
    end = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:end])
    note = json.loads(header.pop("__metadata__")["manyhot"])
    tensors = {}
    for name, entry in header.items():
        first, last = (end + place for place in entry["data_offsets"])
        tensors[name] = np.frombuffer(raw[first:last], _NUMPY[entry["dtype"]]).reshape(entry["shape"]).copy()
    tensors.pop("checksum")
    return note, tensors


def joined(parts: Parts, change_header: Callable[[dict[str, Any]], object] = lambda header: None) -> bytes:
    """The bytes of a file with a right checksum; the header as `change_header` leaves it."""
    note, tensors = parts
    text = json.dumps(note)
    arrays = {**tensors, "checksum": tensors_checksum(text, tensors)}
    header: dict[str, Any] = {"__metadata__": {"manyhot": text}}
    first, data = 0, []
    for name in sorted(arrays, key=lambda name: (_ORDER.index(_NAMES[arrays[name].dtype]), name.encode())):
        array = arrays[name]
        end = first + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [first, end]}
        first = end
        data.append(array.tobytes())
    change_header(header)
    spelled = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")
    spelled += b" " * (-len(spelled) % 8)
    return len(spelled).to_bytes(8, "little") + spelled + b"".join(data)


def mutated(raw: bytes, random: np.random.Generator) -> bytes:
    """Another file, wrong in one to three places: most of them under a right checksum."""
    if random.random() < 0.2:
        return _bytes(raw, random)
    note, tensors = taken_apart(raw)
    kinds = random.choice(["note", "tensor", "proof", "header"], random.integers(1, 4), p=[0.45, 0.3, 0.1, 0.15])
    changes = []
    for kind in kinds:
        if kind == "note":
            note = _note(note, random)
        elif kind == "tensor":
            _tensor(tensors, random)
        elif kind == "proof":
            rows = tensors.get("proof.rows")
            if rows is not None and rows.size and rows.dtype == np.uint8:
                tensors["proof.rows"] = np.frombuffer(_bytes(rows.tobytes(), random), np.uint8).copy()
        else:
            changes.append(random.integers(2**32))
    made = joined((note, tensors), lambda header: [_header(header, np.random.default_rng(seed)) for seed in changes])
    return made if made != raw else _bytes(raw, random)


def flip(raw: bytes, bit: int) -> bytes:
    """With one bit turned over."""
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _bytes(raw: bytes, random: np.random.Generator) -> bytes:
    made = bytearray(raw)
    for _ in range(random.integers(1, 4)):
        at, size = int(random.integers(len(made) + 1)), int(random.integers(1, 40))
        piece = random.integers(0, 256, size, np.uint8).tobytes()
        way = random.integers(6)
        if way == 0:
            made[at : at + size] = piece
        elif way == 1:
            made[at:at] = piece
        elif way == 2:
            del made[at : at + size]
        elif way == 3:
            made = made[: max(at, 1)]
        elif way == 4:
            other = int(random.integers(len(made) + 1))
            made[at : at + size] = made[other : other + size]
        elif at < len(made):
            made[at] = int(random.choice([0, 255, 127, 128, made[at] ^ 1]))
    return bytes(made) if bytes(made) != raw else flip(raw, int(random.integers(8 * len(raw))))


def _note(note: Any, random: np.random.Generator) -> Any:
    """Another value, one less or one more somewhere below; anything in place of all of it, now and then."""
    places: list[tuple[Any, Any]] = []
    of_summary: list[tuple[Any, Any]] = []

    def walk(value: Any, found: list[tuple[Any, Any]]) -> None:
        for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            found.append((value, key))
            walk(value[key], of_summary if value is note and key == "summary" else found)

    walk(note, places)
    if not places or random.random() < 0.01:
        return _value(random)
    # The summary has about as many places as all the rest, and loading does not read it: such files are not refused.
    chosen = of_summary if of_summary and random.random() < 0.1 else places
    holder, key = chosen[random.integers(len(chosen))]
    way, value = random.integers(6), holder[key]
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[str(random.choice([key + "x", "", "..", "name", "x" * 300]))] = holder.pop(key)
    elif way == 2:
        other, place = places[random.integers(len(places))]
        holder[key] = copy.deepcopy(other[place])
    elif way == 3 and isinstance(value, int | float) and not isinstance(value, bool):
        holder[key] = value + random.choice([-1, 1, 10**6, 10**9]).item() if random.random() < 0.7 else -value
    elif way == 4 and isinstance(value, list):
        holder[key] = value * int(random.integers(2, 50))
    else:
        holder[key] = _value(random)
    return note


def _value(random: np.random.Generator) -> Any:
    return copy.deepcopy(_VALUES[random.integers(len(_VALUES))])


def _tensor(tensors: dict[str, np.ndarray], random: np.random.Generator) -> None:
    if not tensors:
        return
    name = str(random.choice(sorted(tensors)))
    array, way = tensors[name], random.integers(9)
    flat = array.reshape(-1)
    if way == 0:
        del tensors[name]
    elif way == 1:
        tensors[str(random.choice([name + "x", "dense.more", "..", "table.x.latent"]))] = array
    elif way == 2:
        tensors[name] = flat[: random.integers(flat.size + 1)].copy()
    elif way == 3:
        tensors[name] = np.concatenate([flat, flat[: random.integers(flat.size + 1)]])
    elif way == 4:
        tensors[name] = flat.astype(np.dtype(_NUMPY[str(random.choice(list(_NUMPY)))]), casting="unsafe")
    elif way == 5:
        tensors[name] = flat.reshape(random.permutation([flat.size, 1, 1][: random.integers(1, 4)]))
    elif way == 6:
        other = str(random.choice(sorted(tensors)))
        tensors[name], tensors[other] = tensors[other], array
    elif flat.size:
        with np.errstate(all="ignore"):
            changed = flat.copy()
            chosen = random.integers(flat.size, size=random.integers(1, 4))
            changed[chosen] = np.array([_NUMBERS[random.integers(len(_NUMBERS))]]).astype(flat.dtype, casting="unsafe")
        tensors[name] = changed.reshape(array.shape)


def _header(header: dict[str, Any], random: np.random.Generator) -> None:
    name = str(random.choice(list(header)))
    entry, way = header[name], random.integers(7)
    if name == "__metadata__":
        header[name] = random.choice([{}, {"manyhot": ""}, {**entry, "x": "y"}, {"format": "pt"}])
    elif way == 0:
        del header[name]
    elif way == 1:
        header[name + "x"] = header.pop(name)
    elif isinstance(entry, dict) and way == 2:
        entry["dtype"] = str(random.choice([*_NUMPY, "BF16", "BOOL", "F8_E4M3", ""]))
    elif isinstance(entry, dict) and way == 3:
        entry["shape"] = [int(n) for n in random.choice([0, 1, 2, 2**31, 2**40, 2**62], random.integers(0, 4))]
    elif isinstance(entry, dict) and way == 4 and isinstance(entry.get("data_offsets"), list):
        entry["data_offsets"] = [int(n + random.choice([-8, -1, 0, 1, 8, 2**40])) for n in entry["data_offsets"]]
    else:
        header[name] = _value(random)
