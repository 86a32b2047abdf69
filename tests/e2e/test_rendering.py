"""A template that loops or explodes ends its own email, and nothing else: no worker hangs."""

from typing import Any

import pytest

from tests.e2e.asking import becomes, mail, mails, send, timeline
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
FOR_EVER = "{% for a in range(99999) %}{% for b in range(99999) %}{% if a < 0 %}x{% endif %}{% endfor %}{% endfor %}"
HARMFUL = {"loops": FOR_EVER, "explodes": "{{ 'x' * 900000000 }}", "breaks": "{{ 1 / none_of_these }}"}
MEANWHILE = 3


def test_a_harmful_template_fails_and_the_next_email_is_delivered(world: World) -> None:
    for name, text in {**HARMFUL, "fine": "Hello {{ name }}."}.items():
        answer = world.api.put(f"/v1/templates/{name}", json={"subject": "Hello", "text": text})
        assert answer.status_code == 200, answer.text
    harmful = {
        name: send(world, f"{name}@render.example", template=name, subject=None, text=None, variables=variables)
        for name, variables in (("loops", {}), ("explodes", {}), ("breaks", {"none_of_these": 0}))
    }
    next_one: dict[str, Any] = {"template": "fine", "subject": None, "text": None, "variables": {"name": "Zoë"}}
    fine = [send(world, f"fine{number}@render.example", **next_one) for number in range(MEANWHILE)]
    for email_id in fine:
        becomes(world, email_id, "delivered")
        assert mail(world, email_id).get_content().strip() == "Hello Zoë."
    for name, email_id in harmful.items():
        seen = becomes(world, email_id, "failed")
        assert timeline(seen) == ["queued", "failed"], f"{name}: no attempt began"
        assert (seen["timeline"][1]["reason"], seen["error_code"]) == ("rendering", "rendering")
        assert mails(world, email_id) == []
