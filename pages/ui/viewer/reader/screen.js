// The reader's screen: headline, planes, levels, tools and decisions. Built once per series and version; later reruns
// update text and numbers, never the cross, the zoom or the window.
import { Drawing, ORDER, shifted } from './edit.js'
import { fetchSoon } from './fetch_soon.js'
import { forget, keep, kept } from './kept.js'
import { Scene, readSurfaces } from './mesh.js'
import { Prior } from './prior.js'
import { PLANES, Plane, lutOf, readout } from './planes.js'
import { colourOf, labelOf, showScale } from './scales.js'
import { spineOf } from './spine.js'
import { corrected } from './verdict.js'
import { packLabels, placesOf, readVolume, toIndex, toWorld } from './volume.js'
import { askSignature, levelCard, showHelp, showHead, showTissues } from './words.js'

const absolute = (address) => new URL(address, window.location.origin).href
// '24 Nov 2026, 02:13', in the format of the pages (wording.moment).
const dayAndTime = (at) => {
  const say = (options) => new Date(at).toLocaleString('en-GB', options)
  return `${say({ day: 'numeric' })} ${say({ month: 'short' }).slice(0, 3)} ${say({ year: 'numeric' })}, ${say({ hour: '2-digit', minute: '2-digit' })}`
}
const gone = (what) => `${what} are not stored for this series and can no longer be made, since its source files are gone`
// Overlays shown on demand, by button: the flag for whether it is shown, how its file is read, and its name.
const PARTS = {
  roi: { flag: 'isRoiShown', read: (url) => readVolume(url, 60), words: 'The regions' },
  lines: { flag: 'isLinesShown', read: async (url) => (await fetchSoon(url, 60)).json(), words: 'The height lines' },
  tissue: { flag: 'isTissueShown', read: (url) => readVolume(url, 60), words: 'The calibration tissues' },
}
// An address without its signature, which changes with each rerun.
const placeOf = (url) => (url || '').split('?')[0]

export class Screen {
  constructor(root, send) {
    Object.assign(this, {
      root, send, cross: [0, 0, 0], active: 'sagittal', isEditing: false, tool: 'cross', radius: 4, isBall: false, measures: [], lines: null, tissue: null, fetched: {},
      mask: { mode: 'fill', opacity: 0.4 }, isCurved: false, spine: null, isRoiShown: false, isLinesShown: false, isTissueShown: false, strokes: 0, roi: null,
      density: Math.min(2, window.devicePixelRatio || 1), decisions: { left_out: {}, grades: {}, causes: {}, phase: null, is_count_wrong: false },
      font: getComputedStyle(root).fontFamily || 'sans-serif', saving: null, is3D: false, isPrior: false, prior: null, colourBy: 'level',
    })
    this.part = (name) => root.querySelector(`.${name}`)
  }

  async open(data) {
    this.began = performance.now()
    this.data = data
    this.decisions = structuredClone(data.decisions)  // those of the displayed read; whoever signs it keeps these
    this.seen = { ...data.seen }  // the signatures at opening; a later rerun does not display a newer read
    const told = this.part('message').dataset
    if (told.kind === 'bad' || told.reader !== data.reader) this.tell('')  // from the previous screen: another reader or version
    told.reader = data.reader
    showHead(this)
    this.say('Loading the CT…')
    const [volume, mask] = await Promise.all([readVolume(absolute(data.urls.ct)), data.urls.mask ? readVolume(absolute(data.urls.mask)) : null])
    const model = data.urls.model && data.urls.model !== data.urls.mask ? await readVolume(absolute(data.urls.model)) : mask
    this.volume = volume
    this.maskFile = mask
    this.drawing = new Drawing(volume, mask ? mask.data : new Uint8Array(volume.data.length), model ? model.data : new Uint8Array(volume.data.length))
    this.setLevels(data.levels)
    this.setWindow(data.windows[0])
    this.replaced()
    const known = data.levels.filter((one) => this.places[one.number])
    const first = known.find((one) => one.name === data.focus) || known[Math.floor((known.length - 1) / 2)]
    this.cross = first ? this.places[first.number].centre.map(Math.round) : volume.dims.map((n) => n >> 1)
    this.level = first ? first.number : ORDER[3]
    this.build()
    this.say('')
    this.draw()
    this.root.dataset.openedMs = Math.round(performance.now() - this.began)
    this.root.dataset.drawn = data.id
    this.offerKept()
  }

  setLevels(levels) {
    this.levels = levels
    this.byNumber = Object.fromEntries(levels.map((one) => [one.number, one]))
    this.colours = Object.fromEntries(levels.map((one) => [one.number, one.rgb]))
    this.coloursKey = levels.length
    this.tissueColours = Object.fromEntries(this.data.tissues.map((one) => [one.number, one.rgb]))
  }

