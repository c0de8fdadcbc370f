"""Compile the sandbox's contracts: `stablecoin.vy` → `stablecoin.json`, its ABI and its bytecode.

A test compiles again and compares, so that what is deployed is what is written.
"""

import json
from pathlib import Path

import vyper

FOLDER = Path(__file__).resolve().parents[1] / "src" / "nonstopay" / "sandbox" / "chain"


def compiled(source: Path) -> str:
    """The text of the file that belongs beside this source."""
    made = vyper.compile_code(
        source.read_text(encoding="utf-8"), output_formats=["abi", "bytecode"]
    )
    facts = {"compiler": f"vyper {vyper.__version__}", "abi": made["abi"]}
    return json.dumps(facts | {"bytecode": made["bytecode"]}, indent=1) + "\n"


def main() -> None:
    for source in sorted(FOLDER.glob("*.vy")):
        source.with_suffix(".json").write_text(compiled(source), encoding="utf-8")
        print(f"contracts: {source.stem}.json")


if __name__ == "__main__":
    main()
