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
