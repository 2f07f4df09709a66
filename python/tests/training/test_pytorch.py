"""`to_pytorch`: rows for loaders, each once, in workers and ranks, and on from where it was."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

import lakebed as dc
from lakebed.exceptions import DataChainParamsError

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, IterableDataset  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from servers.double_server import S3Double

ROWS = 103


@pytest.fixture
def numbers() -> dc.DataChain:
    return dc.read_values(x=list(range(ROWS)))


@pytest.fixture
def pictures(tmp_path: Path) -> dc.DataChain:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(6):
        Image.new("RGB", (4, 3), (number * 51, 0, 0)).save(folder / f"{number}.png")
    files = dc.read_storage(str(folder), type="image")
    return files.map(label=lambda file: int(file.get_file_stem()), output=int).order_by("label")


def _values(rows: Any) -> list[int]:
    return [int(row[0]) for row in rows]


def test_rows_are_lists_in_order(numbers: dc.DataChain) -> None:
    dataset = numbers.to_pytorch()
    assert isinstance(dataset, IterableDataset)
    assert list(dataset) == [[number] for number in range(ROWS)]
    assert list(dataset) == list(dataset)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_every_row_once(numbers: dc.DataChain, method: str) -> None:
    dataset = numbers.to_pytorch(shuffle=7)
    loader = DataLoader(dataset, batch_size=None, num_workers=2, multiprocessing_context=method)
    for _ in range(2):
        assert sorted(_values(loader)) == list(range(ROWS))


def test_ranks_read_every_row_once(numbers: dc.DataChain, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = numbers.to_pytorch(shuffle=7)
    sampled = numbers.to_pytorch(num_samples=40)
    found: list[int] = []
    told: list[int] = []
    samples: list[int] = []
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    for rank in range(3):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        found += _values(dataset)
        with monkeypatch.context() as worker:
            # one that was not forked knows nothing of ranks but what it is told
            sent = pickle.dumps(dataset)
            worker.setattr(torch.distributed, "is_initialized", lambda: False)
            told += _values(pickle.loads(sent))  # noqa: S301
        samples += _values(sampled)
    assert sorted(found) == sorted(told) == list(range(ROWS))
    assert len(samples) == len(set(samples)) == 40


def test_chance_is_that_of_the_seed_and_the_epoch(numbers: dc.DataChain) -> None:
    dataset = numbers.to_pytorch(shuffle=50, seed=3)
    first = _values(dataset)
    assert sorted(first) == list(range(ROWS))
    assert _values(dataset) == _values(numbers.to_pytorch(shuffle=50, seed=3)) == first
    dataset.set_epoch(1)
    assert _values(dataset) != first
    free = numbers.to_pytorch(shuffle=50)
    assert _values(free) != _values(free)


def test_workers_that_stay_see_the_epoch(numbers: dc.DataChain) -> None:
    dataset = numbers.to_pytorch(shuffle=50, seed=3)
    loader = DataLoader(
        dataset,
        batch_size=None,
        num_workers=1,
        persistent_workers=True,
        multiprocessing_context="fork",
    )
    first = _values(loader)
    dataset.set_epoch(1)
    second = _values(loader)
    assert first != second
    assert second == _values(dataset)


def test_samples_are_drawn_anew_and_without_repetition(numbers: dc.DataChain) -> None:
    dataset = numbers.to_pytorch(num_samples=20)
    found = [_values(dataset) for _ in range(2)]
    assert [len(set(rows)) for rows in found] == [20, 20]
    assert found[0] != found[1]
    assert len(_values(numbers.to_pytorch(num_samples=1000))) == ROWS


@pytest.mark.parametrize("options", [{}, {"shuffle": 10}, {"num_samples": 50}])
@pytest.mark.parametrize("done", [0, 1, 37])
def test_a_pass_goes_on_where_it_was(
    numbers: dc.DataChain, options: dict[str, int], done: int
) -> None:
    dataset = numbers.to_pytorch(**options)
    running = iter(dataset)
    head = [next(running) for _ in range(done)]
    state = dataset.state_dict()
    tail = list(running)
    assert dataset.state_dict() == {}
    if not done:
        assert state == {}
        return
    again = numbers.to_pytorch(**options)
    again.load_state_dict(state)
    assert list(again) == tail
    # the one after it is a whole one
    assert len(list(again)) == len(head + tail)


def test_a_state_of_another_worker_is_refused(numbers: dc.DataChain) -> None:
    dataset = numbers.to_pytorch()
    dataset.load_state_dict({"epoch": 0, "seed": 0, "rows": 3, "shard": 1, "shards": 4})
    with pytest.raises(DataChainParamsError, match="of worker 1 of 4, and this is worker 0 of 1"):
        next(iter(dataset))


@pytest.mark.parametrize("prefetch", [0, 2])
def test_images_become_tensors(pictures: dc.DataChain, prefetch: int) -> None:
    rows = list(pictures.settings(prefetch=prefetch).to_pytorch())
    assert [label for _, label in rows] == list(range(6))
    for image, label in rows:
        assert (image.shape, image.dtype) == ((3, 3, 4), torch.float32)
        assert float(image[0, 0, 0]) == pytest.approx(label / 5)


def test_transform_and_tokenizer(pictures: dc.DataChain) -> None:
    chain = pictures.map(text=lambda label: "ab" * label, output=str)
    dataset = chain.to_pytorch(
        lambda image: torch.tensor(image.size),
        lambda texts, more: [[len(text), more] for text in texts],
        {"more": 7},
    )
    # functions of any kind reach another process
    for rows in (list(dataset), list(pickle.loads(pickle.dumps(dataset)))):  # noqa: S301
        size, label, tokens = rows[2]
        assert (size.tolist(), label, tokens.tolist()) == ([4, 3], 2, [4, 7])


def test_a_file_that_cannot_be_read_fails_the_pass(pictures: dc.DataChain, tmp_path: Path) -> None:
    dataset = pictures.to_pytorch()
    (tmp_path / "pictures" / "3.png").unlink()
    running = iter(dataset)
    assert [next(running)[1] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(FileNotFoundError):
        next(running)


def test_workers_read_files_of_buckets(s3: S3Double) -> None:
    for number in range(4):
        s3.put(f"{number}.txt", str(number).encode())
    files = dc.read_storage(s3.uri, type="text", client_config=s3.client_config)
    for method in ("fork", "spawn"):
        loader = DataLoader(
            files.to_pytorch(), batch_size=None, num_workers=2, multiprocessing_context=method
        )
        assert sorted(text for (text,) in loader) == ["0", "1", "2", "3"]


def test_a_session_in_memory_has_no_workers() -> None:
    with dc.Session("mem", in_memory=True) as session:
        dataset = dc.read_values(x=[1, 2], session=session).to_pytorch()
        assert list(dataset) == [[1], [2]]
        loader = DataLoader(dataset, num_workers=1, multiprocessing_context="spawn")
        with pytest.raises(Exception, match="a worker cannot read a session in memory"):
            list(loader)


def test_a_dataset_by_name(numbers: dc.DataChain) -> None:
    from lakebed.torch import PytorchDataset

    numbers.save("numbers")
    numbers.limit(3).save("numbers")
    assert len(list(PytorchDataset("numbers"))) == 3
    assert len(list(PytorchDataset("numbers", "1.0.0"))) == ROWS
