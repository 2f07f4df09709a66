"""Damaged Parquet files are read or refused by name; nothing crashes, nothing is printed.

`LAKEBED_DAMAGED_FILES` sets how many files are tried.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pa: Any = pytest.importorskip("pyarrow")
pq: Any = pytest.importorskip("pyarrow.parquet")

_FILES = int(os.environ.get("LAKEBED_DAMAGED_FILES", "500"))
_SEED = 7
_ROWS = 300


def _table(rows: int) -> Any:
    words = ["", "a", "längere Wörter", "x" * 40, None]
    numbers = list(range(rows))
    model = pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))])
    models = [None if n % 7 == 0 else {"a": n, "b": [words[n % 4]] * (n % 3)} for n in numbers]
    return pa.table(
        {
            "i": pa.array([None if n % 11 == 0 else n for n in numbers], pa.int32()),
            "l": pa.array([n * 2**40 for n in numbers], pa.int64()),
            "f": pa.array([n / 3 for n in numbers], pa.float64()),
            "s": pa.array([words[n % 5] for n in numbers]),
            "o": pa.array([f"value {n}" for n in numbers]),
            "b": pa.array([n % 3 == 0 for n in numbers]),
            "d": pa.array(numbers, pa.int32()).cast(pa.decimal128(20, 2)),
            "t": pa.array(numbers, pa.timestamp("us", "UTC")),
            "x": pa.array([n.to_bytes(4, "big") for n in numbers], pa.binary(4)),
            "v": pa.array([[float(n)] * 3 for n in numbers], pa.list_(pa.float32(), 3)),
            "n": pa.array([[[n], [], None] for n in numbers], pa.list_(pa.list_(pa.int64()))),
            "g": pa.array(models, model),
            "m": pa.array([[(words[n % 4], n)] for n in numbers], pa.map_(pa.string(), pa.int16())),
        }
    )


def _whole_files() -> list[bytes]:
    """The same rows in many ways of writing them."""
    plain: dict[str, Any] = {"use_dictionary": False}
    deltas = {"i": "DELTA_BINARY_PACKED", "s": "DELTA_BYTE_ARRAY", "o": "DELTA_LENGTH_BYTE_ARRAY"}
    ways: list[dict[str, Any]] = [
        {"compression": "none"},
        {"compression": "none", **plain},
        {"compression": "none", "data_page_version": "2.0", **plain},
        {"compression": "snappy", "row_group_size": 100},
        {"compression": "gzip", **plain},
        {"compression": "zstd", "data_page_size": 200, "write_page_index": True},
        {"compression": "lz4", "data_page_version": "2.0"},
        {"compression": "none", "column_encoding": {**deltas, "f": "BYTE_STREAM_SPLIT"}, **plain},
        {"compression": "none", "use_deprecated_int96_timestamps": True, "store_schema": False},
        {"compression": "none", "bloom_filter_options": {"l": True, "o": True}},
    ]
    files = []
    for way in ways:
        sink = pa.BufferOutputStream()
        try:
            pq.write_table(_table(_ROWS), sink, **way)
        except TypeError:  # an option that this pyarrow does not have
            continue
        files.append(sink.getvalue().to_pybytes())
    return files


def _damaged(whole: bytes, chance: random.Random) -> bytes:
    """Bits flipped, bytes overwritten, anywhere or in the footer; a piece or the end missing."""
    raw = bytearray(whole)
    footer = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    kind = chance.randrange(7)
    if kind in {0, 1}:
        first = 4 if kind == 0 else footer
        for _ in range(chance.choice([1, 1, 3, 20])):
            raw[chance.randrange(first, len(raw))] ^= 1 << chance.randrange(8)
    elif kind in {2, 3}:
        first = 4 if kind == 2 else footer
        at, length = chance.randrange(first, len(raw)), chance.choice([1, 4, 40])
        raw[at : at + length] = chance.choice(
            [bytes(length), b"\xff" * length, chance.randbytes(length)]
        )
    elif kind == 4:
        at = chance.randrange(len(raw))
        del raw[at : at + chance.choice([1, 8, 500])]
    elif kind == 5:
        del raw[chance.randrange(len(raw)) :]
    else:
        raw[-8:-4] = chance.randbytes(4)
    return bytes(raw)


def _trials(count: int) -> Iterator[tuple[int, bytes]]:
    whole = _whole_files()
    for number in range(count):
        chance = random.Random(_SEED * 1_000_003 + number)  # noqa: S311  damage is no secret
        yield number, _damaged(whole[number % len(whole)], chance)


def _try_all(folder: Path, count: int) -> None:
    """Tells of each file that is neither read nor refused as it should be; then what was seen."""
    import lakebed as dc

    tally = {"read": 0, "refused": 0}
    for number, raw in _trials(count):
        path = folder / f"{number}.parquet"
        path.write_bytes(raw)
        for look in (
            lambda chain: chain.exec(),
            lambda chain: chain.filter(dc.C("l") == 7 * 2**40, dc.C("g.a").is_(None)).count(),
            lambda chain: chain.filter(dc.C("o") == "value 7").select("o", "n").exec(),
        ):
            try:
                look(dc.read_parquet(path, in_memory=True))
                tally["read"] += 1
            except OverflowError:  # a time that became one beyond those of Python
                tally["read"] += 1
            except dc.exceptions.CorruptDataError as error:
                tally["refused"] += 1
                if str(path) not in str(error):
                    sys.stdout.write(f"{number}: does not name its file: {error}\n")
            except BaseException as error:  # noqa: BLE001
                sys.stdout.write(f"{number}: {type(error).__name__}: {error}\n")
        path.unlink()
    sys.stdout.write(f"{tally['read'] > 0} {tally['refused'] > 0}\n")


def test_whole_files_are_read(tmp_path: Path) -> None:
    import lakebed as dc

    for number, raw in enumerate(_whole_files()):
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(raw)
        assert dc.read_parquet(path, in_memory=True).to_values("l") == [
            n * 2**40 for n in range(_ROWS)
        ]


def test_damaged_files_are_read_or_refused_by_name() -> None:
    tried = subprocess.run(  # noqa: S603  this file
        [sys.executable, __file__, str(_FILES)], capture_output=True, text=True, check=False
    )
    assert (tried.stdout, tried.stderr, tried.returncode) == ("True True\n", "", 0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as _folder:
        _try_all(Path(_folder), int(sys.argv[1]))
