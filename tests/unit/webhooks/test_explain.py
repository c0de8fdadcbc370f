"""Every failure has words that a merchant's developer can act on."""

import pytest

from nonstopay import clock
from nonstopay.business.webhooks.delivery import Attempt
from nonstopay.business.webhooks.explain import NOT_BUILT, SWITCHED_OFF, explain
from nonstopay.connectors.public_http import Problem


def attempt(status: int | None, problem: str | None = None, detail: str | None = None) -> Attempt:
    return Attempt(1, clock.now(), 3, status, problem, detail, None)


@pytest.mark.parametrize("problem", [*Problem, SWITCHED_OFF, NOT_BUILT])
def test_every_problem_is_explained_in_its_own_words(problem: str) -> None:
    said = explain(attempt(None, problem))

    assert len(said) > 40
    assert said != explain(attempt(None, "unheard of"))


def test_the_networks_own_words_are_added() -> None:
    assert explain(attempt(None, "tls", "certificate has expired")).endswith(
        "(certificate has expired)"
    )


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (204, "Received"),
        (302, "Redirects are not followed"),
        (404, "404 Not Found"),
        (410, "switched off"),
        (418, "only 2xx"),
        (429, "we wait"),
        (503, "while it worked"),
        (599, "599"),
        (799, "799"),
    ],
)
def test_statuses_come_with_advice(status: int, word: str) -> None:
    assert word in explain(attempt(status))
