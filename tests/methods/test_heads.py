from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from methods.heads import EnCoHeads, HeadNorm, PatchHeads, head_norm


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_patch_head_worked_out() -> None:
    heads = PatchHeads([2], width=2)
    heads.load_state_dict(
        {
            "mlp_0.0.weight": torch.eye(2),
            "mlp_0.0.bias": torch.tensor([0.0, 1.0]),
            "mlp_0.2.weight": torch.tensor([[3.0, 0.0], [0.0, 2.0]]),
            "mlp_0.2.bias": torch.tensor([0.0, 4.0]),
        }
    )
    # (1, -3) + (0, 1) -> ReLU -> (1, 0) -> (3, 4), of length 5
    out = heads(torch.tensor([[1.0, -3.0]]), 0)
    torch.testing.assert_close(out, torch.tensor([[0.6, 0.8]]), rtol=1e-7, atol=0)


def test_sizes_of_the_official_heads() -> None:
    # CUT's layers 0, 4, 8, 12, 16 at ngf 64; EnCo's three stages.
    assert parameters(PatchHeads([3, 128, 256, 256, 256])) == 560_384
    sizes = {norm: parameters(EnCoHeads([64, 128, 256], norm=norm)) for norm in ("BN", "LN", "none")}
    assert sizes == {"BN": 510_976, "LN": 512_512, "none": 508_672}


def test_each_layer_has_its_own_patch_head() -> None:
    heads = PatchHeads([3, 3], width=4)
    rows = torch.randn(5, 3)
    assert not torch.allclose(heads(rows, 0), heads(rows, 1))
    assert heads(rows, 1).norm(dim=1).tolist() == pytest.approx([1] * 5, abs=1e-5)


def test_enco_projection_without_norms_worked_out() -> None:
    heads = EnCoHeads([2], width=2, norm="none")
    with torch.no_grad():
        heads.get_parameter("mlp_0.0.weight").copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
        heads.get_parameter("mlp_0.3.weight").copy_(torch.tensor([[0.0, 1.0], [2.0, 0.0]]))
        heads.get_parameter("prj_0.0.weight").copy_(torch.tensor([[1.0, 1.0]]))
        heads.get_parameter("prj_0.3.weight").copy_(torch.tensor([[5.0], [7.0]]))
        heads.get_parameter("prj_0.3.bias").copy_(torch.tensor([0.5, 0.0]))
    projected = heads.project(torch.tensor([[3.0, -4.0]]), 0)  # (3, 4) -> (4, 6)
    assert projected.tolist() == [[4, 6]]
    assert heads.predict(projected, 0).tolist() == [[50.5, 70]]  # 10 -> (50.5, 70)


@pytest.mark.parametrize(("norm", "axis"), [("BN", 0), ("LN", 1)])
def test_the_last_norm_of_the_projection(norm: HeadNorm, axis: int) -> None:
    # Batch norm: each feature has mean 0 and variance 1 over the rows; layer norm: each row over its features.
    rows = EnCoHeads([8], width=16, norm=norm).project(3 + torch.randn(64, 8), 0)
    torch.testing.assert_close(rows.mean(axis), torch.zeros(rows.shape[1 - axis]), rtol=0, atol=1e-12)
    torch.testing.assert_close(rows.var(axis, correction=0), torch.ones(rows.shape[1 - axis]), rtol=0, atol=0.05)


def test_batch_norm_sees_one_call_at_a_time() -> None:
    heads = EnCoHeads([2], width=4)
    a, b = torch.randn(6, 2), 10 + torch.randn(6, 2)
    apart = torch.cat((heads.project(a, 0), heads.project(b, 0)))
    assert not torch.allclose(heads.project(torch.cat((a, b)), 0), apart)


def test_head_norms() -> None:
    batch, layer, none = (head_norm(norm, 3, affine=False) for norm in ("BN", "LN", "none"))
    assert [len(list(m.parameters())) for m in (batch, layer, none)] == [0, 2, 0]  # a layer norm stays affine
    x = torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    assert torch.equal(none(x), x)
    unit = 1 / math.sqrt(2 / 3 + 1e-5)
    torch.testing.assert_close(layer(x), torch.tensor([[-unit, 0, unit], [unit, 0, -unit]]))
    one = 1 / math.sqrt(1 + 1e-5)
    torch.testing.assert_close(batch(x), torch.tensor([[-one, 0, one], [one, 0, -one]]))
