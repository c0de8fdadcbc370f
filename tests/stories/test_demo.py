"""`nonstopay demo`, run for real: a stranger's first half minute with the program."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stories.gateway import call, free_port, nonstopay

FOLDER = "nonstopay-demo"
SERVING = "Ctrl-C ends it all"


def demo(place: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """The demo, run to its end in `place`; its words, none of them coloured."""
    return subprocess.run(
        [*nonstopay("demo"), *words], cwd=place, capture_output=True, text=True, check=False
    )


@contextmanager
def serving_demo(place: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    """A demo that has told its story and goes on serving; its output has been read until then."""
    process = subprocess.Popen(
        [*nonstopay("demo"), "--port", str(port)], cwd=place, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if SERVING in line:
                break
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_demo_takes_a_payment_shows_it_and_leaves_nothing_running(tmp_path: Path) -> None:
    done = demo(tmp_path, "--once", "--port", str(free_port()))

    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout
    assert re.search(r"invoice +\d+: 15\.04 USD, invoice:paid", told)
    assert re.search(r"transfer +0x[0-9a-f]{64}", told)
    for status in ("created", "opened", "awaiting_approval", "paid"):
        assert re.search(rf"evt_\d+ +invoice:{status} +verified", told), told
    assert re.search(r"1 +provider:upi_sandbox +exchange +[\d.]+ INR +capture", told)
    assert re.search(r"2 +exchange +merchant +15\.04 USD +capture", told)
    assert re.search(r"3 +merchant +platform:fees +0\.68 USD +capture", told), "2.5 % and 0.30"
    assert re.search(r"liquidity:polygon +-14\.360000 USDC", told)
    assert re.search(r"merchant:settling +0\.000000 USDC", told), (
        "what was owed is with the merchant"
    )
    assert "all hold" in told
    assert "✗" not in told
    assert "\x1b" not in told, "colours are for terminals"
    assert not (tmp_path / FOLDER / "postgres" / "postmaster.pid").exists()


def test_without_a_chain_the_demo_still_ends_well_and_says_so(tmp_path: Path) -> None:
    words = ("--once", "--port", str(free_port()))
    done = subprocess.run(
        [*nonstopay("demo"), *words],
        cwd=tmp_path,
        env=os.environ | {"NONSTOPAY_SANDBOX_CHAIN": "false"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "none: no chain runs here" in done.stdout
    assert re.search(r"merchant +14\.36 USD", done.stdout)


def test_a_second_demo_begins_anew(tmp_path: Path) -> None:
    for _ in range(2):
        done = demo(tmp_path, "--once", "--port", str(free_port()))

        assert done.returncode == 0, done.stdout + done.stderr
        assert "merchant 1;" in done.stdout


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / FOLDER / "precious.txt"
    precious.parent.mkdir()
    precious.write_text("mine")

    done = demo(tmp_path, "--once")

    assert done.returncode == 2
    assert "was not made by a demo" in done.stderr
    assert precious.read_text() == "mine"


def test_a_port_that_was_asked_for_and_is_taken_is_not_changed_for_another(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = demo(tmp_path, "--once", "--port", str(port))

    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr


def test_a_gateway_that_cannot_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    done = demo(
        tmp_path,
        *("--once", "--port", str(free_port())),
        *("--database", "postgresql://nobody@127.0.0.1:1/nothing"),
    )

    assert done.returncode == 2
    assert "the gateway ended" in done.stderr
    assert "the database is not available" in done.stderr or "cannot reach" in done.stderr
    assert "✗" in done.stdout


def test_the_demo_pretends_and_so_refuses_to_go_live(tmp_path: Path) -> None:
    key = "d3bNq8Zr1TfYw5Lk7Vx2Jh9Gc4Ms6Pa0Ue"
    done = subprocess.run(
        [*nonstopay("demo"), "--once", "--live"],
        cwd=tmp_path,
        env=os.environ
        | {"NONSTOPAY_SECRET_KEY": key, "NONSTOPAY_BASE_URL": "https://pay.example.com"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "sandbox only" in done.stderr


def test_it_serves_tells_news_and_ends_cleanly_at_ctrl_c(tmp_path: Path) -> None:
    port = free_port()
    with serving_demo(tmp_path, port) as process:
        assert process.stdout is not None
        assert "invoice:created" in process.stdout.readline(), "the unpaid invoice is news"
        assert call("GET", f"http://127.0.0.1:{port}/health/ready").status == 200

        again = demo(tmp_path, "--once", "--port", str(free_port()))
        assert again.returncode == 2
        assert "a demo is running" in again.stderr

        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()

        assert process.wait(30) == 0
        assert "everything is stopped" in rest
        assert not _answers(port)


def _answers(port: int) -> bool:
    try:
        call("GET", f"http://127.0.0.1:{port}/health/live")
    except OSError:
        return False
    return True


def test_the_demo_takes_another_port_when_8080_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        except OSError:
            pass  # somebody else has it, which is the same to the demo
        began = time.monotonic()
        done = demo(tmp_path, "--once")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "port 8080 is taken" in done.stdout
    assert time.monotonic() - began < 60
