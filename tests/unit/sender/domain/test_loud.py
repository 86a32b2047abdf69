"""Which destinations have a label of their own."""

from services.sender.domain.loud import MOST_COUNTED, MOST_LABELS, OFTEN, OTHERS, Loud


def often(loud: Loud, name: str) -> list[str]:
    return [loud.label(name) for _ in range(OFTEN + 1)]


def test_a_name_that_is_heard_often_gets_a_label() -> None:
    assert often(Loud(), "mx.example.com") == [OTHERS] * (OFTEN - 1) + ["mx.example.com"] * 2


def test_there_are_not_more_labels_than_that() -> None:
    loud = Loud()
    labels = {label for number in range(3 * MOST_LABELS) for label in often(loud, f"d{number}.example")}
    assert labels == {OTHERS, *(f"d{number}.example" for number in range(MOST_LABELS))}


def test_many_names_that_are_heard_once_take_no_label_and_no_memory() -> None:
    loud = Loud()
    assert {loud.label(f"d{number}.example") for number in range(3 * MOST_COUNTED)} == {OTHERS}
    assert len(loud._heard) <= MOST_COUNTED
    assert often(loud, "mx.example.com")[-1] == "mx.example.com"
