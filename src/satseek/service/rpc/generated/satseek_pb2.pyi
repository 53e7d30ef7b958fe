from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Model(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class BoundingBox(_message.Message):
    __slots__ = ("west", "south", "east", "north")
    WEST_FIELD_NUMBER: _ClassVar[int]
    SOUTH_FIELD_NUMBER: _ClassVar[int]
    EAST_FIELD_NUMBER: _ClassVar[int]
    NORTH_FIELD_NUMBER: _ClassVar[int]
    west: float
    south: float
    east: float
    north: float
    def __init__(self, west: _Optional[float] = ..., south: _Optional[float] = ..., east: _Optional[float] = ..., north: _Optional[float] = ...) -> None: ...

class SearchRequest(_message.Message):
    __slots__ = ("collection", "text", "image", "liked", "disliked", "bbox", "area", "start", "end", "k", "area_crs", "where", "levels", "least", "concept", "collections", "rank_by", "group_by", "duplicate_cosine", "explain")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    LIKED_FIELD_NUMBER: _ClassVar[int]
    DISLIKED_FIELD_NUMBER: _ClassVar[int]
    BBOX_FIELD_NUMBER: _ClassVar[int]
    AREA_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    AREA_CRS_FIELD_NUMBER: _ClassVar[int]
    WHERE_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    LEAST_FIELD_NUMBER: _ClassVar[int]
    CONCEPT_FIELD_NUMBER: _ClassVar[int]
    COLLECTIONS_FIELD_NUMBER: _ClassVar[int]
    RANK_BY_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_COSINE_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    collection: str
    text: str
    image: bytes
    liked: _containers.RepeatedScalarFieldContainer[str]
    disliked: _containers.RepeatedScalarFieldContainer[str]
    bbox: BoundingBox
    area: str
    start: str
    end: str
    k: int
    area_crs: str
    where: _containers.RepeatedScalarFieldContainer[str]
    levels: _containers.RepeatedScalarFieldContainer[int]
    least: float
    concept: str
    collections: _containers.RepeatedScalarFieldContainer[str]
    rank_by: str
    group_by: str
    duplicate_cosine: float
    explain: bool
    def __init__(self, collection: _Optional[str] = ..., text: _Optional[str] = ..., image: _Optional[bytes] = ..., liked: _Optional[_Iterable[str]] = ..., disliked: _Optional[_Iterable[str]] = ..., bbox: _Optional[_Union[BoundingBox, _Mapping]] = ..., area: _Optional[str] = ..., start: _Optional[str] = ..., end: _Optional[str] = ..., k: _Optional[int] = ..., area_crs: _Optional[str] = ..., where: _Optional[_Iterable[str]] = ..., levels: _Optional[_Iterable[int]] = ..., least: _Optional[float] = ..., concept: _Optional[str] = ..., collections: _Optional[_Iterable[str]] = ..., rank_by: _Optional[str] = ..., group_by: _Optional[str] = ..., duplicate_cosine: _Optional[float] = ..., explain: bool = ...) -> None: ...

class SearchResponse(_message.Message):
    __slots__ = ("collection", "model", "plan", "generation", "seconds", "hits", "translated", "weight", "concept", "warnings", "sources", "explanation")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    TRANSLATED_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    CONCEPT_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    collection: str
    model: Model
    plan: str
    generation: int
    seconds: float
    hits: _containers.RepeatedCompositeFieldContainer[Hit]
    translated: str
    weight: float
    concept: str
    warnings: _containers.RepeatedScalarFieldContainer[str]
    sources: _containers.RepeatedCompositeFieldContainer[Source]
    explanation: Explanation
    def __init__(self, collection: _Optional[str] = ..., model: _Optional[_Union[Model, _Mapping]] = ..., plan: _Optional[str] = ..., generation: _Optional[int] = ..., seconds: _Optional[float] = ..., hits: _Optional[_Iterable[_Union[Hit, _Mapping]]] = ..., translated: _Optional[str] = ..., weight: _Optional[float] = ..., concept: _Optional[str] = ..., warnings: _Optional[_Iterable[str]] = ..., sources: _Optional[_Iterable[_Union[Source, _Mapping]]] = ..., explanation: _Optional[_Union[Explanation, _Mapping]] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("embedding_ms", "searches", "collections")
    EMBEDDING_MS_FIELD_NUMBER: _ClassVar[int]
    SEARCHES_FIELD_NUMBER: _ClassVar[int]
    COLLECTIONS_FIELD_NUMBER: _ClassVar[int]
    embedding_ms: float
    searches: int
    collections: _containers.RepeatedCompositeFieldContainer[CollectionExplanation]
    def __init__(self, embedding_ms: _Optional[float] = ..., searches: _Optional[int] = ..., collections: _Optional[_Iterable[_Union[CollectionExplanation, _Mapping]]] = ...) -> None: ...

class CollectionExplanation(_message.Message):
    __slots__ = ("collection", "living", "passing", "ways", "candidates", "filter_ms", "search_ms")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    LIVING_FIELD_NUMBER: _ClassVar[int]
    PASSING_FIELD_NUMBER: _ClassVar[int]
    WAYS_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    FILTER_MS_FIELD_NUMBER: _ClassVar[int]
    SEARCH_MS_FIELD_NUMBER: _ClassVar[int]
    collection: str
    living: int
    passing: int
    ways: _containers.RepeatedCompositeFieldContainer[Way]
    candidates: int
    filter_ms: float
    search_ms: float
    def __init__(self, collection: _Optional[str] = ..., living: _Optional[int] = ..., passing: _Optional[int] = ..., ways: _Optional[_Iterable[_Union[Way, _Mapping]]] = ..., candidates: _Optional[int] = ..., filter_ms: _Optional[float] = ..., search_ms: _Optional[float] = ...) -> None: ...

class Way(_message.Message):
    __slots__ = ("name", "rows", "expected_ms")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_MS_FIELD_NUMBER: _ClassVar[int]
    name: str
    rows: int
    expected_ms: float
    def __init__(self, name: _Optional[str] = ..., rows: _Optional[int] = ..., expected_ms: _Optional[float] = ...) -> None: ...

class Source(_message.Message):
    __slots__ = ("collection", "model", "plan", "generation")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    collection: str
    model: Model
    plan: str
    generation: int
    def __init__(self, collection: _Optional[str] = ..., model: _Optional[_Union[Model, _Mapping]] = ..., plan: _Optional[str] = ..., generation: _Optional[int] = ...) -> None: ...

class Hit(_message.Message):
    __slots__ = ("rank", "chip", "scene", "cell", "datetime", "valid_fraction", "footprint", "scores", "thumbnail", "collection")
    class ScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    RANK_FIELD_NUMBER: _ClassVar[int]
    CHIP_FIELD_NUMBER: _ClassVar[int]
    SCENE_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    DATETIME_FIELD_NUMBER: _ClassVar[int]
    VALID_FRACTION_FIELD_NUMBER: _ClassVar[int]
    FOOTPRINT_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    rank: int
    chip: str
    scene: str
    cell: str
    datetime: str
    valid_fraction: float
    footprint: str
    scores: _containers.ScalarMap[str, float]
    thumbnail: str
    collection: str
    def __init__(self, rank: _Optional[int] = ..., chip: _Optional[str] = ..., scene: _Optional[str] = ..., cell: _Optional[str] = ..., datetime: _Optional[str] = ..., valid_fraction: _Optional[float] = ..., footprint: _Optional[str] = ..., scores: _Optional[_Mapping[str, float]] = ..., thumbnail: _Optional[str] = ..., collection: _Optional[str] = ...) -> None: ...

class ClassifyRequest(_message.Message):
    __slots__ = ("image", "collection", "chip", "labels", "templates", "distractors")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    CHIP_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    DISTRACTORS_FIELD_NUMBER: _ClassVar[int]
    image: bytes
    collection: str
    chip: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    templates: Phrases
    distractors: Phrases
    def __init__(self, image: _Optional[bytes] = ..., collection: _Optional[str] = ..., chip: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ..., templates: _Optional[_Union[Phrases, _Mapping]] = ..., distractors: _Optional[_Union[Phrases, _Mapping]] = ...) -> None: ...

class Phrases(_message.Message):
    __slots__ = ("texts",)
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, texts: _Optional[_Iterable[str]] = ...) -> None: ...

class ClassifyResponse(_message.Message):
    __slots__ = ("model", "best", "labels", "translated")
    class TranslatedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TRANSLATED_FIELD_NUMBER: _ClassVar[int]
    model: Model
    best: str
    labels: _containers.RepeatedCompositeFieldContainer[Label]
    translated: _containers.ScalarMap[str, str]
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ..., best: _Optional[str] = ..., labels: _Optional[_Iterable[_Union[Label, _Mapping]]] = ..., translated: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Label(_message.Message):
    __slots__ = ("label", "scores")
    class ScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    LABEL_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    label: str
    scores: _containers.ScalarMap[str, float]
    def __init__(self, label: _Optional[str] = ..., scores: _Optional[_Mapping[str, float]] = ...) -> None: ...

class SimilarityRequest(_message.Message):
    __slots__ = ("image", "texts")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    image: bytes
    texts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, image: _Optional[bytes] = ..., texts: _Optional[_Iterable[str]] = ...) -> None: ...

