import { corrected } from './verdict.js'

// The text around the pictures: headline, level cards, signature form, help. Text only, never HTML from data.
export const make = (tag, { className = '', ...rest } = {}, ...children) => {
  const one = document.createElement(tag)
  if (className) one.className = className
  for (const [name, value] of Object.entries(rest)) name in one ? (one[name] = value) : one.setAttribute(name, value)
  one.append(...children.filter((child) => child !== null && child !== undefined && child !== ''))
  return one
}

export const interval = (given) => (given ? `${given[0].toFixed(0)} (${given[1].toFixed(0)}–${given[2].toFixed(0)})` : '–')

const signed = (x) => `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(0)}`

const sentence = (words) => words && words[0].toUpperCase() + words.slice(1)
const gradeWords = (grade) => (grade === null || grade === undefined ? '–' : grade === 0 ? 'no fracture' : `grade ${grade}`)

export const showHead = (screen) => {
  const { data } = screen, summary = screen.after?.after || data.summary, before = screen.after?.before || data.model_summary
  const head = screen.part('head')
  const chip = make('b', { className: 'chip', textContent: summary.category || (data.status === 'measured' ? 'no category' : data.status) })
  chip.dataset.category = summary.category || ''
  const mean = make('strong', { className: 'mean', textContent: summary.mean ? `${interval(summary.mean)} mg/cm³` : 'no vBMD' })
  const parts = [make('span', { className: 'who', textContent: data.who, title: data.who_more }), chip, mean]
  const changed = before && (before.category !== summary.category || interval(before.mean) !== interval(summary.mean))
  if (changed) parts.push(make('span', { className: 'was', textContent: `model: ${before.category || 'no category'}, ${interval(before.mean)}` }))
  head.replaceChildren(...parts)
  // The change against the earlier study is stated only for the numbers it was computed from; likewise the model's reasons.
  const prior = data.priors?.[0], isModels = !changed && summary.is_flagged === before?.is_flagged
  const why = isModels && (!summary.reason || summary.reason === before?.reason) ? data.why : sentence(summary.reason)
  screen.part('why').textContent = [prior && String(summary.mean) === String(data.summary.mean) ? prior.words : '', why].filter(Boolean).join(' · ')
  screen.part('why').title = isModels ? data.why_more : ''
}

export const levelCard = (screen, number, own, before, isUsed) => {
  const level = screen.byNumber[number], name = level ? level.name : screen.data.names[number] || String(number)
  const isOutlined = Boolean(screen.places[number])
  const isMeasured = Object.keys((screen.after?.after || screen.data.summary).levels).length > 0  // not so once rejected
  const changed = own && before && (interval(own.vbmd) !== interval(before.vbmd) || own.grade !== before.grade)
  const decided = screen.decisions.left_out[number]
  const swatch = make('i')
  swatch.style.background = `rgb(${(screen.colours[number] || [150, 150, 150]).join()})`
  const lines = [
    make('span', { className: 'name' }, swatch, make('b', { textContent: name }), make('em', { textContent: isUsed ? 'counts' : '' })),
    make('span', { className: 'value', textContent: own ? interval(own.vbmd) : !isOutlined ? 'not outlined' : isMeasured ? 'not measured yet' : 'no vBMD' }),
  ]
  if (changed) lines.push(make('span', { className: 'was', textContent: `was ${interval(before.vbmd)}${own.grade !== before.grade ? `, ${gradeWords(before.grade)}` : ''}` }))
  else if (own && !before) lines.push(make('span', { className: 'was', textContent: 'new' }))
  lines.push(make('span', { className: 'more', textContent: own ? [own.hu == null ? '' : `${own.hu.toFixed(0)} HU`, gradeWords(own.grade)].filter(Boolean).join(' · ') : '' }))
  const then = screen.data.priors?.[0]?.levels[number]
  if (then) {
    const day = screen.data.priors[0].day, isBeyond = then.change?.is_beyond && own?.vbmd && Math.abs(own.vbmd[0] - then.change.after) < 0.05
    const value = then.vbmd ? then.vbmd[0].toFixed(0) + (isBeyond ? ` (${signed(then.change.after - then.change.before)})` : '') : ''
    const words = `then ${[value, then.grade || !value ? gradeWords(then.grade) : ''].filter(Boolean).join(', ')} · ${day}`
    const line = make('span', { className: 'earlier', textContent: words, title: `${day}: ${interval(then.vbmd)} mg/cm³, ${gradeWords(then.grade)}${then.change ? `; least significant change ${then.change.lsc.toFixed(0)}` : ''}` })
    if (isBeyond) line.dataset.beyond = ''
    lines.push(line)
  }
  if (own?.left_out) lines.push(make('span', { className: 'out', textContent: own.left_out, title: own.left_out }))
  const out = make('button', { className: 'leave', type: 'button', textContent: decided ? 'count again' : 'leave out', title: 'Leave this level out, with a reason' })
  out.onclick = (event) => { event.stopPropagation(); decided ? countAgain(screen, number) : askReason(screen, number, name) }
  const card = make('div', { className: 'card', tabIndex: 0, role: 'button', ariaLabel: `Go to ${name}` }, ...lines, screen.data.can_correct ? out : null)
  card.dataset.number = number
  card.onclick = () => screen.goLevel(number)
  card.onkeydown = (event) => { if (event.key === 'Enter') screen.goLevel(number) }
  return card
}

