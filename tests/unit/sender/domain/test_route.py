"""Routes and how long things may take."""

from services.sender.domain.route import Route, Timeouts


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Route(host="relay.acme.test", username="u", password="secret"))


def test_timeouts_are_those_of_rfc_5321_unless_a_reply_must_come_sooner() -> None:
    usual, quick = Timeouts(), Timeouts(reply=5)
    assert (usual.reply, usual.data, usual.block, usual.final_dot) == (300, 120, 180, 600)
    assert (quick.data, quick.block, quick.final_dot) == (5, 5, 600)
