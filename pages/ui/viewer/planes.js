// Three linked planes with the mask, by NiiVue. Called again at every rerun whose data changed: the
// instance is kept by its host element and the id in data, so that volumes are fetched once a series.
const keepers = new WeakMap()
const AXIAL = 0, CORONAL = 1, SAGITTAL = 2
const LAYOUT = [
  { sliceType: SAGITTAL, position: [0, 0, 0.38, 1] },
  { sliceType: CORONAL, position: [0.38, 0, 0.31, 1] },
  { sliceType: AXIAL, position: [0.69, 0, 0.31, 1] },
]

const labelMap = (levels) => {
  const black = { number: 0, name: 'background', rgb: [0, 0, 0] }
  const rows = [black, ...levels]
  const channel = (k) => rows.map((r) => r.rgb[k])
  return { R: channel(0), G: channel(1), B: channel(2), A: rows.map((r) => (r.number ? 255 : 0)), I: rows.map((r) => r.number), labels: rows.map((r) => r.name) }
}

const say = (root, text) => {
  const state = root.querySelector('.state')
  state.textContent = text
  state.hidden = !text
}

const jump = (keeper, level) => {
  if (!level || !level.centre_ras_mm) return
  keeper.nv.scene.crosshairPos = keeper.nv.mm2frac([...level.centre_ras_mm, 1])
  keeper.nv.drawScene()
  keeper.nv.createOnLocationChange()
}

const press = (keeper, name) => {
  for (const button of keeper.root.querySelectorAll('.levels button'))
    button.setAttribute('aria-pressed', String(button.dataset.level === name))
}

// Arrow keys move the planes by a voxel: left and right, up and down; with Shift, back and front.
const STEPS = { ArrowLeft: [1, 0, 0], ArrowRight: [-1, 0, 0], ArrowUp: [0, 0, 1], ArrowDown: [0, 0, -1] }
const SHIFTED = { ArrowUp: [0, 1, 0], ArrowDown: [0, -1, 0] }
const move = (keeper) => (event) => {
  const step = (event.shiftKey && SHIFTED[event.key]) || STEPS[event.key]
  if (!step) return
  event.preventDefault()
  event.stopPropagation()
  keeper.nv.moveCrosshairInVox(...step)
}

const setWindow = (keeper, preset) => {
  const ct = keeper.nv.volumes[0]
  ct.cal_min = preset.low_hu
  ct.cal_max = preset.high_hu
  keeper.nv.updateGLVolume()
}

const wire = (keeper, data) => {
  const { root } = keeper
  const levels = root.querySelector('.levels')
  levels.replaceChildren(...data.levels.map((level) => {
    const button = document.createElement('button')
    const swatch = document.createElement('i')
    swatch.style.background = `rgb(${level.rgb.join(',')})`
    button.append(swatch, level.name)
    button.type = 'button'
    button.dataset.level = level.name
    button.disabled = !level.centre_ras_mm
    button.onclick = () => jump(keeper, level)
    return button
  }))
  const select = root.querySelector('.window')
  select.replaceChildren(...data.windows.map((w, k) => new Option(w.name, k)))
  select.onchange = () => setWindow(keeper, data.windows[select.value])
  const slider = root.querySelector('.opacity')
  slider.value = 45
  // A window drawn by hand is none of the list.
  root.querySelector('.view').addEventListener('mouseup', (event) => { if (event.button === 2) select.value = '' })
  root.querySelector('.view').addEventListener('keydown', move(keeper), true)
  root.querySelector('.mask').style.display = data.mask_url ? '' : 'none'
  slider.oninput = () => keeper.nv.setOpacity(1, slider.value / 100)
}

const readout = (keeper, data) => (location) => {
  const [ct, mask] = location.values
  if (!ct) return
  const level = mask && data.levels.find((l) => l.number === Math.round(mask.value))
  const place = location.mm.slice(0, 3)
  const words = [`${Math.round(ct.value)} HU`, level ? level.name : 'outside the mask',
    `${place[0] >= 0 ? 'right' : 'left'} ${Math.abs(place[0]).toFixed(0)} mm · ${place[1] >= 0 ? 'front' : 'back'} ${Math.abs(place[1]).toFixed(0)} mm · height ${place[2].toFixed(0)} mm`]
  keeper.root.querySelector('.readout').textContent = words.join(' · ')
  press(keeper, level ? level.name : null)
}

const build = async (root, data) => {
  const { Niivue } = await import(new URL(data.lib, window.location.origin).href)
  const nv = new Niivue({
    backColor: [0, 0, 0, 1], crosshairColor: [1, 0.75, 0.2, 0.9], crosshairWidth: 0.8, crosshairGap: 8, show3Dcrosshair: false,
    isColorbar: false, isRadiologicalConvention: true, sagittalNoseLeft: true, fontSizeScaling: 0.35, dragMode: 9, tileMargin: 4, loadingText: '', logLevel: 'error',
  })
  const keeper = { nv, root, id: data.id, clicks: 0 }
  await nv.attachToCanvas(root.querySelector('.view'))
  nv.setCustomLayout(LAYOUT)
  say(root, 'Loading the CT…')
  const first = data.windows[0]
  const volumes = [{ url: new URL(data.ct_url, window.location.origin).href, name: 'ct.nii.gz', colormap: 'gray', cal_min: first.low_hu, cal_max: first.high_hu }]
  if (data.mask_url) volumes.push({ url: new URL(data.mask_url, window.location.origin).href, name: 'mask.nii.gz', opacity: 0.45 })
  await nv.loadVolumes(volumes)
  if (data.mask_url) {
    nv.volumes[1].setColormapLabel(labelMap(data.levels))
    nv.updateGLVolume()
  }
  nv.onLocationChange = readout(keeper, data)
  wire(keeper, data)
  return keeper
}

const show = async (root, data) => {
  try {
    const keeper = await build(root, data)
    const known = data.levels.filter((l) => l.centre_ras_mm)
    jump(keeper, known.find((l) => l.name === data.focus) || known[Math.floor((known.length - 1) / 2)])
    if (!known.length) keeper.nv.createOnLocationChange()
    keeper.clicks = data.clicks
    say(root, '')
    root.dataset.drawn = data.id
    return keeper
  } catch (error) {
    say(root, `The viewer could not show this CT: ${error.message}. Reload the page; if it stays, run "python -m pages.ui.viewer.fetch" and "python -m osteo_core check".`)
    root.dataset.drawn = 'failed'
    return null
  }
}

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector('.planes')
  const held = keepers.get(root)
  if (!held || held.id !== data.id) {
    keepers.set(root, { id: data.id, ready: show(root, data) })
  } else {
    held.ready.then((keeper) => {
      if (!keeper || !data.focus || keeper.clicks === data.clicks) return
      keeper.clicks = data.clicks
      jump(keeper, data.levels.find((l) => l.name === data.focus))
    })
  }
  return () => {
    const leaving = keepers.get(root)
    keepers.delete(root)
    leaving?.ready.then((keeper) => keeper?.nv.cleanup())
  }
}
