"""``/v1/parcels``: files of parcels, sent to be assessed: what is in them, and what is odd.

Knows the wire only. Whoever sends a file sees it, and administrators; nobody else.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from satseek.monitor.damage.parcels_reading import Reading
from satseek.service.calling import caller
from satseek.service.describing import PROBLEM
from satseek.service.monitor.parcels_verbs import (
    find_upload,
    remove_upload,
    send_parcels,
    uploads_seen,
)
from satseek.service.repeating import REPEATED, Repeatable
from satseek.service.running import Running, running

if TYPE_CHECKING:
    from satseek.monitor.damage.uploads import Upload

router = APIRouter(tags=["damage"], route_class=Repeatable)

Shared = Annotated[Running, Depends(running)]
UploadId = Annotated[str, PathParameter(max_length=64, description="Id of the upload.")]
_Column = Annotated[str, Field(min_length=1, max_length=200)]

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file itself: GeoJSON, GeoPackage or a zipped Shapefile. What it is its "
        "bytes say.",
        "content": {
            "application/geo+json": {
                "schema": {"type": "object"},
                "example": {
                    "type": "FeatureCollection",
                    "features": [
                        {
                            "type": "Feature",
                            "properties": {"policy": "P-1", "crop": "maize", "insured_ha": 10.2},
                            "geometry": {
                                "type": "Polygon",
                                "coordinates": [
                                    [
                                        [15, 48],
                                        [15.004, 48],
                                        [15.004, 48.003],
                                        [15, 48.003],
                                        [15, 48],
                                    ]
                                ],
                            },
                        }
                    ],
                },
            },
            "application/geopackage+sqlite3": _BINARY,
            "application/zip": _BINARY,
            "application/octet-stream": _BINARY,
        },
    },
    **REPEATED,
}


class UploadAsked(BaseModel):
    """What a file is called, and which of its columns say what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("parcels", min_length=1, max_length=200, description="Name of the file.")
    crs: str | None = Field(
        None, max_length=1500, description="CRS of the coordinates; unset: what the file names."
    )
    layer: str | None = Field(None, max_length=200, description="Of a file of several layers.")
    policy_column: _Column | None = Field(None, description="Of the policy; unset: a usual name.")
    parcel_column: _Column | None = Field(None, description="Of the parcel's id.")
    crop_column: _Column | None = Field(None, description="Of the crop.")
    insured_column: _Column | None = Field(None, description="Of the insured area.")
    district_column: _Column | None = Field(None, description="Of the village or district.")
    insured_unit: Literal["ha", "mu", "acre", "m2"] = Field(
        "ha", description="Of the insured area."
    )

    def reading(self) -> Reading:
        """Say how the file is to be read."""
        return Reading(**self.model_dump(exclude={"name"}))


class ProblemShown(BaseModel):
    """Something odd about a row."""

    model_config = ConfigDict(frozen=True)

    row: int = Field(description="Row in the file, from 1.")
    id: str
    kind: str = Field(
        description="`left out`, `repaired`, `duplicate`, `renamed`, `overlap`, `insured`."
    )
    what: str


class UploadShown(BaseModel):
    """A file that was sent."""

    model_config = ConfigDict(frozen=True)

    id: str
    parcels_ref: str = Field(description="What an assessment names as its `parcels`.")
    name: str
    format: Literal["geojson", "geopackage", "shapefile"]
    bytes: int
    sha256: str
    by: str
    uploaded: str = Field(description="ISO 8601, UTC.")
    parcels: int = Field(description="Parcels that can be assessed.")
    policies: int
    area_ha: float
    bbox: list[float] = Field(description="West, south, east, north.")
    problems: list[ProblemShown] = Field(description="What is odd about it, the first hundred.")
    problem_count: int
    policy_column: str | None = Field(description="Named when it was sent; null: a usual name.")
    parcel_column: str | None
    crop_column: str | None
    insured_column: str | None
    district_column: str | None
    insured_unit: str = Field(description="Of the insured area: `ha`, `mu`, `acre` or `m2`.")
    crs: str | None = Field(description="Named when it was sent; null: what the file names.")
    layer: str | None


class UploadsAnswer(BaseModel):
    """The files that you see, the newest first."""

    model_config = ConfigDict(frozen=True)

    uploads: list[UploadShown]


@router.post(
    "/v1/parcels",
    summary="Send a file of parcels",
    status_code=HTTPStatus.CREATED,
    responses={409: PROBLEM, 413: PROBLEM},
    openapi_extra=_BODY,
)
async def post_parcels(
    request: Request,
    response: Response,
    shared: Shared,
    asked: Annotated[UploadAsked, Query()],
) -> UploadShown:
    """Keep a file of parcels, once it was read; what is odd about it is told at once."""
    content = await request.body()
    upload = await send_parcels(
        content,
        name=asked.name,
        reading=asked.reading(),
        shared=shared,
        caller=caller(request),
    )
    root = str(request.scope.get("root_path", ""))
    response.headers["location"] = f"{root}/v1/parcels/{upload.id}"
    return shown_upload(upload)


@router.get("/v1/parcels", summary="List files of parcels")
async def list_parcels(request: Request, shared: Shared) -> UploadsAnswer:
    """List the files that you have sent; to administrators all of them."""
    found = await uploads_seen(shared=shared, caller=caller(request))
    return UploadsAnswer(uploads=[shown_upload(one) for one in found])


@router.get("/v1/parcels/{upload}", summary="Show a file of parcels", responses={404: PROBLEM})
async def show_parcels(request: Request, upload: UploadId, shared: Shared) -> UploadShown:
    """Show what is in a file that was sent, and what is odd about it."""
    return shown_upload(await find_upload(upload, shared=shared, caller=caller(request)))


@router.delete(
    "/v1/parcels/{upload}",
    summary="Remove a file of parcels",
    status_code=HTTPStatus.NO_CONTENT,
    responses={404: PROBLEM},
    openapi_extra=REPEATED,
)
async def delete_parcels(request: Request, upload: UploadId, shared: Shared) -> Response:
    """Remove a file that was sent; what was found with it stays."""
    await remove_upload(upload, shared=shared, caller=caller(request))
    return Response(status_code=HTTPStatus.NO_CONTENT)


def shown_upload(one: Upload) -> UploadShown:
    """Show a file that was sent."""
    return UploadShown(**one.told())
