"""From facts to changes of the read models, in one transaction: load, fold, write, count, move the checkpoints."""

from collections import defaultdict
from collections.abc import Iterable

from services.projector.domain import batch as batches
from services.projector.domain import email as emails
from services.projector.domain.email import EmailFold
from services.projector.domain.tally import Tally
from services.projector.handlers.ports import Batch, Fact, Key, PersonalWord, Tables
from shared.events import BatchEvent, EmailErased, EmailEvent, SuppressionAdded, SuppressionRemoved
from shared.topics import EVENTS, PERSONAL


def project(tables: Tables, batch: Batch) -> None:
    """Bring the read models up to the end of `batch`; what they have already is left out."""
    offsets = tables.lock(batch.reached)
    new = batch.past(offsets, events=EVENTS.name, personal=PERSONAL.name)
    tally = Tally()
    if new.facts:
        tables.add_events(new.facts)
        _project_emails(tables, new.facts, tally)
        _project_batches(tables, new.facts)
        _project_suppressions(tables, new.facts)
    _project_personal(tables, new.personal, new.facts)
    tables.count(tally)  # last: these rows are shared with the other projectors
    tables.reach(new.reached)


def _project_emails(tables: Tables, facts: Iterable[Fact], tally: Tally) -> None:
    stories: defaultdict[Key, list[EmailEvent]] = defaultdict(list)
    for fact in facts:
        if isinstance(fact.event, EmailEvent) and emails.concerns(fact.event):
            stories[Key(fact.event.tenant, fact.event.email_id)].append(fact.event)
    before = tables.emails(stories)
    after: dict[Key, EmailFold] = {}
    for key, events in stories.items():
        fold = before.get(key)
        for event in events:
            fold = emails.add(fold, event)
        assert fold is not None
        if fold != before.get(key):
            after[key] = fold
            tally.move(key.tenant, before.get(key), fold)
    tables.put_emails(after, known=before)


def _project_batches(tables: Tables, facts: Iterable[Fact]) -> None:
    events = [fact.event for fact in facts if isinstance(fact.event, BatchEvent)]
    if not events:
        return
    before = tables.batches({Key(event.tenant, event.batch_id) for event in events})
    after = dict(before)
    for event in events:
        key = Key(event.tenant, event.batch_id)
        after[key] = batches.add(after.get(key), event)
    tables.put_batches(after, known=before)


def _project_suppressions(tables: Tables, facts: Iterable[Fact]) -> None:
    words = [fact.event for fact in facts if isinstance(fact.event, SuppressionAdded | SuppressionRemoved)]
    if words:
        tables.put_suppressions(words)


def _project_personal(tables: Tables, words: Iterable[PersonalWord], facts: Iterable[Fact]) -> None:
    """The last word counts, but an erased email has no personal part, in whatever order the two are read."""
    parts = {word.email_id: word.part for word in words}
    if parts:
        tables.put_personal(parts)
    touched = {*parts, *(fact.event.email_id for fact in facts if isinstance(fact.event, EmailErased))}
    if touched:
        tables.drop_erased(touched)
