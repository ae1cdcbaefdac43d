"""The ready-made detectors of the package: photos that they learn from, how images are composed of these, recipes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from uncover.config.detectors import LAYERS_BELOW_HEAD, Detector, Hyperparameters, PackagedNetwork
from uncover.config.values import Section

YOUNGER = "younger"
"""Group of the copies of photos whose faces are made to look like those of newborns."""

Kind = Literal["mosaic", "close", "scene", "heads", "nothing"]
Share = dict[str, NonNegativeFloat]


KINDS: dict[Kind, float] = {"mosaic": 0.14, "close": 0.29, "scene": 0.22, "heads": 0.29, "nothing": 0.06}


class PhotoSource(Section):
    """A folder of photos that a packaged detector learns from, or is scored on."""

    path: str = Field("", description="folder of the photos, relative to `raw.folder`")
    layout: Literal["300w", "merl_rav", "graded", "yolo", "images"] = Field(
        "yolo", description="of its annotations; `images` has none, and its faces are those that the teachers agree on"
    )
    held_out: float = Field(
        0.0, ge=0, le=1, description="share that nothing learns from and that scores are made on, chosen by names"
    )
    hold_out: Literal["names", "people", "official", "blocks"] = Field(
        "names",
        description="what is held out as a whole: photos; people, whom names begin with; the official test part; or"
        " every second block of neighbouring numbers in names",
    )
    every: PositiveInt = Field(
        40, description="numbers of a block: series show one infant after the other, and a block is that of one or few"
    )
    half: Literal["a", "b", "all"] = Field(
        "all",
        description="with `hold_out: blocks`, the half to learn from; `all` learns from and scores on every block",
    )
    complete: bool = Field(
        False, description="`complete.txt` beside the photos names those in which every face has a box; else all are so"
    )
    margins: tuple[float, float, float, float] = Field(
        (0.0, 0.0, 0.0, 0.0),
        description="by how much boxes are larger than from hairline to chin: left, top, right, bottom, as shares of"
        " their sides",
    )
    covered: tuple[str, ...] = Field(
        (), description="beginnings of the words in `classes/`, or of grades, of faces that are covered as they are"
    )
    longest: PositiveInt = Field(448, description="longest side of a photo to learn from, in pixels")
    younger: NonNegativeInt = Field(
        0, description="copies of each photo with landmarks in which faces look like those of newborns"
    )
    pieces: float = Field(1.0, ge=0, le=1, description="share of the photos of which pieces without a face are kept")
    teachers: tuple[str, ...] = Field(
        (),
        description="detectors that complete its labels where they agree: baselines, or packaged detectors",
    )
    turns: Literal[1, 4, 8] = Field(1, description="of a photo that each of them looks at, as of a baseline")
    sure: float = Field(0.5, ge=0, le=1, description="confidence from which a box of the teachers becomes a face")
    doubtful: float = Field(
        0.12, ge=0, le=1, description="confidence from which a box of the teachers that does not is painted over"
    )

    @property
    def holds_out(self) -> bool:
        """Whether nothing learns from some of its photos."""
        return (
            (self.held_out > 0)
            if self.hold_out in ("names", "people")
            else self.half != "all" or (self.hold_out == "official")
        )


class Composition(Section):
    """Which photos training images are composed of, and how."""

    close: Share = Field({}, description="weight of each source where one face is looked at")
    scene: Share = Field({}, description="weight of each source where a whole photo is")
    heads: Share = Field({}, description="weight of each source where heads are cut out")
    kinds: dict[Kind, NonNegativeFloat] = Field(
        KINDS, description="weight of each kind of image; those that are not said keep theirs"
    )
    covered: tuple[float, ...] = Field(
        (0.3, 0.65, 0.9),
        min_length=1,
        description="probabilities that a face is covered, one of which holds for an image",
    )
    quarter_turns: bool = Field(
        False, description="turn whole photos by quarters alone, so that boxes without an outline stay exact"
    )
    smallest: PositiveFloat = Field(5.0, description="longer side of a face that gets a label, in pixels")
    images: PositiveInt = Field(4096, description="images of an epoch")
    sizes: tuple[PositiveInt, ...] = Field(
        (320, 416, 512, 640, 640),
        min_length=1,
        description="sides of images, in pixels, one for each batch; all are as frequent, and a batch of smaller images"
        " has more of them",
    )

    @field_validator("kinds", mode="before")
    @classmethod
    def _others_as_they_are(cls, kinds: object) -> object:
        return {**KINDS, **kinds} if isinstance(kinds, Mapping) else kinds

    @field_validator("kinds")
    @classmethod
    def _some_image(cls, kinds: dict[Kind, float]) -> dict[Kind, float]:
        if not any(share for kind, share in kinds.items() if kind != "mosaic"):
            raise ValueError("expected a weight above 0 for a kind that is no mosaic, which is made of the others")
        return kinds

    @field_validator("sizes")
    @classmethod
    def _fit_the_stride(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if any(size % 32 for size in sizes):
            raise ValueError("expected multiples of 32")
        return sizes

    def groups(self) -> set[str]:
        """Names of sources that are drawn from."""
        return {name for shares in (self.close, self.scene, self.heads) for name, share in shares.items() if share}


IDLE = (
    *("schedule", "rectangular", "image_weights", "multi_scale", "least_images", "occlusion", "evolved"),
    *("lrf", "hsv_h", "hsv_s", "hsv_v", "degrees", "translate", "scale", "shear", "perspective"),
    *("flipud", "fliplr", "mosaic", "mixup", "copy_paste"),
)
"""Settings of a detector, and hyperparameters, that are those of images that are no composed ones."""


class ComposedHyperparameters(Hyperparameters):
    """Those of a training on composed images."""

    lr0: PositiveFloat = Field(0.001, description="learning rate, but for warm-up and cool-down")
    momentum: float = Field(0.9, ge=0, lt=1, description="beta1 of AdamW")
    weight_decay: NonNegativeFloat = Field(0.02, description="of weights that are no biases or batch norms")
    warmup_epochs: NonNegativeFloat = Field(0.0, description="epochs of warm-up")
    warmup_bias_lr: NonNegativeFloat = Field(0.0, description="learning rate of biases at the start of warm-up")
    obj: NonNegativeFloat = Field(0.7, description="gain of the objectness loss")


class ComposedDetector(Detector):
    """A detector of whole faces that learns from composed images."""

    model: PackagedNetwork = Field(  # type: ignore[assignment]
        "scrfd_2.5g",
        description="network; scrfd_2.5g: a head of YOLOv5 on the layers of SCRFD-2.5G",
    )
    weights: Literal["coco", "scratch"] = Field(
        "coco", description="start from the network's published weights (COCO's, or SCRFD's), or anew"
    )
    classes: Literal["parts", "whole_face"] = Field("whole_face", description="the whole face only")
    batch: PositiveInt | Literal["auto"] = Field(8, description="images of `image_size` in a step")
    nominal_batch: PositiveInt = Field(8, description="as of a detector")
    epochs: PositiveInt = Field(60, description="as of a detector")
    patience: NonNegativeInt = Field(0, description="as of a detector")
    keep: Literal["best", "last"] = Field("last", description="as of a detector")
    optimizer: Literal["SGD", "Adam", "AdamW"] = Field("AdamW", description="optimiser")
    precision: Literal["float32", "float16", "bfloat16"] = Field("bfloat16", description="as of a detector")
    least_warmup_steps: NonNegativeInt | None = Field(300, description="as of a detector")
    hyperparameters: ComposedHyperparameters = Field(
        ComposedHyperparameters(),
        description="YOLOv5's hyperparameters, but for those of augmentation",
    )
    start: str | None = Field(
        None, description="weights to start from: a file, or another packaged detector; null: those of `weights`"
    )
    cool_down: float = Field(
        0.25,
        ge=0,
        le=1,
        description="share of the steps at the end in which the constant learning rate falls to nothing",
    )
    slow_layers: int = Field(
        0, ge=0, le=LAYERS_BELOW_HEAD, description="layers from the first on that learn at a rate of their own"
    )
    slow_rate: NonNegativeFloat = Field(1.0, description="their learning rate, as a share of that of the others")
    ema_decay: float = Field(0.9998, ge=0, lt=1, description="decay of the moving average of the weights")
    ema_ramp: PositiveInt = Field(100, description="steps over which the decay rises from nothing")
    learnt_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the moving average in the weights that count; the rest are those of the start, which a"
        " network that has seen more faces than there are here needs to keep (Wortsman et al., CVPR 2022)",
    )
    composed: Composition = Field(Composition(), description="which photos images are composed of, and how")
    infants: bool = Field(False, description="whether it may learn from photos of infants in care")

    @model_validator(mode="after")
    def _composes_what_it_can(self) -> Self:
        if self.classes != "whole_face":
            raise ValueError("classes: composed images show whole faces; leave it out")
        if self.processes != 1:
            raise ValueError("processes: images are composed for one process; leave it out")
        for name in IDLE:
            section, key = (self.hyperparameters, name) if name in Hyperparameters.model_fields else (self, name)
            if getattr(section, key) != type(section).model_fields[key].default:
                raise ValueError(f"{name}: changes nothing where images are composed; leave it out")
        return self


class Packaged(Section):
    """The ready-made detectors; without a source none is made."""

    sources: dict[str, PhotoSource] = Field({}, description="photos to learn from and to score on, by name")
    infants: tuple[str, ...] = Field(
        (), description="sources that show infants in care, for detectors that may see them"
    )
    covers: str | None = Field(
        None,
        description="folder of pictures with alpha to lay on faces, relative to `raw.folder`; null: drawn ones only",
    )
    crossed: dict[str, dict[str, str]] = Field(
        {},
        description="how a detector that learnt from every block of infants is scored on them: by detectors that learnt"
        " from a half each, on what that source holds out",
    )
    detectors: dict[str, ComposedDetector] = Field({}, description="recipes of the packaged detectors, by name")

    @field_validator("sources", "detectors")
    @classmethod
    def _plain_names(cls, entries: dict[str, Section]) -> dict[str, Section]:
        for name in entries:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name == YOUNGER:
                raise ValueError(f"the name {name!r}: expected small letters, digits and _, a letter first")
        return entries

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Self:
        known = {*self.sources, YOUNGER}
        for name, detector in self.detectors.items():
            unknown = sorted(detector.composed.groups() - known)
            if unknown:
                raise ValueError(
                    f"detectors.{name}.composed: no source {unknown[0]!r}; expected {', '.join(sorted(known))}"
                )
            seen = sorted(detector.composed.groups() & set(self.infants))
            if seen and not detector.infants:
                raise ValueError(
                    f"detectors.{name}.composed: {seen[0]} shows infants in care; say infants: true, or leave it out"
                )
            if detector.start in self.detectors and self._starts(name).count(name) > 1:
                raise ValueError(f"detectors.{name}.start: starts from itself in the end")
        unknown = sorted(set(self.infants) - known)
        if unknown:
            raise ValueError(f"infants: no source {unknown[0]!r}; expected {', '.join(self.sources) or 'none'}")
        for name, halves in self.crossed.items():
            unknown = sorted({name, *halves} - {*self.detectors}) + sorted({*halves.values()} - {*self.sources})
            if unknown:
                raise ValueError(f"crossed.{name}: no detector or source {unknown[0]!r}")
        return self

    def _starts(self, name: str) -> list[str]:
        """The detectors that one starts from, itself first; ends where one stands twice."""
        found = [name]
        while (start := self.detectors[found[-1]].start) in self.detectors and len(set(found)) == len(found):
            found.append(str(start))
        return found

    def sources_of(self, name: str) -> list[str]:
        """Sources that a detector learns from, in their order."""
        groups = self.detectors[name].composed.groups()
        younger = any(self.sources[source].younger for source in groups & {*self.sources})
        if YOUNGER in groups and not younger:
            groups |= {source for source, own in self.sources.items() if own.younger and source not in self.infants}
        return [source for source in self.sources if source in groups]

    def scored_sources(self) -> list[str]:
        """Sources that hold something out, or whose photos only few detectors may see."""
        return [
            name
            for name, source in self.sources.items()
            if source.layout != "images" and (source.held_out or source.hold_out in ("official", "blocks"))
        ]

    def scores(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """What is scored: a detector, what it is scored on, and the pairs of a detector and a source that make it.

        A detector is scored on nothing that it, or one that it starts from, learnt from.
        """
        wanted: list[tuple[str, str, list[tuple[str, str]]]] = []
        halves = {name for crossed in self.crossed.values() for name in crossed}
        for name in self.detectors:
            seen = {source for start in self._starts(name) for source in self.sources_of(start)}
            for source in self.scored_sources():
                settings = self.sources[source]
                if source in self.infants and (
                    settings.half != "all" or self.detectors[name].infants or source in seen
                ):
                    continue
                if name not in halves:
                    wanted.append((name, source, [(name, source)]))
            if name in self.crossed:
                pairs = list(self.crossed[name].items())
                wanted.append((name, "+".join(source for _, source in pairs), pairs))
        return wanted
