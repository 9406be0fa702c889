// A proxy as sites have one: TLS and HTTP/2 outside, HTTP/1.1 to the server. Prints its port; ends with its input.
// node proxy.mjs CERTIFICATE KEY PORT
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createSecureServer } from "node:http2";

const [certificate, key, port] = process.argv.slice(2);
const OF_ONE_CONNECTION = new Set(["connection", "keep-alive", "transfer-encoding"]);
const agent = new Agent({ keepAlive: true });

const server = createSecureServer(
  { cert: readFileSync(certificate), key: readFileSync(key), allowHTTP1: true },
  (asked, answer) => {
    const headers = Object.fromEntries(Object.entries(asked.headers).filter(([name]) => !name.startsWith(":")));
    headers.host = asked.headers[":authority"] ?? headers.host;
    const inner = request({ host: "127.0.0.1", port, method: asked.method, path: asked.url, headers, agent }, (got) => {
      const kept = Object.entries(got.headers).filter(([name]) => !OF_ONE_CONNECTION.has(name));
      answer.writeHead(got.statusCode, Object.fromEntries(kept));
      got.pipe(answer);
    });
    inner.on("error", () => answer.destroy());
    asked.pipe(inner);
  },
);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit()).resume();
