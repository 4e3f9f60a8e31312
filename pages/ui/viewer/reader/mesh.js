import { fetchSoon } from './fetch_soon.js'

// Surfaces of the bodies and of the surrounding bone: one small WebGL program that also runs in software.
const VERTEX = `#version 300 es
in vec3 place; in vec3 normal; uniform mat4 view; uniform mat3 turn; uniform vec4 clip; out vec3 facing; out float kept;
void main() { gl_Position = view * vec4(place, 1.0); facing = turn * normal; kept = dot(clip.xyz, place) - clip.w; }`
const FRAGMENT = `#version 300 es
precision mediump float; in vec3 facing; in float kept; uniform vec3 colour; out vec4 shown;
void main() {
  if (kept < 0.0) discard;
  if (!gl_FrontFacing) { shown = vec4(colour * 0.28, 1.0); return; }
  vec3 n = normalize(facing);
  float key = max(dot(n, normalize(vec3(-0.35, 0.55, 0.75))), 0.0), fill = max(dot(n, normalize(vec3(0.7, -0.2, 0.5))), 0.0);
  vec3 lit = colour * (0.24 + 0.68 * key + 0.2 * fill) + vec3(0.16) * pow(key, 24.0);
  shown = vec4(lit, 1.0);
}`

export const readSurfaces = async (url) => {
  return unpack(await (await fetchSoon(url, 60)).arrayBuffer())
}

export const unpack = (buffer) => {
  if (new TextDecoder().decode(new Uint8Array(buffer, 0, 4)) !== 'OSM1') throw new Error('the surfaces arrived damaged; reload the page')
  const length = new DataView(buffer).getUint32(4, true)
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)))
  let at = 8 + length
  const surfaces = header.surfaces.map((one) => {
    const places = new Float32Array(buffer, at, 3 * one.vertices)
    at += 12 * one.vertices
    const normals = new Int8Array(buffer, at, 4 * one.vertices)
    at += 4 * one.vertices
    const triangles = new Uint32Array(buffer, at, 3 * one.triangles)
    at += 12 * one.triangles
    const centre = [0, 0, 0]
    for (let m = 0; m < places.length; m++) centre[m % 3] += places[m] / one.vertices
    return { ...one, places, normals, triangles, centre }
  })
  return { origin: header.origin_lps_mm, surfaces }
}

const VIEWS = { anterior: [0, 0], lateral: [Math.PI / 2, 0], posterior: [Math.PI, 0] }

export class Scene {
  constructor(canvas, { origin, surfaces }, look) {
    Object.assign(this, { canvas, origin, surfaces, look, hidden: new Set(), clipShare: 0, zoom: 1, turned: VIEWS.anterior.slice(), pan: [0, 0] })
    const gl = (this.gl = canvas.getContext('webgl2', { antialias: true, powerPreference: 'low-power' }))
    if (!gl) throw new Error('this browser has no WebGL 2, which the 3D view needs; the planes show the same')
    this.program = link(gl)
    this.at = Object.fromEntries(['view', 'turn', 'clip', 'colour'].map((name) => [name, gl.getUniformLocation(this.program, name)]))
    this.reach = 1
    this.half = 1
    for (const s of surfaces) {
      s.shape = upload(gl, this.program, s)
      for (let m = 0; m < s.places.length; m += 3) {
        this.reach = Math.max(this.reach, Math.hypot(s.places[m], s.places[m + 1], s.places[m + 2]))
        this.half = Math.max(this.half, Math.abs(s.places[m]))
      }
    }
  }

  look_from(name) { this.turned = VIEWS[name].slice(); this.draw() }

  // LPS mm -> eye: the camera is in front of the patient, head up; x of the eye points to the viewer's right.
  axes() {
    const [a, e] = this.turned, ca = Math.cos(a), sa = Math.sin(a), ce = Math.cos(e), se = Math.sin(e)
    const right = [ca, sa, 0], front = [sa * ce, -ca * ce, se], up = [-sa * se, ca * se, ce]
    return { right, up, front }
  }

  matrix() {
    const { right, up, front } = this.axes(), { width, height } = this.canvas
    const scale = (this.zoom * 1.0) / this.reach, ax = scale * Math.min(1, height / width), ay = scale * Math.min(1, width / height)
    const depth = 0.5 / this.reach
    // prettier-ignore
    return new Float32Array([right[0] * ax, up[0] * ay, -front[0] * depth, 0, right[1] * ax, up[1] * ay, -front[1] * depth, 0, right[2] * ax, up[2] * ay, -front[2] * depth, 0, this.pan[0], this.pan[1], 0, 1])
  }

  project(point) {
    const m = this.matrix()
    const [x, y] = [0, 1].map((r) => m[r] * point[0] + m[4 + r] * point[1] + m[8 + r] * point[2] + m[12 + r])
    return [((x + 1) / 2) * this.canvas.width, ((1 - y) / 2) * this.canvas.height]
  }

