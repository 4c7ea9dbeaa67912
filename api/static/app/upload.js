// Files of evidence: kept in the browser until the server has them, sent one by one, again with the same key until it
// answers. A closed window or a dead battery loses nothing: the next time the case is opened here, sending goes on.
(() => {
  "use strict";

  const STORE = "files", KEPT_MS = 7 * 24 * 3600 * 1000, PAUSES_MS = [1000, 2000, 5000, 10000, 30000], TIMEOUT_MS = 180000;
  const form = () => document.querySelector("form.upload[data-person]");
  const memory = new Map();
  let busy = false, again = null, tries = 0;

  const opened = new Promise((resolve) => {
    try {
      const asked = indexedDB.open("wangge-uploads", 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "key" });
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = asked.onblocked = () => resolve(null);
    } catch { resolve(null); }
  });

  // Where the browser keeps nothing (private windows, a full disk), files stay in memory as long as the page is open.
  async function stored(mode, act, otherwise) {
    const database = await opened;
    if (!database) return otherwise();
    return new Promise((resolve) => {
      try {
        const step = database.transaction(STORE, mode), asked = act(step.objectStore(STORE));
        step.oncomplete = () => resolve(asked.result);
        step.onerror = step.onabort = () => resolve(otherwise());
      } catch { resolve(otherwise()); }
    });
  }
  const keep = (item) => stored("readwrite", (store) => store.put(item), () => memory.set(item.key, item));
  const drop = (key) => { memory.delete(key); return stored("readwrite", (store) => store.delete(key), () => {}); };
  async function waiting(sheet) {
    const all = [...(await stored("readonly", (store) => store.getAll(), () => [])), ...memory.values()];
    for (const item of all.filter((each) => Date.now() - each.at > KEPT_MS)) drop(item.key);
    return all
      .filter((each) => each.person === sheet.dataset.person && each.number === sheet.dataset.case && Date.now() - each.at <= KEPT_MS)
      .sort((a, b) => a.at - b.at);
  }

  function newKey() {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
  }

  function line(sheet, item, words, state) {
    const list = sheet.querySelector(".upload-list");
    let row = list.querySelector(`[data-key="${item.key}"]`);
    if (!row) {
      row = document.createElement("li");
      row.dataset.key = item.key;
      for (const tag of ["b", "progress", "span"]) row.append(document.createElement(tag), " ");
      row.querySelector("b").textContent = item.name;
      const away = document.createElement("button");
      away.type = "button";
      away.className = "btn btn-small";
      away.textContent = sheet.dataset.remove;
      away.addEventListener("click", async () => { await drop(item.key); row.remove(); });
      row.append(away);
      list.append(row);
    }
    row.dataset.state = state;
    row.querySelector("span").textContent = words;
    const bar = row.querySelector("progress");
    bar.hidden = state !== "sending";
    row.querySelector("button").hidden = state === "sending" || state === "done";
    return bar;
  }

  function send(sheet, item) {
    return new Promise((resolve) => {
      const bar = line(sheet, item, sheet.dataset.sending, "sending"), request = new XMLHttpRequest(), body = new FormData();
      body.append("csrf_token", sheet.querySelector("[name=csrf_token]").value);
      body.append("role", item.role);
      body.append("key", item.key);
      body.append("photos", item.blob, item.name);
      request.open("POST", sheet.action);
      request.setRequestHeader("Accept", "application/json");
      request.timeout = TIMEOUT_MS;
      request.upload.onprogress = (event) => { if (event.lengthComputable) { bar.max = event.total; bar.value = event.loaded; } };
      request.onload = () => {
        let answer = null;
        try { answer = JSON.parse(request.responseText); } catch { /* a login page, or a proxy's */ }
        resolve({ status: request.status, answer });
      };
      request.onerror = request.ontimeout = request.onabort = () => resolve({ status: 0, answer: null });
      request.send(body);
    });
  }

  async function renew() {
    try {
      const page = new DOMParser().parseFromString(await (await fetch(location.href, { headers: { Accept: "text/html" } })).text(), "text/html");
      for (const id of ["gallery", "asked"]) {
        const fresh = page.getElementById(id), old = document.getElementById(id);
        if (fresh && old) old.replaceWith(document.adoptNode(fresh));
      }
    } catch { /* the next visit shows them */ }
  }

  async function work() {
    const sheet = form();
    if (!sheet || busy) return;
    busy = true;
    clearTimeout(again);
    let sent = 0, later = false;
    for (const item of await waiting(sheet)) {
      const { status, answer } = await send(sheet, item);
      if (status === 201) {
        await drop(item.key);
        line(sheet, item, sheet.dataset.done, "done");
        sent += 1;
        tries = 0;
      } else if (answer && answer.refused) {
        await drop(item.key);
        line(sheet, item, answer.refused, "refused");
      } else if (status === 413) {
        await drop(item.key);
        line(sheet, item, sheet.dataset.large.replace("{most}", Math.floor(item.blob.size / 1048576)), "refused");
      } else if (status >= 200 && status < 500 && status !== 429 && !answer) {
        // A login page, or one that says the session is another: what is kept is sent when the case is opened again.
        line(sheet, item, sheet.dataset.login, "waiting");
        busy = false;
        return;
      } else {
        line(sheet, item, sheet.dataset.offline, "waiting");
        later = true;
        break;
      }
    }
    busy = false;
    if (sent) await renew();
    if (later) again = setTimeout(work, PAUSES_MS[Math.min(tries++, PAUSES_MS.length - 1)]);
    else if ((await waiting(sheet)).length) work();
  }

  document.addEventListener("submit", async (event) => {
    const sheet = event.target;
    if (!sheet.matches("form.upload[data-person]")) return;
    const chosen = sheet.querySelector("[type=file]"), role = sheet.querySelector("[name=role]").value;
    if (!chosen.files.length) return;
    event.preventDefault();
    const kind = role === "video" || role === "voice" ? role : "photo", most = JSON.parse(sheet.dataset.limits)[kind];
    let at = Date.now();
    for (const file of [...chosen.files]) {
      const item = { key: newKey(), person: sheet.dataset.person, number: sheet.dataset.case, role, name: file.name || kind, blob: file, at: at++ };
      if (file.size > most) { line(sheet, item, sheet.dataset.large.replace("{most}", Math.floor(most / 1048576)), "refused"); continue; }
      await keep(item);
      line(sheet, item, sheet.dataset.waiting, "waiting");
    }
    chosen.value = "";
    tries = 0;
    work();
  });
  window.addEventListener("online", () => { tries = 0; work(); });
  window.addEventListener("beforeunload", (event) => { if (memory.size) event.preventDefault(); });
  document.addEventListener("DOMContentLoaded", work);
})();
