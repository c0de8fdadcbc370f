"""Where UPI connectors are put through the suite: a laboratory for each.

Every connector needs an entry in `LABORATORIES`; the suite says so if it is missing.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from nonstopay.connectors import base
from nonstopay.connectors import upi as upi_connectors
from nonstopay.connectors.http import ProviderHttp
from nonstopay.store.db import Database
from tests.connectors.cashfree_laboratory import cashfree_laboratory
from tests.connectors.laboratory import Laboratory
from tests.connectors.phonepe_laboratory import phonepe_laboratory
from tests.connectors.razorpay_laboratory import razorpay_laboratory
from tests.connectors.sandbox_laboratory import sandbox_laboratory

LABORATORIES: Mapping[
    str, Callable[[Database, ProviderHttp], AbstractAsyncContextManager[Laboratory]]
] = {
    "cashfree": cashfree_laboratory,
    "phonepe": phonepe_laboratory,
    "razorpay": razorpay_laboratory,
    "upi_sandbox": sandbox_laboratory,
}
CONNECTORS = sorted(base.find(upi_connectors))
