// Comforts for browsers with scripts; every page works without this file. No inline code, no eval.
"use strict";

// A list row opens by a click anywhere on it; J, K and Enter walk the list, N claims the next task.
const rows = () => [...document.querySelectorAll("tr[data-open]")];
document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-open]");
  if (row && !event.target.closest("a, button, input, form") && !String(getSelection())) location.assign(row.dataset.open);
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select, [contenteditable]") || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = rows();
  const at = all.findIndex((row) => row.classList.contains("here"));
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (step && all.length && (event.key.length === 1 || at >= 0)) {
    all[at]?.classList.remove("here");
    const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    next.classList.add("here");
    next.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  } else if (event.key === "Enter" && at >= 0 && event.target === document.body) {
    location.assign(all[at].dataset.open);
  } else if (event.key === "n") {
    document.querySelector("[data-key=n]")?.click();
  }
});

// Standard texts are put in at once instead of by a round trip.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-insert]");
  const field = button && document.getElementById(button.dataset.insert);
  if (!field) return;
  event.preventDefault();
  const text = button.value.slice(button.value.indexOf("|") + 1);
  field.value += (field.value && !field.value.endsWith("\n") ? "\n" : "") + text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

// What is typed into a report survives a closed tab of this session. Drafts of tasks are kept by the server: draft.js.
const draftKey = (field) => `draft:${field.form.dataset.draft}:${field.name}`;
document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.matches("form[data-draft] [data-draft]")) sessionStorage.setItem(draftKey(field), field.value);
});
document.addEventListener("submit", (event) => {
  if (event.target.dataset.draft === "report" && event.submitter?.value === "report") {
    event.target.querySelectorAll("[data-draft]").forEach((field) => sessionStorage.removeItem(draftKey(field)));
  }
});
document.querySelectorAll("form[data-draft] [data-draft]").forEach((field) => {
  const draft = sessionStorage.getItem(draftKey(field));
  if (draft !== null && !field.value) field.value = draft;
});

// The list of classes narrows while one types.
document.querySelectorAll("input[data-narrow]").forEach((search) => {
  const list = document.getElementById(search.dataset.narrow);
  const groups = [...list.querySelectorAll("optgroup")].map((group) => [group, [...group.children]]);
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const [group, options] of groups) {
      const fitting = options.filter((option) => option.selected || words.every((word) => `${option.textContent} ${group.label}`.toLowerCase().includes(word)));
      group.replaceChildren(...fitting);
      group.hidden = !fitting.length;
    }
  });
  search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
});

document.querySelector("[data-focus]")?.focus();
const current = document.querySelector(".picture .current");
if (current) {
  const picture = current.closest(".picture"), place = current.getBoundingClientRect(), frame = picture.getBoundingClientRect();
  picture.scrollLeft = place.left - frame.left - (frame.width - place.width) / 2;
}
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.account[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});
