// The web process: listens where PORT says, keeps its visits in a file beside it.
const { createServer } = require("node:http");
const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const port = Number(process.env.PORT ?? 5000);
const greeting = process.env.GREETING ?? "Hello";
const file = join(__dirname, "visits.txt");

let visits = countSoFar();

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://guestbook");
  if (pathname === "/healthz") return answer(response, { status: 200, type: "text/plain", body: "ok\n" });
  if (pathname !== "/") return answer(response, { status: 404, type: "text/plain", body: "nothing here\n" });
  visits += 1;
  writeFileSync(file, `${visits}\n`);
  console.log(`visit ${visits}`);
  answer(response, { status: 200, type: "text/html", body: page() });
});

server.listen(port, "0.0.0.0", () => console.log(`guestbook listens on port ${port}`));

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    console.log(`guestbook says goodbye after ${visits} visits`);
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}

function answer(response, { status, type, body }) {
  response.writeHead(status, { "content-type": `${type}; charset=utf-8` }).end(body);
}

function countSoFar() {
  try {
    return Number.parseInt(readFileSync(file, "utf8"), 10) || 0;
  } catch {
    return 0;
  }
}

function page() {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Guestbook</title>
<style>
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #f6f3ec; color: #2b2a27;
         font: 18px/1.5 Georgia, serif; }
  main { padding: 3rem 4rem; background: #fff; border-top: 6px solid #c2571a; box-shadow: 0 2px 24px #0001; }
  h1 { margin: 0; font-size: 2.4rem; font-weight: normal; }
  strong { color: #c2571a; font-size: 1.4em; }
  small { color: #6d6a63; }
</style>
<main>
  <h1>Guestbook</h1>
  <p>${escape(greeting)}, you are visitor <strong>${visits}</strong>.</p>
  <small>${escape(process.env.SHARKU_PROC ?? "running by itself")} · Node ${process.versions.node} · port ${port}</small>
</main>
`;
}

function escape(text) {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
