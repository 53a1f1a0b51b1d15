import { admissionKey } from './backend.ts';
import { firewallContract } from './contract.ts';
import { MemoryRules, memoryFirewall } from './memory.ts';

const rules = new MemoryRules();

firewallContract('memory', {
  open: async () => memoryFirewall(rules),
  dump: async () =>
    [
      ...[...rules.admissions.values()].map((one) => `${admissionKey(one)} from ${one.sources?.join() ?? 'anyone'}`),
      `pods ${JSON.stringify(rules.pods)}`,
    ]
      .sort()
      .join('\n'),
  damages: { 'a flush': async () => rules.admissions.clear() },
});
