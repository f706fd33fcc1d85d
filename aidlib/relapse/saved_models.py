"""Risk models on disk: skops, never pickle, beside the model card that vouches for them; the same bytes every time."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from aidlib import reference
from aidlib.relapse.leakage import Predictor
from aidlib.relapse.model_card import ModelCard, described
from aidlib.relapse.privacy import LIMIT
from aidlib.relapse.risk_model import Encoding, FittedRisk, RiskModel

MODEL_FILE, CARD_FILE, SCHEMA = "model.skops", "model_card.json", "schema.json"
TRUSTED = frozenset({"numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"})
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can tell


def save_model(fitted: FittedRisk, card: ModelCard, folder: Path | str) -> Path:
    """Write model.skops, model_card.json and model_card.zh.md, model_card.en.md to ``folder``; returns it.

    Raises Problem where the card is another model's, and where a membership attack succeeds with an AUC above 0.60.
    """
    if card.facts["model"] != described(fitted):
        raise reference.problem("relapse.other_model", detail="model")
    if not card.attack <= LIMIT:
        raise reference.problem("relapse.membership", auc=f"{card.attack:.3f}", limit=f"{LIMIT:.2f}")
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    data = model_bytes(fitted)
    signed = card.signed(hashlib.sha256(data).hexdigest())
    (place / MODEL_FILE).write_bytes(data)
    (place / CARD_FILE).write_text(signed.to_json(), encoding="utf-8")
    for language in ("zh", "en"):
        (place / f"model_card.{language}.md").write_text(signed.markdown(language), encoding="utf-8")
    return place


def load_model(folder: Path | str) -> FittedRisk:
    """The model in ``folder``.

    Raises Problem where card or model are not there, where either differs from its checksum, and where the archive
    holds a type beyond scikit-learn's own and the few that these models need: such a file is never opened.
    """
    import skops.io

    place = Path(folder)
    card, path = place / CARD_FILE, place / MODEL_FILE
    for file in (card, path):
        if not file.exists():
            raise reference.problem("general.missing_file", file=str(file))
    facts, data = ModelCard.read(card), path.read_bytes()
    if facts.facts.get("sha256") != hashlib.sha256(data).hexdigest():
        raise reference.problem("relapse.model_changed", file=MODEL_FILE)
    unknown = sorted(set(skops.io.get_untrusted_types(data=data)) - TRUSTED)
    if unknown:
        raise reference.problem("relapse.untrusted_model", file=MODEL_FILE, types=", ".join(unknown))
    return _restored(skops.io.loads(data, trusted=sorted(TRUSTED)))


def model_bytes(fitted: FittedRisk) -> bytes:
    """The model as a skops archive with times fixed and objects numbered in order: equal models, equal bytes."""
    import skops.io

    return _settled(skops.io.dumps(_plain(fitted)))


def _plain(fitted: FittedRisk) -> dict[str, Any]:
    """The fitted model as plain types and scikit-learn's estimator."""
    encoding = fitted.encoding
    return {
        **described(fitted),
        "numbers": {name: list(pair) for name, pair in encoding.numbers.items()},
        "levels": {name: list(levels) for name, levels in encoding.levels.items()},
        "estimator": fitted.estimator,
        "intercept": fitted.intercept,
        "slope": fitted.slope,
        "cuts": list(fitted.cuts),
    }


def _restored(found: dict[str, Any]) -> FittedRisk:
    predictors = tuple(Predictor(*entry) for entry in found["predictors"])
    numbers = {name: (pair[0], pair[1]) for name, pair in found["numbers"].items()}
    levels = {name: tuple(entries) for name, entries in found["levels"].items()}
    return FittedRisk(
        model=RiskModel(found["horizon"], predictors, found["kind"]),
        encoding=Encoding(predictors, numbers, levels),
        estimator=found["estimator"],
        intercept=found["intercept"],
        slope=found["slope"],
        cuts=(found["cuts"][0], found["cuts"][1]),
        n=found["n"],
        events=found["events"],
    )


def _settled(data: bytes) -> bytes:
    """The archive with what depends on memory and clock replaced: nodes and files numbered in order, times fixed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        files: list[str] = []
        schema = _numbered(json.loads(source.read(SCHEMA)), files, count(1))
        target.writestr(zipfile.ZipInfo(SCHEMA, EPOCH), json.dumps(schema))
        for place, old in enumerate(files):
            target.writestr(zipfile.ZipInfo(f"{place}.npy", EPOCH), source.read(old))
    return out.getvalue()


def _numbered(node: Any, files: list[str], numbers: Iterator[int]) -> Any:
    """The schema with a number of its own for every node and array; ``files`` learns the old names in order."""
    if isinstance(node, list):
        return [_numbered(part, files, numbers) for part in node]
    if not isinstance(node, dict):
        return node
    found = {key: _numbered(part, files, numbers) for key, part in node.items()}
    if "__id__" in found:
        found["__id__"] = next(numbers)
    if "file" in found:
        files.append(found["file"])
        found["file"] = f"{len(files) - 1}.npy"
    return found
