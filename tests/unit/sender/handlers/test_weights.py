"""Who has how many turns in a row."""

from services.sender.handlers.weights import Weights
from shared.records import Control
from tests.fakes.controls import Said


def test_an_operators_word_outweighs_the_settings_which_outweigh_one() -> None:
    said = Said()
    weights = Weights({"acme": 3, "globex": 2}, controls=said)
    assert [weights.weigh(1, name) for name in ("acme", "globex", "other")] == [3, 2, 1]
    said.say(Control(tenant="default", kind="weight", name="acme", weight=5))
    said.say(Control(tenant="acme", kind="weight", name="019ab0c1-f8a0-7b13-8e52-0c4d9a7b6e21", weight=4))
    assert weights.weigh(1, "acme") == 5
    assert weights.weigh(2, "019ab0c1-f8a0-7b13-8e52-0c4d9a7b6e21") == 4


def test_streams_keep_their_own_and_batches_are_equal() -> None:
    weights = Weights({"broadcast": 9}, controls=Said())
    assert (weights.weigh(0, "transactional"), weights.weigh(0, "broadcast"), weights.weigh(2, "")) == (4, 1, 1)
