// What pages do beside being read: they say whether the service is there, follow what changes, and send forms without
// loading the page anew. Forms and links work without all of it.

const SILENT_MS = 50_000; // the service says something more often
const AGAIN_MS = 3_000;
const ALONE_MS = 30_000;
const TRY_MS = 15_000;
const SOON_MS = 1_000; // until a step is tried again that could not be sent; then twice as long each time
const UNSENT = "holdfast-unsent:"; // before the key of a step
const REFUSED = "holdfast-refused:"; // of one that was kept, and refused once it was sent
const body = document.body;

// A device is let in by a link with its token, which browsers tell nobody.
function enter() {
  const form = document.querySelector("form[data-enter]");
  if (!form || location.hash.length < 2) return;
  form.elements.token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  form.requestSubmit();
}

function say(isHere) {
  const place = document.querySelector(".online");
  body.classList.toggle("away", !isHere);
  const text = isHere ? place.dataset.here : place.dataset.away;
  const count = unsent().length;
  place.textContent = count ? `${text} ${place.dataset.unsent.replace("#", count)}` : text;
}

function follow(path) {
  if (document.hidden) {
    // Of HTTP/1.1 browsers have six connections to a place: those of pages that nobody sees would keep all others waiting.
    document.addEventListener("visibilitychange", () => follow(path), { once: true });
    return;
  }
  const source = new EventSource(path);
  let timer = 0;
  const again = (wait) => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", hide);
    source.close();
    say(false);
    setTimeout(() => follow(path), wait);
  };
  const hide = () => document.hidden && again(0);
  document.addEventListener("visibilitychange", hide);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => again(0), SILENT_MS);
    say(true);
  };
  const changed = () => document.dispatchEvent(new CustomEvent("holdfast:changed"));
  source.addEventListener("open", () => {
    heard();
    sendUnsent().then(changed); // what happened meanwhile
  });
  source.addEventListener("beat", heard);
  source.addEventListener("changed", () => {
    heard();
    changed();
  });
  source.addEventListener("gone", () => {
    source.close();
    location.assign("/enter");
  });
  source.addEventListener("error", async () => {
    say(false);
    if (source.readyState !== EventSource.CLOSED) return; // it connects again by itself
    const admitted = body.dataset.admitted;
    if (!admitted) {
      again(ALONE_MS); // there may be too many pages: this one asks by itself
      changed();
      return;
    }
    const answer = await fetch(admitted).catch(() => null);
    if (answer?.status === 401) location.assign("/enter");
    else again(AGAIN_MS);
  });
}

// --- what is shown --------------------------------------------------------------------------------------------------

let asking = null;
async function refresh() {
  if (asking) {
    asking.again = true;
    return;
  }
  asking = { again: false };
  try {
    const answer = await ask(location.href);
    if (answer && new URL(answer.url).pathname === "/enter") location.assign("/enter");
    else if (answer?.ok) show(await answer.text(), false);
    else if (answer?.status === 404) show(await answer.text(), true); // a link whose time is over
  } finally {
    const { again } = asking;
    asking = null;
    if (again) refresh();
  }
}

// Puts a page in the place of this one: all of it, or only what changes by itself, where nobody is typing there. What was
// typed for another step than the one that was sent, of the same task, stays.
function show(text, isWhole, sent = "") {
  const page = new DOMParser().parseFromString(text, "text/html");
  const focused = document.activeElement?.id;
  const main = page.querySelector("main");
  if (isWhole && !main) {
    said(page.body.textContent); // by a proxy, or before it came to a page
  } else if (isWhole) {
    const before = typed(document.querySelector("main"), sent);
    document.querySelector("main").replaceWith(main);
    for (const [field, place] of places(main)) if (before.has(place)) field.value = before.get(place);
  } else {
    for (const fresh of page.querySelectorAll("[data-fresh]")) {
      const old = document.getElementById(fresh.id);
      if (old && !isBusy(old) && !old.isEqualNode(fresh)) old.replaceWith(fresh);
    }
  }
  times(document);
  document.dispatchEvent(new CustomEvent("holdfast:shown"));
  const same = focused ? document.getElementById(focused) : null;
  (same ?? document.getElementById("code"))?.focus({ preventScroll: true });
}

