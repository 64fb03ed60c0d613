// The team's queue by keyboard: a key or two decide on a question, and no page is loaded. The page works without.

const queue = document.getElementById("queue"), form = document.getElementById("bulk");
const announcer = document.getElementById("announcer"), done = document.getElementById("desk-done");
const past = []; // decisions that can be undone, the latest last
let menu = null, loading = false;

const cards = () => [...queue.querySelectorAll("[data-question]")];
const box = (card) => card.querySelector("input[name=pick]");
const marked = () => cards().filter((card) => box(card).checked);
const say = (text) => { announcer.textContent = text; };

// What was decided is said to everybody: the announcer's words stand where the card was too, with the way back.
// What was refused is named, with the way to it.
function report(told) {
  const links = (told.refused ?? []).flatMap(({ told: why, title, url }) => {
    const link = document.createElement("a");
    Object.assign(link, { href: url, textContent: title });
    return url ? [` ${why} `, link] : [` ${why}`];
  });
  place(document.activeElement.closest("[data-question]"));
  done.firstElementChild.replaceChildren([told.said, ...told.told].filter(Boolean).join(" "), ...links);
  const text = done.firstElementChild.textContent.trim();
  say(text);
  done.lastElementChild.hidden = !past.length;
  done.hidden = !text;
  rest();
}

// With no question left the way back has the focus; while more are on their way, it waits for them.
function rest() {
  if (past.length && !cards().length && !loading) done.lastElementChild.focus();
}

function place(card) {
  if (card) card.before(done); else queue.append(done);
}

function current(card) {
  for (const one of cards()) one.tabIndex = one === card ? 0 : -1;
  card?.focus();
  card?.scrollIntoView({ block: "nearest" });
}

// What a second key chooses from: the departments, officials, reasons and bodies that the form below offers.
const offered = {
  d: () => options("department").map(([value, label]) => [label, { verb: "assign", department: value }]),
  o: () => options("official").map(([value, label]) => [label, { verb: "assign", official: value }]),
  x: () => listed("reasons").map((reason) => [reason, { verb: "reject", reason }]),
  f: () => listed("bodies").map((to) => [to, { verb: "forward", to }]),
};
const options = (name) => [...form.elements[name].options].filter((one) => one.value !== "0").map((one) => [one.value, one.text]);
const listed = (id) => [...document.getElementById(id).options].map((one) => one.value);
const keyOf = (kind, index) => (kind === "d" || kind === "o" ? String.fromCharCode(97 + index) : String(index + 1));

function choose(kind, card) {
  const choices = offered[kind]().slice(0, kind === "d" || kind === "o" ? 26 : 9);
  if (!choices.length) { report({ told: [queue.dataset.none] }); return; }
  const list = document.createElement("ol");
  list.className = "desk-menu";
  choices.forEach(([label], index) => {
    const item = document.createElement("li"), key = document.createElement("kbd");
    key.textContent = keyOf(kind, index);
    item.append(key, ` ${label}`);
    list.append(item);
  });
  card.append(list);
  list.scrollIntoView({ block: "nearest" });
  menu = { list, choices: new Map(choices.map(([, decision], index) => [keyOf(kind, index), decision])) };
  say(`${queue.dataset.said} ${[...list.children].map((item) => item.textContent).join(", ")}`);
}

function closeMenu() {
  menu?.list.remove();
  menu = null;
}

// Decisions are sent one after the other, and leaving the page before the last has arrived is asked about.
let line = Promise.resolve(), waiting = 0;
function send(decision, chosen) {
  const read = chosen.map((card) => [card, card.dataset.words]); // by who presses the key, whatever is drawn anew since
  waiting += 1;
  queue.setAttribute("aria-busy", "true");
  line = line.then(() => post(decision, read)).finally(() => {
    waiting -= 1;
    queue.setAttribute("aria-busy", waiting > 0);
  });
  return line;
}
addEventListener("beforeunload", (event) => { if (waiting) event.preventDefault(); });

const pick = (card, words) => `${card.dataset.question}:${card.dataset.moves}:${words}`;

async function post({ head, ...decision }, read) {
  const fields = new URLSearchParams({ csrf_token: form.elements.csrf_token.value, department: "0", official: "0", ...decision });
  if (head) fields.append("pick", `${head}:0`);
  for (const [card, words] of read) fields.append("pick", pick(card, words));
  const answer = await fetch(form.action, { method: "POST", body: fields, headers: { Accept: "application/json" } }).catch(() => null);
  const told = answer?.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : { told: [queue.dataset.failed], moves: {} };
  for (const card of cards().concat(read.map(([card]) => card))) { // what a question is grouped with has moved too
    const moves = told.moves[card.dataset.question];
    if (moves === undefined) continue;
    card.dataset.moves = moves;
    box(card).value = pick(card, card.dataset.words);
  }
  tally(told.counts ?? {});
  return told;
}

// The tabs say how many questions are in each queue since.
function tally(counts) {
  for (const tab of document.querySelectorAll(".tabs a")) {
    const count = counts[new URL(tab.href).searchParams.get("queue")];
    if (count === undefined) continue;
    tab.querySelector(".count")?.remove();
    if (!count) continue;
    const shown = document.createElement("span");
    shown.className = "count";
    shown.textContent = count.toLocaleString(document.documentElement.lang);
    tab.append(" ", shown);
  }
}

