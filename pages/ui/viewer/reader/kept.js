// Unsaved drawings are kept in this browser, by series and by the version they were drawn on.
const NAME = 'osteo-reader', STORE = 'drawings'

const opened = () => new Promise((done, failed) => {
  const asked = indexedDB.open(NAME, 1)
  asked.onupgradeneeded = () => asked.result.createObjectStore(STORE)
  asked.onsuccess = () => done(asked.result)
  asked.onerror = () => failed(asked.error)
})

const ask = async (mode, what) => {
  const base = await opened()
  try {
    return await new Promise((done, failed) => {
      const asked = what(base.transaction(STORE, mode).objectStore(STORE))
      asked.onsuccess = () => done(asked.result)
      asked.onerror = () => failed(asked.error)
    })
  } finally { base.close() }
}

export const keep = (key, drawn) => ask('readwrite', (store) => store.put({ ...drawn, at: Date.now() }, key)).catch(() => null)
export const kept = (key) => ask('readonly', (store) => store.get(key)).catch(() => null)
export const forget = (key) => ask('readwrite', (store) => store.delete(key)).catch(() => null)
