"""The process that renders users' templates, one at a time, under limits on memory and CPU. Imports little.

Frames go over the socket that is its standard input; it ends with the socket.
"""

import math
import os
import resource
import signal
import socket
import sys
import time
from collections import OrderedDict
from typing import Final

from jinja2 import Template, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError

from shared.rendering import frames
from shared.rendering.frames import LENGTH, OUT_OF_MEMORY, Answer, Request
from shared.rendering.urls import harmless
from shared.templating import TooMuch, environment, one_line

MAX_OUTPUT: Final = 1024 * 1024  # bytes of each part
MAX_CACHED: Final = 200  # template versions


class Failed(Exception):
    """The template cannot be rendered with these variables."""


Parts = dict[str, Template]
_html, _plain = environment(html=True), environment(html=False)


class Templates:
    """Compiled templates of the versions used last; a version never changes."""

    def __init__(self) -> None:
        self._parts: OrderedDict[tuple[str, str, int], Parts] = OrderedDict()

    def parts(self, request: Request) -> Parts:
        """The compiled parts of the version that is asked for."""
        key = (request.tenant, request.name, request.version)
        if key not in self._parts:
            self._parts[key] = _compile(request)
            if len(self._parts) > MAX_CACHED:
                self._parts.popitem(last=False)
        self._parts.move_to_end(key)
        return self._parts[key]


def _compile(request: Request) -> Parts:
    sources = {"subject": request.subject, "html": request.html, "text": request.text}
    return {
        part: (_html if part == "html" else _plain).from_string(source)
        for part, source in sources.items()
        if source is not None
    }


def answer(templates: Templates, request: Request) -> Answer:
    """Render; what the template's author got wrong becomes a failure in words that hold no value of a variable."""
    try:
        parts = templates.parts(request)
        done = {part: _render(part, template, request=request) for part, template in parts.items()}
    except Failed as failed:
        return Answer(failure=str(failed))
    except TemplateSyntaxError as error:
        return Answer(failure=f"line {error.lineno}: {error.message}")
    except (SyntaxError, RecursionError):
        return Answer(failure="it is nested too deeply")
    html = done.get("html")
    return Answer(
        subject=one_line(done["subject"]),
        html=harmless(html) if html is not None else None,
        text=done.get("text"),
    )


def _render(part: str, template: Template, *, request: Request) -> str:
    chunks, room = [], MAX_OUTPUT
    try:
        for chunk in template.generate(request.variables):
            room -= len(chunk.encode())
            if room < 0:
                raise Failed(f"{part}: it renders to more than {MAX_OUTPUT} bytes")
            chunks.append(chunk)
    except (Failed, MemoryError, RecursionError):
        raise
    except UndefinedError as error:
        raise Failed(f"{part}: {_missing(str(error.message), request)}") from None
    except TooMuch as error:
        raise Failed(f"{part}: {error.message}") from None
    except SecurityError:
        raise Failed(f"{part}: it does what a template must not do") from None
    except Exception as error:  # noqa: BLE001 (whatever an expression of a stranger can raise)
        raise Failed(f"{part}: {type(error).__name__} in line {_line(error)}") from None
    return "".join(chunks)


def _missing(name: str, request: Request) -> str:
    """Names the variable only if the template does: a name that was looked up by a value could be personal."""
    plain = name.removeprefix(".")
    known = any(plain in source for source in (request.subject, request.html, request.text) if source)
    return f"the variable {name} is missing" if known else "a variable that another one names is missing"


def _line(error: BaseException) -> int:
    """The template's line, by the innermost frame that Jinja has mapped to it."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def limit(*, memory_mb: int) -> None:
    """No more memory than this, no files, no core dumps; the terminal's Ctrl-C is the parent's affair."""
    size = memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _limit_cpu(seconds: float) -> None:
    end = math.ceil(time.process_time() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (end, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def serve(channel: socket.socket) -> None:
    """Answer requests until the other side is gone."""
    templates = Templates()
    channel.sendall(LENGTH.pack(0))  # ready
    with channel.makefile("rb") as incoming:
        while head := incoming.read(LENGTH.size):
            request = frames.request(incoming.read(LENGTH.unpack(head)[0]))
            _limit_cpu(request.cpu_seconds)
            channel.sendall(frames.frame(answer(templates, request)))


def main() -> None:
    """Serve on standard input; the argument is the memory limit in MiB."""
    limit(memory_mb=int(sys.argv[1]))
    try:
        serve(socket.socket(fileno=0))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


if __name__ == "__main__":
    main()
