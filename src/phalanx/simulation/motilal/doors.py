"""Every path of the REST service: what a call has to carry before its door opens, and which door it is."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import parse_qs, urlsplit

import msgspec

from phalanx.simulation.http_messages import HttpMessage
from phalanx.simulation.motilal import masters
from phalanx.simulation.motilal.amounts import decoded, encoded
from phalanx.simulation.motilal.calls import Call, Envelope, client_of, success
from phalanx.simulation.motilal.config import Client
from phalanx.simulation.motilal.headers import check_headers
from phalanx.simulation.motilal.refusals import Refused
from phalanx.simulation.motilal.reports import Reports
from phalanx.simulation.motilal.scrips import SEGMENTS, ScripTable
from phalanx.simulation.motilal.sessions import Sessions
from phalanx.simulation.motilal.trading import Trading

Door: TypeAlias = Callable[[Call], Envelope]

JSON: Final = "application/json"
ORDERS_PREFIX: Final = "/rest/trans/"


class Answer(NamedTuple):
    """An HTTP answer before it is written."""

    status: int
    body: bytes
    content_type: str = JSON


class Doors:
    """Answers calls, one after the other. Whatever is wrong with a call of a known path is HTTP 200."""

    def __init__(
        self,
        table: ScripTable,
        sessions: Sessions,
        clients: dict[str, Client],
        trading: Trading,
        reports: Reports,
    ) -> None:
        self._table = table
        self._sessions = sessions
        self._clients = clients
        self._about_clients: dict[str, Door] = {
            "/rest/login/v5/getprofile": self._profile,
            "/rest/trans/v2/placeorder": trading.place,
            "/rest/trans/v5/modifyorder": trading.modify,
            "/rest/trans/v6/modifyorder": trading.modify_blindly,
            "/rest/trans/v2/cancelorder": trading.cancel,
            "/rest/trans/v2/positionconversion": trading.convert,
            "/rest/book/v5/getorderbook": reports.orders,
            "/rest/book/v5/getorderdetailbyuniqueorderid": reports.order,
            "/rest/book/v4/gettradebook": reports.trades,
            "/rest/book/v4/gettradedetailbyuniqueorderid": reports.trades_of_order,
            "/rest/book/v4/getposition": reports.positions,
            "/rest/book/v4/getpositiondetail": reports.open_positions,
            "/rest/report/v3/getdpholding": reports.holdings,
            "/rest/report/v3/getreportmarginsummary": reports.margin_summary,
            "/rest/report/v3/getreportmargindetail": reports.margin_detail,
            "/rest/report/v3/getltpdata": reports.last_price,
            "/rest/report/v3/getindexltpdata": reports.index_price,
            "/rest/report/v3/getscripsbyexchangename": reports.scrips,
        }
        self._about_nobody: dict[str, Door] = {
            "/rest/login/v5/logout": self._log_out,
            "/rest/report/v3/getbroadcastmaxlimit": reports.broadcast_limit,
        }
        self._without_access: dict[str, Callable[[HttpMessage, dict[str, Any]], Envelope]] = {
            "/rest/login/v7/authdirectapi": self._log_in,
            "/rest/login/v5/verifyotp": self._verify_otp,
            "/rest/login/v5/resendotp": self._resend_otp,
            "/rest/login/v1/getaccesstoken": self._grant_access,
        }
        self._files: dict[str, Callable[[ScripTable, str], str]] = {
            "/getscripmastercsv": masters.scrips_csv,
            "/getindexdatacsv": masters.indices_csv,
        }
        self._paths = {*self._about_clients, *self._about_nobody, *self._without_access}

    def answer(self, message: HttpMessage, address: str) -> Answer:
        """What a request from an address is answered with."""
        method, target, *_ = message.line.split(" ")
        url = urlsplit(target)
        if url.path in self._files:
            return self._file(method, url.path, url.query)
        if url.path not in self._paths:
            return Answer(HTTPStatus.NOT_FOUND, b"<html>Not Found</html>", "text/html")
        try:
            told = self._called(method, url.path, message, address)
        except Refused as refused:
            told = refused.envelope("ERROR" if url.path.startswith(ORDERS_PREFIX) else "FAILURE")
        return Answer(HTTPStatus.OK, encoded(told))

    def _called(self, method: str, path: str, message: HttpMessage, address: str) -> Envelope:
        if method != "POST":
            raise Refused("MO2001")
        check_headers(message.headers)
        body = body_of(message)
        if body is None:
            raise Refused("MO2002")
        if door := self._without_access.get(path):
            return door(message, body)
        session = self._sessions.find(message.headers)
        login = session.login
        if message.headers["vendorinfo"] not in {login.userid, *login.clients}:
            raise Refused("MO2012")
        call = Call(body=body, headers=message.headers, session=session)
        if about_nobody := self._about_nobody.get(path):
            return about_nobody(call)
        client = client_of(login, body)
        if path.startswith(ORDERS_PREFIX) and login.addresses and address not in login.addresses:
            raise Refused("MO2035")
        return self._about_clients[path](msgspec.structs.replace(call, client=client))

    def _file(self, method: str, path: str, query: str) -> Answer:
        """A master is for everybody."""
        if method != "GET":
            return Answer(HTTPStatus.OK, encoded(Refused("MO2001").envelope("FAILURE")))
        name = parse_qs(query).get("name", [""])[-1]
        return Answer(HTTPStatus.OK, self._files[path](self._table, name).encode(), "text/csv")

    # --- sessions ----------------------------------------------------------------------------------

    def _log_in(self, message: HttpMessage, body: dict[str, Any]) -> Envelope:
        return self._sessions.log_in(message.headers, body)

    def _verify_otp(self, message: HttpMessage, body: dict[str, Any]) -> Envelope:
        self._sessions.verify_otp(message.headers, body)
        return success("OTP VERIFIED SUCCESSFULLY")

    def _resend_otp(self, message: HttpMessage, _: dict[str, Any]) -> Envelope:
        self._sessions.resend_otp(message.headers)
        return success("OTP SEND SUCCESSFULLY")

    def _grant_access(self, message: HttpMessage, _: dict[str, Any]) -> Envelope:
        access = self._sessions.grant_access(message.headers)
        return success("Access Token Generated Successfully", accesstoken=access)

    def _log_out(self, call: Call) -> Envelope:
        if call.body.get("userid") != call.session.login.userid:
            raise Refused("MO1001")
        self._sessions.log_out(call.session)
        return success("LOGOUT SUCCESSFULL")

    def _profile(self, call: Call) -> Envelope:
        data = {
            "clientcode": call.client,
            "name": self._clients[call.client].name,
            "exchanges": list(SEGMENTS),
            "products": ["Normal", "Delivery", "ValuePlus"],
            "usertype": "Dealer" if call.session.login.is_dealer else "Investorclient",
        }
        return success("Profile Data", data=data)


def body_of(message: HttpMessage) -> dict[str, Any] | None:
    """The JSON object of a request, empty without a body; None where it is anything else."""
    if not message.body:
        return {}
    try:
        body = decoded(message.body)
    except msgspec.DecodeError:
        return None
    return body if isinstance(body, dict) else None
