"""Asking one node by JSON-RPC 2.0 over HTTP: the three ways it can fail are three things to do.

    NodeRefuses   it understood and said no: the question is wrong, or beyond its limits
    NodeSilent    nobody knows: ask another one, or later
    NodeLies      what it says cannot be: believe nothing else of it in this round

A node's address may hold a key of ours, so no error and no log repeats it: a node has a number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from nonstopay.connectors.http import NoAnswer, ProviderHttp
from nonstopay.errors import ProviderUnavailable

_NOT_NOW = (401, 403, 429)
"""What vendors say to a key they do not know, or one that asks too much."""
BATCH_MAX = 100
"""Calls in one request; public nodes take 100 and more."""


class NodeTrouble(ProviderUnavailable):
    """A node did not do what it was asked. `node`: which one, `polygon #2`."""

    code = "node_trouble"

    def __init__(self, node: str, message: str) -> None:
        super().__init__(f"{node}: {message}")
        self.node = node


class NodeSilent(NodeTrouble):
    """No answer, or none that a node gives: a time-out, a gateway's error page, too many requests."""

    code = "node_silent"


class NodeLies(NodeTrouble):
    """An answer of another shape, or one that contradicts itself, the question or another node."""

    code = "node_lies"


class NodeRefuses(NodeTrouble):
    """The node's own no, with the code and the words it gave."""

    code = "node_refuses"

    def __init__(self, node: str, number: int, words: str) -> None:
        super().__init__(node, f"refused ({number}): {words[:200]}")
        self.number = number
        self.words = words


@dataclass(frozen=True, slots=True)
class Call:
    """One question: `Call("eth_getBalance", (address, "latest"))`."""

    method: str
    parameters: tuple[Any, ...] = ()


class JsonRpc:
    """One node.

    Args:
        name: how errors and logs call it; not its address.
        headers: sent with each request, for vendors who want their key there.
    """

    def __init__(
        self,
        http: ProviderHttp,
        url: str,
        name: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._http = http
        self._url = url
        self.name = name
        self._headers = headers
        self._numbers = count(1)

    async def ask(self, method: str, *parameters: Any) -> Any:
        """One call; its result, of whatever shape.

        Raises:
            NodeRefuses, NodeSilent, NodeLies: see there.
        """
        number = next(self._numbers)
        answer = await self._post(_question(number, Call(method, parameters)))
        return self._result(answer, number)

    async def ask_all(self, calls: Sequence[Call]) -> list[Any]:
        """Many calls in as few requests as may be; the results in the order of the calls.

        Raises:
            NodeRefuses: it refused one of them. And as `ask`.
        """
        results: list[Any] = []
        for start in range(0, len(calls), BATCH_MAX):
            results += await self._batch(calls[start : start + BATCH_MAX])
        return results

    async def _batch(self, calls: Sequence[Call]) -> list[Any]:
        """The answers of a batch may come in any order; each is told by its number."""
        asked = {next(self._numbers): call for call in calls}
        answer = await self._post([_question(number, call) for number, call in asked.items()])
        if isinstance(answer, dict) and "error" in answer:
            return [self._result(answer, None)]  # raises: it refuses the batch as such
        if not isinstance(answer, list) or not all(isinstance(one, dict) for one in answer):
            raise NodeLies(self.name, "a batch was answered with something else")
        by_number = {one.get("id"): one for one in answer if isinstance(one.get("id"), int)}
        if set(by_number) != set(asked) or len(answer) != len(asked):
            raise NodeLies(self.name, "a batch was answered with other numbers")
        return [self._result(by_number[number], number) for number in asked]

    async def _post(self, body: object) -> Any:
        answer = await self._http.call("POST", self._url, headers=self._headers, json=body)
        if isinstance(answer, NoAnswer):
            raise NodeSilent(self.name, answer.problem)
        told = answer.json()
        if isinstance(told, dict | list) and answer.status < 500 and answer.status not in _NOT_NOW:
            return told
        raise NodeSilent(self.name, f"status {answer.status}, and no JSON-RPC")

    def _result(self, answer: Any, number: int | None) -> Any:
        if not isinstance(answer, dict):
            raise NodeLies(self.name, "an answer that is no JSON-RPC")
        error = answer.get("error")
        if error is not None:
            raise self._refusal(error)
        if answer.get("id") != number or isinstance(answer.get("id"), bool):
            raise NodeLies(self.name, "an answer to another question")
        if "result" not in answer:
            raise NodeLies(self.name, "an answer with neither result nor error")
        return answer["result"]

    def _refusal(self, error: Any) -> NodeTrouble:
        number = error.get("code") if isinstance(error, dict) else None
        words = error.get("message") if isinstance(error, dict) else None
        if not isinstance(number, int) or not isinstance(words, str):
            return NodeLies(self.name, "an error that is no JSON-RPC error")
        return NodeRefuses(self.name, number, words)


def _question(number: int, call: Call) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": call.method, "params": list(call.parameters)}
