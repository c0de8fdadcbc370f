"""Write a letter in the transaction of what it tells of: both are true, or neither."""

import re
from datetime import datetime

from nonstopay.business.mail import records
from nonstopay.errors import InvalidInput
from nonstopay.store.db import Connection

SUBJECT_MAX = 200
# What ends a line, here or anywhere on the way.
_BREAK = re.compile("[\x00-\x1f\x85\u2028\u2029]")


async def write(
    tx: Connection, merchant_id: int, recipient: str, subject: str, text: str, at: datetime
) -> int:
    """Write a letter about a merchant's affairs, to be sent once the caller commits; its id.

    Raises:
        InvalidInput: a line break or another control character where a header will be made of it,
            or no address at all: whoever could write one could write headers of his own.
    """
    if _BREAK.search(recipient) or "@" not in recipient:
        raise InvalidInput("recipient", "a letter goes to one e-mail address")
    if _BREAK.search(subject) or not 0 < len(subject) <= SUBJECT_MAX:
        raise InvalidInput("subject", f"a subject is one line of 1 to {SUBJECT_MAX} characters")
    return await records.insert(
        tx, merchant_id, recipient, subject, text.replace("\x00", "\ufffd"), at
    )
