"""No address and no name of the input stands anywhere in the log's records."""

import json
from collections.abc import Collection, Iterator
from typing import Any

from cli.demo.checks.figure import Check
from cli.demo.evidence import Evidence
from cli.demo.log import Record


def checks(seen: Evidence) -> list[Check]:
    """Personal data in the log."""
    words = seen.order.personal_words()
    return [
        Check(
            figure=f"in email.events, of {len(words)} addresses and names",
            expected=[],
            found=personal_data_in(seen.records, words=words),
        )
    ]


def personal_data_in(records: Collection[Record], *, words: Collection[str]) -> list[str]:
    """The words that stand in any key, header or value, in any case: in its bytes as they are, or in its JSON strings.

    An address is looked for with `=` in place of its `@` too, as a VERP address would have it.
    """
    everything = "\n".join(text for record in records for text in _texts(record)).casefold()
    return sorted(
        word for word in words if any(form.casefold() in everything for form in {word, word.replace("@", "=")})
    )


def _texts(record: Record) -> Iterator[str]:
    for part in (record.key, *record.headers, record.value):
        yield part.decode("utf-8", "replace")
    if record.value:
        yield from _strings(json.loads(record.value))


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from (text for pair in value.items() for part in pair for text in _strings(part))
        case list():
            yield from (text for part in value for text in _strings(part))