function said(text) {
  const place = document.createElement("p");
  place.className = "refused";
  place.setAttribute("role", "alert");
  place.textContent = text.trim().slice(0, 500);
  document.querySelector("main").prepend(place);
}

// Fields to type in, each with what tells it from all others: its task, its step and its name.
function places(main) {
  const fields = [...main.querySelectorAll("form[method=post] input:not([type=hidden], [type=checkbox], #code)")];
  return fields.map((each) => [each, JSON.stringify([stepOf(each.form), each.form.elements.id?.value, each.name])]);
}

function stepOf(form) {
  return form.querySelector("button[name=step]")?.value;
}

function typed(main, sent) {
  const changed = places(main).filter(([each]) => each.value !== each.defaultValue && stepOf(each.form) !== sent);
  return new Map(changed.map(([each, place]) => [place, each.value]));
}

function isBusy(place) {
  const fields = place.querySelectorAll("input:not([type=hidden])");
  return !!place.querySelector("details[open]") || [...fields].some((each) => each.value !== each.defaultValue);
}

function times(place) {
  const now = Date.now();
  const form = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
  const withDay = new Intl.DateTimeFormat(document.documentElement.lang, { weekday: "short", hour: "2-digit", minute: "2-digit" });
  for (const each of place.querySelectorAll("time[data-at]")) {
    const at = new Date(Number(each.dataset.at));
    each.textContent = (Math.abs(at - now) < 12 * 3_600_000 ? form : withDay).format(at);
  }
  for (const each of place.querySelectorAll("[data-due]")) each.classList.toggle("late", Number(each.dataset.due) < now);
  for (const each of place.querySelectorAll("[data-until]")) {
    const until = Number(each.dataset.until);
    each.classList.toggle("over", until > 0 && until < now);
  }
}
setInterval(() => times(document), 15_000);

// --- forms ----------------------------------------------------------------------------------------------------------

function ask(url, options = {}) {
  const headers = { accept: "text/html", "holdfast-script": "1" };
  return fetch(url, { headers, signal: AbortSignal.timeout(TRY_MS), ...options }).catch(() => null);
}

function watchForms() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.method !== "post" || !form.closest("main") || form.matches("[data-enter]")) return;
    event.preventDefault();
    const isScan = form.matches("[data-scan]");
    if (form.dataset.sending && !isScan) return; // a double tap
    form.dataset.sending = "1";
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    if (isScan) {
      // Scanners are quick: each scan is a step of its own, and they go one after another.
      if (fields.has("key")) fields.set("key", freshKey());
      form.elements.code.value = "";
    }
    const what = [event.submitter?.textContent, fields.get("id"), fields.get("code")].filter(Boolean).join(" · ");
    turn = turn.then(() => send(form, fields, what)).finally(() => delete form.dataset.sending);
    await (turn = turn.catch((error) => console.error(error))); // one that fails keeps no other from its turn
  });
}

let turn = Promise.resolve();
async function send(form, fields, what) {
  const step = { url: form.action, fields: fields.toString(), what, from: location.href, page: body.dataset.live };
  const isBehind = () => fields.has("key") && unsent().some((each) => subjectOf(each) === subjectOf(step));
  if (isBehind()) await sendUnsent(); // what was tapped before goes first
  const answer = isBehind() ? null : await ask(form.action, { method: "POST", body: fields });
  const text = isAway(answer) ? null : await answer.text().catch(() => null);
  if (text === null) keep(form, fields, step);
  else if (isLetOut(answer)) {
    keep(form, fields, step); // until the device is let in again
    location.assign("/enter");
  } else arrived(answer.url, text, fields.get("step"));
}

// What steps are about that have to be taken in their sequence. One that waits keeps no others back.
function subjectOf(step) {
  const fields = new URLSearchParams(step.fields);
  return `${step.url} ${fields.get("id") ?? fields.get("task") ?? ""}`;
}

// Nobody knows whether it was done: the service says so, or a proxy before it, also where the network was too slow.
function isAway(answer) {
  return !answer || [408, 502, 503, 504].includes(answer.status);
}

function isLetOut(answer) {
  return new URL(answer.url).pathname === "/enter";
}

