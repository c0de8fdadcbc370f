"""Looks for card numbers and card codes where none may be: in all files below the folders it is given.

    python tools/scan.py [FOLDER …]

It knows the numbers that the tests and the sandbox use, and finds each of them in plain digits, with
spaces, dashes or line ends between them, percent-encoded, in UTF-16, in hex, backwards, and in base64
at any place of a longer text. A code is three digits, so it is found beside its name alone: `cvc=737`,
`"card_ccv": "737"`. Compressed and encrypted files it cannot see into.

The folder `chain` of a sandbox is left out: no card comes near a chain, whose files are made of hexadecimal
words, where a number like 4000000000000002 stands by chance. So are PostgreSQL's templates, which stay as
they are.

Speed: two passes by `bytes.translate` sort out what cannot be a number, at some hundred megabytes a second.
Leaves with 1 if something was found.
"""

import base64
import getpass
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from nonstopay.card_number import Brand, brand_of, is_luhn_valid

ROOT = Path(__file__).resolve().parents[1]
CHUNK_BYTES = 4 << 20
MANY_FILES = 200
OVERLAP_BYTES = 512  # more than the longest form of a number takes
DIGITS_MIN = 13
_BASE64_MIN = 16  # characters that 13 digits fill at every alignment

_LITERAL = re.compile(r"""["']([0-9](?:[ -]?[0-9]){12,18})["']""")
_CODE_LITERAL = re.compile(
    r"""(?:cvc|cvv|ccv|CardCode|parse_code)[a-z0-9_]*["']?(?:[ ]?[:=][ ]?|\()["']([0-9]{3,4})["']"""
)
_BETWEEN = rb"(?:%[0-9a-f]{2}|[^0-9a-z\x00]){1,6}(?:value[^0-9a-z]{1,3})?"
_CODE = _BETWEEN + rb"([0-9]{3,4})(?![0-9a-z])"
_NAMED_CODE = re.compile(
    rb"(cvc|cvv|ccv|(?:security|card)_?code)[a-z_]{0,16}?2?" + _CODE,
)
_BARE_CODE = re.compile(rb"code" + _CODE)
_CHAIN = "chain"
_TEMPLATES = (("base", "1"), ("base", "4"))
_CODE_ANCHORS = (b"cv", b"code")  # one of them is in every name
_BEFORE_ANCHOR, _AFTER_ANCHOR = 9, 96

_IGNORED = b" -+._\0\r\n\t"
_LINE_ENDS = b"\r\n"


def _only(kept: bytes, mark: bytes) -> bytes:
    """A table for `bytes.translate`: `mark` for the bytes that are kept, a space for all others."""
    return bytes(mark[0] if one in kept else 32 for one in range(256))


_DIGITS = _only(b"0123456789", b"d")
# Each base64 character of ASCII digits is one of these, whichever digits and wherever they begin.
_BASE64 = _only(b"MNODTjzAEIMQUYcgkwxyz012345", b"b")


class Leak(NamedTuple):
    """What was found where. `what` is not the secret itself: the report must not leak either."""

    where: str
    what: str
    form: str


class Scanner:
    """Finds `numbers` in all their forms, and `codes` beside their names."""

    def __init__(self, numbers: Iterable[str], codes: Iterable[str] = ()) -> None:
        forms = dict[bytes, tuple[str, str]]()
        encoded = dict[bytes, tuple[str, str]]()
        for number in sorted(numbers):
            plain, shown = number.encode(), f"{number[:6]}…{number[-4:]}"
            forms[plain] = shown, "plain, spaced or UTF-16"
            forms[plain[::-1]] = shown, "backwards"
            forms[plain.hex().encode()] = shown, "hex"
            for core in _base64_cores(plain):
                encoded[core] = shown, "base64"
        self._forms, self._encoded = forms, encoded
        self._any_form, self._any_encoded = _any_of(forms), _any_of(encoded)
        self._codes = frozenset(code.encode() for code in codes)

    def tree(self, *folders: Path) -> list[Leak]:
        """What is in the files below these folders, each kind of leak once a file."""
        files = [file for folder in folders for file in _files(folder)]
        if len(files) < MANY_FILES:
            return [leak for file in files for leak in self.file(file)]
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            found = pool.map(self.file, files, chunksize=MANY_FILES)
            return [leak for leaks in found for leak in leaks]

    def file(self, file: Path) -> list[Leak]:
        """What is in one file; nothing if it is gone."""
        found = dict[Leak, None]()
        try:
            with file.open("rb") as opened:
                before = b""
                while chunk := opened.read(CHUNK_BYTES):
                    written = chunk.rstrip(b"\0")  # a write-ahead log is mostly made of zeros
                    found |= dict.fromkeys(self.data(before + written, str(file)))
                    before = chunk[-OVERLAP_BYTES:]
        except FileNotFoundError:
            pass
        return list(found)

    def data(self, data: bytes, where: str) -> Iterator[Leak]:
        """What is in these bytes."""
        if b"%20" in data:
            data = data.replace(b"%20", b"")
        for run in _runs(data, _DIGITS, _IGNORED, b"d" * DIGITS_MIN):
            for match in self._any_form.finditer(run):
                yield Leak(where, *self._forms[match[0]])
        for run in _runs(data, _BASE64, _LINE_ENDS, b"b" * _BASE64_MIN):
            for match in self._any_encoded.finditer(run):
                yield Leak(where, *self._encoded[match[0]])
        for name in sorted({name for name, code in _codes(data) if self._is_card_code(name, code)}):
            yield Leak(where, f"a code beside {name.decode()}", "plain")

    def _is_card_code(self, name: bytes, code: bytes) -> bool:
        """Whatever stands beside `cvc` is one; what stands beside `code`, if the tests know it."""
        return name != b"code" or code in self._codes


