"""Settings: read once from osteo.toml and the environment into a frozen record, then passed along."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from osteo_core.errors import SettingsError
from osteo_core.limits.acquisition import THICKNESS_MAXIMUM
from osteo_core.limits.category import CATEGORY_AGE_FROM, NORMAL_ABOVE, OSTEOPOROSIS_BELOW

#: Settings that change what the machine finds; they make up ``Settings.hash``.
_RESULT_FIELDS = (
    "osteoporosis_below_mg_cm3",
    "normal_above_mg_cm3",
    "category_age_from_years",
    "calibration_table",
    "store_lines",
    "phantom_table",
    "phantom_definitions",
    "qct_phantom",
    "calibration_order",
    "thickness_maximum_mm",
)
#: Settings that name a file of which the content counts.
_TABLES = ("calibration_table", "store_lines", "phantom_table", "phantom_definitions")
#: A worker that has loaded torch and both networks and holds no volume takes about so much; a usual scan needs 4.
LEAST_MEMORY_GB = 1.0
#: In a store: its own calibration lines, made from QCT pairs, as a calibration table.
STORE_LINES = "calibration_lines.csv"
#: Settings that name a CSV file.
_CSV = (*_TABLES, "site_table", "precision_table")
#: Settings that name a text file.
_TEXTS = ("letter_template", "pacs_tls_ca", "pacs_tls_certificate")
#: The table of the settings file whose names have a prefix here.
_PACS = "pacs"
#: An application entity's title: up to 16 characters, no backslash or control (DICOM PS3.5, VR AE).
_AE_TITLE = re.compile(r"[ -\[\]-~]{1,16}")
#: Names that ``calibration_order`` may hold (`osteo_core.density.calibration.ways`).
CALIBRATION_WAYS = (
    "in_scan",
    "precalibrated",
    "phantom",
    "site",
    "carried",
    "tissues",
    "effective_energy",
    "two_tissue",
    "published",
)


#: What may outline the bodies where no folder of masks is given, and whose numbers a mask may hold.
ENGINES = ("own", "totalsegmentator")
MASK_TOOLS = ("names", "totalsegmentator", "verse", "spineps")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a site may choose. Relative paths are relative to the working directory.

    ``calibration_table``: CSV of a site's own calibration lines; ``phantom_table``: CSV of its phantom scans; both
    empty for none. ``store_lines``: the same of lines made from the store's QCT pairs; set by the program where a store
    has some. ``phantom_definitions``: CSV of phantoms that the program does not know, empty for none.
    ``qct_phantom``: the phantom whose scale general lines aim at, of those known.
    ``site_table``: CSV that names where series come from, empty for none.
    ``precision_table``: CSV of the site's own precision studies, empty for the published precision.
    ``calibration_order``: ways to a calibration, the preferred one first, separated by commas.
    ``engine``: the segmentation engine; ``masks``: a folder of masks from elsewhere, which then are used instead;
    ``mask_tool``: numbering scheme of masks that do not name their vertebrae. They are no part of ``hash``: each
    result carries the hash of its weights or its mask.
    ``identity_readers``: names separated by commas of those who may see who a patient is, empty for nobody; where
    people sign in their role decides instead.
    ``keep_identities``: whether ``index`` keeps an encrypted table of identifiers beside the key (`identities_dir`).
    ``role_claim``: the claim of the identity provider that holds a person's roles, with dots for the way to it;
    ``role_values``: which of its values is which role, empty where they are the roles' own names.
    ``session_hours``: how long a sign-in holds; ``idle_minutes``: how long without use, 0 for as long as that.
    ``researcher_images``: whether a researcher sees images.
    ``open_to_network``: whether the dashboard may listen beyond this machine without a sign-in; ``host_names``: names
    separated by commas under which it is opened then, beside the machine's own and its IP addresses.
    ``letter_template``: text file with the site's letter to a referring physician, empty for the one that comes along.
    ``index_folders``: folders separated by commas; only CT below them can be indexed from the dashboard, empty switches
    that off, and uploads with it. ``upload_folder`` keeps uploaded archives, empty for ``incoming`` in the store;
    ``upload_limit_mb`` bounds one of them.
    ``pacs_*``: where `send` stores signed reads, and as whom; no host for nowhere. ``pacs_outlines``: the outlines too,
    or the reports alone. ``pacs_tls_ca``: PEM of the certificates that vouch for the PACS, which switches TLS on;
    ``pacs_tls_certificate``: PEM with our own and its key. In the file they may be a table ``[pacs]`` of names without
    the prefix.
    ``key_file``: the secret behind the pseudonyms; empty for ``pseudonym.key`` beside the store, wherever a command is
    called from. It lies outside the store on purpose.
    """

    store: Path = Path("data/store")
    key_file: Path = Path()
    workers: int = 2
    worker_memory_gb: float = 4.0
    osteoporosis_below_mg_cm3: float = OSTEOPOROSIS_BELOW.value
    normal_above_mg_cm3: float = NORMAL_ABOVE.value
    category_age_from_years: float = CATEGORY_AGE_FROM.value
    thickness_maximum_mm: float = THICKNESS_MAXIMUM.value
    calibration_table: str = ""
    store_lines: str = ""
    phantom_table: str = ""
    phantom_definitions: str = ""
    qct_phantom: str = "Mindways Model 3"
    site_table: str = ""
    precision_table: str = ""
    calibration_order: str = "in_scan, precalibrated, phantom, site, carried, tissues, published"
    media_limit_mb: int = 2000
    engine: str = "own"
    masks: str = ""
    mask_tool: str = "names"
    index_folders: str = "/"
    upload_folder: str = ""
    upload_limit_mb: int = 2000
    letter_template: str = ""
    identity_readers: str = ""
    keep_identities: bool = False
    role_claim: str = "roles"
    role_values: str = ""
    session_hours: float = 12.0
    idle_minutes: float = 30.0
    researcher_images: bool = False
    open_to_network: bool = False
    host_names: str = ""
    pacs_host: str = ""
    pacs_port: int = 104
    pacs_ae_title: str = ""
    pacs_calling_ae_title: str = "OSTEO"
    pacs_outlines: bool = True
    pacs_tls_ca: str = ""
    pacs_tls_certificate: str = ""

    @property
    def key_path(self) -> Path:
        """The file that holds the secret behind the pseudonyms."""
        return self.store.resolve().parent / "pseudonym.key" if self.key_file == Path() else self.key_file

    @property
    def identities_dir(self) -> Path:
        """Where the encrypted table of identifiers lies, if one is kept: beside the key, under its name."""
        return self.key_path.with_name(f"{self.key_path.name}.identities")

    @property
    def calibration_ways(self) -> tuple[str, ...]:
        """``calibration_order`` as names, the preferred one first."""
        return tuple(name.strip() for name in self.calibration_order.split(","))

    @property
    def hash(self) -> str:
        """First 12 hex digits of the SHA-256 over the settings that change results.

        Tables count by their content: editing a line changes what the machine finds.
        """
        values = {name: str(getattr(self, name)) for name in _RESULT_FIELDS}
        for name in _TABLES:
            if values[name] and Path(values[name]).is_file():
                values[name] = hashlib.sha256(Path(values[name]).read_bytes()).hexdigest()
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


