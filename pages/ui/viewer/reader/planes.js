// Sagittal, coronal and axial plane on plain canvases: every pixel is a voxel's own value, and no GPU is needed.
import { huAt, isInside } from './volume.js'

// Axes of the shown grid point to the patient's left, back and head: radiological planes only need flipping head up.
export const PLANES = {
  sagittal: { across: 0, u: 1, v: 2, up: true, letters: ['A', 'P', 'H', 'F'], name: 'Sagittal' },
  coronal: { across: 1, u: 0, v: 2, up: true, letters: ['R', 'L', 'H', 'F'], name: 'Coronal' },
  axial: { across: 2, u: 0, v: 1, up: false, letters: ['R', 'L', 'A', 'P'], name: 'Axial' },
}
const LOWEST = -1100, HIGHEST = 3100
const TISSUE_OPACITY = 0.35

export const lutOf = ({ low, high }) => {
  const lut = new Uint8ClampedArray(HIGHEST - LOWEST + 1)
  for (let n = 0; n < lut.length; n++) lut[n] = (255 * (n + LOWEST - low)) / Math.max(1, high - low)
  return lut
}

export class Plane {
  constructor(canvas, kind, screen) {
    Object.assign(this, PLANES[kind], { kind, canvas, screen, zoom: 1, shift: [0, 0] })
    this.image = document.createElement('canvas')
    this.key = ''
    this.paths = new Map()
  }

  // The spine along which this plane is straightened; null if the plane is flat.
  get spine() { return this.kind === 'sagittal' && this.screen.isCurved ? this.screen.spine : null }

  get dims() { return [this.screen.volume.dims[this.u], this.spine ? this.spine.slices.length : this.screen.volume.dims[this.v]] }

  get steps() { return [this.screen.volume.spacing[this.u], this.screen.volume.spacing[this.v]] }

  reset() { this.zoom = 1; this.shift = [0, 0] }

  // Canvas pixels per voxel along u and v, and the position of voxel (0, 0).
  frame() {
    const [nu, nv] = this.dims, [du, dv] = this.steps
    const { width, height } = this.canvas
    const scale = Math.min(width / (nu * du), height / (nv * dv)) * this.zoom
    return { su: scale * du, sv: scale * dv, x: (width - nu * du * scale) / 2 + this.shift[0], y: (height - nv * dv * scale) / 2 + this.shift[1], scale }
  }

  row(v) { return this.up ? this.dims[1] - 1 - v : v }

  // Distance in voxels by which the straightened plane is left of the middle of the spine.
  get aside() { return this.screen.cross[0] - this.spine.across[this.screen.cross[2]] }

  // The line of voxels shown by a row: [index across the plane, index along v].
  line(v) {
    const { spine, screen } = this
    if (!spine) return [screen.cross[this.across], v]
    const k = spine.slices[v]
    return [Math.max(0, Math.min(screen.volume.dims[0] - 1, spine.across[k] + this.aside)), k]
  }

  // Identifies what the plane currently shows, so that a ruler is drawn only where it was measured.
  get slice() { return this.spine ? `straightened ${this.aside}` : this.screen.cross[this.across] }

  // Canvas pixels -> point in the picture (column, row from the foot or the front), in voxels, fractions allowed.
  pointAt(px, py) {
    const { su, sv, x, y } = this.frame()
    return [(px - x) / su - 0.5, this.row((py - y) / sv - 0.5)]
  }

  // Canvas pixels -> voxel (i, j, k); it may be outside the image, which the caller must check.
  voxelAt(px, py) {
    const { su, sv, x, y } = this.frame()
    const v = this.row(Math.floor((py - y) / sv)), isInside = v >= 0 && v < this.dims[1]
    const index = [0, 0, 0], [across, along] = isInside ? this.line(v) : [this.screen.cross[this.across], v < 0 ? v : this.screen.volume.dims[this.v]]
    index[this.u] = Math.floor((px - x) / su)
    index[this.v] = along
    index[this.across] = across
    return index
  }

  // Middle of a voxel (fractions allowed) on the canvas.
  pixelOf(index) { return this.pixel([index[this.u], this.spine ? this.spine.rowOf(index[2]) : index[this.v]]) }

  // A point of the picture on the canvas.
  pixel([u, v]) {
    const { su, sv, x, y } = this.frame()
    return [x + (u + 0.5) * su, y + (this.row(v) + 0.5) * sv]
  }

