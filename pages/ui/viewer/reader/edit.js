// Drawing on a label map: every action is one step that can be undone, back to the state when drawing began.
export const ORDER = [17, 18, 19, 20, 21, 22, 23, 24, 25]  // T10 to L6 by VerSe numbers, head to foot

export class Drawing {
  constructor(volume, labels, model) {
    this.volume = volume
    this.labels = labels
    this.model = model
    this.opened = labels.slice()
    this.done = []
    this.undone = []
    this.pending = null
    this.revision = 0
  }

  get isChanged() { return this.done.length > 0 }

  at(i, j, k) { return i + this.volume.dims[0] * (j + this.volume.dims[1] * k) }

  begin() { this.pending ||= new Map() }

  put(n, value) {
    const old = this.labels[n]
    if (old === value) return
    if (!this.pending.has(n)) this.pending.set(n, old)
    this.labels[n] = value
  }

  commit(name) {
    const pending = this.pending
    this.pending = null
    if (!pending || !pending.size) return false
    const places = new Uint32Array(pending.size), before = new Uint8Array(pending.size), after = new Uint8Array(pending.size)
    let m = 0
    for (const [n, old] of pending) {
      places[m] = n; before[m] = old; after[m] = this.labels[n]
      m++
    }
    this.done.push({ name, places, before, after })
    this.undone = []
    this.revision++
    return true
  }

  undo() { return this.#step(this.done, this.undone, 'before') }

  redo() { return this.#step(this.undone, this.done, 'after') }

  #step(from, to, side) {
    const step = from.pop()
    if (!step) return null
    for (let m = 0; m < step.places.length; m++) this.labels[step.places[m]] = step[side][m]
    to.push(step)
    this.revision++
    return step.name
  }

  // The differences from the state when drawing began, small enough for the browser's own storage.
  changes() {
    const places = [], values = []
    for (let n = 0; n < this.labels.length; n++) if (this.labels[n] !== this.opened[n]) { places.push(n); values.push(this.labels[n]) }
    return { places: Uint32Array.from(places), values: Uint8Array.from(values) }
  }

  restore({ places, values }) {
    this.begin()
    for (let m = 0; m < places.length; m++) if (places[m] < this.labels.length) this.put(places[m], values[m])
    return this.commit('restore what was drawn')
  }

  // A ball or, within one plane (axis), a disc of this radius; other levels are never painted over.
  dab(centre, radiusMm, value, level, axis) {
    const { dims, spacing } = this.volume
    const reach = spacing.map((s, n) => (n === axis ? 0 : Math.floor(radiusMm / s)))
    const [low, high] = [0, 1].map((end) => centre.map((c, n) => end ? Math.min(dims[n] - 1, c + reach[n]) : Math.max(0, c - reach[n])))
    for (let k = low[2]; k <= high[2]; k++)
      for (let j = low[1]; j <= high[1]; j++)
        for (let i = low[0]; i <= high[0]; i++) {
          const d = Math.hypot((i - centre[0]) * spacing[0], (j - centre[1]) * spacing[1], (k - centre[2]) * spacing[2])
          if (d > radiusMm) continue
          const n = this.at(i, j, k)
          if (value ? this.labels[n] === 0 : this.labels[n] === level) this.put(n, value)
        }
  }

  box(level, margin = 0) {
    const [nx, ny, nz] = this.volume.dims
    const low = [nx, ny, nz], high = [-1, -1, -1]
    let n = 0
    for (let k = 0; k < nz; k++) for (let j = 0; j < ny; j++) for (let i = 0; i < nx; i++, n++) {
      if (this.labels[n] !== level) continue
      if (i < low[0]) low[0] = i; if (i > high[0]) high[0] = i
      if (j < low[1]) low[1] = j; if (j > high[1]) high[1] = j
      if (k < low[2]) low[2] = k; if (k > high[2]) high[2] = k
    }
    if (high[0] < 0) return null
    const dims = this.volume.dims
    return { low: low.map((x) => Math.max(0, x - margin)), high: high.map((x, a) => Math.min(dims[a] - 1, x + margin)) }
  }

  // Fill the holes of a level in every slice across this axis: whatever is not connected to the outside.
  fill(level, axis) {
    const box = this.box(level, 1)
    if (!box) return false
    const [u, v] = [0, 1, 2].filter((a) => a !== axis)
    const width = box.high[u] - box.low[u] + 1, height = box.high[v] - box.low[v] + 1
    this.begin()
    for (let w = box.low[axis]; w <= box.high[axis]; w++) {
      const place = (x, y) => { const p = [0, 0, 0]; p[axis] = w; p[u] = box.low[u] + x; p[v] = box.low[v] + y; return this.at(...p) }
      const outside = new Uint8Array(width * height)
      const stack = []
      const visit = (x, y) => {
        if (x < 0 || y < 0 || x >= width || y >= height || outside[x + width * y] || this.labels[place(x, y)] === level) return
        outside[x + width * y] = 1
        stack.push(x, y)
      }
      for (let x = 0; x < width; x++) { visit(x, 0); visit(x, height - 1) }
      for (let y = 0; y < height; y++) { visit(0, y); visit(width - 1, y) }
      while (stack.length) { const y = stack.pop(), x = stack.pop(); visit(x + 1, y); visit(x - 1, y); visit(x, y + 1); visit(x, y - 1) }
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
        const n = place(x, y)
        if (!outside[x + width * y] && this.labels[n] === 0) this.put(n, level)
      }
    }
    return this.commit('fill')
  }

