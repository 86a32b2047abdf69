"""How far a streamed batch has been taken, and whether what is sent again is what was taken before (rule 8)."""

import hashlib
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from services.api.domain.batches import BatchRequest
from services.api.domain.errors import ApiError
from services.api.domain.lines import Line
from services.api.domain.record import Origin
from services.api.domain.rejections import Rejection
from shared.records import Control

SHOWN: Final = 1000  # rejections in the answer
_canonical: Final = msgspec.json.Encoder(order="sorted")


class Taken:
    """Counts of one request, and the rolling hash over all its lines; `before` is how far an earlier one came."""

    def __init__(self, shared: BatchRequest, head: Line | None, *, before: Control | None) -> None:
        self._hash = hashlib.blake2b(_canonical.encode(shared), digest_size=16)
        if head is not None:
            self._hash.update(head.text or b"")
        self._before = before
        self.seen = 0
        self.count = before.count if before is not None else 0
        self.acknowledged = before.acknowledged if before is not None else 0
        self.first: list[Rejection] = []

    @property
    def refused(self) -> int:
        """Emails that are not sent."""
        return self.count - self.acknowledged

    def fresh(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Those that were not taken before; raises ApiError at the first sign that this is another stream."""
        known = max(0, min(len(lines), self.count - self.seen))
        self._add(lines[:known])
        if known and self.seen == self.count:
            self._compare()
        new = lines[known:]
        if new and self._before is not None and self._before.closed:
            raise _differs(f"the batch was complete with {self.count} emails, and here are more")
        return new

    def take(self, lines: Sequence[Line], *, acknowledged: int, refused: Sequence[Rejection]) -> None:
        """These are new, and so many of them are acceptable."""
        self._add(lines)
        self.count += len(lines)
        self.acknowledged += acknowledged
        self.first += refused[: max(0, SHOWN - len(self.first))]

    def end(self) -> None:
        """The stream has ended; raises ApiError when it is shorter than what was taken before."""
        if self.seen < self.count:
            raise _differs(f"{self.count} emails came before, now only {self.seen}")

    def control(self, batch_id: UUID, *, origin: Origin, closed: bool = False) -> Control:
        """How far it is, for the next one who sends it."""
        return Control(
            tenant=origin.tenant,
            kind="intake",
            name=str(batch_id),
            by=origin.by,
            at=origin.now,
            count=self.count,
            acknowledged=self.acknowledged,
            digest=self._hash.hexdigest(),
            closed=closed,
        )

    def _add(self, lines: Sequence[Line]) -> None:
        for line in lines:
            self._hash.update(b"\n" if line.text is None else line.text + b"\n")
        self.seen += len(lines)

    def _compare(self) -> None:
        if self._before is not None and self._hash.hexdigest() != self._before.digest:
            raise _differs(f"what all emails share, or one of the first {self.count}, is not what came before")


def _differs(detail: str) -> ApiError:
    return ApiError("idempotency_conflict", f"this key came with another body: {detail}", field="Idempotency-Key")
