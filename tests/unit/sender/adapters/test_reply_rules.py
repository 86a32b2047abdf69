"""Each rule on replies against a reply that means it, and against those that ask nothing of the destination."""

import re
from pathlib import Path
from typing import Final

import pytest

from services.sender.adapters.reply_rules import OURS, BadRules, load_rules
from shared.commands import SmtpResult

GMAIL, OUTLOOK, EXCHANGE = (
    "gmail-smtp-in.l.google.com",
    "hotmail-com.olc.protection.outlook.com",
    "acme-example.mail.protection.outlook.com",
)
YAHOO, ICLOUD, GMX = "mta5.am0.yahoodns.net", "mx01.mail.icloud.com", "mx00.gmx.net"
REPLIES: Final = [
    (
        "google-unsolicited-rate",
        GMAIL,
        "421 4.7.28 [192.0.2.1] Our system has detected an unusual rate of\n4.7.28 unsolicited mail originating "
        "from your IP address. To protect our users, mail sent from your IP address has been temporarily rate limited.",
    ),
    (
        "google-unsolicited-rate",
        GMAIL,
        "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your SPF domain.",
    ),
    (
        "google-unusual-rate",
        GMAIL,
        "421 4.7.0 Our system has detected an unusual rate of unsolicited mail originating from your IP address. To "
        "protect our users from spam, mail sent from your IP address has been temporarily blocked.",
    ),
    ("google-busy", GMAIL, "421 4.4.5 Server busy, try again later. - gsmtp"),
    ("google-busy", GMAIL, "421 4.3.0 Temporary System Problem. Try again later. - gsmtp"),
    ("google-busy", "aspmx.l.google.com", "421 4.7.0 Try again later, closing connection. - gsmtp"),
    (
        "outlook-mail-limit",
        OUTLOOK,
        "421 RP-001 (SNT0-MC2-F19) Unfortunately, some messages from 192.0.2.1 weren't sent. Please try again. We have "
        "limits for how many messages can be sent per hour and per day.",
    ),
    ("outlook-mail-limit", OUTLOOK, "421 RP-003 (BAY) The connection was refused, the rate of connections is too high"),
    (
        "outlook-connections",
        OUTLOOK,
        "451 4.7.652 The mail server [192.0.2.1] has exceeded the maximum number of connections. (S3115)",
    ),
    (
        "outlook-rate-limited",
        OUTLOOK,
        "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.",
    ),
    ("exchange-online-throttled", EXCHANGE, "451 4.7.500 Server busy. Please try again later. (S77719)"),
    (
        "outlook-blocked",
        OUTLOOK,
        "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service "
        "provider since part of their network is on our block list (S3150).",
    ),
    ("yahoo-permanently-deferred", YAHOO, "421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred"),
    ("yahoo-complaints", YAHOO, "421 4.7.0 [TS01] Messages from 192.0.2.1 temporarily deferred due to user complaints"),
    (
        "yahoo-deferred",
        YAHOO,
        "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
    ),
    ("yahoo-deferred", YAHOO, "421 Message temporarily deferred - 4.16.51"),
    ("icloud-unavailable", ICLOUD, "451 4.7.1 Service unavailable - try again later"),
    (
        "gmx-rate-limit",
        GMX,
        "421 web.de (mxweb113) Nemesis ESMTP Service not available\nReject due to policy restrictions\nToo many "
        "messages have been received in a short period of time. Please try again in a few hours.",
    ),
    (
        "gmx-block-listed",
        GMX,
        "554 gmx.net (mxgmx104) Nemesis ESMTP Service not available\nNo SMTP service\nIP address is block listed.",
    ),
    (
        "orange-connections",
        "smtp-in.orange.fr",
        "421 ME Trop de connexions. Too many connections, slow down. OFR004_104",
    ),
    ("orange-refused", "smtp-in.orange.fr", "421 ME Service refuse. Service refused, please try later. OFR_108"),
    (
        "free-too-many-spams",
        "mx1.free.fr",
        "421 Too many spams from your IP (192.0.2.1), see http://postmaster.free.fr/",
    ),
    ("comcast-sessions", "mx1.comcast.net", "421 resimta-po-17v.sys.comcast.net Too many sessions opened"),
    ("comcast-throttled", "mx1.comcast.net", "421 4.1.0 192.0.2.1 Throttled - try again later. Please see RL000001"),
    ("too-many-connections", "mx.example.net", "421 4.7.0 mx.example.net Error: too many connections from 192.0.2.1"),
    ("too-many-connections", "mx.example.net", "421 Too many concurrent SMTP connections; please try again later."),
    ("too-much-mail", "mx.example.net", "450 4.7.1 Rate limit exceeded, try again later"),
    ("too-much-mail", "mx.example.net", "451 4.7.1 You are sending too fast, slow down"),
    ("not-accepting-messages", "mx.example.net", "421 4.3.2 Service shutting down"),
    ("no-system-storage", "mx.example.net", "452 4.3.1 Insufficient system storage"),
]
ABOUT_ONE_EMAIL: Final = [
    (GMAIL, "450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend later."),
    (
        GMAIL,
        "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages",
    ),
    (GMAIL, "452 4.2.2 The recipient's inbox is out of storage space."),
    (GMAIL, "421 4.7.26 Your email has been rate limited because it is unauthenticated."),
    (ICLOUD, "421 4.7.1 Messages to <recipient> deferred due to excessive volume. Try again later - see HT204137"),
    ("mx.example.net", "450 4.2.0 <recipient>: Recipient address rejected: Greylisted"),
    ("mx.example.net", "450 4.2.2 mailbox rate limit exceeded"),
    ("mx.example.net", "452 4.5.3 Too many recipients"),
    ("mx.example.net", "451 4.7.5 Cryptographic failure"),
    ("mx.example.net", "550 5.1.1 no such user"),
    ("mx.example.net", "451 4.3.0 Temporary lookup failure"),
    ("mx.example.net", "554 5.7.1 a link in your message is listed"),
]
RULES: Final = load_rules(None)[0]