  // A sagittal clipping plane that moves in from the right; the part on the patient's left of it is kept.
  clip() { return [1, 0, 0, this.clipShare ? -this.half + 2 * this.half * this.clipShare : -1e6] }

  draw() {
    const { gl } = this
    const { right, up, front } = this.axes()
    gl.viewport(0, 0, this.canvas.width, this.canvas.height)
    gl.clearColor(...this.look.ground, 1)
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT)
    gl.enable(gl.DEPTH_TEST)
    gl.useProgram(this.program)
    gl.uniformMatrix4fv(this.at.view, false, this.matrix())
    gl.uniformMatrix3fv(this.at.turn, false, new Float32Array([right[0], up[0], front[0], right[1], up[1], front[1], right[2], up[2], front[2]]))
    gl.uniform4fv(this.at.clip, this.clip())
    for (const s of this.surfaces) {
      if (this.hidden.has(s.name)) continue
      gl.uniform3fv(this.at.colour, this.look.colourOf(s))
      gl.bindVertexArray(s.shape)
      gl.drawElements(gl.TRIANGLES, s.triangles.length, gl.UNSIGNED_INT, 0)
    }
    this.drawn = (this.drawn || 0) + 1
    this.look.onDraw?.(this)
  }

  // The nearest visible triangle under a pixel: its surface and the point in LPS mm.
  pick(px, py) {
    const { right, up, front } = this.axes(), m = this.matrix(), clip = this.clip()
    const ax = Math.hypot(m[0], m[4], m[8]), ay = Math.hypot(m[1], m[5], m[9])
    const x = ((px / this.canvas.width) * 2 - 1 - this.pan[0]) / ax, y = (1 - (py / this.canvas.height) * 2 - this.pan[1]) / ay
    const start = [0, 1, 2].map((n) => right[n] * x + up[n] * y), away = front.map((f) => -f)
    let best = null
    for (const s of this.surfaces) {
      if (this.hidden.has(s.name)) continue
      const { places: p, triangles: t } = s
      for (let n = 0; n < t.length; n += 3) {
        const hit = crossing(start, away, p, 3 * t[n], 3 * t[n + 1], 3 * t[n + 2])
        if (hit === null || (best && hit >= best.depth)) continue
        const point = start.map((c, a) => c + hit * away[a])
        if (clip[0] * point[0] + clip[1] * point[1] + clip[2] * point[2] < clip[3]) continue
        best = { depth: hit, surface: s, point }
      }
    }
    return best && { surface: best.surface, world: best.point.map((c, n) => c + this.origin[n]) }
  }

  free() { this.gl.getExtension('WEBGL_lose_context')?.loseContext() }
}

// Moller and Trumbore 1997; the ray starts in the plane of the screen through the middle, so depth may be negative.
const crossing = (o, d, p, a, b, c) => {
  const e1x = p[b] - p[a], e1y = p[b + 1] - p[a + 1], e1z = p[b + 2] - p[a + 2]
  const e2x = p[c] - p[a], e2y = p[c + 1] - p[a + 1], e2z = p[c + 2] - p[a + 2]
  const hx = d[1] * e2z - d[2] * e2y, hy = d[2] * e2x - d[0] * e2z, hz = d[0] * e2y - d[1] * e2x
  const det = e1x * hx + e1y * hy + e1z * hz
  if (Math.abs(det) < 1e-9) return null
  const sx = o[0] - p[a], sy = o[1] - p[a + 1], sz = o[2] - p[a + 2]
  const u = (sx * hx + sy * hy + sz * hz) / det
  if (u < 0 || u > 1) return null
  const qx = sy * e1z - sz * e1y, qy = sz * e1x - sx * e1z, qz = sx * e1y - sy * e1x
  const v = (d[0] * qx + d[1] * qy + d[2] * qz) / det
  if (v < 0 || u + v > 1) return null
  return (e2x * qx + e2y * qy + e2z * qz) / det
}

const link = (gl) => {
  const program = gl.createProgram()
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind)
    gl.shaderSource(shader, source)
    gl.compileShader(shader)
    gl.attachShader(program, shader)
  }
  gl.linkProgram(program)
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(`the 3D view could not be set up: ${gl.getProgramInfoLog(program)}`)
  return program
}

const upload = (gl, program, s) => {
  const shape = gl.createVertexArray()
  gl.bindVertexArray(shape)
  const put = (name, data, size, kind, scaled, stride) => {
    const at = gl.getAttribLocation(program, name)
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer())
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW)
    gl.enableVertexAttribArray(at)
    gl.vertexAttribPointer(at, size, kind, scaled, stride, 0)
  }
  put('place', s.places, 3, gl.FLOAT, false, 12)
  put('normal', s.normals, 3, gl.BYTE, true, 4)
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer())
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, s.triangles, gl.STATIC_DRAW)
  gl.bindVertexArray(null)
  return shape
}
