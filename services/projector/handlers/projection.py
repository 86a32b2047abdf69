"""From facts to changes of the read models, in one transaction: load, fold, write, count, move the checkpoints."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from services.projector.domain import batch as batches
from services.projector.domain import email as emails
from services.projector.domain.email import EmailFold
from services.projector.domain.tally import Tally
from services.projector.handlers.ports import Batch, Fact, Key, PersonalWord, Tables
from shared.events import BatchEvent, EmailEvent, SuppressionAdded, SuppressionRemoved
from shared.topics import EVENTS, PERSONAL


def project(tables: Tables, batch: Batch) -> None:
    """Bring the read models up to the end of `batch`; what they have already is left out."""
    offsets = tables.lock(batch.reached)
    new = batch.past(offsets, events=EVENTS.name, personal=PERSONAL.name)
    tally = Tally()
    folds: dict[Key, EmailFold] = {}
    if new.facts:
        tables.add_events(new.facts)
        folds = _project_emails(tables, new.facts, tally)
        _project_batches(tables, new.facts)
        _project_suppressions(tables, new.facts)
    _project_personal(tables, new.personal, folds)
    tables.count(tally)  # last: these rows are shared with the other projectors
    tables.reach(new.reached)


def _project_emails(tables: Tables, facts: Iterable[Fact], tally: Tally) -> dict[Key, EmailFold]:
    stories: defaultdict[Key, list[EmailEvent]] = defaultdict(list)
    for fact in facts:
        event = fact.event
        if emails.concerns(event):
            stories[Key(event.tenant, event.email_id)].append(event)
    before = tables.take_emails(stories)
    after = {key: _fold(before.get(key), events) for key, events in stories.items()}
    for key, fold in after.items():
        tally.move(key.tenant, before.get(key), fold)
    tables.put_emails(after)
    return after


def _fold(fold: EmailFold | None, events: Iterable[EmailEvent]) -> EmailFold:
    for event in events:
        fold = emails.add(fold, event)
    assert fold is not None
    return fold


def _project_batches(tables: Tables, facts: Iterable[Fact]) -> None:
    events = [fact.event for fact in facts if isinstance(fact.event, BatchEvent)]
    if not events:
        return
    folds = tables.take_batches({Key(event.tenant, event.batch_id) for event in events})
    for event in events:
        key = Key(event.tenant, event.batch_id)
        folds[key] = batches.add(folds.get(key), event)
    tables.put_batches(folds)


def _project_suppressions(tables: Tables, facts: Iterable[Fact]) -> None:
    words = [fact.event for fact in facts if isinstance(fact.event, SuppressionAdded | SuppressionRemoved)]
    if words:
        tables.put_suppressions(words)


def _project_personal(tables: Tables, words: Iterable[PersonalWord], folds: Mapping[Key, EmailFold]) -> None:
    """The last word counts, but an erased email has no personal part, in whatever order the two are read.

    `folds` are the emails that this batch has facts of; whether another one was erased is for the tables to say.
    """
    parts = {word.email_id: word.part for word in words}
    if parts:
        tables.put_personal(parts)
    there = {email_id for email_id, part in parts.items() if part and Key(part.tenant, email_id) not in folds}
    suspects = there.union(key.id for key, fold in folds.items() if fold.state.erased)
    if suspects:
        tables.drop_erased(suspects)
