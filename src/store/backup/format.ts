/**
 * What a backup is: lines of JSON, compressed by gzip. `docs/backup.md` has the same for people.
 *
 * - first the header, which says of which revision everything is
 * - then files that belong to a server, such as its certificates, if any
 * - then every entry, in the order of keys
 * - at last how many there are of both, and a digest of all lines before: without it the backup is not whole
 */
import type { Entry, Revision } from '../store.ts';

export const FORMAT = 'postern-backup';
export const FORMAT_VERSION = 1;

export interface BackupHeader {
  /** Unique. */
  readonly id: string;
  /** The revision that the entries are of. */
  readonly revision: Revision;
  /** When it was made: RFC 3339. */
  readonly time: string;
  /** The program that made it. */
  readonly by: string;
}

export interface BackupFile {
  /** Where it is in the server's data directory, such as `pki/ca.pem`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface BackupTrailer {
  readonly entries: number;
  readonly files: number;
  /** Of all lines before this one, with their line feeds; hexadecimal. */
  readonly sha256: string;
}

export type BackupLine =
  | { readonly kind: 'header'; readonly header: BackupHeader }
  | { readonly kind: 'file'; readonly file: BackupFile }
  | { readonly kind: 'entry'; readonly entry: Entry }
  | { readonly kind: 'trailer'; readonly trailer: BackupTrailer };

/** A file that is no backup, or not a whole one, or one that is not known here. */
export class BackupError extends Error {
  constructor(problem: string, options?: { cause?: unknown }) {
    super(problem, options);
    this.name = 'BackupError';
  }
}

/** With a line feed. */
export function encodeLine(line: BackupLine): string {
  return `${JSON.stringify(plain(line))}\n`;
}

function plain(line: BackupLine): object {
  switch (line.kind) {
    case 'header':
      return { format: FORMAT, version: FORMAT_VERSION, ...line.header };
    case 'file':
      return { file: line.file.path, ...plainBytes(line.file.bytes) };
    case 'entry': {
      const { key, created, modified, value } = line.entry;
      return { key, created, modified, ...plainBytes(value) };
    }
    case 'trailer':
      return line.trailer;
  }
}

/** As text where it is some, which objects are. */
function plainBytes(bytes: Uint8Array): { text: string } | { base64: string } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = buffer.toString('utf8');
  return Buffer.from(text).equals(buffer) ? { text } : { base64: buffer.toString('base64') };
}

/** Throws {@link BackupError}. */
export function decodeLine(text: string): BackupLine {
  const line = parse(text);
  if ('format' in line) return { kind: 'header', header: headerOf(line) };
  if ('key' in line) {
    const { key, created, modified } = line;
    if (typeof key !== 'string' || key === '' || !isRevision(created) || !isRevision(modified)) throw malformed(text);
    return { kind: 'entry', entry: { key, created, modified, value: bytesOf(line, text) } };
  }
  if ('file' in line) {
    const { file: path } = line;
    // Nothing outside of its folder, whoever made the backup.
    if (typeof path !== 'string' || !/^pki\/[\w-][\w.-]*$/.test(path)) throw malformed(text);
    return { kind: 'file', file: { path, bytes: bytesOf(line, text) } };
  }
  const { entries, files, sha256 } = line;
  if (!isRevision(entries) || !isRevision(files) || typeof sha256 !== 'string') throw malformed(text);
  return { kind: 'trailer', trailer: { entries, files, sha256 } };
}

type Fields = Readonly<Record<string, unknown>>;

function parse(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  } catch (cause) {
    throw new BackupError(`not a line of a backup: ${shortened(text)}`, { cause });
  }
  throw malformed(text);
}

function headerOf({ format, version, id, revision, time, by }: Fields): BackupHeader {
  if (format !== FORMAT) throw new BackupError(`not a backup of Postern, but ${JSON.stringify(format)}`);
  if (version !== FORMAT_VERSION) {
    throw new BackupError(`a backup of version ${version}; this version of Postern knows version ${FORMAT_VERSION}`);
  }
  if (typeof id !== 'string' || !isRevision(revision) || typeof time !== 'string') {
    throw new BackupError('the first line of the backup lacks its id, revision or time');
  }
  return { id, revision, time, by: String(by) };
}

function bytesOf({ text, base64 }: Fields, line: string): Uint8Array {
  if (typeof text === 'string') return Buffer.from(text);
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64');
  throw malformed(line);
}

function isRevision(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function malformed(text: string): BackupError {
  return new BackupError(`not a line of a backup: ${shortened(text)}`);
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
