"""The lab's own books: what was acknowledged, against what the server kept, the log says and the API shows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cli.demo.fold import Story
from tests.faults.wire import Copy


@dataclass(frozen=True)
class Acknowledged:
    """An email that the product has promised; `expected` is what must become of it."""

    recipient: str
    expected: str
    batch_id: str | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of one scenario. `lost`, `unexplained` and `wrong` say in words what is the matter, by recipient.

    `in_doubt` counts the facts, `limit` is the most there may be: connections open at the faults that cut the sender,
    and the final dots that the server itself left unanswered; `duplicates` counts the explained ones too.
    """

    emails: int
    lost: dict[str, str] = field(default_factory=dict)
    duplicates: int = 0
    unexplained: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    in_doubt: int = 0
    limit: int = 0

    @property
    def holds(self) -> bool:
        """Whether the promises were kept."""
        return not (self.lost or self.unexplained or self.wrong) and self.in_doubt <= self.limit


class Ledger:
    """One scenario's books."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, Acknowledged] = {}
        self.open_at_faults = 0

    def promise(
        self, email_id: str, recipient: str, *, expected: str = "delivered", batch_id: str | None = None
    ) -> None:
        """The product has acknowledged an email."""
        self.acknowledged[email_id] = Acknowledged(recipient, expected, batch_id)

    def fault(self, *, open_sessions: int) -> None:
        """A fault cuts the sender while so many connections are open: each may leave one email in doubt."""
        self.open_at_faults += open_sessions

    def judge(
        self, *, copies: Iterable[Copy], stories: Mapping[str, Story], shown: Mapping[str, str] | None
    ) -> Verdict:
        """Set everything against everything. `shown` is each email's status in the API; None when nobody asked."""
        recipients = {promised.recipient for promised in self.acknowledged.values()}
        mine = [copy for copy in copies if copy.recipient in recipients]
        kept = Counter(copy.recipient for copy in mine if copy.kept)
        ids = defaultdict(set)
        for copy in mine:
            if copy.kept:
                ids[copy.recipient].add(copy.email_id)
        doubts = {email_id: _doubts(stories.get(email_id)) for email_id in self.acknowledged}
        unexplained = {
            recipient: f"{kept[recipient]} copies of {', '.join(sorted(ids[recipient]))}, not all of them in doubt"
            for recipient in kept
            if kept[recipient] > 1 + sum(doubts.get(email_id, 0) for email_id in ids[recipient])
            or len(ids[recipient]) > 1
        }
        return Verdict(
            emails=len(self.acknowledged),
            lost=self._lost(kept, stories),
            duplicates=sum(number - 1 for number in kept.values()),
            unexplained=unexplained,
            wrong=self._wrong(kept, stories, shown),
            in_doubt=sum(doubts.values()),
            limit=self.open_at_faults + sum(copy.unanswered for copy in mine),
        )

    def _lost(self, kept: Counter[str], stories: Mapping[str, Story]) -> dict[str, str]:
        """Promised, and not there: neither the mail nor the end that this address must come to."""
        found = {}
        for email_id, promised in self.acknowledged.items():
            story = stories.get(email_id)
            if story is None:
                found[promised.recipient] = f"{email_id} was acknowledged and is not on the log"
            elif promised.expected == "delivered" and not kept[promised.recipient]:
                found[promised.recipient] = f"{email_id} never arrived: {_told(story)}"
            elif promised.expected != "delivered" and story.status != promised.expected:
                found[promised.recipient] = f"{email_id} is not {promised.expected}: {_told(story)}"
        return found

    def _wrong(
        self, kept: Counter[str], stories: Mapping[str, Story], shown: Mapping[str, str] | None
    ) -> dict[str, str]:
        """What the log or the API says, and what is not so."""
        found = {}
        for email_id, promised in self.acknowledged.items():
            story = stories.get(email_id)
            if story is None:
                continue
            if story.count("email.queued") != 1:
                found[promised.recipient] = f"{email_id} was taken in {story.count('email.queued')} times"
            elif story.status != promised.expected:
                found[promised.recipient] = f"{email_id} should be {promised.expected}: {_told(story)}"
            elif story.status == "delivered" and not kept[promised.recipient]:
                found[promised.recipient] = f"{email_id} is delivered, says the log, and the server has no copy"
            elif shown is not None and shown.get(email_id) != story.status:
                found[promised.recipient] = f"{email_id} is {story.status}, and {shown.get(email_id)} in the API"
        return found


def _doubts(story: Story | None) -> int:
    return story.count("email.in_doubt") if story else 0


def _told(story: Story) -> str:
    kinds = [event["type"].removeprefix("email.") for event in story.events]
    return f"{story.status} ({', '.join(kinds)})"