  // A voxel belongs to the level if most of its neighbourhood (about 2 mm) does.
  smooth(level) {
    const reach = this.volume.spacing.map((s) => Math.max(1, Math.round(1.5 / s)))
    const box = this.box(level, Math.max(...reach) + 1)
    if (!box) return false
    const size = [0, 1, 2].map((a) => box.high[a] - box.low[a] + 1)
    let field = new Float32Array(size[0] * size[1] * size[2])
    this.#eachIn(box, (n, m) => { field[m] = this.labels[n] === level ? 1 : 0 })
    for (let axis = 0; axis < 3; axis++) field = blurred(field, size, axis, reach[axis])
    this.begin()
    this.#eachIn(box, (n, m) => {
      if (field[m] > 0.5 && this.labels[n] === 0) this.put(n, level)
      else if (field[m] <= 0.5 && this.labels[n] === level) this.put(n, 0)
    })
    return this.commit('smooth')
  }

  #eachIn(box, visit) {
    let m = 0
    for (let k = box.low[2]; k <= box.high[2]; k++) for (let j = box.low[1]; j <= box.high[1]; j++) for (let i = box.low[0]; i <= box.high[0]; i++) visit(this.at(i, j, k), m++)
  }

  // Empty slices between slices of the level get an interpolated shape (from the distances to the two outlines).
  interpolate(level, axis) {
    const box = this.box(level)
    if (!box) return false
    const [u, v] = [0, 1, 2].filter((a) => a !== axis)
    const width = box.high[u] - box.low[u] + 3, height = box.high[v] - box.low[v] + 3
    const place = (w, x, y) => { const p = [0, 0, 0]; p[axis] = w; p[u] = box.low[u] + x - 1; p[v] = box.low[v] + y - 1; return p }
    const slice = (w) => {
      const mask = new Uint8Array(width * height)
      let any = false
      for (let y = 1; y < height - 1; y++) for (let x = 1; x < width - 1; x++)
        if (this.labels[this.at(...place(w, x, y))] === level) { mask[x + width * y] = 1; any = true }
      return any ? mask : null
    }
    const held = []
    for (let w = box.low[axis]; w <= box.high[axis]; w++) held.push(slice(w))
    this.begin()
    for (let a = 0; a < held.length - 1; a++) {
      let b = a + 1
      while (b < held.length && !held[b]) b++
      if (!held[a] || b === a + 1 || b >= held.length) continue
      const step = [this.volume.spacing[u], this.volume.spacing[v]]
      const first = signedDistance(held[a], width, height, step), last = signedDistance(held[b], width, height, step)
      for (let w = a + 1; w < b; w++) {
        const t = (w - a) / (b - a)
        for (let y = 1; y < height - 1; y++) for (let x = 1; x < width - 1; x++) {
          const m = x + width * y, n = this.at(...place(box.low[axis] + w, x, y))
          if ((1 - t) * first[m] + t * last[m] < 0 && this.labels[n] === 0) this.put(n, level)
        }
      }
    }
    return this.commit('interpolate')
  }

  // Grow by one millimetre into bone as bright as the level itself (its 10th percentile of HU and above).
  grow(level) {
    const box = this.box(level, 3)
    if (!box) return false
    const values = []
    this.#eachIn(box, (n) => { if (this.labels[n] === level) values.push(this.volume.data[n]) })
    values.sort((a, b) => a - b)
    const least = values[Math.floor(values.length / 10)]
    const { dims, spacing } = this.volume
    const strides = [1, dims[0], dims[0] * dims[1]]
    this.begin()
    for (let axis = 0; axis < 3; axis++) {
      for (let layer = 0; layer < Math.max(1, Math.round(1 / spacing[axis])); layer++) {
        const edge = []
        let m = 0
        for (let k = box.low[2]; k <= box.high[2]; k++) for (let j = box.low[1]; j <= box.high[1]; j++) for (let i = box.low[0]; i <= box.high[0]; i++, m++) {
          const n = this.at(i, j, k), p = [i, j, k][axis]
          if (this.labels[n] !== 0 || this.volume.data[n] < least) continue
          if ((p > 0 && this.labels[n - strides[axis]] === level) || (p < dims[axis] - 1 && this.labels[n + strides[axis]] === level)) edge.push(n)
        }
        for (const n of edge) this.put(n, level)
      }
    }
    return this.commit('grow')
  }

  copyModel(level) {
    this.begin()
    for (let n = 0; n < this.labels.length; n++) {
      if (this.model[n] === level) { if (this.labels[n] === 0 || this.labels[n] === level) this.put(n, level) }
      else if (this.labels[n] === level) this.put(n, 0)
    }
    return this.commit('copy from the model')
  }

  // map: number -> number; 0 deletes.
  rename(map, name) {
    this.begin()
    for (let n = 0; n < this.labels.length; n++) {
      const to = map[this.labels[n]]
      if (to !== undefined) this.put(n, to)
    }
    return this.commit(name)
  }
}

