"""Kafka's jars are the locked ones, or there is an error that says which is not."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.stack.jars import cache_directory, download, locked_hashes, verify_all


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def resolving(**files: bytes) -> Callable[[Path], list[Path]]:
    """A resolver that puts these files into its workspace, as jgo does in folders of its own."""

    def resolve(workspace: Path) -> list[Path]:
        (workspace / "deep").mkdir(parents=True)
        for name, content in files.items():
            (workspace / "deep" / f"{name}.jar").write_bytes(content)
        return list((workspace / "deep").iterdir())

    return resolve


def test_the_lock_names_kafka_and_its_log_writer() -> None:
    hashes = locked_hashes()
    assert {"kafka_2.13-4.4.0.jar", "kafka-clients-4.4.0.jar", "log4j-slf4j-impl-2.25.5.jar"} <= hashes.keys()
    assert all(len(digest) == 64 and set(digest) <= set("0123456789abcdef") for digest in hashes.values())


def test_the_lock_holds_no_addresses() -> None:
    assert not any("/" in name for name in locked_hashes())


def test_a_download_leaves_the_locked_files_and_nothing_else(tmp_path: Path) -> None:
    hashes = {"a.jar": sha256(b"one"), "b.jar": sha256(b"two")}
    download(tmp_path, hashes=hashes, resolve=resolving(a=b"one", b=b"two", c=b"not locked"))
    verify_all(tmp_path, hashes)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".lock", "a.jar", "b.jar"]


def test_nothing_is_resolved_again_when_all_is_there(tmp_path: Path) -> None:
    hashes = {"a.jar": sha256(b"one")}
    download(tmp_path, hashes=hashes, resolve=resolving(a=b"one"))
    download(tmp_path, hashes=hashes, resolve=lambda _: pytest.fail("resolved again"))


def test_what_a_download_that_was_cut_off_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / ".download" / "deep").mkdir(parents=True)
    download(tmp_path, hashes={"a.jar": sha256(b"one")}, resolve=resolving(a=b"one"))
    assert not (tmp_path / ".download").exists()


def test_another_content_is_refused_and_named(tmp_path: Path) -> None:
    hashes = {"a.jar": sha256(b"one"), "b.jar": sha256(b"two")}
    with pytest.raises(CommandError, match=r"b\.jar is not the file that Postlog was built with"):
        download(tmp_path, hashes=hashes, resolve=resolving(a=b"one", b=b"forged"))
    assert not (tmp_path / "b.jar").exists()


def test_a_file_changed_in_the_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jar").write_bytes(b"changed")
    with pytest.raises(CommandError, match=r"a\.jar is not the file"):
        verify_all(tmp_path, {"a.jar": sha256(b"one")})


def test_a_locked_file_that_did_not_come_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"the locked b\.jar did not come"):
        download(tmp_path, hashes={"b.jar": sha256(b"two")}, resolve=resolving(a=b"one"))


def test_the_cache_is_where_the_user_keeps_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "postlog"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == Path.home() / ".cache" / "postlog"
