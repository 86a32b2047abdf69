"""A transport with a socket of which a test says how much it takes: what it does not take lingers in a buffer."""

import asyncio


class NarrowTransport(asyncio.Transport):
    """`room` octets can still leave; `left` have left; the rest waits."""

    def __init__(self, protocol: asyncio.Protocol, *, room: int) -> None:
        super().__init__()
        self.left = bytearray()
        self.aborted = False
        self._waiting = bytearray()
        self._room = room
        self._protocol = protocol
        self._limited = False
        protocol.connection_made(self)

    @property
    def room(self) -> int:
        """How much can still leave."""
        return self._room

    @room.setter
    def room(self, octets: int) -> None:
        self._room = octets
        self._move()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As a real one: what cannot leave waits, and the protocol is told by get_write_buffer_size."""
        assert self._limited, "real transports tell of large buffers only, unless told otherwise"
        self._waiting += data
        self._move()

    def get_write_buffer_size(self) -> int:
        """Octets that wait."""
        return len(self._waiting)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The protocol is told of any octet that waits."""
        self._limited = high == 0

    def abort(self) -> None:
        """What waits is thrown away."""
        self.aborted = True
        self._waiting.clear()

    def _move(self) -> None:
        leaving = self._waiting[: self._room]
        del self._waiting[: len(leaving)]
        self._room -= len(leaving)
        self.left += leaving
        if leaving and not self._waiting:
            self._protocol.resume_writing()
