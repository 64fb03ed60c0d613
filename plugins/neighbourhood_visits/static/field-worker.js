// Shows the field's page when there is no network; whoever may no longer see it loses what was kept.

const FIELD = /^\/visits\/(\d+)\/field$/, PATIENCE = 6000;

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  const field = url.pathname.match(FIELD);
  if (request.mode === "navigate" && field) event.respondWith(page(request, url, `visits-field-${field[1]}`));
  else if (url.pathname.includes("/static/")) event.respondWith(asset(request));
});

async function page(request, url, name) {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status === 403) await caches.delete(name);
    else if (answer.ok) await (await caches.open(name)).put(url.pathname, answer.clone());
    if (answer.status < 500) return answer;
  } catch { /* no network: what is kept is shown */ }
  return (await caches.match(url.pathname, { cacheName: name })) ?? Response.error();
}

async function asset(request) {
  return (await caches.match(request)) ?? fetch(request);
}
