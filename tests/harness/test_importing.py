"""``harness import``: official files of every family give the outputs that the official code gave, and wrong files
are refused in one line.

The files are made as the official repositories make them, with the keys and shapes of the golden files and the
weights of their recipe; what they must translate to was recorded with the official code.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor

from harness.cli import main
from harness.collect import collect
from harness.footnotes import footnotes
from harness.formats.data import as_json
from harness.importing import import_run, translating
from harness.layouts import recognised
from harness.planning import open_for
from harness.runs import RunFolder, all_runs
from harness.table import tables
from harness.training import build, trained
from methods.interface import Batch, Method
from tests.harness.made import make_run
from tests.parity import recipe
from tests.parity.compare import Report

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
SMALL = ["ndf=8"]
SINGLE = {  # golden file -> method, network in the file, output, options that weights do not show
    "cut": ("cut", "G", "fake_B", SMALL),
    "enco_dag": ("enco", "G", "fake_B", SMALL),
    "cyclegan": ("cyclegan", "G_A", "fake_B", SMALL),
    "cyclegan_antialias_pool2": ("cyclegan", "G_A", "fake_B", SMALL),
    "dclgan_default": ("dclgan", "G_A", "fake_B", SMALL),
    "fsesim_default": ("fsesim", "G", "fake_B", SMALL),
    "gcgan_rot": ("gcgan", "G_AB", "fake_B", SMALL),
    "monce_easy": ("monce", "G", "fake_B", SMALL),
    "qsattn_global": ("qsattn", "G", "fake_B", SMALL),
    "distancegan_onesided": ("distancegan", "G_A", "fake_B", SMALL),  # six residual blocks
}
ASK = "cut, cyclegan, dclgan, enco, fastcut"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of tiny pictures."""
    root = tmp_path_factory.mktemp("data") / "noise"
    drawn = np.random.default_rng(0)
    for split in ("trainA", "trainB", "testA", "testB"):
        (root / split).mkdir(parents=True)
        for i in range(3):
            pixels = drawn.integers(0, 256, (36, 40 + i, 3), np.uint8)
            Image.fromarray(pixels).save(root / split / f"{split}-{i}.png")
    return root


def golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text())
    return found


def official(data: dict[str, Any], net: str, prefix: str = "") -> OrderedDict[str, Tensor]:
    """The state_dict that the official code would save, with the weights of the recipe, float32."""
    keys = data["keys"][net]
    if isinstance(keys, str):
        keys = data["keys"][keys.removeprefix("same as ")]
    seed, state = recipe.seed_of(data), OrderedDict()
    for key, shape in keys.items():
        if not key.endswith(("filt", "running_mean", "running_var")):
            state[prefix + key] = recipe.weight(seed, net, key, tuple(shape)).float()
    return state


def imported(
    state: object, folder: Path, tmp_path: Path, method: str | None, settings: list[str], size: int = 32, **how: str
) -> tuple[RunFolder, Method]:
    """The run that a file with ``state`` becomes, and its method, read back from the run folder."""
    path = tmp_path / "latest_net_G.pth"
    torch.save(state, path)
    dataset, data = open_for(str(folder), how.get("direction"))
    run, _ = import_run(path, method, dataset, data, settings, size, tmp_path / "runs")
    return run, trained(run, torch.device("cpu"), print)[0]


def first_batch(data: dict[str, Any]) -> Batch:
    seed, shape = recipe.seed_of(data), data["input_shape"]
    return Batch(*(recipe.picture(seed, f"real_{side}/0", shape) for side in "AB"))


def check_output(name: str, ours: Tensor, expected: dict[str, Any]) -> None:
    report = Report()
    report.tensor("output", name, ours, expected)
    assert report.ok, (report.worst, report.wrong)


@pytest.mark.parametrize("name", SINGLE)
def test_outputs_are_those_of_the_official_code(name: str, folder: Path, tmp_path: Path) -> None:
    method, net, output, settings = SINGLE[name]
    data = golden(name)
    state = official(data, net)
    run, model = imported(state, folder, tmp_path, method, settings)
    a = first_batch(data).a
    if name == "enco_dag":  # its first picture was mirrored
        a = a.flip(3)
    if name == "cut":
        own = build(run.spec, torch.device("cpu"))
        recipe.fill(own.get_submodule(net), net, recipe.seed_of(data))
        with torch.no_grad():
            assert torch.equal(own.translate(a.float()), model.translate(a.float())), "to the bit"
    with torch.no_grad():
        check_output(f"{output} of {name}", model.double().translate(a), data["output_step0"][output])


