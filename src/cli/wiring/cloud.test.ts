import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_CONTROLLERS, type ControllerName } from '../../controllers/names.ts';
import { seconds } from '../../lib/duration.ts';
import type { CloudFlags } from '../cloud-options.ts';
import { UserError } from '../errors.ts';
import { readCloud } from './cloud.ts';

const FLAGS: CloudFlags = { cloudNodePorts: [], cloudSweep: seconds(300) };
const OCI = { cloudProvider: 'oci', cloudConfig: '/nowhere/cloud.yaml' } as const;
const ALONE: ReadonlySet<ControllerName> = new Set(['cloud']);

test('without a cloud layer 2 serves what names no class, or nobody', async () => {
  assert.equal((await readCloud(FLAGS, ALL_CONTROLLERS)).default, 'layer2');
  assert.equal((await readCloud({ ...FLAGS, defaultLoadBalancer: 'nobody' }, ALL_CONTROLLERS)).default, 'nobody');
});

test('what does not go together is told before anything is started, with what to say', async () => {
  const without = new Set([...ALL_CONTROLLERS].filter((name) => name !== 'cloud'));
  for (const [flags, controllers, message, remedy] of [
    [{ cloudConfig: 'x' }, ALL_CONTROLLERS, /none is named/, /--cloud-provider oci/],
    [{ cloudProvider: 'oci' }, ALONE, /how to reach the cloud/, /--cloud-config FILE/],
    [OCI, without, /which is left out/, /let cloud run/],
    [OCI, ALL_CONTROLLERS, /by layer2 or by oci: only one can/, /--default-load-balancer layer2, oci or nobody/],
    [{ defaultLoadBalancer: 'oci' }, ALL_CONTROLLERS, /asks no cloud/, /Say nobody where another process/],
    [OCI, ALONE, /\/nowhere\/cloud\.yaml cannot be read/, /docs\/oci-credentials\.md/],
  ] as const) {
    await assert.rejects(readCloud({ ...FLAGS, ...flags }, controllers), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      assert.match(error.remedy ?? '', remedy);
      return true;
    });
  }
});
