"""All that the demo has learnt, from four sides: what it asked for, the API, the log, the inbox."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cached_property
from typing import Any

from cli.demo.asked import Order
from cli.demo.fold import Story, fold
from cli.demo.log import Record

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A mail in the inbox: what SMTP said about it (the inbox's row), and its bytes."""

    row: Json
    source: bytes

    @property
    def email_id(self) -> str:
        """Which email it is, by its Message-ID."""
        return str(self.row["message_id"]).partition("@")[0]

    @cached_property
    def mail(self) -> EmailMessage:
        """Parsed."""
        return BytesParser(policy=policy.default).parsebytes(self.source)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the API said: about each email, each batch; reports by dimension; the suppressions' recipient_refs."""

    emails: Mapping[str, Json]
    batches: Mapping[str, Json]
    reports: Mapping[str, Json]
    suppressed: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything, at a time when every email was final.

    `attempts` are the inbox's; `published` the domain's DKIM records by their names in the DNS; `tracker` its URL.
    """

    order: Order
    answers: Answers
    records: Sequence[Record]
    arrived: Sequence[Arrived]
    attempts: Sequence[Json]
    published: Mapping[str, bytes]
    tracker: str

    @cached_property
    def stories(self) -> dict[str, Story]:
        """The fold of the log."""
        return fold(record.value for record in self.records)
