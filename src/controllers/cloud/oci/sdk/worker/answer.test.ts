import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sdkAnswer } from './answer.ts';

const TEXT = '2026-03-01T10:20:30.123Z';
const TIME = new Date(TEXT);

it('makes times of the fields that are times, however deep, and of nothing else', () => {
  const answer = {
    etag: 'e1',
    items: [{ timeCreated: TEXT, displayName: TEXT, errorDetails: [{ timestamp: TEXT, message: 'm' }] }],
    timeFinished: 'soon',
    timeoutInMillis: 3000,
    backendSets: { timeServer: { timeCreated: TEXT } },
    freeformTags: { timeZone: TEXT },
  };
  assert.deepEqual(sdkAnswer(answer), {
    ...answer,
    items: [{ timeCreated: TIME, displayName: TEXT, errorDetails: [{ timestamp: TIME, message: 'm' }] }],
    backendSets: { timeServer: { timeCreated: TIME } },
  });
});

it('leaves out what is null, as what is not there, but in tags', () => {
  const rule = { protocol: '6', description: null, tcpOptions: { sourcePortRange: null } };
  assert.deepEqual(sdkAnswer({ rules: [rule], definedTags: { ns: { key: null } } }), {
    rules: [{ protocol: '6', tcpOptions: {} }],
    definedTags: { ns: { key: null } },
  });
});
