"""The wheel and the source distribution, installed into empty environments."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from support import ROOT

PROGRAM = """
import asyncio, bellwire, bellwire.exceptions
from pathlib import Path
assert (Path(bellwire.__file__).parent / "py.typed").exists()

async def main():
    sio = bellwire.AsyncServer()
    port = sio.listen()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    assert (await reader.readline()).split()[1] == b"200"
    writer.close()
    await sio.shutdown(0)
    print("works")

asyncio.run(main())
"""


def wheel() -> Path:
    """Returns the wheel that `make wheel` has built."""
    wheels = sorted((ROOT / "build" / "wheels").glob("bellwire-*.whl"))
    assert wheels, "the wheel is missing: run make -C bindings/python wheel"
    return wheels[-1]


def pythons() -> list[str]:
    """Returns this Python and the others from 3.10 on that pyenv has installed."""
    found = {sys.version_info[:2]: sys.executable}
    for program in Path.home().glob(".pyenv/versions/3.*/bin/python3"):
        major, minor, *_ = program.parents[1].name.split(".")
        if int(minor) >= 10:
            found.setdefault((int(major), int(minor)), str(program))
    return [found[version] for version in sorted(found)]


def test_one_wheel_is_for_all_pythons_and_has_types():
    assert "-abi3-" in wheel().name
    names = zipfile.ZipFile(wheel()).namelist()
    for name in ("bellwire/py.typed", "bellwire/_native.pyi", "bellwire/_native.abi3.so"):
        assert name in names
    assert not [name for name in names if "test" in name]


def works_in_an_empty_environment(python: str, folder: Path, *install: object) -> None:
    subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
    own = folder / "venv" / "bin" / "python"
    pip = [own, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, *install], check=True, cwd=folder, timeout=280)
    run = [own, "-c", PROGRAM]
    result = subprocess.run(run, check=True, capture_output=True, text=True, cwd=folder, timeout=60)
    assert (result.stdout, result.stderr) == ("works\n", "")


@pytest.mark.parametrize("python", pythons())
def test_the_wheel_works_in_an_empty_environment(python, tmp_path):
    works_in_an_empty_environment(python, tmp_path, "--no-index", wheel())


def test_the_source_has_its_licences(tmp_path):
    subprocess.run(
        [Path(sys.executable).parent / "maturin", "sdist", "--out", tmp_path],
        check=True,
        capture_output=True,
        cwd=ROOT / "bindings" / "python",
    )
    [archive] = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        texts = {
            name.rpartition("/")[2]: files.extractfile(name).read()
            for name in files.getnames()
            if name.count("/") == 1 and "LICENSE" in name
        }
    assert texts == {name: (ROOT / name).read_bytes() for name in ("LICENSE-APACHE", "LICENSE-MIT")}


def test_the_source_does_where_there_is_rust(tmp_path):
    works_in_an_empty_environment(sys.executable, tmp_path, ROOT / "bindings" / "python")
