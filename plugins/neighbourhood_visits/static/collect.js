// What was asked alike appears while one types, and a pin is set on the map by tap or arrow keys.
const title = document.querySelector("[data-similar]");
if (title) {
  const place = document.getElementById("similar");
  let timer, last = "";
  const look = async () => {
    const text = title.value.trim();
    if (text === last || text.length < 8) return;
    last = text;
    const body = new URLSearchParams({ title: text.slice(0, 200), csrf_token: title.form.elements.csrf_token.value });
    try {
      const answer = await fetch(title.dataset.similar, { method: "POST", body });
      if (answer.ok && text === last) place.innerHTML = await answer.text();
    } catch { /* without a network one asks as well */ }
  };
  title.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 500); });
}

for (const box of document.querySelectorAll("[data-place-map]")) {
  const svg = box.querySelector("svg"), pin = box.querySelector(".map-pin"), clear = box.querySelector("[data-map-clear]");
  const { latitude, longitude } = box.closest("form").elements;
  const edge = Object.fromEntries(["west", "east", "south", "north"].map((name) => [name, Number(box.dataset[name])]));
  const { width, height } = svg.viewBox.baseVal;
  const say = (text) => { document.getElementById("announcer").textContent = text; };
  const draw = () => {
    const set = latitude.value !== "" && longitude.value !== "";
    pin.toggleAttribute("hidden", !set);
    clear.hidden = !set;
    if (!set) return;
    const x = (longitude.value - edge.west) / (edge.east - edge.west) * width;
    const y = (edge.north - latitude.value) / (edge.north - edge.south) * height;
    pin.setAttribute("transform", `translate(${x} ${y})`);
  };
  const put = (x, y) => {
    const [right, down] = [Math.min(Math.max(x / width, 0), 1), Math.min(Math.max(y / height, 0), 1)];
    longitude.value = (edge.west + right * (edge.east - edge.west)).toFixed(6);
    latitude.value = (edge.north - down * (edge.north - edge.south)).toFixed(6);
    draw();
    say(box.dataset.set);
  };
  svg.addEventListener("click", (event) => {
    const spot = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    put(spot.x, spot.y);
  });
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  svg.addEventListener("keydown", (event) => {
    if (!steps[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const here = latitude.value === "" ? [width / 2, height / 2] : [
      (longitude.value - edge.west) / (edge.east - edge.west) * width,
      (edge.north - latitude.value) / (edge.north - edge.south) * height,
    ];
    const far = latitude.value === "" ? 0 : event.shiftKey ? 5 : 20;
    put(here[0] + steps[event.key][0] * far, here[1] + steps[event.key][1] * far);
  });
  clear.addEventListener("click", () => { latitude.value = longitude.value = ""; draw(); say(box.dataset.gone); svg.focus(); });
  box.hidden = false;
  draw();
}
