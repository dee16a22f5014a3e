"""Where each question goes, under which version of its document, and in which scale it is answered."""

from collections.abc import Mapping
from enum import Enum, StrEnum


class Path(StrEnum):
    """REST paths with the versions of the current documents. All are POSTs of JSON."""

    LOGIN = "/rest/login/v7/authdirectapi"
    ACCESS_TOKEN = "/rest/login/v1/getaccesstoken"  # noqa: S105  a path
    VERIFY_OTP = "/rest/login/v5/verifyotp"
    LOGOUT = "/rest/login/v5/logout"
    PLACE = "/rest/trans/v2/placeorder"
    MODIFY = "/rest/trans/v5/modifyorder"
    CANCEL = "/rest/trans/v2/cancelorder"
    ORDER_BOOK = "/rest/book/v5/getorderbook"
    ORDER_DETAIL = "/rest/book/v5/getorderdetailbyuniqueorderid"
    TRADE_BOOK = "/rest/book/v4/gettradebook"
    POSITIONS = "/rest/book/v4/getposition"
    HOLDINGS = "/rest/report/v3/getdpholding"
    MARGIN = "/rest/report/v3/getreportmarginsummary"
    LAST_PRICE = "/rest/report/v3/getltpdata"


NOT_FOUND: Mapping[Path, str] = {
    Path.ORDER_BOOK: "MO1013",
    Path.ORDER_DETAIL: "MO1013",
    Path.TRADE_BOOK: "MO1014",
    Path.HOLDINGS: "MO1015",
    Path.POSITIONS: "MO1016",
}
"""The failure with which an endpoint says that there are no rows."""


class Scale(Enum):
    """What a price in an answer counts."""

    RUPEES = "rupees, with a point"
    BY_PRECISION = "integers of ten to the power of the row's own precision; without one, paise"


TRADE_ROWS = Scale.BY_PRECISION
TRADE_FRAMES = Scale.RUPEES
"""On the socket trades are in rupees, although their rows carry a precision."""
