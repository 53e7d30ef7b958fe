"""What may be done with files of parcels, whatever the door: send one, look, remove it.

Knows neither HTTP nor gRPC, nor how a file is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest, NotFound
from satseek.service.jobbing_checks import allowed, sees_upload
from satseek.service.recording import record

if TYPE_CHECKING:
    from satseek.monitor.damage.parcels_reading import Reading
    from satseek.monitor.damage.uploads import Upload
    from satseek.service.calling import Caller
    from satseek.service.running import Running


async def send_parcels(
    content: bytes,
    *,
    name: str,
    reading: Reading,
    shared: Running,
    caller: Caller,
) -> Upload:
    """Keep a file of parcels, once it was read.

    Raises:
        PermissionDenied: they may ask for no jobs.
        InvalidRequest, DependencyMissing, Conflict, DiskFull: as ``Uploads.add``.
        Overloaded: too many files are being read or written already.
    """
    who = allowed(caller)
    if not content:
        raise InvalidRequest("expected GeoJSON, GeoPackage or a zipped Shapefile, came no bytes")
    async with record("parcels.send", name[:64], shared=shared, caller=caller, bytes=len(content)):
        upload = await shared.in_exporter(
            lambda: shared.monitor.uploads.add(content, name=name, by=who.name, reading=reading)
        )
    caller.pairs.update(upload=upload.id, parcels=upload.parcels)
    return upload


async def uploads_seen(*, shared: Running, caller: Caller) -> list[Upload]:
    """Give the files that somebody has sent, the newest first; administrators see all."""
    who = allowed(caller)
    found = await shared.in_thread(shared.monitor.uploads.all)
    return [one for one in found if sees_upload(who, one)]


async def find_upload(upload_id: str, *, shared: Running, caller: Caller) -> Upload:
    """Give one of them; raises NotFound, PermissionDenied."""
    who = allowed(caller)
    upload = await shared.in_thread(lambda: shared.monitor.uploads.get(upload_id))
    if not sees_upload(who, upload):
        raise NotFound(f"no upload {upload_id[:32]!r}; send the file again")
    return upload


async def remove_upload(upload_id: str, *, shared: Running, caller: Caller) -> None:
    """Remove one of them; raises as ``find_upload``."""
    upload = await find_upload(upload_id, shared=shared, caller=caller)
    async with record("parcels.remove", upload.id, shared=shared, caller=caller):
        await shared.in_thread(lambda: shared.monitor.uploads.remove(upload.id))
