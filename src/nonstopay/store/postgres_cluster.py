"""The embedded PostgreSQL on disk: its folder, its settings, who may log in, who is running in it.

    <data>/postgres         the cluster, 0700, of the account that PostgreSQL runs as
    <data>/postgres.log     what the server says; no statement, no parameter, no row
    <data>/pg_hba.conf      who may log in: the gateway's own user and root, over the unix socket
    <data>/pg_ident.conf

Two roles: `postgres`, the superuser, makes the cluster and is not used again; `nonstopay` owns the
database and is what the gateway logs in as. It is no superuser, so a REVOKE binds it too.
"""

import hashlib
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nonstopay.errors import DatabaseUnavailable, Misconfigured
from nonstopay.store import postgres_child

_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_MAX = 103  # bytes; Linux takes 107, macOS 103
_BUILTIN_LOCALE_SINCE = 17

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    # An answer given is an answer kept, through a loss of power too.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # What people typed, card numbers among it, has no place in a log.
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}

# The gateway hears its own errors and logs them itself, without values.
_BOOTSTRAP = """\
CREATE ROLE nonstopay LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE nonstopay SET log_min_messages = log;
CREATE DATABASE nonstopay OWNER nonstopay;
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom PostgreSQL runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A living server of this cluster."""

    pid: int
    socket_folder: str
    ready: bool


