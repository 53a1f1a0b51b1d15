/** What an operator does with etcdctl to an etcd that has no room: here with etcd's API. */
import { join } from 'node:path';
import { credentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { load } from '@grpc/proto-loader';

export interface Maintenance {
  /** Alarms that are raised, such as `NOSPACE`. */
  alarms(): Promise<readonly string[]>;
  defragment(): Promise<void>;
  disarm(): Promise<void>;
  close(): void;
}

export async function maintenanceOf(endpoint: string): Promise<Maintenance> {
  const definitions = await load(join(import.meta.dirname, 'proto', 'admin.fixture.proto'), {
    enums: String,
    defaults: true,
  });
  const { etcdserverpb } = loadPackageDefinition(definitions) as unknown as {
    etcdserverpb: { Maintenance: ServiceClientConstructor };
  };
  const client = new etcdserverpb.Maintenance(new URL(endpoint).host, credentials.createInsecure());
  const call = <T>(method: string, request: object): Promise<T> =>
    new Promise((resolve, reject) => {
      client[method]?.(request, { deadline: Date.now() + 10_000 }, (error: Error | null, answer: T) =>
        error === null ? resolve(answer) : reject(error),
      );
    });
  const raised = async () => {
    const { alarms } = await call<{ alarms: readonly { memberID: string; alarm: string }[] }>('Alarm', {
      action: 'GET',
    });
    return alarms;
  };
  return {
    alarms: async () => (await raised()).map(({ alarm }) => alarm),
    defragment: () => call('Defragment', {}),
    disarm: async () => {
      for (const alarm of await raised()) await call('Alarm', { action: 'DEACTIVATE', ...alarm });
    },
    close: () => client.close(),
  };
}
