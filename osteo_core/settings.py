"""Settings, read once from osteo.toml and the environment into a frozen record and passed on as an argument."""

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

#: Settings that affect results; ``Settings.hash`` is computed from them.
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
#: Settings that name a file whose content is hashed.
_TABLES = ("calibration_table", "store_lines", "phantom_table", "phantom_definitions")
#: Memory of a worker with torch and both networks loaded but no volume; a typical scan needs 4.
LEAST_MEMORY_GB = 1.0
#: File in a store with its own calibration lines from QCT pairs, as a calibration table.
STORE_LINES = "calibration_lines.csv"
#: Settings that name a CSV file.
_CSV = (*_TABLES, "site_table", "precision_table")
#: Settings that name a text file.
_TEXTS = ("letter_template", "pacs_tls_ca", "pacs_tls_certificate")
#: The table of the settings file whose names get this prefix here.
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


#: Segmentation engines, and numbering schemes of external masks.
ENGINES = ("own", "totalsegmentator")
MASK_TOOLS = ("names", "totalsegmentator", "verse", "spineps")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a site may choose. Relative paths are relative to the working directory.

    ``calibration_table``: CSV of the site's own calibration lines; ``phantom_table``: CSV of its phantom scans; both
    empty for none. ``store_lines``: the same for lines from the store's QCT pairs, set by the program if the store has
    some. ``phantom_definitions``: CSV of phantoms unknown to the program, empty for none.
    ``qct_phantom``: the known phantom whose scale general lines use.
    ``site_table``: CSV that names the origin of series, empty for none.
    ``precision_table``: CSV of the site's own precision studies, empty for the published precision.
    ``calibration_order``: calibration methods in order of preference, separated by commas.
    ``engine``: the segmentation engine; ``masks``: a folder of external masks to use instead;
    ``mask_tool``: numbering scheme of masks that do not name their vertebrae. These three are not part of ``hash``:
    each result carries the hash of its weights or its mask.
    ``identity_readers``: comma-separated names of people who may see patient identities, empty for nobody; if people
    sign in, their role decides instead.
    ``keep_identities``: whether ``index`` keeps an encrypted table of identifiers beside the key (`identities_dir`).
    ``role_claim``: the identity provider's claim that contains a person's roles, as a dotted path;
    ``role_values``: maps its values to roles, empty if they are the role names.
    ``session_hours``: maximum length of a session; ``idle_minutes``: maximum time without use, 0 for no such limit.
    ``researcher_images``: whether researchers see images.
    ``open_to_network``: whether the dashboard may listen beyond this machine without a sign-in; ``host_names``:
    comma-separated host names for it, in addition to the machine's own name and IP addresses.
    ``letter_template``: text file with the site's letter to referring physicians, empty for the default.
    ``index_folders``: comma-separated folders; only CTs below them can be indexed from the dashboard, and empty
    disables indexing and uploads. ``upload_folder``: where uploaded archives are kept, empty for ``incoming`` in the
    store; ``upload_limit_mb``: largest upload.
    ``pacs_*``: the PACS that `send` stores signed reads in, and our AE title; without a host, sending is disabled.
    ``pacs_outlines``: send outlines too, not only reports. ``pacs_tls_ca``: PEM with the CA certificates for the PACS,
    which enables TLS; ``pacs_tls_certificate``: PEM with our own certificate and key. In the file they may be a table
    ``[pacs]`` with names without the prefix.
    ``key_file``: the pseudonym key; empty for ``pseudonym.key`` beside the store, independent of the working
    directory. It is outside the store on purpose.
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
        """The file with the pseudonym key."""
        return self.store.resolve().parent / "pseudonym.key" if self.key_file == Path() else self.key_file

    @property
    def identities_dir(self) -> Path:
        """Folder of the encrypted table of identifiers, if kept: beside the key, named after it."""
        return self.key_path.with_name(f"{self.key_path.name}.identities")

    @property
    def calibration_ways(self) -> tuple[str, ...]:
        """``calibration_order`` as names, in order of preference."""
        return tuple(name.strip() for name in self.calibration_order.split(","))

    @property
    def hash(self) -> str:
        """First 12 hex digits of the SHA-256 over the settings that affect results.

        Tables are hashed by content, since editing a line changes results.
        """
        values = {name: str(getattr(self, name)) for name in _RESULT_FIELDS}
        for name in _TABLES:
            if values[name] and Path(values[name]).is_file():
                values[name] = hashlib.sha256(Path(values[name]).read_bytes()).hexdigest()
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


