/** Signs requests, as the SDK does, with the credentials that we have. */
import {
  DefaultRequestSigner,
  EndpointBuilder,
  type HttpRequest,
  InstancePrincipalsAuthenticationDetailsProviderBuilder,
  Region,
  SimpleAuthenticationDetailsProvider,
} from 'oci-common';
import type { OciEndpoints } from '../../config.ts';
import type { ThreadCredentials, ThreadData } from '../messages.ts';

export interface Signer {
  /** Undefined: the credentials do not say. */
  readonly region: string | undefined;
  /** Resolves with what the key is known by to OCI. A second signature replaces the first. */
  sign(request: HttpRequest): Promise<string>;
  /** OCI does not know the key: resolves with whether there is another now. */
  renew(keyId: string): Promise<boolean>;
}

export async function openSigner({ credentials, endpoints, region }: ThreadData): Promise<Signer> {
  return credentials.kind === 'api-key' ? apiKeySigner(credentials) : instanceSigner(endpoints, region);
}

type ApiKey = Extract<ThreadCredentials, { kind: 'api-key' }>;

/** https://docs.oracle.com/en-us/iaas/Content/API/Concepts/signingrequests.htm */
function apiKeySigner({ tenancy, user, fingerprint, privateKey }: ApiKey): Signer {
  const provider = new SimpleAuthenticationDetailsProvider(tenancy, user, fingerprint, privateKey, null);
  const signer = new DefaultRequestSigner(provider);
  return {
    region: undefined,
    sign: async (request) => {
      await signer.signHttpRequest(request);
      return provider.getKeyId();
    },
    renew: async () => false,
  };
}

/** https://docs.oracle.com/en-us/iaas/Content/Identity/Tasks/callingservicesfrominstances.htm */
async function instanceSigner({ metadata, auth }: OciEndpoints, region: string | undefined): Promise<Signer> {
  const builder = new InstancePrincipalsAuthenticationDetailsProviderBuilder();
  if (metadata !== undefined) builder.metadataBaseUrl = metadata;
  // Otherwise it asks the metadata service where it is, and takes only regions that this version of the SDK knows.
  if (auth !== undefined) builder.federationEndpoint = auth;
  else if (region !== undefined) builder.federationEndpoint = authEndpoint(region);
  const provider = await builder.build();
  const signer = new DefaultRequestSigner(provider);
  // A new token comes with a new key: nobody may sign between the two.
  const inTurn = turns();
  return {
    region: provider.getRegion()?.regionId,
    sign: (request) =>
      inTurn(async () => {
        // A request that was signed before is dated anew.
        request.headers.delete('x-date');
        await signer.signHttpRequest(request);
        return provider.getKeyId();
      }),
    renew: (keyId) =>
      inTurn(async () => {
        if ((await provider.getKeyId()) === keyId) await provider.refresh();
        return true;
      }),
  };
}

function authEndpoint(region: string): string {
  const regionId = Region.getRegionIdFromShortCode(region);
  return EndpointBuilder.createEndpointFromRegionId('https://auth.{region}.{secondLevelDomain}', regionId);
}

/** Does one piece of work after the other. */
function turns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
}
