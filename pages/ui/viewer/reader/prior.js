// An earlier study beside the current one: its own volume and mask, its cross linked to the current one by level.
import { Plane } from './planes.js'
import { spineOf } from './spine.js'
import { placesOf, readVolume } from './volume.js'

export class Prior {
  constructor(screen, data, volume, mask) {
    const fits = mask && mask.dims.every((n, axis) => n === volume.dims[axis])
    Object.assign(this, { screen, data, volume, measures: [], lines: [], isEditing: false, isRoiShown: false, isLinesShown: false, isTissueShown: false, strokes: 0, roi: null })
    this.drawing = { labels: fits ? mask.data : new Uint8Array(volume.data.length), revision: 0 }
    this.places = placesOf(volume, this.drawing.labels)
    this.spine = spineOf(this.places, volume)
    this.planes = [...screen.root.querySelectorAll('canvas[data-prior]')].map((canvas) => new Plane(canvas, canvas.dataset.prior, this))
    this.title = `${data.day}: `
  }

  static async open(screen, data) {
    const at = (name) => new URL(data.urls[name], window.location.origin).href
    // Not in parallel: the mask is written first, so once the CT is there, both are.
    const volume = await readVolume(at('ct'), 180)
    return new Prior(screen, data, volume, data.urls.mask ? await readVolume(at('mask'), 10) : null)
  }

  // Window, colours and sizes are those of the screen.
  get window() { return this.screen.window }

  get lut() { return this.screen.lut }

  get mask() { return this.screen.mask }

  get colours() { return this.screen.colours }

  get coloursKey() { return this.screen.coloursKey }

  get byNumber() { return this.screen.byNumber }

  get density() { return this.screen.density }

  get font() { return this.screen.font }

  get active() { return '' }

  get isCurved() { return this.screen.isCurved && Boolean(this.spine) }

  get cross() {
    const { cross, places } = this.screen
    if (this.of?.cross !== cross || this.of.places !== places) {
      const found = linked(cross, this.screen, this)
      this.of = { cross, places, at: found ? found.map((x, n) => Math.max(0, Math.min(this.volume.dims[n] - 1, Math.round(x)))) : this.volume.dims.map((n) => n >> 1) }
    }
    return this.of.at
  }

  levelAt([i, j, k]) { const { dims } = this.volume; return this.byNumber[this.drawing.labels[i + dims[0] * (j + dims[1] * k)]] }

  // The position in the current study that corresponds to one in this study; null without a common level.
  toNow(index) { return linked(index, this, this.screen) }

  draw() { for (const plane of this.planes) plane.draw() }
}

// Maps a voxel of one study to the other: along the spine between the centres of the common levels, across it by the
// distance in mm from the line through them. Outside the common levels by the distance in mm from the nearest.
export const linked = (index, from, to) => {
  const common = Object.keys(from.places).filter((number) => to.places[number])
  if (!common.length) return null
  const points = common.map((number) => ({ a: from.places[number].centre, b: to.places[number].centre })).sort((one, other) => one.a[2] - other.a[2])
  const at = points.findIndex((point) => point.a[2] > index[2])
  const low = points[at < 0 ? points.length - 1 : Math.max(0, at - 1)], high = points[at < 0 ? points.length - 1 : at]
  const t = low === high ? 0 : (index[2] - low.a[2]) / (high.a[2] - low.a[2])
  const between = (one) => [0, 1, 2].map((n) => low[one][n] + t * (high[one][n] - low[one][n]))
  const mid = between('a'), target = between('b')
  return target.map((x, n) => x + ((index[n] - mid[n]) * from.volume.spacing[n]) / to.volume.spacing[n])
}
