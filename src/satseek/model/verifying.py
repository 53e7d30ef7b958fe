"""Turns a bundle's folder into a list of what is wrong with it, reading every byte.

Does not know where the bundle lies, nor what is done about a problem.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from satseek.errors import DamagedData, GateNotPassed, SatseekError
from satseek.model.bundle import open_bundle
from satseek.model.card import CARD, VERSIONED, content_version
from satseek.model.manifest import MANIFEST, digest_of, read_manifest
from satseek.model.reports import REPORT, read_report
from satseek.model.reproving import with_own_report

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.model.bundle import Bundle


def problems_of(folder: Path) -> list[str]:
    """Compare a bundle with its manifest, its card and its report; empty: it is sound.

    A bundle without a manifest, as laid out by hand, is compared with its card alone. A report
    that did not pass is no problem here.
    """
    try:
        bundle = open_bundle(folder)
        with ThreadPoolExecutor(1) as beside:  # manifest and version are two digests: at once
            card = beside.submit(_against_card, bundle)
            return [*_against_manifest(bundle), *card.result(), *_against_report(bundle)]
    except (SatseekError, OSError) as error:
        return [str(error)]


def check_sizes(bundle: Bundle) -> None:
    """Compare only the sizes with the manifest, which takes no time; the report does not matter.

    Raises:
        DamagedData: a file is missing, or of another size.
    """
    manifest = read_manifest(bundle.folder)
    for name, file in (manifest.files if manifest else {}).items():
        if name == REPORT:
            continue
        path = bundle.folder / name
        size = path.stat().st_size if path.is_file() else None
        if size != file.bytes:
            raise DamagedData(f"{path}: expected {file.bytes} bytes, found {size or 'none'}")


def check_served(bundle: Bundle) -> None:
    """Compare what decides a vector with the manifest; reads the towers once, and no other weights.

    A bundle without a manifest, as laid out by hand, is taken as it is.

    Raises:
        DamagedData: weights changed, which would run all the same; says which file.
    """
    manifest = read_manifest(bundle.folder)
    if manifest is None:
        return
    ref = bundle.card.ref
    if manifest.model != ref:
        raise DamagedData(
            f"{bundle.folder / MANIFEST}: expected that of {ref}, is {manifest.model}"
        )
    for name in (CARD, *VERSIONED):
        path = bundle.folder / name
        try:
            found = digest_of(path)
        except OSError as error:  # removed since the bundle was opened, or on a sick disk
            raise DamagedData(f"{path}: expected a file of {ref}: {error}") from error
        if found != manifest.files.get(name):
            raise DamagedData(
                f"{path}: its bytes are not those of {MANIFEST}; remove {ref} and add it again"
            )


def check_gate(bundle: Bundle) -> None:
    """Refuse a bundle without a passing report of exactly its version.

    Raises:
        GateNotPassed: there is none, it is another version's, or a check failed: says which.
        DamagedData: the report is none.
    """
    card = bundle.card
    model = card.ref
    report = read_report(bundle.folder)
    if report is None:
        raise GateNotPassed(f"{model}: expected a passing {REPORT}, found no report")
    if report.model != model:
        raise GateNotPassed(f"{model}: expected its own {REPORT}, found that of {report.model}")
    failed = [
        f"{check.name} is {check.value:.8g}, expected {check.rule} {check.threshold:.8g}"
        for check in report.checks
        if not check.passed
    ]
    if not report.passed:
        raise GateNotPassed(f"{model}: the gate did not pass: {'; '.join(failed) or 'no checks'}")


def _against_manifest(bundle: Bundle) -> list[str]:
    manifest = read_manifest(bundle.folder)
    if manifest is None:
        return []
    problems = []
    if manifest.model != bundle.card.ref:
        problems.append(f"{bundle.folder / MANIFEST}: is that of {manifest.model}")
    there = {path.name for path in bundle.folder.iterdir()} - {MANIFEST}
    files = with_own_report(manifest, bundle.folder).files
    problems += [
        f"{bundle.folder / name}: not in {MANIFEST}" for name in sorted(there - set(files))
    ]
    for name, file in files.items():
        path = bundle.folder / name
        if name not in there:
            problems.append(f"{path}: is missing")
        elif digest_of(path) != file:
            problems.append(f"{path}: its bytes are not those of {MANIFEST}")
    return problems


def _against_card(bundle: Bundle) -> list[str]:
    from satseek.model.tokenizer import Tokenizer  # noqa: PLC0415 (its library is slow to load)

    card = bundle.card
    version = content_version(
        bundle.folder, preprocessing=card.preprocessing, tokenization=card.tokenization
    )
    problems = []
    if version != card.version:
        problems.append(f"{bundle.folder / CARD}: version {card.version}, its files are {version}")
    try:
        Tokenizer.from_bundle(bundle)
    except SatseekError as error:
        problems.append(str(error))
    return problems


def _against_report(bundle: Bundle) -> list[str]:
    report, card = read_report(bundle.folder), bundle.card
    model = card.ref
    if report is None or report.model == model:
        return []
    return [f"{bundle.folder / REPORT}: is that of {report.model}, not of {model}"]
