// The sagittal plane straightened along the bodies: a surface through their centres, straight from front to back, laid
// flat. It bends in one direction only, so nothing is stretched: lengths along it and from front to back are true.
export class Spine {
  // Through the levels' centres (indices), straight between them, vertical beyond the first and the last. Each row of
  // the picture is a line of voxels of one slice; rows are one slice spacing apart along the curve.
  constructor(centres, { dims, spacing }) {
    const points = centres.map((c) => [c[2], c[0]]).sort((a, b) => a[0] - b[0])
    const middle = (k) => {
      const n = points.findIndex((p) => p[0] > k)
      if (n <= 0) return points.at(n < 0 ? -1 : 0)[1]
      const [a, b] = [points[n - 1], points[n]]
      return a[1] + ((k - a[0]) / (b[0] - a[0])) * (b[1] - a[1])
    }
    this.along = new Float32Array(dims[2])  // mm along the curve at every slice
    for (let k = 1; k < dims[2]; k++) this.along[k] = this.along[k - 1] + Math.hypot(spacing[2], (middle(k) - middle(k - 1)) * spacing[0])
    this.step = spacing[2]
    this.across = Int16Array.from({ length: dims[2] }, (_, k) => Math.round(middle(k)))  // index across the body at every slice
    this.slices = new Int16Array(Math.floor(this.along[dims[2] - 1] / this.step + 1e-3) + 1)  // slice of every row
    for (let row = 0, k = 0; row < this.slices.length; row++) {
      while (k < dims[2] - 1 && Math.abs(this.along[k + 1] - row * this.step) <= Math.abs(this.along[k] - row * this.step)) k++
      this.slices[row] = k
    }
  }

  // The row (fractions allowed) in which a slice is shown.
  rowOf(k) {
    const low = Math.max(0, Math.min(this.along.length - 1, Math.floor(k))), high = Math.min(this.along.length - 1, low + 1)
    return (this.along[low] + (k - low) * (this.along[high] - this.along[low])) / this.step
  }
}

// null if fewer than two levels define the course of the spine.
export const spineOf = (places, volume) => {
  const centres = Object.values(places).map((place) => place.centre)
  return centres.length < 2 ? null : new Spine(centres, volume)
}
