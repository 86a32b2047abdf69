"""The sender's copies of the small topics: templates, suppressions, controls. Followed in threads, read as dicts."""

from collections.abc import Iterator
from datetime import datetime

from shared.commands import DEFAULT_TENANT, SendEmail
from shared.kafka.table import TopicTable, Unreadable
from shared.records import (
    Control,
    ControlKind,
    PublishedTemplate,
    Suppression,
    TemplateVersion,
    decode_control,
    decode_suppression,
    decode_template,
    suppression_key,
)
from shared.settings import KafkaSettings
from shared.topics import CONTROLS, SUPPRESSIONS, TEMPLATES

CURRENT_SECONDS = 2.0  # a copy of the suppressions older than this holds all mail back (rule 10)


class Tables:
    """What the sender knows from the small topics. `operators` is the tenant whose controls count for all tenants."""

    def __init__(self, settings: KafkaSettings, *, unreadable: Unreadable, operators: str = DEFAULT_TENANT) -> None:
        self._operators = operators
        self._versions: dict[tuple[str, str, int], TemplateVersion] = {}
        self._published: dict[tuple[str, str], int] = {}
        self._suppressions: dict[str, Suppression] = {}
        self._controls: dict[str, Control] = {}
        self._held: set[str] = set()
        self.controls_version = 0
        self._templates = TopicTable(settings, topic=TEMPLATES.name, apply=self._template, unreadable=unreadable)
        self._suppressed = TopicTable(
            settings, topic=SUPPRESSIONS.name, apply=self._suppression, unreadable=unreadable, uncommitted=True
        )
        self._controlled = TopicTable(settings, topic=CONTROLS.name, apply=self._control, unreadable=unreadable)

    def start(self, *, timeout: float) -> None:
        """Read what stands in the topics, then follow them."""
        for table in (self._templates, self._suppressed, self._controlled):
            table.start()
        for table in (self._templates, self._suppressed, self._controlled):
            if not table.catch_up(timeout=timeout):
                raise TimeoutError(f"the small topics could not be read within {timeout:.0f} s: is Kafka there?")

    def close(self) -> None:
        """Stop following."""
        for table in (self._templates, self._suppressed, self._controlled):
            table.close()

    def current(self) -> bool:
        """Whether the copy of the suppressions is current enough to send by; raises what ended any of the copies."""
        self._templates.age(), self._controlled.age()
        return self._suppressed.age() <= CURRENT_SECONDS

    def suppressions_age(self) -> float:
        """Seconds since the copy of the suppressions was last known to be current."""
        return self._suppressed.age()

    def template(self, command: SendEmail) -> TemplateVersion | None:
        """The template version that a request means, if this copy has it."""
        name = command.template or ""
        number = command.template_version or self._published.get((command.tenant, name))
        return self._versions.get((command.tenant, name, number)) if number is not None else None

    def catch_up_with_templates(self) -> None:
        """Read all versions that are on the log by now; raises TimeoutError when Kafka does not let us."""
        if not self._templates.catch_up(timeout=30):
            raise TimeoutError("the templates could not be read: nobody can say that one does not exist")

    def version(self, tenant: str, name: str, number: int) -> TemplateVersion | None:
        """One version of a template, if this copy has it."""
        return self._versions.get((tenant, name, number))

    def suppression(
        self, *, tenant: str, stream: str, list_name: str | None, recipient_ref: str, now: datetime
    ) -> Suppression | None:
        """What stands against a recipient, in the widest scope first."""
        scopes = ["tenant", f"stream:{stream}", *([f"list:{list_name}"] if list_name else [])]
        for scope in scopes:
            found = self._suppressions.get(suppression_key(tenant=tenant, scope=scope, recipient_ref=recipient_ref))
            if found is not None and (found.expires_at is None or found.expires_at > now):
                return found
        return None

    def paused(self, *, tenant: str, stream: str, batch: str, destination: str) -> bool:
        """Whether its tenant, or the operators' for all tenants, has paused what the email belongs to."""
        if not self._held:
            return False
        return any(key in self._held for key in self._holds(tenant, stream, batch, destination))

    def cancelled(self, *, tenant: str, batch: str) -> Control | None:
        """The cancellation of a batch, by its tenant."""
        return self._controls.get(f"{tenant}/cancelled/{batch}") if batch else None

    def released_at(self, *, tenant: str, stream: str, batch: str, destination: str) -> datetime | None:
        """When last something was released that the email belongs to."""
        controls = [self._controls.get(key) for key in self._holds(tenant, stream, batch, destination)]
        return max((one.at for one in controls if one and one.at and not one.paused), default=None)

    def _holds(self, tenant: str, stream: str, batch: str, destination: str) -> Iterator[str]:
        names = (("tenant", tenant), ("stream", stream), ("batch", batch), ("destination", destination))
        return (f"{who}/{kind}/{name}" for who in {tenant, self._operators} for kind, name in names)

    def control(self, tenant: str, kind: ControlKind, name: str) -> Control | None:
        """The last word on something."""
        return self._controls.get(f"{tenant}/{kind}/{name}")

    def controls_of(self, kind: ControlKind) -> list[Control]:
        """All last words of a kind."""
        return [control for control in list(self._controls.values()) if control.kind == kind]

    def _template(self, key: str, value: bytes | None) -> None:
        if value is None:
            return  # deleting a template never breaks queued mail
        record = decode_template(value)
        if isinstance(record, PublishedTemplate):
            self._published[record.tenant, record.name] = record.version
        else:
            self._versions[record.tenant, record.name, record.version] = record

    def _suppression(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._suppressions.pop(key, None)
        else:
            self._suppressions[key] = decode_suppression(value)

    def _control(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._controls.pop(key, None)
            self._held.discard(key)
        else:
            control = self._controls[key] = decode_control(value)
            (self._held.add if control.paused else self._held.discard)(key)
        self.controls_version += 1
