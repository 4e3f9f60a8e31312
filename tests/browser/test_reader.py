"""A reader's workflow in a real browser: from the worklist to a signature, a second reader, an adjudicator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import nibabel
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from osteo_core.density.region import mark_regions
from osteo_core.density.tissues import measure_tissues
from osteo_core.review.pictures import TISSUE_NUMBERS
from osteo_core.terms import Level
from tests.browser.reading_room import READY, Rooms, erase_level, in_store, name, open_rooms
from tests.builders.reading import LEVELS, LOWERED, build_case, fill_store

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Rooms]:
    folder = tmp_path_factory.mktemp("reading")
    higher = {**LOWERED, Level.L1: 60.0}  # the bent spine is second in the worklist and not changed
    cases = [build_case(folder, 0, LOWERED), build_case(folder, 1, higher, bend_mm=12.0)]
    with open_rooms(folder, fill_store(folder, cases), browser) as opened:
        yield opened


def test_from_the_worklist_a_level_is_corrected_saved_and_signed_and_the_next_opens(rooms: Rooms) -> None:
    context, page, complaints = rooms.enter()
    page.goto(f"{rooms.server.address}/worklist")
    page.locator("tr[data-key]").first.click()
    page.keyboard.press("o")
    page.wait_for_selector(READY, timeout=120_000)
    screen = page.locator(".reader").bounding_box()
    assert screen is not None
    assert screen["y"] + screen["height"] <= 900, "the screen must be seen without scrolling"
    expect(page.locator(".reader .place")).to_have_text("1 of 2")
    expect(page.locator(".reader .chip")).to_have_text("osteoporosis")
    name(page, "AB")

    before = page.locator(".reader .mean").inner_text()
    erase_level(page, 20)
    # The ring follows the stroke: its middle is where the last one ended.
    ring, canvas = (page.locator(f".reader {one}").bounding_box() for one in (".ring", "canvas[data-plane=axial]"))
    assert ring["x"] + ring["width"] / 2 > canvas["x"] + canvas["width"] / 2
    page.route("**/api/review/*/save*", lambda route: route.abort())
    page.keyboard.press("s")
    expect(page.locator(".reader .message")).to_contain_text("the connection is lost; what you drew is kept")
    assert in_store(rooms, "mask saved") == []
    page.unroute("**/api/review/*/save*")
    page.keyboard.press("s")
    page.wait_for_selector(".reader[data-saved]")
    expect(page.locator(".reader .chip")).to_have_text("low bone mass")
    assert page.locator(".reader .mean").inner_text() != before
    expect(page.locator(".reader .was").first).to_contain_text("model: osteoporosis")
    expect(page.locator(".reader .why")).not_to_contain_text("Osteoporosis is likely")  # the reason of the model's flag
    expect(page.locator(".reader .reading-status")).to_contain_text("draft")
    saved = in_store(rooms, "mask saved")
    assert [row["author"] for row in saved] == ["AB"]
    assert len(list((rooms.store / "media").glob("*_reader.nii.gz"))) == 1

    page.keyboard.press("c")
    page.get_by_role("textbox", name="In the reader's words").fill("L1 was a wrong outline")
    page.get_by_role("button", name="Sign as AB").click()
    page.wait_for_selector(".reader[data-signed=corrected]")
    expect(page.locator(".reader .reading-status")).to_contain_text("corrected by AB")
    assert [row["reason"] for row in in_store(rooms, "read signed")] == ["L1 was a wrong outline"]

    now = str(page.locator(".reader").get_attribute("data-drawn"))
    other = next(case for case in rooms.cases if not now.startswith(case.key))
    page.keyboard.press("n")
    page.wait_for_selector(f".reader[data-drawn^='{other.key}']", timeout=120_000)
    expect(page.locator(".reader .place")).to_have_text("2 of 2")
    assert other.key in page.url
    page.reload()
    page.wait_for_selector(READY, timeout=120_000)
    expect(page.locator(".reader .place")).to_have_text("2 of 2")
    assert complaints == []
    context.close()


@pytest.fixture(scope="module")
def screen(rooms: Rooms) -> Iterator[Page]:
    """The screen of a patient with scoliosis."""
    context, page, complaints = rooms.enter()
    rooms.open(page, rooms.cases[1], "AB")
    page.locator(".reader .window").select_option("Soft tissue")
    page.locator(".reader .masking").select_option("off")
    yield page
    assert complaints == []
    context.close()


def settled(page: Page) -> None:
    """Wait until every canvas has the size of its pane and was drawn at it."""
    assert page.locator(".reader").evaluate(
        """(root) => new Promise((done) => {
          const s = root.screen, fits = ({ canvas: c }) => c.height === Math.round(c.parentElement.clientHeight * s.density)
          const look = () => (s.planes.every(fits) ? done(true) : requestAnimationFrame(look))
          requestAnimationFrame(() => requestAnimationFrame(look))
        })"""
    )


def point_at(page: Page, kind: str, across: float, down: float) -> dict[str, Any]:
    """Move the mouse to the middle of the voxel at a fraction of a plane: its LPS mm, and what is drawn there."""
    found = page.locator(".reader").evaluate(
        """(root, [kind, across, down]) => {
          const s = root.screen, p = s.planes.find((one) => one.kind === kind), c = p.canvas, box = c.getBoundingClientRect()
          const at = p.voxelAt(across * c.width, down * c.height), a = s.volume.affine
          const [x, y] = p.pixelOf(at).map(Math.round)
          p.draw()
          return { world: a.map((row) => row[0] * at[0] + row[1] * at[1] + row[2] * at[2] + row[3]), row: p.pointAt(x, y)[1],
            pixel: [...c.getContext('2d').getImageData(x, y, 1, 1).data], low: s.window.low, high: s.window.high,
            mouse: [box.left + (x * box.width) / c.width, box.top + (y * box.height) / c.height] }
        }""",
        [kind, across, down],
    )
    page.mouse.move(*found["mouse"])
    return found


def place_of(page: Page, level: Level, kind: str = "sagittal") -> tuple[float, float]:
    """Position of a level's centre on the page, in pixels."""
    box = page.locator(f"canvas[data-plane={kind}]").bounding_box()
    x, y = page.locator(".reader").evaluate(
        """(root, [kind, number]) => { const s = root.screen, p = s.planes.find((one) => one.kind === kind)
          return p.pixelOf(s.places[number].centre).map((x) => x / s.density) }""",
        [kind, int(level)],
    )
    return box["x"] + x, box["y"] + y


