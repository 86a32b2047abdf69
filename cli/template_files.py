"""A template as files in a folder: `NAME.subject.txt`, with `NAME.html` or `NAME.txt` or both.

`NAME.schema.json`, when it is there, is the JSON Schema of its variables.
"""

import json
from pathlib import Path
from typing import Any, Final

from cli.errors import CommandError

BUILT_IN: Final = ("invoice", "receipt", "password-reset", "newsletter")
_OURS: Final = Path(__file__).parent / "templates"


def built_in(name: str) -> dict[str, Any]:
    """The content of one of the templates that Postlog ships with, as the API takes it."""
    return read_template(name, _OURS)


def read_template(name: str, folder: Path) -> dict[str, Any]:
    """The template's content, as the API takes it; raises CommandError when files are missing or not UTF-8."""
    subject = _text(folder / f"{name}.subject.txt")
    if subject is None:
        raise CommandError(f"there is no {folder / name}.subject.txt: its first line is the subject")
    bodies = {"html": _text(folder / f"{name}.html"), "text": _text(folder / f"{name}.txt")}
    found: dict[str, Any] = {part: body for part, body in bodies.items() if body is not None}
    if (schema := _schema(folder / f"{name}.schema.json")) is not None:
        found["variables_schema"] = schema
    return {"subject": subject.strip()} | found


def _schema(path: Path) -> Any:
    text = _text(path)
    try:
        return None if text is None else json.loads(text)
    except ValueError as error:
        raise CommandError(f"{path}: {error}") from None


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: {error}") from None
