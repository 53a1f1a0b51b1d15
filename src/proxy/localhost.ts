/**
 * Node ports on 127.0.0.1. The kernel keeps loopback addresses from leaving and from coming in, unless `route_localnet` says
 * otherwise; then it is our rules that keep them from the wire. So the setting is there only while the rules are.
 * https://docs.kernel.org/networking/ip-sysctl.html
 */
import { readFile, writeFile } from 'node:fs/promises';
import type { Mode } from './mode.ts';

/** A setting of the kernel, as text. */
export interface Setting {
  read(): Promise<string>;
  write(value: string): Promise<void>;
}

const FILE = '/proc/sys/net/ipv4/conf/all/route_localnet';
/** Any number but 0 means yes. This one, `pst` in ASCII, says that it was us, whatever has become of who wrote it. */
const OURS = String(0x707374);
const NO = '0';

/** Of the network namespace of this process. */
const routeLocalnet: Setting = {
  read: () => readFile(FILE, 'utf8'),
  write: (value) => writeFile(FILE, value),
};

/** Takes back what let loopback addresses through, if it was us: to be done before the rules go. */
export async function closeLocalhost(setting: Setting = routeLocalnet): Promise<void> {
  if (await isSet(setting, OURS)) await setting.write(NO);
}

const isSet = async (setting: Setting, value: string) => (await setting.read()).trim() === value;

/**
 * A mode that serves 127.0.0.1 as well, or, where that is not wanted, ends what an earlier run began. A setting that others
 * made stays as it is.
 */
export function withLocalhost(mode: Mode, wanted: boolean, setting: Setting = routeLocalnet): Mode {
  return {
    name: mode.name,
    families: mode.families,
    ...(mode.recall && { recall: mode.recall.bind(mode) }),
    async load(everything) {
      if (!wanted) await closeLocalhost(setting);
      await mode.load(everything);
      if (wanted && (await isSet(setting, NO))) await setting.write(OURS);
    },
    change: (changes) => mode.change(changes),
    intact: () => mode.intact(),
    ...(mode.traffic && { traffic: mode.traffic.bind(mode) }),
    tidy: () => mode.tidy(),
    async remove() {
      await closeLocalhost(setting);
      await mode.remove();
    },
  };
}