// Shift all level numbers of a column by one; null if a level would leave the known range.
export const shifted = (present, by) => {
  const map = {}
  for (const number of present) {
    const to = ORDER[ORDER.indexOf(number) + by]
    if (!ORDER.includes(number) || to === undefined) return null
    map[number] = to
  }
  return map
}

const blurred = (field, size, axis, reach) => {
  const out = new Float32Array(field.length)
  const stride = [1, size[0], size[0] * size[1]][axis], length = size[axis]
  for (let m = 0; m < field.length; m++) {
    const p = Math.floor(m / stride) % length
    let sum = 0
    for (let d = -reach; d <= reach; d++) if (p + d >= 0 && p + d < length) sum += field[m + d * stride]
    out[m] = sum / (2 * reach + 1)
  }
  return out
}

// Signed distance in mm, negative inside; two passes over the slice (chamfer).
const signedDistance = (mask, width, height, [du, dv]) => {
  const to = (value) => {
    const d = new Float32Array(mask.length)
    for (let m = 0; m < mask.length; m++) d[m] = mask[m] === value ? 0 : 1e6
    const near = (m, other, step) => { if (d[other] + step < d[m]) d[m] = d[other] + step }
    const diagonal = Math.hypot(du, dv)
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      const m = x + width * y
      if (x) near(m, m - 1, du)
      if (y) near(m, m - width, dv)
      if (x && y) near(m, m - width - 1, diagonal)
      if (y && x < width - 1) near(m, m - width + 1, diagonal)
    }
    for (let y = height - 1; y >= 0; y--) for (let x = width - 1; x >= 0; x--) {
      const m = x + width * y
      if (x < width - 1) near(m, m + 1, du)
      if (y < height - 1) near(m, m + width, dv)
      if (x < width - 1 && y < height - 1) near(m, m + width + 1, diagonal)
      if (y < height - 1 && x) near(m, m + width - 1, diagonal)
    }
    return d
  }
  const outside = to(1), inside = to(0)
  return outside.map((d, m) => (mask[m] ? -inside[m] : d))
}
