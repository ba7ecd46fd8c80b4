"""Label maps: what pixels stand for, and which files are refused."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation import EvaluationError
from evaluation.label_maps import LABEL_IDS, TRAIN_IDS, coding_of, key_of, nearest, read_label_map
from evaluation.palette import CAMVID, CITYSCAPES, CLASSES, IGNORED, find_palette, from_colours


def blocks(seed: int = 0, classes: int = 19, block: int = 4, side: int = 16) -> np.ndarray:
    """Train ids [64, 64] in blocks, all classes among them."""
    small = np.random.default_rng(seed).permutation(side * side).reshape(side, side) % classes
    return small.repeat(block, axis=0).repeat(block, axis=1).astype(np.uint8)


def painted(train_ids: np.ndarray) -> np.ndarray:
    """Train ids as colours of Cityscapes."""
    table = np.zeros((256, 3), np.uint8)
    for label in reversed(CITYSCAPES.labels):
        table[label.train_id] = label.colour if label.train_id != IGNORED else (0, 0, 0)
    return table[train_ids]


def save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def test_the_tables_are_those_of_cityscapes() -> None:
    by_train_id = {label.train_id: label for label in CITYSCAPES.labels if label.train_id != IGNORED}
    assert tuple(by_train_id[i].name for i in range(19)) == CLASSES
    assert sorted(label.index for label in CITYSCAPES.labels) == list(range(34))
    assert len(by_train_id) == 19
    assert (by_train_id[13].index, by_train_id[13].colour) == (26, (0, 0, 142))
    assert LABEL_IDS.table is not None
    assert [int(LABEL_IDS.table[i]) for i in (0, 7, 8, 18, 33, 34, 255)] == [255, 0, 1, 255, 18, 255, 255]


def test_colours_are_decoded_exactly_and_through_jpeg() -> None:
    truth = blocks()
    truth[:4] = IGNORED
    assert (from_colours(painted(truth)) == truth).all()
    buffer = io.BytesIO()
    Image.fromarray(painted(truth)).save(buffer, "JPEG", quality=100, subsampling=0)
    assert (from_colours(np.array(Image.open(buffer))) == truth).all()


def test_void_colours_are_ignored_and_shared_colours_mean_the_class() -> None:
    colours = np.array([[(111, 74, 0), (0, 0, 90), (153, 153, 153), (0, 0, 142)]], np.uint8)
    assert from_colours(colours).tolist() == [[255, 255, 5, 13]]


def test_files_say_what_they_hold(tmp_path: Path) -> None:
    truth = blocks()
    colour = save(tmp_path / "a.png", painted(truth))
    jpeg = save(tmp_path / "a.jpg", painted(truth), quality=100, subsampling=0)
    alpha = save(tmp_path / "alpha.png", np.dstack([painted(truth), np.full_like(truth, 255)]))
    table = tmp_path / "table.png"
    Image.fromarray(painted(truth)).convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(table)
    for path in (colour, jpeg, alpha, table):
        coding = coding_of([path])
        assert coding.name == "colours of cityscapes"
        assert (read_label_map(path, coding) == truth).all(), path
    with_void = truth.copy()
    with_void[0, 0] = IGNORED
    index = save(tmp_path / "index.png", with_void)
    assert coding_of([index]) is TRAIN_IDS
    assert (read_label_map(index, TRAIN_IDS) == with_void).all()
    ids = np.zeros(256, np.uint8)
    for label in CITYSCAPES.labels:
        if label.train_id != IGNORED:
            ids[label.train_id] = label.index
    labels = save(tmp_path / "ids.png", ids[truth])
    assert coding_of([labels]) is LABEL_IDS
    assert (read_label_map(labels, LABEL_IDS) == truth).all()


def test_names_decide_where_values_do_not(tmp_path: Path) -> None:
    few = blocks(classes=8)
    with pytest.raises(EvaluationError, match=r"values 0\.\.7 may be of any palette; .*_labelTrainIds.png"):
        coding_of([save(tmp_path / "0.png", few)])
    assert coding_of([save(tmp_path / "x_labelTrainIds.png", few)]) is TRAIN_IDS
    assert coding_of([save(tmp_path / "x_gtFine_labelIds.png", few)]) is LABEL_IDS


def test_a_photo_and_its_label_map_share_a_key() -> None:
    names = (
        "f_000_294_leftImg8bit.png",
        "f_000_294_gtFine_labelIds.png",
        "f_000_294_gtFine_color.png",
        "f_000_294.png",
    )
    assert {key_of(Path(name)) for name in names} == {"f_000_294"}
    assert key_of(Path("7_A.jpg")) == key_of(Path("7_B.jpg")) == key_of(Path("7_labelTrainIds.png")) == "7"


def test_another_palette_is_refused_in_one_line(tmp_path: Path, real_data: Path) -> None:
    facade = next((real_data / "facades" / "trainA").iterdir())
    with pytest.raises(EvaluationError, match=r"another palette: \d+ % of its pixels have colours such as \("):
        coding_of([facade])
    odd = save(tmp_path / "x_labelTrainIds.png", np.full((8, 8), 77, np.uint8))
    with pytest.raises(EvaluationError, match=r"another palette: value 77; expected train ids of Cityscapes, 0\.\.18"):
        read_label_map(odd, coding_of([odd]))
    with pytest.raises(EvaluationError, match="mode I;16 are no label map"):
        read_label_map(save(tmp_path / "deep.png", np.zeros((8, 8), np.uint16)), TRAIN_IDS)


def test_camvid_is_known_by_its_colours(real_data: Path) -> None:
    colours = sorted((real_data / "camvid" / "testA").iterdir())
    coding = coding_of(colours)
    assert coding.name == "colours of camvid"
    for path in colours[:4]:
        index = np.array(Image.open(real_data / "camvid" / "test_labels" / path.name))
        assert (read_label_map(path, coding) == CAMVID.of_index[index]).all()
    assert find_palette([np.array(Image.open(path)) for path in colours[:2]]) is CAMVID


def test_broken_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x_labelIds.png"
    path.write_bytes(b"no picture")
    with pytest.raises(EvaluationError, match=f"{path.name}: broken label map"):
        read_label_map(path, LABEL_IDS)


def test_a_smaller_map_holds_classes_only() -> None:
    truth = blocks()
    assert (nearest(truth, 128, 64)[:, ::2] == truth).all()
    assert set(np.unique(nearest(truth, 24, 40))) <= set(np.unique(truth))