def result(host: str, reply: str) -> SmtpResult:
    code, text = int(reply[:3]), reply[4:]
    enhanced = re.match(r"[245]\.\d{1,3}\.\d{1,3}", text)
    return SmtpResult(
        smtp_phase="rcpt_to",
        smtp_reply_code=code,
        enhanced_status_code=enhanced.group() if enhanced else None,
        smtp_reply_text=text,
        mx_host=host,
    )


def matching(host: str, reply: str, *, site: str = "example.org") -> str | None:
    return next((rule.name for rule in RULES.rules if rule.matches(site, result(host, reply))), None)


@pytest.mark.parametrize(("name", "host", "reply"), REPLIES)
def test_a_reply_finds_its_rule(name: str, host: str, reply: str) -> None:
    assert matching(host, reply) == name


@pytest.mark.parametrize(("host", "reply"), ABOUT_ONE_EMAIL)
def test_a_reply_about_one_email_asks_nothing_of_the_destination(host: str, reply: str) -> None:
    assert matching(host, reply) is None


def test_every_rule_has_a_reply_a_source_and_a_name_of_its_own() -> None:
    names = [rule.name for rule in RULES.rules]
    assert set(names) == {name for name, _, _ in REPLIES}
    assert len(set(names)) == len(names)
    assert all(rule.source.startswith("https://") for rule in RULES.rules)


def test_a_site_is_known_by_its_name_too() -> None:
    assert matching("10.0.0.1", "421 4.4.5 Server busy, try again later.", site="google.com") == "google-busy"
    assert matching("10.0.0.1", "421 4.4.5 Server busy, try again later.", site="notgoogle.com") is None


def test_the_users_rules_are_asked_first(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('version = "7"\n[[rules]]\nname = "mine"\nsource = "our logs"\ncodes = [421]\npause = 5\n')
    mine, ours = load_rules(file)
    assert (mine.version, mine.rules[0].name, ours) == ("7", "mine", RULES)


def test_the_users_rules_may_be_json(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text('{"version":"1","rules":[{"name":"mine","source":"our logs","text":"(?-i:X1)","slow":0.5}]}')
    assert load_rules(file)[0].rules[0].slow == 0.5


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ('name = "a"\nsource = "s"\npause = 5', "would match every reply"),
        ('name = "a"\nsource = "s"\ncodes = [421]', "would do nothing"),
        ('name = "a"\nsource = "s"\ntext = "("\npause = 5', "no regular expression"),
        ('name = "a"\nsource = "s"\ncodes = [421]\nslow = 2.0', "slow"),
        ('name = "a"\nsource = "s"\ncodes = [421]\npaus = 5', "paus"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, rule: str, complaint: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'version = "1"\n[[rules]]\n{rule}\n')
    with pytest.raises(BadRules, match=complaint) as refused:
        load_rules(file)
    assert str(file) in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRules, match=r"missing\.toml"):
        load_rules(tmp_path / "missing.toml")


def test_our_rules_are_told_by_a_version() -> None:
    assert RULES.version and OURS.name == "reply_rules.toml"


def test_the_example_in_the_docs_is_a_file_of_rules(tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs/destinations.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "example.toml"
    file.write_text(example)
    (rule,) = load_rules(file)[0].rules
    assert rule.matches("mx.example.com", result("mx.example.com", "421 4.7.1 You are sending too fast"))
