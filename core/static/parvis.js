// What makes pages handier where JavaScript runs; every journey works without this file.

const words = document.body.dataset;
const say = (text) => { document.getElementById("announcer").textContent = text; };
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

// Errors: the summary takes the focus, its links lead into the fields.
document.querySelector("[data-error-summary]")?.focus();
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-error-summary] a");
  if (link) document.querySelector(link.hash)?.focus();
});

// Signing out empties what the browser keeps: a page that keeps what is not sent yet says so under a key of this ending.
function unsent(form) {
  if (!form.matches("[action^='/sign-out']")) return "";
  try { return localStorage[Object.keys(localStorage).find((key) => key.endsWith("-unsent"))] ?? ""; } catch { return ""; }
}

// Questions before what can't be undone.
function confirmFirst(event) {
  const button = event.submitter, asks = button && (unsent(event.target) || button.dataset.confirm);
  if (!asks || button.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const yes = make("button", { class: button.classList.contains("danger") ? "button danger" : "button" }, button.dataset.act ?? button.textContent.trim());
  const no = make("button", { class: "button quiet", type: "button" }, words.cancel);
  const dialog = make("dialog", { class: "dialog", "aria-labelledby": "dialog-title" },
    make("h2", { id: "dialog-title" }, asks), ...(button.dataset.more ? [make("p", {}, button.dataset.more)] : []), make("div", { class: "form-actions" }, no, yes));
  document.body.append(dialog);
  no.addEventListener("click", () => dialog.close());
  yes.addEventListener("click", () => {
    dialog.close();
    button.confirmed = true;
    if (!button.form.elements.sure) button.form.append(make("input", { type: "hidden", name: "sure", value: "1" }));
    button.form.requestSubmit(button);
    button.confirmed = false;
  });
  dialog.addEventListener("close", () => { dialog.remove(); button.focus(); });
  dialog.showModal();
}
document.addEventListener("submit", confirmFirst, true);

// A form is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-disabled", "true");
  if (form.dataset.keep) sessionStorage.removeItem(form.dataset.keep);
  say(words.sending);
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
  }
});

// A draft survives a reload in this tab.
for (const form of document.querySelectorAll("form[data-keep]")) {
  const fields = () => [...form.querySelectorAll("textarea[name], input[type=text][name]")];
  const kept = JSON.parse(sessionStorage.getItem(form.dataset.keep) || "{}");
  for (const field of fields().filter((field) => !field.value && kept[field.name])) {
    field.value = kept[field.name];
    form.closest("details")?.setAttribute("open", "");
  }
  form.addEventListener("input", () =>
    sessionStorage.setItem(form.dataset.keep, JSON.stringify(Object.fromEntries(fields().map((field) => [field.name, field.value])))));
}

// Menus close as people expect.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".dropdown[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("focusin", (event) => {
  for (const menu of document.querySelectorAll(".dropdown[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.(".dropdown[open]");
  if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
});

// A password can be looked at.
for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", shown);
  });
  button.form?.addEventListener("submit", () => { field.type = "password"; });
}

// Characters left.
for (const field of document.querySelectorAll("[data-limit]")) {
  const hint = document.getElementById(`${field.id}-count`);
  const number = new Intl.NumberFormat(document.documentElement.lang);
  let pause;
  const count = () => {
    const left = Number(field.dataset.limit) - [...field.value].length;
    hint.textContent = `${number.format(Math.abs(left))} ${left < 0 ? words.over : words.left}`;
    hint.classList.toggle("over", left < 0);
    clearTimeout(pause);
    if (left < field.dataset.limit / 10 && document.activeElement === field) pause = setTimeout(() => say(hint.textContent), 1000);
  };
  field.addEventListener("input", count);
  count();
}

// Markdown as it will look.
for (const bar of document.querySelectorAll("[data-preview]")) {
  const field = document.getElementById(bar.dataset.preview);
  const pane = document.getElementById(`${field.id}-preview`);
  const [write, preview] = bar.children;
  bar.hidden = false;
  const show = (previewing) => {
    field.hidden = previewing;
    pane.hidden = !previewing;
    write.setAttribute("aria-pressed", !previewing);
    preview.setAttribute("aria-pressed", previewing);
  };
  write.addEventListener("click", () => { show(false); field.focus(); });
  preview.addEventListener("click", async () => {
    const { csrf_token, space } = field.form.elements;
    const data = new URLSearchParams({ csrf_token: csrf_token.value, space: space?.value ?? "", body: field.value });
    const answer = await fetch(bar.dataset.url, { method: "POST", body: data, headers: { "HX-Request": "true", Accept: "text/plain" } });
    pane[answer.ok ? "innerHTML" : "textContent"] = await answer.text();
    show(true);
    pane.focus();
  });
}