def known_numbers() -> set[str]:
    """Every card number that stands as a text in the tests or in the sandbox."""
    return {
        digits
        for text in _sources()
        for literal in _LITERAL.findall(text)
        if is_luhn_valid(digits := re.sub("[ -]", "", literal))
        and brand_of(digits) is not Brand.UNKNOWN
    }


def known_codes() -> set[str]:
    """Every card code that the tests use."""
    return {code for text in _sources() for code in _CODE_LITERAL.findall(text)}


def _sources() -> Iterator[str]:
    for folder in (ROOT / "tests", ROOT / "src" / "nonstopay" / "sandbox"):
        for file in folder.rglob("*.py"):
            yield file.read_text(encoding="utf-8")


def _files(folder: Path) -> Iterator[Path]:
    candidates = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    return (
        file
        for file in candidates
        if file.is_file()
        and not file.is_symlink()
        and not _is_left_out(file.relative_to(folder).parts[:-1])
    )


def _is_left_out(folders: tuple[str, ...]) -> bool:
    return _CHAIN in folders or folders[-2:] in _TEMPLATES


def _runs(data: bytes, table: bytes, ignored: bytes, least: bytes) -> Iterator[bytes]:
    """The parts of `data`, without what is ignored, that consist of a table's bytes alone."""
    classes = data.translate(table, ignored)
    start = classes.find(least)
    if start < 0:
        return
    text = data.translate(None, ignored)
    while start >= 0:
        end = classes.find(b" ", start)
        end = len(classes) if end < 0 else end
        yield text[start:end]
        start = classes.find(least, end)


def _codes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every few digits beside a name that a code may have: the name and the digits."""
    small = data.lower()
    for anchor in _CODE_ANCHORS:
        place = small.find(anchor)
        while place >= 0:
            around = small[max(0, place - _BEFORE_ANCHOR) : place + _AFTER_ANCHOR]
            if match := _NAMED_CODE.search(around):
                yield match[1], match[2]
            elif match := _BARE_CODE.search(around):
                yield b"code", match[1]
            place = small.find(anchor, place + 1)


def _base64_cores(plain: bytes) -> Iterator[bytes]:
    """The characters that `plain` alone decides, for each of the three places where it may begin."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + plain + bytes(3))
        first, last = -(-8 * before // 6), 8 * (before + len(plain)) // 6
        yield text[first:last]


def _any_of(forms: Iterable[bytes]) -> re.Pattern[bytes]:
    return re.compile(b"|".join(map(re.escape, forms)) or rb"(?!)")


def _default_folders() -> list[Path]:
    """The sandbox's data, and what the last test run left."""
    last = Path(tempfile.gettempdir()) / f"pytest-of-{getpass.getuser()}" / "pytest-current"
    return [folder for folder in (ROOT / "nonstopay-data", last) if folder.exists()]


def main(arguments: list[str]) -> int:
    folders = [Path(one) for one in arguments] or _default_folders()
    leaks = Scanner(known_numbers(), known_codes()).tree(*(one.resolve() for one in folders))
    for leak in leaks:
        print(f"{leak.where}: {leak.what} ({leak.form})")
    print(f"{len(leaks)} leaks in {', '.join(map(str, folders)) or 'nothing'}", file=sys.stderr)
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
