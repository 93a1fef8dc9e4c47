"""What pip installs: the source archive, the wheel built from it, editable installs, and the two linked folders."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINKED = ("passes", "exporters")
FOLDERS = {"fxviz": "fxviz", "passes": "fxviz/passes", "exporters": "fxviz/exporters"}


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, env={**os.environ, **variables}
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}"
    return done.stdout


def build(target: str, source: Path, into: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", into, cwd=source)
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return source


@pytest.fixture(scope="module")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As an index would build it: from the source archive, not from the checkout."""
    return build("wheel", unpacked, tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def without_links(unpacked: Path, tmp_path: Path) -> Path:
    """A checkout as git makes it where links are turned off: each is a text file that holds its target."""
    source = tmp_path / "checkout"
    shutil.copytree(unpacked, source, ignore=shutil.ignore_patterns("tests", "docs", "benchmarks"))
    for folder in LINKED:
        (source / "fxviz" / folder).write_text(f"../{folder}")
    return source


def python_with_editable(source: Path, folder: Path) -> Path:
    """Install ``source`` editable in a new environment, which has all that is installed here besides fxviz."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=source)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "installed.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    python = folder / "bin/python"
    options = ("-q", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, "-e", source, cwd=folder)
    return python


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed in it; put first on the path, it hides the checkout."""
    target = tmp_path_factory.mktemp("site")
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", target, wheel, cwd=target)
    return target


def files_of_the_package() -> set[str]:
    return {
        f"{home}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, home in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.is_relative_to(ROOT / "fxviz/passes")
        if not path.is_relative_to(ROOT / "fxviz/exporters")
    }


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == files_of_the_package()
    assert names >= {
        "fxviz/py.typed",
        "fxviz/ir/graph.schema.json",
        "fxviz/passes/rules/matmul.py",
        "fxviz/exporters/drawing/dot.py",
    }


def test_the_archive_holds_real_files_and_what_their_tests_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    assert all(member.isfile() for member in members)
    names = {member.name.partition("/")[2] for member in members}
    assert names >= {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "constraints.txt", "tests/conftest.py"}
    assert names >= {"passes/flops.py", "exporters/drawing/dot.py"}
    assert not {name for name in names if name.startswith(("fxviz/passes", "fxviz/exporters"))}


def test_the_licence_and_the_extras_are_declared(site: Path) -> None:
    (information,) = site.glob("fxviz-*.dist-info")
    metadata = (information / "METADATA").read_text()
    assert "License-Expression: Apache-2.0" in metadata
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    offered = {line.partition(": ")[2] for line in metadata.splitlines() if line.startswith("Provides-Extra: ")}
    assert offered == set(declared) >= {"svg", "netron", "zoo", "all", "docs", "dev"}
    assert "Apache License" in (information / "licenses/LICENSE").read_text()


def test_what_is_installed_works(site: Path, tmp_path: Path) -> None:
    code = """
import fxviz, fxviz.passes.flops, fxviz.exporters.drawing.dot
from fxviz.plugins import load_all, plugin_names
print(fxviz.__file__, fxviz.passes.flops.__file__, fxviz.exporters.drawing.dot.__file__, sep="\\n")
for group in ("fxviz.analyses", "fxviz.exporters", "fxviz.rules"):
    assert len(list(load_all(group))) == len(plugin_names(group))
assert {"flops", "memory"} <= set(plugin_names("fxviz.analyses")) and "svg" in plugin_names("fxviz.exporters")
"""
    homes = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(site)).split()
    assert all(Path(home).is_relative_to(site) for home in homes)


def test_the_command_is_installed(site: Path, tmp_path: Path) -> None:
    assert run(site / "bin/fxviz", "--version", cwd=tmp_path, PYTHONPATH=str(site)).startswith("fxviz ")
    assert run(sys.executable, "-m", "fxviz", "--version", cwd=tmp_path, PYTHONPATH=str(site)).startswith("fxviz ")


@pytest.mark.parametrize("kind", ["archive", "without links"])
def test_an_editable_install_has_the_linked_folders(
    kind: str, unpacked: Path, without_links: Path, tmp_path: Path
) -> None:
    source = without_links
    if kind == "archive":
        for folder in LINKED:
            (source / "fxviz" / folder).unlink()
        assert {path.name for path in (source / "fxviz").iterdir()} == {p.name for p in (unpacked / "fxviz").iterdir()}
    python = python_with_editable(source, tmp_path / "environment")
    code = "import fxviz.passes.flops as f, fxviz.exporters.table as t; print(f.__file__, t.__file__, sep='\\n')"
    homes = run(python, "-c", code, cwd=tmp_path).split()
    assert homes == [str(source / "fxviz/passes/flops.py"), str(source / "fxviz/exporters/table.py")]
    assert [(source / "fxviz" / folder).readlink() for folder in LINKED] == [Path("..", folder) for folder in LINKED]


def test_a_wheel_of_a_checkout_without_links_is_whole(without_links: Path, tmp_path: Path, wheel: Path) -> None:
    with zipfile.ZipFile(build("wheel", without_links, tmp_path / "wheel")) as made, zipfile.ZipFile(wheel) as expected:
        assert sorted(made.namelist()) == sorted(expected.namelist())


def test_where_no_link_can_be_made_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    place = tmp_path / "fxviz/passes"
    place.parent.mkdir()
    place.write_text("../passes")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with pytest.raises(SystemExit, match=r"^fxviz/passes has to be a link .*privilege.* install without -e$"):
        hook.link(tmp_path, "passes")
    assert place.read_text() == "../passes"


def test_links_of_the_readme_work_on_the_index(site: Path) -> None:
    (information,) = site.glob("fxviz-*.dist-info")
    metadata = (information / "METADATA").read_text(encoding="utf-8")
    version = re.search(r"^Version: (.+)$", metadata, re.MULTILINE)[1]
    text = metadata.partition("\n\n")[2]
    targets = [one or other for one, other in re.findall(r'\]\(([^)]+)\)|src="([^"]+)"', text)]
    assert len(targets) > 10
    assert not [target for target in targets if not target.startswith(("https://", "#"))]
    blob, raw = "https://github.com/fxviz/fxviz/blob/", "https://raw.githubusercontent.com/fxviz/fxviz/"
    own = [target for target in targets if target.startswith((blob, raw))]
    for target in own:
        tag, _, path = target.removeprefix(blob).removeprefix(raw).partition("/")
        assert tag == f"v{version}"
        assert (ROOT / path.partition("#")[0]).exists(), path
    assert own


@pytest.mark.parametrize("folder", LINKED)
def test_a_linked_folder_is_one_package(folder: str) -> None:
    link = ROOT / "fxviz" / folder
    assert link.is_symlink()
    assert link.readlink() == Path("..", folder)
    done = subprocess.run([sys.executable, "-c", f"import {folder}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"this folder is the package fxviz.{folder}; import it by that name" in done.stderr