const countAgain = (screen, number) => {
  delete screen.decisions.left_out[number]
  screen.measure()
}

const dialog = (screen, title, ...children) => {
  const one = make('dialog', { ariaLabel: title }, make('h3', { textContent: title }), ...children)
  screen.root.append(one)
  one.addEventListener('close', () => one.remove())
  one.addEventListener('keydown', (event) => event.stopPropagation())
  one.showModal()
  return one
}

const select = (options, value, label) => {
  const one = make('select', { ariaLabel: label }, ...options.map(([given, words]) => new Option(words, given)))
  one.value = value ?? ''
  return one
}

const askReason = (screen, number, name) => {
  const why = select(screen.data.reasons.map((words) => [words, words]), screen.data.reasons[0], 'Reason')
  const words = make('input', { type: 'text', placeholder: 'in words; required for the last reason', ariaLabel: 'In words' })
  const yes = make('button', { type: 'button', className: 'primary', textContent: `Leave ${name} out` })
  const no = make('button', { type: 'button', textContent: 'Cancel' })
  const one = dialog(screen, `Why does ${name} not count?`, make('label', {}, 'Reason', why), make('label', {}, 'In words', words), make('footer', {}, no, yes))
  no.onclick = () => one.close()
  yes.onclick = () => {
    screen.decisions.left_out[number] = { why: why.value, words: words.value.trim() }
    one.close()
    screen.measure()
  }
}

