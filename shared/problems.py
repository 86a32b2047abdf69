"""The error catalogue, as data: every code that an answer, or an `email.rejected` event, can carry."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A kind of error. `status` is the HTTP status, `mend` what the caller can do about it."""

    code: str
    status: int
    title: str
    mend: str

    @property
    def type(self) -> str:
        """The stable type (RFC 9457 section 3.1.1): a reference that the API itself answers with a page."""
        return f"/errors/{self.code}"


def _problem(code: str, status: int, title: str, mend: str) -> Problem:
    return Problem(code=code, status=status, title=title, mend=mend)


_ALL: Final = (
    # What is asked cannot be read.
    _problem("malformed_json", 400, "Not JSON", "Send one JSON document, in UTF-8."),
    _problem("malformed_csv", 400, "Not CSV", "Send UTF-8, commas, a first row of column names; see RFC 4180."),
    _problem("malformed_compression", 400, "Cannot be unpacked", "Send one whole gzip stream, or no Content-Encoding."),
    _problem("body_stalled", 408, "The body stopped coming", "Send again, under the same Idempotency-Key."),
    _problem("invalid_parameter", 400, "Parameter not understood", "Correct the path, query or header named."),
    _problem("body_too_large", 413, "Too large", "Send less: large files belong behind a link."),
    _problem("unsupported_encoding", 415, "Content-Encoding not supported", "Send the body uncompressed."),
    _problem("unknown_field", 422, "Unknown field", "Remove it, or correct its spelling; see the API's schema."),
    _problem("wrong_type", 422, "Wrong type or value", "Give what the schema says for the field named."),
    _problem("missing_field", 422, "Field missing", "Add the field named."),
    _problem("too_many_items", 422, "Too many items", "Send fewer, or split the request."),
    _problem("too_long", 422, "Text too long", "Shorten the field named."),
    _problem("nesting_too_deep", 422, "Nested too deeply", "Flatten the document."),
    _problem(
        "invalid_characters", 422, "Characters not allowed", "Remove line ends, control and other odd characters."
    ),
    # The email breaks a rule.
    _problem(
        "invalid_address", 422, "Not an address that can be sent to", "Write local@domain, or Name <local@domain>."
    ),
    _problem(
        "unknown_sender_domain", 422, "Sender domain not configured", "Use a configured domain in From, or add it."
    ),
    _problem(
        "unknown_template", 422, "No such template", "Publish the template first, or correct its name or version."
    ),
    _problem("missing_variable", 422, "Template variable missing", "Give every variable that the template requires."),
    _problem(
        "invalid_variable", 422, "Template variable not as its schema says", "Correct the variable named by `field`."
    ),
    _problem("invalid_schema", 422, "Schema cannot be used", "Give a JSON Schema (2020-12) without references."),
    _problem("rendering_failed", 422, "Template cannot be rendered", "Correct the template, or the variables given."),
    _problem("invalid_template", 422, "Template cannot be used", "Correct the template's syntax where it says."),
    _problem("content_missing", 422, "Nothing to send", "Give subject and html or text, or a template."),
    _problem(
        "content_conflict", 422, "Contradictory content", "Give either own content or a template, each part once."
    ),
    _problem(
        "header_not_allowed", 422, "Header not allowed", "Leave it out: Postlog writes it, or its name is not valid."
    ),
    _problem(
        "attachment_invalid", 422, "Attachment cannot be used", "Give a plain file name, a media type and base64."
    ),
    _problem("attachment_too_large", 422, "Attachments too large", "Attach less than 10 MiB in all, or send a link."),
    _problem("send_at_too_far", 422, "Scheduled too far ahead", "Schedule at most a year ahead."),
    _problem("already_expired", 422, "Expires before it is sent", "Give an expires_at after now and after send_at."),
    _problem(
        "postal_address_missing", 422, "No postal address", "Set POSTLOG_POSTAL_ADDRESS: broadcast must show one."
    ),
    # Identity.
    _problem("idempotency_conflict", 422, "Same key, another body", "Repeat the very same request, or use a new key."),
    _problem("id_conflict", 409, "Id is taken", "Use a new email_id."),
    _problem("id_too_old", 422, "Id too old", "Use an email_id made within the last 7 days."),
    _problem("unknown_email", 404, "No such email", "Check the id; a new email is known once it was read."),
    _problem("already_final", 409, "Email is final", "Nothing can be changed any more."),
    _problem("not_in_doubt", 409, "Not in doubt", "Only an email whose outcome is unknown can be resolved."),
    _problem("precondition_failed", 412, "Changed meanwhile", "Fetch it again, and repeat the change with its ETag."),
    _problem("not_failed", 409, "Did not fail", "Only an email that failed or bounced can be retried."),
    _problem("source_gone", 410, "Content not kept", "What was asked is not kept any more: send it as a new email."),
    _problem("too_late", 409, "Too late", "An attempt has begun, or the email is final."),
    _problem("batch_cancelled", 409, "Batch is cancelled", "Nothing more can be asked of it; send a new batch."),
    # Who asks, and for what.
    _problem("unauthorized", 401, "API key needed", "Send Authorization: Bearer and a key of `postlog keys create`."),
    _problem(
        "scope_missing", 403, "Key may not do this", "Use a key that has the scope: `postlog keys create --scope`."
    ),
    _problem("operators_only", 403, "For operators", "Use a key of the tenant that POSTLOG_OPERATOR_TENANT names."),
    _problem("too_many_watchers", 429, "Too many watch", "End a stream of progress, or ask for the batch itself."),
    _problem("not_found", 404, "Not found", "Check the id or the path."),
    _problem("method_not_allowed", 405, "Method not allowed", "Use one of the methods in the Allow header."),
    # Our side.
    _problem("kafka_unavailable", 503, "Kafka does not answer", "Ask again after Retry-After; use an Idempotency-Key."),
    _problem("database_unavailable", 503, "Database does not answer", "Ask again after Retry-After."),
    _problem("storage_unavailable", 503, "Blob store does not answer", "Ask again after Retry-After."),
    _problem("renderer_unavailable", 503, "Rendering process does not start", "Ask again after Retry-After."),
    _problem("internal_error", 500, "Our mistake", "Ask again; if it stays, report the request id."),
)
PROBLEMS: Final = {problem.code: problem for problem in _ALL}
