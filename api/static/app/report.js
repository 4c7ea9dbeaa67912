// The report page for a fast clerk: addresses while typing, what is at the point, classes, components and duplicates.
// Nothing here is waited for: an answer that comes late or never leaves the form as it is. Without this file the button
// "look" brings the same.
"use strict";

(() => {
  const form = document.querySelector("form[data-report]");
  if (!form) return;
  const WAIT_MS = 250, MOST_WAITED_MS = 8000;
  const field = (name) => form.elements.namedItem(name);
  const part = (id) => document.getElementById(id);
  const later = (act) => { let timer = 0; return () => { clearTimeout(timer); timer = setTimeout(act, WAIT_MS); }; };
  form.querySelector("[data-look]").hidden = true; // it comes by itself

  // One question of a kind at a time: the answer to an older one is dropped.
  const asking = new Map();
  async function ask(kind, address, options = {}) {
    asking.get(kind)?.abort();
    const abort = new AbortController();
    asking.set(kind, abort);
    const stop = setTimeout(() => abort.abort(), MOST_WAITED_MS);
    try {
      const answer = await fetch(address, { ...options, signal: abort.signal, redirect: "manual", headers: { "HX-Request": "true" } });
      return answer.ok && asking.get(kind) === abort ? answer : null;
    } catch {
      return null;
    } finally {
      clearTimeout(stop);
    }
  }
  const query = (...names) => new URLSearchParams(names.map((name) => [name, valueOf(name)]));
  const valueOf = (name) => name === "component_code" ? chosen() : field(name)?.type === "checkbox" && !field(name).checked ? "" : field(name)?.value ?? "";
  const chosen = () => form.querySelector("[name=component_code]:checked, [name=component_code][type=hidden]")?.value ?? "";

  // What is at the point. Its words become the address unless somebody wrote one.
  const address = field("address");
  let given = "";
  const askPlace = later(async () => {
    const answer = await ask("place", `${form.dataset.place}?${query("lon", "lat")}`);
    if (!answer) return;
    part("place").innerHTML = await answer.text();
    const words = part("place").querySelector("[data-address]")?.dataset.address ?? "";
    if (words && (!address.value || address.value === given)) { address.value = given = words; saveDraft(address); }
  });
  const saveDraft = (input) => input.dispatchEvent(new CustomEvent("input", { bubbles: true, detail: "given" }));

  // Classes, components, duplicates, standard texts: one answer, each part to its place.
  const askHints = later(async () => {
    const answer = await ask("hints", `${form.dataset.hints}?${query("subclass", "description", "lon", "lat", "component_code", "source", "urgent")}`);
    if (!answer) return;
    const came = document.createElement("template");
    came.innerHTML = await answer.text();
    for (const piece of came.content.querySelectorAll("[data-part]")) {
      const place = part(piece.dataset.part), busy = place.contains(document.activeElement) && document.activeElement.matches("input, button, summary");
      if (!busy) place.replaceChildren(...piece.childNodes); // else somebody is choosing right now
    }
    showMarks();
  });
  function showMarks() {
    const near = [...part("hints").querySelectorAll("[data-mark]")].map(({ dataset: { lon, lat, mark, label } }) => ({ lon: Number(lon), lat: Number(lat), mark, label }));
    form.querySelector("[data-map=pick]").dispatchEvent(new CustomEvent("marks", { detail: near }));
  }
  const moved = () => { askPlace(); askHints(); };

  form.addEventListener("change", ({ target: { name } }) => {
    if (name === "lon" || name === "lat") moved();
    if (["subclass", "description", "source", "urgent"].includes(name)) askHints();
  });
  form.addEventListener("input", ({ target: { name } }) => { if (name === "description") askHints(); });
  form.addEventListener("placed", moved);
  form.addEventListener("change", (event) => {
    if (event.target.name !== "component_code" || !event.target.value) return;
    const { lon, lat, subclass } = event.target.closest("[data-lon]").dataset;
    if (!field("lon").value) place(lon, lat);
    if (classes.value !== subclass) pick(subclass);
  });
  function place(lon, lat) {
    field("lon").value = lon;
    field("lat").value = lat;
    field("lon").dispatchEvent(new Event("change", { bubbles: true }));
  }

  // Who calls: what the number has reported before. Asked once it is typed, in the body, for addresses are logged.
  const phone = field("reporter_phone");
  if (phone && part("caller")) phone.addEventListener("change", async () => {
    const digits = phone.value.replace(/\D/g, "");
    if (digits.length < 7) { part("caller").replaceChildren(); return; }
    const body = new URLSearchParams({ csrf_token: field("csrf_token").value, reporter_phone: phone.value });
    const answer = await ask("caller", form.dataset.caller, { method: "POST", body });
    if (!answer) return;
    part("caller").innerHTML = await answer.text();
    const name = part("caller").querySelector("[data-name]")?.dataset.name;
    if (name && !field("reporter_name").value) field("reporter_name").value = name;
  });

  const NEXT = { reporter_phone: "reporter_name", reporter_name: "description" };
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey || !NEXT[event.target.name]) return;
    event.preventDefault(); // it would send the form
    field(NEXT[event.target.name]).focus();
  });

  // The class: a suggestion by its button or Alt+number; the list by typing, arrow down and enter.
  const classes = field("subclass"), find = form.querySelector("[data-narrow]");
  function pick(value) {
    find.value = "";
    find.dispatchEvent(new Event("input"));
    classes.value = value;
    classes.selectedOptions[0]?.scrollIntoView({ block: "nearest" });
    classes.dispatchEvent(new Event("change", { bubbles: true }));
  }
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=_pick]");
    if (!button) return;
    event.preventDefault();
    pick(button.value);
  });
  find.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    const first = [...classes.options].find((option) => !option.disabled);
    if (!first) return;
    if (event.key === "Enter" || !classes.value) { classes.value = first.value; classes.dispatchEvent(new Event("change", { bubbles: true })); }
    classes.focus();
  });
  classes.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); address.focus(); } });
  document.addEventListener("keydown", (event) => {
    if (event.altKey && /^Digit[1-9]$/.test(event.code)) {
      const button = form.querySelectorAll("button[name=_pick]")[Number(event.code.at(-1)) - 1];
      if (button) { event.preventDefault(); button.click(); address.focus(); }
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && form.contains(event.target)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector(".form-actions button[value=report]"));
    }
  });

  // The address: a list that follows what is typed (combobox pattern: the field keeps the focus).
  const list = part("address-list"), said = part("address-said");
  let at = -1;
  Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })
    .forEach(([name, value]) => address.setAttribute(name, value));
  list.setAttribute("role", "listbox");
  const close = () => { list.hidden = true; at = -1; address.setAttribute("aria-expanded", "false"); address.removeAttribute("aria-activedescendant"); };
  function show(found) {
    list.replaceChildren(...found.map((each, number) => {
      const item = Object.assign(document.createElement("li"), { id: `address-${number}` });
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      Object.assign(item.dataset, { lon: each.lon, lat: each.lat, name: each.name });
      item.append(Object.assign(document.createElement("span"), { textContent: each.name }), Object.assign(document.createElement("small"), { textContent: `${each.why}${each.grid ? ` · ${each.grid}` : ""}`, className: "muted" }));
      return item;
    }));
    said.textContent = list.dataset.found.replace("{count}", found.length);
    list.hidden = !found.length;
    at = -1;
    address.setAttribute("aria-expanded", String(!list.hidden));
    address.removeAttribute("aria-activedescendant");
  }
  const askAddresses = later(async () => {
    const asked = address.value;
    if (!asked.trim()) { close(); return; }
    const answer = await ask("addresses", `${form.dataset.addresses}?${new URLSearchParams({ q: asked })}`);
    if (!answer) return;
    const found = await answer.json();
    if (address.value === asked && document.activeElement === address) show(found);
  });
  const mark = (next) => {
    const items = [...list.children];
    items[at]?.setAttribute("aria-selected", "false");
    at = (next + items.length) % items.length;
    items[at].setAttribute("aria-selected", "true");
    items[at].scrollIntoView({ block: "nearest" });
    address.setAttribute("aria-activedescendant", items[at].id);
  };
  function take(item) {
    given = "";
    address.value = item.dataset.name;
    saveDraft(address);
    close();
    place(item.dataset.lon, item.dataset.lat);
  }
  address.addEventListener("input", (event) => { if (event.detail !== "given") askAddresses(); });
  address.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey) return; // an input method is at work
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) askAddresses(); else mark(at < 0 && event.key === "ArrowUp" ? -1 : at + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!list.hidden) take(list.children[Math.max(at, 0)]);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    }
  });
  address.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => { event.preventDefault(); const item = event.target.closest("li"); if (item) take(item); });

  // A collector stands at the place.
  const locate = form.querySelector("[data-locate]"), located = part("located");
  if (locate && "geolocation" in navigator && window.isSecureContext) {
    locate.hidden = false;
    locate.addEventListener("click", () => navigator.geolocation.getCurrentPosition(({ coords }) => {
      located.textContent = locate.dataset.within.replace("{metres}", Math.ceil(coords.accuracy));
      place(coords.longitude.toFixed(6), coords.latitude.toFixed(6));
    }, () => { located.textContent = locate.dataset.failed; }, { enableHighAccuracy: true, timeout: 15000, maximumAge: 10000 }));
  }

  // What is in the form already: a draft, the place of the map, a page that came back.
  if (field("lon").value) moved();
  if (field("description").value) askHints();
  if (!document.querySelector("[data-focus]") && matchMedia("(pointer: fine)").matches) (phone ?? field("description")).focus();
})();