class SimilarityResponse(_message.Message):
    __slots__ = ("model", "texts")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    model: Model
    texts: _containers.RepeatedCompositeFieldContainer[Label]
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ..., texts: _Optional[_Iterable[_Union[Label, _Mapping]]] = ...) -> None: ...

class Item(_message.Message):
    __slots__ = ("text", "image")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    text: str
    image: bytes
    def __init__(self, text: _Optional[str] = ..., image: _Optional[bytes] = ...) -> None: ...

class EmbedRequest(_message.Message):
    __slots__ = ("model", "items")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    model: str
    items: _containers.RepeatedCompositeFieldContainer[Item]
    def __init__(self, model: _Optional[str] = ..., items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ...) -> None: ...

class EmbedStreamRequest(_message.Message):
    __slots__ = ("model", "item")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    model: str
    item: Item
    def __init__(self, model: _Optional[str] = ..., item: _Optional[_Union[Item, _Mapping]] = ...) -> None: ...

class EmbedResponse(_message.Message):
    __slots__ = ("model", "vectors")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    model: Model
    vectors: _containers.RepeatedCompositeFieldContainer[Vector]
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ..., vectors: _Optional[_Iterable[_Union[Vector, _Mapping]]] = ...) -> None: ...

class Vector(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...

class EmbedEachRequest(_message.Message):
    __slots__ = ("model", "id", "item")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    model: str
    id: str
    item: Item
    def __init__(self, model: _Optional[str] = ..., id: _Optional[str] = ..., item: _Optional[_Union[Item, _Mapping]] = ...) -> None: ...

class EmbedEachResponse(_message.Message):
    __slots__ = ("id", "model", "vector", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: str
    model: Model
    vector: Vector
    error: Error
    def __init__(self, id: _Optional[str] = ..., model: _Optional[_Union[Model, _Mapping]] = ..., vector: _Optional[_Union[Vector, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "reason", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: int
    reason: str
    message: str
    def __init__(self, code: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class ListCollectionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListCollectionsResponse(_message.Message):
    __slots__ = ("collections",)
    COLLECTIONS_FIELD_NUMBER: _ClassVar[int]
    collections: _containers.RepeatedCompositeFieldContainer[Collection]
    def __init__(self, collections: _Optional[_Iterable[_Union[Collection, _Mapping]]] = ...) -> None: ...

class Collection(_message.Message):
    __slots__ = ("name", "model", "searchable", "chips", "scenes", "refusals", "generation", "extent", "start", "end")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SEARCHABLE_FIELD_NUMBER: _ClassVar[int]
    CHIPS_FIELD_NUMBER: _ClassVar[int]
    SCENES_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    EXTENT_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    name: str
    model: Model
    searchable: bool
    chips: int
    scenes: int
    refusals: int
    generation: int
    extent: BoundingBox
    start: str
    end: str
    def __init__(self, name: _Optional[str] = ..., model: _Optional[_Union[Model, _Mapping]] = ..., searchable: bool = ..., chips: _Optional[int] = ..., scenes: _Optional[int] = ..., refusals: _Optional[int] = ..., generation: _Optional[int] = ..., extent: _Optional[_Union[BoundingBox, _Mapping]] = ..., start: _Optional[str] = ..., end: _Optional[str] = ...) -> None: ...

class ListConceptsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListConceptsResponse(_message.Message):
    __slots__ = ("concepts",)
    CONCEPTS_FIELD_NUMBER: _ClassVar[int]
    concepts: _containers.RepeatedCompositeFieldContainer[Concept]
    def __init__(self, concepts: _Optional[_Iterable[_Union[Concept, _Mapping]]] = ...) -> None: ...

class Concept(_message.Message):
    __slots__ = ("name", "version", "prompts", "negatives", "liked", "disliked", "notes", "created", "least")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PROMPTS_FIELD_NUMBER: _ClassVar[int]
    NEGATIVES_FIELD_NUMBER: _ClassVar[int]
    LIKED_FIELD_NUMBER: _ClassVar[int]
    DISLIKED_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    LEAST_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    prompts: _containers.RepeatedScalarFieldContainer[str]
    negatives: _containers.RepeatedScalarFieldContainer[str]
    liked: _containers.RepeatedScalarFieldContainer[str]
    disliked: _containers.RepeatedScalarFieldContainer[str]
    notes: str
    created: str
    least: float
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., prompts: _Optional[_Iterable[str]] = ..., negatives: _Optional[_Iterable[str]] = ..., liked: _Optional[_Iterable[str]] = ..., disliked: _Optional[_Iterable[str]] = ..., notes: _Optional[str] = ..., created: _Optional[str] = ..., least: _Optional[float] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class GetModelResponse(_message.Message):
    __slots__ = ("name", "version", "dim", "image_size", "context_length", "family", "score_head", "precision", "logit_scale", "logit_bias", "licences", "training_data", "accuracy", "parent")
    class LicencesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class AccuracyEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIM_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_LENGTH_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    SCORE_HEAD_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    LOGIT_SCALE_FIELD_NUMBER: _ClassVar[int]
    LOGIT_BIAS_FIELD_NUMBER: _ClassVar[int]
    LICENCES_FIELD_NUMBER: _ClassVar[int]
    TRAINING_DATA_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    dim: int
    image_size: int
    context_length: int
    family: str
    score_head: str
    precision: str
    logit_scale: float
    logit_bias: float
    licences: _containers.ScalarMap[str, str]
    training_data: str
    accuracy: _containers.ScalarMap[str, float]
    parent: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., dim: _Optional[int] = ..., image_size: _Optional[int] = ..., context_length: _Optional[int] = ..., family: _Optional[str] = ..., score_head: _Optional[str] = ..., precision: _Optional[str] = ..., logit_scale: _Optional[float] = ..., logit_bias: _Optional[float] = ..., licences: _Optional[_Mapping[str, str]] = ..., training_data: _Optional[str] = ..., accuracy: _Optional[_Mapping[str, float]] = ..., parent: _Optional[str] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("id", "task", "collection", "parameters", "state", "asked_by", "schedule", "priority", "created", "not_before", "started", "finished", "expires", "attempts", "cancelling", "worker", "progress", "result", "error", "error_kind", "log")
    ID_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ASKED_BY_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    CANCELLING_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ERROR_KIND_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    id: str
    task: str
    collection: str
    parameters: str
    state: str
    asked_by: str
    schedule: str
    priority: int
    created: str
    not_before: str
    started: str
    finished: str
    expires: str
    attempts: int
    cancelling: bool
    worker: str
    progress: Progress
    result: str
    error: str
    error_kind: str
    log: str
    def __init__(self, id: _Optional[str] = ..., task: _Optional[str] = ..., collection: _Optional[str] = ..., parameters: _Optional[str] = ..., state: _Optional[str] = ..., asked_by: _Optional[str] = ..., schedule: _Optional[str] = ..., priority: _Optional[int] = ..., created: _Optional[str] = ..., not_before: _Optional[str] = ..., started: _Optional[str] = ..., finished: _Optional[str] = ..., expires: _Optional[str] = ..., attempts: _Optional[int] = ..., cancelling: bool = ..., worker: _Optional[str] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., result: _Optional[str] = ..., error: _Optional[str] = ..., error_kind: _Optional[str] = ..., log: _Optional[str] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("done", "total", "note", "seconds_left")
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    SECONDS_LEFT_FIELD_NUMBER: _ClassVar[int]
    done: int
    total: int
    note: str
    seconds_left: float
    def __init__(self, done: _Optional[int] = ..., total: _Optional[int] = ..., note: _Optional[str] = ..., seconds_left: _Optional[float] = ...) -> None: ...

class SubmitJobRequest(_message.Message):
    __slots__ = ("task", "parameters", "key", "priority", "attempts", "keep_seconds", "not_before")
    TASK_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    KEEP_SECONDS_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    task: str
    parameters: str
    key: str
    priority: int
    attempts: int
    keep_seconds: float
    not_before: str
    def __init__(self, task: _Optional[str] = ..., parameters: _Optional[str] = ..., key: _Optional[str] = ..., priority: _Optional[int] = ..., attempts: _Optional[int] = ..., keep_seconds: _Optional[float] = ..., not_before: _Optional[str] = ...) -> None: ...

class SubmitJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("state", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: str
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs", "next_page_token")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    next_page_token: str
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class CancelJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class WatchJobRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class WatchJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class Schedule(_message.Message):
    __slots__ = ("name", "cron", "timezone", "task", "collection", "parameters", "priority", "asked_by", "created", "last", "next")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    ASKED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    cron: str
    timezone: str
    task: str
    collection: str
    parameters: str
    priority: int
    asked_by: str
    created: str
    last: str
    next: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., cron: _Optional[str] = ..., timezone: _Optional[str] = ..., task: _Optional[str] = ..., collection: _Optional[str] = ..., parameters: _Optional[str] = ..., priority: _Optional[int] = ..., asked_by: _Optional[str] = ..., created: _Optional[str] = ..., last: _Optional[str] = ..., next: _Optional[_Iterable[str]] = ...) -> None: ...

class ListSchedulesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSchedulesResponse(_message.Message):
    __slots__ = ("schedules",)
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    schedules: _containers.RepeatedCompositeFieldContainer[Schedule]
    def __init__(self, schedules: _Optional[_Iterable[_Union[Schedule, _Mapping]]] = ...) -> None: ...

class PutScheduleRequest(_message.Message):
    __slots__ = ("name", "cron", "timezone", "task", "parameters", "priority")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    name: str
    cron: str
    timezone: str
    task: str
    parameters: str
    priority: int
    def __init__(self, name: _Optional[str] = ..., cron: _Optional[str] = ..., timezone: _Optional[str] = ..., task: _Optional[str] = ..., parameters: _Optional[str] = ..., priority: _Optional[int] = ...) -> None: ...

class PutScheduleResponse(_message.Message):
    __slots__ = ("schedule",)
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    schedule: Schedule
    def __init__(self, schedule: _Optional[_Union[Schedule, _Mapping]] = ...) -> None: ...

class RemoveScheduleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class RemoveScheduleResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FindingFilter(_message.Message):
    __slots__ = ("kinds", "sources", "collections", "states", "labels", "flags", "assignee", "bbox", "area", "area_crs", "start", "end")
    KINDS_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    COLLECTIONS_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEE_FIELD_NUMBER: _ClassVar[int]
    BBOX_FIELD_NUMBER: _ClassVar[int]
    AREA_FIELD_NUMBER: _ClassVar[int]
    AREA_CRS_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    kinds: _containers.RepeatedScalarFieldContainer[str]
    sources: _containers.RepeatedScalarFieldContainer[str]
    collections: _containers.RepeatedScalarFieldContainer[str]
    states: _containers.RepeatedScalarFieldContainer[str]
    labels: _containers.RepeatedScalarFieldContainer[str]
    flags: _containers.RepeatedScalarFieldContainer[str]
    assignee: str
    bbox: BoundingBox
    area: str
    area_crs: str
    start: str
    end: str
    def __init__(self, kinds: _Optional[_Iterable[str]] = ..., sources: _Optional[_Iterable[str]] = ..., collections: _Optional[_Iterable[str]] = ..., states: _Optional[_Iterable[str]] = ..., labels: _Optional[_Iterable[str]] = ..., flags: _Optional[_Iterable[str]] = ..., assignee: _Optional[str] = ..., bbox: _Optional[_Union[BoundingBox, _Mapping]] = ..., area: _Optional[str] = ..., area_crs: _Optional[str] = ..., start: _Optional[str] = ..., end: _Optional[str] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("id", "kind", "source", "collection", "label", "before", "after", "scores", "footprint", "area_m2", "first_seen", "last_seen", "seen", "urgency", "flags", "evidence", "properties", "state", "assignee", "revision", "created", "changed", "cell_count", "may", "cells", "history")
    class ScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    FOOTPRINT_FIELD_NUMBER: _ClassVar[int]
    AREA_M2_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    URGENCY_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    CELL_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAY_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    source: str
    collection: str
    label: str
    before: str
    after: str
    scores: _containers.ScalarMap[str, float]
    footprint: str
    area_m2: float
    first_seen: str
    last_seen: str
    seen: int
    urgency: float
    flags: _containers.RepeatedScalarFieldContainer[str]
    evidence: _containers.RepeatedCompositeFieldContainer[Evidence]
    properties: str
    state: str
    assignee: str
    revision: int
    created: str
    changed: str
    cell_count: int
    may: _containers.RepeatedScalarFieldContainer[str]
    cells: _containers.RepeatedScalarFieldContainer[str]
    history: _containers.RepeatedCompositeFieldContainer[Step]
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., source: _Optional[str] = ..., collection: _Optional[str] = ..., label: _Optional[str] = ..., before: _Optional[str] = ..., after: _Optional[str] = ..., scores: _Optional[_Mapping[str, float]] = ..., footprint: _Optional[str] = ..., area_m2: _Optional[float] = ..., first_seen: _Optional[str] = ..., last_seen: _Optional[str] = ..., seen: _Optional[int] = ..., urgency: _Optional[float] = ..., flags: _Optional[_Iterable[str]] = ..., evidence: _Optional[_Iterable[_Union[Evidence, _Mapping]]] = ..., properties: _Optional[str] = ..., state: _Optional[str] = ..., assignee: _Optional[str] = ..., revision: _Optional[int] = ..., created: _Optional[str] = ..., changed: _Optional[str] = ..., cell_count: _Optional[int] = ..., may: _Optional[_Iterable[str]] = ..., cells: _Optional[_Iterable[str]] = ..., history: _Optional[_Iterable[_Union[Step, _Mapping]]] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("side", "chip_id", "scene", "datetime", "picture", "bounds", "path")
    SIDE_FIELD_NUMBER: _ClassVar[int]
    CHIP_ID_FIELD_NUMBER: _ClassVar[int]
    SCENE_FIELD_NUMBER: _ClassVar[int]
    DATETIME_FIELD_NUMBER: _ClassVar[int]
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    side: str
    chip_id: str
    scene: str
    datetime: str
    picture: str
    bounds: BoundingBox
    path: str
    def __init__(self, side: _Optional[str] = ..., chip_id: _Optional[str] = ..., scene: _Optional[str] = ..., datetime: _Optional[str] = ..., picture: _Optional[str] = ..., bounds: _Optional[_Union[BoundingBox, _Mapping]] = ..., path: _Optional[str] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("revision", "at", "who", "deed", "before", "after", "assignee", "comment")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    DEED_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEE_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    revision: int
    at: str
    who: str
    deed: str
    before: str
    after: str
    assignee: str
    comment: str
    def __init__(self, revision: _Optional[int] = ..., at: _Optional[str] = ..., who: _Optional[str] = ..., deed: _Optional[str] = ..., before: _Optional[str] = ..., after: _Optional[str] = ..., assignee: _Optional[str] = ..., comment: _Optional[str] = ...) -> None: ...

class ListFindingsRequest(_message.Message):
    __slots__ = ("filter", "order", "page_size", "page_token")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    filter: FindingFilter
    order: str
    page_size: int
    page_token: str
    def __init__(self, filter: _Optional[_Union[FindingFilter, _Mapping]] = ..., order: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListFindingsResponse(_message.Message):
    __slots__ = ("findings", "next_page_token")
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    next_page_token: str
    def __init__(self, findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CountFindingsRequest(_message.Message):
    __slots__ = ("filter",)
    FILTER_FIELD_NUMBER: _ClassVar[int]
    filter: FindingFilter
    def __init__(self, filter: _Optional[_Union[FindingFilter, _Mapping]] = ...) -> None: ...

class CountFindingsResponse(_message.Message):
    __slots__ = ("counts", "you")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    YOU_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.ScalarMap[str, int]
    you: str
    def __init__(self, counts: _Optional[_Mapping[str, int]] = ..., you: _Optional[str] = ...) -> None: ...

class GetFindingRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetFindingResponse(_message.Message):
    __slots__ = ("finding",)
    FINDING_FIELD_NUMBER: _ClassVar[int]
    finding: Finding
    def __init__(self, finding: _Optional[_Union[Finding, _Mapping]] = ...) -> None: ...

class GetFindingPictureRequest(_message.Message):
    __slots__ = ("id", "picture")
    ID_FIELD_NUMBER: _ClassVar[int]
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    id: str
    picture: str
    def __init__(self, id: _Optional[str] = ..., picture: _Optional[str] = ...) -> None: ...

class GetFindingPictureResponse(_message.Message):
    __slots__ = ("png",)
    PNG_FIELD_NUMBER: _ClassVar[int]
    png: bytes
    def __init__(self, png: _Optional[bytes] = ...) -> None: ...

class NextFindingRequest(_message.Message):
    __slots__ = ("filter", "who")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    filter: FindingFilter
    who: str
    def __init__(self, filter: _Optional[_Union[FindingFilter, _Mapping]] = ..., who: _Optional[str] = ...) -> None: ...

class NextFindingResponse(_message.Message):
    __slots__ = ("finding",)
    FINDING_FIELD_NUMBER: _ClassVar[int]
    finding: Finding
    def __init__(self, finding: _Optional[_Union[Finding, _Mapping]] = ...) -> None: ...

class DecideFindingRequest(_message.Message):
    __slots__ = ("id", "deed", "comment", "revision", "assignee", "who")
    ID_FIELD_NUMBER: _ClassVar[int]
    DEED_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEE_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    id: str
    deed: str
    comment: str
    revision: int
    assignee: str
    who: str
    def __init__(self, id: _Optional[str] = ..., deed: _Optional[str] = ..., comment: _Optional[str] = ..., revision: _Optional[int] = ..., assignee: _Optional[str] = ..., who: _Optional[str] = ...) -> None: ...

class DecideFindingResponse(_message.Message):
    __slots__ = ("finding",)
    FINDING_FIELD_NUMBER: _ClassVar[int]
    finding: Finding
    def __init__(self, finding: _Optional[_Union[Finding, _Mapping]] = ...) -> None: ...

class Alert(_message.Message):
    __slots__ = ("id", "finding", "source", "reason", "channel", "made", "letter", "state", "attempts", "due", "settled", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    FINDING_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    MADE_FIELD_NUMBER: _ClassVar[int]
    LETTER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: str
    finding: str
    source: str
    reason: str
    channel: str
    made: str
    letter: str
    state: str
    attempts: int
    due: str
    settled: str
    error: str
    def __init__(self, id: _Optional[str] = ..., finding: _Optional[str] = ..., source: _Optional[str] = ..., reason: _Optional[str] = ..., channel: _Optional[str] = ..., made: _Optional[str] = ..., letter: _Optional[str] = ..., state: _Optional[str] = ..., attempts: _Optional[int] = ..., due: _Optional[str] = ..., settled: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class ListAlertsRequest(_message.Message):
    __slots__ = ("state", "source", "finding", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    FINDING_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: str
    source: str
    finding: str
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[str] = ..., source: _Optional[str] = ..., finding: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAlertsResponse(_message.Message):
    __slots__ = ("alerts", "counts", "next_page_token")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    alerts: _containers.RepeatedCompositeFieldContainer[Alert]
    counts: _containers.ScalarMap[str, int]
    next_page_token: str
    def __init__(self, alerts: _Optional[_Iterable[_Union[Alert, _Mapping]]] = ..., counts: _Optional[_Mapping[str, int]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetAlertRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetAlertResponse(_message.Message):
    __slots__ = ("alert", "said")
    ALERT_FIELD_NUMBER: _ClassVar[int]
    SAID_FIELD_NUMBER: _ClassVar[int]
    alert: Alert
    said: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, alert: _Optional[_Union[Alert, _Mapping]] = ..., said: _Optional[_Iterable[str]] = ...) -> None: ...

class ResendAlertsRequest(_message.Message):
    __slots__ = ("alerts", "dead")
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    DEAD_FIELD_NUMBER: _ClassVar[int]
    alerts: _containers.RepeatedScalarFieldContainer[str]
    dead: bool
    def __init__(self, alerts: _Optional[_Iterable[str]] = ..., dead: bool = ...) -> None: ...

class ResendAlertsResponse(_message.Message):
    __slots__ = ("alerts",)
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    alerts: int
    def __init__(self, alerts: _Optional[int] = ...) -> None: ...

class Channel(_message.Message):
    __slots__ = ("name", "way", "to", "reasons", "form", "language", "digest_minutes", "needs")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WAY_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_MINUTES_FIELD_NUMBER: _ClassVar[int]
    NEEDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    way: str
    to: str
    reasons: _containers.RepeatedScalarFieldContainer[str]
    form: str
    language: str
    digest_minutes: float
    needs: str
    def __init__(self, name: _Optional[str] = ..., way: _Optional[str] = ..., to: _Optional[str] = ..., reasons: _Optional[_Iterable[str]] = ..., form: _Optional[str] = ..., language: _Optional[str] = ..., digest_minutes: _Optional[float] = ..., needs: _Optional[str] = ...) -> None: ...

class ListChannelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListChannelsResponse(_message.Message):
    __slots__ = ("channels",)
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    channels: _containers.RepeatedCompositeFieldContainer[Channel]
    def __init__(self, channels: _Optional[_Iterable[_Union[Channel, _Mapping]]] = ...) -> None: ...

class TryChannelRequest(_message.Message):
    __slots__ = ("channel",)
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    channel: str
    def __init__(self, channel: _Optional[str] = ...) -> None: ...

class TryChannelResponse(_message.Message):
    __slots__ = ("channel", "key", "arrived", "error")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    ARRIVED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    channel: str
    key: str
    arrived: bool
    error: str
    def __init__(self, channel: _Optional[str] = ..., key: _Optional[str] = ..., arrived: bool = ..., error: _Optional[str] = ...) -> None: ...

class LandUse(_message.Message):
    __slots__ = ("name", "collection", "made_at", "operator", "model", "label_set", "dates", "cells", "images", "changes", "changes_ha", "details")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    MADE_AT_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LABEL_SET_FIELD_NUMBER: _ClassVar[int]
    DATES_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    CHANGES_HA_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    name: str
    collection: str
    made_at: str
    operator: str
    model: str
    label_set: str
    dates: _containers.RepeatedScalarFieldContainer[str]
    cells: int
    images: int
    changes: int
    changes_ha: float
    details: str
    def __init__(self, name: _Optional[str] = ..., collection: _Optional[str] = ..., made_at: _Optional[str] = ..., operator: _Optional[str] = ..., model: _Optional[str] = ..., label_set: _Optional[str] = ..., dates: _Optional[_Iterable[str]] = ..., cells: _Optional[int] = ..., images: _Optional[int] = ..., changes: _Optional[int] = ..., changes_ha: _Optional[float] = ..., details: _Optional[str] = ...) -> None: ...

class ListLandUseRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListLandUseResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[LandUse]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[LandUse, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetLandUseRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetLandUseResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: LandUse
    def __init__(self, run: _Optional[_Union[LandUse, _Mapping]] = ...) -> None: ...

class Assessment(_message.Message):
    __slots__ = ("name", "collection", "made_at", "operator", "model", "mode", "event", "hazard", "source", "parcels", "lights", "area_ha", "insured_ha", "judged_ha", "affected_ha", "affected_share", "visits", "problems", "details")
    class LightsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    MADE_AT_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    HAZARD_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    PARCELS_FIELD_NUMBER: _ClassVar[int]
    LIGHTS_FIELD_NUMBER: _ClassVar[int]
    AREA_HA_FIELD_NUMBER: _ClassVar[int]
    INSURED_HA_FIELD_NUMBER: _ClassVar[int]
    JUDGED_HA_FIELD_NUMBER: _ClassVar[int]
    AFFECTED_HA_FIELD_NUMBER: _ClassVar[int]
    AFFECTED_SHARE_FIELD_NUMBER: _ClassVar[int]
    VISITS_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    name: str
    collection: str
    made_at: str
    operator: str
    model: str
    mode: str
    event: str
    hazard: str
    source: str
    parcels: int
    lights: _containers.ScalarMap[str, int]
    area_ha: float
    insured_ha: float
    judged_ha: float
    affected_ha: float
    affected_share: float
    visits: int
    problems: int
    details: str
    def __init__(self, name: _Optional[str] = ..., collection: _Optional[str] = ..., made_at: _Optional[str] = ..., operator: _Optional[str] = ..., model: _Optional[str] = ..., mode: _Optional[str] = ..., event: _Optional[str] = ..., hazard: _Optional[str] = ..., source: _Optional[str] = ..., parcels: _Optional[int] = ..., lights: _Optional[_Mapping[str, int]] = ..., area_ha: _Optional[float] = ..., insured_ha: _Optional[float] = ..., judged_ha: _Optional[float] = ..., affected_ha: _Optional[float] = ..., affected_share: _Optional[float] = ..., visits: _Optional[int] = ..., problems: _Optional[int] = ..., details: _Optional[str] = ...) -> None: ...

class ListAssessmentsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAssessmentsResponse(_message.Message):
    __slots__ = ("assessments", "next_page_token")
    ASSESSMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    assessments: _containers.RepeatedCompositeFieldContainer[Assessment]
    next_page_token: str
    def __init__(self, assessments: _Optional[_Iterable[_Union[Assessment, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetAssessmentRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetAssessmentResponse(_message.Message):
    __slots__ = ("assessment",)
    ASSESSMENT_FIELD_NUMBER: _ClassVar[int]
    assessment: Assessment
    def __init__(self, assessment: _Optional[_Union[Assessment, _Mapping]] = ...) -> None: ...

class ListRunRowsRequest(_message.Message):
    __slots__ = ("kind", "name", "table", "where", "page_size", "page_token")
    class WhereEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    WHERE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    kind: str
    name: str
    table: str
    where: _containers.ScalarMap[str, str]
    page_size: int
    page_token: str
    def __init__(self, kind: _Optional[str] = ..., name: _Optional[str] = ..., table: _Optional[str] = ..., where: _Optional[_Mapping[str, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRunRowsResponse(_message.Message):
    __slots__ = ("rows", "next_page_token")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedScalarFieldContainer[str]
    next_page_token: str
    def __init__(self, rows: _Optional[_Iterable[str]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class TakeRunFileRequest(_message.Message):
    __slots__ = ("kind", "name", "file")
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    name: str
    file: str
    def __init__(self, kind: _Optional[str] = ..., name: _Optional[str] = ..., file: _Optional[str] = ...) -> None: ...

class TakeRunFileResponse(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    def __init__(self, content: _Optional[bytes] = ...) -> None: ...

class RemoveRunRequest(_message.Message):
    __slots__ = ("kind", "name")
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    kind: str
    name: str
    def __init__(self, kind: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class RemoveRunResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Watch(_message.Message):
    __slots__ = ("name", "version", "collection", "label", "paused", "next", "scenes_looked_at", "findings", "details")
    class FindingsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    SCENES_LOOKED_AT_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    collection: str
    label: str
    paused: bool
    next: _containers.RepeatedScalarFieldContainer[str]
    scenes_looked_at: int
    findings: _containers.ScalarMap[str, int]
    details: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., collection: _Optional[str] = ..., label: _Optional[str] = ..., paused: bool = ..., next: _Optional[_Iterable[str]] = ..., scenes_looked_at: _Optional[int] = ..., findings: _Optional[_Mapping[str, int]] = ..., details: _Optional[str] = ...) -> None: ...

class ListWatchesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListWatchesResponse(_message.Message):
    __slots__ = ("watches",)
    WATCHES_FIELD_NUMBER: _ClassVar[int]
    watches: _containers.RepeatedCompositeFieldContainer[Watch]
    def __init__(self, watches: _Optional[_Iterable[_Union[Watch, _Mapping]]] = ...) -> None: ...

class GetWatchRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetWatchResponse(_message.Message):
    __slots__ = ("watch",)
    WATCH_FIELD_NUMBER: _ClassVar[int]
    watch: Watch
    def __init__(self, watch: _Optional[_Union[Watch, _Mapping]] = ...) -> None: ...

class PutWatchRequest(_message.Message):
    __slots__ = ("name", "watch")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    name: str
    watch: str
    def __init__(self, name: _Optional[str] = ..., watch: _Optional[str] = ...) -> None: ...

class PutWatchResponse(_message.Message):
    __slots__ = ("watch",)
    WATCH_FIELD_NUMBER: _ClassVar[int]
    watch: Watch
    def __init__(self, watch: _Optional[_Union[Watch, _Mapping]] = ...) -> None: ...

class RemoveWatchRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class RemoveWatchResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RunWatchRequest(_message.Message):
    __slots__ = ("name", "again", "key")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AGAIN_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    name: str
    again: bool
    key: str
    def __init__(self, name: _Optional[str] = ..., again: bool = ..., key: _Optional[str] = ...) -> None: ...

class RunWatchResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class PauseWatchRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class PauseWatchResponse(_message.Message):
    __slots__ = ("watch",)
    WATCH_FIELD_NUMBER: _ClassVar[int]
    watch: Watch
    def __init__(self, watch: _Optional[_Union[Watch, _Mapping]] = ...) -> None: ...

class ResumeWatchRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ResumeWatchResponse(_message.Message):
    __slots__ = ("watch",)
    WATCH_FIELD_NUMBER: _ClassVar[int]
    watch: Watch
    def __init__(self, watch: _Optional[_Union[Watch, _Mapping]] = ...) -> None: ...

class TeachWatchRequest(_message.Message):
    __slots__ = ("name", "liked", "disliked")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LIKED_FIELD_NUMBER: _ClassVar[int]
    DISLIKED_FIELD_NUMBER: _ClassVar[int]
    name: str
    liked: _containers.RepeatedScalarFieldContainer[str]
    disliked: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., liked: _Optional[_Iterable[str]] = ..., disliked: _Optional[_Iterable[str]] = ...) -> None: ...

class TeachWatchResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetWatchExpectedRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetWatchExpectedResponse(_message.Message):
    __slots__ = ("confirmed", "rejected", "missed", "aim", "value", "seed_quantile", "grow_quantile", "background", "expected")
    CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    AIM_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SEED_QUANTILE_FIELD_NUMBER: _ClassVar[int]
    GROW_QUANTILE_FIELD_NUMBER: _ClassVar[int]
    BACKGROUND_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    confirmed: int
    rejected: int
    missed: _containers.RepeatedScalarFieldContainer[str]
    aim: str
    value: float
    seed_quantile: float
    grow_quantile: float
    background: int
    expected: Expected
    def __init__(self, confirmed: _Optional[int] = ..., rejected: _Optional[int] = ..., missed: _Optional[_Iterable[str]] = ..., aim: _Optional[str] = ..., value: _Optional[float] = ..., seed_quantile: _Optional[float] = ..., grow_quantile: _Optional[float] = ..., background: _Optional[int] = ..., expected: _Optional[_Union[Expected, _Mapping]] = ...) -> None: ...

class Expected(_message.Message):
    __slots__ = ("precision", "precision_95", "recall", "recall_95", "right", "wrong")
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    PRECISION_95_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    RECALL_95_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    WRONG_FIELD_NUMBER: _ClassVar[int]
    precision: float
    precision_95: _containers.RepeatedScalarFieldContainer[float]
    recall: float
    recall_95: _containers.RepeatedScalarFieldContainer[float]
    right: int
    wrong: int
    def __init__(self, precision: _Optional[float] = ..., precision_95: _Optional[_Iterable[float]] = ..., recall: _Optional[float] = ..., recall_95: _Optional[_Iterable[float]] = ..., right: _Optional[int] = ..., wrong: _Optional[int] = ...) -> None: ...

class MeasureWatchRequest(_message.Message):
    __slots__ = ("name", "truth", "truth_crs", "day")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TRUTH_FIELD_NUMBER: _ClassVar[int]
    TRUTH_CRS_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    name: str
    truth: str
    truth_crs: str
    day: str
    def __init__(self, name: _Optional[str] = ..., truth: _Optional[str] = ..., truth_crs: _Optional[str] = ..., day: _Optional[str] = ...) -> None: ...

class MeasureWatchResponse(_message.Message):
    __slots__ = ("sensitivity", "sensitivity_95", "specificity", "specificity_95", "alerts", "area_km2", "alerts_per_1000_km2", "days", "right", "wrong", "folds")
    SENSITIVITY_FIELD_NUMBER: _ClassVar[int]
    SENSITIVITY_95_FIELD_NUMBER: _ClassVar[int]
    SPECIFICITY_FIELD_NUMBER: _ClassVar[int]
    SPECIFICITY_95_FIELD_NUMBER: _ClassVar[int]
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    AREA_KM2_FIELD_NUMBER: _ClassVar[int]
    ALERTS_PER_1000_KM2_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    WRONG_FIELD_NUMBER: _ClassVar[int]
    FOLDS_FIELD_NUMBER: _ClassVar[int]
    sensitivity: float
    sensitivity_95: _containers.RepeatedScalarFieldContainer[float]
    specificity: float
    specificity_95: _containers.RepeatedScalarFieldContainer[float]
    alerts: int
    area_km2: float
    alerts_per_1000_km2: float
    days: _containers.RepeatedScalarFieldContainer[str]
    right: int
    wrong: int
    folds: int
    def __init__(self, sensitivity: _Optional[float] = ..., sensitivity_95: _Optional[_Iterable[float]] = ..., specificity: _Optional[float] = ..., specificity_95: _Optional[_Iterable[float]] = ..., alerts: _Optional[int] = ..., area_km2: _Optional[float] = ..., alerts_per_1000_km2: _Optional[float] = ..., days: _Optional[_Iterable[str]] = ..., right: _Optional[int] = ..., wrong: _Optional[int] = ..., folds: _Optional[int] = ...) -> None: ...

class Upload(_message.Message):
    __slots__ = ("id", "parcels_ref", "name", "format", "bytes", "sha256", "by", "uploaded", "parcels", "policies", "area_ha", "bbox", "problems", "problem_count", "crs", "layer", "policy_column", "parcel_column", "crop_column", "insured_column", "district_column", "insured_unit")
    ID_FIELD_NUMBER: _ClassVar[int]
    PARCELS_REF_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    UPLOADED_FIELD_NUMBER: _ClassVar[int]
    PARCELS_FIELD_NUMBER: _ClassVar[int]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    AREA_HA_FIELD_NUMBER: _ClassVar[int]
    BBOX_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    CRS_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    POLICY_COLUMN_FIELD_NUMBER: _ClassVar[int]
    PARCEL_COLUMN_FIELD_NUMBER: _ClassVar[int]
    CROP_COLUMN_FIELD_NUMBER: _ClassVar[int]
    INSURED_COLUMN_FIELD_NUMBER: _ClassVar[int]
    DISTRICT_COLUMN_FIELD_NUMBER: _ClassVar[int]
    INSURED_UNIT_FIELD_NUMBER: _ClassVar[int]
    id: str
    parcels_ref: str
    name: str
    format: str
    bytes: int
    sha256: str
    by: str
    uploaded: str
    parcels: int
    policies: int
    area_ha: float
    bbox: BoundingBox
    problems: _containers.RepeatedCompositeFieldContainer[ParcelProblem]
    problem_count: int
    crs: str
    layer: str
    policy_column: str
    parcel_column: str
    crop_column: str
    insured_column: str
    district_column: str
    insured_unit: str
    def __init__(self, id: _Optional[str] = ..., parcels_ref: _Optional[str] = ..., name: _Optional[str] = ..., format: _Optional[str] = ..., bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., by: _Optional[str] = ..., uploaded: _Optional[str] = ..., parcels: _Optional[int] = ..., policies: _Optional[int] = ..., area_ha: _Optional[float] = ..., bbox: _Optional[_Union[BoundingBox, _Mapping]] = ..., problems: _Optional[_Iterable[_Union[ParcelProblem, _Mapping]]] = ..., problem_count: _Optional[int] = ..., crs: _Optional[str] = ..., layer: _Optional[str] = ..., policy_column: _Optional[str] = ..., parcel_column: _Optional[str] = ..., crop_column: _Optional[str] = ..., insured_column: _Optional[str] = ..., district_column: _Optional[str] = ..., insured_unit: _Optional[str] = ...) -> None: ...

class ParcelProblem(_message.Message):
    __slots__ = ("row", "id", "kind", "what")
    ROW_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    row: int
    id: str
    kind: str
    what: str
    def __init__(self, row: _Optional[int] = ..., id: _Optional[str] = ..., kind: _Optional[str] = ..., what: _Optional[str] = ...) -> None: ...

class SendParcelsRequest(_message.Message):
    __slots__ = ("content", "name", "crs", "layer", "policy_column", "parcel_column", "crop_column", "insured_column", "district_column", "insured_unit")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CRS_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    POLICY_COLUMN_FIELD_NUMBER: _ClassVar[int]
    PARCEL_COLUMN_FIELD_NUMBER: _ClassVar[int]
    CROP_COLUMN_FIELD_NUMBER: _ClassVar[int]
    INSURED_COLUMN_FIELD_NUMBER: _ClassVar[int]
    DISTRICT_COLUMN_FIELD_NUMBER: _ClassVar[int]
    INSURED_UNIT_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    name: str
    crs: str
    layer: str
    policy_column: str
    parcel_column: str
    crop_column: str
    insured_column: str
    district_column: str
    insured_unit: str
    def __init__(self, content: _Optional[bytes] = ..., name: _Optional[str] = ..., crs: _Optional[str] = ..., layer: _Optional[str] = ..., policy_column: _Optional[str] = ..., parcel_column: _Optional[str] = ..., crop_column: _Optional[str] = ..., insured_column: _Optional[str] = ..., district_column: _Optional[str] = ..., insured_unit: _Optional[str] = ...) -> None: ...

class SendParcelsResponse(_message.Message):
    __slots__ = ("upload",)
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    upload: Upload
    def __init__(self, upload: _Optional[_Union[Upload, _Mapping]] = ...) -> None: ...

class ListUploadsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListUploadsResponse(_message.Message):
    __slots__ = ("uploads",)
    UPLOADS_FIELD_NUMBER: _ClassVar[int]
    uploads: _containers.RepeatedCompositeFieldContainer[Upload]
    def __init__(self, uploads: _Optional[_Iterable[_Union[Upload, _Mapping]]] = ...) -> None: ...

class GetUploadRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetUploadResponse(_message.Message):
    __slots__ = ("upload",)
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    upload: Upload
    def __init__(self, upload: _Optional[_Union[Upload, _Mapping]] = ...) -> None: ...

class RemoveUploadRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class RemoveUploadResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
