// Drafts of a task's form: saved to the server as one types; kept in this browser while the server is out of reach.
// Without this file the button "save draft" does the same by hand.
"use strict";

(() => {
  const WAIT_MS = 1500, RETRY_MS = 15000, KEEP_MS = 30 * 24 * 3600 * 1000, PREFIX = "wangge.draft:";
  const PAGE_OWN = ["csrf_token", "version", "key", "draft_seen"];
  const parse = (text) => { try { return JSON.parse(text); } catch { return null; } };
  const stored = () => Object.keys(localStorage).filter((name) => name.startsWith(PREFIX)).map((name) => [name, parse(localStorage[name])]);

  for (const [name, entry] of stored()) if (!entry || Date.now() - entry.at > KEEP_MS) localStorage.removeItem(name);

  // What this person could not save for tasks of this case that are over: shown, so that it can be copied.
  const place = document.getElementById("kept-here");
  const form = document.querySelector("form[data-autosave]");
  if (place) for (const [name, entry] of stored()) {
    const mine = name.startsWith(`${PREFIX}${place.dataset.person}:`) && entry.case === place.dataset.case;
    if (!mine || entry.task === form?.dataset.task) continue;
    if (entry.sent) { localStorage.removeItem(name); continue; } // it was sent off, and the task is done
    if (document.querySelector(`a[href*="${entry.task}"]`)) continue; // still to be done, on another page
    for (const [field, value] of entry.pairs) {
      if (field.startsWith("_") || field === "sheet" || value.length < 2) continue;
      place.querySelector(".card-body").append(Object.assign(document.createElement("blockquote"), { textContent: value }));
    }
    place.hidden = false;
    place.querySelector("button").addEventListener("click", () => { localStorage.removeItem(name); place.hidden = true; });
  }
  if (!form) return;

  const fields = document.getElementById("fields"), note = document.getElementById("draft"), state = document.getElementById("draft-state");
  const name = `${PREFIX}${form.dataset.person}:${form.dataset.task}`;
  const seen = () => form.elements.draft_seen.value;
  const clock = (at) => new Date(at).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
  let timer = 0, busy = false, dirty = false, stopped = false, typed = new Map();

  const say = (text, alarm = false) => { state.textContent = text; state.className = alarm ? "alert alert-warning" : "muted"; };
  const pairs = () => [...new FormData(form)].filter(([field, value]) => typeof value === "string" && !PAGE_OWN.includes(field));
  const keepHere = (sent = false) => {
    const entry = { at: Date.now(), base: seen(), pairs: pairs(), task: form.dataset.task, case: form.dataset.case, sent };
    try { localStorage.setItem(name, JSON.stringify(entry)); } catch { /* the browser's store is full or closed */ }
  };
  const post = (address, list, base, more = {}) => {
    const body = new URLSearchParams(list);
    body.set("csrf_token", form.elements.csrf_token.value);
    body.set("draft_seen", base);
    return fetch(address, { method: "POST", body, headers: { "HX-Request": "true" }, redirect: "manual", ...more });
  };

  async function save() {
    clearTimeout(timer);
    if (busy || stopped || !dirty) return;
    busy = true; dirty = false;
    say(state.dataset.saving);
    try {
      const answer = await post(form.dataset.autosave, pairs(), seen());
      if (![200, 409, 422].includes(answer.status)) throw new Error(`status ${answer.status}`);
      note.innerHTML = await answer.text();
      stopped = answer.status === 409;
      say(answer.ok ? state.dataset.saved : "");
      if (answer.ok) localStorage.removeItem(name); else keepHere();
    } catch {
      dirty = true;
      keepHere();
      say(state.dataset.offline, true);
      timer = setTimeout(save, RETRY_MS);
    }
    busy = false;
    if (dirty && !state.classList.contains("alert")) later();
  }
  const later = () => { clearTimeout(timer); timer = setTimeout(save, WAIT_MS); };
  const changed = (event) => {
    if (!event.target.name || event.target.name.startsWith("_find:")) return;
    dirty = true;
    later();
  };

  form.addEventListener("input", (event) => {
    if (event.target.matches("textarea, input:not([type=radio], [type=checkbox])")) typed.set(event.target.name, event.target.value);
    changed(event);
  });
  form.addEventListener("change", (event) => { typed = new Map(); changed(event); }, true);
  // Fields that come anew from the server hold what was there when they were asked for; what was typed since stays.
  new MutationObserver(() => {
    for (const [field, value] of typed) {
      const input = form.elements[field];
      if (input && "value" in input && input.value !== value) input.value = value;
    }
  }).observe(fields, { childList: true, subtree: true, characterData: true });

  window.addEventListener("online", () => { clearTimeout(timer); save(); });
  form.addEventListener("submit", (event) => {
    stopped = true;
    if (event.submitter?.value === "discard") localStorage.removeItem(name); else keepHere(true);
  });
  form.addEventListener("click", (event) => { if (event.target.closest("[name=_remove], [value=refresh]")) { dirty = true; later(); } });
  window.addEventListener("pagehide", () => {
    if (!dirty || stopped) return;
    keepHere();
    post(form.dataset.autosave, pairs(), seen(), { keepalive: true }).catch(() => {});
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // Somebody may be faster than the scripts: what was changed before they were ready counts as changed now. This file
  // comes before htmx, which might bring the fields anew meanwhile.
  const isTouched = (input) => {
    if (input.type === "hidden" || !input.name) return false;
    if (input.type === "radio" || input.type === "checkbox") return input.checked !== input.defaultChecked;
    if (!input.options) return "defaultValue" in input && input.value !== input.defaultValue;
    const options = [...input.options];
    if (input.multiple) return options.some((option) => option.selected !== option.defaultSelected);
    return input.selectedIndex !== Math.max(options.findIndex((option) => option.defaultSelected), 0);
  };
  let early = [...form.elements].some(isTouched);
  if (early) { dirty = true; later(); }
  const noteEarly = () => { early = true; };
  form.addEventListener("change", noteEarly);
  window.addEventListener("load", () => setTimeout(() => { // htmx listens by now
    form.removeEventListener("change", noteEarly);
    if (early) fields.dispatchEvent(new Event("change", { bubbles: true }));
  }));

  // What was kept here and never reached the server: put back, unless the server has something newer.
  async function bringBack(entry) {
    const answer = await post(form.dataset.fields, entry.pairs, seen());
    if (!answer.ok) return;
    localStorage.removeItem(name);
    if (answer.headers.get("HX-Refresh")) { location.reload(); return; } // the form has changed; the server has it all
    fields.innerHTML = await answer.text();
    window.htmx?.process(fields);
    say(state.dataset.restored.replace("{when}", clock(entry.at)));
  }
  function offer(entry) {
    say(state.dataset.newer.replace("{when}", clock(entry.at)), true);
    const button = (text, act) => {
      const made = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-small", textContent: text });
      made.addEventListener("click", act);
      state.append(document.createElement("br"), made);
    };
    button(state.dataset.take, () => bringBack(entry).then(() => { dirty = true; save(); }));
    button(state.dataset.drop, () => { localStorage.removeItem(name); say(""); });
  }
  async function start() {
    const entry = parse(localStorage.getItem(name));
    if (!entry) return;
    if ("tried" in form.dataset) { localStorage.removeItem(name); return; } // the page came back with it
    const before = note.innerHTML;
    try {
      const answer = await post(form.dataset.autosave, entry.pairs, entry.base);
      if (answer.status === 409) { note.innerHTML = before; offer(entry); return; }
      if (!answer.ok) return;
      note.innerHTML = await answer.text();
      await bringBack(entry);
    } catch { /* out of reach: it stays here */ }
  }
  start();
})();