// What is decided on leaves the queue at once, and comes back where that was refused.
function decide(decision, card) {
  const several = marked().length > 0, chosen = several ? marked() : [card];
  const after = cards().slice(cards().indexOf(card) + 1).find((one) => !chosen.includes(one));
  const next = after ?? cards().reverse().find((one) => !chosen.includes(one));
  const places = chosen.map((one) => [one, one.nextElementSibling]);
  const stays = decision.verb === "group" || decision.verb === "theme";
  for (const one of chosen) { box(one).checked = false; if (!stays) one.remove(); }
  if (!stays) current(next);
  const sent = send(decision, chosen).then(async (told) => {
    report(told);
    const refused = places.filter(([one]) => told.moves[one.dataset.question] === undefined);
    if (refused.length) {
      restore(refused);
      await renew(refused.map(([one]) => one.dataset.question));
      warn(refused, told, several);
    }
    if (stays) renew(Object.keys(told.moves));
    return told;
  });
  past.push({ places, sent, stays });
  count();
  refill();
}

// What a suggestion's button says is decided without leaving the page; a key of its own presses it.
function suggested(button, card) {
  const { key, ...decision } = button.dataset;
  decide(decision, card);
  if (decision.verb !== "assign") button.closest("div").remove();
}

function restore(places) {
  for (const [card, before] of places.toReversed()) queue.insertBefore(card, before?.isConnected ? before : null);
  place(places[0][0]);
  current(places[0][0]);
  count();
}

// A card that was refused says why; what was marked beside it, and waits because of it, stays marked.
function warn(places, told, several) {
  const why = new Map((told.refused ?? []).map((one) => [one.id, one.told]));
  for (const [card] of places) {
    const text = why.get(card.dataset.question) ?? why.get("") ?? told.told.join(" ");
    box(card).checked = several && !why.has(card.dataset.question);
    card.querySelector(".desk-refused")?.remove();
    if (!text) continue;
    const line = document.createElement("p");
    line.className = "field-error desk-refused";
    line.textContent = text;
    card.append(line);
  }
}

async function undo() {
  const last = past.pop();
  const told = await last?.sent;
  if (!told?.undo) return;
  const chosen = last.places.map(([card]) => card).filter((card) => told.moves[card.dataset.question] !== undefined);
  const back = await send({ verb: told.undo }, chosen);
  report(back);
  if (last.stays) renew(Object.keys(told.moves));
  else restore(last.places.filter(([card]) => back.moves[card.dataset.question] !== undefined));
}

// What stays in the queue is drawn anew: its words, who is grouped with whom by now, and what is suggested still.
async function renew(ids) {
  let page = null;
  for (const id of ids.map(Number).sort((one, other) => one - other)) {
    const from = new URL(queue.dataset.url, location.href);
    from.searchParams.set("after", id - 1);
    if (!page?.getElementById(`question-${id}`)) page = await fetched(from);
    const card = document.getElementById(`question-${id}`), fresh = page?.getElementById(`question-${id}`);
    if (!card || !fresh || menu?.list.parentElement === card) continue;
    const focused = card.contains(document.activeElement);
    card.replaceChildren(...fresh.childNodes);
    card.dataset.words = fresh.dataset.words;
    card.dataset.moves = Math.max(card.dataset.moves, fresh.dataset.moves);
    box(card).value = pick(card, card.dataset.words);
    if (focused) card.focus();
  }
}

async function fetched(url) {
  const answer = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
  return answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
}

function count() {
  const left = cards().length;
  if (!left && !document.querySelector(".pager-next")) say(queue.dataset.empty);
}

async function refill() {
  const more = document.querySelector(".pager-next");
  if (!more || loading || cards().length > 10) return;
  loading = true;
  const page = await fetched(more.href);
  if (page) {
    const fresh = [...page.querySelectorAll("#queue > [data-question]")].filter((card) => !document.getElementById(card.id));
    queue.append(...fresh);
    const further = page.querySelector(".pager-next");
    if (further) more.href = further.href; else more.closest(".pager").remove();
    if (document.activeElement === document.body) current(cards()[0]);
  }
  loading = false;
  rest();
}

function showKeys() {
  const keys = document.querySelector("#keys details");
  keys.open = !keys.open;
  if (keys.open) keys.scrollIntoView({ block: "nearest" });
}

queue?.addEventListener("keydown", (event) => {
  const card = event.target.closest("[data-question]");
  if (!card || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
  if (menu) {
    const decision = menu.choices.get(event.key);
    closeMenu();
    if (decision) { event.preventDefault(); decide(decision, card); return; }
    if (event.key === "Escape") { event.preventDefault(); return; }
  }
  const button = card.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (button && !marked().length) { event.preventDefault(); suggested(button, card); return; }
  const all = cards(), at = all.indexOf(card);
  const act = {
    a: () => decide({ verb: "accept" }, card),
    p: () => decide({ verb: "divert" }, card),
    g: () => decide({ verb: "group" }, card),
    m: () => { box(card).checked = !box(card).checked; },
    u: undo,
    j: () => current(all[at + 1] ?? card),
    k: () => current(all[at - 1] ?? card),
    d: () => choose("d", card),
    o: () => choose("o", card),
    x: () => choose("x", card),
    f: () => choose("f", card),
    "?": showKeys,
  }[event.key];
  if (act) { event.preventDefault(); act(); }
});

done?.addEventListener("keydown", (event) => { if (event.key === "u") undo(); });
done?.lastElementChild.addEventListener("click", undo);

queue?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-verb]");
  if (button) { event.preventDefault(); suggested(button, button.closest("[data-question]")); }
});

const start = document.getElementById("desk-start"), all = document.getElementById("desk-all");
if (queue && all) {
  all.hidden = false;
  all.firstElementChild.addEventListener("change", (event) => {
    for (const card of cards()) box(card).checked = event.target.checked;
  });
  queue.addEventListener("change", () => { all.firstElementChild.checked = marked().length === cards().length; });
}

if (queue && start) {
  for (const card of cards()) card.tabIndex = -1;
  document.getElementById("keys").hidden = false;
  start.addEventListener("click", () => current(cards()[0]));
}
