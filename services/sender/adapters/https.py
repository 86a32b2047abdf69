"""HTTPS to hosts that somebody else names: only public addresses, only what was checked, no redirects, with limits."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import httpx2

from services.sender.adapters.resolver import Resolver
from shared.public_addresses import Network, may_be_reached

MOST_TRIED: Final = 3  # addresses of a host
PORT: Final = 443


class NoAnswer(Exception):
    """There was no usable answer; `certificate` when that was because of the server's certificate."""

    def __init__(self, detail: str, *, certificate: bool = False) -> None:
        super().__init__(detail)
        self.certificate = certificate


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server said."""

    status: int
    media_type: str
    body: bytes


class Https:
    """Names are resolved once, every address is checked, and the connection goes to a checked one (SSRF, rebinding).

    `seconds` is for all of one request, `limit` the octets of an answer. `port` is another one in tests.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        seconds: float = 15,
        limit: int = 64 * 1024,
        allowed: Sequence[Network] = (),
        port: int = PORT,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._resolver = resolver
        self._seconds = seconds
        self._limit = limit
        self._allowed = allowed
        self._port = port
        self._trust = trust

    async def get(self, host: str, path: str) -> Answer:
        """Fetch; raises `NoAnswer`."""
        return await self._ask("GET", host, path)

    async def post(self, host: str, path: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Hand over; raises `NoAnswer`."""
        return await self._ask("POST", host, path, body=body, headers=headers)

    async def _ask(
        self, method: str, host: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        try:
            async with asyncio.timeout(self._seconds):
                addresses = await self._addresses(host)
                transport = httpx2.AsyncHTTPTransport(verify=self._context, http2=False, trust_env=False)
                async with httpx2.AsyncClient(transport=transport, trust_env=False, timeout=None) as client:
                    plain = {"user-agent": "postlog", "accept-encoding": "identity", **(headers or {})}
                    request = client.build_request(method, f"https://{host}{path}", content=body, headers=plain)
                    return await self._answer(client, request, addresses)
        except TimeoutError:
            raise NoAnswer(f"no whole answer from {host} in {self._seconds:g} s") from None

    async def _addresses(self, host: str) -> list[str]:
        lookups = await asyncio.gather(self._resolver.ipv4(host), self._resolver.ipv6(host))
        found = [address for lookup in lookups for address in lookup.records]
        if not found:
            raise NoAnswer(f"{host} has no address that can be had")
        if refused := [each for each in found if not may_be_reached(each, allowed=self._allowed)]:
            raise NoAnswer(f"{host} has an address that is not public: {refused[0]}")
        return found[:MOST_TRIED]

    async def _answer(self, client: httpx2.AsyncClient, request: httpx2.Request, addresses: list[str]) -> Answer:
        name, trouble = request.url.host, NoAnswer("no address")
        request.extensions["sni_hostname"] = name  # the certificate is that of the name, wherever we connect to
        for address in addresses:
            request.url = request.url.copy_with(host=address, port=self._port)
            try:
                return await self._read(await client.send(request, stream=True, follow_redirects=False))
            except httpx2.TransportError as error:
                trouble = NoAnswer(f"{name}: {error}", certificate="CERTIFICATE_VERIFY_FAILED" in str(error))
        raise trouble

    async def _read(self, response: httpx2.Response) -> Answer:
        try:
            body = bytearray()
            async for block in response.aiter_raw():
                body += block
                if len(body) > self._limit:
                    raise NoAnswer(f"the answer has more than {self._limit} octets")
        finally:
            await response.aclose()
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Answer(status=response.status_code, media_type=media_type, body=bytes(body))

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._trust or ssl.create_default_context()
