"""Weights that were trained elsewhere, made a run of ours: read safely, recognised, checked, stored."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from harness import checkpoint
from harness.catalogue import card, show
from harness.data.folders import Dataset
from harness.data.sizes import default_load_size
from harness.errors import UserError
from harness.layouts import Layout, recognised
from harness.planning import options_of
from harness.provenance import record
from harness.runs import RunFolder, State
from harness.spec import RunSpec, resolve_options
from harness.training import build
from methods.interface import Method

Weights = dict[str, Tensor]
"""the state_dict of one network"""
NAMED = 3
"""tensors that do not fit which are named; the others are counted"""
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""what instance norms of old PyTorch stored and never read, and constants of MUNIT's AdaIN"""
CONSTANT = ".filt"
"""the kernels of antialiasing: left out by some repositories"""


def import_run(
    path: Path,
    method: str | None,
    dataset: Dataset,
    data: str,
    settings: Sequence[str],
    size: int | None,
    runs: Path,
) -> tuple[RunFolder, Layout]:
    """Make a run below ``runs`` out of the weights in ``path``; it is stored as trained, to be scored.

    Args:
        path: a file of an official repository, or safetensors: the generator from source to target, or the
            two auto-encoders of MUNIT or UNIT.
        method: its method; None where the file leaves no choice.
        dataset: what it translates, with the direction; data is where it was found (`planning.open_for`).
        settings: ``option=value`` for options that weights do not show.
        size: side of the translations, pixels; None for the dataset's.

    Raises:
        UserError: the file cannot be read safely, or does not fit; nothing is written then.
    """
    networks = read(path)
    layout = recognised({name: shapes_of(state) for name, state in networks.items()})
    if layout is None:
        keys = [key for state in networks.values() for key in state]
        raise UserError(
            f"{path} holds no generator that is known: its tensors are {some(keys)}; expected the generator "
            "(latest_net_G.pth, latest_net_G_A.pth, gen_*.pt) of a method of `harness methods`"
        )
    name = method_of(path, layout, method)
    side = size or dataset.default_size
    spec = RunSpec(
        method=name,
        options=resolve_options(name, checked_settings(path, layout, name, settings)),
        dataset=dataset.name,
        direction=dataset.direction,
        size=side,
        load_size=default_load_size(side),
        imported=sha256(path),
        data=data,
    )
    model = build(spec, torch.device("cpu"), training=False)
    put(path, networks, model, spec)
    return stored(RunFolder(runs / spec.name), spec, model, path, layout), layout


