import { test } from 'node:test';
import { besideOthers, skipWithoutTaps } from '../../src/host/testing/in-namespace.ts';
import { skipWithoutEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import { skipWithoutKubeApiserver } from './kube-apiserver.ts';

const skip = skipWithoutKubeApiserver() || skipWithoutEtcd() || skipWithoutTaps();

test('the parts of deploy/ do their work on an unmodified Kubernetes, with the rights that they have there', {
  skip,
}, async () => {
  await besideOthers(new URL('kubernetes.fixture.ts', import.meta.url));
});
