// Starts oidc-provider, a certified OAuth 2 and OpenID server, on a free port of 127.0.0.1, over TLS.
//
// Its configuration comes as one JSON line on standard input, never in argv, where every process could read the secrets:
//   modules      the directory that holds node_modules
//   certificate  PEM file of the server's chain, `key` PEM file of its key
//   delegated    how many of the clients, from the first on, also get a refresh token, as if a person had consented; every
//                use of one rotates it
//   events       a file; a line for each refresh token that is issued, and for each family that is revoked
//   clients      [{ id, secret }]; a secret may come in Authorization (RFC 6749, section 2.3.1: each part form-encoded) or in
//                the body, never in both
//   lifetime     seconds that an access token lives
//   audience     the resource indicator that tokens are minted for; absent: opaque tokens for no resource
//   format       "opaque" or "jwt", of tokens with an audience
// When it listens it prints one JSON line, {"port":N,"refresh":[...]}. It ends when its standard input does, so that it cannot outlive
// the test that started it.
import { appendFileSync, readFileSync } from "node:fs";
import https from "node:https";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import path from "node:path";

const line = await new Promise((resolve) => createInterface({ input: process.stdin }).once("line", resolve));
process.stdin.on("end", () => process.exit(0)).resume();
const config = JSON.parse(line);

const require = createRequire(path.join(config.modules, "here.js"));
const { Provider, errors } = await import(pathToFileURL(require.resolve("oidc-provider")));

// The issuer's name holds the port, so the port comes first.
let answer = (_request, response) => response.writeHead(503).end();
const handle = (request, response) => answer(request, response);
const server = https.createServer({ cert: readFileSync(config.certificate), key: readFileSync(config.key) }, handle);
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address();

const client = ({ id, secret }) => ({
  client_id: id,
  client_secret: secret,
  grant_types: ["client_credentials", ...(config.delegated ? ["authorization_code", "refresh_token"] : [])],
  response_types: config.delegated ? ["code"] : [],
  redirect_uris: config.delegated ? ["https://localhost/nobody-listens-here"] : [],
});

const resourceServer = {
  scope: "read write",
  audience: config.audience,
  accessTokenTTL: config.lifetime,
  accessTokenFormat: config.format ?? "opaque",
};

const provider = new Provider(`https://127.0.0.1:${port}`, {
  clients: config.clients.map(client),
  scopes: ["offline_access", "read", "write"],
  ttl: { AccessToken: config.lifetime, ClientCredentials: config.lifetime, Grant: 86400, RefreshToken: 86400 },
  rotateRefreshToken: true,
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => config.audience ?? [],
      getResourceServerInfo: (_context, resource) => {
        if (resource !== config.audience) throw new errors.InvalidTarget();
        return resourceServer;
      },
    },
  },
});
answer = provider.callback();

const told = (event) => appendFileSync(config.events, `${JSON.stringify(event)}\n`);
provider.on("refresh_token.saved", (token) => told({ issued: token.jti }));
provider.on("grant.revoked", () => told({ revoked: true }));

// What a person's consent in a browser leads to.
const consented = async ({ id }) => {
  const scope = "offline_access read";
  const grant = new provider.Grant({ accountId: "technician", clientId: id });
  grant.addOIDCScope(scope);
  const origin = { accountId: "technician", client: await provider.Client.find(id), grantId: await grant.save() };
  return new provider.RefreshToken({ ...origin, gty: "authorization_code", scope }).save();
};
const refresh = await Promise.all(config.clients.slice(0, config.delegated).map(consented));
process.stdout.write(`${JSON.stringify({ port, refresh })}\n`);
