"""Training of the pretrained weights of the package: photos, composition of training images, recipes."""

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
"""Group of the photo copies whose faces are changed to resemble newborns."""

Kind = Literal["mosaic", "close", "scene", "heads", "nothing"]
Share = dict[str, NonNegativeFloat]


KINDS: dict[Kind, float] = {"mosaic": 0.14, "close": 0.29, "scene": 0.22, "heads": 0.29, "nothing": 0.06}


class PhotoSource(Section):
    """A folder of photos to train a packaged detector on, or to score it on."""

    path: str = Field("", description="Folder of the photos, relative to `raw.folder`.")
    layout: Literal["300w", "merl_rav", "graded", "yolo", "images"] = Field(
        "yolo",
        description="Layout of the annotations. `images` has none; its labels are faces on which the teachers agree.",
    )
    held_out: float = Field(
        0.0, ge=0, le=1, description="Share of the photos (or people) to hold out for scoring, selected by name."
    )
    hold_out: Literal["names", "people", "official", "blocks"] = Field(
        "names",
        description="Unit to hold out: photos (`names`); people, identified by the beginning of file names; "
        "the `official` test part; or every second of the `blocks` of consecutive numbers in "
        "file names.",
    )
    every: PositiveInt = Field(
        40,
        description="Numbers per block. Consecutive photos often show the same infant; choose blocks large "
        "enough to keep an infant in one block.",
    )
    half: Literal["a", "b", "all"] = Field(
        "all",
        description="With `hold_out: blocks`, the half to train on. `all`: train and score on every block.",
    )
    complete: bool = Field(
        False,
        description="Whether `complete.txt` beside the photos lists those in which every face has a box. "
        "`false`: all photos are complete.",
    )
    margins: tuple[float, float, float, float] = Field(
        (0.0, 0.0, 0.0, 0.0),
        description="How much boxes exceed the extent from hairline to chin: left, top, right, bottom, as "
        "fractions of the sides.",
    )
    covered: tuple[str, ...] = Field(
        (),
        description="Prefixes of words in `classes/`, or of grades, of faces that are already covered. These "
        "are augmented with covers half as often.",
    )
    longest: PositiveInt = Field(
        448, description="Longest side of training photos in pixels. Larger photos are reduced."
    )
    younger: NonNegativeInt = Field(
        0, description="Number of copies of each photo with landmarks in which faces are changed to resemble newborns."
    )
    pieces: float = Field(
        1.0, ge=0, le=1, description="Share of the photos from which crops without a face are kept as backgrounds."
    )
    teachers: tuple[str, ...] = Field(
        (),
        description="Detectors whose agreeing boxes complete the labels: baseline detectors or packaged detectors.",
    )
    turns: Literal[1, 4, 8] = Field(
        1, description="Number of orientations in which each teacher runs on a photo; see `baselines`."
    )
    sure: float = Field(
        0.5, ge=0, le=1, description="Confidence threshold: a box of the teachers at or above it becomes a label."
    )
    doubtful: float = Field(
        0.12,
        ge=0,
        le=1,
        description="Confidence threshold: a box of the teachers at or above it that is not a label is painted over.",
    )

    @property
    def holds_out(self) -> bool:
        """Whether some of its photos are excluded from training."""
        return (
            (self.held_out > 0)
            if self.hold_out in ("names", "people")
            else self.half != "all" or (self.hold_out == "official")
        )


