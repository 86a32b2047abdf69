"""SIGHUP: the sender signs with the keys that its settings name by now. No mail goes unsigned or half signed."""

import signal
from collections.abc import Callable, Sequence
from threading import Thread

import structlog

from services.sender.adapters.dkim import Signer
from shared.dkim import DkimDomain

log = structlog.get_logger()


def renew_on_hangup(signer: Signer, *, read: Callable[[], Sequence[DkimDomain]]) -> None:
    """From now on, SIGHUP renews the keys with what `read` says; what is wrong is logged, and the keys stay."""

    def renew() -> None:
        try:
            signer.renew(read())
        except ValueError as error:
            log.error("DKIM keys not renewed, the old ones go on signing", why=str(error))
        else:
            log.info("DKIM keys renewed", selectors=signer.selectors())

    # in a thread: it reads files, and the interrupted code may be logging
    signal.signal(signal.SIGHUP, lambda *_: Thread(target=renew, name="dkim-renewal").start())
