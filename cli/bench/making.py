"""What making a mail costs, stage by stage: one process, one thread, warm, beside nothing else."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

from cli.bench.mails import DOMAIN, POSTAL, request, template
from services.sender.adapters.bodies import Finished
from services.sender.adapters.dkim import Signer
from services.sender.adapters.links import TrackerLinks, links_of
from services.sender.adapters.mime import House, assemble
from services.sender.adapters.skeletons import Skeletons
from shared import commands
from shared.commands import SendEmail
from shared.dkim import DkimDomain, DkimKey
from shared.records import OpenEmail
from shared.tokens import Keys

MAILS: Final = 2000
WARM_UP: Final = 200
URL: Final = "https://t.acme.test"
_TEMPLATE: Final = template()[0]
T = TypeVar("T")
Made = tuple[OpenEmail, TrackerLinks, Finished]


def milliseconds(key: Path) -> dict[str, float]:
    """CPU milliseconds an email: to render it (with links and tokens), to put it together as MIME, to sign it."""
    keys = Keys({1: bytes.fromhex("ab" * 32)})
    house = House(keys=keys, tracker_url=URL, bounce_domain=f"bounces.{DOMAIN}", postal_address=POSTAL)
    signer = Signer([DkimDomain(domain=DOMAIN, keys=[DkimKey(selector="b1", file=key)])])
    emails = [_open(number) for number in range(WARM_UP + MAILS)]
    skeletons = Skeletons(postal_address=POSTAL)
    rendered: list[Made] = []

    def signed_by(signer: Signer | None) -> Callable[[Made], object]:
        return lambda one: assemble(one[0], one[2], links=one[1], house=house, files=[], signer=signer)

    render = _timed(emails, lambda email: rendered.append(_rendered(email, keys=keys, skeletons=skeletons)))
    mime = _timed(rendered, signed_by(None))
    return {"render": render, "mime": mime, "sign": _timed(rendered, signed_by(signer)) - mime}


def _timed(things: Sequence[T], stage: Callable[[T], object]) -> float:
    """CPU milliseconds for each, after a few to warm up."""
    for one in things[:WARM_UP]:
        stage(one)
    begun = time.thread_time()
    for one in things[WARM_UP:]:
        stage(one)
    return 1000 * (time.thread_time() - begun) / len(things[WARM_UP:])


def _rendered(email: OpenEmail, *, keys: Keys, skeletons: Skeletons) -> Made:
    links = links_of(email, tracker_url=URL, keys=keys)
    variables = {**email.request.variables, "unsubscribe_url": links.unsubscribe}
    filled = skeletons.filled(_TEMPLATE, email.request, variables=variables, links=links)
    assert filled is not None, "the bench's template is a simple one"
    return email, links, filled


def _open(number: int) -> OpenEmail:
    asked = commands.decode(request(number, destinations=1000, batch=UUID(int=5))[1])
    assert isinstance(asked, SendEmail)
    now = datetime.now(UTC)
    return OpenEmail(
        request=asked,
        status="queued",
        request_hash="",
        recipient_ref="ab" * 16,
        recipient_domain=f"d{number % 1000}.example",
        queued_at=now,
        due_at=now,
        expires_at=now + timedelta(days=4),
        template_version=1,
    )
