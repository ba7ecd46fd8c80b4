"""Golden figures ``unit_*``: single parts of the methods, each alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from methods.gan import gan_loss
from methods.interface import Draws
from methods.layers import InstanceNorm, L2Normalize
from methods.nce import patch_nce, patches
from methods.sampling import attention_map, dag_positions
from methods.schedule import linear_decay
from tests.parity import recipe
from tests.parity.compare import Report


def check(data: Mapping[str, Any]) -> Report:
    report = Report()
    kind = next(prefix for prefix in CHECKS if str(data["fixture"]).startswith(prefix))
    CHECKS[kind](report, data)
    return report


class NamedPermutations(Draws):
    """Permutations of the recipe by their full names, which it lists in the order in which they were asked for."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.names: list[str] = []

    def permutation(self, name: str, n: int, device: torch.device) -> Tensor:
        self.names.append(name)
        return recipe.permutation(self.seed, name, n)


def check_dag(report: Report, data: Mapping[str, Any]) -> None:
    """Sampling guided by the discriminator."""
    seed = recipe.seed_of(data)
    for case in data["cases_list"]:
        name = case["perm_names"][0].rpartition("/sample")[0]
        scores = recipe.picture(seed, case["score_map"], case["score_shape"])
        feature = recipe.picture(seed, case["feat"], case["feat_shape"])
        size = (feature.shape[2], feature.shape[3])
        attention = attention_map(scores, size)
        report.tensor("value", f"{name} attention", attention, case["attention_interpolated"])

        draws, share = NamedPermutations(seed), float(case["random_ratio"])
        ours = dag_positions(scores, size, case["num_patches"], case["oversample_ratio"], share, draws, name)
        report.same(f"{name}: permutations", draws.names, case["perm_names"])
        golden = torch.tensor(case["selected"])
        guided = golden.shape[1] - int(golden.shape[1] * share)
        for i, tie in enumerate(case["tie_at_cut"]):
            check_selection(report, f"{name} sample {i}", ours[i], golden[i], guided, attention[i].flatten(), tie)
        rows = L2Normalize()(patches(feature, golden))
        report.tensor("value", f"{name} features", rows, case["sampled_l2norm_features"])


def check_selection(
    report: Report, name: str, ours: Tensor, golden: Tensor, guided: int, attention: Tensor, tie: bool
) -> None:
    """The guided part as a set, and where even the set is not defined by its scores; the covering part in order."""
    report.same(f"{name}: covering part", ours[guided:].tolist(), golden[guided:].tolist())
    if tie:
        ours_sorted, golden_sorted = (attention[rows[:guided]].sort().values for rows in (ours, golden))
        report.same(f"{name}: guided scores", ours_sorted.tolist(), golden_sorted.tolist())
    else:
        report.same(f"{name}: guided part", sorted(ours[:guided].tolist()), sorted(golden[:guided].tolist()))


def check_gan(report: Report, data: Mapping[str, Any]) -> None:
    """Adversarial objectives: value and gradient on both kinds of scores."""
    seed, shape = recipe.seed_of(data), data["cfg"]["prediction_shape"]
    for mode, sides in data["cases"].items():
        for side, golden in sides.items():
            fake = 2 * recipe.picture(seed, "gan/fake", shape)
            real = 2 * recipe.picture(seed, "gan/real", shape)
            scores, other = (real, fake) if side == "D_real" else (fake, real)
            loss = gan_loss(scores.requires_grad_(), side != "D_fake", mode, other)
            (gradient,) = torch.autograd.grad(loss, scores)
            report.relative("loss", f"{mode} {side}", float(loss.detach()), golden["value"])
            report.relative("gradient", f"{mode} {side} l2", float(gradient.norm()), golden["grad_l2"])
            report.relative("gradient", f"{mode} {side} mean", float(gradient.mean()), golden["grad_mean"])


