import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMountinfo } from './mountinfo.ts';

test('mount points are read with blanks and letters of any script in them', () => {
  const text = [
    '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
    '23 22 0:21 / /srv/a\\040b\\134c rw - tmpfs tmpfs rw',
    '24 22 0:22 / /srv/f\\303\\274r rw - tmpfs tmpfs rw',
    '',
  ].join('\n');
  const mounts = parseMountinfo(text);
  assert.deepEqual(
    mounts.map(({ point }) => point),
    ['/', '/srv/a b\\c', '/srv/für'],
  );
  assert.deepEqual(mounts[0], { point: '/', type: 'ext4', superOptions: 'rw' });
});
