// NIfTI-1 in the browser: CT and masks as written by the server (little-endian, axes to left, back and head).
const HEADER = 352
const KINDS = { 2: Uint8Array, 4: Int16Array, 16: Float32Array }

// Volumes are fetched by a worker, since the page has much to draw while they arrive.
const worker = new Worker(new URL('./download.js', import.meta.url), { type: 'module' })
const awaited = new Map()
let asked = 0
worker.onmessage = ({ data: { number, buffer, problem } }) => {
  const { done, refuse } = awaited.get(number)
  awaited.delete(number)
  buffer ? done(buffer) : refuse(new Error(problem))
}
worker.onerror = () => {
  for (const { refuse } of awaited.values()) refuse(new Error('the script that fetches the CT did not start; reload the page'))
  awaited.clear()
}

const download = async (url, seconds) => parse(await new Promise((done, refuse) => {
  asked += 1
  awaited.set(asked, { done, refuse })
  worker.postMessage({ number: asked, url, seconds })
}))

// A CT requested by a patient list when it opens a patient, while the page is still being drawn.
let begun = null
const placeOf = (url) => new URL(url, window.location.origin).pathname
export const begin = (url) => {
  begun = { place: placeOf(url), volume: download(url, 0) }
  begun.volume.catch(() => {})  // reported when the patient is opened
}

export const readVolume = (url, seconds = 0) => {
  const early = begun?.place === placeOf(url) ? begun.volume : null
  begun = null
  return early || download(url, seconds)
}

export const parse = (buffer) => {
  const view = new DataView(buffer)
  const dims = [42, 44, 46].map((at) => view.getInt16(at, true))
  const Kind = KINDS[view.getInt16(70, true)]
  if (!Kind) throw new Error(`voxels of kind ${view.getInt16(70, true)} cannot be drawn`)
  const rows = [0, 1, 2].map((r) => [0, 1, 2, 3].map((c) => view.getFloat32(280 + 16 * r + 4 * c, true)))
  // RAS in the file, LPS on this screen: the first two rows change sign.
  const affine = [rows[0].map((x) => -x), rows[1].map((x) => -x), rows[2]]
  const spacing = [0, 1, 2].map((c) => Math.hypot(affine[0][c], affine[1][c], affine[2][c]))
  const size = dims[0] * dims[1] * dims[2]
  return { dims, spacing, affine, data: new Kind(buffer, HEADER, size), header: buffer.slice(0, HEADER) }
}

// A file of the same grid with these labels, compressed; only the mask is sent.
export const packLabels = async (volume, labels) => {
  const stream = new Blob([volume.header, labels]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Response(stream).blob()
}

export const toWorld = (volume, [i, j, k]) => volume.affine.map((row) => row[0] * i + row[1] * j + row[2] * k + row[3])

export const toIndex = (volume, point) => {
  // The axes are orthogonal, so the inverse is the transpose over the squared steps.
  const from = point.map((x, n) => x - volume.affine[n][3])
  return [0, 1, 2].map((c) => volume.affine.reduce((sum, row, r) => sum + row[c] * from[r], 0) / volume.spacing[c] ** 2)
}

export const huAt = (volume, [i, j, k]) => volume.data[i + volume.dims[0] * (j + volume.dims[1] * k)]

export const isInside = (volume, index) => index.every((x, n) => x >= 0 && x < volume.dims[n])

// Middle (index) and box of every level of a mask.
export const placesOf = (volume, labels) => {
  const [nx, ny, nz] = volume.dims
  const found = {}
  let n = 0
  for (let k = 0; k < nz; k++)
    for (let j = 0; j < ny; j++)
      for (let i = 0; i < nx; i++, n++) {
        const level = labels[n]
        if (!level) continue
        const own = (found[level] ||= { count: 0, sum: [0, 0, 0], low: [i, j, k], high: [i, j, k] })
        own.count++
        own.sum[0] += i; own.sum[1] += j; own.sum[2] += k
        if (i < own.low[0]) own.low[0] = i; else if (i > own.high[0]) own.high[0] = i
        if (j < own.low[1]) own.low[1] = j; else if (j > own.high[1]) own.high[1] = j
        if (k > own.high[2]) own.high[2] = k
      }
  for (const own of Object.values(found)) own.centre = own.sum.map((x) => x / own.count)
  return found
}
