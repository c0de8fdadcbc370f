"""Where UPI connectors are put through the suite: a laboratory for each.

Every connector needs an entry in `LABORATORIES`; the suite says so if it is missing. The sandbox's own
provider has a laboratory on the database, apart from these.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from nonstopay.connectors import base
from nonstopay.connectors import upi as upi_connectors
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.upi import sandbox
from tests.connectors.cashfree_laboratory import cashfree_laboratory
from tests.connectors.laboratory import Laboratory
from tests.connectors.phonepe_laboratory import phonepe_laboratory
from tests.connectors.razorpay_laboratory import razorpay_laboratory

OpenLaboratory = Callable[[ProviderHttp], AbstractAsyncContextManager[Laboratory]]

LABORATORIES: Mapping[str, OpenLaboratory] = {
    "cashfree": cashfree_laboratory,
    "phonepe": phonepe_laboratory,
    "razorpay": razorpay_laboratory,
}
SANDBOX = sandbox.NAME
CONNECTORS = sorted(base.find(upi_connectors))
