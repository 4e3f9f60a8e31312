"""Read: the written truth comes back, in HU and position, whatever the form of the files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import HTJ2KLossless

from osteo_core.dicom.volume import read_volume
from osteo_core.imaging.resample import canonical
from osteo_core.outcomes import CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Volume
from osteo_core.terms import KernelGroup
from tests.builders.series import (
    CORONAL,
    SAGITTAL,
    SYNTAXES,
    BuiltSeries,
    CtSpec,
    set_raw,
    trunk_hu,
    truth_geometry,
    write_series,
)
from tests.osteo_core.dicom.finding import caution_codes, find, found_in, the_series, volume_of
from tests.shared_data import shared_data


def assert_truth(volume: Volume, built: BuiltSeries) -> None:
    assert volume.geometry.is_close(built.geometry, tolerance_mm=1e-3)
    assert volume.voxels_hu.dtype == np.int16
    np.testing.assert_array_equal(volume.voxels_hu, built.voxels_hu)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("is_enhanced", [False, True])
def test_every_transfer_syntax_gives_the_truth(tmp_path: Path, syntax: str, is_enhanced: bool) -> None:
    built = write_series(tmp_path / "ct", CtSpec(syntax=syntax, is_enhanced=is_enhanced))
    assert_truth(volume_of(find(built.folder)), built)


@pytest.mark.parametrize("syntax", ["explicit", "RLE", "JPEG lossless", "JPEG 2000"])
def test_signed_pixels_without_shift(tmp_path: Path, syntax: str) -> None:
    built = write_series(tmp_path / "ct", CtSpec(syntax=syntax, is_signed=True, intercept=0.0))
    assert_truth(volume_of(find(built.folder)), built)


@pytest.mark.parametrize(
    ("syntax", "spec"),
    [
        *((syntax, {}) for syntax in SYNTAXES),
        ("explicit", {"slope": 2.0}),
        *((syntax, {"is_signed": True, "intercept": 0.0}) for syntax in ("explicit", "RLE", "JPEG 2000")),
        ("JPEG lossless", {"is_enhanced": True}),
    ],
)
def test_an_inverted_display_leaves_the_hu_as_they_are(tmp_path: Path, syntax: str, spec: dict) -> None:
    def invert(dataset: Dataset, _: int) -> None:
        dataset.PhotometricInterpretation = "MONOCHROME1"

    plain = write_series(tmp_path / "plain", CtSpec(syntax=syntax, **spec))
    inverted = write_series(tmp_path / "inverted", CtSpec(syntax=syntax, change=invert, **spec))
    expected = volume_of(find(plain.folder)).voxels_hu
    np.testing.assert_array_equal(volume_of(find(inverted.folder)).voxels_hu, expected)


def test_an_inverted_display_without_preamble(tmp_path: Path) -> None:
    def invert(dataset: Dataset, _: int) -> None:
        dataset.PhotometricInterpretation = "MONOCHROME1"

    built = write_series(tmp_path / "ct", CtSpec(has_preamble=False, change=invert))
    assert_truth(volume_of(find(built.folder)), built)


def test_shuffled_and_renamed_files_give_the_same_volume(tmp_path: Path) -> None:
    plain, shuffled = write_series(tmp_path / "a"), write_series(tmp_path / "b", CtSpec(is_shuffled=True))
    assert [p.name for p in plain.files] != [p.name for p in shuffled.files]
    first, second = volume_of(find(plain.folder)), volume_of(find(shuffled.folder))
    np.testing.assert_array_equal(first.voxels_hu, second.voxels_hu)
    assert first.geometry.is_close(second.geometry, tolerance_mm=0)
    assert_truth(second, shuffled)


def test_shuffled_frames_of_enhanced_ct_give_the_truth(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct", CtSpec(is_enhanced=True, is_shuffled=True))
    assert_truth(volume_of(find(built.folder)), built)


OBLIQUE = (0.96592583, 0.25881905, 0.0, -0.24999997, 0.93301270, 0.25881905)
ORIENTATIONS = {
    "axial": CtSpec().orientation,
    "feet first (rows and columns turned)": (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    "prone, seen from the head": (1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    "sagittal": SAGITTAL,
    "coronal": CORONAL,
    "oblique": OBLIQUE,
}


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_any_orientation_keeps_hu_and_place(tmp_path: Path, orientation: tuple[float, ...]) -> None:
    built = write_series(tmp_path / "ct", CtSpec(orientation=orientation))
    volume = volume_of(find(built.folder))
    assert_truth(volume, built)
    voxels, geometry = canonical(volume.voxels_hu, volume.geometry)
    assert geometry.axis_codes == "LPS"
    # The image depends only on the position: drawn on the turned grid it is the same.
    np.testing.assert_array_equal(voxels, trunk_hu(geometry))


@pytest.mark.parametrize(
    "spec",
    [
        {"padding_hu": -2000.0, "is_signed": True, "intercept": -1024.0},  # GE
        {"padding_hu": -3024.0, "is_signed": True, "intercept": -1024.0, "is_padding_declared": False},  # GE
        {"padding_hu": -2048.0, "is_signed": True, "intercept": 0.0, "is_padding_declared": False},  # Toshiba
        {"padding_hu": -2000.0, "is_signed": True, "intercept": 0.0},  # Hitachi
        {"padding_hu": -1200.0, "is_signed": True, "intercept": 0.0},  # known only from its declaration
    ],
)
def test_padding_becomes_air(tmp_path: Path, spec: dict) -> None:
    built = write_series(tmp_path / "ct", CtSpec(**spec))
    volume = volume_of(find(built.folder))
    assert_truth(volume, built)
    (caution,) = volume.cautions
    assert caution.code is CautionCode.PADDING_REPLACED
    assert f"{spec['padding_hu']:g} HU, 24.7 %" in caution.sentence
    assert caution.sentence in volume.provenance


def test_a_padding_value_that_would_be_tissue_is_not_believed(tmp_path: Path) -> None:
    def water(dataset: Dataset, _: int) -> None:
        dataset.add_new("PixelPaddingValue", "US", 1024 + 55)

    built = write_series(tmp_path / "ct", CtSpec(change=water))
    volume = volume_of(find(built.folder))
    assert_truth(volume, built)
    assert volume.cautions == ()


def test_a_padding_value_of_the_wrong_sign_is_put_right(tmp_path: Path) -> None:
    def wrong(dataset: Dataset, _: int) -> None:
        dataset.add_new("PixelPaddingValue", "US", 65536 - 1200)

    spec = CtSpec(padding_hu=-1200.0, is_signed=True, intercept=0.0, is_padding_declared=False, change=wrong)
    built = write_series(tmp_path / "ct", spec)
    assert_truth(volume_of(find(built.folder)), built)


@pytest.mark.parametrize("syntax", ["explicit", "big endian", "JPEG lossless"])
@pytest.mark.parametrize("intercept", [0.0, -1024.0])
def test_negative_values_that_the_header_calls_unsigned_stay_negative(
    tmp_path: Path, syntax: str, intercept: float
) -> None:
    """Padding of -2000 would be 62,512 HU or more; without an intercept, so would air and fat."""

    def unsigned(dataset: Dataset, _: int) -> None:
        dataset.PixelRepresentation = 0

    spec = CtSpec(padding_hu=-2000.0, is_signed=True, intercept=intercept, change=unsigned, syntax=syntax)
    built = write_series(tmp_path / "ct", spec)
    assert_truth(volume_of(find(built.folder)), built)


def test_fractional_slopes_give_float32(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct", CtSpec(slope=0.3))
    volume = volume_of(find(built.folder))
    assert volume.voxels_hu.dtype == np.float32
    assert np.abs(volume.voxels_hu - built.voxels_hu).max() <= 0.151


def test_each_slice_has_its_own_rescale(tmp_path: Path) -> None:
    def shift(dataset: Dataset, k: int) -> None:
        stored = np.frombuffer(dataset.PixelData, dtype="<u2").astype(int) + k
        dataset.RescaleIntercept = -1024 - k
        dataset.PixelData = stored.astype("<u2").tobytes()

    built = write_series(tmp_path / "ct", CtSpec(change=shift))
    assert_truth(volume_of(find(built.folder)), built)


@pytest.mark.parametrize("syntax", ["explicit", "RLE", "JPEG lossless", "JPEG 2000"])
def test_each_frame_has_its_own_rescale(tmp_path: Path, syntax: str) -> None:
    def own(dataset: Dataset, _: int) -> None:
        del dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
        for n, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            item = Dataset()
            item.RescaleSlope, item.RescaleIntercept, item.RescaleType = 1, -1024 - n, "HU"
            group.PixelValueTransformationSequence = DicomSequence([item])

    built = write_series(tmp_path / "ct", CtSpec(is_enhanced=True, change=own, syntax=syntax))
    expected = np.maximum(built.voxels_hu - np.arange(16), -1024 - np.arange(16))
    np.testing.assert_array_equal(volume_of(find(built.folder)).voxels_hu, expected)


def test_a_frame_that_is_left_out_gives_no_other_its_rescale(tmp_path: Path) -> None:
    def own(dataset: Dataset, _: int) -> None:
        shared = dataset.SharedFunctionalGroupsSequence[0]
        del shared.PixelValueTransformationSequence, shared.CTImageFrameTypeSequence
        for n, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            scale, kind = Dataset(), Dataset()
            scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = 1, -1024 if n else -1000, "HU"
            kind.FrameType = ["ORIGINAL", "PRIMARY", "AXIAL" if n else "LOCALIZER", "NONE"]
            group.PixelValueTransformationSequence = DicomSequence([scale])
            group.CTImageFrameTypeSequence = DicomSequence([kind])

    built = write_series(tmp_path / "ct", CtSpec(is_enhanced=True, slices=20, change=own))
    np.testing.assert_array_equal(volume_of(find(built.folder)).voxels_hu, built.voxels_hu[:, :, 1:])


@pytest.mark.parametrize("vr", ["DS", "UN", "LO"])
def test_a_rescale_with_a_decimal_comma_or_under_another_vr_is_never_another_scale(tmp_path: Path, vr: str) -> None:
    def spoil(dataset: Dataset, _: int) -> None:
        set_raw(dataset, "RescaleSlope", vr, "0,5")
        set_raw(dataset, "RescaleIntercept", vr, "-1024,0")

    built = write_series(tmp_path / "ct", CtSpec(slope=0.5, change=spoil))
    found = find(built.folder)
    np.testing.assert_array_equal(volume_of(found).voxels_hu, built.voxels_hu)
    assert caution_codes(found) == {"header_odd"}


def test_slices_of_unlike_pixels_at_one_place_end_the_stack_there(tmp_path: Path) -> None:
    def darken(dataset: Dataset, _: int) -> None:
        if dataset.InstanceNumber == 21:
            dataset.PixelData = bytes(len(dataset.PixelData))

    built = write_series(tmp_path / "ct", CtSpec(slices=20, duplicated=(18,), change=darken))
    volume = volume_of(find(built.folder))
    np.testing.assert_array_equal(volume.voxels_hu, built.voxels_hu[:, :, :18])
    assert volume.geometry.is_close(truth_geometry(replace(built.spec, slices=18)))
    assert "different slices at 1 place(s), first z -555.0 mm; 18 of 20 slices are read" in volume.cautions[0].sentence


def blank_from_to(first: int, last: int) -> Callable[[Dataset, int], None]:
    """An edit that blanks the pixels of the slices from first to last."""

    def blank(dataset: Dataset, k: int) -> None:
        if first <= k <= last:
            dataset.PixelData = bytes(len(dataset.PixelData))

    return blank


def test_a_stack_ends_where_slices_hold_no_image(tmp_path: Path) -> None:
    """They would be air, and air in vessels changes the contrast phase."""
    built = write_series(tmp_path / "ct", CtSpec(slices=30, change=blank_from_to(4, 5)))
    volume = volume_of(find(built.folder))
    np.testing.assert_array_equal(volume.voxels_hu, built.voxels_hu[:, :, 6:])
    (caution,) = (one for one in volume.cautions if one.code is CautionCode.IMAGES_LEFT_OUT)
    assert "2 blank or with the pixels of a neighbour, first z -590.0 mm, z -587.5 mm; 24 of 30 s" in caution.sentence


def test_too_few_slices_between_blank_ones_are_an_exclusion(tmp_path: Path) -> None:
    found = read_volume(the_series(found_in(tmp_path / "ct", change=blank_from_to(6, 8))))
    assert isinstance(found, Exclusion)
    assert found.code is ExclusionCode.MISSING_SLICES


def test_files_without_preamble_give_the_truth(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct", CtSpec(has_preamble=False))
    assert_truth(volume_of(find(built.folder)), built)


def test_repeated_slices_with_the_same_pixels_are_dropped(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct", CtSpec(duplicated=(4, 9)))
    volume = volume_of(find(built.folder))
    assert_truth(volume, built)
    (caution,) = volume.cautions
    assert caution.sentence == "Duplicate slices were dropped (2 with the same position and the same pixels)."


def test_repeated_slices_with_other_pixels_are_an_exclusion(tmp_path: Path) -> None:
    def darken(dataset: Dataset, _: int) -> None:
        if dataset.InstanceNumber == 17:
            dataset.PixelData = bytes(len(dataset.PixelData))

    found = read_volume(the_series(found_in(tmp_path / "ct", duplicated=(4,), change=darken)))
    assert isinstance(found, Exclusion)
    assert found.code is ExclusionCode.AMBIGUOUS_SLICES


def test_files_without_a_slice_are_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They had slices when they were indexed; found by coverage-guided fuzzing."""
    series = the_series(find(write_series(tmp_path / "ct", CtSpec()).folder))
    monkeypatch.setattr("osteo_core.dicom.volume.read_slices", lambda *_: [])
    found = read_volume(replace(series, stack=None))
    assert isinstance(found, Exclusion)
    assert (found.code, found.found) == (ExclusionCode.UNREADABLE, "a file that holds no image any more")


