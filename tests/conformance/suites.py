"""Which suites there are, what they need, and how pytest is told to run them."""

import socket
from typing import NamedTuple

__all__ = ["PYTEST_OPTIONS", "SUITES", "Suite", "requirements"]


class Suite(NamedTuple):
    """One project's tests: CPython's come with the interpreter, others with the source archive."""

    name: str
    distribution: str = ""
    """On PyPI; empty: CPython's own."""
    needs: tuple[str, ...] = ()
    """For its tests only."""
    options: tuple[str, ...] = ()
    """For pytest, with the paths: relative to the unpacked distribution, or to package `test`."""


def _has_ipv6() -> bool:
    """Not so in many containers, and then what those tests leave behind fails others."""
    try:
        socket.getaddrinfo("localhost", 0, socket.AF_INET6)
    except OSError:
        return False
    return True


def _suite(name: str, distribution: str, needs: str, options: str, *more: str) -> Suite:
    return Suite(name, distribution, tuple(needs.split()), (*options.split(), *more))


PYTEST_OPTIONS = ("-q", "--no-header", "--tb=short", "-p", "no:cacheprovider")

_ASYNCIO = """
    test_asyncio --assert=plain -o python_classes=- -o python_functions=-
    -p no:warnings -p no:logging -p no:faulthandler -p no:anyio -p no:timeout
    -p no:threadexception -p no:unraisableexception
"""
"""They are unittest's: what pytest itself would find or add there is none of them."""

SUITES = (
    _suite("test.test_asyncio", "", "", _ASYNCIO),
    _suite(
        "anyio",
        "anyio",
        "blockbuster hypothesis psutil pytest-mock pytest-timeout trustme truststore uvloop",
        "tests -o timeout=60 -k",
        "not trio" if _has_ipv6() else "not trio and not ipv6",
    ),
    _suite(
        "uvicorn",
        "uvicorn",
        "a2wsgi cryptography httptools httpx2 pytest-mock python-dotenv PyYAML trustme uvloop"
        " watchfiles websockets wsproto zttp",
        "tests --ignore=tests/benchmarks -o addopts=",
    ),
    _suite(
        "starlette",
        "starlette",
        "blockbuster httpx>=0.27,<0.29 httpx2[zstd] importlib-metadata itsdangerous jinja2"
        " opentelemetry-sdk python-multipart PyYAML trio",
        "tests -o addopts= -k",
        "not trio",
    ),
)


def requirements(versions: dict[str, str]) -> list[str]:
    """What pip is to install for all suites; `versions` of the distributions under test."""
    needs = {need for suite in SUITES for need in suite.needs} | {"pytest>=9.1"}
    return sorted(needs) + [f"{name}=={version}" for name, version in sorted(versions.items())]
