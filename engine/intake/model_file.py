"""A model as a file: arrays and a list of texts, nothing that could run. See docs/decisions/0007-suggestions.md."""

from __future__ import annotations

import hashlib
import io
import zipfile

import numpy as np
import orjson

from engine.errors import CityBroken
from engine.intake.model import ClassModel, Facts

FORMAT = 1
ARRAYS = ("rarity", "weights", "bias", "about")


def write_model(model: ClassModel) -> bytes:
    """The file of a model."""
    pieces = sorted(model.pieces, key=lambda text: model.pieces[text])
    about = {"format": FORMAT, "classes": model.classes, "pieces": pieces, "nothing": model.nothing}
    file = io.BytesIO()
    np.savez_compressed(
        file,
        rarity=model.rarity.astype(np.float32),
        weights=model.weights.astype(np.float16),
        bias=model.bias.astype(np.float32),
        about=np.frombuffer(orjson.dumps(about), dtype=np.uint8),
    )
    return file.getvalue()


def digest_of(content: bytes) -> str:
    """SHA-256 of a model's file, its name."""
    return hashlib.sha256(content).hexdigest()


def read_model(content: bytes, sha256: str, facts: Facts) -> ClassModel:
    """The model of a file. Raises CityBroken when the file is not the one named or does not hold together."""
    remedy = "train again with 'wangge intake train'"
    if digest_of(content) != sha256:
        raise CityBroken(f"the stored model is not the one with the digest {sha256[:12]}; {remedy}")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            rarity, weights, bias, about = (file[name] for name in ARRAYS)
        said = orjson.loads(about.tobytes())
        classes, pieces, nothing = tuple(said["classes"]), said["pieces"], float(said["nothing"])
        if said["format"] != FORMAT:
            raise ValueError(f"format {said['format']}")
        if weights.shape != (len(pieces), len(classes)) or rarity.shape != (len(pieces),):
            raise ValueError("its parts do not fit together")
        if bias.shape != (len(classes),) or not all(np.isfinite(part).all() for part in (rarity, weights, bias)):
            raise ValueError("its parts do not fit together")
    except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise CityBroken(f"the stored model {sha256[:12]} cannot be read ({error}); {remedy}") from error
    order = {text: at for at, text in enumerate(pieces)}
    return ClassModel(classes, order, rarity, weights.astype(np.float32), bias, nothing, facts)
