// A worker: fetches the requested files and transfers their bytes.
import { fetchSoon } from './fetch_soon.js'

self.onmessage = async ({ data: { number, url, seconds } }) => {
  try {
    const buffer = await (await fetchSoon(url, seconds)).arrayBuffer()
    self.postMessage({ number, buffer }, [buffer])
  } catch (error) {
    self.postMessage({ number, problem: error.message })
  }
}
