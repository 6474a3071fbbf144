// The provider that tests sign in by: node-oidc-provider, with a page that believes whatever is typed.
//
// node oidc_provider.mjs <its library> <its clients, as JSON>: tells its address on one line, and then serves.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

const [library, clients] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(library));
const people = new Map();
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });

const configuration = {
  clients: JSON.parse(clients),
  jwks: { keys: [{ ...key, kid: 'first', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: ['only for tests'] },
  acrValues: ['mfa'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], acr: null, auth_time: null },
  features: { devInteractions: { enabled: false } },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...people.get(sub) }) }),
  interactions: { url: (_, interaction) => `/person/${interaction.uid}` },
  // Whoever signs in has agreed to be known by these clients.
  async loadExistingGrant({ oidc }) {
    const { clientId } = oidc.client;
    const known = oidc.session.grantIdFor(clientId);
    if (known) return oidc.provider.Grant.find(known);
    const grant = new oidc.provider.Grant({ accountId: oidc.session.accountId, clientId });
    grant.addOIDCScope('openid email');
    await grant.save();
    return grant;
  },
};

const server = createServer().listen(0, '127.0.0.1', () => {
  const provider = new Provider(`http://127.0.0.1:${server.address().port}`, configuration);
  const serve = provider.callback();
  server.on('request', async (request, response) => {
    if (!request.url.startsWith('/person/')) {
      serve(request, response);
    } else if (request.method === 'GET') {
      response.end('<form method="post"><button>Sign in</button></form>');
    } else {
      const { sub, acr, turns_back: turnsBack, ...said } = JSON.parse(await text(request));
      people.set(sub, said);
      const error = { error: 'access_denied', error_description: 'the person turned back' };
      const result = turnsBack ? error : { login: { accountId: sub, acr } };
      await provider.interactionFinished(request, response, result);
    }
  });
  console.log(provider.issuer);
});
