"""A server over TLS that takes nothing of a message before it is told to, and has hardly any buffer of its own."""

import socket
import ssl
import threading
from types import TracebackType
from typing import Final

REPLIES: Final = {b"EHLO": b"250-stuck\r\n250 STARTTLS\r\n", b"STAR": b"220 go\r\n", b"DATA": b"354 go\r\n"}


class StuckSmtp:
    """One session, on a thread: blocking sockets read only what is asked of them."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.go_on = threading.Event()
        self.message = b""
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._session)

    def __enter__(self) -> "StuckSmtp":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go_on.set()
        self._listener.close()
        self._thread.join(10)

    def _session(self) -> None:
        peer, _ = self._listener.accept()
        peer.sendall(b"220 stuck\r\n")
        try:
            while (verb := self._line(peer)[:4]) != b"DATA":
                peer.sendall(REPLIES.get(verb, b"250 ok\r\n"))
                if verb == b"STAR":
                    peer = self._context.wrap_socket(peer, server_side=True)
            peer.sendall(REPLIES[verb])
            self._take(peer)
        except OSError:
            pass  # the client has cut it
        finally:
            peer.close()

    def _line(self, peer: socket.socket) -> bytes:
        line = b""
        while not line.endswith(b"\r\n"):
            line += peer.recv(1) or b"DATA\r\n"
        return line

    def _take(self, peer: socket.socket) -> None:
        self.go_on.wait(10)
        while not self.message.endswith(b"\r\n.\r\n"):
            self.message += peer.recv(65536)
        peer.sendall(b"250 taken\r\n")
