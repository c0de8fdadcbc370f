"""The scan finds a card number however it was written down, and cries no wolf."""

import base64
import random
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote_plus

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.card_number import is_luhn_valid
from nonstopay.store.embedded import EmbeddedPostgres
from tools.scan import CHUNK_BYTES, MANY_FILES, ROOT, Scanner


def with_check_digit(body: str) -> str:
    return next(body + digit for digit in "0123456789" if is_luhn_valid(body + digit))


# Made here, so that the scan of this very test run does not know what is planted.
NUMBER = with_check_digit("400077123456789")
AMEX = with_check_digit("34007712345678")
CODE = "7" + "19"
SCANNER = Scanner([NUMBER, AMEX], [CODE])


def forms(number: str) -> dict[str, bytes]:
    """A number as careless programs write it down."""
    plain, groups = number.encode(), [number[at : at + 4] for at in range(0, len(number), 4)]
    return {
        "plain": plain,
        "spaced": " ".join(groups).encode(),
        "dashed": "-".join(groups).encode(),
        "one a line": "\n".join(number).encode(),
        "percent-encoded": b"n=" + "%20".join(groups).encode(),
        "form": quote_plus(" ".join(groups)).encode(),
        "backwards": plain[::-1],
        "hex": plain.hex().encode(),
        "hex dump": plain.hex(" ").upper().encode(),
        "UTF-16, little end": number.encode("utf-16-le"),
        "UTF-16, big end": number.encode("utf-16-be"),
        **{f"base64 at {at}": base64.b64encode(b"x" * at + plain + b"yz") for at in range(6)},
        "url-safe base64": base64.urlsafe_b64encode(b'{"number":"' + plain + b'"}'),
        "base64 in lines": base64.encodebytes(b"z" * 50 + plain + b"yz"),
    }


@pytest.mark.parametrize("number", [NUMBER, AMEX], ids=["16 digits", "15 digits"])
@pytest.mark.parametrize("form", forms(NUMBER))
def test_a_number_is_found_in_every_form(form: str, number: str) -> None:
    written = forms(number)[form]

    for before, after in ((b"", b""), (b'{"x": "', b'"}'), (b"\xff\x00", b"\x00\xff")):
        (leak,) = SCANNER.data(before + written + after, "here")

        assert leak.what == f"{number[:6]}…{number[-4:]}"
        assert number not in str(leak)


@given(st.binary(max_size=300), st.sampled_from(sorted(forms(NUMBER))), st.binary(max_size=300))
def test_no_bytes_around_it_hide_a_number(before: bytes, form: str, after: bytes) -> None:
    around = b"\x01%b\x01" if form != "plain" else b"%b"

    assert list(SCANNER.data(before + around % forms(NUMBER)[form] + after, "here"))


@pytest.mark.parametrize(
    "text",
    [
        "cvc={}",
        '{"card_ccv": "{}"}',
        "{'cvv': '{}'}",
        "card_cvc%3D{}",
        "CVV2: {}",
        '<input name="card_ccv" value="{}">',
        "cvc_code={}&x=1",
        '"security_code":"{}"',
        '"code":"{}"',
    ],
)
def test_a_code_is_found_beside_its_name(text: str) -> None:
    assert list(SCANNER.data(text.replace("{}", CODE).encode(), "here"))


@pytest.mark.parametrize(
    "text",
    [
        'maxlength="4" autocomplete="cc-csc" name="card_ccv" inputmode="numeric"',
        '"code":"50001"',
        '{"code": 404}',
        "cvc is never kept",
        "cvc=…",
        "cvcs 719000000",
        NUMBER[:-1],
        NUMBER[:6] + "…" + NUMBER[-4:],
        "2026-03-01 12:00:00.123456 4000 7700",
    ],
)
def test_what_is_no_secret_is_not_reported(text: str) -> None:
    assert list(SCANNER.data(text.encode(), "here")) == []


def test_a_number_across_two_chunks_is_found_once(tmp_path: Path) -> None:
    for place in range(CHUNK_BYTES - 20, CHUNK_BYTES + 4, 5):
        file = tmp_path / f"at-{place}"
        file.write_bytes(bytes(place) + NUMBER.encode() + bytes(1000))

        assert len(SCANNER.file(file)) == 1


def test_among_many_files_each_leak_is_found(tmp_path: Path) -> None:
    for number in range(2 * MANY_FILES):
        folder = tmp_path / str(number % 7)
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.log").write_text(NUMBER if number % 100 == 99 else "nothing here")

    leaks = SCANNER.tree(tmp_path)

    assert sorted(Path(one.where).stem for one in leaks) == ["199", "299", "399", "99"]


def test_a_chain_and_a_template_are_left_out(tmp_path: Path) -> None:
    for folder in ("chain", "postgres/base/1", "postgres/base/16384"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_text(NUMBER)

    assert [one.where for one in SCANNER.tree(tmp_path)] == [
        str(tmp_path / "postgres/base/16384/file")
    ]


def test_chance_is_no_leak() -> None:
    noise = random.Random(1).randbytes(CHUNK_BYTES)
    digits = "".join(random.Random(2).choices("0123456789", k=200_000)).encode()

    assert list(SCANNER.data(noise + base64.b64encode(noise) + digits, "here")) == []


async def test_a_number_in_a_table_is_found_in_the_files_of_postgresql(tmp_path: Path) -> None:
    """In the table's own file, in the write-ahead log, and once deleted it is there all the same."""
    with EmbeddedPostgres(tmp_path) as postgres:
        conn = await asyncpg.connect(postgres.url)
        await conn.execute("CREATE TABLE careless (number text)")
        await conn.execute("INSERT INTO careless VALUES ($1)", NUMBER)
        await conn.execute("DELETE FROM careless")
        await conn.close()

    places = {Path(leak.where).parent.name for leak in SCANNER.tree(tmp_path)}
    assert "pg_wal" in places
    assert len(places) == 2


def test_the_tool_says_where_and_leaves_with_1(tmp_path: Path) -> None:
    known = "4111 1111" + " 1111 1111"
    file = tmp_path / "export.csv"
    command = [sys.executable, str(ROOT / "tools" / "scan.py"), str(tmp_path)]

    file.write_text("411111…1111;15.00 EUR\n")
    clean = subprocess.run(command, capture_output=True, text=True, check=False)
    file.write_text(f"{known};15.00 EUR\n")
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    file.unlink()

    assert (clean.returncode, clean.stdout) == (0, "")
    assert found.returncode == 1
    assert found.stdout == f"{file}: 411111…1111 (plain, spaced or UTF-16)\n"