// A list below a field while one types, moved through with the arrow keys. `typed` is what to ask for, `draw`
// what an option shows, `take` what choosing one does; in an `eager` list the first option is
// chosen at once; `within` is the form whose space it is asked for.
function suggest(field, { url, typed, draw, take, eager, within }) {
  const list = make("div", { class: "suggestions", role: "listbox", id: `suggestions-${document.querySelectorAll(".suggestions").length}`, "aria-label": words.suggestions, hidden: "" });
  field.after(list);
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  if (!eager) { field.setAttribute("role", "combobox"); field.setAttribute("autocomplete", "off"); }
  let found = [], chosen = -1, pause, request;
  const show = (shown) => {
    list.hidden = !shown;
    if (!eager) field.setAttribute("aria-expanded", shown);
  };
  const close = () => { clearTimeout(pause); request?.abort(); found = []; show(false); field.removeAttribute("aria-activedescendant"); };
  const point = (index) => {
    chosen = (index + found.length) % found.length;
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", at === chosen));
    field.setAttribute("aria-activedescendant", list.children[chosen].id);
    list.children[chosen].scrollIntoView({ block: "nearest" });
  };
  const pick = (index) => { const one = found[index]; take(one, close); };
  const ask = async (query) => {
    request?.abort();
    request = new AbortController();
    const address = new URL(url, location);
    const { space } = within?.elements ?? {};
    if (space) address.searchParams.set("space", space.value);
    address.searchParams.set("q", query);
    const answer = await fetch(address, { signal: request.signal }).catch(() => null);
    if (!answer?.ok) return close();
    found = await answer.json();
    if (!found.length || typed() !== query) return close();
    list.replaceChildren(...found.map((one, at) => {
      const option = make("div", { role: "option", id: `${list.id}-${at}`, "aria-selected": "false" }, ...draw(one));
      option.addEventListener("pointerdown", (event) => { event.preventDefault(); pick(at); });
      return option;
    }));
    show(true);
    chosen = -1;
    field.removeAttribute("aria-activedescendant");
    say(`${words.suggestions}: ${found.length}`);
    if (eager) point(0);
  };
  field.addEventListener("input", () => {
    const query = typed();
    clearTimeout(pause);
    if (query) pause = setTimeout(() => ask(query), 150); else close();
  });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const choose = chosen < 0 ? undefined : () => pick(chosen);
    const act = { ArrowDown: () => point(chosen + 1), ArrowUp: () => point(Math.max(chosen, 0) - 1), Enter: choose, Tab: eager && choose, Escape: close }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  show(false);
}

