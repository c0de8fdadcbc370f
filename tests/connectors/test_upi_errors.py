"""The taxonomy of UPI errors: whole, told to everyone in his words, and documented as it is."""

from pathlib import Path

import pytest

from nonstopay.cli import upi as command
from nonstopay.connectors.outcome import ADVICE, Reason, failures
from nonstopay.connectors.upi.link import examine, refusals
from nonstopay.money import Money, fiat
from nonstopay.web.checkout import view
from tests.connectors.upi_laboratory import LABORATORIES

DOCUMENT = Path(__file__).parents[2] / "docs" / "upi-errors.md"
RUPEES = Money(40971, fiat("INR"))
LOOSE = "upi://pay?pa=shop.rzp@hdfcbank&pn=Shop&tr=RZP1&am=409.71&cu=INR"


def test_every_reason_has_words_for_the_merchant_and_for_the_payer() -> None:
    given_by_upi = {failure.reason for _, codes in command.tables() for failure in codes.values()}

    assert set(ADVICE) == set(Reason)
    assert given_by_upi <= set(view._REASONS), "what a UPI provider can say, the page can say"


def test_every_provider_has_its_codes_in_the_table() -> None:
    assert {owner for owner, _ in command.tables()} == {"NPCI", *LABORATORIES}


def test_the_document_is_the_code() -> None:
    """Write it anew with: python -c 'from nonstopay.cli.upi import markdown; print(markdown())'."""
    assert DOCUMENT.read_text().strip() == command.markdown().strip()


def test_a_table_with_a_word_of_no_taxonomy_is_refused() -> None:
    with pytest.raises(ValueError, match="bad_luck"):
        failures("bad_luck payer debit: U30")


@pytest.mark.parametrize(("code", "reason"), [("u30", "declined_by_bank"), ("ZM", "wrong_pin")])
def test_the_command_explains_a_code(
    capsys: pytest.CaptureFixture[str], code: str, reason: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.codes(code)

    assert ended.value.code == 0
    assert reason in capsys.readouterr().out


def test_the_command_says_when_nobody_documents_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.codes("Q99")

    assert ended.value.code == 1
    assert "in doubt" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "parameter", "refused_by", "unsafe"),
    [
        ("pa=shop", "pa", "every app", True),
        ("mc=0000", "mc", "Google Pay, PhonePe", False),
        ("am=409.7", "am", "", False),
        ("am=409.712", "am", "every app", True),
        ("cu=USD", "cu", "every app", True),
        ("mam=1.00", "mam", "", True),
    ],
)
def test_the_checker_says_which_parameter_who_refuses_and_whether_it_is_safe(
    change: str, parameter: str, refused_by: str, unsafe: bool
) -> None:
    name = change.partition("=")[0]
    kept = [part for part in LOOSE.partition("?")[2].split("&") if not part.startswith(f"{name}=")]

    found = {one.parameter: one for one in examine("upi://pay?" + "&".join([*kept, change]))}

    assert (found[parameter].refused_by, found[parameter].unsafe) == (refused_by, unsafe)
    assert found[parameter].why


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        (LOOSE, None),
        (LOOSE.replace("409.71", "409.72"), "am asks for 409.72, the order is for 409.71"),
        (LOOSE.replace("&tr=RZP1", ""), "tr is missing: it must be 1 to 35 letters and digits"),
        (LOOSE.replace("upi://", "https://"), "it does not begin with upi://pay?"),
        (LOOSE + "&am=1.00", "am is given twice"),
    ],
)
def test_a_providers_link_is_shown_only_if_it_can_be_paid_rightly(
    uri: str, problem: str | None
) -> None:
    assert refusals(uri, RUPEES) == ([problem] if problem else [])


@pytest.mark.parametrize(("uri", "status"), [(LOOSE + "&mc=5399", 0), (LOOSE + "&mam=1.00", 1)])
def test_the_command_checks_a_link(
    capsys: pytest.CaptureFixture[str], uri: str, status: int
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.lint(uri)

    assert ended.value.code == status
    assert "tid is missing" in capsys.readouterr().out