POINTS = ((0.37, 0.41), (0.42, 0.55), (0.58, 0.47), (0.63, 0.62), (0.55, 0.36))


@pytest.mark.parametrize("plane", ["sagittal", "coronal", "axial", "straightened"])
def test_the_hu_under_the_cursor_are_those_of_the_source_voxel(rooms: Rooms, screen: Page, plane: str) -> None:
    source = nibabel.load(rooms.cases[1].result.series.files[0])
    values, to_index = np.asarray(source.dataobj), np.linalg.inv(source.affine)
    screen.locator(".card[data-number='21']").click()
    if plane == "straightened":
        screen.keyboard.press("t")
    else:
        screen.keyboard.press("e")  # while drawing, voxels are shown without smoothing
        expect(screen.locator(".reader .tools")).to_be_visible()
    settled(screen)
    checked = 0
    for across, down in POINTS:
        found = point_at(screen, "sagittal" if plane == "straightened" else plane, across, down)
        left, back, head = found["world"]
        index = np.rint(to_index @ [-left, -back, head, 1])[:3].astype(int)
        hu = float(values[tuple(index)])
        expect(screen.locator(".reader .readout")).to_have_text(re.compile(rf"^{round(hu)} HU"))
        grey = 255 * np.clip((round(hu) - found["low"]) / (found["high"] - found["low"]), 0, 1)
        is_smooth = plane == "straightened"
        assert is_smooth or abs(found["pixel"][0] - grey) <= 1, "what is drawn there is another voxel"
        checked += 1
    assert checked == len(POINTS)
    screen.keyboard.press("t" if plane == "straightened" else "e")


