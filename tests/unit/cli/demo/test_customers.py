"""The example's customers as requests."""

from cli.demo.customers import batch_request, load_customers, template_source
from cli.inbox.behaviours import BEHAVIOURS, behaviour_of


def test_the_file_has_300_customers_whose_lines_add_up_and_every_behaviour() -> None:
    customers = load_customers(300)
    assert len(customers) == 300
    assert len({customer.row["invoice"] for customer in customers}) == 300
    assert len({customer.email for customer in customers}) == 300
    for customer in customers:
        cents = sum(int(line["amount"].replace(".", "")) for line in customer.lines)
        assert f"{cents // 100}.{cents % 100:02}" == customer.row["total"]
    assert {behaviour_of(customer.email) for customer in customers} == set(BEHAVIOURS)


def test_requests_carry_template_variables_and_a_pdf() -> None:
    request = batch_request(load_customers(2))
    (attachment,) = request["emails"][0]["attachments"]
    assert attachment["filename"] == "2026-0001.pdf"
    assert request["defaults"]["template"] == "invoice"
    assert request["emails"][0]["variables"]["pay_url"].endswith("/2026-0001")
    assert "{{ pay_url }}" in template_source()["html"]


def test_the_expected_subject_is_what_the_template_says() -> None:
    (customer,) = load_customers(1)
    rendered = template_source()["subject"]
    for name, value in customer.row.items():
        rendered = rendered.replace(f"{{{{ {name} }}}}", value)
    assert customer.subject == rendered
