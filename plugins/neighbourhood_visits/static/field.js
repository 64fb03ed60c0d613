// Notes of the field are kept on the device first and sent in order, each once. The page works without.

const field = document.getElementById("field"), words = field.dataset;
const status = document.getElementById("field-status");
const say = (text) => { document.getElementById("announcer").textContent = text; };
const pack = `visits-field-${words.visit}`, own = Number(words.user);
const wait = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

// What waits is in a database of the browser: it outlives the page, the browser, the session.
const opening = indexedDB.open("visits-field", 1);
opening.onupgradeneeded = () => opening.result.createObjectStore("notes", { keyPath: "id", autoIncrement: true });
const database = await wait(opening).catch(() => null);
const store = (mode) => database.transaction("notes", mode).objectStore("notes");
const waiting = async () => (await wait(store("readonly").getAll())).filter((note) => note.visit === words.visit);

async function small(file) {
  try {
    const picture = await createImageBitmap(file), scale = Math.min(1, 2000 / Math.max(picture.width, picture.height));
    const canvas = new OffscreenCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: "image/jpeg", quality: .85 });
  } catch { return file; }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-field-note]") || !database) return;
  event.preventDefault();
  if (!form.inert) note(form, event.submitter);
}, true);

async function note(form, button) {
  const data = new FormData(form, button), photo = data.get("photo");
  const fields = Object.fromEntries([...data].filter(([name]) => !["photo", "csrf_token", "key", "keep"].includes(name)));
  const said = [button.value === "yes" ? "" : button.firstChild.textContent, fields.text, fields.asked, fields.attendance].filter(Boolean).join(" – ");
  if (!said && !photo?.size) return;
  form.inert = true;
  const one = {
    visit: words.visit, user: own, key: crypto.randomUUID(), noted_at: new Date().toISOString(), place: form.dataset.place,
    said: said || photo.name, fields, photo: photo?.size ? await small(photo) : null,
  };
  try {
    await wait(store("readwrite").add(one));  // begun last, as a transaction ends while anything else is awaited
    full = "";
  } catch { full = await straight(one); }
  if (!full) form.reset();  // what is neither kept nor sent stays in the form
  form.inert = false;
  button.focus({ preventScroll: true });
  await show();
  send();
}

// What the device doesn't keep goes by the network at once, after all that waits. Says why it didn't.
let full = "";
async function straight(one) {
  await send();
  try {
    if ((await waiting()).some((other) => other.user === own && !other.refused)) return words.full;
    const state = await ask(words.state, {});
    const answer = state?.user === own ? await post(one, state.token) : null;
    if (!answer || answer.refused) return answer?.said ?? words.full;
    draw(document.querySelector(`[data-kept="${one.place}"]`), { ...one, id: one.key });
    return "";
  } catch { return words.full; }
}

// What stands on the page: how many wait, and below each question what was noted.
async function show() {
  const all = await wait(store("readonly").getAll()), notes = all.filter((note) => note.visit === words.visit);
  const counted = (number) => number > 1 ? words.many.replace("{n}", number) : words.one;
  const foreign = notes.filter((one) => one.user !== own).length, elsewhere = all.length - notes.length;
  const aside = [[foreign, words.other], [elsewhere, words.elsewhere]].filter(([number]) => number).map(([number, text]) => text.replace("{n}", number));
  status.querySelector("[data-count]").textContent = all.length ? counted(all.length) + (aside.length ? ` (${aside.join(", ")})` : "") : full ? "" : words.none;
  status.querySelector("[data-full]").textContent = full;
  status.hidden = "out" in words;
  status.toggleAttribute("data-waiting", all.length > 0);
  if (notes.length) localStorage[`${pack}-unsent`] = `${counted(notes.length)}. ${words.leaving}`; else localStorage.removeItem(`${pack}-unsent`);
  for (const list of document.querySelectorAll("[data-kept]")) {
    for (const item of list.querySelectorAll("[data-note]")) {
      if (!notes.some((one) => one.id === Number(item.dataset.note))) {
        item.querySelector("[data-state]").textContent = words.sent;
        item.querySelector("button")?.remove();
        delete item.dataset.note;
      }
    }
    for (const one of notes.filter((one) => place(one) === list.dataset.kept)) draw(list, one);
    list.hidden = !list.children.length;
  }
}

// The list that a note stands in: the first one, when the page no longer has that of its question.
const place = (one) => document.querySelector(`[data-kept="${one.place}"]`) ? one.place : "";

