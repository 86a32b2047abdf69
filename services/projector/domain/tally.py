"""The counts that are sums over emails: what an email contributes, and how that changes with its facts."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import astuple

from services.projector.domain.email import QUEUED, REJECTED, EmailFold


class Counts(Struct, frozen=True, kw_only=True):
    """The counts of the summary; each 0 or 1 for one email. Named by a final status: in it now; else: ever."""

    accepted: int
    delivered: int
    bounced: int
    failed: int
    suppressed: int
    cancelled: int
    rejected: int
    deferred: int
    opened: int
    clicked: int
    complained: int
    unsubscribed: int


class Cell(NamedTuple):
    """A row of the summary: the UTC day on which its emails were queued (or rejected), and what they have in common."""

    tenant: str
    day: date
    dimension: str
    value: str


class Share(NamedTuple):
    """A row of a batch's counts."""

    tenant: str
    batch_id: str
    status: str


NOTHING: Final = (0,) * len(Counts.__struct_fields__)


class Tally:
    """Changes of the counts, to be added to what stands in the tables."""

    def __init__(self) -> None:
        self._shares: Counter[Share] = Counter()
        self._cells: defaultdict[Cell, list[int]] = defaultdict(lambda: list(NOTHING))

    def move(self, tenant: str, before: EmailFold | None, after: EmailFold) -> None:
        """An email was counted as it was before, and is to be as it is after."""
        if before is not None:
            self._add(tenant, before, sign=-1)
        self._add(tenant, after, sign=1)

    def shares(self) -> list[tuple[Share, int]]:
        """What to add to the batches' counts, in an order that all writers keep."""
        return sorted((share, change) for share, change in self._shares.items() if change)

    def cells(self) -> list[tuple[Cell, tuple[int, ...]]]:
        """What to add to the summary, in an order that all writers keep; the numbers are in the order of `Counts`."""
        return sorted((cell, tuple(changes)) for cell, changes in self._cells.items() if any(changes))

    def _add(self, tenant: str, fold: EmailFold, *, sign: int) -> None:
        if fold.origin.rank > REJECTED:
            return  # not known to be one of ours yet
        if fold.origin.batch_id is not None:
            self._shares[Share(tenant, fold.origin.batch_id, fold.status)] += sign
        counts = [sign * count for count in astuple(counted(fold))]
        for cell in _cells_of(tenant, fold):
            self._cells[cell] = [known + count for known, count in zip(self._cells[cell], counts, strict=True)]


def counted(fold: EmailFold) -> Counts:
    """What one email counts as."""
    status, state = fold.status, fold.state
    return Counts(
        accepted=fold.origin.rank == QUEUED,
        delivered=status == "delivered",
        bounced=status == "bounced",
        failed=status == "failed",
        suppressed=status == "suppressed",
        cancelled=status == "cancelled",
        rejected=status == "rejected",
        deferred=fold.deferred,
        opened=state.opened_at is not None,
        clicked=state.clicked_at is not None,
        complained=state.complained_at is not None,
        unsubscribed=state.unsubscribed_at is not None,
    )


def _cells_of(tenant: str, fold: EmailFold) -> Iterator[Cell]:
    origin = fold.origin
    day = origin.at.astimezone(UTC).date()
    yield Cell(tenant, day, "all", "")
    if origin.template is not None:
        yield Cell(tenant, day, "template", origin.template)
    if origin.recipient_domain is not None:
        yield Cell(tenant, day, "recipient_domain", origin.recipient_domain)
    for tag in set(origin.tags):
        yield Cell(tenant, day, "tag", tag)