  // Later data of the same series and version: text, numbers, addresses.
  update(data) {
    this.data = data
    if (!this.volume) return
    this.setLevels(data.levels)
    showHead(this)
    this.showLevels()
    this.showBar()
    this.loadParts()
    if (this.scene && this.scene.place !== placeOf(data.urls.mesh)) this.dropScene()
    if (this.prior && this.prior.data.series !== data.priors?.[0]?.series) this.changePrior()
    this.draw()
  }

  // Another earlier study was chosen: replacing the canvases also removes the old study's listeners.
  changePrior() {
    this.prior = this.hover = null
    for (const canvas of this.root.querySelectorAll('canvas[data-prior]')) canvas.replaceWith(canvas.cloneNode())
    if (!this.isPrior) return
    this.isPrior = false
    this.togglePrior()
  }

  say(words, kind = '') {
    const state = this.part('state')
    state.textContent = words
    state.hidden = !words
    state.dataset.kind = kind
  }

  tell(words, kind = '') {
    const line = this.part('message')
    line.textContent = words
    line.dataset.kind = kind
  }

  replaced() {
    this.places = placesOf(this.volume, this.drawing.labels)
    this.spine = spineOf(this.places, this.volume)
    this.hasPlacesOf = this.drawing.revision
  }

  levelAt([i, j, k]) { return this.byNumber[this.drawing.labels[this.drawing.at(i, j, k)]] }

  setWindow({ low_hu, high_hu, name = '' }) {
    this.window = { low: low_hu, high: Math.max(low_hu + 10, high_hu), name }
    this.lut = lutOf(this.window)
  }

  build() {
    this.planes = [...this.root.querySelectorAll('canvas[data-plane]')].map((canvas) => new Plane(canvas, canvas.dataset.plane, this))
    for (const plane of this.planes) this.#wire(plane)
    this.#wireBar()
    this.watcher = new ResizeObserver(() => this.resize())
    for (const pane of this.root.querySelectorAll('.pane')) this.watcher.observe(pane)
    this.onKey = (event) => this.key(event)
    document.addEventListener('keydown', this.onKey, true)
    this.resize()
    this.showLevels()
    this.showBar()
  }

  close() {
    document.removeEventListener('keydown', this.onKey, true)
    this.watcher?.disconnect()
    this.scene?.free()
    this.root.classList.remove('three-d', 'with-prior')
    // Listeners on a canvas belong to this screen; the next screen starts with new canvases.
    for (const canvas of this.root.querySelectorAll('.pane canvas')) canvas.replaceWith(canvas.cloneNode())
  }

