"""`fxviz serve`: a page that follows a run live, read by this machine alone."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from watched import Net, Training

import fxviz
from fxviz.cli import main
from fxviz.dashboard.following import Follower
from fxviz.dashboard.server import serve
from fxviz.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

LONG = 60.0  # seconds, after which something hangs, on however busy a machine


@pytest.fixture
def port(run_folder: Path) -> Iterator[int]:
    with serve(run_folder) as address:
        yield int(address.rstrip("/").rpartition(":")[2])


def ask(port: int, path: str = "/", method: str = "GET", host: str | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONG)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{port}")
    connection.endheaders()
    return connection.getresponse()


def test_the_page_and_nothing_else_is_served(port: int) -> None:
    answer = ask(port)
    assert answer.status == 200
    assert b"connect-src 'self'" in answer.read()
    for path in ("/meta.json", "/../../etc/passwd", "/log.jsonl", "/?", "/events/", "/%2e%2e/", "*", "http://x/"):
        assert ask(port, path).status == 404, path


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil:{port}", ""]
)
def test_other_hosts_are_refused(port: int, host: str) -> None:
    for path in ("/", "/events"):
        answer = ask(port, path, host=host.format(port=port))
        assert answer.status == 403
        assert b"loss" not in answer.read()
    assert ask(port, host=f"localhost:{port}").status == 200


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_it_can_only_be_read(port: int, method: str) -> None:
    answer = ask(port, method=method)
    assert (answer.status, answer.getheader("Allow")) == (405, "GET")


def test_only_this_machine_reaches_it(port: int) -> None:
    with socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", port))  # a server on all interfaces would answer


def test_events_tell_what_is_appended(tmp_path: Path) -> None:
    training = Training(Net())
    with fxviz.watch(training.model, training.optimizer, every=1, out=tmp_path / "run") as run:
        training.go_on(run, 3)
        follower = Follower(tmp_path / "run", seconds=0.05)
        with follower.following():
            version, message = follower.newer(0, LONG) or (0, "")
            assert json.loads(message)["run"]["steps"][0] == 1
            assert follower.newer(version, 0.2) is None
            training.go_on(run, 4)
            done = 0
            while done < 6:
                version, message = follower.newer(version, LONG) or pytest.fail("nothing new was told")
                done = json.loads(message)["run"]["done"]
    with pytest.raises(EOFError):
        follower.newer(version, LONG)


def test_a_run_that_is_replaced_is_read_anew(run_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run_folder, tmp_path / "run")
    follower = Follower(folder, seconds=0.05)
    with follower.following():
        version, _ = follower.newer(0, LONG) or (0, "")
        log = folder / "log.jsonl"
        lines = log.read_text().splitlines(keepends=True)
        log.write_text("".join(lines[: len(lines) // 2]))
        version, message = follower.newer(version, LONG) or (0, "{}")
        assert "another run" in json.loads(message)["fault"]
        _, message = follower.newer(version, LONG) or (0, "{}")
        assert 0 < json.loads(message)["run"]["done"] < 200


def test_a_training_is_seen_while_it_goes_on(visit: Callable[..., Page], tmp_path: Path) -> None:
    training = Training(Net())
    with fxviz.watch(training.model, training.optimizer, every=2, out=tmp_path / "run") as run:
        view = fxviz.View.of(fxviz.trace(training.model, training.images[:16]), hide=True, fold=False)
        with serve(tmp_path / "run", view=lambda _: view) as address:
            tab = visit(address)
            tab.wait_for_selector(".state:text-is('live')")
            tab.click("#tab-training")
            assert "Nothing is recorded yet" in tab.inner_text("#panel-training")
            training.go_on(run, 4)
            tab.wait_for_selector(".card:has(h3:text-is('loss'))")
            tab.click("#tab-graph")
            before, last = tab.inner_text(".steps output"), tab.get_attribute("input[type=range]", "max")
            training.go_on(run, 20)
            tab.wait_for_selector(f"input[type=range]:not([max='{last}'])")
            assert tab.inner_text(".steps output") != before
            assert int(tab.input_value("input[type=range]")) == int(tab.get_attribute("input[type=range]", "max") or 0)
            assert tab.query_selector("[role=treeitem].heated")
            tab.fill("input[type=range]", "1")  # who looks at an earlier step stays there
            tab.select_option(".top select", label="kind")
            run.close()
            tab.wait_for_selector(".state:text-is('finished')")
            assert tab.input_value("input[type=range]") == "1"
            assert tab.input_value(".top select") == ""  # and keeps the colours that were chosen
            tab.close()


def test_what_cannot_be_served_is_said(run_folder: Path, tmp_path: Path, port: int) -> None:
    with pytest.raises(InputError, match=r"in use; choose another with --port"), serve(run_folder, port=port):
        pass
    for arguments, words in (
        ([str(tmp_path)], "no run at"),
        ([str(run_folder), "--port", str(port)], "choose another with --port"),
        ([str(run_folder), "-i", "1,3"], "no MODEL"),
        ([str(run_folder), "nothing:here", "--no-browser"], "nothing"),
    ):
        done = CliRunner().invoke(main, ["serve", *arguments])
        assert done.exit_code != 0
        assert words in done.output
        assert done.output.count("\n") == 1


def test_ctrl_c_ends_it(run_folder: Path) -> None:
    command = [sys.executable, "-m", "fxviz", "serve", str(run_folder), "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        try:
            assert process.stdout is not None
            told = process.stdout.readline()
            port = int(told.split("127.0.0.1:")[1].split("/")[0])
            stream = ask(port, "/events")
            assert stream.readline().startswith(b"data: {")
            process.send_signal(signal.SIGINT)  # the open stream does not keep it from ending
            _, errors = process.communicate(timeout=LONG)
        finally:
            process.kill()  # of which a process that has ended hears nothing
    assert process.returncode == 130
    assert errors.strip() == "fxviz: interrupted"
    with pytest.raises(OSError, match="refused"):
        ask(port)