#: Larger files are refused: the TOML parser needs quadratic memory for long dotted names.
_MOST_BYTES = 32_000


def read_settings(path: Path | None = None, *, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from ``path`` (default: OSTEO_SETTINGS, else osteo.toml if it exists), then OSTEO_* variables.

    Raises SettingsError for an unknown name, a value of the wrong type or an invalid one.
    """
    environment = os.environ if environment is None else environment
    file = path or Path(environment.get("OSTEO_SETTINGS", "osteo.toml"))
    given: dict[str, object] = {}
    if file.is_dir():
        raise SettingsError(f"settings must be a file, but {file} is a folder; name the file in it")
    if file.exists():
        try:
            with file.open("rb") as opened:
                content = opened.read(_MOST_BYTES + 1)
            if len(content) > _MOST_BYTES:
                raise SettingsError(
                    f"{file.name} is larger than {_MOST_BYTES:,} bytes; is this the right settings file?"
                )
            given.update(tomllib.loads(content.decode("utf-8")))
        except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or a number of thousands of digits
            raise SettingsError(f"{file.name} is not valid TOML ({error}); correct or remove it") from None
        except OSError as error:
            raise SettingsError(f"{file.name} cannot be read ({error.strerror}); check its permissions") from None
    elif path is not None:
        raise SettingsError(f"no settings file at {path}; leave it out to use the defaults")
    names = {f.name for f in fields(Settings)}
    table = given.pop(_PACS, {})
    if not isinstance(table, dict):
        raise SettingsError(f"setting {_PACS} must be a table [pacs] with host, port and ae_title; found {table!r}")
    given.update({f"{_PACS}_{name}": value for name, value in table.items()})
    given.update({n: environment[f"OSTEO_{n.upper()}"] for n in names if f"OSTEO_{n.upper()}" in environment})
    unknown = sorted(set(given) - names)
    if unknown:
        raise SettingsError(f"unknown settings {unknown}; known are {sorted(names)}")
    return checked(replace(Settings(), **{name: _as_kind(name, value) for name, value in given.items()}))  # type: ignore[arg-type]


def with_store_lines(settings: Settings, store_dir: Path | None = None) -> Settings:
    """The settings with the calibration lines of that store (default: theirs), if it has any."""
    lines = (store_dir or settings.store).resolve() / STORE_LINES
    return replace(settings, store_lines=str(lines) if lines.is_file() else "")


def checked(settings: Settings) -> Settings:
    """The settings if valid, else SettingsError about the first invalid one: at the start, not for each series."""
    low, high, ways = settings.osteoporosis_below_mg_cm3, settings.normal_above_mg_cm3, settings.calibration_ways
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
        "role_claim must name a claim, found none": bool(settings.role_claim.strip()),
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
        "pacs_tls_certificate needs pacs_tls_ca, which turns TLS on": bool(settings.pacs_tls_ca)
        or not settings.pacs_tls_certificate,
        f"masks must be a folder, but there is none at {settings.masks}": not settings.masks
        or Path(settings.masks).is_dir(),
        "masks can only be used with engine = own; remove one of the two settings": not settings.masks
        or settings.engine == "own",
        f"calibration_order must list some of {', '.join(CALIBRATION_WAYS)}, each once; found {', '.join(ways)}": (
            set(ways) <= set(CALIBRATION_WAYS) and len(set(ways)) == len(ways)
        ),
        **{
            f"{name} must be a CSV file, but there is none at {table}": not table or Path(table).is_file()
            for name, table in ((name, getattr(settings, name)) for name in _CSV)
        },
        **{
            f"{name} must be a text file, but there is none at {text}": not text or Path(text).is_file()
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