  resize() {
    for (const canvas of this.root.querySelectorAll('.pane canvas')) {
      const { clientWidth, clientHeight } = canvas.parentElement
      const width = Math.round(clientWidth * this.density), height = Math.round(clientHeight * this.density)
      if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height }
    }
    this.draw()
  }

  draw() {
    if (this.asked) return
    this.asked = requestAnimationFrame(() => {
      this.asked = 0
      for (const plane of this.planes || []) plane.draw()
      if (this.isPrior) this.prior?.draw()
      if (this.is3D) this.scene?.draw()
      this.showReadout()
      const level = this.levelAt(this.cross)
      for (const card of this.root.querySelectorAll('.card')) card.setAttribute('aria-current', String(Number(card.dataset.number) === (this.isEditing ? this.level : level?.number)))
    })
  }

  // HU and position under the mouse, also when the slice under it changes; those of the cross if there is no mouse.
  showReadout() {
    const { hover } = this
    this.part('readout').textContent = hover ? readout(hover.plane.screen, hover.plane.voxelAt(...hover.at)) : readout(this, this.cross)
  }

  go(index) {
    this.cross = index.map((x, n) => Math.max(0, Math.min(this.volume.dims[n] - 1, Math.round(x))))
    this.draw()
  }

  goLevel(number) {
    this.level = number
    if (this.places[number]) this.go(this.places[number].centre)
    this.draw()
  }

  nextLevel(step) {
    const known = this.levels.filter((one) => this.places[one.number]).sort((a, b) => a.number - b.number)
    const here = this.levelAt(this.cross)?.number ?? this.level
    const at = known.findIndex((one) => one.number === here)
    const next = known[Math.max(0, Math.min(known.length - 1, at + step))]
    if (next) this.goLevel(next.number)
  }

  slice(step, kind = this.active) {
    const next = [...this.cross]
    next[PLANES[kind].across] += step
    this.go(next)
  }

  #at(event, plane) {
    const box = plane.canvas.getBoundingClientRect()
    return [((event.clientX - box.left) * plane.canvas.width) / box.width, ((event.clientY - box.top) * plane.canvas.height) / box.height]
  }

  #wire(plane) {
    const { canvas } = plane
    let held = null
    const move = (event) => {
      const [px, py] = this.#at(event, plane), index = plane.voxelAt(px, py)
      this.hover = { plane, at: [px, py] }
      this.showReadout()
      if (plane.screen === this && (!held || held.what === 'draw')) this.#brushRing(plane, event)
      if (!held) return
      const [dx, dy] = [px - held.at[0], py - held.at[1]]
      if (held.what === 'window') {
        const { low, high } = held.window, width = Math.max(10, high - low + 2 * dx / this.density), middle = (low + high) / 2 - dy / this.density
        this.setWindow({ low_hu: middle - width / 2, high_hu: middle + width / 2 })
        this.part('window').value = ''
        this.draw()
      } else if (held.what === 'pan') {
        plane.shift = [held.shift[0] + dx, held.shift[1] + dy]
        this.draw()
      } else if (held.what === 'draw') this.#stroke(plane, held, index)
      else if (held.what === 'cross') this.#crossTo(plane, index)
      else if (held.what === 'measure') { held.one.points[held.one.points.length - 1] = plane.pointAt(px, py); this.draw() }
    }
    canvas.addEventListener('pointerdown', (event) => {
      event.preventDefault()
      canvas.focus({ preventScroll: true })
      this.active = plane.kind
      const [px, py] = this.#at(event, plane), index = plane.voxelAt(px, py)
      held = { at: [px, py], shift: [...plane.shift], window: { ...this.window } }
      held.what = event.button === 2 ? 'window' : event.button === 1 || event.shiftKey ? 'pan' : plane.screen !== this ? 'cross' : this.isEditing && (this.tool === 'brush' || this.tool === 'eraser') ? 'draw' : this.tool === 'ruler' || this.tool === 'angle' ? 'measure' : 'cross'
      if (held.what === 'draw') { this.drawing.begin(); held.last = index; this.#stroke(plane, held, index) }
      if (held.what === 'measure') held.one = this.#measure(plane, plane.pointAt(px, py))
      if (held.what === 'cross') this.#crossTo(plane, index)
      try { canvas.setPointerCapture(event.pointerId) } catch { /* a pointer that is gone already */ }
      this.draw()
    })
    canvas.addEventListener('pointermove', move)
    const release = () => {
      if (held?.what === 'draw') { this.tell(''); this.changed(this.drawing.commit(this.tool)) }
      held = null
    }
    canvas.addEventListener('pointerup', release)
    canvas.addEventListener('pointercancel', release)
    canvas.addEventListener('pointerleave', () => { this.part('ring').hidden = true; this.hover = null; this.showReadout() })
    canvas.addEventListener('contextmenu', (event) => event.preventDefault())
    canvas.addEventListener('dblclick', () => { plane.reset(); this.draw() })
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault()
      this.active = plane.kind
      if (event.ctrlKey || event.metaKey) {
        const [px, py] = this.#at(event, plane), before = plane.frame(), factor = event.deltaY < 0 ? 1.15 : 1 / 1.15
        plane.zoom = Math.max(0.5, Math.min(12, plane.zoom * factor))
        const ratio = plane.frame().scale / before.scale
        const after = plane.frame()
        plane.shift = [plane.shift[0] + px - (after.x + (px - before.x) * ratio), plane.shift[1] + py - (after.y + (py - before.y) * ratio)]
        this.draw()
      } else this.slice(event.deltaY < 0 ? 1 : -1, plane.kind)
    }, { passive: false })
  }

  #crossTo(plane, index) { const at = plane.screen === this ? index : plane.screen.toNow(index); if (at) this.go(at) }

  #measure(plane, point) {
    const open = this.measures.at(-1)
    if (open && open.tool === 'angle' && this.tool === 'angle' && open.points.length === 2 && open.kind === plane.kind && open.slice === plane.slice) { open.points.push(point); return open }
    const one = { tool: this.tool, kind: plane.kind, slice: plane.slice, points: [point, point] }
    this.measures.push(one)
    return one
  }

  #brushRing(plane, event) {
    const ring = this.part('ring'), isDrawing = this.isEditing && (this.tool === 'brush' || this.tool === 'eraser')
    ring.hidden = !isDrawing
    if (!isDrawing) return
    const stage = this.part('stage').getBoundingClientRect()
    const size = (2 * this.radius * plane.frame().scale) / this.density
    Object.assign(ring.style, { width: `${size}px`, height: `${size}px`, left: `${event.clientX - stage.left - size / 2}px`, top: `${event.clientY - stage.top - size / 2}px`, borderColor: this.tool === 'brush' ? `rgb(${(this.colours[this.level] || [255, 255, 255]).join()})` : '#fff' })
  }

  #stroke(plane, held, index) {
    const steps = Math.max(1, ...index.map((x, n) => Math.abs(x - held.last[n])))
    for (let s = 1; s <= steps; s++) {
      const centre = index.map((x, n) => Math.round(held.last[n] + ((x - held.last[n]) * s) / steps))
      this.drawing.dab(centre, this.radius, this.tool === 'brush' ? this.level : 0, this.level, this.isBall ? -1 : plane.across)
    }
    held.last = index
    this.strokes++
    this.draw()
  }

  // After each step of drawing.
  changed(isNew) {
    if (isNew) {
      clearTimeout(this.keeping)
      this.keeping = setTimeout(() => keep(this.data.keep, this.drawing.changes()), 400)
    }
    clearTimeout(this.placing)
    this.placing = setTimeout(() => { this.replaced(); this.showLevels(); this.draw() }, 60)
    this.showBar()
    this.draw()
  }

  async offerKept() {
    const drawn = await kept(this.data.keep)
    if (!drawn || !drawn.places.length) return
    const bar = this.part('kept')
    bar.hidden = false
    bar.querySelector('span').textContent = `Unsaved outlines drawn on ${dayAndTime(drawn.at)} are kept in this browser.`
    bar.querySelector('.restore').onclick = () => { bar.hidden = true; this.edit(true); this.changed(this.drawing.restore(drawn)) }
    bar.querySelector('.discard').onclick = () => { bar.hidden = true; forget(this.data.keep) }
  }

  act(name) {
    const { across } = PLANES[this.active], { drawing, level } = this
    const done = { fill: () => drawing.fill(level, across), smooth: () => drawing.smooth(level), interpolate: () => drawing.interpolate(level, across), grow: () => drawing.grow(level), copy: () => drawing.copyModel(level) }[name]()
    this.tell(done ? '' : 'Nothing changed: this level is not outlined, or there was nothing to do.')
    this.changed(done)
  }

  edit(on) {
    if (on && !this.data.can_correct) { this.tell(this.data.why_not_correct || 'This series cannot be corrected here.', 'bad'); return }
    if (on && this.isCurved) this.toggleCurve()
    // The server loads and measures the series unchanged, so that saving only has to measure the change.
    if (on) this.prepared ??= this.#post('measure', JSON.stringify({ ...this.decisions, version: this.data.version })).catch(() => null)
    this.isEditing = on
    this.tool = on ? 'brush' : 'cross'
    this.part('ring').hidden = true
    this.showBar()
    this.draw()
  }

  undo() { const name = this.drawing.undo(); this.tell(name ? `Undone: ${name}` : 'Nothing to undo.'); this.changed(Boolean(name)) }

  redo() { const name = this.drawing.redo(); this.tell(name ? `Redone: ${name}` : 'Nothing to redo.'); this.changed(Boolean(name)) }

  // Renumber the whole column by one, first as a preview in the level strip.
  shift(by) {
    const present = Object.keys(this.places).map(Number)
    const map = shifted(present, by)
    if (!map) { this.tell('The column cannot be moved further: its last level would leave T10 to L6.', 'bad'); return }
    const name = (n) => this.data.names[n] || n
    const words = Object.entries(map).map(([from, to]) => `${name(from)} → ${name(to)}`).join(', ')
    this.confirm(`Renumber all levels: ${words}`, () => this.changed(this.drawing.rename(map, 'renumber')))
  }

  rename(to) {
    if (to && this.places[to]) { this.tell(`${this.data.names[to]} is outlined already; renumber or delete that one first.`, 'bad'); return }
    const from = this.level
    this.confirm(to ? `Rename ${this.data.names[from]} to ${this.data.names[to]}` : `Delete the outline of ${this.data.names[from]}`, () => {
      this.changed(this.drawing.rename({ [from]: to }, to ? 'rename' : 'delete'))
      if (to) this.level = to
    })
  }

  confirm(words, go) {
    const bar = this.part('confirm')
    bar.hidden = false
    bar.querySelector('span').textContent = words
    bar.querySelector('.yes').onclick = () => { bar.hidden = true; this.tell(''); go() }
    bar.querySelector('.no').onclick = () => { bar.hidden = true }
    bar.querySelector('.yes').focus()
  }

  async #post(what, body, isRetry = false) {
    const answer = await fetch(absolute(this.data.urls[what]), { method: 'POST', body }).catch(() => null)
    if (!answer) throw new Error('the connection is lost; what you drew is kept in this browser, save again when it is back')
    const found = await answer.json().catch(() => ({ problem: `the server answered ${answer.status}` }))
    if (answer.status === 403 && !isRetry) {  // open longer than its addresses are valid: request new ones, once
      const old = this.data.urls[what]
      this.send('act', { kind: 'renew', at: Date.now() })
      for (let n = 0; n < 50 && this.data.urls[what] === old; n++) await new Promise((done) => setTimeout(done, 200))
      return this.#post(what, body, true)
    }
    if (!answer.ok) throw new Error(found.problem || `the server answered ${answer.status}`)
    return found
  }

  async save() {
    if (this.saving || !this.drawing.isChanged) return
    this.saving = true
    this.showBar()
    this.tell('Saving, measuring again…')
    const began = performance.now()
    try {
      const saved = await this.#post('save', await packLabels(this.maskFile || this.volume, this.drawing.labels))
      await forget(this.data.keep)
      this.root.dataset.savedMs = Math.round(performance.now() - began)
      this.after = saved
      this.tell(`Saved and measured again in ${((performance.now() - began) / 1000).toFixed(1)} s.`)
      this.drawing.opened = this.drawing.labels.slice()
      this.drawing.done = []
      this.drawing.undone = []
      this.isEditing = false
      this.tool = 'cross'
      this.send('act', { kind: 'saved', version: saved.version, at: Date.now() })
      this.root.dataset.saved = saved.version
    } catch (error) { this.tell(`Not saved: ${error.message}.`, 'bad') }
    this.saving = false
    this.showLevels()
    this.showBar()
  }

  // Results under the decisions made so far, without storing them.
  async measure() {
    try {
      const found = await this.#post('measure', JSON.stringify({ ...this.decisions, version: this.data.version }))
      this.after = { before: this.data.summary, after: found.after }
      showHead(this)
      this.showLevels()
      this.showBar()
    } catch (error) { this.tell(`${error.message}.`, 'bad') }
  }

  async sign(verdict) {
    if (this.drawing.isChanged) { this.tell('Save the outlines first, or undo what was drawn.', 'bad'); return }
    if (!this.data.reader) { this.tell('A signature needs its reader: type your name at the top, or sign in.', 'bad'); return }
    if (!this.data.role) { this.tell(this.data.why_not_sign || 'Nothing is left to sign here.', 'bad'); return }
    const changed = verdict === 'accepted' ? corrected(this.data, this.decisions) : []
    if (changed.length) { this.tell(`Accept is for the program's own result, and here ${changed.join(', ')}: sign as corrected (c).`, 'bad'); return }
    const given = await askSignature(this, verdict)
    if (!given) return
    try {
      const body = { verdict: given.verdict, role: this.data.role, version: this.data.version, decisions: this.decisions, words: given.words, seen: this.seen }
      const read = await this.#post('sign', JSON.stringify(body))
      this.seen[this.data.role] = read.event
      this.tell(`Signed: ${read.verdict}.`)
      this.root.dataset.signed = read.verdict
      this.send('act', { kind: 'signed', at: Date.now() })
    } catch (error) { this.tell(`Not signed: ${error.message}.`, 'bad') }
  }

  leave(series) {
    if (!series) { this.tell('There is no other patient in this list.'); return }
    if (this.drawing?.isChanged) keep(this.data.keep, this.drawing.changes())
    this.send('act', { kind: 'go', series, at: Date.now() })
  }

  showLevels() {
    const strip = this.part('levels'), summary = this.after?.after || this.data.summary, before = this.after?.before || this.data.model_summary
    const numbers = [...new Set([...this.levels.map((one) => one.number).filter((n) => this.places[n] || summary?.levels?.[n]), ...Object.keys(this.places).map(Number)])].sort((a, b) => a - b)
    if (this.scene) showScale(this)
    strip.replaceChildren(...numbers.map((number) => levelCard(this, number, summary?.levels?.[number], before?.levels?.[number], (summary?.levels_used || []).includes(number))))
  }

  showBar() {
    const { root } = this
    root.classList.toggle('editing', this.isEditing)
    for (const button of root.querySelectorAll('[data-tool]')) button.setAttribute('aria-pressed', String(button.dataset.tool === this.tool))
    for (const [name, on] of [['edit', this.isEditing], ['curved', this.isCurved], ['roi', this.isRoiShown], ['lines', this.isLinesShown], ['tissue', this.isTissueShown], ['three', this.is3D], ['prior', this.isPrior], ['ball', this.isBall]]) this.part(name)?.setAttribute('aria-pressed', String(on))
    this.part('undo').disabled = !this.drawing.done.length
    this.part('redo').disabled = !this.drawing.undone.length
    this.part('save').disabled = !this.drawing.isChanged || Boolean(this.saving)
    this.part('save').textContent = this.saving ? 'Saving…' : 'Save and measure'
    this.part('which').value = String(this.level)
    this.part('masking').value = this.mask.mode
    this.part('role').textContent = this.data.role_words
    const isCorrected = corrected(this.data, this.decisions).length > 0
    for (const verdict of ['accept', 'correct', 'reject']) this.part(verdict).disabled = false
    this.part('accept').classList.toggle('primary', !isCorrected)
    this.part('correct').classList.toggle('primary', isCorrected)
    const priors = this.data.priors || [], which = this.part('whichprior')
    this.part('prior').hidden = !priors.length
    which.hidden = priors.length < 2
    which.replaceChildren(...priors.map((one) => new Option(one.day, one.series)))
    this.part('previous').disabled = !this.data.queue.previous
    this.part('next').disabled = !this.data.queue.next
    this.part('place').textContent = this.data.queue.words
    const read = this.data.read
    const standing = this.data.reading_status + (read ? ` · ${read}` : '')
    Object.assign(this.part('reading-status'), { textContent: standing, title: standing })
  }

  #wireBar() {
    const on = (name, go, event = 'onclick') => { const one = this.part(name); if (one) one[event] = (given) => { go(given.target); if (event === 'onclick') given.target.blur?.() } }
    const fill = (name, options) => this.part(name).replaceChildren(...options.map(([value, words]) => new Option(words, value)))
    fill('window', [['', 'Free'], ...this.data.windows.map((w) => [w.name, w.name])])
    this.part('window').value = this.data.windows[0].name
    on('window', (one) => { const found = this.data.windows.find((w) => w.name === one.value); if (found) { this.setWindow(found); this.draw() } one.blur() }, 'onchange')
    on('masking', (one) => { this.mask.mode = one.value; this.draw(); one.blur() }, 'onchange')
    on('opacity', (one) => { this.mask.opacity = one.value / 100; this.draw() }, 'oninput')
    fill('which', ORDER.map((n) => [n, this.data.names[n]]))
    on('which', (one) => { this.goLevel(Number(one.value)); one.blur() }, 'onchange')
    on('edit', () => this.edit(!this.isEditing))
    on('undo', () => this.undo())
    on('redo', () => this.redo())
    on('save', () => this.save())
    on('up', () => this.shift(-1))
    on('down', () => this.shift(1))
    on('delete', () => this.rename(0))
    fill('renameto', [['', 'Rename to…'], ...ORDER.map((n) => [n, this.data.names[n]])])
    on('renameto', (one) => { const to = Number(one.value); one.value = ''; one.blur(); if (to) this.rename(to) }, 'onchange')
    on('ball', () => { this.isBall = !this.isBall; this.showBar() })
    on('size', (one) => { this.radius = Number(one.value) }, 'oninput')
    on('curved', () => this.toggleCurve())
    for (const name of Object.keys(PARTS)) on(name, () => this.togglePart(name))
    on('three', () => this.toggle3D())
    on('prior', () => this.togglePrior())
    on('whichprior', (one) => { this.send('act', { kind: 'prior', series: one.value, at: Date.now() }); one.blur() }, 'onchange')
    on('clear', () => { this.measures = []; this.draw() })
    on('reset', () => { for (const plane of this.planes) plane.reset(); this.setWindow(this.data.windows[0]); this.part('window').value = this.data.windows[0].name; this.draw() })
    on('help', () => showHelp(this))
    on('previous', () => this.leave(this.data.queue.previous))
    on('next', () => this.leave(this.data.queue.next))
    for (const [name, verdict] of [['accept', 'accepted'], ['correct', 'corrected'], ['reject', 'rejected']]) on(name, () => this.sign(verdict))
    for (const button of this.root.querySelectorAll('[data-tool]')) button.onclick = () => { this.take(button.dataset.tool); button.blur() }
    for (const button of this.root.querySelectorAll('[data-act]')) button.onclick = () => { this.act(button.dataset.act); button.blur() }
    for (const button of this.root.querySelectorAll('[data-look]')) button.onclick = () => { this.scene?.look_from(button.dataset.look); button.blur() }
  }

  // Select a tool, or deselect it.
  take(tool) { this.tool = tool === this.tool ? 'cross' : tool; this.showBar() }

  toggleCurve() {
    if (!this.spine) { this.tell('The spine can be followed once two levels are outlined.'); return }
    if (this.isEditing) { this.tell('Outlines are drawn on the flat planes: end correcting (e), then follow the spine.'); return }
    this.isCurved = !this.isCurved
    this.showBar()
    this.draw()
  }

  async togglePart(name) {
    const { flag } = PARTS[name]
    this[flag] = !this[flag]
    this.showBar()
    await this.loadParts()
  }

  // Fetch the visible overlays that are missing; saved outlines have regions and lines of their own.
  async loadParts() {
    for (const [name, { flag, read, words }] of Object.entries(PARTS)) {
      const url = this.data.urls[name], place = placeOf(url)
      if (this.fetched[name] !== place) this[name] = null
      if (!this[flag] || (this[name] && this.fetched[name] === place)) continue
      try {
        if (!url) throw new Error(this.data.urls.mask ? gone('they') : 'nothing was outlined on this series')
        this.tell(`${words} are being fetched…`)
        const found = await read(absolute(url))
        this.tell('')
        if (placeOf(this.data.urls[name]) === place) { this[name] = found; this.fetched[name] = place }
      } catch (error) { this[flag] = false; this.tell(`${words} cannot be shown: ${error.message}.`, 'bad') }
    }
    showTissues(this)
    this.showBar()
    this.resize()
  }

  // The latest earlier study beside this one: its sagittal and axial plane replace the coronal plane or the 3D view.
  async togglePrior() {
    const [data] = this.data.priors || []
    if (!data) { this.tell('There is no earlier study of this person in the store.'); return }
    if (!data.urls?.ct) { this.tell(`The earlier study cannot be shown: ${data.why_not}.`, 'bad'); return }
    this.isPrior = !this.isPrior
    if (this.isPrior && this.is3D) this.toggle3D()
    this.root.classList.toggle('with-prior', this.isPrior)
    this.showBar()
    this.resize()
    if (!this.isPrior || this.prior) return
    this.tell(`Loading the study of ${data.day}…`)
    try {
      this.prior = await Prior.open(this, data)
      for (const plane of this.prior.planes) this.#wire(plane)
      this.resize()
      this.tell(this.prior.toNow(this.prior.cross) ? '' : 'The two studies have no outlined level in common: they are not linked.')
      this.root.dataset.prior = data.series
    } catch (error) { this.tell(`The earlier study cannot be shown: ${error.message}.`, 'bad') }
  }

  async toggle3D() {
    this.is3D = !this.is3D
    if (this.is3D && this.isPrior) this.togglePrior()
    this.root.classList.toggle('three-d', this.is3D)
    this.showBar()
    this.resize()
    if (this.is3D && !this.scene) await this.loadScene()
  }

  async loadScene() {
    const began = performance.now(), url = this.data.urls.mesh
    this.tell('Loading the surfaces…')
    try {
      if (!url) throw new Error(this.data.urls.mask ? gone('they') : 'nothing was outlined on this series')
      const found = await readSurfaces(absolute(url))
      this.scene = new Scene(this.part('scene'), found, { ground: [0.04, 0.05, 0.07], colourOf: (s) => colourOf(this, s).map((x) => x / 255), onDraw: (scene) => this.nameLevels(scene) })
      this.scene.place = placeOf(url)
      this.#wireScene()
      showScale(this)
      this.resize()
      this.scene.draw()
      this.tell('')
      this.root.dataset.sceneMs = Math.round(performance.now() - began)
      this.root.dataset.triangles = found.surfaces.reduce((sum, s) => sum + s.triangles.length / 3, 0)
    } catch (error) { this.tell(`The 3D view cannot be shown: ${error.message}.`, 'bad') }
  }

  // Free surfaces whose outlines are no longer displayed.
  dropScene() {
    this.scene.free()
    this.scene = null
    const canvas = this.part('scene')
    canvas.replaceWith(canvas.cloneNode())
    if (this.is3D) this.loadScene()
  }

  // Names of the levels with their values, the one at the cross in bold, and the cross itself.
  nameLevels(scene) {
    const holder = this.part('names'), here = this.levelAt(this.cross)
    const named = scene.surfaces.filter((s) => s.number && !scene.hidden.has(s.name))
    while (holder.children.length < named.length) holder.append(document.createElement('span'))
    while (holder.children.length > named.length) holder.lastChild.remove()
    const put = (one, point) => {
      const [x, y] = scene.project(point)
      one.style.transform = `translate(${x / this.density}px, ${y / this.density}px) translate(-50%, -50%)`
    }
    named.forEach((s, n) => {
      const one = holder.children[n]
      one.textContent = labelOf(this, s)
      one.toggleAttribute('data-here', s.number === here?.number)
      put(one, s.centre)
    })
    put(this.part('here'), toWorld(this.volume, this.cross).map((x, n) => x - scene.origin[n]))
  }

  #wireScene() {
    const canvas = this.part('scene'), { scene } = this
    let held = null
    canvas.addEventListener('pointerdown', (event) => { event.preventDefault(); held = { x: event.clientX, y: event.clientY, turned: [...scene.turned], pan: [...scene.pan], moved: false, isPan: event.shiftKey || event.button > 0 }; try { canvas.setPointerCapture(event.pointerId) } catch { /* gone */ } })
    canvas.addEventListener('pointermove', (event) => {
      if (!held) return
      const dx = event.clientX - held.x, dy = event.clientY - held.y
      held.moved ||= Math.hypot(dx, dy) > 3
      if (held.isPan) scene.pan = [held.pan[0] + (2 * dx) / canvas.clientWidth, held.pan[1] - (2 * dy) / canvas.clientHeight]
      else scene.turned = [held.turned[0] - dx / 120, Math.max(-1.5, Math.min(1.5, held.turned[1] + dy / 120))]
      this.draw()
    })
    canvas.addEventListener('pointerup', (event) => {
      if (held && !held.moved && !held.isPan) {
        const box = canvas.getBoundingClientRect()
        const hit = scene.pick((event.clientX - box.left) * this.density, (event.clientY - box.top) * this.density)
        if (hit) {
          if (hit.surface.number) this.goLevel(hit.surface.number)
          else this.go(toIndex(this.volume, hit.world))
        }
      }
      held = null
    })
    canvas.addEventListener('contextmenu', (event) => event.preventDefault())
    canvas.addEventListener('wheel', (event) => { event.preventDefault(); scene.zoom = Math.max(0.4, Math.min(8, scene.zoom * (event.deltaY < 0 ? 1.12 : 1 / 1.12))); this.draw() }, { passive: false })
    canvas.addEventListener('dblclick', () => { scene.zoom = 1; scene.pan = [0, 0]; this.draw() })
    const set = (name, event, go) => { const one = this.part(name); one[event] = () => { go(one); this.draw() } }
    set('clip', 'oninput', (one) => { scene.clipShare = one.value / 100 })
    set('colourby', 'onchange', (one) => { this.colourBy = one.value; showScale(this); one.blur() })
    set('bone', 'onchange', (one) => { one.checked ? scene.hidden.delete('bone') : scene.hidden.add('bone'); one.blur() })
    const hide = this.part('hide')
    const offer = () => hide.replaceChildren(new Option('Hide…', ''), ...scene.surfaces.filter((s) => s.number).map((s) => new Option(scene.hidden.has(s.name) ? `show ${s.name}` : s.name, s.name)))
    hide.onchange = () => { const name = hide.value; scene.hidden.has(name) ? scene.hidden.delete(name) : scene.hidden.add(name); offer(); hide.blur(); this.draw() }
    offer()
    this.part('clip').value = 0
    this.part('bone').checked = true
  }

  key(event) {
    const target = event.composedPath()[0]
    if (event.ctrlKey || event.metaKey || event.altKey || !this.volume) return
    if (target instanceof Element && target.closest('input:not([type=range]), textarea, select, dialog, [contenteditable], [role=dialog]')) return
    if (this.root.querySelector('dialog[open]')) return
    const digit = /^[1-5]$/.test(event.key) ? Number(event.key) : 0
    const go = digit ? () => this.goLevel(19 + digit) : this.#keys()[event.key]
    if (!go) return
    event.preventDefault()
    event.stopPropagation()
    go()
  }

  #keys() {
    const next = (list, value) => list[(list.indexOf(value) + 1) % list.length]
    const three = (name) => () => this.is3D && this.scene?.look_from(name)
    return {
      ArrowLeft: () => this.slice(-1), ArrowRight: () => this.slice(1), ArrowUp: () => this.nextLevel(-1), ArrowDown: () => this.nextLevel(1),
      PageUp: () => this.slice(5), PageDown: () => this.slice(-5),
      w: () => { const names = this.data.windows.map((w) => w.name), name = next(names, this.window.name); this.setWindow(this.data.windows.find((w) => w.name === name)); this.part('window').value = name; this.draw() },
      m: () => { this.mask.mode = next(['fill', 'outline', 'off'], this.mask.mode); this.showBar(); this.draw() },
      e: () => this.edit(!this.isEditing), z: () => this.undo(), y: () => this.redo(), a: () => this.sign('accepted'), c: () => this.sign('corrected'), r: () => this.sign('rejected'),
      s: () => this.save(), n: () => this.leave(this.data.queue.next), p: () => this.leave(this.data.queue.previous), '?': () => showHelp(this),
      b: () => { if (this.isEditing) { this.tool = 'brush'; this.showBar() } }, x: () => { if (this.isEditing) { this.tool = 'eraser'; this.showBar() } },
      '[': () => this.resizeBrush(-1), ']': () => this.resizeBrush(1), v: () => this.toggle3D(), o: () => this.togglePrior(), g: () => this.togglePart('roi'), h: () => this.togglePart('lines'), u: () => this.togglePart('tissue'), t: () => this.toggleCurve(),
      d: () => this.take('ruler'), q: () => this.take('angle'),
      '+': () => this.zoomActive(1.25), '-': () => this.zoomActive(0.8), 0: () => this.part('reset').click(),
      f: three('anterior'), l: three('lateral'), k: three('posterior'),
      Tab: () => { const kinds = Object.keys(PLANES); this.active = next(kinds, this.active); this.draw() },
      Escape: () => { this.part('confirm').hidden = true; this.tool = this.isEditing ? this.tool : 'cross'; this.showBar() },
    }
  }

  resizeBrush(by) { this.radius = Math.max(1, Math.min(15, this.radius + by)); this.part('size').value = this.radius }

  zoomActive(by) { const plane = this.planes.find((one) => one.kind === this.active); plane.zoom = Math.max(0.5, Math.min(12, plane.zoom * by)); this.draw() }
}

