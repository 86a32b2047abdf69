"""The certificates that a TLS peer has shown."""

import ssl
from typing import Any, Final

_DER: Final = 2  # _ssl.ENCODING_DER


def chain(channel: ssl.SSLObject) -> tuple[bytes, ...]:
    """In DER, the server's own first, as it was sent: nothing is verified by that.

    Python has a public way since 3.13; before that the same is there under the covers, and where it is not, there is
    the server's own certificate.
    """
    if hasattr(channel, "get_unverified_chain"):
        return tuple(channel.get_unverified_chain())
    inner: Any = getattr(channel, "_sslobj", None)
    if hasattr(inner, "get_unverified_chain"):
        return tuple(certificate.public_bytes(_DER) for certificate in inner.get_unverified_chain() or ())
    own = channel.getpeercert(binary_form=True)
    return (own,) if own else ()
