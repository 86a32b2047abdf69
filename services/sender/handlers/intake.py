"""Requests into the table: what a record on a request topic leads to. Transactional ones first, bulk after."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol, cast
from uuid import UUID

import msgspec
from confluent_kafka import Message

from services.sender.domain import commands as rules
from services.sender.domain.intake import Asked, Surroundings, refuse, reject, send
from services.sender.group import Group, Record
from services.sender.handlers.ports import Tables
from services.sender.settings import SenderSettings
from services.sender.telling import buried
from shared import commands
from shared.acceptance import Accepted, Refusal, check, from_decode_error
from shared.clock import Clock
from shared.commands import Command, EmailCommand, SendEmail
from shared.ids import derived_id, text_of
from shared.kafka.dead_letter import DeadLetterLimit, dead_letter
from shared.kafka.producer import Headers
from shared.records import FinalEmail, OpenEmail, TemplateVersion, WaitingCommands
from shared.telemetry import traceparent
from shared.tokens import recipient_ref
from shared.topics import DEAD_LETTERS, REQUESTS, REQUESTS_BULK, partition_for

MAX_FORWARDED: Final = 950_000  # bytes; a stranger's client may write larger records than ours does
Ends = Callable[[int], dict[str, int]]


class _Loose(msgspec.Struct):
    """As much of a broken SendEmail as it takes to answer it with `email.rejected`."""

    email_id: UUID
    type: str = ""
    tenant: commands.Tenant = commands.DEFAULT_TENANT


class Intake(Protocol):
    """What the owner asks of intake."""

    def handle(self, group: Group, messages: Iterable[Message]) -> None:
        """Decide about each record."""


class RequestIntake:
    """Decides about requests, one by one, in the order of each partition."""

    def __init__(
        self,
        settings: SenderSettings,
        *,
        tables: Tables,
        clock: Clock,
        ends: Ends,
        limit: DeadLetterLimit,
    ) -> None:
        self._settings = settings
        self._tables = tables
        self._clock = clock
        self._ends = ends
        self._domains = settings.sending_domains()
        self._secret = settings.recipient_secret()
        self._limit = limit
        self._caught_up = False

    def handle(self, group: Group, messages: Iterable[Message]) -> None:
        """Decide about each record; bulk yields to transactional."""
        bulk = self._settings.topic(REQUESTS_BULK.name)
        self._caught_up = False
        read = [(message, _read(message)) for message in sorted(messages, key=lambda one: one.topic() == bulk)]
        _look_up(group, read)
        for message, command in read:
            if isinstance(command, Exception):
                self._unreadable(group, message, command)
            else:
                self._one(group, message, command)

    def _one(self, group: Group, message: Message, command: Command) -> None:
        home = partition_for(text_of(command.email_id).encode(), self._settings.partitions)
        if home != message.partition():
            self._forward(group, message, email_id=command.email_id, home=home)
        elif isinstance(command, SendEmail):
            self._send(group, message, command)
        else:
            self._command(group, message, command)

    def _forward(self, group: Group, message: Message, *, email_id: UUID, home: int) -> None:
        topic = REQUESTS_BULK if message.topic() == self._settings.topic(REQUESTS_BULK.name) else REQUESTS
        headers = cast(Headers, message.headers() or [])
        if len(message) + sum(len(name) + len(value or b"") for name, value in headers) > MAX_FORWARDED:
            self._bury(group, message, reason="in the wrong partition, and too large to be forwarded", kind="too_large")
            return
        group.forward(topic.name, message.value() or b"", key=str(email_id).encode(), headers=headers, partition=home)

    def _send(self, group: Group, message: Message, command: SendEmail) -> None:
        partition = message.partition() or 0
        known = group.get(partition, command.email_id)
        asked = _asked(message, command)
        now = self._clock.now()
        template = self._template(command)
        checked = check(
            command,
            sending_domains=self._domains,
            template=template,
            broadcast_ready=self._settings.postal_address is not None,
            now=now,
        )
        ref = self._ref(command, checked)
        around = Surroundings(
            known=known,
            checked=checked,
            template=template,
            suppression=self._tables.suppression(
                tenant=command.tenant, stream=command.stream, list_name=command.list, recipient_ref=ref, now=now
            ),
            recipient_ref=ref,
            policy=self._settings.policy(command.stream),
            now=now,
        )
        group.decide(partition, command.email_id, send(asked, around), traceparent=asked.traceparent)
        if isinstance(known, WaitingCommands):
            self._act_on_waiting(group, partition, known)

    def _template(self, command: SendEmail) -> TemplateVersion | None:
        """The template; before it is said not to exist the log is asked again, at most once for all records read."""
        found = self._tables.template(command)
        if found is None and command.template is not None and not self._caught_up:
            self._tables.catch_up_with_templates()
            self._caught_up = True
            found = self._tables.template(command)
        return found

    def _ref(self, command: SendEmail, checked: Accepted | Refusal) -> str:
        if isinstance(checked, Refusal):
            return ""
        return recipient_ref(key=self._secret, tenant=command.tenant, address=checked.recipient.address)

    def _act_on_waiting(self, group: Group, partition: int, waiting: WaitingCommands) -> None:
        for command, cause, trace in rules.waiting_ones(waiting):
            known = group.get(partition, command.email_id)
            decision = rules.act(command, known, cause=cause, now=self._clock.now())
            group.decide(partition, command.email_id, decision, traceparent=trace)

    def _command(self, group: Group, message: Message, command: EmailCommand) -> None:
        partition = message.partition() or 0
        known = group.get(partition, command.email_id)
        cause = _cause(message, command.command_id)
        now = self._clock.now()
        if isinstance(known, WaitingCommands) and len(known.commands) >= rules.MOST_WAITING:
            detail = "there is no such email, and many commands wait for it"
            decision = rules.refuse(command, code="unknown_email", detail=detail, cause=cause, now=now)
        elif known is None or isinstance(known, WaitingCommands):
            kept = msgspec.structs.replace(command, command_id=cause)
            decision = rules.wait(kept, known, ends=self._ends(partition), now=now, traceparent=_trace(message))
        else:
            decision = rules.act(command, known, cause=cause, now=now)
        group.decide(partition, command.email_id, decision, traceparent=_trace(message))

    def _unreadable(self, group: Group, message: Message, error: Exception) -> None:
        loose = _loose(message.value())
        home = loose and partition_for(str(loose.email_id).encode(), self._settings.partitions)
        if loose is None or loose.type != "SendEmail":
            self._bury(group, message, reason=str(error))
        elif home != message.partition():
            self._forward(group, message, email_id=loose.email_id, home=home or 0)
        else:
            self._reject(group, message, loose, error)

    def _reject(self, group: Group, message: Message, loose: _Loose, error: Exception) -> None:
        partition, now = message.partition() or 0, self._clock.now()
        stand_in = SendEmail(sender="", to="", email_id=loose.email_id, tenant=loose.tenant)
        asked = _asked(message, stand_in)
        if isinstance(group.get(partition, loose.email_id), OpenEmail | FinalEmail):
            decision = refuse(
                asked, code="idempotency_conflict", detail="this email_id came with another body", now=now
            )
        else:
            decision = reject(asked, from_decode_error(error), now=now)
        group.decide(partition, loose.email_id, decision, traceparent=asked.traceparent)

    def _bury(self, group: Group, message: Message, *, reason: str, kind: str = "unreadable") -> None:
        self._limit.count(message)
        key, value, headers = dead_letter(message, reason=reason)
        group.records.append(Record(DEAD_LETTERS.name, key, value, headers))
        group.committed.append(partial(buried, message, kind=kind))


def _read(message: Message) -> Command | Exception:
    try:
        return commands.decode(message.value())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return error


def _look_up(group: Group, read: Iterable[tuple[Message, Command | Exception]]) -> None:
    """Ask each table once for all that is about to be decided."""
    ids: dict[int, list[UUID]] = {}
    for message, command in read:
        if not isinstance(command, Exception):
            ids.setdefault(message.partition() or 0, []).append(command.email_id)
    for partition, email_ids in ids.items():
        group.tables[partition].look_up(email_ids)


def _loose(value: bytes | None) -> _Loose | None:
    try:
        return msgspec.json.decode(value or b"", type=_Loose)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _asked(message: Message, command: SendEmail) -> Asked:
    _, milliseconds = message.timestamp()
    return Asked(
        command=command,
        command_id=_cause(message, command.command_id),
        appended_at=datetime.fromtimestamp(milliseconds / 1000, UTC),
        traceparent=_trace(message),
    )


def _cause(message: Message, command_id: UUID | None) -> UUID:
    """The command's id: its own, its CloudEvents id, or one made of its place in the log."""
    if command_id is not None:
        return command_id
    try:
        return UUID(_header(message, "ce_id") or "")
    except ValueError:
        return derived_id("record", message.topic(), message.partition(), message.offset())


def _trace(message: Message) -> str | None:
    given = _header(message, "traceparent")
    return None if given is None else traceparent(given)


def _header(message: Message, name: str) -> str | None:
    pairs: Any = message.headers() or []
    for key, value in pairs:
        if key == name and isinstance(value, bytes):
            return value.decode("ascii", "replace")
    return None