function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (each) => each.toString(16).padStart(2, "0")).join("");
}

function arrived(url, text, sent) {
  const path = new URL(url).pathname;
  if (!/\/(step|scan)$/.test(path)) history.pushState(null, "", url.replace(/[?&]did=\w+/, ""));
  show(text, true, sent);
}
addEventListener("popstate", () => location.reload());

// --- steps that could not be sent -----------------------------------------------------------------------------------

// Each is sent once the service is there, with its key: it is one step however often it comes. The browser keeps it over
// its end, as goods were handed over, whatever became of the tablet's battery.
function unsent() {
  return kept(UNSENT);
}

function kept(prefix) {
  const names = Object.keys(localStorage).filter((name) => name.startsWith(prefix));
  return names.map((name) => ({ name, ...JSON.parse(localStorage.getItem(name)) })).sort((one, other) => one.at - other.at);
}

function keep(form, fields, step) {
  if (!fields.has("key")) return say(false);
  const at = Math.max(Date.now(), (unsent().at(-1)?.at ?? 0) + 1); // the last of all
  localStorage.setItem(UNSENT + fields.get("key"), JSON.stringify({ at, ...step }));
  if (!form.matches("[data-scan]")) for (const each of form.querySelectorAll("button")) each.disabled = true;
  say(false);
  tryLater();
}

let sending = null;
function sendUnsent() {
  sending ??= sendKept().finally(() => {
    sending = null;
    tryLater();
  });
  return sending;
}

async function sendKept() {
  const waiting = new Set(); // what a step is about that could not be sent now either
  for (let step; (step = unsent().find((each) => !waiting.has(subjectOf(each)))); ) {
    const answer = await ask(step.url, { method: "POST", body: new URLSearchParams(step.fields) });
    const text = await answer?.text().catch(() => null);
    if (!answer || text === null) break; // nor could others
    if (isAway(answer)) {
      waiting.add(subjectOf(step));
      continue;
    }
    if (isLetOut(answer)) return location.assign("/enter"); // it stays until the device is let in again
    if (!answer.ok) refused(step, text);
    localStorage.removeItem(step.name);
    if (step.from === location.href || location.pathname === "/") arrived(answer.url, text, new URLSearchParams(step.fields).get("step"));
    else document.dispatchEvent(new CustomEvent("holdfast:changed")); // somebody is at something else
    say(true);
  }
}

// A stream that stands says nothing of a step that was not taken: one actor may have been away.
let later = 0;
let pause = SOON_MS;
function tryLater() {
  if (!unsent().length) pause = SOON_MS;
  else if (!later) {
    later = setTimeout(() => {
      later = 0;
      sendUnsent();
    }, pause);
    pause = Math.min(2 * pause, ALONE_MS);
  }
}

// A step of before is refused: goods may be out of the shop by it. That stays to be seen, whatever is shown next, until
// somebody has said that he has seen it.
function refused(step, text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const why = (page.querySelector(".refused") ?? page.querySelector("h1") ?? page.body).textContent.trim();
  const told = { at: step.at, page: step.page ?? body.dataset.live, what: `${step.what ?? ""}: ${why}`.slice(0, 500) };
  localStorage.setItem(step.name.replace(UNSENT, REFUSED), JSON.stringify(told));
  showRefused();
}

function showRefused() {
  document.getElementById("refused")?.remove();
  const list = document.createElement("ul");
  list.id = "refused";
  for (const each of kept(REFUSED).filter((one) => one.page === body.dataset.live)) {
    const row = document.createElement("li");
    row.className = "refused";
    row.setAttribute("role", "alert");
    const seen = document.createElement("button");
    seen.textContent = document.querySelector(".online").dataset.seen;
    seen.addEventListener("click", () => {
      localStorage.removeItem(each.name);
      showRefused();
    });
    row.append(each.what, " ", seen);
    list.append(row);
  }
  if (list.children.length) document.querySelector("main").before(list);
}

// --- the beginning ----------------------------------------------------------------------------------------------------

enter();
watchForms();
times(document);
if (body.dataset.live) {
  follow(body.dataset.live);
  document.addEventListener("holdfast:changed", () => refresh());
  addEventListener("online", () => sendUnsent());
  showRefused();
  sendUnsent();
}
