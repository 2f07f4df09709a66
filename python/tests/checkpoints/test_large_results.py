"""Results of many bytes are in files that versions have too, whatever is saved of them."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 - a return type of a function is read when it is mapped
from typing import TYPE_CHECKING

import lakebed as dc

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from servers.double_server import S3Double

ROWS = 500
EACH = 200_000  # a unit of 64 MB ends after some 330 rows; a file has at least 32 MB


class Image(dc.DataModel):
    data: bytes
    id: int
    tags: list[str]


def pixels(id: int) -> bytes:
    return id.to_bytes(4, "little") * (EACH // 4)


def image(id: int) -> Image:
    return Image(data=pixels(id), id=id, tags=[str(id), "a tag"])


def as_text(id: int) -> str:
    return f"text of {id}"


def twice(id: int) -> Iterator[Image]:
    for _ in range(id % 3):
        yield image(id)


def rows(ids: Iterable[int]) -> dc.DataChain:
    return dc.read_values(id=list(ids), text=[f"text {id}" for id in ids])


def assert_drawn(name: str, ids: Iterable[int], column: str = "image") -> None:
    wanted = list(ids)
    found = dc.read_dataset(name).to_list("id", "text", column)
    assert [(id, text) for id, text, _ in found] == [(id, f"text {id}") for id in wanted]
    for id, _, drawn in found:
        assert (drawn.id, drawn.tags) == (id, [str(id), "a tag"])
        assert drawn.data == pixels(id)


def links(root: Path, name: str) -> list[int]:
    folder = root / f"data/local/local/{name}.lance/data"
    return [file.stat().st_nlink for file in folder.iterdir()]


def test_a_version_has_the_files_of_its_results(root: Path) -> None:
    rows(range(ROWS)).map(image=image).save("images")
    assert_drawn("images", range(ROWS))
    shared = links(root, "images").count(2)
    assert shared >= 1
    # found again, among more rows, and under another name
    more = rows(range(ROWS + 50)).map(image=image)
    more.save("more")
    assert_drawn("more", range(ROWS + 50))
    more.mutate(photo=dc.C("image")).select("photo", "id", "text").save("photos")
    assert_drawn("photos", range(ROWS + 50), "photo")
    assert max(links(root, "images")) == 4
    # a field of a model, rows by their place, and what is derived of the version
    size = dc.read_dataset("more").filter(dc.C("image.id") == ROWS).to_list("image.id", "text")
    assert size == [(ROWS, f"text {ROWS}")]
    dc.read_dataset("more").filter(dc.C("id") % 2 == 1).save("odd")
    assert_drawn("odd", range(1, ROWS + 50, 2))
    dc.delete_dataset("images", force=True)
    assert_drawn("more", range(ROWS + 50))


def test_rows_that_are_left_out_or_in_another_order() -> None:
    rows(range(ROWS)).map(image=image).save("images")
    rows(range(ROWS)).filter(dc.C("id") != 3).map(image=image).save("without")
    assert_drawn("without", [id for id in range(ROWS) if id != 3])
    backwards = list(reversed(range(ROWS)))
    rows(backwards).map(image=image).save("backwards")
    assert_drawn("backwards", backwards)
    rows(range(ROWS)).map(image=image).filter(dc.C("image.id") < 400).save("filtered")
    assert_drawn("filtered", range(400))
    rows(range(ROWS)).map(image=image).limit(350).save("limited")
    assert_drawn("limited", range(350))
    rows([0, *range(ROWS)]).map(image=image).save("one_twice")
    assert_drawn("one_twice", [0, *range(ROWS)])


def test_rows_in_another_order_are_written_in_large_pieces(root: Path) -> None:
    ids = list(range(0, 60_000, 2)) + list(range(1, 60_000, 2))
    dc.read_values(id=list(range(60_000))).map(text=as_text).save("in_order")
    found = dc.read_values(id=ids).map(text=as_text)
    found.save("found")
    dc.read_values(id=ids, text=[as_text(id) for id in ids]).save("plain")
    assert dc.read_dataset("found").to_list("id", "text") == [(id, as_text(id)) for id in ids]

    def bytes_of(name: str) -> int:
        files = (root / f"data/local/local/{name}.lance/data").iterdir()
        return sum(file.stat().st_size for file in files)

    assert bytes_of("found") < 1.2 * bytes_of("plain")


def test_any_number_of_results(root: Path) -> None:
    drawn = rows(range(ROWS)).gen(image=twice)
    drawn.save("images")
    ids = [id for id in range(ROWS) for _ in range(id % 3)]
    found = dc.read_dataset("images").to_list("image.id")
    assert [id for (id,) in found] == ids
    assert links(root, "images").count(2) >= 1


def test_results_of_workers(root: Path) -> None:
    rows(range(ROWS)).settings(parallel=2).map(image=image).save("images")
    assert_drawn("images", range(ROWS))
    assert links(root, "images").count(2) >= 1


def test_an_update_has_them_too(root: Path) -> None:
    folder = root.parent / "files"
    folder.mkdir()

    def of_file(file: dc.File) -> bytes:
        return file.read() * EACH

    def save() -> list[bytes]:
        files = dc.read_storage(f"file://{folder}", delta=True)
        files.map(data=of_file, output=bytes).save("data")
        found = dc.read_dataset("data").order_by("file.path").to_list("data")
        return [data for (data,) in found]

    wanted = []
    for count in 200, 400:
        for at in range(len(wanted), count):
            name = f"{at:04}"
            (folder / name).write_bytes(name[-1:].encode())
            wanted.append(name[-1:].encode() * EACH)
        assert save() == wanted
    assert links(root, "data").count(2) >= 2


def test_what_is_damaged_is_computed_again(root: Path) -> None:
    rows(range(ROWS)).map(image=image).save("images")
    units = sorted((root / "jobs").glob("*/*.unit"), key=lambda unit: unit.stat().st_size)
    unit = units[-1]
    # a file of its own, as after a power cut: that of the version is whole
    whole = unit.read_bytes()
    unit.unlink()
    unit.write_bytes(whole[: len(whole) // 2])
    rows(range(ROWS)).map(image=image).save("again")
    assert_drawn("again", range(ROWS))
    assert_drawn("images", range(ROWS))


def test_in_a_bucket(s3: S3Double) -> None:
    with dc.Session(root=f"{s3.uri}/lake", client_config=s3.client_config):
        rows(range(ROWS)).map(image=image).save("images")
        assert_drawn("images", range(ROWS))
        rows(range(ROWS + 9)).map(image=image).save("more")
        assert_drawn("more", range(ROWS + 9))