def test_the_stack_that_was_meant_is_read(tmp_path: Path) -> None:
    def second(dataset: Dataset, _: int) -> None:
        if dataset.InstanceNumber > 16:
            dataset.AcquisitionNumber = 2
            stored = np.frombuffer(dataset.PixelData, dtype="<u2") + np.uint16(10)
            dataset.PixelData = stored.tobytes()

    built = write_series(tmp_path / "ct", CtSpec(duplicated=tuple(range(16)), change=second))
    found = find(built.folder)
    stacks = [*found.series, *(series for series, _ in found.excluded)]
    for series in stacks:
        shift = 10 if series.series_instance_uid.endswith("_stack2") else 0
        volume = read_volume(series)
        assert isinstance(volume, Volume)
        np.testing.assert_array_equal(volume.voxels_hu, built.voxels_hu + shift)


def test_a_tilted_gantry_is_straightened(tmp_path: Path) -> None:
    volume = volume_of(found_in(tmp_path / "ct", tilt_deg=12.0, slices=20))
    assert volume.geometry.is_orthogonal
    assert [c.sentence for c in volume.cautions] == ["A gantry tilt of 12.0 degrees was corrected by resampling."]


def test_a_label_map_as_ct_is_an_exclusion(tmp_path: Path) -> None:
    def labels(dataset: Dataset, k: int) -> None:
        stored = (np.frombuffer(dataset.PixelData, dtype="<u2") > 1100).astype("<u2") * 20
        dataset.PixelData, dataset.RescaleIntercept = stored.tobytes(), 0

    found = read_volume(the_series(found_in(tmp_path / "ct", change=labels)))
    assert isinstance(found, Exclusion)
    assert found.sentence == "This looks like a label map (2 whole numbers from 0 to 20), not a CT in HU."