  #key() {
    const s = this.screen
    return [this.slice, s.window.low, s.window.high, s.mask.mode, s.mask.opacity, s.drawing.revision, s.strokes, s.isRoiShown, s.roi ? 1 : 0, s.isTissueShown, s.tissue ? 1 : 0, s.coloursKey].join()
  }

  #paint() {
    const s = this.screen, [nu, nv] = this.dims, { dims, data } = s.volume
    this.image.width = nu
    this.image.height = nv
    const context = this.image.getContext('2d')
    const picture = context.createImageData(nu, nv)
    const out = picture.data, labels = s.drawing.labels
    const stride = [1, dims[0], dims[0] * dims[1]]
    const opacity = s.mask.mode === 'fill' ? s.mask.opacity : 0, tissue = s.isTissueShown && s.tissue ? s.tissue.data : null
    let m = 0
    for (let r = 0; r < nv; r++) {
      const [across, along] = this.line(this.row(r))
      let n = along * stride[this.v] + across * stride[this.across]
      for (let u = 0; u < nu; u++, m += 4, n += stride[this.u]) {
        const grey = s.lut[Math.max(0, Math.min(HIGHEST - LOWEST, Math.round(data[n]) - LOWEST))]
        const isTissue = tissue && tissue[n], fill = isTissue ? TISSUE_OPACITY : opacity
        const colour = isTissue ? s.tissueColours[tissue[n]] : fill && labels[n] ? s.colours[labels[n]] : null
        if (colour) {
          out[m] = grey + fill * (colour[0] - grey); out[m + 1] = grey + fill * (colour[1] - grey); out[m + 2] = grey + fill * (colour[2] - grey)
        } else out[m] = out[m + 1] = out[m + 2] = grey
        out[m + 3] = 255
      }
    }
    context.putImageData(picture, 0, 0)
    this.paths = s.mask.mode === 'off' ? new Map() : this.#outlines((n) => labels[n])
    this.roiPaths = s.isRoiShown && s.roi ? this.#outlines((n) => s.roi.data[n]) : new Map()
    this.tissuePaths = tissue ? this.#outlines((n) => tissue[n]) : new Map()
  }

  // Along voxel edges, one path per level, in voxels of the image.
  #outlines(valueOf) {
    const [nu, nv] = this.dims, { dims } = this.screen.volume
    const stride = [1, dims[0], dims[0] * dims[1]]
    const values = new Uint8Array(nu * nv)
    for (let r = 0; r < nv; r++) {
      const [across, along] = this.line(this.row(r))
      let n = along * stride[this.v] + across * stride[this.across]
      for (let u = 0; u < nu; u++, n += stride[this.u]) values[u + nu * r] = valueOf(n)
    }
    const paths = new Map()
    const line = (level, x0, y0, x1, y1) => {
      if (!paths.has(level)) paths.set(level, new Path2D())
      const path = paths.get(level)
      path.moveTo(x0, y0)
      path.lineTo(x1, y1)
    }
    for (let r = 0; r < nv; r++) for (let u = 0; u < nu; u++) {
      const own = values[u + nu * r]
      const right = u + 1 < nu ? values[u + 1 + nu * r] : 0, below = r + 1 < nv ? values[u + nu * (r + 1)] : 0
      if (own !== right) line(own || right, u + 1, r, u + 1, r + 1)
      if (own !== below) line(own || below, u, r + 1, u + 1, r + 1)
      if (own && u === 0) line(own, 0, r, 0, r + 1)
      if (own && r === 0) line(own, u, 0, u + 1, 0)
    }
    return paths
  }

  draw() {
    const { canvas, screen: s } = this
    if (!canvas.width || !canvas.height) return
    const key = this.#key()
    if (key !== this.key) { this.#paint(); this.key = key }
    const c = canvas.getContext('2d')
    const { su, sv, x, y, scale } = this.frame()
    c.setTransform(1, 0, 0, 1, 0, 0)
    c.fillStyle = '#000'
    c.fillRect(0, 0, canvas.width, canvas.height)
    c.imageSmoothingEnabled = !s.isEditing
    c.imageSmoothingQuality = 'medium'
    c.drawImage(this.image, x, y, this.dims[0] * su, this.dims[1] * sv)
    c.setTransform(su, 0, 0, sv, x, y)
    c.lineWidth = (s.mask.mode === 'outline' ? 1.8 : 1.1) * s.density / Math.sqrt(su * sv)
    for (const [level, path] of this.paths) { c.strokeStyle = `rgb(${(s.colours[level] || [255, 255, 255]).join()})`; c.stroke(path) }
    for (const [tissue, path] of this.tissuePaths) { c.strokeStyle = `rgb(${s.tissueColours[tissue].join()})`; c.stroke(path) }
    c.setLineDash([0.6, 0.5])
    c.strokeStyle = '#ffffff'
    for (const path of this.roiPaths.values()) c.stroke(path)
    c.setLineDash([])
    c.setTransform(1, 0, 0, 1, 0, 0)
    this.#lines(c)
    this.#cross(c)
    this.#names(c)
    this.#measures(c)
    this.#frame(c, scale)
  }

  #cross(c) {
    const s = this.screen, [px, py] = this.pixelOf(s.cross), gap = 9 * s.density
    c.strokeStyle = 'rgba(255, 196, 60, 0.85)'
    c.lineWidth = s.density
    c.beginPath()
    for (const [x0, y0, x1, y1] of [[0, py, px - gap, py], [px + gap, py, this.canvas.width, py], [px, 0, px, py - gap], [px, py + gap, px, this.canvas.height]]) { c.moveTo(x0, y0); c.lineTo(x1, y1) }
    c.stroke()
  }

  #names(c) {
    const s = this.screen
    if (s.mask.mode === 'off' || this.kind === 'axial') return
    c.font = `600 ${12 * s.density}px ${s.font}`
    c.textAlign = 'left'
    c.textBaseline = 'middle'
    for (const [number, place] of Object.entries(s.places)) {
      const level = s.byNumber[number]
      const at = this.spine ? this.spine.across[Math.round(place.centre[2])] + this.aside : s.cross[this.across]
      if (!level || at < place.low[this.across] - 2 || at > place.high[this.across] + 2) continue
      const edge = [...place.centre]
      edge[this.u] = place.high[this.u] + 2.5
      const [px, py] = this.pixelOf(edge)
      outlined(c, level.name, px + 5 * s.density, py, `rgb(${level.rgb.join()})`, s.density)
    }
  }

  #lines(c) {
    const s = this.screen
    if (!s.isLinesShown || !s.lines || this.kind !== 'sagittal') return
    c.lineWidth = 1.6 * s.density
    c.strokeStyle = '#ff5ad0'
    c.beginPath()
    for (const line of s.lines) {
      const [a, b] = line.ends.map((end) => this.pixelOf(end))
      c.moveTo(...a)
      c.lineTo(...b)
    }
    c.stroke()
  }

  #measures(c) {
    const s = this.screen
    c.font = `600 ${12 * s.density}px ${s.font}`
    c.textAlign = 'left'
    for (const one of s.measures) {
      if (one.kind !== this.kind || one.slice !== this.slice) continue
      const points = one.points.map((p) => this.pixel(p))
      c.strokeStyle = '#9cff57'
      c.lineWidth = 1.5 * s.density
      c.beginPath()
      points.forEach((p, n) => (n ? c.lineTo(...p) : c.moveTo(...p)))
      c.stroke()
      for (const p of points) { c.beginPath(); c.arc(...p, 2.5 * s.density, 0, 7); c.stroke() }
      const words = wordsOf(one, this.steps)
      if (words) outlined(c, words, points.at(-1)[0] + 6 * s.density, points.at(-1)[1] - 8 * s.density, '#9cff57', s.density)
    }
  }

  // Plane, slice and level, in one or two lines.
  #title() {
    const s = this.screen, title = s.title || '', level = s.levelAt(s.cross), name = level ? ` · ${level.name}` : ''
    if (!this.spine) return [`${title}${this.name} ${s.cross[this.across] + 1}/${s.volume.dims[this.across]}${name}`]
    const mm = Math.round(this.aside * s.volume.spacing[0])
    return [`${title}${this.name}, straightened along the bodies`, `${mm ? `${Math.abs(mm)} mm ${mm > 0 ? 'left' : 'right'} of their centres` : 'through their centres'}${name}`]
  }

  #frame(c, scale) {
    const s = this.screen, { width, height } = this.canvas, d = s.density
    const [left, right, top, bottom] = this.letters
    c.font = `600 ${13 * d}px ${s.font}`
    c.textBaseline = 'middle'
    c.textAlign = 'left'
    outlined(c, left, 6 * d, height / 2, '#d7dde6', d)
    c.textAlign = 'right'
    outlined(c, right, width - 6 * d, height / 2, '#d7dde6', d)
    c.textAlign = 'center'
    outlined(c, top, width / 2, (width < 520 * d ? (this.spine ? 46 : 32) : 11) * d, '#d7dde6', d)  // below the text of a narrow plane
    outlined(c, bottom, width / 2, height - 11 * d, '#d7dde6', d)
    c.font = `${11.5 * d}px ${s.font}`
    c.textAlign = 'left'
    this.#title().forEach((words, n) => outlined(c, words, 8 * d, (14 + 15 * n) * d, '#d7dde6', d))
    outlined(c, `W ${Math.round(s.window.high - s.window.low)} L ${Math.round((s.window.high + s.window.low) / 2)}`, 8 * d, height - 14 * d, '#d7dde6', d)
    const length = [100, 50, 20, 10, 5].find((mm) => mm * scale < width / 3) || 5
    c.strokeStyle = '#d7dde6'
    c.lineWidth = 2 * d
    const end = width - 12 * d, base = height - 12 * d
    c.beginPath()
    c.moveTo(end - length * scale, base); c.lineTo(end, base)
    c.moveTo(end - length * scale, base - 4 * d); c.lineTo(end - length * scale, base)
    c.moveTo(end, base - 4 * d); c.lineTo(end, base)
    c.stroke()
    c.textAlign = 'right'
    outlined(c, `${length} mm`, end, base - 12 * d, '#d7dde6', d)
    if (s.active === this.kind) { c.strokeStyle = 'rgba(86, 180, 233, 0.9)'; c.lineWidth = 2 * d; c.strokeRect(d, d, width - 2 * d, height - 2 * d) }
  }
}

