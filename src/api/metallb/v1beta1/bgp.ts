/**
 * MetalLB's kinds for BGP: named in discovery, so that manifests of them reach the server and are told why they are refused
 * and what to do instead; without them clients would only say that the kind is unknown. There is never an object of one.
 */
import { defineKind } from '../../kind.ts';
import { anything, object } from '../../schema.ts';

const WHY =
  'layer 2 is what is supported: announce the pool with an L2Advertisement (metallb.io/v1beta1) in its place; BGP needs MetalLB itself';

const fields = object({ spec: anything(), status: anything() }, `Refused: ${WHY}.`);

function refusedKind(kind: string, plural: string, version: string) {
  return defineKind({ group: 'metallb.io', version, kind, plural, namespaced: true, schema: fields, refused: WHY });
}

export const BGPPeer = refusedKind('BGPPeer', 'bgppeers', 'v1beta2');
/** Its older version, which manifests still name. */
export const OldBGPPeer = refusedKind('BGPPeer', 'bgppeers', 'v1beta1');
export const BGPAdvertisement = refusedKind('BGPAdvertisement', 'bgpadvertisements', 'v1beta1');
export const BFDProfile = refusedKind('BFDProfile', 'bfdprofiles', 'v1beta1');
export const Community = refusedKind('Community', 'communities', 'v1beta1');
