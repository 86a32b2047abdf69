"""What makes an email acceptable: one set of rules, the same over HTTP and on Kafka. Pure."""

from shared.acceptance.check import Accepted, check
from shared.acceptance.decoding import from_decode_error
from shared.acceptance.mailboxes import Mailbox, parse_mailbox
from shared.acceptance.refusal import Refusal
from shared.acceptance.texts import valid_name

__all__ = ["Accepted", "Mailbox", "Refusal", "check", "from_decode_error", "parse_mailbox", "valid_name"]
