// Tells when this browser was last here. A visit ends after half an hour in which nobody looked; what is noted stays in
// the browser (localStorage) and is one moment a store, nothing else.
const GAP_MS = 30 * 60 * 1000;
const LOOK_MS = 60 * 1000;

function look(key) {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(key)) || {};
  } catch {
    kept = {};
  }
  const now = Date.now();
  const before = kept.seen && now - kept.seen > GAP_MS ? kept.seen : (kept.before ?? 0);
  try {
    localStorage.setItem(key, JSON.stringify({ seen: now, before }));
  } catch {
    return before; // a browser that keeps nothing has no last visit
  }
  return before;
}

export default function ({ data, setStateValue }) {
  const key = `osteo-visit-${data.store}`;
  let known = data.known;
  const tell = () => {
    if (document.visibilityState !== "visible") return;
    const before = look(key);
    if (before !== known) {
      known = before;
      setStateValue("before_ms", before);
    }
  };
  tell();
  const timer = setInterval(tell, LOOK_MS);
  return () => clearInterval(timer);
}
