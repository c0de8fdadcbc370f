"""Reading old blocks once more, where the proof found that something is missing."""

from collections.abc import Iterable

from nonstopay.business.deposits import records
from nonstopay.business.deposits.chains import Chains, family_of
from nonstopay.business.deposits.watch import records as watching
from nonstopay.business.deposits.watch.write import ask_for_jobs, draft, insert_new
from nonstopay.connectors.crypto.reader import Incoming
from nonstopay.errors import InvalidInput, Unavailable
from nonstopay.store.db import Database

AT_ONCE = 20


async def read_again(db: Database, chains: Chains, network: str, first: int, last: int) -> int:
    """Write the deposits of these blocks that are not there yet; how many were not.

    They are seen, and the watcher confirms them as any other.

    Raises:
        InvalidInput: blocks that were not read a first time.
        ProviderUnavailable: no node answers.
    """
    chains.network(network)
    reader = chains.readers.get(network)
    if reader is None or not chains.may_read(network):
        raise Unavailable(f"{network} cannot be read: it has no node, or none that answers")
    async with db.reading() as conn:
        cursor = await watching.cursor(conn, network)
    if cursor is None or not 0 <= first <= last <= cursor.number:
        raise InvalidInput(
            "last", f"{network} was read up to {cursor.number if cursor else 'none'}"
        )

    async def watched(addresses: Iterable[str]) -> set[str]:
        return await records.known(db, family_of(reader.network), list(addresses))

    incoming: list[Incoming] = []
    for start in range(first, last + 1, AT_ONCE):
        blocks = await reader.heads(start, min(start + AT_ONCE - 1, last))
        incoming += await reader.incoming(blocks, watched)
    drafts = await draft(db, chains, reader, incoming)
    async with db.transaction() as tx:
        await watching.lock(tx, network)
        standing = await watching.from_block(tx, network, first)
        added = await insert_new(tx, family_of(reader.network), standing, drafts)
        await ask_for_jobs(tx, added)
    return len(added)
