// A real OpenID provider for tests: clients, people with groups, keys that can be exchanged.
// Configuration comes as the first line of standard input; every later line changes it.

import { createServer } from 'node:http';
import { createServer as createEncrypted } from 'node:https';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

function accountOf(people, id) {
  return { accountId: id, claims: () => ({ sub: id, ...people[id] }) };
}

function provider({ issuer, keys, clients, people, audience, seconds }) {
  const built = new Provider(issuer, {
    clients,
    jwks: { keys },
    cookies: { keys: ['only for tests'] },
    scopes: ['openid', 'offline_access', 'search'],
    claims: {
      openid: ['sub'], profile: ['preferred_username'], email: ['email'], groups: ['groups'],
    },
    findAccount: (_, id) => accountOf(people, id),
    extraTokenClaims: (_, token) => people[token.accountId ?? token.clientId],
    ttl: {
      Session: 600,
      Interaction: 600,
      Grant: 600,
      IdToken: seconds,
      AccessToken: seconds,
      ClientCredentials: seconds,
    },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'search',
          audience,
          accessTokenTTL: seconds,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: keys[0].alg } },
        }),
      },
    },
  });
  built.on('server_error', (_, error) => console.error(error));
  return built.callback();
}

let configuration = {};
let answer;
let server;
for await (const line of createInterface({ input: process.stdin })) {
  configuration = { ...configuration, ...JSON.parse(line) };
  answer = provider(configuration);
  if (!server) {
    const { tls } = configuration;
    const answering = (request, response) => answer(request, response);
    server = tls ? createEncrypted(tls, answering) : createServer(answering);
    await new Promise((listening) => {
      server.listen(configuration.port, '127.0.0.1', listening);
    });
  }
  console.log('ready');
}
process.exit(0);