class Composition(Section):
    """Composition of training images."""

    close: Share = Field({}, description="Weight of each source in images of one close face.")
    scene: Share = Field({}, description="Weight of each source in images of whole photos.")
    heads: Share = Field({}, description="Weight of each source in images of cut-out heads.")
    kinds: dict[Kind, NonNegativeFloat] = Field(
        KINDS, description="Weight of each kind of image. Kinds that are not given keep their default."
    )
    covered: tuple[float, ...] = Field(
        (0.3, 0.65, 0.9),
        min_length=1,
        description="Probabilities that a face is covered. One of them is drawn for each image.",
    )
    quarter_turns: bool = Field(
        False,
        description="Rotate whole photos by multiples of 90 degrees only, which keeps boxes without an outline exact.",
    )
    smallest: PositiveFloat = Field(5.0, description="Longer side in pixels of the smallest labelled face.")
    images: PositiveInt = Field(4096, description="Images per epoch.")
    sizes: tuple[PositiveInt, ...] = Field(
        (320, 416, 512, 640, 640),
        min_length=1,
        description="Input sizes in pixels, one per batch, equally frequent. Batches of smaller images have "
        "more images.",
    )

    @field_validator("kinds", mode="before")
    @classmethod
    def _others_as_they_are(cls, kinds: object) -> object:
        return {**KINDS, **kinds} if isinstance(kinds, Mapping) else kinds

    @field_validator("kinds")
    @classmethod
    def _some_image(cls, kinds: dict[Kind, float]) -> dict[Kind, float]:
        if not any(share for kind, share in kinds.items() if kind != "mosaic"):
            raise ValueError("expected a weight above 0 for a kind other than mosaic, which combines the others")
        return kinds

    @field_validator("sizes")
    @classmethod
    def _fit_the_stride(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if any(size % 32 for size in sizes):
            raise ValueError("expected multiples of 32")
        return sizes

    def groups(self) -> set[str]:
        """Names of the sources with a weight above 0."""
        return {name for shares in (self.close, self.scene, self.heads) for name, share in shares.items() if share}


IDLE = (
    *("schedule", "rectangular", "image_weights", "multi_scale", "least_images", "occlusion", "evolved"),
    *("lrf", "hsv_h", "hsv_s", "hsv_v", "degrees", "translate", "scale", "shear", "perspective"),
    *("flipud", "fliplr", "mosaic", "mixup", "copy_paste"),
)
"""Settings and hyperparameters of a detector that have no effect on composed images."""


class ComposedHyperparameters(Hyperparameters):
    """Hyperparameters of a training on composed images."""

    lr0: PositiveFloat = Field(0.001, description="Learning rate, constant between warm-up and cool-down.")
    momentum: float = Field(0.9, ge=0, lt=1, description="Beta1 of AdamW.")
    weight_decay: NonNegativeFloat = Field(0.02, description="Weight decay. Not applied to biases and batch norms.")
    warmup_epochs: NonNegativeFloat = Field(0.0, description="Length of the warm-up in epochs.")
    warmup_bias_lr: NonNegativeFloat = Field(0.0, description="Learning rate of biases at the start of the warm-up.")
    obj: NonNegativeFloat = Field(0.7, description="Gain of the objectness loss.")


class ComposedDetector(Detector):
    """A detector of whole faces that is trained on composed images."""

    model: PackagedNetwork = Field(  # type: ignore[assignment]
        "scrfd_2.5g",
        description="Network. `scrfd_2.5g` is a YOLOv5 head on the layers of SCRFD-2.5G.",
    )
    weights: Literal["coco", "scratch"] = Field(
        "coco",
        description="Initial weights: `coco` for the published weights of the network (COCO, or those of "
        "SCRFD), `scratch` for random weights.",
    )
    classes: Literal["parts", "whole_face"] = Field("whole_face", description="Must be `whole_face`.")
    batch: PositiveInt | Literal["auto"] = Field(8, description="Images of `image_size` per batch.")
    nominal_batch: PositiveInt = Field(8, description="See `detectors.rgb10.nominal_batch`.")
    epochs: PositiveInt = Field(60, description="Number of epochs.")
    patience: NonNegativeInt = Field(0, description="See `detectors.rgb10.patience`.")
    keep: Literal["best", "last"] = Field("last", description="See `detectors.rgb10.keep`.")
    optimizer: Literal["SGD", "Adam", "AdamW"] = Field("AdamW", description="Optimiser.")
    precision: Literal["float32", "float16", "bfloat16"] = Field(
        "bfloat16", description="See `detectors.rgb10.precision`."
    )
    least_warmup_steps: NonNegativeInt | None = Field(300, description="See `detectors.rgb10.least_warmup_steps`.")
    hyperparameters: ComposedHyperparameters = Field(
        ComposedHyperparameters(),
        description="Hyperparameters of YOLOv5, except those of augmentation.",
    )
    start: str | None = Field(
        None, description="Initial weights: a file, or another packaged detector. `null`: those of `weights`."
    )
    cool_down: float = Field(
        0.25,
        ge=0,
        le=1,
        description="Share of the steps, at the end of the training, in which the constant learning rate "
        "decreases to zero.",
    )
    slow_layers: int = Field(
        0,
        ge=0,
        le=LAYERS_BELOW_HEAD,
        description="Number of layers, counted from the input, that are trained with `slow_rate`.",
    )
    slow_rate: NonNegativeFloat = Field(
        1.0, description="Learning rate of the slow layers, as a fraction of the learning rate of the others."
    )
    ema_decay: float = Field(0.9998, ge=0, lt=1, description="Decay of the moving average of the weights.")
    ema_ramp: PositiveInt = Field(100, description="Number of steps over which the decay increases from zero.")
    learnt_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share of the moving average in the final weights; the rest is the initial weights "
        "(Wortsman et al., CVPR 2022). Use a small share to preserve what a network has learnt "
        "from more data.",
    )
    composed: Composition = Field(Composition(), description="Composition of the training images.")
    infants: bool = Field(False, description="Whether training on `packaged.infants` is allowed.")

    @model_validator(mode="after")
    def _composes_what_it_can(self) -> Self:
        if self.classes != "whole_face":
            raise ValueError("classes: expected whole_face; composed images have no other labels. Remove classes")
        if self.processes != 1:
            raise ValueError("processes: expected 1; composed images are made by one process. Remove processes")
        for name in IDLE:
            section, key = (self.hyperparameters, name) if name in Hyperparameters.model_fields else (self, name)
            if getattr(section, key) != type(section).model_fields[key].default:
                raise ValueError(f"{name}: has no effect on composed images; remove it")
        return self