// The form of a signature: grades and causes level by level, phase, count, comment. Empty fields keep the program's
// answer. Answers in it may turn 'accepted' into 'corrected'.
export const askSignature = (screen, verdict) => new Promise((done) => {
  const { data } = screen, summary = screen.after?.after || data.summary
  const rows = Object.keys(summary.levels || {}).map(Number).sort((a, b) => a - b).map((number) => {
    const grade = select([['', `as measured (${gradeWords(summary.levels[number].grade)})`], ...[0, 1, 2, 3].map((g) => [g, gradeWords(g)])], screen.decisions.grades[number], `Genant grade of ${data.names[number]}`)
    const cause = select([['', '–'], ...data.causes.map((words) => [words, words])], screen.decisions.causes[number], `m2ABQ class of ${data.names[number]}`)
    const out = screen.decisions.left_out[number]
    return { number, grade, cause, row: make('tr', {}, make('th', { textContent: data.names[number] }), make('td', { textContent: interval(summary.levels[number].vbmd) }), make('td', {}, grade), make('td', {}, cause), make('td', { className: 'out', textContent: out ? `left out: ${out.why}` : '' })) }
  })
  const table = make('table', {}, make('thead', {}, make('tr', {}, ...['Level', 'vBMD mg/cm³', 'Genant grade', 'm2ABQ', ''].map((words) => make('th', { textContent: words })))), make('tbody', {}, ...rows.map((r) => r.row)))
  const phase = select([['', `as seen by the program (${data.phase})`], ...data.phases.map((words) => [words, words])], screen.decisions.phase, 'Contrast phase')
  const count = make('input', { type: 'checkbox', checked: screen.decisions.is_count_wrong, ariaLabel: 'The levels were counted from a wrong landmark' })
  const words = make('textarea', { rows: 3, ariaLabel: 'In the reader\'s words', placeholder: verdict === 'rejected' ? 'why it is rejected (required)' : 'in your words, for the report (optional)' })
  const problem = make('p', { className: 'bad' })
  const yes = make('button', { type: 'button', className: 'primary sign' })
  const no = make('button', { type: 'button', textContent: 'Cancel' })
  const said = () => ({
    ...screen.decisions, phase: phase.value || null, is_count_wrong: count.checked,
    grades: Object.fromEntries(rows.filter((r) => r.grade.value !== '').map((r) => [r.number, Number(r.grade.value)])),
    causes: Object.fromEntries(rows.filter((r) => r.cause.value !== '').map((r) => [r.number, r.cause.value])),
  })
  const signedAs = () => (verdict === 'accepted' && corrected(data, said()).length ? 'corrected' : verdict)
  const parts = verdict === 'rejected' ? [] : [table, make('div', { className: 'pair' }, make('label', {}, 'Contrast phase', phase), make('label', { className: 'check' }, count, 'levels were counted from a wrong landmark'))]
  const one = dialog(screen, `Sign as ${data.role}: ${verdict}`, ...parts, make('label', {}, 'In words', words), problem, make('footer', {}, no, yes))
  const entitle = () => {
    one.querySelector('h3').textContent = `Sign as ${data.role}: ${signedAs()}`
    yes.textContent = `Sign as ${data.reader}: ${signedAs()}`
  }
  one.addEventListener('change', entitle)
  entitle()
  let answer = null
  no.onclick = () => one.close()
  yes.onclick = () => {
    if (verdict === 'rejected' && !words.value.trim()) { problem.textContent = 'A rejection needs a written reason.'; return }
    answer = { words: words.value.trim(), verdict: signedAs() }
    screen.decisions = said()
    one.close()
  }
  one.addEventListener('close', () => done(answer))
  yes.focus()
})

// The calibration tissues whose regions are on the planes: colour, HU, and the reason if one is missing.
export const showTissues = (screen) => {
  const bar = screen.part('tissues')
  bar.hidden = !(screen.isTissueShown && screen.tissue)
  if (bar.hidden) return
  const seen = new Set(screen.tissue.data)
  bar.replaceChildren(make('b', { textContent: 'Calibration tissues' }), ...screen.data.tissues.map((one) => {
    const patch = make('i'), notes = [one.why_not, one.words && !seen.has(one.number) ? 'outside this part of the scan' : ''].filter(Boolean).join(', ')
    patch.style.background = `rgb(${one.rgb.join()})`
    return make('span', {}, patch, [one.name, one.words, notes && `(${notes})`].filter(Boolean).join(' '))
  }))
}

const KEYS = [
  ['← →', 'slices of the active plane'], ['PgUp PgDn', 'five slices'], ['↑ ↓', 'levels'], ['1 – 5', 'L1 to L5'], ['w', 'next window'], ['m', 'mask: fill, outline, off'], ['e', 'correct: on and off'],
  ['b  x', 'brush, eraser'], ['[  ]', 'size of the brush'], ['z  y', 'undo, redo'], ['s', 'save and measure'], ['a  c  r', 'accept, sign as corrected, reject'], ['n  p', 'next, previous patient'],
  ['o', 'earlier study beside this one'], ['v', '3D; then f front, l from the left, k from behind'], ['t', 'sagittal plane straightened along the bodies'], ['g  h  u', 'trabecular regions, height lines, calibration tissues'], ['d  q', 'ruler, angle'], ['+  −  0', 'zoom, reset'], ['Tab', 'active plane'],
  ['mouse', 'left: cross or drawing · right: window · Shift or middle: move · wheel: slices · Ctrl and wheel: zoom · double click: reset'],
]

export const showHelp = (screen) => {
  const no = make('button', { type: 'button', textContent: 'Close' })
  const one = dialog(screen, 'Keys', make('dl', {}, ...KEYS.flatMap(([key, words]) => [make('dt', { textContent: key }), make('dd', { textContent: words })])), make('footer', {}, no))
  no.onclick = () => one.close()
  no.focus()
}
