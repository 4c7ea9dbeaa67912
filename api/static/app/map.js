// Maps: Leaflet on canvas over the city's own GeoJSON. One case, all cases, nothing but the city, or a place to pick.
"use strict";
(() => {
  const COLOURS = { green: "#2e9d68", yellow: "#e0a100", red: "#b3261e", none: "#64748b" };
  const RADII = { green: 6, yellow: 7, red: 8, none: 5 };
  const AREAS = { river: "#b9d9ee", lake: "#b9d9ee", park: "#d3e8c8" };
  const LINES = {
    street: { color: "#fff", weight: 2 }, road: { color: "#fff", weight: 4 }, motorway: { color: "#f3c77a", weight: 5 },
    railway: { color: "#8a8f98", weight: 2, dashArray: "6 5" }, boundary: { color: "#7d6b9d", weight: 1.5, dashArray: "5 5" },
  };
  const ORDER = ["boundary", "park", "lake", "river", "street", "road", "railway", "motorway"];

  const style = ({ properties: { kind }, geometry }) => AREAS[kind]
    ? { fillColor: AREAS[kind], fillOpacity: 1, weight: 0 }
    : { ...(LINES[kind] ?? LINES.boundary), fill: geometry.type.includes("Polygon") && kind === "boundary", fillColor: "#fff", fillOpacity: .35 };

  // Names of water, parks and main roads, once the map is close enough to have room for them.
  function label(map, layer) {
    const { kind, name } = layer.feature.properties;
    if (!name || !["river", "park", "road"].includes(kind)) return;
    const english = document.documentElement.lang === "en" && layer.feature.properties.name_en;
    const at = layer.getCenter ? layer.getCenter() : layer.getBounds().getCenter();
    const water = kind === "river";
    return L.tooltip({ permanent: true, direction: "center", className: `map-name${water ? " map-name-water" : ""}`, interactive: false })
      .setLatLng(at).setContent(english || name);
  }

  async function base(map, address) {
    const found = await (await fetch(address)).json();
    found.features.sort((a, b) => ORDER.indexOf(a.properties.kind) - ORDER.indexOf(b.properties.kind));
    const layer = L.geoJSON(found, { style, interactive: false, renderer: map.ground }).addTo(map);
    const names = L.layerGroup();
    const seen = new Set();
    // Streets thin out with distance, or a city seen whole would be white with them.
    const thin = () => {
      const share = Math.min(1, Math.max(.2, (map.getZoom() - 9.5) / 5));
      layer.setStyle((feature) => ({ ...style(feature), ...(LINES[feature.properties.kind] && { weight: LINES[feature.properties.kind].weight * share }), ...(feature.properties.kind === "street" && { opacity: share }) }));
    };
    map.on("zoomend", thin);
    map.whenReady(() => {
      thin();
      layer.eachLayer((each) => {
        const name = each.feature.properties.name;
        if (seen.has(name)) return;
        const tooltip = label(map, each);
        if (tooltip) { seen.add(name); names.addLayer(tooltip); }
      });
      const show = () => (map.getZoom() >= 14 ? names.addTo(map) : names.remove());
      map.on("zoomend", show);
      setTimeout(show);
    });
    return layer;
  }

  function make(element) {
    const map = L.map(element, { preferCanvas: true, attributionControl: false, zoomSnap: .5, maxZoom: 19, minZoom: 8, zoomControl: element.dataset.map !== "one" });
    map.createPane("ground").style.zIndex = 250;
    map.ground = L.canvas({ pane: "ground" });
    L.control.scale({ imperial: false }).addTo(map);
    element.setAttribute("role", "application");
    element.setAttribute("aria-label", element.dataset.label ?? "");
    element.dispatchEvent(new CustomEvent("mapped", { bubbles: true, detail: map }));
    return map;
  }

  const dot = (latlng, light, radius) => L.circleMarker(latlng, { radius, color: "#fff", weight: 2, fillColor: COLOURS[light] ?? COLOURS.none, fillOpacity: 1 });

  async function one(element) {
    const map = make(element);
    const at = L.latLng(element.dataset.lat, element.dataset.lon);
    map.setView(at, 16);
    map.scrollWheelZoom.disable();
    dot(at, element.dataset.light, 9).addTo(map);
    await base(map, element.dataset.base);
  }

  function popup({ properties: p }, open) {
    const box = document.createElement("div");
    const line = (text, tag = "p") => { const item = document.createElement(tag); item.textContent = text; box.append(item); return item; };
    line(p.title, "strong");
    if (p.doubt) { const mark = line(p.doubt, "span"); mark.className = "badge badge-doubt"; mark.dataset.doubt = ""; }
    line(`${p.state} · ${p.left}`).className = `light-${p.light}`;
    line([p.stage, p.address].filter(Boolean).join(" · "));
    const link = document.createElement("a");
    link.href = p.url;
    link.textContent = `${open} ${p.number}`;
    line("").append(link);
    return box;
  }

  async function cases(element) {
    const map = make(element);
    map.setView([0, 0], 12);
    const [ground, found] = await Promise.all([base(map, element.dataset.base), fetch(element.dataset.cases).then((answer) => answer.json())]);
    const RANK = ["none", "green", "yellow", "red"];
    found.features.sort((a, b) => RANK.indexOf(a.properties.light) - RANK.indexOf(b.properties.light));
    const markers = new Map();
    const points = L.geoJSON(found, {
      pointToLayer: (feature, latlng) => dot(latlng, feature.properties.light, RADII[feature.properties.light] + (feature.properties.urgent ? 2 : 0)),
      onEachFeature: (feature, layer) => { markers.set(feature.properties.number, layer); layer.bindPopup(() => popup(feature, element.dataset.open)); },
    }).addTo(map);
    const bounds = points.getBounds().isValid() ? points.getBounds() : ground.getBounds();
    if (bounds.isValid()) map.fitBounds(bounds.pad(.08), { animate: false, maxZoom: 16 });
    const count = L.control({ position: "topright" });
    count.onAdd = () => Object.assign(document.createElement("div"), { className: "map-count", textContent: element.dataset.count.replace("{count}", found.features.length) });
    count.addTo(map);
    document.querySelectorAll("a[data-number]").forEach((link) => {
      const show = () => markers.get(link.dataset.number)?.setStyle({ color: "#111", weight: 3 }).bringToFront();
      const hide = () => markers.get(link.dataset.number)?.setStyle({ color: "#fff", weight: 2 });
      link.addEventListener("pointerenter", show); link.addEventListener("focus", show);
      link.addEventListener("pointerleave", hide); link.addEventListener("blur", hide);
    });
    element.dataset.ready = found.features.length;
  }

  async function plain(element) {
    const map = make(element);
    map.setView([0, 0], 12);
    const ground = await base(map, element.dataset.base);
    if (ground.getBounds().isValid()) map.fitBounds(ground.getBounds(), { animate: false });
    element.dataset.ready = "yes";
  }

  async function pick(element) {
    const map = make(element);
    map.setView([0, 0], 12);
    const lon = document.getElementById(element.dataset.lonInput), lat = document.getElementById(element.dataset.latInput);
    const ground = await base(map, element.dataset.base);
    if (ground.getBounds().isValid()) map.fitBounds(ground.getBounds(), { animate: false });
    let marker = null;
    const put = (at) => { marker?.remove(); marker = dot(at, "red", 9).addTo(map); };
    const typed = () => {
      const at = [parseFloat(lat.value), parseFloat(lon.value)];
      if (at.every(Number.isFinite) && Math.abs(at[0]) <= 90 && Math.abs(at[1]) <= 180) { put(at); map.setView(at, Math.max(map.getZoom(), 16)); }
    };
    map.on("click", (event) => {
      put(event.latlng);
      lon.value = event.latlng.lng.toFixed(6);
      lat.value = event.latlng.lat.toFixed(6);
      element.dispatchEvent(new CustomEvent("placed", { bubbles: true }));
    });
    lon.addEventListener("change", typed); lat.addEventListener("change", typed);
    const marks = L.layerGroup().addTo(map);
    element.addEventListener("marks", ({ detail }) => { // what is near: components and likely duplicates
      marks.clearLayers();
      for (const { lon: x, lat: y, mark, label: name } of detail) dot([y, x], mark === "duplicate" ? "yellow" : "green", 6).bindTooltip(name).addTo(marks);
    });
    typed();
    element.dataset.ready = "yes";
  }

  async function duty(element) {
    const map = make(element);
    map.setView([0, 0], 12);
    const [ground, found] = await Promise.all([base(map, element.dataset.base), fetch(element.dataset.people).then((answer) => answer.json())]);
    const points = L.geoJSON(found, {
      pointToLayer: ({ properties }, latlng) => dot(latlng, properties.light, 7),
      onEachFeature: ({ properties: p }, layer) => layer.bindTooltip([p.name, p.state, p.grid, p.seen].filter(Boolean).join(" · ")),
    }).addTo(map);
    const bounds = points.getBounds().isValid() ? points.getBounds() : ground.getBounds();
    if (bounds.isValid()) map.fitBounds(bounds.pad(.08), { animate: false, maxZoom: 16 });
    element.dataset.ready = found.features.length;
  }

  async function track(element) {
    const map = make(element);
    map.setView([0, 0], 12);
    const [ground, found] = await Promise.all([base(map, element.dataset.base), fetch(element.dataset.track).then((answer) => answer.json())]);
    const STYLES = { grid: { color: "#7d6b9d", weight: 2, dashArray: "6 4", fill: false }, track: { color: "#0b5cad", weight: 3 } };
    const layer = L.geoJSON(found, { style: ({ properties }) => STYLES[properties.kind], pointToLayer: (feature, latlng) => dot(latlng, "green", 8) }).addTo(map);
    const bounds = layer.getBounds().isValid() ? layer.getBounds() : ground.getBounds();
    if (bounds.isValid()) map.fitBounds(bounds.pad(.05), { animate: false, maxZoom: 17 });
    element.dataset.ready = "yes";
  }

  document.querySelectorAll("[data-map]").forEach((element) => ({ one, cases, plain, pick, duty, track })[element.dataset.map](element));
})();