def test_a_wrong_intercept_is_seen_in_the_image(tmp_path: Path) -> None:
    lost = read_volume(the_series(found_in(tmp_path / "lost", hu_shift=1024)))
    assert isinstance(lost, Exclusion)
    assert lost.code is ExclusionCode.NOT_HU
    cautions = volume_of(found_in(tmp_path / "off", hu_shift=100)).cautions
    assert CautionCode.HU_SHIFT in {caution.code for caution in cautions}


@pytest.mark.parametrize("syntax", ["explicit", "RLE", "JPEG lossless", "JPEG 2000"])
def test_a_file_cut_short_is_unreadable(tmp_path: Path, syntax: str) -> None:
    built = write_series(tmp_path / "ct", CtSpec(syntax=syntax))
    series = the_series(find(built.folder))
    built.files[5].write_bytes(built.files[5].read_bytes()[:-100])
    found = read_volume(series)
    assert isinstance(found, Exclusion)
    assert found.sentence.startswith("The files could not be read: file 6 of 16 by name (slice at z -587.5")
    assert "cut short" in found.sentence


def test_a_compression_that_is_not_read_is_named(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct", CtSpec(syntax="JPEG 2000"))
    for file in built.files:
        dataset = dcmread(file)
        dataset.file_meta.TransferSyntaxUID = HTJ2KLossless
        dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(96)])
        dataset.save_as(file)
    found = read_volume(the_series(find(built.folder)))
    assert isinstance(found, Exclusion)
    assert "pixels stored as High-Throughput JPEG 2000" in found.sentence
    assert "cut short" not in found.sentence


