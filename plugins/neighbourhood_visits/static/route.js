// The stops of a visit are put in order by dragging them. The page works without: buttons move a stop up or down.

const route = document.getElementById("route");
const announcer = document.getElementById("announcer");
let dragged = null;

function send() {
  const body = new FormData();
  body.set("csrf_token", document.querySelector("input[name=csrf_token]").value);
  for (const stop of route.children) body.append("stop", stop.dataset.stop);
  fetch(route.dataset.url, { method: "POST", body })
    .then((answer) => {
      if (!answer.ok) throw new Error(String(answer.status));
      location.reload();
    })
    .catch(() => { announcer.textContent = route.dataset.failed; });
}

for (const stop of route?.children ?? []) {
  stop.draggable = true;
  stop.addEventListener("dragstart", (event) => {
    dragged = stop;
    stop.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", stop.dataset.stop);
  });
  stop.addEventListener("dragend", () => { stop.classList.remove("dragged"); });
  stop.addEventListener("dragover", (event) => { event.preventDefault(); stop.classList.add("over"); });
  stop.addEventListener("dragleave", () => { stop.classList.remove("over"); });
  stop.addEventListener("drop", (event) => {
    event.preventDefault();
    stop.classList.remove("over");
    if (!dragged || dragged === stop) return;
    const down = dragged.compareDocumentPosition(stop) & Node.DOCUMENT_POSITION_FOLLOWING;
    stop[down ? "after" : "before"](dragged);
    send();
  });
}

// Whoever moves a stop by its buttons goes on with the same one, though the page is drawn anew.
const MOVED = "visits-route-moved";
route?.addEventListener("submit", (event) => {
  const way = event.target.elements.verb?.value;
  if (way === "up" || way === "down") sessionStorage.setItem(MOVED, `${event.target.closest("[data-stop]").id} ${way}`);
});
const [moved, way] = (sessionStorage.getItem(MOVED) ?? "").split(" ");
sessionStorage.removeItem(MOVED);
addEventListener("load", () => { // the address's own stop has taken the focus by then
  const again = way && (document.querySelector(`#${moved} [name=verb][value=${way}]`) ?? document.querySelector(`#${moved} [name=verb]`));
  again?.form.querySelector("button").focus({ preventScroll: true });
});