class Cluster:
    """One PostgreSQL cluster in `<data>/postgres`."""

    def __init__(self, data: Path) -> None:
        self.data = data.resolve()
        self.folder = self.data / "postgres"
        self.log = self.data / "postgres.log"

    def exists(self) -> bool:
        return (self.folder / "PG_VERSION").is_file()

    def account(self) -> Account:
        """Ourselves; as root the cluster's owner, at first the user `nonstopay` or `nobody`."""
        if os.geteuid() != 0:
            return Account(os.geteuid(), os.getegid())
        if self.folder.exists() and (owner := self.folder.stat()).st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
        for name in ("nonstopay", "nobody"):
            try:
                user = pwd.getpwnam(name)
            except KeyError:
                continue
            return Account(user.pw_uid, user.pw_gid)
        raise Misconfigured("PostgreSQL may not run as root: make a user `nonstopay` for it")

    def create(self, binaries: Path) -> None:
        """Make the cluster with its role and database.

        It is made beside its place and moved there when it is complete and on disk, so whatever
        interrupts us leaves either a whole cluster or none.
        """
        unfinished = self.data / "postgres.unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        account = self.account()
        unfinished.mkdir(mode=0o700)
        os.chown(unfinished, account.uid, account.gid)
        initdb, place = binaries / "initdb", ["-D", str(unfinished)]
        self._run(unfinished, initdb, *place, *_initdb_options(binaries))
        self._run(
            unfinished,
            binaries / "postgres",
            *("--single", "-F", *place, "-c", "log_min_messages=error", "postgres"),
            script=_BOOTSTRAP,
        )
        self._run(unfinished, initdb, *place, "--sync-only")
        unfinished.rename(self.folder)
        _flush_folder(self.data)

    def server_command(self, binaries: Path) -> list[str]:
        """The command that starts the server, and ends it when we end."""
        settings = _SETTINGS | {
            "unix_socket_directories": str(self.socket_folder()),
            "hba_file": str(self.data / "pg_hba.conf"),
            "ident_file": str(self.data / "pg_ident.conf"),
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self._command(self.folder, binaries / "postgres", "-D", str(self.folder), *options)

    def write_access_rules(self) -> None:
        """Only we and root may log in. They lie outside the cluster, out of its account's hands."""
        names = {pwd.getpwuid(uid).pw_name for uid in (0, os.geteuid())}
        roles = ("postgres", "nonstopay")
        lines = [f'gateway "{name}" {role}\n' for name in sorted(names) for role in roles]
        for name, text in (
            ("pg_hba.conf", "local all all peer map=gateway\n"),
            ("pg_ident.conf", "".join(lines)),
        ):
            (self.data / name).write_text(text)
            (self.data / name).chmod(0o644)

    def socket_folder(self) -> Path:
        """The cluster itself, or where its path is too long for a socket a short private folder."""
        if len(os.fsencode(self.folder / _SOCKET)) <= _SOCKET_PATH_MAX:
            return self.folder
        account = self.account()
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        short = Path(tempfile.gettempdir()).resolve() / f"nonstopay-{name}"
        try:
            short.mkdir(mode=0o700)
            os.chown(short, account.uid, account.gid, follow_symlinks=False)
        except FileExistsError:
            found = short.lstat()
            private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
            if not private or found.st_uid != account.uid:
                raise Misconfigured(f"{short} is in the way: it is not ours alone") from None
        return short

    def postmaster(self) -> Postmaster | None:
        """The living server of this cluster; a stale pid file, whoever has its pid now, is none."""
        lines = _read(self.folder / "postmaster.pid").splitlines()
        if len(lines) < 5 or not lines[0].isdigit() or not self._is_server(int(lines[0])):
            return None
        ready = len(lines) > 7 and lines[7].strip() == "ready"
        return Postmaster(int(lines[0]), lines[4], ready)

    def disown_stale_pid(self) -> None:
        """Let PostgreSQL start over a pid file whose pid belongs to somebody else by now.

        PostgreSQL takes any living process of that pid for a server, except its own parent. So the
        file is given our pid; taking it away would also take away the shared memory key in it, by
        which PostgreSQL notices that children of a killed server are still at work.
        """
        for file in (self.folder / "postmaster.pid", self.socket_folder() / f"{_SOCKET}.lock"):
            lines = _read(file).splitlines(keepends=True)
            if lines and lines[0].strip().isdigit() and not self._is_server(int(lines[0])):
                _replace(file, "".join([f"{os.getpid()}\n", *lines[1:]]), self.account())

    def _is_server(self, pid: int) -> bool:
        words = _command_line(pid)
        return bool(words) and Path(words[0]).name == "postgres" and str(self.folder) in words

    def _command(self, folder: Path, program: Path, *arguments: str) -> list[str]:
        account = self.account()
        who = [str(number) for number in (os.getpid(), account.uid, account.gid)]
        shim = [sys.executable, "-I", "-S", postgres_child.__file__]
        return [*shim, *who, str(folder), str(program), *arguments]

    def _run(self, folder: Path, program: Path, *arguments: str, script: str = "") -> None:
        run = subprocess.run(
            self._command(folder, program, *arguments),
            input=script,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment(),
            cwd="/",
            start_new_session=True,
        )
        # A single-user server goes on after an error, and says so only in words.
        if run.returncode != 0 or "ERROR:" in run.stderr:
            raise DatabaseUnavailable(f"{program.name} failed: {run.stderr.strip()[-600:]}")


def environment() -> dict[str, str]:
    """What PostgreSQL's programs need of ours; our secrets and the user's PG… settings stay out."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _initdb_options(binaries: Path) -> list[str]:
    options = ["--username=postgres", "--encoding=UTF8", "--data-checksums", "--no-sync"]
    said = subprocess.run([binaries / "postgres", "-V"], capture_output=True, text=True, check=True)
    version = re.search(r"\d+", said.stdout)
    if version and int(version.group()) >= _BUILTIN_LOCALE_SINCE:
        return [*options, "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [*options, "--locale=C.UTF-8"]


def _command_line(pid: int) -> list[str]:
    if Path("/proc/self/cmdline").exists():
        return _read(Path(f"/proc/{pid}/cmdline")).split("\0")
    told = subprocess.run(["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True)
    return told.stdout.decode(errors="replace").split()


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _replace(file: Path, text: str, owner: Account) -> None:
    """Write anew beside it and move: the folder is another user's, who could have laid a link."""
    fresh = file.with_name(file.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.fchown(descriptor, owner.uid, owner.gid)
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
    fresh.replace(file)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
