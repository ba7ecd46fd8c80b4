"""FID of folders: golden figures, the real pytorch-fid beside ours, independence of batches, names and sizes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image, ImageFilter

import evaluation
from evaluation import FolderPair
from evaluation.features import compute_features
from evaluation.fid import pytorch_fid_features, random_features
from evaluation.images import list_pictures
from evaluation.weights import PTH_FILE
from tests.evaluation.conftest import golden
from tests.evaluation.pictures import folder_of, mixed_folder

REAL = golden("real_fid")["cases"]


def fid(fake: Path, real: Path, weights: Path, **options: int) -> float:
    (score,) = evaluation.score(fake, real, ["fid"], inception=weights, **options)  # type: ignore[arg-type]
    return score.value


@pytest.fixture
def pytorch_fid(inception_file: Path, tmp_path: Path) -> None:
    """The weights where pytorch-fid looks for them, with the classifier it insists on."""
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    state = safetensors.torch.load_file(inception_file)
    torch.save({**state, "fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}, folder / PTH_FILE)


def their_fid(fake: Path, real: Path) -> float:
    from pytorch_fid.fid_score import calculate_fid_given_paths

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its scipy call is deprecated
        return float(calculate_fid_given_paths([str(fake), str(real)], 8, "cpu", 2048, 0))


def test_golden_folders(recipe_file: Path, tmp_path: Path) -> None:
    expected = golden("eval_inception_fid")["folders"]["pytorch_fid"]["2048"]
    fake, real = folder_of(tmp_path / "fake", 12), folder_of(tmp_path / "real", 14)
    (score,) = evaluation.score(fake, real, ["fid"], inception=recipe_file)
    assert score.value == pytest.approx(expected["frechet_exact_lowrank_float32_network"], rel=3e-6)
    assert score.value == pytest.approx(expected["frechet_exact_lowrank"], rel=3e-6)
    assert (score.n_fake, score.n_real, score.direction) == (12, 14, "lower")
    assert score.weights is not None
    assert score.protocol == f"pytorch-fid/v1[inception={score.weights[:8]}]"
    assert "c9ce7f36" not in score.protocol  # other weights, another protocol


@pytest.mark.parametrize("case", REAL, ids=lambda case: f"{case['fake']}-{case['real']}".replace("/", "."))
def test_real_folders_give_the_recorded_values(
    case: dict[str, str], real_data: Path, inception_file: Path, shared_cache: Path
) -> None:
    value = fid(real_data / case["fake"], real_data / case["real"], inception_file)
    assert value == pytest.approx(case["pytorch_fid"], rel=1e-5)


@pytest.fixture(scope="module")
def shared_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared-cache")


@pytest.fixture
def shared_cache(shared_cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One cache for the cases that share a reference."""
    monkeypatch.setenv("HARNESS_CACHE", str(shared_cache_folder))
    return shared_cache_folder


@pytest.mark.usefixtures("pytorch_fid")
def test_features_equal_pytorch_fids_on_every_kind_of_file(inception_file: Path, tmp_path: Path) -> None:
    from pytorch_fid.fid_score import get_activations
    from pytorch_fid.inception import InceptionV3

    files = list_pictures(mixed_folder(tmp_path / "mixed"))
    pair = FolderPair.of(tmp_path / "mixed", tmp_path / "mixed", inception=inception_file)
    ours = compute_features(files, pytorch_fid_features(pair), 4, pair.report)
    theirs = get_activations(files, InceptionV3([3]), 1, 2048, "cpu", 0)  # it cannot batch mixed sizes
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-6)


@pytest.mark.usefixtures("pytorch_fid")
def test_equal_to_pytorch_fid_on_generated_folders(inception_file: Path, tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 6, 64, 64), folder_of(tmp_path / "real", 7, 80, 96)
    # fewer than a dozen pictures: the null directions of pytorch-fid's own root cost it 1e-5
    assert fid(fake, real, inception_file) == pytest.approx(their_fid(fake, real), rel=3e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("pytorch_fid")
@pytest.mark.parametrize("case", REAL, ids=lambda case: f"{case['fake']}-{case['real']}".replace("/", "."))
def test_equal_to_pytorch_fid_on_real_folders(case: dict[str, str], real_data: Path, inception_file: Path) -> None:
    fake, real = real_data / case["fake"], real_data / case["real"]
    assert fid(fake, real, inception_file) == pytest.approx(their_fid(fake, real), rel=1e-5)


def test_batch_size_does_not_matter(recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, real = folder_of(tmp_path / "fake", 5), folder_of(tmp_path / "real", 2)
    values = []
    for size in (1, 3, 16):
        monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / f"cache{size}"))
        values.append(fid(fake, real, recipe_file, batch_size=size))
    assert values == pytest.approx([values[0]] * 3, rel=1e-5)


def test_names_and_listing_order_do_not_matter_at_all(tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 8), folder_of(tmp_path / "real", 9)
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for i, path in enumerate(list_pictures(fake)):
        (renamed / f"{(5 * i) % 8}.png").write_bytes(path.read_bytes())
    one, two = (evaluation.score(folder, real, ["fd-random"], batch_size=3)[0] for folder in (fake, renamed))
    assert one == two


def test_number_of_readers_does_not_matter_at_all(tmp_path: Path) -> None:
    files = list_pictures(mixed_folder(tmp_path / "mixed"))
    pair = FolderPair.of(tmp_path / "mixed", tmp_path / "mixed")
    one, many = (compute_features(files, random_features(pair), 3, pair.report, workers) for workers in (1, 7))
    np.testing.assert_array_equal(one, many)


def test_fd_random_is_named_and_seeded(tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 3), folder_of(tmp_path / "real", 4)
    (score,) = evaluation.score(fake, real, ["fd-random"])
    assert score.protocol == "fd-random/v1[seed=0]"
    assert score.weights is None
    assert evaluation.score(fake, real, ["fd-random"]) == [score]
    assert evaluation.score(real, real, ["fd-random"])[0].value < 1e-6 * score.value


def variants(files: list[Path], folder: Path) -> dict[str, Path]:
    """Three folders of the same pictures: unchanged, blurred, and noise of their sizes."""
    noise = np.random.RandomState(0)
    made = {name: folder / name for name in ("same", "blurred", "noise")}
    for path in made.values():
        path.mkdir(parents=True)
    for file in files:
        picture = Image.open(file).convert("RGB")
        picture.save(made["same"] / f"{file.stem}.png")
        picture.filter(ImageFilter.GaussianBlur(3)).save(made["blurred"] / f"{file.stem}.png")
        random = noise.randint(0, 256, (picture.height, picture.width, 3)).astype(np.uint8)
        Image.fromarray(random).save(made["noise"] / f"{file.stem}.png")
    return made


def test_direction_on_real_pictures(real_data: Path, inception_file: Path, tmp_path: Path) -> None:
    files = list_pictures(real_data / "facades" / "trainB")
    real = variants(files[1:20:2], tmp_path / "b")["same"]
    fake = variants(files[:20:2], tmp_path / "a")
    for metric in ("fid", "fd-random"):
        same, blurred, noise = (
            evaluation.score(fake[kind], real, [metric], inception=inception_file)[0].value
            for kind in ("same", "blurred", "noise")
        )
        assert same < blurred < noise
