"""The API's handlers on fakes."""

from datetime import UTC, datetime
from typing import Any

from services.api.adapters.acknowledged import Acknowledged
from services.api.domain.record import Origin
from services.api.handlers.batch_controls import BatchControls
from services.api.handlers.batches import Batches
from services.api.handlers.cancel import Cancel
from services.api.handlers.emails import Emails, Rules
from services.api.handlers.intake import Intake
from services.api.handlers.refused import Refused
from services.api.handlers.reschedule import Reschedule
from services.api.handlers.resolve import Resolve
from services.api.handlers.suppressions import Suppressions
from services.api.handlers.templates import Templates
from shared.commands import Content
from shared.records import TemplateVersion
from tests.fakes.api import FakeBlobs, FakeControls, FakeFacts, FakeLog, FakeRejections, FakeRows, FakeTemplates
from tests.fakes.controls import Said

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = bytes(range(32))
INVOICE = TemplateVersion(
    tenant="default", name="invoice", version=2, subject="Invoice {{ number }}", html="…", required=("number",)
)


def origin(tenant: str = "default") -> Origin:
    """A request of that tenant."""
    return Origin(tenant=tenant, by="api:abc", traceparent=TRACE, now=NOW)


def content(**changes: Any) -> Content:
    """An acceptable email."""
    own: dict[str, Any] = {"subject": "Hello", "text": "Hi"} if "template" not in changes else {}
    basic: dict[str, Any] = {"sender": "shop@acme.test", "to": "ada@example.org"}
    return Content(**(basic | own | changes))


class Stage:
    """One of each."""

    def __init__(self, *, room: int = 1000) -> None:
        self.log, self.blobs, self.facts = FakeLog(), FakeBlobs(), FakeFacts()
        self.copy, self.rows = FakeTemplates(INVOICE), FakeRows()
        self.known = Acknowledged(self.facts.request_hashes, room=room)
        rules = Rules(sending_domains=frozenset({"acme.test"}), broadcast_ready=True, largest=2**25)
        self.emails = Emails(rules=rules, log=self.log, blobs=self.blobs, templates=self.copy, known=self.known)
        self.batches = Batches(rules=rules, log=self.log, blobs=self.blobs, templates=self.copy, known=self.known)
        self.controls = Said()
        self.batch_controls = BatchControls(log=self.log, known=self.known, facts=self.facts, controls=self.controls)
        self.rejections = FakeRejections()
        self.intake = Intake(
            rules=rules,
            log=self.log,
            blobs=self.blobs,
            templates=self.copy,
            known=self.known,
            facts=self.facts,
            controls=FakeControls(self.log),
            rejections=self.rejections,
        )
        self.refused = Refused(rejections=self.rejections, known=self.known, facts=self.facts)
        self.cancel = Cancel(log=self.log, known=self.known, facts=self.facts)
        self.reschedule = Reschedule(log=self.log, known=self.known, facts=self.facts)
        self.resolve = Resolve(log=self.log, known=self.known, facts=self.facts)
        self.templates = Templates(log=self.log, copy=self.copy, rows=self.rows)
        self.suppressions = Suppressions(log=self.log, secret=SECRET)
