/** `postern image import` and `postern image list containers`: the images that the container runtime of this machine has. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { silentLogger } from '../host/log.ts';
import { codeOf } from '../lib/errors.ts';
import { openRuntime } from '../pods/cri/client.ts';
import { connect } from '../pods/cri/connection.ts';
import { CRIError } from '../pods/cri/cri.ts';
import { ArchiveError } from '../pods/images/archive-parts.ts';
import { importImages } from '../pods/images/import.ts';
import { UserError } from './errors.ts';
import { textTable } from './output.ts';

export interface ImportRequest {
  readonly files: readonly string[];
  /** `unix:///PATH`. */
  readonly endpoint: string;
  /** Of the one image in the one file. */
  readonly name?: string;
}

/** Imports archives one after the other, and tells the names of their images. Throws a {@link UserError} with the remedy. */
export async function* importContainerImages({ files, endpoint, name }: ImportRequest): AsyncIterable<string> {
  if (name !== undefined && files.length > 1) {
    throw new UserError(
      `--name ${name}: it names one image, and there are ${files.length} files`,
      'Import them one by one.',
    );
  }
  const socketPath = await requireSocket(endpoint);
  const connection = await connect(socketPath);
  try {
    for (const file of files) {
      yield* await importImages({ connection, file, ...(name === undefined ? {} : { name }) }).catch(
        (error: unknown) => {
          throw explained(error, { file, endpoint });
        },
      );
    }
  } finally {
    connection.close();
  }
}

function explained(error: unknown, { file, endpoint }: { file: string; endpoint: string }): unknown {
  const options = { cause: error };
  if (error instanceof ArchiveError && error.kind === 'unnamed') {
    return new UserError(
      `${file}: ${error.message}`,
      `Give it one: postern image import --name NAME:TAG ${file}`,
      options,
    );
  }
  if (error instanceof ArchiveError && error.kind === 'misnamed') {
    return new UserError(`${file}: ${error.message}`, 'Names are such as example.com/team/web:1.2.', options);
  }
  if (error instanceof ArchiveError) {
    const remedy = 'It takes what docker save, podman save, skopeo copy … oci-archive:FILE or umoci write.';
    return new UserError(`${file}: ${error.message}`, remedy, options);
  }
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR') {
    const what = {
      ENOENT: 'there is no such file',
      EACCES: 'it is not open to this user',
      EISDIR: 'it is a directory',
    };
    return new UserError(`${file}: ${what[code]}`, undefined, options);
  }
  return runtimeTrouble(error, endpoint);
}

function runtimeTrouble(error: unknown, endpoint: string): unknown {
  if (!(error instanceof CRIError)) return error;
  if (error.code === 'unimplemented') {
    return new UserError(
      `what listens at ${endpoint} is not containerd`,
      'Import images with that runtime’s own tool.',
      {
        cause: error,
      },
    );
  }
  if (error.code !== 'unavailable') return error;
  return new UserError(`containerd does not answer at ${endpoint}`, 'Is it running? systemctl status containerd', {
    cause: error,
  });
}

/** An image that pods of a node can name. */
export interface ContainerImage {
  readonly names: readonly string[];
  readonly id: string;
  /** Bytes, as containerd counts them. */
  readonly size: number;
}

/** What containers can run without a registry, by name. */
export async function containerImages(endpoint: string): Promise<readonly ContainerImage[]> {
  const runtime = await openRuntime({ socketPath: await requireSocket(endpoint), log: silentLogger });
  try {
    const images = await runtime.images();
    return images
      .map(({ id, repoTags, repoDigests, size }) => ({ id, size, names: repoTags.length > 0 ? repoTags : repoDigests }))
      .toSorted((a, b) => ((a.names[0] ?? '') < (b.names[0] ?? '') ? -1 : 1));
  } catch (error) {
    throw runtimeTrouble(error, endpoint);
  } finally {
    runtime.close();
  }
}

/** The images as a table, for people. */
export function containerImageTable(images: readonly ContainerImage[]): string {
  if (images.length === 0) return 'none yet; this brings one: postern image import FILE';
  const rows = images.flatMap(({ names, id, size }) => {
    const [short, mebibytes] = [id.replace('sha256:', '').slice(0, 12), `${(size / 2 ** 20).toFixed(1)} MiB`];
    return (names.length === 0 ? ['<none>'] : names).map((name) => [name, short, mebibytes]);
  });
  return textTable(['IMAGE', 'ID', 'SIZE'], rows);
}

/** The socket's path. Throws a {@link UserError} unless one is there for this user. */
async function requireSocket(endpoint: string): Promise<string> {
  const path = /^unix:\/\/(\/.+)$/.exec(endpoint)?.[1];
  if (path === undefined) {
    throw new UserError(
      `--endpoint ${endpoint}: it is unix:// and the absolute path of a socket`,
      'Such as unix:///run/containerd/containerd.sock.',
    );
  }
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return path;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EACCES')
      throw new UserError(`${path} is not open to this user`, 'Run it with sudo.', { cause: error });
    throw new UserError(
      `no container runtime listens at ${path}`,
      'Install one: apt-get install -y --no-install-recommends containerd runc. Or name its socket with --endpoint.',
      { cause: error },
    );
  }
}