const screens = new WeakMap()

// Called at every rerun with changed data. The screen is kept by its host element and the id in data; nothing is
// reloaded for a version that this screen saved itself.
export const show = (root, data, send) => {
  const held = screens.get(root)
  const isOwn = held && (held.version === data.version || root.dataset.saved === data.version)
  if (held && held.id === data.id && isOwn) { held.version = data.version; held.screen.update(data); return }
  const old = held && held.series === data.series ? held.screen : null
  held?.screen.close()
  delete root.dataset.drawn
  const screen = new Screen(root, send)
  screens.set(root, { id: data.id, series: data.series, version: data.version, screen })
  root.screen = screen
  const again = old && old.planes ? { cross: old.cross, window: old.window, zooms: old.planes.map((p) => [p.zoom, p.shift]), mask: old.mask } : null
  screen.open(data).then(() => { if (again) resume(screen, again) }).catch((error) => {
    screen.say(`The CT cannot be shown: ${error.message}. Reload the page; if it stays, run "python -m osteo_core check".`, 'bad')
    root.dataset.drawn = 'failed'
  })
}

// A new version of the same series opens with the view of the old one.
const resume = (screen, again) => {
  screen.cross = again.cross
  screen.setWindow({ low_hu: again.window.low, high_hu: again.window.high, name: again.window.name })
  screen.part('window').value = again.window.name
  screen.mask = again.mask
  screen.planes.forEach((plane, n) => { [plane.zoom, plane.shift] = again.zooms[n] })
  screen.showLevels()
  screen.showBar()
  screen.draw()
}

export const leave = (root) => {
  const held = screens.get(root)
  screens.delete(root)
  held?.screen.close()
}
