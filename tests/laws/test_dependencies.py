"""What we build on: the lock files say exactly which files, and their licences let us be used."""

import re
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.laws.sources import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Packages whose metadata name no licence, read in their own licence file.
READ_BY_HAND = {"currencyconverter": "Apache-2.0"}
# LGPL is fine for what is imported and can be exchanged, not for what is copied in. None so far.
LGPL_IMPORTED_ONLY: frozenset[str] = frozenset()
COPYLEFT = re.compile(r"\bA?GPL|Affero|(?<!Lesser )General Public License", re.IGNORECASE)
LESSER = re.compile(r"\bLGPL|Lesser General Public", re.IGNORECASE)


def _locked(lock: str) -> dict[str, Requirement]:
    """The packages of a lock file by name, without their hashes."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line.removesuffix(" \\")) for line in lines if line[:1].isalnum()]
    return {canonicalize_name(pin.name): pin for pin in pins}


def _licence(name: str) -> str:
    """What a package says of its licence, in the newest of the three ways there are to say it."""
    about = metadata.metadata(name)
    classifiers = [line for line in about.get_all("Classifier") or [] if line.startswith("License")]
    expression, old_field = (about.get_all(key) for key in ("License-Expression", "License"))
    said = expression or classifiers or old_field or [READ_BY_HAND.get(name, "")]
    return "; ".join(said)


def _runtime_here() -> list[str]:
    """The locked runtime packages that this platform uses."""
    pins = _locked("requirements.lock").items()
    return sorted(name for name, pin in pins if pin.marker is None or pin.marker.evaluate())


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    """Names, versions and hashes only: where the files come from is the installer's own affair."""
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_version_and_hashes(lock: str) -> None:
    """A file with another hash is another file; without hashes a lock locks nothing."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = re.split(r"(?m)^(?=[A-Za-z0-9])", text)[1:]
    wrong = [block for block in blocks if "==" not in block or "--hash=sha256:" not in block]

    assert blocks
    assert wrong == []


def test_tests_run_on_what_is_shipped() -> None:
    """The development lock is the runtime lock and more: the suite proves the shipped versions."""
    runtime, development = (_locked(lock) for lock in LOCKS)
    different = [name for name, pin in runtime.items() if not _same(pin, development.get(name))]

    assert different == []


@pytest.mark.parametrize("wanted", PROJECT["dependencies"])
def test_the_lock_fits_the_project(wanted: str) -> None:
    """Whoever edits pyproject.toml runs `make lock`."""
    requirement = Requirement(wanted)
    pin = _locked("requirements.lock")[canonicalize_name(requirement.name)]
    (version,) = pin.specifier

    assert requirement.specifier.contains(version.version)


@pytest.mark.parametrize("name", _runtime_here())
def test_licences_let_people_use_us(name: str) -> None:
    """Every runtime package says its licence, and none asks its users to publish their own code.

    AGPL and GPL are refused; LGPL only where we import it and ship it unchanged.
    """
    licence = _licence(name)

    assert licence, f"{name} names no licence: read its licence file and note it in READ_BY_HAND"
    assert not COPYLEFT.search(licence), f"{name}: {licence}"
    assert not LESSER.search(licence) or name in LGPL_IMPORTED_ONLY, f"{name}: {licence}"


def _same(one: Requirement, other: Requirement | None) -> bool:
    return other is not None and one.specifier == other.specifier
