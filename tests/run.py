"""`make test`: every test, in stages that run beside each other where they mostly wait; gates on skips and coverage."""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Final

from tests.servers import Servers

OWN_STACKS: Final = tuple(f"tests/e2e/test_{name}.py" for name in ("crash", "faults", "future_fact"))
# From the last to the first, so that the sender's long ones do not come last, each alone on one process.
INTEGRATION: Final = tuple(sorted((str(path) for path in Path("tests/integration").glob("[a-z]*")), reverse=True))
STAGES: Final = {
    "unit": ("tests/unit", "tests/architecture"),
    "integration": (*INTEGRATION, "tests/contract"),
    "stacks": OWN_STACKS,
    "e2e": ("tests/e2e", *(f"--ignore={path}" for path in OWN_STACKS)),
}
WAVES: Final = (("unit",), ("integration",), ("stacks", "e2e"))
PURE: Final = (
    "shared/events/*",
    "shared/lifecycle.py",
    "shared/acceptance/*",
    "services/*/domain/*",
    "services/sender/replies.py",
    "services/sender/ready.py",
)
GATES: Final = (("pure code", PURE, 95), ("all code", ("services/*", "shared/*", "cli/*"), 85))
AT_ONCE: Final = {"unit": 2, "integration": 4}  # integration tests mostly wait
MAY_BE_SKIPPED: Final = ("needs Docker", "needs another platform", "needs node")


def main() -> int:
    """Run all; 0 when everything passed and every gate holds."""
    reports = Path(".pytest_cache/reports")
    reports.mkdir(parents=True, exist_ok=True)
    _coverage("erase")
    servers = Servers()
    try:
        codes = [code for wave in WAVES for code in _wave(wave, reports, servers)]
    finally:
        servers.stop()
    skipped = [line for name in STAGES for line in _wrongly_skipped(reports / f"{name}.xml")]
    for line in skipped:
        print(f"skipped, though it can run here: {line}")
    _coverage("combine", "--quiet")
    held = [_gate(*gate) for gate in GATES]
    return int(any(codes) or bool(skipped) or not all(held))


def _wave(names: tuple[str, ...], reports: Path, servers: Servers) -> list[int]:
    """Run stages at the same time; what each printed is shown when it has ended, so that it stays together."""
    begun = time.monotonic()
    running = {name: _stage(name, STAGES[name], reports, servers) for name in names}
    codes = []
    for name, process in running.items():
        codes.append(process.wait())
        took = f"{time.monotonic() - begun:.0f} s"
        print((reports / f"{name}.log").read_text(), end="")
        print(f"== {name}: {took}, {'passed' if codes[-1] == 0 else f'exit code {codes[-1]}'}", flush=True)
    return codes


def _stage(name: str, paths: tuple[str, ...], reports: Path, servers: Servers) -> "subprocess.Popen[bytes]":
    report = f"--junit-xml={reports / name}.xml"
    command = ["coverage", "run", "--parallel-mode", "-m", "pytest", "-q", report, *paths]
    if name in AT_ONCE:
        command += [f"--numprocesses={AT_ONCE[name]}", "--dist=loadfile", "--no-loadscope-reorder"]
    environment = dict(os.environ)
    if name == "integration":  # one Kafka and one PostgreSQL for all processes
        environment |= {"KAFKA_BOOTSTRAP_SERVERS": servers.kafka(), "DATABASE_URL": servers.postgres()}
        print(f"== servers: {servers.used}", flush=True)
    with (reports / f"{name}.log").open("wb") as log:
        return subprocess.Popen((sys.executable, "-m", *command), env=environment, stdout=log, stderr=subprocess.STDOUT)


def _wrongly_skipped(report: Path) -> list[str]:
    found = []
    for case in ElementTree.parse(report).iter("testcase"):
        for skip in case.iter("skipped"):
            if not str(skip.get("message", "")).startswith(MAY_BE_SKIPPED):
                found.append(f"{case.get('classname')}.{case.get('name')}: {skip.get('message')}")
    return found


def _gate(name: str, files: tuple[str, ...], least: int) -> bool:
    code = _coverage(
        "report", "--skip-covered", f"--include={','.join(files)}", f"--fail-under={least}", "--sort=cover"
    )
    print(f"== branch coverage of {name} {'holds' if code == 0 else 'is below'} {least} %", flush=True)
    return code == 0


def _coverage(*arguments: str) -> int:
    return subprocess.run((sys.executable, "-m", "coverage", *arguments), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
