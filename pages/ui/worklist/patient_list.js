// The worklist as a table for keyboard and mouse. The selection is a patient, not a row number: a request to add a note
// names the patients that were shown when the key or button was pressed. While a request is pending, no other one can
// be made. After a note the server says which patient is next; that patient is displayed before a key can add a note.
const SHOWN_MS = 350;
const instances = new WeakMap();
// The latest request and whom it was for, until it is answered: it is lost if the page is left, or the connection to the
// app, before the app has begun with it.
let unanswered = null;

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
};

class PatientList {
  constructor(root) {
    this.root = root;
    this.data = null;
    this.selected = null; // key of the selected patient
    this.ticked = new Set();
    this.waiting = 0; // number of the request under way, 0 for none
    this.selectedAtRequest = null;
    this.requests = 0;
    this.shownAt = 0; // when the selected patient was drawn
    this.justAdvanced = false; // the selection moved by itself after a note
    this.part = (name) => root.querySelector(name);
    this.part(".scroll").addEventListener("keydown", (event) => this.onListKey(event));
    this.onDocumentKey = (event) => this.onKey(event);
    document.addEventListener("keydown", this.onDocumentKey);
    this.onReconnected = () => (this.isReconnected = true);
    addEventListener("osteo-reconnected", this.onReconnected);
  }

  remove() {
    document.removeEventListener("keydown", this.onDocumentKey);
    removeEventListener("osteo-reconnected", this.onReconnected);
  }

  update(data, send) {
    const isAnswer = this.waiting && data.answered >= this.waiting;
    const isDrawnAnew = !this.data || this.isReconnected;
    const isOtherList = !this.data || this.data.list_id !== data.list_id;
    this.data = data;
    this.send = send;
    if (isOtherList) {
      this.ticked.clear();
      this.waiting = 0;
      this.select(data.selected, { isAdvance: false });
    } else if (isAnswer) {
      this.waiting = 0;
      if (data.message && !data.message.is_refused) this.ticked.clear();
      // A selection made while waiting for the answer is kept.
      const isMoved = this.selected !== this.selectedAtRequest;
      const to = isMoved ? this.selected : (data.selected ?? this.selected);
      this.select(to, { isAdvance: to !== this.selected });
      if (data.go) {
        if (data.ct) load(data.volume_script).then(({ begin }) => begin(data.ct));
        window.history.pushState({}, "", data.go);
        window.dispatchEvent(new PopStateEvent("popstate"));
      }
    }
    this.requests = Math.max(this.requests, data.answered);
    if (unanswered && data.answered >= unanswered.number) unanswered = null;
    const lost = isDrawnAnew ? this.takeLost() : null;
    if (this.selected && !this.row(this.selected)) this.selected = null;
    this.draw();
    if (isOtherList || isAnswer) this.showMessage();
    if (lost) this.say(lost);
    if (isAnswer && this.selected) this.scrollToSelected();
  }

  // What to say of a request that the app has not answered although it drew the list anew; none can be under way.
  takeLost() {
    const lost = unanswered;
    unanswered = null;
    this.isReconnected = false;
    this.waiting = 0;
    if (!lost || lost.kind === "open" || lost.kind === "page") return null;
    const whom = lost.kind === "undo" ? "the last note was undone" : `a note for ${lost.whom} was confirmed`;
    return { text: `The page was left, or the connection to the app, before ${whom}. Check what is shown here and repeat it if needed.`, is_refused: true };
  }

  row(key) {
    return this.data.rows.find((one) => one.key === key) || null;
  }

  // The patients that a note is for: the ticked ones, or else the selected one.
  targets() {
    const ticked = this.data.rows.filter((one) => this.ticked.has(one.key));
    const selected = this.row(this.selected);
    return ticked.length ? ticked : selected ? [selected] : [];
  }

  select(key, { isAdvance }) {
    if (key !== this.selected) this.shownAt = performance.now();
    this.selected = key;
    this.justAdvanced = isAdvance;
  }

