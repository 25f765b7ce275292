import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import type { SingleSignOn } from '../web/single-sign-on.ts';
import { UseError } from './use-error.ts';

export interface OpenIdOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly secret: string;
  /** Which claim of the identity token is the name of the account. */
  readonly claim: string;
  /** How browsers reach this server: `https://imapwhy.example.org`. */
  readonly publicUrl: string;
}

export const RETURN_PATH = '/sign-in/return';

/** Asks the issuer for its addresses and keys. Throws UseError for one that does not answer as OpenID Connect Discovery says. */
export async function openId(options: OpenIdOptions): Promise<SingleSignOn> {
  const issuer = URL.parse(options.issuer);
  if (!issuer) throw new UseError(`--oidc-issuer ${options.issuer}: give a URL, such as https://login.example.org.`);
  // Loopback only, for a provider on the same machine: everything else must be https.
  const isLocal = issuer.protocol === 'http:' && (issuer.hostname === 'localhost' || issuer.hostname === '127.0.0.1');
  let configuration: Configuration;
  try {
    configuration = await discovery(issuer, options.clientId, options.secret, undefined, {
      execute: isLocal ? [allowInsecureRequests] : [],
    });
  } catch (error) {
    throw new UseError(
      `--oidc-issuer ${options.issuer}: it cannot be used (${error instanceof Error ? error.message : String(error)}). Its page /.well-known/openid-configuration must be readable from here.`,
      { cause: error },
    );
  }
  return {
    async begin(to, now) {
      const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
      const url = buildAuthorizationUrl(configuration, {
        redirect_uri: new URL(RETURN_PATH, options.publicUrl).href,
        scope: 'openid profile email',
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return { url: url.href, begun: { state, nonce, verifier, to, at: now } };
    },
    async complete(path, begun) {
      const tokens = await authorizationCodeGrant(configuration, new URL(path, options.publicUrl), {
        pkceCodeVerifier: begun.verifier,
        expectedState: begun.state,
        expectedNonce: begun.nonce,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      // An address that nobody has proved to own is no name.
      if (options.claim === 'email' && claims?.email_verified !== true) return undefined;
      const name = claims && Object.hasOwn(claims, options.claim) ? claims[options.claim] : undefined;
      return typeof name === 'string' && name !== '' ? name : undefined;
    },
  };
}
