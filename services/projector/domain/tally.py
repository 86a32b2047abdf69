"""The counts that are sums over emails: what an email contributes, and how that changes with its facts."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date
from typing import Final, NamedTuple

from services.projector.domain.email import QUEUED, REJECTED, EmailFold, Origin

# What the summary counts; each is 0 or 1 for one email. Named by a final status: it is in it now; the others: ever.
COUNTS: Final = (
    "accepted",
    "delivered",
    "bounced",
    "failed",
    "suppressed",
    "cancelled",
    "rejected",
    "deferred",
    "opened",
    "clicked",
    "complained",
    "unsubscribed",
)
Numbers = tuple[int, ...]  # in the order of COUNTS
NOTHING: Final[Numbers] = (0,) * len(COUNTS)


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


class Tally:
    """Changes of the counts, to be added to what stands in the tables."""

    def __init__(self) -> None:
        self._shares: Counter[Share] = Counter()
        self._cells: defaultdict[Cell, list[int]] = defaultdict(lambda: list(NOTHING))

    def move(self, tenant: str, before: EmailFold | None, after: EmailFold) -> None:
        """An email was counted as it was before, and is to be as it is after."""
        now = counted(after)
        if before is None:
            self._add(tenant, after, now)
        elif before.origin is after.origin:
            self._add(tenant, after, [new - old for new, old in zip(now, counted(before), strict=True)])
        else:
            self._add(tenant, before, [-old for old in counted(before)])
            self._add(tenant, after, now)
        self._move_share(None if before is None else _share_of(tenant, before), _share_of(tenant, after))

    def shares(self) -> list[tuple[Share, int]]:
        """What to add to the batches' counts, in an order that all writers keep."""
        return sorted((share, change) for share, change in self._shares.items() if change)

    def cells(self) -> list[tuple[Cell, Numbers]]:
        """What to add to the summary, in an order that all writers keep."""
        return sorted((cell, tuple(changes)) for cell, changes in self._cells.items() if any(changes))

    def _add(self, tenant: str, fold: EmailFold, changes: Sequence[int]) -> None:
        moved = [(at, change) for at, change in enumerate(changes) if change]
        if moved:
            for cell in _cells_of(tenant, fold.origin):
                counts = self._cells[cell]
                for at, change in moved:
                    counts[at] += change

    def _move_share(self, before: Share | None, after: Share | None) -> None:
        if before != after:
            self._shares.update({share: change for share, change in ((before, -1), (after, 1)) if share is not None})


def counted(fold: EmailFold) -> Numbers:
    """What one email counts as; nothing while it is not known to be one of ours."""
    if fold.origin.rank > REJECTED:
        return NOTHING
    status, state = fold.status, fold.state
    return (
        fold.origin.rank == QUEUED,
        status == "delivered",
        status == "bounced",
        status == "failed",
        status == "suppressed",
        status == "cancelled",
        status == "rejected",
        fold.deferred,
        state.opened_at is not None,
        state.clicked_at is not None,
        state.complained_at is not None,
        state.unsubscribed_at is not None,
    )


def _share_of(tenant: str, fold: EmailFold) -> Share | None:
    if fold.origin.batch_id is None or fold.origin.rank > REJECTED:
        return None
    return Share(tenant, fold.origin.batch_id, fold.status)


def _cells_of(tenant: str, origin: Origin) -> Iterator[Cell]:
    day = origin.at.astimezone(UTC).date()
    yield Cell(tenant, day, "all", "")
    if origin.template is not None:
        yield Cell(tenant, day, "template", origin.template)
    if origin.recipient_domain is not None:
        yield Cell(tenant, day, "recipient_domain", origin.recipient_domain)
    for tag in set(origin.tags):
        yield Cell(tenant, day, "tag", tag)
