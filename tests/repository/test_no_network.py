"""The trip-wire of the tests itself."""

import asyncio
import socket

import pytest

from tests import no_network


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80, 0, 0)])
def test_a_far_address_is_refused_and_recorded(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as sock, pytest.raises(no_network.NetworkBlocked):
        sock.connect(address)
    assert no_network.attempts == [f"socket.connect to {address[0]!r}"]
    no_network.attempts.clear()


def test_a_far_name_is_not_even_looked_up() -> None:
    with pytest.raises(no_network.NetworkBlocked):
        socket.create_connection(("example.org", 443), timeout=1)
    assert no_network.attempts == ["socket.getaddrinfo to 'example.org'"]
    no_network.attempts.clear()


async def test_this_machine_is_allowed() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()
        await writer.wait_closed()

    async with asyncio.timeout(5), await asyncio.start_server(greet, "localhost", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("localhost", port)
        assert await reader.read() == b"hello"
        writer.close()
        await writer.wait_closed()
