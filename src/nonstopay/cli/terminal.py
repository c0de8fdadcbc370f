"""Speaking to people at a terminal: ticks while something is done, facts and tables afterwards.

Colours and the line that says what is being waited for appear on a terminal only (and not with
NO_COLOR, https://no-color.org); a file or a pipe gets the same words, plain.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TextIO

from nonstopay import clock

_WIDTH = 78


class Mark(StrEnum):
    """How something stands, as a sign before its line."""

    OK = "✓"
    WARN = "!"
    FAIL = "✗"


_COLOURS = {Mark.OK: "32", Mark.WARN: "33", Mark.FAIL: "31"}
_BOLD, _FAINT = "1", "2"


class Step:
    """Something under way; `found` is added to its line when it is done."""

    def __init__(self) -> None:
        self.found = ""


class Terminal:
    """Where a command's words go: standard output unless a test says other."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lively = self._stream.isatty()
        self._coloured = self._lively and not os.environ.get("NO_COLOR")
        self._started_at = clock.stopwatch()

    @property
    def seconds(self) -> clock.Seconds:
        """Since this terminal was made."""
        return clock.stopwatch() - self._started_at

    def say(self, text: str = "") -> None:
        print(text, file=self._stream, flush=True)

    def heading(self, text: str) -> None:
        self.say(f"\n{self._painted(text, _BOLD)}")

    def faint(self, text: str) -> None:
        """Words of less weight."""
        self.say(self._painted(text, _FAINT))

    def marked(self, mark: Mark, text: str, detail: str = "") -> None:
        """A line with its mark, and a fainter one below it."""
        self.say(f"  {self._painted(mark, _COLOURS[mark])} {text}")
        if detail:
            self.faint(f"    {detail}")

    @contextmanager
    def step(self, doing: str) -> Iterator[Step]:
        """Do something: while it lasts the line says so, then it is ticked off, or crossed out."""
        if self._lively:
            print(f"  … {doing}", end="", file=self._stream, flush=True)
        step, began = Step(), clock.stopwatch()
        try:
            yield step
        except BaseException:
            self._over()
            self.marked(Mark.FAIL, doing)
            raise
        self._over()
        took = f"{clock.stopwatch() - began:.1f} s"
        self.marked(Mark.OK, f"{doing:<{_WIDTH - 12}} {self._painted(took, _FAINT)}", step.found)

    def facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Names and what they stand for, in two columns."""
        width = max(len(name) for name, _ in pairs)
        for name, value in pairs:
            self.say(f"  {self._painted(f'{name:<{width}}', _FAINT)}  {value}")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> None:
        """Columns as wide as they need; `right` names the head of the one that holds numbers."""
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]

        def line(cells: Sequence[str]) -> str:
            return "  ".join(
                f"{cell:>{width}}" if head == right else f"{cell:<{width}}"
                for head, cell, width in zip(heads, cells, widths, strict=True)
            ).rstrip()

        self.faint(f"  {line(heads)}")
        for row in rows:
            self.say(f"  {line(row)}")

    def _over(self) -> None:
        if self._lively:
            print("\r\x1b[K", end="", file=self._stream, flush=True)

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text
