"""A real DNS server on loopback (UDP and TCP on one port) that answers from a zone of the test's, or misbehaves."""

import asyncio
import struct
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Final, cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

SILENCE: Final = "(no answer)"
SERVFAIL: Final = "(SERVFAIL)"
SOA: Final = "ns.test. hostmaster.test. 1 3600 600 86400 {minimum}"


class DnsServer:
    """`zone` holds lines `name TTL TYPE data`; `broken` names or `name TYPE` that get `SILENCE` or `SERVFAIL`.

    `secure`: names whose answers carry the AD bit, when asked for. `truncated`: names that UDP answers with TC alone.
    `asked` counts questions; `over_tcp` those that came by TCP.
    """

    def __init__(self, zone: str = "", *, broken: dict[str, str] | None = None, negative_ttl: int = 60) -> None:
        self.records: list[str] = [line.strip() for line in zone.splitlines() if line.strip()]
        self.broken = broken or {}
        self.secure: set[str] = set()
        self.truncated: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.over_tcp: Counter[str] = Counter()
        self.negative_ttl = negative_ttl
        self.port = 0

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", self.port

    async def __aenter__(self) -> "DnsServer":
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._stream, "127.0.0.1", 0)
        self.port = self._tcp.sockets[0].getsockname()[1]
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=self.address)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._udp.close()
        self._tcp.close()
        await self._tcp.wait_closed()

    def answer(self, wire: bytes, *, tcp: bool) -> bytes | None:
        """The response to a query, or None."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        (self.over_tcp if tcp else self.asked)[f"{name} {kind}"] += 1
        trouble = self.broken.get(f"{name} {kind}", self.broken.get(name))
        if trouble == SILENCE:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if trouble == SERVFAIL:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif name in self.truncated and not tcp:
            response.flags |= dns.flags.TC
        else:
            self._fill(response, name, kind)
            if name in self.secure and query.flags & dns.flags.AD:
                response.flags |= dns.flags.AD
        return response.to_wire()

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(8):  # the end of a chain of CNAMEs, or of patience with a loop
            response.answer += self._found(name, (kind,))
            chain = self._found(name, ("CNAME",))
            if not chain or kind == "CNAME":
                break
            response.answer += chain
            name = chain[0][0].to_text().removesuffix(".")
        if not self._found(name, (kind, "CNAME")):
            exists = any(line.split()[0] == name or line.split()[0].endswith(f".{name}") for line in self.records)
            response.set_rcode(dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN)
            soa = SOA.format(minimum=self.negative_ttl)
            response.authority.append(dns.rrset.from_text(dns.name.root, self.negative_ttl, "IN", "SOA", soa))

    def _found(self, name: str, kinds: Iterable[str]) -> list[dns.rrset.RRset]:
        sets: dict[str, tuple[int, list[str]]] = {}
        for line in self.records:
            owner, ttl, kind, data = line.split(maxsplit=3)
            if owner == name and kind in kinds:
                sets.setdefault(kind, (int(ttl), []))[1].append(data)
        return [dns.rrset.from_text_list(f"{name}.", ttl, "IN", kind, data) for kind, (ttl, data) in sets.items()]

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            response = self.answer(await reader.readexactly(length), tcp=True)
            if response is not None:
                writer.write(struct.pack("!H", len(response)) + response)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # it went away
        finally:
            writer.transport.abort() if writer.transport.is_closing() else writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = self._server.answer(data, tcp=False)
        if response is not None:
            self._transport.sendto(response, addr)
