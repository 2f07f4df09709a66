"""What is inside of models in lists: in expressions, as parameters, and where it is no column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed import C
from lakebed.exceptions import DataChainColumnError, LakebedError, SignalResolvingError

if TYPE_CHECKING:
    from collections.abc import Callable


class Word(BaseModel):
    text: str
    emb: list[float]


class Line(BaseModel):
    words: list[Word]
    number: int = 1


class Page(BaseModel):
    lines: list[Line]
    title: Line


WORDS = [Word(text="a", emb=[1.0, 2.0]), Word(text="b", emb=[3.0, 4.0])]
LINES = [Line(words=WORDS), Line(words=[])]


@pytest.fixture(params=[False, True], ids=["made", "saved"])
def pages(request: pytest.FixtureRequest) -> dc.DataChain:
    title = Line(words=WORDS)
    pages = [Page(lines=LINES, title=title), Page(lines=[], title=title), None]
    chain = dc.read_values(id=[1, 2, 3], line=[*LINES, LINES[0]], page=pages)
    return chain.save("pages") if request.param else chain


FOUND = {
    "line.words.text": [["a", "b"], [], ["a", "b"]],
    "line.words.emb": [[[1.0, 2.0], [3.0, 4.0]], [], [[1.0, 2.0], [3.0, 4.0]]],
    "line__words__text": [["a", "b"], [], ["a", "b"]],
    "page.title.words.text": [["a", "b"], ["a", "b"], None],
    "page.lines.number": [[1, 1], [], None],
    "page.lines.words.text": [[["a", "b"], []], [], None],
}


@pytest.mark.parametrize("path", FOUND)
def test_it_is_a_list_of_values(pages: dc.DataChain, path: str) -> None:
    assert pages.to_values(path) == FOUND[path]
    assert pages.select("id", found=C(path)).to_values("found") == FOUND[path]
    assert pages.map(found=str, params=[path]).to_values("found") == [*map(str, FOUND[path])]


def test_functions_take_it_by_its_type(pages: dc.DataChain) -> None:
    def longest(line__words__text: list[str]) -> str:
        return max(line__words__text, default="")

    assert pages.map(longest=longest).to_values("longest") == ["b", "", "b"]
    with pytest.raises(LakebedError, match="list"):
        pages.map(n=lambda text: text, params=["line.words.text"], output=int).to_values("n")


def test_rows_are_chosen_by_it(pages: dc.DataChain) -> None:
    assert pages.filter(dc.func.array.contains("line.words.text", "a")).to_values("id") == [1, 3]
    assert pages.filter(dc.func.array.length(C("line.words.emb")) == 0).to_values("id") == [2]


@pytest.mark.parametrize(
    "use",
    [
        lambda pages: pages.select("line.words.emb"),
        lambda pages: pages.distinct("line.words.emb"),
    ],
)
def test_it_is_no_column(pages: dc.DataChain, use: Callable[[dc.DataChain], dc.DataChain]) -> None:
    with pytest.raises(SignalResolvingError) as refused:
        use(pages)
    assert str(refused.value) == (
        "`line.words.emb` is inside of a list of models, and no column of its own; "
        'hint: make one, as in mutate(emb=C("line.words.emb"))'
    )


def test_what_is_not_there(pages: dc.DataChain) -> None:
    with pytest.raises(DataChainColumnError, match="the models of the list have no field `nope`"):
        pages.mutate(x=C("line.words.nope"))