def read(path: Path) -> dict[str, Weights]:
    """The networks in a file, float32: one of name "", or those of the domains ``a`` and ``b``.

    Nothing in the file is executed. UserError where it holds anything but tensors by name.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected the weights of a generator")
    try:
        if path.suffix == ".safetensors":
            found: object = safetensors.torch.load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        code = re.search(r"GLOBAL (\S+)", str(error))
        what = f"Python objects ({code[1]})" if code else "something else"
        raise UserError(f"{path} holds {what}, not tensors by name; it was not executed. Save a state_dict") from None
    except Exception as error:  # a file of another kind can make the readers fail anywhere
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{path} cannot be read as weights ({reason})") from None
    return {name: normalised(path, state) for name, state in networks_of(found).items()}


def networks_of(found: object) -> dict[str, object]:
    """The parts of a file: ``{'a': ..., 'b': ...}``, keys that begin with ``a.`` and ``b.``, or a single network."""
    if not isinstance(found, Mapping):
        return {"": found}
    if found.keys() == {"a", "b"}:
        return dict(found)
    if found and all(str(key).startswith(("a.", "b.")) for key in found):
        return {side: {str(k)[2:]: v for k, v in found.items() if str(k)[0] == side} for side in "ab"}
    return {"": found}


def normalised(path: Path, state: object) -> Weights:
    """The weights under the names that our networks have: without ``module.``, old statistics and dropout layers."""
    if not isinstance(state, Mapping) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        held = some([str(key) for key in state]) if isinstance(state, Mapping) else type(state).__name__
        raise UserError(f"{path} holds {held or 'nothing'}; expected tensors by name: the state_dict of a generator")
    weights = {str(key): value for key, value in state.items() if not str(key).endswith(STATISTICS)}
    if all(key.startswith("module.") for key in weights):
        weights = {key.removeprefix("module."): value for key, value in weights.items()}
    found = {}
    for key, value in weights.items():
        block, part, rest = key.partition(".conv_block.6.")  # behind dropout; without it the place is 5
        plain = f"{block}.conv_block.5.{rest}"
        found[plain if part and plain not in weights else key] = value.float()
    return found


def method_of(path: Path, layout: Layout, method: str | None) -> str:
    """The method whose generator this is; UserError where it is not said and several have one like it."""
    having = layout.methods()
    if method is not None:
        if not layout.of(card(method)):
            raise UserError(f"{path} holds {layout}, which {method} has not; methods that do: {', '.join(having)}")
        return method
    if len(having) == 1:
        return having[0]
    if not having:
        raise UserError(f"{path} holds {layout}, which no method has")
    raise UserError(f"{path} holds {layout}, and {', '.join(having)} have it alike: say whose it is with --method NAME")


def checked_settings(path: Path, layout: Layout, method: str, settings: Sequence[str]) -> dict[str, str]:
    """The options given and those found in the weights, as texts; UserError where they contradict each other."""
    found = {name: show(value) for name, value in layout.options.items()}
    given = options_of(method, [method], settings)
    for name, text in given.items():
        if name in found and show(card(method).option(name).parse(text)) != found[name]:
            raise UserError(f"--set {name}={text}: {path} has {name}={found[name]}")
    return given | found


def put(path: Path, networks: Mapping[str, Weights], model: Method, spec: RunSpec) -> None:
    """Load the weights into the networks of ``model`` that translate; UserError where anything does not fit."""
    names = translating(model, spec.size)
    if len(names) != len(networks):
        raise UserError(
            f"{path} holds {len(networks)} network{'s' if len(networks) > 1 else ''}; {spec.method} translates "
            f"with {len(names)} ({', '.join(names)})"
        )
    for part, weights in networks.items():
        side = {"a": "b", "b": "a"}.get(part, part) if spec.direction == "BtoA" else part
        name = next(name for name in names if name.endswith(f"_{side}" if side else ""))
        net = model.get_submodule(name)
        wrong = list(misfits(net, weights))
        if wrong:
            raise UserError(f"{path} does not fit {name} of {spec.method}: {some(wrong, '; ')}")
        net.load_state_dict(net.state_dict() | weights)


def translating(model: Method, size: int) -> list[str]:
    """The names of the networks that ``translate`` runs, found by translating a grey picture."""
    called: list[str] = []
    hooks = [
        module.register_forward_pre_hook(lambda *_, name=name: called.append(name))
        for name, child in model.named_children()
        for module in child.modules()
    ]
    with torch.no_grad():
        model.translate(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return list(dict.fromkeys(called))


def misfits(net: nn.Module, weights: Weights) -> Iterator[str]:
    """Everything that keeps ``weights`` from being those of ``net``."""
    expected = net.state_dict()
    for key in (key for key in expected if key not in weights):
        if not key.endswith((CONSTANT, *STATISTICS)):
            yield f"{key} is missing"
    for key, value in weights.items():
        if key not in expected:
            yield f"{key} is not one of its tensors"
        elif value.shape != expected[key].shape:
            yield f"{key} is {size_of(value)}, expected {size_of(expected[key])}"
        elif not value.isfinite().all():
            yield f"{key} has values that are not finite"
        elif key.endswith(CONSTANT) and not torch.allclose(value, expected[key], atol=1e-6):
            yield f"{key} is another blur kernel"


def stored(run: RunFolder, spec: RunSpec, model: Method, path: Path, layout: Layout) -> RunFolder:
    """The run folder with its checkpoint; one that is there already is left as it is."""
    run.create(spec)
    if run.state().stage != "new":
        return run
    try:
        checkpoint.save(run.checkpoints, checkpoint.state_of(model, step=0))
    except OSError as error:
        raise UserError(f"cannot write a checkpoint to {run.checkpoints}: {error.strerror}") from None
    record(
        run,
        imported={"file": path.name, "sha256": spec.imported, "recognised": str(layout)},
        weights_sha256=checkpoint.weights_sha256(model),
        parameters=sum(p.numel() for p in model.parameters()),
    )
    run.set_state(State(stage="trained"))
    return run


def sha256(path: Path) -> str:
    """Digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def shapes_of(weights: Weights) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in weights.items()}


def size_of(tensor: Tensor) -> str:
    """``64x3x7x7``."""
    return "x".join(map(str, tensor.shape)) or "a single number"


def some(texts: Sequence[str], between: str = ", ") -> str:
    """The first few, and how many more there are."""
    more = f"{between}and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return between.join(texts[:NAMED]) + more
