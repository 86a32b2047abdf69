"""What a reader finds in a mail."""

from email.message import EmailMessage

from cli.inbox.reader import look


def test_a_mail_without_html_has_nothing_to_load() -> None:
    plain = EmailMessage()
    plain.set_content("text only")
    found = look(plain.as_bytes())
    assert found.images == [] and found.links == []


def test_links_and_images_of_the_html_part_in_order() -> None:
    mail = EmailMessage()
    mail.set_content("text")
    mail.add_alternative(
        '<a href="https://a.test/?x=1&amp;y=2">a</a><img src="https://a.test/o"><a>none</a>', subtype="html"
    )
    found = look(mail.as_bytes())
    assert (found.links, found.images) == (["https://a.test/?x=1&y=2"], ["https://a.test/o"])