// Names after an @.
for (const field of document.querySelectorAll("[data-mentions-url]")) {
  const typed = () => field.value.slice(0, field.selectionStart).match(/(?:^|[\s(])@([\p{L}\p{N}_.-]{1,30})$/u)?.[1];
  suggest(field, {
    url: field.dataset.mentionsUrl, typed, eager: true, within: field.form,
    draw: (person) => [person.name, make("span", {}, [`@${person.handle}`, person.role].filter(Boolean).join(" · "))],
    take: (person, close) => {
      const end = field.selectionStart;
      field.setRangeText(`@${person.handle} `, end - typed().length - 1, end, "end");
      close();
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    },
  });
}

// Titles while one types what to search for; Enter searches, unless one of them was chosen.
for (const field of document.querySelectorAll("[data-suggest-url]")) {
  suggest(field, {
    url: field.dataset.suggestUrl,
    typed: () => field.value.trim(),
    draw: (one) => [one.title, make("span", {}, one.kind)],
    take: (one) => { location.href = one.url; },
  });
}

// One row for one picture; the next row appears when the first is used. What a chosen picture shows is asked for
// before the form is sent, since the server can't give files back.
for (const picker of document.querySelectorAll("[data-pictures]")) {
  const rows = [...picker.querySelectorAll("fieldset")];
  const chosen = (row) => row.querySelector("[type=file]").files.length > 0;
  const used = (row) => chosen(row) || row.querySelector("[type=text]").value || row.querySelector("[type=checkbox]").checked;
  const draw = () => rows.forEach((row, at) => {
    row.hidden = at > 0 && !used(row) && !used(rows[at - 1]);
    const text = row.querySelector("[type=text]");
    text.required = chosen(row) && !row.querySelector("[type=checkbox]").checked;
    text.setCustomValidity(text.required && !text.value.trim() ? text.dataset.asks : "");
  });
  picker.addEventListener("input", draw);
  picker.addEventListener("change", draw);
  picker.closest("form").addEventListener("submit", (event) => {
    const silent = rows.map((row) => row.querySelector("[type=text]")).find((text) => !text.checkValidity());
    if (!silent) return;
    event.preventDefault();
    picker.open = true;
    silent.reportValidity();
  });
  draw();
}

// Where one is among tabs that don't fit side by side.
for (const here of document.querySelectorAll(".tabs [aria-current]")) {
  const tabs = here.closest(".tabs");
  tabs.scrollLeft = here.offsetLeft - (tabs.clientWidth - here.offsetWidth) / 2;
}

// How one joins a space goes with who reads it, until it is chosen.
for (const choices of document.querySelectorAll("[data-fitting]")) {
  const fitting = JSON.parse(choices.dataset.fitting);
  let chosen = false;
  const fit = (visibility) => {
    const joining = choices.querySelector(`[name=joining][value=${fitting[visibility]}]`);
    if (joining) joining.checked = true;
  };
  if (!choices.querySelector("[name=joining]:checked")) fit(choices.querySelector("[name=visibility]:checked")?.value);
  choices.addEventListener("change", ({ target }) => {
    if (target.name === "joining") chosen = true;
    else if (!chosen) fit(target.value);
  });
}

// "Load more": the first new post takes the focus.
for (const feed of document.querySelectorAll(".feed")) {
  new MutationObserver((changes) => {
    if (!changes.some((change) => [...change.removedNodes].some((node) => node.id === "more"))) return;
    const added = changes.flatMap((change) => [...change.addedNodes]);
    for (const node of added) if (node.id && document.getElementById(node.id) !== node) node.remove();  // pinned: on top already
    added.find((node) => node.isConnected && node.matches?.(".card"))?.focus();
    say(words.loaded);
  }).observe(feed, { childList: true });
}

// An answer that lacks what a button asked for (signed out meanwhile, an error): the whole page says why.
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx, tasks } = event.detail;
  if (ctx.select && !tasks.some((task) => task.fragment.childElementCount)) {
    event.preventDefault();
    location.reload();
  }
});

// What is new appears by itself: each event names what changed, and the page reads that anew.
const stream = words.live && new URL(words.live, location);
const list = document.querySelector("[data-live-list]");
const thread = document.querySelector("[data-live-thread]");
const live = { changed: new Set(), news: new Set(), moved: false, on: new Set(), spread: 0, tries: 0 };
const read = async (url) => {
  const answer = await fetch(url, { headers: { "HX-Request": "true" } });
  return { answer, page: new DOMParser().parseFromString(await answer.text(), "text/html") };
};

// Put new elements in place of old ones; what has the focus keeps it, and what is read stays where it is.
const still = (change) => {
  const focus = document.activeElement, anchor = focus === document.body ? null : focus;
  const top = anchor?.getBoundingClientRect().top;
  change();
  const kept = anchor?.id ? document.getElementById(anchor.id) : anchor?.isConnected ? anchor : null;
  if (!kept) return;
  if (kept !== document.activeElement) kept.focus({ preventScroll: true });
  scrollBy({ top: kept.getBoundingClientRect().top - top, behavior: "instant" });
};
const swap = (old, fresh) => { old.replaceWith(fresh); window.htmx?.process(fresh); };

