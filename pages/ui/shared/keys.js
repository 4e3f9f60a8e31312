// A dialog with the keys of the page on "?", links before everything else that skip the menu, and guards: of Back and
// Forward, and of a page whose connection was interrupted.
const make = (name, attributes, ...children) => {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
};

const STYLE = `
  #skip-menu, #skip-table { position: fixed; left: -999rem; top: 0.4rem; z-index: 9999999; padding: 0.5rem 0.9rem; border-radius: 0.4rem;
    background: #0067a5; color: #fff; font: 0.95rem sans-serif; }
  #skip-menu:focus, #skip-table:focus { left: 0.6rem; }
  #page-keys { border: 1px solid #8a8f98; border-radius: 0.6rem; padding: 1.2rem 1.4rem; max-width: min(40rem, 90vw); font: 1rem "Source Sans", sans-serif; }
  #page-keys dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.35rem 1.2rem; margin: 0.6rem 0 1rem; }
  #page-keys dt { font-family: "Source Code Pro", monospace; } #page-keys dd { margin: 0; }
  #page-keys button { font: inherit; padding: 0.3rem 0.9rem; border: 1px solid #8a8f98; border-radius: 0.5rem; background: none; color: inherit; cursor: pointer; }
  #page-keys button:focus-visible { outline: 2px solid #0067a5; outline-offset: 2px; }
  @media (prefers-color-scheme: dark) { #page-keys { background: #1c222b; color: #e6eaf0; } }
`;

const list = () => {
  const hosts = document.querySelectorAll('[data-testid="stMain"] *');
  for (const host of hosts) {
    const found = host.shadowRoot?.querySelector(".patient-list .scroll");
    if (found) return found;
  }
  return null;
};

const focusOn = (target) => {
  if (!target) return;
  if (target.tabIndex < 0) target.tabIndex = -1;
  target.focus();
};

const heading = () => document.querySelector('[data-testid="stMain"] h1');

const table = () => {
  const found = document.querySelector('[data-testid="stMain"] :is([data-testid="stDataFrame"], .js-plotly-plot, table)');
  return found?.querySelector("canvas[tabindex]") || found;
};

// A table's grid has the name that its buttons have; it is made when the table is drawn, and made anew with it.
const nameGrids = () => {
  for (const grid of document.querySelectorAll('[data-testid="stDataFrame"] table[role="grid"]:not([aria-label])')) {
    const button = grid.closest('[data-testid="stDataFrame"]').querySelector('button[aria-label*=": "]');
    if (button) grid.setAttribute("aria-label", button.ariaLabel.split(": ").slice(1).join(": "));
  }
};

// Names of the links before everything else, and where each leads.
const SKIPS = {
  "skip-table": ["Skip to the table", () => list() || table() || heading()],
  "skip-menu": ["Skip to the content", () => list() || heading()],
};

const dialogOf = (keys) => {
  document.getElementById("page-keys")?.remove();
  const close = make("button", { textContent: "Close", type: "button" });
  const rows = keys.flatMap(([key, words]) => [make("dt", { textContent: key }), make("dd", { textContent: words })]);
  const dialog = make("dialog", { id: "page-keys", ariaLabel: "Keys of this page" }, make("strong", { textContent: "Keys of this page" }), make("dl", {}, ...rows), close);
  close.onclick = () => dialog.close();
  document.body.append(dialog);
  return dialog;
};

// After Back or Forward a message of the run that was left may still come: Streamlit would then push that run's address,
// and the entries ahead in the history would be lost. Until the person acts again, or for 3 s, no other page is pushed,
// and another query of this page takes the place of the entry instead of a new one. If that page is then the one on the
// screen (a field of it sent its value late), the page of the address is asked for again; once, as an address without a
// page always shows Home.
const GUARD_MS = 3000;
const LOOK_MS = 300;
let drawn = null; // path of the page on the screen
const askAgain = () => dispatchEvent(new PopStateEvent("popstate"));
const lookAgain = (kept) => {
  if (!document.querySelector("[data-test-script-state=notRunning]")) setTimeout(lookAgain, LOOK_MS, kept);
  else if (kept !== location.pathname && kept.split("/").pop() === drawn) askAgain();
};
const guardHistory = () => {
  let [until, isAsked] = [0, false];
  const [push, replace] = [history.pushState.bind(history), history.replaceState.bind(history)];
  history.pushState = (state, title, url) => {
    if (performance.now() > until || !url) return push(state, title, url);
    const to = new URL(url, location.href);
    if (to.pathname !== location.pathname) {
      if (!isAsked) setTimeout(lookAgain, LOOK_MS, to.pathname);
      isAsked = true;
    } else if (to.search !== location.search) replace(state, title, url);
  };
  const end = () => (until = 0);
  const begin = (event) => event.isTrusted && ([until, isAsked] = [performance.now() + GUARD_MS, false]);
  addEventListener("popstate", begin, { capture: true });
  addEventListener("pointerdown", end, { capture: true });
  addEventListener("keydown", (event) => event.altKey || end(), { capture: true });
};

// What was asked for without a connection reached nobody, and an app that was started anew knows nothing of this page:
// once connected again, the page is asked for as its address says if that has changed, otherwise as it is, with all that is
// typed. Without it the reader's name would be lost, and what is drawn under it.
let askAsItIs = null;
const guardConnection = () => {
  const app = document.querySelector("[data-test-connection-state]");
  const isConnected = () => app.getAttribute("data-test-connection-state") === "CONNECTED";
  const address = () => location.pathname + location.search;
  let was = isConnected();
  let left = address();
  new MutationObserver(() => {
    const isBack = isConnected() && !was;
    if (was && !isConnected()) left = address();
    was = isConnected();
    if (!isBack) return;
    dispatchEvent(new Event("osteo-reconnected"));
    if (address() === left) return askAsItIs();
    if (location.hash) history.replaceState(history.state, "", address()); // else nothing is asked
    askAgain();
  }).observe(app, { attributeFilter: ["data-test-connection-state"] });
};

export default function ({ data, setTriggerValue }) {
  drawn = data.page;
  askAsItIs = () => setTriggerValue("reconnected", true);
  if (!window.osteoGuard) {
    window.osteoGuard = true;
    guardHistory();
    guardConnection();
  }
  if (!document.getElementById("skip-menu")) {
    document.head.append(make("style", { textContent: STYLE }));
    for (const [id, [words]] of Object.entries(SKIPS)) document.body.prepend(make("a", { id, href: "#", textContent: words }));
  }
  for (const [id, [, target]] of Object.entries(SKIPS))
    document.getElementById(id).onclick = (event) => {
      event.preventDefault();
      focusOn(target());
    };
  const dialog = data.keys && dialogOf(data.keys);
  const onKey = (event) => {
    if (!dialog || event.key !== "?" || event.ctrlKey || event.metaKey) return;
    const target = event.composedPath()[0];
    if (/^(input|textarea|select)$/.test(target.localName || "") || target.isContentEditable) return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else dialog.showModal();
  };
  let waits = 0;
  const watch = new MutationObserver(() => {
    clearTimeout(waits);
    waits = setTimeout(nameGrids, 200);
  });
  watch.observe(document.body, { childList: true, subtree: true });
  window.osteoKeys?.abort();
  window.osteoKeys = new AbortController();
  document.addEventListener("keydown", onKey, { signal: window.osteoKeys.signal });
  return () => {
    window.osteoKeys?.abort();
    watch.disconnect();
    dialog?.remove();
  };
}