const outlined = (c, words, x, y, colour, d) => {
  c.lineWidth = 3 * d
  c.lineJoin = 'round'
  c.strokeStyle = 'rgba(0, 0, 0, 0.8)'
  c.strokeText(words, x, y)
  c.fillStyle = colour
  c.fillText(words, x, y)
}

// '23.4 mm' for a ruler, '34°' for an angle; '' while points are missing. Points (column, row) in voxels, steps in mm.
export const wordsOf = (one, steps) => {
  const mm = one.points.map((p) => p.map((x, n) => x * steps[n]))
  const minus = (a, b) => a.map((x, n) => x - b[n])
  if (one.tool === 'ruler') return mm.length > 1 ? `${Math.hypot(...minus(mm[0], mm[1])).toFixed(1)} mm` : ''
  if (mm.length < 3) return ''
  const a = minus(mm[0], mm[1]), b = minus(mm[2], mm[1])
  const cosine = a.reduce((sum, x, n) => sum + x * b[n], 0) / (Math.hypot(...a) * Math.hypot(...b) || 1)
  return `${((Math.acos(Math.max(-1, Math.min(1, cosine))) * 180) / Math.PI).toFixed(0)}°`
}

// '61 HU · L2 · from the centre of L2: 4 mm above, 3 mm left': relative to the level, not in table coordinates.
export const readout = (screen, index) => {
  if (!isInside(screen.volume, index)) return ''
  const level = screen.levelAt(index), words = [`${Math.round(huAt(screen.volume, index))} HU`, level ? level.name : 'outside the mask']
  let nearest = null, least = Infinity
  for (const [number, place] of Object.entries(screen.places)) {
    const d = Math.abs(place.centre[2] - index[2])
    if (d < least && screen.byNumber[number]) { least = d; nearest = [screen.byNumber[number], place] }
  }
  if (nearest) {
    const [left, back, up] = index.map((x, n) => Math.round((x - nearest[1].centre[n]) * screen.volume.spacing[n]))
    const parts = [up && `${Math.abs(up)} mm ${up > 0 ? 'above' : 'below'}`, left && `${Math.abs(left)} mm ${left > 0 ? 'left' : 'right'}`, back && `${Math.abs(back)} mm ${back > 0 ? 'behind' : 'in front'}`].filter(Boolean)
    words.push(parts.length ? `from the centre of ${nearest[0].name}: ${parts.join(', ')}` : `centre of ${nearest[0].name}`)
  }
  return words.join(' · ')
}
