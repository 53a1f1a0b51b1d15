import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mistakesOf } from '../../testing.ts';
import { BFDProfile, BGPAdvertisement, BGPPeer, Community, OldBGPPeer } from './bgp.ts';

for (const kind of [BGPPeer, OldBGPPeer, BGPAdvertisement, BFDProfile, Community]) {
  test(`a ${kind.kind} of ${kind.version} is refused, and told what to make instead`, () => {
    assert.deepEqual(mistakesOf(kind, { spec: { whatever: [1] } }), [
      `kind: Forbidden: no ${kind.kind} can be made: layer 2 is what is supported: announce the pool with an L2Advertisement (metallb.io/v1beta1) in its place; BGP needs MetalLB itself`,
    ]);
  });
}
