"""`lakebed completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHELLS = ("bash", "zsh", "fish")

_WORDS = """\
_lakebed_words() {
    case "$1" in
%s
    esac
}
"""

_BASH = (
    '# eval "$(lakebed completion -s bash)"\n'
    + _WORDS
    + """
_lakebed() {
    local word path="" current="${COMP_WORDS[COMP_CWORD]}"
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $word != -* && -n $(_lakebed_words "$path $word") ]] && path="$path $word"
    done
    COMPREPLY=($(compgen -W "$(_lakebed_words "$path")" -- "$current"))
}
complete -o default -F _lakebed lakebed
"""
)

_ZSH = (
    '# eval "$(lakebed completion -s zsh)"\n'
    + _WORDS
    + """
_lakebed() {
    local word place=""
    for word in "${(@)words[2,CURRENT-1]}"; do
        [[ $word != -* && -n $(_lakebed_words "$place $word") ]] && place="$place $word"
    done
    compadd -- ${=$(_lakebed_words "$place")}
    _files
}
compdef _lakebed lakebed
"""
)


def completion(arguments: argparse.Namespace) -> None:
    """Print the script for a shell."""
    from lakebed.cli import build_parser

    commands = list(_commands(build_parser(), ()))
    if arguments.shell == "fish":
        print("\n".join(_fish(commands)))
        return
    cases = [f'        "{_joined(path)}") echo "{" ".join(words)}" ;;' for path, words in commands]
    script = _BASH if arguments.shell == "bash" else _ZSH
    print(script % "\n".join(cases), end="")


def _commands(
    parser: argparse.ArgumentParser, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Each command by its words, and what may follow: commands, and options."""
    told = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    options = [flag for action in told for flag in action.option_strings]
    inner: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            inner |= action.choices
        elif action.choices and not action.option_strings:
            options += map(str, action.choices)
    yield path, [*inner, *options]
    for name, command in inner.items():
        yield from _commands(command, (*path, name))


def _joined(path: tuple[str, ...]) -> str:
    return "".join(f" {word}" for word in path)


def _fish(commands: list[tuple[tuple[str, ...], list[str]]]) -> Iterator[str]:
    yield "# lakebed completion -s fish | source"
    names = {path for path, _ in commands}
    for path, words in commands:
        inner = [word for word in words if (*path, word) in names]
        seen = [f"__fish_seen_subcommand_from {word}" for word in path]
        absent = f"not __fish_seen_subcommand_from {' '.join(inner)}" if inner else ""
        when = "; and ".join(part for part in (*seen, absent) if part) or "true"
        for word in words:
            flag = f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}"
            told = flag if word.startswith("-") else f"-a {word}"
            yield f"complete -c lakebed -n '{when}' {told}"