#: A longer file costs gigabytes: the parser's work on a dotted name grows with the square of its length.
_MOST_BYTES = 32_000


def read_settings(path: Path | None = None, *, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from ``path`` (default: OSTEO_SETTINGS, else osteo.toml if there), then OSTEO_* variables.

    Raises SettingsError for an unknown name, a value of the wrong kind or one that cannot be meant.
    """
    environment = os.environ if environment is None else environment
    file = path or Path(environment.get("OSTEO_SETTINGS", "osteo.toml"))
    given: dict[str, object] = {}
    if file.is_dir():
        raise SettingsError(f"settings are a file, found the folder {file}; name the file in it")
    if file.exists():
        try:
            with file.open("rb") as opened:
                content = opened.read(_MOST_BYTES + 1)
            if len(content) > _MOST_BYTES:
                raise SettingsError(
                    f"{file.name} is larger than {_MOST_BYTES:,} bytes; settings need a hundredth of it"
                )
            given.update(tomllib.loads(content.decode("utf-8")))
        except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, or a number of thousands of digits
            raise SettingsError(f"{file.name} is not valid TOML ({error}); mend it or take it away") from None
        except OSError as error:
            raise SettingsError(f"{file.name} cannot be read ({error.strerror}); mend its rights") from None
    elif path is not None:
        raise SettingsError(f"no settings file at {path}; leave it out to use the defaults")
    names = {f.name for f in fields(Settings)}
    table = given.pop(_PACS, {})
    if not isinstance(table, dict):
        raise SettingsError(f"setting {_PACS} must be a table, [pacs] with host, port, ae_title; found {table!r}")
    given.update({f"{_PACS}_{name}": value for name, value in table.items()})
    given.update({n: environment[f"OSTEO_{n.upper()}"] for n in names if f"OSTEO_{n.upper()}" in environment})
    unknown = sorted(set(given) - names)
    if unknown:
        raise SettingsError(f"unknown settings {unknown}; known are {sorted(names)}")
    return checked(replace(Settings(), **{name: _as_kind(name, value) for name, value in given.items()}))  # type: ignore[arg-type]


def with_store_lines(settings: Settings, store_dir: Path | None = None) -> Settings:
    """The settings with the lines of that store (default: the one that they name), if it has some."""
    lines = (store_dir or settings.store).resolve() / STORE_LINES
    return replace(settings, store_lines=str(lines) if lines.is_file() else "")


def checked(settings: Settings) -> Settings:
    """The settings, or SettingsError with the first that cannot be meant: before any work, not in each series."""
    low, high = settings.osteoporosis_below_mg_cm3, settings.normal_above_mg_cm3
    ways = settings.calibration_ways
    wanted = {
        f"workers must be at least 1, found {settings.workers}": settings.workers >= 1,
        f"worker_memory_gb must be at least {LEAST_MEMORY_GB:g}, found {settings.worker_memory_gb:g}": (
            LEAST_MEMORY_GB <= settings.worker_memory_gb < math.inf
        ),
        f"category_age_from_years must be a number from 0, found {settings.category_age_from_years:g}": (
            0 <= settings.category_age_from_years < math.inf
        ),
        f"thickness_maximum_mm must be above 0, found {settings.thickness_maximum_mm:g}": (
            0 < settings.thickness_maximum_mm < math.inf
        ),
        f"osteoporosis_below_mg_cm3 must be a number up to normal_above_mg_cm3, found {low:g} and {high:g}": (
            -math.inf < low <= high < math.inf
        ),
        f"media_limit_mb must be at least 0, found {settings.media_limit_mb}": settings.media_limit_mb >= 0,
        f"session_hours must be above 0 and up to 24, found {settings.session_hours:g}": (
            0 < settings.session_hours <= 24
        ),
        f"idle_minutes must be 0 or a number up to 1440, found {settings.idle_minutes:g}": (
            0 <= settings.idle_minutes <= 1440
        ),
        "role_claim must name a claim, found nothing": bool(settings.role_claim.strip()),
        f"upload_limit_mb must be at least 1, found {settings.upload_limit_mb}": settings.upload_limit_mb >= 1,
        f"engine must be one of {', '.join(ENGINES)}, found {settings.engine!r}": settings.engine in ENGINES,
        f"mask_tool must be one of {', '.join(MASK_TOOLS)}, found {settings.mask_tool!r}": (
            settings.mask_tool in MASK_TOOLS
        ),
        f"pacs_port must be 1 to 65535, found {settings.pacs_port}": 1 <= settings.pacs_port <= 65535,
        "pacs_host needs pacs_ae_title, the PACS's own title": bool(settings.pacs_ae_title) or not settings.pacs_host,
        **{
            f"{name} must be a title of 1 to 16 characters, found {title!r}": not title
            or bool(_AE_TITLE.fullmatch(title) and title.strip())
            for name, title in (
                ("pacs_ae_title", settings.pacs_ae_title),
                ("pacs_calling_ae_title", settings.pacs_calling_ae_title or " "),
            )
        },
        f"masks must be a folder, there is none at {settings.masks}": not settings.masks
        or Path(settings.masks).is_dir(),
        "masks and another engine than own exclude each other; leave one out": not settings.masks
        or settings.engine == "own",
        f"calibration_order must name ways of {', '.join(CALIBRATION_WAYS)}, each once; found {', '.join(ways)}": (
            set(ways) <= set(CALIBRATION_WAYS) and len(set(ways)) == len(ways)
        ),
        **{
            f"{name} must be a CSV file, there is none at {table}": not table or Path(table).is_file()
            for name, table in ((name, getattr(settings, name)) for name in _CSV)
        },
        **{
            f"{name} must be a text file, there is none at {text}": not text or Path(text).is_file()
            for name, text in ((name, getattr(settings, name)) for name in _TEXTS)
        },
    }
    wrong = [sentence for sentence, holds in wanted.items() if not holds]
    if wrong:
        raise SettingsError(f"setting {wrong[0]}")
    return settings


def _as_kind(name: str, value: object) -> object:
    kind = type(getattr(Settings(), name))
    if kind is bool:
        return _as_bool(name, value)
    try:
        return Path(str(value)) if issubclass(kind, Path) else kind(value)
    except (TypeError, ValueError, OverflowError):
        raise SettingsError(f"setting {name} must be {kind.__name__}, found {value!r}") from None


def _as_bool(name: str, value: object) -> bool:
    words = str(value).strip().lower()
    if words not in ("true", "false"):
        raise SettingsError(f"setting {name} must be true or false, found {value!r}")
    return words == "true"


def settings_as_dict(settings: Settings) -> dict[str, str]:
    """All settings as strings, for the settings page and `check`."""
    return {name: str(value) for name, value in asdict(settings).items()}
