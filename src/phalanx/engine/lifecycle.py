"""The life cycle of an order: one table, (status, trigger) → status.

A pair that is missing cannot happen in good order: the report is booked as far as its quantity
goes and otherwise ignored. The odd-looking rows are the real world and say so. ``decide`` asks this
table; an event carries the status it found, and ``apply`` books it without asking again.
"""

from enum import IntEnum

from phalanx.domain.orders import OrdStatus


class Trigger(IntEnum):
    """What can move an order."""

    RELEASE = 1
    DISPATCH = 2
    LAPSE = 3
    ACCEPT = 4
    FILL_PART = 5
    FILL_ALL = 6
    CANCEL_REQUEST = 7
    REPLACE_REQUEST = 8
    REQUEST_END = 9
    CANCELED = 10
    REJECT = 11
    EXPIRE = 12
    DOUBT = 13
    ABSENT = 14


_S = OrdStatus
_T = Trigger
# By their own names: on Python 3.11 finding an enum's member costs as much as the look-up in the table.
_NEW, _PARTIALLY_FILLED = OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED

TABLE: dict[tuple[OrdStatus, Trigger], OrdStatus] = {
    (_S.HELD, _T.RELEASE): _S.PENDING_NEW,
    (_S.HELD, _T.CANCELED): _S.CANCELED,
    (_S.HELD, _T.EXPIRE): _S.EXPIRED,
    (_S.PENDING_NEW, _T.DISPATCH): _S.SENT,
    (_S.PENDING_NEW, _T.CANCELED): _S.CANCELED,
    (_S.PENDING_NEW, _T.REJECT): _S.REJECTED,
    (_S.PENDING_NEW, _T.EXPIRE): _S.EXPIRED,
    # We believe it was never written; the broker, who has it, knows better.
    (_S.HELD, _T.ACCEPT): _S.NEW,
    (_S.HELD, _T.FILL_PART): _S.PARTIALLY_FILLED,
    (_S.HELD, _T.FILL_ALL): _S.FILLED,
    (_S.PENDING_NEW, _T.ACCEPT): _S.NEW,
    (_S.PENDING_NEW, _T.FILL_PART): _S.PARTIALLY_FILLED,
    (_S.PENDING_NEW, _T.FILL_ALL): _S.FILLED,
    (_S.SENT, _T.LAPSE): _S.PENDING_NEW,
    (_S.SENT, _T.ACCEPT): _S.NEW,
    # A fill may overtake its own acknowledgement.
    (_S.SENT, _T.FILL_PART): _S.PARTIALLY_FILLED,
    (_S.SENT, _T.FILL_ALL): _S.FILLED,
    (_S.SENT, _T.REJECT): _S.REJECTED,
    (_S.SENT, _T.EXPIRE): _S.EXPIRED,
    (_S.SENT, _T.CANCELED): _S.CANCELED,
    (_S.SENT, _T.DOUBT): _S.IN_DOUBT,
    # The cancel of an order that is not acknowledged yet waits in the order's request.
    (_S.SENT, _T.CANCEL_REQUEST): _S.SENT,
    (_S.SENT, _T.REQUEST_END): _S.SENT,
    (_S.NEW, _T.FILL_PART): _S.PARTIALLY_FILLED,
    (_S.NEW, _T.FILL_ALL): _S.FILLED,
    (_S.NEW, _T.CANCEL_REQUEST): _S.PENDING_CANCEL,
    (_S.NEW, _T.REPLACE_REQUEST): _S.PENDING_REPLACE,
    (_S.NEW, _T.CANCELED): _S.CANCELED,
    # A broker accepts, the exchange behind it refuses.
    (_S.NEW, _T.REJECT): _S.REJECTED,
    (_S.NEW, _T.EXPIRE): _S.EXPIRED,
    (_S.PARTIALLY_FILLED, _T.FILL_PART): _S.PARTIALLY_FILLED,
    (_S.PARTIALLY_FILLED, _T.FILL_ALL): _S.FILLED,
    (_S.PARTIALLY_FILLED, _T.CANCEL_REQUEST): _S.PENDING_CANCEL,
    (_S.PARTIALLY_FILLED, _T.REPLACE_REQUEST): _S.PENDING_REPLACE,
    (_S.PARTIALLY_FILLED, _T.CANCELED): _S.CANCELED,
    (_S.PARTIALLY_FILLED, _T.REJECT): _S.REJECTED,
    (_S.PARTIALLY_FILLED, _T.EXPIRE): _S.EXPIRED,
    (_S.PENDING_CANCEL, _T.FILL_PART): _S.PENDING_CANCEL,
    (_S.PENDING_CANCEL, _T.FILL_ALL): _S.FILLED,
    (_S.PENDING_CANCEL, _T.CANCELED): _S.CANCELED,
    (_S.PENDING_CANCEL, _T.REJECT): _S.REJECTED,
    (_S.PENDING_CANCEL, _T.EXPIRE): _S.EXPIRED,
    # The state that follows from CumQty; apply picks PARTIALLY_FILLED when something is filled.
    (_S.PENDING_CANCEL, _T.REQUEST_END): _S.NEW,
    # Whoever closes the lot does not wait for the replace; its terms stay with the cancel.
    (_S.PENDING_REPLACE, _T.CANCEL_REQUEST): _S.PENDING_CANCEL,
    (_S.PENDING_REPLACE, _T.FILL_PART): _S.PENDING_REPLACE,
    (_S.PENDING_REPLACE, _T.FILL_ALL): _S.FILLED,
    (_S.PENDING_REPLACE, _T.CANCELED): _S.CANCELED,
    (_S.PENDING_REPLACE, _T.REJECT): _S.REJECTED,
    (_S.PENDING_REPLACE, _T.EXPIRE): _S.EXPIRED,
    (_S.PENDING_REPLACE, _T.REQUEST_END): _S.NEW,
    # Doubt ends by whatever the broker turns out to know, or by proof that it knows nothing.
    (_S.IN_DOUBT, _T.ACCEPT): _S.NEW,
    (_S.IN_DOUBT, _T.FILL_PART): _S.PARTIALLY_FILLED,
    (_S.IN_DOUBT, _T.FILL_ALL): _S.FILLED,
    (_S.IN_DOUBT, _T.CANCELED): _S.CANCELED,
    (_S.IN_DOUBT, _T.REJECT): _S.REJECTED,
    (_S.IN_DOUBT, _T.EXPIRE): _S.EXPIRED,
    (_S.IN_DOUBT, _T.ABSENT): _S.NOT_RECEIVED,
    (_S.IN_DOUBT, _T.CANCEL_REQUEST): _S.IN_DOUBT,
    (_S.IN_DOUBT, _T.REQUEST_END): _S.IN_DOUBT,
    # Fills that arrive after the end are real: they are booked, and the status stays honest.
    (_S.CANCELED, _T.FILL_PART): _S.CANCELED,
    (_S.CANCELED, _T.FILL_ALL): _S.FILLED,
    (_S.EXPIRED, _T.FILL_PART): _S.EXPIRED,
    (_S.EXPIRED, _T.FILL_ALL): _S.FILLED,
    (_S.REJECTED, _T.FILL_PART): _S.REJECTED,
    (_S.REJECTED, _T.FILL_ALL): _S.FILLED,
    (_S.FILLED, _T.FILL_PART): _S.FILLED,
    (_S.FILLED, _T.FILL_ALL): _S.FILLED,
    # Absence was proved and the order arrives all the same: it reopens, and somebody is told.
    (_S.NOT_RECEIVED, _T.ACCEPT): _S.NEW,
    (_S.NOT_RECEIVED, _T.FILL_PART): _S.PARTIALLY_FILLED,
    (_S.NOT_RECEIVED, _T.FILL_ALL): _S.FILLED,
    (_S.NOT_RECEIVED, _T.CANCELED): _S.CANCELED,
    (_S.NOT_RECEIVED, _T.REJECT): _S.REJECTED,
    (_S.NOT_RECEIVED, _T.EXPIRE): _S.EXPIRED,
}


def move(status: OrdStatus, trigger: Trigger, cum_quantity: int = 0) -> OrdStatus | None:
    """The next status, or None when the trigger does not fit.

    An order that comes back to NEW with something filled is PARTIALLY_FILLED.
    """
    after = TABLE.get((status, trigger))
    if cum_quantity > 0 and after is _NEW:
        return _PARTIALLY_FILLED
    return after


def ready_for(trigger: Trigger) -> frozenset[OrdStatus]:
    """The statuses in which this can happen to an order."""
    return frozenset(status for status, asked in TABLE if asked is trigger)