def test_the_straightened_plane_follows_the_bodies_and_its_lengths_are_true(rooms: Rooms, screen: Page) -> None:
    segmentation = rooms.cases[1].result.segmentation
    labels, geometry = np.asarray(segmentation.labels), segmentation.geometry
    centres = np.array([geometry.to_world_mm(np.argwhere(labels == level).mean(axis=0)) for level in reversed(LEVELS)])
    height = np.linspace(centres[0, 2], centres[-1, 2], 500)  # the line through the bodies, seen from the front
    across = np.interp(height, centres[:, 2], centres[:, 0])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(height), np.diff(across)))])
    assert along[-1] > centres[-1, 2] - centres[0, 2] + 3.0, "this spine is bent"

    screen.locator(".card[data-number='20']").click()
    screen.keyboard.press("t")
    settled(screen)
    step = geometry.spacing_mm[0]
    shown = [point_at(screen, "sagittal", 0.4, down) for down in np.linspace(0.3, 0.65, 8)]
    for found in shown:
        left, _, head = found["world"]
        assert abs(left - np.interp(head, height, across)) <= step, "the line of voxels runs through the bodies"
    lengths = [(one["row"] - shown[0]["row"]) * step for one in shown]
    expected = [
        np.interp(one["world"][2], height, along) - np.interp(shown[0]["world"][2], height, along) for one in shown
    ]
    assert np.abs(np.array(lengths) - expected).max() <= 1.5 * step

    screen.keyboard.press("d")
    screen.mouse.move(*place_of(screen, Level.L3))
    screen.mouse.down()
    screen.mouse.move(*place_of(screen, Level.T12))
    screen.mouse.up()
    ends = "(root) => { const [a, b] = root.screen.measures.at(-1).points, mm = root.screen.volume.spacing"
    measured = screen.locator(".reader").evaluate(
        ends + "; return Math.hypot((a[0] - b[0]) * mm[1], (a[1] - b[1]) * mm[2]) }"
    )
    assert measured == pytest.approx(np.hypot(along[-1], centres[-1, 1] - centres[0, 1]), abs=1.0)
    screen.keyboard.press("Escape")
    screen.locator(".reader .clear").click()

    screen.mouse.click(*place_of(screen, Level.L2))
    assert screen.locator(".reader").evaluate("(root) => root.screen.levelAt(root.screen.cross).name") == "L2"
    for kind in ("coronal", "axial"):
        drawn = screen.locator(".reader").evaluate(
            f"(root) => {{ const s = root.screen, p = s.planes.find((one) => one.kind === '{kind}'); return p.pixelOf(s.cross).map((x) => x / s.density) }}"
        )
        box = screen.locator(f"canvas[data-plane={kind}]").bounding_box()
        assert np.hypot(*np.subtract(place_of(screen, Level.L2, kind), (box["x"] + drawn[0], box["y"] + drawn[1]))) < 12
    screen.keyboard.press("t")


def test_the_calibration_tissues_are_shown_where_they_were_measured(rooms: Rooms, screen: Page) -> None:
    case = rooms.cases[1]
    legend = screen.locator(".reader .tissues")
    expect(legend).to_be_hidden()
    screen.locator(".card[data-number='21']").click()
    screen.keyboard.press("u")
    expect(legend).to_be_visible(timeout=120_000)
    for tissue in ("air", "fat", "muscle", "blood"):
        sample = case.result.tissues.sample(tissue)
        expect(legend).to_contain_text(f"{tissue} {sample.mean_hu:.0f} ± {sample.sd_hu:.0f} HU".replace("-", "\u2212"))
    measured = {tissue.sample.name: tissue for tissue in measure_tissues(case.volume, case.result.segmentation)[1]}
    marked = mark_regions(measured.values(), TISSUE_NUMBERS, case.volume.geometry)
    settled(screen)
    seen = set()
    for across, down in [(x, y) for x in (0.3, 0.5, 0.7) for y in (0.52, 0.62, 0.68, 0.8)]:
        found = point_at(screen, "axial", across, down)
        number = int(marked[tuple(np.rint(case.volume.geometry.to_index(np.array(found["world"]))).astype(int))])
        red, green, blue, _ = found["pixel"]
        is_coloured = max(red, green, blue) - min(red, green, blue) > 20
        assert is_coloured == bool(number), f"{across}, {down}: tissue {number}, drawn {red, green, blue}"
        seen.add(number)
    assert len(seen) >= 3
    screen.keyboard.press("u")
    expect(legend).to_be_hidden()

    # Pictures of an older version, whose source files are gone.
    screen.locator(".reader").evaluate("(root) => { delete root.screen.data.urls.tissue }")
    screen.keyboard.press("u")
    expect(screen.locator(".reader .message")).to_contain_text(
        "The calibration tissues cannot be shown: they are not stored"
    )
    expect(screen.locator(".reader .tissue")).to_have_attribute("aria-pressed", "false")


