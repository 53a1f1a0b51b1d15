/** What is forwarded: every transport protocol, and ports by number and by name. */
import type { EndpointSlice } from '../../../api/discovery/v1/endpointslice.ts';
import { feature } from './feature.ts';

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;

export const protocols = [
  ...PROTOCOLS.map((name) =>
    feature(`${name}: by cluster IP, node port, load balancer address and external IP`, async (it) => {
      const protocol = name.toLowerCase() as Lowercase<typeof name>;
      const ports = [{ port: 80, protocol: name, nodePort: it.nodePort() }];
      await it.put(
        it.loadBalancer({ ports, externalIPs: [it.virtualIP(1)] }),
        it.serves(['a1', 'b1'], { protocol: name }),
      );
      const everyone = ['a1 saw node1', 'b1 saw node1'];
      await it.expect('a2', [it.vip(), 80], ['a1 saw a2', 'b1 saw a2'], { protocol });
      await it.expect('client', [it.nodeIP, it.nodePort()], everyone, { protocol });
      await it.expect('client', [it.virtualIP(), 80], everyone, { protocol });
      await it.expect('node1', [it.virtualIP(1), 80], everyone, { protocol });
    }),
  ),

  feature('several ports of a Service lead to ports of their own', async (it) => {
    const ports = [
      { name: 'web', port: 80, nodePort: it.nodePort(0) },
      { name: 'admin', port: 81, nodePort: it.nodePort(1) },
    ];
    const slice: EndpointSlice = {
      ...it.serves(['a1']),
      ports: [
        { name: 'web', protocol: 'TCP', port: 9376 },
        { name: 'admin', protocol: 'TCP', port: 9377 },
      ],
    };
    await it.put(it.loadBalancer({ ports }), slice);
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2']);
    await it.expect('a2', [it.vip(), 81], ['a1:9377 saw a2']);
    await it.expect('client', [it.nodeIP, it.nodePort(0)], ['a1 saw node1']);
    await it.expect('client', [it.nodeIP, it.nodePort(1)], ['a1:9377 saw node1']);
  }),

  feature('one port number of two protocols leads to two places', async (it) => {
    const ports = [
      { name: 'dns', port: 53, protocol: 'UDP' as const },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' as const },
    ];
    const tcp = it.serves(['a1'], { name: 'dns-tcp' });
    const udp = it.serves(['b1'], { name: 'dns', protocol: 'UDP' });
    await it.put(it.service({ ports }), tcp, { ...udp, metadata: { ...udp.metadata, name: `${it.name()}-udp` } });
    await it.expect('a2', [it.vip(), 53], ['a1 saw a2']);
    await it.expect('a2', [it.vip(), 53], ['b1 saw a2'], { protocol: 'udp' });
  }),

  feature('a named target port has the number that each pod gives it', async (it) => {
    const first = it.serves(['a1'], { name: 'web', port: 9376 });
    const second = it.serves(['b1'], { name: 'web', port: 9377 });
    const service = it.service({ ports: [{ name: 'web', port: 80, targetPort: 'http' }] });
    await it.put(service, first, { ...second, metadata: { ...second.metadata, name: `${it.name()}-second` } });
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2', 'b1:9377 saw a2']);
  }),

  feature('a port that moves is served where it is now, and no longer where it was', async (it) => {
    const at = (port: number, nodePort: number) => it.loadBalancer({ ports: [{ port, nodePort }] });
    await it.put(at(80, it.nodePort(0)), it.serves(['a1']));
    await it.expect('client', [it.nodeIP, it.nodePort(0)], ['a1 saw node1']);
    await it.put(at(8080, it.nodePort(1)));
    await it.expect('client', [it.nodeIP, it.nodePort(1)], ['a1 saw node1']);
    await it.expect('client', [it.nodeIP, it.nodePort(0)], ['refused']);
    await it.expect('a2', [it.vip(), 8080], ['a1 saw a2']);
    await it.expect('a2', [it.vip(), 80], ['refused']);
  }),
];
