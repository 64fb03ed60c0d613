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

// Questions before what can't be undone.
function confirmFirst(event) {
  const button = event.submitter;
  if (!button?.dataset.confirm || button.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const yes = make("button", { class: button.classList.contains("danger") ? "button danger" : "button" }, button.textContent.trim());
  if (button.getAttribute("role") === "switch") yes.textContent = words.confirm;
  const no = make("button", { class: "button quiet", type: "button" }, words.cancel);
  const dialog = make("dialog", { class: "dialog", "aria-labelledby": "dialog-title" },
    make("h2", { id: "dialog-title" }, button.dataset.confirm), make("div", { class: "form-actions" }, no, yes));
  document.body.append(dialog);
  no.addEventListener("click", () => dialog.close());
  yes.addEventListener("click", () => {
    dialog.close();
    button.confirmed = true;
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
// what an option shows, `take` what choosing one does; in an `eager` list the first option is chosen at once.
function suggest(field, { url, typed, draw, take, eager }) {
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
    url: field.dataset.mentionsUrl, typed, eager: true,
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

// One row for one picture; the next row appears when the first is used.
for (const picker of document.querySelectorAll("[data-pictures]")) {
  const rows = [...picker.querySelectorAll("fieldset")];
  const used = (row) => row.querySelector("[type=file]").files.length > 0;
  const draw = () => rows.forEach((row, at) => {
    row.hidden = at > 0 && !used(row) && !used(rows[at - 1]);
    row.querySelector("[type=text]").required = used(row);
  });
  picker.addEventListener("change", draw);
  draw();
}

// "Load more": the first new post takes the focus.
for (const feed of document.querySelectorAll(".feed")) {
  new MutationObserver((changes) => {
    if (!changes.some((change) => [...change.removedNodes].some((node) => node.id === "more"))) return;
    changes.flatMap((change) => [...change.addedNodes]).find((node) => node.matches?.(".card"))?.focus();
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