@pytest.mark.parametrize(("name", "method"), [("munit_default", "munit"), ("unitgan_default", "unit")])
def test_both_auto_encoders_of_munit_and_unit(name: str, method: str, folder: Path, tmp_path: Path) -> None:
    data = golden(name)
    seed, shape = recipe.seed_of(data), tuple(data["input_shape"])
    state = {side: official(data, f"gen_{side}") for side in "ab"}
    run, found = imported(state, folder, tmp_path, None, ["dis_dim=8"], size=64)
    assert run.spec.method == method, "their layouts are their own"
    model: Any = found.double()
    x_a = recipe.picture(seed, "x_a/0", shape)
    with torch.no_grad():
        if method == "munit":
            style = recipe.picture(seed, "s_b_gen/0", (1, data["cfg"]["gen"]["style_dim"], 1, 1))
            x_ab = model.gen_b.decode(model.gen_a.enc_content(x_a), style)
        else:
            code = model.gen_a.enc(x_a)
            x_ab = model.gen_b.dec(code + recipe.picture(seed, "n_a_gen/0", tuple(code.shape)))
    check_output(f"x_ab of {name}", x_ab, data["output_step0"]["x_ab"])
    _, other = imported(state, folder, tmp_path, method, ["dis_dim=8"], size=64, direction="BtoA")
    key = next(iter(state["a"]))
    assert torch.equal(other.get_submodule("gen_a").state_dict()[key], state["b"][key]), "b is the source"


def test_u_net(folder: Path, tmp_path: Path) -> None:
    data = golden("networks_unet128")
    data["keys"] = {"G": data["keys"]["G"]}
    run, model = imported(official(data, "G"), folder, tmp_path, None, SMALL, size=128)
    assert (run.spec.method, run.spec.options["netG"], run.spec.options["ngf"]) == ("cyclegan", "unet_128", 4)
    x = recipe.picture(recipe.seed_of(data), data["cfg"]["input"], data["cfg"]["input_shape"])
    with torch.no_grad():
        check_output("U-Net", model.double().translate(x), data["output"])


