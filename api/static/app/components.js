// The register: components on any map that names where they come from, and keys for the queue of proposals.
"use strict";
(() => {
  const SOUND = "#1f7a5c", AMISS = "#b3261e", HEAP = "#0b5cad";
  const WAIT_MS = 150, CELL_PX = 30, ROOM_PX = 11;

  function detail({ properties: p }, element) {
    const box = document.createElement("div");
    const title = Object.assign(document.createElement("strong"), { textContent: p.name });
    const line = Object.assign(document.createElement("p"), { textContent: `${p.state} · ${p.code}` });
    const link = Object.assign(document.createElement("a"), { href: element.dataset.componentPage + p.code, textContent: element.dataset.openComponent });
    box.append(title, line, link);
    return box;
  }

  // A circle stays within its cell.
  function heap(map, feature, at, most) {
    const { amount, width } = feature.properties;
    const room = Math.abs(map.latLngToLayerPoint([at[0], at[1] + width]).x - map.latLngToLayerPoint(at).x) / 2;
    const radius = Math.max(3, Math.min(room, 24) * (.3 + .7 * Math.sqrt(amount / most)));
    const mark = L.circleMarker(at, { radius, color: "#fff", weight: 1, fillColor: HEAP, fillOpacity: .75 });
    return radius > ROOM_PX ? mark.bindTooltip(String(amount), { permanent: true, direction: "center", className: "heap-name", interactive: false }) : mark.bindTooltip(String(amount));
  }

  // Components of the view: asked for when the map rests, an answer that comes late is left alone.
  function show(map, element) {
    const layer = L.layerGroup().addTo(map);
    const count = L.control({ position: "topright" });
    const told = Object.assign(document.createElement("div"), { className: "map-count" });
    count.onAdd = () => told;
    if (element.dataset.componentCount) count.addTo(map);
    let asked = 0, timer = 0;
    async function draw() {
      const number = ++asked;
      const view = map.getBounds();
      const box = [Math.max(-180, view.getWest()), Math.max(-90, view.getSouth()), Math.min(180, view.getEast()), Math.min(90, view.getNorth())];
      if (!(box[0] < box[2] && box[1] < box[3])) return;
      const query = new URLSearchParams({ bbox: box.map((each) => each.toFixed(6)).join(","), full_code: element.dataset.class ?? "", cells: Math.ceil(map.getSize().x * map.getSize().y / CELL_PX ** 2) });
      const answer = await fetch(`${element.dataset.components}?${query}`);
      if (!answer.ok || number !== asked) return;
      const { features } = await answer.json();
      const most = features.reduce((high, { properties: p }) => Math.max(high, p.amount ?? 0), 1);
      layer.clearLayers();
      for (const feature of features) {
        const at = [feature.geometry.coordinates[1], feature.geometry.coordinates[0]];
        if (feature.properties.kind === "count") {
          heap(map, feature, at, most).on("click", () => map.setView(at, map.getZoom() + 2)).addTo(layer);
        } else {
          L.circleMarker(at, { radius: 5, color: "#fff", weight: 1.5, fillColor: feature.properties.sound ? SOUND : AMISS, fillOpacity: 1 })
            .bindTooltip(feature.properties.name).bindPopup(() => detail(feature, element)).addTo(layer);
        }
      }
      told.textContent = (element.dataset.componentCount ?? "").replace("{count}", features.reduce((sum, { properties: p }) => sum + (p.amount ?? 1), 0));
      element.dataset.drawn = features.length;
    }
    const later = () => { clearTimeout(timer); timer = setTimeout(draw, WAIT_MS); };
    map.on("moveend", later);
    map.whenReady(later);
    return () => { clearTimeout(timer); asked += 1; map.off("moveend", later); layer.remove(); count.remove(); delete element.dataset.drawn; };
  }

  document.addEventListener("mapped", ({ target: element, detail: map }) => {
    if (!element.dataset.components) return;
    const choice = document.querySelector("input[data-layer=components]");
    if (!choice) { show(map, element); return; }
    let hide = null;
    const follow = () => { hide?.(); hide = choice.checked ? show(map, element) : null; };
    choice.addEventListener("change", follow);
    follow();
  });

  // J and K walk the proposals, Y confirms, X asks for the reason of a refusal and then refuses.
  const proposals = [...document.querySelectorAll("[data-proposal]")];
  const go = (to) => { proposals.forEach((each) => each.classList.toggle("here", each === to)); to?.focus({ preventScroll: true }); to?.scrollIntoView({ block: "nearest" }); };
  document.addEventListener("keydown", (event) => {
    if (!proposals.length || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const at = proposals.findIndex((each) => each.classList.contains("here"));
    const step = { j: 1, k: -1 }[event.key];
    if (step) { go(proposals[Math.min(Math.max(at + step, 0), proposals.length - 1)]); return; }
    const form = proposals[at]?.querySelector("form.decide");
    if (!form) return;
    if (event.key === "y") form.querySelector("[value=confirm]").click();
    if (event.key === "x") { event.preventDefault(); form.elements.decision.focus(); }
  });
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest?.("form.decide");
    if (!form || event.target.name !== "decision") return;
    if (event.key === "Escape") event.target.blur();
    if (event.key === "Enter") { event.preventDefault(); form.querySelector(event.target.value.trim() ? "[value=refuse]" : "[value=confirm]").focus(); }
  });

  document.querySelectorAll("input[data-all]").forEach((all) => all.addEventListener("change", () => {
    all.form.querySelectorAll(`input[name=${all.dataset.all}]`).forEach((each) => { each.checked = all.checked; });
  }));
})();
