"""The cluster that all tests of SLURM share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.cluster import MISSING, Cluster, installed


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running cluster, which `sbatch` and its like of this process and its children find."""
    if not installed():
        pytest.skip(MISSING)
    one = Cluster(Path(tempfile.mkdtemp(prefix="slurm-")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(one.configuration))
        patch.setenv("OMP_NUM_THREADS", "1")
        try:
            one.start()
            yield one
        finally:
            one.stop()
