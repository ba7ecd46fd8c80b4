"""Every command shown in README, docs and `--help` runs, and every link leads somewhere.

Commands that would train for long run with a smaller budget; what is shortened is added at the end of the
command, so that names, options and order are those that are shown.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from harness.cli import VERBS, main, parser_of
from methods.generators import ResnetGenerator
from tests.harness.streets import make_official, make_streets, pack_official

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHORT = "--size 32 --steps 2 --device cpu --metrics fd-random --set ngf=8 --set ndf=8"
SHORT_DRN = "--size 32x32 --steps 1 --epochs 0 --batch-size 2 --device cpu"
SHORT_PROFILE = "--methods cut --size 32 --steps 1 --repeats 1 --device cpu --set ngf=8 --set ndf=8"

SHORT_GATE = [*shlex.split(SHORT), "--seeds", "0-4", "--overwrite"]
MINE = "gate record results/gates/mine.json --methods my_package.my_module:MyMethod --dataset toy"


def commands_of(page: Path) -> Iterator[str]:
    """The lines of the ```sh blocks of a page that call the harness."""
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), flags=re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("harness "):
                yield line.split("  #")[0].strip()


def block_of(page: Path, language: str) -> str:
    """The first block of a page in ``language``."""
    found = re.search(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.M | re.S)
    assert found, f"{page.name} has no block of {language}"
    return found[1]


def shown() -> list[tuple[str, str]]:
    """Each command once, with a place where it is shown: one that is not only given on a SLURM, if there is any."""
    found = [(page.name, command) for page in PAGES for command in commands_of(page)]
    for verb in VERBS:
        parser = parser_of([verb])
        text = parser._subparsers._group_actions[0].choices[verb].epilog or ""  # type: ignore[union-attr,index]
        lines = [line.strip() for line in text.splitlines()]
        found += [(f"--help of {verb}", re.split(r" {3,}", line)[0]) for line in lines if line.startswith("harness ")]
    places: dict[str, str] = {}
    for where, command in found:
        if places.get(command, "clusters.md") == "clusters.md":
            places[command] = where
    return [(where, command) for command, where in places.items()]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder where the commands shown find what they name: finished runs, folders of pictures."""
    from harness.data.folders import open_dataset

    place = tmp_path_factory.mktemp("docs")
    toy = open_dataset("toy").root
    for name in ("datasets/mine", "path/to/folder"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).symlink_to(toy)
    make_streets(place / "datasets/streets")
    pack_official(make_official(place))
    (place / "datasets/horse2zebra").symlink_to(toy)
    for name in ("my-pictures", "translations"):
        (place / name).symlink_to(toy / "testA")
    (place / "my_package").mkdir()
    (place / "my_package/my_module.py").write_text(
        'from baselines.cut import CUT\n\n\nclass MyMethod(CUT):\n    """CUT by another name."""\n'
    )
    (place / "grid.toml").write_text(block_of(ROOT / "docs/grids.md", "toml"))
    torch.save(ResnetGenerator(ngf=8).state_dict(), place / "latest_net_G.pth")
    with chdir(place):
        os.environ["OMP_NUM_THREADS"] = "1"
        assert main(shlex.split("run --methods enco,cut --dataset toy --seeds 0-1 " + SHORT)) == 0
        assert main(["eval", "enco-toy-s0", "--metrics", "fid"]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place)
        yield place


@contextlib.contextmanager
def chdir(path: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.mark.parametrize(("where", "command"), shown(), ids=lambda text: text)
def test_command_runs(
    where: str, command: str, workplace: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(command)[1:]
    if "slurm" in words or where == "clusters.md":
        pytest.skip("given on a real SLURM, in tests/slurm/test_commands.py")
    if words[0] == "run" and "--dry-run" not in words:
        words += shlex.split(SHORT)
    if words[0] == "drn":
        words += shlex.split(SHORT_DRN)
        monkeypatch.setenv("HARNESS_CACHE", str(workplace / "cache"))  # or later runs would take what this one trains
    if words[0] == "profile" and "--methods" in words:
        words += shlex.split(SHORT_PROFILE)
    if words[:2] == ["gate", "record"]:
        words += SHORT_GATE
    if words[0] == "eval" and "--metrics" not in words:
        words += ["--metrics", "fd-random"]
    if words[0] == "rm":
        shutil.copytree(workplace / "results/runs", workplace / "copy", dirs_exist_ok=True)
        words += ["--runs", "copy"]
    if words[0] == "work":
        runs = sorted((workplace / "results/runs").glob("enco-*"))
        words[1] = str(runs[0])
    with chdir(workplace):
        if "results/gates/mine.json" in words and not Path("results/gates/mine.json").exists():
            assert main([*shlex.split(MINE), *SHORT_GATE]) == 0
        code = main(words)
    out, err = capfd.readouterr()
    assert code == 0, f"{where}: {command}\n{out}\n{err}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
