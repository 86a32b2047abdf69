"""Filled skeletons: the same bytes as when each mail is made whole, or nothing."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from services.sender.adapters.bodies import Finished, finish
from services.sender.adapters.links import TrackerLinks, links_of
from services.sender.adapters.skeletons import Skeletons
from shared.commands import SendEmail, Tracking
from shared.records import TemplateVersion
from shared.rendering.child import Templates, answer
from shared.rendering.frames import Request
from shared.rendering.renderer import Rendered
from tests.unit.sender.adapters.mails import KEYS, an_email

ADDRESS = "1 Main St & Co, Springfield"


def template(html: str | None, text: str | None = None, subject: str = "s") -> TemplateVersion:
    return TemplateVersion(tenant="default", name="t", version=1, subject=subject, html=html, text=text)


def asked(variables: dict[str, Any], **changes: Any) -> tuple[SendEmail, TrackerLinks, dict[str, Any]]:
    email = an_email(subject=None, text=None, template="t", variables=variables, **changes)
    links = links_of(email, tracker_url="https://t.acme.test", keys=KEYS)
    return email.request, links, {**variables, "unsubscribe_url": links.unsubscribe}


def whole(version: TemplateVersion, variables: dict[str, Any], **changes: Any) -> Finished | None:
    """What the rendering process makes of it, finished like any other content."""
    request, links, given = asked(variables, **changes)
    said = answer(
        Templates(),
        Request(
            tenant="default",
            name="t",
            version=1,
            subject=version.subject,
            html=version.html,
            text=version.text,
            variables=given,
            cpu_seconds=1.0,
        ),
    )
    if said.failure is not None:
        return None
    content = Rendered(subject=said.subject, html=said.html, text=said.text)
    return finish(request, content, links=links, postal_address=ADDRESS)


def filled(version: TemplateVersion, variables: dict[str, Any], **changes: Any) -> Finished | None:
    request, links, given = asked(variables, **changes)
    return Skeletons(postal_address=ADDRESS).filled(version, request, variables=given, links=links)


SIMPLE = [
    "{{ name }}",
    "{{ name|upper }}",
    "{{ name|trim|title }}",
    "{{ a.b }}",
    "{{ a['b']|lower }}",
    "{{ rows[0] }}",
    "{{ amount|round(2) }}",
    "{{ '%.2f'|format(amount) }}",
    "{{ nick|default('friend') }}",
    "{{ name|e }}",
    "{# a comment #}",
    '<a href="https://acme.test/pay?a=1&amp;n={{ name }}">pay</a>',
    "<a class=x title=\"{{ name }}\" href='{{ url }}'>",
    '<a href="{{ unsubscribe_url }}">leave</a>',
    '<a href="https://acme.test/x" data-no-track>y</a>',
    "<a href=https://acme.test/y>z</a>",
    '<img src="{{ url }}" alt="{{ name }}">',
    '<img src="https://cdn.acme.test/{{ name }}.png">',
    '<td style="width:{{ amount }}px">x</td>',
    "<!-- {{ name }} -->",
    "<!--[if mso]><v:rect href='{{ url }}'></v:rect><![endif]-->",
    "<style>a { color: {{ name }} }</style>",
    "<title>{{ name }}</title>",
    "<p>{{ name }}</p>\n",
    "1 < 2 & 3 &copy; ü ",
    "plain text = of some length, so that it has to be folded somewhere along the way to its end ",
    "  double  spaces\tand a tab ",
    "\n",
    "one line\nand another one\n",
    ".\n",
    "\r\n",
    "1 Main St ",
]
PIECES = [
    *SIMPLE,
    "{% for row in rows %}",
    "{% for name in a.list %}",
    "<p>",
    "</p>",
    "</a>",
    "{{ row }}",
    "{{ loop.index }}/{{ loop.length }}",
    "{% endfor %}",
    "{% if name %}",
    "{% if amount > 3 and not flag %}",
    "{% elif nick is defined %}",
    "{% else %}",
    "{% endif %}",
    "{% set x = 1 %}",
    "{{ name * 2 }}",
    "{{ name|safe }}",
    "<a href={{ url }}>",
    '<a href="https://acme.test/&am{{ name }}">',
    '<img src="java{{ name }}">',
    '<img src="&{{ name }}">',
    "<{{ name }}>",
    "<!-- {{ name }}-->",
    "<script>{{ name }}</script>",
    "<!DOCTYPE html>",
    "<html><body>",
    "<body>",
    "</body></html>",
    "<table><tr>",
    "</tr></table>",
    "1 Main St &amp; Co, Springfield",
    ADDRESS,
]
TURNS = ["{{ row }}", "{{ loop.index }}/{{ loop.length }} ", '<a href="https://acme.test/{{ row }}">x</a>\n']
WORDS = ["Jo", "José & Søn", "<b>", "O'Neil", "", "two  words ", "1 Main St", "x" * 90]
STRANGE = [
    "a\rb",
    "a\r\n",
    "\n\n.",
    "script:alert(1)",
    "p;",
    "-",
    ADDRESS,
    "& Co, Springfield",
    "#58;",
    "\ue0000\ue001",
    "=",
]
STRANGER: list[Any] = [
    None,
    True,
    2**63,
    -(2**63) - 1,
    10**30,
    1e300,
    -0.0,
    [],
    ["x"],
    {"b": 1},
    "\x00",
    "\xa0",
    "ü" * 80,
]
LINKS = ["https://x.test/a?b=c&d=e", "http://x.test"]
STRANGE_LINKS = [*LINKS, "javascript:x()", "mailto:a@b.test", "x", "/c/"]


def nested(random: Random, pieces: list[str], *, depth: int) -> str:
    """Pieces, and loops and choices of pieces, which end."""

    def inside(more: Sequence[str] = ()) -> str:
        return nested(random, [*pieces, *more], depth=depth + 1)

    found = []
    for _ in range(random.randrange(9 - 2 * depth)):
        match random.randrange(12 if depth < 2 else 8):
            case 8:
                found.append(f"{{% for row in rows %}}{inside(TURNS * 3)}{{% endfor %}}")
            case 9:
                found.append(f"{{% for name in a.list -%}}{inside()}{{% endfor %}}")
            case 10:
                test = random.choice(["amount > 3 and not flag", "flag or a.b", "a.b == 'Jo'", "nick is undefined"])
                found.append(f"{{% if {test} %}}{inside()}{{% elif nick is defined %}}{inside()}{{% endif %}}")
            case 11:
                found.append(f"{{% if name %}}{inside()}{{% else %}}{inside()}{{% endif %}}")
            case _:
                found.append(random.choice(pieces))
    return "".join(found)


def page(random: Random) -> str:
    inside = nested(random, SIMPLE, depth=0)
    return random.choice([inside, f"<!DOCTYPE html>\n<html>\n<body>\n{inside}</body>\n</html>\n"])


def wild(random: Random) -> str:
    return "".join(random.choices(PIECES, k=random.randrange(14)))


def variables(random: Random, *, strange: bool) -> dict[str, Any]:
    def word() -> Any:
        chosen = random.choice([WORDS, WORDS, STRANGE, STRANGER] if strange else [WORDS])
        return random.choice(chosen)

    found = {
        "name": word(),
        "amount": word() if strange and random.random() < 0.1 else random.choice([0, 3.14159, 7, -1.5]),
        "rows": word() if strange and random.random() < 0.1 else [word() for _ in range(random.randrange(1, 4))],
        "a": {"b": word(), "list": [word() for _ in range(random.randrange(3))]},
        "flag": random.random() < 0.5,
        "url": random.choice(LINKS)
        if not strange
        else random.choice([*LINKS, "javascript:x()", "mailto:a@b.test", "x"]),
    }
    return found | ({"nick": word()} if random.random() < 0.5 else {})


def changes(random: Random) -> dict[str, Any]:
    tracking = Tracking(opens=random.random() < 0.7, clicks=random.random() < 0.7)
    return {"stream": random.choice(["transactional", "broadcast"]), "tracking": tracking}


def filled_share(seeds: range, source: Callable[[Random], str], *, strange: bool) -> float:
    """How many of so many random mails were filled in; each of them as it would be when made whole."""
    count = 0
    for seed in seeds:
        random = Random(seed)
        parts = [source(random) if random.random() < 0.8 else None for _ in range(2)]
        version, given, how = (
            template(parts[0], parts[1], source(random)),
            variables(random, strange=strange),
            changes(random),
        )
        found = filled(version, given, **how)
        count += found is not None
        assert found is None or same(found) == same(whole(version, given, **how)), f"seed {seed}"
    return count / len(seeds)


def same(content: Finished | None) -> list[object]:
    """What must be the same, in however many pieces it is hashed."""
    assert content is not None
    parts = [part for part in (content.html, content.text) if part is not None]
    return [content.subject, *((part.fields, part.body, b"".join(part.relaxed)) for part in parts)]


def test_ordinary_mail_is_filled_in_and_the_same() -> None:
    assert filled_share(range(250), page, strange=False) > 0.4


def test_strange_values_make_no_difference() -> None:
    assert filled_share(range(250), page, strange=True) > 0.1


def test_strange_templates_make_no_difference() -> None:
    assert filled_share(range(250), wild, strange=True) > 0.01


def is_filled(html: str, **given: Any) -> bool:
    return filled(template(html, "Hello"), given) is not None


def test_what_costs_much_is_left_to_the_rendering_process() -> None:
    assert is_filled("{% for x in xs %}{{ x }}{% endfor %}", xs=["x"] * 5000)
    assert not is_filled("{% for x in xs %}{{ x }}{% endfor %}", xs=["x"] * 20_000)
    twice = "{% for x in xs %}{% for y in xs %}{% if x == y %}{% endif %}{% endfor %}{% endfor %}"
    assert is_filled(twice, xs=["x"] * 50) and not is_filled(twice, xs=["x"] * 200)
    assert not is_filled("{% for x in xs %}{{ big }}{% endfor %}", xs=[1] * 1000, big="x" * 1000)
    assert not is_filled("{% for x in xs %}" + "<p>long</p>\n" * 100 + "{% endfor %}", xs=[1] * 1000)
    assert not is_filled("{% for x in xs %}{% if big == big %}{% endif %}{% endfor %}", xs=[1], big="x" * 10_000)
    assert not is_filled("{% for x in xs %}{% if xs == xs %}{% endif %}{% endfor %}", xs=[1])
    assert not is_filled("{{ big|upper }}", big="x" * 10_000) and is_filled("{{ big }}", big="x" * 10_000)


def test_what_is_not_simple_is_left_to_the_rendering_process() -> None:
    sources = ["{{ x + 1 }}", "{{ x.items }}", "{{ range(3) }}", "{{ x|join }}", "{% set y = 1 %}", "{{ self }}", "{{"]
    sources += ["{{ x|round(-5) }}", "{{ '%999d'|format(x) }}", "{% for a, b in x %}{% endfor %}", "{{ loop.index }}"]
    assert not any(is_filled(source, x=5) for source in sources)
    assert not is_filled("{{ missing }}") and not is_filled("{% if missing %}{% endif %}")


def test_a_version_is_read_once() -> None:
    skeletons = Skeletons(postal_address=None)
    request, links, given = asked({"name": "Jo"})
    first = skeletons.filled(template("{{ name }}", "Hello"), request, variables=given, links=links)
    again = skeletons.filled(
        template("another version would have another number", "Hello"), request, variables=given, links=links
    )
    assert first == again is not None