def test_surfaces_take_the_colours_of_vbmd_and_height_loss_and_are_linked_to_the_planes(
    rooms: Rooms, screen: Page
) -> None:
    measured = {m.level: m for m in rooms.cases[1].result.measurements}
    ask = screen.locator(".reader").evaluate
    screen.locator(".card[data-number='20']").click()
    screen.keyboard.press("v")
    screen.wait_for_selector(".reader[data-scene-ms]", timeout=120_000)
    scale, names = screen.locator(".reader .scale"), screen.locator(".reader .names")
    expect(scale).to_contain_text("Level")
    screen.locator(".reader .colourby").select_option("vbmd")
    expect(scale).to_contain_text("vBMD, mg/cm\u00b3")
    expect(scale).to_contain_text("T12: no value")
    expect(names).to_contain_text(f"L1 {measured[Level.L1].vbmd_mg_cm3.value:.0f}")
    colour = "(root, name) => root.screen.scene.look.colourOf(root.screen.scene.surfaces.find((s) => s.name === name))"
    assert np.ptp(ask(colour, "T12")) < 0.06, "what does not count is grey"
    red, _, blue = ask(colour, "L1")
    assert red > 3 * blue
    screen.locator(".reader .colourby").select_option("loss")
    expect(scale).to_contain_text("Height loss, %")
    expect(names).to_contain_text(f"L3 {100 * measured[Level.L3].height_loss:.0f} %")

    at = "(root, name) => { const { scene, density } = root.screen; return scene.project(scene.surfaces.find((s) => s.name === name).centre).map((x) => x / density) }"
    box = screen.locator(".reader canvas.scene").bounding_box()
    x, y = ask(at, "L3")
    screen.mouse.click(box["x"] + x, box["y"] + y)
    assert ask("(root) => root.screen.levelAt(root.screen.cross).name") == "L3"
    screen.locator(".card[data-number='21']").click()
    expect(names.locator("[data-here]")).to_have_text(re.compile("^L2"))
    ring = screen.locator(".reader .here").bounding_box()
    x, y = ask(at, "L2")
    assert np.hypot(ring["x"] + ring["width"] / 2 - box["x"] - x, ring["y"] + ring["height"] / 2 - box["y"] - y) < 8

    for key, turned in (("l", np.pi / 2), ("k", np.pi), ("f", 0.0)):
        screen.keyboard.press(key)
        assert ask("(root) => root.screen.scene.turned[0]") == pytest.approx(turned)
    screen.locator(".reader .hide").select_option("L2")
    expect(names).not_to_contain_text("L2")
    screen.locator(".reader .hide").select_option("L2")  # 'show L2'
    expect(names).to_contain_text("L2")
    covered = """(root) => { const { scene } = root.screen; scene.draw(); const gl = scene.gl, { width, height } = scene.canvas
      const out = new Uint8Array(4 * width * height); gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, out)
      let n = 0; for (let m = 0; m < out.length; m += 4) if (out[m] > 40) n++; return n }"""
    whole = ask(covered)
    screen.locator(".reader .clip").fill("50")
    assert 0.3 * whole < ask(covered) < 0.8 * whole
    screen.keyboard.press("v")


@pytest.mark.parametrize("body", [b"", b"no volume at all " * 40])
def test_a_ct_that_arrives_damaged_is_said(rooms: Rooms, body: bytes) -> None:
    context, page, _ = rooms.enter()
    context.route("**/api/picture/*_ct.nii.gz*", lambda route: route.fulfill(body=body))
    page.goto(f"{rooms.server.address}/worklist")
    page.locator("tr[data-key]").first.click()
    page.keyboard.press("o")
    expect(page.locator(".reader .state")).to_contain_text("The CT cannot be shown", timeout=60_000)
    context.close()


def test_a_refusal_is_gone_after_the_next_change(rooms: Rooms) -> None:
    context, page, complaints = rooms.enter()
    rooms.open(page, rooms.cases[1], "EF")
    page.locator(".card[data-number='20']").click()
    page.keyboard.press("e")
    page.locator(".reader .renameto").select_option("L2")
    expect(page.locator(".reader .message")).to_contain_text("L2 is outlined already")
    page.get_by_role("button", name="Column down").click()
    page.get_by_role("button", name="Do it").click()
    expect(page.locator(".reader .message")).to_have_text("")
    assert complaints == []
    context.close()
