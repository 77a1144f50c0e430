"""A trip-wire: once armed, this process reaches no host but its own.

An audit hook sees every socket that Python opens, whichever library opens it, and cannot be
patched away. What was tried is kept too, so that a test fails even if the code under test swallows
the error.
"""

import ipaddress
import sys
from typing import Any

attempts: list[str] = []


class NetworkBlocked(OSError):
    """A test tried to leave this machine."""


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str) or host in {"", "localhost"}:
        return True  # None and "" mean: any address of this machine
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _watch(event: str, args: tuple[Any, ...]) -> None:
    match event:
        case "socket.connect" | "socket.sendto":
            address = args[1]
            host = address[0] if isinstance(address, tuple) else None  # a str: a unix socket
        case "socket.getaddrinfo" | "socket.gethostbyname":
            host = args[0]
        case _:
            return
    if not _is_local(host):
        attempts.append(f"{event} to {host!r}")
        raise NetworkBlocked(f"tests stay on this machine, but this one tried {attempts[-1]}")


def arm() -> None:
    """Block the network for the rest of this process."""
    sys.addaudithook(_watch)
