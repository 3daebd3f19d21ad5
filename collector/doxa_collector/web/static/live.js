// Keeps an open page fresh without a flicker: fetches the page again, changes only what differs, and says when the
// collector no longer answers. Everything on the page works without this file.
"use strict";

const every = Number(document.body.dataset.refresh) * 1000;
const banner = document.getElementById("banner");
const announce = document.getElementById("announce");
const year = 366 * 86400;
let failures = 0;
let timer = 0;

function freshAddress() {
  const address = new URL(location.href);
  address.searchParams.delete("lang");
  address.searchParams.delete("theme");
  return address.pathname + address.search;
}

function sameKind(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName &&
    (a.nodeType !== 1 || a.dataset.key === b.dataset.key);
}

function syncAttributes(old, fresh) {
  const kept = old.nodeName === "DETAILS" ? "open" : "";
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (name !== kept && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
}

function flash(element) {
  const figure = element.closest ? element.closest(".num") : null;
  if (!figure) return;
  figure.classList.remove("changed");
  requestAnimationFrame(() => figure.classList.add("changed"));
}

// Worst stands first when a page is opened; while somebody reads, rows that stay keep their places.
function inTheOrderOf(old, fresh) {
  const keyed = (parent) => [...parent.children].filter((child) => child.dataset.key);
  const before = keyed(old).map((child) => child.dataset.key);
  const found = new Map(keyed(fresh).map((child) => [child.dataset.key, child]));
  const children = [...fresh.childNodes];
  if (before.length !== found.size || !before.every((key) => found.has(key))) return children;
  let next = 0;
  return children.map((child) => (child.nodeType === 1 && child.dataset.key ? found.get(before[next++]) : child));
}

// Makes `old` equal to `fresh` and leaves alone what is equal already: open details, focus, scroll and a half-typed
// search stay as they are.
function morph(old, fresh) {
  if (old.nodeType !== 1) {
    if (old.nodeValue !== fresh.nodeValue) {
      old.nodeValue = fresh.nodeValue;
      if (old.parentElement) flash(old.parentElement);
    }
    return;
  }
  if (old.nodeName === "FORM" || old.isEqualNode(fresh)) return;
  old.classList.remove("changed");
  syncAttributes(old, fresh);
  const keyed = new Map();
  for (const child of old.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
  let place = old.firstChild;
  for (const wanted of inTheOrderOf(old, fresh)) {
    const known = wanted.nodeType === 1 && wanted.dataset.key ? keyed.get(wanted.dataset.key) : null;
    if (known && known !== place) {
      old.insertBefore(known, place);
      place = known;
    }
    if (place && sameKind(place, wanted)) {
      const next = place.nextSibling;
      morph(place, wanted);
      place = next;
    } else {
      old.insertBefore(document.importNode(wanted, true), place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function totals(root) {
  return [...root.querySelectorAll("[data-total]")].map((e) => e.parentElement.innerText.replace(/\s+/g, " ").trim()).join(", ");
}

function complain(kind) {
  const at = document.getElementById("updated");
  banner.textContent = `${banner.dataset[kind]}${at ? `: ${at.textContent}` : ""}.`;
  banner.hidden = false;
  document.body.classList.add("stale");
}

function recover() {
  failures = 0;
  banner.hidden = true;
  document.body.classList.remove("stale");
}

async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const answer = await fetch(freshAddress(), {
      headers: { "X-Doxa-Live": "1", Accept: "text/html" }, cache: "no-store", signal: AbortSignal.timeout(8000),
    });
    if (answer.status === 401) { complain("login"); return; }
    if (!answer.ok) throw new TypeError(`status ${answer.status}`, { cause: "trouble" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live-area");
    const area = document.getElementById("live-area");
    const before = totals(area);
    if (fresh) morph(area, fresh);
    const after = totals(area);
    if (before !== after) announce.textContent = `${announce.dataset.changed}: ${after}`;
    recover();
  } catch (error) {
    failures += 1;
    if (failures >= 2) complain(error.cause === "trouble" ? "trouble" : "lost");
  }
  timer = setTimeout(look, failures === 1 ? Math.min(2000, every) : every);
}

function remember(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=${value ? year : 0}; samesite=lax`;
}

function chooseTheme(link, event) {
  event.preventDefault();
  const chosen = link.getAttribute("aria-current") ? "" : link.dataset.chooseTheme;
  remember("doxa_theme", chosen);
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
  document.querySelector("meta[name=color-scheme]").content = chosen || "light dark";
  for (const other of document.querySelectorAll("[data-choose-theme]")) {
    if (other.dataset.chooseTheme === chosen) other.setAttribute("aria-current", "true");
    else other.removeAttribute("aria-current");
  }
}

for (const link of document.querySelectorAll("[data-choose-theme]")) {
  link.addEventListener("click", (event) => chooseTheme(link, event));
}
for (const select of document.querySelectorAll("form.filters select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
for (const form of document.querySelectorAll("form.filters")) {
  form.addEventListener("formdata", (event) => { // an address without empty questions
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}
if (/[?&](lang|theme)=/.test(location.search)) history.replaceState(null, "", freshAddress() + location.hash);
if (every && document.getElementById("live-area")) {
  timer = setTimeout(look, every);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  addEventListener("online", look);
}
const closed = [];
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) { part.open = true; closed.push(part); }
});
addEventListener("afterprint", () => { while (closed.length) closed.pop().open = false; });