def old_cyclegan(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As PyTorch 0.3 and a network with dropout, wrapped for several GPUs, would have saved it."""
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        key = key.replace(".conv_block.5.", ".conv_block.6.")
        found[f"module.{key}"] = value
        if key.endswith("bias"):
            norm = f"module.{key.rpartition('.')[0].rpartition('.')[0]}.2"
            found[f"{norm}.running_mean"] = found[f"{norm}.running_var"] = torch.ones(len(value))
            found[f"{norm}.num_batches_tracked"] = torch.tensor(7)
    return found


def test_files_of_old_versions(folder: Path, tmp_path: Path) -> None:
    state = official(golden("cyclegan"), "G_A")
    _, plain = imported(state, folder, tmp_path, "cyclegan", SMALL)
    _, old = imported(old_cyclegan(state), folder, tmp_path, "cyclegan", SMALL)
    mine, theirs = plain.get_submodule("G_A").state_dict(), old.get_submodule("G_A").state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_safetensors_and_blur_kernels(folder: Path, tmp_path: Path) -> None:
    """The same tensors in another container, with the constants that official files hold."""
    state = dict(official(golden("cut"), "G"))
    tap = torch.tensor([1.0, 2.0, 1.0])
    state["model.7.filt"] = (torch.outer(tap, tap) / 16).expand(16, 1, 3, 3).clone()
    path = tmp_path / "generator.safetensors"
    safetensors.torch.save_file(state, path)
    dataset, data = open_for(str(folder), None)
    run, layout = import_run(path, "cut", dataset, data, SMALL, 32, tmp_path / "runs")
    assert str(layout) == ("a ResNet generator (ngf=8, netG=resnet_9blocks, no_antialias=false, no_antialias_up=false)")
    model, _ = trained(run, torch.device("cpu"), print)
    assert torch.equal(model.get_submodule("G").state_dict()["model.30.weight"], state["model.30.weight"])


def test_munit_and_unit_are_told_apart() -> None:
    for name, options in (
        ("munit_default", {"gen_dim": 8, "n_downsample": 2, "n_res": 4, "style_dim": 8, "mlp_dim": 64}),
        ("unitgan_default", {"gen_dim": 8, "n_downsample": 2, "n_res": 4}),
    ):
        shapes = {key: tuple(shape) for key, shape in golden(name)["keys"]["gen_a"].items()}
        layout = recognised({"a": shapes, "b": shapes})
        assert layout is not None
        assert layout.options == options
        assert ("style_dim" in layout.marks) == (name == "munit_default")


def test_antialiasing_on_one_side_only(folder: Path, tmp_path: Path) -> None:
    """As CycleGAN of the repositories derived from CUT on a GPU."""
    from methods.generators import ResnetGenerator

    net = ResnetGenerator(4, 6, no_antialias=True, no_antialias_up=False)
    run, model = imported(net.state_dict(), folder, tmp_path, "cyclegan", SMALL)
    changed = run.spec.changed_options()
    assert changed == {"ngf": 4, "netG": "resnet_6blocks", "no_antialias_up": False, "ndf": 8}
    assert translating(model, 32) == ["G_A"]


def test_from_a_file_to_the_table(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An imported run is translated, scored again and tabled like any other, and nothing is trained."""
    path, runs = tmp_path / "latest_net_G.pth", tmp_path / "runs"
    torch.save(official(golden("cut"), "G"), path)
    words = ["import", str(path), "--method", "cut", "--dataset", str(folder), "--size", "32", "--set", "ndf=8"]
    assert main([*words, "--runs", str(runs)]) == 0
    (run,) = all_runs(runs)
    digest = run.provenance()["imported"]["sha256"]
    assert run.spec.imported == digest
    assert f"next: harness work {run.path}" in capfd.readouterr().out
    assert main([*words, "--runs", str(runs)]) == 0, "asked twice, the same run"
    assert len(list(all_runs(runs))) == 1
    assert main(["eval", run.name, "--metrics", "fd-random", "--runs", str(runs)]) == 0, "translates first"
    assert main(["work", str(run.path), "--metrics", "fd-random", "--device", "cpu"]) == 0
    assert run.state().stage == "finished"
    assert run.losses() == []
    assert len(run.rows()) == 1, "scored twice with one value, which is kept once"
    out = tmp_path / "out"
    assert main(["translate", run.name, str(folder / "testA"), str(out), "--runs", str(runs)]) == 0
    for path in sorted(run.translations.iterdir()):  # scored in a batch, translated one by one
        apart = np.asarray(Image.open(out / path.name)) - np.asarray(Image.open(path)).astype(int)
        assert abs(apart).max() <= 1, path.name
    capfd.readouterr()
    assert main(["table", "--runs", str(runs)]) == 0
    table = capfd.readouterr().out
    assert f"cut[ngf=8,ndf=8] (imported {digest[:6]})" in table
    assert "Imported: weights from a file" in table
    assert "steps" not in table.partition("Published")[0]
    assert main(["status", "--runs", str(runs)]) == 0
    assert f"(imported {digest[:6]})" in capfd.readouterr().out


def test_rows_of_imported_and_trained_runs(tmp_path: Path) -> None:
    """They are never averaged, whatever their seeds; what is said of budgets concerns trained runs alone."""
    for seed in (0, 1):
        make_run(tmp_path, "cut", {"fid": 60.0 + seed}, seed=seed)
    make_run(tmp_path, "cut", {"fid": 45.5}, steps=0, imported="3fa9c1d2" * 8)
    make_run(tmp_path, "cut", {"fid": 50.0}, steps=0, imported="9b" * 32)
    (table,) = tables(collect(tmp_path))
    labels = [row.label for row in table.rows if not row.is_reference]
    assert labels == ["cut", "cut (imported 3fa9c1)", "cut (imported 9b9b9b)"]
    notes = footnotes(table)
    assert "Budget: 64x64 pixels, 256 steps, crops from 72x72, batch 1, fp32, seeds 0-1." in notes
    assert any(note.startswith("Imported: weights from a file") for note in notes)
    records = {record["label"]: record["steps"] for record in json.loads(as_json([table]))["tables"][0]["scores"]}
    assert records["cut"] == 256
    assert records["cut (imported 3fa9c1)"] is None


def refused(capfd: pytest.CaptureFixture[str], folder: Path, path: Path, *words: str) -> str:
    """The one line that a file is refused with; exit code 2, no traceback, no run."""
    runs = path.parent / "refused"
    capfd.readouterr()
    size = [] if "--size" in words else ["--size", "32"]
    assert main(["import", str(path), "--dataset", str(folder), "--runs", str(runs), *size, *words]) == 2
    error = capfd.readouterr().err.strip()
    assert error.count("\n") == 0, error
    assert "Traceback" not in error
    assert not list(all_runs(runs))
    return error


class Payload:
    """Leaves a mark if it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_files_that_are_no_weights(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def error(content: object, *words: str) -> str:
        path = tmp_path / "file.pth"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path)
        return refused(capfd, folder, path, *words)

    mark = tmp_path / "executed"
    assert "not tensors by name; it was not executed" in error({"model.1.weight": Payload(mark)})
    assert not mark.exists()
    assert "torch.nn" in error(torch.nn.Conv2d(3, 8, 7)), "a pickled network"
    for content in (b"", b"no weights", b"PK\x03\x04" + bytes(200), b"\x80\x02."):
        assert "file.pth" in error(content)
    assert "no such file" in refused(capfd, folder, tmp_path / "absent.pth")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x08" + bytes(20))
    assert "cannot be read as weights" in refused(capfd, folder, broken)
    assert "expected tensors by name" in error([1, 2])
    assert "expected tensors by name" in error({})
    assert "state_dict" in error({"gen": {"state": {}}, "dis": {}}), "optimizer.pt of MUNIT"
    data = golden("cut")
    assert "model.0.weight, model.0.bias" in error(official(data, "D")), "the discriminator"
    assert "no generator that is known" in error(official(data, "F")), "the heads"


def test_weights_that_do_not_fit(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    state = official(golden("cut"), "G")

    def error(change: dict[str, Tensor | None], *words: str) -> str:
        path = tmp_path / "latest_net_G.pth"
        torch.save({k: v for k, v in (state | change).items() if v is not None}, path)
        return refused(capfd, folder, path, *words)

    cut = ("--method", "cut", "--set", "ndf=8")
    assert "model.4.weight is 16x8x5x5, expected 16x8x3x3" in error({"model.4.weight": torch.zeros(16, 8, 5, 5)}, *cut)
    assert "model.30.bias is missing" in error({"model.30.bias": None}, *cut)
    assert "model.2.weight is not one of its tensors" in error({"model.2.weight": torch.ones(8)}, *cut), "affine norm"
    assert "model.30.bias has values that are not finite" in error({"model.30.bias": torch.full((3,), torch.nan)}, *cut)
    assert "model.7.filt is another blur kernel" in error({"model.7.filt": torch.ones(16, 1, 3, 3)}, *cut)
    grey = {"model.1.weight": torch.zeros(8, 1, 7, 7)}
    assert "expected 8x3x7x7" in error(grey, *cut)
    several: dict[str, Tensor | None] = {f"model.{i}.weight": None for i in (4, 8, 22, 26, 30)}
    assert "model.4.weight is missing; model.8.weight is missing; model.22.weight is missing; and 2 more" in error(
        several, *cut
    )
    assert ASK in error({}), "several methods have it"
    assert "--method NAME" in error({})
    assert "which distancegan has not; methods that do: " + ASK in error({}, "--method", "distancegan")
    assert "Did you mean 'cut'" in error({}, "--method", "cutt")
    assert "has ngf=8" in error({}, "--method", "cut", "--set", "ngf=64")
    assert "num_patches" in error({}, "--method", "cut", "--set", "num_patch=3")
    assert "which no method has" in error({f"model.20.conv_block.{i}.{k}": None for i in (1, 5) for k in KINDS})
    assert "multiple of 4" in error({}, *cut, "--size", "34")
    path = tmp_path / "gen.pt"
    torch.save({side: official(golden("munit_default"), "gen_a") for side in "ab"}, path)
    assert "which cut has not" in refused(capfd, folder, path, *cut)


KINDS = ("weight", "bias")