def test_a_file_gone_since_is_unreadable(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct")
    series = the_series(find(built.folder))
    built.files[5].unlink()
    found = read_volume(series)
    assert isinstance(found, Exclusion)
    assert "file 6 of 16" in found.sentence
    assert "No such file" in found.sentence
    stored = read_volume(replace(series, stack=None))
    assert isinstance(stored, Exclusion)
    assert stored.sentence == "The files could not be read: a file: no longer there."


REAL = {
    "ge_discovery_ls": ((512, 512, 99), -3024),
    "ge_revolution": ((512, 512, 35), -3024),
    "philips_brilliance16": ((512, 512, 70), None),
    "siemens_biograph_mct": ((512, 512, 20), None),
    "siemens_sensation64": ((512, 512, 51), None),
    "toshiba_aquilion": ((512, 512, 111), -2048),
}


#: One per transfer syntax (none, JPEG-LS, JPEG 2000, JPEG lossless); the two largest take long and add no syntax.
COMPARED = ("ge_revolution", "philips_brilliance16", "siemens_biograph_mct", "siemens_sensation64")


@pytest.mark.parametrize("name", COMPARED)
def test_real_series_agree_with_simpleitk_reading_them_by_itself(name: str) -> None:
    """Same grid, same position, same HU except for padding."""
    folder = shared_data("ct", name)
    found = find(folder)
    (series,) = [*found.series, *(series for series, _ in found.excluded)]
    volume = read_volume(series)
    assert isinstance(volume, Volume)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), reader.GetGDCMSeriesIDs(str(folder))[0]))
    image = reader.Execute()
    theirs = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    shape, padding = REAL[name]
    assert volume.geometry.shape == theirs.shape == shape
    corner = [n - 1 for n in shape]
    place = image.TransformIndexToPhysicalPoint(corner)
    np.testing.assert_allclose(volume.geometry.to_world_mm(np.array(corner)), place, atol=1e-3)
    np.testing.assert_array_equal(volume.voxels_hu, np.where(theirs < -1500, -1024, theirs))
    assert volume.voxels_hu.dtype == np.int16
    assert [c.code for c in volume.cautions] == ([CautionCode.PADDING_REPLACED] if padding else [])