def check_instance_norm(report: Report, data: Mapping[str, Any]) -> None:
    """Output and gradient, whatever the strides of the input and of the incoming gradient are."""
    seed = recipe.seed_of(data)
    report.same("eps", 1e-5, data["cfg"]["eps"])
    for case in data["cases_list"]:
        for x_layout in (torch.contiguous_format, torch.channels_last):
            for gradient_layout in (torch.contiguous_format, torch.channels_last):
                x, incoming = (recipe.picture(seed, case[key], case["shape"]) for key in ("x", "grad_output"))
                x = x.contiguous(memory_format=x_layout).requires_grad_()
                y = InstanceNorm()(x)
                (gradient,) = torch.autograd.grad(y, x, incoming.contiguous(memory_format=gradient_layout))
                name = f"{case['x']} with {x_layout} input, {gradient_layout} gradient"
                report.tensor("value", name, y, case["output"])
                report.tensor("gradient", f"gradient of {name}", gradient, case["grad_input"])


def check_schedules(report: Report, data: Mapping[str, Any]) -> None:
    """The learning-rate factor of every epoch.

    A run that is resumed at epoch X with w epochs of warm-up gets the factors (X + i)/w, larger than 1, during
    its first w epochs from the official code (``get_scheduler``). That is a defect, which ours does not have:
    where a file records it, ours are compared with the factors of the run that was never stopped.
    """
    for name, case in data["cases"].items():
        options = dict(case["options"])
        first, warmup = options.pop("epoch_count", 1), max(0, options.get("warmup_epochs", 0))
        undisturbed = dict(enumerate(case["multipliers"]))
        if first > 1 and warmup:
            whole = next((c["multipliers"] for c in data["cases"].values() if c["options"] == options), None)
            for i in range(min(warmup, len(undisturbed))):
                report.relative("value", f"{name}: defect at {i}", (first + i) / warmup, undisturbed.pop(i))
                if whole:
                    undisturbed[i] = whole[first - 1 + i]
        n_epochs, n_decay = options.pop("n_epochs", 200), options.pop("n_epochs_decay", 200)
        report.same(f"{name}: options left", options.keys() - {"warmup_epochs"}, set())
        for i, golden in undisturbed.items():
            ours = linear_decay(first + i, n_epochs, n_decay, warmup)
            report.relative("value", f"{name}: epoch {first + i}", ours, golden)


def check_patch_nce(report: Report, data: Mapping[str, Any]) -> None:
    """The contrastive loss of every row, and its gradients."""
    seed, cfg = recipe.seed_of(data), data["cfg"]
    report.same("diagonal_fill", -10.0, cfg["diagonal_fill"])
    normalize = L2Normalize()
    for case in data["cases_list"]:
        shape = (case["batch"] * case["num_patches"], case["dim"])
        query, key = (recipe.picture(seed, case[name], shape).requires_grad_() for name in "qk")
        groups = case["batch"] if case["all_negatives_from_minibatch"] is False else 1
        similarity: Literal["dot", "cosine"] = "cosine" if case["loss"] == "cosine" else "dot"
        rows = patch_nce(normalize(query), normalize(key), groups, cfg["nce_T"], similarity)
        name = f"{case['loss']}, batch {case['batch']} in {groups} groups"
        report.same(f"{name}: number of rows", len(rows), len(case["rows"]))
        for i, (ours, golden) in enumerate(zip(rows.tolist(), case["rows"], strict=True)):
            report.relative("loss", f"{name}: row {i}", ours, golden)
        report.relative("loss", f"{name}: mean", float(rows.detach().mean()), case["mean"])
        gradient, of_key = torch.autograd.grad(rows.mean(), (query, key), allow_unused=True)
        report.relative("gradient", f"{name}: query", float(gradient.norm()), case["grad_q_l2"])
        report.same(f"{name}: gradient of the key", "none" if of_key is None else "some", case["grad_k"])


CHECKS: dict[str, Callable[[Report, Mapping[str, Any]], None]] = {
    "unit_dag": check_dag,
    "unit_ganloss": check_gan,
    "unit_instancenorm": check_instance_norm,
    "unit_lr_schedules": check_schedules,
    "unit_patchnce": check_patch_nce,
}
PREFIXES = tuple(CHECKS)