class Packaged(Section):
    """The pretrained weights of the package. Without sources, none are trained."""

    sources: dict[str, PhotoSource] = Field({}, description="Photos to train and score on, by name.")
    infants: tuple[str, ...] = Field(
        (),
        description="Sources with photos of infants in care. Only detectors with `infants: true` can be "
        "trained on them.",
    )
    covers: str | None = Field(
        None,
        description="Folder of images with an alpha channel to paste on faces, relative to `raw.folder`. "
        "`null`: use drawn covers only.",
    )
    crossed: dict[str, dict[str, str]] = Field(
        {},
        description="Scoring of a detector that was trained on every block: detectors trained on one half "
        "each, by name, and the source each is scored on.",
    )
    detectors: dict[str, ComposedDetector] = Field(
        {},
        description="Training recipes of the packaged detectors, by name. Each has the keys of "
        "`detectors.rgb10`; those listed here have another default or are new.",
    )

    @field_validator("sources", "detectors")
    @classmethod
    def _plain_names(cls, entries: dict[str, Section]) -> dict[str, Section]:
        for name in entries:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name == YOUNGER:
                raise ValueError(f"name {name!r}: expected lower-case letters, digits and _, beginning with a letter")
        return entries

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Self:
        known = {*self.sources, YOUNGER}
        for name, detector in self.detectors.items():
            unknown = sorted(detector.composed.groups() - known)
            if unknown:
                raise ValueError(
                    f"detectors.{name}.composed: unknown source {unknown[0]!r}; expected {', '.join(sorted(known))}"
                )
            seen = sorted(detector.composed.groups() & set(self.infants))
            if seen and not detector.infants:
                raise ValueError(
                    f"detectors.{name}.composed: {seen[0]} is one of packaged.infants; set infants: true, or remove it"
                )
            if detector.start in self.detectors and self._starts(name).count(name) > 1:
                raise ValueError(
                    f"detectors.{name}.start: circular; expected detectors that do not start from each other"
                )
        unknown = sorted(set(self.infants) - known)
        if unknown:
            raise ValueError(f"infants: unknown source {unknown[0]!r}; expected {', '.join(self.sources) or 'none'}")
        for name, halves in self.crossed.items():
            unknown = sorted({name, *halves} - {*self.detectors}) + sorted({*halves.values()} - {*self.sources})
            if unknown:
                raise ValueError(
                    f"crossed.{name}: unknown detector or source {unknown[0]!r}; add it, or correct the name"
                )
        return self

    def _starts(self, name: str) -> list[str]:
        """The detector and the detectors it starts from, in order; stops at the first repetition."""
        found = [name]
        while (start := self.detectors[found[-1]].start) in self.detectors and len(set(found)) == len(found):
            found.append(str(start))
        return found

    def sources_of(self, name: str) -> list[str]:
        """Sources that a detector is trained on, in the order of the config."""
        groups = self.detectors[name].composed.groups()
        younger = any(self.sources[source].younger for source in groups & {*self.sources})
        if YOUNGER in groups and not younger:
            groups |= {source for source, own in self.sources.items() if own.younger and source not in self.infants}
        return [source for source in self.sources if source in groups]

    def scored_sources(self) -> list[str]:
        """Sources with held-out photos."""
        return [
            name
            for name, source in self.sources.items()
            if source.layout != "images" and (source.held_out or source.hold_out in ("official", "blocks"))
        ]

    def scores(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """Scores to compute: detector, source, and the pairs (detector, source) whose scores are combined.

        No detector is scored on photos that it, or a detector it starts from, was trained on.
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
