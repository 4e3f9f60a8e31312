// Colours of the surfaces (by level, by vBMD or by height loss), and the legend that explains them.
import { make } from './words.js'

const BONE = [219, 209, 184], GREY = [150, 155, 162]
// Stops from low to high: [value, colour]; blue and orange can be distinguished with any colour vision.
const SCALES = {
  vbmd: {
    title: 'vBMD, mg/cm³', of: (own) => own?.vbmd?.[0], words: (x) => x.toFixed(0), ticks: (limits) => [limits.low, limits.high],
    stops: (limits) => [[0.5 * limits.low, [176, 58, 0]], [limits.low, [230, 159, 0]], [limits.high, [250, 238, 160]], [1.35 * limits.high, [86, 180, 233]], [(5 / 3) * limits.high, [0, 114, 178]]],
  },
  loss: {
    title: 'Height loss, %', of: (own) => (own?.height_loss == null ? undefined : 100 * Math.max(0, own.height_loss)), words: (x) => `${x.toFixed(0)} %`, ticks: (_, losses) => losses.map((x) => 100 * x),
    stops: (_, losses) => [[0, [86, 180, 233]], [100 * losses[0], [250, 238, 130]], [100 * losses[1], [230, 159, 0]], [100 * losses[2], [213, 94, 0]], [150 * losses[2], [140, 29, 4]]],
  },
}

const levelsOf = (screen) => (screen.after?.after || screen.data.summary)?.levels || {}

const stopsOf = (screen) => SCALES[screen.colourBy].stops(screen.data.limits, screen.data.loss_limits)

const mixed = (stops, value) => {
  const at = stops.findIndex(([x]) => x >= value)
  if (at <= 0) return stops.at(at)[1]
  const [[a, from], [b, to]] = [stops[at - 1], stops[at]], t = (value - a) / (b - a)
  return from.map((x, n) => Math.round(x + t * (to[n] - x)))
}

const valueOf = (screen, number) => SCALES[screen.colourBy]?.of(levelsOf(screen)[number])

// Red, green, blue (0 to 255) of a surface; a level without a value is grey.
export const colourOf = (screen, surface) => {
  if (!surface.number) return BONE
  if (screen.colourBy === 'level') return screen.colours[surface.number] || GREY
  const value = valueOf(screen, surface.number)
  return value === undefined ? GREY : mixed(stopsOf(screen), value)
}

// 'L1', or 'L1 62' if the colour stands for a number.
export const labelOf = (screen, surface) => {
  const value = valueOf(screen, surface.number)
  return value === undefined ? surface.name : `${surface.name} ${SCALES[screen.colourBy].words(value)}`
}

const css = (colour) => `rgb(${colour.join()})`

const swatch = (colour, words) => {
  const patch = make('i')
  patch.style.background = css(colour)
  return make('span', {}, patch, words)
}

const bar = (stops, ticks) => {
  const [low, high] = [stops[0][0], stops.at(-1)[0]], share = (x) => `${(100 * (x - low)) / (high - low)}%`
  const gradient = make('div', { className: 'gradient' })
  gradient.style.background = `linear-gradient(to right, ${stops.map(([x, colour]) => `${css(colour)} ${share(x)}`).join()})`
  const marks = [low, ...ticks, high].map((x) => { const one = make('span', { textContent: x.toFixed(0) }); one.style.left = share(x); return one })
  return make('div', {}, gradient, make('div', { className: 'ticks' }, ...marks))
}

// The meaning of the colours, with the unit, and which levels are grey.
export const showScale = (screen) => {
  const scale = SCALES[screen.colourBy], numbered = screen.scene.surfaces.filter((s) => s.number)
  const without = numbered.filter((s) => scale && valueOf(screen, s.number) === undefined)
  const parts = scale
    ? [make('b', { textContent: scale.title }), bar(stopsOf(screen), scale.ticks(screen.data.limits, screen.data.loss_limits)), without.length ? swatch(GREY, `${without.map((s) => s.name).join(', ')}: no value`) : null]
    : [make('b', { textContent: 'Level' }), ...numbered.map((s) => swatch(colourOf(screen, s), s.name))]
  screen.part('scale').replaceChildren(...parts.filter(Boolean))
  screen.part('scale').title = without.map((s) => `${s.name}: ${levelsOf(screen)[s.number]?.left_out || 'not measured'}`).join('\n')
}