  move(step) {
    const rows = this.data.rows;
    if (!rows.length) return;
    // Down right after a note stays on the next patient, who is already selected: nobody is skipped unseen.
    if (step === 1 && this.justAdvanced) {
      this.justAdvanced = false;
      this.draw();
      return;
    }
    const at = rows.findIndex((one) => one.key === this.selected);
    const to = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step));
    this.select(rows[to].key, { isAdvance: false });
    this.draw();
    this.scrollToSelected();
  }

  request(what) {
    if (this.waiting) return;
    this.waiting = this.requests = Math.max(this.requests, this.data.answered) + 1;
    this.selectedAtRequest = this.selected;
    unanswered = { number: this.waiting, kind: what.kind, whom: this.targets().map((one) => one.patient).join(", ") };
    this.draw();
    this.send({ ...what, number: this.waiting, list_id: this.data.list_id });
  }

  // By one key or button: only once the patient was on the screen for a moment, so that two quick ones note no other patient.
  noteAtOnce(given) {
    if (this.ticked.size || performance.now() - this.shownAt >= SHOWN_MS) this.note(given);
  }

  note(given) {
    const targets = this.targets();
    if (!targets.length || this.waiting) return;
    const refusing = targets.find((one) => given.state && !one.next.includes(given.state));
    if (refusing) {
      this.say({ text: `${refusing.patient} is ${refusing.state_words}; "${given.state}" cannot follow that.`, is_refused: true });
      return;
    }
    this.request({ kind: "note", keys: targets.map((one) => [one.key, one.state]), ...given });
  }

  open(key) {
    if (key) this.request({ kind: "open", key });
  }

  onListKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -1e6, End: 1e6 };
    if (event.key in steps) this.move(steps[event.key]);
    else if (event.key === "PageDown") this.turn(1);
    else if (event.key === "PageUp") this.turn(-1);
    else if (event.key === " " && this.selected) this.tick(this.selected);
    else if (event.key === "Enter" && event.composedPath()[0].localName !== "a") this.open(this.selected);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Keys that work wherever the focus is, except while the user types or chooses.
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !this.data) return;
    const target = event.composedPath()[0];
    const isTyping = /^(input|textarea|select)$/.test(target.localName || "") && target.type !== "checkbox";
    if (isTyping || target.isContentEditable || target.closest?.("[role=combobox],[role=listbox],[role=dialog],dialog")) return;
    if (document.querySelector("[role=dialog]") || this.part("dialog").open) return;
    const review = this.data.reviews.find((one) => one.hotkey === event.key);
    if (review) this.noteAtOnce({ state: review.state });
    else if (event.key === "j") this.move(1);
    else if (event.key === "k") this.move(-1);
    else if (event.key === "o") this.open(this.selected);
    else if (event.key === "m") this.openDialog();
    else if (event.key === "u" && this.data.can_undo) this.request({ kind: "undo" });
    else if (target === document.body && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      this.part(".scroll").focus({ preventScroll: true });
      this.move(event.key === "ArrowDown" ? 1 : -1);
    } else return;
    event.preventDefault();
  }

  turn(step) {
    const page = this.data.page + step;
    if (page >= 1 && page <= this.data.pages) this.request({ kind: "page", page });
  }

  tick(key) {
    if (this.ticked.has(key)) this.ticked.delete(key);
    else this.ticked.add(key);
    this.draw();
  }

  scrollToSelected() {
    this.root.querySelector("tr.selected")?.scrollIntoView({ block: "nearest" });
  }

  say(message) {
    const toast = this.part(".toast");
    toast.hidden = !message;
    if (!message) return;
    toast.classList.toggle("refused", Boolean(message.is_refused));
    toast.querySelector("p").textContent = message.text;
    const buttons = toast.querySelector(".toast-buttons");
    const undo = element("button", { onclick: () => this.request({ kind: "undo" }) }, "Undo", element("kbd", {}, "u"));
    const close = element("button", { "aria-label": "Close this message", onclick: () => this.say(null) }, "✕");
    buttons.replaceChildren(...(message.can_undo ? [undo, close] : [close]));
  }

  showMessage() {
    this.say(this.data.message);
  }

  // ---- drawing

  draw() {
    this.drawBar();
    this.drawTable();
  }

  drawBar() {
    const targets = this.targets();
    const who = this.part(".who");
    if (this.ticked.size) {
      who.replaceChildren(`${targets.length} ticked: `, element("strong", {}, targets.map((one) => one.patient).join(", ")));
    } else if (targets.length) {
      const [one] = targets;
      const prefix = this.justAdvanced ? "Next patient: " : "Selected: ";
      who.replaceChildren(prefix, element("strong", {}, one.patient), ` · ${one.summary}`);
    } else {
      who.replaceChildren("No patient is selected. Press ↓ or click a row.");
    }
    const isBusy = Boolean(this.waiting);
    const button = (words, hotkey, isPossible, action, isPrimary = false) =>
      element(
        "button",
        { class: isPrimary ? "primary" : "", disabled: isBusy || !isPossible, onclick: action, "aria-keyshortcuts": hotkey },
        words,
        element("kbd", { "aria-hidden": "true" }, hotkey),
      );
    const possible = (state) => targets.length > 0 && targets.every((one) => one.next.includes(state));
    this.part(".bar .buttons").replaceChildren(
      ...this.data.reviews.map((one) => button(one.words, one.hotkey, possible(one.state), () => this.noteAtOnce({ state: one.state }))),
      button("Other step", "m", targets.length > 0, () => this.openDialog()),
      button("Open", "o", this.selected, () => this.open(this.selected), true),
    );
  }

  drawTable() {
    const heads = ["", "Patient", "Category, mean vBMD", "Levels used", "Reason", "Follow-up", "Scan"];
    const titles = { "Category, mean vBMD": `${this.data.unit}, with its 95 % interval`, Patient: "First characters of the pseudonym, age, sex" };
    this.part("thead").replaceChildren(
      element("tr", { role: "row" }, ...heads.map((words) => element("th", { role: "columnheader", title: titles[words] || null }, words))),
    );
    this.part("tbody").replaceChildren(...this.data.rows.map((one) => this.drawRow(one)));
    this.part(".scroll").setAttribute("aria-activedescendant", this.selected ? `patient-${this.selected}` : "");
  }

  drawRow(one) {
    const isSelected = one.key === this.selected;
    const box = element("input", {
      type: "checkbox",
      tabindex: "-1",
      "aria-label": `Tick patient ${one.patient}`,
      onclick: (event) => {
        event.stopPropagation();
        this.tick(one.key);
      },
    });
    box.checked = this.ticked.has(one.key);
    const link = element(
      "a",
      {
        href: one.href,
        tabindex: "-1",
        onclick: (event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          event.stopPropagation();
          this.open(one.key);
        },
      },
      one.patient,
    );
    const cell = (name, ...children) => element("td", { class: name, role: "gridcell" }, ...children);
    const small = (words, isStrong = false) => (words ? element("span", { class: isStrong ? "small overdue" : "small" }, words) : null);
    return element(
      "tr",
      {
        id: `patient-${one.key}`,
        role: "row",
        "data-key": one.key,
        "aria-selected": String(isSelected),
        class: [isSelected ? "selected" : "", one.is_noted ? "noted" : ""].join(" ").trim() || null,
        onclick: () => {
          this.select(one.key, { isAdvance: false });
          this.part(".scroll").focus({ preventScroll: true });
          this.draw();
        },
        ondblclick: () => this.open(one.key),
      },
      cell("tick", box),
      cell("patient", one.is_flagged ? element("span", { title: "flagged" }, "⚑ ") : null, link, small(one.person)),
      cell("category", one.category ? element("span", { class: "chip", style: `background:${one.colour}` }, one.category) : null, small(one.vbmd)),
      cell("levels", one.levels),
      cell("reason", one.reason),
      cell("state", one.is_noted ? "✓ " : "", one.state_words, small(one.due, one.is_overdue), small(one.plan)),
      cell("scan", one.vendor, small(one.study)),
    );
  }

  // ---- the dialog for every other step

  openDialog() {
    const targets = this.targets();
    if (!targets.length || this.waiting) return;
    const common = this.data.steps.filter((step) => step.kind !== "state" || targets.every((one) => one.next.includes(step.value)));
    const dialog = this.part("dialog");
    const none = element("option", { value: "" }, "choose a step"); // Enter at once must note nothing
    const what = element("select", { name: "what" }, none, ...common.map((step) => element("option", { value: step.value }, step.words)));
    const button = element("button", { class: "primary", onclick: () => save() }, "Save note");
    const because = element("select", {}, ...this.data.because.map((code) => element("option", { value: code }, code)));
    const because_label = element("label", {}, "Because", because);
    const reason = element("input", { type: "text", placeholder: "optional, except when put back to review" });
    const assignee = element("input", { type: "text", placeholder: "name or initials; empty for nobody" });
    const assignee_label = element("label", {}, "Assign to", assignee);
    const until = element("input", { type: "date", max: "9999-12-31" });
    const until_label = element("label", {}, "Wait until", until);
    const show = () => {
      const step = common.find((one) => one.value === what.value) || {};
      because_label.hidden = !step.needs_code;
      assignee_label.hidden = step.kind !== "assignee";
      until_label.hidden = step.kind !== "snooze_until";
      button.disabled = !what.value;
    };
    what.addEventListener("change", show);
    const save = () => {
      const step = common.find((one) => one.value === what.value);
      if (!step) return;
      dialog.close();
      if (step.kind === "state" || step.kind === "fact") {
        this.note({ [step.kind]: step.value, because: step.needs_code ? because.value : null, reason: reason.value });
        return;
      }
      const values = { assignee: assignee.value, snooze_until: until.value, contact: step.value };
      const given = step.kind in values ? { [step.kind]: values[step.kind] } : {};
      this.request({ kind: "plan", plan: step.kind, keys: targets.map((one) => [one.key, one.state]), reason: reason.value, ...given });
    };
    dialog.replaceChildren(
      element("p", {}, "For ", element("strong", {}, targets.map((one) => one.patient).join(", "))),
      element("label", {}, "Note", what),
      because_label,
      assignee_label,
      until_label,
      element("label", {}, "Why, in words", reason),
      element(
        "div",
        { class: "buttons" },
        element("button", { onclick: () => dialog.close() }, "Cancel"),
        button,
      ),
    );
    show();
    dialog.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Enter" && event.composedPath()[0] === reason) save();
    };
    dialog.showModal();
    what.focus();
  }
}

// Scripts of the patient's page are fetched and compiled while the list is being read; a page loads them once.
const ahead = new Set();
const load = (address) => import(new URL(address, window.location.origin).href);
const fetchAhead = ({ ahead: addresses, volume_script }) => {
  const fetchAll = () => {
    for (const href of addresses.filter((one) => !ahead.has(one))) {
      ahead.add(href);
      document.head.append(element("link", { rel: "modulepreload", href, crossorigin: true }));
    }
    load(volume_script);
  };
  window.requestIdleCallback ? window.requestIdleCallback(fetchAll) : setTimeout(fetchAll, 1000);
};

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".patient-list");
  let list = instances.get(root);
  if (!list) {
    list = new PatientList(root);
    instances.set(root, list);
  }
  fetchAhead(data);
  list.update(data, (what) => setTriggerValue("request", what));
  return () => {
    list.remove();
    instances.delete(root);
  };
}