async function readCards(ids) {
  const url = new URL(list.dataset.liveList, location);
  for (const id of ids) url.searchParams.append("id", id);
  const { answer, page } = await read(url);
  if (!answer.ok) throw new Error(answer.status);
  still(() => {
    for (const id of ids) {
      const shown = document.getElementById(`post-${id}`), fresh = page.getElementById(`post-${id}`);
      if (shown && fresh) swap(shown, fresh); else shown?.remove();
    }
  });
}

async function readPage(changed, on) {
  const { answer, page } = await read(location);
  if (answer.status >= 500) throw new Error(answer.status);
  if (!answer.ok || answer.redirected) return document.querySelector("main").replaceWith(page.querySelector("main"));
  still(() => {
    for (const part of document.querySelectorAll("[data-live-on]")) {
      const fresh = page.getElementById(part.id);
      if (part.dataset.liveOn.split(" ").some((kind) => on.has(kind)) && fresh) swap(part, fresh);
    }
    if (thread && changed.size) mergeThread(page, changed);
  });
}

function mergeThread(page, changed) {
  const id = thread.dataset.liveThread, feed = thread.querySelector(".feed"), fresh = page.querySelector("[data-live-thread]");
  if (changed.has(id)) swap(document.getElementById(`post-${id}`), page.getElementById(`post-${id}`));
  document.getElementById("replies-title").textContent = page.getElementById("replies-title").textContent;
  let before = null, replied = false;
  for (const reply of [...fresh.querySelectorAll(".feed > article")]) {
    const shown = document.getElementById(reply.id);
    if (shown && changed.has(reply.id.slice(5))) swap(shown, reply);
    else if (!shown) {
      replied = true;
      reply.classList.add("live-new");
      if (before) before.after(reply); else feed.prepend(reply);
      window.htmx?.process(reply);
    }
    before = document.getElementById(reply.id);
    changed.delete(reply.id.slice(5));
  }
  for (const gone of changed) if (gone !== id) document.getElementById(`post-${gone}`)?.remove();
  swap(document.getElementById("apart"), page.getElementById("apart"));
  const more = fresh.querySelector("#more");
  if (more && !thread.querySelector("#more") && before === feed.lastElementChild) feed.append(more);
  if (replied) say(words.liveReplied);
}

// New posts wait behind a button: nothing moves under the eyes of who reads.
function offer() {
  let bar = document.querySelector(".live-news");
  if (!live.news.size && !live.moved) return bar?.remove();
  if (!bar) {
    bar = make("div", { class: "live-news" }, make("button", { class: "button small", type: "button" }));
    bar.firstChild.addEventListener("click", showNews);
    list.prepend(bar);
  }
  const count = live.news.size;
  const text = !count ? words.liveChanged : count === 1 ? words.liveOne : words.liveMany.replace("{n}", new Intl.NumberFormat(document.documentElement.lang).format(count));
  if (bar.textContent === text) return;
  bar.firstChild.textContent = text;
  clearTimeout(live.saying);
  live.saying = setTimeout(() => say(text), 5000);
}
async function showNews() {
  const { answer, page } = await read(location).catch(() => ({}));
  const fresh = page?.querySelector("[data-live-list]");
  if (!answer?.ok || !fresh) return location.reload();
  live.news.clear();
  live.moved = false;
  list.replaceChildren(...fresh.childNodes);
  window.htmx?.process(list);
  offer();
  (list.querySelector(".card") ?? list).focus({ preventScroll: true });
  document.activeElement.scrollIntoView({ block: "nearest" });
}

// Read anew what events named, a little later, so that not all pages ask at once.
function soon() {
  live.reading ??= setTimeout(async () => {
    const { changed, on } = live;
    live.changed = new Set();
    live.on = new Set();
    try {
      if (list && changed.size) await readCards([...changed].slice(0, 50));
      if (on.size || (thread && changed.size)) await readPage(changed, on);
    } catch {
      for (const id of changed) live.changed.add(id);
      for (const kind of on) live.on.add(kind);
    }
    live.reading = undefined;
    if (live.changed.size || live.on.size) setTimeout(soon, 5000);
  }, 150 + Math.random() * live.spread * 1000);
}

