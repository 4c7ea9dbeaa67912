// Layers of departments on the map of cases: asked for by view while they are ticked.
"use strict";
(() => {
  const WAIT_MS = 150;

  function detail({ properties: p }, box) {
    const content = document.createElement("div");
    const line = (text, tag = "p") => { const item = document.createElement(tag); item.textContent = text; content.append(item); return item; };
    line(p.title, "strong");
    p.lines.forEach((text) => line(text));
    if (p.url) line("").append(Object.assign(document.createElement("a"), { href: p.url, textContent: box.dataset.open }));
    return content;
  }

  function show(map, box) {
    const style = { color: box.dataset.colour, weight: 2, fillColor: box.dataset.colour, fillOpacity: .25 };
    const layer = L.layerGroup().addTo(map);
    const note = L.control({ position: "bottomright" });
    note.onAdd = () => Object.assign(document.createElement("div"), { className: "map-count", textContent: box.dataset.truncated });
    let asked = 0, timer = 0, told = false;
    const tell = (wanted) => { if (wanted !== told) { told = wanted; wanted ? note.addTo(map) : note.remove(); } };
    async function draw() {
      const number = ++asked, view = map.getBounds();
      const around = [Math.max(-180, view.getWest()), Math.max(-90, view.getSouth()), Math.min(180, view.getEast()), Math.min(90, view.getNorth())];
      const answer = await fetch(`${box.dataset.url}?bbox=${around.map((each) => each.toFixed(6)).join(",")}`);
      if (!answer.ok || number !== asked) return;
      const found = await answer.json();
      layer.clearLayers();
      L.geoJSON(found, {
        style: () => style,
        pointToLayer: (feature, at) => L.circleMarker(at, { radius: 6, color: "#fff", weight: 1.5, fillColor: box.dataset.colour, fillOpacity: 1 }),
        onEachFeature: (feature, each) => each.bindTooltip(feature.properties.title).bindPopup(() => detail(feature, box)),
      }).addTo(layer);
      tell(found.truncated === true);
      box.dataset.drawn = found.features.length;
    }
    const later = () => { clearTimeout(timer); timer = setTimeout(draw, WAIT_MS); };
    map.on("moveend", later);
    map.whenReady(later);
    return () => { clearTimeout(timer); asked += 1; map.off("moveend", later); layer.remove(); tell(false); delete box.dataset.drawn; };
  }

  document.addEventListener("mapped", ({ detail: map }) => {
    for (const box of document.querySelectorAll("[data-shown]")) {
      let hide = null;
      const turn = () => { if (box.checked) hide ??= show(map, box); else { hide?.(); hide = null; } };
      box.addEventListener("change", turn);
      turn();
    }
  });
})();
