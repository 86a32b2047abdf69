"""Limits on one email. Sizes are in bytes, lengths in characters."""

from datetime import timedelta
from typing import Final

MAX_RECORD: Final = 900_000  # the encoded command: with the sender's notes it must fit into a record of 1 MB
MAX_BODY: Final = 5 * 1024 * 1024  # html and text, each
INLINE_BODY: Final = 64 * 1024  # a larger body is stored apart
MAX_SUBJECT: Final = 998
MAX_DISPLAY_NAME: Final = 200
MAX_REFERENCE: Final = 200
MAX_TAGS: Final = 20
MAX_TAG: Final = 64
MAX_METADATA: Final = 50
MAX_METADATA_KEY: Final = 64
MAX_METADATA_VALUE: Final = 500
MAX_HEADERS: Final = 50
MAX_HEADER_VALUE: Final = 998
MAX_VARIABLES_DEPTH: Final = 16
MAX_ATTACHMENTS: Final = 20
MAX_ATTACHMENTS_BYTES: Final = 10 * 1024 * 1024  # decoded, in all
MAX_FILENAME: Final = 200
MAX_SEND_AHEAD: Final = timedelta(days=365)
