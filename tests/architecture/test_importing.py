"""Importing any module does nothing: it connects to nothing, reads no settings, starts no thread and no process."""

import subprocess
import sys

import pytest

from tests.architecture.source import PACKAGES, ROOT, modules, name_of

GUARD = """
import importlib, socket, sqlite3, subprocess, sys, threading, urllib.request

def refuse(what):
    def refused(*arguments, **named):
        raise AssertionError(f"importing {name} {what}")
    return refused

class Refused:
    def __init__(self, *arguments, **named):
        raise AssertionError(f"importing {name} makes a client or reads settings")

import confluent_kafka, confluent_kafka.admin, psycopg, pydantic_settings
for kind in ("Producer", "Consumer"):
    setattr(confluent_kafka, kind, type(kind, (Refused,), {}))
confluent_kafka.admin.AdminClient = type("AdminClient", (Refused,), {})
pydantic_settings.BaseSettings.__init__ = Refused.__init__
socket.socket.connect = refuse("connects")
socket.getaddrinfo = refuse("looks a name up")
psycopg.connect = psycopg.Connection.connect = refuse("connects to Postgres")
sqlite3.connect = refuse("opens a database")
subprocess.Popen = type("Popen", (subprocess.Popen,), {"__init__": refuse("starts a process")})
threading.Thread.start = refuse("starts a thread")
for name in sys.argv[1:]:
    importlib.import_module(name)
print(len(sys.argv) - 1)
"""


MISTAKES = (
    "import socket; socket.create_connection(('127.0.0.1', 1))",
    "from shared.settings import KafkaSettings; KafkaSettings()",
    "from confluent_kafka import Consumer; Consumer({'group.id': 'x'})",
    "import threading; threading.Thread(target=print).start()",
    "import subprocess; subprocess.run(['true'])",
    "import sqlite3; sqlite3.connect(':memory:')",
)


def run(program: str, *names: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *names]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)


def test_importing_any_module_does_nothing() -> None:
    names = [name_of(path) for path in modules(*PACKAGES) if "migrations" not in path.parts]
    done = run(GUARD, *names)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) == len(names) > 100


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_module_that_does_something_would_be_found(mistake: str) -> None:
    done = run(GUARD.replace("importlib.import_module(name)", f"exec({mistake!r})"), "mistake")
    assert "importing mistake" in done.stderr