function heard({ kind, ref }) {
  const [name, what] = kind.split(":"), ids = ref.split("/"), first = ids[0];
  live.on.add(name).add(kind).add(`${name}:${ref}`);
  if (![...document.querySelectorAll("[data-live-on]")].some((part) => part.dataset.liveOn.split(" ").some((on) => live.on.has(on)))) live.on.clear();
  if (thread?.dataset.liveThread === first) for (const id of ids) live.changed.add(id);
  if (list && what) {
    const shown = document.getElementById(`post-${first}`);
    if (shown) live.changed.add(first);
    const firstPage = !/[?&](before|after)=/.test(location.search), kept = list.dataset.liveKind ?? name;
    if (ids.length === 1 && firstPage && kept === name) {
      if (what === "published" || (!shown && ["restored", "moved"].includes(what))) { if (!shown) live.news.add(first); }
      else if (what === "pinned") live.moved = true;
      else if (!shown && ["hidden", "removed"].includes(what)) live.news.delete(first);
      offer();
    }
  }
  if (live.changed.size || live.on.size) soon();
}

function listen() {
  if (live.source || document.hidden) return;
  const source = live.source = new EventSource(stream);
  const alive = (event) => {
    if (event.lastEventId) stream.searchParams.set("after", event.lastEventId);
    clearTimeout(live.silence);
    live.silence = setTimeout(again, 60_000);
  };
  source.onopen = (event) => {
    alive(event);
    live.tries = 0;
    clearTimeout(live.worry);
    live.worry = undefined;
    document.querySelector(".live-lost")?.remove();
  };
  source.onmessage = (event) => { alive(event); heard(JSON.parse(event.data)); };
  source.addEventListener("beat", (event) => { alive(event); live.spread = Math.min(Number(event.data), 30); });
  source.addEventListener("again", (event) => again(Number(event.data)));
  source.addEventListener("reset", (event) => {
    alive(event);
    if (list) { live.moved = true; offer(); }
    if (thread) for (const reply of thread.querySelectorAll("article")) live.changed.add(reply.id.slice(5));
    if (thread) { live.changed.add(thread.dataset.liveThread); soon(); }
  });
  source.onerror = () => again();
}
function again(seconds) {
  pauseListening();
  const polled = typeof seconds === "number";
  const wait = polled ? seconds : Math.min(60, 2 ** live.tries++) * (0.5 + Math.random());
  if (!polled) live.worry ??= setTimeout(() => document.body.append(make("p", { class: "live-lost", role: "status" }, words.liveLost)), 30_000);
  live.retry = setTimeout(listen, wait * 1000);
}
function pauseListening() {
  live.source?.close();
  live.source = undefined;
  clearTimeout(live.silence);
  clearTimeout(live.retry);
}
if (stream && window.EventSource) {
  addEventListener("load", () => { live.retry = setTimeout(listen, 1000); });
  addEventListener("pagehide", pauseListening);
  addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(live.hiding);
    if (document.hidden) live.hiding = setTimeout(pauseListening, 30_000);
    else { clearTimeout(live.retry); listen(); }
  });
}

// A list that keys clear: j and k go through its items, a digit chooses, and a letter presses what has it in the item; Escape leaves a field for its item.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing && event.key === "Escape") typing.closest("[data-keys] [data-key-item]")?.focus();
  if (typing || event.ctrlKey || event.altKey || event.metaKey || !document.querySelector("[data-keys]")) return;
  const items = [...document.querySelectorAll("[data-keys] [data-key-item]")], key = event.key.toLowerCase();
  const here = items.indexOf(document.activeElement.closest("[data-key-item]"));
  const choice = items[here]?.querySelector("[data-key-choice]");
  if (choice?.options[key] && key !== "0") choice.selectedIndex = key;
  const step = { j: 1, k: -1 }[key];
  const to = step ? items[Math.min(Math.max(here + step, 0), items.length - 1)] : items[here]?.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!to) return;
  event.preventDefault();
  step ? to.focus() : to.click();
});
document.addEventListener("htmx:after:swap", () => {
  const shown = document.querySelector("[data-keys] [data-key-done]:not([data-key-seen])");
  if (!shown) return;
  shown.dataset.keySeen = "";
  shown.focus();
});
// Words marked in a text go into the field that asks for them.
for (const source of document.querySelectorAll("[data-passage]")) {
  source.addEventListener("mouseup", () => {
    const marked = String(getSelection()).trim();
    if (marked) document.getElementById(source.dataset.passage).value = marked;
  });
}