function draw(list, one) {
  let item = list.querySelector(`[data-note="${one.id}"]`);
  if (!item) {
    item = document.createElement("li");
    item.dataset.note = one.id;
    item.append(Object.assign(document.createElement("span"), { textContent: one.said }));
    const state = Object.assign(document.createElement("span"), { className: "badge quiet" });
    state.dataset.state = "";
    item.append(state);
    list.append(item);
  }
  item.querySelector("[data-state]").textContent = one.refused ?? words.waits;
  if (one.refused && !item.querySelector("button")) {
    const drop = Object.assign(document.createElement("button"), { className: "button plain small", type: "button", textContent: words.drop });
    drop.addEventListener("click", async () => { await wait(store("readwrite").delete(one.id)); item.remove(); show(); });
    item.append(drop);
  }
}

// A page that was kept before the day of the visit takes notes from that day on.
function open() {
  const now = new Date(), day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
  if (!words.opens || day < words.opens) return;
  for (const button of field.querySelectorAll("[data-later]")) button.disabled = false;
  field.querySelector("[data-practice]")?.remove();
}

// Sending: one after the other, by one tab at a time; what was not answered is sent again, and is there once.
const send = () => navigator.locks ? navigator.locks.request("visits-field", sendAll) : sendAll();
async function sendAll() {
  try {
    const state = await ask(words.state, {});
    if (!state) return;
    for (const one of await waiting()) {
      if (one.user !== state.user || (one.refused && !one.again)) continue;
      const answer = await post(one, state.token);
      if (!answer) return;
      if (answer.refused) await wait(store("readwrite").put({ ...one, refused: answer.said, again: answer.again }));
      else await wait(store("readwrite").delete(one.id));
      await show();
    }
    if (!(await wait(store("readonly").count()))) say(words.none);
  } catch { /* no network: the next try comes */ } finally { if (database && !field.dataset.wiped) await show(); }
}

function post(one, token) {
  const body = new FormData();
  for (const [name, value] of Object.entries({ ...one.fields, key: one.key, noted_at: one.noted_at, csrf_token: token })) body.append(name, value);
  if (one.photo) body.append("photo", one.photo, "photo.jpg");
  return ask(words.notes, { method: "POST", body });
}

async function ask(url, options) {
  const answer = await fetch(url, { ...options, redirect: "manual", headers: { Accept: "application/json" } });
  const link = status.querySelector("[data-sign-in-link]");
  const expired = answer.type === "opaqueredirect";
  link.hidden = !expired;
  if (expired) link.textContent = words.expired;
  if (answer.status === 403) {
    const told = await answer.json().catch(() => ({}));
    if (told.removed) await wipe(told.removed);
  }
  if (answer.status === 409) return { ...await answer.json(), refused: true, again: true };
  if (answer.status === 413) return { said: words.heavy, refused: true };
  if (answer.status === 422) return { ...await answer.json(), refused: true };
  return answer.ok ? answer.json() : null;
}

// Only the server's own word that somebody left the team takes what they kept of this visit, and nothing else.
async function wipe(person) {
  for (const one of await waiting()) if (one.user === person) await wait(store("readwrite").delete(one.id));
  if (person !== own) return;
  field.dataset.wiped = "";
  localStorage.removeItem(`${pack}-unsent`);
  await caches.delete(pack);
  if (!("out" in words)) field.replaceChildren(Object.assign(document.createElement("p"), { className: "notice warning", textContent: words.gone }));
}

// The pack: this page and what it is drawn with, kept by the worker's cache for when there is no network.
async function load() {
  if (!words.worker || !navigator.serviceWorker || !window.caches) return;
  await navigator.serviceWorker.register(words.worker, { scope: location.pathname });
  await navigator.storage?.persist?.();
  const parts = [...document.querySelectorAll("link[rel=stylesheet], link[rel=preload], script[src]")].map((one) => one.href || one.src);
  if (navigator.onLine) await (await caches.open(pack)).addAll([location.pathname, ...new Set(parts)]);
  if (await caches.match(location.pathname, { cacheName: pack })) status.querySelector("[data-pack]").textContent = words.loaded;
}

open();
addEventListener("focus", open);
if (database) {
  await show();
  addEventListener("online", send);
  setInterval(async () => { if ((await waiting()).length) send(); }, 15_000);
  await send();
  if (!("wiped" in field.dataset)) await load().catch(() => {});
} else status.querySelector("[data-count]").textContent = words.full;