def test_real_series_end_as_the_data_readme_says() -> None:
    found = find(shared_data("ct"))
    assert found.excluded == ()
    assert {s.files[0].parent.name for s in found.series} == {*REAL, "ct"}
    sharp = {s.convolution_kernel for s in found.series if s.kernel_group is KernelGroup.SHARP}
    assert sharp == {"LUNG", "D"}


def test_builder_writes_what_it_says(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct", CtSpec(syntax="JPEG 2000"))
    assert dcmread(built.files[0]).file_meta.TransferSyntaxUID == SYNTAXES["JPEG 2000"]


def test_two_stacks_in_one_enhanced_file_are_told_apart(tmp_path: Path) -> None:
    def twice(dataset: Dataset, _: int) -> None:
        for n, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            item = Dataset()
            item.TemporalPositionIndex = 1 + n // 16
            group.FrameContentSequence = DicomSequence([item])
        stored = np.frombuffer(dataset.PixelData, dtype="<u2").copy()
        stored[stored.size // 2 :] += 10
        dataset.PixelData = stored.tobytes()

    spec = CtSpec(is_enhanced=True, duplicated=tuple(range(16)), change=twice)
    built = write_series(tmp_path / "ct", spec)
    found = find(built.folder)
    for series in (*found.series, *(series for series, _ in found.excluded)):
        volume = read_volume(series)
        assert isinstance(volume, Volume)
        shift = 10 if series.series_instance_uid.endswith("_stack2") else 0
        np.testing.assert_array_equal(volume.voxels_hu, built.voxels_hu + shift)
        # As returned by a store: under its key, not under its own identifier.
        stored = read_volume(replace(series, series_instance_uid=series.series_key, stack=None))
        assert isinstance(stored, Volume)
        np.testing.assert_array_equal(stored.voxels_hu, volume.voxels_hu)
        unnamed = read_volume(replace(series, stack_label="", stack=None))
        assert isinstance(unnamed, Exclusion)
        assert unnamed.code is ExclusionCode.AMBIGUOUS_SLICES
    assert len(found.series) == len(found.excluded) == 1


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big endian"])
def test_fewer_pixels_than_the_header_says_are_not_filled_up(tmp_path: Path, syntax: str) -> None:
    def more_rows(dataset: Dataset, _: int) -> None:
        dataset.Rows = 50

    volume = read_volume(the_series(found_in(tmp_path / "ct", syntax=syntax, change=more_rows)))
    assert isinstance(volume, Exclusion)
    assert volume.found == (
        "file 1 of 16 by name (slice at z -600.0 mm): pixels cut short: 6144 bytes where the header needs 6400"
    )


def test_spacing_under_a_vr_of_text_is_read_and_its_pixels_too(tmp_path: Path) -> None:
    def change(dataset: Dataset, _: int) -> None:
        set_raw(dataset, "PixelSpacing", "UT", "6.0\\5.0")

    built = write_series(tmp_path / "ct", CtSpec(change=change))
    volume = volume_of(find(built.folder))
    np.testing.assert_array_equal(volume.voxels_hu, built.voxels_hu)
    assert volume.geometry.is_close(built.geometry, tolerance_mm=1e-3)


@pytest.mark.parametrize("text", ["wide", "1.0", "1.0\\x"])
@pytest.mark.parametrize("vr", ["DS", "UT", "LO"])
def test_spacing_that_cannot_be_read_is_told_with_what_stands_there(tmp_path: Path, text: str, vr: str) -> None:
    def change(dataset: Dataset, _: int) -> None:
        set_raw(dataset, "PixelSpacing", vr, text)

    (exclusion,) = (e for _, e in find(write_series(tmp_path / "ct", CtSpec(change=change)).folder).excluded)
    assert "PixelSpacing" in exclusion.sentence
    assert "cannot be read, found" in exclusion.sentence


def test_big_endian_pixels_of_ge_workstations_are_read(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct")
    for path in built.files:
        dataset = dcmread(path)
        pixels = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        raw = path.read_bytes()
        at = raw.rindex(dataset.PixelData)
        little, ge = b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0"
        path.write_bytes((raw[:at] + pixels + raw[at + len(pixels) :]).replace(little, ge, 1))
    volume = volume_of(find(built.folder))
    np.testing.assert_array_equal(volume.voxels_hu, built.voxels_hu)


@pytest.mark.parametrize(("is_signed", "intercept"), [(True, 0.0), (False, -1024.0)])
@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big endian"])
def test_values_beyond_the_stated_bits_are_not_cut(
    tmp_path: Path, is_signed: bool, intercept: float, syntax: str
) -> None:
    """In 12 bits, metal of 3500 HU would be soft tissue or air; programs that copy a header write such files."""

    def add_metal(dataset: Dataset, _: int) -> None:
        kind = ("<i2", "<u2")[not is_signed]
        pixels = np.frombuffer(dataset.PixelData, dtype=kind).copy()
        pixels[:5] = 3500 - intercept
        dataset.PixelData = pixels.tobytes()
        dataset.BitsStored, dataset.HighBit = 12, 11

    spec = CtSpec(is_signed=is_signed, intercept=intercept, syntax=syntax, change=add_metal)
    volume = volume_of(find(write_series(tmp_path / "ct", spec).folder))
    assert (volume.voxels_hu[:5, 0, 0] == 3500).all()
    assert (volume.voxels_hu[5:, 0, 0] < 3500).all()


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big endian"])
def test_unsigned_values_declared_signed_are_read_whole(tmp_path: Path, syntax: str) -> None:
    """Read as signed, dense bone above 1023 HU would lie below air, and be replaced as padding."""

    def add_bone(dataset: Dataset, _: int) -> None:
        pixels = np.frombuffer(dataset.PixelData, dtype="<i2").copy()
        pixels[50:60] = np.arange(2400, 2410)
        dataset.PixelData = pixels.tobytes()
        dataset.BitsStored, dataset.HighBit = 12, 11

    spec = CtSpec(is_signed=True, intercept=-1024.0, syntax=syntax, change=add_bone)
    volume = volume_of(find(write_series(tmp_path / "ct", spec).folder))
    stored = volume.voxels_hu[:, :, 0].T.ravel()[50:60]
    np.testing.assert_array_equal(stored, np.arange(1376, 1386))
    assert not volume.cautions


@pytest.mark.parametrize(("intercept", "padding_hu"), [(0.0, None), (-1024.0, -2000.0)])
def test_signed_values_without_sign_extension_keep_their_sign(
    tmp_path: Path, intercept: float, padding_hu: float | None
) -> None:
    """Air of -1030 HU and padding are negative as stored."""

    def cut(dataset: Dataset, _: int) -> None:
        pixels = np.frombuffer(dataset.PixelData, dtype="<i2").copy()
        pixels[pixels == -1000 - intercept] = -1030 - intercept
        dataset.PixelData = (pixels & 0x0FFF).tobytes()
        dataset.BitsStored, dataset.HighBit = 12, 11

    spec = CtSpec(is_signed=True, intercept=intercept, padding_hu=padding_hu, change=cut)
    built = write_series(tmp_path / "ct", spec)
    expected = np.where(built.voxels_hu == -1000, -1030, built.voxels_hu)
    np.testing.assert_array_equal(volume_of(find(built.folder)).voxels_hu, expected)


def test_bits_above_the_stored_ones_that_hold_an_overlay_are_no_value(tmp_path: Path) -> None:
    def add_overlay(dataset: Dataset, _: int) -> None:
        pixels = np.frombuffer(dataset.PixelData, dtype="<u2").copy()
        pixels[:5] |= 0x1000
        dataset.PixelData = pixels.tobytes()
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.add_new(0x60000102, "US", 12)

    built = write_series(tmp_path / "ct", CtSpec(change=add_overlay))
    assert_truth(volume_of(find(built.folder)), built)
